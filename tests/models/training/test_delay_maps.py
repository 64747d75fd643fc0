"""Delay maps: values by hand, slopes by differences, sharing against loops, messages."""

import math

import numpy as np
import pytest

from eventsim.models.training.parametrisations import Clip, Shift, Sigmoid

MAPS = [Sigmoid(), Sigmoid(1.5, 2.0), Clip(), Shift()]


def test_the_sigmoid_is_the_published_one():
    p = np.array([[-1.3, 0.0, 2.2]])
    expected = [2 + 1.5 / (1 + math.exp(-x)) for x in p[0]]
    assert Sigmoid(scale=1.5, shift=2.0).value(p)[0] == pytest.approx(expected, rel=1e-14)
    assert Sigmoid().value(np.array([-800.0, 800.0])).tolist() == [0.0, 1.0]


@pytest.mark.parametrize("delay_map", MAPS)
def test_slopes_are_central_differences_and_the_inverse_leads_back(delay_map):
    p = np.random.default_rng(1).uniform(0.1, 2.0, (3, 4))
    step = 1e-6
    difference = (delay_map.value(p + step) - delay_map.value(p - step)) / (2 * step)
    assert delay_map.slope(p) == pytest.approx(difference, rel=1e-8)
    assert delay_map.inverse(delay_map.value(p)) == pytest.approx(p, rel=1e-12)
    delays = delay_map.value(p)
    assert not np.shares_memory(delay_map.inverse(delays), delays)


def test_after_a_step_no_delay_is_negative():
    p = np.array([[0.5, -0.2], [-0.4, 0.1]])
    clipped, shifted = p.copy(), p.copy()
    Clip().settle(clipped)
    Shift().settle(shifted)
    assert clipped.tolist() == [[0.5, 0.0], [0.0, 0.1]]
    assert shifted == pytest.approx(p + 0.4)
    again = shifted.copy()
    Shift().settle(again)
    assert np.array_equal(again, shifted)
    Sigmoid().settle(p)
    assert p[0, 1] == -0.2
    assert (Sigmoid().value(p) > 0).all()


@pytest.mark.parametrize("tied", [(2, 1), (1, 3), (3, 2)])
def test_tied_delays_are_tiled_and_their_gradients_summed(tied):
    rng = np.random.default_rng(2)
    delay_map = Sigmoid(tied=tied)
    p = rng.normal(0, 1, (2, 3))
    delays = delay_map.value(p)
    assert delays.shape == (2 * tied[0], 3 * tied[1])
    for k in range(delays.shape[0]):
        for j in range(delays.shape[1]):
            assert delays[k, j] == Sigmoid().value(p)[k % 2, j % 3]
    error = rng.normal(0, 1, delays.shape)
    difference = np.empty_like(p)
    for at in np.ndindex(p.shape):
        shift = np.zeros_like(p)
        shift[at] = 1e-6
        difference[at] = ((delay_map.value(p + shift) - delay_map.value(p - shift)) * error).sum() / 2e-6
    assert delay_map.gradient(p, error) == pytest.approx(difference, rel=1e-7)
    assert delay_map.inverse(delays) == pytest.approx(p, rel=1e-12)


def test_impossible_maps_and_delays_are_refused():
    with pytest.raises(ValueError, match=r"delays must lie between 2 and 3.5 .* got 1.0; choose scale"):
        Sigmoid(1.5, 2.0).inverse([1.0, 2.5])
    with pytest.raises(ValueError, match=r"delays must not be negative, got -0.1"):
        Clip().inverse([0.3, -0.1])
    with pytest.raises(ValueError, match=r"scale must be positive, got 0"):
        Sigmoid(0)
    with pytest.raises(ValueError, match=r"shift must be finite and at least 0, got -1"):
        Sigmoid(shift=-1)
    with pytest.raises(ValueError, match=r"tied must be two whole numbers, at least 1, got \(0, 1\)"):
        Clip(tied=(0, 1))
    with pytest.raises(ValueError, match=r"tied=\(2, 1\) needs delays of a shape .* got shape \(3, 4\)"):
        Clip(tied=(2, 1)).inverse(np.ones((3, 4)))
    with pytest.raises(ValueError, match=r"delays that repeat every 2 sources and every 2 targets"):
        Clip(tied=(2, 1)).inverse(np.arange(8.0).reshape(4, 2))


def test_the_argument_of_the_version_before_is_taken():
    with pytest.warns(DeprecationWarning, match="'share' is called 'tied' now"):
        assert Sigmoid(2.0, share=(2, 1)) == Sigmoid(2.0, tied=(2, 1))
    with pytest.warns(DeprecationWarning, match="'tied' now"):
        assert Clip(tied=(1, 3)).share == (1, 3)
