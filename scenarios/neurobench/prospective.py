"""The forecaster of prospective neurons: it learns online, at every tick, from the error of the next point.

The network is that of the scenario `generalized-latent-equilibrium`. A point takes a tick, and an answer a
tick a layer: the output after a tick forecasts the next point from those heard some ticks before. Of 750
points it hears segments side by side, again and again.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eventsim.io.neurobench import Workload
from eventsim.models.neurobench import RateModel
from eventsim.models.training.batches import Batches
from eventsim.models.training.schedules import CosineDecay
from eventsim.models.training.trainer import Trainer
from eventsim.scenarios.generalized_latent_equilibrium.chaotic_series import SeriesLearner
from eventsim.scenarios.generalized_latent_equilibrium.network import simulations
from eventsim.scenarios.neurobench.protocol import HALF, Split

if TYPE_CHECKING:
    from eventsim.scenarios.neurobench.settings import Settings

__all__ = ["ProspectiveForecaster"]

Floats = NDArray[np.float64]
SEGMENTS = 5  # of the training half, heard side by side


class Online(SeriesLearner):
    """Hears the training half once a step; its points are all for training."""

    def evaluate(self, epoch: int) -> dict[str, float]:
        """Return nothing: no points are left for validation."""
        return {}


class ProspectiveForecaster:
    """A network of neurons that remember.

    Parameters
    ----------
    settings : Settings
    seed : int
        Of its weights.
    """

    def __init__(self, settings: "Settings", seed: int) -> None:
        from eventsim.scenarios.generalized_latent_equilibrium import GeneralizedLatentEquilibrium

        n_fast = settings.n_units // 3
        config = GeneralizedLatentEquilibrium(
            **GeneralizedLatentEquilibrium.presets["mackey-glass"]  # type: ignore[arg-type]
            | {"fast": n_fast, "slow": settings.n_units - n_fast, "epochs": settings.epochs}
        )
        self.beta, self.epochs = config.beta, config.epochs
        self.sim, self._evaluator = simulations(config, 1, 1, seed, SEGMENTS)
        self.mean, self.std = 0.0, 1.0
        self.warm = np.zeros(0)
        self._use(self._evaluator(1))

    def _use(self, sim: Any) -> None:
        """Report a simulation of one sample, whose point takes a tick."""
        self._reported = RateModel(sim, "input", 1, lambda rates: rates[-1, 0, 0])
        self.parameters, self.buffers = self._reported.parameters, self._reported.buffers
        self.connections = self._reported.connections

    def fit(self, split: Split) -> None:
        """Hear the training half, segment beside segment; see `Forecaster`."""
        self.warm = split.inputs[:HALF]
        self.mean, self.std = float(self.warm.mean()), float(self.warm.std())
        x, y = (self._scaled(each[:HALF]) for each in (split.inputs, split.targets))
        heard, told = (each.reshape(SEGMENTS, -1).T[:, :, None] for each in (x, y))
        rates = {name: rule.learning_rate for name, rule in self.sim.net.plasticity}
        learner = Online(self.sim, self._evaluator, rates, heard, told, np.zeros(0), self.beta)
        Trainer(learner, Batches(1, 1), epochs=self.epochs, schedule=CosineDecay(max(self.epochs, 1))).run()
        self._use(self._evaluator(1))

    def infer(self, samples: Any, workload: Workload) -> Floats:
        """Return the forecasts of the test half; see `Forecaster`."""
        sim = self._reported.sim
        sim.set_input("input", self._scaled(self.warm)[:, None], every=sim.dt)
        sim.run_ticks(HALF)
        value, forecasts = self._scaled(np.asarray(samples[:1]))[0], np.empty(HALF)
        for step in range(HALF):
            value = forecasts[step] = float(self._reported.infer(np.array([[value]]), workload))
            if not abs(value) < 1e6:  # the engine takes no infinities; what follows is as far off
                forecasts[step:] = value
                break
        return self.mean + self.std * forecasts

    def _scaled(self, values: Floats) -> Floats:
        return (values - self.mean) / self.std
