"""Order of a tick: errors go down through the weights before their change, rates up through the changed ones.

All numbers are small multiples of powers of two, so that sums are exact in any order and values can be
compared to the bit.
"""

from itertools import product

import numpy as np
import pytest
from scipy.sparse import coo_array

import eventsim as es
from eventsim.models.plasticity import ErrorTimesRate

DT, HUGE = 0.125, 64.0
SHAPE = (1, 4, 4)  # channels, height and width of an image
WINDOW = 2


def net_of_two(n_lower, n_upper, form, batch, optimiser="sgd", **options):
    """Return a simulation 0 -> 1 -> 2 of linear neurons whose upper projection learns in huge steps."""
    rng = np.random.default_rng(n_lower + batch)
    net = es.Network(seed=0)
    neuron = es.models.GeneralizedLatentEquilibrium(1.0, 1.0, "linear", gamma=0.0, errors="instant")
    net.add("0", es.models.RateInput(), n_lower)
    net.add("1", neuron, n_lower)
    net.add("2", neuron, n_upper)
    net.connect("0", "1", weight=np.eye(n_lower), feedback=False)
    weight = rng.integers(-4, 5, (n_lower, n_upper)) / 4
    if form == "sparse":
        weight = coo_array(weight * (rng.random(weight.shape) < 0.7))
    elif form == "convolution":
        weight = es.connect.convolution(rng.integers(-4, 5, (2, 1, WINDOW, WINDOW)) / 4, SHAPE)
    upper = net.connect("1", "2", weight=weight, bias=0.25, **options)
    net.add_plasticity(upper, ErrorTimesRate(learning_rate=HUGE, optimiser=optimiser))
    sim = es.Simulation(net, dt=DT, batch=batch)
    sim.set_input("0", rng.integers(-3, 4, (8, batch, n_lower)).astype(float), every=DT)
    sim.nudge("2", rng.integers(-2, 3, (batch, n_upper)).astype(float), 1.0)
    return sim


def matrix(weight):
    """Return weights as a matrix (n_lower, n_upper), those of a convolution window by window."""
    if hasattr(weight, "toarray"):
        return weight.toarray()
    if weight.ndim == 2:
        return weight
    maps, side = len(weight), SHAPE[1] - WINDOW + 1
    dense = np.zeros((*SHAPE[1:], maps, side, side))
    for y, x, i, j in product(range(side), range(side), range(WINDOW), range(WINDOW)):
        dense[y + i, x + j, :, y, x] = weight[:, 0, i, j]
    return dense.reshape(SHAPE[1] * SHAPE[2], -1)


def one_huge_step(sim):
    """Return weights before and after a change, and what both layers showed at that tick and the next."""
    sim.run_ticks(3)
    old = matrix(sim.weights("1->2"))
    sim.run_ticks(1)
    e, r = sim.array("2", "error"), sim.array("1", "rate")
    new, bias = matrix(sim.weights("1->2")), sim.bias("1->2")
    sim.run_ticks(1)
    return old, new, bias, e, r, sim.array("1", "error"), sim.array("2", "prospective")


CASES = {
    "a batch": (6, 5, "dense", 4),
    "one sample, rows of sources": (5, 7, "dense", 1),
    "one sample, rows of targets": (7, 5, "dense", 1),
    "one sample, rows that are not handled by fours": (3, 2, "dense", 1),
    "one sample, long rows": (9, 40, "dense", 1),
    "listed synapses": (6, 5, "sparse", 2),
    "windows of an image": (16, 18, "convolution", 2),
}


@pytest.mark.parametrize("case", CASES)
def test_one_huge_step_sends_errors_through_the_weights_before_it(case):
    sim = net_of_two(*CASES[case])
    old, new, bias, e, r, lower_error, upper = one_huge_step(sim)
    assert np.abs(new - old).max() > 1
    np.testing.assert_array_equal(lower_error, e @ old.T)
    if bias.size == new.shape[1]:
        np.testing.assert_array_equal(upper, r @ new + bias)


def test_synapses_with_delays_of_their_own_send_errors_through_the_weights_before_a_step():
    delay = DT * (1 + np.arange(30).reshape(6, 5) % 3)
    sim = net_of_two(6, 5, "dense", 2, delay=delay)
    old, new, _, e, _, lower_error, _ = one_huge_step(sim)
    assert np.abs(new - old).max() > 1
    np.testing.assert_array_equal(lower_error, e @ old.T)


@pytest.mark.parametrize("optimiser", ["momentum", "adam"])
@pytest.mark.parametrize("batch", [1, 4])
def test_so_does_every_optimiser(optimiser, batch):
    sim = net_of_two(6, 5, "dense", batch, optimiser)
    old, new, bias, e, r, lower_error, upper = one_huge_step(sim)
    assert np.abs(new - old).max() > 1
    np.testing.assert_allclose(lower_error, e @ old.T, rtol=1e-12)
    np.testing.assert_allclose(upper, r @ new + bias, rtol=1e-12)
