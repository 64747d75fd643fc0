"""Errors of prospective neurons beside the exact ones: the adjoint, and backpropagation through time.

    forward     H(w) = (1 + i w tau_r) / (1 + i w tau_mem)        of ub to its input
    adjoint     conj H = (1 - i w tau_r) / (1 - i w tau_mem)      exact, needs the future
    GLE         1 / H = (1 + i w tau_mem) / (1 + i w tau_r)       causal

conj H and 1 / H have the same phase and reciprocal gains: GLE's errors come at the right time and are
too large by |H|^-2 for each neuron they cross (Ellenberger et al. 2025). `transfer` measures the two
for one neuron, `compare_gradients` what they make of the gradient of a whole network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

import eventsim as es
from eventsim.models.prospective.population import activated

__all__ = ["Comparison", "bptt", "compare_gradients", "cosine", "transfer"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Gradients of one cost, a matrix for each projection.

    Attributes
    ----------
    exact : by backpropagation through time.
    gle : from the errors of GLE, summed over ticks.
    instant : from errors that ignore time.
    """

    exact: list[Floats]
    gle: list[Floats]
    instant: list[Floats]

    def cosines(self) -> dict[str, float]:
        """Return the cosine between each approximation and the exact gradient, all weights together."""
        return {name: cosine(getattr(self, name), self.exact) for name in ("gle", "instant")}

    def cosines_by_layer(self) -> dict[str, list[float]]:
        """Return the same for each projection by itself."""
        return {
            name: [cosine([a], [b]) for a, b in zip(getattr(self, name), self.exact, strict=True)]
            for name in ("gle", "instant")
        }


def cosine(a: Sequence[Floats], b: Sequence[Floats]) -> float:
    """Return the cosine of the angle between two lists of arrays taken as one vector each."""
    x, y = (np.concatenate([array.ravel() for array in arrays]) for arrays in (a, b))
    return float(x @ y / np.sqrt((x @ x) * (y @ y)))


def transfer(omega: float, tau_mem: float, tau_r: float, dt: float, periods: int = 4) -> dict[str, complex]:
    """Return the measured response of one neuron to a sine of angular frequency `omega`.

    Returns
    -------
    dict of complex
        "forward" from input to prospective potential, "error" from what arrives from above to the
        GLE error, "adjoint" from the same to the exact error, integrated backward over the stored sine.
    """
    ticks = round((periods + 1) * 2 * np.pi / omega / dt + 20 * max(tau_mem, tau_r) / dt)
    t = dt * np.arange(ticks)
    net = es.Network(time_unit="1")
    neuron = es.models.GeneralizedLatentEquilibrium(tau_mem, tau_r, "linear")
    net.add("cell", neuron, 1)
    sim = es.Simulation(net, dt=dt)
    sim.set_input("cell", np.sin(omega * t)[:, None], every=dt)
    sim.nudge("cell", lambda now: sim.array("cell", "prospective") + np.sin(omega * now), 1.0, kind="voltage")
    for variable in ("prospective", "error"):
        sim.record("cell", variable)
    sim.run_ticks(ticks)
    # What arrives at tick k as an error is of tick k - 1; the adjoint takes the transposed steps backward.
    adjoint, later = np.zeros(ticks), 0.0
    for k in range(ticks - 1, -1, -1):
        arriving = np.sin(omega * t[k])
        later_next = (1 - dt / tau_mem) * later + (1 - tau_r / tau_mem) * arriving
        adjoint[k] = tau_r / tau_mem * arriving + dt / tau_mem * later
        later = later_next
    middle = slice(
        int(20 * max(tau_mem, tau_r) / dt) // 2, -(int(20 * max(tau_mem, tau_r) / dt) // 2) or None
    )
    wave = np.exp(1j * omega * t)
    shifted = np.exp(1j * omega * (t - dt))
    found = {
        "forward": _response(sim.trace("cell", "prospective").values[:, 0], wave, middle),
        "error": _response(sim.trace("cell", "error").values[:, 0], shifted, middle),
        "adjoint": _response(adjoint, wave, middle),
    }
    return found


def _response(values: Floats, wave: NDArray[np.complex128], where: slice) -> complex:
    """Return the complex factor between sine and values: values = Im(factor * wave)."""
    basis = np.stack([wave.imag[where], wave.real[where]], axis=1)
    (a, b), *_ = np.linalg.lstsq(basis, values[where], rcond=None)
    return complex(a, b)


def bptt(
    weights: Sequence[Floats],
    tau_mem: Sequence[ArrayLike],
    tau_r: Sequence[ArrayLike],
    activations: Sequence[str],
    inputs: Floats,
    targets: Floats,
    dt: float,
    beta: float = 1.0,
    biases: Sequence[ArrayLike] | None = None,
    kind: str = "rate",
) -> list[Floats]:
    """Return -dC/dW, differentiated through every tick.

    C is the sum over ticks, and the mean over samples, of beta / 2 (target - r)^2, or of beta times the
    cross-entropy of target and softmax(r).

    Parameters
    ----------
    weights : list of ndarray, shape (n_pre, n_post)
        Of a chain of layers without errors in the membrane (gamma = 0).
    tau_mem, tau_r, activations : one for each layer
    inputs, targets : ndarray, shape (ticks, n_in), (ticks, n_out), or (ticks, batch, n)
    biases : list of array_like, shape (n_post,), optional
    kind : {"rate", "cross_entropy"}
        The latter for linear outputs.
    """
    n_layers, ticks, rows = len(weights), len(inputs), inputs.shape[1:-1]
    sizes = [w.shape[1] for w in weights]
    shapes = [(*rows, n) for n in sizes]
    add: list[Any] = [0.0] * n_layers if biases is None else [np.asarray(b, float) for b in biases]
    mem: list[Any] = [np.ones(n) * np.asarray(tau, float) for n, tau in zip(sizes, tau_mem, strict=True)]
    look: list[Any] = [np.ones(n) * np.asarray(tau, float) for n, tau in zip(sizes, tau_r, strict=True)]
    u: list[Any] = [np.zeros(shape) for shape in shapes]
    rates = [inputs] + [np.zeros((ticks, *shape)) for shape in shapes]
    slopes = [np.zeros((ticks, *shape)) for shape in shapes]
    before = [np.zeros(inputs.shape[1:])] + [
        activated(phi, np.zeros(shape))[0] for phi, shape in zip(activations, shapes, strict=True)
    ]
    for k in range(ticks):
        for m in range(n_layers):
            current = (rates[m][k - 1] if k else before[m]) @ weights[m] + add[m]
            du = (current - u[m]) / mem[m]
            rates[m + 1][k], slopes[m][k] = activated(activations[m], u[m] + look[m] * du)
            u[m] = u[m] + dt * du
    answers = rates[-1]
    if kind == "cross_entropy":
        shifted = np.exp(answers - answers.max(axis=-1, keepdims=True))
        answers = shifted / shifted.sum(axis=-1, keepdims=True)
    misses = beta / (rows[0] if rows else 1) * (targets - answers)
    gradients = [np.zeros_like(w) for w in weights]
    back_u = [np.zeros(shape) for shape in shapes]  # dC/du after tick k
    back_rate = [np.zeros(shape) for shape in shapes]  # dC/dr of tick k through the layer above
    for k in range(ticks - 1, -1, -1):
        back_rate[-1] = back_rate[-1] + misses[k]
        below = [np.zeros(shape) for shape in shapes]
        for m in range(n_layers):
            ub = slopes[m][k] * back_rate[m]
            du = look[m] * ub + dt * back_u[m]
            current = du / mem[m]
            back_u[m] = back_u[m] + ub - current
            came = rates[m][k - 1] if k else before[m]
            gradients[m] += came.T @ current if rows else np.outer(came, current)
            if m:
                below[m - 1] = current @ weights[m].T
        back_rate = below
    return gradients


class _Sum:
    """A rule that changes nothing and adds up error times rate, the mean over samples."""

    def __init__(self, batch: int) -> None:
        self.batch, self.total = batch, 0.0

    def attach(self, projection: Any) -> _Sum:
        self.projection = projection
        return self

    def on_tick(self, time: float) -> None:
        change: Any = self.projection.state["x"].T @ self.projection.post.arrays["error"]
        self.total = self.total + change / self.batch


def compare_gradients(
    weights: Sequence[ArrayLike],
    tau_mem: Sequence[ArrayLike],
    tau_r: Sequence[ArrayLike],
    activations: Sequence[str],
    inputs: ArrayLike | Callable[[Floats], ArrayLike],
    targets: ArrayLike | Callable[[Floats], ArrayLike],
    dt: float,
    ticks: int,
    beta: float = 1.0,
    biases: Sequence[ArrayLike] | None = None,
    kind: str = "rate",
) -> Comparison:
    """Return the gradient of a chain of GLE layers by their own errors, by instant errors, and exactly.

    Parameters
    ----------
    weights : list of array_like, shape (n_pre, n_post)
    tau_mem, tau_r, activations : one for each layer
    inputs, targets : array_like, shape (ticks, n) or (ticks, batch, n), or functions of the times (ticks,)
    dt : float
        Tick.
    ticks : int
    beta : float
        Strength of the cost and of the nudging.
    biases, kind : as in `bptt`
    """
    t = np.arange(ticks, dtype=np.float64) * np.float64(dt)
    x, y = (np.asarray(given(t) if callable(given) else given, float) for given in (inputs, targets))
    matrices = [np.array(w, float) for w in weights]
    batch = x.shape[1] if x.ndim == 3 else 1
    found = {}
    for errors in ("dynamic", "instant"):
        net = es.Network(time_unit="1")
        net.add("0", es.models.RateInput(), matrices[0].shape[0])
        sums = []
        for k, (w, mem, look, phi) in enumerate(zip(matrices, tau_mem, tau_r, activations, strict=True)):
            neuron = es.models.GeneralizedLatentEquilibrium(mem, look, phi, errors=errors)
            net.add(str(k + 1), neuron, w.shape[1])
            bias = None if biases is None else np.asarray(biases[k], float)
            projection = net.connect(str(k), str(k + 1), weight=w, bias=bias)
            sums.append(_Sum(batch))
            net.add_plasticity(projection, sums[-1])
        sim = es.Simulation(net, dt=dt, batch=batch)
        sim.set_input("0", x, every=dt)
        sim.nudge(str(len(matrices)), y, beta, every=dt, kind=kind)
        sim.run_ticks(ticks)
        found[errors] = [np.asarray(total.total) for total in sums]
    exact = bptt(matrices, tau_mem, tau_r, activations, x, y, dt, beta, biases, kind)
    return Comparison(exact, found["dynamic"], found["instant"])
