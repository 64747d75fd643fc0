"""Generalized Latent Equilibrium: neurons that remember or look ahead, and errors that mirror them in time.

A neuron low-passes its input with tau_mem and its rate looks ahead by tau_r; its error does the inverse, so
that it is of the right age for what the neuron did (Ellenberger et al. 2025). Weights and membrane time
constants are learned online, from error times rate. Tasks: teachers with lags, classification of
sequences, a chaotic series, and the angle between what is learned and the exact gradient; the controls
are errors without dynamics, and neurons without memory.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim import rng as streams
from eventsim.registry import register
from eventsim.scenarios.generalized_latent_equilibrium.settings import Settings
from eventsim.scenarios.scenario import Run
from eventsim.trace import Trace

if TYPE_CHECKING:
    from eventsim.scenarios._sequence_training import Sequences, Stream


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

    def training(self, task: "Sequences", seed: int) -> "Stream":
        """Return the training of the network of a seed."""
        from eventsim.scenarios._sequence_training import Plateau, Stream
        from eventsim.scenarios.generalized_latent_equilibrium.network import trained

        batch = min(self.batch, len(task.sets["train"][1]))
        sim, tested = trained(self, task.n_inputs, task.n_classes, seed, batch)
        return Stream(
            task=task,
            sim=sim,
            tested=tested,
            rng=partial(streams.stream, seed),
            rates={name: self.learning_rate / self.dt for name, _ in sim.net.plasticity},
            ticks=self.ticks,
            epochs=self.epochs,
            beta=self.beta,
            plateau=Plateau(self.patience, self.factor),
            cosine=self.lr_schedule == "cosine",
            staggered=self.staggered,
            balanced=self.balanced,
            ramp=self.transition_steps,
        )

    # ---------------------------------------------------------------------------- what is done

    def _classify(self, run: Run) -> None:
        from eventsim.scenarios.generalized_latent_equilibrium import data
        from eventsim.scenarios.generalized_latent_equilibrium.gradients import cosines

        task = data.sequences(run, self.task, self.points, self.held_out, self.interpolation)
        training = self.training(task, run.seed)
        before = cosines(training)
        if run.state:
            training.restore(run.state)
        training.train(run)
        run.parameter("gradient/cosines", np.stack([before, cosines(training)]))
        if not self.held_out:  # settings are still being chosen, and not by the test set
            run.metric("test_accuracy", training.measure("test")[0])
        run.metric("validation_accuracy", training.measure("validation")[0])
        sim, trained = training.sim, 0
        for name, _ in sim.net.plasticity:
            weight, bias = sim.weights(name), sim.bias(name)
            run.parameter(f"weight/{name}", weight)
            run.parameter(f"bias/{name}", bias)
            trained += weight.size + bias.size
        run.metric("trained_numbers", trained)
