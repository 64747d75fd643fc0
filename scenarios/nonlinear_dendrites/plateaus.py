"""Tests of a dendrite's plateau: threshold, duration, hold-off, synchrony of inputs."""

import numpy as np

from eventsim.io.analysis import first_where
from eventsim.scenarios.nonlinear_dendrites.cells import nmda_neuron
from eventsim.scenarios.nonlinear_dendrites.settings import Settings
from eventsim.scenarios.nonlinear_dendrites.volleys import ONSET, above, count, keep_traces, volley
from eventsim.scenarios.scenario import Run


def all_or_none(config: Settings, run: Run) -> None:
    """Count plateaus against the number of inputs, with the potential they cause at the soma."""
    n_inputs = np.arange(1, 13)
    sim = volley(nmda_neuron(), n_inputs, config.dt)
    passive = volley(nmda_neuron(plateau=False), n_inputs, config.dt)
    plateaus = count(sim, "cell.dendrite")
    epsp = sim.trace("cell", "soma.v").values.max(axis=0) + 70
    run.parameter("table/inputs", n_inputs)
    run.parameter("table/plateaus", plateaus)
    run.parameter("table/epsp", epsp)
    run.parameter("table/epsp_passive", passive.trace("cell", "soma.v").values.max(axis=0) + 70)
    run.parameter("table/high", above(sim, config.dt))
    run.metric("threshold_inputs", first_where(n_inputs, plateaus > 0))
    for n in (4, 5, 8, 10):
        run.metric(f"epsp_{n}_inputs", epsp[n - 1])
    keep_traces(run, sim, ("soma", "dendrite"), ["1 input" if n == 1 else f"{n} inputs" for n in n_inputs])


def plateau(config: Settings, run: Run) -> None:
    """Measure how long a dendrite is depolarised against the time of its clamp."""
    t_rst = np.array([5.0, 10.0, 20.0, 50.0, 100.0])
    sim = volley(nmda_neuron(t_rst=t_rst), np.full(5, 8), config.dt, 200.0)
    run.parameter("table/t_rst", t_rst)
    run.parameter("table/high", above(sim, config.dt))
    for t, duration in zip(t_rst, above(sim, config.dt), strict=True):
        run.metric(f"duration_t_rst_{t:g}", duration)
    keep_traces(run, sim, ("soma", "dendrite"), [f"{t:g} ms" for t in t_rst])


def hold_off(config: Settings, run: Run) -> None:
    """Count plateaus against the hold-off, and find the least that ends them, beside the formula."""
    values = np.array([0.0, 5.0, 10.0, 12.0, 15.0, 20.0])
    sim = volley(nmda_neuron(hold_off=values), np.full(6, 8), config.dt, 200.0)
    run.parameter("table/hold_off", values)
    run.parameter("table/plateaus", count(sim, "cell.dendrite"))
    grid, least = np.arange(2.0, 30.0, 0.25), {}
    for g_leak in (4.0, 5.0, 8.0):
        cell = nmda_neuron(hold_off=grid, dendrite={"g_leak": g_leak})
        # Strong enough for each leak, so that the plateau is what decides.
        ends = count(volley(cell, np.full(len(grid), 10), config.dt, 200.0), "cell.dendrite") == 1
        least[g_leak] = first_where(grid, ends)
        run.metric(f"least_hold_off_g_{g_leak:g}", least[g_leak])
        run.metric(f"formula_g_{g_leak:g}", _least_hold_off(g_leak))
    run.metric("least_hold_off", least[5.0])
    keep_traces(run, sim, ("dendrite",), [f"{v:g} ms" for v in values])


def _least_hold_off(g_leak: float) -> float:
    """Return (C / g_tot) ln((V_plat - V_inf) / (V_th - V_inf)) with the soma at rest."""
    g = g_leak + 2.0
    plateau = (40.0 * -35.0 + g * -70.0) / (40.0 + g)
    return float(100.0 / g * np.log((plateau + 70.0) / 15.0))


def synchrony(config: Settings, run: Run) -> None:
    """Find how far six inputs may be apart in time and still fire the dendrite."""
    spreads = np.arange(0.0, 31.0)
    times = ONSET + np.outer(spreads, np.linspace(0, 1, 6))
    sim = volley(nmda_neuron(), np.ones(len(spreads)), config.dt, times=times)
    fires = count(sim, "cell.dendrite") > 0
    run.parameter("table/spread", spreads)
    run.parameter("table/plateaus", fires.astype(int))
    run.metric("widest_spread", first_where(spreads[::-1], fires[::-1]))
    keep_traces(
        run, sim, ("soma", "dendrite"), [f"{d:g} ms" for d in spreads[::5]], units=slice(None, None, 5)
    )
