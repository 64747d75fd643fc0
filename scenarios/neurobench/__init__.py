"""NeuroBench: tasks of the benchmark, with models of this project and baselines in one table.

Mackey-Glass: a chaotic series is heard for ten Lyapunov times and then forecast for ten, from forecasts
alone. Spiking units, a state-space model, delays with a gated recurrence, prospective neurons, and an echo-
state network stand beside constants, which score better than many models. Few-shot: spoken digits are added
to a network of spiking units. QUBO: maximum independent sets of random graphs, by an event-driven spiking
network and by simulated annealing. Primate reaching: velocities of a fingertip from spikes of motor cortex.
Costs are counted as Yik et al. (2025) define it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from eventsim.registry import register
from eventsim.scenarios.neurobench.settings import Settings
from eventsim.scenarios.scenario import Run
from eventsim.trace import Trace


@register("scenario", "neurobench")
@dataclass(frozen=True, slots=True, kw_only=True)
class NeuroBench(Settings):
    """Tasks of the benchmark: chaotic series, few-shot learning, reaches, maximum independent sets."""

    @staticmethod
    def plots(trace: Trace) -> dict[str, Callable[[Trace], Any]]:
        """Return the plots of a run of this scenario."""
        from eventsim.scenarios.neurobench import plots

        return plots.available(trace)

    def data_sets(self) -> tuple[str, ...]:
        """Return the published data sets that the run reads."""
        if self.task == "primate-reaching":
            return ("primate-reaching",)
        if self.task == "few-shot":
            return ("mswc",) if self.words == "mswc" else ("fsdd-spikes",)
        return ()

    def run(self, run: Run) -> None:
        """Do what the task asks for."""
        if self.task == "mackey-glass":
            from eventsim.scenarios.neurobench import forecasting

            forecasting.forecast(self, run)
        elif self.task == "few-shot":
            from eventsim.scenarios.neurobench import few_shot

            few_shot.learn(self, run)
        elif self.task == "primate-reaching":
            from eventsim.scenarios.neurobench import reaching

            reaching.decode(self, run)
        else:
            from eventsim.scenarios.neurobench import independent_sets

            independent_sets.solve(self, run)
