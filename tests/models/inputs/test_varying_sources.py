"""Sources with rates over time, memory and patterns: closed-form statistics, and the same bits everywhere."""

import math

import numpy as np
import pytest
from scipy import integrate, stats

import eventsim as es

SCHEDULES = ("ordered", "layered", "windows")
M = es.models


def simulation(model, n, schedule="auto", seed=0, time_unit="ms"):
    net = es.Network(seed=seed, time_unit=time_unit)
    net.add("input", model, n)
    if schedule == "windows":  # which takes its width from what neurons can use
        net.add("cell", M.LIF(), 1)
    return es.Simulation(net, schedule=schedule)


def trains(model, n, until, schedule="auto", cuts=(), seed=0, time_unit="ms"):
    sim = simulation(model, n, schedule, seed, time_unit)
    for end in (*cuts, until):
        sim.run(end)
    spikes = sim.spikes("input")
    return spikes.times, spikes.units


def gaps(times, units, n, first=False):
    """Return all intervals of all units, those from 0 to the first spike included if asked for."""
    each = [times[units == unit] for unit in range(n)]
    return np.concatenate([np.diff(t, **({"prepend": 0.0} if first else {})) for t in each])


def sine(times):
    return 100.0 * (1.0 + np.sin(times / 30.0))


def sine_integral(times):
    return 0.1 * (times + 30.0 * (1.0 - np.cos(times / 30.0)))  # spikes; 100 Hz are 0.1 per ms


def line(time):
    return np.interp(time, KNOTS, RATES) / 1e3


KNOTS, RATES = np.array([0.0, 50.0, 120.0, 200.0]), np.array([20.0, 0.0, 300.0, 80.0])
RATE_CASES = {
    "steps": (
        M.PoissonRates(KNOTS, RATES),
        lambda t: np.interp(t, [*KNOTS, 1e6], np.cumsum([0, *(RATES * np.diff(KNOTS, append=1e6) / 1e3)])),
    ),
    "lines": (
        M.PoissonRates(KNOTS, RATES, "linear"),
        np.vectorize(lambda t: integrate.quad(line, 0, t, points=[50.0, 120.0, 200.0], limit=200)[0]),
    ),
    "function": (M.PoissonFunction(sine, max_rate=200.0), sine_integral),
}  # fmt: skip


@pytest.mark.parametrize("case", RATE_CASES)
def test_the_integral_of_the_rate_between_spikes_is_exponential(case):
    # Time rescaling (Brown et al. 2002); the first 20 of each unit, so that none is cut off by the end.
    model, integral = RATE_CASES[case]
    n, k = 60, 20
    times, units = trains(model, n, 3000.0, seed=2)
    found = np.array([np.diff(integral(times[units == u][:k]), prepend=0.0) for u in range(n)])
    assert found.shape == (n, k)
    assert stats.kstest(found.ravel(), "expon").pvalue > 1e-3
    assert abs(np.corrcoef(found[:, :-1].ravel(), found[:, 1:].ravel())[0, 1]) < 4 / np.sqrt(n * (k - 1))


def test_rates_that_repeat_fill_every_period_alike():
    period, cycles = 160.0, 50
    times, _ = trains(
        M.PoissonRates([0.0, 100.0], [10.0, 400.0], "linear", period=period), 40, cycles * period
    )
    phase = times % period
    expected = 40 * cycles * (100 * 0.205 + 60 * 0.205)
    assert abs(len(times) - expected) < 4 * np.sqrt(expected)

    def cumulated(t):
        up = 0.01 * t + 0.39 / 100 * t**2 / 2
        down = 20.5 + 0.4 * (t - 100) - 0.39 / 60 * (t - 100) ** 2 / 2
        return np.where(t < 100, up, down) / 32.8

    assert stats.kstest(phase, cumulated).pvalue > 1e-3


def test_a_constant_rate_in_pieces_is_the_poisson_source():
    same, _ = trains(M.Poisson(rate=200.0), 10, 1000.0, seed=3)
    pieces, _ = trains(M.PoissonRates([0.0, 300.0, 301.0], [200.0] * 3), 10, 1000.0, seed=3)
    assert pieces == pytest.approx(same, rel=1e-12)


def test_a_rate_of_zero_is_silence_for_ever_after():
    times, units = trains(M.PoissonRates([0.0, 40.0], [[0.0, 500.0], [500.0, 0.0]]), 2, 2000.0)
    assert times[units == 0].min() >= 40
    assert times[units == 1].max() < 40
    assert len(trains(M.PoissonRates([0.0], [0.0]), 2, 2000.0)[0]) == 0


def test_a_function_may_know_the_unit_and_stop():
    model = M.PoissonFunction(lambda t, unit: 100.0 * unit * np.ones_like(t), max_rate=300.0, stop=500.0)
    times, units = trains(model, 4, 1000.0)
    assert times.max() < 500
    counts = np.bincount(units, minlength=4)
    assert counts[0] == 0
    assert np.abs(counts - 50 * np.arange(4)).max() < 4 * np.sqrt(150)


@pytest.mark.parametrize("shape", [0.5, 2.0, 7.5])
def test_gamma_intervals_have_their_distribution_and_no_memory(shape):
    n = 100
    found = gaps(*trains(M.Gamma(rate=100.0, shape=shape), n, 5000.0, seed=4), n)
    assert stats.kstest(found, "gamma", args=(shape, 0, 10.0 / shape)).pvalue > 1e-3
    # The standard error of a coefficient of variation is below 1 / sqrt(number of intervals) x (1 + cv^2).
    assert found.std() / found.mean() == pytest.approx(
        shape**-0.5, abs=4 * (1 + 1 / shape) / np.sqrt(found.size)
    )
    assert abs(np.corrcoef(found[:-1], found[1:])[0, 1]) < 4 / np.sqrt(found.size)


def test_a_dead_time_is_kept_and_the_rate_counts_it():
    n = 100
    times, units = trains(M.RefractoryPoisson(rate=100.0, dead_time=4.0), n, 5000.0, seed=5)
    found = gaps(times, units, n)
    assert found.min() >= 4.0 * (1 - 1e-12)
    assert stats.kstest(found, "expon", args=(4.0, 6.0)).pvalue > 1e-3
    assert len(times) == pytest.approx(n * 500, abs=4 * 0.6 * np.sqrt(n * 500))  # cv = 0.6


@pytest.mark.parametrize(
    ("model", "forward"),
    [  # density (1 - F(x)) / mean of the time to the first spike of a process that began long ago
        (M.Gamma(rate=100.0, shape=4.0), lambda x: stats.gamma.sf(x, 4.0, scale=2.5) / 10),
        (M.RefractoryPoisson(rate=100.0, dead_time=6.0), lambda x: stats.expon.sf(x, 6.0, 4.0) / 10),
    ],
)
def test_a_process_that_began_long_ago_has_its_rate_from_the_start(model, forward):
    n = 4000
    times, units = trains(model, n, 200.0, seed=6)
    first = np.full(n, np.inf)
    np.minimum.at(first, units, times)
    grid = np.linspace(0, 200, 20001)
    cumulated = integrate.cumulative_simpson(forward(grid), x=grid, initial=0)
    assert stats.kstest(first, lambda x: np.interp(x, grid, cumulated)).pvalue > 1e-3
    assert stats.kstest(times[times < 20], "uniform", args=(0, 20)).pvalue > 1e-3


def test_a_process_that_starts_at_zero_has_an_ordinary_first_interval():
    times, units = trains(M.RefractoryPoisson(rate=100.0, dead_time=6.0, stationary=False), 2000, 100.0)
    first = np.full(2000, np.inf)
    np.minimum.at(first, units, times)
    assert stats.kstest(first, "expon", args=(6.0, 4.0)).pvalue > 1e-3


def test_bursts_come_at_regular_times():
    times, units = trains(
        M.Bursts(period=[50.0, 70.0], n_spikes=3, interval=2.0, start=5.0, number=4), 2, 1000.0
    )
    for unit, period in enumerate((50.0, 70.0)):
        wanted = (5.0 + period * np.arange(4))[:, None] + 2.0 * np.arange(3)
        assert times[units == unit].tolist() == wanted.ravel().tolist()


def test_random_bursts_have_exponential_silences_and_the_mean_period():
    n = 50
    times, units = trains(M.Bursts(period=50.0, n_spikes=4, interval=2.0, random=True), n, 20_000.0, seed=8)
    found = np.concatenate([np.diff(times[units == u][3::4][:300] - 0.0) for u in range(n)])  # onset to onset
    assert stats.kstest(found, "expon", args=(6.0, 44.0)).pvalue > 1e-3


def test_regular_trains_may_end_and_jitter():
    n, k = 200, 30
    times, units = trains(M.Regular(period=10.0, phase=7.0, number=k, jitter=3.0), n, 1000.0, seed=9)
    assert len(times) == n * k
    moved = np.array([times[units == u] - 7.0 - 10.0 * np.arange(k) for u in range(n)])
    assert stats.kstest(moved.ravel(), "uniform", args=(-3.0, 6.0)).pvalue > 1e-3
    plain, _ = trains(M.Regular(period=10.0, phase=7.0, number=k), 1, 1000.0)
    assert plain.tolist() == (7.0 + np.arange(k) * 10.0).tolist()


EVERYWHERE = {
    "steps": M.PoissonRates(KNOTS, RATES),
    "lines": M.PoissonRates(KNOTS, RATES, "linear", period=230.0),
    "function": M.PoissonFunction(sine, max_rate=200.0),
    "gamma": M.Gamma(rate=150.0, shape=3.0),
    "dead time": M.RefractoryPoisson(rate=150.0),
    "bursts": M.Bursts(period=30.0, jitter=4.0),
    "random bursts": M.Bursts(period=30.0, random=True),
    "regular": M.Regular(period=7.0, jitter=1.0, number=30),
}


@pytest.mark.parametrize("case", EVERYWHERE)
def test_the_bits_are_the_same_on_every_schedule_and_in_every_slicing(case):
    model = EVERYWHERE[case]
    wanted = trains(model, 20, 400.0, "ordered")
    assert len(wanted[0]) > 200
    for schedule in SCHEDULES:
        for cuts in ((), (0.0, 3.3, 3.3, 50.0, 399.999)):
            times, units = trains(model, 20, 400.0, schedule, cuts)
            assert times.tolist() == wanted[0].tolist()
            assert units.tolist() == wanted[1].tolist()


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("case", EVERYWHERE)
def test_a_snapshot_goes_on_with_the_same_bits(case, schedule, tmp_path):
    sim = simulation(EVERYWHERE[case], 5, schedule)
    sim.run(120.0)
    state = sim.snapshot()
    sim.run(400.0)
    wanted = sim.spikes("input").times
    other = simulation(EVERYWHERE[case], 5, schedule)
    other.restore(state)
    other.run(400.0)
    assert other.spikes("input").times[-40:].tolist() == wanted[-40:].tolist()
    sim.save(tmp_path / "run.h5")
    assert es.io.load(tmp_path / "run.h5").spikes["input"].times.tolist() == wanted.tolist()


@pytest.mark.parametrize("case", EVERYWHERE)
def test_sources_that_their_targets_draw_themselves_are_the_same_spikes(case):
    found = []
    for recorded, slices in ((True, 1), (False, 1), (False, 3)):
        net = es.Network(seed=3)
        net.add("input", EVERYWHERE[case], 64, record_spikes=recorded)
        net.add("cells", M.LIF(tau_mem=10.0, tau_syn=2.0, v_th=5.0), 64)
        net.connect("input", "cells", es.connect.one_to_one(), weight=2.0, delay=1.5)
        sim = es.Simulation(net, schedule="windows")
        for k in range(slices):
            sim.run(300.0 * (k + 1) / slices)
        found.append(sim.spikes("cells").times)
    assert len(found[0]) > 20
    assert found[1].tolist() == found[2].tolist()
    assert found[1] == pytest.approx(found[0], rel=1e-12)


def test_rates_are_in_hertz_whatever_the_time_unit():
    slow, _ = trains(M.PoissonRates([0, 100], [50.0, 150.0], "linear"), 5, 500.0, time_unit="ms")
    fast, _ = trains(M.PoissonRates([0, 0.1], [50.0, 150.0], "linear"), 5, 0.5, time_unit="s")
    assert 1e3 * fast == pytest.approx(slow, rel=1e-12)


def listed(source, n=3):
    sim = simulation(source, n)
    sim.run(100.0)
    return list(zip(sim.spikes("input").times.tolist(), sim.spikes("input").units.tolist(), strict=True))


def test_trains_by_unit_from_lists_and_neo_are_the_same_spikes():
    wanted = [(1.0, 2), (2.0, 0), (3.0, 0)]
    assert listed(M.SpikeSource([np.array([2.0, 3.0]), np.array([]), np.array([1.0])])) == wanted
    neo = pytest.importorskip("neo")
    given = [neo.SpikeTrain(np.array(t), units="s", t_stop=1.0) for t in ([0.002, 0.003], [], [0.001])]
    assert listed(M.SpikeSource(given)) == wanted


def test_a_run_is_replayed_into_another_network(tmp_path):
    net = es.Network(seed=1)
    net.add("input", M.Poisson(rate=100.0), 8)
    net.add("other", M.Regular(period=5.0), 1)
    sim = es.Simulation(net)
    sim.run(100.0)
    sim.save(tmp_path / "run.h5")
    wanted = list(zip(sim.spikes("input").times.tolist(), sim.spikes("input").units.tolist(), strict=True))
    assert listed(M.SpikeSource.from_run(tmp_path / "run.h5", "input"), 8) == wanted
    es.io.export.to_csv(es.io.load(tmp_path / "run.h5"), tmp_path / "csv")
    assert listed(M.SpikeSource.from_csv(tmp_path / "csv" / "spikes.csv", "input"), 8) == wanted
    late = M.SpikeSource.from_run(es.io.load(tmp_path / "run.h5"), "input", start=50.0, stop=80.0)
    assert listed(late, 8) == [(t - 50.0, u) for t, u in wanted if 50 <= t < 80]
    seconds = M.SpikeSource.from_run(tmp_path / "run.h5", "other", time_unit="s")
    assert np.asarray(seconds.times) == pytest.approx(np.arange(0, 0.1, 0.005))
    with pytest.raises(ValueError, match=r"no spikes of 'inptu'; populations: input, other"):
        M.SpikeSource.from_run(tmp_path / "run.h5", "inptu")
    with pytest.raises(ValueError, match="has several populations, choose one: input, other"):
        M.SpikeSource.from_csv(tmp_path / "csv" / "spikes.csv")


def test_columns_of_other_csv_files_have_other_names(tmp_path):
    (tmp_path / "a.csv").write_text("neuron,t\n1,0.004\n0,0.002\n")
    assert listed(M.SpikeSource.from_csv(tmp_path / "a.csv", time="t", unit="neuron", scale=1e3)) == [
        (2.0, 0),
        (4.0, 1),
    ]
    with pytest.raises(ValueError, match="has no column 'time'; columns: neuron, t"):
        M.SpikeSource.from_csv(tmp_path / "a.csv")
    (tmp_path / "b.csv").write_text("unit,time\n1.5,2\n")
    with pytest.raises(ValueError, match=r"line 2 of .* got '2' and '1.5'"):
        M.SpikeSource.from_csv(tmp_path / "b.csv")


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (M.PoissonRates([1.0, 2.0], [1.0, 2.0]), "times of 'input' must rise from 0"),
        (M.PoissonRates([0.0, 2.0], [1.0, 2.0, 3.0]), r"have shape \(3,\), expected \(2,\) or \(2, 3\)"),
        (M.PoissonRates([0.0, 2.0], [1.0, -2.0]), "must lie between 0 and 1e\\+10 Hz, got -2.0"),
        (M.PoissonRates([0.0], [math.nan]), "rates of 'input' must be finite, got nan"),
        (M.PoissonRates([0.0, 5.0], [1.0, 2.0], period=5.0), "later than the last time 5.0, got 5.0"),
        (M.PoissonRates([0.0], [1.0], "cubic"), "must be 'constant' or 'linear', got 'cubic'"),
        (M.PoissonFunction(sine, max_rate=0.0), "max_rate of 'input' must be positive"),
        (M.PoissonFunction(5.0, max_rate=1.0), "must be a function rate"),
        (M.PoissonFunction(lambda a, b, c: 1.0, max_rate=1.0), r"must take \(times\) or \(times, unit\)"),
        (M.PoissonFunction(sine, max_rate=150.0), "between 0 and max_rate = 150 Hz, got 1[5-9]"),
        (M.PoissonFunction(lambda t: -1.0, max_rate=150.0), "got -1.0 at"),
        (M.PoissonFunction(lambda t: np.ones(3), max_rate=150.0), "one for each time, got shape"),
        (M.PoissonFunction(lambda t: 0.0, max_rate=150.0), "stop= says when a rate ends"),
        (M.Gamma(rate=-1.0), "rate of 'input' must not be negative"),
        (M.Gamma(rate=1.0, shape=0.001), "shape of 'input' must be at least 0.01, got 0.001"),
        (M.RefractoryPoisson(rate=500.0, dead_time=2.0), "shorter than the mean interval, 2 at 500 Hz"),
        (M.Bursts(period=5.0), "period of 'input' must be at least the length of a burst"),
        (M.Bursts(period=50.0, number=-1), "number of 'input' must be a whole number"),
        (M.Bursts(period=50.0, jitter=1.0, random=True), "jitter of 'input' must be 0"),
        (M.Regular(period=5.0, jitter=3.0), "twice the jitter, it is 1 too short"),
    ],
)
def test_what_does_not_fit_is_told_in_one_line(model, message):
    with pytest.raises((TypeError, ValueError), match=message) as error:
        simulation(model, 3).run(2000.0)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("stop", [np.inf, 60.0])
@pytest.mark.parametrize("schedule", ["ordered", "layered"])
def test_sources_that_a_function_sees_together_spike_as_those_it_sees_one_by_one(schedule, stop):
    def together(times):
        return 400.0 * (1.0 + np.sin(0.1 * times))

    def one_by_one(times, unit):
        return together(times)

    found = []
    for rate in (together, one_by_one):
        net = es.Network(seed=7)
        net.add("sources", es.models.PoissonFunction(rate, 900.0, stop), 700)
        sim = es.Simulation(net, schedule=schedule)
        sim.run(33.3)
        again = es.Simulation(net, schedule=schedule)
        again.restore(sim.snapshot())
        sim.run(80.0)
        again.run(80.0)
        spikes = sim.spikes("sources")
        late = spikes.times >= 33.3
        np.testing.assert_array_equal(again.spikes("sources").times[-late.sum() :], spikes.times[late])
        found.append(spikes)
    assert len(found[0]) > 10_000
    np.testing.assert_array_equal(found[0].times, found[1].times)
    np.testing.assert_array_equal(found[0].units, found[1].units)


def test_a_function_may_work_in_place_and_sees_no_candidate_twice():
    seen = []

    def plain(times):
        seen.append(times.copy())
        return 400.0 * (1.0 + np.sin(0.1 * times))

    def in_place(times):
        times *= 0.1
        np.sin(times, out=times)
        times += 1.0
        times *= 400.0
        return times

    found = [trains(M.PoissonFunction(rate, 800.0), 700, 80.0, seed=7) for rate in (plain, in_place)]
    times = np.concatenate(seen)
    assert np.unique(times).size == times.size
    assert found[1][0].tolist() == found[0][0].tolist()
    assert found[1][1].tolist() == found[0][1].tolist()


@pytest.mark.parametrize("stop", [np.inf, 30.0])
def test_what_a_block_draws_ahead_is_no_part_of_the_state(stop):
    def rate(times):
        return 400.0 * (1.0 + np.sin(0.1 * times))

    states = []
    for function in (rate, lambda times, unit: rate(times)):
        sim = simulation(M.PoissonFunction(function, 900.0, stop), 700, "ordered")
        sim.run(60.0)
        (handler,) = sim.snapshot()["body"]["handlers"].values()
        states.append(handler)
    for name in ("ahead", "level", "drawn", "position"):
        np.testing.assert_array_equal(states[0][name], states[1][name])
