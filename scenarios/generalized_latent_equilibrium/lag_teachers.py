"""Lag line and lag net: students learn weights and time constants of teachers while both run."""

from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim import rng as streams
from eventsim.scenarios.generalized_latent_equilibrium.settings import Settings
from eventsim.scenarios.scenario import Run
from eventsim.trace import Floats

if TYPE_CHECKING:
    from eventsim import Network, Simulation

CHUNK = 5000  # ticks between two possible checkpoints
WEIGHTS, TAUS, TAU_R = (1.0, 2.0), (1.0, 2.0), 0.1  # lag line: the teacher
PERIOD, SMOOTHING = 4.0, 5  # of its square wave; smoothing in ticks
WARM_UP = 5000  # ticks before the student learns
FREQUENCIES = (0.49, 1.07, 1.98)  # lag net: rad per time unit
NET_WARM_UP = 8000


def square_wave(dt: float, ticks: int, shifts: Any, start: int) -> Floats:
    """Return a smoothed square wave of +-1, shifted by so many ticks for each sample, (ticks, n, 1)."""
    from scipy.ndimage import gaussian_filter1d

    period = round(PERIOD / dt)
    wave = np.where(np.arange(period) < period // 2, 1.0, -1.0)
    wave = gaussian_filter1d(wave, SMOOTHING, mode="wrap")
    windows = np.lib.stride_tricks.sliding_window_view(np.resize(wave, period + ticks), ticks)
    found: Floats = windows[(start + shifts) % period].T[:, :, None]
    return found


def _chain(
    net: "Network",
    prefix: str,
    weights: Any,
    taus: Any,
    config: Settings,
    learning: bool,
) -> None:
    """Add two neurons in a chain behind the input."""
    from eventsim import models

    pre = "input"
    for name, weight, tau in zip(("first", "second"), weights, taus, strict=True):
        neuron = models.GeneralizedLatentEquilibrium(
            float(tau),
            TAU_R,
            "softplus",
            gamma=config.gamma if learning else 0.0,
            errors=config.errors if learning else "instant",
        )
        net.add(prefix + name, neuron, 1)
        projection = net.connect(pre, prefix + name, weight=float(weight))
        if learning:
            learning_rate = config.learning_rate / config.dt
            net.add_plasticity(
                projection, models.plasticity.ErrorTimesRate(learning_rate=learning_rate, optimiser="adam")
            )
            rule = models.plasticity.TimeConstants(
                learning_rate=learning_rate, optimiser="adam", least=10 * config.dt
            )
            net.add_plasticity(prefix + name, rule)
        pre = prefix + name


def _layers(
    net: "Network",
    prefix: str,
    weights: list[Floats],
    config: Settings,
    learning: bool,
) -> None:
    """Add two layers of an instantaneous and a slow neuron each, and a linear output."""
    from eventsim import models

    pre = "input"
    for name, weight in zip(("first", "second", "output"), weights, strict=True):
        last = name == "output"
        neuron = models.GeneralizedLatentEquilibrium(
            1.0,
            1.0 if last else np.array([1.0, TAU_R]),
            "linear" if last else "tanh",
            gamma=config.gamma if learning else 0.0,
            errors=config.errors if learning else "instant",
        )
        net.add(prefix + name, neuron, weight.shape[1])
        projection = net.connect(pre, prefix + name, weight=weight)
        if learning and name == "first":
            rule = models.plasticity.ErrorTimesRate(
                learning_rate=config.learning_rate / config.beta, optimiser="momentum"
            )
            net.add_plasticity(projection, rule)
        pre = prefix + name


def _follow(
    run: Run, config: Settings, net: "Network", batch: int, warm_up: int, signal: Any
) -> "Simulation":
    """Let the student learn from the teacher, whose rate of the same tick is the target."""
    from eventsim import Simulation

    sim = Simulation(net, dt=config.dt, batch=batch, dtype=config.precision)
    state = run.state or {"tick": 0}
    if "sim" in state:
        sim.restore(state["sim"])
    teacher = [name for name in net.populations if name.startswith("teacher ")][-1]
    student = teacher.removeprefix("teacher ")
    tick, total = int(state["tick"]), config.ticks
    rules = {name: rule.learning_rate for name, rule in net.plasticity}
    rates: tuple[Floats, Floats] = tuple(sim.handler(name).arrays["rate"] for name in (teacher, student))
    deviations = np.empty((CHUNK, *rates[0].shape), rates[0].dtype)
    rows = iter(deviations)

    def target(_: float) -> Floats:
        """Return the teacher's rate; it was added first, so it has made this tick's step."""
        np.subtract(*rates, out=next(rows))
        return rates[0]

    sim.nudge(student, target, config.beta)
    with run.progress(total, "tick", tick) as bar:
        while tick < total:
            run.checkpoint({"tick": tick, "sim": sim.snapshot()})
            n = min(CHUNK, (warm_up if tick < warm_up else total) - tick)
            sim.set_input("input", signal(tick, n), every=config.dt)
            for name, rate in rules.items():
                sim.set_learning_rate(name, 0.0 if tick < warm_up else rate)
            rows = iter(deviations)
            sim.run_ticks(n)
            tick += n
            bar.update(n)
            run.series("time", tick * config.dt)
            squared_error = np.add.accumulate(np.mean(deviations[:n] ** 2, axis=(1, 2)))[-1] / n
            run.series("squared_error", squared_error)
            for name in rules:
                if name in net.populations:
                    run.series(f"tau_mem_{name}", sim.array(name, "tau_mem")[0])
                else:
                    run.series(f"weight_{name}", np.ravel(sim.weights(name)))
    run.metric("squared_error", squared_error)
    return sim


def lag_line(config: Settings, run: Run) -> None:
    """Two neurons in a chain learn weights and time constants of two others from a square wave."""
    from eventsim import Network

    net = Network(seed=run.seed, time_unit="1")
    from eventsim import models

    net.add("input", models.RateInput(), 1)
    _chain(net, "teacher ", WEIGHTS, TAUS, config, False)
    start = streams.stream(run.seed, "student").uniform(0, 1, 4)
    _chain(net, "", start[:2], np.maximum(start[2:], 10 * config.dt), config, True)
    shifts = streams.stream(run.seed, "shift").integers(0, round(PERIOD / config.dt), config.batch)
    sim = _follow(
        run,
        config,
        net,
        config.batch,
        min(WARM_UP, config.ticks),
        lambda tick, n: square_wave(config.dt, n, shifts, tick),
    )
    found = {
        "weight_1": sim.weights("input->first")[0, 0],
        "weight_2": sim.weights("first->second")[0, 0],
        "tau_mem_1": sim.array("first", "tau_mem")[0],
        "tau_mem_2": sim.array("second", "tau_mem")[0],
    }
    for (name, value), wanted in zip(found.items(), (*WEIGHTS, *TAUS), strict=True):
        run.metric(name, value)
        run.metric(f"{name}_deviation", value / wanted - 1)


def lag_net(config: Settings, run: Run) -> None:
    """The first weights of a net of instantaneous and slow neurons learn those of a teacher from sines."""
    from eventsim import Network, models

    first, second, third = np.ones((1, 2)), np.eye(2), np.ones((2, 1))
    for weight in (first, second, third):
        weight[0, 0] /= 2
    net = Network(seed=run.seed, time_unit="1")
    net.add("input", models.RateInput(), 1)
    _layers(net, "teacher ", [first, second, third], config, False)
    rng = streams.stream(run.seed, "student")
    start = np.array(
        [[-rng.uniform(0.2, 1.0), rng.uniform(0.2, 1.0)]]
    )  # the fast neuron's has the wrong sign
    run.parameter("initial/weight", start)
    _layers(net, "", [start, second, third], config, True)

    def signal(tick: int, n: int) -> Floats:
        t = (tick + np.arange(n)) * config.dt
        series: Floats = np.sin(np.outer(t, FREQUENCIES)).sum(axis=1)[:, None]
        return series

    sim = _follow(run, config, net, 1, min(NET_WARM_UP, config.ticks), signal)
    weight = sim.weights("input->first")[0]
    for name, value, wanted in zip(("fast", "slow"), weight, first[0], strict=True):
        run.metric(f"weight_{name}", value)
        run.metric(f"weight_{name}_deviation", value / wanted - 1)
