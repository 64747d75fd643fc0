"""Latent Equilibrium: slow neurons that look ahead by their own lag compute and learn at once.

Rates are phi(u + tau du/dt), which undoes the lag of the membrane, so that the answer of a deep network and
the errors that teach it need a tick per layer instead of tau per layer, and learning is never switched
off (Haider et al. 2021). Tasks: still images, synthesis of a sawtooth, the response of chains of neurons,
and the dendritic microcircuit, each with the control whose rates are phi(u).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eventsim.registry import register
from eventsim.scenarios.latent_equilibrium.settings import Settings
from eventsim.scenarios.scenario import Run, Scenario
from eventsim.trace import Trace

if TYPE_CHECKING:
    from eventsim.scenarios.trained_models import Rebuilt, TrainedModel


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

    def trained(self, rebuilt: "Rebuilt") -> "TrainedModel":
        """Return the trained classifier; see `Scenario.trained`."""
        from eventsim.models.prospective import layered
        from eventsim.models.training.continuous_learner import EVALUATED
        from eventsim.scenarios import trained_models
        from eventsim.scenarios.latent_equilibrium import data, network

        if self.task in ("fourier", "response", "bars", "mimic"):
            return Scenario.trained(self, rebuilt)
        run = rebuilt.run
        task = data.static(run, self.task, enlarged=bool(self.maps))
        layers = network.layers(self, task.n_inputs, task.n_classes)
        taus = {
            layer.name: {
                "tau_mem": rebuilt.array(f"tau_mem/{layer.name}"),
                "tau_r": rebuilt.array(f"initial/tau_r/{layer.name}"),
            }
            for layer in layers[1:]
        }
        learner = network.trainer(self, task, run.seed, taus).learner
        for _, projection in layered.weighted(layers, learner.sim.net):
            name = projection.name
            weight, bias = rebuilt.array(f"weight/{name}"), rebuilt.array(f"bias/{name}")
            learner.sim.set_weights(name, weight, bias)
        last = self.readout_steps
        return trained_models.rates(
            task,
            learner.evaluator(min(EVALUATED, task.size("test"))),
            "image",
            self.ticks,
            lambda rates: rates[-last:].sum(axis=0).argmax(axis=1),
            series=False,
            warm_up=learner.warm_up,
        )

    def _classify(self, run: Run) -> None:
        from eventsim.models.prospective import layered
        from eventsim.models.training.earlier_states import current_state
        from eventsim.scenarios.latent_equilibrium import data, network
        from eventsim.scenarios.latent_equilibrium.matching import matched

        task = data.static(run, self.task, enlarged=bool(self.maps))
        layers = network.layers(self, task.n_inputs, task.n_classes)
        taus = network.time_constants(self, layers, run.seed)
        state = run.state or {}
        for name, values in taus.items():
            for which, array in values.items():
                run.parameter(f"initial/{which}/{name}", array)
        if self.tau_epochs and "taus" in state:
            taus = state["taus"]
        elif self.tau_epochs:
            taus = matched(self, run, task, layers, taus)
        trainer = network.trainer(self, task, run.seed, taus)
        if "training" in state:
            trainer.restore(current_state(state["training"]))
        fixed = {"taus": taus} if self.tau_epochs else {}
        trainer.run(
            checkpoint=lambda present: run.checkpoint(lambda: fixed | {"training": present()}),
            log=run.series,
            progress=run.progress,
        )
        run.last_state = fixed | {"training": trainer.state()}
        learner = trainer.learner
        run.metric("test_accuracy", learner.accuracy("test"))
        run.metric("test_error", 1 - run.metrics["test_accuracy"])
        run.metric("validation_accuracy", learner.accuracy("validation"))
        run.metric("simulated_ms_per_presentation", self.ticks * self.dt)
        for _, projection in layered.weighted(layers, learner.sim.net):
            run.parameter(f"weight/{projection.name}", learner.sim.weights(projection.name))
            run.parameter(f"bias/{projection.name}", learner.sim.bias(projection.name))
        for name, values in taus.items():
            run.parameter(f"tau_mem/{name}", values["tau_mem"])
