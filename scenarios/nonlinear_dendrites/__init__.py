"""Non-linear dendrites: plateaus, coincidence detection and bursts within one neuron, and rewiring by a
processor.

Compartments fire events of their own, by the same circuit as somatic spikes: a clamp to a programmed
potential for a programmed time (Schemmel et al. 2017). Each task is one test of such neurons: soma with
NMDA dendrite (set A), soma with calcium zone (set B); a chip's mismatch and its calibration; structural
plasticity of dendrites; a network. The paper shows transistor-level simulations; numbers to compare with
are those of a reference simulation.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Le

from eventsim.registry import register
from eventsim.scenarios.scenario import NOT_NEGATIVE, POSITIVE, Run
from eventsim.trace import Trace

TASKS = Literal[
    "plateau",
    "all-or-none",
    "hold-off",
    "synchrony",
    "coincidence-window",
    "bac-firing",
    "monte-carlo",
    "structural-plasticity",
    "network",
]


@register("scenario", "nonlinear-dendrites")
@dataclass(frozen=True, slots=True, kw_only=True)
class NonlinearDendrites:
    """Dendritic plateaus, coincidence detection, calcium bursts and structural plasticity, test by test."""

    paper: ClassVar[str] = (
        "Schemmel et al. 2017, An accelerated analog neuromorphic hardware system emulating NMDA- and "
        "calcium-based non-linear dendrites"
    )
    presets: ClassVar[dict[str, dict[str, object]]] = {
        "all-or-none": {},
        "plateau": {"task": "plateau"},
        "hold-off": {"task": "hold-off"},
        "synchrony": {"task": "synchrony"},
        "coincidence-window": {"task": "coincidence-window"},
        "bac-firing": {"task": "bac-firing"},
        "monte-carlo": {"task": "monte-carlo", "dt": 0.05},
        "structural-plasticity": {"task": "structural-plasticity"},
        "structural-plasticity-fixed": {"task": "structural-plasticity", "pruning": False},
        "network-1000": {"task": "network"},
        "network-1000-ticks": {"task": "network", "solver": "ticks", "dt": 0.1},
        "quick": {"task": "network", "neurons": 50, "duration": 300.0},
    }

    task: Annotated[TASKS, "which test"] = "all-or-none"
    dt: Annotated[float, *POSITIVE, "ms, tick where synapses are conductances"] = 0.02
    neurons: Annotated[int, Ge(1), "of the network, and of the Monte Carlo test: a tenth"] = 1000
    spread: Annotated[float, Ge(0), Le(0.5), "relative deviation of a device's parameters"] = 0.1
    duration: Annotated[float, *NOT_NEGATIVE, "ms, of the network"] = 1000.0
    rate: Annotated[float, *NOT_NEGATIVE, "Hz, of each of the network's sources"] = 10.0
    inputs: Annotated[int, Ge(1), "synapses of a neuron of the network"] = 100
    solver: Annotated[Literal["exact", "ticks"], "of the network"] = "exact"
    periods: Annotated[int, Ge(0), "runs of the kernel for structural plasticity"] = 500
    period: Annotated[float, *POSITIVE, "ms, between them"] = 4000.0
    pruning: Annotated[bool, "false keeps the sources of all synapses"] = True

    @staticmethod
    def plots(trace: Trace) -> dict[str, Callable[[Trace], Any]]:
        """Return the ways to draw a run of this scenario."""
        from eventsim.scenarios.nonlinear_dendrites import plots

        return plots.available(trace)

    def run(self, run: Run) -> None:
        """Do the test."""
        from eventsim.scenarios.nonlinear_dendrites import experiments, rewiring

        tests: dict[str, Callable[[NonlinearDendrites, Run], None]] = {
            "plateau": experiments.plateau,
            "all-or-none": experiments.all_or_none,
            "hold-off": experiments.hold_off,
            "synchrony": experiments.synchrony,
            "coincidence-window": experiments.coincidence_window,
            "bac-firing": experiments.bac_firing,
            "monte-carlo": experiments.monte_carlo,
            "structural-plasticity": rewiring.structural_plasticity,
            "network": experiments.network,
        }
        tests[self.task](self, run)
