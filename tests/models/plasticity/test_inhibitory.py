"""Inhibitory plasticity, against sums over all earlier spikes; `test_nest` compares it with NEST."""

import math

import numpy as np
import pytest

import eventsim as es
from eventsim.models.plasticity import InhibitorySTDP

STEP, RATE, TAU, W_MAX = 0.01, 0.02, 22.0, 0.15
DELAYS = {
    "one": 1.5,
    "axonal": np.random.default_rng(1).uniform(0.5, 9.0, (8, 1)),
    "synaptic": np.random.default_rng(2).uniform(0.5, 9.0, (8, 8)),
}


def network(rule, delay):
    net = es.Network(seed=3)
    net.add("noise", es.models.Poisson(rate=400.0), 8)
    net.add("cells", es.models.LIF(v_th=1.0, t_ref=2.0), 8)
    net.connect("noise", "cells", es.connect.one_to_one(), weight=1.2, delay=0.5)
    weight = -np.random.default_rng(3).uniform(0.0, W_MAX, (8, 8))
    net.connect("cells", "cells", weight=weight, delay=delay, name="inhibition")
    net.add_plasticity("inhibition", rule)
    return net


def strength(w, pre, post):
    """Return the strength of a synapse after the spikes that it sees, without any trace."""
    for time, is_pre in sorted([(t, 1) for t in pre] + [(t, 0) for t in post]):
        others = post if is_pre else pre
        w = min(W_MAX, w + STEP * sum(math.exp((t - time) / TAU) for t in others if t < time))
        if is_pre:
            w = max(0.0, w - STEP * 2 * RATE * TAU)
    return w


@pytest.mark.parametrize("schedule", ["ordered", "auto"])
@pytest.mark.parametrize("seen", ["dendritic", "axonal"])
@pytest.mark.parametrize("delays", DELAYS)
def test_weights_are_those_of_sums_over_all_spikes(delays, seen, schedule):
    end = 200.0
    sim = es.Simulation(
        network(InhibitorySTDP(STEP, RATE, TAU, W_MAX, seen), DELAYS[delays]), schedule=schedule
    )
    before = sim.weights("inhibition")[2]
    sim.run(77.7)
    sim.weights("inhibition")
    sim.run(end)
    spikes = sim.spikes("cells")
    pre, post, weight, delay = sim.weights("inhibition")
    assert len(spikes) > 50
    assert np.abs(weight - before).max() > 0.05
    assert (weight == 0.0).any() or (weight == -W_MAX).any()
    last = end - (delay.max() if seen == "dendritic" else 0.0)
    for k in range(len(weight)):
        source, target = (spikes.times[spikes.units == unit] for unit in (pre[k], post[k]))
        arrived = source[source + delay[k] < end]
        sources = arrived if seen == "dendritic" else arrived + delay[k]
        late = target + (delay[k] if seen == "dendritic" else 0.0)
        # Those count that no spike under way can come before, or that a source's spike followed.
        late = late[late < max(last, sources.max(initial=0.0))]
        wanted = -strength(-before[k], sources.tolist(), late.tolist())
        assert weight[k] == pytest.approx(wanted, rel=1e-12, abs=1e-13)


@pytest.mark.parametrize("schedule", ["ordered", "windows"])
def test_snapshots_and_slices_change_no_bit(schedule):
    rule = InhibitorySTDP(STEP, RATE, TAU, W_MAX)
    whole = es.Simulation(network(rule, 1.5), schedule=schedule)
    whole.run(200.0)
    sliced = es.Simulation(network(rule, 1.5), schedule=schedule)
    for end in (10.1, 77.7):
        sliced.run(end)
    again = es.Simulation(network(rule, 1.5), schedule=schedule)
    again.restore(sliced.snapshot())
    for sim in (sliced, again):
        sim.run(200.0)
        np.testing.assert_array_equal(sim.weights("inhibition")[2], whole.weights("inhibition")[2])


def test_bad_parameters_and_weights_are_refused():
    with pytest.raises(ValueError, match="tau must be positive, got 0"):
        InhibitorySTDP(tau=0)
    with pytest.raises(ValueError, match="target_rate"):
        InhibitorySTDP(target_rate=-1.0)
    with pytest.raises(ValueError, match="delay must be one of dendritic, axonal, got 'none'"):
        InhibitorySTDP(delay="none")
    with pytest.raises(es.ConfigError, match=r"must lie between -w_max = -0\.01 and 0, got -0"):
        es.Simulation(network(InhibitorySTDP(w_max=0.01), 1.5)).run(1.0)
