"""The general adjoint pass: against EventProp, against central differences, and against the event engine."""

import numpy as np
import pytest

import eventsim as es
from eventsim.errors import ConfigError
from eventsim.models.gradients import SpikeGradient
from reference.gradient_differences import central_differences, inputs, loss_errors, random_network

M = es.models


def lif(rng, n):
    return M.LIF(
        tau_mem=rng.uniform(0.8, 3.0, n),
        tau_syn=rng.uniform(0.4, 1.2, n),
        v_th=rng.uniform(0.5, 0.9, n),
        t_ref=0.15,
    )


@pytest.mark.parametrize("kind", ["uniform", "axonal", "dendritic", "synaptic"])
@pytest.mark.parametrize("loops", [False, True])
def test_it_agrees_with_eventprop(kind, loops):
    rng = np.random.default_rng([len(kind), loops])
    net = random_network(rng, lif, kind, loops=loops)
    given = inputs(rng)
    found = []
    for kernel in ("eventprop", "adjoint"):
        gradient = SpikeGradient(net, kernel=kernel)
        run = gradient.forward(given, until=6.0)
        errors = loss_errors(run, ("a", "b"), np.random.default_rng(4))
        found.append((run, gradient.backward(run, errors)))
    (one, g), (other, h) = found
    assert one.counts("a").sum() > 15
    for name in ("in", "a", "b"):
        assert np.array_equal(one.counts(name), other.counts(name))
        for k in range(3):
            np.testing.assert_allclose(other.spikes(name, k).times, one.spikes(name, k).times, rtol=1e-12)
            np.testing.assert_allclose(other.slope_inverses(name, k), one.slope_inverses(name, k), rtol=1e-8)
            scale = np.abs(one.errors(name, k)).max()
            np.testing.assert_allclose(
                other.errors(name, k), one.errors(name, k), rtol=1e-7, atol=1e-9 * scale
            )
    assert set(g.parameters) < set(h.parameters)
    for key, value in g.parameters.items():
        np.testing.assert_allclose(
            h.parameters[key], value, rtol=1e-7, atol=1e-9 * np.abs(value).max(), err_msg=key
        )


def qif(rng, n):
    return M.QIF(tau_mem=rng.uniform(0.8, 2.0, n), c_mem=rng.uniform(0.3, 0.6, n), t_ref=0.05)


def qif_reset(rng, n):
    return M.QIF(tau_mem=rng.uniform(0.8, 2.0, n), c_mem=rng.uniform(0.3, 0.6, n), v_reset=-0.6, t_ref=0.1)


def qif_delta(rng, n):
    return M.QIF(
        tau_mem=rng.uniform(0.8, 2.0, n), i_ext=rng.uniform(0.1, 0.7, n), synapse="delta", t_ref=0.05
    )


NEURONS = {
    "lif": (lif, 0.6),  # few spikes, or an arrival and a spike change places: a kink
    "qif": (qif, 1.5),
    "qif with a finite reset": (qif_reset, 1.5),
    "qif with delta synapses": (qif_delta, 0.3),
}


@pytest.mark.parametrize("kind", ["uniform", "axonal", "dendritic", "synaptic"])
@pytest.mark.parametrize("name", NEURONS)
def test_derivatives_are_central_differences(name, kind):
    make, weight = NEURONS[name]
    rng = np.random.default_rng([len(name), len(kind)])
    net = random_network(rng, make, kind, weight)
    given = inputs(rng, 2)
    n_spikes = SpikeGradient(net, kernel="adjoint").forward(given, 4.0).counts("a").sum()
    assert n_spikes > 8
    assert central_differences(net, given, 4.0, ("a", "b")) > 15


@pytest.mark.parametrize("name", NEURONS)
def test_its_spikes_are_those_of_the_event_engine(name):
    make, weight = NEURONS[name]
    rng = np.random.default_rng(len(name))
    net = random_network(rng, make, "synaptic", weight)
    times, units = inputs(rng, 1)["in"][0]
    run = SpikeGradient(net, kernel="adjoint").forward({"in": [(times, units)]}, 6.0)
    sim = es.Simulation(net)
    sim.stimulate("in", times, units)
    sim.run(6.0)
    for population in ("a", "b"):
        ours, theirs = run.spikes(population, 0), sim.spikes(population)
        assert np.array_equal(ours.units, theirs.units)
        np.testing.assert_allclose(ours.times, theirs.times, rtol=1e-10)


def test_other_kernels_and_neurons_without_derivatives_are_refused_in_one_line():
    net = random_network(np.random.default_rng(0), qif)
    with pytest.raises(ConfigError, match="kernel 'eventprop' takes LIF neurons only; others need 'adjoint'"):
        SpikeGradient(net, kernel="eventprop")
    other = es.Network()
    other.add("cell", M.MultiCompartment((M.Compartment("soma", 1.0, 0.1),), ()), 1)
    with pytest.raises(ConfigError, match=r"need neurons with derivatives, .* 'cell' is MultiCompartment"):
        SpikeGradient(other)


def test_a_run_without_end_is_refused_in_one_line():
    rng = np.random.default_rng(0)
    net = random_network(rng, qif)
    with pytest.raises(ConfigError, match="a network with loops needs a finite `until`"):
        SpikeGradient(net).forward(inputs(rng))
    alone = es.Network()
    alone.add("cell", M.QIF(i_ext=2.0, synapse="delta"), 1)
    with pytest.raises(RuntimeError, match="sample 0 has more than 50 spikes before inf"):
        SpikeGradient(alone, max_spikes=50).forward({})


def test_threads_and_copies_give_the_same_bits():
    import pickle

    rng = np.random.default_rng(6)
    net, given = random_network(rng, qif, weight=1.5), inputs(rng, 70)
    found = []
    for threads in (1, 3):
        gradient = SpikeGradient(net, threads=threads)
        for each in (gradient, pickle.loads(pickle.dumps(gradient))):
            run = each.forward(given, 4.0)
            found.append(each.backward(run, loss_errors(run, ("b",), np.random.default_rng(2))).parameters)
    for other in found[1:]:
        assert all(np.array_equal(value, other[key]) for key, value in found[0].items())


def test_limits_of_slopes_and_of_norms_hold():
    rng = np.random.default_rng(8)
    net, given = random_network(rng, lif, weight=0.7), inputs(rng)
    for options in ({"max_slope_inverse": 0.5}, {"max_dw_norm": 0.05}):
        found = []
        for kernel in ("eventprop", "adjoint"):
            gradient = SpikeGradient(net, kernel=kernel, **options)
            run = gradient.forward(given, 4.0)
            found.append(gradient.backward(run, loss_errors(run, ("b",), np.random.default_rng(2))))
        for key, value in found[0].weight.items():
            np.testing.assert_allclose(
                found[1].weight[key], value, rtol=1e-7, atol=1e-9 * np.abs(value).max()
            )


def test_an_input_that_makes_a_unit_spike_at_once_moves_the_spike_with_it():
    net = es.Network()
    net.add("in", M.SpikeSource(), 1)
    net.add("cell", M.LIFDelta(tau_mem=2.0), 1)
    net.connect("in", "cell", weight=1.5, delay=np.array([[0.25]]))
    gradient = SpikeGradient(net)
    run = gradient.forward({"in": [[0.5]]}, 3.0)
    assert run.first_spikes("cell") == [[0.75]]
    found = gradient.backward(run, {"cell": np.ones((1, 1))})
    assert found.delay["in->cell"] == 1.0
    assert found.times["in"] == 1.0
    assert found.weight["in->cell"] == 0.0
