"""Metrics of spike trains agree with Elephant's, and with hand-made trains."""

from fractions import Fraction

import numpy as np
import pytest

import eventsim as es
from eventsim.io import analysis, to_neo
from eventsim.trace import Samples, Spikes, Trace

TRAIN = Spikes(np.array([1.0, 2.0, 3.0, 5.0, 9.0]), np.array([2, 0, 2, 2, 0]))


def random_spikes(n, n_units, duration, seed=0):
    rng = np.random.default_rng(seed)
    return Spikes(np.sort(rng.uniform(0, duration, n)), rng.integers(0, n_units, n))


def test_first_spikes_counts_and_intervals_of_a_hand_made_train():
    assert analysis.first_spikes(TRAIN, 4).tolist() == [2.0, np.inf, 1.0, np.inf]
    assert analysis.counts(TRAIN, 4).tolist() == [2, 0, 3, 0]
    assert analysis.counts(TRAIN, 4, 2.0, 5.0).tolist() == [1, 0, 1, 0]  # right-open
    intervals, units = analysis.isi(TRAIN)
    assert intervals.tolist() == [7.0, 2.0, 2.0]
    assert units.tolist() == [0, 2, 2]
    assert analysis.rates(TRAIN, 3, 10.0).tolist() == [200.0, 0.0, 300.0]
    assert analysis.rates(TRAIN, 3, 10.0, time_unit="tau").tolist() == [0.2, 0.0, 0.3]
    assert analysis.window(TRAIN, 2.0, 5.0).times.tolist() == [2.0, 3.0]
    found = analysis.cv(TRAIN, 3, min_intervals=2)
    assert np.isnan(found[:2]).all()  # one interval has no variation
    assert found[2] == 0.0
    assert np.isnan(analysis.cv(TRAIN, 3)).all()  # nor do two tell it, unless they are asked for


def test_no_spikes_give_empty_metrics():
    nothing = Spikes(np.empty(0), np.empty(0, np.int64))
    assert analysis.first_spikes(nothing, 2).tolist() == [np.inf, np.inf]
    assert analysis.counts(nothing, 2).tolist() == [0, 0]
    assert analysis.isi(nothing)[0].tolist() == []
    assert np.isnan(analysis.cv(nothing, 2)).all()
    assert analysis.population_rate(nothing, 2, 10.0, 5.0)[1].tolist() == [0.0, 0.0]


def test_statistics_are_those_of_elephant():
    statistics = pytest.importorskip("elephant.statistics")
    spikes = random_spikes(2000, 10, 1000.0)
    trains = to_neo(Trace(sizes={"a": 10}, spikes={"a": spikes}, duration=1000.0)).segments[0].spiketrains
    theirs = [float(statistics.cv(statistics.isi(train))) for train in trains]
    assert analysis.cv(spikes, 10) == pytest.approx(theirs, rel=1e-12)
    theirs = [float(statistics.mean_firing_rate(train).rescale("Hz")) for train in trains]
    assert analysis.rates(spikes, 10, 1000.0) == pytest.approx(theirs, rel=1e-12)
    theirs = [
        np.var(c) / np.mean(c) for c in (np.histogram(train.magnitude, 20, (0, 1000))[0] for train in trains)
    ]
    assert analysis.fano_factor(spikes, 10, 1000.0, 50.0) == pytest.approx(theirs, rel=1e-12)


def test_the_population_rate_counts_every_spike_once():
    spikes = random_spikes(5000, 10, 100.0)
    centres, values = analysis.population_rate(spikes, 10, 100.0, 0.1)
    assert len(centres) == 1000
    assert centres[:2] == pytest.approx([0.05, 0.15])
    assert (values * 0.1e-3 * 10).sum() == pytest.approx(5000)  # Hz x s x units


def test_accuracy_and_confusion_count_right_and_wrong():
    first = np.array([[1.0, 2.0, 3.0], [np.inf, 0.5, 1.0], [np.inf] * 3])
    predicted = analysis.predicted_class(first)
    assert predicted.tolist() == [0, 1, -1]
    assert analysis.accuracy(predicted, [0, 2, 1]) == pytest.approx(1 / 3)
    assert analysis.confusion(predicted, np.array([0, 2, 1]), 3).tolist() == [[1, 0, 0], [0, 0, 0], [0, 1, 0]]
    assert np.isnan(analysis.accuracy([], []))
    with pytest.raises(ValueError, match=r"predictions \(2,\) and labels \(3,\)"):
        analysis.accuracy([0, 1], [0, 1, 2])


def test_thinning_keeps_at_most_the_limit_and_says_what_it_took():
    spikes = random_spikes(1001, 3, 1.0)
    few, every = analysis.subsample(spikes, 100)
    assert every == 11
    assert len(few) == 91
    assert analysis.subsample(spikes, 1001)[1] == 1


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan")])
def test_durations_must_be_positive(value):
    with pytest.raises(ValueError, match="duration must be positive, got"):
        analysis.rates(TRAIN, 3, value)
    with pytest.raises(ValueError, match="width of bins must be positive"):
        analysis.population_rate(TRAIN, 3, 1.0, value)


def test_a_neo_block_holds_what_the_trace_held(run):
    pytest.importorskip("neo")
    run.time_unit = "ms"
    segment = to_neo(run).segments[0]
    for name, spikes in run.spikes.items():
        trains = [train for train in segment.spiketrains if train.annotations["source_population"] == name]
        assert [train.annotations["node_id"] for train in trains] == list(range(run.sizes[name]))
        for k, train in enumerate(trains):
            assert train.rescale("ms").magnitude.tolist() == spikes.times[spikes.units == k].tolist()
            assert float(train.t_stop) == 50.0
    signal = segment.analogsignals[0]
    assert signal.annotations["variable"] == "v"
    assert np.array_equal(signal.magnitude, run.samples["hidden", "v"].values)
    assert signal.array_annotations["node_id"].tolist() == [7, 0, 29]
    assert float(signal.sampling_period) == 0.1
    assert np.array_equal(
        segment.irregularlysampledsignals[0].magnitude, run.samples["silent", "v"].values, equal_nan=True
    )


@pytest.mark.parametrize(("unit", "scale"), [("us", 1e-3), ("s", 1e3), ("ms", 1.0)])
def test_neo_knows_the_unit_of_time(unit, scale):
    pytest.importorskip("neo")
    train = to_neo(Trace(spikes={"a": TRAIN}, duration=10.0, time_unit=unit)).segments[0].spiketrains[2]
    assert train.rescale("ms").magnitude == pytest.approx(np.array([1.0, 3.0, 5.0]) * scale)


def test_spikes_outside_the_duration_do_not_stop_the_conversion():
    pytest.importorskip("neo")
    early = Spikes(np.array([-2.0, 7.0]), np.array([0, 0]))
    block = to_neo(
        Trace(spikes={"a": early}, samples={("a", "v"): Samples(*[np.empty(0)] * 3)}, duration=1.0)
    )
    train = block.segments[0].spiketrains[0]
    assert (float(train.t_start), float(train.t_stop)) == (-2.0, 7.0)


def test_without_neo_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "neo", None)
    with pytest.raises(ImportError, match=r"pip install 'eventsim\[neo\]'"):
        to_neo(Trace())


WIDTHS = (0.1, 0.2, 0.3, 0.7, 1 / 3, 0.05, 1e-3, 2.5, 0.123)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("as_product", [True, False])
def test_regular_spikes_are_one_in_each_bin(width, as_product):
    k = np.arange(1000)
    exact = np.array([float(Fraction(repr(width)) * int(each)) for each in k])
    times = width * k if as_product else exact
    spikes = Spikes(times, np.zeros(1000, np.int64))
    for start in (0, 7, 123):
        counted, edges = analysis.binned_counts(spikes, 1, exact[800], width, exact[start])
        assert counted.shape == (1, 800)
        assert (counted[0] == (k[start : start + 800] < 1000)).all()
        assert len(edges) == 801
        assert analysis.fano_factor(spikes, 1, exact[800], width, exact[start]) == [0.0]
        assert np.ptp(analysis.population_rate(spikes, 1, exact[800], width, exact[start])[1]) == 0


def test_the_regular_source_has_no_variation_in_bins_of_its_period():
    net = es.Network()
    net.add("x", es.models.Regular(0.1), 1)
    sim = es.Simulation(net)
    sim.run(100.0)
    spikes = sim.spikes("x")
    assert len(spikes) == 1000
    assert analysis.fano_factor(spikes, 1, 100.0, 0.1).tolist() == [0.0]
    phased = Spikes(spikes.times + 0.05, spikes.units)
    assert analysis.fano_factor(phased, 1, 99.0, 0.1, 0.05).tolist() == [0.0]


@pytest.mark.parametrize(
    ("duration", "width", "n"),
    [
        (0.3, 0.1, 3),
        (0.1 * 3, 0.1, 3),
        (1.0, 0.1, 10),
        (1.0, 0.3, 3),
        (0.29, 0.1, 2),
        (1e6, 0.1, 10**7),
        (0.0, 1.0, 0),
        (0.5, 1.0, 0),
        (2.1, 0.7, 3),
        (4.35, 0.01, 435),
    ],
)
def test_the_number_of_bins_is_that_of_the_decimals(duration, width, n):
    edges = analysis.bin_edges(duration, width)
    assert len(edges) == n + 1
    assert (np.diff(edges) > 0).all()


def test_bins_beyond_all_measure_are_refused():
    with pytest.raises(ValueError, match="more than 100000000"):
        analysis.bin_edges(1e12, 1e-3)
    for bad in ((np.inf, 1.0), (1.0, np.inf), (-1.0, 1.0), (np.nan, 1.0)):
        with pytest.raises(ValueError, match="bins need finite numbers"):
            analysis.bin_edges(*bad)


def test_too_few_intervals_or_bins_give_no_number():
    rng = np.random.default_rng(0)
    times = np.cumsum(rng.exponential(size=50))
    spikes = Spikes(times, np.zeros(50, np.int64))
    assert np.isnan(analysis.cv(spikes, 1, min_intervals=50)[0])
    assert analysis.cv(spikes, 1, min_intervals=49)[0] == pytest.approx(analysis.cv(spikes, 1)[0])
    late = times[10:]
    expected = np.diff(late).std() / np.diff(late).mean()
    assert analysis.cv(spikes, 1, start=times[10])[0] == pytest.approx(expected)
    with pytest.raises(ValueError, match="min_intervals must be 2 or more, got 1"):
        analysis.cv(spikes, 1, min_intervals=1)
    assert np.isnan(analysis.fano_factor(spikes, 1, 1.0, 1.0, min_bins=2)[0])
    assert np.isnan(analysis.fano_factor(spikes, 1, 0.5, 1.0, min_bins=2)[0])
    assert np.isnan(analysis.fano_factor(spikes, 1, 9.0, 1.0)[0])
    assert analysis.fano_factor(spikes, 1, 10.0, 1.0)[0] > 0
    assert analysis.fano_factor(spikes, 1, 2.0, 1.0, min_bins=2)[0] >= 0
    with pytest.raises(ValueError, match="min_bins must be 2 or more, got 1"):
        analysis.fano_factor(spikes, 1, 10.0, 1.0, min_bins=1)


def test_ten_intervals_and_bins_are_enough_for_a_variation_within_a_tenth_of_its_mean():
    rng = np.random.default_rng(2)
    n = 4000
    times = np.cumsum(rng.exponential(size=(n, 11)), axis=1)
    order = np.argsort(times, axis=None, kind="stable")
    spikes = Spikes(times.ravel()[order], np.repeat(np.arange(n), 11)[order])
    assert analysis.cv(spikes, n).mean() == pytest.approx(0.88, abs=0.02)  # of 1, for a Poisson process
    counted = np.sort(rng.uniform(0, 10, 10 * n))
    spikes = Spikes(counted, rng.integers(0, n, 10 * n))
    assert analysis.fano_factor(spikes, n, 10.0, 1.0).mean() == pytest.approx(0.9, abs=0.02)


METRICS = {
    "first_spikes": lambda spikes, n: analysis.first_spikes(spikes, n),
    "counts": lambda spikes, n: analysis.counts(spikes, n),
    "rates": lambda spikes, n: analysis.rates(spikes, n, 10.0),
    "binned_counts": lambda spikes, n: analysis.binned_counts(spikes, n, 10.0, 1.0)[0],
    "population_rate": lambda spikes, n: analysis.population_rate(spikes, n, 10.0, 1.0),
    "cv": lambda spikes, n: analysis.cv(spikes, n),
    "fano_factor": lambda spikes, n: analysis.fano_factor(spikes, n, 10.0, 1.0),
}


@pytest.mark.parametrize("name", METRICS)
def test_spikes_of_units_that_there_are_not_are_refused(name):
    for unit in (3, -1):
        spikes = Spikes(np.array([1.0, 2.0]), np.array([0, unit]))
        with pytest.raises(
            ValueError, match=rf"spikes of 3 units have units 0\.\.2, got a spike of unit {unit}$"
        ):
            METRICS[name](spikes, 3)


def test_every_public_metric_is_nan_or_counted_where_there_is_nothing():
    nothing = Spikes(np.empty(0), np.empty(0, np.int64))
    assert np.isinf(analysis.first_spikes(nothing, 2)).all()
    assert analysis.counts(nothing, 2).tolist() == [0, 0]
    assert analysis.rates(nothing, 2, 10.0).tolist() == [0.0, 0.0]
    assert np.isnan([*analysis.cv(nothing, 2), *analysis.fano_factor(nothing, 2, 20.0, 1.0)]).all()
    assert np.isnan([analysis.accuracy([], []), analysis.rms([]), analysis.spread([4.0])]).all()
    assert np.isnan(analysis.first_where([1.0, 2.0], [False, False]))
    assert len(analysis.population_rate(nothing, 2, 0.5, 1.0)[1]) == 0  # no whole bin
    with pytest.raises(ValueError, match="the rate of a population needs at least one unit, got n=0"):
        analysis.population_rate(nothing, 0, 10.0, 1.0)
