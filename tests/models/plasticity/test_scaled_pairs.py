"""STDP and synaptic scaling on one projection, against small steps of their equations."""

import numpy as np
import pytest

import eventsim as es
from eventsim.models.plasticity import (
    CustomRule,
    InhibitorySTDP,
    PairSTDP,
    RewardSTDP,
    ShortTermPlasticity,
    SynapticScaling,
    TripletSTDP,
    VoltageSTDP,
)

RATE, STEP, TAU = 0.04, 0.05, 30.0
DELAYS = {
    "one": 1.5,
    "axonal": np.random.default_rng(1).uniform(0.5, 9.0, (8, 1)),
    "synaptic": np.random.default_rng(2).uniform(0.5, 9.0, (8, 8)),
}
RULES = {
    "soft": PairSTDP(0.05, 0.4, 1.1, 18.0, 25.0),
    "hard": PairSTDP(0.4, 0.25, 0.3, 18.0, 25.0, 0.0, 0.0, "nearest"),
    "triplet": TripletSTDP(0.02, 7e-3, 6e-2, 2e-2, w_max=0.3),
    "axonal": PairSTDP(0.05, 0.4, 1.1, 18.0, 25.0, 0.5, 0.5, delay="axonal"),
}


def network(rules, delay=1.5):
    net = es.Network(seed=3)
    net.add("noise", es.models.Poisson(rate=400.0), 8)
    net.add("cells", es.models.LIF(v_th=1.0, t_ref=2.0), 8)
    net.connect("noise", "cells", es.connect.one_to_one(), weight=1.2, delay=0.5)
    weight = np.random.default_rng(3).uniform(0.02, 0.24, (8, 8))
    net.connect("cells", "cells", weight=weight, delay=delay, name="plastic")
    for rule in rules:
        net.add_plasticity("plastic", rule)
    return net


def stepped(w, pre, post, until, rule, begin=0.0, steps=40):
    """Return a weight at a synapse's time, from spike to spike by small steps of the scaling.

    The synapse sees the beginning of its target at `begin`.
    """
    triplet = isinstance(rule, TripletSTDP)
    if triplet:
        up, down, mu_up, mu_down, nearest = rule.a_plus, rule.a_minus, 0.0, 0.0, False
    else:
        up = rule.learning_rate * rule.w_max
        down, mu_up, mu_down, nearest = rule.alpha * up, rule.mu_plus, rule.mu_minus, rule.pairs == "nearest"
    t, a, x, y, x_slow, y_slow = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    events = [(time, 0) for time in post] + [(time, 1) for time in pre]
    events = sorted([(begin, 3), *(each for each in events if each[0] <= until)])
    for stop, kind in [*events, (until, 2)]:
        h = (stop - t) / steps
        for _ in range(steps):
            rise = RATE * h - a * TAU * -np.expm1(-h / TAU) if t >= begin else 0.0
            w = min(rule.w_max, w * np.exp(STEP * rise))
            a *= np.exp(-h / TAU)
        x, y = x * np.exp((t - stop) / rule.tau_plus), y * np.exp((t - stop) / rule.tau_minus)
        if triplet:
            x_slow *= np.exp((t - stop) / rule.tau_plus_triplet)
            y_slow *= np.exp((t - stop) / rule.tau_minus_triplet)
        t = stop
        if kind == 0:
            gain = up + (rule.a_plus_triplet * y_slow if triplet else 0.0)
            w = min(rule.w_max, w + x * gain * (1.0 - w / rule.w_max) ** mu_up)
            y, y_slow, a = 1.0 if nearest else y + 1.0, y_slow + 1.0, a + 1.0 / TAU
        elif kind == 1:
            loss = down + (rule.a_minus_triplet * x_slow if triplet else 0.0)
            w = max(0.0, w - y * loss * (w / rule.w_max) ** mu_down)
            x, x_slow = 1.0 if nearest else x + 1.0, x_slow + 1.0
    return w


@pytest.mark.parametrize("schedule", ["ordered", "auto"])
@pytest.mark.parametrize("delays", DELAYS)
@pytest.mark.parametrize("name", RULES)
def test_weights_are_those_of_both_rules_stepped_from_spike_to_spike(name, delays, schedule):
    rule, end = RULES[name], 150.0
    dendritic = rule.delay == "dendritic"
    rules = [rule, SynapticScaling(RATE, STEP, TAU, rule.delay)]
    sim = es.Simulation(
        network(rules if schedule == "auto" else rules[::-1], DELAYS[delays]), schedule=schedule
    )
    before = sim.weights("plastic")[2].copy()
    sim.run(66.6)
    sim.weights("plastic")
    sim.run(end)
    spikes = sim.spikes("cells")
    assert len(spikes) > 40
    pre, post, weight, delay = sim.weights("plastic")
    assert np.abs(weight - before).max() > 0.05
    for k in range(0, len(weight), 5):
        source, target = (spikes.times[spikes.units == unit] for unit in (pre[k], post[k]))
        arrived = source[source + delay[k] < end]
        seen = arrived if dendritic else arrived + delay[k]
        late = target + (delay[k] if dendritic else 0.0)
        until = max(end - (delay.max() if dendritic else 0.0), seen.max(initial=0.0))
        wanted = stepped(before[k], seen, late, until, rule, delay[k] if dendritic else 0.0)
        assert weight[k] == pytest.approx(wanted, rel=1e-9, abs=1e-12)
    if name == "hard":
        again = es.Simulation(network(rules, DELAYS[delays]), schedule=schedule)
        largest = []
        for time in range(1, 150):
            again.run(time)
            largest.append(again.weights("plastic")[2].max())
        assert max(largest) == rule.w_max


@pytest.mark.parametrize("schedule", ["ordered", "windows"])
@pytest.mark.parametrize("delays", DELAYS)
def test_snapshots_slices_and_reads_change_no_bit(delays, schedule, tmp_path):
    rules = [RULES["soft"], SynapticScaling(RATE, STEP, TAU)]
    whole = es.Simulation(network(rules, DELAYS[delays]), schedule=schedule)
    whole.run(400.0)
    sliced = es.Simulation(network(rules, DELAYS[delays]), schedule=schedule)
    for end in (10.1, 77.7, 190.0):
        sliced.run(end)
        sliced.weights("plastic")
    again = es.Simulation(network(rules, DELAYS[delays]), schedule=schedule)
    again.restore(sliced.snapshot())
    for sim in (sliced, again):
        sim.run(400.0)
        np.testing.assert_array_equal(sim.weights("plastic")[2], whole.weights("plastic")[2])
    np.testing.assert_array_equal(sliced.spikes("cells").times, whole.spikes("cells").times)
    whole.save(tmp_path / "run.h5")
    saved = es.io.load(tmp_path / "run.h5").parameters["weight/plastic"]
    np.testing.assert_array_equal(np.sort(np.ravel(saved)), np.sort(whole.weights("plastic")[2]))


def test_the_order_of_the_rules_does_not_matter():
    found = []
    for rules in (
        [RULES["soft"], SynapticScaling(RATE, STEP, TAU)],
        [SynapticScaling(RATE, STEP, TAU), RULES["soft"]],
    ):
        sim = es.Simulation(network(rules))
        sim.run(200.0)
        found.append(sim.weights("plastic")[2])
    np.testing.assert_array_equal(*found)


def test_a_spike_acts_with_the_weight_that_both_rules_give_it():
    net = es.Network()
    net.add("teacher", es.models.SpikeSource(times=[5.0, 9.0, 30.0]), 1)
    net.add("input", es.models.SpikeSource(times=[2.0, 40.0]), 1)
    net.add("cell", es.models.LIF(v_th=10.0, tau_syn=1.0), 1)
    net.connect("teacher", "cell", weight=1e4, delay=0.0)
    net.connect("input", "cell", weight=0.2, delay=0.5, name="plastic")
    rule = RULES["soft"]
    for each in (rule, SynapticScaling(RATE, STEP, TAU)):
        net.add_plasticity("plastic", each)
    sim = es.Simulation(net, schedule="ordered")
    sim.record("cell", "i_syn", every=0.5)
    sim.run(41.0)
    spikes, at = sim.spikes("cell").times, 40.5
    teacher = sum(1e4 * np.exp(t - at) for t in (5.0, 9.0, 30.0))
    first = stepped(0.2, [2.0], [], 2.0, rule, 0.5)
    found = sim.trace("cell", "i_syn").values[81, 0] - teacher - first * np.exp(2.5 - at)
    assert found == pytest.approx(stepped(0.2, [2.0, 40.0], spikes + 0.5, 40.0, rule, 0.5), rel=1e-7)


@pytest.mark.parametrize("schedule", ["ordered", "windows"])
def test_weights_that_are_set_go_on_from_there_with_nothing_pending(schedule):
    for rules in ([PairSTDP(0.1, 0.5, mu_plus=0.0)], [PairSTDP(0.1, 0.5), SynapticScaling(RATE, STEP, TAU)],
                  [SynapticScaling(RATE, STEP, TAU)]):  # fmt: skip
        between = es.Simulation(network(rules), schedule=schedule)
        between.run(100.0)
        between.set_weights("plastic", 0.1)
        np.testing.assert_allclose(between.weights("plastic")[2], 0.1, rtol=1e-12)
        scheduled = es.Simulation(network(rules), schedule=schedule)
        scheduled.at(100.0, lambda sim: sim.set_weights("plastic", 0.1))
        for sim in (between, scheduled):
            sim.run(180.0)
        np.testing.assert_array_equal(between.weights("plastic")[2], scheduled.weights("plastic")[2])
        assert np.ptp(between.weights("plastic")[2]) > 1e-4


def test_a_target_that_cannot_come_to_its_rate_leaves_its_weights_at_their_bound():
    net = es.Network()
    net.add("input", es.models.SpikeSource(times=[1.0, 1e4]), 1)
    net.add("cell", es.models.LIF(v_th=float("inf")), 1)
    net.connect("input", "cell", weight=0.5, delay=1.0)
    for rule in (PairSTDP(), SynapticScaling(1.0, 1.0)):
        net.add_plasticity("input->cell", rule)
    sim = es.Simulation(net)
    sim.run(2e4)
    assert sim.weights("input->cell")[2].tolist() == [1.0]


class Own(CustomRule):
    """A rule that does nothing."""


@pytest.mark.parametrize("pair", [
    (PairSTDP(), TripletSTDP()), (SynapticScaling(), SynapticScaling()),
    (InhibitorySTDP(), SynapticScaling()),
    (RewardSTDP("input"), SynapticScaling()), (VoltageSTDP(), PairSTDP()), (Own(), PairSTDP()),
    (PairSTDP(), PairSTDP()),
])  # fmt: skip
def test_any_other_two_rules_for_the_same_weights_are_refused_in_one_line(pair):
    net = es.Network(seed=3)
    net.add("input", es.models.Poisson(rate=100.0), 3)
    net.add("cells", es.models.LIF(), 3)
    net.connect("input", "cells", weight=0.5, delay=1.0)
    for rule in pair:
        net.add_plasticity("input->cells", rule)
    names = " and ".join(type(rule).__name__ for rule in pair)
    with pytest.raises(es.ConfigError, match=rf"'input->cells' follow one rule, .*; got {names}$"):
        es.Simulation(net).run(100.0)


def test_short_term_plasticity_goes_with_both():
    rules = [PairSTDP(0.1, 0.5), ShortTermPlasticity(0.5, 100.0), SynapticScaling(RATE, STEP, TAU)]
    sim = es.Simulation(network(rules))
    sim.run(100.0)
    assert np.ptp(sim.weights("plastic")[2]) > 0.01


def test_rules_with_different_delays_are_refused_in_one_line():
    with pytest.raises(
        es.ConfigError, match="the rules of 'plastic' must have the same delay, got 'dendritic'"
    ):
        es.Simulation(network([PairSTDP(), SynapticScaling(delay="axonal")])).run(1.0)
