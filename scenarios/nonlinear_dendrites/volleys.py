"""Volleys on the dendrites of many neurons side by side, one for each setting, and what is counted."""

import numpy as np
from numpy.typing import ArrayLike

import eventsim as es
from eventsim.models import MultiCompartment
from eventsim.scenarios.scenario import Run
from eventsim.trace import Floats, Ints

ONSET = 20.0  # ms, of the volleys
HIGH = -45.0  # mV, above which a dendrite counts as on its plateau


def volley(
    cell: MultiCompartment,
    n_inputs: ArrayLike,
    dt: float,
    until: float = 160.0,
    times: ArrayLike | None = None,
) -> es.Simulation:
    """Return a run of one neuron per number of dendritic inputs of 3 nS, at once or at `times` (n, k)."""
    n_inputs = np.atleast_1d(np.asarray(n_inputs, float))
    n = len(n_inputs)
    net = es.Network()
    table = np.full((n, 1), ONSET) if times is None else np.asarray(times, float)
    net.add(
        "volley", es.models.SpikeSource(times=table.ravel(), units=np.repeat(np.arange(n), table.shape[1])), n
    )
    net.add("cell", cell, n)
    net.connect(
        "volley", "cell", es.connect.one_to_one(), weight=3.0 * n_inputs[:, None], receptor="dendrite"
    )
    sim = es.Simulation(net, dt=dt)
    for variable in ("soma.v", "dendrite.v"):
        sim.record("cell", variable, every=dt)
    sim.run(until)
    return sim


def count(sim: es.Simulation, name: str) -> Ints:
    """Return the events of each unit."""
    whole = name.partition(".")[0]
    return np.bincount(sim.spikes(name).units, minlength=sim.net.populations[whole].n)


def above(sim: es.Simulation, dt: float) -> Floats:
    """Return how long each dendrite is above HIGH, ms."""
    found: Floats = (sim.trace("cell", "dendrite.v").values > HIGH).sum(axis=0) * dt
    return found


def keep_traces(
    run: Run,
    sim: es.Simulation,
    names: tuple[str, ...],
    labels: list[str],
    every: int = 10,
    units: slice = slice(None),
) -> None:
    """Keep potentials of some neurons for plots."""
    for name in names:
        samples = sim.trace("cell", f"{name}.v")
        run.parameter(f"potential/{name}", samples.values[::every, units].T)
        run.parameter("potential/t", samples.times[::every])
    run.parameter("potential/labels", np.array(labels, "S"))
