"""Reward-modulated STDP, against the double sum over pairs and rewards."""

import math

import numpy as np
import pytest

import eventsim as es
from eventsim.models.plasticity import RewardSTDP

END = 400.0
VALUES = {
    "a_plus": 0.05, "a_minus": 0.03, "tau_plus": 15.0, "tau_minus": 25.0,
    "tau_eligibility": 120.0, "tau_dopamine": 40.0, "baseline": 0.002, "w_max": 10.0,
}  # fmt: skip
DELAYS = {
    "one": 1.5,
    "axonal": np.random.default_rng(1).uniform(0.5, 9.0, (6, 1)),
    "synaptic": np.random.default_rng(2).uniform(0.5, 9.0, (6, 6)),
}
REWARDS = [35.0, 120.5, 133.0, 290.0]
rng = np.random.default_rng(4)
INPUTS = [np.sort(rng.uniform(0, END, 12)) for _ in range(6)]
TEACHERS = [np.sort(rng.uniform(0, END, 9)) for _ in range(6)]


def network(delays, **changes):
    """Return a network whose cells fire at the spikes of their teachers, 0.5 ms later."""
    net = es.Network(seed=3)
    net.add("reward", es.models.SpikeSource(times=REWARDS), 1)
    net.add("input", es.models.SpikeSource(times=INPUTS), 6)
    net.add("teacher", es.models.SpikeSource(times=TEACHERS), 6)
    net.add("cells", es.models.LIFDelta(tau_mem=0.5, v_th=100.0), 6)
    weight = np.random.default_rng(5).uniform(3.0, 7.0, (6, 6))
    net.connect("input", "cells", weight=weight, delay=delays, name="plastic")
    net.connect("teacher", "cells", es.connect.one_to_one(), weight=500.0, delay=0.5)
    net.add_plasticity("plastic", RewardSTDP("reward", **(VALUES | changes)))
    return net


def change(pre, post, end):
    """Return by how much a weight has changed, from sums over all pairs and rewards."""
    v = VALUES
    marks = []
    for time in post:
        marks += [(time, v["a_plus"] * math.exp((t - time) / v["tau_plus"])) for t in pre if t < time]
    for time in pre:
        marks += [(time, -v["a_minus"] * math.exp((t - time) / v["tau_minus"])) for t in post if t < time]
    tau_c, tau_n = v["tau_eligibility"], v["tau_dopamine"]
    both = 1 / (1 / tau_c + 1 / tau_n)
    total = 0.0
    for time, mark in marks:
        total -= v["baseline"] * mark * tau_c * (1 - math.exp((time - end) / tau_c))
        for reward in REWARDS:
            begin = max(time, reward)
            if begin < end:
                start = mark * math.exp((time - begin) / tau_c) * math.exp((reward - begin) / tau_n) / tau_n
                total += start * both * (1 - math.exp((begin - end) / both))
    return total


@pytest.mark.parametrize("side", ["axonal", "dendritic"])
@pytest.mark.parametrize("delays", DELAYS)
def test_weights_are_those_of_sums_over_pairs_and_rewards(delays, side):
    """Spikes of a source are seen when they arrive, or a delay earlier; then those of a target are late."""
    sim = es.Simulation(network(DELAYS[delays], delay=side), schedule="ordered")
    before = sim.weights("plastic")[2]
    for end in (20.0, 100.0, 121.0, END):
        sim.run(end)
        cells, changes = sim.spikes("cells"), []
        for k, (pre, post, weight, delay) in enumerate(zip(*sim.weights("plastic"), strict=True)):
            late, now = (delay, end) if side == "axonal" else (0.0, end - delay)
            seen = INPUTS[pre] + late
            post = cells.times[cells.units == post] + (0.0 if side == "axonal" else delay)
            wanted = change(seen[seen < now], post[post < now], now)
            assert weight - before[k] == pytest.approx(wanted, rel=1e-9, abs=1e-12)
            changes.append(wanted)
    assert len(cells) >= 50
    assert np.abs(changes).max() > 0.02
    assert min(changes) < 0.0 < max(changes)


def test_slices_reads_and_snapshots_change_no_bit():
    whole = es.Simulation(network(DELAYS["synaptic"], w_max=7.0))
    whole.run(END)
    sliced = es.Simulation(network(DELAYS["synaptic"], w_max=7.0))
    for end in (33.3, 125.0, 200.0):
        sliced.run(end)
        sliced.weights("plastic")
    again = es.Simulation(network(DELAYS["synaptic"], w_max=7.0))
    again.restore(sliced.snapshot())
    for sim in (sliced, again):
        sim.run(END)
        np.testing.assert_array_equal(sim.weights("plastic")[2], whole.weights("plastic")[2])


def test_new_weights_are_the_ones_it_goes_on_from():
    plain, other = es.Simulation(network(1.5)), es.Simulation(network(1.5))
    plain.run(130.0)
    at = plain.weights("plastic")[2]
    plain.run(END)
    other.at(130.0, lambda sim: sim.set_weights("plastic", 5.0))
    other.run(END)
    difference = plain.weights("plastic")[2] - at
    assert other.weights("plastic")[2] - 5.0 == pytest.approx(difference, rel=1e-9, abs=1e-12)
    assert np.abs(difference).max() > 0.01


def test_bad_parameters_are_refused():
    with pytest.raises(TypeError, match="reward must be the name of a population, got 3"):
        RewardSTDP(3)
    with pytest.raises(ValueError, match="tau_dopamine must be positive, got 0"):
        RewardSTDP("reward", tau_dopamine=0)
    with pytest.raises(ValueError, match="delay must be one of dendritic, axonal, got 'none'"):
        RewardSTDP("reward", delay="none")
    with pytest.raises(es.ConfigError, match="must lie between 0 and w_max = 2, got"):
        es.Simulation(network(1.5, w_max=2.0)).run(1.0)
    net = network(1.5)
    net.remove("reward")
    with pytest.raises(es.UnknownPart, match="the reward of 'plastic' must come from a population"):
        es.Simulation(net).run(1.0)
