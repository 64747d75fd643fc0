"""Scenario generalized-latent-equilibrium: the quick checks of the sheet, and going on after a stop."""

import os

import numpy as np
import pytest

from eventsim import io
from eventsim.io.datasets import mel
from eventsim.models.inputs.interpolation import Interpolation
from eventsim.models.training import SequenceTrainer, Task, Trainer
from eventsim.scenarios.generalized_latent_equilibrium import (
    GeneralizedLatentEquilibrium,
    chaotic_series,
    exact_gradients,
)
from eventsim.scenarios.generalized_latent_equilibrium.network import network, trainer
from eventsim.scenarios.running import Request, RunFailed, execute


def outcome(path, preset="quick", seed=0, resume=False, **values):
    request = Request(name="generalized-latent-equilibrium", preset=None if resume else preset, values=values,
                      seed=seed, output=path, quiet=True, threads=1, resume=resume)  # fmt: skip
    return execute(request)


def trace(path, preset="quick", **values):
    assert outcome(path, preset, **values).complete
    return io.load(path)


@pytest.mark.parametrize("frequency", [0.5, 2.0, 5.0])
def test_learning_points_along_the_exact_gradient_where_instant_errors_do_not(frequency):
    found = exact_gradients.compared(frequency, 0.01)
    assert exact_gradients.angle(found["dynamic"], found["exact"]) < (26 if frequency <= 2 else 41)
    assert exact_gradients.angle(found["instant"], found["exact"]) > (60 if frequency < 2 else 90)


def test_for_slow_inputs_learning_is_the_exact_gradient_in_length_too():
    found = exact_gradients.compared(0.05, 0.02)
    assert exact_gradients.angle(found["dynamic"], found["exact"]) < 2
    np.testing.assert_allclose(
        np.linalg.norm(found["dynamic"]) / np.linalg.norm(found["exact"]), 1, atol=0.05
    )


def test_the_lag_net_finds_the_sign_and_the_value_of_its_teacher(tmp_path):
    found = trace(tmp_path / "a.h5", "lag-net", ticks=40_000, learning_rate=0.06)
    assert found.parameters["initial/weight"][0, 0] < 0
    assert abs(found.metrics["weight_fast_deviation"]) < 0.1
    assert abs(found.metrics["weight_slow_deviation"]) < 0.1


def test_the_lag_line_comes_closer_to_its_teacher(tmp_path):
    found = trace(tmp_path / "a.h5", "lag-line", ticks=20_000, batch=10, learning_rate=1e-3)
    errors = found.training["squared_error"]
    assert errors[-1] < 0.1 * errors[0]


def test_a_teacher_with_the_students_parameters_leaves_no_error(tmp_path, monkeypatch):
    from eventsim.scenarios.generalized_latent_equilibrium import lag_teachers

    monkeypatch.setattr(lag_teachers, "WEIGHTS", (0.5, 0.5))
    monkeypatch.setattr(lag_teachers, "TAUS", (0.5, 0.5))

    class Same:
        def uniform(self, *_):
            return np.full(4, 0.5)

        def integers(self, low, high, n):
            return np.zeros(n, int)

    monkeypatch.setattr(lag_teachers.streams, "stream", lambda *_: Same())
    found = trace(tmp_path / "a.h5", "lag-line", ticks=6000, batch=2)
    assert found.training["squared_error"].max() == 0.0


def test_a_rate_along_the_cosine_falls_to_nothing_at_the_end():
    task = Task("x", 1, 2, {"train": (np.zeros((8, 5, 1)), np.arange(8) % 2)})
    scenario = GeneralizedLatentEquilibrium(layers=1, fast=1, slow=1, batch=2, epochs=3)
    training = trainer(scenario, task, 0)
    found = []
    for training.epoch in range(3):
        for training.batch in range(4):
            found.append(training.learning_rate_factor)
    np.testing.assert_allclose(found, 0.5 * (1 + np.cos(np.pi * np.arange(12) / 12)))


def test_staggered_sequences_begin_one_after_the_other_with_their_labels():
    """Every row shows whole sequences, one behind the other; the label changes with the sequence."""
    values = (
        np.arange(12.0)[:, None, None] + np.linspace(0, 0.5, 4)[:, None]
    )  # number of the sequence, and place
    labels = np.arange(12) % 3
    task = Task("x", 1, 3, {"train": (values, labels)})
    scenario = GeneralizedLatentEquilibrium(
        layers=1, fast=1, slow=1, batch=4, ticks=8, transition_steps=0, epochs=2
    )
    learner = trainer(scenario, task, 0).learner
    x, y = (np.concatenate(parts) for parts in zip(*map(learner.shown, range(3)), strict=True))
    shown, told = x[..., 0], y.argmax(axis=2)
    assert (labels[np.floor(shown + 1e-6).astype(int)] == told).all()
    for row, late in enumerate((0, 2, 4, 6)):
        sequence = np.floor(shown[late : late + 16, row] + 1e-6).astype(int)
        chosen = [learner.batches[k].samples[row] for k in range(2)]
        assert (sequence == np.repeat(chosen, 8)).all()
        np.testing.assert_allclose(shown[late : late + 8, row] - chosen[0], np.linspace(0, 0.5, 8), atol=1e-6)


def test_an_evaluation_goes_on_from_the_state_of_the_stream_and_leaves_it_as_it_was():
    rng = np.random.default_rng(5)
    sets = {
        split: (rng.normal(size=(n, 5, 1)), np.arange(n) % 3)
        for split, n in (("train", 8), ("validation", 3), ("test", 6))
    }
    scenario = GeneralizedLatentEquilibrium(
        layers=1, fast=3, slow=4, batch=4, ticks=12, epochs=2, precision="float64"
    )
    training, other = (trainer(scenario, Task("x", 1, 3, sets), 0) for _ in range(2))
    training.advance()
    other.restore(training.state())
    found = training.learner.measure("test")
    sim, outputs = other.learner.sim, []
    other.learner.scale_learning_rates(0.0)
    sim.nudge("label", None)
    for samples in ([0, 1, 2, 3], [4, 5, 4, 5]):
        for x in other.learner.task.shown("test", np.array(samples)):
            sim.set_input("input", x)
            sim.run_ticks(1)
            outputs.append(sim.array("label"))
    sums = np.array(outputs).reshape(2, 12, 4, 3)
    answers = sums.sum(axis=1).reshape(8, 3)[:6].argmax(axis=1)
    assert found["test_accuracy"] == (answers == sets["test"][1]).mean()
    right = np.array(outputs).reshape(2, 12, 4, 3).transpose(0, 2, 1, 3).reshape(8, 12, 3)[:6]
    told = right[np.arange(6), :, sets["test"][1]]
    loss = (np.log(np.exp(right).sum(axis=2)) - told).mean()
    assert found["test_loss"] == pytest.approx(loss, rel=1e-12)
    training.advance()
    undisturbed = trainer(scenario, Task("x", 1, 3, sets), 0)
    undisturbed.advance()
    undisturbed.advance()
    for name in ("input->hidden1", "hidden1->label"):
        assert (training.learner.sim.weights(name) == undisturbed.learner.sim.weights(name)).all()


def test_held_out_sequences_are_not_learned_from_and_the_test_set_is_not_looked_at(tmp_path):
    from eventsim.scenarios.generalized_latent_equilibrium.data import mnist_1d

    sets = [
        (np.random.default_rng(k).normal(size=(n, 40)), np.arange(n) % 10) for k, n in enumerate((900, 30))
    ]
    whole, part = mnist_1d(*sets), mnist_1d(*sets, held_out=200)
    assert [len(part.sets[k][1]) for k in ("train", "validation", "test")] == [700, 200, 30]
    assert [len(whole.sets[k][1]) for k in ("train", "validation", "test")] == [900, 500, 30]
    assert (part.sets["validation"][0][:, :, 0] == sets[0][0][700:].astype(np.float32)).all()
    found = trace(tmp_path / "a.h5", held_out=100, epochs=0, ticks=20, fast=2, slow=2, layers=1)
    assert "test_accuracy" not in found.metrics


def test_mel_bands_of_a_tone_are_highest_at_its_pitch():
    t = np.arange(8000) / 8000
    for pitch in (400.0, 1500.0):
        bands = mel.mel_bands([(8000 * np.sin(2 * np.pi * pitch * t)).astype(np.int16)])[0]
        filters = mel.mel_filters(8000.0)
        centre = np.fft.rfftfreq(512, 1 / 8000)[filters[bands.mean(axis=0).argmax()].argmax()]
        assert abs(centre - pitch) < 0.1 * pitch + 20


def test_mackey_glass_rests_where_the_equation_says_and_moves_elsewhere():
    assert (chaotic_series.mackey_glass(100, start=1.0) == 1.0).all()  # 0.2 / (1 + 1) = 0.1
    assert chaotic_series.mackey_glass(300).std() > 0.1


def test_mackey_glass_halving_the_step_changes_little(monkeypatch):
    coarse = chaotic_series.mackey_glass(100)
    monkeypatch.setattr(chaotic_series, "FINE", 20)
    np.testing.assert_allclose(coarse, chaotic_series.mackey_glass(100), atol=2e-3)


def results(trace):
    return {f"{room}/{k}": np.asarray(v).tobytes() for room in ("metrics", "training", "parameters")
            for k, v in getattr(trace, room).items()}  # fmt: skip


def test_a_stopped_run_goes_on_to_the_same_bits(tmp_path, monkeypatch):
    small = {"epochs": 2, "fast": 4, "slow": 4, "ticks": 40, "batch": 1000}
    whole = trace(tmp_path / "a.h5", **small)
    advance, train, calls, current = SequenceTrainer.advance, Trainer.run, [], []

    def watched(self, *, log, **options):
        current[:] = [log.__self__]
        return train(self, log=log, **options)

    def stopping(self):
        calls.append(self)
        if len(calls) in (2, 5):
            current[0].interrupted = True
        return advance(self)

    monkeypatch.setattr(Trainer, "run", watched)
    monkeypatch.setattr(SequenceTrainer, "advance", stopping)
    assert not outcome(tmp_path / "b.h5", **small).complete
    assert not outcome(tmp_path / "b.h5", resume=True).complete
    assert outcome(tmp_path / "b.h5", resume=True).complete
    assert results(io.load(tmp_path / "b.h5")) == results(whole)


def test_without_the_files_the_run_uses_synthetic_sequences_and_says_so(tmp_path, monkeypatch):
    monkeypatch.delenv("EVENTSIM_DATA", raising=False)
    small = {"ticks": 20, "fast": 2, "slow": 2, "layers": 1}
    found = trace(tmp_path / "a.h5", "mnist-1d-15k", epochs=0, **small)
    assert "synthetic sequences instead" in found.provenance["notes"]
    assert found.provenance["replacement_data"] == "synthetic sequences"


@pytest.mark.skipif("EVENTSIM_DATA" not in os.environ, reason="needs MNIST-1D")
@pytest.mark.parametrize("begun_with_files", [True, False])
def test_a_run_goes_on_with_the_data_that_it_was_begun_with(tmp_path, monkeypatch, begun_with_files):
    folder = os.environ["EVENTSIM_DATA"]
    small = {"ticks": 20, "fast": 2, "slow": 2, "layers": 1, "epochs": 1, "batch": 1000}
    train, seen = Trainer.run, []

    def stopped(self, *, log, **options):
        seen.append(self.learner.task.name)
        log.__self__.interrupted = len(seen) == 1
        return train(self, log=log, **options)

    monkeypatch.setattr(Trainer, "run", stopped)
    for there in (begun_with_files, not begun_with_files, begun_with_files):
        monkeypatch.setenv("EVENTSIM_DATA", folder if there else "")
        if not there and begun_with_files:
            with pytest.raises(RunFailed, match="mnist1d"):
                outcome(tmp_path / "a.h5", resume=True)
        else:
            outcome(tmp_path / "a.h5", "mnist-1d-15k", resume=bool(seen), **({} if seen else small))
    assert seen[-1] == ("mnist-1d" if begun_with_files else "synthetic")
    assert len(seen) == 2


def test_every_preset_is_a_setting_that_exists():
    for values in GeneralizedLatentEquilibrium.presets.values():
        GeneralizedLatentEquilibrium(**values)


def test_the_numbers_of_parameters_are_those_of_the_paper():
    for preset, expected in (
        ("mnist-1d-15k", 15e3),
        ("mnist-1d-42k", 42e3),
        ("mnist-1d-42k-published", 42e3),
    ):
        scenario = GeneralizedLatentEquilibrium(**GeneralizedLatentEquilibrium.presets[preset])
        net = network(scenario, 1, 10, 0)
        numbers = sum(np.size(p.weight) + net.populations[p.post].n for p in net.projections)
        assert abs(numbers / expected - 1) < 0.04


@pytest.mark.parametrize("memory", [0, 1])
def test_a_run_tells_how_well_each_layer_follows_the_gradient(tmp_path, memory):
    small = {"ticks": 40, "fast": 4, "slow": 8, "layers": 2, "memory": memory, "batch": 50}
    found = trace(tmp_path / "a.h5", "quick", epochs=1, **small)
    before, after = found.parameters["gradient/cosines"]
    assert before.shape == after.shape == (3 + memory, 2)
    assert before[-1, 0] > 0.9  # outputs have no slow neurons, and no layer between them and the target
    assert (np.abs(after) <= 1 + 1e-12).all()
    assert (before != after).any()
    assert GeneralizedLatentEquilibrium.plots(found)["layers"](found).axes


def test_students_can_be_drawn(tmp_path):
    found = trace(tmp_path / "a.h5", "lag-net", ticks=12_000)
    assert GeneralizedLatentEquilibrium.plots(found)["teacher"](found).axes


@pytest.mark.parametrize("staggered", [True, False])
def test_input_and_target_pass_smoothly_to_the_next_sequence(staggered):
    """In the passage they are mixtures of the last value before and of the next sequence, in equal shares."""
    values = np.random.default_rng(1).normal(size=(8, 5, 1))
    labels = np.arange(8) % 4
    task = Task("x", 1, 4, {"train": (values, labels)})
    scenario = GeneralizedLatentEquilibrium(
        layers=1,
        fast=1,
        slow=1,
        batch=4,
        ticks=20,
        transition_steps=6,
        interpolation="cubic",
        staggered=staggered,
        balanced=False,
        epochs=2,
    )
    learner = trainer(scenario, task, 0).learner
    x, y = (np.concatenate(parts) for parts in zip(*map(learner.shown, range(2)), strict=True))
    x = x[..., 0]
    for row in range(4):
        begin = 20 + (5 * row if staggered else 0)
        before, after = (learner.batches[k].samples[row] for k in range(2))
        drawn = Interpolation(20, "cubic")(values[[before, after]])[..., 0]
        share = 0.5 - 0.5 * np.cos(np.pi * np.minimum(np.arange(1, 21) / 6, 1))[: 40 - begin]
        expected = drawn[-1, 0] + share * (drawn[: len(share), 1] - drawn[-1, 0])
        np.testing.assert_allclose(x[begin:, row], expected, atol=1e-6)
        target = np.outer(1 - share, np.eye(4)[labels[before]]) + np.outer(share, np.eye(4)[labels[after]])
        np.testing.assert_allclose(y[begin:, row], target, atol=1e-12)
    np.testing.assert_allclose(y.sum(axis=2), 1.0)
