"""Small networks in plain NumPy that report to `eventsim.io.neurobench`.

Weights are those of the reference vectors, made with version 2.3.0 of the public package.
"""

import numpy as np

from eventsim.io import neurobench

A = np.float32


class Net:
    """Steps in a row: ("linear", weight (out, in), bias), ("conv", ...), ("norm", n), ("relu", name)."""

    def __init__(self, *steps, dtype=np.float32):
        self.steps, self.parameters, self.buffers, self.connections = steps, {}, {}, {}
        for k, (kind, *rest) in enumerate(steps):
            if kind in ("linear", "conv"):
                weight, bias = rest
                self.parameters[f"weight{k}"] = weight
                if bias is not None:
                    self.parameters[f"bias{k}"] = bias
                self.connections[f"{k}"] = (
                    neurobench.Dense(weight.T)
                    if kind == "linear"
                    else neurobench.Convolution(weight, padding=1)
                )
            elif kind == "norm":
                n = rest[0]
                self.parameters |= {f"{which}{k}": np.ones(n, dtype) for which in ("gamma", "beta")}
                self.buffers |= {f"{which}{k}": np.ones(n, dtype) for which in ("mean", "var")}
                self.buffers[f"batches{k}"] = np.zeros((), np.int64)

    def infer(self, x, workload):
        for k, (kind, *rest) in enumerate(self.steps):
            if kind == "linear":
                workload.connection(f"{k}", x[None])
                x = x @ rest[0].T + (0 if rest[1] is None else rest[1])
            elif kind == "conv":
                workload.connection(f"{k}", x[None])
                x = convolved(x, rest[0], rest[1])
            elif kind == "norm":
                x = x / np.sqrt(np.float32(1 + 1e-5))
            elif kind == "relu":
                x = np.maximum(x, 0)
                workload.activation(rest[0], x[None], "relu")
            elif kind == "sigmoid":
                x = 1 / (1 + np.exp(-x))
                workload.activation(rest[0], x[None], "sigmoid")
            elif kind == "tanh":
                x = np.tanh(x)
                workload.activation(rest[0], x[None], "tanh")
        return x


class SpikingNet:
    """Two layers of leaky units, membranes and spikes step by step; reset by subtraction or to zero."""

    W1 = np.array([[0.6, 0, 0.5], [0, 0.7, 0], [-0.4, 0.9, 0.8], [0.3, 0.3, 0.3]], A)
    W2 = np.array([[0.8, 0, 0.5, 0], [0, 0.9, -0.5, 0.5]], A)

    def __init__(self, reset):
        self.reset = reset
        self.parameters = {"1": self.W1, "2": self.W2}
        per_layer = {"threshold": A(1), "graded": A(1), "reset": np.int64(0), "beta": A(0.5)}
        self.buffers = {f"{key}{k}": np.array(value) for k in (1, 2) for key, value in per_layer.items()}
        self.connections = {"1": neurobench.Dense(self.W1.T), "2": neurobench.Dense(self.W2.T)}

    def infer(self, samples, workload):
        x = np.moveaxis(np.asarray(samples, A), 1, 0)
        for name, weight in (("1", self.W1), ("2", self.W2)):
            workload.connection(name, x)
            current = x @ weight.T
            u = np.zeros(current.shape[1:], A)
            membranes, spikes = [], []
            for step in current:
                last = (u > 1).astype(A)
                u = A(0.5) * u + step - last if self.reset == "subtract" else A(0.5) * (1 - last) * u + step
                membranes.append(u)
                spikes.append((u > 1).astype(A))
            x = np.stack(spikes)
            workload.activation(name, x, "spike")
            workload.membrane(name, np.stack(membranes), "leaky", self.reset)
        return x.sum(axis=0).argmax(axis=1)


def convolved(x, weight, bias):
    """Return a 3 x 3 convolution with padding 1."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    rows, columns = x.shape[2:]
    y = np.zeros((len(x), len(weight), rows, columns), x.dtype)
    for i in range(3):
        for j in range(3):
            y += np.einsum("bchw,oc->bohw", padded[:, :, i : i + rows, j : j + columns], weight[:, :, i, j])
    return y + bias[:, None, None]


SPIKES = np.array(
    [
        [[1, 0, 1], [1, 1, 0], [0, 1, 1], [0, 0, 0], [1, 1, 1]],
        [[0, 0, 0], [0, 1, 0], [0, 1, 0], [1, 0, 1], [0, 0, 0]],
    ],
    A,
)
ANN = (
    ("linear", np.array([[1, 0, -2, 0.5], [0, 0, 3, -1], [0.5, 1, 0, -0.5]], A), np.array([0.1, 0, -0.2], A)),
    ("relu", "1"),
    ("linear", np.array([[1, -1, 0], [0, 2, 1]], A), np.array([0, 0.3], A)),
)
ANN_X = np.array([[1, 2, 0, -1], [0, 0.5, 1.5, 0], [0, 0, 0, 0], [-1, 1, 0.25, 2]], A)
ANN_Y = np.array([[0.5, 1], [-4, 9], [0.1, 0.3], [1, 1]], A)
A2 = ("linear", np.array([[1, 0, 2], [0, 3, 1]], A), np.array([1, 1], A))
KERNELS = (np.arange(18) % 4).reshape(2, 1, 3, 3).astype(A)
IMAGE = np.zeros((1, 1, 4, 4), A)
IMAGE[0, 0, 1, 1], IMAGE[0, 0, 0, 3], IMAGE[0, 0, 3, 0] = 2, -1, 0.5
