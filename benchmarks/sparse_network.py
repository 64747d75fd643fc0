"""W8, a sparse recurrent network of 1e3 to 1e6 neurons, beside SparseProp's algorithm in C.

N LIF neurons with delta synapses, tau 10 ms, threshold 1, reset 0, K = 100 random inputs of -1/sqrt(K), none
from itself, a constant drive that makes them fire at 3.4 or 13.7 Hz, phases uniform at the beginning, all
spikes recorded. The ordered schedule runs it without delay, as the C program does, with neurons that each
have a clock of their own or one in common (``LIFDelta(clock="common")``). Their first 3 000 spikes must be
of the same units in the same order as the program's. The windows schedule needs a delay, 1.5 ms. Synapses
that are drawn at each spike (``storage="procedural"``) are measured beside held ones; a million neurons have
such alone, 100 random targets each, and the C program holds as many. "memory" is the limit that memory sets:
it reads the targets of as many spikes, adds to 16 bytes of each, and does nothing else.

``eventsim bench sparse-network --picture FILE.png`` draws the rows, and ``python -m
eventsim.benchmarks.sparse_network ROWS.json FILE.png`` those that ``--json`` has printed into ROWS.json.

Results are nanoseconds of processor time a delivery (a spike at one synapse), on one thread, the median over
the repeats, all systems in turn. `cc -O3` compiles the C program, where there is one; for wider registers
(-march=native) it ran eight times slower where this was tried.
"""

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import eventsim as es
from eventsim.scenarios.benchmark import Plan, Row, Rows, Seconds

SECONDS = Seconds(600.0, 4.0)
TAU, K, DELAY = 10.0, 100, 1.5  # ms, inputs of a neuron, ms (windows schedule)
LARGE = 1_000_000  # neurons from which on synapses are drawn only
FIRST = 3000  # spikes that must agree
WORK = {1.0: "W8 3.4 Hz", 10.0: "W8 13.7 Hz"}  # by the rate that sets the drive, in Hz
C, MEMORY = "SparseProp in C", "memory in C"


class Case(NamedTuple):
    """A network, the spikes that a measurement takes, and how long they last."""

    n: int
    rate: float  # Hz, of the mean-field estimate that sets the drive
    spikes: int
    drawn: bool = False  # whether synapses are drawn at each spike

    @property
    def drive(self) -> float:
        """How far the constant input lies above threshold."""
        return TAU * 1e-3 * float(np.sqrt(K)) * self.rate

    @property
    def phases(self) -> np.ndarray:
        """Where each neuron begins between reset (0) and threshold (1)."""
        return np.random.default_rng(1).random(self.n)

    def network(self, delay: float = 0.0, clock: str = "unit") -> es.Network:
        """Return the network."""
        top = 1.0 + self.drive
        v_init = -top * np.expm1(-self.phases * np.log1p(1.0 / self.drive))
        net = es.Network(seed=1)
        cells = es.models.LIFDelta(tau_mem=TAU, c_mem=TAU, i_ext=top, v_init=v_init, clock=clock)
        net.add("cells", cells, self.n)
        rule = es.connect.fixed_outdegree(K) if self.drawn else es.connect.fixed_indegree(K)
        storage = "procedural" if self.drawn else "arrays"
        weight = -1.0 / np.sqrt(K)
        net.connect("cells", "cells", rule, weight=weight, delay=delay, autapses=False, storage=storage)
        return net

    def write(self, path: Path) -> None:
        """Write the network as the C program reads it."""
        net = self.network()
        synapses = net.projections[0].resolve(net)
        pre = synapses.sources()
        order = np.arange(len(pre)) if self.drawn else np.argsort(pre, kind="stable")
        start = np.concatenate([[0], np.cumsum(np.bincount(pre, minlength=self.n))]).astype(np.int64)
        with path.open("wb") as file:
            np.array([self.n, self.n * K, self.drive, 1.0 / np.sqrt(K), TAU]).tofile(file)
            start.tofile(file)
            synapses.targets()[order].tofile(file)
            self.phases.tofile(file)


class Program:
    """The C program, compiled into a folder."""

    def __init__(self, folder: Path, compiler: str) -> None:
        self.folder, self.path = folder, folder / "sparse"
        source = files("eventsim.benchmarks") / "sparse_program.h"
        command = [compiler, "-O3", "-x", "c", str(source), "-o", str(self.path), "-lm"]
        subprocess.run(command, check=True)

    def run(self, mode: str, before: int, spikes: int) -> tuple[float, float, np.ndarray, np.ndarray]:
        """Return ns a delivery, the rate in Hz, and the times and units of the first spikes."""
        command = [str(self.path), str(self.folder / "network"), mode, str(before), str(spikes)]
        command.append(str(self.folder / "spikes"))
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        nanoseconds, rate, _ = map(float, done.stdout.split())
        times, units = np.fromfile(self.folder / "spikes").reshape(2, FIRST)
        return nanoseconds, rate, times, units.astype(np.int64)


def agree(case: Case, program: Program, clock: str) -> float:
    """Return by how much the first spikes differ in time, at most; `clock` is that of our neurons.

    Raises
    ------
    ArithmeticError
        If they are not of the same units in the same order.
    """
    _, _, times, units = program.run("phases", 0, FIRST)
    sim = es.Simulation(case.network(clock=clock), schedule="ordered", instant_loops=True)
    while len(sim.spikes("cells")) < FIRST:
        sim.run(max(sim.now * 1.2, times[-1] * 1.001))
    spikes = sim.spikes("cells")
    wrong = np.flatnonzero(spikes.units[:FIRST] != units)
    if len(wrong):
        raise ArithmeticError(
            f"spike {wrong[0]} of {case.n} neurons is of unit {spikes.units[wrong[0]]}, "
            f"in C of {units[wrong[0]]}"
        )
    return float(np.abs(spikes.times[:FIRST] - times).max())


def of_ours(case: Case, clock: str = "unit", **options: Any) -> Callable[[], tuple[float, float]]:
    """Return a function that runs on by so many spikes, and returns ns a delivery and the rate in Hz."""
    delay = DELAY if options.get("schedule") == "windows" else 0.0
    sim = es.Simulation(case.network(delay, clock), **options)
    sim.run(1e3 / case.rate / 4)
    ms = case.spikes / case.n / case.rate * 1e3 / 1.4

    def measure() -> tuple[float, float]:
        before, started = len(sim.spikes("cells")), time.process_time()
        sim.run_for(ms)
        seconds = time.process_time() - started
        n = len(sim.spikes("cells")) - before
        return seconds / n / K * 1e9, n / case.n / ms * 1e3

    return measure


PEAK = """
import sys
from eventsim.benchmarks.balanced_network import peak_memory
from eventsim.benchmarks.sparse_network import Case, of_ours
before = peak_memory()
of_ours(Case(int(sys.argv[1]), float(sys.argv[2]), 1, True), schedule="ordered", instant_loops=True)
print((peak_memory() - before) / 1e6)
"""


def peak(case: Case) -> float:
    """Return the most memory that building a network and running a quarter of a cycle takes, in MB."""
    command = [sys.executable, "-c", PEAK, str(case.n), str(case.rate)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def measure(case: Case, plan: Plan, program: Program | None) -> Rows:
    """Yield one row for each system, all of them measured in turn."""
    work = WORK[case.rate]

    def row(system: str, value: float, unit: str) -> Row:
        return {"work": work, "system": system, "n": case.n, "value": value, "unit": unit}

    running: dict[str, Callable[[], tuple[float, float]]] = {}
    running["eventsim, common clock"] = of_ours(case, "common", schedule="ordered", instant_loops=True)
    if not case.drawn:
        running["eventsim, ordered"] = of_ours(case, schedule="ordered", instant_loops=True)
    running["eventsim, windows"] = of_ours(case, schedule="windows")
    drawn = case._replace(drawn=True)
    running["eventsim, ordered, drawn"] = of_ours(drawn, schedule="ordered", instant_loops=True)
    if program is not None:
        case.write(program.folder / "network")
        yield row("eventsim, first spikes differ by", agree(case, program, "unit"), "ms")
        yield row("eventsim, common clock, first spikes differ by", agree(case, program, "common"), "ms")
        for name, mode in ((C, "phases"), (MEMORY, "memory")):
            running[name] = lambda mode=mode: program.run(mode, case.n // 3, case.spikes)[:2]  # type: ignore[misc]
    found: dict[str, list[float]] = {name: [] for name in running}
    for repeat in range(plan.repeats):
        for name, run_on in running.items():
            plan.announce(f"{work}, {case.n} neurons, {name}, {repeat + 1} of {plan.repeats}")
            nanoseconds, rate = run_on()
            if rate and not 0.8 < rate / float(work.split()[1]) < 1.25:
                raise ArithmeticError(f"{name} fires at {rate:.2f} Hz in {work}")
            found[name].append(nanoseconds)
    for name, values in found.items():
        yield row(name, statistics.median(values), "ns a delivery")
    if case.n >= LARGE and case.drawn:
        yield row("eventsim, peak memory", peak(case), "MB")
    for name in found if program is not None else ():
        if name.startswith("eventsim"):
            ratios = [ours / theirs for ours, theirs in zip(found[name], found[C], strict=True)]
            yield row(f"{name} / {C}", statistics.median(ratios), "times")


def run(plan: Plan) -> Rows:
    """Measure networks of all sizes."""
    compiler = shutil.which("cc") if plan.peers else None
    with tempfile.TemporaryDirectory() as folder:
        program = Program(Path(folder), compiler) if compiler else None
        for rate in WORK:
            for n in plan.pick((1_000, 10_000, 100_000, LARGE), (1_000, 10_000)):
                spikes = max(plan.pick(50_000, 5_000), n // 4)
                yield from measure(Case(n, rate, spikes, drawn=n >= LARGE), plan, program)


def picture(rows: list[Row], path: Path) -> None:
    """Draw cost a delivery against the number of neurons, one panel for each rate."""
    from matplotlib.figure import Figure

    from eventsim.io.plots.styling import COLOURS, GREY, MARKS

    names = {
        "eventsim, ordered": "ordered schedule",
        "eventsim, ordered, drawn": "ordered, synapses drawn",
        "eventsim, windows": "windows, delay 1.5 ms",
        "eventsim, common clock": "ordered, neurons on a common clock",
        C: "SparseProp's algorithm in C",
        MEMORY: "memory alone, in C",
    }
    figure = Figure(figsize=(8.0, 4.2), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, (rate, work) in zip(panels, WORK.items(), strict=True):
        for k, (system, label) in enumerate(names.items()):
            found = [row for row in rows if (row["work"], row["system"]) == (work, system)]
            sizes, costs = [row["n"] for row in found], [row["value"] for row in found]
            colour = GREY if system == MEMORY else COLOURS[k]
            axes.plot(
                sizes, costs, marker=MARKS[k], color=colour, ls="--" if "in C" in label else "-", label=label
            )
        axes.set(xscale="log", yscale="log", xlabel="neurons", title=f"{work.removeprefix('W8 ')}")
        axes.grid(True, alpha=0.3)
        if rate == min(WORK):
            axes.set_ylabel("ns a delivery")
            figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=8)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    import json

    picture(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), Path(sys.argv[2]))
