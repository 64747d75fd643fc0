"""Time constants of the layers of a temporal hierarchy: their order, their values, their spread."""

import numpy as np
import pytest

from eventsim.models.layers import LIF
from eventsim.scenarios.temporal_hierarchy import time_constants as tc


def test_tanh_gives_the_published_values():
    means = tc.layer_means("tanh", 5, 0.1, 0.15)
    expected = [0.025, 0.054491789986, 0.1, 0.145508210014, 0.175]
    np.testing.assert_allclose(means, expected, atol=1e-12, rtol=0)


def test_two_layers_have_the_two_ends():
    np.testing.assert_allclose(tc.layer_means("tanh", 2, 300.0, 400.0), [100.0, 500.0])
    np.testing.assert_allclose(tc.layer_means("tanh", 2, 300.0, -400.0), [500.0, 100.0])
    np.testing.assert_allclose(tc.layer_means("tanh", 2, 300.0, 0.0), [300.0, 300.0])


def test_linear_is_a_line_that_stops_at_zero():
    np.testing.assert_allclose(tc.layer_means("linear", 3, 100.0, 100.0), [50.0, 100.0, 150.0])
    np.testing.assert_allclose(tc.layer_means("linear", 3, 100.0, 300.0), [0.0, 125.0, 250.0])


@pytest.mark.parametrize("hierarchy", ["none", "linear", "tanh"])
def test_a_single_layer_has_the_mean(hierarchy):
    np.testing.assert_array_equal(tc.layer_means(hierarchy, 1, 100.0, 150.0), [100.0])


def test_without_hierarchy_all_layers_have_the_mean():
    np.testing.assert_array_equal(tc.layer_means("none", 4, 100.0, 150.0), [100.0] * 4)


def test_an_inverted_hierarchy_is_the_hierarchy_backwards():
    rising = tc.layer_means("tanh", 4, 300.0, 400.0)
    np.testing.assert_allclose(tc.layer_means("tanh", 4, 300.0, -400.0), rising[::-1])


@pytest.mark.parametrize(
    ("spread", "standard_deviation"), [("normal", 10.0), ("uniform", 10.0 / np.sqrt(3)), ("none", 0.0)]
)
def test_neurons_of_a_layer_spread_as_asked(spread, standard_deviation):
    tau = tc.drawn(100.0, 20_000, spread, 0.1, np.random.default_rng(1))
    assert tau.mean() == pytest.approx(100.0, abs=0.3)
    assert tau.std() == pytest.approx(standard_deviation, rel=0.03, abs=1e-9)
    if spread == "uniform":
        assert 90.0 <= tau.min() < 90.1
        assert 109.9 < tau.max() <= 110.0


def test_a_spread_never_gives_a_time_constant_below_zero():
    tau = tc.drawn(1.0, 1000, "normal", 2.0, np.random.default_rng(1))
    assert tau.min() == 1e-7


def built(tau):
    neurons = LIF(tau, dt=10.0, train_alpha=True)
    neurons.build(len(tau), np.random.default_rng(0), np.float64)
    return neurons


def test_decays_are_those_of_the_time_constants_within_their_clips():
    found = built(np.array([100.0, 300.0, 0.0001, 1e4])).parameters["alpha"]
    np.testing.assert_allclose(found, [np.exp(-0.1), np.exp(-1 / 30), 0.1, 0.99])


def test_no_time_constant_acts_longer_than_the_forward_clip_allows():
    found = built(np.array([100.0, 550.0])).time_constants
    np.testing.assert_allclose(found, [100.0, -10 / np.log(0.98)])


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("cubic", 2, 100.0, 10.0), "hierarchy must be 'none', 'linear' or 'tanh', got 'cubic'"),
        (("tanh", 0, 100.0, 10.0), "at least one hidden layer, got 0"),
        (("tanh", 2, 100.0, 250.0), "delta_tau must be within .{2}200, twice tau_mem"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, text):
    with pytest.raises(ValueError, match=text):
        tc.layer_means(*arguments)
