"""Neurons that the solver follows, driven by currents over time, against scipy and the exact LIF."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import eventsim as es

M = es.models


def run(model, until, slices=(), n=1, schedule="auto"):
    net = es.Network(seed=3)
    net.add("cell", model, n)
    sim = es.Simulation(net, schedule=schedule)
    for end in slices:
        sim.run(end)
    sim.run(until)
    return sim


CURRENTS = {
    "steps": lambda: M.StepCurrent([3.0, 40.0, 80.0], [400.0, 100.0, 600.0]),
    "lines": lambda: M.LinearCurrent([10.0, 70.0], [0.0, 700.0]),
    "sine": lambda: M.SineCurrent(300.0, 40.0) + 250.0,
    "noise": lambda: M.NoiseCurrent(350.0, 200.0, dt=0.9, tau=4.0),
}


@pytest.mark.parametrize("name", CURRENTS)
def test_without_conductances_the_spikes_are_those_of_the_exact_neuron(name):
    common = {"v_leak": -70.0, "v_th": -55.0, "v_reset": -60.0, "t_ref": 2.0, "c_mem": 250.0}
    exact = run(M.LIF(tau_mem=250.0 / 16.0, i_ext=CURRENTS[name](), **common), 120.0)
    solved = run(M.ConductanceLIF(g_leak=16.0, i_ext=CURRENTS[name](), tolerance=1e-12, **common), 120.0)
    assert len(exact.spikes("cell")) > 3
    np.testing.assert_allclose(solved.spikes("cell").times, exact.spikes("cell").times, rtol=0, atol=1e-8)


def test_an_adex_neuron_spikes_as_scipy_says():
    m = M.AdEx(tolerance=1e-12)

    def drive(t):
        return (1100.0 if 5.0 <= t < 60.0 else 900.0 if t >= 60.0 else 0.0) + 200.0 * np.sin(0.1 * np.pi * t)

    def slope(t, x):
        leak = m.g_leak * (m.v_leak - x[0]) + m.g_leak * m.delta_t * np.exp((x[0] - m.v_t) / m.delta_t)
        return [(leak - x[1] + drive(t)) / m.c_mem, (m.a * (x[0] - m.v_leak) - x[1]) / m.tau_w]

    def peak(t, x):
        return x[0] - m.v_peak

    peak.terminal, peak.direction = True, 1.0
    t, x, expected = 0.0, [m.v_leak, 0.0], []
    for stop in (5.0, 60.0, 150.0):
        while t < stop:
            inside = np.nextafter(stop, 0.0)  # the current of before
            found = solve_ivp(
                slope, (t, inside), x, "DOP853", events=peak, rtol=1e-13, atol=1e-13, max_step=2.0
            )
            t, x = found.t[-1], list(found.y[:, -1])
            if len(found.t_events[0]):
                expected.append(t)
                x = [m.v_reset, x[1] + m.b]
            else:
                t = stop
    current = M.StepCurrent([5.0, 60.0], [1100.0, 900.0]) + M.SineCurrent(200.0, 50.0)
    sim = run(M.AdEx(tolerance=1e-12, i_ext=current), 150.0)
    assert len(expected) > 3
    np.testing.assert_allclose(sim.spikes("cell").times, expected, rtol=0, atol=1e-7)


def test_slices_snapshots_and_units_change_no_bit():
    current = M.NoiseCurrent(np.array([600.0, 700.0, 800.0]), 300.0, dt=0.7, tau=3.0)
    model = M.AdEx(i_ext=current + M.SineCurrent(100.0, 30.0))
    whole = run(model, 80.0, n=3)
    expected = whole.spikes("cell").times
    assert len(expected) > 5
    sliced = run(model, 80.0, slices=(0.1, 0.7, 33.3), n=3)
    np.testing.assert_array_equal(sliced.spikes("cell").times, expected)
    sim = run(model, 30.0, n=3)
    state = sim.snapshot()
    sim.run(80.0)
    np.testing.assert_array_equal(sim.spikes("cell").times, expected)
    sim.restore(state)
    sim.run(80.0)
    np.testing.assert_array_equal(sim.spikes("cell").times, expected)


def test_a_bad_current_is_refused_in_one_line():
    with pytest.raises(ValueError, match=r"times of i_ext of 'cell' must rise from 0 or later, got \[5, 2\]"):
        run(M.AdEx(i_ext=M.StepCurrent([5, 2], [1, 2])), 1.0)
