"""Every form of every gradient kernel finds the same spikes and derivatives, or refuses the network."""

import numpy as np
import pytest

import eventsim as es
from eventsim.errors import ConfigError
from eventsim.models.gradients.spike_gradient import KERNELS, SpikeGradient

N = 6  # samples
FORMS = [name for name, (_, form) in KERNELS.items() if form]
FIRST_SPIKE = {"first-spike-rows", "first-spike-lanes"}
TAKEN = {  # by network, the forms that can compute it
    "layers uniform": FIRST_SPIKE | {"eventprop-vectorised", "eventprop-per-neuron"},
    "layers axonal": FIRST_SPIKE | {"eventprop-vectorised", "eventprop-per-neuron"},
    "layers synaptic": {"first-spike-lanes", "eventprop-per-neuron"},
    "bursts uniform": {"eventprop-vectorised", "eventprop-per-neuron"},
    "loops axonal": {"eventprop-vectorised", "eventprop-per-neuron"},
    "loops synaptic": {"eventprop-time-binned", "eventprop-per-neuron"},
}


def delay(rng, kind, shape, least):
    if kind == "uniform":
        return least
    return least + rng.uniform(0.0, 1.0, (shape[0], 1) if kind == "axonal" else shape)


def problem(name):
    """Return a network, its inputs, and the end of its run."""
    layout, kind = name.split()
    rng = np.random.default_rng(3)
    net = es.Network(seed=1)
    loops = layout == "loops"
    cell = {
        "layers": es.models.LIF(tau_mem=2.0, first_spike_only=True),
        "bursts": es.models.LIF(tau_mem=2.0, tau_syn=1.0, v_reset=-0.2),  # many spikes from input to input
        "loops": es.models.LIF(tau_mem=2.0, t_ref=0.2),
    }[layout]
    net.add("input", es.models.SpikeSource(), 5)
    net.add("hidden", cell, 16)
    net.add("label", cell, 3)
    pairs = [("input", "hidden", 1.5, 0.8, 0.1), ("hidden", "label", 0.6, 0.5, 0.1)]
    if layout == "bursts":
        pairs = [("input", "hidden", 4.0, 4.0, 0.0), ("hidden", "label", 1.0, 1.0, 0.1)]
    if loops:
        pairs.append(("hidden", "hidden", -0.05, 0.2, 1.0))
    for pre, post, mean, std, least in pairs:
        shape = net.populations[pre].n, net.populations[post].n
        net.connect(pre, post, weight=rng.normal(mean, std, shape), delay=delay(rng, kind, shape, least))
    return net, {"input": rng.uniform(0.1, 2.0, (N, 5))}, 9.0


def found(net, inputs, until, kernel):
    """Return all spikes and the derivatives of a loss of all output spikes."""
    layers = net.populations["hidden"].model.first_spike_only
    grad = SpikeGradient(net, kernel=kernel, time_constants=layers)
    run = grad.forward(inputs, until=until)
    spikes = [run.spikes(population, k) for population in ("hidden", "label") for k in range(N)]
    errors = [np.cos(run.spikes("label", k).times) for k in range(N)]
    gradient = grad.backward(run, {"label": errors})
    return spikes, {name: np.asarray(value) for name, value in gradient.parameters.items()}


@pytest.mark.parametrize("name", TAKEN)
@pytest.mark.parametrize("kernel", FORMS)
def test_a_form_agrees_with_the_fastest_or_refuses_the_network(name, kernel):
    net, inputs, until = problem(name)
    if kernel not in TAKEN[name]:
        with pytest.raises(ConfigError, match=r"^\S.*[^.]$"):
            found(net, inputs, until, kernel)
        return
    spikes, derivatives = found(net, inputs, until, kernel)
    expected_spikes, expected = found(net, inputs, until, "auto")
    assert sum(len(each.times) for each in spikes) > 3 * N
    for one, other in zip(spikes, expected_spikes, strict=True):
        np.testing.assert_array_equal(one.units, other.units)
        np.testing.assert_allclose(one.times, other.times, rtol=1e-11)
    for key, value in expected.items():
        # Rounding of spike times is amplified where a membrane comes close to grazing threshold.
        np.testing.assert_allclose(derivatives[key], value, rtol=1e-7, atol=1e-9 * np.abs(value).max())
        assert np.abs(value).max() > 0 or not key.startswith(("weight", "tau", "v_th"))


@pytest.mark.parametrize(("old", "new"), [("layers", "first-spike"), ("walk", "eventprop")])
def test_kernels_have_their_old_names_for_a_release(old, new):
    net, inputs, until = problem("layers uniform")
    with pytest.warns(DeprecationWarning, match=f"'{old}' is called '{new}' now"):
        spikes, _ = found(net, inputs, until, old)
    for one, other in zip(spikes, found(net, inputs, until, new)[0], strict=True):
        np.testing.assert_array_equal(one.times, other.times)


def test_unknown_kernels_are_refused_with_those_there_are():
    with pytest.raises(ValueError, match=r"kernel must be auto, first-spike or .*, got 'fast'"):
        SpikeGradient(problem("layers uniform")[0], kernel="fast")
