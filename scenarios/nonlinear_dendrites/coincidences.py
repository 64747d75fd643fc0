"""Tests of coincidence detection: somatic with dendritic volleys, and back-propagating with apical input."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

import eventsim as es
from eventsim.io.analysis import first_where
from eventsim.scenarios.nonlinear_dendrites.cells import calcium_neuron, nmda_neuron
from eventsim.scenarios.nonlinear_dendrites.settings import Settings
from eventsim.scenarios.nonlinear_dendrites.volleys import count, keep_traces
from eventsim.scenarios.scenario import Run
from eventsim.trace import Floats, Ints

LAGS = np.arange(-14.0, 61.0)  # ms, of somatic volleys after dendritic ones


def coincidence(
    n_soma: float, lags: Floats, dt: float, n_devices: int = 1, **cell: Any
) -> tuple[Ints, es.Simulation]:
    """Return spikes (n_devices, lags) for somatic volleys `lags` after a dendritic one of 8 inputs at 60 ms.

    Units are numbered device by device, and so are the parameters of `cell`.
    """
    n = len(lags) * n_devices
    net = es.Network()
    net.add("dendritic", es.models.SpikeSource(times=[60.0]), 1)
    net.add("somatic", es.models.SpikeSource(times=60.0 + np.tile(lags, n_devices), units=np.arange(n)), n)
    net.add("cell", nmda_neuron(**({"g": 4.0} | cell)), n)
    net.connect("dendritic", "cell", weight=24.0, receptor="dendrite")
    net.connect("somatic", "cell", es.connect.one_to_one(), weight=4.0 * n_soma, receptor="soma")
    sim = es.Simulation(net, dt=dt)
    sim.run(160.0)
    return count(sim, "cell").reshape(n_devices, len(lags)), sim


def coincidence_window(config: Settings, run: Run) -> None:
    """Find the lags of a somatic volley at which it fires the neuron, with the plateau and without."""
    run.parameter("window/lags", LAGS)
    for n_soma in (7, 8, 9):
        for name, on in (("", True), ("_passive", False)):
            fires = coincidence(n_soma, LAGS, config.dt, plateau=on)[0][0] > 0
            run.parameter(f"window/{n_soma}{name}", fires.astype(int))
            run.metric(f"window_{n_soma}{name}_first", first_where(LAGS, fires))
            run.metric(f"window_{n_soma}{name}_last", first_where(LAGS[::-1], fires[::-1]))
    for t_rst in (10.0, 20.0, 30.0):
        fires = coincidence(7, LAGS, config.dt, t_rst=t_rst)[0][0] > 0
        run.metric(f"window_7_length_t_rst_{t_rst:g}", fires.sum())


def bac(n_inputs: ArrayLike, lags: ArrayLike, dt: float, record: bool = False, **cell: Any) -> es.Simulation:
    """Return a run of set B with apical inputs of 4 nS, `lags` after the onset of the current at 50 ms."""
    n_inputs = np.asarray(n_inputs, float)
    n = len(n_inputs)
    net = es.Network()
    net.add("apical", es.models.SpikeSource(times=50.0 + np.asarray(lags, float), units=np.arange(n)), n)
    net.add("cell", calcium_neuron(**cell), n)
    net.connect("apical", "cell", es.connect.one_to_one(), weight=4.0 * n_inputs[:, None], receptor="apical")
    sim = es.Simulation(net, dt=dt)
    for name in ("soma", "apical") if record else ():
        sim.record("cell", f"{name}.v", every=dt)
    sim.run(150.0)
    return sim


def bac_firing(config: Settings, run: Run) -> None:
    """Count spikes and calcium events of apical input, somatic current, and both; find the window of both."""
    n_inputs = np.arange(0, 7)
    sim = bac(n_inputs, np.full(7, 3.0), config.dt, record=True)
    calcium, spikes = count(sim, "cell.apical"), count(sim, "cell")
    run.parameter("table/inputs", n_inputs)
    run.parameter("table/spikes", spikes)
    run.parameter("table/calcium", calcium)
    run.metric("least_inputs", first_where(n_inputs, calcium > 0))
    run.metric("burst_spikes", spikes[3])
    times = sim.spikes("cell")
    for k, t in enumerate(times.times[times.units == 3]):
        run.metric(f"burst_time_{k + 1}", t)
    keep_traces(run, sim, ("soma", "apical"), ["1 input" if n == 1 else f"{n} inputs" for n in n_inputs])
    alone = bac(np.arange(2, 9), np.full(7, 3.0), config.dt, current=0.0)
    run.metric("events_of_apical_input_alone", count(alone, "cell").sum() + count(alone, "cell.apical").sum())
    still = bac([4], [3.0], config.dt, calcium=False)
    run.metric("spikes_without_calcium", count(still, "cell")[0])
    still = bac([4], [3.0], config.dt, propagating=False)
    run.metric("spikes_without_back_propagation", count(still, "cell")[0])
    lags = np.arange(-16.0, 14.0)
    run.parameter("window/lags", lags)
    for n in (3, 4, 5, 6):
        fires = count(bac(np.full(len(lags), n), lags, config.dt), "cell.apical") > 0
        run.parameter(f"window/{n}", fires.astype(int))
        run.metric(f"window_{n}_first", first_where(lags, fires))
        run.metric(f"window_{n}_last", first_where(lags[::-1], fires[::-1]))
