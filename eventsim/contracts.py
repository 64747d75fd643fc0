"""What parts must offer: the contracts between the engine and models, plasticity rules and hardware.

Each is a `Protocol`: a class of anybody's that has these names fulfils it, without inheriting anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from eventsim.engine.engine import Engine
    from eventsim.synapses.synapses import Synapses

__all__ = [
    "AdvancesInWindows",
    "BuildContext",
    "ChecksItself",
    "DeclaredModel",
    "ForeseesSpikes",
    "PlasticityRule",
    "SnapshotPart",
    "SpikingPlasticityRule",
    "TakesPrivateSources",
    "TakesSpikes",
    "TickPlasticityRule",
    "WindowedPlasticityRule",
]


@dataclass(frozen=True, slots=True)
class BuildContext:
    """What a model is told when it builds its population.

    Attributes
    ----------
    n, name : units and name of the population.
    seed : of the network.
    time_unit, seconds : of the network, and its length in seconds; 1 if it has none.
    dt, batch, dtype : tick, samples and precision of continuous populations.
    trial : number of the run.
    """

    n: int
    name: str
    seed: int
    seconds: float
    dt: float = 0.0
    batch: int = 1
    dtype: str = "float64"
    time_unit: str = "1"
    trial: int = 0

    @property
    def run_seed(self) -> int:
        """The seed of what is drawn anew in every trial, such as the spikes of a source."""
        from eventsim.rng import trial_seed

        return trial_seed(self.seed, self.trial)


@runtime_checkable
class DeclaredModel(Protocol):
    """What `Network.add` needs of a neuron or source; a simulation needs all of `NeuronModel`.

    Attributes
    ----------
    variables : names of what can be recorded.
    is_source : whether it takes no input.
    """

    @property
    def variables(self) -> tuple[str, ...]:
        """What can be recorded."""

    @property
    def is_source(self) -> bool:
        """Whether the population takes no input."""


@runtime_checkable
class ChecksItself(Protocol):
    """A model that looks at its parameters when it is added to a network."""

    def check(self, n: int, name: str) -> None:
        """Raise ValueError or TypeError, naming the population, if a parameter does not fit `n` units."""


@runtime_checkable
class SpikingPlasticityRule(Protocol):
    """A plasticity rule of a projection that carries spikes."""

    def attach_spiking(self, synapses: Synapses, engine: Engine | None, seed: int) -> object:
        """Watch the synapses of a projection and change their weights; without an engine, in windows."""


@runtime_checkable
class WindowedPlasticityRule(SpikingPlasticityRule, Protocol):
    """A plasticity rule of a projection that carries spikes, which also runs on the windows schedule.

    At an arrival its weights follow no spike of a target that comes less than twice the shortest delay
    before, or none at all if `follows_targets` is False. It may have a `modulator`, the name of a
    population whose spikes its observer sees too; of these none less than the shortest delay before.
    """

    @property
    def needs_order(self) -> str | None:
        """What of its parameters needs the ordered schedule, for a message; None if nothing does."""

    @property
    def follows_targets(self) -> bool:
        """Whether the weights follow spikes of the targets."""


@runtime_checkable
class TickPlasticityRule(Protocol):
    """A plasticity rule of a projection of rates, or of a continuous population; it acts on ticks."""

    def attach(self, target: Any) -> Any:
        """Watch the projection or population, and change its parameters."""


PlasticityRule = SpikingPlasticityRule | TickPlasticityRule


@runtime_checkable
class AdvancesInWindows(Protocol):
    """A population that can be advanced by whole windows or layers, without a queue."""

    @property
    def max_window(self) -> float:
        """The longest window that is of use."""


@runtime_checkable
class TakesPrivateSources(Protocol):
    """A population that draws the spikes of its private sources itself."""

    def add_private_source(self, source: Any, weight: float, delay: float) -> None:
        """Let each unit draw the spikes of the like unit of a source."""


@runtime_checkable
class TakesSpikes(Protocol):
    """A source whose spikes are given to it."""

    def add(self, times: Any, units: Any) -> None:
        """Add spikes to those it emits."""


@runtime_checkable
class ForeseesSpikes(Protocol):
    """A source that knows about how many spikes it will emit."""

    def expected(self, start: float, end: float) -> float:
        """Return about how many spikes its units emit in [start, end)."""


@runtime_checkable
class SnapshotPart(Protocol):
    """Something with a state that a simulation can keep and put back."""

    def snapshot(self) -> Mapping[str, Any]:
        """Return the state as arrays and numbers."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to a state that `snapshot` returned."""


@runtime_checkable
class ChecksStates(Protocol):
    """A part that looks at a state before anything is put back."""

    def check_state(self, state: Any, time: float | None = None, crossings: Any = None) -> Any:
        """Raise ValueError unless `restore` can take the state; nothing changes."""
