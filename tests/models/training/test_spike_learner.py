"""Training by exact gradients: derivatives in every parameter, noise, bumping, checkpoints, messages."""

import math
import warnings

import numpy as np
import pytest

import eventsim as es
from eventsim.errors import UnknownPart
from eventsim.models.inputs.encoding import latency
from eventsim.models.training import HardwareNoise, SpikeLearner, WeightGrid
from eventsim.models.training.losses.first_spike import TargetTimes, TimeInvariant, TimeToFirstSpike
from eventsim.models.training.losses.spike_trains import VanRossum
from eventsim.models.training.optimisers import Adam
from eventsim.models.training.parametrisations import Clip, Shift, Sigmoid
from eventsim.trace import Spikes


def network(n_hidden=12, kind="synaptic", mean=1.0, once=True, **constants):
    """Return a network of two layers, the inputs of whose neurons have delays of a kind."""
    rng = np.random.default_rng(1)
    net = es.Network(seed=3, time_unit="1")
    net.add("input", es.models.SpikeSource(), 4)
    net.add("hidden", es.models.LIF(tau_mem=2.0, first_spike_only=once, **constants), n_hidden)
    net.add("label", es.models.LIF(tau_mem=2.0, first_spike_only=once), 3)
    for pre, post, n_pre, n_post in (("input", "hidden", 4, n_hidden), ("hidden", "label", n_hidden, 3)):
        shape = {"synaptic": (n_pre, n_post), "axonal": (n_pre, 1), "dendritic": (1, n_post), "none": ()}[
            kind
        ]
        delay = rng.uniform(0.2, 0.8, shape) if kind != "none" else 0.0
        net.connect(pre, post, weight=rng.normal(mean, 1.0, (n_pre, n_post)), delay=delay)
    return net


def batch(n=40, seed=2):
    samples, labels = es.io.datasets.yin_yang(size=n, seed=seed)
    return {"input": latency(samples)}, labels


def train(learner, optimiser, seeds, n=50):
    return [learner.step(*batch(n, seed), optimiser) for seed in seeds]


class Recorder:
    """An optimiser that only notes that it was called."""

    def __init__(self):
        self.calls = 0

    def update(self, parameters, gradients):
        self.calls += 1


@pytest.mark.parametrize("kind", ["synaptic", "axonal", "dendritic"])
@pytest.mark.parametrize("delay_map", [Sigmoid(), Clip(), Shift()])
def test_it_learns_a_part_of_yin_yang_with_delays_of_each_kind(kind, delay_map):
    net = network(20, kind)
    learner = SpikeLearner(
        net, "label", TimeInvariant(), delays=delay_map, max_missing={"hidden": 0.3, "label": 0.0}
    )
    before = learner.parameters["delay/input->hidden"].copy()
    train(learner, Adam({name: 0.02 for name in learner.parameters}), range(60))
    assert learner.score(*batch(300, seed=99)) > 0.6  # chance is 0.33
    assert (learner.parameters["delay/input->hidden"] != before).any()
    for projection in learner.network().projections:
        assert np.min(projection.delay) >= 0


@pytest.mark.parametrize("learn", ["weight", "delay"])
def test_what_is_not_learned_stays_as_it_is(learn):
    learner = SpikeLearner(network(), "label", TimeInvariant(), learn=learn)
    before = {name: value.copy() for name, value in learner.spike_gradient.parameters.items()}
    train(learner, Adam(0.05), range(3))
    for name, value in learner.spike_gradient.parameters.items():
        assert np.array_equal(value, before[name]) == (not name.startswith(learn)), name


def test_delays_alone_learn_too():
    learner = SpikeLearner(network(30), "label", TimeInvariant(), learn="delay")
    before = learner.score(*batch(300, seed=99))
    train(learner, Adam(0.1), range(60))
    assert learner.score(*batch(300, seed=99)) > max(before, 0.4) + 0.1


@pytest.mark.parametrize("loss", [TimeInvariant(), TimeToFirstSpike(), TargetTimes(2.0, 3.0)])
@pytest.mark.parametrize(
    "delays",
    [Sigmoid(), Clip(), {"input->hidden": Shift(tied=(2, 3)), "hidden->label": Sigmoid(tied=(1, 3))}],
)
def test_gradients_are_central_differences_in_every_parameter(loss, delays):
    net = network(6)
    if isinstance(delays, dict):
        first, second = net.projections
        net.projections = []
        net.connect("input", "hidden", weight=first.weight, delay=np.tile(first.delay[:2, :2], (2, 3)))
        net.connect("hidden", "label", weight=second.weight, delay=np.tile(second.delay[:, :1], (1, 3)))
    kinds = ("weight", "delay", "tau_mem", "tau_syn", "v_th")
    learner = SpikeLearner(net, "label", loss, learn=kinds, delays=delays)
    inputs, labels = batch(5)
    value, gradients = learner.gradients(inputs, labels)
    assert list(gradients) == list(learner.parameters)
    assert {name.partition("/")[0] for name in gradients} == set(kinds)
    rng = np.random.default_rng(5)
    for name, parameter in learner.parameters.items():
        assert gradients[name].shape == parameter.shape
        direction = rng.normal(0, 1, parameter.shape)
        sides = []
        for step in (1e-6, -2e-6):
            parameter += step * direction
            sides.append(learner.gradients(inputs, labels)[0])
        parameter += 1e-6 * direction
        difference = (sides[0] - sides[1]) / 2e-6
        assert (gradients[name] * direction).sum() == pytest.approx(difference, rel=2e-5, abs=1e-7), name
    assert learner.gradients(inputs, labels)[0] == pytest.approx(value, rel=1e-12)


def test_several_spikes_and_loops_learn_target_trains():
    rng = np.random.default_rng(1)
    net = es.Network(time_unit="1")
    net.add("input", es.models.SpikeSource(), 5)
    net.add("cells", es.models.LIF(t_ref=0.2), 3)
    net.connect("input", "cells", weight=rng.normal(1.2, 0.4, (5, 3)), delay=rng.uniform(0.2, 0.8, (5, 3)))
    net.connect("cells", "cells", weight=rng.normal(-0.2, 0.1, (3, 3)), delay=0.5)
    given = [(rng.uniform(0, 4, 20), rng.integers(0, 5, 20)) for _ in range(2)]
    target = Spikes(np.array([1.0, 2.0, 3.0]), np.array([0, 1, 2]))
    learner = SpikeLearner(net, "cells", VanRossum(0.5), until=6.0)
    assert "delay/cells->cells" not in learner.parameters  # one delay for all: trained if it is named
    losses = [learner.step({"input": given}, [target] * 2, Adam(0.01)).loss for _ in range(40)]
    assert losses[-1] < 0.7 * losses[0]
    with pytest.raises(TypeError, match="VanRossum is a loss of spike trains, without classes"):
        learner.predict({"input": given})


def test_time_constants_and_thresholds_stay_possible():
    net = network(v_leak=-0.5)
    learner = SpikeLearner(net, "label", TimeInvariant(), learn=("tau_mem", "tau_syn", "v_th"))
    for value in learner.parameters.values():
        value -= 100.0
    learner.settle()
    parameters = learner.parameters
    assert parameters["tau_mem/hidden"] == pytest.approx(0.1)
    assert parameters["tau_syn/label"] == pytest.approx(0.05)
    assert parameters["v_th/hidden"] == pytest.approx(0.05)
    learner.forward(batch()[0])  # accepts them


def test_a_single_name_is_learned_alone():
    learner = SpikeLearner(
        network(kind="none"), "label", learn=["delay/input->hidden", "v_th/label"], delays=Clip()
    )
    assert list(learner.parameters) == ["delay/input->hidden", "v_th/label"]
    assert learner.parameters["delay/input->hidden"].shape == (1,)


def test_a_silent_layer_is_bumped_twice_as_much_each_time():
    learner = SpikeLearner(network(mean=-3.0), "label", max_missing={"hidden": 0.3}, bump=0.01)
    inputs, labels = batch()
    quiet = np.isinf(learner.forward(inputs).first_spikes("hidden")).any(axis=0)
    weight, optimiser = learner.parameters["weight/input->hidden"], Recorder()
    for expected in (0.01, 0.02, 0.04):
        before = weight.copy()
        step = learner.step(inputs, labels, optimiser)
        assert step.bumped == "hidden"
        assert (weight - before)[:, quiet] == pytest.approx(expected)
        assert not (weight - before)[:, ~quiet].any()
    assert optimiser.calls == 0


def test_weights_of_single_synapses_are_bumped_too():
    net = es.Network(seed=1)
    net.add("input", es.models.SpikeSource(), 6)
    net.add("cells", es.models.LIF(first_spike_only=True), 4)
    net.connect("input", "cells", es.connect.fixed_probability(0.5), weight=0.1)
    learner = SpikeLearner(net, "cells", max_missing={"cells": 0.0}, bump=0.5)
    inputs = {"input": np.random.default_rng(1).uniform(0, 1, (3, 6))}
    for _ in range(10):
        if learner.step(inputs, [0, 1, 2], Recorder()).bumped is None:
            break
    assert np.isfinite(learner.forward(inputs).first_spikes("cells")).all()


def test_a_silent_network_is_warned_of_once_and_bumping_is_a_way_out():
    inputs, labels = batch()
    silent = SpikeLearner(network(mean=-3.0), "label")
    with pytest.warns(RuntimeWarning, match=r"no neuron of 'label' spikes .* max_missing=\{'label': 0.0\}"):
        silent.step(inputs, labels, Recorder())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        silent.step(inputs, labels, Recorder())
        cured = SpikeLearner(network(mean=-3.0), "label", max_missing={"hidden": 0.3, "label": 0.0})
        for _ in range(60):
            cured.step(inputs, labels, Adam(0.01))
    assert cured.score(inputs, labels) > 0.3


def test_learning_goes_on_from_its_state_to_the_bit():
    def made():
        return SpikeLearner(
            network(),
            "label",
            TimeInvariant(),
            learn=("weight", "delay", "tau_mem"),
            max_missing={"hidden": 0.05},
        )

    whole, optimiser = made(), Adam(0.02)
    train(whole, optimiser, range(20))
    first, first_adam = made(), Adam(0.02)
    train(first, first_adam, range(9))
    second, second_adam = made(), Adam(0.02)
    second.restore(first.state())
    second_adam.restore(first_adam.state())
    train(second, second_adam, range(9, 20))
    for name, value in whole.parameters.items():
        assert np.array_equal(second.parameters[name], value)


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_change_no_bit(threads):
    inputs, labels = batch(101)
    loss, gradients = SpikeLearner(network(), "label").gradients(inputs, labels)
    again, others = SpikeLearner(network(), "label", threads=threads).gradients(inputs, labels)
    assert loss == again
    assert all(np.array_equal(others[name], gradients[name]) for name in gradients)


def test_the_trained_network_simulates_as_it_was_trained():
    learner = SpikeLearner(network(), "label", TimeInvariant(), learn=("weight", "delay", "tau_mem", "v_th"))
    train(learner, Adam(0.05), range(5))
    inputs, _ = batch(1)
    sim = es.Simulation(learner.network())
    sim.stimulate("input", inputs["input"][0], np.arange(4))
    sim.run(50.0)
    spikes = sim.spikes("label")
    simulated = np.full(3, np.inf)
    simulated[spikes.units] = spikes.times
    assert simulated == pytest.approx(learner.forward(inputs).first_spikes("label")[0], abs=1e-11)


def test_a_large_set_is_predicted_in_parts_and_one_row_serves_all():
    net = network()
    net.add("bias", es.models.SpikeSource(), 1)
    net.connect("bias", "hidden", weight=1.0)
    learner = SpikeLearner(net, "label")
    inputs, labels = batch(1300)
    inputs["bias"] = np.array([[0.9]])
    predicted = learner.predict(inputs)
    assert predicted.shape == (1300,)
    part = {"input": inputs["input"][1200:1205], "bias": np.full((5, 1), 0.9)}
    assert np.array_equal(learner.predict(part), predicted[1200:1205])
    assert learner.score(inputs, labels) == (predicted == labels).mean()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"output": "labels"}, r"no population of neurons is named 'labels'; known: hidden, label"),
        ({"output": "input"}, r"no population of neurons is named 'input'; known: hidden, label"),
        ({"learn": ["weights"]}, r"nothing to learn is named 'weights'; kinds: weight, delay, tau_mem"),
        ({"learn": []}, r"learn=\(\) leaves nothing to learn"),
        (
            {"max_missing": {"hiden": 0.1}},
            r"no population of spiking neurons is named 'hiden'; known: hidden, label",
        ),
        ({"max_missing": {"hidden": 1.1}}, r"max_missing of 'hidden' must lie between 0 and 1, got 1.1"),
        ({"bump": -1.0}, r"bump must be finite and at least 0, got -1.0"),
        ({"delays": {"a": Clip()}}, r"no projection is named 'a'; known: input->hidden, hidden->label"),
        ({"delays": {"input->hidden": 1.0}}, r"delay map of 'input->hidden' must be a DelayMap, got 1.0"),
        ({"delays": Sigmoid(0.5)}, r"delays of 'input->hidden': delays must lie between 0 and 0.5"),
        ({"threads": 0}, r"threads must be a whole number, at least 1, got 0"),
    ],
)
def test_settings_must_make_sense(changes, message):
    settings = {"output": "label"} | changes
    with pytest.raises((ValueError, TypeError, UnknownPart), match=message):
        SpikeLearner(network(), **settings)


def test_inputs_and_labels_must_fit():
    learner = SpikeLearner(network(), "label")
    inputs, labels = batch(5)
    with pytest.raises(ValueError, match=r"labels must lie in 0 to 2, got 3"):
        learner.gradients(inputs, [0, 1, 2, 3, 0])
    with pytest.raises(ValueError, match=r"labels must be 5 whole numbers.* got shape \(4,\)"):
        learner.gradients(inputs, labels[:4])
    with pytest.raises(ValueError, match=r"shape \(5, 3\), expected \(n_samples, 4\)"):
        learner.forward({"input": inputs["input"][:, :3]})


def test_a_loss_that_is_no_number_says_one_line():
    inputs, labels = batch(5)

    class NoNumber(TimeInvariant):
        def __call__(self, times, labels, tau_syn=1.0):
            return np.full(len(times), math.nan), np.zeros_like(times)

    with pytest.raises(OverflowError, match=r"the loss is nan: lower the learning rate"):
        SpikeLearner(network(), "label", NoNumber()).gradients(inputs, labels)


# Deviations of a chip.


def test_the_fixed_pattern_belongs_to_the_seed_of_the_network():
    inputs, labels = batch()
    plain = SpikeLearner(network(), "label", TimeInvariant())
    noise = HardwareNoise(threshold_mean=0.1, threshold_fixed=0.05)
    chips = [SpikeLearner(network(), "label", TimeInvariant(), noise=noise) for _ in range(2)]
    times = [each.first_spikes(inputs) for each in (plain, *chips)]
    assert np.array_equal(times[1], times[2])
    assert (times[1] > times[0]).mean() > 0.8  # thresholds are higher
    net = network()
    net.seed = 4
    other = SpikeLearner(net, "label", TimeInvariant(), noise=noise)
    assert not np.array_equal(other.first_spikes(inputs), times[1])
    chips[0].step(inputs, labels, Adam(0.01))  # nothing is drawn, so no rng is needed


@pytest.mark.parametrize("what", ["threshold_batch", "threshold_sample", "delay", "output"])
def test_noise_has_the_given_spread_and_comes_from_the_generator(what):
    inputs = {"input": np.repeat(batch(1)[0]["input"], 400, axis=0)}
    learner = SpikeLearner(network(), "label", TimeInvariant(), noise=HardwareNoise(**{what: 0.01}))
    quiet = learner.forward(inputs).first_spikes("hidden")
    assert (quiet == quiet[0]).all()
    one, again, other = (
        learner.forward(inputs, np.random.default_rng(seed)).first_spikes("hidden") for seed in (1, 1, 2)
    )
    assert np.array_equal(one, again)
    spoke = np.isfinite(quiet[0]) & np.isfinite(one).all(axis=0)
    assert not np.array_equal(one[:, spoke], other[:, spoke])
    spread = one[:, spoke].std(axis=0)
    if what == "threshold_batch":
        assert spread.max() < 1e-12  # the same for all samples
    else:
        assert (spread > 0).all()
    if what == "output":
        assert spread == pytest.approx(0.01, rel=0.25)


def test_derivatives_are_those_of_the_network_at_the_spikes_that_came():
    """With output noise alone, hidden spikes move; the gradient is the one of these times."""
    inputs, labels = batch(20)
    noisy = SpikeLearner(network(), "label", TimeInvariant(), noise=HardwareNoise(output=0.05))
    run = noisy.forward(inputs, np.random.default_rng(1))
    seen = {name: run.first_spikes(name) for name in ("hidden", "label")}
    _, gradients = noisy.gradients(inputs, labels, rng=np.random.default_rng(1))
    _, others = SpikeLearner(network(), "label", TimeInvariant()).gradients(inputs, labels, times=seen)
    for name, gradient in gradients.items():
        assert gradient == pytest.approx(others[name], rel=1e-12, abs=1e-15)


def test_noise_that_is_drawn_needs_a_generator_in_training():
    inputs, labels = batch()
    learner = SpikeLearner(network(), "label", noise=HardwareNoise(delay=0.01))
    with pytest.raises(ValueError, match=r"is drawn for every batch: give rng=numpy.random.default_rng"):
        learner.step(inputs, labels, Adam(0.01))
    learner.step(inputs, labels, Adam(0.01), rng=np.random.default_rng(1))
    with pytest.raises(ValueError, match=r"delay must be finite and at least 0, got -0.1"):
        HardwareNoise(delay=-0.1)


def test_it_learns_with_all_noise_and_coarse_weights():
    noise = HardwareNoise(threshold_mean=0.05, threshold_fixed=0.03, threshold_batch=0.02, delay=0.01)
    grid = WeightGrid(1 / 30, 2.1)
    learner = SpikeLearner(
        network(30),
        "label",
        TimeInvariant(),
        noise=noise,
        weights=grid,
        max_missing={"hidden": 0.3, "label": 0.0},
    )
    optimiser = Adam(0.02)
    for seed in range(80):
        learner.step(*batch(50, seed), optimiser, rng=np.random.default_rng(seed))
    assert learner.score(*batch(300, 99)) > 0.6
    weight = learner.network().projections[0].weight
    assert np.rint(weight * 30) == pytest.approx(weight * 30, abs=1e-9)
    assert np.abs(weight).max() <= 2.1
    fine = learner.parameters["weight/input->hidden"]
    assert np.abs(fine).max() <= 2.1
    assert np.abs(fine * 30 - np.rint(fine * 30)).max() > 0.1  # the optimiser's own
    assert np.abs(fine - weight).max() <= 0.5 / 30 + 1e-12


def test_weights_off_their_grid_are_clipped_and_rounded():
    grid = WeightGrid(0.5, 1.2)
    assert grid.value(np.array([0.26, -0.24, 7.0, -7.0])).tolist() == [0.5, 0.0, 1.2, -1.2]
    assert WeightGrid().value(np.array([0.26])).tolist() == [0.26]
    with pytest.raises(ValueError, match=r"limit must be positive \(inf: none\), got 0"):
        WeightGrid(limit=0)


def test_large_gradients_of_weights_are_dropped_and_those_of_delays_kept():
    inputs, labels = batch(20)
    _, whole = SpikeLearner(network(), "label", TimeInvariant()).gradients(inputs, labels)
    _, guarded = SpikeLearner(network(), "label", TimeInvariant(), max_dw_norm=1e-4).gradients(inputs, labels)
    assert np.abs(guarded["weight/input->hidden"]).max() < np.abs(whole["weight/input->hidden"]).max()
    assert guarded["delay/input->hidden"] == pytest.approx(whole["delay/input->hidden"], rel=1e-12)


@pytest.mark.parametrize("model", ["lif", "qif"])
def test_a_constant_current_and_constants_of_other_neurons_are_trained(model):
    net = es.Network(seed=1)
    net.add("in", es.models.SpikeSource(), 2)
    if model == "lif":
        net.add("out", es.models.LIF(tau_mem=2.0, i_ext=0.2, first_spike_only=True), 2)
        learn = ("i_ext",)
    else:
        net.add("out", es.models.QIF(tau_mem=2.0, i_ext=0.3, t_ref=np.inf, synapse="delta"), 2)
        learn = ("i_ext", "c_mem/out")
    net.connect("in", "out", weight=np.full((2, 2), 1.2 if model == "lif" else 0.9), delay=0.1)
    inputs, labels = {"in": np.array([[0.1, 0.4], [0.2, 0.3]])}, np.array([0, 0])
    learner = SpikeLearner(net, "out", TimeToFirstSpike(), learn=learn)
    assert set(learner.parameters) == ({"i_ext/out"} if model == "lif" else {"i_ext/out", "c_mem/out"})
    before = learner.gradients(inputs, labels)
    for name, value in learner.parameters.items():
        value += 1e-6
        up = learner.gradients(inputs, labels)[0]
        value -= 2e-6
        slope = (up - learner.gradients(inputs, labels)[0]) / 2e-6
        value += 1e-6
        assert slope == pytest.approx(before[1][name].sum(), rel=1e-6)
    optimiser = Adam(0.01)
    losses = [learner.step(inputs, labels, optimiser).loss for _ in range(20)]
    assert losses[-1] < losses[0]
    trained = learner.network().populations["out"].model
    assert np.array_equal(np.reshape(trained.i_ext, -1), learner.parameters["i_ext/out"])
