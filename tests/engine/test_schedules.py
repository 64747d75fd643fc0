"""Three schedules, one meaning: the same spikes and samples whichever way a network is advanced."""

import threading

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import eventsim as es
from eventsim.errors import ConfigError

SCHEDULES = ("ordered", "layered", "windows")
RATIOS = (1.0, 2.0, 1.03, 1 + 1e-9, 0.4, 3.7)
DURATION = 20.0
TAU_SYN = 2.0


def spikes_of(net, schedule, cuts=(), duration=DURATION, record=()):
    """Run a network in slices that end at `cuts`; return {population: (times, units)} and the simulation."""
    sim = es.Simulation(net, schedule=schedule)
    for request in record:
        sim.record(*request)
    for cut in (*cuts, duration):
        sim.run(cut)
    assert sim.now == duration
    assert sim.schedule == schedule
    recorded = [name for name, p in net.populations.items() if p.record_spikes]
    return {name: (sim.spikes(name).times, sim.spikes(name).units) for name in recorded}, sim


def assert_close(found, wanted, tolerance):
    """Compare spikes unit by unit: the k-th spike of each unit, within `tolerance`."""
    for name in set(found) & set(wanted):
        (t, u), (t_wanted, u_wanted) = found[name], wanted[name]
        order, order_wanted = np.lexsort((t, u)), np.lexsort((t_wanted, u_wanted))
        assert u[order].tolist() == u_wanted[order_wanted].tolist(), name
        difference = np.abs(t[order] - t_wanted[order_wanted]).max(initial=0.0)
        assert difference <= tolerance, (name, difference)


def assert_equal(found, wanted):
    for name in wanted:
        assert found[name][1].tolist() == wanted[name][1].tolist(), name
        assert found[name][0].tolist() == wanted[name][0].tolist(), name


def source(kind, n, rng, record=True):
    if kind == "poisson":
        return es.models.Poisson(rate=rng.uniform(100, 400, n))
    if kind == "regular":
        return es.models.Regular(period=rng.uniform(2, 5, n), phase=rng.uniform(0, 2, n))
    k = 6 * n
    return es.models.SpikeSource(times=rng.uniform(0, DURATION, k), units=rng.integers(0, n, k))


def neuron(ratio, delta, once, per_unit, n, rng):
    """Return a neuron, and the weight that by itself just reaches threshold."""

    def value(x, low=0.8, high=1.25):
        return x * rng.uniform(low, high, n) if per_unit else x

    common = {
        "c_mem": value(1.5),
        "v_th": value(2.0),
        "v_reset": -0.3,
        "t_ref": value(0.7),
        "i_ext": value(0.1),
        "v_init": rng.uniform(-0.5, 1.4, n),
        "first_spike_only": once,
    }
    if delta:
        return es.models.LIFDelta(tau_mem=value(5.0), **common), 2.0
    tau_mem = ratio * TAU_SYN
    top = TAU_SYN if ratio == 1 else tau_mem * TAU_SYN / (tau_mem - TAU_SYN) * np.log(ratio)
    reach = (
        (np.exp(-top / tau_mem) * top / 1.5)
        if abs(ratio - 1) < 1e-6
        else np.exp(-top / tau_mem) * tau_mem / 1.5
    )
    return es.models.LIF(tau_mem=value(tau_mem), tau_syn=value(TAU_SYN), i_init=0.1, **common), 2.0 / reach


def delay(kind, n_pre, n_post, rng):
    return {
        "uniform": 1.3,
        "axonal": es.connect.axonal(rng.uniform(0.4, 2, n_pre)),
        "dendritic": es.connect.dendritic(rng.uniform(0.4, 2, n_post)),
        "synaptic": rng.uniform(0.4, 2, (n_pre, n_post)),
        "drawn": es.connect.uniform(0.4, 2.0),
    }[kind]


def weight(kind, scale, n_pre, n_post, rng):
    values = scale * rng.normal(1.0, 0.5, (n_pre, n_post))
    return {"one": scale, "dense": values, "single": values.astype(np.float32)}[kind]


NETWORKS = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**20),
        "ratio": st.sampled_from([*RATIOS, "delta"]),
        "sources": st.sampled_from(["poisson", "regular", "array"]),
        "delays": st.sampled_from(["uniform", "axonal", "dendritic", "synaptic", "drawn"]),
        "weights": st.sampled_from(["one", "dense", "single"]),
        "sparse": st.booleans(),
        "per_unit": st.booleans(),
        "once": st.sampled_from([False, False, True]),
        "chain": st.booleans(),
        "loop": st.booleans(),
    }
)


def network(seed, ratio, sources, delays, weights, sparse, per_unit, once, chain, loop):
    """Return a random network: input -> a -> b, with loops a -> a and b -> a if wanted."""
    rng = np.random.default_rng(seed)
    n_in, n_a, n_b = rng.integers(3, 9), rng.integers(2, 13), rng.integers(1, 9)
    delta = ratio == "delta"
    net = es.Network(seed=seed)
    model, reach = neuron(1.0 if delta else ratio, delta, once, per_unit, n_a, rng)
    if chain:  # declared against the order in which they work
        net.add("b", neuron(1.0 if delta else ratio, delta, once, False, n_b, rng)[0], n_b)
    net.add("a", model, n_a)
    net.add("input", source(sources, n_in, rng), n_in)
    if not chain:
        net.add("b", neuron(1.0 if delta else ratio, delta, once, per_unit, n_b, rng)[0], n_b)

    def link(pre, post, scale, instant=False):
        n_pre, n_post = net.populations[pre].n, net.populations[post].n
        lag = 0.0 if instant else delay(delays, n_pre, n_post, rng)
        if sparse and not (isinstance(lag, np.ndarray) and lag.shape == (n_pre, n_post)):
            net.connect(pre, post, es.connect.fixed_probability(0.6), weight=scale, delay=lag)
        else:
            net.connect(pre, post, weight=weight(weights, scale, n_pre, n_post, rng), delay=lag)

    link("input", "a", 0.6 * reach)
    link("a", "b", 0.8 * reach, instant=chain)
    if loop:
        link("a", "a", 0.3 * reach)
        link("b", "a", -0.5 * reach)
    return net


PLAIN = {
    "ratio": 2.0,
    "sources": "poisson",
    "delays": "synaptic",
    "weights": "dense",
    "sparse": False,
    "per_unit": False,
    "once": False,
    "chain": False,
    "loop": False,
}


def possible(flags):
    """Return the schedules that a network can run on."""
    return (
        "ordered",
        *(() if flags["loop"] else ("layered",)),
        *(() if flags["per_unit"] else ("windows",)),
    )


@given(NETWORKS)
@settings(max_examples=120, deadline=None, derandomize=True, phases=[Phase.generate])
def test_all_schedules_give_the_same_spikes(flags):
    net = network(**flags)
    wanted, _ = spikes_of(net, "ordered")
    assert len(wanted["a"][0]) > 0
    for schedule in possible(flags)[1:]:
        found, _ = spikes_of(net, schedule)
        # To rounding: sums in another order, amplified by some spikes of reset and recurrence.
        assert_close(found, wanted, 1e-11)
        if schedule == "layered" and flags["sources"] != "regular":
            assert_equal(found, wanted)


@given(NETWORKS, st.lists(st.floats(0, DURATION), max_size=6))
@settings(max_examples=80, deadline=None, derandomize=True, phases=[Phase.generate])
def test_slices_of_a_run_change_no_bit(flags, cuts):
    net = network(**flags)
    cuts = sorted([*cuts, *cuts[:1]])
    record = [("a", "v", 0.7), ("b", "v", 0.25, [0])]
    for schedule in possible(flags):
        whole, one = spikes_of(net, schedule, record=record)
        parts, other = spikes_of(net, schedule, cuts, record=record)
        assert_equal(parts, whole)
        for population, variable, *_ in record:
            a, b = one.trace(population, variable), other.trace(population, variable)
            assert a.times.tolist() == b.times.tolist()
            assert a.values.tolist() == b.values.tolist()


@given(NETWORKS)
@settings(max_examples=60, deadline=None, derandomize=True, phases=[Phase.generate])
def test_recording_changes_no_spike_and_samples_are_the_same_on_all_schedules(flags):
    net = network(**flags)
    record = [("a", variable, 0.7) for variable in net.populations["a"].model.variables] + [
        ("b", "v", 0.25, [0])
    ]
    samples = {}
    for schedule in possible(flags):
        quiet, _ = spikes_of(net, schedule)
        watched, sim = spikes_of(net, schedule, record=record)
        if schedule == "windows":  # recorded units take arrivals one by one there
            assert_close(watched, quiet, 1e-11)
        else:
            assert_equal(watched, quiet)
        for population, variable, every, *_ in record:
            trace = sim.trace(population, variable)
            n = len(trace.times)
            assert trace.times.tolist() == [k * every for k in range(n)]
            assert n * every >= DURATION > (n - 1) * every
            wanted = samples.setdefault((population, variable), trace.values)
            if schedule == "layered" and flags["sources"] != "regular":
                assert trace.values.tolist() == wanted.tolist()
            np.testing.assert_allclose(trace.values, wanted, rtol=0, atol=1e-10)


def private(seed, ratio, record, delay=0.0):
    rng = np.random.default_rng(seed)
    n = 15
    net = es.Network(seed=seed)
    model, reach = neuron(1.0 if ratio == "delta" else ratio, ratio == "delta", False, False, n, rng)
    net.add("cells", model, n)
    for name, rate, sign in (("up", 800.0, 1), ("down", 300.0, -1)):
        net.add(name, es.models.Poisson(rate=rate), n, record_spikes=record)
        net.connect(name, "cells", es.connect.one_to_one(), weight=sign * 0.5 * reach, delay=delay)
    net.connect("cells", "cells", es.connect.fixed_probability(0.3), weight=0.2 * reach, delay=1.1)
    return net


@pytest.mark.parametrize("ratio", [1.0, 2.0, 3.7, "delta"])
@pytest.mark.parametrize("lag", [0.0, 0.37])
def test_private_poisson_input_is_the_same_whether_it_is_recorded_or_not(ratio, lag):
    cuts = [0.3, 0.31, 4.0, 11.7]
    for seed in range(3):
        wanted, _ = spikes_of(private(seed, ratio, True, lag), "ordered")
        assert len(wanted["cells"][0]) > 10
        for record in (True, False):
            found, _ = spikes_of(private(seed, ratio, record, lag), "windows")
            assert_close(found, wanted, 1e-11)
            parts, _ = spikes_of(private(seed, ratio, record, lag), "windows", cuts)
            assert_equal(parts, found)
            assert es.Simulation(private(seed, ratio, record, lag)).schedule == "windows"


def test_a_recorded_unit_that_rests_through_whole_windows_is_sampled_there_too():
    net = es.Network()
    net.add("input", es.models.SpikeSource(times=[1.0, 1.1]), 1)
    net.add("cell", es.models.LIF(tau_mem=2.0, tau_syn=5.0, t_ref=6.0, v_reset=-0.5), 2)
    net.connect("input", "cell", weight=4.0)
    traces = {}
    for schedule in SCHEDULES:
        sim = es.Simulation(net, schedule=schedule)
        sim.record("cell", "v", every=0.1)
        sim.record("cell", "i_syn", every=0.1)
        sim.run(12.0)
        traces[schedule] = [sim.trace("cell", name).values for name in ("v", "i_syn")]
    assert (traces["ordered"][0] == -0.5).sum() > 50
    for schedule in SCHEDULES[1:]:
        for found, wanted in zip(traces[schedule], traces["ordered"], strict=True):
            np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-13)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_permuting_units_permutes_the_spikes(schedule):
    rng = np.random.default_rng(8)
    n_in, n = 6, 10
    times, units = rng.uniform(0, 15, 80), rng.integers(0, n_in, 80)
    w = rng.normal(1.0, 1.0, (n_in, n))
    v_init = rng.uniform(0, 0.9, n)
    lag = rng.uniform(0, 1, (n_in, n))

    def run(permutation):
        net = es.Network()
        net.add("input", es.models.SpikeSource(times=times, units=units), n_in)
        net.add("cells", es.models.LIF(tau_mem=3.7, t_ref=0.4, v_init=v_init[permutation]), n)
        net.connect("input", "cells", weight=w[:, permutation], delay=lag[:, permutation])
        found, _ = spikes_of(net, schedule)
        return found["cells"]

    permutation = rng.permutation(n)
    t, u = run(np.arange(n))
    t_permuted, u_permuted = run(permutation)
    back = {"cells": (t_permuted, permutation[u_permuted])}
    assert len(t) > 20
    # Each unit sees the same inputs in the same order, whatever its number.
    order, order_back = np.lexsort((t, u)), np.lexsort((t_permuted, back["cells"][1]))
    assert back["cells"][1][order_back].tolist() == u[order].tolist()
    assert t_permuted[order_back].tolist() == t[order].tolist()


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_same_seed_gives_the_same_bits_and_another_seed_others(schedule):
    flags = PLAIN | {"loop": schedule != "layered", "delays": "drawn"}
    first, again, other = (spikes_of(network(seed, **flags), schedule)[0] for seed in (5, 5, 6))
    assert_equal(first, again)
    assert first["input"][0].tolist() != other["input"][0].tolist()


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_two_threads_give_the_bits_of_one_after_another(schedule):
    flags = PLAIN | {"loop": schedule != "layered", "chain": True}
    nets = [network(seed, **flags) for seed in range(4)]
    wanted = [spikes_of(net, schedule, duration=200.0)[0] for net in nets]
    found: dict[int, dict] = {}

    def work(k):
        found[k] = spikes_of(nets[k], schedule, duration=200.0)[0]

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for k in range(4):
        assert_equal(found[k], wanted[k])


def test_simultaneous_inputs_with_delays_of_their_own_add_up_the_same_in_every_slicing():
    rng = np.random.default_rng(9)
    n_in, n = 12, 4
    # Times and delays on one lattice: many arrivals coincide, and their weights do not add up exactly.
    net = es.Network()
    net.add(
        "input",
        es.models.SpikeSource(times=rng.integers(0, 100, 200) / 8, units=rng.integers(0, n_in, 200)),
        n_in,
    )
    net.add("cells", es.models.LIF(tau_mem=3.7, t_ref=0.3), n)
    for kind in ("axonal", "synaptic"):
        lag = rng.integers(0, 9, (n_in, 1 if kind == "axonal" else n)) / 8
        net.connect("input", "cells", weight=rng.normal(0.3, 0.5, (n_in, n)), delay=lag, name=kind)
    for schedule in SCHEDULES:
        whole, _ = spikes_of(net, schedule)
        assert len(whole["cells"][0]) > 20
        for _ in range(10):
            parts, _ = spikes_of(net, schedule, sorted(rng.uniform(0, DURATION, 7)))
            assert_equal(parts, whole)


def chain_of(n_chain, model, delays, order):
    net = es.Network()
    names = [f"n{k}" for k in range(n_chain)]
    for k in order:
        net.add(names[k], model, 1)
    net.add("input", es.models.SpikeSource(times=[1.0, 2.0]), 1)
    net.connect("input", names[0], weight=5.0)
    for k in range(n_chain - 1):
        net.connect(names[k], names[k + 1], weight=5.0, delay=delays)
    return net, names


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0], [1, 2, 0]])
def test_a_chain_without_delay_fires_in_one_instant(schedule, order):
    net, names = chain_of(3, es.models.LIFDelta(), 0.0, order)
    found, _ = spikes_of(net, schedule)
    for name in names:
        assert found[name][0].tolist() == [1.0, 2.0]


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_excitation_and_inhibition_of_one_instant_cancel_before_thresholds_are_looked_at(schedule, order):
    weights = [3.0, -3.0]
    net = es.Network()
    net.add("cell", es.models.LIFDelta(tau_mem=2.0, v_init=0.5), 1)
    for k in order:
        net.add(f"in{k}", es.models.SpikeSource(times=[1.0, 2.0]), 1)
        net.connect(f"in{k}", "cell", weight=weights[k])
    sim = es.Simulation(net, schedule=schedule)
    sim.record("cell", "v", every=0.5)
    sim.run(4.0)
    assert len(sim.spikes("cell")) == 0
    expected = 0.5 * np.exp(-np.arange(0, 4, 0.5) / 2.0)
    np.testing.assert_allclose(sim.trace("cell", "v").values[:, 0], expected, rtol=0, atol=1e-15)


SUMS = [((1.0, 1.0, -0.9), 1), ((1.0, -0.9, 1.0), 1), ((2.0, 2.0, -3.9), 0)]


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize(("weights", "spikes"), SUMS)
def test_jumps_of_one_instant_add_up_whatever_their_order(schedule, weights, spikes):
    net = es.Network()
    net.add("input", es.models.SpikeSource(times=[1.0] * 3, units=[0, 1, 2]), 3)
    net.add("cell", es.models.LIFDelta(v_leak=0.5), 1)
    net.connect("input", "cell", weight=np.reshape(weights, (3, 1)))
    sim = es.Simulation(net, schedule=schedule)
    sim.record("cell", "v", every=1.0)
    sim.run(2.5)
    assert len(sim.spikes("cell")) == spikes
    v = 0.0 if spikes else 0.5 + sum(weights)
    assert sim.trace("cell", "v").values[1, 0] == pytest.approx(v, abs=1e-15)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_an_input_at_the_very_time_of_a_crossing_comes_before_it(schedule):
    """A jump at t undoes the crossing of a jump neuron at t; a current that sets in then does not."""
    free = es.models.LIFDelta(tau_mem=10.0, i_ext=0.2)
    net = es.Network()
    net.add("cell", free, 1)
    sim = es.Simulation(net, schedule=schedule)
    sim.run(20.0)
    crossing = sim.spikes("cell").times[0]

    def with_input(model, weight):
        net = es.Network()
        net.add("input", es.models.SpikeSource(times=[crossing]), 1)
        net.add("cell", model, 1)
        net.connect("input", "cell", weight=weight)
        sim = es.Simulation(net, schedule=schedule)
        sim.run(20.0)
        return sim.spikes("cell").times.tolist()

    undone = with_input(free, -0.5)
    assert undone
    assert undone[0] > crossing + 1.0
    assert with_input(free, 0.5)[0] == crossing
    assert with_input(es.models.LIF(tau_mem=10.0, i_ext=0.2), -0.5)[0] == pytest.approx(crossing, abs=1e-14)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("model", [es.models.LIF, es.models.LIFDelta])
def test_a_unit_that_starts_at_threshold_or_above_spikes_at_time_zero(schedule, model):
    net = es.Network()
    net.add("cells", model(v_init=[0.5, 1.0, 7.0]), 3)
    found, _ = spikes_of(net, schedule)
    assert found["cells"][0].tolist() == [0.0, 0.0]
    assert found["cells"][1].tolist() == [1, 2]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_refractoriness_ends_at_its_end_and_an_input_then_counts(schedule):
    """Jumps during refractoriness are lost; one at its end is not."""
    net = es.Network()
    net.add("input", es.models.SpikeSource(times=[1.0, 1.5, 1.999, 2.0, 4.0], units=[0] * 5), 1)
    net.add("cell", es.models.LIFDelta(t_ref=1.0), 1)
    net.connect("input", "cell", weight=1.5)
    found, _ = spikes_of(net, schedule)
    assert found["cell"][0].tolist() == [1.0, 2.0, 4.0]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_current_that_arrives_during_refractoriness_stays(schedule):
    net = es.Network()
    net.add("input", es.models.SpikeSource(times=[1.0, 1.5], units=[0, 0]), 1)
    net.add("cell", es.models.LIF(tau_mem=2.0, tau_syn=1.0, t_ref=3.0), 1)
    net.connect("input", "cell", weight=60.0)
    found, _ = spikes_of(net, schedule)
    first = found["cell"][0][0]
    current = 60 * (np.exp(-(first + 3 - 1.0)) + np.exp(-(first + 3 - 1.5)))
    x = (1 + np.sqrt(1 - 2 / current)) / 2  # 2 i (x - x^2) = 1 with x = e^(-s/2)
    assert found["cell"][0][1] == pytest.approx(first + 3 - 2 * np.log(x), abs=1e-13)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_unit_that_may_fire_once_fires_once(schedule):
    net = es.Network()
    net.add("cells", es.models.LIF(i_ext=[3.0, 3.0], first_spike_only=True), 2)
    if schedule == "windows":
        net = es.Network()
        net.add("cells", es.models.LIF(i_ext=3.0, first_spike_only=True), 2)
    found, _ = spikes_of(net, schedule)
    assert found["cells"][0] == pytest.approx([np.log(1.5)] * 2, abs=1e-15)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("model", [es.models.LIF, es.models.LIFDelta])
def test_infinite_refractoriness_is_one_spike_and_an_infinite_threshold_none(schedule, model):
    def run(**parameters):
        net = es.Network(seed=1)
        net.add("input", es.models.Poisson(rate=500.0), 3)
        net.add("cells", model(**parameters), 4)
        net.connect("input", "cells", weight=1.5, delay=0.2)
        sim = es.Simulation(net, schedule=schedule)
        sim.record("cells", "v", every=0.5)
        sim.run(DURATION)
        assert np.isfinite(sim.trace("cells", "v").values).all()
        return sim.spikes("cells").times.tolist()

    assert run(t_ref=np.inf) == run(first_spike_only=True)
    assert len(run(t_ref=np.inf)) == 4
    assert run(v_th=np.inf) == []


def test_auto_takes_a_schedule_by_the_network_alone():
    def schedule_of(loop, **changes):
        net = es.Network()
        net.add("input", es.models.SpikeSource(), 2)
        net.add("a", es.models.LIF(tau_mem=changes.get("tau_mem", 2.0)), 3)
        net.connect("input", "a")
        if loop:
            net.connect("a", "a", delay=changes.get("delay", 1.0))
        return es.Simulation(net).schedule

    assert schedule_of(False) == "layered"
    assert schedule_of(True) == "windows"
    assert schedule_of(True, delay=1e-3) == "ordered"
    assert schedule_of(True, tau_mem=[2.0, 2.1, 2.2]) == "ordered"


@pytest.mark.parametrize(
    ("schedule", "change", "message"),
    [
        ("sideways", {}, "no schedule is called 'sideways'; known: auto, ordered, windows, layered"),
        ("layered", {"loop": True}, "the layered schedule needs a network without loops"),
        ("windows", {"per_unit": True}, "'a' has parameters per unit, which windows do not handle"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused(schedule, change, message):
    net = network(1, **PLAIN | change)
    with pytest.raises(ConfigError) as error:
        es.Simulation(net, schedule=schedule)
    assert str(error.value) == message
