"""Baselines: gradients, the optimiser, independence of networks trained side by side."""

import numpy as np
import pytest

from eventsim.scenarios.yin_yang.perceptrons import Perceptrons


def rngs(n, start=0):
    return [np.random.default_rng((5, start + k)) for k in range(n)]


def loss(network, x, labels):
    logits = network.forward(x)[-1]
    at_label = np.take_along_axis(logits, labels[:, :, None], 2)[:, :, 0]
    return (np.log(np.exp(logits).sum(axis=2)) - at_label).mean(axis=1)


@pytest.mark.parametrize("sizes", [(4, 3), (4, 6, 3), (4, 5, 6, 3)])
def test_gradients_are_those_of_central_differences(sizes):
    rng = np.random.default_rng(0)
    network = Perceptrons(sizes, rngs(2))
    x, labels = rng.uniform(size=(2, 7, 4)), rng.integers(3, size=(2, 7))
    start = network.flat.copy()
    network.step(x, labels)
    gradient = network.gradient.copy()
    h = 1e-6
    for k in range(start.shape[1]):
        network.flat[:] = start
        network.flat[:, k] += h
        above = loss(network, x, labels)
        network.flat[:, k] -= 2 * h
        below = loss(network, x, labels)
        # The error of central differences is of the order of 1e-16 / h.
        np.testing.assert_allclose(gradient[:, k], (above - below) / (2 * h), atol=1e-9)


def test_steps_are_those_of_adam_written_out():
    rng = np.random.default_rng(0)
    network = Perceptrons((4, 6, 3), rngs(1), learning_rate=0.02)
    flat, m, v = network.flat.copy(), 0.0, 0.0
    for t in range(1, 6):
        network.step(rng.uniform(size=(1, 7, 4)), rng.integers(3, size=(1, 7)))
        m = 0.9 * m + 0.1 * network.gradient
        v = 0.999 * v + 0.001 * network.gradient**2
        flat -= 0.02 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    np.testing.assert_allclose(network.flat, flat, rtol=1e-12)


def test_a_network_does_not_depend_on_those_beside_it():
    rng = np.random.default_rng(0)
    x, labels = rng.uniform(size=(3, 20, 4)), rng.integers(3, size=(3, 20))
    together = Perceptrons((4, 30, 3), rngs(3))
    alone = Perceptrons((4, 30, 3), rngs(1, start=2))
    for _ in range(10):
        together.step(x, labels)
        alone.step(x[2:], labels[2:])
    np.testing.assert_array_equal(together.flat[2], alone.flat[0])


def test_frozen_layers_keep_their_weights_and_the_others_learn():
    rng = np.random.default_rng(0)
    network = Perceptrons((4, 6, 3), rngs(2), n_frozen=1)
    lower, bias, upper = network.weights[0].copy(), network.biases[0].copy(), network.weights[1].copy()
    network.step(rng.uniform(size=(2, 7, 4)), rng.integers(3, size=(2, 7)))
    np.testing.assert_array_equal(network.weights[0], lower)
    np.testing.assert_array_equal(network.biases[0], bias)
    assert (network.weights[1] != upper).mean() > 0.5  # those of units that were silent stay


def test_snapshot_and_restore_go_on_with_the_same_bits():
    rng = np.random.default_rng(0)
    batches = [(rng.uniform(size=(2, 7, 4)), rng.integers(3, size=(2, 7))) for _ in range(6)]
    one, other = Perceptrons((4, 6, 3), rngs(2)), Perceptrons((4, 6, 3), rngs(2, start=9))
    for batch in batches[:3]:
        one.step(*batch)
    other.restore(one.snapshot())
    for batch in batches[3:]:
        one.step(*batch)
        other.step(*batch)
    np.testing.assert_array_equal(one.flat, other.flat)


def test_initial_weights_are_uniform_within_one_over_root_fan_in():
    network = Perceptrons((16, 200, 3), rngs(5))
    for weight, bias, fan_in in zip(network.weights, network.biases, (16, 200), strict=True):
        bound = 1 / np.sqrt(fan_in)
        assert np.abs(weight).max() <= bound
        assert np.abs(bias).max() <= bound
        assert weight.std() == pytest.approx(bound / np.sqrt(3), rel=0.05)  # 3000 draws at least
