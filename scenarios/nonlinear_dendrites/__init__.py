"""Non-linear dendrites: plateaus, coincidence detection and bursts within one neuron, and rewiring by a
processor.

Compartments fire events of their own, by the same circuit as somatic spikes: a clamp to a programmed
potential for a programmed time (Schemmel et al. 2017). Each task is one test of such neurons: soma with
NMDA dendrite (set A), soma with calcium zone (set B); a chip's mismatch and its calibration; structural
plasticity of dendrites; a network. The paper shows transistor-level simulations; the values to compare
with are those of a reference simulation.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Le

from eventsim.registry import register
from eventsim.scenarios.nonlinear_dendrites.presets import PRESETS
from eventsim.scenarios.scenario import NOT_NEGATIVE, POSITIVE, Run, Sections
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
    presets: ClassVar[dict[str, dict[str, object]]] = PRESETS
    sections: ClassVar[Sections] = {
        "test": ("task", "dt"),
        "network and devices": ("neurons", "inputs", "rate", "duration", "solver", "spread"),
        "structural plasticity": ("periods", "period", "pruning"),
    }

    task: Annotated[TASKS, "which test"] = "all-or-none"
    dt: Annotated[float, *POSITIVE, "ms, tick where synapses are conductances"] = 0.02
    neurons: Annotated[int, Ge(1), Le(10**7), "of the network, and of the Monte Carlo test: a tenth"] = 1000
    inputs: Annotated[int, Ge(1), Le(10**6), "synapses of a neuron of the network"] = 100
    rate: Annotated[float, *NOT_NEGATIVE, "Hz, of each of the network's sources"] = 10.0
    duration: Annotated[float, *NOT_NEGATIVE, "ms, of the network"] = 1000.0
    solver: Annotated[Literal["exact", "ticks"], "of the network"] = "exact"
    spread: Annotated[float, Ge(0), Le(0.5), "relative mismatch of a device's parameters"] = 0.1
    periods: Annotated[int, Ge(0), "runs of the kernel for structural plasticity"] = 500
    period: Annotated[float, *POSITIVE, "ms, between them"] = 4000.0
    pruning: Annotated[bool, "false keeps the sources of all synapses"] = True

    @staticmethod
    def plots(trace: Trace) -> dict[str, Callable[[Trace], Any]]:
        """Return the plots of a run of this scenario."""
        from eventsim.scenarios.nonlinear_dendrites import plots

        return plots.available(trace)

    def run(self, run: Run) -> None:
        """Do the test."""
        from eventsim.scenarios.nonlinear_dendrites import (
            coincidences,
            devices,
            network,
            plateaus,
            structural_plasticity,
        )

        tests: dict[str, Callable[[NonlinearDendrites, Run], None]] = {
            "plateau": plateaus.plateau,
            "all-or-none": plateaus.all_or_none,
            "hold-off": plateaus.hold_off,
            "synchrony": plateaus.synchrony,
            "coincidence-window": coincidences.coincidence_window,
            "bac-firing": coincidences.bac_firing,
            "monte-carlo": devices.monte_carlo,
            "structural-plasticity": structural_plasticity.rewire,
            "network": network.simulate,
        }
        tests[self.task](self, run)
