"""What a second thread gains on independent work: two networks at once, and batches of first-spike learning.

Wall seconds on one thread over those on two, both measured in turn; 2 is perfect, and needs two free cores.
"""

import statistics
import threading
import time

import numpy as np

import eventsim as es
from eventsim.models.training import SpikeLearner
from eventsim.scenarios.balanced_network import BalancedNetwork
from eventsim.scenarios.benchmark import Plan, Rows, Seconds

SECONDS = Seconds(15.0, 2.0)
BIOLOGICAL = 2000.0  # ms simulated
BATCHES = ((784, 350, 2000), (5, 120, 20_000))  # inputs, hidden neurons, samples


def networks() -> float:
    """Return how many times faster two networks run in two threads than one after the other."""
    sims = [es.Simulation(BalancedNetwork().network(seed)) for seed in (1, 2, 3, 4)]
    for sim in sims:
        sim.run(0.0)  # builds it
    begin = time.perf_counter()
    for sim in sims[:2]:
        sim.run(BIOLOGICAL)
    one = time.perf_counter() - begin
    threads = [threading.Thread(target=sim.run, args=(BIOLOGICAL,)) for sim in sims[2:]]
    begin = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return one / (time.perf_counter() - begin)


def learners(n_inputs: int, n_hidden: int) -> list[SpikeLearner]:
    """Return the same learner for one thread and for two."""
    rng = np.random.default_rng(0)
    cell = es.models.LIF(first_spike_only=True)
    net = es.Network(time_unit="1")
    net.add("input", es.models.SpikeSource(), n_inputs)
    net.add("hidden", cell, n_hidden)
    net.add("label", cell, 10)
    net.connect("input", "hidden", weight=rng.normal(10 / n_inputs, 0.8, (n_inputs, n_hidden)))
    net.connect("hidden", "label", weight=rng.normal(0.15, 0.8, (n_hidden, 10)))
    return [
        SpikeLearner(net, "label", learn="weight", max_dw_norm=0.2, threads=threads) for threads in (1, 2)
    ]


def run(plan: Plan) -> Rows:
    """Measure on one thread and on two, in turn."""
    row = {"system": "eventsim, two threads", "unit": "times"}
    plan.announce("two networks")
    gain = statistics.median(networks() for _ in range(plan.repeats))
    yield row | {"work": "two networks", "n": 2, "value": gain}
    rng = np.random.default_rng(1)
    for n_inputs, n_hidden, n in BATCHES:
        n = n // plan.pick(1, 5)
        work = f"first-spike gradients {n_inputs}-{n_hidden}-10"
        plan.announce(work)
        pair = learners(n_inputs, n_hidden)
        inputs = {"input": rng.uniform(0.15, 2.0, (n, n_inputs))}
        labels = rng.integers(0, 10, n)
        seconds: list[list[float]] = [[], []]
        for _ in range(plan.repeats + 1):
            for learner, taken in zip(pair, seconds, strict=True):
                begin = time.perf_counter()
                learner.gradients(inputs, labels)
                taken.append(time.perf_counter() - begin)
        gain = statistics.median(a / b for a, b in zip(*(taken[1:] for taken in seconds), strict=True))
        yield row | {"work": work, "n": n, "value": gain}
