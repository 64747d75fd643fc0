"""Values as spike times."""

import math

import numpy as np
import pytest

from eventsim.models.inputs.encoding import bias, latency, noisy


def test_values_map_linearly_to_times():
    assert latency([0.0, 1.0]) == pytest.approx([0.15, 2.0], abs=0)
    values = np.random.default_rng(1).random((100, 2))
    times = latency(np.hstack([values, 1 - values]))
    assert times.min() >= 0.15
    assert times.max() <= 2.0
    assert times[:, :2] + times[:, 2:] == pytest.approx(2.15, abs=1e-15)


def test_the_latest_value_may_be_silent():
    assert latency([0.5, 1.0], 0.0, 4.0, silent_latest=True).tolist() == [2.0, math.inf]


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan])
def test_values_outside_the_range_are_refused(value):
    with pytest.raises(ValueError, match=r"must lie between 0 and 1, got"):
        latency([0.5, value])


def test_late_must_follow_early():
    with pytest.raises(ValueError, match=r"late must be after early = 2.0, got 1.0"):
        latency([0.5], 2.0, 1.0)


def test_noise_moves_times_and_reflects_them_at_zero():
    times = np.full(200_000, 0.2)
    moved = noisy(times, 0.3, np.random.default_rng(1))
    assert moved.min() >= 0
    # The second moment of a reflected normal is that of the normal itself.
    assert np.mean(moved**2) == pytest.approx(0.2**2 + 0.3**2, rel=0.01)
    assert np.array_equal(times, np.full(200_000, 0.2))


def test_noise_repeats_and_leaves_absent_spikes_absent():
    times = np.array([0.2, math.inf, 1.0])
    a, b = (noisy(times, 0.3, np.random.default_rng(2)) for _ in range(2))
    assert np.array_equal(a, b)
    assert a[1] == math.inf
    assert np.array_equal(noisy(times, 0.0, np.random.default_rng(2)), times)


def test_a_bias_is_one_row_for_all_samples():
    assert bias(0.9, 3).tolist() == [[0.9, 0.9, 0.9]]
