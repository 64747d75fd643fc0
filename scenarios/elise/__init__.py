"""ELiSe: a recurrent network of structured neurons learns a song, and replays it on its own.

A sparse scaffold of somatic connections grows before learning and spreads the activity of the taught neurons
over a latent pool, in space and time; dendrites then learn to predict the soma, by a local rule that is
always on (Kriener et al. 2024). Beside the published song: its controls, disturbed replay, sizes, speeds, two
songs in one pool, completion from a cue, noisy teachers, sparse synapses, a mixed-signal chip, and patterns
of one's own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from eventsim.errors import ConfigError
from eventsim.registry import register
from eventsim.scenarios.elise.settings import Settings
from eventsim.scenarios.scenario import Run
from eventsim.trace import Trace


@register("scenario", "elise")
@dataclass(frozen=True, slots=True, kw_only=True)
class Elise(Settings):
    """Songs learned and replayed by structured neurons with dendrites that predict the soma."""

    @staticmethod
    def plots(trace: Trace) -> dict[str, Callable[[Trace], Any]]:
        """Return the plots of a run of this scenario."""
        from eventsim.scenarios.elise import plots

        return plots.available(trace)

    def run(self, run: Run) -> None:
        """Teach one network, or many that are compared."""
        if self.largest_delay < self.least_delay:
            raise ConfigError(
                f"largest_delay must be at least least_delay = {self.least_delay:g} ms, "
                f"got {self.largest_delay:g}"
            )
        if self.noise and self.noise_tau < self.dt:
            raise ConfigError(
                f"noise_tau must be at least the tick dt = {self.dt:g} ms, got {self.noise_tau:g}"
            )
        if self.compared or self.networks > 1:
            from eventsim.scenarios.elise.comparison import teach_all

            teach_all(self, run)
        else:
            from eventsim.scenarios.elise.song import teach_one

            teach_one(self, run)
