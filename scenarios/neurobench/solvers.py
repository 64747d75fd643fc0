"""Two solvers of maximum independent sets: a spiking network on the event engine, and simulated annealing.

The network has one neuron for each node and inhibition along the edges. Driven neurons race to threshold;
one that spikes is in the set, its neighbours are out, and inhibition keeps them silent. So what the last
spikes say is an independent set at any moment. Excitatory noise, which falls to nothing in each cycle, lets
other neurons win.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from eventsim.scenarios.neurobench.graphs import EDGE, Graph

__all__ = ["Found", "annealing", "spiking"]

SLICE = 20.0  # units of time between two looks at the spikes and at the clock
CYCLE = 20  # slices in which noise falls to nothing
NOISE_RATE, NOISE = 0.04, 0.8  # spikes a unit of time and node at the start of a cycle; their weight
TAU, DRIVE, INHIBITION, DELAY = 10.0, 1.45, -0.6, 0.1
HOT, COLD, SWEEPS = 1.0, 0.08, 60  # temperatures of a run of annealing, and its sweeps


@dataclass
class Found:
    """What a solver has found within its time.

    Attributes
    ----------
    cost : of the best set.
    nodes : that set.
    history : (seconds, cost) of each improvement.
    events : events that the engine handled; 0 of annealing.
    """

    cost: float = 0.0
    nodes: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))
    history: list[tuple[float, float]] = field(default_factory=list)
    events: int = 0

    def keep(self, cost: float, nodes: NDArray[np.bool_], seconds: float) -> None:
        """Keep a set if it is the best so far."""
        if cost < self.cost:
            self.cost, self.nodes = cost, nodes.copy()
            self.history.append((seconds, cost))

    def seconds_to(self, cost: float) -> float:
        """Return when a cost was reached; inf if it was not."""
        return next((seconds for seconds, each in self.history if each <= cost), math.inf)


def spiking(graph: Graph, limit: float, seed: int, clock: Callable[[], float] = time.perf_counter) -> Found:
    """Run the network until `limit` seconds have passed, the time to build it included."""
    from eventsim import Network, Simulation, connect, models

    began, found = clock(), Found()
    net = Network(seed=seed, time_unit="1")
    rng = np.random.default_rng([seed, 1])
    drive = DRIVE * rng.uniform(0.98, 1.02, graph.n)
    net.add("noise", models.SpikeSource(), graph.n, record_spikes=False)
    neuron = models.LIF(tau_mem=TAU, tau_syn=TAU, c_mem=TAU, i_ext=drive, v_init=rng.uniform(0, 1, graph.n))
    net.add("nodes", neuron, graph.n)
    net.connect("noise", "nodes", connect.one_to_one(), weight=NOISE)
    if len(graph.edges):
        both = np.concatenate([graph.edges, graph.edges[:, ::-1]])
        net.connect("nodes", "nodes", connect.Pairs(both[:, 0], both[:, 1]), weight=INHIBITION, delay=DELAY)
    sim = Simulation(net, schedule="ordered")
    inside, n_read, end, k = np.zeros(graph.n, np.bool_), 0, 0.0, 0
    size = 0
    while True:
        level = 1 - (k % CYCLE) / CYCLE
        count = rng.poisson(NOISE_RATE * level * SLICE * graph.n)
        times = end + SLICE * np.sort(rng.random(count))
        sim.stimulate("noise", times, rng.integers(graph.n, size=count))
        end, k = end + SLICE, k + 1
        sim.run(end)
        units = sim.spikes("nodes").units
        for unit in units[n_read:]:
            if not inside[unit]:
                others = graph.neighbours[unit]
                size += 1 - int(np.count_nonzero(inside[others]))
                inside[others] = False
                inside[unit] = True
                if -size < found.cost:
                    found.keep(-size, inside, clock() - began)
        n_read = len(units)
        if clock() - began >= limit:
            break
    found.events = sim.engine.processed
    return found


def annealing(graph: Graph, limit: float, seed: int, clock: Callable[[], float] = time.perf_counter) -> Found:
    """Run simulated annealing of single flips again and again until `limit` seconds have passed."""
    began, found, rng = clock(), Found(), np.random.default_rng([seed, 2])
    while True:
        inside = np.zeros(graph.n, np.bool_)
        conflicts = np.zeros(graph.n)  # chosen neighbours of each node
        cost = 0.0
        for sweep in range(SWEEPS):
            temperature = HOT * (COLD / HOT) ** (sweep / (SWEEPS - 1))
            threshold = -temperature * np.log(rng.random(graph.n))
            for node, most in zip(rng.permutation(graph.n).tolist(), threshold.tolist(), strict=True):
                change = EDGE * conflicts[node] - 1
                if inside[node]:
                    change = -change
                if change <= most:
                    inside[node] = not inside[node]
                    conflicts[graph.neighbours[node]] += 1.0 if inside[node] else -1.0
                    cost += change
                    if cost < found.cost:
                        found.keep(cost, inside, clock() - began)
            if clock() - began >= limit:
                return found
