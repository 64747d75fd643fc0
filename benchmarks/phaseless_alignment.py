"""Microseconds a tick of feedback that learns from noise: the 5-20-10-20-5 microcircuit of Max et al. 2024.

One tick of 0.01 ms: 55 pyramidal cells and 35 interneurons, 50 of them with Euler noise, feedback weights
and those from interneurons learn, a sample lasts 100 ticks. Peers are the same program in plain NumPy, and in
C in one file, which is compiled with ``cc -O3 -march=native`` where there is a compiler. Without noise all
three must agree on the learned weights to 1e-9. Processor time, best of several stretches, one thread.
"""

import shutil
import subprocess
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import eventsim as es
from eventsim.benchmarks.phaseless_alignment_c import PROGRAM
from eventsim.models.plasticity import MicrocircuitAlignment, OrnsteinUhlenbeck
from eventsim.models.prospective.deep_microcircuit import DeepMicrocircuit, initial_weights
from eventsim.scenarios.benchmark import Plan, Rows, Seconds

SECONDS = Seconds(20.0, 4.0)
SIZES = (5, 20, 10, 20, 5)
DT, HOLD, SAMPLES, SIGMA = 0.01, 100, 100, 0.05
ETA, ETA_INTER, DECAY, TAU = 50.0, 5.0, 1e-5, 0.1
AGREED = 500  # ticks over which programs are compared

Floats = NDArray[np.float64]


def arrays() -> tuple[list[Floats], list[Floats], Floats]:
    """Return forward weights and feedback weights, (n_pre, n_post), and samples."""
    rng = np.random.default_rng(0)
    forward = [rng.uniform(-1, 1, pair) for pair in pairwise(SIZES)]
    feedback = [rng.uniform(-1, 1, (above, n)) for n, above in pairwise(SIZES[1:])]
    return forward, feedback, rng.random((SAMPLES, SIZES[0]))


def simulation(sigma: float) -> es.Simulation:
    """Return the circuit in eventsim."""
    forward, feedback, samples = arrays()
    model = DeepMicrocircuit(SIZES, initial_weights(forward, feedback))
    net = es.Network(seed=1)
    net.add("circuit", model, model.n_units)
    noise = OrnsteinUhlenbeck(sigma, TAU, "euler")
    rule = MicrocircuitAlignment(
        noise, rate_feedback=ETA, rate_from_interneurons=ETA_INTER, decay=DECAY, tau_high_pass=TAU
    )
    net.add_plasticity("circuit", rule)
    sim = es.Simulation(net, dt=DT)
    shown = np.zeros((SAMPLES, model.n_units))
    shown[:, : SIZES[0]] = samples
    sim.set_input("circuit", shown, every=HOLD * DT, repeat=True)
    return sim


class InNumPy:
    """The same circuit by array operations; layers are numbered from the input."""

    def __init__(self, sigma: float) -> None:
        forward, feedback, self.samples = arrays()
        weights = initial_weights(forward, feedback)
        self.n, self.sigma, self.rng = len(SIZES) - 1, sigma, np.random.default_rng(1)
        self.up = {k: weights[f"up/{k}"] for k in range(1, self.n + 1)}
        hidden = range(1, self.n)
        self.down, self.inter, self.to = (
            {k: weights[f"{kind}/{k}"] for k in hidden} for kind in ("down", "from_inter", "to_inter")
        )
        self.rate = {k: np.zeros(size) for k, size in enumerate(SIZES)}
        self.rate_inter = {k: np.zeros(SIZES[k + 1]) for k in hidden}
        self.steady = {k: np.zeros(size) for k, size in enumerate(SIZES)}
        self.steady_inter = {k: np.zeros(SIZES[k + 1]) for k in hidden}
        self.xi = {k: np.zeros(SIZES[k]) for k in hidden}
        self.apical = {k: np.zeros(SIZES[k]) for k in hidden}
        self.passed = {k: np.zeros(size) for k, size in enumerate(SIZES)}
        self.tick = 0

    def step(self) -> None:
        """Advance by a tick."""
        n, hidden = self.n, range(1, self.n)
        before, before_inter = self.rate, self.rate_inter
        ub, ub_inter = self.steady, self.steady_inter
        self.rate = {k: 1 / (1 + np.exp(-ub[k])) for k in range(1, n + 1)}
        self.rate[0] = self.samples[self.tick // HOLD % SAMPLES]
        self.rate_inter = {k: 1 / (1 + np.exp(-ub_inter[k])) for k in hidden}
        xi_before, apical_before = self.xi, self.apical
        basal = {k: self.rate[k - 1] @ self.up[k] for k in range(1, n + 1)}
        self.apical = {
            k: self.rate[k + 1] @ self.down[k] + self.rate_inter[k] @ self.inter[k] for k in hidden
        }
        dendrite = {k: self.rate[k] @ self.to[k] for k in hidden}
        gain = self.sigma * np.sqrt(DT / TAU)
        self.xi = {k: (1 - DT / TAU) * xi + gain * self.rng.normal(size=len(xi)) for k, xi in self.xi.items()}
        self.steady = {
            k: (0.1 * basal[k] + 0.06 * (self.apical[k] + xi_before[k])) / 0.19 if k < n else basal[k] / 1.3
            for k in range(1, n + 1)
        }
        self.steady_inter = {k: (0.1 * dendrite[k] + 0.06 * ub[k + 1]) / 0.19 for k in hidden}
        for k in hidden:
            self.inter[k] -= DT * ETA_INTER * np.outer(before_inter[k], apical_before[k])
            self.down[k] += DT * ETA * (np.outer(self.passed[k + 1], self.xi[k]) - DECAY * self.down[k])
        for k in range(n + 1):
            self.passed[k] += self.rate[k] - before[k] - DT / TAU * self.passed[k]
        self.tick += 1


def in_c(program: Path, sigma: float, ticks: int) -> tuple[float, Floats]:
    """Return seconds a tick of the C program, and what it makes of feedback and interneurons' weights."""
    forward, feedback, samples = arrays()
    weights = initial_weights(forward, feedback)
    names = [f"up/{k}" for k in range(1, 5)]
    names += [f"{kind}/{k}" for kind in ("down", "from_inter", "to_inter") for k in range(1, 4)]
    given = np.concatenate([weights[name].ravel() for name in names] + [samples.ravel()])
    done = subprocess.run(
        [str(program), str(sigma), str(ticks)], input=given.tobytes(), capture_output=True, check=True
    )
    values = np.frombuffer(done.stdout)
    return float(values[0]), values[1:]


def compiled(folder: str) -> Path | None:
    """Return the C program, or None where there is no compiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        return None
    source, program = Path(folder, "alignment.c"), Path(folder, "alignment")
    source.write_text(PROGRAM, encoding="ascii")
    command = [compiler, "-O3", "-march=native", str(source), "-o", str(program), "-lm"]
    subprocess.run(command, check=True, capture_output=True)
    return program


def learned(sim: es.Simulation) -> Floats:
    """Return feedback and interneurons' weights as one vector."""
    names = [f"{kind}/{k}" for kind in ("down", "from_inter") for k in range(1, 4)]
    return np.concatenate([sim.array("circuit", name).ravel() for name in names])


def seconds_a_tick(advance: Any, ticks: int, repeats: int) -> float:
    """Return processor time a tick, best of several stretches."""
    best = np.inf
    for _ in range(repeats):
        begin = time.process_time()
        advance(ticks)
        best = min(best, (time.process_time() - begin) / ticks)
    return float(best)


def run(plan: Plan) -> Rows:
    """Measure."""
    work = "PAL 5-20-10-20-5, a tick"

    def row(system: str, seconds: float) -> dict[str, Any]:
        return {"work": work, "system": system, "value": 1e6 * seconds, "unit": "us"}

    plan.announce(f"{work}, agreement")
    sim, slow = simulation(0.0), InNumPy(0.0)
    sim.run_ticks(AGREED)
    for _ in range(AGREED):
        slow.step()
    ours = learned(sim)
    theirs = np.concatenate([w.ravel() for w in (*slow.down.values(), *slow.inter.values())])
    check("numpy", ours, theirs)
    with tempfile.TemporaryDirectory() as folder:
        program = compiled(folder) if plan.peers else None
        if program is not None:
            check("c", ours, in_c(program, 0.0, AGREED)[1])
        plan.announce(work)
        sim = simulation(SIGMA)
        yield row("eventsim", seconds_a_tick(sim.run_ticks, plan.pick(200_000, 50_000), plan.repeats))
        if not plan.peers:
            return
        if program is not None:
            plan.announce(f"{work}, C")
            ticks = plan.pick(200_000, 50_000)
            yield row("c", min(in_c(program, SIGMA, ticks)[0] for _ in range(plan.repeats)))
        plan.announce(f"{work}, numpy")
        slow = InNumPy(SIGMA)

        def advance(ticks: int) -> None:
            for _ in range(ticks):
                slow.step()

        yield row("numpy", seconds_a_tick(advance, plan.pick(2000, 500), plan.repeats))


def check(peer: str, ours: Floats, theirs: Floats) -> None:
    """Raise ArithmeticError if a peer has learned other weights."""
    difference = float(np.abs(ours - theirs).max())
    if not difference < 1e-9:
        raise ArithmeticError(f"the weights that {peer} learns differ by {difference:g}")
