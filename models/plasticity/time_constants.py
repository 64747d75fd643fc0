"""Learning of membrane time constants, on ticks.

    match    d tau_mem/dt = eta <(tau_r - tau_mem) (du/dt)^2>       (LE, run without a target)
    error    d tau_mem/dt = -eta <e du/dt>                          (GLE)

eta is the learning rate. The first makes the membrane as slow as the rate is prospective; without Adam
it is integrated exactly for the du/dt of a tick, so no learning rate is too large. The second is
gradient descent on the energy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from eventsim.errors import ConfigError
from eventsim.parameters import one_number
from eventsim.registry import register
from eventsim.renamed import renamed_arguments

if TYPE_CHECKING:
    from eventsim.models.prospective.population import ProspectivePopulation


@register("plasticity", "time-constants")
@renamed_arguments("argument/TimeConstants")
@dataclass(frozen=True, slots=True)
class TimeConstants:
    """Membrane time constants learn, by the error (GLE) or to match tau_r (LE).

    Attributes
    ----------
    learning_rate : rate of change per time; with Adam, the step per time.
    by : "error" or "match".
    least : smallest tau_mem; the tick unless given.
    optimiser : "sgd" or "adam".
    """

    learning_rate: float
    by: str = "error"
    least: float | None = None
    optimiser: str = "sgd"

    paper: ClassVar[str] = "Ellenberger et al. 2025, Backpropagation through space, time, and the brain"

    def __post_init__(self) -> None:
        one_number(self.learning_rate, "learning_rate", low=0)
        if self.least is not None and not one_number(self.least, "least") > 0:
            raise ValueError(f"least must be positive, got {self.least!r}")
        if self.by not in ("error", "match"):
            raise ValueError(f"by must be error or match, got {self.by!r}")
        if self.optimiser not in ("sgd", "adam"):
            raise ValueError(f"optimiser must be sgd or adam, got {self.optimiser!r}")

    def attach(self, population: ProspectivePopulation) -> None:
        """Let a population learn by this rule."""
        least = population.dt if self.least is None else float(self.least)
        if least < population.dt * (1 - 1e-9):
            raise ConfigError(
                f"tau_mem of {population.name!r} may fall to least = {least:g}, below the tick dt = "
                f"{population.dt:g}; explicit steps need least >= dt"
            )
        population.learn_time_constants(self.by, self.learning_rate, least, self.optimiser)
