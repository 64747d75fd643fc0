"""Spikes and gradients of recurrent networks with delays against Eventax, which solves equations in steps."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

import eventsim as es
from eventsim.models.gradients import SpikeGradient
from reference import eventax_network

pytest.importorskip("eventax")

M = es.models
TIGHT = {"tolerance": 1e-13}
HARD = {"reset_grad_preserve": False}
EXPONENTIAL = {"v_leak": 0.0, "v_t": 1.0, "delta_t": 0.3, "v_peak": 1.8, "v_reset": 0.0, "v_init": 0.0}
IZHIKEVICH = {"a": 0.02, "b": 0.2, "c": -65.0, "d": 8.0}

NEURONS = {  # Eventax' model and its options, ours, weight, step of the solver
    "LIF": (
        {"thresh": 1.0, "tsyn": 5.0, "tmem": 10.0, "vreset": 0.0, **HARD},
        M.LIF(tau_mem=10.0, tau_syn=5.0, c_mem=10.0),
        3.0,
        0.02,
    ),
    "QIF": ({"tmem": 10.0, "tsyn": 5.0}, M.QIF(tau_mem=10.0, c_mem=10.0), 8.0, 0.01),
    "EIF": (
        {"tmem": 10.0, "tsyn": 5.0, "deltaT": 0.3, "v_peak": 1.8, "spike_time_tol": None, **HARD},
        M.ExponentialIF(c_mem=10.0, g_leak=1.0, tau_syn=5.0, **EXPONENTIAL, **TIGHT),
        4.0,
        0.002,
    ),
    "Izhikevich": (
        {**IZHIKEVICH, "tau_syn": 5.0, **HARD},
        M.Izhikevich(**IZHIKEVICH, tau_syn=5.0, v_init=-65.0, u_init=-13.0, **TIGHT),
        10.0,
        0.002,
    ),
}


def ours(model, weight, delay, times, until):
    """Return our gradient rule and a forward pass of the same network."""
    n, (n_in, k) = weight.shape[1], times.shape
    net = es.Network()
    net.add("in", M.SpikeSource(), n_in)
    net.add("cells", model, n)
    net.connect("in", "cells", weight=weight[n:], delay=delay[n:])
    net.connect("cells", "cells", weight=weight[:n], delay=delay[:n])
    gradient = SpikeGradient(net, kernel="adjoint")
    given = times.reshape(-1), np.repeat(np.arange(n_in), k)
    return gradient, gradient.forward({"in": [given]}, until)


@pytest.fixture(scope="module")
def eventax():
    """Run networks in Eventax, in a process of its own: JAX' threads and a fork do not get on."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        yield lambda *arguments: pool.submit(eventax_network.run, *arguments).result()


@pytest.mark.parametrize("name", NEURONS)
def test_spikes_and_gradients_are_those_of_eventax(eventax, name):
    options, model, scale, step = NEURONS[name]
    rng, n, n_in, until = np.random.default_rng(1), 3, 2, 15.0
    weight = scale * np.vstack([rng.normal(0.1, 0.3, (n, n)), rng.uniform(0.5, 1.5, (n_in, n))])
    delay = rng.uniform(0.5, 2.0, (n + n_in, n))
    times = np.sort(rng.uniform(0.0, 10.0, (n_in, 3)))
    loss = rng.normal(size=40)
    theirs = eventax(name, options, weight, delay, times, until, step, loss)

    gradient, found = ours(model, weight, delay, times, until)
    spikes = found.spikes("cells", 0)
    assert len(spikes) > 3
    assert np.array_equal(spikes.units, theirs.units)
    np.testing.assert_allclose(spikes.times, theirs.times, rtol=0, atol=1e-9)

    g = gradient.backward(found, {"cells": [loss[: len(spikes)]]})
    by_weight, by_delay, by_current, by_time = theirs.derivatives
    pairs = {
        "weights": (np.vstack([g.weight["cells->cells"], g.weight["in->cells"]]), by_weight),
        "delays": (np.vstack([g.delay["cells->cells"], g.delay["in->cells"]]), by_delay),
        "input times": (g.times["in"][0], by_time.reshape(-1)),
    }
    if "i_ext/cells" in g.parameters:
        pairs["current"] = (g.parameters["i_ext/cells"], by_current.sum(keepdims=True))
    for what, (mine, other) in pairs.items():
        largest = np.abs(other).max()
        assert largest > 1e-3, what
        np.testing.assert_allclose(mine, other, rtol=0, atol=1e-9 * largest, err_msg=what)


def test_a_spike_that_coarse_steps_miss_is_found(eventax):
    # The membrane is above threshold for less than a step: below it at both ends.
    options = {"thresh": 1.0, "tsyn": 1.0, "tmem": 2.0, "vreset": 0.0, **HARD}
    weight, delay, times = np.array([[0.0], [4.05]]), np.array([[0.5], [0.5]]), np.array([[0.0]])
    _, found = ours(M.LIF(tau_mem=2.0, c_mem=2.0), weight, delay, times, 5.0)
    # v = 4.05 (e^(-t/2) - e^-t), so with y = e^(-t/2): 4.05 (y - y^2) = 1.
    exact = 0.5 - 2.0 * np.log(0.5 + np.sqrt(0.25 - 1 / 4.05))
    assert found.first_spikes("cells")[0, 0] == pytest.approx(exact, abs=1e-14)
    by_step = {step: eventax("LIF", options, weight, delay, times, 5.0, step) for step in (2.5, 0.01)}
    assert len(by_step[2.5].times) == 0
    np.testing.assert_allclose(by_step[0.01].times, [exact], rtol=0, atol=1e-9)
