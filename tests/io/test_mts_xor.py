"""Multi-time-scale XOR has the rates, windows and labels of its description."""

import numpy as np
import pytest

from eventsim.io import datasets

N = 4000
FAR = 4.0  # standard errors


@pytest.fixture(scope="module")
def samples():
    return datasets.mts_xor(N, seed=3)


def within(spikes, probability):
    """Whether a mean of spikes is that of a probability, within four standard errors."""
    return abs(spikes.mean() - probability) <= FAR * np.sqrt(probability * (1 - probability) / spikes.size)


@pytest.mark.parametrize(("bit", "rate"), [(0, 0.2), (1, 0.6)])
def test_rates_of_both_channels_follow_their_bits(samples, bit, rate):
    coded = 1 - (1 - rate) * (1 - 0.01)  # background is there as well
    assert within(samples.spikes[samples.a == bit, :10, :20], coded)
    for window in range(6):
        first = 15 + 15 * window
        assert within(samples.spikes[samples.b[:, window] == bit, first : first + 10, 20:], coded)


def test_everywhere_else_there_is_background_only(samples):
    silent = np.concatenate([np.arange(10, 15) + 15 * window for window in range(6)])
    assert within(samples.spikes[:, 10:, :20], 0.01)
    assert within(samples.spikes[:, :15, 20:], 0.01)
    assert within(samples.spikes[:, silent, 20:], 0.01)


def test_bits_and_labels_are_as_often_one_as_zero(samples):
    assert within(samples.a, 0.5)
    assert within(samples.b, 0.5)
    assert within(samples.labels[:, 10::15], 0.5)


def test_labels_are_the_xor_of_the_two_bits_in_all_steps_of_a_window(samples):
    assert (samples.labels[:, :10] == 0).all()
    expected = np.repeat(samples.a[:, None] ^ samples.b, 15, axis=1)
    np.testing.assert_array_equal(samples.labels[:, 10:], expected)


def test_sixty_steps_are_scored_those_in_which_b_is_active():
    scored = np.flatnonzero(datasets.mts_xor_scored())
    assert len(scored) == 60
    np.testing.assert_array_equal(scored.reshape(6, 10), 15 + 15 * np.arange(6)[:, None] + np.arange(10))


@pytest.mark.parametrize("noise", [0.0, 0.25])
def test_noise_sets_the_background(noise):
    spikes = datasets.mts_xor(500, seed=1, noise=noise).spikes
    assert within(spikes[:, 10:, :20], noise)


def test_a_seed_gives_the_same_samples_and_another_seed_others():
    one, same, other = (datasets.mts_xor(50, seed=seed).spikes for seed in (5, 5, 6))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


@pytest.mark.parametrize(("size", "noise"), [(-1, 0.1), (5, -0.1), (5, 1.5), (5, float("nan"))])
def test_sizes_and_noise_out_of_range_are_refused(size, noise):
    with pytest.raises(ValueError, match=r"size must be 0 or more|noise must be from 0 to 1"):
        datasets.mts_xor(size, noise=noise)
