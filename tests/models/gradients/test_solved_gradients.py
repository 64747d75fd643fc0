"""Gradients of neurons that a solver follows, and of neurons of one's own, against central differences."""

import numpy as np
import pytest

import eventsim as es
from eventsim.errors import ConfigError
from eventsim.models.gradients import SpikeGradient
from reference.gradient_differences import central_differences, inputs, loss_errors, random_network

M = es.models
# As tight as the solver goes: its error, enlarged by a division by a step, bounds what differences can tell.
STEPS, NOISE = (3e-4, 1e-4), 2e-8
SPIKING = {"v_leak": 0.0, "v_t": 1.0, "v_init": 0.0, "tolerance": 1e-13}
UPSTROKE = SPIKING | {"c_mem": 1.0, "delta_t": 0.3, "v_peak": 4.0, "v_reset": -0.2, "t_ref": 0.1}


def eif(rng, n):
    return M.ExponentialIF(g_leak=rng.uniform(0.3, 0.6, n), tau_syn=0.5, **UPSTROKE)


def adex(rng, n):
    return M.AdEx(g_leak=rng.uniform(0.3, 0.6, n), tau_syn=0.5, a=0.1, b=0.1, tau_w=3.0, **UPSTROKE)


def quadratic(rng, n):
    k = rng.uniform(0.5, 1.0, n)
    return M.QuadraticIF(c_mem=1.0, k=k, v_peak=6.0, v_reset=-0.5, tau_syn=0.5, **SPIKING)


def izhikevich(rng, n):
    a = rng.uniform(0.02, 0.05, n)
    return M.Izhikevich(a=a, v_init=-65.0, u_init=-14.0, tau_syn=1.0, t_ref=0.1, tolerance=1e-13)


def delta(rng, n):
    return M.ExponentialIF(g_leak=0.5, i_ext=rng.uniform(0.2, 0.4, n), synapse="delta", **UPSTROKE)


SOLVED = {
    "exponential-if": (eif, 1.5),
    "adex": (adex, 1.5),
    "quadratic-if": (quadratic, 2.0),
    "izhikevich": (izhikevich, 60.0),
    "exponential-if with delta synapses": (delta, 0.4),
}


@pytest.mark.parametrize("name", SOLVED)
def test_derivatives_are_central_differences(name):
    make, weight = SOLVED[name]
    rng = np.random.default_rng(len(name))
    net = random_network(rng, make, "synaptic", weight, n=2)
    given = inputs(rng, 1, end=2.0)
    n_spikes = SpikeGradient(net).forward(given, 2.5).counts("a").sum()
    assert n_spikes > 1
    checked = central_differences(net, given, 2.5, ("a", "b"), noise=NOISE, steps=STEPS, most=1)
    assert checked > 15


@pytest.mark.parametrize("name", SOLVED)
def test_its_spikes_are_those_of_the_event_engine(name):
    make, weight = SOLVED[name]
    rng = np.random.default_rng(len(name))
    net = random_network(rng, make, "synaptic", weight)
    times, units = inputs(rng, 1)["in"][0]
    run = SpikeGradient(net).forward({"in": [(times, units)]}, 6.0)
    sim = es.Simulation(net)
    sim.stimulate("in", times, units)
    sim.run(6.0)
    for population in ("a", "b"):
        ours, theirs = run.spikes(population, 0), sim.spikes(population)
        assert np.array_equal(ours.units, theirs.units)
        np.testing.assert_allclose(ours.times, theirs.times, rtol=1e-10)


def own(**changed):
    return M.CustomNeuron(
        state={"v": 0.0, "w": 0.0},
        parameters={"tau": 2.0, "tau_w": 4.0, "b": 0.3, "v_th": 1.0},
        f=lambda t, x, p: [(0.2 * x.v**2 - x.v - x.w) / p.tau, -x.w / p.tau_w],
        g=lambda x, p: x.v - p.v_th,
        reset=lambda x, p: [0.0, x.w + p.b],
        arrive=lambda x, p, weight, receptor: [x.v + weight * (1 - 0.2 * x.v), x.w],
        t_ref=0.2,
        tolerance=1e-12,
        **changed,
    )


def test_a_neuron_of_ones_own_in_python_is_trained_with_and_without_a_jacobian():
    def jacobian(t, x, p):
        return [[(0.4 * x.v - 1) / p.tau, -1 / p.tau], [0.0, -1 / p.tau_w]]

    found = []
    for given in (None, jacobian):
        net = es.Network()
        net.add("in", M.SpikeSource(), 3)
        net.add("cell", own(jacobian=given), 2)
        net.connect("in", "cell", weight=np.array([[0.5, 0.4], [0.6, 0.7], [0.4, 0.8]]), delay=0.1)
        times = {"in": [[0.1, 0.5, 0.8]]}
        gradient = SpikeGradient(net)
        run = gradient.forward(times, 3.0)
        assert run.counts("cell").sum() >= 2
        errors = loss_errors(run, ("cell",), np.random.default_rng(0))
        found.append(gradient.backward(run, errors).parameters)
        changed = gradient.network().populations["cell"].model
        assert changed.parameters["tau"] == 2.0
    for key, value in found[0].items():
        np.testing.assert_allclose(value, found[1][key], rtol=1e-8, atol=1e-10)
    assert central_differences(net, times, 3.0, ("cell",), noise=1e-7, steps=STEPS, most=1) > 3


@pytest.mark.parametrize("shape", [(2,), (2, 3)])
def test_a_jacobian_of_another_shape_is_refused_in_one_line(shape):
    net = es.Network()
    net.add("in", M.SpikeSource(), 1)
    net.add("cell", own(jacobian=lambda t, x, p: np.zeros(shape)), 1)
    net.connect("in", "cell", weight=1.5)
    with pytest.raises(
        ValueError, match=r"jacobian of a CustomNeuron must return df/dx of shape \(2, 2\), got"
    ):
        SpikeGradient(net).forward({"in": [[0.5]]}, 2.0)


def test_a_solver_without_an_end_or_without_success_says_so_in_one_line():
    net = es.Network()
    net.add("in", M.SpikeSource(), 1)
    net.add("cell", own(), 1)
    net.connect("in", "cell", weight=1.5)
    with pytest.raises(ConfigError, match="'cell' is followed by a solver, which needs a finite `until`"):
        SpikeGradient(net).forward({"in": [[0.5]]})
    rough = es.Network()
    blows_up = M.CustomNeuron({"v": 1.0}, {}, lambda t, x, p: [x.v**2], lambda x, p: -1.0, lambda x, p: [0.0])
    rough.add("cell", blows_up, 1)
    with pytest.raises(RuntimeError, match="the solver cannot hold its tolerance of 1e-10 at time"):
        SpikeGradient(rough).forward({}, 2.0)


def test_a_crossing_function_that_is_no_number_is_refused_in_one_line():
    net = es.Network()
    nothing = M.CustomNeuron({"v": 0.0}, {}, lambda t, x, p: [1.0], lambda x, p: np.nan, lambda x, p: [0.0])
    net.add("cell", nothing, 1)
    with pytest.raises(
        RuntimeError, match="g of a neuron must be a number, got nan; without one it would never"
    ):
        SpikeGradient(net).forward({}, 2.0)
