"""What runs a network in place of the simulator: a chip, a model of one, or one in another process.

A target is configured with a network and then shown batches of input spikes; it answers with the spikes that
it observed, and with nothing else of its inside. How it deviates from the network is its own affair: a fixed
pattern belongs to the device, what differs from run to run follows from the number of the trial. Two rules
make every request repeatable, so that a lost answer can be asked for again, whole or in part:

- the same network, inputs, `until` and `trial` give the same spikes, to the bit;
- a sample gets the same spikes whatever samples are asked for along with it. Its number within the trial,
  `first` plus its place in the request, tells what is drawn for it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, overload, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from eventsim.errors import UnknownPart
from eventsim.models.inputs.sources import SpikeSource
from eventsim.network import Network
from eventsim.spike_trains import checked_spikes
from eventsim.trace import Spikes

__all__ = ["Observed", "SpikeTrains", "Target", "checked_inputs", "checked_target"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


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
    times, units, starts, n : the same. They may be shared with whoever made them, and are only to be read.
    """

    __slots__ = ("_first", "_listed", "n")

    def __init__(self, times: Floats, units: Ints, starts: Ints, n: int) -> None:
        self.n = n
        self._listed: tuple[Floats, Ints, Ints] | None = (times, units, starts)
        self._first: Floats | None = None

    @classmethod
    def of_first(cls, times: Floats) -> "SpikeTrains":
        """Return trains of one spike for each unit at most, from shape (n_samples, n); `inf` for none."""
        trains = cls.__new__(cls)
        trains.n, trains._first, trains._listed = times.shape[1], times, None
        return trains

    @classmethod
    def of_lists(cls, samples: Sequence[Spikes], n: int) -> "SpikeTrains":
        """Return trains from the spikes of each sample, which are sorted already."""
        starts = np.zeros(len(samples) + 1, np.int64)
        np.cumsum([len(each) for each in samples], out=starts[1:])
        times = np.concatenate([each.times for each in samples]) if samples else np.empty(0)
        units = np.concatenate([each.units for each in samples]) if samples else np.empty(0, np.int64)
        return cls(times, units, starts, n)

    @classmethod
    def joined(cls, parts: Sequence["SpikeTrains"]) -> "SpikeTrains":
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
    def __getitem__(self, at: slice) -> "SpikeTrains": ...
    def __getitem__(self, at: int | slice) -> "Spikes | SpikeTrains":
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


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Observed:
    """What a target observed of a batch.

    Attributes
    ----------
    spikes : by population of neurons, its spikes in each sample. A population that was declared with
        ``record_spikes=False`` is missing.
    arrivals : by projection, when the first spike of each source arrived after its delay, shape
        (n_samples, n_pre), or (n_samples, n_pre, n_post) if it differs from target to target; `inf` for none.
        Only of projections whose delayed spikes the target measures.
    counters : how many things happened to these samples that the network does not tell, by name, such as
        ``lost`` spikes. Those of parts of a batch add up to those of the batch.
    hardware_seconds : time that the target itself took; 0 if it does not say.
    """

    spikes: Mapping[str, SpikeTrains]
    arrivals: Mapping[str, Floats] = field(default_factory=dict)
    counters: Mapping[str, int] = field(default_factory=dict)
    hardware_seconds: float = 0.0

    def __repr__(self) -> str:
        counted = {name: int(each.counts().sum()) for name, each in self.spikes.items()}
        spikes = ", ".join(f"{n} of {name!r}" for name, n in counted.items())
        counters = "".join(f", {n} {name}" for name, n in self.counters.items())
        return f"<Observed: {len(self)} samples; spikes: {spikes or 'none'}{counters}>"

    def __len__(self) -> int:
        return max((len(each) for each in self.spikes.values()), default=0)

    def first_spikes(self, population: str) -> Floats:
        """Return when each unit spikes first, shape (n_samples, n); `inf` where it does not.

        Raises
        ------
        UnknownPart
            If the spikes of this population were not observed.
        """
        if population not in self.spikes:
            raise UnknownPart(
                f"spikes of {population!r} were not observed; observed: {', '.join(self.spikes) or 'none'}"
            )
        return self.spikes[population].first_spikes()

    @classmethod
    def joined(cls, parts: Sequence["Observed"]) -> "Observed":
        """Return what was observed of a batch from its parts, in order."""
        if len(parts) == 1:
            return parts[0]
        counters: dict[str, int] = {}
        for part in parts:
            for name, count in part.counters.items():
                counters[name] = counters.get(name, 0) + count
        return cls(
            {name: SpikeTrains.joined([part.spikes[name] for part in parts]) for name in parts[0].spikes},
            {name: np.concatenate([part.arrivals[name] for part in parts]) for name in parts[0].arrivals},
            counters,
            sum(part.hardware_seconds for part in parts),
        )


@runtime_checkable
class Target(Protocol):
    """Runs networks that it is configured with, and tells the spikes it observed."""

    def configure(self, network: Network) -> Mapping[str, int]:
        """Place a network and load its parameters, in place of what was there before.

        Returns
        -------
        mapping of str to int
            How many parameters the target could not take as they are, by what happened to them, such as
            ``clipped``; empty if all fits.

        Raises
        ------
        ConfigError
            If the network does not fit; the message names the count or the value that was exceeded.
        """

    def run(self, inputs: Mapping[str, Any], *, until: float, trial: int, first: int = 0) -> Observed:
        """Show a batch of inputs.

        Parameters
        ----------
        inputs : mapping of str to array_like or sequence
            By source: first spikes, shape (n_samples, n), `inf` for none; or for each sample its spikes as
            (times, units) or `Spikes`. A SpikeSource with spikes of its own may be left out.
        until : float
            End of each sample; the network's time unit.
        trial : int
            Number of the run. What differs from trial to trial follows from it and the target's seeds.
        first : int
            Number of the first of these samples within the trial, if they are part of a batch.

        Raises
        ------
        UnknownPart, ValueError
            If a source is missing or unknown, or its spikes do not do.
        ConfigError
            If there is no network yet.
        TargetLost
            If the target does not answer any more.
        """


def checked_target(given: Any) -> Target:
    """Return a target, or say what one is.

    Raises
    ------
    TypeError
        If it is something else.
    """
    if isinstance(given, Target) and not isinstance(given, type):
        return given
    if isinstance(given, type):
        raise TypeError(
            f"target must be an object, got the class {given.__name__}; write {given.__name__}(...)"
        )
    raise TypeError(
        "target must have configure(network) and run(inputs, until=..., trial=..., first=...), as "
        f"es.hardware.SimulatedTarget(chip) has, got {given!r:.60}"
    )


def checked_inputs(network: Network, inputs: Mapping[str, Any]) -> tuple[dict[str, SpikeTrains], int]:
    """Return the input spikes of every source, checked, and the number of samples.

    Parameters
    ----------
    network : Network
    inputs : mapping of str to array_like or sequence
        As `Target.run` takes them.

    Raises
    ------
    UnknownPart, ValueError
        If a source is missing or unknown, or its spikes do not do.
    """
    sources = {name: p for name, p in network.populations.items() if isinstance(p.model, SpikeSource)}
    for name in inputs:
        if name not in sources:
            raise UnknownPart(f"input spikes are given for {name!r}; sources: {', '.join(sources) or 'none'}")
    lengths = {name: len(value) for name, value in inputs.items()}
    n_samples = max(lengths.values(), default=1)
    for name, length in lengths.items():
        if length != n_samples or length == 0:
            raise ValueError(f"input spikes of {name!r} hold {length} samples, expected {max(n_samples, 1)}")
    found = {}
    for name, population in sources.items():
        if name in inputs:
            found[name] = _trains(inputs[name], population.n, name)
            continue
        times, units = checked_spikes(population.model.times, population.model.units, population.n, name)
        if not len(times):
            raise UnknownPart(f"input spikes of {name!r} are missing; given: {', '.join(inputs) or 'none'}")
        order = np.lexsort((units, times))
        found[name] = SpikeTrains.of_lists([Spikes(times[order], units[order])] * n_samples, population.n)
    return found, n_samples


def _trains(given: Any, n: int, name: str) -> SpikeTrains:
    if isinstance(given, SpikeTrains):
        if given.n != n:
            raise ValueError(f"input spikes of {name!r} are of {given.n} units, it has {n}")
        return given
    if not isinstance(given[0], tuple | Spikes):
        first = np.asarray(given, np.float64)
        if first.ndim != 2 or first.shape[1] != n:
            raise ValueError(f"input spikes of {name!r} have shape {first.shape}, expected (n_samples, {n})")
        if not first.min(initial=0.0) >= 0:
            bad = first[~(first >= 0)][0]
            raise ValueError(f"input spikes of {name!r} must be at times >= 0 or inf, got {bad}")
        return SpikeTrains.of_first(first)
    samples = []
    for each in given:
        pair = (each.times, each.units) if isinstance(each, Spikes) else tuple(each)
        if len(pair) != 2:
            raise ValueError(f"a sample of {name!r} must be (times, units), got {len(pair)} things")
        times, units = checked_spikes(*pair, n, name)
        if times.min(initial=0.0) < 0:
            raise ValueError(f"input spikes of {name!r} must not be before 0, got {times.min()}")
        order = np.lexsort((units, times))
        samples.append(Spikes(times[order], units[order]))
    return SpikeTrains.of_lists(samples, n)
