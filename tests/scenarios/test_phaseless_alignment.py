"""Scenario phaseless-alignment: the cheap checks of its sheet, its controls, and going on after a stop."""

import numpy as np
import pytest

from eventsim import io
from eventsim.registry import find
from eventsim.scenarios import run as run_module
from eventsim.scenarios.phaseless_alignment import angles
from eventsim.scenarios.phaseless_alignment.network import circuit, drawn_weights, rule_of
from eventsim.scenarios.running import Request, RunFailed, execute

SCENARIO = find("scenario", "phaseless-alignment")
SMALL = {"hidden": (6, 5), "n_inputs": 3, "n_outputs": 4, "samples": 20, "epochs": 8}


def outcome(path, preset="quick", seed=0, resume=False, **values):
    request = Request(name="phaseless-alignment", preset=None if resume else preset, values=values, seed=seed,
                      output=path, quiet=True, threads=1, resume=resume)  # fmt: skip
    return execute(request)


def trace(path, preset="quick", **values):
    assert outcome(path, preset, **values).complete
    return io.load(path)


def stopped_and_resumed(path, preset, values):
    """Return the trace of a run that stops at its second checkpoint and goes on."""
    calls, checkpoint = [], run_module.Run.checkpoint

    def stop_once(self, state, *, force=False):
        calls.append(1)
        self.interrupted = len(calls) == 2
        return checkpoint(self, state, force=force)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_module.Run, "checkpoint", stop_once)
        assert not outcome(path, preset, **values).complete
    assert len(calls) == 2
    assert outcome(path, resume=True).complete
    return io.load(path)


def test_feedback_turns_to_the_transposed_weights_at_the_size_of_theory(tmp_path):
    found = trace(tmp_path / "a.h5")
    first, last = found.training["alignment_degrees"][0], found.training["alignment_degrees"][-1]
    assert (first > 80).all()
    assert (last < (40, 25, 20)).all()
    for k in (1, 2, 3):
        assert found.metrics[f"kappa_{k}"] == pytest.approx(1.0, abs=0.06)
        assert found.metrics[f"theory_degrees_{k}"] < found.metrics[f"alignment_degrees_{k}"]
    before, after = (found.parameters[f"update_degrees/{which}"] for which in ("first", "last"))
    assert (before[:3] > 60).all()
    assert (after < 40).all()
    np.testing.assert_array_equal(last, found.parameters["alignment_degrees"])


def test_without_prospective_rates_nothing_aligns(tmp_path):
    found = trace(tmp_path / "a.h5", "quick-not-prospective", epochs=20)
    assert (found.training["alignment_degrees"][-1] > 75).all()


def test_angles_are_those_of_the_definition():
    a, b = np.eye(2), np.array([[0.0, 1.0], [1.0, 0.0]])
    assert angles.degrees(a, b) == pytest.approx(90)
    assert angles.degrees(a, -3 * a) == pytest.approx(180)
    assert angles.degrees(a, a + b) == pytest.approx(45)


def test_the_update_of_copied_feedback_is_near_that_of_backprop():
    """With B = W^T and nearly linear cells only the slopes of the layers above are left."""
    config = SCENARIO(**SMALL, algorithm="bp", weight_range=(-0.3, 0.3))
    setting = circuit(config, 3, 4, 0)
    inputs = np.random.default_rng(0).random((20, 3))
    weights = drawn_weights(config, setting.sizes, 0)
    assert (angles.update_degrees(setting, weights, inputs) < 6).all()
    random = drawn_weights(SCENARIO(**SMALL, weight_range=(-0.3, 0.3)), setting.sizes, 0)
    assert angles.update_degrees(setting, random, inputs)[:2].max() > 30


@pytest.mark.parametrize("preset", ["quick", "teacher-student", "yin-yang"])
def test_a_stopped_run_goes_on_to_the_same_bits(tmp_path, preset):
    values = dict(SMALL) if preset == "quick" else {"epochs": 3, "recorded_every": 1}
    if preset == "yin-yang":
        values |= {"samples": 40, "epochs": 2, "hidden": (5,)}
    whole = trace(tmp_path / "a.h5", preset, **values)

    again = stopped_and_resumed(tmp_path / "b.h5", preset, values)
    for name, array in whole.parameters.items():
        np.testing.assert_array_equal(array, again.parameters[name], err_msg=name)
    for name, series in whole.training.items():
        np.testing.assert_array_equal(series, again.training[name], err_msg=name)


def test_a_student_learns_the_sign_of_its_feedback(tmp_path):
    """Ten times the rates of the published run: B crosses zero, PAL and BP reach the teacher, FA cannot."""
    faster = {"rate_feedback": 200.0, "rate_forward": (20.0, 5.0), "tau_low_pass": 10.0, "epochs": 500,
              "rate_from_interneurons": 5.0, "rate_to_interneurons": 40.0}  # fmt: skip
    pal = trace(tmp_path / "pal.h5", "teacher-student", **faster)
    bp = trace(tmp_path / "bp.h5", "teacher-student", **faster | {"epochs": 100}, algorithm="bp")
    fa = trace(tmp_path / "fa.h5", "teacher-student", **faster | {"epochs": 100}, algorithm="fa")
    weight = np.ravel(pal.training["down"])
    assert weight[0] < 0 < weight[-1]
    assert pal.metrics["squared_error"] < 1e-2
    assert bp.metrics["squared_error"] < 1e-2
    assert fa.metrics["squared_error"] > 0.1


def test_noise_of_unequal_strength_goes_into_the_rows(tmp_path):
    found = trace(tmp_path / "a.h5", noise_spread=0.4)
    for k in (2, 3):
        assert found.metrics[f"weighted_degrees_{k}"] < found.metrics[f"alignment_degrees_{k}"] - 3


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"tau_noise": 0.005}, "tau of the noise = 0.005 is shorter than the tick"),
        ({"tau_high_pass": 0.005}, "tau_high_pass = 0.005 is shorter than the tick"),
        ({"tau_low_pass": 0.005, "rate_forward": (1.0,)}, "tau_low_pass = 0.005 is shorter than the tick"),
        ({"presentation": 0.005}, "presentation must be a multiple of the tick"),
        ({"rate_forward": (1.0, 2.0)}, "rate_forward needs 1 or 4 rates, got 2"),
    ],
)
def test_bad_settings_are_refused_in_one_line(tmp_path, values, message):
    with pytest.raises(RunFailed, match=message) as caught:
        outcome(tmp_path / "a.h5", **values)
    assert "\n" not in str(caught.value)


def test_controls_learn_what_they_should():
    def rule(algorithm):
        config = SCENARIO(**SMALL, algorithm=algorithm)
        return rule_of(circuit(config, 3, 4, 0))

    assert rule("pal").rate_feedback > 0
    assert (rule("pal").noise.sigma > 0).all()
    for algorithm in ("bp", "fa", "noise"):
        assert rule(algorithm).rate_feedback == rule(algorithm).rate_from_interneurons == 0
        assert np.any(rule(algorithm).noise.sigma) == (algorithm == "noise")
    assert rule("bp").feedback == "copied"
    assert rule("decay").feedback == "decaying"
    assert rule("decay").rate_feedback == rule("pal").rate_feedback
    assert rule("decay").rate_from_interneurons == rule("pal").rate_from_interneurons
    assert (rule("decay").noise.sigma == rule("pal").noise.sigma).all()


def test_every_plot_can_be_drawn(tmp_path):
    for preset, values in (("quick", SMALL), ("teacher-student", {"epochs": 2, "recorded_every": 1}),
                           ("yin-yang", {"epochs": 1, "samples": 20, "hidden": (4,)})):  # fmt: skip
        found = trace(tmp_path / f"{preset}.h5", preset, **values)
        plots = SCENARIO.plots(found)
        assert plots
        for name, draw in plots.items():
            draw(found).savefig(tmp_path / f"{preset}-{name}.png")


RATES = {"hidden": (20, 10), "epochs": 12, "recorded_every": 2, "rate_feedback": 1.0}


def test_networks_of_rates_learn_digits_with_feedback_that_aligns(tmp_path):
    pal = trace(tmp_path / "pal.h5", "digits", **RATES)
    fa = trace(tmp_path / "fa.h5", "digits-fa", **RATES)
    assert (pal.training["alignment_degrees"][0] > 60).all()
    assert (pal.training["alignment_degrees"][-1] < 40).all()
    assert (fa.training["alignment_degrees"][-1] > 50).all()
    assert pal.metrics["test_accuracy"] > 0.8
    bp = trace(tmp_path / "bp.h5", "digits-bp", **RATES | {"epochs": 3})
    assert (bp.training["alignment_degrees"] == 0).all()


def test_errors_go_to_all_layers_at_once_with_dfa():
    from eventsim import Simulation
    from eventsim.scenarios.phaseless_alignment import rate_networks

    config = SCENARIO(task="classify", algorithm="dfa", hidden=(6, 5), dt=0.1, learning_rate=0.0, tau=10.0)
    sim = Simulation(rate_networks.network(config, (8, 6, 5, 10), 0), dt=0.1)
    sim.set_input("image", np.full(8, 0.5))
    sim.run_ticks(10)
    sim.nudge("label", np.ones(10), 0.1)
    sim.run_ticks(2)  # the nudge of a tick is an error in the next
    error = sim.array("label", "error")
    assert np.abs(error).max() > 0
    assert (sim.array("hidden1", "error") == 0).all()
    sim.run_ticks(1)
    for name in ("hidden1", "hidden2"):
        slope = 1 - np.tanh(sim.array(name, "prospective")) ** 2
        expected = slope * (error @ sim.weights(f"label->{name}"))
        np.testing.assert_allclose(sim.array(name, "error"), expected, rtol=1e-12)


def test_a_code_of_two_rates_is_drawn_by_digit(tmp_path):
    found = trace(tmp_path / "a.h5", "autoencoder-digits", epochs=4, recorded_every=2, hidden=(20, 2, 20))
    assert found.parameters["latent/codes"].shape[1] == 2
    assert found.training["validation_error"][-1] < found.training["validation_error"][0]
    assert 0 < found.metrics["test_readout_accuracy"] < 1
    for name, draw in SCENARIO.plots(found).items():
        draw(found).savefig(tmp_path / f"{name}.png")


def test_a_stopped_network_of_rates_goes_on_to_the_same_bits(tmp_path):
    values = RATES | {"epochs": 2, "recorded_every": 1, "tau_low_pass": 1.0}
    whole = trace(tmp_path / "a.h5", "digits", **values)
    again = stopped_and_resumed(tmp_path / "b.h5", "digits", values)
    for name, array in whole.parameters.items():
        np.testing.assert_array_equal(array, again.parameters[name], err_msg=name)


def test_dfa_is_for_networks_of_rates(tmp_path):
    with pytest.raises(RunFailed, match="dfa is for classify and autoencoder, not for feedback"):
        outcome(tmp_path / "a.h5", algorithm="dfa")


def test_mismatched_cells_are_compared_with_the_fixed_point_that_they_have(tmp_path):
    found = trace(tmp_path / "a.h5", tau_spread=0.2)
    for k in (2, 3):
        assert found.metrics[f"mismatch_degrees_{k}"] < found.metrics[f"theory_degrees_{k}"] - 3
        assert found.metrics[f"mismatch_kappa_{k}"] == pytest.approx(1.0, abs=0.12)
    assert "mismatch_degrees_1" not in trace(tmp_path / "b.h5", epochs=1).metrics


CHIP = {"hidden": (10,), "epochs": 2, "recorded_every": 1, "batch": 100, "presentation": 3.0}


def test_a_chip_is_read_before_and_after_learning_there(tmp_path):
    found = trace(tmp_path / "a.h5", "mixed-signal", **CHIP, chip_epochs=3, chip_mismatch=0.3, chip_bits=3)
    accuracies = [found.metrics[f"test_accuracy{which}"] for which in ("_chip_before", "_chip")]
    assert accuracies[0] < accuracies[1]
    assert np.ravel(found.training["chip_epoch"]).tolist() == [0, 1, 2, 3]
    plain = trace(tmp_path / "b.h5", "digits", **CHIP)
    assert plain.metrics["test_accuracy"] == found.metrics["test_accuracy"]  # the chip comes after
    assert "test_accuracy_chip" not in plain.metrics
    weights = [found.parameters[f"{where}weight/image->hidden1"] for where in ("", "chip/")]
    step = np.abs(weights[0]).max() / 3
    assert np.abs(weights[1] - weights[0]).max() > 0
    assert not np.allclose(weights[1], step * np.rint(weights[1] / step))  # what learns is fine


def test_a_chip_without_mismatch_and_with_fine_weights_is_the_network():
    from eventsim.scenarios.latent_equilibrium import data
    from eventsim.scenarios.phaseless_alignment import rate_networks
    from eventsim.scenarios.phaseless_alignment.chip import ChipLearner

    config = SCENARIO(**SCENARIO.presets["mixed-signal"] | CHIP | {"chip_bits": 0})
    task = data.digits()
    learner = rate_networks.RateLearner(config, task, (64, 10, 10), 0, 30)
    ideal = learner.rates("test", ("label",))["label"]
    np.testing.assert_allclose(
        ChipLearner(learner, 0.0).rates("test", ("label",))["label"], ideal, rtol=1e-12
    )
    chip = ChipLearner(learner, 0.1)
    assert 0.02 < np.std(chip.rates("test", ("label",))["label"] - ideal) / np.std(ideal) < 0.5
    gain = chip.gain("image->hidden1", (64, 10))
    assert np.std(gain) == pytest.approx(0.1, rel=0.1)
    np.testing.assert_array_equal(gain, ChipLearner(learner, 0.1).gain("image->hidden1", (64, 10)))
    again = ChipLearner(learner, 0.1)
    np.testing.assert_array_equal(
        again.rates("test", ("label",))["label"], chip.rates("test", ("label",))["label"]
    )


def test_a_chip_is_for_dense_networks_of_rates(tmp_path):
    with pytest.raises(RunFailed, match="the chip is for task=classify without maps"):
        outcome(
            tmp_path / "a.h5", "colour-lenet", maps=(2,), hidden=(4,), epochs=0, chip_bits=4, presentation=1.0
        )
    with pytest.raises(RunFailed, match="the chip is for task=classify"):
        outcome(tmp_path / "b.h5", chip_bits=4)


def test_feedback_that_decays_is_for_microcircuits(tmp_path):
    with pytest.raises(RunFailed, match="decay is for microcircuits, not for classify"):
        outcome(tmp_path / "a.h5", "digits", algorithm="decay")


def test_a_smaller_set_has_the_first_images():
    from eventsim.scenarios.latent_equilibrium import data
    from eventsim.scenarios.phaseless_alignment.rate_training import _smaller

    whole, small = data.digits(), _smaller(data.digits(), 50)
    assert [small.size(split) for split in ("train", "validation")] == [50, 10]
    np.testing.assert_array_equal(small.samples("train"), whole.samples("train")[:50])
    assert small.size("test") == whole.size("test")
