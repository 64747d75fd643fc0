"""Small perceptrons, many trained side by side: the baselines that spiking networks are held against.

    hidden = max(0, x W1 + b1),   logits = hidden W2 + b2,   loss = softmax cross-entropy

All networks of a stack have one shape and each has its own weights, order of samples and Adam
state (Kingma and Ba 2015). One product of stacks replaces a loop over networks, and the figures of
a network do not depend on how many others are trained beside it.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.random import Generator

from eventsim.models.training.batches import Batch
from eventsim.models.training.learner import BatchMetrics
from eventsim.trace import Floats, Ints

if TYPE_CHECKING:
    from eventsim.io.neurobench import Connection, Workload

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8


class Perceptrons:
    """A stack of perceptrons with rectified hidden layers.

    Parameters
    ----------
    sizes : sequence of int
        Units of each layer, inputs first; two entries make a linear classifier.
    rngs : sequence of Generator
        One per network; draws its initial weights and biases uniformly in +-1/sqrt(fan_in).
    learning_rate : float
    n_frozen : int
        How many layers, from the input on, keep their initial weights.

    Attributes
    ----------
    flat : ndarray, shape (n_networks, n_parameters)
        All weights and biases; `weights` and `biases` are views of it, one entry per layer, with
        shapes (n_networks, n_pre, n_post) and (n_networks, 1, n_post).
    """

    def __init__(
        self, sizes: Sequence[int], rngs: Sequence[Generator], learning_rate: float = 0.01, n_frozen: int = 0
    ) -> None:
        shapes = list(pairwise(sizes))
        if not 0 <= n_frozen < len(shapes):
            raise ValueError(f"n_frozen must be from 0 to {len(shapes) - 1}, got {n_frozen!r}")
        n = len(rngs)
        self.learning_rate = learning_rate
        self.flat: Floats = np.empty((n, sum((pre + 1) * post for pre, post in shapes)))
        self.gradient: Floats = np.zeros_like(self.flat)
        self.first_moment: Floats = np.zeros_like(self.flat)
        self.second_moment: Floats = np.zeros_like(self.flat)
        self.steps = 0
        self._trained = slice(sum((pre + 1) * post for pre, post in shapes[:n_frozen]), None)
        self._n_frozen = n_frozen
        self.weights, self.biases = self._views(self.flat, shapes)
        self._weight_gradients, self._bias_gradients = self._views(self.gradient, shapes)
        for k, (pre, post) in enumerate(shapes):
            for weight, bias, rng in zip(self.weights[k], self.biases[k], rngs, strict=True):
                weight[:] = rng.uniform(-1, 1, (pre, post)) / np.sqrt(pre)
                bias[:] = rng.uniform(-1, 1, (1, post)) / np.sqrt(pre)

    @staticmethod
    def _views(flat: Floats, shapes: list[tuple[int, int]]) -> tuple[list[Floats], list[Floats]]:
        weights, biases, start = [], [], 0
        for pre, post in shapes:
            middle, end = start + pre * post, start + (pre + 1) * post
            weights.append(flat[:, start:middle].reshape(-1, pre, post))
            biases.append(flat[:, middle:end].reshape(-1, 1, post))
            start = end
        return weights, biases

    def forward(self, x: Floats) -> list[Floats]:
        """Return the activity of every layer, the input first and the logits last.

        Parameters
        ----------
        x : ndarray, shape (n_networks, n_samples, n_inputs) or (n_samples, n_inputs)
        """
        layers = [x]
        for k, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            u = layers[-1] @ weight
            u += bias
            layers.append(np.maximum(u, 0.0, out=u) if k < len(self.weights) - 1 else u)
        return layers

    def predict(self, x: Floats) -> Ints:
        """Return each network's class of each sample, shape (n_networks, n_samples)."""
        classes: Ints = self.forward(x)[-1].argmax(axis=2)
        return classes

    def score(self, x: Floats, labels: Ints) -> Floats:
        """Return the fraction of samples that each network gets right, shape (n_networks,)."""
        fraction: Floats = (self.predict(x) == labels).mean(axis=1)
        return fraction

    def step(self, x: Floats, labels: Ints) -> Floats:
        """Make one Adam step on a batch and return the loss before it, shape (n_networks,).

        Parameters
        ----------
        x : ndarray, shape (n_networks, n_batch, n_inputs)
        labels : ndarray, shape (n_networks, n_batch)
        """
        layers = self.forward(x)
        logits = layers[-1] - layers[-1].max(axis=2, keepdims=True)
        delta = np.exp(logits)
        total = delta.sum(axis=2, keepdims=True)
        at_label = labels[:, :, None]
        loss: Floats = (np.log(total) - np.take_along_axis(logits, at_label, 2)).mean(axis=(1, 2))
        delta /= total
        np.put_along_axis(delta, at_label, np.take_along_axis(delta, at_label, 2) - 1.0, 2)
        delta /= labels.shape[1]
        for k in range(len(self.weights) - 1, self._n_frozen - 1, -1):
            np.matmul(layers[k].transpose(0, 2, 1), delta, out=self._weight_gradients[k])
            np.sum(delta, axis=1, keepdims=True, out=self._bias_gradients[k])
            if k > self._n_frozen:
                delta = delta @ self.weights[k].transpose(0, 2, 1)
                delta *= layers[k] > 0
        self._adam()
        return loss

    def _adam(self) -> None:
        g = self.gradient[:, self._trained]
        m, v = self.first_moment[:, self._trained], self.second_moment[:, self._trained]
        self.steps += 1
        m += (1 - BETA_1) * (g - m)
        v += (1 - BETA_2) * (g * g - v)
        rate = self.learning_rate / (1 - BETA_1**self.steps)
        scale = np.sqrt(v / (1 - BETA_2**self.steps)) + EPSILON
        self.flat[:, self._trained] -= rate * m / scale

    def snapshot(self) -> dict[str, Any]:
        """Return everything that changes by training."""
        return {
            "flat": self.flat.copy(),
            "first_moment": self.first_moment.copy(),
            "second_moment": self.second_moment.copy(),
            "steps": self.steps,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to what `snapshot` returned."""
        self.flat[:] = state["flat"]
        self.first_moment[:] = state["first_moment"]
        self.second_moment[:] = state["second_moment"]
        self.steps = int(state["steps"])


class PerceptronLearner:
    """A stack of perceptrons that a `Trainer` trains; a batch holds samples for each of them.

    Parameters
    ----------
    network : Perceptrons
    sets : mapping of str to (samples, labels)
        By split: "train" and "validation".
    """

    def __init__(self, network: Perceptrons, sets: Mapping[str, tuple[Floats, Ints]]) -> None:
        self.network, self.sets = network, sets
        self._learning_rate = network.learning_rate

    def step(self, batch: Batch) -> BatchMetrics:
        """Learn from a batch."""
        samples, labels = self.sets["train"]
        n = batch.samples.shape[1]
        losses = self.network.step(samples[batch.samples], labels[batch.samples])
        return BatchMetrics(n, {"train_loss": losses * n})

    def evaluate(self, epoch: int) -> dict[str, Any]:
        """Return the accuracy on the validation set: the mean over networks, and that of each."""
        accuracy = self.network.score(*self.sets["validation"])
        return {"validation_accuracy": accuracy.mean(), "validation_accuracy_by_run": accuracy}

    def scale_learning_rates(self, factor: float) -> None:
        """Set the learning rate to `factor` times its first value."""
        self.network.learning_rate = factor * self._learning_rate

    def state(self) -> dict[str, Any]:
        """Return what later steps depend on."""
        return {"network": self.network.snapshot()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        self.network.restore(state["network"])


class ReportingPerceptron:
    """One perceptron that reports itself to NeuroBench.

    Parameters
    ----------
    layers : sequence of (weight, bias)
        Of each layer, shapes (n_pre, n_post) and (n_post,).
    """

    def __init__(self, layers: Sequence[tuple[Floats, Floats]]) -> None:
        from eventsim.io.neurobench import Dense

        self.layers = list(layers)
        self.parameters = {f"weight/{k}": weight for k, (weight, _) in enumerate(self.layers)}
        self.parameters |= {f"bias/{k}": bias for k, (_, bias) in enumerate(self.layers)}
        self.buffers: dict[str, Floats] = {}
        self.connections: dict[str, Connection] = {
            f"weight/{k}": Dense(weight) for k, (weight, _) in enumerate(self.layers)
        }

    def infer(self, samples: Floats, workload: "Workload") -> Ints:
        """Return the classes of samples, shape (n, n_inputs)."""
        x = np.asarray(samples)
        for k, (weight, bias) in enumerate(self.layers):
            workload.connection(f"weight/{k}", x[None])
            x = x @ weight + bias
            if k < len(self.layers) - 1:
                x = np.maximum(x, 0.0)
                workload.activation(f"relu/{k}", x[None], "relu")
        classes: Ints = x.argmax(axis=1)
        return classes
