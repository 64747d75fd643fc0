"""LIF neurons beside 50 digits: flow, first crossing, reset, refractoriness, published values."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mpf

import eventsim as es
from eventsim.models.lif import _ordered as _lif
from reference import lif as slow

RATIOS = (1.0, 2.0, 1 + 1e-9, 1.0001, 1.03, 0.5, 0.8, 1.37, 3.0, 20.0, 0.05)
SCHEDULES = ("ordered", "layered", "windows")
EPS = 2.0**-52


def parameters(cell: slow.Cell) -> dict[str, float]:
    names = ("tau_mem", "tau_syn", "c_mem", "v_th", "v_leak", "v_reset", "i_ext", "t_ref")
    return {name: getattr(cell, name) for name in names}


def magnitude(cell, v, i, s=0.0):
    """Return how large the terms of v are whose sum is computed: its rounding scales with this."""
    reach = slow.kappa(cell, peak_time(cell))
    return float(abs(cell.v_inf) + abs(mpf(cell.v_leak)) + abs(mpf(v)) + abs(mpf(i)) * reach)


def peak_time(cell):
    return slow.extremum(slow.Cell(cell.tau_mem, cell.tau_syn, cell.c_mem), 0, 1)


def assert_crossing_exact(cell, v, i):
    """Compare a first crossing with 50 digits; the decision may differ only within rounding of a tangent."""
    found = _lif.crossing(parameters(cell), v, i, cell.delta)
    wanted = slow.first_crossing(cell, v, i)
    size = magnitude(cell, v, i)
    if math.isinf(found) != (wanted == slow.NEVER):
        assert abs(slow.highest(cell, v, i) - cell.v_th) < 1e-12 * size, (cell, v, i, found, wanted)
        return None
    if wanted == slow.NEVER:
        return None
    v_s, i_s = slow.flow(cell, v, i, wanted)
    d = float(abs(slow.slope(cell, v_s, i_s)))
    # Rounding of v by a few units in its last place moves the crossing by that over the slope.
    inherent = 8 * EPS * size / d if d > 0 else math.inf
    # Near a tangent the slope itself vanishes: v = v_th - curvature s^2 / 2 within rounding of v.
    curvature = abs(float((-slow.slope(cell, v_s, i_s) / cell.tau_mem) - i_s / (cell.c_mem * cell.tau_syn)))
    if curvature > 0 and not cell.delta:
        inherent = min(inherent, math.sqrt(16 * EPS * size / curvature) + 8 * EPS * size / max(d, EPS))
    error = float(abs(wanted - mpf(found)))
    assert error <= 1e-13 * (cell.tau_mem + float(wanted)) + inherent, (cell, v, i, found, wanted, error, d)
    return error


@pytest.mark.parametrize("ratio", RATIOS)
def test_the_flow_has_all_its_digits(ratio):
    rng = np.random.default_rng(1)
    for _ in range(60):
        tau_syn = 10 ** rng.uniform(-1, 1)
        cell = slow.Cell(
            tau_mem=ratio * tau_syn,
            tau_syn=tau_syn,
            c_mem=10 ** rng.uniform(-2, 3),
            v_leak=rng.normal(),
            i_ext=rng.normal(),
        )
        v, i = rng.normal(), rng.normal() * 10 ** rng.uniform(-3, 3)
        s = tau_syn * 10 ** rng.uniform(-6, 1.5)
        found = _lif.propagate(parameters(cell), v, i, s)
        wanted = slow.flow(cell, v, i, s)
        assert abs(found[0] - wanted[0]) <= 1e-14 * magnitude(cell, v, i)
        assert abs(found[1] - wanted[1]) <= 1e-14 * abs(i)


@pytest.mark.parametrize("ratio", RATIOS)
@given(
    st.floats(-5, 5), st.floats(-50, 50), st.floats(0, 20), st.floats(0, 1), st.floats(-2, 2), st.booleans()
)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_two_steps_of_the_flow_equal_one(ratio, v, i, s, part, i_ext, delta):
    cell = slow.Cell(tau_mem=1.3 * ratio, tau_syn=1.3, v_leak=-0.3, i_ext=i_ext, delta=delta)
    p = parameters(cell)
    if delta:
        i = 0.0
    whole = _lif.propagate(p, v, i, s, delta)
    halves = _lif.propagate(p, *_lif.propagate(p, v, i, part * s, delta), (1 - part) * s, delta)
    assert halves == pytest.approx(whole, rel=0, abs=2e-14 * max(magnitude(cell, v, i), abs(i)))


@pytest.mark.parametrize("ratio", RATIOS)
def test_the_first_crossing_has_all_its_digits(ratio):
    rng = np.random.default_rng(2)
    n_found = n_never = 0
    for k in range(120):
        tau_syn = 10 ** rng.uniform(-1, 1)
        tau_mem = ratio * tau_syn
        c_mem = 10 ** rng.uniform(-1, 2.5)
        v_leak, v_th = rng.normal(), 0.0
        v_th = v_leak + 10 ** rng.uniform(-1, 1)
        # Rest below threshold, on it, and above it by much and by little.
        drive = rng.choice(
            [0.0, rng.uniform(-1, 1), 1.0, rng.uniform(1, 3), 1 + 10.0 ** rng.uniform(-12, -3)]
        )
        i_ext = drive * (v_th - v_leak) * c_mem / tau_mem
        cell = slow.Cell(tau_mem, tau_syn, c_mem, v_th, v_leak, v_leak, i_ext)
        v = v_th - (v_th - v_leak) * rng.choice([rng.uniform(0, 2), 10.0 ** rng.uniform(-12, 0)])
        needed = float((v_th - v_leak) / slow.kappa(cell, peak_time(cell)))
        size = rng.choice([rng.uniform(0, 3), 10.0 ** rng.uniform(-9, 6)])
        i = rng.choice([-1, 1], p=[0.3, 0.7]) * size * needed
        if k % 20 == 0:
            i = 0.0
        error = assert_crossing_exact(cell, v, i)
        n_found += error is not None
        n_never += error is None
    assert n_found > 30
    assert n_never > 15


@pytest.mark.parametrize("ratio", RATIOS)
def test_a_membrane_that_only_just_reaches_threshold_spikes_and_one_that_does_not_stays_silent(ratio):
    rng = np.random.default_rng(3)
    for margin in [sign * 10.0**-k for k in range(2, 13) for sign in (1, -1)]:
        tau_syn = 10 ** rng.uniform(-1, 1)
        cell = slow.Cell(ratio * tau_syn, tau_syn, c_mem=10 ** rng.uniform(-1, 2))
        top = peak_time(cell)
        i = mpf(1 + margin) / slow.kappa(cell, top)
        v, i = slow.flow(cell, 0, i, rng.uniform(0, 0.95) * top)
        assert_crossing_exact(cell, float(v), float(i))
        if abs(margin) > 3e-12:
            assert math.isinf(_lif.crossing(parameters(cell), float(v), float(i))) == (margin < 0)


def test_a_constant_current_crosses_at_the_logarithm():
    cell = slow.Cell(tau_mem=10.0, c_mem=250.0, v_th=15.0, i_ext=500.0, delta=True)
    assert _lif.crossing(parameters(cell), 0.0, 0.0, True) == pytest.approx(10 * math.log(4), rel=1e-15)
    below = slow.Cell(tau_mem=10.0, c_mem=250.0, v_th=20.0, i_ext=500.0, delta=True)  # v_inf = v_th
    assert math.isinf(_lif.crossing(parameters(below), 0.0, 0.0, True))


def test_a_membrane_that_dips_before_it_rises_crosses_after_the_dip():
    cell = slow.Cell(tau_mem=4.0, tau_syn=0.2, v_th=7.0, i_ext=3.0)  # settles at 12
    for i in (-30.0, -100.0, -1e5):
        dip = slow.extremum(cell, 2.6, i)
        assert assert_crossing_exact(cell, 2.6, i) is not None
        assert _lif.crossing(parameters(cell), 2.6, i) > dip


def cell_of(model) -> slow.Cell:
    names = ("tau_mem", "tau_syn", "c_mem", "v_th", "v_leak", "v_reset", "i_ext", "t_ref")
    values = {name: getattr(model, name) for name in names if hasattr(model, name)}
    return slow.Cell(**values, once=model.first_spike_only, delta=isinstance(model, es.models.LIFDelta))


def one_neuron(model, times, weights, schedule, until, delay=0.0):
    """Return the spike times of a neuron that receives `weights[k]` at `times[k] + delay`."""
    net = es.Network()
    net.add("input", es.models.SpikeSource(times=times, units=np.arange(len(times))), max(len(times), 1))
    net.add("cell", model, 1)
    net.connect("input", "cell", weight=np.reshape(weights, (-1, 1)) if len(times) else 0.0, delay=delay)
    sim = es.Simulation(net, schedule=schedule)
    sim.run(until)
    return sim.spikes("cell").times


A = ([0.15, 0.6, 1.2], [1, 1.5, 1])
B = ([0.3, 0.5, 0.9, 1.4], [1.2, -0.5, 2, 0.8])
F = ([0.25, 0.75, 1.1, 1.9], [2, 2, -1.5, 3])
GOLDEN = [  # Göltz et al. 2021: closed forms, equal to brute force
    (A, 1, 1.325133608482287),
    (A, 2, 1.116347573839994),
    (B, 1, 1.519469599025039),
    (B, 2, 1.352979911172807),
    (([0.2], [3]), 1, 0.819061286735945),
    (([0.2], [3]), 2, 0.674801572303238),
    (([0.2], [2.7]), 1, math.inf),
    (([0.2], [2.7]), 2, 0.763167970982933),
    (([0.2, 0.8], [1, -1]), 1, math.inf),
    (([0.2, 0.8], [1, -1]), 2, math.inf),
    (F, 1, 0.936130538890540),
    (F, 2, 0.869410072358832),
]


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize(("inputs", "ratio", "expected"), GOLDEN)
def test_golden_first_spikes(inputs, ratio, expected, schedule):
    found = one_neuron(es.models.LIF(tau_mem=ratio, first_spike_only=True), *inputs, schedule, 20.0)
    if math.isinf(expected):
        assert len(found) == 0
    else:
        assert found == pytest.approx([expected], rel=0, abs=2e-15)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("delta", [False, True])
def test_a_constant_current_gives_a_regular_train_with_refractoriness(delta, schedule):
    neuron = es.models.LIFDelta if delta else es.models.LIF
    common = {"tau_mem": 10.0, "c_mem": 250.0, "v_leak": -70.0, "v_th": -55.0, "v_reset": -70.0, "t_ref": 2.0}
    found = one_neuron(neuron(i_ext=500.0, **common), [], [], schedule, 70.0)
    # 10 ln 4, again after each reset and 2 ms of refractoriness; NEST's exact neurons give these digits too.
    expected = [13.862943611198906 + k * 15.862943611198906 for k in range(4)]
    assert found == pytest.approx(expected, rel=0, abs=1e-12)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_published_spikes_of_exact_neurons(schedule):
    delta = es.models.LIFDelta(tau_mem=10.0, v_th=1.0, t_ref=0.1)
    found = one_neuron(delta, [1.03, 2.57, 4.111, 9.999], [0.6] * 4, schedule, 30.0, delay=1.0)
    assert found == pytest.approx([3.57], rel=0, abs=1e-15)
    exp = es.models.LIF(tau_mem=10.0, tau_syn=2.0, c_mem=250.0, v_th=15.0, t_ref=2.0, i_ext=300.0)
    found = one_neuron(exp, [5.0, 7.3, 11.77, 12.01, 20.5], [800.0] * 5, schedule, 30.0, delay=1.5)
    assert found == pytest.approx([10.24340431474273, 22.095602408761888], rel=0, abs=2e-14)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("ratio", [1.0, 2.0, 1 + 1e-9, 1.03, 0.4, 3.7, "delta"])
def test_trains_of_spikes_agree_with_an_integration_in_50_digits(ratio, schedule):
    rng = np.random.default_rng(4)
    n_spikes = 0
    for _ in range(4):
        n = 30
        times, weights = np.sort(rng.uniform(0, 20, n)), rng.normal(1.0, 1.5, n)
        common = {
            "v_leak": -0.2,
            "v_reset": -0.5,
            "t_ref": rng.choice([0.0, 0.7]),
            "i_ext": rng.choice([0.0, 0.2]),
        }
        if ratio == "delta":
            model, weights = es.models.LIFDelta(tau_mem=4.0, **common), 0.5 * weights
        else:
            model = es.models.LIF(tau_mem=2.0 * ratio, tau_syn=2.0, c_mem=1.5, **common)
        delay = 0.25
        inputs = [(mpf(t) + mpf(delay), 0, w) for t, w in zip(times, weights, strict=True)]
        expected = [float(t) for t, _ in slow.simulate([cell_of(model)], [], inputs, 25.0)]
        found = one_neuron(model, times, weights, schedule, 25.0, delay)
        assert len(found) == len(expected)
        assert found == pytest.approx(expected, rel=0, abs=1e-11)
        n_spikes += len(found)
    assert n_spikes > 12


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_small_recurrent_network_agrees_with_50_digits(schedule):
    if schedule == "layered":
        pytest.skip("needs a network without loops")
    rng = np.random.default_rng(5)
    n, n_in = 4, 30
    model = es.models.LIF(tau_mem=3.1, tau_syn=1.7, t_ref=0.5)
    weight = rng.normal(0.6, 0.8, (n, n))
    delay = rng.uniform(0.5, 2.0, (n, n))
    times, units = np.sort(rng.uniform(0, 15, n_in)), rng.integers(0, n, n_in)
    net = es.Network()
    net.add("input", es.models.SpikeSource(times=times, units=units), n)
    net.add("cells", model, n)
    net.connect("input", "cells", es.connect.one_to_one(), weight=2.0)
    net.connect("cells", "cells", weight=weight, delay=delay)
    sim = es.Simulation(net, schedule=schedule)
    sim.run(20.0)
    synapses = [(i, j, weight[i, j], delay[i, j]) for i in range(n) for j in range(n)]
    inputs = [(t, u, 2.0) for t, u in zip(times, units, strict=True)]
    expected = slow.simulate([cell_of(model)] * n, synapses, inputs, 20.0)
    found = sim.spikes("cells")
    assert found.units.tolist() == [unit for _, unit in expected]
    assert found.times == pytest.approx([float(t) for t, _ in expected], rel=0, abs=1e-11)
    assert len(expected) > 10


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_shifting_all_inputs_shifts_all_spikes(schedule):
    rng = np.random.default_rng(6)
    # Multiples of 2^-20, so that the shifted inputs are shifted exactly.
    times, weights = np.sort(rng.integers(0, 10 << 20, 40)) / 2.0**20, rng.normal(0.5, 1.0, 40)
    for model in (es.models.LIF(tau_mem=1.37, t_ref=0.3), es.models.LIF(), es.models.LIF(tau_mem=2.0)):
        there = one_neuron(model, times, weights, schedule, 20.0)
        assert len(there) > 1
        for shift in (1.0, 100.0, 1000.0):
            here = one_neuron(model, times + shift, weights, schedule, 20.0 + shift)
            assert here - shift == pytest.approx(there, rel=0, abs=1e-12)


@pytest.mark.parametrize("delta", [False, True])
def test_scaling_time_and_voltage_scales_the_spikes(delta):
    rng = np.random.default_rng(7)
    times, weights = np.sort(rng.uniform(0, 10, 40)), rng.normal(0.8, 1.0, 40)
    if delta:
        small, large = es.models.LIFDelta(t_ref=0.3), es.models.LIFDelta(tau_mem=8.0, v_th=16.0, t_ref=2.4)
        factor = 16.0
    else:
        small = es.models.LIF(tau_mem=2.0, t_ref=0.3)
        large = es.models.LIF(tau_mem=16.0, tau_syn=8.0, c_mem=4.0, v_th=16.0, t_ref=2.4)
        factor = 16.0 * 4.0 / 8.0
    a = one_neuron(small, times, weights, "ordered", 20.0)
    b = one_neuron(large, 8 * times, factor * weights, "ordered", 160.0)
    assert len(a) > 1
    assert b / 8 == pytest.approx(a, rel=0, abs=1e-13)


def test_a_state_with_the_names_of_the_version_before_is_read():
    def simulation():
        net = es.Network(seed=1)
        net.add("noise", es.models.Poisson(rate=300.0), 5)
        net.add("cells", es.models.LIF(tau_mem=10.0, t_ref=2.0), 5)
        net.connect("noise", "cells", weight=0.9)
        return es.Simulation(net)

    def renamed(state):
        if not isinstance(state, dict):
            return state
        old = {"refractory_end": "release", "next_spike": "due"}
        return {old.get(key, key): renamed(value) for key, value in state.items()}

    sim = simulation()
    sim.run(50.0)
    state = renamed(sim.snapshot())
    assert "'release'" in repr(state)
    sim.run(100.0)
    expected = sim.spikes("cells").times.copy()
    sim.restore(state)
    sim.run(100.0)
    assert len(expected) > 20
    assert (sim.spikes("cells").times == expected).all()
