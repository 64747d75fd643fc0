"""The peristimulus time histogram against loops over spikes, and against closed forms of Poisson sources."""

import numpy as np
import pytest

import eventsim as es
from eventsim import analysis
from eventsim.spike_trains import SpikeTrains
from eventsim.trace import Spikes

RNG = np.random.default_rng(5)


def by_loops(trials, n, start, stop, width):
    """Count one spike after the other; times and bins are multiples of 1/64, so nothing is rounded."""
    n_bins = int((stop - start) / width)
    counted = np.zeros(n_bins)
    for times in trials:
        for time in times:
            k = int(np.floor((time - start) / width))
            if 0 <= k < n_bins:
                counted[k] += 1
    return counted / (n * len(trials) * width) * 1000.0


@pytest.mark.parametrize(("start", "stop", "width"), [(0.0, 16.0, 2.0), (-4.0, 16.0, 1.0), (1.5, 9.0, 2.0)])
def test_samples_and_onsets_are_counted_as_loops_do(start, stop, width):
    n, samples = 3, []
    for _ in range(7):
        times = np.sort(RNG.integers(0, 20 * 64, 40) / 64)
        samples.append((times, RNG.integers(0, n, 40)))
    expected = by_loops([each[0] for each in samples], n, start, stop, width)
    centres, rates = analysis.psth(SpikeTrains.of(samples, n, "x"), stop, width=width, start=start)
    np.testing.assert_allclose(rates, expected, rtol=1e-14)
    np.testing.assert_allclose(centres, start + width * (np.arange(len(expected)) + 0.5), rtol=0)

    onsets = 64.0 * np.arange(7) + 8.0  # the same samples one after another, far apart
    times = np.concatenate([onset + each[0] for onset, each in zip(onsets, samples, strict=True)])
    units = np.concatenate([each[1] for each in samples])
    run = analysis.select((times, units), n=n, stop=500.0)
    np.testing.assert_allclose(
        analysis.psth(run, stop, width=width, start=start, onsets=onsets)[1], expected, rtol=1e-14
    )


def test_a_spike_counts_for_every_onset_that_it_lies_within():
    spikes = Spikes(np.array([5.0]), np.array([0]))
    _, rates = analysis.psth(spikes, 8.0, width=4.0, onsets=[0.0, 4.0], n=1)
    assert rates.tolist() == [125.0, 125.0]


def test_trials_of_a_source_give_its_rate():
    net = es.Network(seed=1)
    net.add("source", es.models.PoissonRates(times=[0.0, 50.0], rates=[100.0, 20.0]), 50)
    trials = es.Simulation(net).trials(40, until=100.0)
    _, rates = analysis.psth(trials.spikes("source"), 100.0, width=50.0)
    for found, true in zip(rates, [100.0, 20.0], strict=True):
        assert abs(found - true) < 5 * np.sqrt(true / (40 * 50 * 0.05))  # of 40 trials, 50 units, 0.05 s


def test_records_of_trials_are_selected_by_name():
    net = es.Network(seed=1)
    net.add("source", es.models.Poisson(rate=100.0), 4)
    trials = es.Simulation(net).trials(3, until=50.0)
    one = analysis.select(trials, "source", sample=1)
    assert (one.n, one.stop, one.name) == (4, 50.0, "source")
    assert np.array_equal(one.times, trials.spikes("source")[1].times)
    assert analysis.select(trials, units=2).n == 3  # unit 2 in all trials
    with pytest.raises(ValueError, match="there are 3 samples; choose one"):
        analysis.select(trials, "source")
    with pytest.raises(KeyError, match="did you mean 'source'"):
        analysis.select(trials, "sourc")


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda s: analysis.psth(s, 5.0, n=2), "onsets must say when stimuli begin"),
        (lambda s: analysis.psth(s, 5.0, n=2, onsets=[]), "got 2 units and 0 repetitions"),
        (lambda s: analysis.psth(s, 5.0, n=2, onsets=[np.nan]), "onsets must be finite, got nan"),
        (
            lambda s: analysis.psth(s, 0.0, n=2, onsets=0.0),
            "stop must be a bin of 1.0 behind start = 0.0, got 0.0",
        ),
        (lambda s: analysis.psth(s, 5.0, n=2, onsets=0.0, width=0.0), "width of bins must be positive"),
        (lambda s: analysis.psth(3, 5.0, onsets=0.0), "a measure is of Spikes"),
        (lambda s: analysis.psth(s, 5.0, bin_size=1.0), "did you mean 'width'?"),  # type: ignore[call-arg]
        (lambda s: analysis.rates(es.Simulation(es.Network()), "cells"), r"select\(..., population\) takes"),
        (lambda s: analysis.rates(SpikeTrains.of([s], 2, "x"), 2, 5.0), r"select\(..., population\) takes"),
        (lambda s: es.io.plots.raster(es.trace.Trace()), r"select\(..., population\) takes"),
        (lambda s: es.io.plots.rate(s), "duration is needed"),
    ],
)
def test_what_makes_no_histogram_is_said_in_one_line(call, says):
    with pytest.raises((TypeError, ValueError), match=says) as caught:
        call(Spikes(np.array([1.0, 2.0]), np.array([0, 1])))
    assert "\n" not in str(caught.value)


def test_the_plot_shows_the_rates_and_the_onset():
    spikes = analysis.select(([1.0, 5.0], [0, 0]), n=1, stop=20.0)
    ax = analysis.plot_psth(spikes, 4.0, width=2.0, onsets=[2.0, 4.0], start=-4.0)
    values, edges, _ = ax.patches[0].get_data()
    assert edges.tolist() == [-4.0, -2.0, 0.0, 2.0, 4.0]
    np.testing.assert_allclose(
        values, analysis.psth(spikes, 4.0, width=2.0, onsets=[2.0, 4.0], start=-4.0)[1]
    )
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time since onset (ms)", "rate per unit (Hz)")
    assert [line.get_xdata()[0] for line in ax.lines] == [0.0]


def test_plots_take_what_select_returns():
    spikes = analysis.select(([1.0, 5.0], [0, 2]), n=4, start=0.5, stop=20.0, time_unit="s")
    ax = es.io.plots.raster(spikes)
    assert ax.get_xlim() == (0.5, 20.0)
    assert ax.get_ylim()[1] > 3.0
    assert ax.get_xlabel() == "time (s)"
    assert es.io.plots.rate(spikes, width=5.0).get_xlim() == (0.5, 20.0)


def test_spikes_are_chosen_by_slices_and_masks():
    spikes = Spikes(np.array([1.0, 2.0, 4.0]), np.array([0, 1, 0]))
    assert spikes[1:].units.tolist() == [1, 0]
    assert spikes[spikes.units == 0].times.tolist() == [1.0, 4.0]
    assert np.ndim(spikes) == 0
    assert np.array([spikes, spikes]).shape == (2,)
    with pytest.raises(TypeError, match=r"spike k is spikes.times\[k\]"):
        spikes[0]
    with pytest.raises(TypeError, match=r"zip\(spikes.times, spikes.units\)"):
        list(spikes)
