"""Spikes as they are given: the one container of many samples, and the one place that checks them.

Spikes of one population, in one sample, are given as

- ``(times, units)``, a *tuple*, or a `Spikes`; units may be left out where the population has one unit;
- a *list* with the times of each unit: lists, arrays or spike trains with a unit (as Neo has them);
- an array (n_units, n_spikes), a row for each unit, `inf` for a spike that does not come.

Many samples are given as

- an array (n_samples, n_units) of first spikes, `inf` for none;
- a list with the spikes of each sample, each in one of the forms above;
- a `SpikeTrains`.

The type says which form it is, never a size. Times are numbers in the network's time unit, or carry a
unit of their own (`numpy.timedelta64`, quantities with a `rescale`), which is converted. Everything that is
given is copied.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eventsim.io.plain import plain_array, shown
from eventsim.trace import Spikes

__all__ = ["SpikeTrains", "lengths_of", "spike_pairs", "spike_times"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Forms = Spikes | tuple[ArrayLike, ArrayLike] | Sequence[ArrayLike] | ArrayLike

SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
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
            Samples in a form that the module describes.
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
        if isinstance(given, Spikes | tuple) and not (isinstance(given, tuple) and _are_samples(given)):
            raise ValueError(
                f"input spikes of {name!r} are those of one sample; give a list of samples, [(times, units)]"
            )
        if _are_samples(given):
            return cls._of_samples(given, n, name, time_unit, negative)
        expected = SAMPLES.format(n="n_units" if n is None else n)
        try:
            first = _numbers(given, name, time_unit)
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
                times, units = _pair(sample, None, n, name, unit)
                _check(times, units, n, name)
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
) -> tuple[Floats, Ints]:
    """Return the spikes of many samples as arrays of times and units, each sample moved to its offset.

    Raises
    ------
    ValueError, TypeError
        As `SpikeTrains.of`, and if the offsets are not one finite number for each sample.
    """
    trains = SpikeTrains.of(given, n, name, time_unit, negative=True)
    label = f"offsets of {name!r}"
    start = plain_array(offsets, label)
    if start.dtype.kind not in "iuf" or start.shape != (len(trains),):
        raise ValueError(
            f"{label} must be numbers, one for each of {len(trains)} samples, got {start.dtype} of shape "
            f"{start.shape}"
        )
    start = start.astype(float)
    if not np.isfinite(start).all():
        raise ValueError(f"{label} must be finite, got {float(start[~np.isfinite(start)][0])!r}")
    times = trains.times + np.repeat(start, np.diff(trains.starts))
    order = np.lexsort((trains.units, times))
    return times[order], trains.units[order]


def spike_pairs(
    given: Forms, units: ArrayLike | None, n: int, name: str, time_unit: str | None = None
) -> tuple[Floats, Ints]:
    """Return the spikes of one population as arrays of times and units, checked and copied.

    Parameters
    ----------
    given : array_like, Spikes, tuple or list
        Times, in any order, or the spikes in one of the forms that the module describes; spikes at inf
        never happen and are left out.
    units : array_like of int, shape (k,), or None
        Unit of each time; None where `given` says it, or for a population of one unit.
    n : int
        Units of the population.
    name : str
        What messages call it.
    time_unit : {"s", "ms", "us", "ns", "1"}, optional
        What times with a unit of their own are converted to.

    Raises
    ------
    TypeError, ValueError
        If the spikes have no such form, a time is nan or -inf, or a unit does not exist.
    """
    times, numbers = _pair(given, units, n, name, time_unit)
    _check(times, numbers, n, name)
    kept = times < np.inf
    return times[kept], numbers[kept]


def spike_times(times: Any, name: str, time_unit: str | None = None) -> Floats:
    """Return times as a new flat array of float64; those with a unit of their own are converted.

    Raises
    ------
    TypeError, ValueError
        If they are no real numbers, masked, or have a unit that cannot be converted.
    """
    return _numbers(times, name, time_unit).reshape(-1)


def _pair(given: Any, units: Any, n: int | None, name: str, time_unit: str | None) -> tuple[Floats, Ints]:
    """Return the spikes of one sample as times and units; those at inf stay."""
    if isinstance(given, tuple) and any(_is_train(part) for part in given):
        if units is not None or len(given) != 2:
            raise ValueError(
                f"spikes of {name!r} must be (times, units) or a list with the times of each unit, "
                f"got a tuple of {len(given)} things"
            )
        return _pair(given[0], given[1], n, name, time_unit)
    if isinstance(given, Spikes):
        if units is not None:
            raise ValueError(f"units of {name!r} are given twice, in the spikes and beside them")
        return _pair(given.times, given.units, n, name, time_unit)
    of_each = _of_each_unit(given)
    if of_each is not None:
        if units is not None:
            raise ValueError(
                f"units of {name!r} are given twice, in the list of times for each unit and beside it"
            )
        if n is None:
            raise ValueError(
                f"spikes of {name!r} must be (times, units), a tuple, until the number of units is known"
            )
        if len(of_each) != n:
            hint = "; (times, units) is a tuple" if len(of_each) == 2 else ""
            raise ValueError(
                f"spikes of {name!r} list the times of {len(of_each)} units, but it has {n}{hint}"
            )
        times = [spike_times(each, name, time_unit) for each in of_each]
        numbers = np.repeat(np.arange(n), [len(each) for each in times])
        return np.concatenate([np.empty(0), *times]), numbers
    t = spike_times(given, name, time_unit)
    if units is None:
        if n != 1 and t.size:
            has = f"it has {n} of them" if n is not None else "there may be several"
            raise ValueError(f"spikes of {name!r} need units, because {has}")
        units = np.zeros(t.size, np.int64)
    return t, _unit_numbers(units, t.size, name)


def _of_each_unit(given: Any) -> Sequence[Any] | None:
    """Return a list of times for each unit, or None if `given` is something else."""
    if hasattr(given, "rescale"):  # one train with a unit
        return None
    if isinstance(given, np.ndarray):
        return list(given) if given.ndim == 2 and given.shape[0] != 1 else None
    if not isinstance(given, list) or not any(_is_train(each) for each in given):
        return None
    if not all(_is_train(each) for each in given):
        raise ValueError("a list of spikes holds times, or a list of times for each unit, not both")
    return given


def _is_train(thing: Any) -> bool:
    """Return whether something holds times, rather than being one."""
    if isinstance(thing, Spikes) or (isinstance(thing, Sequence) and not isinstance(thing, str | bytes)):
        return True
    return bool(getattr(thing, "ndim", 1 if hasattr(thing, "rescale") else 0))


def _are_samples(given: Any) -> bool:
    """Return whether a list holds the spikes of each sample, rather than rows of first spikes."""
    if isinstance(given, np.ndarray) or not isinstance(given, Sequence) or hasattr(given, "rescale"):
        return False
    return any(
        isinstance(one, tuple | Spikes) or (isinstance(one, list) and any(_is_train(each) for each in one))
        for one in given
    )


def _unit_numbers(units: Any, n_times: int, name: str) -> Ints:
    """Return the unit of each spike as a new array."""
    u = plain_array(units, f"units of {name!r}")
    if u.ndim == 0:
        u = np.full(n_times, u)
    u = u.reshape(-1)
    if u.size != n_times:
        raise ValueError(f"spikes of {name!r} have {n_times} times but {u.size} units")
    if u.size and u.dtype.kind not in "iu":
        raise TypeError(f"units of {name!r} must be integers, got {u.dtype}")
    return u.astype(np.int64)


def _check(times: Floats, units: Ints, n: int | None, name: str) -> None:
    """Raise ValueError if a unit does not exist, or a time is nan or -inf."""
    wrong = units < 0 if n is None else (units < 0) | (units >= n)
    if wrong.any():
        known = f"0..{n - 1}" if n is not None else "0, 1, ..."
        raise ValueError(f"{name!r} has units {known}, got a spike of unit {units[wrong][0]}")
    wrong = np.isnan(times) | (times == -np.inf)
    if wrong.any():
        raise ValueError(f"spike times of {name!r} must be numbers, got {times[wrong][0]}")


def _numbers(given: Any, name: str, time_unit: str | None) -> Floats:
    """Return times as a new array of float64, converted to `time_unit` where they have a unit."""
    what = f"spike times of {name!r}"
    if hasattr(given, "rescale"):
        return _rescaled(given, what, time_unit)
    if isinstance(given, list | tuple) and given and all(hasattr(each, "rescale") for each in given):
        return np.array([_rescaled(each, what, time_unit) for each in given], np.float64)
    array = plain_array(given, what)
    kind = array.dtype.kind
    if kind == "m":
        return _from_timedelta(array, what, time_unit)
    if kind == "O":
        if all(isinstance(each, int | float | np.integer | np.floating) for each in array.flat):
            return array.astype(np.float64)
        raise TypeError(f"{what} must be numbers, got {shown(next(iter(array.flat), None))}")
    if kind not in "fiu":
        raise TypeError(f"{what} must be real numbers, got {array.dtype}")
    return np.array(array, np.float64)


def _from_timedelta(array: NDArray[Any], what: str, time_unit: str | None) -> Floats:
    if time_unit not in SECONDS:
        raise TypeError(
            f"{what} have a unit, {array.dtype}, but the network's times have none to convert them to"
        )
    if np.isnat(array).any():
        raise ValueError(f"{what} must be numbers, got NaT")
    if np.datetime_data(array.dtype)[0] in ("generic", "Y", "M"):
        raise TypeError(f"{what} are {array.dtype}, which has no fixed length; give timedelta64[{time_unit}]")
    return np.asarray(array / np.array(1, f"timedelta64[{time_unit}]"), np.float64)


def _rescaled(given: Any, what: str, time_unit: str | None) -> Floats:
    """Return a quantity with a unit of its own (`rescale` and `magnitude`, as of Neo) as plain numbers."""
    if time_unit not in SECONDS:
        raise TypeError(f"{what} have a unit, but the network's times have none to convert them to")
    try:
        return np.array(given.rescale(time_unit).magnitude, np.float64)
    except (ValueError, TypeError) as error:
        raise TypeError(f"{what} cannot be converted to {time_unit}: {error}") from None
