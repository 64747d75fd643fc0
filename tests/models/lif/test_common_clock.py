"""LIF neurons on one clock: exact spikes, the same bits on all schedules, in slices and after snapshots."""

import math

import mpmath
import numpy as np
import pytest

import eventsim as es

SCHEDULES = ("ordered", "windows", "layered")
END = 100.0


def neuron(rng, n, clock="common", **options):
    """Return random neurons on one clock; many are driven over their threshold."""
    values = {
        "tau_mem": rng.uniform(5.0, 15.0),
        "c_mem": rng.uniform(5.0, 15.0),
        "v_leak": rng.uniform(-0.2, 0.2),
        "v_reset": -rng.uniform(0.2, 0.6),
        "v_th": rng.uniform(0.8, 1.2),
        "t_ref": rng.choice([0.0, 0.7, 3.0]),
        "v_init": rng.uniform(-0.5, 1.4, n),
    }
    values["i_ext"] = rng.choice([0.0, 0.7, 1.5]) * values["c_mem"] / values["tau_mem"]
    return es.models.LIFDelta(**{**values, **options}, clock=clock)


def network(seed, loop, clock="common", **options):
    """Return a random network, recurrent or not."""
    rng = np.random.default_rng(seed)
    n = int(rng.choice([1, 5, 40]))
    net = es.Network(seed=seed)
    net.add("input", es.models.Poisson(rate=rng.uniform(50.0, 300.0)), 6)
    net.add("a", neuron(rng, n, clock, **options), n)
    net.add("b", neuron(rng, n, clock), n)
    net.connect("input", "a", weight=rng.uniform(-0.1, 0.4, (6, n)), delay=rng.uniform(0.5, 3.0))
    delay = [1.1, es.connect.uniform(0.8, 2.5), es.connect.axonal(rng.uniform(1.0, 2.0, n))]
    net.connect("a", "b", weight=rng.uniform(-0.2, 0.3, (n, n)), delay=delay[rng.integers(3)])
    if loop:
        rule = es.connect.fixed_probability(min(1.0, 10.0 / n))
        net.connect("b", "a", rule, weight=rng.choice([-0.2, 0.1]), delay=delay[rng.integers(3)])
    return net


def result(sim):
    found = [values for name in "ab" for values in (sim.spikes(name).times, sim.spikes(name).units)]
    return [*found, sim.trace("b", "v").values]


def simulation(net, schedule):
    sim = es.Simulation(net, schedule=schedule)
    sim.record("b", "v", every=0.73)
    return sim


@pytest.mark.parametrize("loop", [False, True])
@pytest.mark.parametrize("seed", range(25))
def test_schedules_slices_and_snapshots_give_the_same_bits(seed, loop):
    net, rng = network(seed, loop), np.random.default_rng(1000 + seed)
    wanted = simulation(net, "ordered")
    wanted.run(END)
    assert sum(map(len, result(wanted)[:4])) > 0
    for schedule in SCHEDULES[: 2 if loop else 3]:
        sim = simulation(net, schedule)
        for end in (*np.sort(rng.uniform(0.0, END, 5)), END):
            sim.run(end)
            if rng.random() < 0.5:
                state = sim.snapshot()
                sim.run(sim.now + 7.0)  # goes away, and comes back
                sim.restore(state)
        for found, expected in zip(result(sim), result(wanted), strict=True):
            assert np.array_equal(found, expected), schedule


@pytest.mark.parametrize("seed", range(12))
def test_spikes_are_those_of_units_with_clocks_of_their_own(seed):
    one, each = (
        es.Simulation(network(seed, False, clock), schedule="ordered") for clock in ("common", "unit")
    )
    for sim in (one, each):
        sim.run(END)
    for name in "ab":
        found, wanted = one.spikes(name), each.spikes(name)
        a, b = (np.lexsort((spikes.times, spikes.units)) for spikes in (found, wanted))
        assert np.array_equal(found.units[a], wanted.units[b])
        assert np.abs(found.times[a] - wanted.times[b]).max(initial=0.0) < 1e-11


def exact_spikes(model, arrivals, weights, until):
    """Return the spike times of one neuron in 50-digit arithmetic."""
    mpmath.mp.dps = 50
    tau, v_th, t_ref = mpmath.mpf(model.tau_mem), mpmath.mpf(model.v_th), mpmath.mpf(model.t_ref)
    v_inf = mpmath.mpf(model.v_leak) + mpmath.mpf(model.i_ext) * tau / mpmath.mpf(model.c_mem)
    v, t, free = mpmath.mpf(model.v_init), mpmath.mpf(0), mpmath.mpf(0)
    found = []
    for arrival, weight in [*zip(arrivals, weights, strict=True), (until, 0.0)]:
        arrival = mpmath.mpf(arrival)
        while True:
            start = max(t, free)
            if v >= v_th:
                spike = start
            else:
                spike = start + tau * mpmath.log((v_inf - v) / (v_inf - v_th)) if v_inf > v_th else mpmath.inf
            if spike >= arrival:
                break
            found.append(spike)
            v, t, free = mpmath.mpf(model.v_reset), spike, spike + t_ref
        if arrival >= free:
            v = v_inf + (v - v_inf) * mpmath.exp(-(arrival - max(t, free)) / tau) + mpmath.mpf(weight)
            t = arrival
    return found


@pytest.mark.parametrize("tau", [0.05, 1.3, 10.0])
@pytest.mark.parametrize("drive", [0.5, 1.2, 3.0])
def test_spike_times_are_exact_over_thousands_of_time_constants(tau, drive):
    rng = np.random.default_rng(int(100 * tau + drive))
    until = 150.0 if tau == 0.05 else 400.0  # 3 000, 308 and 40 time constants
    model = es.models.LIFDelta(
        tau_mem=tau, c_mem=tau, i_ext=drive, v_init=0.3, v_reset=-0.2, t_ref=0.3, clock="common"
    )
    arrivals = np.sort(rng.uniform(0.0, until, 300))
    weights = rng.uniform(-0.5, 0.6, 300)
    net = es.Network()
    net.add("input", es.models.SpikeSource(), 300)
    net.add("cell", model, 1)
    net.connect("input", "cell", weight=weights[:, None])
    sim = es.Simulation(net)
    sim.stimulate("input", arrivals, np.arange(300))
    sim.run(until)
    found = sim.spikes("cell").times
    wanted = exact_spikes(model, arrivals, weights, until)
    assert len(found) == len(wanted) > 15
    error = [abs(mpmath.mpf(float(t)) - w) for t, w in zip(found, wanted, strict=True)]
    assert max(error) < 1e-11


def test_a_clock_that_runs_long_forgets_nothing():
    """A regular train has no drift but the rounding of each spike, after 140 scalings of the clock."""
    model = es.models.LIFDelta(tau_mem=0.1, c_mem=0.1, i_ext=1.25, clock="common")
    net = es.Network()
    net.add("cells", model, 3)
    sim = es.Simulation(net)
    sim.run(2500.0)
    spikes = sim.spikes("cells")
    period = 0.1 * math.log(5.0)
    k = np.arange(1, len(spikes) // 3 + 1)
    assert len(spikes) == 3 * int(2500.0 / period)
    assert (
        np.abs(spikes.times[spikes.units == 1] - k * period).max() < 1e-8
    )  # 15 000 spikes, each rounded to 5e-13
    assert spikes.units.tolist() == [0, 1, 2] * len(k)  # one instant: in order of units


def test_a_silent_clock_lets_membranes_decay():
    net = es.Network()
    net.add("input", es.models.SpikeSource([0.0, 5000.0], [0, 0]), 1)
    net.add("cell", es.models.LIFDelta(tau_mem=1.0, clock="common", v_init=0.9), 1)
    net.connect("input", "cell", weight=0.7, delay=0.1)
    sim = es.Simulation(net, schedule="ordered")
    sim.record("cell", "v", every=100.0)
    sim.run(5000.05)
    assert sim.spikes("cell").times.tolist() == [0.1]
    values = sim.trace("cell", "v").values[:, 0]
    assert values[0] == 0.9
    assert values[1:].tolist() == [0.0] * 50
    sim.run(5001.0)
    assert sim.spikes("cell").times.tolist() == [0.1]


@pytest.mark.parametrize("once", [False, True])
def test_events_are_recorded_as_with_clocks_of_units(once):
    traces = []
    for clock in ("unit", "common"):
        net = network(4, True, clock, first_spike_only=once)
        sim = es.Simulation(net)
        sim.record("a", "v")
        sim.run(30.0)
        traces.append(sim.trace("a", "v"))
    assert np.array_equal(traces[0].units, traces[1].units)
    assert np.abs(traces[0].times - traces[1].times).max() < 1e-11
    a, b = (trace.values for trace in traces)  # nan before the first event of a unit
    assert np.array_equal(np.isnan(a), np.isnan(b))
    assert np.nanmax(np.abs(a - b)) < 1e-11


@pytest.mark.parametrize("schedule", SCHEDULES[:2])
def test_parameters_may_change(schedule):
    spikes = []
    for clock in ("unit", "common"):
        sim = es.Simulation(network(7, True, clock), schedule=schedule)
        for k in range(4):
            sim.run(5.0 * (k + 1))
            sim.set("a", v_th=0.9 + 0.05 * k, i_ext=1.0 + 0.3 * k, t_ref=[2.0, 0.0, 1.0, 0.0][k])
            if schedule == "ordered":
                sim.set("a", tau_mem=8.0 + k)
        sim.run(40.0)
        spikes.append(sim.spikes("a"))
    assert len(spikes[0]) > 0
    orders = [np.lexsort((s.times, s.units)) for s in spikes]
    assert np.array_equal(spikes[0].units[orders[0]], spikes[1].units[orders[1]])
    assert np.abs(spikes[0].times[orders[0]] - spikes[1].times[orders[1]]).max() < 1e-10


def test_refractory_units_stay_below_what_changes():
    net = es.Network()
    cells = es.models.LIFDelta(i_ext=1.5, t_ref=1.0, v_init=1.0, clock="common")
    net.add("cells", cells, 2)
    sim = es.Simulation(net, schedule="ordered")
    sim.run(0.5)
    with pytest.raises(ValueError, match=r"held at v = .*, which must be below v_th .* run on first"):
        sim.set("cells", v_th=-0.1, v_leak=-1.0, v_reset=-0.3)
    assert sim.get("cells", "v_th") == 1.0
    sim.set("cells", v_th=2.0, i_ext=4.0)
    sim.run(1.5)
    assert sim.spikes("cells").times.tolist() == pytest.approx([0.0, 0.0])
    sim.run(1.8)
    assert sim.spikes("cells").times[2:].tolist() == pytest.approx([1.0 + math.log(2.0)] * 2, rel=1e-14)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"clock": "shared"}, "clock of 'cells' must be 'unit' or 'common', got 'shared'"),
        ({"clock": "common", "v_th": [1.0, 1.2]}, "v_th of 'cells' must be one number with clock='common'"),
        ({"clock": "common", "t_ref": 2.0, "v_reset": 0.1}, "v_reset of 'cells' must not be above v_leak"),
        ({"clock": "common", "t_ref": 101.0}, "t_ref of 'cells' must be at most 100 tau_mem"),
        (
            {"clock": "common", "i_ext": es.models.StepCurrent([1.0], [0.3])},
            "i_ext of 'cells' must be a number with clock='common', got a StepCurrent",
        ),
    ],
)
def test_what_units_of_one_clock_must_share(options, message):
    with pytest.raises(ValueError, match=message):
        es.Network().add("cells", es.models.LIFDelta(**options), 2)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("base", 3, "'base' in the state of cells must be a multiple of 256, got 3"),
        ("clock", 99.0, "'clock' in the state of cells"),
        ("next_spike", [2.0, 2.0], "'next_spike' in the state of cells"),
        ("u", [np.nan, 1.0], "'u' in the state of cells"),
    ],
)
def test_a_damaged_state_is_refused(name, value, message):
    net = es.Network()
    net.add("cells", es.models.LIFDelta(i_ext=1.5, v_init=[0.1, 0.2], clock="common"), 2)
    sim = es.Simulation(net, schedule="layered")
    sim.run(1.5)
    state = sim.snapshot()
    state["body"]["populations"]["cells"][name] = value
    before = sim.snapshot()["body"]["populations"]["cells"]
    with pytest.raises(ValueError, match=message):
        sim.restore(state)
    after = sim.snapshot()["body"]["populations"]["cells"]
    assert all(np.array_equal(before[key], after[key]) for key in before)
