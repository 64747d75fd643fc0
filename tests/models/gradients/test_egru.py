"""EGRU: spikes against scipy and Eventax, gradients against central differences and Eventax."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

import eventsim as es
from eventsim.models.gradients import SpikeGradient
from eventsim.models.neurons import CustomNeuron, integrated_spikes
from eventsim.models.neurons._egru_equations import EGRUEquations
from eventsim.models.training.optimisers import Adam
from eventsim.models.training.spike_learner import SpikeLearner
from reference import eventax_network
from reference.gradient_differences import central_differences, inputs

M = es.models
GATES = ("z", "r", "u")
MEAN = {"z": 3.0, "r": 0.3, "u": 1.0}


def network(rng, kind="synaptic", n=3, n_in=4, **changed):
    """Return a recurrent network whose projections lead to all three receptors."""
    net = es.Network(seed=1)
    net.add("in", M.SpikeSource(), n_in)
    options = {"tau_mem": 1.0, "tau_syn": 1.5, "v_th": 0.3, "b_u": 0.5, "tolerance": 1e-13}
    net.add("cells", M.EGRU(**options | changed), n)
    for gate in GATES:
        for pre, m in (("in", n_in), ("cells", n)):
            shape = {"uniform": (), "axonal": (m, 1), "dendritic": (1, n), "synaptic": (m, n)}[kind]
            delay = rng.uniform(0.1, 0.8, shape)
            net.connect(
                pre,
                "cells",
                weight=(MEAN[gate] if pre == "in" else 0.2) * rng.uniform(0.5, 1.5, (m, n)),
                delay=float(delay) if shape == () else delay,
                receptor=gate,
                name=f"{pre}->{gate}",
            )
    return net


@pytest.mark.parametrize("kind", ["uniform", "axonal", "dendritic", "synaptic"])
def test_derivatives_are_central_differences(kind):
    rng = np.random.default_rng(len(kind))
    net = network(rng, kind, t_ref=0.1, tau_mem=rng.uniform(0.8, 1.2, 3), b_z=rng.uniform(0.0, 0.3, 3))
    given = inputs(rng, 1, end=2.0)
    assert SpikeGradient(net).forward(given, 2.5).counts("cells").sum() > 5
    checked = central_differences(net, given, 2.5, ("cells",), noise=2e-8, steps=(1e-3, 3e-4, 1e-4), most=2)
    assert checked > 15


def test_spikes_are_those_of_the_event_engine():
    rng = np.random.default_rng(2)
    net = network(rng)
    times, units = inputs(rng, 1)["in"][0]
    run = SpikeGradient(net).forward({"in": [(times, units)]}, 6.0)
    sim = es.Simulation(net)
    sim.stimulate("in", times, units)
    sim.run(6.0)
    ours, theirs = run.spikes("cells", 0), sim.spikes("cells")
    assert len(ours) > 10
    assert np.array_equal(ours.units, theirs.units)
    np.testing.assert_allclose(ours.times, theirs.times, rtol=1e-10)


def test_spikes_are_those_of_scipy():
    constants = {"tau_mem": 1.0, "tau_syn": 1.5, "v_th": 0.3, "b_z": 0.1, "b_r": 1.0, "b_u": -0.5}
    rng = np.random.default_rng(3)
    times, weights = np.sort(rng.uniform(0.0, 8.0, 12)), rng.normal(1.5, 1.5, 12)
    receptors = np.arange(12) % 3
    state = {"v": 0.0, "a_z": 0.0, "a_r": 0.0, "a_u": 0.0}
    same = CustomNeuron(state=state, parameters=constants, compiled=EGRUEquations(), t_ref=0.2)
    expected = integrated_spikes(same, times, weights, 10.0, receptors, rtol=1e-13, atol=1e-13)
    assert len(expected) > 4
    net = es.Network()
    net.add("in", M.SpikeSource(times, np.arange(12)), 12)
    net.add("cell", M.EGRU(**constants, t_ref=0.2, tolerance=1e-13), 1)
    for number, gate in enumerate(GATES):
        pairs = [(k, 0, weights[k]) for k in range(12) if receptors[k] == number]
        net.connect("in", "cell", pairs, receptor=gate, name=gate)
    sim = es.Simulation(net)
    sim.run(10.0)
    np.testing.assert_allclose(sim.spikes("cell").times, expected, rtol=0, atol=1e-9)


def test_its_jacobian_is_that_of_differences():
    rng, equations = np.random.default_rng(4), EGRUEquations()
    flow = M.EGRU().differentiable(1, "cell").flow
    x, p = rng.normal(size=4), rng.uniform(0.5, 1.5, 6)
    row = flow.parameters(p)[0]
    *_, phi, psi = flow.propagate(x, row, 0.0, 0.01, held=True)
    for k in range(4):
        shift = 1e-5 * np.eye(4)[k]
        up, down = (flow.propagate(x + s * shift, row, 0.0, 0.01, held=True)[1] for s in (1, -1))
        np.testing.assert_allclose(phi[:, k], (up - down) / 2e-5, atol=1e-9)
    assert equations.slope(0.0, x, p)[1] == pytest.approx((p[3] - x[1]) / p[1])
    assert psi.shape == (4, 6)


def test_spikes_and_gradients_are_those_of_eventax():
    pytest.importorskip("eventax")
    rng, n, n_in, until = np.random.default_rng(7), 3, 2, 6.0
    scale = np.array([4.0, 0.3, 1.0])[:, None, None]
    weight = scale * np.concatenate(
        [rng.uniform(0.0, 0.2, (3, n, n)), rng.uniform(0.5, 1.5, (3, n_in, n))], axis=1
    )
    delay = rng.uniform(0.2, 0.9, (n + n_in, n))
    times, loss = np.sort(rng.uniform(0.0, 3.0, (n_in, 3))), rng.normal(size=40)
    options = {"tsyn": 1.5, "tmem": 1.0, "thresh": 0.3, "bias_scale": 0.0}
    options |= {"bias_u_mean": -0.5, "bias_r_mean": 1.0, "bias_z_mean": 0.1}
    arguments = options, weight, delay, times, until, 0.005, loss, 48, ("W_z", "W_r", "W_u")
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        theirs = pool.submit(eventax_network.run, "EGRU", *arguments).result()
    net = es.Network()
    net.add("in", M.SpikeSource(), n_in)
    net.add("cells", M.EGRU(tau_mem=1.0, tau_syn=1.5, v_th=0.3, b_z=0.1, b_u=-0.5, tolerance=1e-13), n)
    for k, gate in enumerate(GATES):
        for pre, rows in (("cells", slice(0, n)), ("in", slice(n, None))):
            options = {"weight": weight[k, rows], "delay": delay[rows], "receptor": gate}
            net.connect(pre, "cells", **options, name=f"{pre}->{gate}")
    gradient = SpikeGradient(net)
    run = gradient.forward({"in": [(times.reshape(-1), np.repeat(np.arange(n_in), 3))]}, until)
    spikes = run.spikes("cells", 0)
    assert len(spikes) > 3
    assert np.array_equal(spikes.units, theirs.units)
    np.testing.assert_allclose(spikes.times, theirs.times, rtol=0, atol=1e-9)
    g = gradient.backward(run, {"cells": [loss[: len(spikes)]]})
    by_weight, by_delay, _, by_time = theirs.derivatives
    for k, gate in enumerate(GATES):
        mine = np.vstack([g.weight[f"cells->{gate}"], g.weight[f"in->{gate}"]])
        np.testing.assert_allclose(mine, by_weight[k], rtol=0, atol=1e-9 * np.abs(by_weight[k]).max())
    mine = sum(np.vstack([g.delay[f"cells->{gate}"], g.delay[f"in->{gate}"]]) for gate in GATES)
    np.testing.assert_allclose(mine, by_delay, rtol=0, atol=1e-9 * np.abs(by_delay).max())
    np.testing.assert_allclose(
        g.times["in"][0], by_time.reshape(-1), rtol=0, atol=1e-9 * np.abs(by_time).max()
    )


def test_it_is_trained():
    rng = np.random.default_rng(5)
    net = network(rng, tolerance=1e-8)
    learner = SpikeLearner(net, "cells", M.losses.SoftCounts(2.0), learn=("weight", "v_th", "b_u"), until=3.0)
    before = {key: value.copy() for key, value in learner.parameters.items()}
    optimiser = Adam(0.2)
    for _ in range(3):
        learner.step(inputs(rng, 2), np.array([0, 2]), optimiser)
    assert all(np.abs(value - before[key]).max() > 0.01 for key, value in learner.parameters.items())


@pytest.mark.parametrize("seed", range(5, 11))
def test_its_threshold_falls_to_a_twentieth_and_no_further(seed):
    rng = np.random.default_rng(seed)
    net, given = network(rng, tolerance=1e-8), inputs(rng, 2)
    # Spikes are wanted at once, so that every step lowers the threshold: by 0.1, the rate of Adam, from 0.3.
    learner = SpikeLearner(net, "cells", M.losses.TargetTimes(0.0, 0.05), learn="v_th", until=3.0)
    optimiser, found = Adam(0.1), []
    for _ in range(5):
        learner.step(given, np.array([0, 2]), optimiser)
        found.append(learner.parameters["v_th/cells"].item())
    assert found[:2] == pytest.approx([0.2, 0.1], abs=0.02)
    assert found[2:] == 3 * [0.05 * 0.3]
    assert learner.network().populations["cells"].model.v_th == 0.05 * 0.3


def test_a_threshold_that_is_not_positive_is_refused_in_one_line():
    with pytest.raises(ValueError, match="v_th of 'cell' must be positive"):
        M.EGRU(v_th=0.0).check(1, "cell")
