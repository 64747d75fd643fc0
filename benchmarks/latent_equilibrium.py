"""Steps a second of Latent Equilibrium networks with learning on: workload W4, and the engine's share of it.

Layers 2-30-3 and 784-500-10, tanh, tau 10, dt 0.1, eta 0.01, beta 0.1. All layers of a step read rates
and errors of the step before. Ours and the peers (numpy, torch if it is there) take the same inputs and
agree to 1e-10 in double precision. Results are steps per second of processor time, best of several
stretches, one thread (set OPENBLAS_NUM_THREADS=1 for numpy), float32. "input changes" gives a new input
at every tick; "input held" keeps it, so that its product need not be taken again.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

import eventsim as es
from eventsim.scenarios.benchmark import Plan, Row, Rows, Seconds

SECONDS = Seconds(25.0, 4.0)
TAU, DT, ETA, BETA = 10.0, 0.1, 0.01, 0.1
CASES = (((2, 30, 3), 1), ((2, 30, 3), 32), ((784, 500, 10), 1), ((784, 500, 10), 32))
SERIES = 64  # different inputs, repeated

Array = NDArray[Any]


def arrays(sizes: tuple[int, ...], batch: int, dtype: str) -> tuple[list[Array], Array, Array]:
    """Return weights, a series of inputs (SERIES, batch, n) and a target (batch, n)."""
    rng = np.random.default_rng(0)
    weights = [rng.normal(0, 1 / np.sqrt(a), (a, b)).astype(dtype) for a, b in pairwise(sizes)]
    inputs = rng.random((SERIES, batch, sizes[0])).astype(dtype)
    return weights, inputs, rng.uniform(-0.5, 0.5, (batch, sizes[-1])).astype(dtype)


def simulation(sizes: tuple[int, ...], batch: int, dtype: str, still: bool = False) -> es.Simulation:
    """Return the network in eventsim; `still` leaves out all work of neurons and synapses."""
    weights, _, target = arrays(sizes, batch, dtype)
    net = es.Network(seed=1)
    net.add("0", es.models.RateInput(), sizes[0])
    if not still:
        for k, weight in enumerate(weights):
            net.add(str(k + 1), es.models.LatentEquilibrium(tau_mem=TAU), sizes[k + 1])
            projection = net.connect(str(k), str(k + 1), weight=weight, bias=0.0)
            net.add_plasticity(projection, es.models.plasticity.ErrorTimesRate(learning_rate=ETA))
    sim = es.Simulation(net, dt=DT, batch=batch, dtype=dtype)
    if not still:
        sim.nudge(str(len(weights)), target, BETA)
    return sim


class Peer:
    """The same step by array operations of a library."""

    def __init__(
        self, sizes: tuple[int, ...], batch: int, dtype: str, convert: Callable[[Array], Any]
    ) -> None:
        weights, inputs, target = arrays(sizes, batch, dtype)
        self.batch, self.target = batch, convert(target)
        self.inputs = [convert(x) for x in inputs]
        self.w = [convert(w) for w in weights]
        zeros = [[convert(np.zeros((batch, n), dtype)) for n in sizes[1:]] for _ in range(3)]
        self.b = [convert(np.zeros(n, dtype)) for n in sizes[1:]]
        self.u, self.e, self.r = zeros
        self.slope = [convert(np.ones((batch, n), dtype)) for n in sizes[1:]]
        self.x = convert(np.zeros((batch, sizes[0]), dtype))
        self.back = [convert(np.zeros((batch, n), dtype)) for n in sizes[1:-1]]
        self.nudge: Any = 0.0

    def step(self, x: Any, tanh: Callable[[Any], Any]) -> None:
        """Advance by one tick."""
        below = [self.x, *self.r[:-1]]
        back = []
        for k in range(len(self.w)):
            error = self.slope[k] * self.back[k] if k < len(self.back) else self.nudge
            current = below[k] @ self.w[k] + self.b[k]
            du = (current - self.u[k] + error) / TAU
            prospective = self.u[k] + TAU * du
            self.u[k] = self.u[k] + DT * du
            self.e[k] = error + 0 * du
            if k:  # through the weights before their change
                back.append(self.e[k] @ self.w[k].T)
            self.w[k] += (DT * ETA / self.batch) * (below[k].T @ self.e[k])
            self.b[k] += DT * ETA * self.e[k].mean(0)
            self.r[k] = tanh(prospective)
            self.slope[k] = 1 - self.r[k] * self.r[k]
        self.nudge = BETA * self.slope[-1] * (self.target - self.r[-1])
        self.back, self.x = back, x


def peers(plan: Plan) -> dict[str, tuple[Callable[[Array], Any], Callable[[Any], Any]]]:
    """Return the libraries that are installed: how an array enters, and their tanh."""
    found: dict[str, tuple[Callable[[Array], Any], Callable[[Any], Any]]] = {"numpy": (np.array, np.tanh)}
    if plan.has("torch"):
        import torch

        torch.set_num_threads(1)
        found["torch"] = (lambda array: torch.from_numpy(array.copy()), torch.tanh)
    return found


@contextmanager
def without_gradients(plan: Plan) -> Iterator[None]:
    """Keep torch, where it is measured, from noting what it would need for derivatives."""
    if not plan.has("torch"):
        yield
        return
    import torch

    with torch.no_grad():
        yield


def agreement(plan: Plan, sizes: tuple[int, ...], batch: int, steps: int = 30) -> float:
    """Return the largest difference of weights after some steps in double precision."""
    sim = simulation(sizes, batch, "float64")
    inputs = arrays(sizes, batch, "float64")[1]
    sim.set_input("0", inputs[:steps], every=DT)
    sim.run_ticks(steps)
    worst = 0.0
    for convert, tanh in peers(plan).values():
        peer = Peer(sizes, batch, "float64", convert)
        with without_gradients(plan):
            for k in range(steps):
                peer.step(peer.inputs[k], tanh)
        for k, weight in enumerate(peer.w):
            worst = max(worst, float(np.abs(np.asarray(weight) - sim.weights(f"{k}->{k + 1}")).max()))
    return worst


def rate(advance: Callable[[int], None], seconds: float) -> float:
    """Return steps a second of processor time, best of stretches of about a tenth of `seconds` each."""
    n, taken = 8, 0.0
    while taken < seconds / 20:
        n *= 2
        begin = time.process_time()
        advance(n)
        taken = time.process_time() - begin
    best, end = n / taken, time.process_time() + seconds
    while time.process_time() < end:
        begin = time.process_time()
        advance(n)
        best = max(best, n / (time.process_time() - begin))
    return best


def ours(sizes: tuple[int, ...], batch: int, held: bool, seconds: float, still: bool = False) -> float:
    """Return our steps a second."""
    sim = simulation(sizes, batch, "float32", still)
    inputs = arrays(sizes, batch, "float32")[1]
    if held:
        sim.set_input("0", inputs[0])
        return rate(sim.run_ticks, seconds)
    sim.set_input("0", inputs, every=DT, repeat=True)
    return rate(sim.run_ticks, seconds)


def run(plan: Plan) -> Rows:
    """Measure, for a fifth of a second each time; a twentieth where that does."""
    seconds = plan.repeats / plan.pick(5, 20)
    for sizes, batch in CASES:
        work = f"W4 LE {'-'.join(map(str, sizes))}, batch {batch}"

        def row(system: str, value: float, unit: str = "steps/s", work: str = work, n: int = batch) -> Row:
            return {"work": work, "system": system, "n": n, "value": value, "unit": unit}

        plan.announce(f"{work}, agreement")
        difference = agreement(plan, sizes, batch)
        if not difference < 1e-10:
            raise ArithmeticError(f"peers differ by {difference:g} on {sizes}, batch {batch}")
        plan.announce(work)
        changing = ours(sizes, batch, False, seconds)
        yield row("eventsim, input changes", changing)
        yield row("eventsim, input held", ours(sizes, batch, True, seconds))
        empty = ours(sizes, batch, True, seconds / 4, still=True)
        yield row("eventsim, share of the engine", 100 * changing / empty, "% of a step")
        for name, (convert, tanh) in (peers(plan) if plan.peers else {}).items():
            plan.announce(f"{work}, {name}")
            peer = Peer(sizes, batch, "float32", convert)

            def advance(n: int, peer: Peer = peer, tanh: Callable[[Any], Any] = tanh) -> None:
                for k in range(n):
                    peer.step(peer.inputs[k % SERIES], tanh)

            with without_gradients(plan):
                value = rate(advance, seconds)
            yield row(name, value)
