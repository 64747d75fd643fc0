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
from typing import Any

from eventsim.registry import register
from eventsim.scenarios.nonlinear_dendrites.settings import Settings
from eventsim.scenarios.scenario import Run
from eventsim.trace import Trace


@register("scenario", "nonlinear-dendrites")
@dataclass(frozen=True, slots=True, kw_only=True)
class NonlinearDendrites(Settings):
    """Dendritic plateaus, coincidence detection, calcium bursts and structural plasticity, test by test."""

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
