"""One network many times: samples of Yin-Yang, and trials of a large network.

Built for each, or built once and set back in place, with its synapses shared; the ways take turns.
"""

import statistics
import time

import numpy as np

import eventsim as es
from eventsim.scenarios.benchmark import Plan, Rows, Seconds

SECONDS = Seconds(25.0, 1.0)
UNTIL = 4.0
TRIALS, TRIAL = 4, 5.0  # and how long one is, in ms


def network(seed: int = 1) -> es.Network:
    """Return the published sizes: 5 inputs, 120 hidden neurons and 3 label neurons that spike once."""
    rng = np.random.default_rng(seed)
    net = es.Network(seed=seed)
    neuron = es.models.LIF(tau_mem=1.0, first_spike_only=True)
    net.add("input", es.models.SpikeSource(), 5)
    net.add("hidden", neuron, 120)
    net.add("label", neuron, 3)
    net.connect("input", "hidden", weight=rng.normal(1.5, 0.8, (5, 120)))
    net.connect("hidden", "label", weight=rng.normal(0.5, 0.8, (120, 3)))
    return net


def inputs(n: int, seed: int = 42) -> np.ndarray:
    """Return Yin-Yang samples as spike times in [0.15, 2], with the bias, shape (n, 5)."""
    samples, _ = es.io.datasets.yin_yang(size=n, seed=seed)
    return np.column_stack([0.15 + 1.85 * samples, np.full(n, 0.9)])


def built_for_each(net: es.Network, schedule: str, times: np.ndarray) -> list[es.Spikes]:
    """Return the label spikes of each sample, each from a simulation of its own."""
    found = []
    for sample in times:
        sim = es.Simulation(net, schedule=schedule)
        sim.stimulate("input", sample, np.arange(5))
        sim.run(UNTIL)
        found.append(sim.spikes("label"))
    return found


def large(n: int) -> es.Network:
    """Return n neurons with a tenth of them as sources of each, driven by noise."""
    net = es.Network(seed=1)
    net.add("noise", es.models.Poisson(rate=8000.0), n)
    net.add("cells", es.models.LIF(tau_mem=10.0, tau_syn=0.5, t_ref=2.0), n)
    net.connect("noise", "cells", es.connect.one_to_one(), weight=0.3)
    net.connect("cells", "cells", es.connect.fixed_indegree(n // 10), weight=-0.01, delay=1.5)
    return net


def trials(plan: Plan) -> Rows:
    """Measure trials of a network that is built for each and of one with shared synapses, in seconds."""
    net = large(n := plan.pick(10_000, 500))
    found: dict[str, list[float]] = {"built for each": [], "synapses shared": []}
    sim = es.Simulation(net)
    for repeat in range(plan.repeats):
        plan.announce(f"{TRIALS} trials of {n} neurons, {repeat + 1} of {plan.repeats}")
        start = time.process_time()
        apart = []
        for trial in range(TRIALS):
            one = es.Simulation(net, trial=trial)
            one.run(TRIAL)
            apart.append(one.spikes("cells"))
        middle = time.process_time()
        together = sim.trials(TRIALS, until=TRIAL).spikes("cells")
        found["built for each"].append(middle - start)
        found["synapses shared"].append(time.process_time() - middle)
        if any(a.times.tobytes() != b.times.tobytes() for a, b in zip(apart, together, strict=True)):
            raise ArithmeticError("a trial with shared synapses has other spikes than one of its own")
    for way, each in found.items():
        value, work = statistics.median(each), f"{TRIALS} trials of {TRIAL:g} ms"
        yield {"work": work, "system": f"eventsim, {way}", "n": n, "value": value, "unit": "s"}


def run(plan: Plan) -> Rows:
    """Measure samples, then trials."""
    yield from samples_of_yin_yang(plan)
    yield from trials(plan)


def samples_of_yin_yang(plan: Plan) -> Rows:
    """Measure both ways in turn, in microseconds a sample, and compare their spikes to the bit."""
    samples = plan.pick(200, 20)
    net, times = network(), inputs(samples)
    for schedule in ("layered", "ordered"):
        plan.announce(f"samples of Yin-Yang, {schedule}")
        sim = es.Simulation(net, schedule=schedule)
        found: dict[str, list[float]] = {"built for each": [], "in place": []}
        for _ in range(plan.repeats):
            start = time.perf_counter()
            fresh = built_for_each(net, schedule, times)
            middle = time.perf_counter()
            batch = sim.run_batch({"input": times}, UNTIL)
            end = time.perf_counter()
            found["built for each"].append((middle - start) / samples * 1e6)
            found["in place"].append((end - middle) / samples * 1e6)
            for one, other in zip(fresh, batch.spikes("label"), strict=True):
                if one.times.tobytes() != other.times.tobytes() or one.units.tolist() != other.units.tolist():
                    raise ArithmeticError("a sample in place has other spikes than one built anew")
        for way, each in found.items():
            value = statistics.median(each)
            work = f"sample of Yin-Yang, {schedule}"
            yield {"work": work, "system": f"eventsim, {way}", "n": samples, "value": value, "unit": "us"}
