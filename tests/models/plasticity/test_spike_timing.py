"""Plasticity of pairs and triplets of spikes, against sums over all earlier spikes."""

import numpy as np
import pytest

import eventsim as es
from reference.spike_pairs import final_weight

PairSTDP, TripletSTDP = es.models.plasticity.PairSTDP, es.models.plasticity.TripletSTDP
NO_TRIPLET = {"a_plus_triplet": 0, "a_minus_triplet": 0, "tau_plus_triplet": 1, "tau_minus_triplet": 1}
RULES = {
    f"{pairs} mu {mu}": PairSTDP(0.02, 2.0, 1.1, 18.0, 25.0, mu, mu, pairs)
    for pairs in ("all", "nearest")
    for mu in (0.0, 0.3, 1.0)
} | {
    "triplet": TripletSTDP(0.01, 7e-3, 6e-2, 2e-2, w_max=2.0),
    "pairs, axonal": PairSTDP(0.02, 2.0, delay="axonal"),
    "triplet, axonal": TripletSTDP(0.01, 7e-3, 6e-2, 2e-2, w_max=2.0, delay="axonal"),
}


def declared(rule):
    """Return the parameters of a rule as the reference takes them."""
    if isinstance(rule, TripletSTDP):
        names = [
            f"{a}{b}" for a in ("a", "tau") for b in ("_plus", "_minus", "_plus_triplet", "_minus_triplet")
        ]
        return {name: getattr(rule, name) for name in names} | {
            "w_max": rule.w_max, "mu_plus": 0.0, "mu_minus": 0.0, "nearest": False
        }  # fmt: skip
    step = rule.learning_rate * rule.w_max
    kept = {name: getattr(rule, name) for name in ("w_max", "tau_plus", "tau_minus", "mu_plus", "mu_minus")}
    return (
        kept | NO_TRIPLET | {"a_plus": step, "a_minus": rule.alpha * step, "nearest": rule.pairs == "nearest"}
    )


def network(rule, delay=1.5, seed=3, weight=None):
    """Return a recurrent network of LIF neurons with Poisson input, and a plastic projection."""
    net = es.Network(seed=seed)
    net.add("noise", es.models.Poisson(rate=400.0), 12)
    net.add("cells", es.models.LIF(v_th=1.0, t_ref=2.0), 12)
    net.connect("noise", "cells", es.connect.one_to_one(), weight=1.2, delay=0.5)
    weight = np.random.default_rng(seed).uniform(0.02, 0.2, (12, 12)) if weight is None else weight
    net.connect("cells", "cells", weight=weight, delay=delay, name="plastic")
    net.add_plasticity("plastic", rule)
    return net


DELAYS = {
    "one": 1.5,
    "axonal": np.random.default_rng(1).uniform(0.5, 30.0, (12, 1)),
    "synaptic": np.random.default_rng(2).uniform(0.5, 30.0, (12, 12)),
}


@pytest.mark.parametrize("schedule", ["ordered", "auto"])
@pytest.mark.parametrize("delays", DELAYS)
@pytest.mark.parametrize("name", RULES)
def test_weights_are_those_of_sums_over_all_spikes(name, delays, schedule):
    rule, end = RULES[name], 200.0
    net = network(rule, DELAYS[delays])
    before = es.Simulation(network(rule, DELAYS[delays])).weights("plastic")[2]
    sim = es.Simulation(net, schedule=schedule)
    sim.run(end)
    spikes = sim.spikes("cells")
    assert len(spikes.times) > 100
    pre, post, weight, delay = sim.weights("plastic")
    assert np.abs(weight - before).max() > 0.02
    last = end - (delay.max() if rule.delay == "dendritic" else 0.0)
    for k in range(len(weight)):
        source, target = (spikes.times[spikes.units == unit] for unit in (pre[k], post[k]))
        arrived = source[source + delay[k] < end]
        seen = arrived if rule.delay == "dendritic" else arrived + delay[k]
        late = target + (delay[k] if rule.delay == "dendritic" else 0.0)
        # Those count that no spike under way can come before, or that a source's spike followed.
        late = late[late < max(last, seen.max(initial=0.0))]
        wanted = final_weight(before[k], seen, late, declared(rule))
        assert weight[k] == pytest.approx(wanted, rel=1e-12, abs=1e-13)


@pytest.mark.parametrize("name", ["all mu 0.3", "nearest mu 0.0", "triplet", "pairs, axonal"])
def test_reading_slices_snapshots_and_copies_change_no_bit(name):
    whole = es.Simulation(network(RULES[name]))
    whole.run(500.0)
    sliced = es.Simulation(network(RULES[name]))
    for end in (0.3, 77.7, 140.0, 333.3):
        sliced.run(end)
        sliced.weights("plastic")
    state = sliced.snapshot()
    sliced.run(500.0)
    resumed = es.Simulation(network(RULES[name]))
    resumed.restore(state)
    resumed.run(500.0)
    sliced.restore(state)
    sliced.run(500.0)
    for other in (sliced, resumed):
        np.testing.assert_array_equal(other.weights("plastic")[2], whole.weights("plastic")[2])
    np.testing.assert_array_equal(sliced.spikes("cells").times, whole.spikes("cells").times)


def test_a_weight_stays_within_its_bounds_and_reaches_them():
    sim = es.Simulation(network(PairSTDP(0.5, 0.4, mu_plus=0.0, mu_minus=0.0)))
    sim.run(500.0)
    weight = sim.weights("plastic")[2]
    assert weight.min() == 0.0
    assert weight.max() == 0.4


def test_bad_parameters_and_weights_are_refused():
    with pytest.raises(ValueError, match="tau_plus must be positive, got 0"):
        PairSTDP(tau_plus=0)
    with pytest.raises(ValueError, match="pairs must be all or nearest, got 'some'"):
        PairSTDP(pairs="some")
    with pytest.raises(ValueError, match="delay must be one of dendritic, axonal, got 'none'"):
        TripletSTDP(delay="none")
    with pytest.raises(es.ConfigError, match="must lie between 0 and w_max = 1, got 3"):
        es.Simulation(network(PairSTDP(), weight=3.0)).run(1.0)
    with pytest.raises(es.ConfigError, match="pair STDP with delay='axonal' needs the ordered schedule"):
        es.Simulation(network(PairSTDP(delay="axonal")), schedule="windows")


@pytest.mark.parametrize("schedule", ["ordered", "windows"])
def test_a_damaged_state_is_refused(schedule):
    sim = es.Simulation(network(PairSTDP(w_max=2.0)), schedule=schedule)
    sim.run(50.0)
    state = sim.snapshot()
    if schedule == "ordered":
        part = next(p for p in state["body"]["handlers"].values() if isinstance(p, dict) and "history" in p)
    else:
        part = state["body"]["plasticity"]["plastic"]["0"]
    part["weight"][0] = 5.0
    with pytest.raises(ValueError, match="weight"):
        sim.restore(state)


@pytest.mark.parametrize("rule", [PairSTDP(w_max=2.0), es.models.plasticity.SynapticScaling()])
def test_a_state_without_room_for_a_spike_is_refused(rule):
    sim = es.Simulation(network(rule), schedule="ordered")
    sim.run(50.0)
    state = sim.snapshot()
    part = next(p for p in state["body"]["handlers"].values() if isinstance(p, dict) and "history" in p)
    part["history"], part["count"] = part["history"][:, :0], np.zeros_like(part["count"])
    with pytest.raises(ValueError, match="with room for a spike"):
        sim.restore(state)
