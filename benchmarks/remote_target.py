"""What a target in another process costs: a batch on one in this process, and on one behind a server.

A 4-30-3 network with delays (DelGrad's) is loaded and run on 150 samples, as each step of training in the
loop does it. The server is a process of its own on this machine; both find the same spikes. The fastest step
of each repeat counts: processes that wait for each other measure mostly what else the machine does.
"""

import statistics
import subprocess
import sys
import time
from typing import Any

import numpy as np

import eventsim as es
from eventsim.hardware import RemoteTarget, SimulatedTarget
from eventsim.hardware.targets.target import Target
from eventsim.scenarios.benchmark import Plan, Rows, Seconds

SECONDS = Seconds(2.0, 1.0)
N_HIDDEN, BATCH, UNTIL = 30, 150, 20.0
STEPS = 20  # in each repeat


def network() -> es.Network:
    """Return the network."""
    rng = np.random.default_rng(1)
    neuron = es.models.LIF(tau_mem=2.0, first_spike_only=True)
    net = es.Network(time_unit="1")
    net.add("input", es.models.SpikeSource(), 4)
    net.add("hidden", neuron, N_HIDDEN)
    net.add("label", neuron, 3)
    for pre, post, n, m in (("input", "hidden", 4, N_HIDDEN), ("hidden", "label", N_HIDDEN, 3)):
        net.connect(pre, post, weight=rng.normal(1.0, 1.0, (n, m)), delay=rng.uniform(0.4, 0.6, (n, 1)))
    return net


def seconds(target: Target, net: es.Network, inputs: dict[str, Any]) -> tuple[float, Any]:
    """Return the time of a step, and the first spikes of the last one."""
    taken = []
    for trial in range(STEPS):
        begin = time.perf_counter()
        target.configure(net)
        observed = target.run(inputs, until=UNTIL, trial=trial)
        found = [observed.first_spikes(name) for name in ("hidden", "label")]
        taken.append(time.perf_counter() - begin)
    return min(taken), found


def run(plan: Plan) -> Rows:
    """Measure both in turn; they must find the same spikes."""
    net = network()
    inputs = {"input": np.random.default_rng(2).uniform(0.15, 2.0, (BATCH, 4))}
    command = [sys.executable, "-P", "-m", "eventsim.hardware.remote.serve", "--hardware", "ideal"]
    taken: dict[str, list[float]] = {"eventsim, in this process": [], "eventsim, behind a server": []}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            address = server.stdout.readline().partition(" listens on ")[2].partition(",")[0]
            with RemoteTarget(address) as remote:
                targets: list[Target] = [SimulatedTarget(), remote]
                for _ in range(plan.repeats + 1):
                    found = []
                    for name, target in zip(taken, targets, strict=True):
                        each, spikes = seconds(target, net, inputs)
                        taken[name].append(each)
                        found.append(spikes)
                    for one, other in zip(*found, strict=True):
                        np.testing.assert_array_equal(one, other)
        finally:
            server.terminate()
    row = {"work": "4-30-3 on a target, load and run", "n": BATCH, "unit": "ms"}
    for system, values in taken.items():
        yield row | {"system": system, "value": 1e3 * statistics.median(values[1:])}
