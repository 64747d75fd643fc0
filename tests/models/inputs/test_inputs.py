"""Spike sources: Poisson processes by their statistics, regular trains and lists of times to the bit."""

import numpy as np
import pytest
from scipy import stats

import eventsim as es

SCHEDULES = ("ordered", "layered", "windows")


def simulation(model, n=1, schedule="auto", seed=0, time_unit="ms", name="input"):
    net = es.Network(seed=seed, time_unit=time_unit)
    net.add(name, model, n)
    if schedule == "windows":  # which takes its width from what neurons can use
        net.add("cell", es.models.LIF(), 1)
    return es.Simulation(net, schedule=schedule)


def train(model, n, until, schedule="auto", cuts=(), seed=0, time_unit="ms"):
    sim = simulation(model, n, schedule, seed, time_unit)
    for end in (*cuts, until):
        sim.run(end)
    spikes = sim.spikes("input")
    return spikes.times, spikes.units


def intervals(times, units, n, k):
    """Return the first k intervals of each unit, shape (n, k); no later ones, so that none is cut off."""
    trains = [times[units == unit] for unit in range(n)]
    assert min(map(len, trains)) >= k
    return np.array([np.diff(t[:k], prepend=0.0) for t in trains])


def test_poisson_intervals_are_exponential_and_independent():
    n, k, rate = 100, 1000, 200.0
    found = intervals(*train(es.models.Poisson(rate=rate), n, 7000.0, seed=3), n, k)
    assert stats.kstest(found.ravel(), "expon", args=(0, 1e3 / rate)).pvalue > 1e-3
    assert found.min() > 0
    # Correlations of independent intervals have standard deviation 1 / sqrt(number).
    for one, other in (
        (found[:, :-1], found[:, 1:]),  # successive
        (found[:-1], found[1:]),  # of neighbouring units
        (found[:, :-16], found[:, 16:]),  # of successive blocks of random numbers
    ):
        assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 4 / np.sqrt(one.size)


def test_poisson_counts_vary_as_much_as_their_mean():
    times, units = train(es.models.Poisson(rate=50.0), 400, 1000.0, seed=4)
    counts = np.bincount(units, minlength=400)
    assert counts.mean() == pytest.approx(50, abs=4 * np.sqrt(50 / 400))
    assert counts.var() == pytest.approx(50, abs=4 * 50 * np.sqrt(2 / 400))
    assert stats.kstest(times, "uniform", args=(0, 1000)).pvalue > 1e-3


@pytest.mark.parametrize("model", [es.models.Poisson(rate=150.0), es.models.Regular(period=0.7, phase=0.1)])
def test_sources_give_the_same_bits_on_every_schedule_and_in_every_slicing(model):
    wanted = train(model, 20, 100.0, "ordered")
    assert len(wanted[0]) > 200
    for schedule in SCHEDULES:
        for cuts in ((), (0.0, 3.3, 3.3, 50.0, 99.999)):
            times, units = train(model, 20, 100.0, schedule, cuts)
            assert times.tolist() == wanted[0].tolist()
            assert units.tolist() == wanted[1].tolist()


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_rates_may_differ_by_unit_and_a_rate_of_zero_is_silence(schedule):
    rates = np.array([0.0, 20.0, 500.0])
    _, units = train(es.models.Poisson(rate=rates), 3, 20_000.0, schedule, seed=5)
    counts = np.bincount(units, minlength=3)
    assert counts[0] == 0
    assert np.abs(counts - 20 * rates).max() <= 4 * np.sqrt(20 * 500.0)
    times, _ = train(es.models.Poisson(rate=0.0), 3, 1000.0, schedule)
    assert len(times) == 0


def test_a_unit_has_its_own_stream_whatever_the_size_of_its_population():
    small, large = (
        train(es.models.Poisson(rate=100.0), 2, 500.0),
        train(es.models.Poisson(rate=100.0), 7, 500.0),
    )
    for unit in range(2):
        assert small[0][small[1] == unit].tolist() == large[0][large[1] == unit].tolist()
    assert large[0][large[1] == 0].tolist() != large[0][large[1] == 1].tolist()
    other = simulation(es.models.Poisson(rate=100.0), 2, name="other")
    other.run(500.0)
    assert other.spikes("other").times.tolist() != small[0].tolist()
    assert train(es.models.Poisson(rate=100.0), 2, 500.0, seed=1)[0].tolist() != small[0].tolist()


def test_rates_are_in_hertz_whatever_the_time_unit():
    slow, _ = train(es.models.Poisson(rate=100.0), 5, 500.0, time_unit="ms")
    fast, _ = train(es.models.Poisson(rate=100_000.0), 5, 500.0, time_unit="us")
    bare, _ = train(es.models.Poisson(rate=0.1), 5, 500.0, time_unit="1")
    assert fast == pytest.approx(slow, rel=1e-13)
    assert bare == pytest.approx(slow, rel=1e-13)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_kth_regular_spike_is_at_phase_plus_k_periods_to_the_bit(schedule):
    period, phase = [0.1, 0.7, np.pi], [0.0, 0.3, 1.0]
    times, units = train(es.models.Regular(period=period, phase=phase), 3, 1000.0, schedule, cuts=(77.7,))
    for unit in range(3):
        expected = phase[unit] + np.arange(len(times)) * period[unit]
        assert times[units == unit].tolist() == expected[expected < 1000.0].tolist()


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_listed_spikes_come_sorted_by_time_and_unit(schedule):
    source = es.models.SpikeSource(times=[3.0, 1.0, 1.0, np.inf, 2.0, 1.0], units=[0, 2, 1, 0, 2, 2])
    times, units = train(source, 3, 10.0, schedule)
    assert times.tolist() == [1.0, 1.0, 1.0, 2.0, 3.0]
    assert units.tolist() == [1, 2, 2, 2, 0]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_spikes_added_between_slices_join_those_to_come(schedule):
    sim = simulation(es.models.SpikeSource(times=[5.0, 1.0], units=[0, 1]), 3, schedule)
    sim.stimulate("input", [2.0, 0.0], [2, 2])
    sim.run(2.0)
    sim.stimulate("input", [2.0, 4.0], [0, 0])  # now, and before what waits
    sim.stimulate("input", [5.0, np.inf], [1, 1])
    sim.run(4.5)
    sim.stimulate("input", [], [])
    sim.stimulate("input", 6.0, 1)
    sim.run(10.0)
    spikes = sim.spikes("input")
    assert spikes.times.tolist() == [0.0, 1.0, 2.0, 2.0, 4.0, 5.0, 5.0, 6.0]
    assert spikes.units.tolist() == [2, 1, 0, 2, 0, 0, 1, 1]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (es.models.Poisson(rate=-1.0), "rate of 'input' must not be negative, got -1.0"),
        (es.models.Poisson(rate=[1.0, np.nan, 2.0]), "rate of 'input' must be finite, got nan for unit 1"),
        (es.models.Poisson(rate=[1.0, 2.0]), "rate of 'input' has 2 values, expected 1 or 3"),
        (es.models.Regular(period=0.0), "period of 'input' must be positive, got 0.0"),
        (es.models.Regular(period=1.0, phase=-1), "phase of 'input' must not be negative, got -1.0"),
        (
            es.models.SpikeSource(times=[-1.0], units=[0]),
            "spike times of 'input' must not be negative, got -1.0",
        ),
        (es.models.SpikeSource(times=[np.nan], units=[0]), "spike times of 'input' must be numbers, got nan"),
        (es.models.SpikeSource(times=[1.0], units=[3]), "'input' has units 0..2, got a spike of unit 3"),
        (es.models.SpikeSource(times=[1.0]), "spikes of 'input' need units, because it has 3 of them"),
        (es.models.SpikeSource(times=[1.0, 2.0], units=[1]), "spikes of 'input' have 2 times but 1 units"),
    ],
)
def test_bad_sources_are_refused_in_one_line(model, message):
    net = es.Network()
    with pytest.raises(ValueError) as error:
        net.add("input", model, 3)
    assert str(error.value) == message
    net.add("input", es.models.Poisson(rate=1.0), 3)
