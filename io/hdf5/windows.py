"""Which part of a file's recordings is read: some populations, and a span of time."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import h5py

from eventsim.errors import ConfigError, UnknownPart, did_you_mean
from eventsim.io.plain import shown
from eventsim.trace import Trace

__all__ = ["WHOLE", "Window", "window"]


@dataclass(frozen=True, slots=True)
class Window:
    """Populations, None for all, and the times [start, stop)."""

    populations: tuple[str, ...] | None = None
    start: float = -math.inf
    stop: float = math.inf

    def has(self, population: str) -> bool:
        """Return whether a population is wanted."""
        return self.populations is None or population in self.populations

    @property
    def whole(self) -> bool:
        """Whether no time is left out."""
        return self.start == -math.inf and self.stop == math.inf

    @property
    def empty(self) -> "Window":
        """The same populations, without any time."""
        return Window(self.populations, -math.inf, -math.inf)

    def check(self, known: Iterable[str]) -> None:
        """Raise UnknownPart if a population is not among those known."""
        known = list(known)
        for name in self.populations or ():
            if name not in known:
                raise UnknownPart(
                    f"the file has no population {name!r}; known: {', '.join(known) or 'none'}"
                    f"{did_you_mean(name, known)}"
                )

    def note(self, trace: Trace) -> None:
        """Put the times into the provenance of a trace, where some are left out."""
        if not self.whole:
            trace.provenance["window"] = [self.start, self.stop]

    def rows(self, times: h5py.Dataset) -> slice:
        """Return the rows of rising times that lie within, reading some twenty of them."""
        return self.rows_where(times.__getitem__, len(times))

    def rows_where(self, time_of: Callable[[int], float], n: int) -> slice:
        """Return those of n rows that lie within, whose times rise and are given by a function."""
        return slice(_first(time_of, self.start, n), _first(time_of, self.stop, n))


WHOLE = Window()


def window(populations: Any, start: float | None, stop: float | None) -> Window:
    """Return a window as `load` takes it.

    Raises
    ------
    ConfigError
        If a bound is not a number, populations are not names, or the window ends before it begins.
    """
    bounds = []
    for name, value, otherwise in (("start", start, -math.inf), ("stop", stop, math.inf)):
        if value is not None and (not isinstance(value, int | float) or math.isnan(value)):
            raise ConfigError(f"{name} must be a time, got {value!r}")
        bounds.append(otherwise if value is None else float(value))
    if bounds[0] > bounds[1]:
        raise ConfigError(f"stop must not be before start = {start!r}, got {stop!r}")
    names = (populations,) if isinstance(populations, str) else populations
    if names is not None and not (
        isinstance(names, Iterable) and all(isinstance(each, str) for each in names)
    ):
        raise ConfigError(f"populations must be names, such as ['exc', 'inh'], got {shown(names)}")
    return Window(None if names is None else tuple(names), *bounds)


def _first(time_of: Callable[[int], float], bound: float, n: int) -> int:
    """Return the first row whose time is not before a bound."""
    if bound == -math.inf:
        return 0
    if bound == math.inf:
        return n
    low, high = 0, n
    while low < high:
        middle = (low + high) // 2
        if time_of(middle) < bound:
            low = middle + 1
        else:
            high = middle
    return low
