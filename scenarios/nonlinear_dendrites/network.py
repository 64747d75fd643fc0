"""A network of two-compartment neurons, driven by random sources on soma and dendrite."""

from typing import Any

import numpy as np

import eventsim as es
from eventsim.scenarios.nonlinear_dendrites.cells import driven_neuron
from eventsim.scenarios.nonlinear_dendrites.settings import Settings
from eventsim.scenarios.scenario import Run
from eventsim.scenarios.streamed import spikes_in


def network_of(config: Settings, seed: int) -> es.Network:
    """Return the network: two-compartment neurons, each with synapses on its dendrite from random sources."""
    net = es.Network(seed=seed)
    sources = max(config.neurons, 1)
    net.add("sources", es.models.Poisson(rate=config.rate), sources)
    net.add("cells", driven_neuron(config.solver), config.neurons)
    half = max(config.inputs // 2, 1)
    for receptor, n, weight in (("dendrite", half, 20.0), ("soma", config.inputs - half, 60.0)):
        if n:
            rule = es.connect.fixed_indegree(n)
            net.connect(
                "sources", "cells", rule, weight=weight, delay=1.0, receptor=receptor, name=f"to {receptor}"
            )
    return net


def simulate(config: Settings, run: Run) -> None:
    """Run the network."""
    options: dict[str, Any] = {"dt": config.dt} if config.solver == "ticks" else {}
    sim = es.Simulation(network_of(config, run.seed), **options)
    shown = np.arange(min(5, config.neurons))
    for variable in ("soma.v", "dendrite.v"):
        sim.record("cells", variable, every=0.5, units=shown)
    if run.state:
        sim.restore(run.state["sim"])
    sim.stream(run.file)
    while sim.now < config.duration:
        run.checkpoint(lambda: {"sim": sim.snapshot()})
        sim.run(min(sim.now + 100.0, config.duration))
    run.file.put(duration=sim.now)
    run.checkpoint(lambda: {"sim": sim.snapshot()}, force=True)  # all spikes can be read back now
    seconds = config.duration / 1000
    for rate, count, name in (
        ("somatic_rate", "somatic_spikes", "cells"),
        ("plateau_rate", "plateaus", "cells.dendrite"),
    ):
        n = sum(len(times) for times, _ in spikes_in(run.file.path, name))
        run.metric(count, n)
        run.metric(rate, n / seconds / config.neurons if seconds > 0 else np.nan)
