"""Temporal hierarchy: fast membranes in the first layers of a spiking network, slow ones in the last.

A feed-forward network of leaky integrate-and-fire neurons sees one step of a sequence after the other. Moro
et al. (2024) ask two things: whether time constants that grow with depth raise the accuracy on tasks of
several time scales, most so in small networks; and whether training brings about this order by itself where
all time constants begin equal. The tasks are multi-time-scale XOR, spoken digits as spikes, and images pixel
by pixel; the same question is asked of kernels and dilations of temporal convolutions.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eventsim.errors import ConfigError
from eventsim.registry import register
from eventsim.scenarios.scenario import Run, Scenario
from eventsim.scenarios.temporal_hierarchy.settings import Settings
from eventsim.trace import Trace

if TYPE_CHECKING:
    from eventsim.scenarios.trained_models import Rebuilt, TrainedModel


@register("scenario", "temporal-hierarchy")
@dataclass(frozen=True, slots=True, kw_only=True)
class TemporalHierarchy(Settings):
    """Time constants that grow with depth, given or trained, in spiking networks on sequences."""

    def data_sets(self) -> tuple[str, ...]:
        """Return the published data sets that the run reads."""
        return {"mts-xor": (), "sweeps": (), "smnist": ("mnist",)}.get(self.dataset, (self.dataset,))

    @staticmethod
    def plots(trace: Trace) -> dict[str, Callable[[Trace], Any]]:
        """Return the plots of a run of this scenario."""
        from eventsim.scenarios.temporal_hierarchy import plots

        return plots.available(trace)

    def run(self, run: Run) -> None:
        """Train one network and look into it, or train many and compare them."""
        if (self.readout == "steps") != (self.dataset == "mts-xor"):
            right = "steps" if self.dataset == "mts-xor" else "cum"
            raise ConfigError(f"readout of {self.dataset} must be {right!r}, got {self.readout!r}")
        if self.compared or self.networks > 1:
            if run.hardware not in (None, "ideal"):
                raise ConfigError("many networks are compared on the ideal target only; sweep seeds instead")
            from eventsim.scenarios.temporal_hierarchy.comparison import train_all

            train_all(self, run)
        else:
            self._one(run)

    def trained(self, rebuilt: "Rebuilt") -> "TrainedModel":
        """Return the trained network; see `Scenario.trained`."""
        from eventsim.scenarios import trained_models
        from eventsim.scenarios.temporal_hierarchy.learner import trainer_of_run

        if self.networks > 1 or self.compared:
            return Scenario.trained(self, rebuilt)
        trainer, task = trainer_of_run(self, rebuilt.run, rebuilt.run.seed)
        learner: Any = trainer.learner
        for name, array in learner.network.arrays().items():
            array[...] = rebuilt.array(name)
        return trained_models.sequences(learner, task.n_classes)

    def _one(self, run: Run) -> None:
        from eventsim.models.training.earlier_states import current_state
        from eventsim.scenarios.temporal_hierarchy import measuring, recording
        from eventsim.scenarios.temporal_hierarchy.learner import trainer_of_run

        trainer, task = trainer_of_run(self, run, run.seed)
        learner: Any = trainer.learner
        network = learner.network
        for name, tau in zip(network.names, network.time_constants(), strict=True):
            run.parameter(f"initial/tau_mem/{name}", tau)
        if run.state:
            trainer.restore(current_state(run.state))
        trainer.run(
            checkpoint=lambda state: run.checkpoint(lambda: {"dataset": task.name} | state()),
            log=run.series,
            progress=run.progress,
        )
        for name, value in measuring.metrics(trainer).items():
            run.metric(name, value)
        for name, value in network.arrays().items():
            run.parameter(name, value)
        for name, tau in zip(network.names, network.time_constants(), strict=True):
            run.parameter(f"tau_mem/{name}", tau)
        recording.record(run, learner, self.samples_recorded)
        if run.hardware not in (None, "ideal"):
            from eventsim.scenarios.temporal_hierarchy import on_chip

            on_chip.evaluate(run, learner)
