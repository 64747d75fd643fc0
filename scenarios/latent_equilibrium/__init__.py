"""Latent Equilibrium: slow neurons that look ahead by their own lag compute and learn at once.

Rates are phi(u + tau du/dt), which undoes the lag of the membrane, so that the answer of a deep network and
the errors that teach it need a tick per layer instead of tau per layer, and learning is never switched
off (Haider et al. 2021). Tasks: still images, synthesis of a sawtooth, the response of chains of neurons,
and the dendritic microcircuit, each with the control whose rates are phi(u).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import ceil
from typing import TYPE_CHECKING, Any

from eventsim import rng as streams
from eventsim.errors import ConfigError
from eventsim.registry import register
from eventsim.scenarios.latent_equilibrium.settings import Settings
from eventsim.scenarios.scenario import Run
from eventsim.trace import Floats, Trace

if TYPE_CHECKING:
    from eventsim import Simulation
    from eventsim.scenarios._prospective_training import Presentations, Task


@register("scenario", "latent-equilibrium")
@dataclass(frozen=True, slots=True, kw_only=True)
class LatentEquilibrium(Settings):
    """Slow neurons that compute and learn at once, by prospective rates: images, signals, microcircuits."""

    def data_sets(self) -> tuple[str, ...]:
        """Return the published data sets that the run reads."""
        return (self.task,) if self.task in ("mnist", "fashion-mnist") else ()

    @staticmethod
    def plots(trace: Trace) -> dict[str, Callable[[Trace], Any]]:
        """Return the plots of a run of this scenario."""
        from eventsim.scenarios.latent_equilibrium import plots

        return plots.available(trace)

    def run(self, run: Run) -> None:
        """Do what the task asks for."""
        if self.task in ("fourier", "response"):
            from eventsim.scenarios.latent_equilibrium import signals

            {"fourier": signals.fourier, "response": signals.response}[self.task](self, run)
        elif self.task in ("bars", "mimic"):
            from eventsim.scenarios.latent_equilibrium import microcircuits

            {"bars": microcircuits.bars_task, "mimic": microcircuits.mimic}[self.task](self, run)
        else:
            self._classify(run)

    # ---------------------------------------------------------------------------- what is done

    def training(self, task: "Task", seed: int, taus: dict[str, dict[str, Floats]]) -> "Presentations":
        """Return the training of the network of a seed."""
        from eventsim import Simulation
        from eventsim.scenarios._prospective_training import Presentations
        from eventsim.scenarios.latent_equilibrium.network import layers, network

        built = layers(self, task.n_inputs, task.n_classes)
        late = len(built) - 1 if self.delayed_targets else 0
        if late >= self.ticks:
            raise ConfigError(
                f"delayed targets come after {late} ticks here; ticks must be more, got {self.ticks}"
            )
        if self.readout_steps > self.ticks:
            raise ConfigError(f"readout_steps must be at most ticks, {self.ticks}, got {self.readout_steps}")
        batch = min(self.batch, len(task.sets["train"][1]))
        sim = Simulation(network(self, built, seed, taus), dt=self.dt, batch=batch, dtype=self.precision)

        def tested(batch: int) -> "Simulation":
            quiet = network(self, built, seed, taus, "nothing")
            test = Simulation(quiet, dt=self.dt, batch=batch, dtype=self.precision)
            for layer, projection in zip(built[1:], quiet.projections, strict=True):
                name = projection.name
                if layer.shape:
                    test.set_weights(name, sim.weights(name), sim.bias(name))
            return test

        return Presentations(
            task=task,
            sim=sim,
            tested=tested,
            rng=partial(streams.stream, seed),
            ticks=self.ticks,
            epochs=self.epochs,
            beta=self.beta,
            rates={name: rule.learning_rate for name, rule in sim.net.plasticity},
            cosine=self.lr_schedule == "cosine",
            late=late,
            read=self.readout_steps,
            tau_target=self.tau_syn * (len(built) - 1),
            before=ceil(self.tau / (self.ticks * self.dt)) if self.tau_spread or not self.prospective else 0,
        )

    def _classify(self, run: Run) -> None:
        from eventsim.scenarios.latent_equilibrium import data
        from eventsim.scenarios.latent_equilibrium.matching import matched
        from eventsim.scenarios.latent_equilibrium.network import layers, time_constants

        task = data.still(run, self.task, enlarged=bool(self.maps))
        built = layers(self, task.n_inputs, task.n_classes)
        taus = time_constants(self, built, run.seed)
        state = run.state or {}
        for name, values in taus.items():
            for which, array in values.items():
                run.parameter(f"initial/{which}/{name}", array)
        if self.tau_epochs:
            taus = state["taus"] if "taus" in state else matched(self, run, task, taus)
        training = self.training(task, run.seed, taus)
        if "training" in state:
            training.restore(state["training"])
        fixed = {"taus": taus} if self.tau_epochs else {}
        present = training.state
        training.train(run, lambda: fixed | {"training": present()})
        run.metric("test_accuracy", training.accuracy("test"))
        run.metric("test_error", 1 - run.metrics["test_accuracy"])
        run.metric("validation_accuracy", training.accuracy("validation"))
        run.metric("simulated_ms_per_presentation", self.ticks * self.dt)
        for layer, projection in zip(built[1:], training.sim.net.projections, strict=True):
            if layer.shape:
                run.parameter(f"weight/{projection.name}", training.sim.weights(projection.name))
                run.parameter(f"bias/{projection.name}", training.sim.bias(projection.name))
        for name, values in taus.items():
            run.parameter(f"tau_mem/{name}", values["tau_mem"])
