"""Ticks of the scenario elise beside a NumPy program and a C program written for it (elise_program.h).

The published song with its teacher and plasticity on; 13 visible neurons, so that 63 neurons is the published
size. All of them must agree on the weights after some ticks. Microseconds of processor time a tick on one
thread, medians over repeats in turn; `cc` compiles the C program for this processor, where there is one.
"""

import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from eventsim.scenarios.benchmark import Plan, Row, Rows, Seconds
from eventsim.scenarios.elise import Elise
from eventsim.scenarios.elise.network import DENDRITES, Structure, draw, learning_rates
from eventsim.scenarios.elise.patterns import published
from eventsim.scenarios.elise.player import Player

SECONDS = Seconds(60.0, 3.0)
PATTERN = published("fur-elise")
AGREEMENT = 1e-9  # mV, after ticks that all programs compute

Array = np.ndarray


def config(latent: int) -> Elise:
    return Elise(latent=latent)


def player(settings: Elise, structure: Structure) -> Player:
    made = Player(settings, (PATTERN,), structure, 1)
    made._nudge(made.potentials())
    return made


def ours(settings: Elise, structure: Structure, ticks: int) -> tuple[float, Array]:
    made = player(settings, structure)
    begin = time.process_time()
    made.sim.run_ticks(ticks)
    return time.process_time() - begin, np.asarray(made.sim.weights(DENDRITES))


def in_numpy(settings: Elise, structure: Structure, ticks: int) -> tuple[float, Array]:
    """Return seconds and weights of the same ticks in NumPy."""
    n, visible = structure.scaffold.n, structure.scaffold.n_visible
    rates = learning_rates(settings, structure) * settings.dt
    np.fill_diagonal(rates, 0.0)
    w, parents = structure.weight.copy(), structure.scaffold.parents().astype(float)
    target = np.full((PATTERN.ticks(settings.dt), n), -70.0)
    target[:, :visible] = PATTERN.potentials(settings.dt)
    depth, units, dt = 1024, np.arange(n), settings.dt

    def phi(u: Array) -> Array:
        return np.asarray(1.0 / (1.0 + np.exp(0.3 * (-58.0 - u))))

    rest = phi(np.full(n, -70.0))
    ring, supply = np.tile(rest, (depth, 1)), np.tile(rest, (depth, 1))
    u, v, trace = np.full(n, -70.0), np.full(n, -70.0), np.zeros(n)
    strength = np.where(units < visible, 0.6 / 0.4 * 2.1 / 75.0, 0.0)
    begin = time.process_time()
    for m in range(ticks):
        x = ring[(m - structure.dendritic + 1) % depth, units]
        now = target[m % len(target)]
        g_e = 0.3 * (supply[(m - structure.somatic) % depth, units] @ parents) + strength * (now + 75.0)
        g_i = 6.0 * (supply[(m - structure.somatic - 250) % depth, units] @ parents) - strength * now
        du = -0.1 * (u + 70.0) + 2.0 * (v - u) - g_e * u + g_i * (-75.0 - u)
        prediction = (-7.0 + 2.0 * v) / 2.1
        u = u + dt * du
        v = v + dt * 0.1 * (x @ w - (v + 70.0))
        trace += dt * 0.1 * (2.0 / 2.1 * x - trace)
        r = phi(u)
        w += rates * np.outer(trace, r - phi(prediction))
        ring[m % depth], supply[m % depth] = r, np.maximum(r, rest)
    return time.process_time() - begin, w


class Program:
    """The C program, compiled into a folder."""

    def __init__(self, folder: Path, compiler: str) -> None:
        self.folder, self.path = folder, folder / "elise"
        source = files("eventsim.benchmarks") / "elise_program.h"
        command = [compiler, "-O3", "-march=native", "-x", "c", str(source), "-o", str(self.path), "-lm"]
        subprocess.run(command, check=True)

    def run(self, settings: Elise, structure: Structure, ticks: int) -> tuple[float, Array]:
        scaffold = structure.scaffold
        integers: list[Any] = [
            [scaffold.n, scaffold.n_visible, PATTERN.ticks(settings.dt), len(scaffold.pre)]
        ]
        integers += [structure.dendritic, structure.somatic, scaffold.pre, scaffold.post]
        reals: list[Any] = [structure.weight, PATTERN.potentials(settings.dt)]
        reals.append([settings.learning_rate_visible, settings.learning_rate_latent])
        content = b"".join(np.asarray(each, np.int64).tobytes() for each in integers)
        content += b"".join(np.asarray(each, np.float64).tobytes() for each in reals)
        (self.folder / "input").write_bytes(content)
        command = [str(self.path), str(self.folder / "input"), str(ticks), str(self.folder / "weights")]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        weight = np.fromfile(self.folder / "weights").reshape(scaffold.n, scaffold.n)
        return float(done.stdout), weight


def run(plan: Plan) -> Rows:
    """Measure."""
    with tempfile.TemporaryDirectory() as folder:
        compiler = shutil.which("cc") if plan.peers else None
        program = Program(Path(folder), compiler) if compiler else None
        for latent in plan.pick((50, 187, 487, 987), (50,)):
            yield from of_size(plan, latent, program)


def of_size(plan: Plan, latent: int, program: Program | None) -> Rows:
    """Measure networks of one size."""
    settings = config(latent)
    structure = draw(settings, PATTERN.n, 1)
    n = structure.scaffold.n
    work = f"elise, {n} neurons"
    systems: dict[str, tuple[Callable[..., tuple[float, Array]], int]] = {}
    systems["eventsim"] = ours, max(plan.pick(400_000, 50_000) * 63**2 // n**2, 300)
    if program is not None:
        systems["C program"] = program.run, systems["eventsim"][1]
    if plan.peers:
        systems["NumPy"] = in_numpy, max(plan.pick(4000, 1000) * 63 // n, 300)
    plan.announce(f"{work}, agreement")
    weights = {name: each(settings, structure, 300)[1] for name, (each, _) in systems.items()}
    for name, weight in weights.items():
        worst = float(np.abs(weight - weights["eventsim"]).max())
        if not worst < AGREEMENT:
            raise ArithmeticError(f"{name} differs by {worst:g} mV from eventsim with {n} neurons")
    plan.announce(work)
    taken: dict[str, list[float]] = {name: [] for name in systems}
    for _ in range(plan.repeats):
        for name, (each, ticks) in systems.items():
            taken[name].append(each(settings, structure, ticks)[0] / ticks * 1e6)

    def row(system: str, value: float, unit: str) -> Row:
        return {"work": work, "system": system, "n": n, "value": value, "unit": unit}

    for name, times in taken.items():
        yield row(name, statistics.median(times), "us/tick")
        if name != "eventsim":
            pairs = zip(times, taken["eventsim"], strict=True)
            yield row(f"{name} / eventsim", statistics.median(a / b for a, b in pairs), "times")
    per_synapse = statistics.median(taken["eventsim"]) * 1e3 / n**2
    yield row("eventsim, a synapse", per_synapse, "ns/tick")
