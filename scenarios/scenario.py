"""What a scenario is, and what it is given when it runs.

A scenario is a frozen dataclass that derives from `Scenario` and is registered under its name. Its fields
are its configuration: each is annotated with bounds and with one line of text, as in
``Annotated[float, Gt(0), "ms, membrane"]``. The class says which paper it reproduces and which settings have
a name (`presets`), and `run` does the work and leaves all results in the `Run` that it is given.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any, ClassVar

from annotated_types import Ge, Gt, Lt

from eventsim.errors import ConfigError
from eventsim.scenarios.run import Run

if TYPE_CHECKING:
    from eventsim.scenarios.trained_models import Rebuilt, TrainedModel
    from eventsim.trace import Trace

__all__ = ["FINITE", "NOT_NEGATIVE", "POSITIVE", "Run", "Scenario", "Sections", "Table"]

Sections = Mapping[str, tuple[str, ...]]  # headings of a configuration, with their keys in order

POSITIVE = (Gt(0), Lt(inf))
NOT_NEGATIVE = (Ge(0), Lt(inf))
FINITE = (Gt(-inf), Lt(inf))


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a run for people.

    Attributes
    ----------
    heading : what it shows.
    head : names of the columns.
    rows : cells as text, row by row.
    metrics : names of the run's metrics that it has.
    """

    heading: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    metrics: tuple[str, ...] = ()


class Scenario(ABC):
    """What every scenario derives from: a frozen dataclass whose fields are its configuration, and `run`.

    Attributes
    ----------
    paper : authors, year, title of the paper that it reproduces.
    presets : settings that have a name; each holds what differs from the defaults.
    sections : headings of the configuration with their keys, in the order of the fields.
    accepts_hardware : whether it can run on other targets than the ideal one.
    time_unit : of the times in its file.
    repeated_by : key that says how many networks one run trains; empty for one.
    """

    __slots__ = ()

    paper: ClassVar[str] = ""
    presets: ClassVar[dict[str, dict[str, object]]] = {}
    sections: ClassVar[Sections] = {}
    accepts_hardware: ClassVar[bool] = False
    time_unit: ClassVar[str] = "ms"
    repeated_by: ClassVar[str] = ""

    @abstractmethod
    def run(self, run: Run) -> None:
        """Do the work; results go into `run`, and checkpoints, so that it can stop and go on."""

    def data_sets(self) -> tuple[str, ...]:
        """Return the published data sets that the run reads, named as in `eventsim.io.datasets.require`."""
        return ()

    def trained(self, rebuilt: "Rebuilt") -> "TrainedModel":
        """Return the network that a run of this configuration has trained, with the parameters in its file.

        Raises
        ------
        ConfigError
            If there is no such network, as here.
        """
        raise ConfigError(
            f"a run of {type(self).__name__} with this configuration has no one trained classifier or "
            "regressor in its file, so that NeuroBench has nothing to measure"
        )

    def memory_bytes(self) -> float:
        """Return about how much memory a run needs, by its known sizes; 0 where that is not known."""
        return 0.0

    @staticmethod
    def tables(trace: "Trace") -> "Sequence[Table]":
        """Return the scenario's own tables of a run, which a summary shows in place of single metrics."""
        return ()

    @staticmethod
    def plots(trace: "Trace") -> "dict[str, Callable[[Trace], Any]]":
        """Return the scenario's own plots of a trace by name; the first is the default plot."""
        return {}
