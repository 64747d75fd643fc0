"""The one container of the spikes of many samples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eventsim.io.plain import shown
from eventsim.spike_trains.forms import are_samples, check_pair, read_pair, read_times
from eventsim.spike_trains.offsets import read_offsets
from eventsim.trace import Spikes

__all__ = ["SpikeTrains", "lengths_of", "samples_in_a_row"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
SAMPLES = "an array (n_samples, {n}) of first spikes, inf for none, or a list of (times, units)"


class SpikeTrains(Sequence[Spikes]):
    """The spikes of one population in many samples; a sequence of `Spikes`, one for each sample.

    Parameters
    ----------
    times : ndarray, shape (n_spikes,), float64
        Sample after sample, each sorted by (time, unit); in the network's time unit.
    units : ndarray, shape (n_spikes,), int64
    starts : ndarray, shape (n_samples + 1,), int64
        Sample s has the spikes from ``starts[s]`` to ``starts[s + 1]``.
    n : int
        Units of the population.

    Attributes
    ----------
    times, units, starts, n : the same, only to be read.
    positions : for each sample, where its spikes stood among those that were given; None where they were
        given in order.
    given : for each sample, how many spikes were given; those at inf count.
    """

    __slots__ = ("_first", "_listed", "given", "n", "positions")

    def __init__(self, times: Floats, units: Ints, starts: Ints, n: int) -> None:
        self.n = n
        self._listed: tuple[Floats, Ints, Ints] | None = (times, units, starts)
        self._first: Floats | None = None
        self.positions: list[Ints] | None = None
        self.given: Ints = np.diff(starts)

    @classmethod
    def of(
        cls,
        given: Any,
        n: int | None,
        name: str,
        time_unit: str | None = None,
        *,
        negative: bool = False,
    ) -> SpikeTrains:
        """Return the spikes of many samples, checked and copied.

        Parameters
        ----------
        given : array_like, SpikeTrains, or sequence
            Samples in a form that `eventsim.spike_trains.forms` describes.
        n : int or None
            Units of the population; None to find out.
        name : str
            What messages call the population.
        time_unit : {"s", "ms", "us", "ns", "1"}, optional
            What times with a unit of their own are converted to.
        negative : bool
            Whether times may be negative, for a caller who moves them.

        Raises
        ------
        TypeError, ValueError
            If the spikes have no such form, a time is nan or negative, or a unit does not exist.
        """
        if isinstance(given, SpikeTrains):
            if n is not None and given.n != n:
                raise ValueError(f"input spikes of {name!r} are of {given.n} units, it has {n}")
            return given
        if isinstance(given, Spikes | tuple) and not (isinstance(given, tuple) and are_samples(given)):
            raise ValueError(
                f"input spikes of {name!r} are those of one sample; give a list of samples, [(times, units)]"
            )
        if are_samples(given):
            return cls._of_samples(given, n, name, time_unit, negative)
        expected = SAMPLES.format(n="n_units" if n is None else n)
        try:
            first = read_times(given, name, time_unit)
        except ValueError as error:
            raise ValueError(f"{error}; expected {expected}") from None
        if first.ndim == 3 and n is not None:
            return cls._of_samples(list(first), n, name, time_unit, negative)
        if first.ndim != 2 or (n is not None and first.shape[1] != n):
            raise ValueError(
                f"input spikes of {name!r} have shape {first.shape}, "
                f"expected (n_samples, {'n_units' if n is None else n})"
            )
        allowed = first > -np.inf if negative else first >= 0  # nan fails too
        if not allowed.all():
            sample, unit = (int(k) for k in np.argwhere(~allowed)[0])
            when = "times" if negative else "times >= 0"
            raise ValueError(
                f"input spikes of {name!r} must be at {when} or inf, got {float(first[sample, unit])!r} "
                f"in sample {sample}, unit {unit}"
            )
        return cls.of_first(first)

    @classmethod
    def _of_samples(
        cls, given: Sequence[Any], n: int | None, name: str, unit: str | None, negative: bool
    ) -> SpikeTrains:
        """Return trains from the spikes of each sample, in any order, and remember the order."""
        samples: list[Spikes] = []
        positions: list[Ints] = []
        sizes: list[int] = []
        for k, sample in enumerate(given):
            try:
                times, units = read_pair(sample, None, n, name, unit)
                check_pair(times, units, n, name)
            except (TypeError, ValueError) as error:
                raise type(error)(f"{error}, in sample {k}") from None
            if not negative and times.min(initial=0.0) < 0:
                raise ValueError(
                    f"input spikes of {name!r} must not be before 0, got {times.min()}, in sample {k}"
                )
            order = np.lexsort((units, times))
            order = order[: np.count_nonzero(times < np.inf)]  # those at inf come last
            samples.append(Spikes(times[order], units[order]))
            positions.append(order)
            sizes.append(times.size)
        if n is None:
            n = 1 + max((int(each.units.max(initial=-1)) for each in samples), default=-1)
        trains = cls.of_lists(samples, n)
        trains.positions, trains.given = positions, np.array(sizes, np.int64)
        return trains

    @classmethod
    def of_first(cls, times: Floats) -> SpikeTrains:
        """Return trains of one spike for each unit at most, from shape (n_samples, n); `inf` for none."""
        trains = cls.__new__(cls)
        trains.n, trains._first, trains._listed, trains.positions = times.shape[1], times, None, None
        trains.given = np.full(len(times), times.shape[1], np.int64)
        return trains

    @classmethod
    def of_lists(cls, samples: Sequence[Spikes], n: int) -> SpikeTrains:
        """Return trains from the spikes of each sample, which are sorted already."""
        starts = np.zeros(len(samples) + 1, np.int64)
        np.cumsum([len(each) for each in samples], out=starts[1:])
        times = np.concatenate([each.times for each in samples]) if samples else np.empty(0)
        units = np.concatenate([each.units for each in samples]) if samples else np.empty(0, np.int64)
        return cls(times, units, starts, n)

    @classmethod
    def joined(cls, parts: Sequence[SpikeTrains]) -> SpikeTrains:
        """Return the samples of several trains of one population, one after another."""
        if len(parts) == 1:
            return parts[0]
        if all(part._first is not None for part in parts):
            return cls.of_first(np.concatenate([part.first_spikes() for part in parts]))
        ends = np.cumsum([0, *(len(part.times) for part in parts)])
        starts = [part.starts[:-1] + end for part, end in zip(parts, ends, strict=False)]
        return cls(
            np.concatenate([part.times for part in parts]),
            np.concatenate([part.units for part in parts]),
            np.concatenate([*starts, ends[-1:]]),
            parts[0].n,
        )

    @property
    def times(self) -> Floats:
        """Times of all spikes, sample after sample."""
        return self._lists()[0]

    @property
    def units(self) -> Ints:
        """Unit of each spike."""
        return self._lists()[1]

    @property
    def starts(self) -> Ints:
        """Where each sample starts."""
        return self._lists()[2]

    @property
    def once(self) -> bool:
        """Whether these are first spikes, so that no unit spikes more than once in a sample."""
        return self._first is not None

    def only_spikes(self) -> Floats | None:
        """Return the only spike of each unit, shape (n_samples, n); None if a unit has several."""
        if self._first is not None:
            return self._first
        return None if self.counts().max(initial=0) > 1 else self.first_spikes()

    def first_spikes(self) -> Floats:
        """Return when each unit spikes first, shape (n_samples, n); `inf` where it does not."""
        if self._first is not None:
            return self._first.copy()
        first = np.full(len(self) * self.n, np.inf)
        np.minimum.at(first, self._places(), self.times)
        return first.reshape(len(self), self.n)

    def counts(self) -> Ints:
        """Return how often each unit spikes, shape (n_samples, n)."""
        if self._first is not None:
            return (self._first < np.inf).astype(np.int64)
        counts = np.bincount(self._places(), minlength=len(self) * self.n)
        return counts.reshape(len(self), self.n)

    def select(self, samples: ArrayLike) -> SpikeTrains:
        """Return the samples with these numbers, in this order."""
        chosen = np.asarray(samples)
        chosen = np.flatnonzero(chosen) if chosen.dtype == bool else chosen.astype(np.int64)
        if self._first is not None:
            return SpikeTrains.of_first(self._first[chosen])
        return SpikeTrains.of_lists([self[int(k)] for k in chosen], self.n)

    def _lists(self) -> tuple[Floats, Ints, Ints]:
        """Return times, units and starts; those of first spikes are sorted when they are asked for."""
        if self._listed is None:
            first = self._first
            assert first is not None
            units = first.argsort(axis=1, kind="stable")
            ordered = np.take_along_axis(first, units, axis=1)
            there = ordered < np.inf
            starts = np.zeros(len(first) + 1, np.int64)
            np.cumsum(there.sum(axis=1), out=starts[1:])
            self._listed = ordered[there], units[there], starts
        return self._listed

    def _places(self) -> Ints:
        """Return where the unit of each spike is in an array of shape (n_samples, n), flattened."""
        places: Ints = np.repeat(np.arange(len(self)) * self.n, np.diff(self.starts)) + self.units
        return places

    def __repr__(self) -> str:
        return f"<SpikeTrains: {len(self)} samples, {self.n} units, {int(self.counts().sum())} spikes>"

    def __len__(self) -> int:
        return len(self._first) if self._first is not None else len(self.starts) - 1

    def __iter__(self) -> Iterator[Spikes]:
        return (self[k] for k in range(len(self)))

    @overload
    def __getitem__(self, at: int) -> Spikes: ...
    @overload
    def __getitem__(self, at: slice) -> SpikeTrains: ...
    def __getitem__(self, at: int | slice) -> Spikes | SpikeTrains:
        if isinstance(at, slice):
            low, high, step = at.indices(len(self))
            if step != 1:
                raise ValueError(f"samples are taken in order, one by one, got step {step}")
            high = max(low, high)
            if self._first is not None:
                return SpikeTrains.of_first(self._first[low:high])
            first, last = self.starts[low], self.starts[high]
            starts = self.starts[low : high + 1] - first
            return SpikeTrains(self.times[first:last], self.units[first:last], starts, self.n)
        if not -len(self) <= at < len(self):
            raise IndexError(f"there are {len(self)} samples, got {at}")
        at %= len(self)
        here = slice(self.starts[at], self.starts[at + 1])
        return Spikes(self.times[here], self.units[here])


def lengths_of(inputs: Mapping[str, Any]) -> dict[str, int]:
    """Return the number of samples of each source.

    Raises
    ------
    TypeError
        If the inputs are no mapping, or those of a source no samples.
    """
    if not isinstance(inputs, Mapping):
        raise TypeError(f"inputs must be a mapping of sources to their spikes, got {shown(inputs)}")
    for name, value in inputs.items():
        if isinstance(value, str) or not hasattr(value, "__len__"):
            raise TypeError(f"input spikes of {name!r} must be an array or a list, got {shown(value)}")
    return {name: len(value) for name, value in inputs.items()}


def samples_in_a_row(
    given: Any, offsets: ArrayLike, n: int, name: str, time_unit: str | None = None
) -> tuple[Floats, Ints, Floats]:
    """Return the spikes of many samples, each moved to its offset: times, units, and the offsets as an array.

    Raises
    ------
    ValueError, TypeError
        As `SpikeTrains.of`, and if the offsets are not one finite number for each sample.
    """
    trains = SpikeTrains.of(given, n, name, time_unit, negative=True)
    start = read_offsets(offsets, f"offsets of {name!r}", len(trains))
    times = trains.times + np.repeat(start, np.diff(trains.starts))
    order = np.lexsort((trains.units, times))
    return times[order], trains.units[order], start
