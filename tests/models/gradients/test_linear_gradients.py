"""Gradients of neurons with several receptors and with adaptation, and their spikes beside the engine's.

The engine's spikes are those of dense integration to 1e-9 (`lif/test_linear_neurons.py`).
"""

import numpy as np
import pytest

import eventsim as es
from eventsim.models.gradients import SpikeGradient
from eventsim.models.training.optimisers import Adam
from eventsim.models.training.spike_learner import SpikeLearner
from reference.gradient_differences import central_differences, inputs, random_network

M = es.models
EVERY = {
    "fast": 0.4,
    "alpha": M.AlphaSynapse(0.5),
    "double": M.DoubleExponentialSynapse(0.3, 0.9),
    "jump": M.DeltaSynapse(),
}


def membrane(rng, n):
    return {
        "tau_mem": rng.uniform(0.8, 3.0, n),
        "c_mem": rng.uniform(0.8, 1.2, n),
        "v_leak": 0.05,
        "v_reset": -0.1,
        "i_ext": 0.1,
        "t_ref": 0.15,
    }


def adaptive(rng, n):
    return M.AdaptiveLIF(
        tau_syn=rng.uniform(0.4, 1.2, n),
        v_th=rng.uniform(0.5, 0.9, n),
        tau_w=2.0,
        b=0.2,
        w_init=0.1,
        tau_theta=rng.uniform(1.0, 3.0, n),
        theta_jump=0.2,
        theta_init=0.05,
        **membrane(rng, n),
    )


def with_receptor(synapse):
    return lambda rng, n: M.MultiSynapseLIF(
        {"one": synapse}, v_th=rng.uniform(0.4, 0.6, n), i_init=0.1, **membrane(rng, n)
    )


NEURONS = {
    "adaptive": (adaptive, 1.0),
    "exponential": (with_receptor(0.7), 0.8),
    "alpha": (with_receptor(M.AlphaSynapse(0.5)), 1.2),
    "double exponential": (with_receptor(M.DoubleExponentialSynapse(0.3, 0.9)), 0.8),
    "delta": (with_receptor(M.DeltaSynapse()), 0.4),
}


@pytest.mark.parametrize("kind", ["uniform", "axonal", "dendritic", "synaptic"])
@pytest.mark.parametrize("name", NEURONS)
def test_derivatives_are_central_differences(name, kind):
    make, weight = NEURONS[name]
    rng = np.random.default_rng([len(name), len(kind)])
    net, given = random_network(rng, make, kind, weight, n=3), inputs(rng, 2)
    assert SpikeGradient(net).forward(given, 4.0).counts("a").sum() > 20
    assert central_differences(net, given, 4.0, ("a", "b"), most=2) > 25


def through_every_receptor(rng, model):
    """Return a network with a loop whose projections lead to all receptors of `EVERY`."""
    net = es.Network(seed=1)
    net.add("in", M.SpikeSource(), 4)
    net.add("a", model(rng, 3), 3)
    for name in EVERY:
        scale = 0.3 if name == "jump" else 0.8
        for pre, n, mean in (("in", 4, 1.2), ("a", 3, 0.1)):
            weight, delay = scale * rng.normal(mean, 0.6, (n, 3)), rng.uniform(0.1, 0.8, (n, 3))
            net.connect(pre, "a", weight=weight, delay=delay, receptor=name, name=f"{pre}->{name}")
    return net


def multi(rng, n):
    return M.MultiSynapseLIF(EVERY, v_th=0.8, i_init={"double": 0.2}, **membrane(rng, n))


def adaptive_multi(rng, n):
    return M.AdaptiveLIF(synapses=EVERY, v_th=0.8, b=0.3, theta_jump=0.1, tau_w=3.0, **membrane(rng, n))


@pytest.mark.parametrize("model", [multi, adaptive_multi])
def test_derivatives_through_all_receptors_at_once_are_central_differences(model):
    rng = np.random.default_rng(2)
    net, given = through_every_receptor(rng, model), inputs(rng, 2)
    gradient = SpikeGradient(net)
    assert gradient.forward(given, 4.0).counts("a").sum() > 15
    taus = {key for key in gradient.parameters if key.startswith(("tau_syn", "tau_rise"))}
    assert taus == {"tau_syn_fast/a", "tau_syn_alpha/a", "tau_syn_double/a", "tau_rise_double/a"}
    assert central_differences(net, given, 4.0, ("a",)) > 45


@pytest.mark.parametrize("ratio", [1.0, 1.0 + 1e-7, 0.6, 2.0])
@pytest.mark.parametrize("shape", ["exponential", "alpha"])
def test_close_time_constants_lose_no_digits_of_a_derivative(shape, ratio):
    synapse = M.AlphaSynapse(ratio) if shape == "alpha" else M.lif.receptors.ExponentialSynapse(ratio)
    rng = np.random.default_rng(5)
    net = random_network(rng, lambda rng, n: M.MultiSynapseLIF({"one": synapse}, v_th=0.5, t_ref=0.2))
    keys = {f"{kind}/{name}" for kind in ("tau_mem", "tau_syn_one", "c_mem") for name in ("a", "b")}
    assert central_differences(net, inputs(rng, 2), 3.0, ("a", "b"), keys) > 4


@pytest.mark.parametrize("model", [*NEURONS, multi, adaptive_multi])
def test_spikes_have_the_bits_of_the_event_engine(model):
    rng = np.random.default_rng(1)
    if isinstance(model, str):
        make, weight = NEURONS[model]
        net = random_network(rng, make, "synaptic", weight)
    else:
        net = through_every_receptor(rng, model)
    times, units = inputs(rng, 1)["in"][0]
    run = SpikeGradient(net).forward({"in": [(times, units)]}, 6.0)
    sim = es.Simulation(net, schedule="ordered")
    sim.stimulate("in", times, units)
    sim.run(6.0)
    ours, theirs = run.spikes("a", 0), sim.spikes("a")
    assert len(ours) > 10
    assert np.array_equal(ours.units, theirs.units)
    assert np.array_equal(ours.times, theirs.times)


def test_one_exponential_receptor_is_that_of_lif():
    rng = np.random.default_rng(3)
    found = []
    for make in (M.LIF, lambda tau_syn, **rest: M.MultiSynapseLIF({"one": tau_syn}, **rest)):
        rng = np.random.default_rng(3)
        net = random_network(
            rng, lambda rng, n, make=make: make(tau_syn=0.5, tau_mem=1.7, v_th=0.6), weight=0.8
        )
        gradient = SpikeGradient(net, kernel="adjoint")
        run = gradient.forward(inputs(rng, 2), 3.0)
        found.append((run, gradient.backward(run, {"a": np.ones((2, 5)), "b": np.ones((2, 3))}).parameters))
    (one, g), (other, h) = found
    np.testing.assert_allclose(other.first_spikes("a"), one.first_spikes("a"), rtol=1e-12)
    for key, value in g.items():
        theirs = h[key.replace("tau_syn/", "tau_syn_one/")]
        np.testing.assert_allclose(theirs, value, rtol=1e-8, atol=1e-9 * np.abs(value).max(), err_msg=key)


def test_time_constants_of_receptors_and_adaptation_are_learned_and_kept():
    net = through_every_receptor(np.random.default_rng(2), adaptive_multi)
    given = inputs(np.random.default_rng(3), 2)
    learner = SpikeLearner(
        net,
        "a",
        M.losses.SoftCounts(3.0),
        learn=("tau_syn_double", "tau_rise_double", "tau_w", "b"),
        until=4.0,
    )
    before = {key: value.copy() for key, value in learner.parameters.items()}
    learner.step(given, np.array([0, 1]), Adam(0.01))
    model = learner.network().populations["a"].model
    for key, value in learner.parameters.items():
        assert np.abs(value - before[key]).max() > 0.005, key
    assert model.synapses["double"].tau_decay == learner.parameters["tau_syn_double/a"][0]
    assert model.synapses["double"].tau_rise == learner.parameters["tau_rise_double/a"][0]
    assert model.tau_w == learner.parameters["tau_w/a"][0]
    assert model.synapses["fast"] == 0.4
    again = SpikeGradient(learner.network()).forward(given, 4.0)
    assert np.array_equal(again.first_spikes("a"), learner.forward(given).first_spikes("a"))


def test_an_untouched_neuron_stays_the_object_that_it_is():
    net = through_every_receptor(np.random.default_rng(2), multi)
    changed = SpikeGradient(net).network()
    assert changed.populations["a"].model is net.populations["a"].model


def test_impossible_parameters_are_refused_in_one_line():
    net = through_every_receptor(np.random.default_rng(2), adaptive_multi)
    cases = {
        "tau_rise_double": (2.0, "tau_decay must exceed tau_rise by 1 % at least, got 0.9 and 2"),
        "theta_jump": (-0.1, "theta_jump must not be negative, got -0.1"),
        "v_reset": (0.9, "v_th must be above v_leak and v_reset, got 0.8, 0.05 and 0.9"),
        "tau_syn_fast": (0.0, "tau_syn_fast of 'a' must be positive, got 0"),
    }
    for key, (value, message) in cases.items():
        gradient = SpikeGradient(net)
        gradient.parameters[f"{key}/a"][:] = value
        with pytest.raises(ValueError, match=message):
            gradient.forward({"in": [[0.1, 0.2, 0.3, 0.4]]}, 1.0)
    many = es.Network()
    many.add("cell", M.MultiSynapseLIF({f"r{k}": M.AlphaSynapse(1.0 + k) for k in range(9)}), 1)
    with pytest.raises(
        ValueError, match="gradients take 17 variables of a neuron at most, these receptors need"
    ):
        SpikeGradient(many)
    driven = es.Network()
    driven.add("cell", M.AdaptiveLIF(i_ext=M.StepCurrent([1.0], [0.5])), 1)
    with pytest.raises(es.errors.ConfigError, match="spike gradients need a constant i_ext"):
        SpikeGradient(driven)
