"""The tests of single neurons with active dendrites: many neurons side by side, one for each setting."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

import eventsim as es
from eventsim.models import MultiCompartment
from eventsim.scenarios.balanced_network import spikes_in
from eventsim.scenarios.nonlinear_dendrites.cells import calcium_neuron, driven_neuron, nmda_neuron
from eventsim.scenarios.nonlinear_dendrites.settings import Settings
from eventsim.scenarios.scenario import Run
from eventsim.trace import Floats, Ints

ONSET = 20.0  # ms, of the volleys
HIGH = -45.0  # mV, above which a dendrite counts as on its plateau
VOLLEYS = np.arange(1, 13)
LAGS = np.arange(-14.0, 61.0)


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
    run.metric("threshold_inputs", n_inputs[np.argmax(plateaus > 0)])
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
    grid = np.arange(2.0, 30.0, 0.25)
    for g_leak in (4.0, 5.0, 8.0):
        cell = nmda_neuron(hold_off=grid, dendrite={"g_leak": g_leak})
        # Strong enough for each leak, so that the plateau is what decides.
        ends = count(volley(cell, np.full(len(grid), 10), config.dt, 200.0), "cell.dendrite") == 1
        run.metric(f"least_hold_off_g_{g_leak:g}", grid[np.argmax(ends)])
        run.metric(f"formula_g_{g_leak:g}", _least_hold_off(g_leak))
    run.metric("least_hold_off", run.metrics["least_hold_off_g_5"])
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
    run.metric("widest_spread", spreads[fires].max(initial=-1.0))
    keep_traces(
        run, sim, ("soma", "dendrite"), [f"{d:g} ms" for d in spreads[::5]], units=slice(None, None, 5)
    )


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
            if fires.any():
                run.metric(f"window_{n_soma}{name}_first", LAGS[fires].min())
                run.metric(f"window_{n_soma}{name}_last", LAGS[fires].max())
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
    run.metric("least_inputs", n_inputs[np.argmax(calcium > 0)])
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
        run.metric(f"window_{n}_first", lags[fires].min())
        run.metric(f"window_{n}_last", lags[fires].max())


def monte_carlo(config: Settings, run: Run) -> None:
    """Draw devices with mismatch; calibrate the threshold of each by a measured peak; compare."""
    n = max(config.neurons // 10, 1)
    rng = run.rng("devices")

    def spread(value: float) -> Floats:
        drawn: Floats = value * (1 + config.spread * np.clip(rng.normal(size=n), -3, 3))
        return drawn

    soma = {"c_mem": spread(200.0), "g_leak": spread(10.0), "v_th": -70.0 + spread(20.0)}
    dendrite = {"c_mem": spread(100.0), "g_leak": spread(5.0), "v_th": -70.0 + spread(15.0)}
    g, g_reset, g_clamp = spread(2.0), spread(200.0), spread(40.0)

    def devices(times: int, v_th: Floats, coupling: float = 1.0, plateau: bool = True) -> dict[str, Any]:
        repeated = {key: np.repeat(value, times) for key, value in dendrite.items()}
        return {
            "g": np.repeat(g * coupling, times),
            "plateau": plateau,
            "soma": {key: np.repeat(value, times) for key, value in soma.items()},
            "dendrite": repeated | {"v_th": np.repeat(v_th, times)},
            "reset": (-75.0, np.repeat(g_reset, times)),
            "clamp": (-35.0, np.repeat(g_clamp, times)),
        }

    # Calibration as on a chip: the peaks of 4 and 5 inputs, events off, and a threshold half-way, in 10 bit.
    cell = nmda_neuron(**devices(2, dendrite["v_th"], plateau=False))
    peaks = volley(cell, np.tile([4, 5], n), config.dt, 60.0).trace("cell", "dendrite.v").values.max(axis=0)
    step = 120.0 / 1023
    trimmed = np.rint(peaks.reshape(n, 2).mean(axis=1) / step) * step
    for name, v_th in (("uncalibrated", dendrite["v_th"]), ("calibrated", trimmed)):
        sim = volley(nmda_neuron(**devices(len(VOLLEYS), v_th)), np.tile(VOLLEYS, n), config.dt, 80.0)
        fires = count(sim, "cell.dendrite").reshape(n, -1) > 0
        least = np.where(fires.any(axis=1), VOLLEYS[np.argmax(fires, axis=1)], VOLLEYS[-1] + 1)
        duration = above(sim, config.dt).reshape(n, -1)[:, 7]
        lags = LAGS[::3]
        window = (coincidence(7, lags, config.dt, n, **devices(len(lags), v_th, 2.0))[0] > 0).sum(
            axis=1
        ) * 3.0
        for what, values in (("threshold_inputs", least), ("duration", duration), ("window", window)):
            run.parameter(f"distribution/{what}/{name}", values)
            run.metric(f"{what}_mean_{name}", values.mean())
            run.metric(f"{what}_std_{name}", values.std())
    ratio = run.metrics["threshold_inputs_std_uncalibrated"] / max(
        run.metrics["threshold_inputs_std_calibrated"], 0.01
    )
    run.metric("spread_reduced_by", ratio)


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


def network(config: Settings, run: Run) -> None:
    """Run the network."""
    options = {"dt": config.dt} if config.solver == "ticks" else {}
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
    seconds = max(config.duration, 1.0) / 1000
    for what, name in (("somatic_rate", "cells"), ("plateau_rate", "cells.dendrite")):
        n = sum(len(times) for times, _ in spikes_in(run.file.path, name))
        run.metric(what, n / seconds / config.neurons)
