"""What a chip's imperfections cost: networks of LIF neurons on `brainscales2`, and the same ones run ideally.

"recurrent": 100 neurons, each with synapses from all, 7 ms late, and from 100 lines of Poisson input, event
by event for 2 s of the network's time. "layers": the 25-120-3 network of fast-and-deep, spikes of 50 samples
one after the other, event by event. "batch": the same network, 150 samples at once by closed forms, as
training in the loop runs them: load and run. The ideal run is of the network as the chip has it (weights,
thresholds), so that both have nearly as many spikes; what the chip adds is what happens to each spike:
jitter, the clock. Copies of an input come at different times in both. Results are processor time of the run
alone, all interleaved, medians over the repeats.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import eventsim as es
from eventsim.hardware.chips.brainscales2 import BrainScaleS2
from eventsim.hardware.targets.simulated import SimulatedTarget
from eventsim.scenarios import tasks
from eventsim.scenarios.benchmark import Plan, Rows, Seconds
from eventsim.scenarios.fast_and_deep import FastAndDeep

SECONDS = Seconds(3.0, 1.0)
CHIP = BrainScaleS2(device_seed=7)
DURATION = 2000.0  # ms
N, N_LINES, RATE = 100, 100, 50.0  # neurons, input lines, Hz on each
SAMPLES, SLOT, BATCH = 50, 30.0, 150
STEPS = 10  # batches in each repeat
IDEAL, ON_CHIP = "eventsim", "on brainscales2"

Timed = Callable[[], tuple[float, int]]  # processor seconds, number of spikes


def recurrent() -> es.Network:
    """Return the recurrent network."""
    rng = np.random.default_rng(1)
    net = es.Network(seed=1)
    net.add("input", es.models.Poisson(rate=RATE), N_LINES)
    net.add("cells", es.models.LIF(tau_mem=10.0, tau_syn=5.0, t_ref=2.0), N)
    net.connect("input", "cells", weight=rng.normal(0.05, 0.05, (N_LINES, N)))
    net.connect("cells", "cells", weight=rng.normal(-0.02, 0.1, (N, N)), delay=7.0)
    return net


def layers() -> tuple[es.Network, dict[str, Any]]:
    """Return the untrained network of fast-and-deep on the chip, and its inputs for all samples."""
    scenario = FastAndDeep(**FastAndDeep.presets["brainscales2"])  # type: ignore[arg-type]
    task = tasks.yin_yang()
    inputs = scenario.inputs(task, task.sets["train"][0][:BATCH])
    rng = np.random.default_rng(2)
    return scenario.network(task, seed=1), {
        name: times + rng.normal(0.0, 0.01, (BATCH, times.shape[1])) for name, times in inputs.items()
    }


def simulated(net: es.Network, hardware: Any, inputs: dict[str, Any] | None = None) -> Timed:
    """Return what runs a network event by event, for the samples of some inputs if there are any."""

    def timed() -> tuple[float, int]:
        sim = es.Simulation(net, hardware=hardware)
        for name, times in (inputs or {}).items():
            for k, row in enumerate(times[:SAMPLES]):
                sim.stimulate(name, row + k * SLOT, np.arange(len(row)))
        assert sim.schedule  # builds
        begin = time.process_time()
        sim.run(DURATION if inputs is None else SAMPLES * SLOT)
        seconds = time.process_time() - begin
        return seconds, sum(len(sim.spikes(name)) for name in net.populations)

    return timed


def in_batches(net: es.Network, hardware: Any, inputs: dict[str, Any]) -> Timed:
    """Return what loads a network and runs a batch of samples, as training in the loop does."""
    target = SimulatedTarget(hardware)
    trial = 0

    def timed() -> tuple[float, int]:
        nonlocal trial
        begin = time.process_time()
        for _ in range(STEPS):
            target.configure(net)
            observed = target.run(inputs, until=SLOT, trial=trial)
            found = [observed.first_spikes(name) for name in ("hidden", "label")]
            trial += 1
        seconds = (time.process_time() - begin) / STEPS
        return seconds, sum(int(np.isfinite(times).sum()) for times in found)

    return timed


class Exits(BrainScaleS2):
    """The chip for a network that is written as the chip has it already: only spikes are changed."""

    def transform(self, network: es.Network, trial: int = 0) -> es.Network:
        """Return the network itself."""
        return network


def run(plan: Plan) -> Rows:
    """Measure on the chip and ideally, in turn."""
    feed_forward, inputs = layers()
    written = {
        name: CHIP.prepared(net).written(net)[0]
        for name, net in (("recurrent", recurrent()), ("layers", feed_forward))
    }
    works: dict[str, tuple[int, dict[str, Timed]]] = {}
    for name, net in written.items():
        given = inputs if name == "layers" else None
        works[f"LIF network, {name}"] = (
            N if name == "recurrent" else 123,
            {IDEAL: simulated(net, None, given), ON_CHIP: simulated(net, Exits(device_seed=7), given)},
        )
    works["LIF network, batch"] = (
        BATCH,
        {
            IDEAL: in_batches(written["layers"], None, inputs),
            ON_CHIP: in_batches(feed_forward, CHIP, inputs),
        },
    )
    for work, (n, systems) in works.items():
        plan.announce(work)
        taken: dict[str, list[float]] = {name: [] for name in systems}
        for repeat in range(plan.repeats + 1):
            spikes = {}
            for name, timed in systems.items():
                seconds, spikes[name] = timed()
                if repeat:  # the first one loads
                    taken[name].append(seconds)
            if abs(spikes[ON_CHIP] - spikes[IDEAL]) > 0.1 * spikes[IDEAL]:
                raise ArithmeticError(
                    f"{work}: {spikes[ON_CHIP]} spikes on the chip, {spikes[IDEAL]} ideally"
                )
        for name, values in taken.items():
            value = 1e3 * statistics.median(values)
            yield {"work": work, "system": name, "n": n, "value": value, "unit": "ms"}
