"""W2, a recurrent network of excitatory and inhibitory LIF neurons, for one second of its time.

Every neuron has 80 excitatory and 20 inhibitory inputs (N = 1000), or 800 and 200 (N = 10 000), and is
driven by 2000 Hz of Poisson input of its own ("poisson") or by a constant current ("dc"); see the
scenario balanced-network. NEST runs the same network with its exact neurons (`iaf_psc_exp_ps`) and, a
different and cheaper task, on a grid of 0.1 ms (`iaf_psc_exp`). Results are CPU seconds of the run
alone, the median over the repeats, all systems interleaved in one process, on one thread. A run counts
only if its mean rate lies in the accepted range. Building and memory are measured in a process of its own.
"""

import contextlib
import io
import json
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import eventsim as es
from eventsim.scenarios.balanced_network import BalancedNetwork
from eventsim.scenarios.balanced_network.network import POPULATIONS
from eventsim.scenarios.benchmark import Plan, Rows, Seconds

SECONDS = Seconds(400.0, 4.0)
DURATION = 1000.0  # ms
ACCEPTED = {  # Hz, mean rate of all neurons
    "poisson-1000": (9.2, 11.5),
    "poisson-10000": (9.4, 10.8),
    "dc-1000": (10.5, 11.8),
    "dc-10000": (9.9, 10.8),
}
EXACT, GRID = "NEST iaf_psc_exp_ps", "NEST iaf_psc_exp, grid"

Measured = tuple[float, float]  # CPU seconds, mean rate in Hz


def scenario(case: str) -> BalancedNetwork:
    return BalancedNetwork(**BalancedNetwork.presets[case])  # type: ignore[arg-type]


def ours(case: str, seed: int) -> Measured:
    sim = es.Simulation(scenario(case).network(seed))
    assert sim.schedule  # builds
    started = time.process_time()
    sim.run(DURATION)
    seconds = time.process_time() - started
    n_spikes = sum(len(sim.spikes(name)) for name in POPULATIONS)
    return seconds, n_spikes / sum(sim.net.populations[name].n for name in POPULATIONS) * 1e3 / DURATION


def nest_runs(model: str) -> Callable[[str, int], Measured]:
    """Return a function that builds and runs a case in NEST with neurons of `model`."""
    with contextlib.redirect_stdout(io.StringIO()):  # it greets
        import nest

    nest.verbosity = nest.VerbosityLevel.ERROR
    poisson = "poisson_generator_ps" if model.endswith("_ps") else "poisson_generator"

    def run(case: str, seed: int) -> Measured:
        s = scenario(case)
        n = s.n_excitatory + s.n_inhibitory
        nest.ResetKernel()
        nest.set(resolution=0.1, local_num_threads=1, rng_seed=seed + 1)
        cells = nest.Create(
            model,
            n,
            params={
                "tau_m": s.tau_mem,
                "tau_syn_ex": s.tau_syn,
                "tau_syn_in": s.tau_syn,
                "C_m": s.c_mem,
                "E_L": 0.0,
                "V_th": s.v_th,
                "V_reset": 0.0,
                "t_ref": s.t_ref,
                "I_e": s.i_ext,
            },
        )
        cells.V_m = np.random.default_rng(seed).uniform(0.0, s.v_th, n)
        for pre, k, weight in (
            (cells[: s.n_excitatory], s.k_excitatory, s.weight_excitatory),
            (cells[s.n_excitatory :], s.k_inhibitory, s.weight_inhibitory),
        ):
            rule = {"rule": "fixed_indegree", "indegree": k, "allow_autapses": True, "allow_multapses": True}
            nest.Connect(pre, cells, rule, {"weight": weight, "delay": s.delay})
        if s.rate_external > 0:
            drive = nest.Create(poisson, params={"rate": s.rate_external})
            nest.Connect(drive, cells, "all_to_all", {"weight": s.weight_external, "delay": 0.1})
        recorder = nest.Create("spike_recorder")
        nest.Connect(cells, recorder)
        started = time.process_time()
        nest.Simulate(DURATION)
        return time.process_time() - started, recorder.n_events / n * 1e3 / DURATION

    return run


def systems(plan: Plan) -> dict[str, Callable[[str, int], Measured]]:
    found: dict[str, Callable[[str, int], Measured]] = {"eventsim": ours}
    if plan.has("nest"):
        found |= {EXACT: nest_runs("iaf_psc_exp_ps"), GRID: nest_runs("iaf_psc_exp")}
    return found


def measure(case: str, plan: Plan, repeats: int) -> Rows:
    """Yield one row per installed system, all of them measured in turn `repeats` times, on new networks."""
    drive, n = case.split("-")
    low, high = ACCEPTED[case]
    running = systems(plan)
    seconds: dict[str, list[float]] = {name: [] for name in running}
    for repeat in range(repeats):
        for name, simulate in running.items():
            plan.announce(f"{case}, {name}, {repeat + 1} of {repeats}")
            spent, rate = simulate(case, repeat)
            if not low <= rate <= high:
                raise ArithmeticError(
                    f"{name} fires at {rate:.2f} Hz in {case}, accepted are {low} to {high} Hz"
                )
            seconds[name].append(spent)
    for name, values in seconds.items():
        yield {
            "work": f"W2 {drive}",
            "system": name,
            "n": int(n),
            "value": statistics.median(values),
            "unit": "s",
        }


BUILD = """
import json, time
import eventsim as es
from eventsim.benchmarks.balanced_network import peak_memory, scenario
es.Simulation(scenario("dc-1000").network(0)).schedule  # loads what is loaded on first use
before = peak_memory()
started = time.process_time()
es.Simulation(scenario("dc-10000").network(0)).schedule
print(json.dumps([time.process_time() - started, peak_memory() - before]))
"""


def peak_memory() -> float:
    """Return the most memory this process held so far, in bytes; nan where the system does not say."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return math.nan
    return next((1024.0 * int(line.split()[1]) for line in lines if line.startswith("VmHWM")), math.nan)


def build(repeats: int) -> Rows:
    """Yield CPU seconds to build ten million synapses, and the most memory that takes."""
    found = [
        json.loads(subprocess.run([sys.executable, "-c", BUILD], check=True, capture_output=True).stdout)
        for _ in range(repeats)
    ]
    seconds, memory = (statistics.median(values) for values in zip(*found, strict=True))
    row: dict[str, Any] = {"system": "eventsim", "n": 10_000_000}
    yield row | {"work": "W2 build synapses", "value": seconds, "unit": "s"}
    if not math.isnan(memory):
        yield row | {"work": "W2 peak memory", "value": memory / 10_000_000, "unit": "bytes a synapse"}


def run(plan: Plan) -> Rows:
    """Measure all systems at all sizes, large ones half as often."""
    fewer = (plan.repeats + 1) // 2
    for case in ACCEPTED:
        large = case.endswith("-10000")
        if not (large and plan.quick):
            yield from measure(case, plan, fewer if large else plan.repeats)
    if not plan.quick:
        plan.announce("building ten million synapses")
        yield from build(fewer)
