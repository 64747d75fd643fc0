"""Nonlinear neurons against scipy's integration of equations that are written down here once more."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import eventsim as es

M = es.models


def adex(m):
    def slope(_, x, held):
        v, i, w = x
        leak = m.g_leak * (m.v_leak - v) + m.g_leak * m.delta_t * np.exp((v - m.v_t) / m.delta_t)
        dv = 0.0 if held else (leak - w + i + m.i_ext) / m.c_mem
        return [dv, -i / m.tau_syn, (m.a * (v - m.v_leak) - w) / m.tau_w]

    return slope, [m.v_leak, 0.0, 0.0], lambda x: [m.v_reset, x[1], x[2] + m.b]


def exponential(m):
    def slope(_, x, held):
        leak = m.g_leak * (m.v_leak - x[0] + m.delta_t * np.exp((x[0] - m.v_t) / m.delta_t))
        return [0.0 if held else (leak + x[1] + m.i_ext) / m.c_mem, -x[1] / m.tau_syn]

    return slope, [m.v_leak, 0.0], lambda x: [m.v_reset, x[1]]


def quadratic(m):
    def slope(_, x, held):
        dv = (m.k * (x[0] - m.v_leak) * (x[0] - m.v_t) + x[1] + m.i_ext) / m.c_mem
        return [0.0 if held else dv, -x[1] / m.tau_syn]

    return slope, [m.v_leak, 0.0], lambda x: [m.v_reset, x[1]]


def izhikevich(m):
    def slope(_, x, held):
        dv = 0.04 * x[0] ** 2 + 5 * x[0] + 140 - x[2] + x[1] + m.i_ext
        return [0.0 if held else dv, -x[1] / m.tau_syn, m.a * (m.b * x[0] - x[2])]

    return slope, [m.c, 0.0, m.b * m.c], lambda x: [m.c, x[1], x[2] + m.d]


CASES = {
    "adex": (M.AdEx, adex, 400.0, {"i_ext": 700.0}),
    "exponential-if": (M.ExponentialIF, exponential, 400.0, {"i_ext": 500.0}),
    "quadratic-if": (M.QuadraticIF, quadratic, 80.0, {"i_ext": 60.0}),
    "izhikevich": (M.Izhikevich, izhikevich, 4.0, {"i_ext": 6.0}),
}


def integrated(model, equations, arrivals, weights, until):
    """Return spike times; a delta synapse moves the first variable, an exponential one the second."""
    slope, x, reset = equations(model)
    t, ready, spikes = 0.0, -1.0, []

    def peak(_, x, held):
        return x[0] - model.v_peak

    peak.terminal, peak.direction = True, 1.0
    for k, stop in enumerate([*arrivals, until]):
        while t < stop:
            held = t < ready
            end = min(stop, ready) if held else stop
            found = solve_ivp(
                slope,
                (t, end),
                x,
                "DOP853",
                events=None if held else peak,
                args=(held,),
                rtol=1e-13,
                atol=1e-13,
            )
            t, x = found.t[-1], list(found.y[:, -1])
            if not held and len(found.t_events[0]):
                spikes.append(t)
                x, ready = reset(x), t + model.t_ref
        if k < len(arrivals) and (model.synapse == "exponential" or t >= ready):
            x[0 if model.synapse == "delta" else 1] += weights[k]
    return np.array(spikes)


def simulation(model, arrivals, weights, schedule="auto"):
    net = es.Network(seed=1)
    net.add("in", M.SpikeSource(times=arrivals, units=np.arange(len(arrivals))), len(arrivals))
    net.add("cell", model, 1)
    net.connect("in", "cell", weight=np.asarray(weights)[:, None])
    return es.Simulation(net, schedule=schedule)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("synapse", ["exponential", "delta"])
@pytest.mark.parametrize("name", CASES)
def test_spikes_are_those_of_scipy(name, synapse, seed):
    kind, equations, size, drive = CASES[name]
    rng = np.random.default_rng(seed)
    arrivals = np.sort(rng.uniform(0.0, 150.0, 60))
    weights = rng.normal(size / 2, size, 60) * (1.0 if synapse == "exponential" else 3.0 / size)
    t_ref = (0.0, 2.0)[seed]
    model = kind(**drive, synapse=synapse, t_ref=t_ref, tolerance=1e-12)
    expected = integrated(model, equations, arrivals, weights, 150.0)
    assert len(expected) > 2
    sim = simulation(model, arrivals, weights)
    sim.run(150.0)
    # Both solvers leave errors of some 1e-12 a step; the membrane before a spike magnifies them.
    np.testing.assert_allclose(sim.spikes("cell").times, expected, rtol=0, atol=5e-9)
    sim = simulation(kind(**drive, synapse=synapse, t_ref=t_ref), arrivals, weights)
    sim.run(150.0)
    np.testing.assert_allclose(sim.spikes("cell").times, expected, rtol=0, atol=1e-6)


def test_a_quadratic_neuron_with_constant_drive_spikes_at_the_closed_form():
    model = M.QuadraticIF(
        c_mem=1.0, k=1.0, v_leak=0.0, v_t=0.0, v_reset=-5.0, v_peak=9.0, v_init=-5.0, i_ext=4.0
    )
    sim = simulation(model, [1.0], [0.0])
    sim.run(20.0)
    period = (np.arctan(9.0 / 2.0) + np.arctan(5.0 / 2.0)) / 2.0  # of dv/dt = v^2 + 4
    np.testing.assert_allclose(
        sim.spikes("cell").times, period * np.arange(1, 16)[: len(sim.spikes("cell"))], atol=1e-8
    )
    assert len(sim.spikes("cell")) == int(20.0 / period)


def test_inputs_and_recordings_on_the_way_to_a_spike_are_exact():
    """The last half millisecond before a spike, where time follows the membrane unless an input comes."""
    model = M.AdEx(i_ext=700.0, tolerance=1e-12)
    first = integrated(model, adex, [], [], 60.0)[0]
    arrivals = first - np.array([0.2, 0.06, 0.02, 1e-3, 1e-6])
    weights = np.array([900.0, -500.0, 2000.0, -3000.0, 1e4])
    for n in range(1, 6):
        expected = integrated(model, adex, arrivals[:n], weights[:n], 60.0)
        sim = simulation(model, arrivals[:n], weights[:n])
        sim.run(60.0)
        np.testing.assert_allclose(sim.spikes("cell").times, expected, rtol=0, atol=1e-9)
        recorded = simulation(model, arrivals[:n], weights[:n])
        recorded.record("cell", "v", every=0.001)
        recorded.run(60.0)
        np.testing.assert_array_equal(recorded.spikes("cell").times, sim.spikes("cell").times)
    t = np.arange(60000) * 0.001
    near = (t > expected[0] - 0.3) & (t < expected[0] - 0.005)
    slope, x, _ = adex(model)
    start, v = 0.0, []
    for stop, weight in zip([*arrivals, 60.0], [*weights, 0.0], strict=True):
        at = t[near & (t >= start) & (t < stop)]
        end = min(stop, expected[0] - 1e-4)
        if end > start:
            found = solve_ivp(
                slope, (start, end), x, "DOP853", at, args=(False,), rtol=1e-13, atol=1e-13, dense_output=True
            )
            v.extend(found.y[0])
            x = list(found.sol(end))
        start, x[1] = stop, x[1] + weight
    np.testing.assert_allclose(recorded.trace("cell", "v").values[near, 0], v[: near.sum()], atol=1e-7)


def test_a_unit_at_rest_is_saved_and_goes_on():
    model = M.QuadraticIF(i_ext=0.0)
    sim = simulation(model, [50.0, 51.0, 52.0], [400.0, 400.0, 400.0])
    sim.run(10.0)
    state = sim.snapshot()
    sim.run(100.0)
    fresh = simulation(model, [50.0, 51.0, 52.0], [400.0, 400.0, 400.0])
    fresh.restore(state)
    fresh.run(100.0)
    assert len(sim.spikes("cell")) > 0
    np.testing.assert_array_equal(fresh.spikes("cell").times, sim.spikes("cell").times)


def loop(schedule="auto"):
    net = es.Network(seed=4)
    net.add("in", M.Poisson(rate=200.0), 20)
    net.add("cells", M.AdEx(v_init=np.linspace(-70.0, -55.0, 8), t_ref=1.0), 8)
    net.connect("in", "cells", es.connect.fixed_probability(0.5), weight=300.0, delay=0.3)
    net.connect("cells", "cells", es.connect.fixed_probability(0.5), weight=200.0, delay=1.1)
    sim = es.Simulation(net, schedule=schedule)
    sim.record("cells", "w", every=0.7)
    return sim


def test_slices_snapshots_and_recordings_change_no_bit(tmp_path):
    whole = loop()
    whole.run(100.0)
    sliced = loop()
    for until in (0.01, 3.0, 37.5, 60.0):
        sliced.run(until)
    state = sliced.snapshot()
    sliced.run(100.0)
    expected = whole.spikes("cells").times
    assert len(expected) > 20
    np.testing.assert_array_equal(sliced.spikes("cells").times, expected)
    np.testing.assert_array_equal(sliced.trace("cells", "w").values, whole.trace("cells", "w").values)
    fresh = loop()
    fresh.restore(state)
    fresh.run(100.0)
    np.testing.assert_array_equal(
        fresh.spikes("cells").times, expected[expected >= 60.0][-len(fresh.spikes("cells")) :]
    )
    assert fresh.spikes("cells").times[-1] == expected[-1]
    whole.save(tmp_path / "run.h5")
    np.testing.assert_array_equal(es.io.load(tmp_path / "run.h5").spikes["cells"].times, expected)


@pytest.mark.parametrize("schedule", ["windows", "layered"])
def test_other_schedules_are_refused_in_one_line(schedule):
    with pytest.raises(es.ConfigError, match=r"^'cell' runs on the ordered schedule only$"):
        simulation(M.AdEx(), [1.0], [1.0], schedule)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"v_reset": 3.0}, r"v_reset of 'cell' must be below v_peak, got v_reset = 3.0 and v_peak = 0.0"),
        ({"delta_t": 0.0}, r"delta_t of 'cell' must be positive, got 0.0"),
        ({"synapse": "alpha"}, r"synapse of 'cell' must be 'exponential' or 'delta', got 'alpha'"),
        ({"tolerance": 0.5}, r"tolerance of 'cell' must lie between 1e-13 and 0.01, got 0.5"),
        ({"max_step": -1.0}, r"max_step of 'cell' must be a time > 0, got -1.0"),
    ],
)
def test_bad_parameters_are_refused_in_one_line(arguments, message):
    with pytest.raises(ValueError, match=message) as refused:
        simulation(M.AdEx(**arguments), [1.0], [1.0])
    assert "\n" not in str(refused.value)
