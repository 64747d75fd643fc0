"""Convolutions whose errors go back through kernels of their own, and learn these kernels from noise."""

from itertools import product

import numpy as np
import pytest
from scipy.signal import correlate2d

import eventsim as es
from eventsim.models.plasticity import OrnsteinUhlenbeck, PhaselessAlignment
from eventsim.models.plasticity.noise import feedback_scale

DT, SHAPE = 0.1, (2, 7, 7)  # channels, height and width of the lower images
GEOMETRIES = [(1, 0), (2, 1), (1, 2)]  # stride and padding


def kernels(seed, maps=3, window=3, std=0.5):
    return np.random.default_rng(seed).normal(0, std, (maps, SHAPE[0], window, window))


def convolved(images, weight, stride, pad):
    """Return maps (maps, rows, columns) of images (channels, height, width), by SciPy."""
    padded = np.pad(images, ((0, 0), (pad, pad), (pad, pad)))
    maps = [sum(correlate2d(padded[c], k[c], "valid") for c in range(len(padded))) for k in weight]
    return np.array(maps)[:, ::stride, ::stride]


def net_of_two(weight, feedback, stride=1, pad=0, rule=None, phi="tanh"):
    n_upper = convolved(np.zeros(SHAPE), weight, stride, pad).size
    n_lower = int(np.prod(SHAPE))
    net = es.Network(seed=3)
    net.add("0", es.models.RateInput(), n_lower)
    net.add("1", es.models.LatentEquilibrium(10.0, activation=phi, gamma=0.0), n_lower)
    net.add("2", es.models.LatentEquilibrium(10.0, activation=phi, gamma=0.0), n_upper)
    net.connect("0", "1", weight=np.eye(n_lower), feedback=False)
    convolution = es.connect.convolution(weight, SHAPE, stride, pad)
    net.connect("1", "2", convolution, feedback=feedback)
    if rule is not None:
        net.add_plasticity("1->2 feedback", rule)
    return net


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("stride", "pad"), GEOMETRIES)
def test_errors_go_back_as_finite_differences_of_the_convolution_with_those_kernels(stride, pad, dtype):
    weight, feedback = kernels(0), kernels(1)
    sim = es.Simulation(net_of_two(weight, feedback, stride, pad, phi="linear"), dt=DT, batch=2, dtype=dtype)
    sim.set_input("0", np.random.default_rng(2).random((2, int(np.prod(SHAPE)))))
    sim.run_ticks(3)
    sim.nudge("2", np.zeros(sim.array("2").shape[1]), 1.0)
    sim.run_ticks(2)
    upper = sim.array("2", "error")
    assert np.abs(upper).max() > 0.1
    sim.run_ticks(1)
    found, step = sim.array("1", "error"), 1e-3
    for sample in range(2):
        e = upper[sample].reshape(convolved(np.zeros(SHAPE), weight, stride, pad).shape)

        def product_with(images, e=e):
            return float((e * convolved(images, feedback, stride, pad)).sum())

        for at in ((0, 0, 0), (0, 3, 4), (1, 6, 2), (1, 2, 6)):
            moved = np.zeros(SHAPE)
            moved[at] = step
            slope = (product_with(moved) - product_with(-moved)) / (2 * step)
            ours = found[sample].reshape(SHAPE)[at]
            assert ours == pytest.approx(slope, rel=1e-9 if dtype == "float64" else 1e-4, abs=1e-6)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("stride", "pad"), GEOMETRIES)
def test_kernels_change_as_a_loop_in_numpy_says(stride, pad, dtype):
    eta, decay = 5.0, 0.5
    rule = PhaselessAlignment(OrnsteinUhlenbeck(0.3, 1.0), eta, decay, 1.0)
    net = net_of_two(kernels(0), kernels(1), stride, pad, rule)
    sim = es.Simulation(net, dt=DT, batch=2, dtype=dtype)
    sim.set_input("0", np.random.default_rng(2).random((2, int(np.prod(SHAPE)))))
    expected = kernels(1)
    for tick in range(12):
        sim.run_ticks(1)
        xi, passed = sim.array("1", "noise"), sim.array("2", "high_passed")
        change = np.zeros_like(expected)
        for sample in range(2):
            images = np.pad(xi[sample].reshape(SHAPE), ((0, 0), (pad, pad), (pad, pad)))
            maps = passed[sample].reshape(convolved(np.zeros(SHAPE), expected, stride, pad).shape)
            for y, x in product(range(maps.shape[1]), range(maps.shape[2])):
                window = images[:, y * stride : y * stride + 3, x * stride : x * stride + 3]
                change += maps[:, y, x][:, None, None, None] * window / 2
        expected = expected + DT * eta * (change - decay * expected)
        close = 1e-11 if dtype == "float64" else 2e-5
        np.testing.assert_allclose(sim.weights("1->2 feedback"), expected, rtol=close, atol=close)
        assert tick or np.abs(expected - kernels(1)).max() > 1e-3


@pytest.mark.parametrize(("stride", "pad"), GEOMETRIES[:2])
def test_kernels_turn_to_those_of_the_forward_way_at_the_size_of_theory(stride, pad):
    """In a linear net each kernel value learns kappa W at each place where its window is on the image."""
    sigma, decay, eta = 0.1, 1e-2, 0.3
    noise = OrnsteinUhlenbeck(sigma, 1.0)
    rule = PhaselessAlignment(noise, eta, decay, 1.0)
    weight = kernels(0, std=0.3)
    sim = es.Simulation(net_of_two(weight, kernels(1), stride, pad, rule, "linear"), dt=DT, batch=4)
    sim.set_input("0", np.full(int(np.prod(SHAPE)), 0.3))
    relaxation = round(1 / (eta * decay) / DT)
    sim.run_ticks(6 * relaxation)
    mean, n = 0.0, 40
    for _ in range(n):
        sim.run_ticks(relaxation // 5)
        mean = mean + sim.weights("1->2 feedback") / n
    places = convolved(np.ones(SHAPE), np.eye(9).reshape(9, 1, 3, 3).repeat(SHAPE[0], 1), stride, pad)
    places = places.sum(axis=(1, 2)).reshape(3, 3) / SHAPE[0]  # where a value of the window meets the image
    expected = sigma**2 * feedback_scale(noise, 1.0, decay, 1, DT) * weight * places
    assert (mean * expected).sum() / (expected**2).sum() == pytest.approx(1.0, abs=0.05)
    cosine = (mean * expected).sum() / np.linalg.norm(mean) / np.linalg.norm(expected)
    assert np.degrees(np.arccos(cosine)) < 6


def test_a_run_that_stops_and_goes_on_has_the_same_bits():
    rule = PhaselessAlignment(OrnsteinUhlenbeck(0.3, 1.0), 5.0, 0.5, 1.0)

    def fresh():
        sim = es.Simulation(net_of_two(kernels(0), kernels(1), rule=rule), dt=DT, batch=2)
        sim.set_input("0", np.random.default_rng(2).random((2, int(np.prod(SHAPE)))))
        sim.nudge("2", np.zeros(75), 0.1)
        return sim

    whole, first, second = fresh(), fresh(), fresh()
    whole.run_ticks(30)
    first.run_ticks(13)
    second.restore(first.snapshot())
    second.run_ticks(17)
    for name in ("1->2", "1->2 feedback"):
        assert (second.weights(name) == whole.weights(name)).all()
    assert (second.array("1", "error") == whole.array("1", "error")).all()


def test_a_matrix_sends_errors_of_a_convolution_back_as_before():
    matrix = np.random.default_rng(4).normal(size=(75, 98))
    sim = es.Simulation(net_of_two(kernels(0), matrix, phi="linear"), dt=DT)
    sim.nudge("2", np.ones(75), 1.0)
    sim.run_ticks(2)
    upper = sim.array("2", "error")
    sim.run_ticks(1)
    np.testing.assert_allclose(sim.array("1", "error"), upper @ matrix, rtol=1e-12)


def test_bad_feedback_of_a_convolution_is_refused_in_one_line():
    with pytest.raises(
        ValueError, match=r"has shape \(3, 2, 2, 2\), expected that of its kernels, \(3, 2, 3, 3\)"
    ):
        net_of_two(kernels(0), kernels(1, window=2))
    rule = PhaselessAlignment(OrnsteinUhlenbeck(0.1, 1.0), 1.0, 1e-3, 1.0, regulariser="slopes")
    with pytest.raises(es.ConfigError, match="'1->2 feedback' has shared kernels; use regulariser='decay'"):
        es.Simulation(net_of_two(kernels(0), kernels(1), rule=rule), dt=DT).run_ticks(1)
