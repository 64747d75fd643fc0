"""What GLE learns beside the exact gradient of the cost of a stretch of time, by frequency of the input."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from eventsim.scenarios.generalized_latent_equilibrium.settings import Settings
from eventsim.scenarios.scenario import Run
from eventsim.trace import Floats

TEACHER = np.array([1.0, 2.0, 1.0, 2.0])  # two weights, two membrane time constants
STUDENT = np.array([0.8, 1.5, 0.8, 1.7])
TAU_R = 0.1
FREQUENCIES = (0.05, 0.11, 0.25, 0.5, 1.1, 2.0, 3.0, 5.0, 7.0)  # rad per time unit
SETTLED = 30.0  # time units before anything is measured
ETA = 1e-9  # so small that the measurement does not change what is measured


def chain_output(parameters: Floats, x: Floats, dt: float, tau_r: float = TAU_R) -> Floats:
    """Return the output of two linear neurons in a chain, in plain NumPy.

    Parameters
    ----------
    parameters : ndarray, shape (n, 4)
        Two weights and two tau_mem of n chains.
    x : ndarray, shape (n_ticks,)

    Returns
    -------
    ndarray, shape (n_ticks, n)
    """
    w1, w2, tau1, tau2 = parameters.T
    u1, u2, r1 = np.zeros((3, len(parameters)))
    output, before = np.empty((len(x), len(parameters))), 0.0
    for row, value in zip(output, x, strict=True):
        du1, du2 = (w1 * before - u1) / tau1, (w2 * r1 - u2) / tau2
        r1, row[:] = u1 + tau_r * du1, u2 + tau_r * du2
        u1, u2, before = u1 + dt * du1, u2 + dt * du2, value
    return output


def exact_gradient(parameters: Floats, x: Floats, target: Floats, first: int, dt: float) -> Floats:
    """Return the gradient of the mean (target - output)^2 / 2 from tick `first` on, by differences."""
    steps = np.concatenate([np.eye(4), -np.eye(4)]) * 1e-5
    cost = 0.5 * ((target[:, None] - chain_output(parameters + steps, x, dt)) ** 2)[first:].mean(axis=0)
    found: Floats = (cost[:4] - cost[4:]) / 2e-5
    return found


def learned(
    parameters: Floats,
    x: Floats,
    target: Floats,
    first: int,
    dt: float,
    errors: Literal["dynamic", "instant"],
) -> Floats:
    """Return the mean change of parameters per time and learning rate in the engine, from tick `first` on."""
    from eventsim import Network, Simulation, models

    net = Network(time_unit="1")
    net.add("input", models.RateInput(), 1)
    for pre, post, weight, tau in (
        ("input", "first", *parameters[::2]),
        ("first", "second", *parameters[1::2]),
    ):
        neuron = models.GeneralizedLatentEquilibrium(float(tau), TAU_R, "linear", gamma=0.0, errors=errors)
        net.add(post, neuron, 1)
        net.add_plasticity(
            net.connect(pre, post, weight=float(weight)), models.plasticity.ErrorTimesRate(learning_rate=0.0)
        )
        net.add_plasticity(post, models.plasticity.TimeConstants(learning_rate=0.0))
    sim = Simulation(net, dt=dt)

    def present() -> NDArray[np.float64]:
        weights = [sim.weights(name)[0, 0] for name in ("input->first", "first->second")]
        return np.array([*weights, *(sim.array(name, "tau_mem")[0] for name in ("first", "second"))])

    sim.set_input("input", x[:, None], every=dt)
    sim.nudge("second", target[:, None], 1.0, every=dt)
    sim.run_ticks(first)
    for name, _ in net.plasticity:
        sim.set_learning_rate(name, ETA)
    before = present()
    sim.run_ticks(len(x) - first)
    found: Floats = (present() - before) / (ETA * dt * (len(x) - first))
    return found


def angle(a: Floats, b: Floats) -> float:
    """Return the angle between two vectors, in degrees."""
    cosine = a @ b / (np.linalg.norm(a) * np.linalg.norm(b))
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


def compared(frequency: float, dt: float) -> dict[str, Floats]:
    """Return the exact descent direction and what is learned with dynamic and with instant errors."""
    periods = max(2, int(np.ceil(12.0 * frequency / (2 * np.pi))))
    first = round(SETTLED / dt)
    t = np.arange(first + round(2 * np.pi * periods / frequency / dt)) * dt
    x = np.sin(frequency * t)
    target = chain_output(TEACHER[None], x, dt)[:, 0]
    return {
        "exact": -exact_gradient(STUDENT, x, target, first, dt),
        "dynamic": learned(STUDENT, x, target, first, dt, "dynamic"),
        "instant": learned(STUDENT, x, target, first, dt, "instant"),
    }


def angles(config: Settings, run: Run) -> None:
    """Measure the angle to the exact gradient over frequencies, for dynamic and for instant errors."""
    found = []
    for frequency in FREQUENCIES:
        directions = compared(frequency, config.dt)
        exact = directions["exact"]
        row = [angle(directions[kind], exact) for kind in ("dynamic", "instant")]
        ratio = float(np.linalg.norm(directions["dynamic"]) / np.linalg.norm(exact))
        found.append([*row, ratio])
        run.metric(f"angle_{frequency:g}", row[0])
        run.metric(f"angle_instant_errors_{frequency:g}", row[1])
        run.metric(f"length_ratio_{frequency:g}", ratio)
    run.parameter("gradient/frequency", np.array(FREQUENCIES))
    run.parameter("gradient/angle", np.array(found)[:, :2])
    run.parameter("gradient/ratio", np.array(found)[:, 2])
