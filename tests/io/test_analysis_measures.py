"""Correlograms, synchrony, distances, latencies, angles and statistics: closed forms, and Elephant."""

import math
import warnings

import numpy as np
import pytest

import eventsim as es
from eventsim import analysis
from eventsim.errors import UnknownPart
from eventsim.trace import Spikes, Trace


def trains(*times, stop, **settings):
    """Return spikes of units from the times of each."""
    return analysis.select([list(each) for each in times], stop=stop, **settings)


def poisson(rate, n, duration, seed):
    """Return Poisson spikes of n units; the rate is per unit of time."""
    rng = np.random.default_rng(seed)
    number = rng.poisson(rate * n * duration)
    times = np.sort(rng.uniform(0, duration, number))
    return analysis.select(Spikes(times, rng.integers(0, n, number)), n=n, stop=duration)


@pytest.fixture(scope="module")
def simulated():
    net = es.Network(seed=3)
    net.add("noise", es.models.Poisson(rate=40.0), 5)
    net.add("cells", es.models.LIF(tau_mem=10.0, tau_syn=5.0), 4)
    net.connect("noise", "cells", es.connect.fixed_probability(0.7), weight=0.2, delay=1.5)
    sim = es.Simulation(net)
    sim.run(300.0)
    return sim


# what the measures are of


def test_a_population_is_the_same_from_a_simulation_a_trace_a_file_and_arrays(simulated, tmp_path):
    simulated.save(tmp_path / "run.h5")
    direct = simulated.spikes("cells")
    sources = [simulated, simulated.record_of_run(), tmp_path / "run.h5", str(tmp_path / "run.h5")]
    found = [analysis.select(each, "cells") for each in sources]
    found.append(analysis.select(direct, n=4, stop=300.0))
    found.append(analysis.select((direct.times[::-1], direct.units[::-1]), n=4, stop=300.0))
    found.append(analysis.select(found[0]))
    for each in found:
        assert each.times.tolist() == direct.times.tolist()
        assert each.units.tolist() == direct.units.tolist()
        assert (each.n, each.start, each.stop, each.time_unit) == (4, 0.0, 300.0, "ms")
    assert len(direct) > 20


def test_a_window_and_some_units_are_selected(simulated):
    spikes = simulated.spikes("cells")
    some = analysis.select(simulated, "cells", units=[3, 1], start=50.0, stop=200.0)
    inside = (spikes.times >= 50) & (spikes.times < 200)
    for new, old in enumerate((3, 1)):
        mine = spikes.times[inside & (spikes.units == old)]
        assert some.trains()[new].tolist() == mine.tolist()
    assert (some.n, some.duration) == (2, 150.0)
    per_second = np.bincount(spikes.units[inside], minlength=4)[[3, 1]] / 0.15
    assert analysis.rates(some) == pytest.approx(per_second, rel=1e-12)


def test_one_sample_and_one_unit_over_all_samples():
    many = es.SpikeTrains.of([([1.0, 2.0], [0, 1]), ([], []), ([0.5, 3.0, 3.5], [1, 1, 0])], 2, "x")
    assert analysis.select(many, sample=2).trains()[1].tolist() == [0.5, 3.0]
    trials = analysis.select(many, units=1, stop=4.0)
    assert [each.tolist() for each in trials.trains()] == [[2.0], [], [0.5, 3.0]]
    with pytest.raises(ValueError, match="there are 3 samples; choose one with sample=, or one unit"):
        analysis.select(many)
    with pytest.raises(IndexError, match="there are 3 samples, got 3"):
        analysis.select(many, sample=3)
    with pytest.raises(ValueError, match=r"there are units 0\.\.1, got unit 2"):
        analysis.select(many, units=2)


def test_what_cannot_be_selected_is_refused_in_one_line(simulated):
    with pytest.raises(ValueError, match="which population\\? there are noise, cells"):
        analysis.select(simulated)
    with pytest.raises(UnknownPart, match="no spikes of 'cell' were recorded; known: noise, cells; did you"):
        analysis.select(simulated.record_of_run(), "cell")
    with pytest.raises(ValueError, match=r"there are units 0\.\.3, got unit 7"):
        analysis.select(simulated, "cells", units=[7])
    with pytest.raises(ValueError, match=r"a unit is selected twice: \[1, 1\]"):
        analysis.select(simulated, "cells", units=[1, 1])
    with pytest.raises(
        ValueError, match=r"stop must be after start and both finite, got start=5\.0, stop=5\.0"
    ):
        analysis.select(simulated, "cells", start=5, stop=5)
    with pytest.raises(TypeError, match="spikes are of a Simulation, a Trace, a file"):
        analysis.select(7)
    with pytest.raises(ValueError, match="only SpikeTrains have samples, got sample=0"):
        analysis.select(simulated, "cells", sample=0)
    with pytest.raises(TypeError, match="the number of units n is needed for Spikes"):
        analysis.counts(simulated.spikes("cells"))
    with pytest.raises(TypeError, match="the duration is needed for Spikes"):
        analysis.rates(simulated.spikes("cells"), 4)


def test_what_select_returned_needs_no_further_arguments(simulated):
    cells, spikes = analysis.select(simulated, "cells"), simulated.spikes("cells")
    assert analysis.rates(cells).tolist() == analysis.rates(spikes, 4, 300.0).tolist()
    assert analysis.cv(cells).tolist() == pytest.approx(analysis.cv(spikes, 4).tolist(), nan_ok=True)
    assert analysis.binned_counts(cells, width=7.0)[0].tolist() == (
        analysis.binned_counts(spikes, 4, 300.0, 7.0)[0].tolist()
    )
    assert analysis.first_spikes(cells).tolist() == analysis.first_spikes(spikes, 4).tolist()


# correlograms and synchrony


def test_a_copy_that_is_late_has_its_pairs_at_the_lag():
    rng = np.random.default_rng(0)
    times = np.cumsum(rng.uniform(5, 30, 200))
    one = trains(times, stop=times[-1] + 10)
    other = trains(times + 3.0, stop=times[-1] + 10)
    lags, pairs = analysis.cross_correlogram(one, other, longest=4.9, width=0.5, kind="count")
    assert pairs[lags == 3.0] == 200
    assert pairs.sum() >= 200
    back = analysis.cross_correlogram(other, one, longest=4.9, width=0.5, kind="count")[1]
    assert back[::-1].tolist() == pairs.tolist()


def test_every_pair_is_counted_once(monkeypatch):
    from eventsim.io.analysis import correlations

    one, other = poisson(0.2, 3, 200.0, 1), poisson(0.3, 2, 200.0, 2)
    lags, pairs = analysis.cross_correlogram(one, other, longest=30.0, width=0.7, kind="count")
    differences = (other.times[None] - one.times[:, None]).ravel()
    edges = np.append(lags - 0.35, lags[-1] + 0.35)
    assert pairs.tolist() == np.histogram(differences, edges)[0].tolist()
    monkeypatch.setattr(correlations, "MOST_PAIRS", 50)
    assert analysis.cross_correlogram(one, other, longest=30.0, width=0.7, kind="count")[1].tolist() == (
        pairs.tolist()
    )


def test_independent_trains_have_the_rate_of_the_other_at_each_lag():
    one, other = poisson(0.05, 10, 40_000.0, 3), poisson(0.02, 10, 40_000.0, 4)
    _, rate = analysis.cross_correlogram(one, other, longest=50.0, width=5.0)
    expected = len(other) / 40.0  # Hz, of ten units together
    error = np.sqrt(expected / (len(one) * 5e-3))  # of a Poisson count
    assert np.abs(rate - expected).max() < 5 * error
    assert np.abs(rate / expected - 1).max() < 0.05
    _, auto = analysis.cross_correlogram(one, longest=50.0, width=5.0)
    assert auto == pytest.approx(np.full(21, len(one) / 40.0), rel=0.05)  # without the spike itself


def test_the_correlogram_is_elephants_for_spikes_at_centres_of_bins():
    correlation = pytest.importorskip("elephant.spike_train_correlation")
    conversion = pytest.importorskip("elephant.conversion")
    import quantities as pq

    from eventsim.io.analysis.elephant_trains import neo_trains

    rng = np.random.default_rng(5)
    one, other = (trains(np.sort(rng.choice(400, 90, replace=False)) + 0.5, stop=400.0) for _ in range(2))
    binned = [
        conversion.BinnedSpikeTrain(neo_trains(each), bin_size=1 * pq.ms, tolerance=None)
        for each in (one, other)
    ]
    theirs, _ = correlation.cross_correlation_histogram(*binned, window=[-20, 20], method="memory")
    _, ours = analysis.cross_correlogram(one, other, longest=20.0, width=1.0, kind="count")
    assert ours.tolist() == theirs.magnitude.ravel().tolist()


def test_correlation_is_one_for_copies_and_elephants_otherwise():
    correlation = pytest.importorskip("elephant.spike_train_correlation")
    conversion = pytest.importorskip("elephant.conversion")
    import quantities as pq

    from eventsim.io.analysis.elephant_trains import neo_trains

    spikes = poisson(0.1, 4, 1000.0, 6)
    twice = trains(*spikes.trains(), spikes.trains()[0], [], stop=1000.0)
    found = analysis.correlation(twice, width=5.0)
    assert found[0, 4] == pytest.approx(1.0)
    assert np.isnan(found[5]).all()
    theirs = correlation.correlation_coefficient(
        conversion.BinnedSpikeTrain(neo_trains(spikes), bin_size=5 * pq.ms, tolerance=None)
    )
    assert found[:4, :4] == pytest.approx(theirs, abs=1e-12)


def test_synchrony_is_one_for_copies_and_root_n_for_independent_units():
    times = np.cumsum(np.random.default_rng(7).exponential(5.0, 200))
    assert analysis.synchrony(trains(times, times, times, stop=1200.0), width=3.0) == pytest.approx(1.0)
    free = poisson(0.2, 100, 20_000.0, 8)
    assert analysis.synchrony(free, width=10.0) == pytest.approx(0.1, rel=0.1)
    assert math.isnan(analysis.synchrony(trains([], [], stop=10.0), width=1.0))
    with pytest.raises(ValueError, match=r"a correlation needs two bins; 10 holds fewer of width 6\.0"):
        analysis.synchrony(trains([1.0], [2.0], stop=10.0), width=6.0)


def test_contrast_and_tiling_are_one_for_copies():
    pytest.importorskip("elephant")
    times = np.cumsum(np.random.default_rng(9).uniform(20.0, 80.0, 40))
    same = trains(times, times, times, stop=times[-1] + 20)
    assert analysis.spike_contrast(same) == pytest.approx(1.0)
    assert analysis.spike_contrast(poisson(0.02, 3, 2000.0, 10)) < 0.6
    tiling = analysis.spike_time_tiling(trains(times, times, [], stop=times[-1] + 20), width=2.0)
    assert tiling[0, 1] == tiling[0, 0] == 1.0
    assert np.isnan(tiling[2]).all()
    free = analysis.spike_time_tiling(poisson(0.02, 2, 50_000.0, 11), width=5.0)
    assert abs(free[0, 1]) < 0.1
    with pytest.raises(ValueError, match="fewer than two of 'spikes' spike"):
        analysis.spike_contrast(trains([1.0], [], stop=10.0))


def test_a_correlogram_of_two_intervals_or_longer_than_the_run_is_refused():
    one, other = trains([1.0], stop=10.0), trains([1.0], stop=11.0)
    with pytest.raises(ValueError, match="a correlogram is of one interval of time; 'spikes' has 0 to 10 ms"):
        analysis.cross_correlogram(one, other, longest=1.0)
    with pytest.raises(ValueError, match=r"longest must be positive and less than 10, got 50\.0"):
        analysis.cross_correlogram(one)
    with pytest.raises(ValueError, match="kind must be 'rate' or 'count', got 'hertz'"):
        analysis.cross_correlogram(one, longest=1.0, kind="hertz")


# regularity


def test_local_variation_of_regular_and_alternating_intervals():
    pytest.importorskip("elephant")
    regular = np.arange(1, 30, dtype=float)
    alternating = np.cumsum(np.tile([1.0, 3.0], 15))
    spikes = trains(regular, alternating, [1.0, 2.0], stop=100.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cv2, lv, lvr = (analysis.local_cv(spikes, measure=each) for each in ("cv2", "lv", "lvr"))
    assert cv2[:2] == pytest.approx([0.0, 1.0])  # 2 |1 - 3| / (1 + 3)
    assert lv[:2] == pytest.approx([0.0, 0.75])  # 3 (1 - 3)^2 / (1 + 3)^2
    assert lvr[:2] == pytest.approx([0.0, 0.75 * (1 + 4 * 5.0 / 4)])
    assert np.isnan([cv2[2], lv[2], lvr[2]]).all()
    with pytest.raises(ValueError, match="measure must be 'cv2', 'lv' or 'lvr', got 'cv3'"):
        analysis.local_cv(spikes, measure="cv3")
    with pytest.raises(ValueError, match=r"refractory must be finite and 0 or more, got -1"):
        analysis.local_cv(spikes, measure="lvr", refractory=-1)


def test_local_variation_does_not_mind_a_slow_rate():
    pytest.importorskip("elephant")
    rng = np.random.default_rng(12)
    steps = rng.exponential(size=4000) * np.linspace(1, 20, 4000)
    spikes = trains(np.cumsum(steps), stop=float(steps.sum()) + 1)
    assert analysis.cv(spikes)[0] > 1.1
    assert analysis.local_cv(spikes)[0] == pytest.approx(1.0, abs=0.05)
    assert analysis.local_cv(spikes, measure="lv")[0] == pytest.approx(1.0, abs=0.05)


# distances


def test_the_van_rossum_distance_has_its_closed_form():
    pytest.importorskip("elephant")
    tau, apart = 7.0, 3.0
    found = analysis.van_rossum(trains([10.0], [10.0 + apart], [], [10.0], stop=50.0), tau=tau)
    expected = math.sqrt(2 * (1 - math.exp(-apart / tau)))  # of two spikes
    assert found[0].tolist() == pytest.approx([0.0, expected, 1.0, 0.0])
    assert found == pytest.approx(found.T)
    # against the integral itself
    a, b = np.array([5.0, 9.0, 30.0]), np.array([6.0, 25.0])
    step = 1e-3
    t = np.arange(0, 200, step) + step / 2
    filtered = [
        sum(np.where(t >= each, np.exp(-np.maximum(t - each, 0) / tau), 0.0) for each in train)
        for train in (a, b)
    ]
    integral = math.sqrt(((filtered[0] - filtered[1]) ** 2).sum() * step * 2 / tau)
    assert analysis.van_rossum(trains(a, b, stop=50.0), tau=tau)[0, 1] == pytest.approx(integral, rel=1e-3)
    counts = analysis.van_rossum(trains(a, b, [], stop=50.0), tau=math.inf)
    assert counts.tolist() == [[0, 1, 3], [1, 0, 2], [3, 2, 0]]


def test_the_victor_purpura_distance_has_its_closed_form():
    pytest.importorskip("elephant")
    spikes = trains([10.0], [13.0], [], [10.0, 40.0], stop=50.0)
    found = analysis.victor_purpura(spikes, cost=0.1)
    assert found[0].tolist() == pytest.approx([0.0, 0.3, 1.0, 1.0])
    assert found[1, 3] == pytest.approx(1.3)
    assert analysis.victor_purpura(spikes, cost=10.0)[0, 1] == pytest.approx(2.0)  # removed and added
    assert analysis.victor_purpura(spikes, cost=0.0)[3].tolist() == pytest.approx([1.0, 1.0, 2.0, 0.0])


def test_the_victor_purpura_distance_is_that_of_the_plain_recursion():
    pytest.importorskip("elephant")
    rng = np.random.default_rng(13)
    a, b = np.sort(rng.uniform(0, 100, 12)), np.sort(rng.uniform(0, 100, 9))
    for cost in (0.02, 0.3):
        table = np.zeros((13, 10))
        table[:, 0], table[0] = np.arange(13), np.arange(10)
        for i in range(1, 13):
            for j in range(1, 10):
                moved = table[i - 1, j - 1] + cost * abs(a[i - 1] - b[j - 1])
                table[i, j] = min(table[i - 1, j] + 1, table[i, j - 1] + 1, moved)
        found = analysis.victor_purpura(trains(a, stop=100.0), trains(b, stop=100.0), cost=cost)
        assert found.shape == (1, 1)
        assert found[0, 0] == pytest.approx(table[-1, -1], rel=1e-12)


def test_distances_are_refused_for_wrong_settings():
    one = trains([1.0], stop=10.0)
    with pytest.raises(ValueError, match="tau must be positive, got 0"):
        analysis.van_rossum(one, tau=0)
    with pytest.raises(ValueError, match="cost must be finite and 0 or more, got -1"):
        analysis.victor_purpura(one, cost=-1)
    with pytest.raises(ValueError, match="'spikes' is in ms, 'spikes' in us; distances need one time unit"):
        analysis.van_rossum(one, trains([1.0], stop=10.0, time_unit="us"), tau=1.0)
    with pytest.raises(TypeError, match=r"distances are of what select\(\) returns"):
        analysis.van_rossum(Spikes(np.empty(0), np.empty(0, np.int64)), tau=1.0)


def test_without_elephant_the_message_says_what_to_install(monkeypatch):
    import sys

    for name in ("elephant", "elephant.statistics", "elephant.spike_train_dissimilarity"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r"computed by Elephant.*pip install 'eventsim\[analysis\]'"):
        analysis.van_rossum(trains([1.0], stop=10.0), tau=1.0)


# latencies


def test_latencies_are_those_of_the_first_spike_after_each_onset():
    spikes = trains([1.0, 3.0, 21.0], [11.5, 20.0], stop=30.0)
    inf = math.inf
    assert analysis.latencies(spikes, [0.0, 10.0, 20.0]).tolist() == [[1.0, inf], [inf, 1.5], [1.0, 0.0]]
    assert analysis.latencies(spikes, [2.0]).tolist() == [[1.0, 9.5]]
    assert analysis.latencies(spikes, [0.0, 10.0], longest=1.2).tolist() == [[1.0, inf], [inf, inf]]
    with pytest.raises(ValueError, match=r"onsets must be finite and increase, got \[2\. 1\.\]"):
        analysis.latencies(spikes, [2.0, 1.0])
    with pytest.raises(TypeError, match="onsets are needed for one run"):
        analysis.latencies(spikes)


def test_latencies_of_samples_are_their_first_spikes():
    many = es.SpikeTrains.of([([1.0, 2.0], [0, 1]), ([0.5, 3.0], [1, 1])], 2, "x")
    assert analysis.latencies(many).tolist() == many.first_spikes().tolist()
    assert analysis.latencies(many, 0.8).ravel() == pytest.approx([0.2, 1.2, math.inf, 2.2])


# arrays


def test_the_angle_of_arrays():
    assert analysis.alignment_angle([[1.0, 0.0]], [[0.0, 2.0]]) == 90.0
    assert analysis.alignment_angle([1.0, 2.0], [-2.0, -4.0]) == pytest.approx(180.0)
    small = math.degrees(analysis_angle := 1e-9)
    assert analysis.alignment_angle([1.0, 0.0], [math.cos(analysis_angle), math.sin(analysis_angle)]) == (
        pytest.approx(small, rel=1e-6)  # the arc cosine would give 0
    )
    a, b = np.random.default_rng(14).normal(size=(2, 5, 3, 4))
    each = analysis.alignment_angle(a, b, axis=(1, 2))
    cosines = [(x * y).sum() / np.linalg.norm(x) / np.linalg.norm(y) for x, y in zip(a, b, strict=True)]
    assert each == pytest.approx(np.degrees(np.arccos(cosines)), rel=1e-9)
    assert math.isnan(analysis.alignment_angle([0.0, 0.0], [1.0, 0.0]))
    with pytest.raises(ValueError, match=r"arrays of one shape, got \(2,\) and \(3,\)"):
        analysis.alignment_angle([1, 2], [1, 2, 3])


def test_statistics_of_values():
    values = np.random.default_rng(15).gamma(2.0, size=20_000)
    found = analysis.statistics(np.append(values, [np.inf, 0.0, 0.0]))
    assert (found.n, found.zeros, found.not_finite) == (20_002, 2, 1)
    assert found.mean == pytest.approx(2.0, rel=0.02)
    assert found.sd == pytest.approx(math.sqrt(2.0), rel=0.02)
    assert found.skewness == pytest.approx(2 / math.sqrt(2.0), rel=0.1)
    assert found.kurtosis == pytest.approx(3.0, rel=0.25)
    few = analysis.statistics([4.0])
    assert (few.mean, few.median, few.n) == (4.0, 4.0, 1)
    assert math.isnan(few.sd)
    assert math.isnan(analysis.statistics([]).mean)
    assert math.isnan(analysis.statistics([2.0, 2.0]).skewness)


def test_statistics_of_a_projection(simulated, tmp_path):
    found = analysis.connection_statistics(simulated, "noise->cells")
    pre, post, weight, _ = simulated.weights("noise->cells")
    assert found["weight"].n == len(weight) == found["delay"].n
    assert found["delay"].maximum == found["delay"].minimum == 1.5
    assert found["indegree"].mean == pytest.approx(len(weight) / 4)
    assert found["outdegree"].maximum == np.bincount(pre).max()
    table = np.zeros((5, 4))
    table[pre, post] = weight
    trace = Trace(parameters={"weight/a->b": table, "delay/a->b": np.full((5, 4), 2.0)})
    es.io.save(trace, tmp_path / "run.h5")
    kept = analysis.connection_statistics(tmp_path / "run.h5", "a->b")
    assert kept["indegree"] == found["indegree"]
    assert kept["weight"].zeros == 20 - len(weight)
    assert kept["delay"].mean == 2.0
    with pytest.raises(UnknownPart, match="no weights of 'a->c' here; known: a->b"):
        analysis.connection_statistics(trace, "a->c")
    with pytest.raises(TypeError, match="weights are of a Simulation, a Trace or a file, got int"):
        analysis.connection_statistics(3, "a->b")


# plots


@pytest.fixture
def ax():
    from matplotlib.figure import Figure

    return Figure().subplots()


PLOTS = {
    "plot_rates": lambda cells, sim, ax: analysis.plot_rates(cells, ax),
    "plot_isi": lambda cells, sim, ax: analysis.plot_isi(cells, ax),
    "plot_isi-log": lambda cells, sim, ax: analysis.plot_isi(cells, ax, logarithmic=True),
    "plot_cv": lambda cells, sim, ax: analysis.plot_cv(cells, ax, min_intervals=2),
    "plot_cross_correlogram": lambda cells, sim, ax: analysis.plot_cross_correlogram(cells, None, ax),
    "plot_correlation": lambda cells, sim, ax: analysis.plot_correlation(cells, ax, width=10.0),
    "plot_synchrony": lambda cells, sim, ax: analysis.plot_synchrony(cells, ax, widths=[2.0, 10.0]),
    "plot_latencies": lambda cells, sim, ax: analysis.plot_latencies(
        analysis.latencies(cells, [0.0, 100.0]), ax
    ),
    "plot_angles": lambda cells, sim, ax: analysis.plot_angles({"layer 1": [80.0, 40.0]}, ax),
    "plot_weights": lambda cells, sim, ax: analysis.plot_weights(sim, "noise->cells", ax),
    "plot_delays": lambda cells, sim, ax: analysis.plot_delays(sim, "noise->cells", ax),
}


@pytest.mark.parametrize("name", PLOTS)
def test_each_measure_has_a_plot_on_the_axis_that_is_given(name, simulated, ax):
    found = PLOTS[name](analysis.select(simulated, "cells"), simulated, ax)
    assert found is ax
    assert ax.get_xlabel()
    assert ax.get_ylabel()
    assert ax.patches or ax.lines or ax.images
    ax.figure.canvas.draw()


@pytest.mark.parametrize("name", [name for name in PLOTS if "weights" not in name and "delays" not in name])
def test_plots_of_silent_units_are_empty_and_no_error(name, simulated, ax):
    nothing = trains([], [], stop=200.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        assert PLOTS[name](nothing, simulated, ax) is ax


def test_plots_of_elephants_measures(simulated, ax):
    pytest.importorskip("elephant")
    cells = analysis.select(simulated, "cells")
    analysis.plot_distances(cells, ax, tau=10.0)
    assert ax.images[0].get_array().shape == (4, 4)
    analysis.plot_cv(cells, ax, measure="lv", min_intervals=2)
    assert ax.get_xlabel() == "LV of intervals"
    with pytest.raises(ValueError, match="give tau \\(van Rossum\\) or cost"):
        analysis.plot_distances(cells, ax)


def test_the_bars_of_the_rates_are_the_rates(simulated, ax):
    cells = analysis.select(simulated, "cells")
    analysis.plot_rates(cells, ax)
    assert sum(bar.get_height() for bar in ax.patches) == 4
    assert ax.get_xlabel() == "rate (Hz)"
