"""Reward-modulated STDP on the windows schedule: the weights of the ordered schedule, to the bit."""

import numpy as np
import pytest

import eventsim as es
from eventsim.models.plasticity import RewardSTDP

VALUES = {
    "a_plus": 0.2, "a_minus": 0.15, "tau_plus": 15.0, "tau_minus": 25.0, "tau_eligibility": 80.0,
    "tau_dopamine": 40.0, "baseline": 0.004, "w_max": 0.5, "delay": "dendritic",
}  # fmt: skip
rng = np.random.default_rng(5)
DELAYS = {
    "one": 1.5,
    "axonal": rng.uniform(1.0, 9.0, (10, 1)),
    "synaptic": rng.uniform(1.0, 9.0, (10, 10)),
}
CUTS = (0.7, 11.11, 40.0, 40.3, 133.3)
END = 200.0


def network(delays, rewards="critic", **changes):
    """Return neurons with jumps, which fire at the very times of inputs on all schedules.

    The critic fires for what the cells do; "cells" are their own critics; "source" is not recorded.
    """
    rng = np.random.default_rng(3)
    net = es.Network(seed=3)
    for name, rate in (("input", 30), ("teacher", 8)):
        times = [np.sort(rng.uniform(0, END, rate)) for _ in range(10)]
        net.add(name, es.models.SpikeSource(times=times), 10)
    net.add("source", es.models.Poisson(rate=100.0), 10, record_spikes=False)
    net.add("cells", es.models.LIFDelta(tau_mem=10.0, v_th=1.0, t_ref=1.0), 10)
    net.add("critic", es.models.LIFDelta(tau_mem=5.0, v_th=0.9), 1)
    net.connect("source", "cells", es.connect.one_to_one(), weight=0.01, delay=1.0)
    net.connect("teacher", "cells", es.connect.one_to_one(), weight=5.0, delay=0.5)
    net.connect("input", "cells", weight=rng.uniform(0.05, 0.3, (10, 10)), delay=delays, name="first")
    net.connect("cells", "cells", weight=rng.uniform(0.05, 0.3, (10, 10)), delay=2.0, name="second")
    net.connect("cells", "critic", weight=0.35, delay=1.0)
    for name in ("first", "second"):
        net.add_plasticity(name, RewardSTDP(rewards, **(VALUES | changes)))
    return net


def both(sim):
    return np.concatenate([sim.weights(name)[2] for name in ("first", "second")])


@pytest.mark.parametrize("rewards", ["critic", "cells", "source"])
@pytest.mark.parametrize("delays", DELAYS)
def test_weights_and_spikes_are_those_of_the_ordered_schedule_to_the_bit(delays, rewards):
    sims = {s: es.Simulation(network(DELAYS[delays], rewards), schedule=s) for s in ("ordered", "windows")}
    first = both(sims["ordered"])
    for cut in (*CUTS, END):
        for sim in sims.values():
            sim.run(cut)
        np.testing.assert_array_equal(both(sims["windows"]), both(sims["ordered"]))
    spikes = [sim.spikes("cells") for sim in sims.values()]
    assert len(spikes[0]) > 100
    assert len(sims["ordered"].spikes("critic")) > 10
    np.testing.assert_array_equal(spikes[0].times, spikes[1].times)
    assert np.abs(both(sims["windows"]) - first).max() > 0.03


@pytest.mark.parametrize("delays", DELAYS)
@pytest.mark.parametrize("schedule", ["ordered", "windows"])
def test_slices_reads_snapshots_copies_and_files_change_no_bit(schedule, delays, tmp_path):
    whole = es.Simulation(network(DELAYS[delays]), schedule=schedule)
    whole.run(END)
    sliced = es.Simulation(network(DELAYS[delays]), schedule=schedule)
    for cut in CUTS:
        sliced.run(cut)
        both(sliced)
        both(sliced)
    state = sliced.snapshot()
    sliced.save(tmp_path / "run.h5")
    again = es.Simulation(network(DELAYS[delays]), schedule=schedule)
    again.restore(state)
    built = es.Simulation(es.io.load(tmp_path / "run.h5").network(), schedule=schedule)
    built.restore(state)
    for sim in (sliced, again, built):
        sim.run(END)
        np.testing.assert_array_equal(both(sim), both(whole))
    sliced.restore(state)
    sliced.run(END)
    np.testing.assert_array_equal(both(sliced), both(whole))


def test_many_rewards_and_spikes_are_forgotten_without_a_trace():
    """More of them than are kept at a time, and sources that are silent for long."""
    found = []
    for schedule in ("ordered", "windows"):
        net = es.Network(seed=2)
        net.add("input", es.models.SpikeSource(times=[[1.0, 5.0, 300.0, 390.0], [350.0], []]), 3)
        net.add("teacher", es.models.SpikeSource(times=[np.arange(2.0, 400.0, 3.7), [10.0]]), 2)
        net.add("reward", es.models.SpikeSource(times=[np.arange(4.0, 400.0, 1.3)]), 1)
        net.add("cells", es.models.LIFDelta(v_th=1.0), 2)
        net.connect("teacher", "cells", es.connect.one_to_one(), weight=5.0, delay=0.5)
        net.connect("input", "cells", weight=0.3, delay=1.5, name="plastic")
        net.add_plasticity("plastic", RewardSTDP("reward", **(VALUES | {"baseline": 0.6, "w_max": 0.32})))
        sim = es.Simulation(net, schedule=schedule)
        sim.run(400.0)
        found.append(sim.weights("plastic")[2])
        read = es.Simulation(net, schedule=schedule)
        for end in np.arange(20.0, 401.0, 20.0):
            read.run(end)
            read.weights("plastic")
        np.testing.assert_array_equal(read.weights("plastic")[2], found[-1])
    np.testing.assert_array_equal(*found)
    assert np.ptp(found[0]) > 0.01


def test_new_weights_are_taken_up_alike():
    found = []
    for schedule in ("ordered", "windows"):
        sim = es.Simulation(network(DELAYS["axonal"]), schedule=schedule)
        sim.at(50.3, lambda sim: sim.set_weights("second", 0.1))
        sim.run(50.3)
        sim.run(150.0)
        found.append(both(sim))
    np.testing.assert_array_equal(*found)


def test_trials_and_batches_are_those_of_new_simulations():
    net = network(1.5)
    sim = es.Simulation(net, schedule="windows")
    alone = []
    for trial in range(2):
        one = es.Simulation(net, schedule="windows", trial=trial)
        one.run(100.0)
        alone.append(both(one))
    records = sim.trials(2, until=100.0, after=both, threads=2)
    for result, wanted in zip(records.results, alone, strict=True):
        np.testing.assert_array_equal(result, wanted)


def test_auto_takes_windows_where_it_can():
    assert es.Simulation(network(1.5)).schedule == "windows"
    assert es.Simulation(network(1.5, delay="axonal")).schedule == "ordered"
    assert es.Simulation(network(0.0)).schedule == "ordered"


def test_what_windows_and_layers_cannot_do_is_refused():
    with pytest.raises(
        es.ConfigError, match="reward-modulated STDP with delay='axonal' needs the ordered schedule"
    ):
        es.Simulation(network(1.5, delay="axonal"), schedule="windows")
    with pytest.raises(es.ConfigError, match="plasticity of 'first', a projection without delay, needs"):
        es.Simulation(network(0.0), schedule="windows")
    with pytest.raises(es.ConfigError, match="plasticity of 'first' follows its targets' spikes; layers"):
        es.Simulation(network(1.5), schedule="layered")
    for schedule in ("ordered", "windows"):
        with pytest.raises(
            es.UnknownPart, match="reward of 'first' must come from a population, got 'critc'; known"
        ):
            es.Simulation(network(1.5, "critc"), schedule=schedule).run(1.0)
    net = network(1.5, "rates")
    net.add("rates", es.models.LatentEquilibrium(), 2)
    with pytest.raises(
        es.ConfigError, match="reward of 'first' must come from spikes, but 'rates' has rates"
    ):
        es.Simulation(net, dt=0.1).run(1.0)


@pytest.mark.parametrize("schedule", ["ordered", "windows"])
def test_states_with_rewards_that_cannot_be_are_refused(schedule):
    sim = es.Simulation(network(1.5), schedule=schedule)
    sim.run(100.0)
    state = sim.snapshot()

    def rewards(part):
        if isinstance(part, dict):
            for name, each in part.items():
                if name == "rewards":
                    yield part
                yield from rewards(each)

    for wrong in (np.zeros(3), np.full((1, 3), 1e3), np.array([[5.0, 0, 1], [4.0, 0, 1]])):
        changed = sim.snapshot()
        next(rewards(changed))["rewards"] = wrong
        with pytest.raises(ValueError, match="'rewards' in the state of first"):
            sim.restore(changed)
    sim.restore(state)


@pytest.mark.parametrize("schedule", ["ordered", "windows"])
def test_what_is_added_brings_its_own_reward_or_meets_the_one_that_runs(schedule):
    def added(net, rewards):
        net.add("more", es.models.SpikeSource(times=np.arange(5.0, END, 6.0)[None]), 1)
        net.add("prize", es.models.SpikeSource(times=[[70.0, 150.0]]), 1)
        net.add("late", es.models.LIFDelta(v_th=0.4), 2)
        net.connect("more", "late", weight=0.45, delay=1.5, name="third")
        net.connect("cells", "late", weight=0.2, delay=1.5, name="fourth")
        net.add_plasticity("third", RewardSTDP(rewards, **VALUES))
        net.add_plasticity("fourth", RewardSTDP("critic", **VALUES))
        return net

    sim = es.Simulation(network(1.5), schedule=schedule)
    sim.run(60.0)
    with pytest.raises(es.ConfigError, match="reward of 'third' comes from 'critic', whose spikes so far"):
        sim.grow(added(network(1.5), "critic"))
    sim.grow(added(network(1.5), "prize"))
    first = [sim.weights(name)[2] for name in ("third", "fourth")]
    again = es.Simulation(added(network(1.5), "prize"), schedule=schedule)
    again.restore(sim.snapshot())
    for each in (sim, again):
        each.run(END)
    for name, before in zip(("third", "fourth"), first, strict=True):
        np.testing.assert_array_equal(again.weights(name)[2], sim.weights(name)[2])
        assert np.abs(sim.weights(name)[2] - before).max() > 1e-3


def test_a_rule_that_cannot_grow_on_the_ordered_schedule_is_not_sent_there():
    net = es.Network()
    net.add("in", es.models.SpikeSource(), 2)
    net.add("cells", es.models.ClopathAdEx(), 2)
    net.connect("in", "cells", weight=1.0, name="plastic")
    net.add_plasticity("plastic", es.models.plasticity.VoltageSTDP())
    sim = es.Simulation(net)
    sim.run(1.0)
    net.add("more", es.models.LIF(), 2)
    net.connect("in", "more", weight=1.0, name="other")
    net.add_plasticity("other", es.models.plasticity.VoltageSTDP())
    with pytest.raises(es.ConfigError, match=r"^this simulation cannot grow so: .*'more' is not$"):
        sim.grow()


@pytest.mark.parametrize("seed", range(12))
def test_random_networks_whose_times_coincide_have_the_same_bits(seed):
    """Read, put back and sliced anywhere; spikes, rewards and cuts on a grid in every other network."""
    rng = np.random.default_rng(seed)
    n, m = rng.integers(1, 6, 2)

    def times(mean):
        found = rng.uniform(0, END, rng.poisson(mean))
        return np.sort(np.round(2 * found) / 2 if seed % 2 else found)

    inputs = [times(rng.choice([0, 3, 40, 120])) for _ in range(n)]
    teachers = [times(rng.choice([0, 3, 30, 100])) for _ in range(m)]
    rewards, weight = [times(rng.choice([2, 100]))], rng.uniform(0, 0.5, (n, m))
    shape = [None, (n, 1), (n, m)][seed % 3]
    delay = 1.5 if shape is None else rng.choice([0.5, 1.0, 1.5, 2.0], shape)
    slow = {
        "tau_eligibility": float(rng.choice([5.0, 80.0, 1000.0])),
        "tau_dopamine": float(rng.choice([3.0, 40.0])),
    }

    def simulation(schedule):
        net = es.Network(seed=1)
        for name, trains in (("input", inputs), ("teacher", teachers), ("reward", rewards)):
            net.add(name, es.models.SpikeSource(times=trains), len(trains))
        net.add("cells", es.models.LIFDelta(tau_mem=10.0, v_th=1.0), m)
        net.connect("teacher", "cells", es.connect.one_to_one(), weight=5.0, delay=0.5)
        net.connect("input", "cells", weight=weight, delay=delay, name="plastic")
        net.add_plasticity("plastic", RewardSTDP("reward", **(VALUES | slow)))
        return es.Simulation(net, schedule=schedule)

    whole = simulation("ordered")
    whole.run(END)
    for schedule in ("ordered", "windows"):
        sim = simulation(schedule)
        for cut in np.sort(np.append(rng.uniform(0, END, 5), np.round(rng.uniform(0, END, 3)))):
            sim.run(cut)
            sim.weights("plastic")
            if rng.random() < 0.3:
                sim.restore(sim.snapshot())
        sim.run(END)
        np.testing.assert_array_equal(sim.spikes("cells").times, whole.spikes("cells").times)
        np.testing.assert_array_equal(sim.weights("plastic")[2], whole.weights("plastic")[2])
