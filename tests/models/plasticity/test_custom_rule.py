"""Rules of one's own: compared with the compiled ones, and with sums over all earlier spikes."""

import copy
import pickle

import numpy as np
import pytest

import eventsim as es
from eventsim.models.plasticity import CustomRule, PairSTDP, SpikeTraces
from reference.spike_pairs import final_weight

STEP, ALPHA, TAU_PLUS, TAU_MINUS, W_MAX = 0.02, 1.1, 18.0, 25.0, 0.5


class OwnPairs(CustomRule):
    """Additive STDP of all pairs, as PairSTDP with mu = 0."""

    def __init__(self, delay="axonal", by_synapse=False):
        self.delay = delay
        self.by_synapse = by_synapse

    def start(self):
        s = self.synapses
        self.x = SpikeTraces(s.n if self.by_synapse else s.n_pre, TAU_PLUS)
        self.y = SpikeTraces(s.n_post, TAU_MINUS)

    def on_pre(self, time, unit):
        s = self.synapses
        k = s.reached
        lost = ALPHA * STEP * W_MAX * self.y.at(time, s.post[k])
        s.weight[k] = np.maximum(s.weight[k] - lost, 0.0)
        self.x.add(time, k if self.by_synapse else unit)

    def on_post(self, time, unit):
        s = self.synapses
        k = s.of_target(unit)
        trace = self.x.at(time, k if self.by_synapse else s.pre[k])
        s.weight[k] = np.minimum(s.weight[k] + STEP * W_MAX * trace, W_MAX)
        self.y.add(time, unit)


class Counting(CustomRule):
    """Draws numbers, and keeps state of every kind."""

    def start(self):
        self.total = 0
        self.level = 0.0
        self.seen = np.zeros(self.synapses.n_pre, np.int64)
        self._anything = ["not part of the state"]

    def on_pre(self, time, unit):
        self.total += 1
        self.level += 0.25
        self.seen[unit] += 1
        self.synapses.weight[self.synapses.of_source(unit)] *= 1.0 + 0.01 * self.rng.normal()


DELAYS = {
    "one": 1.5,
    "axonal": np.random.default_rng(1).uniform(0.5, 9.0, (8, 1)),
    "synaptic": np.random.default_rng(2).uniform(0.5, 9.0, (8, 8)),
}


def network(rule, delay=1.5, seed=3):
    net = es.Network(seed=seed)
    net.add("noise", es.models.Poisson(rate=400.0), 8)
    net.add("cells", es.models.LIF(v_th=1.0, t_ref=2.0), 8)
    net.connect("noise", "cells", es.connect.one_to_one(), weight=1.2, delay=0.5)
    weight = np.random.default_rng(seed).uniform(0.02, 0.2, (8, 8))
    net.connect("cells", "cells", weight=weight, delay=delay, name="plastic")
    net.add_plasticity("plastic", rule)
    return net


@pytest.mark.parametrize("delays", DELAYS)
def test_own_pairs_are_those_of_sums_over_all_spikes(delays):
    sim = es.Simulation(network(OwnPairs(by_synapse=delays == "synaptic"), DELAYS[delays]))
    before = sim.weights("plastic")[2]
    sim.run(200.0)
    spikes = sim.spikes("cells")
    assert len(spikes) > 80
    rule = {
        "w_max": W_MAX, "nearest": False, "mu_plus": 0.0, "mu_minus": 0.0,
        "a_plus": STEP * W_MAX, "a_minus": ALPHA * STEP * W_MAX, "tau_plus": TAU_PLUS, "tau_minus": TAU_MINUS,
        "a_plus_triplet": 0.0, "a_minus_triplet": 0.0, "tau_plus_triplet": 1.0, "tau_minus_triplet": 1.0,
    }  # fmt: skip
    for pre, post, weight, delay, first in zip(*sim.weights("plastic"), before, strict=True):
        seen = spikes.times[spikes.units == pre] + delay
        wanted = final_weight(first, seen[seen < 200.0], spikes.times[spikes.units == post], rule)
        assert weight == pytest.approx(wanted, rel=1e-12)
    assert np.abs(sim.weights("plastic")[2] - before).max() > 0.05


@pytest.mark.parametrize("schedule", ["ordered", "windows"])
def test_dendritic_own_pairs_are_those_of_the_compiled_rule(schedule):
    found = []
    for rule in (OwnPairs("dendritic"), PairSTDP(STEP, W_MAX, ALPHA, TAU_PLUS, TAU_MINUS, 0.0, 0.0)):
        sim = es.Simulation(network(rule), schedule=schedule)
        for end in (20.0, 77.7, 200.0):
            sim.run(end)
            found.append(sim.weights("plastic")[2])
    assert np.abs(found[2] - found[0]).max() > 0.05
    for own, compiled in zip(found[:3], found[3:], strict=True):
        assert own == pytest.approx(compiled, rel=1e-12)


@pytest.mark.parametrize("schedule", ["ordered", "windows"])
@pytest.mark.parametrize("rule", [OwnPairs("dendritic"), Counting()], ids=["pairs", "counting"])
def test_slices_snapshots_and_copies_change_no_bit(rule, schedule):
    rule = copy.copy(rule)
    rule.delay = "dendritic"
    whole = es.Simulation(network(rule), schedule=schedule)
    whole.run(200.0)
    sliced = es.Simulation(network(rule), schedule=schedule)
    for end in (0.3, 50.0, 77.7):
        sliced.run(end)
        sliced.weights("plastic")
    again = es.Simulation(network(rule), schedule=schedule)
    again.restore(sliced.snapshot())
    copied = pickle.loads(pickle.dumps(sliced))
    state = sliced.snapshot()
    for sim in (sliced, again, copied):
        sim.run(200.0)
        np.testing.assert_array_equal(sim.weights("plastic")[2], whole.weights("plastic")[2])
    sliced.restore(state)
    sliced.run(200.0)
    np.testing.assert_array_equal(sliced.weights("plastic")[2], whole.weights("plastic")[2])
    np.testing.assert_array_equal(sliced.spikes("cells").times, whole.spikes("cells").times)


def test_the_declared_rule_stays_as_it_is_and_trials_draw_anew():
    rule = Counting()
    weights = []
    for trial in (0, 0, 1):
        sim = es.Simulation(network(rule), trial=trial)
        sim.run(100.0)
        weights.append(sim.weights("plastic")[2])
    assert vars(rule) == {}
    np.testing.assert_array_equal(weights[0], weights[1])
    assert not np.array_equal(weights[0], weights[2])


def test_weights_can_be_read_set_and_saved(tmp_path):
    sim = es.Simulation(network(OwnPairs()))
    sim.run(50.0)
    sim.set_weights("plastic", 0.1)
    assert (sim.weights("plastic")[2] == 0.1).all()
    sim.run(100.0)
    assert (sim.weights("plastic")[2] != 0.1).any()
    sim.save(tmp_path / "run.h5")
    saved = es.io.load(tmp_path / "run.h5").parameters["weight/plastic"]
    np.testing.assert_array_equal(saved, sim.weights("plastic")[2])


class Nothing(CustomRule):
    pass


class Listing(CustomRule):
    def start(self):
        self.seen = []

    def on_pre(self, time, unit):
        pass


class Exploding(CustomRule):
    def on_pre(self, time, unit):
        self.synapses.weight[self.synapses.reached] = np.inf


class Failing(CustomRule):
    def on_post(self, time, unit):
        raise RuntimeError("not today")


def test_bad_rules_are_refused_in_one_line():
    with pytest.raises(es.ConfigError, match=r"Nothing needs on_pre\(time, unit\), on_post\(time, unit\)"):
        es.Simulation(network(Nothing())).run(1.0)
    with pytest.raises(TypeError, match="'seen' of Listing must be an array, a number or SpikeTraces"):
        es.Simulation(network(Listing())).run(1.0)
    with pytest.raises(ValueError, match=r"Exploding made the weight of synapse \d+ of 'plastic' inf"):
        es.Simulation(network(Exploding())).run(100.0)
    with pytest.raises(RuntimeError, match="not today"):
        es.Simulation(network(Failing())).run(100.0)
    with pytest.raises(
        es.ConfigError, match="delay of OwnPairs must be one of axonal, dendritic, got 'late'"
    ):
        es.Simulation(network(OwnPairs("late"))).run(1.0)
    with pytest.raises(es.ConfigError, match="OwnPairs with delay='axonal' needs the ordered schedule"):
        es.Simulation(network(OwnPairs()), schedule="windows")
    with pytest.raises(es.ConfigError, match="needs one delay for all synapses of 'plastic'"):
        es.Simulation(network(OwnPairs("dendritic"), DELAYS["axonal"])).run(1.0)
    with pytest.raises(TypeError, match="or be of a subclass of its CustomRule, got"):
        network(object())
    with pytest.raises(ValueError, match="tau of a trace must be positive, got 0"):
        SpikeTraces(3, 0)


def test_a_damaged_state_is_refused():
    sim = es.Simulation(network(Counting()), schedule="ordered")
    sim.run(50.0)
    for damage in ({"seen": np.zeros(3, np.int64)}, {"rng": np.zeros(2, np.uint64)}):
        state = copy.deepcopy(sim.snapshot())
        parts = state["body"]["handlers"].values()
        part = next(p for p in parts if isinstance(p, dict) and "rule" in p)
        part["rule"] |= damage
        with pytest.raises(ValueError, match=next(iter(damage))):
            sim.restore(state)
