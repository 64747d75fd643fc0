"""Generalized Latent Equilibrium: neurons that remember or look ahead, and errors that mirror them in time.

A neuron low-passes its input with tau_mem and its rate looks ahead by tau_r; its error does the inverse, so
that it is of the right age for what the neuron did (Ellenberger et al. 2025). Weights and membrane time
constants are learned online, from error times rate. Tasks: teachers with lags, classification of
sequences, a chaotic series, and the angle between what is learned and the exact gradient; the controls
are errors without dynamics, and neurons without memory.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim.registry import register
from eventsim.scenarios.generalized_latent_equilibrium.settings import Settings
from eventsim.scenarios.scenario import Run, Scenario
from eventsim.trace import Trace

if TYPE_CHECKING:
    from eventsim.scenarios.trained_models import Rebuilt, TrainedModel


@register("scenario", "generalized-latent-equilibrium")
@dataclass(frozen=True, slots=True, kw_only=True)
class GeneralizedLatentEquilibrium(Settings):
    """Neurons that remember, taught online by errors that mirror them in time: lags, sequences, chaos."""

    def data_sets(self) -> tuple[str, ...]:
        """Return the published data sets that the run reads."""
        return {"mnist-1d": ("mnist-1d",), "spoken-digits": ("fsdd",)}.get(self.task, ())

    @staticmethod
    def plots(trace: Trace) -> dict[str, Callable[[Trace], Any]]:
        """Return the plots of a run of this scenario."""
        from eventsim.scenarios.generalized_latent_equilibrium import plots

        return plots.available(trace)

    def run(self, run: Run) -> None:
        """Do what the task asks for."""
        if self.task in ("lag-line", "lag-net"):
            from eventsim.scenarios.generalized_latent_equilibrium import lag_teachers

            {"lag-line": lag_teachers.lag_line, "lag-net": lag_teachers.lag_net}[self.task](self, run)
        elif self.task == "gradient":
            from eventsim.scenarios.generalized_latent_equilibrium import exact_gradients

            exact_gradients.angles(self, run)
        elif self.task == "mackey-glass":
            from eventsim.scenarios.generalized_latent_equilibrium import chaotic_series

            chaotic_series.predict(self, run)
        else:
            self._classify(run)

    def trained(self, rebuilt: "Rebuilt") -> "TrainedModel":
        """Return the trained classifier, which begins with the first training sequences; see `Scenario`."""
        from eventsim.scenarios import trained_models
        from eventsim.scenarios.generalized_latent_equilibrium import data, network

        if self.task in ("lag-line", "lag-net", "gradient", "mackey-glass"):
            return Scenario.trained(self, rebuilt)
        task = data.sequences(rebuilt.run, self.task, self.points, self.held_out)
        learner = network.trainer(self, task, rebuilt.run.seed).learner
        sim = learner.sim
        for name, _ in sim.net.plasticity:
            sim.set_weights(name, rebuilt.array(f"weight/{name}"), rebuilt.array(f"bias/{name}"))
        return trained_models.rates(
            learner.task,
            learner.evaluator(int(sim.batch)),
            "input",
            self.ticks,
            lambda rates: rates.sum(axis=0).argmax(axis=1),
            series=True,
            warm_up=1,
        )

    def _classify(self, run: Run) -> None:
        from eventsim.scenarios.continuous_training import train
        from eventsim.scenarios.generalized_latent_equilibrium import data, network
        from eventsim.scenarios.generalized_latent_equilibrium.gradients import cosines

        task = data.sequences(run, self.task, self.points, self.held_out)
        trainer = network.trainer(self, task, run.seed)
        learner = trainer.learner
        before = cosines(learner)
        train(run, trainer)
        run.parameter("gradient/cosines", np.stack([before, cosines(learner)]))
        if not self.held_out:  # settings are still being chosen, and not by the test set
            run.metric("test_accuracy", learner.measure("test")["test_accuracy"])
        run.metric("validation_accuracy", learner.measure("validation")["validation_accuracy"])
        sim, trained = learner.sim, 0
        for name, _ in sim.net.plasticity:
            weight, bias = sim.weights(name), sim.bias(name)
            run.parameter(f"weight/{name}", weight)
            run.parameter(f"bias/{name}", bias)
            trained += weight.size + bias.size
        run.metric("trained_numbers", trained)
