"""Figures of the balanced network, against plain loops."""

import numpy as np
import pytest

from eventsim.scenarios.balanced_network import BalancedNetwork, interval_statistics


@pytest.mark.parametrize("piece", [1, 7, 1000])
def test_interval_statistics_equal_those_of_a_plain_loop(piece):
    rng = np.random.default_rng(0)
    times, units = np.sort(rng.uniform(0, 100, 200)), rng.integers(0, 12, 200)
    units[units == 5] = 4  # unit 5 is silent
    pieces = [(times[k : k + piece], units[k : k + piece]) for k in range(0, 200, piece)]
    counts, cv = interval_statistics(pieces, 13)
    for unit in range(13):
        own = times[units == unit]
        assert counts[unit] == len(own)
        if len(own) < 3:
            assert np.isnan(cv[unit])
        else:
            assert cv[unit] == pytest.approx(np.diff(own).std() / np.diff(own).mean(), rel=1e-9)


def test_no_spikes_have_no_statistics():
    counts, cv = interval_statistics([], 3)
    assert counts.tolist() == [0, 0, 0]
    assert np.isnan(cv).all()


def test_regular_spikes_have_no_variation():
    counts, cv = interval_statistics([(np.arange(50) * 2.0, np.zeros(50, np.int64))], 1)
    assert counts.tolist() == [50]
    assert cv[0] == pytest.approx(0.0, abs=1e-6)  # a difference of squares, so the root of rounding


def test_presets_keep_the_shares_of_the_benchmark():
    for values in BalancedNetwork.presets.values():
        chosen = BalancedNetwork(**values)
        assert chosen.n_excitatory == 4 * chosen.n_inhibitory
        assert chosen.k_excitatory == 4 * chosen.k_inhibitory
        assert (chosen.rate_external == 0) == (chosen.i_ext > 0)
