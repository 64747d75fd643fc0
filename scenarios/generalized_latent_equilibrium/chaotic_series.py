"""One-step prediction of the Mackey-Glass series, learned while it is heard."""

from typing import TYPE_CHECKING

import numpy as np

from eventsim.scenarios.generalized_latent_equilibrium.network import trained
from eventsim.scenarios.generalized_latent_equilibrium.settings import Settings
from eventsim.scenarios.scenario import Run
from eventsim.trace import Floats

if TYPE_CHECKING:
    from eventsim import Simulation

DELAY, FINE = 17.0, 10  # of the equation; steps of the solver per unit of its time
LEARNED, WASHED, TESTED = 10_000, 500, 2000  # units of time; as many as for the test are for validation
SEGMENTS = 50  # parts of the training series that are heard side by side
SETTLED = 200  # ticks at the start of a test that do not count


def mackey_glass(length: int, start: float = 1.2, delay: float = DELAY) -> Floats:
    """Return x at 0, 1, 2 ... of dx/dt = 0.2 y / (1 + y^10) - 0.1 x, y = x(t - delay), by Heun's steps."""
    h, back = 1 / FINE, round(delay * FINE)
    x = np.full(back + length * FINE + 1, start)

    def slope(now: float, then: float) -> float:
        return 0.2 * then / (1 + then**10) - 0.1 * now

    for k in range(back, len(x) - 1):
        first = slope(x[k], x[k - back])
        second = slope(x[k] + h * first, x[k + 1 - back])
        x[k + 1] = x[k] + h / 2 * (first + second)
    found: Floats = x[back::FINE][:length]
    return found


def predict(config: Settings, run: Run) -> None:
    """Let the net hear the series and be told the next value at every tick; then measure it on what follows.

    An answer takes a tick per layer, so that predicting the next value is to look that much further ahead.
    """
    series = mackey_glass(WASHED + LEARNED + 2 * TESTED)[WASHED:]
    series = (series - series[:LEARNED].mean()) / series[:LEARNED].std()
    train, validation, test = np.split(series, [LEARNED, LEARNED + TESTED])
    steps = (len(train) - 1) // SEGMENTS
    x = train[: SEGMENTS * steps].reshape(SEGMENTS, steps).T[:, :, None]
    y = train[1 : SEGMENTS * steps + 1].reshape(SEGMENTS, steps).T[:, :, None]
    sim, tested = trained(config, 1, 1, run.seed, SEGMENTS)
    state = run.state or {"epoch": 0}
    if "sim" in state:
        sim.restore(state["sim"])
    with run.progress(config.epochs, "epoch", int(state["epoch"])) as bar:
        for epoch in range(int(state["epoch"]), config.epochs):
            run.checkpoint({"epoch": epoch, "sim": sim.snapshot()})
            scale = 0.5 * (1 + np.cos(np.pi * epoch / config.epochs))  # the rate falls to nothing
            for name, rule in sim.net.plasticity:
                sim.set_learning_rate(name, scale * rule.learning_rate)
            sim.set_input("input", x, every=sim.dt)
            sim.nudge("label", y, config.beta, every=sim.dt)
            sim.run_ticks(steps)
            bar.update()
            run.series("validation_error", _error(tested(1), validation)[0])
    error, answer = _error(tested(1), test)
    run.metric("normalised_rms_error", error)
    run.parameter("tracking/t", np.arange(300) * 1.0)
    run.parameter("tracking/target", test[1:][SETTLED : SETTLED + 300])
    run.parameter("tracking/prediction", answer[SETTLED : SETTLED + 300])
    late = slice(SETTLED, None)
    depth = config.layers + 1
    told = np.sqrt(np.mean((test[1 + depth :] - test[: -1 - depth])[late] ** 2))
    run.metric("error_of_the_last_value_heard", told)


def _error(sim: "Simulation", test: Floats) -> tuple[float, Floats]:
    """Return the root mean square error in standard deviations, and the predictions."""
    sim.record("label", "rate", every=sim.dt)
    sim.set_input("input", test[:-1, None], every=sim.dt)
    sim.run_ticks(len(test) - 1)
    answer = sim.trace("label", "rate").values[:, 0]
    return float(np.sqrt(np.mean((answer - test[1:])[SETTLED:] ** 2))), answer
