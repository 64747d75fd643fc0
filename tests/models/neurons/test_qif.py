"""Quadratic neurons in closed form against integration in theta, u = tan(theta / 2), which stays finite."""

import mpmath
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import eventsim as es

QIF = es.models.QIF


def integrated(model, arrivals, weights, until):
    """Return the spike times of one unit as scipy's DOP853 finds them, with atan for charts of its own."""
    span = model.v_t - model.v_leak
    gain = model.tau_mem / (model.c_mem * span)
    delta = model.synapse == "delta"

    def slope(_, x, held):
        drive = gain * (model.i_ext if delta else x[1])
        turn = (1 - np.cos(x[0])) - np.sin(x[0]) + drive * (1 + np.cos(x[0]))
        return [0.0 if held else turn / model.tau_mem, -2 * x[1] / model.tau_mem]

    def peak(_, x, held):
        return x[0] - np.pi

    peak.terminal, peak.direction = True, 1.0
    v = model.v_leak if model.v_init is None else model.v_init
    x = np.array([2 * np.arctan((v - model.v_leak) / span), model.i_init])
    t, ready, spikes = 0.0, -np.inf, []
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
                rtol=1e-13,
                atol=1e-13,
                args=(held,),
            )
            t, x = float(found.t[-1]), found.y[:, -1]
            if not held and len(found.t_events[0]):
                spikes.append(t)
                x[0] = 2 * np.arctan((model.v_reset - model.v_leak) / span)
                ready = t + model.t_ref
        if k < len(arrivals):
            if not delta:
                x[1] += weights[k]
            elif not t < ready and x[0] != -np.pi:
                x[0] = 2 * np.arctan(np.tan(x[0] / 2) + weights[k] / span)
    return np.array(spikes), x


def simulated(model, arrivals, weights, until, slices=1):
    net = es.Network()
    net.add("cell", model, 1)
    if len(arrivals):
        net.add("in", es.models.SpikeSource(times=arrivals, units=np.arange(len(arrivals))), len(arrivals))
        net.connect("in", "cell", weight=np.asarray(weights)[:, None])
    sim = es.Simulation(net)
    for k in range(slices):
        sim.run((k + 1) * until / slices)
    return sim.spikes("cell").times


CASES = {
    "": {},
    "finite reset": {"v_reset": -0.5, "t_ref": 0.3},
    "high reset": {"v_reset": 1.5, "t_ref": 0.1},
    "held": {"t_ref": 0.7},
    "units": {
        "tau_mem": 20.0,
        "c_mem": 3.0,
        "v_leak": -60.0,
        "v_t": -45.0,
        "v_reset": -70.0,
        "v_init": -52.0,
    },
}


@pytest.mark.parametrize("synapse", ["exponential", "delta"])
@pytest.mark.parametrize("case", CASES)
def test_spike_times_are_those_of_a_tight_integration(case, synapse):
    rng = np.random.default_rng([len(case), len(synapse)])
    given = dict(CASES[case])
    tau = given.get("tau_mem", 1.0)
    unit = (given.get("v_t", 1.0) - given.get("v_leak", 0.0)) * (
        given.get("c_mem", 1.0) / tau if synapse == "exponential" else 1.0
    )
    total = 0
    for trial in range(8):
        if synapse == "delta":
            given["i_ext"] = rng.uniform(-0.5, 2.0) * unit * given.get("c_mem", 1.0) / tau
        else:
            given["i_init"] = rng.normal(0.0, 3.0) * unit
        model = QIF(synapse=synapse, **given)
        arrivals = np.sort(rng.uniform(0.0, 6.0 * tau, 25))
        weights = rng.normal(
            2.0 if synapse == "exponential" else 0.2, 4.0 if synapse == "exponential" else 0.6, 25
        )
        weights *= unit
        expected, _ = integrated(model, arrivals, weights, 8.0 * tau)
        found = simulated(model, arrivals, weights, 8.0 * tau)
        assert len(found) == len(expected), trial
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9 * tau)
        total += len(found)
    assert total > 10


def test_a_first_spike_has_the_published_closed_form():
    # v = -z tan(z - phi), z = sqrt(i0) exp(-t / tau): it diverges at T = tau ln(z0 / (phi - pi/2)).
    with mpmath.workdps(50):
        for v, i in ((0.0, 3.0), (-2.5, 40.0), (0.9, 1.1), (3.0, 1e-8)):
            z = mpmath.sqrt(i)
            phi = z + mpmath.atan(mpmath.mpf(v) / z)
            expected = float(3 * mpmath.log(z / (phi - mpmath.pi / 2))) if phi > mpmath.pi / 2 else np.inf
            cell = QIF(tau_mem=3.0, c_mem=3.0, v_init=v, i_init=i)
            found = simulated(cell, [], [], 200.0)
            if expected == np.inf:
                assert len(found) == 0
            else:
                assert found[0] == pytest.approx(expected, rel=1e-14)


def test_a_negative_current_delays_a_spike_as_tanh_and_coth_say():
    # tau du/dt = u^2 - u - y^2 with y = y0 exp(-t/tau): u = y coth(y + c) where |u| > y.
    with mpmath.workdps(50):
        for v, i in ((3.0, -2.0), (1.5, -0.2), (40.0, -300.0), (2.0, -1e-9)):
            y = mpmath.sqrt(-mpmath.mpf(i))
            left = y - mpmath.acoth(mpmath.mpf(v) / y)
            expected = float(mpmath.log(y / left)) if left > 0 else np.inf
            found = simulated(QIF(v_init=v, i_init=i), [], [], 200.0)
            assert (found[0] if len(found) else np.inf) == pytest.approx(expected, rel=1e-13)


def test_its_flow_in_two_halves_is_its_flow():
    from eventsim.models.neurons._qif import QIFDelta, QIFExponential

    rng = np.random.default_rng(5)
    for flow in (QIFExponential(), QIFDelta()):
        for _ in range(300):
            p = flow.parameters([rng.uniform(0.5, 3), rng.uniform(0.5, 2), rng.normal(), 0.0, 1.0, -np.inf])[
                0
            ]
            x = np.array([rng.uniform(-1, 1), rng.normal(0, 5), rng.integers(2)][: flow.n_state], float)
            x[-1] = rng.integers(2)
            _, whole, spike, phi, _ = flow.propagate(x, p, 0.0, 0.5)
            if spike:
                continue
            _, half, _, one, _ = flow.propagate(x, p, 0.0, 0.2)
            _, both, _, two, _ = flow.propagate(half, p, 0.2, 0.5)
            if whole[-1] != both[-1]:  # at the border of the charts
                continue
            np.testing.assert_allclose(both, whole, rtol=1e-10, atol=1e-12)
            np.testing.assert_allclose(two @ one, phi, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("delta", [False, True])
def test_derivatives_of_the_flow_are_those_of_differences(delta):
    from eventsim.models.neurons._qif import QIFDelta, QIFExponential

    rng = np.random.default_rng(7)
    flow = QIFDelta() if delta else QIFExponential()
    n_checked = 0
    for _ in range(400):
        values = np.array([rng.uniform(0.5, 3), rng.uniform(0.5, 2), 2 * rng.normal(), 0.0, 1.0, -np.inf])
        x = np.array(
            [rng.uniform(-1, 1), rng.choice([1e-3, 1.0, 5.0]) * rng.normal(), rng.integers(2)], float
        )
        x = x[[0, 2]] if delta else x

        def at(y, q):
            return flow.propagate(y, flow.parameters(q)[0], 0.0, 0.4)

        _, y, spike, phi, psi = at(x, values)
        if spike:
            continue
        h = 1e-6
        for k in range(flow.dim + 3):
            up, down = np.array([x, x]), np.array([values, values])
            target = (up, k) if k < flow.dim else (down, k - flow.dim)
            target[0][0, target[1]] += h
            target[0][1, target[1]] -= h
            one, two = at(up[0], down[0]), at(up[1], down[1])
            if one[2] or two[2] or one[1][-1] != y[-1] or two[1][-1] != y[-1]:
                continue
            slope = (one[1] - two[1])[: flow.dim] / (2 * h)
            exact = phi[:, k] if k < flow.dim else psi[:, k - flow.dim]
            np.testing.assert_allclose(slope, exact, rtol=3e-7, atol=3e-8)
            n_checked += 1
    assert n_checked > 800


def test_the_sum_of_slices_is_the_run():
    rng = np.random.default_rng(2)
    arrivals, weights = np.sort(rng.uniform(0, 6, 30)), rng.normal(2, 4, 30)
    whole = simulated(QIF(t_ref=0.2), arrivals, weights, 8.0)
    sliced = simulated(QIF(t_ref=0.2), arrivals, weights, 8.0, slices=17)
    assert len(whole) > 3
    assert np.array_equal(whole, sliced)


def test_a_snapshot_and_a_trace_go_with_it():
    net = es.Network(seed=3)
    net.add("in", es.models.Poisson(rate=3000.0), 5)
    net.add("cells", QIF(v_reset=-2.0), 4)
    net.connect("in", "cells", weight=1.0)
    sim = es.Simulation(net)
    sim.record("cells", "v", every=0.05)
    sim.record("cells", "i_syn", every=0.05)
    sim.run(3.0)
    state = sim.snapshot()
    sim.run(6.0)
    first = sim.spikes("cells")
    sim.restore(state)
    sim.run(6.0)
    assert np.array_equal(first.times, sim.spikes("cells").times)
    assert len(first) > 10
    assert np.isfinite(sim.trace("cells", "v").values).all()


def test_an_input_in_the_instant_of_a_spike_comes_before_it():
    at = simulated(QIF(i_init=4.0), [], [], 50.0)[0]
    late = simulated(QIF(i_init=4.0), [at], [-50.0], 50.0)  # v is infinite by then: nothing holds it
    assert late == pytest.approx([at], rel=1e-15, abs=0)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"i_ext": 1.0}, "i_ext of 'cell' must be 0 with synapse='exponential'"),
        ({"v_t": 0.0}, "v_leak of 'cell' must be below v_t"),
        ({"v_reset": np.inf}, "v_reset of 'cell' must be finite or -inf, got inf"),
        ({"v_init": -np.inf}, "v_init of 'cell' must be finite"),
        ({"synapse": "alpha"}, "synapse of 'cell' must be 'exponential' or 'delta', got 'alpha'"),
        ({"tau_mem": 0.0}, "tau_mem of 'cell' must be positive"),
    ],
)
def test_bad_parameters_are_refused_in_one_line(wrong, message):
    net = es.Network()
    with pytest.raises(ValueError, match=message):
        net.add("cell", QIF(**wrong), 1)
