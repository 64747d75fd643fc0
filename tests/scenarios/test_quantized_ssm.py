"""Quantised state-space models from the command line: training, rounding, sweeps, memory, resume."""

import numpy as np
import pytest

from eventsim import io
from eventsim.errors import ConfigError
from eventsim.models.training import Trainer
from eventsim.models.training.batches import seeded
from eventsim.registry import find
from eventsim.scenarios.generalized_latent_equilibrium.chaotic_series import mackey_glass
from eventsim.scenarios.quantized_ssm import learner, memory, network, series, sweeps
from eventsim.scenarios.quantized_ssm.data import Pixels
from eventsim.scenarios.run import Run
from eventsim.scenarios.running import Request, RunFailed, execute

SCENARIO = find("scenario", "quantized-ssm")
SMALL = {"n_states": 8, "epochs": 4, "qat_epochs": 1, "calibration_samples": 32}


def trained(path, *, resume=False, threads=1, **values):
    request = Request(name="quantized-ssm", values=SMALL | values, seed=1, output=path, quiet=True,
                      threads=threads, resume=resume)  # fmt: skip
    return execute(request)


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    path = tmp_path_factory.mktemp("quantized") / "a.h5"
    trained(path, sweep="parts")
    return io.load(path)


def results(trace):
    return {f"{room}/{k}": np.asarray(v).tobytes() for room in ("metrics", "training", "parameters")
            for k, v in getattr(trace, room).items()}  # fmt: skip


def test_it_learns_is_rounded_and_fine_tuned(once):
    assert once.training["train_loss"][-1] < once.training["train_loss"][0] - 0.3
    assert len(once.training["qat_train_loss"]) == 1
    assert once.metrics["test_accuracy_full"] > 0.3  # chance is 0.1
    assert once.metrics["test_accuracy"] > once.metrics["test_accuracy_rounded"] - 0.05
    assert once.parameters["parts/accuracy"].shape == (5, 5)
    assert once.metrics["pole_16"] == pytest.approx(once.metrics["test_accuracy_full"], abs=0.03)
    assert once.parameters["poles/rounded"].shape == (16, 4, 2)
    assert list(SCENARIO.plots(once)) == ["parts", "poles"]
    for draw in SCENARIO.plots(once).values():
        draw(once)


def test_a_stopped_run_goes_on_to_the_same_bits(once, tmp_path, monkeypatch):
    advance, calls, checkpoint = Trainer.advance, [], Run.checkpoint

    def counting(self):
        calls.append(self)
        return advance(self)

    def interrupting(self, state, *, force=False):
        # in pre-training, and in fine-tuning
        self.interrupted = len(calls) in (40, 135) and not hasattr(calls[-1], "was_stopped")
        if self.interrupted:
            calls[-1].was_stopped = True
        return checkpoint(self, state, force=force)

    monkeypatch.setattr(Trainer, "advance", counting)
    monkeypatch.setattr(Run, "checkpoint", interrupting)
    path = tmp_path / "b.h5"
    trained(path, sweep="parts")
    trained(path, sweep="parts", resume=True)
    trained(path, sweep="parts", resume=True)
    assert results(io.load(path)) == results(once)


def test_pixels_are_shown_one_a_step_from_the_top_left():
    shown = Pixels(16.0, 2)(np.array([[0, 8, 16]], np.uint8))
    assert shown[..., 0].tolist() == [[0, 0, 0.5, 0.5, 1, 1]]
    assert shown.dtype == np.float32


def test_the_number_of_parameters_is_that_of_the_paper():
    for heads, number in ((16, 3850), (64, 21514)):
        settings = SCENARIO(n_heads=heads, n_states=64, depth=1)
        net = network.full_precision(settings, 10, np.random.default_rng(0))
        assert memory.trained_numbers(net) == number


def test_memory_is_a_sixth_at_w4a6_with_8_bits_for_poles_and_states():
    settings = SCENARIO(n_heads=64, n_states=64, depth=1, pole_bits=8, state_bits=8)
    full = network.full_precision(settings, 10, np.random.default_rng(0))
    net = network.rounded(settings, 10, full)
    found = memory.report(settings, net, memory.trained_numbers(full))
    assert found["memory_bits"] == 8 * 4096 + 8 * 4096 + 4 * (21514 - 4096 - 64)
    assert found["memory_ratio"] == pytest.approx(6.1, abs=0.05)
    assert found["scales"] > 0


def test_with_bits_for_full_precision_the_rounded_network_is_the_same_map():
    every = {f"{part}_bits": 32 for part in ("pole", "state", "matrix", "weight", "activation")}
    settings = SCENARIO(**SMALL | every, activation="qgelu")
    full = network.full_precision(settings, 10, np.random.default_rng(2))
    net = network.rounded(settings, 10, full)
    x = np.random.default_rng(3).random((64, 5, 1)).astype(np.float32)
    network.calibrate(net, x)
    assert np.array_equal(net.forward(x), full.forward(x))


@pytest.mark.parametrize("parametrisation", ["discrete", "continuous", "frozen"])
def test_fine_tuning_trains_what_the_parametrisation_says(parametrisation):
    settings = SCENARIO(**SMALL, parametrisation=parametrisation)
    full = network.full_precision(settings, 10, np.random.default_rng(2))
    net = network.rounded(settings, 10, full)
    task = pytest.importorskip("eventsim.scenarios.quantized_ssm.data").task(settings, _NoRun())
    network.calibrate(net, learner.shown(task, net, 16))
    trainer = learner.fine_tuning(settings, task, net, seeded(1))
    kinds = {name.partition("/")[0] for name in net.parameters}
    assert ("A_bar" in kinds, "a" in kinds) == (
        parametrisation == "discrete",
        parametrisation == "continuous",
    )
    before = [layer.used()[0].copy() for layer in network.s4d_layers(net)]
    trainer.advance()
    moved = any(
        not np.array_equal(one, layer.discrete()[0])
        for one, layer in zip(before, network.s4d_layers(net), strict=True)
    )
    assert moved


class _NoRun:
    state = None
    data = None


def test_wrong_settings_end_in_one_line(tmp_path):
    with pytest.raises((ConfigError, RunFailed), match="n_states must be even, got 3"):
        trained(tmp_path / "c.h5", n_states=3)
    with pytest.raises((ConfigError, RunFailed), match="symmetric needs 2 to 32 bits, got 1"):
        trained(tmp_path / "d.h5", scheme="symmetric", pole_bits=1, epochs=0)


STREAM = {"dataset": "mackey_glass", "n_heads": 16, "n_states": 32, "depth": 1, "normalised": False,
          "activation": "qgelu", "epochs": 3, "batch": 2, "train_samples": 4, "qat_epochs": 0,
          "delta_min": 1e-3, "delta_max": 0.1}  # fmt: skip


def test_streams_grow_with_poles_outside_the_circle_and_not_by_radius_and_phase(tmp_path):
    path = tmp_path / "stream.h5"
    execute(Request(name="quantized-ssm", values=STREAM, seed=1, output=path, quiet=True))
    trace = io.load(path)
    found = trace.metrics
    assert found["nrmse_full"] < 1
    assert found["largest_pole_cartesian_6"] > 1
    assert found["largest_state_cartesian_6"] > 10 * found["largest_state_full"]
    for bits in (10, 8, 6):
        assert found[f"largest_pole_log_polar_{bits}"] < 1
        assert found[f"largest_state_log_polar_{bits}"] < 2 * found["largest_state_full"]
    assert found["nrmse_log_polar_10"] == pytest.approx(found["nrmse_full"], rel=0.5)
    assert trace.parameters["stream/nrmse"].shape == (2, 3, 20)
    assert list(SCENARIO.plots(trace)) == ["stream"]
    SCENARIO.plots(trace)["stream"](trace)


def test_a_stream_is_shown_the_series_and_told_its_next_value():
    settings = SCENARIO(**STREAM)
    task = series.task(settings)
    x, y = task.shown("train", slice(None)), task.labels("train")
    assert x.shape == y.shape == (4, 2000, 1)
    assert np.array_equal(x[:, 1:], y[:, :-1])
    assert np.array_equal(x[1:, 0], y[:-1, -1])  # streams follow each other
    assert x.mean() == pytest.approx(0, abs=1e-5)
    assert x.std() == pytest.approx(1, abs=1e-5)
    # central differences of the series obey its equation
    fine = mackey_glass(3000)[1000:]
    slope = (fine[1020:1980] - fine[1018:1978]) / 2
    then = fine[1019 - 17 : 1979 - 17]
    assert slope == pytest.approx(0.2 * then / (1 + then**10) - 0.1 * fine[1019:1979], abs=0.01)


def test_cells_of_the_heat_map_can_be_fine_tuned(tmp_path, monkeypatch):
    monkeypatch.setattr(sweeps, "GRID", (16, 4))
    plain, tuned = (_loaded(tmp_path / f"{sweep}.h5", sweep) for sweep in ("heatmap", "heatmap_tuned"))
    before, after = plain.parameters["heatmap/accuracy"], tuned.parameters["heatmap/accuracy"]
    assert before.shape == after.shape == (2, 2)
    assert after[1, 1] > before[1, 1]
    assert plain.parameters["heatmap/tuned"] == 0
    assert tuned.parameters["heatmap/tuned"] == 1
    SCENARIO.plots(tuned)["heatmap"](tuned)


def _loaded(path, sweep):
    trained(path, sweep=sweep, epochs=8)
    return io.load(path)
