"""Time constants of membranes that learn to match their prospection, before anything else is learned."""

from typing import TYPE_CHECKING

import numpy as np

from eventsim import rng as streams
from eventsim.scenarios.latent_equilibrium.settings import Settings
from eventsim.scenarios.scenario import Run
from eventsim.trace import Floats

if TYPE_CHECKING:
    from eventsim.scenarios._prospective_training import Task


def matched(
    config: Settings, run: Run, task: "Task", taus: dict[str, dict[str, Floats]]
) -> dict[str, dict[str, Floats]]:
    """Show data without a target until tau_mem has become tau_r; return the time constants then.

    Layers learn all the while, the later ones well only when the earlier have.
    """
    from eventsim import Simulation
    from eventsim.scenarios.latent_equilibrium.network import layers, network

    batch = min(config.batch, len(task.sets["train"][1]))
    built = layers(config, task.n_inputs, task.n_classes)
    net = network(config, built, run.seed, taus, "tau_mem", noise=0.0)
    sim = Simulation(net, dt=config.dt, batch=batch, dtype=config.precision)
    n = len(task.sets["train"][1])
    state = (run.state or {}).get("matching", {"epoch": 0})
    if "sim" in state:
        sim.restore(state["sim"])
    for epoch in range(int(state["epoch"]), config.tau_epochs):
        here = {"matching": {"epoch": epoch, "sim": sim.snapshot()}}
        run.checkpoint(here)
        order = streams.stream(run.seed, "match", epoch).permutation(n)
        for start in range(0, n - batch + 1, batch):
            sim.set_input("image", task.shown("train", order[start : start + batch]))
            sim.run_ticks(config.ticks)
        left = [
            np.abs(sim.array(name, "tau_mem") - taus[name]["tau_r"]) / taus[name]["tau_r"] for name in taus
        ]
        run.series("tau_deviation", [each.mean() for each in left])
    found = {name: values | {"tau_mem": sim.array(name, "tau_mem")} for name, values in taus.items()}
    deviation = [np.abs(v["tau_mem"] / v["tau_r"] - 1).mean() for v in found.values()]
    run.metric("tau_deviation", max(deviation))
    return found
