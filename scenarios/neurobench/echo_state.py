"""The echo-state network of the benchmark: a random reservoir, and a read-out by ridge regression.

    h <- (1 - a) h + a tanh(W h + W_in [1, x]);    y = W_out [1, x, h]

Weights of the reservoir are present with probability p, normal, and scaled to a spectral radius; input
weights are uniform in plus and minus 1/2, scaled by column. The public code scales by the modulus of the
first eigenvalue that its library returns; here it is the largest.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from eventsim.io.neurobench import Dense, Workload
from eventsim.scenarios.neurobench.protocol import HALF, WASHED, Split

if TYPE_CHECKING:
    from eventsim.io.neurobench import Connection

__all__ = ["PUBLISHED", "EchoState"]

Floats = NDArray[np.float64]

SMALL, FIRST, POWERS = 200, 50, 400  # units; powers that are left out, and those that count
# By tau: units, scales of bias and input, p, spectral radius, leak a, ridge. From the public repository.
PUBLISHED = {
    17: (966, 0.90, 0.78, 0.97, 1.19, 0.69, 1e-7),
    18: (913, 0.98, 1.00, 0.43, 1.08, 0.92, 1e-9),
    19: (836, 0.45, 0.89, 0.64, 1.25, 0.77, 1e-6),
    20: (656, 0.29, 0.83, 0.06, 1.07, 0.86, 1e-8),
    21: (547, 0.37, 0.92, 0.92, 1.08, 0.45, 1e-8),
    22: (661, 0.79, 0.92, 0.55, 1.17, 0.87, 1e-7),
    23: (577, 0.69, 0.93, 0.02, 1.01, 0.54, 1e-8),
    24: (694, 0.85, 0.98, 0.51, 1.13, 0.76, 1e-5),
    25: (831, 0.87, 0.93, 0.49, 1.21, 1.00, 1e-4),
    26: (522, 0.91, 0.95, 0.59, 1.22, 0.58, 1e-6),
    27: (952, 0.99, 0.65, 0.60, 1.19, 0.78, 1e-6),
    28: (838, 0.82, 0.83, 0.37, 1.21, 0.81, 1e-6),
    29: (728, 0.99, 0.62, 0.48, 1.23, 0.90, 1e-5),
    30: (577, 0.69, 0.93, 0.02, 1.01, 0.54, 1e-8),
}


class EchoState:
    """The network for the series of one delay.

    Parameters
    ----------
    tau : int
    rng : Generator
        Draws the weights.
    units : int
        Of the reservoir; 0 for the published number.
    """

    def __init__(self, tau: int, rng: Generator, units: int = 0) -> None:
        n, bias, scale, p, radius, self.leak, self.ridge = PUBLISHED[tau]
        n = units or n
        w_in = rng.uniform(-0.5, 0.5, (n, 2)) * np.array([bias, scale])
        w = rng.normal(size=(n, n)) * (rng.random((n, n)) < p)
        w *= radius / max(_spectral_radius(w, rng), 1e-12)
        self.state = np.zeros(n)
        self.parameters = {"input": w_in, "reservoir": w, "output": np.zeros((n + 2, 1))}
        self.buffers: dict[str, Any] = {"state": self.state}

    @property
    def connections(self) -> "dict[str, Connection]":
        """The three maps."""
        found = self.parameters
        return {
            "input": Dense(found["input"].T),
            "reservoir": Dense(found["reservoir"].T),
            "output": Dense(found["output"]),
        }

    def fit(self, split: Split) -> None:
        """Drive the reservoir with the training half and fit the read-out to all but its first points."""
        x, features = split.inputs[:HALF], np.empty((HALF, len(self.state) + 2))
        for step, value in enumerate(x):
            features[step] = self._advanced(value)
        used, targets = features[WASHED:], split.targets[WASHED:HALF]
        gram = used.T @ used
        gram[np.diag_indices_from(gram)] += self.ridge
        self.parameters["output"][:, 0] = np.linalg.solve(gram, used.T @ targets)

    def infer(self, samples: Any, workload: Workload) -> Floats:
        """Return the forecasts of the test half; see `Forecaster`."""
        value, n = float(samples[0]), len(self.state)
        inputs, states, features = np.ones((HALF, 2)), np.empty((HALF, n)), np.empty((HALF, n + 2))
        forecasts = np.empty(HALF)
        for step in range(HALF):
            inputs[step, 1], states[step] = value, self.state
            features[step] = self._advanced(value)
            value = forecasts[step] = float(features[step] @ self.parameters["output"][:, 0])
        for name, x in (("input", inputs), ("reservoir", states), ("output", features)):
            workload.connection(name, x[:, None])
        return forecasts

    def _advanced(self, value: float) -> Floats:
        """Take a step and return [1, x, h]."""
        found = self.parameters
        driven = found["reservoir"] @ self.state + found["input"] @ np.array([1.0, value])
        self.state *= 1 - self.leak
        self.state += self.leak * np.tanh(driven)
        return np.concatenate([[1.0, value], self.state])


def _spectral_radius(w: Floats, rng: Generator) -> float:
    """Return the largest modulus of the eigenvalues: exact for small matrices, else from powers.

    The eigenvalues of a large random matrix fill a disc, so that a method for a few of them hardly
    converges. The mean growth over 400 powers is off by less than a per cent.
    """
    if len(w) < SMALL:
        return float(np.abs(np.linalg.eigvals(w)).max())
    v, growth = rng.normal(size=len(w)), 0.0
    for power in range(FIRST + POWERS):
        norm = float(np.linalg.norm(v))
        if norm == 0:
            return 0.0
        growth += np.log(norm) if power >= FIRST else 0.0
        v = w @ (v / norm)
    return float(np.exp(growth / POWERS))
