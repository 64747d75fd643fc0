"""Rates of Poisson sources, changed between runs and in them."""

import numpy as np
import pytest
from scipy.stats import kstest

import eventsim as es

CHANGES = {30.0: 0.0, 45.5: 800.0, 60.0: np.linspace(50.0, 1000.0, 40), 90.0: 200.0}
END = 150.0


def network(private=False):
    net = es.Network(seed=5)
    net.add("drive", es.models.Poisson(400.0), 40, record_spikes=not private)
    net.add("cells", es.models.LIF(tau_mem=10.0, tau_syn=5.0, t_ref=1.0), 40)
    net.connect("drive", "cells", es.connect.one_to_one(), weight=0.6, delay=2.5)
    net.connect("cells", "cells", es.connect.fixed_probability(0.3), weight=0.02, delay=1.5)
    return net


def finished(schedule, private=False, slices=None):
    sim = es.Simulation(network(private), schedule=schedule)
    if slices is None:
        for time, rate in CHANGES.items():
            sim.run(time)
            sim.set("drive", rate=rate)
    else:
        for time, rate in CHANGES.items():
            sim.at(time, lambda sim, rate=rate: sim.set("drive", rate=rate))
        for time in slices:
            sim.run(time)
    sim.run(END)
    return sim


def test_changes_and_schedules_give_the_same_spikes_to_the_bit():
    wanted = finished("ordered").spikes("drive")
    for schedule in ("ordered", "windows"):
        for slices in (None, [], [2.0, 30.0, 61.0]):
            found = finished(schedule, slices=slices).spikes("drive")
            np.testing.assert_array_equal(found.times, wanted.times)
            np.testing.assert_array_equal(found.units, wanted.units)


def test_a_source_that_is_drawn_by_its_targets_changes_alike():
    wanted = finished("ordered").spikes("cells")
    found = finished("windows", private=True).spikes("cells")
    assert len(wanted) > 100
    np.testing.assert_array_equal(found.units, wanted.units)
    np.testing.assert_allclose(found.times, wanted.times, rtol=0, atol=1e-9)


def test_intervals_are_exponential_in_integrated_rate():
    spikes = finished("windows").spikes("drive")
    starts = np.array([0.0, *CHANGES])
    rates = np.array([np.broadcast_to(rate, 40) for rate in (400.0, *CHANGES.values())]) / 1e3
    total = []
    for unit in range(40):
        times = spikes.times[spikes.units == unit]
        ends = np.clip(times[:, None], starts, [*starts[1:], np.inf]) - starts
        total += np.diff(ends @ rates[:, unit], prepend=0.0).tolist()
    assert len(total) > 2000
    assert kstest(total, "expon").pvalue > 0.01
    silent = (spikes.times >= 30.0) & (spikes.times < 45.5)
    assert not silent.any()


def test_units_whose_rate_stays_keep_their_bits():
    plain = es.Simulation(network(), schedule="ordered")
    plain.run(END)
    some = es.Simulation(network(), schedule="ordered")
    some.run(50.0)
    some.set("drive", rate=900.0, units=[3])
    some.run(END)
    one, other = plain.spikes("drive"), some.spikes("drive")
    np.testing.assert_array_equal(one.times[one.units != 3], other.times[other.units != 3])
    assert (other.units == 3).sum() > (one.units == 3).sum()
    assert some.get("drive", "rate")[3] == 900.0


@pytest.mark.parametrize("schedule", ["ordered", "windows"])
def test_snapshots_hold_changed_rates(schedule):
    whole = finished(schedule)
    sim = es.Simulation(network(), schedule=schedule)
    for time, rate in list(CHANGES.items())[:2]:
        sim.run(time)
        sim.set("drive", rate=rate)
    sim.run(50.0)
    again = es.Simulation(network(), schedule=schedule)
    again.restore(sim.snapshot())
    for time, rate in list(CHANGES.items())[2:]:
        again.run(time)
        again.set("drive", rate=rate)
    again.run(END)
    found, wanted = again.spikes("drive"), whole.spikes("drive")
    np.testing.assert_array_equal(found.times, wanted.times[-len(found) :])


def test_too_many_spikes_under_way_are_refused_in_one_line():
    net = es.Network(seed=1)
    net.add("drive", es.models.Poisson(20000.0), 4, record_spikes=False)
    net.add("cells", es.models.LIF(v_th=1e9), 4)
    net.connect("drive", "cells", es.connect.one_to_one(), weight=0.1, delay=20.0)
    net.connect("cells", "cells", weight=0.1, delay=1.0)
    sim = es.Simulation(net, schedule="windows")
    sim.run(50.0)
    with pytest.raises(es.ConfigError, match="too many spikes of 'drive' are under way to change its rate"):
        sim.set("drive", rate=10.0)


def test_a_source_that_begins_silent_fires_once_it_has_a_rate():
    found = []
    for schedule in ("ordered", "windows"):
        net = es.Network(seed=2)
        net.add("drive", es.models.Poisson(0.0), 30)
        sim = es.Simulation(net, schedule=schedule) if schedule == "ordered" else es.Simulation(net)
        sim.run(20.0)
        sim.set("drive", rate=300.0)
        sim.run(120.0)
        found.append(sim.spikes("drive"))
    np.testing.assert_array_equal(found[0].times, found[1].times)
    assert found[0].times.min() > 20.0
    assert len(found[0]) == pytest.approx(900, abs=120)  # four standard deviations
