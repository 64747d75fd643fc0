"""Pair and triplet STDP on the windows schedule: the weights of the ordered schedule, to the bit."""

import numpy as np
import pytest

import eventsim as es

PairSTDP, TripletSTDP = es.models.plasticity.PairSTDP, es.models.plasticity.TripletSTDP
RULES = {
    "pairs": PairSTDP(0.05, 0.5),
    "powers": PairSTDP(0.05, 0.5, mu_plus=0.4, mu_minus=0.4),
    "nearest": PairSTDP(0.05, 0.5, mu_plus=0.0, mu_minus=0.0, pairs="nearest"),
    "triplet": TripletSTDP(0.01, 7e-3, 6e-2, 2e-2, w_max=0.5),
}
rng = np.random.default_rng(5)
DELAYS = {
    "one": 1.5,
    "axonal": rng.uniform(1.0, 9.0, (10, 1)),
    "synaptic": rng.uniform(1.0, 9.0, (10, 10)),
}
CUTS = (0.7, 11.11, 40.0, 40.3, 133.3)


def network(rule, delay, seed=3):
    """Return neurons with jumps, which fire at the very times of inputs on all schedules."""
    rng = np.random.default_rng(seed)
    net = es.Network(seed=seed)
    for name, rate in (("input", 30), ("teacher", 8)):
        times = [np.sort(rng.uniform(0, 200, rate)) for _ in range(10)]
        net.add(name, es.models.SpikeSource(times=times), 10)
    net.add("cells", es.models.LIFDelta(tau_mem=10.0, v_th=1.0, t_ref=1.0), 10)
    net.connect("teacher", "cells", es.connect.one_to_one(), weight=5.0, delay=0.5)
    net.connect("input", "cells", weight=rng.uniform(0.05, 0.3, (10, 10)), delay=delay, name="first")
    net.connect("cells", "cells", weight=rng.uniform(0.05, 0.3, (10, 10)), delay=2.0, name="second")
    for name in ("first", "second"):
        net.add_plasticity(name, rule)
    return net


def both(sim):
    return np.concatenate([sim.weights(name)[2] for name in ("first", "second")])


@pytest.mark.parametrize("delays", DELAYS)
@pytest.mark.parametrize("name", RULES)
def test_weights_and_spikes_are_those_of_the_ordered_schedule_to_the_bit(name, delays):
    sims = {
        s: es.Simulation(network(RULES[name], DELAYS[delays]), schedule=s) for s in ("ordered", "windows")
    }
    first = both(sims["ordered"])
    for cut in (*CUTS, 200.0):
        for sim in sims.values():
            sim.run(cut)
        np.testing.assert_array_equal(both(sims["windows"]), both(sims["ordered"]))
    spikes = [sim.spikes("cells") for sim in sims.values()]
    assert len(spikes[0]) > 100
    np.testing.assert_array_equal(spikes[0].times, spikes[1].times)
    assert np.abs(both(sims["windows"]) - first).max() > 0.03


@pytest.mark.parametrize("name", RULES)
def test_slices_reads_snapshots_copies_and_changes_within_windows_change_no_bit(name):
    whole = es.Simulation(network(RULES[name], DELAYS["synaptic"]), schedule="windows")
    whole.run(200.0)
    sliced = es.Simulation(network(RULES[name], DELAYS["synaptic"]), schedule="windows")
    for cut in CUTS:
        sliced.run(cut)
        both(sliced)
        both(sliced)
    state = sliced.snapshot()
    again = es.Simulation(network(RULES[name], DELAYS["synaptic"]))
    again.restore(state)
    for sim in (sliced, again):
        sim.run(200.0)
        np.testing.assert_array_equal(both(sim), both(whole))
    sliced.restore(state)
    np.testing.assert_array_equal(
        sliced.spikes("cells").times, whole.spikes("cells").times[: len(sliced.spikes("cells"))]
    )
    sliced.run(200.0)
    np.testing.assert_array_equal(both(sliced), both(whole))


def test_new_weights_are_taken_up_alike():
    found = []
    for schedule in ("ordered", "windows"):
        sim = es.Simulation(network(RULES["pairs"], DELAYS["axonal"]), schedule=schedule)
        sim.at(50.3, lambda sim: sim.set_weights("second", 0.1))
        sim.run(50.3)
        sim.run(150.0)
        found.append(both(sim))
    np.testing.assert_array_equal(*found)


def test_auto_takes_windows_where_it_can():
    assert es.Simulation(network(RULES["pairs"], 1.5)).schedule == "windows"
    assert es.Simulation(network(PairSTDP(delay="axonal"), 1.5)).schedule == "ordered"
    assert es.Simulation(network(RULES["pairs"], 0.0)).schedule == "ordered"


def test_what_windows_and_layers_cannot_do_is_refused():
    with pytest.raises(es.ConfigError, match="pair STDP with delay='axonal' needs the ordered schedule"):
        es.Simulation(network(PairSTDP(delay="axonal"), 1.5), schedule="windows")
    with pytest.raises(es.ConfigError, match="plasticity of 'first', a projection without delay, needs"):
        es.Simulation(network(RULES["pairs"], 0.0), schedule="windows")
    with pytest.raises(es.ConfigError, match="plasticity of 'first' follows its targets' spikes; layers"):
        es.Simulation(network(RULES["pairs"], 1.5), schedule="layered")
