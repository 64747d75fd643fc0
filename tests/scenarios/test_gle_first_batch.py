"""The first batch of MNIST-1D, or of the sequences that stand in for it, computed from the equations alone.

Per layer and tick, everything on the right of the tick before (Ellenberger et al. 2025):

    inst = phi' W_up^T e_up          outputs: one_hot - softmax(r)
    dv = (inst - v) / tau_r          e = v + tau_m dv        v += dt dv
    du = (W r_below + b - u) / tau_m     ub = u + tau_r du       u += dt du
    r = phi(ub)                      phi' = phi'(ub)
    Adam along mean(e r_below^T) and mean(e), after e was sent down
"""

import os

import numpy as np
import pytest

from eventsim.models.training.task import Task
from eventsim.scenarios.generalized_latent_equilibrium import GeneralizedLatentEquilibrium, data
from eventsim.scenarios.generalized_latent_equilibrium.network import trainer

BATCH, TICKS, DT, RATE = 20, 360, 0.2, 1e-3


def sequences():
    """Return 100 sequences of 72 points and their labels."""
    folder = os.environ.get("EVENTSIM_DATA")
    if folder and os.path.exists(os.path.join(folder, "mnist1d")):
        from eventsim.io import datasets

        x, labels = datasets.mnist1d("train", folder, 72)
        return x[:100], labels[:100]
    x, labels = data.synthetic({"train": 100}).sets["train"]
    return x[:, :, 0].astype(float), labels


class Adam:
    """The optimiser of Kingma and Ba (2015), uphill."""

    def __init__(self):
        self.m = self.v = 0.0
        self.n = 0

    def step(self, gradient):
        self.n += 1
        self.m = 0.9 * self.m + 0.1 * gradient
        self.v = 0.999 * self.v + 0.001 * gradient**2
        return RATE * (self.m / (1 - 0.9**self.n)) / (np.sqrt(self.v / (1 - 0.999**self.n)) + 1e-8)


def first_batch(weights, biases, x, one_hot):
    """Return weights and biases after inputs x (ticks, batch, 1) have passed by under their labels."""
    n_layers, batch = len(weights), x.shape[1]
    tau_m = [np.r_[np.full(17, 1.2), np.full(18, 0.6), np.full(18, 1.2)]] * (n_layers - 1) + [
        np.full(10, 1.2)
    ]
    tau_r = [np.r_[np.full(17, 1.2), np.full(36, 0.2)]] * (n_layers - 1) + [np.full(10, 1.2)]
    linear = [True] + [False] * (n_layers - 2) + [True]
    w, b = [each.copy() for each in weights], [each.copy() for each in biases]
    u, v, r, e = ([np.zeros((batch, each.shape[1])) for each in w] for _ in range(4))
    slope, sent = [np.ones_like(each) for each in r], [np.zeros_like(each) for each in r]
    shown, target_error = np.zeros((batch, 1)), np.zeros((batch, 10))
    optimisers = [(Adam(), Adam()) for _ in w]
    for tick in range(len(x)):
        below = [shown, *r[:-1]]
        potential = []
        for k in range(n_layers):
            inst = target_error if k == n_layers - 1 else slope[k] * sent[k]
            dv = (inst - v[k]) / tau_r[k]
            e[k] = v[k] + tau_m[k] * dv
            v[k] = v[k] + DT * dv
            du = (below[k] @ w[k] + b[k] - u[k]) / tau_m[k]
            potential.append(u[k] + tau_r[k] * du)
            u[k] = u[k] + DT * du
        sent = [e[k + 1] @ w[k + 1].T for k in range(n_layers - 1)]
        for k in range(n_layers):
            w[k] += optimisers[k][0].step(below[k].T @ e[k] / batch)
            b[k] += optimisers[k][1].step(e[k].mean(axis=0))
        r = [ub if flat else np.tanh(ub) for ub, flat in zip(potential, linear, strict=True)]
        slope = [np.ones_like(each) if flat else 1 - each**2 for each, flat in zip(r, linear, strict=True)]
        shown = x[tick]
        softmax = np.exp(r[-1] - r[-1].max(axis=1, keepdims=True))
        target_error = one_hot - softmax / softmax.sum(axis=1, keepdims=True)
    return w, b


@pytest.fixture(scope="module")
def trained():
    """Return weights before and after the first batch of the published training, and what was shown."""
    x, labels = sequences()
    task = Task("sequences", 1, 10, {"train": (x[:, :, None], labels)})
    preset = GeneralizedLatentEquilibrium.presets["mnist-1d-15k-published"]
    config = GeneralizedLatentEquilibrium(**preset | {"batch": BATCH, "precision": "float64"})
    training = trainer(config, task, 12)
    sim = training.learner.sim
    names = [projection.name for projection in sim.net.projections]
    before = [sim.weights(name) for name in names], [sim.bias(name) for name in names]
    training.advance()
    after = [sim.weights(name) for name in names], [sim.bias(name) for name in names]
    samples = training.learner.batches[0].samples
    return before, after, x[samples], labels[samples]


def test_first_weights_are_drawn_as_published(trained):
    (weights, biases), *_ = trained
    assert [each.shape for each in weights] == [(1, 53)] + [(53, 53)] * 5 + [(53, 10)]
    for weight, bias in zip(weights, biases, strict=True):
        bound = 1 / np.sqrt(len(weight))
        assert 0.5 * bound < max(np.abs(weight).max(), np.abs(bias).max()) <= bound


def test_the_first_batch_is_that_of_the_equations(trained):
    before, after, x, labels = trained
    ticks = np.linspace(0, x.shape[1] - 1, TICKS)
    lines = np.array([np.interp(ticks, np.arange(x.shape[1]), each) for each in x]).T[:, :, None]
    weights, biases = first_batch(*before, lines, np.eye(10)[labels])
    for expected, found, first in zip(
        [*weights, *biases], [*after[0], *after[1]], [*before[0], *before[1]], strict=True
    ):
        assert np.abs(found - first).max() > RATE
        # Rounding grows to 1e-7, since the length of a step hardly depends on that of the gradient; errors
        # through the weights after their change differ by 6e-3.
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
