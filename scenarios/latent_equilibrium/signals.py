"""Latent Equilibrium on signals: a sawtooth made of sines, and how fast chains of neurons answer."""

from typing import TYPE_CHECKING

import numpy as np

from eventsim.io.analysis import first_where, rms
from eventsim.scenarios.latent_equilibrium.network import signal_simulation
from eventsim.scenarios.latent_equilibrium.settings import Settings
from eventsim.scenarios.scenario import Run
from eventsim.trace import Floats

if TYPE_CHECKING:
    from eventsim import Simulation

PERIOD = 50.0  # ms, of the sawtooth
TAUGHT = 2 / 3  # of a run; the rest is without nudging and learning
SLICE = 2000  # ticks between two possible checkpoints
DEPTHS = (1, 2, 4, 8, 16)
SINE = 0.02  # per ms: 20 Hz
SINE_DEPTH = 10


def sines(t: Floats) -> Floats:
    """Return 50 sines of 10, 20 ... 500 Hz at times in ms, shape (n_times, 50)."""
    found: Floats = np.sin(2 * np.pi * np.arange(10, 501, 10) * 1e-3 * t[:, None])
    return found


def sawtooth(t: Floats) -> Floats:
    """Return a sawtooth from -1 to 1 at times in ms, shape (n_times, 1)."""
    found: Floats = 2 * (t[:, None] / PERIOD % 1.0) - 1
    return found


def fourier(config: Settings, run: Run) -> None:
    """Learn a sawtooth from sines while they play; then see whether it goes on without a teacher.

    The network runs on without epochs; slices are there for checkpoints alone.
    """
    sim, ticks, beta = signal_simulation(config, run.seed), config.ticks, config.beta
    net, dt, taught = sim.net, sim.dt, int(TAUGHT * ticks)
    learning_rates = {name: rule.learning_rate for name, rule in net.plasticity}
    sim.record("label", "rate", every=dt)
    depth = len(net.projections)  # ticks that the input takes to the output
    state = run.state or {"tick": 0}
    if "sim" in state:
        sim.restore(state["sim"])
    tick = int(state["tick"])
    with run.progress(ticks, "tick", tick) as bar:
        while tick < ticks:
            run.checkpoint({"tick": tick, "sim": sim.snapshot()})
            n = min(SLICE, (taught if tick < taught else ticks) - tick)
            t: Floats = np.arange(tick, tick + n, dtype=np.float64) * dt
            target, nudged = sawtooth(t - depth * dt), tick < taught
            sim.set_input("image", sines(t), every=dt)
            sim.nudge("label", target if nudged else None, beta, every=dt if nudged else None)
            for name, learning_rate in learning_rates.items():
                sim.set_learning_rate(name, learning_rate if nudged else 0.0)
            sim.run_ticks(n)
            rate = sim.trace("label", "rate").values[-n:, 0]
            run.series("tracking_error", np.sqrt(np.mean((rate - target[:, 0]) ** 2)))
            run.series("tracking_time", t[-1])
            thin = slice(None, None, max(1, round(0.1 / dt)))
            curve = np.full(
                (3, len(range(SLICE)[thin])), np.nan
            )  # all of one shape, though slices may be short
            curve[:, : len(t[thin])] = t[thin], target[thin, 0], rate[thin]
            run.series("tracking_curve", curve)
            tick += n
            bar.update(n)
    errors, times = (np.array(run._series[name]) for name in ("tracking_error", "tracking_time"))
    periods = {
        "first_period": times <= max(PERIOD, times[0]),
        "last_period_taught": (times > taught * dt - PERIOD) & (times < taught * dt),
        "untaught": times >= taught * dt,
    }
    for name, slices in periods.items():
        run.metric(f"rms_error_{name}", rms(errors[slices]))
    for projection in net.projections:
        run.parameter(f"weight/{projection.name}", sim.weights(projection.name))


def _chain(depth: int, tau: float, prospective: bool, dt: float, dtype: str) -> "Simulation":
    """Return a chain of linear neurons behind one input, all weights 1."""
    from eventsim import Network, Simulation, models

    net = Network()
    net.add("0", models.RateInput(), 1)
    for k in range(depth):
        neuron = models.LatentEquilibrium(tau, None if prospective else 0.0, "linear")
        net.add(str(k + 1), neuron, 1)
        net.connect(str(k), str(k + 1), weight=1.0)
    return Simulation(net, dt=dt, dtype=dtype)


def response(config: Settings, run: Run) -> None:
    """Measure when chains reach 90 % of a unit step, and how well ten layers track a sine."""
    dt, tau = config.dt, config.tau
    times = np.zeros((2, len(DEPTHS)))
    for row, prospective in zip(times, (True, False), strict=True):
        for k, depth in enumerate(DEPTHS):
            sim = _chain(depth, tau, prospective, dt, "float64")
            sim.record(str(depth), "rate", every=dt)
            sim.set_input("0", [1.0])
            sim.run(60 * tau if not prospective else 2 * depth * dt + tau)
            # the input shows at the end of tick 0
            values = sim.trace(str(depth), "rate").values[:, 0]
            row[k] = first_where(np.arange(len(values)) * dt, values >= 0.9)
            run.metric(f"ms_to_90_percent_{'' if prospective else 'not_prospective_'}{depth}_layers", row[k])
    run.parameter("response/depth", np.array(DEPTHS))
    run.parameter("response/ms", times)
    t = np.arange(round(200 / dt)) * dt
    run.parameter("tracking/t", t)
    run.parameter("tracking/input", np.sin(2 * np.pi * SINE * t))
    for name, prospective in (("prospective", True), ("not_prospective", False)):
        sim = _chain(SINE_DEPTH, tau, prospective, dt, "float64")
        last = str(SINE_DEPTH)
        sim.record(last, "rate", every=dt)
        sim.set_input("0", np.sin(2 * np.pi * SINE * t)[:, None], every=dt)
        sim.run_ticks(len(t))
        rate = sim.trace(last, "rate").values[:, 0]
        run.parameter(f"tracking/{name}", rate)
        late = t >= 100
        run.metric(
            f"tracking_error_{name}", np.sqrt(np.mean((rate - np.sin(2 * np.pi * SINE * t))[late] ** 2))
        )
