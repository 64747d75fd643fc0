"""One-step prediction of the Mackey-Glass series, learned while it is heard."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from eventsim.models.training.batches import Batch, Batches
from eventsim.models.training.continuous_learner import Evaluator, SimulationLearner
from eventsim.models.training.learner import BatchMetrics
from eventsim.models.training.schedules import CosineDecay
from eventsim.models.training.trainer import Trainer
from eventsim.scenarios.continuous_training import train
from eventsim.scenarios.generalized_latent_equilibrium.network import simulations
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


class SeriesLearner(SimulationLearner):
    """A network that hears a series, in segments side by side, and is told the next value at every tick.

    Parameters
    ----------
    sim : Simulation
    evaluator : callable
        Returns a simulation of a given batch with the present weights.
    learning_rates : mapping of str to float
    x, y : ndarray, shape (ticks, n_segments, 1)
        The series, and its next values.
    validation : ndarray, shape (n,)
        What follows.
    beta : float
        Strength of nudging.
    """

    def __init__(
        self,
        sim: "Simulation",
        evaluator: Evaluator,
        learning_rates: Mapping[str, float],
        x: Floats,
        y: Floats,
        validation: Floats,
        beta: float,
    ) -> None:
        super().__init__(sim, learning_rates)
        self.evaluator, self.x, self.y, self.validation, self.beta = evaluator, x, y, validation, beta

    def step(self, batch: Batch) -> BatchMetrics:
        """Let the network hear the whole series once."""
        self.sim.set_input("input", self.x, every=self.sim.dt)
        self.sim.nudge("label", self.y, self.beta, every=self.sim.dt)
        self.sim.run_ticks(len(self.x))
        return BatchMetrics(1)

    def evaluate(self, epoch: int) -> dict[str, float]:
        """Return the error of predictions on the validation series."""
        return {"validation_error": _error(self.evaluator(1), self.validation)[0]}


def predict(config: Settings, run: Run) -> None:
    """Let the network hear the series and be told the next value; then measure it on what follows.

    An answer takes a tick per layer, so that predicting the next value is to look that much further ahead.
    """
    series = mackey_glass(WASHED + LEARNED + 2 * TESTED)[WASHED:]
    series = (series - series[:LEARNED].mean()) / series[:LEARNED].std()
    training, validation, test = np.split(series, [LEARNED, LEARNED + TESTED])
    steps = (len(training) - 1) // SEGMENTS
    x = training[: SEGMENTS * steps].reshape(SEGMENTS, steps).T[:, :, None]
    y = training[1 : SEGMENTS * steps + 1].reshape(SEGMENTS, steps).T[:, :, None]
    sim, evaluator = simulations(config, 1, 1, run.seed, SEGMENTS)
    learning_rates = {name: rule.learning_rate for name, rule in sim.net.plasticity}
    learner = SeriesLearner(sim, evaluator, learning_rates, x, y, validation, config.beta)
    schedule = CosineDecay(max(config.epochs, 1))
    train(run, Trainer(learner, Batches(1, 1), epochs=config.epochs, schedule=schedule))
    error, answer = _error(evaluator(1), test)
    run.metric("normalised_rms_error", error)
    run.parameter("tracking/t", np.arange(300) * 1.0)
    run.parameter("tracking/target", test[1:][SETTLED : SETTLED + 300])
    run.parameter("tracking/prediction", answer[SETTLED : SETTLED + 300])
    settled, depth = slice(SETTLED, None), config.layers + 1
    last_value = np.sqrt(np.mean((test[1 + depth :] - test[: -1 - depth])[settled] ** 2))
    run.metric("error_of_the_last_value_heard", last_value)


def _error(sim: "Simulation", test: Floats) -> tuple[float, Floats]:
    """Return the root mean square error in standard deviations, and the predictions."""
    sim.record("label", "rate", every=sim.dt)
    sim.set_input("input", test[:-1, None], every=sim.dt)
    sim.run_ticks(len(test) - 1)
    answer = sim.trace("label", "rate").values[:, 0]
    return float(np.sqrt(np.mean((answer - test[1:])[SETTLED:] ** 2))), answer
