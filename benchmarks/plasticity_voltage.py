"""Cells whose synapses follow their membranes, for one second: voltage-based plasticity, beside NEST's.

Each of 200 sources fires at 10 Hz and reaches half of 50 cells, drawn at random, with jumps of 2 mV, so
that they fire at about 4 Hz; 5 000 synapses follow the rule. NEST runs `aeif_psc_delta_clopath` with
`clopath_synapse` on the same spike times and synapses, on its grid of 0.1 ms; ours has no grid and a
tolerance of 1e-10. Results are CPU seconds of the run alone, the median over the repeats, both in turn in
one process, on one thread. A run counts only if rate and mean weight lie in the accepted range.
"""

import contextlib
import io
import statistics
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

import eventsim as es
from eventsim.scenarios.benchmark import Plan, Rows

N_CELLS, N_SOURCES, RATE, WEIGHT, DELAY, DURATION = 50, 200, 10.0, 2.0, 1.0, 1000.0  # Hz, mV, ms, ms
W_MAX, STEP = 3.0 * WEIGHT, 0.1  # mV; ms, of NEST
ACCEPTED_RATE, ACCEPTED_WEIGHT = (1.0, 10.0), (0.97, 1.02)  # Hz; mean weight over its first value

Drawn = tuple[list[NDArray[np.float64]], NDArray[np.bool_]]
Measured = tuple[float, float, float]  # CPU seconds, mean rate in Hz, mean weight over its first value


def drawn(seed: int) -> Drawn:
    """Return the spike times of each source, on NEST's grid, and which source reaches which cell."""
    rng = np.random.default_rng(seed)
    counts = rng.poisson(RATE * DURATION / 1e3, N_SOURCES)
    trains = [np.unique(rng.integers(2, round(DURATION / STEP), n)) * STEP for n in counts]
    return trains, rng.random((N_SOURCES, N_CELLS)) < 0.5


def ours(given: Drawn, plastic: bool = True) -> Measured:
    """Build and run."""
    trains, reached = given
    pre, post = (each.astype(np.int32) for each in np.nonzero(reached))
    net = es.Network()
    net.add("input", es.models.SpikeSource(times=trains), N_SOURCES)
    net.add("cells", es.models.ClopathAdEx(), N_CELLS)
    net.connect("input", "cells", es.connect.pairs(pre, post), weight=WEIGHT, delay=DELAY)
    if plastic:
        net.add_plasticity("input->cells", es.models.plasticity.VoltageSTDP(w_max=W_MAX))
    sim = es.Simulation(net)
    assert sim.schedule  # builds
    started = time.process_time()
    sim.run(DURATION)
    spent = time.process_time() - started
    rate = len(sim.spikes("cells")) / N_CELLS * 1e3 / DURATION
    return spent, rate, float(sim.weights("input->cells")[2].mean()) / WEIGHT


def in_nest(given: Drawn) -> Measured:
    """Build and run in NEST."""
    with contextlib.redirect_stdout(io.StringIO()):  # it greets
        import nest

    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.ResetKernel()
    nest.set(resolution=STEP, local_num_threads=1)
    trains, reached = given
    pre, post = (each.astype(np.int32) for each in np.nonzero(reached))
    cells = nest.Create("aeif_psc_delta_clopath", N_CELLS)
    sources, relays = nest.Create("spike_generator", N_SOURCES), nest.Create("parrot_neuron", N_SOURCES)
    for source, times in zip(sources, trains, strict=True):
        source.spike_times = np.round(times - STEP, 6)  # the relay is a step late
    nest.Connect(sources, relays, "one_to_one", {"delay": STEP})
    every = np.ones(len(pre))
    synapse = {
        "synapse_model": "clopath_synapse",
        "weight": WEIGHT * every,
        "delay": DELAY * every,
        "Wmax": W_MAX * every,
    }
    pairs = np.array(relays.tolist())[pre], np.array(cells.tolist())[post]
    nest.Connect(*pairs, "one_to_one", synapse)
    recorder = nest.Create("spike_recorder")
    nest.Connect(cells, recorder)
    started = time.process_time()
    nest.Simulate(DURATION)
    spent = time.process_time() - started
    weights = nest.GetConnections(synapse_model="clopath_synapse").weight
    return spent, recorder.n_events / N_CELLS * 1e3 / DURATION, float(np.mean(weights)) / WEIGHT


def measure(plan: Plan) -> Rows:
    """Yield one row per system."""
    running: dict[str, Callable[[Drawn], Measured]] = {
        "eventsim, static": lambda given: ours(given, False),
        "eventsim": ours,
    }
    if plan.has("nest") and not plan.quick:
        running["NEST aeif_psc_delta_clopath, clopath_synapse"] = in_nest
    seconds: dict[str, list[float]] = {name: [] for name in running}
    for repeat in range(plan.repeats):
        given = drawn(repeat)
        for name, simulate in running.items():
            plan.announce(f"voltage-based plasticity, {name}, {repeat + 1} of {plan.repeats}")
            spent, rate, weight = simulate(given)
            low, high = ACCEPTED_WEIGHT
            if not (ACCEPTED_RATE[0] <= rate <= ACCEPTED_RATE[1] and low <= weight <= high):
                raise ArithmeticError(
                    f"{name} fires at {rate:.2f} Hz with mean weight {weight:.4f}, accepted are "
                    f"{ACCEPTED_RATE[0]} to {ACCEPTED_RATE[1]} Hz and {low} to {high}"
                )
            seconds[name].append(spent)
    for name, values in seconds.items():
        value = statistics.median(values)
        yield {"work": "voltage STDP", "system": name, "n": N_CELLS, "value": value, "unit": "s"}
