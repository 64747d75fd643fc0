"""Depression and facilitation, against integration of the equations; `test_nest` compares them with NEST."""

import functools

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import eventsim as es
from eventsim.models.plasticity import PairSTDP, ShortTermPlasticity

RULES = {
    "depression": ShortTermPlasticity(0.6, 150.0),
    "facilitation": ShortTermPlasticity(0.1, 20.0, 400.0),
    "both, by source": ShortTermPlasticity(
        np.linspace(0.1, 1.0, 5), np.linspace(20, 300, 5), [0.0, 50, 100, 0, 900]
    ),
}
rng = np.random.default_rng(5)
TIMES = [np.sort(rng.uniform(0, 300, 30)) for _ in range(5)]
DELAYS = {"one": 1.5, "axonal": rng.uniform(0.5, 9, (5, 1)), "synaptic": rng.uniform(0.5, 9, (5, 4))}
WEIGHTS = {
    "one": 2.0,
    "each": rng.normal(0, 2, (5, 4)),
    "float32": rng.normal(0, 2, (5, 4)).astype(np.float32),
}


@functools.cache
def share(k, used, tau_rec, tau_fac):
    """Return u x at each spike of a source, by integration of the equations between spikes."""
    times = TIMES[k]
    x, u, now, found = 1.0, 0.0, times[0] - 1.0, []

    def flow(t, state):
        return [(1 - state[0]) / tau_rec, -state[1] / tau_fac if tau_fac else 0.0]

    for time in times:
        x, u = solve_ivp(flow, (now, time), (x, u), rtol=1e-11, atol=1e-13, max_step=5.0).y[:, -1]
        u = used + (1 - used) * u if tau_fac else used
        found.append(u * x)
        x, now = x - u * x, time
    return np.array(found)


def network(rule, delay, weight, plastic=None):
    net = es.Network(seed=2)
    net.add("input", es.models.SpikeSource(times=TIMES), 5)
    net.add("cells", es.models.LIF(tau_mem=10.0, tau_syn=5.0, v_th=1e9), 4)
    net.connect("input", "cells", weight=weight, delay=delay)
    net.add_plasticity("input->cells", rule)
    return net


@pytest.mark.parametrize("schedule", ["ordered", "windows", "layered"])
@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("delays", DELAYS)
@pytest.mark.parametrize("name", RULES)
def test_currents_are_those_of_integrated_equations(name, delays, weights, schedule):
    rule = RULES[name]
    net = network(rule, DELAYS[delays], WEIGHTS[weights])
    net.add("loop", es.models.LIF(), 1)  # a loop with a delay makes windows possible
    net.connect("loop", "loop" if schedule != "layered" else "cells", weight=0.0, delay=1.0)
    sim = es.Simulation(net, schedule=schedule)
    assert sim.schedule == schedule
    sim.record("cells", "i_syn", every=7.3)
    for end in (0.1, 77.7, 150.0, 300.0):  # slices
        sim.run(end)
    samples = sim.trace("cells", "i_syn")
    parameters = [np.broadcast_to(each, 5) for each in (rule.utilization, rule.tau_rec, rule.tau_fac)]
    weight, delay = np.broadcast_to(WEIGHTS[weights], (5, 4)), np.broadcast_to(DELAYS[delays], (5, 4))
    wanted = np.zeros_like(samples.values)
    for k, times in enumerate(TIMES):
        amounts = share(k, *(float(each[k]) for each in parameters))
        for unit in range(4):
            age = samples.times[:, None] - (times + delay[k, unit])
            wanted[:, unit] += weight[k, unit] * np.where(age >= 0, np.exp(-age / 5.0), 0.0) @ amounts
    np.testing.assert_allclose(samples.values, wanted, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("schedule", ["ordered", "windows"])
def test_slices_snapshots_and_changed_weights(schedule):
    def made():
        net = es.Network(seed=3)
        net.add("noise", es.models.Poisson(rate=400.0), 8)
        net.add("cells", es.models.LIF(v_th=1.0, t_ref=2.0), 8)
        net.connect("noise", "cells", es.connect.one_to_one(), weight=1.2, delay=0.5)
        net.connect("cells", "cells", weight=0.2, delay=DELAYS["synaptic"][0, 0], name="fast")
        net.connect("cells", "cells", weight=0.1, delay=np.linspace(1, 5, 64).reshape(8, 8), name="slow")
        for name in ("fast", "slow"):
            net.add_plasticity(name, ShortTermPlasticity(0.5, 100.0, 30.0))
        return es.Simulation(net, schedule=schedule)

    whole = made()
    whole.at(100.0, lambda sim: sim.set_weights("fast", 0.3))
    whole.run(200.0)
    sliced = made()
    sliced.run(33.3)
    sliced.run(100.0)
    sliced.set_weights("fast", 0.3)
    sliced.run(150.01)
    state = sliced.snapshot()
    again = made()
    again.restore(state)
    sliced.restore(state)
    for sim in (sliced, again):
        sim.run(200.0)
        assert (sim.weights("fast")[2] == 0.3).all()
    for sim in (sliced, again):
        spikes, wanted = sim.spikes("cells"), whole.spikes("cells")
        n = len(spikes)
        assert n > 20
        np.testing.assert_array_equal(spikes.times, wanted.times[-n:])


@pytest.mark.parametrize("schedule", ["ordered", "windows"])
def test_it_goes_together_with_a_rule_that_changes_the_weights(schedule):
    found = {}
    for order in ((0, 1), (1, 0)):
        net = es.Network(seed=3)
        net.add("input", es.models.SpikeSource(times=[[10.0, 30.0]]), 1)
        net.add("teacher", es.models.SpikeSource(times=[[15.0]]), 1)
        net.add("cells", es.models.LIFDelta(v_th=1.0, tau_mem=10.0), 1)
        net.connect("input", "cells", weight=0.5, delay=1.0)
        net.connect("teacher", "cells", weight=3.0, delay=0.5)
        rules = (PairSTDP(0.1, mu_plus=0.0, mu_minus=0.0), ShortTermPlasticity(0.4, 1e12))
        for k in order:
            net.add_plasticity("input->cells", rules[k])
        sim = es.Simulation(net, schedule=schedule)
        sim.record("cells", "v", every=31.0)
        sim.run(31.5)
        weight = sim.weights("input->cells")[2][0]
        # The target spikes at 15.5, seen at 16.5; the source's second spike is seen at 30.
        up = 0.5 + 0.1 * np.exp(-6.5 / 20)
        assert weight == pytest.approx(up - 0.1 * np.exp(-13.5 / 20), rel=1e-12)
        found[order] = sim.trace("cells", "v").values[1, 0]
        assert found[order] == pytest.approx(0.4 * 0.6 * weight, rel=1e-9)
    assert found[0, 1] == found[1, 0]


def test_bad_parameters_are_refused():
    with pytest.raises(ValueError, match=r"utilization is a share of at most 1, got 1\.5"):
        ShortTermPlasticity(1.5)
    with pytest.raises(ValueError, match="utilization of 'short-term plasticity' must be positive, got 0"):
        ShortTermPlasticity(0.0)
    with pytest.raises(ValueError, match="tau_rec of 'short-term plasticity' must be finite, got inf"):
        ShortTermPlasticity(0.5, np.inf)
    with pytest.raises(ValueError, match="tau_fac of 'short-term plasticity' must not be negative, got -1"):
        ShortTermPlasticity(0.5, tau_fac=-1.0)
    with pytest.raises(ValueError, match="tau_rec of 'input->cells' has 3 values, expected 1 or 5"):
        es.Simulation(network(ShortTermPlasticity(0.5, [1, 2, 3]), 1.0, 1.0)).run(1.0)
    net = network(ShortTermPlasticity(), 1.0, 1.0)
    net.add_plasticity("input->cells", ShortTermPlasticity())
    with pytest.raises(es.ConfigError, match="two rules scale the weights of 'input->cells'"):
        es.Simulation(net).run(1.0)
