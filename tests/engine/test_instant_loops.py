"""Loops without delay, by `Simulation(..., instant_loops=True)`: an order within the instant, and an end."""

import pickle

import numpy as np
import pytest

import eventsim as es


def avalanche(weights, v_init):
    """Return the order in which units fire at one instant, by the definition.

    All deliveries come before the next crossing; the first unit at threshold fires, and once only.
    """
    v, fired = np.array(v_init, float), []
    while True:
        ready = [u for u in range(len(v)) if v[u] >= 1.0 and u not in fired]
        if not ready:
            return fired
        unit = ready[0]
        fired.append(unit)
        for post in np.flatnonzero(weights[unit]):
            if post not in fired:  # refractory
                v[post] += weights[unit, post]


def connected(weights, v_init, split):
    """Return a network of two populations, of the units before and after `split`, with an input to unit 0."""
    net = es.Network(seed=0)
    n = len(v_init)
    parts = {"low": slice(0, split), "high": slice(split, n)}
    net.add("input", es.models.SpikeSource(times=[0.0]), 1)
    for name, part in parts.items():
        cells = es.models.LIFDelta(tau_mem=1e9, v_init=v_init[part], t_ref=2.0)
        net.add(name, cells, part.stop - part.start)
    net.connect("input", "low", [(0, 0)], weight=1.0)
    for pre, source in parts.items():
        for post, target in parts.items():
            block = weights[source, target]
            pairs = [(int(i), int(j), float(block[i, j])) for i, j in zip(*np.nonzero(block), strict=True)]
            net.connect(pre, post, pairs)
    return net


@pytest.mark.parametrize("seed", range(8))
def test_spikes_of_one_instant_come_in_the_order_that_is_promised(seed):
    rng = np.random.default_rng(seed)
    n, split = 30, 13
    weights = rng.choice([-0.125, 0.25, 0.5], (n, n)) * (rng.random((n, n)) < 0.3)
    weights[0, [3, 7, 20]] = 1.0
    v_init = rng.choice([0.25, 0.5, 0.75], n)
    sim = es.Simulation(connected(weights, v_init, split), instant_loops=True)
    seen = []
    sim.on_spike("low", lambda time, unit: seen.append((time, unit)))
    sim.on_spike("high", lambda time, unit: seen.append((time, unit + split)))
    sim.run(0.5)
    at = np.array(v_init)
    at[0] += 1.0
    expected = avalanche(weights, at)
    assert len(expected) >= 4
    assert sim.schedule == "ordered"
    assert seen == [(0.0, unit) for unit in expected]


def test_loops_without_delay_need_the_option():
    net = connected(np.array([[0.0, 1.0], [1.0, 0.0]]), np.zeros(2), 1)
    with pytest.raises(es.ConfigError, match="zero delay all around low -> high -> low"):
        es.Simulation(net, schedule="ordered")


@pytest.mark.parametrize("schedule", ["windows", "layered"])
def test_other_schedules_refuse_a_loop_without_delay(schedule):
    net = connected(np.array([[0.0, 1.0], [1.0, 0.0]]), np.zeros(2), 1)
    with pytest.raises(es.ConfigError, match=f"ordered schedule, but schedule='{schedule}' was asked for"):
        es.Simulation(net, schedule=schedule, instant_loops=True)


@pytest.mark.parametrize("recorded", [True, False])
def test_a_loop_that_does_not_end_stops_with_one_line(recorded):
    net = es.Network()
    net.add("input", es.models.SpikeSource(times=[0.5]), 1)
    net.add("cells", es.models.LIFDelta(), 2, record_spikes=recorded)
    net.connect("input", "cells", [(0, 0)], weight=2.0)
    net.connect("cells", "cells", [(0, 1), (1, 0)], weight=2.0)
    sim = es.Simulation(net, instant_loops=True)
    with pytest.raises(es.EventOrderError, match=r"at (time )?0\.5.*time does not advance") as caught:
        sim.run(1.0)
    assert "\n" not in str(caught.value)
    assert recorded or "'cells->cells'" in str(caught.value) or "'cells'" in str(caught.value)


def test_the_option_is_a_truth_value():
    with pytest.raises(TypeError, match="instant_loops"):
        es.Simulation(es.Network(), instant_loops="maybe")


def test_the_option_changes_nothing_without_a_loop():
    net = es.Network(seed=3)
    net.add("cells", es.models.LIFDelta(i_ext=1.5), 5)
    net.connect("cells", "cells", weight=-0.1, delay=0.5)
    plain, allowed = es.Simulation(net), es.Simulation(net, instant_loops=True)
    assert plain.schedule == allowed.schedule == "windows"
    for sim in (plain, allowed):
        sim.run(20.0)
    assert np.array_equal(plain.spikes("cells").times, allowed.spikes("cells").times)


def test_slices_snapshots_and_copies_of_a_loop_without_delay_give_the_same_bits():
    net = es.Network(seed=5)
    v_init = np.random.default_rng(5).random(40)
    net.add("cells", es.models.LIFDelta(tau_mem=10.0, c_mem=10.0, i_ext=1.2, v_init=v_init), 40)
    net.connect("cells", "cells", es.connect.fixed_indegree(5), weight=-0.2, autapses=False)
    whole = es.Simulation(net, instant_loops=True)
    whole.run(100.0)
    sliced = es.Simulation(net, instant_loops=True)
    sliced.run(33.0)
    state = sliced.snapshot()
    copy = pickle.loads(pickle.dumps(sliced))
    sliced.run(100.0)
    copy.run(100.0)
    again = es.Simulation(net, instant_loops=True)
    again.restore(state)
    again.run(100.0)
    spikes = whole.spikes("cells")
    assert len(spikes) > 100
    for sim in (sliced, copy):
        assert np.array_equal(sim.spikes("cells").times, spikes.times)
        assert np.array_equal(sim.spikes("cells").units, spikes.units)
    late = spikes.times >= 33.0
    assert np.array_equal(again.spikes("cells").times, spikes.times[late])
