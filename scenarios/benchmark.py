"""What a benchmark is asked for, and how it says what it does."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")
Row = dict[str, Any]
Rows = Iterator[Row]


class Seconds(NamedTuple):
    """About how long a benchmark takes with all peers, on one core, as a whole and with ``--quick``."""

    full: float
    quick: float


def _silent(text: str) -> None:
    """Announce nothing."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a benchmark is run.

    Attributes
    ----------
    repeats : measurements of each value; the median counts.
    quick : whether small sizes do, so that the whole takes a few seconds.
    peers : whether other programs are measured too, where they are installed.
    announce : is called with what is measured next.
    """

    repeats: int = 5
    quick: bool = False
    peers: bool = True
    announce: Callable[[str], object] = field(default=_silent)

    def pick(self, full: T, quick: T) -> T:
        """Return the first, or the second of a quick run."""
        return quick if self.quick else full

    def has(self, peer: str) -> bool:
        """Return whether a peer, by the name of its module, is to be measured and installed."""
        return self.peers and find_spec(peer) is not None
