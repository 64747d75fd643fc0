"""Quantised state-space models: how few bits poles, states and weights of S4D need.

A network of diagonal state-space layers sees an image one pixel a step. Zhao et al. (2025) train it in full
precision, round it, and fine-tune it in recurrent form with rounded poles and states. Poles and states need
most bits: a rounded pole may leave the unit circle. Whether the range of a grid contains 0, and whether real
and imaginary parts share it, decides at how many bits that happens, so both are keys of the configuration.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eventsim.errors import ConfigError
from eventsim.registry import register
from eventsim.scenarios.quantized_ssm.settings import Settings
from eventsim.scenarios.scenario import Run
from eventsim.trace import Trace

if TYPE_CHECKING:
    from eventsim.models.layers import Sequential
    from eventsim.models.training.task import Task
    from eventsim.models.training.trainer import Trainer
    from eventsim.scenarios.trained_models import Rebuilt, TrainedModel


@register("scenario", "quantized-ssm")
@dataclass(frozen=True, slots=True, kw_only=True)
class QuantizedSSM(Settings):
    """State-space models with few bits: rounded after training, and fine-tuned with rounded states."""

    def data_sets(self) -> tuple[str, ...]:
        """Return the published data sets that the run reads."""
        return ("mnist",) if self.dataset == "smnist" else ()

    @staticmethod
    def plots(trace: Trace) -> dict[str, Callable[[Trace], Any]]:
        """Return the plots of a run of this scenario."""
        from eventsim.scenarios.quantized_ssm import plots

        return plots.available(trace)

    def run(self, run: Run) -> None:
        """Train in full precision, round, sweep over bits, fine-tune."""
        if self.n_states % 2:
            raise ConfigError(f"n_states must be even, got {self.n_states}")
        if self.delta_min > self.delta_max:
            raise ConfigError(f"delta_min must be at most delta_max, got {self.delta_min} > {self.delta_max}")
        from eventsim.models.training.batches import seeded
        from eventsim.scenarios.quantized_ssm import data, learner, memory, network, series, sweeps

        rng, task = seeded(run.seed), data.task(self, run)
        full = network.full_precision(self, task.n_classes, rng("weights"))
        full.threads = run.threads
        state: dict[str, Any] = dict(run.state) if run.state else {"phase": "training"}
        if state["phase"] == "training":
            trainer = learner.pre_training(self, task, full, rng)
            self._train(run, task, trainer, state, "training", "")
        else:
            full.load_state_dict(state["full"])
        n_parameters = memory.trained_numbers(full)
        if self.dataset == "mackey_glass":
            run.metric("trained_numbers", n_parameters)
            series.measure(self, run, task, full)
            for name, array in full.parameters.items():
                run.parameter(name, array)
            return
        run.metric("test_accuracy_full", learner.accuracy(task, full))
        run.metric("trained_numbers", n_parameters)
        accuracy, rounded = sweeps.rounded_accuracy(self, task, full)
        rounded.threads = run.threads
        run.metric("test_accuracy_rounded", accuracy)
        sweeps.stability(run, rounded)
        for name, value in memory.report(self, rounded, n_parameters).items():
            run.metric(name, value)
        sweeps.sweep(self, run, task, full)
        if self.qat_epochs:
            trainer = learner.fine_tuning(self, task, rounded, rng)
            self._train(run, task, trainer, state, "fine-tuning", "qat_", full)
            accuracy = learner.accuracy(task, rounded)
            run.metric("largest_pole_tuned", _largest_pole(rounded))
        run.metric("test_accuracy", accuracy)
        for name, array in rounded.parameters.items():
            run.parameter(name, array)
        for name, array in rounded.buffers.items():
            run.parameter(f"buffer/{name}", array)

    def trained(self, rebuilt: "Rebuilt") -> "TrainedModel":
        """Return the rounded network; see `Scenario.trained`."""
        if self.dataset == "mackey_glass":
            return Settings.trained(self, rebuilt)
        import numpy as np

        from eventsim.models.layers import Sequential
        from eventsim.models.training.batches import seeded
        from eventsim.models.training.optimisers import Adam
        from eventsim.scenarios import trained_models
        from eventsim.scenarios.quantized_ssm import data, learner, network

        task, rng = data.task(self, rebuilt.run), seeded(rebuilt.run.seed)
        full = network.full_precision(self, task.n_classes, np.random.default_rng(0))
        rounded: Sequential = network.rounded(self, task.n_classes, full)
        if self.qat_epochs:
            learner.fine_tuning(self, task, rounded, rng)  # converts it to its parametrisation
        names = rounded.parameters | {f"buffer/{name}": a for name, a in rounded.buffers.items()}
        for name, array in names.items():
            array[...] = rebuilt.array(name)
        rounded.threads = rebuilt.run.threads
        return trained_models.sequences(learner.learner(task, rounded, rng, Adam()), task.n_classes)

    def _train(
        self,
        run: Run,
        task: "Task",
        trainer: "Trainer",
        state: dict[str, Any],
        phase: str,
        prefix: str,
        full: "Sequential | None" = None,
    ) -> None:
        """Train to the end of a phase, from the beginning or from where the run stopped."""
        from eventsim.models.training.earlier_states import current_state

        if state["phase"] == phase and "trainer" in state:
            trainer.restore(current_state(state["trainer"]))
        known = {"dataset": task.name, "phase": phase} | ({"full": full.state_dict()} if full else {})
        trainer.run(
            checkpoint=lambda now: run.checkpoint(lambda: known | {"trainer": now()}),
            log=lambda name, value: run.series(prefix + name, value),
            progress=run.progress,
        )


def _largest_pole(network: "Sequential") -> float:
    import numpy as np

    from eventsim.scenarios.quantized_ssm.network import s4d_layers

    return max(float(np.abs(layer.used()[0]).max()) for layer in s4d_layers(network))
