"""Phaseless Alignment Learning: noise aligns feedback weights with forward weights, while all else learns.

Errors that go back through random weights teach deep networks badly, and no synapse knows the weight of
another. Max et al. (2024) let each neuron have noise of its own. It travels up through the forward weights
and comes back in the rates of the layer above: its correlation with the quick part of those rates is the
forward weight. A Hebbian rule with decay turns the feedback weights towards the transposed forward weights,
without phases. The tasks ask how well, how large, and what it brings.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from eventsim.errors import ConfigError
from eventsim.registry import register
from eventsim.scenarios.phaseless_alignment.settings import Settings
from eventsim.scenarios.scenario import Run
from eventsim.trace import Trace


@register("scenario", "phaseless-alignment")
@dataclass(frozen=True, slots=True, kw_only=True)
class PhaselessAlignment(Settings):
    """Feedback weights learned from noise, at every moment: alignment, teacher and student, Yin-Yang."""

    def data_sets(self) -> tuple[str, ...]:
        """Return the published data sets that the run reads."""
        rates = self.task in ("classify", "autoencoder")
        return (self.dataset,) if rates and self.dataset in ("mnist", "cifar-10") else ()

    @staticmethod
    def plots(trace: Trace) -> dict[str, Callable[[Trace], Any]]:
        """Return the plots of a run of this scenario."""
        from eventsim.scenarios.phaseless_alignment import plots

        return plots.available(trace)

    def run(self, run: Run) -> None:
        """Do what the task asks for."""
        from eventsim.scenarios.phaseless_alignment import feedback, rate_training, taught

        if self.algorithm == "dfa" and self.task not in ("classify", "autoencoder"):
            raise ConfigError(f"dfa is for classify and autoencoder, not for {self.task}")
        if (self.chip_bits or self.chip_mismatch) and (self.task != "classify" or self.maps):
            raise ConfigError(
                "the chip is for task=classify without maps; set chip_bits=0 and chip_mismatch=0"
            )
        if self.algorithm == "decay" and self.task in ("classify", "autoencoder"):
            raise ConfigError(f"decay is for microcircuits, not for {self.task}")
        if self.task == "feedback":
            feedback.align(self, run)
        elif self.task in ("classify", "autoencoder"):
            rate_training.learn(self, run)
        else:
            taught.learn(self, run)
