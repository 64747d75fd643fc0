"""The generated tasks of mGRADE: the flip-flop language, dynamical systems, recovery of delays."""

import numpy as np
import pytest

from eventsim import io
from eventsim.errors import ConfigError
from eventsim.models.training.batches import seeded
from eventsim.registry import find
from eventsim.scenarios.mgrade import dynamics, flip_flop, recovery
from eventsim.scenarios.mgrade.losses import ScoredCrossEntropy, ScoredSquaredError
from eventsim.scenarios.running import Request, RunFailed, execute

SCENARIO = find("scenario", "mgrade")


def trained(path, preset=None, seed=1, **values):
    execute(Request(name="mgrade", preset=preset, values=values, seed=seed, output=path, quiet=True))
    return io.load(path)


# ---------------------------------------------------------------------- flip-flop


@pytest.mark.parametrize("masked", [True, False])
def test_the_bit_after_a_read_is_that_of_the_last_write(masked):
    settings = SCENARIO(task="flip-flop", instructions=40, sequences=50, p_ignore=0.5, mask_reads=masked)
    task = flip_flop.problem(settings, seeded(3)).task
    shown, labels = task.shown("train", slice(None)), task.labels("train")
    assert shown.shape == (50, 80, 5)
    for tokens, wanted in zip(shown, labels, strict=True):
        stored = None
        for k in range(0, 80, 2):
            (kind,), bit = np.flatnonzero(tokens[k]), np.flatnonzero(tokens[k + 1]) - 3
            assert wanted[k + 1] == -1
            assert k > 0 or kind == 0
            assert k < 78 or kind == 2
            assert (wanted[k] >= 0) == (kind == 2)
            if kind == 2:
                assert wanted[k] == stored
                assert bit.tolist() == ([] if masked else [stored])
            if kind == 0:
                (stored,) = bit


@pytest.mark.parametrize(
    ("p_ignore", "masked", "ceilings"),
    [
        (0.8, True, (0.770, 0.903, 0.981, 0.999)),
        (0.8, False, (0.900, 0.984, 0.999, 1.0)),
        (0.98, True, (0.542, 0.588, 0.662, 0.775)),
        (0.98, False, (0.574, 0.646, 0.751, 0.877)),
    ],
)
def test_ceilings_of_windows_are_those_of_the_sheet(p_ignore, masked, ceilings):
    kinds, _ = flip_flop.draw(20_000, 256, p_ignore, np.random.default_rng(0))
    back = flip_flop.distances(kinds, mask_reads=masked)
    found = [flip_flop.ceiling(back, window) for window in (16, 31, 61, 121)]
    assert found == pytest.approx(ceilings, abs=0.005)  # both are simulated


def test_with_reads_masked_the_ceiling_is_that_of_independent_writes():
    n, p_ignore = 256, 0.98
    q, last = (1 - p_ignore) / 2, 30  # probability of a write; largest distance that a window of 61 sees
    # A read at k sees a write if k <= last, for the first is a write, or if one of so many instructions is.
    seen = np.array([1.0 if k <= last else 1 - (1 - q) ** last for k in range(1, n)])
    reads = np.full(n - 1, q)
    reads[-1] = 1  # the last instruction is a read
    exact = 0.5 + 0.5 * (reads * seen).sum() / reads.sum()
    kinds, _ = flip_flop.draw(40_000, n, p_ignore, np.random.default_rng(1))
    found = flip_flop.ceiling(flip_flop.distances(kinds, mask_reads=True), 61)
    assert found == pytest.approx(exact, abs=0.003)  # 140 000 reads


def test_the_window_of_two_layers_reaches_as_far_as_written_down():
    assert flip_flop.receptive_field(SCENARIO(depth=2, window=16)) == 31
    settings = SCENARIO(model="convolution", depth=2, window=16, positions="dilated")
    from eventsim.scenarios.mgrade.network import network

    made = network(settings, 5, 2, np.random.default_rng(0), np.float64)
    x = np.random.default_rng(1).normal(size=(60, 1, 5))
    y = made.forward(x)[-1].copy()
    for back, seen in ((30, True), (31, False)):
        changed = x.copy()
        changed[-1 - back] += 1
        assert np.array_equal(made.forward(changed)[-1], y) != seen


def test_gates_keep_what_a_window_has_lost(tmp_path):
    short = {"epochs": 12, "sequences": 512, "instructions": 64, "learning_rate": 0.01, "study": "single"}
    both = trained(tmp_path / "a.h5", "flip-flop", **short).metrics
    assert both["test_accuracy"] > 0.995
    assert both["accuracy_beyond_the_window"] > 0.99
    assert both["stream_difference"] <= 1e-12
    window = trained(tmp_path / "b.h5", "flip-flop", **short | {"epochs": 4}, model="convolution").metrics
    assert window["test_accuracy"] <= window["ceiling_of_the_window"] + 0.01
    assert abs(window["accuracy_beyond_the_window"] - 0.5) < 0.1


# ---------------------------------------------------------------------- dynamical systems


def test_lorenz_trajectories_follow_the_equations():
    from scipy.integrate import solve_ivp

    found = dynamics.lorenz(3, 60, np.random.default_rng(0))
    for path in found:
        exact = solve_ivp(
            lambda t, s: (10 * (s[1] - s[0]), s[0] * (28 - s[2]) - s[1], s[0] * s[1] - 8 / 3 * s[2]),
            (0, 0.5),
            path[0],
            t_eval=np.arange(50) * 0.01,
            rtol=1e-11,
            atol=1e-11,
        ).y.T
        assert np.abs(path[:50] - exact).max() < 1e-3
    x = dynamics.lorenz(200, 400, np.random.default_rng(1))[..., 0]
    assert x.std() == pytest.approx(7.93, abs=0.15)


def test_targets_are_the_series_ahead_with_the_sign_of_the_flag():
    settings = SCENARIO(task="lorenz", sequences=4, test_sequences=2, steps=40, horizon=5, window=8)
    task = dynamics.problem(settings, seeded(0)).task
    x, y = task.samples("train")[..., 0], task.labels("train")[..., 0]
    assert np.isnan(y[:, :8]).all()
    assert np.array_equal(y[:, 8:-5], x[:, 13:])
    settings = SCENARIO(task="combined", sequences=6, test_sequences=2, steps=60, horizon=4, window=8,
                        p_ignore=0.6)  # fmt: skip
    task = dynamics.problem(settings, seeded(0)).task
    for shown, wanted in zip(task.samples("train"), task.labels("train")[..., 0], strict=True):
        flag = None
        for t in range(56):
            write, ignore, zero, one = shown[t, 1:]
            if t % 2 and shown[t - 1, 1] == 1:
                flag = one
            if t >= 8:
                assert wanted[t] == (shown[t + 4, 0] if flag else -shown[t + 4, 0])
            assert (write + ignore, zero + one) == ((1, 0) if t % 2 == 0 else (0, 1))


def test_both_parts_of_the_combined_task_are_measured_apart():
    wanted = np.array([1.0, -2.0, 0.1, np.nan, 1.0])[None, :, None]
    answer = np.moveaxis(np.array([1.0, 2.0, -0.1, 9.0, 0.5])[None, :, None], 1, 0)
    found = dynamics._both_parts(answer, wanted)
    assert found["flag_accuracy"] == pytest.approx(2 / 3)
    assert found["series_nrmse"] == pytest.approx(np.sqrt(0.25 / 2))
    assert found["nrmse"] == pytest.approx(np.sqrt((16 + 0.04 + 0.25) / 6.01))


@pytest.mark.parametrize("task", ["lorenz", "combined"])
def test_predictions_are_learned_and_streamed(tmp_path, task):
    small = {"sequences": 64, "test_sequences": 16, "epochs": 12, "steps": 96, "learning_rate": 0.01}
    trace = trained(tmp_path / "a.h5", task, **small)
    assert trace.metrics["nrmse_mgrade"] < (0.6 if task == "lorenz" else 1.05)
    assert trace.metrics["stream_difference_mgrade"] <= 1e-12
    assert trace.parameters["networks/error"].tolist() == [
        trace.metrics[f"nrmse_{model}"] for model in ("mgrade", "convolution", "min_gru")
    ]
    for draw in SCENARIO.plots(trace).values():
        draw(trace)


def test_learned_and_fixed_delays_are_compared(tmp_path):
    small = {"sequences": 32, "test_sequences": 8, "epochs": 2, "steps": 48, "window": 8}
    found = trained(tmp_path / "a.h5", "lorenz-positions", **small).metrics
    assert found["ratio_to_fixed"] == found["nrmse_learned"] / found["nrmse_fixed"]
    assert found["words_learned"] == found["words_fixed"]
    assert found["nrmse_learned"] != found["nrmse_fixed"]


# ---------------------------------------------------------------------- recovery, losses


def test_delays_of_a_known_filter_are_found(tmp_path):
    trace = trained(tmp_path / "a.h5", "position-recovery")
    assert trace.metrics["mse"] < 1e-4
    assert trace.metrics["position_error"] < 0.1
    assert 1 <= trace.metrics["starts_that_find_both"] <= 8
    assert next(iter(SCENARIO.plots(trace))) == "positions"


def test_the_filter_shifts_by_whole_steps_exactly(monkeypatch):
    monkeypatch.setattr(recovery, "DELAYS", (3.0, 11.0))
    x, y = recovery.filtered_noise(512, 0.1, np.random.default_rng(0))
    assert y == pytest.approx(0.7 * np.roll(x, 3) - 0.5 * np.roll(x, 11), abs=1e-12)


@pytest.mark.parametrize("kind", ["labels", "targets"])
def test_losses_of_scored_steps_have_the_derivatives_of_differences(kind):
    rng = np.random.default_rng(0)
    outputs = rng.normal(size=(7, 3, 2))
    if kind == "labels":
        loss, targets = ScoredCrossEntropy(), rng.integers(-1, 2, (3, 7))
        targets[2] = -1
    else:
        loss, targets = ScoredSquaredError(), rng.normal(size=(3, 7, 2))
        targets[:2, :4], targets[2] = np.nan, np.nan
    losses, errors = loss(outputs, targets)
    assert losses[2] == 0
    for place in np.ndindex(outputs.shape):
        sides = []
        for step in (1e-6, -1e-6):
            changed = outputs.copy()
            changed[place] += step
            sides.append(loss(changed, targets)[0].sum())
        assert errors[place] == pytest.approx((sides[0] - sides[1]) / 2e-6, abs=1e-8)
    if kind == "labels":
        scored = targets[:2] >= 0
        right = (outputs.argmax(axis=2).T[:2] == targets[:2]) & scored
        assert loss.accuracy(outputs, targets)[:2] == pytest.approx(right.sum(1) / scored.sum(1))


def test_wrong_settings_of_tasks_end_in_one_line(tmp_path):
    for values, message in (
        ({"task": "lorenz", "steps": 16}, "steps must exceed the window of 16, got 16"),
        ({"task": "flip-flop", "held_out": 5}, "held_out needs published data, got task 'flip-flop'"),
        ({"task": "flip-flop", "permuted": True}, "permuted needs images"),
    ):
        with pytest.raises((ConfigError, RunFailed), match=message) as found:
            trained(tmp_path / "c.h5", **values)
        assert "\n" not in str(found.value)
