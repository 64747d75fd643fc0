"""One network many times: samples of Yin-Yang, also on a simulated chip, and trials of a large network.

Built for each, or built once and set back in place, with its synapses shared; the ways take turns. On the
chip each sample has thresholds, jitter and losses of its own, and spikes are simulated event by event.
"""

import statistics
import time
from typing import Any

import numpy as np

import eventsim as es
from eventsim.hardware.device import Prepared, transmissions_of, with_thresholds
from eventsim.hardware.transmission import Trials
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
    yield from samples_on_a_chip(plan)
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
            start = time.process_time()
            fresh = built_for_each(net, schedule, times)
            middle = time.process_time()
            batch = sim.run_batch({"input": times}, UNTIL)
            end = time.process_time()
            found["built for each"].append((middle - start) / samples * 1e6)
            found["in place"].append((end - middle) / samples * 1e6)
            for one, other in zip(fresh, batch.spikes("label"), strict=True):
                if one.times.tobytes() != other.times.tobytes() or one.units.tolist() != other.units.tolist():
                    raise ArithmeticError("a sample in place has other spikes than one built anew")
        for way, each in found.items():
            value = statistics.median(each)
            work = f"sample of Yin-Yang, {schedule}"
            yield {"work": work, "system": f"eventsim, {way}", "n": samples, "value": value, "unit": "us"}


def chip() -> es.hardware.Substrate:
    """Return hardware whose samples differ in everything that can differ from sample to sample."""
    parts = [
        es.hardware.Mismatch("v_th", 0.05),
        es.hardware.ThresholdNoise(sample=0.02),
        es.hardware.Latency(0.05),
        es.hardware.Jitter(0.02, whose="all"),
        es.hardware.SpikeLoss(0.02),
    ]
    return es.hardware.Substrate(parts, device_seed=3, seed=1)


class OneSample:
    """The chip in one sample of a trial, for a simulation of its own."""

    def __init__(self, device: es.hardware.Substrate, prepared: Prepared, sample: int) -> None:
        self.prepared = prepared
        self.trials = Trials(device.device_seed, device.seed, 0, np.array([sample]))

    def transform(self, network: es.Network, trial: int = 0) -> es.Network:
        """Return the network, as the chip has it, with the thresholds of the sample."""
        return with_thresholds(network, self.prepared.threshold_shares(network, self.trials))

    def transmissions(self, network: es.Network, trial: int = 0) -> dict[str, Any]:
        """Return how spikes leave in the sample."""
        return transmissions_of(self.prepared.transmission_parameters(network, self.trials), 0)


def samples_on_a_chip(plan: Plan) -> Rows:
    """Measure both ways in turn, in microseconds of processor time, and compare their spikes to the bit."""
    samples = plan.pick(200, 20)
    net, times, device = network(), inputs(samples), chip()
    prepared = device.prepared(net)
    written, _ = prepared.written(net)
    target = es.hardware.SimulatedTarget(device, closed_forms=False)
    target.configure(net)
    found: dict[str, list[float]] = {"built for each": [], "in place": []}
    for repeat in range(plan.repeats):
        plan.announce(f"samples of Yin-Yang on a chip, {repeat + 1} of {plan.repeats}")
        start = time.process_time()
        fresh = []
        for sample, row in enumerate(times):
            sim = es.Simulation(written, OneSample(device, prepared, sample))
            sim.stimulate("input", row, np.arange(5))
            sim.run(UNTIL)
            fresh.append(sim.spikes("label"))
        middle = time.process_time()
        observed = target.run({"input": times}, until=UNTIL, trial=0)
        found["in place"].append((time.process_time() - middle) / samples * 1e6)
        found["built for each"].append((middle - start) / samples * 1e6)
        for one, other in zip(fresh, observed.spikes["label"], strict=True):
            if one.times.tobytes() != other.times.tobytes() or one.units.tolist() != other.units.tolist():
                raise ArithmeticError("a sample on the chip in place has other spikes than one built anew")
    for way, each in found.items():
        work, value = "sample of Yin-Yang on a chip", statistics.median(each)
        yield {"work": work, "system": f"eventsim, {way}", "n": samples, "value": value, "unit": "us"}
