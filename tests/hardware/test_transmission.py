"""Spikes that are late, lost, or wait for a clock or a bus: the same on all schedules, in all slices."""

import numpy as np
import pytest
from scipy import special, stats

import eventsim as es
from eventsim.hardware import Bus, Jitter, Latency, SpikeLoss, Substrate, TimestampResolution
from eventsim.kernels import draws

DURATION = 30.0
PARTS = {
    "jitter": [Jitter(0.3)],
    "late": [Latency(2.5, 1.0), Jitter(0.2, whose="all")],
    "lossy": [SpikeLoss(0.3), Latency(0.4)],
    "clock": [TimestampResolution(0.25), Jitter(0.1)],
    "all": [
        SpikeLoss(0.2, whose="all"),
        Latency(1.5, 0.7),
        Jitter(0.5, whose="all"),
        TimestampResolution(0.01),
    ],
}


def network(loop, n=12, seed=4, delay=0.9):
    rng = np.random.default_rng(seed)
    net = es.Network(seed=seed)
    net.add("input", es.models.Poisson(rate=300.0), 8)
    net.add("a", es.models.LIF(tau_mem=5.0, tau_syn=2.0, t_ref=0.5), n)
    net.add("b", es.models.LIF(tau_mem=5.0, tau_syn=2.0, t_ref=0.5), 4)
    net.connect("input", "a", weight=rng.normal(0.5, 0.2, (8, n)), delay=0.4)
    net.connect("a", "b", weight=rng.normal(0.3, 0.1, (n, 4)), delay=delay)
    if loop:
        net.connect("a", "a", weight=rng.normal(0.1, 0.1, (n, n)), delay=delay)
    return net


def run(net, hardware, schedule, cuts=(), trial=0):
    sim = es.Simulation(net, hardware=hardware, schedule=schedule, trial=trial)
    for cut in (*cuts, DURATION):
        sim.run(cut)
        for name in net.populations:
            assert sim.spikes(name).times.max(initial=0.0) < max(cut, 1e-9)
    return sim, {name: sim.spikes(name) for name in net.populations}


def by_unit(spikes):
    order = np.lexsort((spikes.times, spikes.units))
    return spikes.units[order], spikes.times[order]


@pytest.mark.parametrize("loop", [False, True])
@pytest.mark.parametrize("parts", PARTS)
def test_schedules_agree(parts, loop):
    net, chip = network(loop), Substrate(PARTS[parts], device_seed=3)
    sim, wanted = run(net, chip, "ordered")
    assert len(wanted["b"]) > 20
    for schedule in ("windows",) if loop else ("windows", "layered"):
        other, found = run(net, chip, schedule)
        assert other.schedule == schedule
        assert other.counters() == sim.counters()
        for name in net.populations:
            (units, times), (units_wanted, times_wanted) = by_unit(found[name]), by_unit(wanted[name])
            assert units.tolist() == units_wanted.tolist()
            np.testing.assert_allclose(times, times_wanted, rtol=0, atol=1e-10)


@pytest.mark.parametrize("schedule", ["ordered", "windows", "layered"])
def test_slices_change_no_bit(schedule):
    net, chip = network(False), Substrate(PARTS["all"], device_seed=3)
    _, whole = run(net, chip, schedule)
    _, parts = run(net, chip, schedule, cuts=(0.7, 0.71, 5.0, 5.0, 17.3))
    for name, spikes in whole.items():
        assert parts[name].times.tolist() == spikes.times.tolist()
        assert parts[name].units.tolist() == spikes.units.tolist()


@pytest.mark.parametrize("schedule", ["ordered", "windows", "layered"])
def test_a_run_goes_on_from_a_snapshot(schedule):
    net, chip = network(False), Substrate(PARTS["all"], device_seed=3)
    one = es.Simulation(net, hardware=chip, schedule=schedule)
    one.run(11.3)
    state = one.snapshot()
    one.run(DURATION)
    other = es.Simulation(net, hardware=chip, schedule=schedule)
    other.restore(state)
    other.run(DURATION)
    later = one.spikes("b").times >= 11.3
    assert later.any()
    assert other.spikes("b").times.tolist() == one.spikes("b").times[later].tolist()
    assert other.counters() == one.counters()


def test_without_imperfections_a_run_is_the_ideal_one_to_the_bit():
    nothing = [Jitter(0.0), Latency(), SpikeLoss(), TimestampResolution(), Bus()]
    for loop in (False, True):
        net = network(loop)
        assert Substrate(nothing).transform(net) is net
        sim, found = run(net, Substrate(nothing), "auto")
        ideal, wanted = run(net, None, "auto")
        assert sim.schedule == ideal.schedule
        for name in net.populations:
            assert found[name].times.tolist() == wanted[name].times.tolist()


def silent_cells(n):
    """Return a network of neurons that spike once at a known time, and that time."""
    net = es.Network()
    net.add("input", es.models.SpikeSource(times=[1.0]), 1)
    net.add("cells", es.models.LIF(first_spike_only=True), n)
    net.connect("input", "cells", weight=3.0)
    sim = es.Simulation(net)
    sim.run(10.0)
    return net, sim.spikes("cells").times[0]


def departures(hardware, n=4000, trial=0):
    net, at = silent_cells(n)
    sim = es.Simulation(net, hardware=hardware, trial=trial)
    sim.run(10.0)
    spikes = sim.spikes("cells")
    late = np.full(n, np.nan)
    late[spikes.units] = spikes.times - at
    return late, sim.counters()


def test_jitter_is_normal_and_cut_at_the_crossing():
    late, counters = departures(Jitter(0.1))
    assert counters["cut"] == np.count_nonzero(late == 0) > 1000
    assert stats.kstest(late[late > 0], stats.halfnorm(scale=0.1).cdf).pvalue > 1e-3
    shifted, counters = departures(Substrate([Jitter(0.1), Latency(0.6)]))
    assert counters["cut"] == 0
    assert stats.kstest(shifted, stats.norm(0.6, 0.1).cdf).pvalue > 1e-3


def test_latency_is_fixed_and_jitter_is_not():
    for part, fixed in ((Latency(0.5, 0.1), True), (Jitter(0.1), False)):
        (one, _), (other, _) = (departures(part, trial=trial) for trial in (0, 1))
        assert (one == other).all() == fixed


def test_losses_are_as_many_as_they_should_be():
    late, counters = departures(SpikeLoss(0.2))
    lost = np.isnan(late)
    assert counters["lost"] == lost.sum()
    assert stats.binomtest(int(lost.sum()), len(lost), 0.2).pvalue > 1e-3


def test_time_stamps_are_the_next_ticks_of_the_clock():
    net, at = silent_cells(1)
    sim = es.Simulation(net, hardware=TimestampResolution(0.008))
    sim.run(10.0)
    assert sim.spikes("cells").times[0] == pytest.approx(np.ceil(at / 0.008) * 0.008, abs=1e-12)
    assert sim.spikes("input").times[0] == 1.0  # it is a multiple already
    times = np.array([0.0, 0.1, 0.3, 0.7, 1.1, np.inf])
    assert draws.stamps(times, 0.1).tolist() == [
        0.0,
        0.1,
        0.30000000000000004,
        0.7000000000000001,
        1.1,
        np.inf,
    ]


@pytest.mark.parametrize("capacity", [0, 3, 100])
def test_a_bus_serves_one_after_another(capacity):
    n, rate = 20, 4.0
    net, at = silent_cells(n)
    sim = es.Simulation(net, hardware=Bus(rate, capacity))
    sim.run(50.0)
    served = min(n, capacity + 1)  # all come at once: the first goes, `capacity` wait
    np.testing.assert_allclose(sim.spikes("cells").times, at + np.arange(served) / rate, atol=1e-12)
    assert sim.counters()["lost_on_bus"] == n - served
    assert sim.counters()["delayed_on_bus"] == served - 1
    assert sim.schedule == "ordered"


def test_populations_share_the_bus():
    net = es.Network()
    net.add("input", es.models.SpikeSource(times=[1.0]), 1)
    for name in ("a", "b"):
        net.add(name, es.models.LIF(first_spike_only=True), 1)
        net.connect("input", name, weight=3.0)
    sim = es.Simulation(net, hardware=Bus(2.0, 5))
    sim.run(10.0)
    assert sim.spikes("b").times[0] - sim.spikes("a").times[0] == pytest.approx(0.5)
    assert sim.counters()["delayed_on_bus"] == 1


def test_what_happened_to_spikes_is_in_the_file(tmp_path):
    net, _ = silent_cells(50)
    sim = es.Simulation(net, hardware=Substrate([Jitter(0.1), SpikeLoss(0.3)]))
    sim.run(10.0)
    sim.save(tmp_path / "run.h5")
    provenance = es.io.load(tmp_path / "run.h5").provenance
    assert provenance["spikes_cut"] == sim.counters()["cut"] > 0
    assert provenance["spikes_lost"] == sim.counters()["lost"] > 0


def test_spikes_of_a_window_are_sent_when_they_leave():
    """A spike that leaves later than one of the next window arrives after it, through one delay for all."""
    net = es.Network()
    net.add("input", es.models.SpikeSource(times=[1.0, 2.0], units=[0, 1]), 2)
    net.add("a", es.models.LIF(first_spike_only=True, tau_mem=10.0, tau_syn=5.0), 2)
    net.add("b", es.models.LIF(v_th=1e9, tau_mem=10.0, tau_syn=5.0), 1)
    net.connect("input", "a", es.connect.one_to_one(), weight=30.0)
    net.connect("a", "b", weight=[[1.0], [2.0]], delay=0.3)
    # Unit 0 leaves some time units late, unit 1 hardly.
    chip = next(
        chip
        for chip in (Substrate([Latency(2.0, 1.5)], device_seed=k) for k in range(100))
        if np.ptp(run_times(net, chip, "ordered")) > 1.5
    )
    wanted = run_times(net, chip, "ordered")
    np.testing.assert_allclose(run_times(net, chip, "windows"), wanted, atol=1e-10)


def run_times(net, chip, schedule):
    sim = es.Simulation(net, hardware=chip, schedule=schedule)
    sim.run(DURATION)
    return sim.spikes("a").times


def test_numbers_are_uniform_normal_and_independent_of_each_other():
    keys = draws.keys(123, np.arange(20_000))
    assert len(np.unique(keys)) == len(keys)
    u, v = draws.uniforms(keys), draws.uniforms(keys, 1)
    assert stats.kstest(u, "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(u, v)[0, 1]) < 0.03
    x, y = draws.normals(keys), draws.normals(keys, 1)
    assert stats.kstest(x, "norm").pvalue > 1e-3
    assert abs(np.corrcoef(x, y)[0, 1]) < 0.03
    assert abs(np.corrcoef(x[1:], x[:-1])[0, 1]) < 0.03
    np.testing.assert_allclose(x, special.ndtri(u), rtol=1e-14, atol=1e-15)
    assert np.abs(x).max() > 3.5  # tails are there; far ones are too rare to be met


def test_one_normal_number_and_many_have_the_same_bits():
    net = es.Network()
    net.add("input", es.models.SpikeSource(times=np.full(1000, 16.0), units=np.arange(1000)), 1000)
    chip = Substrate([Jitter(1.0, whose="inputs"), Latency()])
    keys = chip.prepared(net).transmission_parameters(net, chip.first_sample(0))["input"].jitter_keys[0]
    sim = es.Simulation(net, hardware=chip)
    sim.run(30.0)
    spikes = sim.spikes("input")
    found = np.empty(1000)
    found[spikes.units] = spikes.times
    late = np.maximum(draws.normals(keys), 0.0)
    assert 400 < np.count_nonzero(late) < 600
    np.testing.assert_array_equal(found, 16.0 + late)
