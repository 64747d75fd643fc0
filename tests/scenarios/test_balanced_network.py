"""Metrics of the balanced network, against plain loops; its spikes and its state become visible together."""

import shutil

import numpy as np
import pytest

from eventsim import io
from eventsim.scenarios.balanced_network import BalancedNetwork
from eventsim.scenarios.balanced_network.statistics import interval_statistics
from eventsim.scenarios.running import Request, execute


@pytest.mark.parametrize("piece", [1, 7, 1000])
def test_interval_statistics_equal_those_of_a_plain_loop(piece):
    rng = np.random.default_rng(0)
    times, units = np.sort(rng.uniform(0, 100, 200)), rng.integers(0, 12, 200)
    units[units == 5] = 4  # unit 5 is silent
    pieces = [(times[k : k + piece], units[k : k + piece]) for k in range(0, 200, piece)]
    counts, cv = interval_statistics(pieces, 13, start=20.0, min_intervals=12)
    for unit in range(13):
        own = times[units == unit]
        assert counts[unit] == len(own)
        own = own[own >= 20.0]
        if len(own) < 13:
            assert np.isnan(cv[unit])
        else:
            assert cv[unit] == pytest.approx(np.diff(own).std() / np.diff(own).mean(), rel=1e-9)


def test_no_spikes_have_no_statistics():
    counts, cv = interval_statistics([], 3)
    assert counts.tolist() == [0, 0, 0]
    assert np.isnan(cv).all()


def test_regular_spikes_have_no_variation():
    counts, cv = interval_statistics([(np.arange(50) * 20.0, np.zeros(50, np.int64))], 1)
    assert counts.tolist() == [50]
    assert cv[0] == pytest.approx(0.0, abs=1e-6)  # a difference of squares, so the root of rounding


def test_too_few_intervals_or_the_start_alone_give_no_variation():
    times = np.arange(50) * 2.0  # all in the warm-up
    assert np.isnan(interval_statistics([(times, np.zeros(50, np.int64))], 1)[1][0])
    late = 100.0 + np.arange(11.0)
    assert np.isfinite(interval_statistics([(late, np.zeros(11, np.int64))], 1)[1][0])
    assert np.isnan(interval_statistics([(late[:10], np.zeros(10, np.int64))], 1)[1][0])


def test_the_irregularity_says_how_many_neurons_it_is_of(tmp_path):
    for duration, some in ((120.0, False), (600.0, True)):
        path = tmp_path / f"{duration}.h5"
        execute(Request(name="balanced-network", values={"duration": duration}, output=path, quiet=True))
        metrics = io.load(path, recordings=False).metrics
        assert ("cv_isi" in metrics) == some == (metrics["cv_isi_neurons"] > 0)


def test_presets_keep_the_shares_of_the_benchmark():
    for values in BalancedNetwork.presets.values():
        chosen = BalancedNetwork(**values)
        assert chosen.n_excitatory == 4 * chosen.n_inhibitory
        assert chosen.k_excitatory == 4 * chosen.k_inhibitory
        assert (chosen.rate_external == 0) == (chosen.i_ext > 0)


@pytest.mark.parametrize("duration", [40.0, 47.0])
def test_a_run_killed_while_it_measures_goes_on_to_the_same_spikes(duration, tmp_path, monkeypatch):
    whole, killed = tmp_path / "whole.h5", tmp_path / "killed.h5"
    measure = BalancedNetwork._measure

    def watched(scenario, run):
        if not killed.exists():
            shutil.copy(run.file.path, killed)  # what a reader would find if the run were killed here
        measure(scenario, run)

    monkeypatch.setattr(BalancedNetwork, "_measure", watched)
    values = {"duration": duration}
    execute(Request(name="balanced-network", values=values, seed=4, output=whole, quiet=True))
    execute(Request(name="balanced-network", output=killed, resume=True, quiet=True))
    wanted, found = io.load(whole), io.load(killed)
    assert len(wanted.spikes["excitatory"].times) > 100
    for name, spikes in wanted.spikes.items():
        np.testing.assert_array_equal(found.spikes[name].times, spikes.times)
        np.testing.assert_array_equal(found.spikes[name].units, spikes.units)
    assert found.metrics == wanted.metrics
