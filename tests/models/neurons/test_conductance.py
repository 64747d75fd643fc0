"""Neurons with conductances against scipy's integration of equations that are written down here once more."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import eventsim as es

M = es.models
C, G, E, V_TH, V_RESET, T_REF = 250.0, 16.0, -70.0, -55.0, -62.0, 1.5


def opened(shape, tau, rise, s):
    """Return the conductance a time s after an input, up to a factor."""
    if shape == "alpha":
        return s * np.exp(-s / tau)
    return np.exp(-s / tau) - (np.exp(-s / rise) if shape == "double-exponential" else 0.0)


def largest(shape, tau, rise):
    """Return the largest value of `opened`, found on a grid whose error is of second order."""
    return opened(shape, tau, rise, np.linspace(0.0, 3.0 * tau, 300_001)).max()


def integrated(receptors, arrivals, until):
    """Return spike times; conductances are sums over all inputs so far, which the integrator is given."""
    scale = [1.0 / largest(*each[:3]) for each in receptors]

    def conductance(k, t):
        so_far = [(t - time, w) for time, to, w in arrivals if to == k and time <= t]
        return scale[k] * sum(w * opened(*receptors[k][:3], s) for s, w in so_far)

    def slope(t, v):
        current = G * (E - v[0])
        for k, (*_, e_rev) in enumerate(receptors):
            current += conductance(k, t) * (e_rev - v[0])
        return [current / C]

    def crossing(t, v):
        return v[0] - V_TH

    crossing.terminal, crossing.direction = True, 1.0
    t, v, found = 0.0, E, []
    stops = [*(time for time, *_ in arrivals), until]
    ready = -1.0
    while t < until:
        if t < ready:
            t = min(ready, until)
            continue
        stop = next(time for time in stops if time > t)
        sol = solve_ivp(
            slope, (t, stop), [v], "DOP853", events=crossing, rtol=1e-12, atol=1e-12, max_step=0.5
        )
        t, v = sol.t[-1], sol.y[0, -1]
        if len(sol.t_events[0]):
            found.append(t)
            v, ready = V_RESET, t + T_REF
    return np.array(found)


@pytest.mark.parametrize("seed", range(2))
def test_spikes_are_those_of_scipy(seed):
    rng = np.random.default_rng(seed)
    receptors = [
        ("exponential", 4.0, 1.0, 0.0),
        ("alpha", 3.0, 1.0, -5.0),
        ("double-exponential", 9.0, 1.3, -80.0),
    ]
    arrivals = [
        (float(t), int(rng.integers(3)), float(rng.uniform(2.0, 12.0)))
        for t in np.sort(rng.uniform(0.0, 60.0, 30))
    ]
    expected = integrated(receptors, arrivals, 60.0)
    assert len(expected) > 3
    synapses = {
        "a": M.Conductance(4.0, 0.0),
        "b": M.Conductance(M.AlphaSynapse(3.0), -5.0),
        "c": M.Conductance(M.DoubleExponentialSynapse(1.3, 9.0), -80.0),
    }
    model = M.ConductanceLIF(synapses, C, G, E, V_TH, V_RESET, t_ref=T_REF, tolerance=1e-12)
    net = es.Network()
    net.add("in", M.SpikeSource(times=[a[0] for a in arrivals], units=np.arange(30)), 30)
    net.add("cell", model, 1)
    for k, name in enumerate(synapses):
        pairs = [(i, 0, w) for i, (_, to, w) in enumerate(arrivals) if to == k]
        net.connect("in", "cell", pairs, receptor=name, name=name)
    sim = es.Simulation(net)
    sim.run(60.0)
    np.testing.assert_allclose(sim.spikes("cell").times, expected, rtol=0, atol=1e-7)


def test_conductances_reach_the_weight_at_their_peak():
    net = es.Network()
    net.add("in", M.SpikeSource(times=[1.0]), 1)
    synapses = {
        "alpha": M.Conductance(M.AlphaSynapse(3.0), -70.0),
        "double": M.Conductance(M.DoubleExponentialSynapse(1.0, 4.0), -70.0),
    }
    net.add("cell", M.ConductanceLIF(synapses), 1)
    for name in synapses:
        net.connect("in", "cell", weight=2.5, receptor=name, name=name)
    sim = es.Simulation(net)
    for name in synapses:
        sim.record("cell", f"g_{name}", every=0.001)
    sim.run(20.0)
    for name, peak in (("alpha", 3.0), ("double", 4.0 / 3.0 * np.log(4.0))):
        trace = sim.trace("cell", f"g_{name}")
        assert trace.values.max() == pytest.approx(2.5, rel=1e-6)
        assert trace.times[trace.values[:, 0].argmax()] == pytest.approx(1.0 + peak, abs=2e-3)


def test_slices_and_snapshots_change_no_bit():
    def fresh():
        net = es.Network(seed=3)
        net.add("in", M.Poisson(rate=400.0), 20)
        net.add("cells", M.ConductanceLIF(v_th=np.linspace(-58.0, -54.0, 6)), 6)
        net.connect("in", "cells", es.connect.fixed_probability(0.6), weight=20.0, receptor="excitatory")
        net.connect("cells", "cells", weight=4.0, delay=1.0, receptor="inhibitory")
        return es.Simulation(net)

    whole, sliced = fresh(), fresh()
    whole.run(60.0)
    for until in (0.1, 20.0):
        sliced.run(until)
    state = sliced.snapshot()
    sliced.run(60.0)
    expected = whole.spikes("cells").times
    assert len(expected) > 10
    np.testing.assert_array_equal(sliced.spikes("cells").times, expected)
    sliced.restore(state)
    sliced.run(60.0)
    np.testing.assert_array_equal(sliced.spikes("cells").times, expected)


def built(model):
    net = es.Network()
    net.add("cell", model, 1)
    return es.Simulation(net, schedule="ordered")


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        (lambda: M.ConductanceLIF({"a": 3.0}), TypeError, r"receptor 'a' of 'cell' must be a conductance"),
        (lambda: M.ConductanceLIF({}), TypeError, r"synapses of 'cell' must map names to"),
        (
            lambda: M.ConductanceLIF({"a": M.Conductance(-3.0)}),
            ValueError,
            r"tau of receptor 'a' of 'cell' must be positive, got -3.0",
        ),
        (
            lambda: M.ConductanceLIF({"a": M.Conductance(3.0, e_rev=np.nan)}),
            ValueError,
            r"e_rev of receptor 'a' of 'cell' must be finite, got nan",
        ),
        (lambda: M.ConductanceLIF(v_reset=-50.0), ValueError, r"v_reset of 'cell' must be below v_th"),
        (
            lambda: M.ConductanceLIF({f"r{k}": M.Conductance(M.AlphaSynapse(3.0)) for k in range(9)}),
            ValueError,
            r"'cell' has 19 variables a unit, at most 16 are possible",
        ),
        (
            lambda: M.ConductanceLIF(i_ext=M.StepCurrent([3.0, 1.0], [1.0, 2.0])),
            ValueError,
            r"times of i_ext of 'cell' must rise from 0 or later",
        ),
    ],
)
def test_bad_parameters_are_refused_in_one_line(model, error, message):
    with pytest.raises(error, match=message) as refused:
        built(model())
    assert "\n" not in str(refused.value)
