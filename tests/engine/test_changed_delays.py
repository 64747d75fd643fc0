"""Delays that change: spikes under way arrive as they were to, later ones by the new delays."""

import copy

import numpy as np
import pytest

import eventsim as es

N, TIMES, END = 12, (4.1, 7.7, 11.3), 25.0
KINDS = ("uniform", "axonal", "dendritic", "synaptic")


def delays(kind, rng, low=0.6, high=3.0):
    shape = {"uniform": (), "axonal": (N, 1), "dendritic": (1, N), "synaptic": (N, N)}[kind]
    drawn = rng.uniform(low, high, shape)
    if kind == "synaptic":
        drawn = np.round(drawn, 1)  # groups of synapses that share a delay
    return drawn


def network(kind, rng, sparse=False, recurrent=True):
    net = es.Network(seed=int(rng.integers(1000)))
    times = rng.uniform(0, 20, 80)
    net.add("drive", es.models.SpikeSource(times=times, units=rng.integers(0, N, 80)), N)
    net.add("cells", es.models.LIF(tau_mem=10.0, tau_syn=3.0, t_ref=0.5, i_ext=0.05), N)
    weight = np.where(rng.random((N, N)) < 0.5, rng.uniform(0.1, 0.6, (N, N)), 0.05)
    rule = es.connect.fixed_probability(0.6) if sparse else None
    net.connect("drive", "cells", rule, weight=weight, delay=delays(kind, rng), name="in")
    if recurrent:
        net.connect("cells", "cells", rule, weight=0.2 * weight, delay=delays(kind, rng), name="back")
    return net


def plan(before, after, rng, names):
    """Return what is changed at each time: to kind `after`, back to `before`, to `after` again."""
    return {
        time: {name: delays(kind, rng) for name in names}
        for time, kind in zip(TIMES, (after, before, after), strict=True)
    }


def change(changes, sim):
    for name, delay in changes[sim.now].items():
        sim.set_delays(name, delay)


def by_at(net, schedule, changes, cuts=()):
    sim = es.Simulation(net, schedule=schedule)
    for time in changes:
        sim.at(time, lambda sim: change(changes, sim))
    for cut in (*cuts, END):
        sim.run(cut)
    return sim


def between_runs(net, schedule, changes):
    sim = es.Simulation(net, schedule=schedule)
    for time in changes:
        sim.run(time)
        change(changes, sim)
    sim.run(END)
    return sim


def arrivals(sim, name, pre, changes):
    """Return when each synapse's spikes arrive by the delays of their time, from the spikes emitted."""
    source, target, weight, declared = es.Simulation(sim.net).weights(name)
    spikes = sim.spikes(pre)
    times, synapses = [], []
    for k in range(len(source)):
        emitted = spikes.times[spikes.units == source[k]]
        delay = np.full(len(emitted), declared[k])
        for time, changed in changes.items():
            new = np.broadcast_to(changed[name], (N, N))[source[k], target[k]]
            delay[emitted >= time] = new
        times.append(emitted + delay)
        synapses.append(np.full(len(emitted), k))
    return np.concatenate(times), np.concatenate(synapses), target, weight


def spikes_of_arrivals(sim, changes, projections):
    """Return what the cells do if every synapse is a source of its own that spikes when it is reached."""
    net = es.Network()
    net.add("cells", sim.net.populations["cells"].model, N)
    for name, pre in projections:
        times, synapses, target, weight = arrivals(sim, name, pre, changes)
        net.add(name, es.models.SpikeSource(times=times, units=synapses), len(target))
        net.connect(name, "cells", [(k, int(target[k]), float(weight[k])) for k in range(len(target))])
    alone = es.Simulation(net, schedule="ordered")
    alone.run(END)
    return alone.spikes("cells")


def same(one, other):
    return one.times.tobytes() == other.times.tobytes() and one.units.tobytes() == other.units.tobytes()


@pytest.mark.parametrize("before", KINDS)
@pytest.mark.parametrize("after", KINDS)
@pytest.mark.parametrize("schedule", ["ordered", "windows", "layered"])
def test_every_spike_arrives_by_the_delay_of_its_emission(before, after, schedule):
    rng = np.random.default_rng(KINDS.index(before) * 4 + KINDS.index(after))
    recurrent = schedule != "layered"
    names = ("in", "back") if recurrent else ("in",)
    net = network(before, rng, sparse=before == after, recurrent=recurrent)
    changes = plan(before, after, rng, names)
    sim = by_at(net, schedule, changes)
    found = sim.spikes("cells")
    assert len(found) > 30
    wanted = spikes_of_arrivals(sim, changes, (("in", "drive"), ("back", "cells"))[: len(names)])
    assert found.units.tolist() == wanted.units.tolist()
    np.testing.assert_allclose(found.times, wanted.times, rtol=0, atol=1e-9)
    unchanged = es.Simulation(net, schedule=schedule)
    unchanged.run(END)
    assert not same(unchanged.spikes("cells"), found)


@pytest.mark.parametrize("before", KINDS)
@pytest.mark.parametrize("after", KINDS)
@pytest.mark.parametrize("schedule", ["ordered", "windows", "layered"])
def test_between_runs_in_slices_from_a_snapshot_and_in_a_copy_are_the_same_to_the_bit(
    before, after, schedule
):
    rng = np.random.default_rng(100 + KINDS.index(before) * 4 + KINDS.index(after))
    recurrent = schedule != "layered"
    net = network(before, rng, recurrent=recurrent)
    changes = plan(before, after, rng, ("in", "back") if recurrent else ("in",))
    wanted = between_runs(net, schedule, changes)
    assert len(wanted.spikes("cells")) > 30
    for cuts in ((), (2.0, 4.1, 4.2, 9.0)):
        assert same(by_at(net, schedule, changes, cuts).spikes("cells"), wanted.spikes("cells"))

    half = es.Simulation(net, schedule=schedule)
    for time in TIMES[:2]:
        half.run(time)
        change(changes, half)
    half.run(8.3)  # spikes of three kinds of delays are under way
    state, again = half.snapshot(), copy.deepcopy(half)
    other = es.Simulation(net, schedule=schedule)
    other.restore(state)
    for sim in (half, again, other):
        for time in TIMES[2:]:
            sim.run(time)
            change(changes, sim)
        sim.run(END)
    late = wanted.spikes("cells").times >= 8.3
    assert same(half.spikes("cells"), wanted.spikes("cells"))
    assert same(again.spikes("cells"), wanted.spikes("cells"))
    assert other.spikes("cells").times.tobytes() == wanted.spikes("cells").times[late].tobytes()

    half.restore(state)  # back behind a change
    for time in TIMES[2:]:
        half.run(time)
        change(changes, half)
    half.run(END)
    assert same(half.spikes("cells"), wanted.spikes("cells"))
    half.reset()
    half.run(END)
    fresh = es.Simulation(net, schedule=schedule)
    fresh.run(END)
    assert same(half.spikes("cells"), fresh.spikes("cells"))


@pytest.mark.parametrize("schedule", ["ordered", "windows"])
def test_a_snapshot_of_before_has_the_delays_of_before(schedule):
    rng = np.random.default_rng(5)
    net = network("synaptic", rng)
    changes = plan("uniform", "axonal", rng, ("in", "back"))
    sim = es.Simulation(net, schedule=schedule)
    sim.run(3.0)
    state = sim.snapshot()
    sim.run(TIMES[0])
    change(changes, sim)
    sim.run(9.0)
    sim.restore(state)
    sim.run(END)
    plain = es.Simulation(net, schedule=schedule)
    plain.run(END)
    assert same(sim.spikes("cells"), plain.spikes("cells"))
    assert sim.weights("back")[3].tobytes() == plain.weights("back")[3].tobytes()


def test_windows_become_as_short_as_a_delay_asks_for():
    rng = np.random.default_rng(3)
    net = network("uniform", rng)
    sim = es.Simulation(net, schedule="windows")
    sim.run(3.0)
    width = sim._build().sweeps.width
    sim.set_delays("in", 0.0)  # of a source: windows stay
    assert sim._build().sweeps.width == width
    sim.set_delays("back", 0.31)
    assert sim._build().sweeps.width == pytest.approx(0.31, rel=1e-6)
    with pytest.raises(es.ConfigError, match=r"a delay of 0 in 'back' is too short for .*schedule='ordered'"):
        sim.set_delays("back", 0.0)
    sim.run(END)
    ordered = es.Simulation(net, schedule="ordered")
    ordered.run(3.0)
    ordered.set_delays("in", 0.0)
    ordered.set_delays("back", 0.31)
    ordered.run(END)
    np.testing.assert_allclose(sim.spikes("cells").times, ordered.spikes("cells").times, rtol=0, atol=1e-9)
    assert sim.spikes("cells").units.tolist() == ordered.spikes("cells").units.tolist()


@pytest.mark.parametrize("delay", ["uniform", "synaptic"])
def test_plasticity_that_sees_arrivals_only_goes_on_with_other_delays(delay):
    def weights(first, changed):
        net = es.Network(seed=1)
        net.add("early", es.models.SpikeSource(times=[1.0, 2.0, 9.0], units=[0, 1, 0]), 2)
        net.add("cells", es.models.LIF(i_ext=1.5, tau_mem=4.0), 2)
        rule = es.models.plasticity.PairSTDP(delay="axonal", w_max=1.0)
        net.connect("early", "cells", weight=0.3, delay=first, name="p")
        net.add_plasticity("p", rule)
        sim = es.Simulation(net, schedule="ordered")
        sim.run(5.0)
        if changed is not None:
            sim.set_delays("p", changed)
        sim.run(40.0)
        return sim.weights("p")[2]

    first, changed = 0.5, 2.5
    if delay == "synaptic":
        first, changed = np.array([[0.5, 1.0], [0.7, 0.2]]), np.array([[2.5, 1.5], [0.1, 0.3]])
    # Everything but the spike at 9 has arrived by 5: the same train with that spike moved.
    found = weights(first, changed)

    net = es.Network(seed=1)
    net.add("early", es.models.SpikeSource(times=[1.0, 2.0], units=[0, 1]), 2)
    net.add("cells", es.models.LIF(i_ext=1.5, tau_mem=4.0), 2)
    net.connect("early", "cells", weight=0.3, delay=first, name="p")
    net.add_plasticity("p", es.models.plasticity.PairSTDP(delay="axonal", w_max=1.0))
    assert np.abs(found - weights(first, None)).max() > 1e-6
    if delay == "uniform":
        sim = es.Simulation(net, schedule="ordered")
        sim.stimulate("early", [9.0 + changed - first], [0])
        sim.run(40.0)
        np.testing.assert_allclose(found, sim.weights("p")[2], rtol=0, atol=1e-12)


def test_files_tell_what_delays_became(tmp_path):
    sim = es.Simulation(network("axonal", np.random.default_rng(1)))
    sim.run(2.0)
    sim.set_delays("in", 1.5)
    sim.set_delays("back", np.linspace(1, 2, N * N).reshape(N, N))
    assert np.unique(sim.weights("in")[3]).tolist() == [1.5]
    assert sim.weights("back")[3][5] == np.linspace(1, 2, N * N)[5]
    sim.save(tmp_path / "run.h5")
    assert list(es.io.load(tmp_path / "run.h5").provenance["changes"]) == [
        "2.0 ms: in: delay = 1.5",
        "2.0 ms: back: delay = 144 values in [1, 2]",
    ]


def test_bad_delays_say_so_and_change_nothing():
    sim = es.Simulation(network("uniform", np.random.default_rng(1)))
    sim.run(2.0)
    before = sim.weights("in")[3]
    with pytest.raises(es.UnknownPart, match=r"no projection named 'inn'.*did you mean 'in'"):
        sim.set_delays("inn", 1.0)
    with pytest.raises(ValueError, match="delay of 'in' must not be negative, got -1"):
        sim.set_delays("in", -1.0)
    with pytest.raises(ValueError, match="delay of 'in' must be finite, got nan"):
        sim.set_delays("in", np.full((N, 1), np.nan))
    with pytest.raises(
        ValueError, match=r"delay of 'in' has shape \(3,\), expected \(\), \(12, 1\) for each"
    ):
        sim.set_delays("in", [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="can be negative; give low=0"):
        sim.set_delays("in", es.connect.normal(1.0, 2.0))
    assert sim.weights("in")[3].tobytes() == before.tobytes()
    assert not sim._changes.lines

    on_device = es.Simulation(network("uniform", np.random.default_rng(1)), hardware="jitter,sigma=0.1")
    with pytest.raises(es.ConfigError, match="delays are what the device makes of them"):
        on_device.set_delays("in", 1.0)

    net = network("uniform", np.random.default_rng(1))
    net.add_plasticity("in", es.models.plasticity.PairSTDP())
    with pytest.raises(es.ConfigError, match=r"'in' has PairSTDP, which relies on the delays it began with"):
        es.Simulation(net).set_delays("in", 1.0)
    net = network("uniform", np.random.default_rng(1))
    net.add_plasticity("in", es.models.plasticity.PairSTDP(delay="axonal"))
    with pytest.raises(es.ConfigError, match="one trace for all synapses of a source"):
        es.Simulation(net).set_delays("in", np.ones((N, N)))
    with pytest.raises(es.ConfigError, match="'back' cannot lose its delay"):
        es.Simulation(net, schedule="ordered").set_delays("back", 0.0)


def test_delays_of_drawn_synapses_change_by_source():
    def sim():
        net = es.Network(seed=4)
        net.add("drive", es.models.Poisson(rate=100.0), 10)
        net.add("cells", es.models.LIF(tau_mem=10.0), 10)
        rule = es.connect.fixed_outdegree(5)
        net.connect("drive", "cells", rule, weight=0.5, delay=1.0, storage="procedural", name="in")
        return es.Simulation(net, schedule="ordered")

    found, plain = sim(), sim()
    found.run(20.0)
    found.set_delays("in", es.connect.axonal(np.linspace(1.0, 2.0, 10)))
    for each in (found, plain):
        each.run(60.0)
    assert not same(found.spikes("cells"), plain.spikes("cells"))
    assert np.unique(found.weights("in")[3]).tolist() == np.linspace(1.0, 2.0, 10).tolist()
    with pytest.raises(es.ConfigError, match="holds no synapses"):
        found.set_delays("in", np.ones((10, 10)))


def test_the_private_source_of_windows_keeps_its_delay():
    net = es.Network(seed=1)
    net.add("noise", es.models.Poisson(rate=500.0), 5, record_spikes=False)
    net.add("cells", es.models.LIF(tau_mem=10.0), 5)
    net.connect("noise", "cells", es.connect.one_to_one(), weight=0.5, delay=1.0, name="in")
    net.connect("cells", "cells", weight=0.01, delay=1.0, name="back")
    sim = es.Simulation(net, schedule="windows")
    with pytest.raises(es.ConfigError, match="'in' is drawn by its targets on the windows schedule"):
        sim.set_delays("in", 2.0)
    sim.set_delays("back", 2.0)


def test_a_damaged_state_leaves_delays_alone():
    rng = np.random.default_rng(2)
    for schedule in ("ordered", "windows"):
        sim = es.Simulation(network("uniform", rng), schedule=schedule)
        sim.run(3.0)
        sim.set_delays("back", np.round(rng.uniform(1, 2, (N, N)), 1))
        sim.run(6.0)
        state = sim.snapshot()
        delays = sim.weights("back")[3]
        state["changes"]["delays"]["back"] = delays[:-1]
        with pytest.raises(ValueError, match="delays of 'back' that do not fit"):
            sim.restore(state)
        state["changes"]["delays"]["back"] = delays + 1.0
        part = state["body"]["populations" if schedule == "windows" else "events"]
        part.popitem()
        with pytest.raises(ValueError, match="state"):
            sim.restore(state)
        assert sim.weights("back")[3].tobytes() == delays.tobytes()


@pytest.mark.parametrize("schedule", ["ordered", "windows"])
def test_delays_and_weights_are_drawn_from_the_seed_however_they_are_asked_for(schedule):
    net = network("uniform", np.random.default_rng(1))

    def redraw(sim):
        sim.set_delays(net["back"], es.connect.uniform(0.9, 2.0))
        sim.set_weights(net["back"], es.connect.normal(0.05, 0.02))

    found = es.Simulation(net, schedule=schedule)
    drawn = []
    for time in (3.0, 8.0):
        found.run(time)
        redraw(found)
        drawn.append(found.weights("back")[2:])
    planned = es.Simulation(net, schedule=schedule)
    for time in (3.0, 8.0):
        planned.at(time, redraw)
    for sim in (found, planned):
        sim.run(END)
    assert same(found.spikes("cells"), planned.spikes("cells"))
    for one, other in zip(found.weights("back"), planned.weights("back"), strict=True):
        assert one.tobytes() == other.tobytes()
    (weight, delay), (weight_again, delay_again) = drawn
    assert 0.9 <= delay.min() < delay.max() <= 2.0
    assert abs(delay.mean() - 1.45) < 0.1  # 144 values of standard deviation 0.32
    assert abs(weight.mean() - 0.05) < 0.007
    assert not np.array_equal(weight, weight_again)
    assert not np.array_equal(delay, delay_again)


def test_parts_of_the_network_stand_for_their_names():
    net = network("uniform", np.random.default_rng(1))
    sim = es.Simulation(net)
    sim.run(2.0)
    sim.set(net["cells"], i_ext=0.2)
    assert sim.get(net["cells"], "i_ext") == sim.get("cells", "i_ext") == 0.2
    sim.set_weights(net["in"], 0.25)
    sim.set_delays(net["in"], 1.25)
    assert {*sim.weights("in")[2]} == {0.25}
    assert {*sim.weights("in")[3]} == {1.25}
    sim.run(20.0)
    sim.clear(net["cells"])
    assert len(sim.spikes("cells")) == 0 < len(sim.spikes("drive"))
