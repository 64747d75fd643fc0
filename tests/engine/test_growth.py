"""A simulation grows as if what is added had been there on its own; cleared records begin anew."""

import copy
import pickle

import numpy as np
import pytest

import eventsim as es

END = 60.0


def small(kind="recurrent"):
    net = es.Network(seed=3)
    net.add("noise", es.models.Poisson(rate=300.0), 6)
    net.add("cells", es.models.LIF(tau_mem=10.0, t_ref=0.5), 8)
    net.connect("noise", "cells", es.connect.fixed_probability(0.7), weight=0.6, delay=1.2)
    if kind == "recurrent":
        net.connect("cells", "cells", es.connect.fixed_indegree(3), weight=-0.2, delay=1.2)
    return net


def add_more(net, weight=0.7, back=True):
    net.add("late noise", es.models.Poisson(rate=100.0), 4)
    net.add("more", es.models.LIF(tau_mem=20.0, i_ext=0.07, v_init=np.linspace(0, 0.5, 5)), 5)
    net.connect("late noise", "more", weight=0.4, delay=0.8)
    net.connect("more", "more", es.connect.fixed_indegree(2), weight=0.1, delay=1.0)
    net.connect("cells", "more", es.connect.fixed_indegree(4), weight=weight, delay=1.1, name="to")
    if back:
        net.connect("more", "cells", es.connect.fixed_indegree(4), weight=weight, delay=1.1, name="from")


def quiet_time(first):
    """Return a time after which no spike of either part is under way between them."""
    net = small()
    add_more(net, weight=0.0)
    sim = es.Simulation(net, schedule="ordered")
    sim.run(END)
    times = np.sort(np.concatenate([[0.0], sim.spikes("cells").times, sim.spikes("more").times]))
    gap = np.flatnonzero((np.diff(times) > 1.3) & (times[:-1] > first))[0]
    return times[gap] + 1.2


@pytest.mark.parametrize("schedule", ["ordered", "windows"])
def test_growing_is_switching_on_connections_to_what_was_there(schedule):
    now = quiet_time(15.0)
    net = small()
    sim = es.Simulation(net, schedule=schedule)
    sim.record("cells", "v", every=2.0)
    sim.run(now)
    add_more(net)
    sim.grow()
    sim.record("more", "v", every=2.0)
    sim.run(END)

    whole = small()
    add_more(whole)
    weights = es.Simulation(whole).weights("to")[2], es.Simulation(whole).weights("from")[2]
    other = es.Simulation(whole, schedule=schedule)
    other.record("cells", "v", every=2.0)
    other.record("more", "v", every=2.0)
    for name in ("to", "from"):
        other.set_weights(name, 0.0)
    other.run(now)
    for name, weight in zip(("to", "from"), weights, strict=True):
        other.set_weights(name, weight)
    other.run(END)
    for name in ("noise", "cells", "late noise", "more"):
        found, wanted = sim.spikes(name), other.spikes(name)
        first = now if name in ("late noise", "more") else 0.0
        kept = wanted.times >= first
        assert len(found) > 5
        assert found.units.tolist() == wanted.units[kept].tolist()
        np.testing.assert_allclose(found.times, wanted.times[kept], rtol=0, atol=1e-9)
    np.testing.assert_allclose(
        sim.trace("cells", "v").values, other.trace("cells", "v").values, rtol=0, atol=1e-9
    )
    late = other.trace("more", "v").times >= now
    np.testing.assert_allclose(
        sim.trace("more", "v").values, other.trace("more", "v").values[late], rtol=0, atol=1e-9
    )


@pytest.mark.parametrize("schedule", ["ordered", "windows", "layered"])
def test_the_old_goes_on_to_the_same_spikes_if_nothing_leads_back(schedule):
    kind = "feed-forward" if schedule == "layered" else "recurrent"
    plain = es.Simulation(small(kind), schedule=schedule)
    plain.run(END)
    net = small(kind)
    sim = es.Simulation(net, schedule=schedule)
    sim.run(21.3)
    net.add("more", es.models.LIF(tau_mem=20.0), 5)
    net.connect("cells", "more", weight=1.5, delay=1.2)
    sim.grow()
    assert sim.now == 21.3
    sim.run(END)
    assert len(sim.spikes("more")) > 0
    assert sim.spikes("more").times.min() > 21.3
    assert sim.spikes("noise").times.tobytes() == plain.spikes("noise").times.tobytes()
    assert sim.spikes("cells").units.tolist() == plain.spikes("cells").units.tolist()
    np.testing.assert_allclose(sim.spikes("cells").times, plain.spikes("cells").times, rtol=0, atol=1e-9)


@pytest.mark.parametrize("schedule", ["ordered", "windows"])
def test_a_grown_simulation_is_one_like_all_others(schedule, tmp_path):
    net = small()
    sim = es.Simulation(net, schedule=schedule)
    sim.run(20.0)
    sim.set("cells", i_ext=0.03)
    sim.set_delays("noise->cells", 2.0)
    sim.run(23.0)
    called = []
    sim.at(30.0, lambda sim: called.append(sim.now))
    add_more(net)
    sim.grow()
    assert sim.get("cells", "i_ext") == 0.03
    assert set(sim.weights("noise->cells")[3]) == {2.0}
    sim.run(26.0)
    state, twin = sim.snapshot(), copy.deepcopy(sim)
    other = es.Simulation(net, schedule=schedule)
    other.restore(state)
    for each in (sim, twin, other):
        each.run(END)
    assert called == [30.0, 30.0]
    late = sim.spikes("more").times >= 26.0
    assert sim.spikes("more").times.tobytes() == twin.spikes("more").times.tobytes()
    assert sim.spikes("more").times[late].tobytes() == other.spikes("more").times.tobytes()
    sim.save(tmp_path / "run.h5")
    trace = es.io.load(tmp_path / "run.h5")
    assert trace.provenance["changes"][-1].startswith("23.0 ms: grown by late noise, more, ")
    assert "more" in trace.network().populations
    sim.reset()
    sim.run(20.0)
    fresh = es.Simulation(net, schedule=schedule)
    fresh.run(20.0)
    assert sim.spikes("more").times.tobytes() == fresh.spikes("more").times.tobytes()


def test_plastic_projections_grow_too():
    def rule():
        return es.models.plasticity.PairSTDP(learning_rate=0.05, w_max=1.0)

    net = small()
    net.add_plasticity("noise->cells", rule())
    sim = es.Simulation(net, schedule="ordered")
    sim.run(20.0)
    before = sim.weights("noise->cells")[2]
    net.add("other", es.models.Poisson(rate=200.0), 3)
    net.connect("other", "cells", weight=0.5, delay=1.0)
    net.add_plasticity("other->cells", rule())
    sim.grow()
    assert sim.weights("noise->cells")[2].tobytes() == before.tobytes()
    sim.run(60.0)
    assert np.abs(sim.weights("other->cells")[2] - 0.5).max() > 1e-3
    assert np.abs(sim.weights("noise->cells")[2] - before).max() > 1e-3


def test_a_network_that_grows_leaves_its_simulation_alone_until_it_is_told(tmp_path):
    net = small()
    sim = es.Simulation(net)
    sim.run(5.0)
    add_more(net)
    assert "more" not in sim.net.populations
    sim.save(tmp_path / "run.h5")
    assert "more" not in es.io.load(tmp_path / "run.h5").network().populations
    assert len(sim.trials(2, 5.0).spikes("cells")) == 2


def test_what_cannot_grow_says_why_and_stays():
    net = small()
    sim = es.Simulation(net)
    sim.run(5.0)
    with pytest.raises(es.ConfigError, match="nothing was added to the network"):
        sim.grow()
    with pytest.raises(TypeError, match="grows to a Network, got"):
        sim.grow("more")
    other = es.Network(seed=3)
    other.add("cells", es.models.LIF(tau_mem=10.0, t_ref=0.5), 8)
    with pytest.raises(es.ConfigError, match=r"'noise' is not in the network .* grow\(\) adds only"):
        sim.grow(other)
    net.change("cells", tau_mem=11.0)
    with pytest.raises(es.ConfigError, match=r"'cells' is declared in another way than what runs; .*set\(\)"):
        sim.grow()
    net.change("cells", tau_mem=10.0)
    net.add_plasticity("noise->cells", es.models.plasticity.PairSTDP())
    net.add("more", es.models.LIF(), 2)
    with pytest.raises(es.ConfigError, match="was there without PairSTDP"):
        sim.grow()
    net.plasticity.clear()
    net.add("rates", es.models.RateInput(), 2)
    with pytest.raises(es.ConfigError, match="'rates' runs on ticks"):
        sim.grow()
    net.remove("rates")

    layered = es.Simulation(small("feed-forward"), schedule="layered")
    loop = small("feed-forward")
    loop.connect("cells", "cells", weight=0.1, delay=1.0)
    with pytest.raises(es.ConfigError, match=r"runs on the layered schedule and cannot grow so: .*ordered"):
        layered.grow(loop)
    sim.grow()
    sim.run(10.0)
    engine = es.Simulation(net, schedule="ordered")
    held = engine.engine
    net.add("last", es.models.LIF(), 2)
    engine.grow()
    with pytest.raises(RuntimeError, match="of a simulation that grew; take"):
        held.run(20.0)


@pytest.mark.parametrize("schedule", ["ordered", "windows"])
def test_cleared_records_begin_anew_and_nothing_else_changes(schedule, tmp_path):
    plain, sim = (es.Simulation(small(), schedule=schedule) for _ in range(2))
    for each in (plain, sim):
        each.record("cells", "v", every=1.0)
        each.record("cells", "i_syn", every=1.0)
        each.run(20.5)
    sim.clear("cells", "v")
    assert len(sim.trace("cells", "v").times) == 0
    assert len(sim.trace("cells", "i_syn").times) == 21
    assert len(sim.spikes("cells")) > 0
    sim.clear("noise")
    assert (len(sim.spikes("noise")), len(sim.spikes("cells")) > 0) == (0, True)
    sim.clear()
    assert len(sim.spikes("cells")) == len(sim.trace("cells", "i_syn").times) == 0
    state = pickle.loads(pickle.dumps(sim.snapshot()))
    for each in (plain, sim):
        each.run(50.0)
    for _ in range(2):
        for name in ("noise", "cells"):
            spikes = plain.spikes(name)
            assert sim.spikes(name).times.tobytes() == spikes.times[spikes.times >= 20.5].tobytes()
        assert sim.trace("cells", "v").times.tolist() == list(range(21, 50))
        assert sim.trace("cells", "v").values.tobytes() == plain.trace("cells", "v").values[21:].tobytes()
        sim.restore(state)
        sim.run(50.0)
    sim.save(tmp_path / "run.h5")
    cleared = list(es.io.load(tmp_path / "run.h5").provenance["cleared"])
    assert cleared[0] == "20.5 ms: v of cells cleared"
    assert cleared[-1] == "20.5 ms: all records cleared"
    sim.reset()
    assert not sim._cleared


def test_what_is_not_recorded_cannot_be_cleared(tmp_path):
    sim = es.Simulation(small())
    with pytest.raises(es.UnknownPart, match="no population named 'cell'"):
        sim.clear("cell")
    with pytest.raises(es.UnknownPart, match="cannot clear 'v' of 'cells': it is not recorded"):
        sim.clear("cells", "v")
    sim.stream(es.io.TraceFile.create(tmp_path / "run.h5"))
    with pytest.raises(es.ConfigError, match=r"run.h5.*it cannot be taken back"):
        sim.clear()


NEURONS = {
    "lif": es.models.LIF(tau_mem=10.0, i_ext=0.08),
    "delta": es.models.LIFDelta(tau_mem=10.0, i_ext=0.08),
    "quadratic": es.models.QIF(),
    "adaptive": es.models.AdaptiveLIF(),
    "receptors": es.models.MultiSynapseLIF(),
    "current": es.models.LIF(i_ext=es.models.SineCurrent(amplitude=1.5, frequency=20.0)),
}


@pytest.mark.parametrize("kind", NEURONS)
@pytest.mark.parametrize("source", ["poisson", "regular", "given"])
def test_what_is_added_has_been_there_on_its_own_to_the_bit(kind, source):
    sources = {
        "poisson": es.models.Poisson(rate=200.0),
        "regular": es.models.Regular(period=3.0),
        "given": es.models.SpikeSource(times=np.arange(1.0, 55.0), units=np.arange(54) % 3),
    }
    net = small()
    sim = es.Simulation(net, schedule="ordered")
    sim.run(20.3)
    net.add("source", sources[source], 3)
    net.add("more", NEURONS[kind], 3)
    net.connect("source", "more", weight=1.0, delay=0.5)
    net.connect("more", "cells", weight=0.2, delay=1.0, name="back")
    sim.grow()
    sim.run(END)
    whole = es.Simulation(net, schedule="ordered")
    whole.set_weights("back", 0.0)
    whole.run(20.3)
    whole.set_weights("back", 0.2)
    whole.run(END)
    late = whole.spikes("more").times >= 20.3
    assert late.sum() > 3
    assert sim.spikes("more").times.tobytes() == whole.spikes("more").times[late].tobytes()


def test_plastic_windows_grow():
    def net_of():
        net = small()
        net.add_plasticity("noise->cells", es.models.plasticity.PairSTDP(w_max=1.0))
        return net

    def more(net):
        net.add("more", es.models.LIF(tau_mem=10.0), 5)
        net.connect("cells", "more", weight=0.8, delay=1.2)
        net.add_plasticity("cells->more", es.models.plasticity.PairSTDP(w_max=1.0))

    found = []
    for schedule in ("windows", "ordered"):
        net = net_of()
        sim = es.Simulation(net, schedule=schedule)
        sim.run(20.3)
        more(net)
        sim.grow()
        sim.run(END)
        assert sim.schedule == schedule
        found.append((sim.spikes("more"), sim.weights("cells->more")[2]))
    (spikes, weights), (others, other_weights) = found
    assert len(spikes) > 5
    assert spikes.units.tolist() == others.units.tolist()
    np.testing.assert_allclose(spikes.times, others.times, rtol=0, atol=1e-9)
    np.testing.assert_allclose(weights, other_weights, rtol=0, atol=1e-9)


def test_what_somebody_has_put_on_a_simulation_stays():
    net = es.Network()
    net.add("source", es.models.Regular(period=10.0), 1)
    sim = es.Simulation(net)
    sim.label = "mine"
    sim.run(5.0)
    net.add("other", es.models.Regular(period=10.0), 1)
    sim.grow()
    sim.run(15.0)
    assert sim.label == "mine"
    assert list(sim.spikes("other").times) == [10.0]
