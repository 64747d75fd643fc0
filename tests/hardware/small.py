"""A small network, batches for it, and a chip that differs from run to run, for training in the loop."""

import numpy as np

import eventsim as es
from eventsim.hardware import InTheLoop, Observed, SimulatedTarget, SpikeTrains
from eventsim.models.training import SpikeLearner

UNTIL = 20.0


def network(seed=1):
    rng = np.random.default_rng(seed)
    net = es.Network(seed=seed)
    neuron = es.models.LIF(tau_mem=2.0, first_spike_only=True)
    net.add("input", es.models.SpikeSource(), 4)
    net.add("hidden", neuron, 12)
    net.add("label", neuron, 3)
    net.connect("input", "hidden", weight=rng.normal(1.0, 1.0, (4, 12)), delay=rng.uniform(0.2, 0.8, (4, 1)))
    net.connect("hidden", "label", weight=rng.normal(1.0, 1.0, (12, 3)), delay=rng.uniform(0.2, 0.8, (12, 1)))
    return net


def batches(n=6, size=20):
    rng = np.random.default_rng(3)
    for _ in range(n):
        yield {"input": rng.uniform(0.1, 2.0, (size, 4))}, rng.integers(0, 3, size)


def learner(net=None):
    return SpikeLearner(net or network(), "label", until=UNTIL, max_missing={"hidden": 0.3})


def trained(target, n=6):
    """Return a loop after training on some batches, and the losses."""
    loop, adam = InTheLoop(learner(), target, until=UNTIL), es.models.optimisers.Adam(0.02)
    losses = [loop.step(inputs, labels, adam).loss for inputs, labels in batches(n)]
    return loop, losses


class Chip(SimulatedTarget):
    """Spikes that come late by what is drawn for trial and sample; delayed spikes are measured."""

    def run(self, inputs, *, until, trial, first=0):
        seen = super().run(inputs, until=until, trial=trial, first=first)
        spikes, arrivals = {}, {}
        for name in ("hidden", "label"):
            rng = es.rng.stream(5, name, trial)
            times = seen.first_spikes(name)
            late = rng.normal(0.1, 0.03, (first + len(times), times.shape[1]))[first:]
            spikes[name] = SpikeTrains.of_first(times + late)
            if name == "hidden":
                arrivals["hidden->label"] = times + late + 0.4
            else:  # a population of each form
                spikes[name] = SpikeTrains.of_lists(list(spikes[name]), 3)
        return Observed(spikes, arrivals, {"lost": len(seen)}, 0.25 * len(seen))

    def configure(self, network):
        super().configure(network)
        return {"clipped": 1}
