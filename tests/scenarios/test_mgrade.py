"""mGRADE from the command line: the model and its halves, memory, streams, rounding, resume."""

import numpy as np
import pytest

from eventsim import io
from eventsim.errors import ConfigError
from eventsim.models.training import Trainer
from eventsim.registry import find
from eventsim.scenarios.mgrade import memory, network, remembered
from eventsim.scenarios.mgrade.streaming import streamed
from eventsim.scenarios.run import Run
from eventsim.scenarios.running import Request, RunFailed, execute
from reference.layer_differences import largest_error

SCENARIO = find("scenario", "mgrade")
SMALL = {"n_channels": 8, "train_samples": 480, "batch": 24, "epochs": 6, "learning_rate": 0.02}
EVERY = [(model, order) for model in ("mgrade", "convolution", "min_gru") for order in ("pre", "paper")]


def trained(path, *, resume=False, threads=1, **values):
    request = Request(name="mgrade", values=SMALL | values, seed=1, output=path, quiet=True,
                      threads=threads, resume=resume)  # fmt: skip
    execute(request)
    return io.load(path)


def built(n_inputs=3, n_outputs=5, dtype=np.float64, seed=0, **values):
    settings = SCENARIO(**values)
    return settings, network.network(settings, n_inputs, n_outputs, np.random.default_rng(seed), dtype)


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("mgrade") / "a.h5", study="controls")


def results(trace):
    return {f"{room}/{k}": np.asarray(v).tobytes() for room in ("metrics", "training", "parameters")
            for k, v in getattr(trace, room).items()}  # fmt: skip


def test_the_model_and_its_halves_learn_and_are_drawn(once):
    for model in ("mgrade", "convolution", "min_gru"):
        loss = once.training[f"{model}_train_loss"]
        assert loss[-1] < loss[0] - 0.05
    assert once.metrics["test_accuracy_mgrade"] > 0.25  # chance is 0.1
    assert once.metrics["stream_difference_mgrade"] <= 1e-12
    assert once.metrics["stream_agreement_mgrade"] == 1
    margin = once.metrics["test_accuracy_mgrade"] - once.metrics["test_accuracy_min_gru"]
    assert once.metrics["margin_over_min_gru"] == pytest.approx(margin)
    assert list(SCENARIO.plots(once)) == ["memory", "positions", "remembered"]
    for draw in SCENARIO.plots(once).values():
        draw(once)


def test_a_stopped_run_goes_on_to_the_same_bits(once, tmp_path, monkeypatch):
    advance, calls, checkpoint = Trainer.advance, [], Run.checkpoint

    def counting(self):
        calls.append(self)
        return advance(self)

    def interrupting(self, state, *, force=False):
        self.interrupted = len(calls) in (50, 170) and not hasattr(calls[-1], "was_stopped")
        if self.interrupted:
            calls[-1].was_stopped = True
        return checkpoint(self, state, force=force)

    monkeypatch.setattr(Trainer, "advance", counting)
    monkeypatch.setattr(Run, "checkpoint", interrupting)
    path = tmp_path / "b.h5"
    request = Request(name="mgrade", values=SMALL | {"study": "controls"}, seed=1, output=path, quiet=True)
    execute(request)
    for _ in range(2):
        again = trained(path, resume=True, study="controls", threads=2)
    assert len({id(each) for each in calls}) == 5  # three networks, two of them begun again
    assert results(again) == results(once)


@pytest.mark.parametrize(("model", "order"), EVERY)
def test_gradients_of_the_whole_network_are_those_of_differences(model, order):
    for kernel in ("triangle", "gauss"):
        _, made = built(model=model, order=order, kernel=kernel, n_channels=4, window=6, taps=2,
                        decoder="hidden")  # fmt: skip
        rng = np.random.default_rng(1)
        for layer in network.delay_layers(made):
            position = layer.parameters["position"]
            position[...] = np.floor(position) + rng.uniform(0.2, 0.8, position.shape)
            layer.constrain()
        assert largest_error(made, rng.normal(size=(9, 2, 3)), rng, training=True) < 1e-6


@pytest.mark.parametrize(("model", "order"), EVERY)
@pytest.mark.parametrize("kernel", ["triangle", "gauss"])
def test_a_stream_through_the_engine_equals_the_batch(model, order, kernel):
    _, made = built(model=model, order=order, kernel=kernel)
    x = np.random.default_rng(1).normal(size=(40, 3, 3))
    assert np.abs(streamed(made, x) - made.forward(x)).max() <= 1e-12


@pytest.mark.parametrize(("model", "order"), EVERY)
@pytest.mark.parametrize("kernel", ["triangle", "gauss"])
@pytest.mark.parametrize("decoder", ["linear", "hidden"])
def test_the_memory_counter_counts_the_arrays_that_there_are(model, order, kernel, decoder):
    settings, made = built(model=model, order=order, kernel=kernel, decoder=decoder, positions="dilated")
    arrays = (made.parameters | made.buffers).values()
    assert memory.parameters(settings, 3, 5) == sum(array.size for array in arrays)
    assert memory.state_words(settings) == memory.held_words(made)  # a tap is at the end of the window
    for layer in network.delay_layers(made):
        both = layer.parameters | layer.buffers
        both["position"][...] = np.minimum(both["position"], 9.4)
        layer.round_positions()
    if kernel == "triangle":
        lengths = memory.kept_lengths(made)
        assert lengths == ([] if model == "min_gru" else [10, 10])
        assert memory.state_words(settings, lengths) == memory.held_words(made)


def test_the_numbers_of_words_are_those_of_the_sheet():
    sheet = {"mgrade": (3818, 544), "convolution": (2730, 512), "min_gru": (3562, 32)}
    for model, words in sheet.items():
        settings = SCENARIO(model=model)
        assert (memory.parameters(settings, 1, 10), memory.state_words(settings)) == words
    assert memory.parameters(SCENARIO(order="paper"), 1, 10) == 3754


def test_what_taps_and_states_hold_falls_from_one_as_written_down():
    _, made = built(positions="dilated", window=16, taps=4, depth=1)
    (convolution,), (recurrence,) = network.delay_layers(made), network.gru_layers(made)
    convolution.parameters["weight"][...] = [4.0, -3.0, 2.0, 1.0]
    held = remembered.held_by_taps(made, 18)
    assert held[0, [0, 1, 5, 6, 15, 16]] == pytest.approx([1, 0.6, 0.6, 0.3, 0.1, 0])
    recurrence.parameters["gate_weight"][...] = 0
    recurrence.parameters["gate_bias"][...] = np.log(0.25 / 0.75)
    held = remembered.held_by_states(made, np.ones((30, 2, 3)), 8)
    assert held[0] == pytest.approx(0.75 ** np.arange(8))


def test_without_delays_and_states_nothing_of_the_past_is_left():
    settings, made = built(dtype=np.float32)
    bare = remembered.without_states(settings, remembered.without_delays(settings, made))
    x = np.random.default_rng(1).normal(size=(12, 2, 3)).astype(np.float32)
    changed = x.copy()
    changed[:-1] = 0
    assert np.array_equal(bare.forward(x)[-1], bare.forward(changed)[-1])
    assert not np.array_equal(made.forward(x)[-1].copy(), made.forward(changed)[-1])


def test_rounding_at_the_end_leaves_whole_delays(tmp_path):
    trace = trained(tmp_path / "r.h5", round_positions=True, epochs=1)
    assert trace.metrics["test_accuracy"] == trace.metrics["test_accuracy_rounded"]
    positions = trace.parameters["positions/trained"]
    assert np.array_equal(positions, np.rint(positions))
    assert trace.metrics["stream_difference"] <= 1e-12


def test_fixed_delays_stay_and_learned_ones_move_within_the_window(tmp_path):
    fixed = trained(tmp_path / "f.h5", train_positions=False, epochs=1).parameters
    assert np.array_equal(fixed["positions/trained"], fixed["positions/start"])
    learned = trained(tmp_path / "g.h5", position_factor=300.0, epochs=1).parameters
    trained_at = learned["positions/trained"]
    assert np.abs(trained_at - learned["positions/start"]).max() > 1
    assert trained_at.min() == 0
    assert trained_at.max() <= 15


def test_gauss_taps_narrow_in_the_first_quarter(tmp_path):
    from eventsim.scenarios.mgrade.learner import spread_at

    widths = [spread_at(8.0, epoch, 40) for epoch in range(12)]
    assert widths[0] == 8.0
    assert widths[10] == widths[11] == pytest.approx(0.23)
    assert np.diff(np.log(widths[:11])) == pytest.approx(np.log(0.23 / 8) / 10)
    trace = trained(tmp_path / "s.h5", kernel="gauss", first_spread=5.0, epochs=4, train_samples=60)
    assert trace.metrics["stream_difference"] <= 1e-12


def test_equal_memory_brings_every_network_within_five_per_cent():
    from eventsim.scenarios.mgrade.study import networks

    settings = SCENARIO(study="equal-memory")
    for name, each in networks(settings, 1, 10):
        words = memory.parameters(each, 1, 10) + memory.state_words(each)
        budget = int(name.rpartition("_")[2])
        assert abs(words - budget) <= 0.05 * budget


def test_the_front_has_the_networks_that_none_beats_with_as_few_words():
    from eventsim.scenarios.mgrade.plots import front
    from eventsim.scenarios.mgrade.study import least_margin

    words = np.array([10.0, 20.0, 15.0, 30.0, 20.0])
    scores = np.array([0.5, 0.7, 0.4, 0.7, 0.9])
    assert front(words, scores).tolist() == [0, 4]
    accuracy = np.array([0.9, 0.8, 0.85, 0.95, 0.97, 0.5])  # two budgets of three models
    assert least_margin({"networks/accuracy": accuracy}) == pytest.approx(-0.02)
    assert least_margin({"networks/error": 1 - accuracy}) == pytest.approx(-0.02)


def test_wrong_settings_end_in_one_line(tmp_path):
    for values, message in (
        ({"permuted": True, "task": "fsdd"}, "permuted needs images"),
        ({"first_spread": 3.0}, "first_spread needs kernel='gauss'"),
        ({"study": "equal-memory", "budgets": (150,)}, "no number of channels brings 'mgrade' within 5 %"),
        ({"held_out": 5000}, "held_out must leave some of 1442 training samples, got 5000"),
    ):
        with pytest.raises((ConfigError, RunFailed), match=message) as found:
            trained(tmp_path / "c.h5", **values)
        assert "\n" not in str(found.value)
