"""A thousand neurons of two compartments, for one second of their time, and NEURON on passive ones.

Every neuron has 50 synapses on its soma and 50 on its dendrite, from Poisson sources of 10 Hz. "active" is
the network of the scenario nonlinear-dendrites: spikes of the soma, plateaus of the dendrite, synapses that
are currents. "passive" has the same trees and sources; its synapses are conductances, and its events
thresholds that a potential crosses from below. So they are in NEURON, which takes its fixed step (implicit
Euler) of the same 0.1 ms with deliveries in bins. For exact times of events NEURON has a variable step for
each cell, here with its default tolerance; its synapses are conductances there too, ours are currents of
the same size, and exact.

Results are CPU seconds of the run alone, the median over the repeats, all systems interleaved in one
process, on one thread. On ticks the rates of events of both systems have to agree.
"""

import math
import os
import statistics
import time
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

import eventsim as es
from eventsim.models import Compartment, MultiCompartment, Receptor, ThresholdEvent
from eventsim.scenarios.benchmark import Plan, Rows, Seconds
from eventsim.scenarios.nonlinear_dendrites import NonlinearDendrites
from eventsim.scenarios.nonlinear_dendrites.network import network_of

SECONDS = Seconds(20.0, 2.0)
DURATION = 1000.0  # ms
DT = 0.1  # ms
N_SYNAPSES = 50  # of each compartment
RATE = 10.0  # Hz
DELAY = 1.0  # ms
TAU_SYN = 5.0  # ms
V_LEAK, COUPLING = -70.0, 2.0  # mV, nS
# name, pF, nS of leak, mV of threshold, nS of a synapse, pA of one that moves it as much
PARTS = (("soma", 200.0, 10.0, -50.0, 1.1, 62.0), ("dendrite", 100.0, 5.0, -55.0, 0.36, 21.5))
SAME_RATE = 0.25  # relative deviation of the events of two systems: 1 % more spikes of sources make 6 % more

Measured = tuple[float, float]  # CPU seconds, events of a neuron
System = Callable[[int, int], Measured]  # of (neurons, seed)


def timed(sim: es.Simulation, n: int) -> Measured:
    assert sim.schedule  # builds
    started = time.process_time()
    sim.run(DURATION)
    seconds = time.process_time() - started
    return seconds, sum(len(sim.spikes(name)) for name in ("cells", "cells.dendrite")) / n


def active(solver: Literal["exact", "ticks"]) -> System:
    """Return what runs the network of the scenario."""

    def run(n: int, seed: int) -> Measured:
        net = network_of(NonlinearDendrites(task="network", neurons=n, solver=solver), seed)
        return timed(es.Simulation(net, dt=DT if solver == "ticks" else None), n)

    return run


def passive(solver: Literal["exact", "ticks"]) -> System:
    """Return what runs passive trees: with conductances on ticks, with currents exactly."""
    counts = ThresholdEvent(mode="edge")
    on_ticks = solver == "ticks"

    def run(n: int, seed: int) -> Measured:
        receptor = {"input": Receptor(TAU_SYN, 0.0 if on_ticks else None)}
        parts = tuple(
            Compartment(name, c, g, V_LEAK, v_th, counts, receptor) for name, c, g, v_th, *_ in PARTS
        )
        net = es.Network(seed=seed)
        net.add("sources", es.models.Poisson(rate=RATE), n)
        net.add("cells", MultiCompartment(parts, (("soma", "dendrite", COUPLING),), solver=solver), n)
        for name, *_, conductance, current in PARTS:
            weight = conductance if on_ticks else current
            rule = es.connect.fixed_indegree(min(N_SYNAPSES, n))
            net.connect(
                "sources",
                "cells",
                rule,
                weight=weight,
                delay=DELAY,
                multapses=False,
                receptor=name,
                name=name,
            )
        return timed(es.Simulation(net, dt=DT if on_ticks else None), n)

    return run


def neuron_runs(variable_step: bool) -> System:
    """Return what builds and runs passive trees in NEURON."""
    os.environ.setdefault("NEURON_MODULE_OPTIONS", "-nogui")
    from neuron import h

    parallel, solver = h.ParallelContext(), h.CVode()

    def section(c_mem: float, g_leak: float) -> Any:
        made = h.Section()
        made.nseg = 1
        area = c_mem * 1e-6  # cm2 at 1 uF/cm2
        made.L = made.diam = math.sqrt(area * 1e8 / math.pi)  # um
        made.cm = 1.0
        made.insert("pas")
        made.g_pas, made.e_pas = g_leak * 1e-9 / area, V_LEAK
        return made

    def run(n: int, seed: int) -> Measured:
        draws = np.random.default_rng(seed)
        sources, kept = [], []
        times = h.Vector()
        for k in range(n):
            source = h.NetStim()
            source.interval, source.number, source.start, source.noise = 1e3 / RATE, 1e9, 0.0, 1.0
            source.noiseFromRandom123(k, seed, 0)
            sources.append(source)
        for _ in range(n):
            soma, dendrite = (section(c, g) for _, c, g, *_ in PARTS)
            # The coupling is the half of the dendrite that lies before its middle; the soma conducts well.
            soma.Ra = 1e-3
            half = dendrite.L / 2 / (math.pi * dendrite.diam**2 / 4) * 1e4  # of 1 ohm cm, in ohm
            dendrite.Ra = 1e9 / COUPLING / half
            dendrite.connect(soma(1), 0)
            for part, (_, _, _, v_th, conductance, _) in zip((soma, dendrite), PARTS, strict=True):
                synapse = h.ExpSyn(part(0.5))
                synapse.tau, synapse.e = TAU_SYN, 0.0
                for source in draws.choice(n, min(N_SYNAPSES, n), replace=False):
                    kept.append(h.NetCon(sources[source], synapse, 0.0, DELAY, conductance * 1e-3))  # uS
                counter = h.NetCon(part(0.5)._ref_v, None, sec=part)
                counter.threshold = v_th
                counter.record(times)
                kept += [part, synapse, counter]
        solver.active(variable_step)
        solver.queue_mode(not variable_step)
        if variable_step:
            solver.use_local_dt(True)
        else:
            h.dt = DT
        parallel.set_maxstep(10.0)
        h.finitialize(V_LEAK)
        started = time.process_time()
        if variable_step:
            solver.solve(DURATION)
        else:
            parallel.psolve(DURATION)
        return time.process_time() - started, len(times) / n

    return run


def measure(work: str, n: int, systems: dict[str, System], plan: Plan, repeats: int) -> Rows:
    """Yield one row for each system, all of them measured in turn `repeats` times."""
    found: dict[str, list[Measured]] = {name: [] for name in systems}
    for repeat in range(repeats):
        for name, simulate in systems.items():
            plan.announce(f"{work}, {n} neurons, {name}, {repeat + 1} of {repeats}")
            found[name].append(simulate(n, repeat + 1))
    rates = {name: statistics.mean(rate for _, rate in each) for name, each in found.items()}
    ours = next(iter(rates.values()))
    for name, rate in rates.items():
        if work == "passive, ticks" and n >= 1000 and abs(rate / ours - 1) > SAME_RATE:
            raise ArithmeticError(f"{name} has {rate:.2f} events of a neuron, ours has {ours:.2f}")
    for name, each in found.items():
        value = statistics.median(seconds for seconds, _ in each)
        yield {"work": f"two compartments, {work}", "system": name, "n": n, "value": value, "unit": "s"}


def run(plan: Plan) -> Rows:
    """Measure all systems, in CPU seconds."""
    n, repeats = plan.pick(1000, 100), plan.repeats
    yield from measure("active, exact", n, {"eventsim": active("exact")}, plan, repeats)
    yield from measure("active, ticks", n, {"eventsim": active("ticks")}, plan, repeats)
    has_neuron = plan.has("neuron")
    systems = {"eventsim": passive("ticks")}
    if has_neuron:
        systems["NEURON, fixed step"] = neuron_runs(variable_step=False)
    yield from measure("passive, ticks", n, systems, plan, repeats)
    systems = {"eventsim": passive("exact")}
    if has_neuron:
        systems["NEURON, variable step"] = neuron_runs(variable_step=True)
    yield from measure("passive, exact", max(n // 10, 1), systems, plan, (repeats + 1) // 2)
