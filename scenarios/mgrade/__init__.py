"""mGRADE: a delay convolution for the recent past, a minimal gated recurrence for the distant past.

Torchet et al. (2025) give each layer of a small sequence model both: taps at learned real delays, which hold
the last samples exactly, and one gated state a channel, which holds context for as long as its gate stays
shut. The scenario trains the model beside its two halves alone, counts the memory of a stream, and lets the
trained model run as a population of the engine, one sample a tick.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eventsim.registry import register
from eventsim.scenarios.mgrade.settings import Settings
from eventsim.scenarios.scenario import Run
from eventsim.trace import Trace

if TYPE_CHECKING:
    from eventsim.scenarios.trained_models import Rebuilt, TrainedModel


@register("scenario", "mgrade")
@dataclass(frozen=True, slots=True, kw_only=True)
class MGrade(Settings):
    """Delay convolutions with gated recurrence, beside each of them alone: accuracy for the memory kept."""

    def data_sets(self) -> tuple[str, ...]:
        """Return the published data sets that the run reads."""
        return {"smnist": ("mnist",), "fsdd": ("fsdd",)}.get(self.task, ())

    @staticmethod
    def plots(trace: Trace) -> dict[str, Callable[[Trace], Any]]:
        """Return the plots of a run of this scenario."""
        from eventsim.scenarios.mgrade import plots

        return plots.available(trace)

    def trained(self, rebuilt: "Rebuilt") -> "TrainedModel":
        """Return the first trained network, of a task whose score is accuracy; see `Scenario.trained`."""
        import numpy as np

        from eventsim.models.training.batches import seeded
        from eventsim.scenarios import trained_models
        from eventsim.scenarios.mgrade import learner, network, problems, study

        if self.task == "position-recovery":
            return Settings.trained(self, rebuilt)
        problem = problems.problem(self, rebuilt.run)
        if problem.measure is not None:
            return Settings.trained(self, rebuilt)
        n_inputs, n_outputs = problem.task.n_inputs, problem.task.n_classes
        planned = study.networks(self, n_inputs, n_outputs)
        name, first = planned[0]
        made = network.network(first, n_inputs, n_outputs, np.random.default_rng(0))
        for key, array in study.kept(made).items():
            array[...] = rebuilt.array(key)
        made.threads = rebuilt.run.threads
        found = trained_models.sequences(
            learner.learner(first, problem, made, seeded(rebuilt.run.seed)), n_outputs
        )
        if len(planned) > 1:
            found.about["Network"] = f"{name}, the first of {len(planned)}"
        return found

    def run(self, run: Run) -> None:
        """Train the networks of the study, measure them, and stream the first of them."""
        self.check()
        if self.task == "position-recovery":
            from eventsim.scenarios.mgrade import recovery

            recovery.recover(self, run)
        else:
            from eventsim.scenarios.mgrade import study

            study.run(self, run)
