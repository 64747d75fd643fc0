"""Changes between runs and in them: exact, the same to the bit however they are asked for."""

import math

import numpy as np
import pytest

import eventsim as es

TIMES = (3.3, 7.1, 12.9)


def network(seed):
    net = es.Network(seed=seed)
    net.add("drive", es.models.Poisson(2000.0), 20)
    net.add("cells", es.models.LIF(tau_mem=10.0, tau_syn=5.0, t_ref=1.0), 20)
    net.connect("drive", "cells", es.connect.fixed_probability(0.5), weight=0.3, delay=1.5)
    net.connect("cells", "cells", es.connect.fixed_probability(0.3), weight=0.1, delay=1.5)
    return net


def change(sim):
    k = TIMES.index(sim.now)
    sim.set("cells", i_ext=0.02 * (k + 1), units=[k, 5])
    sim.set("cells", v_th=1.0 + 0.3 * (k % 2))
    sim.set_weights("cells->cells", 0.1 * k)


def finished(schedule, seed, slices):
    sim = es.Simulation(network(seed), schedule=schedule)
    if slices is None:
        for time in TIMES:
            sim.run(time)
            change(sim)
    else:
        for time in TIMES:
            sim.at(time, change)
        for time in slices:
            sim.run(time)
    sim.run(20.0)
    return sim


@pytest.mark.parametrize("schedule", ["ordered", "windows"])
@pytest.mark.parametrize("seed", range(4))
def test_changes_between_runs_and_in_one_are_the_same_to_the_bit(schedule, seed):
    wanted = finished(schedule, seed, None).spikes("cells")
    assert len(wanted.times) > 20
    for slices in ([], [2.0, 3.3, 3.4, 12.0]):
        found = finished(schedule, seed, slices).spikes("cells")
        assert np.array_equal(found.times, wanted.times)
        assert np.array_equal(found.units, wanted.units)


@pytest.mark.parametrize("seed", range(4))
def test_the_schedules_agree(seed):
    ordered, windows = (finished(how, seed, []).spikes("cells") for how in ("ordered", "windows"))
    assert np.array_equal(ordered.units, windows.units)
    np.testing.assert_allclose(ordered.times, windows.times, rtol=0, atol=1e-9)


@pytest.mark.parametrize("schedule", ["ordered", "windows"])
def test_a_snapshot_has_the_changes(schedule):
    sim = es.Simulation(network(1), schedule=schedule)
    sim.run(3.3)
    change(sim)
    sim.run(5.0)
    other = es.Simulation(network(1), schedule=schedule)
    other.restore(sim.snapshot())
    for each in (sim, other):
        each.run(15.0)
    late = sim.spikes("cells").times >= 5.0
    assert np.array_equal(sim.spikes("cells").times[late], other.spikes("cells").times)


@pytest.mark.parametrize("schedule", ["ordered", "layered"])
def test_a_current_switched_on_crosses_at_the_time_of_the_closed_form(schedule):
    net = es.Network()
    net.add("source", es.models.SpikeSource(times=[50.0]), 1)
    net.add("cells", es.models.LIF(tau_mem=10.0), 2)
    net.connect("source", "cells", weight=0.0)
    sim = es.Simulation(net, schedule=schedule)
    sim.at(4.0, lambda sim: sim.set("cells", i_ext=0.2, units=[1]))
    sim.run(15.0)
    assert sim.spikes("cells").units.tolist() == [1]
    assert sim.spikes("cells").times[0] == pytest.approx(4.0 + 10.0 * math.log(2.0), abs=1e-12)


def test_bad_changes_say_so(tmp_path):
    sim = es.Simulation(network(1))
    with pytest.raises(es.UnknownPart, match="tau_men"):
        sim.set("cells", tau_men=2.0)
    with pytest.raises(es.ConfigError, match="start of a run"):
        sim.set("cells", v_init=0.5)
    with pytest.raises(ValueError, match="rate of 'drive' must not be negative, got -3"):
        sim.set("drive", rate=-3.0)
    with pytest.raises(ValueError, match="shape"):
        sim.set_weights("cells->cells", np.ones((2, 3)))
    sim.run(2.0)
    with pytest.raises(es.EventOrderError, match="clock"):
        sim.at(1.0, change)
    sim.set("cells", i_ext=0.5)
    sim.save(tmp_path / "run.h5")
    assert list(es.io.load(tmp_path / "run.h5").provenance["changes"]) == ["2.0 ms: cells: i_ext = 0.5"]


@pytest.mark.parametrize("schedule", ["ordered", "windows", "layered"])
def test_a_reset_undoes_changes(schedule):
    net = es.Network(seed=3)
    net.add("source", es.models.Regular(period=3.0), 4)
    net.add("cells", es.models.LIF(i_ext=0.9), 5)
    net.connect("source", "cells", weight=0.4, delay=1.5)
    sim = es.Simulation(net, schedule=schedule)
    sim.reset()
    sim.run(40.0)
    before = sim.spikes("cells")
    sim.reset()
    sim.run(10.0)
    sim.set("cells", i_ext=1.3)
    sim.set_weights("source->cells", 0.1)
    sim.run(40.0)
    assert sim.spikes("cells").times.tobytes() != before.times.tobytes()
    for _ in range(2):
        sim.reset()
        sim.run(40.0)
        assert sim.spikes("cells").times.tobytes() == before.times.tobytes()
        assert sim.get("cells", "i_ext") == 0.9


def test_a_unit_is_silenced_and_revived():
    net = es.Network(seed=1)
    net.add("cells", es.models.LIF(i_ext=1.5), 3)
    sim = es.Simulation(net)
    sim.run(50.0)
    v_th = sim.get("cells", "v_th")
    sim.set("cells", v_th=np.inf, units=[1])
    sim.run(150.0)
    sim.set("cells", v_th=v_th)
    sim.run(200.0)
    spikes = sim.spikes("cells")
    silent = spikes.times[spikes.units == 1]
    assert not ((silent > 50.0) & (silent < 150.0)).any()
    assert silent[silent >= 150.0][0] == 150.0  # it stands above its threshold, and spikes at once
    assert (silent > 150.0).sum() >= 2
