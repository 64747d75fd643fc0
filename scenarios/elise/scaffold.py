"""The scaffold: sparse somatic connections that grow before learning and never change afterwards.

Neurons wait in a queue, at first all visible ones. One of them at random leaves it and forms connections:
none with probability p0, else a first one, and after n of them a further one with probability p^n. Each
goes to a latent neuron drawn at random, which accepts it with probability q^k if it has k inputs already; a
latent neuron that is reached for the first time joins the queue.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from eventsim.errors import ConfigError

__all__ = ["Scaffold", "check_step", "grow"]

ACTIVE = 0.917  # rate of a parent at -50 mV
MOST_DRAWS = 10_000  # of a target, before a scaffold in which nobody accepts any more is given up


@dataclass(frozen=True, slots=True)
class Scaffold:
    """Connections of the scaffold.

    Attributes
    ----------
    pre, post : ndarray of int, shape (n_edges,), in the order of growth; the first n_visible are visible.
    n_visible, n : visible neurons, all neurons.
    """

    pre: NDArray[np.int64]
    post: NDArray[np.int64]
    n_visible: int
    n: int

    def parents(self) -> NDArray[np.int64]:
        """Return how many connections go from row to column, shape (n, n)."""
        counts = np.zeros((self.n, self.n), np.int64)
        np.add.at(counts, (self.pre, self.post), 1)
        return counts

    def in_degree(self) -> NDArray[np.int64]:
        """Return the inputs of each latent neuron, shape (n - n_visible,)."""
        return np.bincount(self.post, minlength=self.n)[self.n_visible :]

    def out_degree(self) -> NDArray[np.int64]:
        """Return the connections that each neuron formed, shape (n,)."""
        return np.bincount(self.pre, minlength=self.n)

    def coverage(self) -> float:
        """Return the share of the latent neurons that the scaffold reaches."""
        return float((self.in_degree() > 0).mean()) if self.n > self.n_visible else 0.0


def grow(n_visible: int, n_latent: int, p: float, q: float, p0: float, rng: Generator) -> Scaffold:
    """Return a scaffold.

    Parameters
    ----------
    n_visible, n_latent : int
        Numbers of neurons.
    p, q, p0 : float
        Of a further outgoing connection, of accepting a further incoming one, of forming none.
    rng : Generator
        For all draws.

    Raises
    ------
    ConfigError
        If no latent neuron is reached.
    """
    n = n_visible + n_latent
    queue = list(range(n_visible))
    known = np.zeros(n, bool)
    inputs = np.zeros(n, np.int64)
    pre: list[int] = []
    post: list[int] = []
    while queue and n_latent:
        neuron = queue.pop(int(rng.integers(len(queue))))
        formed, goes_on = 0, rng.random() >= p0
        while goes_on:
            target = _target(neuron, n_visible, n, inputs, q, rng)
            if target is None:
                break
            pre.append(neuron)
            post.append(target)
            inputs[target] += 1
            if not known[target]:
                known[target] = True
                queue.append(target)
            formed += 1
            goes_on = rng.random() < p**formed
    found = Scaffold(np.array(pre, np.int64), np.array(post, np.int64), n_visible, n)
    if not len(found.pre):
        raise ConfigError(
            f"the scaffold reaches no latent neuron: {n_visible} visible and {n_latent} latent ones, "
            f"p0 = {p0:g}; a smaller p0 or more neurons help, scaffold=false leaves it out"
        )
    return found


def _target(
    neuron: int, first: int, n: int, inputs: NDArray[np.int64], q: float, rng: Generator
) -> int | None:
    """Return a latent neuron that accepts a connection, None if none is found."""
    for _ in range(MOST_DRAWS):
        target = int(rng.integers(first, n))
        if target != neuron and rng.random() < q ** inputs[target]:
            return target
    return None


def check_step(scaffold: Scaffold, dt: float, total: float, connection: float) -> str:
    """Return a remark on neurons with more parents than explicit steps stand, empty without.

    Parameters
    ----------
    dt : float
        Tick, ms.
    total : float
        Conductance without scaffold, g_leak + g_dendrite, 1/ms.
    connection : float
        Conductance of one active connection, excitation and inhibition, 1/ms.

    Raises
    ------
    ConfigError
        If the tick is too long for a neuron with as many parents as half of the latent neurons have.
    """
    parents = scaffold.in_degree()
    if not len(parents):
        return ""

    def conductance(n: float) -> float:
        return total + ACTIVE * n * connection

    typical, most = float(np.median(parents)), int(parents.max())
    if dt * conductance(typical) > 2.0:
        active = conductance(typical)
        raise ConfigError(
            f"latent neurons have {typical:g} scaffold parents; if these are active their conductance is "
            f"{active:.3g} per ms, and steps of dt = {dt:g} ms are unstable: "
            f"write dt={_round_down(2.0 / active):g}"
        )
    if dt * conductance(most) > 2.0:
        neuron, active = int(scaffold.n_visible + parents.argmax()), conductance(most)
        return (
            f"neuron {neuron} has {most} scaffold parents; were all active for long, its conductance of "
            f"{active:.3g} per ms would need dt={_round_down(2.0 / active):g}"
        )
    return ""


def _round_down(x: float) -> float:
    """Return the largest number of one digit, 1, 2 or 5 times a power of ten, that is at most x."""
    power = 10.0 ** float(np.floor(np.log10(x)))
    return float(next(d * power for d in (5.0, 2.0, 1.0) if d * power <= x))
