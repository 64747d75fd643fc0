"""Scenario latent-equilibrium: the quick checks of the sheet, and going on after a stop."""

import numpy as np
import pytest

import eventsim as es
from eventsim import io
from eventsim.errors import ConfigError
from eventsim.models.training import StaticTrainer, Task, Trainer
from eventsim.scenarios.latent_equilibrium import LatentEquilibrium, microcircuits, network, signals
from eventsim.scenarios.running import Request, execute

SHORT = {"epochs": 5}
ADAM = {
    "optimiser": "adam",
    "lr_schedule": "cosine",
    "delayed_targets": True,
    "learning_rate": 0.02,
    "beta": 0.01,
}


def outcome(path, preset="quick", seed=0, resume=False, **values):
    request = Request(name="latent-equilibrium", preset=None if resume else preset, values=values, seed=seed,
                      output=path, quiet=True, threads=1, resume=resume)  # fmt: skip
    return execute(request)


def trace(path, preset="quick", **values):
    assert outcome(path, preset, **values).complete
    return io.load(path)


def test_response_time_is_a_tick_per_layer_and_without_prospectivity_tau_per_layer(tmp_path):
    found = trace(tmp_path / "a.h5", "response").parameters
    depth, (prospective, slow) = found["response/depth"], found["response/ms"]
    np.testing.assert_allclose(prospective, 0.1 * depth, atol=0.1 + 1e-9)
    assert (np.diff(slow) >= 10.0 * np.diff(depth)).all()


def test_response_time_does_not_depend_on_tau():
    found = []
    for tau in (10.0, 100.0):
        sim = signals._chain(8, tau, True, 0.1, "float64")
        sim.record("8", "rate", every=0.1)
        sim.set_input("0", [1.0])
        sim.run(5.0)
        found.append(np.argmax(sim.trace("8", "rate").values[:, 0] >= 0.9))
    assert found[0] == found[1]


def test_digits_are_learned_with_fast_and_with_slow_neurons_alike(tmp_path):
    fast = trace(tmp_path / "a.h5", **SHORT).metrics["test_accuracy"]
    slow = trace(tmp_path / "b.h5", **SHORT, tau=100.0).metrics["test_accuracy"]
    assert fast >= 0.85
    assert abs(fast - slow) <= 0.03


def test_digits_are_not_learned_without_prospectivity(tmp_path):
    assert trace(tmp_path / "a.h5", **SHORT, prospective=False).metrics["test_accuracy"] <= 0.3


def test_accuracy_does_not_depend_on_the_length_of_a_presentation(tmp_path):
    short = trace(tmp_path / "a.h5", **SHORT).metrics["test_accuracy"]
    long = trace(tmp_path / "b.h5", **SHORT, ticks=100).metrics["test_accuracy"]
    assert abs(short - long) <= 0.03


def test_yin_yang_is_learned(tmp_path):
    assert trace(tmp_path / "a.h5", "yin-yang", epochs=15).metrics["test_accuracy"] >= 0.93


def trainer(samples, labels, **values):
    """Return the trainer of a small net on a few samples."""
    values = {"batch": 1, "hidden": (20, 10), "precision": "float64"} | values
    scenario = LatentEquilibrium(**LatentEquilibrium.presets["yin-yang"] | values)
    task = Task("any", 4, 3, dict.fromkeys(("train", "validation"), (samples, labels)))
    taus = network.time_constants(scenario, network.layers(scenario, 4, 3), 0)
    return network.trainer(scenario, task, 0, taus)


@pytest.mark.parametrize("late", [True, False])
def test_a_late_target_never_meets_the_answer_to_another_image(late):
    """Targets that are the answers themselves teach nothing, if and only if they come when the answers do."""
    samples = np.random.default_rng(0).uniform(size=(6, 4))
    shown = trainer(samples, np.zeros(6, int), delayed_targets=late).learner
    for name in shown.learning_rates:
        shown.sim.set_learning_rate(name, 0.0)
    answers = []
    for sample in samples:
        shown.sim.set_input("image", sample)
        shown.sim.run_ticks(20)
        answers.append(shown.sim.array("label"))
    errors = []
    for sample, answer in zip(samples, answers, strict=True):
        shown.sim.set_input("image", sample)
        shown.nudge(answer)
        for _ in range(20):
            shown.sim.run_ticks(1)
            errors.append(np.abs(shown.sim.array("label", "error")).max())
    # the first presentation follows the last one of the round before, with no target held
    assert (max(errors[20:]) < 1e-12) == late


def test_a_presentation_with_weak_nudging_changes_weights_as_backpropagation_does():
    rng = np.random.default_rng(1)
    samples, labels = rng.uniform(size=(8, 4)), rng.integers(3, size=8)
    values = {
        "batch": 8,
        "beta": 1e-4,
        "optimiser": "sgd",
        "lr_schedule": "constant",
        "learning_rate": 1e-6,
        "ticks": 500,
    }
    one = trainer(samples, labels, **values)
    shown = one.learner
    before = {name: shown.sim.weights(name) for name in shown.learning_rates}
    one.advance()
    rates, slopes = [samples], [1.0]
    for weight in before.values():
        u = rates[-1] @ weight
        rates.append(np.clip(u, 0, 1))
        slopes.append((u >= 0) & (u <= 1))
    error = np.eye(3)[labels] - u
    for (name, weight), rate, slope in reversed(list(zip(before.items(), rates, slopes, strict=False))):
        wanted, found = rate.T @ error, shown.sim.weights(name) - weight
        assert (found * wanted).sum() / np.linalg.norm(found) / np.linalg.norm(wanted) > 0.999
        error = (error @ weight.T) * slope


def test_an_average_over_ticks_is_more_often_right_than_one_noisy_tick(tmp_path):
    one = trace(tmp_path / "a.h5", "quick-noise", epochs=3, readout_steps=1).metrics["test_accuracy"]
    ten = trace(tmp_path / "b.h5", "quick-noise", epochs=3).metrics["test_accuracy"]
    assert ten >= one + 0.05


def test_presentations_that_are_too_short_are_refused():
    nothing = np.zeros((1, 4)), np.zeros(1, int)
    with pytest.raises(ConfigError, match="delayed targets come after 3 ticks here; ticks must be more"):
        trainer(*nothing, ticks=3)
    with pytest.raises(ConfigError, match="readout_steps must be at most ticks, 20, got 21"):
        trainer(*nothing, readout_steps=21)


def test_membranes_learn_to_match_their_prospection_whatever_the_rate(tmp_path):
    found = trace(tmp_path / "a.h5", "quick-mismatch-learned", epochs=0, tau_epochs=2)
    for name in ("hidden1", "hidden2", "label"):
        wanted = found.parameters[f"initial/tau_r/{name}"]
        before = np.abs(found.parameters[f"initial/tau_mem/{name}"] / wanted - 1).mean()
        after = np.abs(found.parameters[f"tau_mem/{name}"] / wanted - 1).mean()
        assert before > 0.2
        assert after < 0.01
    assert found.metrics["tau_deviation"] < 0.01


def test_mismatched_time_constants_cost_little_in_a_network_that_runs_on(tmp_path):
    matched = trace(tmp_path / "a.h5", **SHORT).metrics["test_accuracy"]
    spread = trace(tmp_path / "b.h5", "quick-mismatch", **SHORT).metrics["test_accuracy"]
    assert spread >= matched - 0.12


def test_the_synthesis_gets_better_while_it_is_taught(tmp_path):
    found = trace(tmp_path / "a.h5", "fourier", dt=0.05, ticks=12_000).metrics
    assert found["rms_error_last_period_taught"] < 0.6 * found["rms_error_first_period"]


@pytest.mark.parametrize("ticks", [1, 2, 3, 2000, 7001])
def test_the_sawtooth_may_be_of_any_length(tmp_path, ticks):
    """Learning ends after two thirds of a run, so that slices of it are not of one length."""
    found = trace(tmp_path / "a.h5", "fourier", ticks=ticks)
    assert np.isfinite(list(found.metrics.values())).all()
    times, target, rate = np.concatenate(list(found.training["tracking_curve"]), axis=1)
    shown = np.isfinite(times)
    assert (np.diff(times[shown]) > 0).all()
    assert len(times[shown]) >= ticks // round(0.1 / 0.005)
    depth = len(found.parameters)  # projections; the target is as old as the answer
    np.testing.assert_allclose(target[shown], signals.sawtooth(times[shown] - 0.005 * depth)[:, 0], atol=1e-9)
    assert np.isfinite(rate[shown]).all()
    assert LatentEquilibrium.plots(found)["tracking"](found).axes


def test_apical_potentials_vanish_when_interneurons_predict_themselves():
    weights = microcircuits.initial_weights((9, 30, 3), 0)
    sim = es.Simulation(microcircuits.circuit((9, 30, 3), weights, True, {}), dt=0.1, batch=8)
    sim.set_input("image", microcircuits.bars()[0])
    sim.run_ticks(200)
    apical = sim.array("label") @ weights["label->hidden"] + sim.array("inter") @ weights["inter->hidden"]
    assert np.abs(apical).max() < 1e-6
    sim.set_input("taught", [1.0])
    sim.set_input("target", [1.0, 0.1, 0.1])
    sim.run_ticks(200)
    apical = sim.array("label") @ weights["label->hidden"] + sim.array("inter") @ weights["inter->hidden"]
    assert np.abs(apical).max() > 1e-3


def results(trace):
    return {f"{room}/{k}": np.asarray(v).tobytes() for room in ("metrics", "training", "parameters")
            for k, v in getattr(trace, room).items()}  # fmt: skip


@pytest.mark.parametrize("values", [{}, {"tau_syn": 0.5, "noise": 0.05, "delayed_targets": True}, ADAM])
def test_a_stopped_run_goes_on_to_the_same_bits(tmp_path, monkeypatch, values):
    whole = trace(tmp_path / "a.h5", epochs=2, **values)
    advance, calls = StaticTrainer.advance, []

    def stopping(self):
        calls.append(self)
        if len(calls) in (15, 50):
            current[0].interrupted = True
        return advance(self)

    current = []
    execute_training = Trainer.run

    def watched(self, *, log, **options):
        current[:] = [log.__self__]
        return execute_training(self, log=log, **options)

    monkeypatch.setattr(Trainer, "run", watched)
    monkeypatch.setattr(StaticTrainer, "advance", stopping)
    assert not outcome(tmp_path / "b.h5", epochs=2, **values).complete
    assert not outcome(tmp_path / "b.h5", resume=True).complete
    assert outcome(tmp_path / "b.h5", resume=True).complete
    assert results(io.load(tmp_path / "b.h5")) == results(whole)


def test_without_the_files_the_run_uses_the_digits_and_says_so(tmp_path, monkeypatch):
    monkeypatch.delenv("EVENTSIM_DATA", raising=False)
    found = trace(tmp_path / "a.h5", "mnist", epochs=0, ticks=5, batch=32)
    assert "8x8 digits instead" in found.provenance["notes"]


def test_convolutions_learn_the_digits_and_their_weights_are_kept(tmp_path):
    values = {"task": "digits", "maps": (3, 6), "hidden": (30,), "window": 5, "weight_std": 0.0,
              "ticks": 20, "batch": 32, "learning_rate": 8.0,
              "tau": 10.0, "dt": 0.1, "epochs": 2}  # fmt: skip
    found = trace(tmp_path / "a.h5", "mnist-lenet", **values)
    assert found.parameters["weight/pooled1->maps2"].shape == (6, 3, 5, 5)
    assert found.parameters["weight/pooled2->hidden1"].shape == (6 * 4 * 4, 30)
    assert found.metrics["test_accuracy"] >= 0.6


def test_images_that_cannot_be_halved_are_refused():
    with pytest.raises(ConfigError, match="windows of 4 leave 25 x 25 of 28 x 28"):
        network.layers(LatentEquilibrium(maps=(3,), window=4), 784, 10)
    with pytest.raises(ConfigError, match="square images"):
        network.layers(LatentEquilibrium(maps=(3,)), 783, 10)


def test_every_preset_is_a_setting_that_exists():
    for values in LatentEquilibrium.presets.values():
        LatentEquilibrium(**values)


@pytest.mark.parametrize(("preset", "values", "names"), [
    ("response", {}, {"response", "tracking"}), ("fourier", {"dt": 0.05, "ticks": 12_000}, {"tracking"}),
    ("bars", {"epochs": 20}, {"bars"}), ("mimic", {"epochs": 2}, {"mimic"})])  # fmt: skip
def test_runs_can_be_drawn(tmp_path, preset, values, names):
    found = trace(tmp_path / "a.h5", preset, **values)
    assert set(LatentEquilibrium.plots(found)) == names
    for draw in LatentEquilibrium.plots(found).values():
        assert draw(found).axes
