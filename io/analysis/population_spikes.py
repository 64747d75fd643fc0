"""The spikes that a measure is of: some units of a population, an interval of time, and a time unit."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from eventsim.errors import UnknownPart, did_you_mean
from eventsim.hints import hinting
from eventsim.io.export.sources import span_of
from eventsim.io.plain import plain_array, shown
from eventsim.spike_trains import SpikeTrains, spike_pairs
from eventsim.trace import Floats, Ints, Spikes, Trace

__all__ = ["PopulationSpikes", "checked", "number_of_units", "positive", "select"]


@dataclass(frozen=True, slots=True, eq=False)
class PopulationSpikes:
    """Spikes with what a measure needs to know about them.

    Attributes
    ----------
    spikes : Spikes
        Those in [start, stop).
    n : int
        Units, silent ones too; the units of `spikes` are 0 to n - 1.
    start, stop : float
        The interval of time that was observed.
    time_unit : str
    name : str
        What messages and plots call them.
    """

    spikes: Spikes
    n: int
    start: float
    stop: float
    time_unit: str = "ms"
    name: str = "spikes"

    @property
    def times(self) -> Floats:
        """Time of each spike, in the order of time."""
        return self.spikes.times

    @property
    def units(self) -> Ints:
        """Unit of each spike."""
        return self.spikes.units

    @property
    def duration(self) -> float:
        """How long was observed."""
        return self.stop - self.start

    def trains(self) -> list[Floats]:
        """Return the spike times of each unit."""
        order = np.argsort(self.units, kind="stable")
        ends = np.searchsorted(self.units[order], np.arange(1, self.n))
        return np.split(self.times[order], ends)

    def __len__(self) -> int:
        return len(self.spikes)

    def __repr__(self) -> str:
        return (
            f"<PopulationSpikes: {len(self)} of {self.n} units of {self.name!r}, "
            f"{self.start:g} to {self.stop:g} {self.time_unit}>"
        )


@hinting
def select(
    source: Any,
    population: str | None = None,
    *,
    units: ArrayLike | None = None,
    sample: int | None = None,
    start: float | None = None,
    stop: float | None = None,
    n: int | None = None,
    time_unit: str | None = None,
) -> PopulationSpikes:
    """Take the spikes of one population, or of some of its units, out of where they are.

    Parameters
    ----------
    source : Simulation, Trace, BatchRecords, path, SpikeTrains, Spikes, tuple or list, PopulationSpikes
        A simulation or what it left: a trace, records of trials or of a batch, or a file that `es.io.load`
        reads. Or spikes themselves: one sample in any form that `Simulation.stimulate` takes, or many.
    population : str, optional
        Its name; may be left out where there is one with spikes. No name for spikes themselves.
    units : array_like of int, shape (k,), optional
        Only these, which become units 0 to k - 1 of the result. Default: all.
    sample : int, optional
        Which sample of a `SpikeTrains`. Without it, and with one number in `units`, the result has a "unit"
        for each sample: the trains of one unit over repeated trials.
    start, stop : float, optional
        Only spikes in [start, stop). Default: from 0, or the first spike if it is earlier, to the end of the
        run, or the window that `es.io.load` has read; spikes themselves end just after the last one.
    n : int, optional
        Units of the population, where the source does not know.
    time_unit : str, optional
        Where the source does not know; default "ms".

    Raises
    ------
    UnknownPart
        If there is no such population.
    ValueError, TypeError
        If the source is something else, a unit or sample does not exist, or `stop` is not after `start`.

    Examples
    --------
    >>> cells = select(([1.0, 4.0, 6.0], [0, 1, 0]), n=3, stop=10.0)
    >>> cells
    <PopulationSpikes: 3 of 3 units of 'spikes', 0 to 10 ms>
    >>> select(cells, units=[1])
    <PopulationSpikes: 1 of 1 units of 'spikes[1]', 0 to 10 ms>
    """
    if isinstance(source, str | os.PathLike):
        from eventsim.io.hdf5.reading import load

        source = load(source)
    if isinstance(source, PopulationSpikes):
        found, name = source.spikes, source.name
        n, start = source.n, source.start if start is None else start
        stop, time_unit = source.stop if stop is None else stop, source.time_unit
    elif isinstance(source, SpikeTrains):
        found, n, units = _of_samples(source, units, sample)
        name = population or "spikes"
    elif hasattr(source, "in_a_row"):
        trains, stop, time_unit, name = _of_records(source, population, stop)
        found, n, units = _of_samples(trains, units, sample)
    elif isinstance(source, Trace) or hasattr(source, "record_of_run"):
        found, n, end, time_unit, name = _of_run(source, population)
        if isinstance(source, Trace) and "window" in source.provenance:  # the rest of the run was not read
            first, last = span_of(source)
            start, end = first if start is None else start, min(end, last)
        stop = end if stop is None else stop
    else:
        found, n = _of_spikes(source, n)
        name = population or "spikes"
    if sample is not None and not (isinstance(source, SpikeTrains) or hasattr(source, "in_a_row")):
        raise ValueError(f"only SpikeTrains have samples, got sample={sample} of {shown(source)}")
    first, last = (float(found.times[0]), float(found.times[-1])) if len(found) else (0.0, 0.0)
    start = min(0.0, first) if start is None else float(start)
    stop = float(np.nextafter(max(last, start), np.inf)) if stop is None else float(stop)
    if not (np.isfinite([start, stop]).all() and stop > start):
        raise ValueError(f"stop must be after start and both finite, got start={start!r}, stop={stop!r}")
    inside = slice(*np.searchsorted(found.times, (start, stop)))
    found = Spikes(found.times[inside], found.units[inside])
    if units is None:
        checked(found, n)
    else:
        found, n = _of_units(found, n, units)
        name = f"{name}[{int(np.ravel(units)[0])}]" if n == 1 else name
    return PopulationSpikes(found, n, start, stop, time_unit or "ms", name)


def number_of_units(spikes: Any, n: int | None) -> int:
    """Return how many units there are, after a check of the spikes' units."""
    if isinstance(spikes, PopulationSpikes):
        if n is not None and n != spikes.n:
            raise ValueError(f"{spikes.name!r} are of {spikes.n} units, got n={n}")
        return spikes.n
    refuse_others(spikes)
    if n is None:
        if isinstance(spikes, Spikes):
            raise TypeError("the number of units n is needed for Spikes; or give select(...), which knows it")
        n = 0
    checked(spikes, n)
    return n


def refuse_others(spikes: Any) -> None:
    """Raise TypeError if something is neither `Spikes` nor what `select` returns."""
    if hasattr(spikes, "times") and hasattr(spikes, "units") and not isinstance(spikes, SpikeTrains):
        return
    runs = isinstance(spikes, str | os.PathLike | Trace | SpikeTrains) or hasattr(spikes, "record_of_run")
    way = "select(..., population) takes them out of it" if runs else "such as sim.spikes(name)"
    raise TypeError(f"a measure is of Spikes, or of what select returns, got {shown(spikes)}; {way}")


def checked(spikes: Any, n: int) -> Any:
    """Return the spikes if all of them are of units 0 to n - 1."""
    refuse_others(spikes)
    if len(spikes.units) and not 0 <= spikes.units.min() <= spikes.units.max() < n:
        wrong = spikes.units[(spikes.units < 0) | (spikes.units >= n)][0]
        raise ValueError(f"spikes of {n} units have units 0..{n - 1}, got a spike of unit {int(wrong)}")
    return spikes


def positive(value: float, what: str) -> None:
    """Raise ValueError if a number is not positive."""
    if not value > 0:
        raise ValueError(f"{what} must be positive, got {value!r}")


def _of_run(source: Any, population: str | None) -> tuple[Spikes, int, float, str, str]:
    """Return spikes, number of units, end, time unit and name of a population of a simulation or a trace."""
    if isinstance(source, Trace):
        sizes, time_unit, end = source.sizes, source.time_unit, source.duration
        named = {name: name for name in source.spikes}
    else:
        sizes = {name: each.n for name, each in source.net.populations.items()}
        time_unit, end = source.net.time_unit, source.now
        named = {name: name for name, each in source.net.populations.items() if each.record_spikes}
    if population is None:
        if len(named) != 1:
            raise ValueError(f"which population? there are {', '.join(named) or 'none with spikes'}")
        population = next(iter(named))
    if isinstance(source, Trace):
        if population not in named:
            known = ", ".join(named) or "none"
            hint = did_you_mean(population, named)
            raise UnknownPart(f"no spikes of {population!r} were recorded; known: {known}{hint}")
        found = source.spikes[population]
    else:
        found = source.spikes(population)
    n = sizes.get(population, sizes.get(population.rpartition(".")[0], int(found.units.max(initial=-1)) + 1))
    end = max(float(end), float(np.nextafter(found.times[-1], np.inf)) if len(found) else 0.0)
    return found, n, end, time_unit, population


def _of_records(
    records: Any, population: str | None, stop: float | None
) -> tuple[SpikeTrains, float | None, str, str]:
    """Return the samples of a population in records by sample, where they end if all end there, and names."""
    if population is None:
        named = records.populations
        if len(named) != 1:
            raise ValueError(f"which population? there are {', '.join(named) or 'none with spikes'}")
        population = named[0]
    lengths = np.unique(records.lengths)
    end = float(lengths[0]) if stop is None and len(lengths) == 1 else stop
    return records.spikes(population), end, records.time_unit, population


def _of_samples(
    trains: SpikeTrains, units: ArrayLike | None, sample: int | None
) -> tuple[Spikes, int, ArrayLike | None]:
    """Return the spikes of one sample, or those of one unit in all samples."""
    if sample is not None:
        return trains[sample], trains.n, units
    if len(trains) == 1:
        return trains[0], trains.n, units
    only = np.array([]) if units is None else np.atleast_1d(plain_array(units, "units"))
    if only.size != 1:
        raise ValueError(
            f"there are {len(trains)} samples; choose one with sample=, or one unit of all with units="
        )
    unit = int(only[0])
    if not 0 <= unit < trains.n:
        raise ValueError(f"there are units 0..{trains.n - 1}, got unit {unit}")
    mine = trains.units == unit
    of_sample = np.repeat(np.arange(len(trains)), np.diff(trains.starts))
    order = np.lexsort((of_sample[mine], trains.times[mine]))
    return Spikes(trains.times[mine][order], of_sample[mine][order]), len(trains), None


def _of_spikes(source: Any, n: int | None) -> tuple[Spikes, int]:
    """Return spikes in any of the forms of one sample, sorted, and the number of units."""
    if n is None:
        if isinstance(source, Spikes):
            n = int(source.units.max(initial=-1)) + 1
        elif isinstance(source, tuple) and len(source) == 2:
            n = int(np.max(plain_array(source[1], "units"), initial=-1)) + 1
        elif isinstance(source, list | np.ndarray):
            n = len(source) if np.ndim(source[0] if len(source) else 0.0) else 1
        else:
            raise TypeError(
                "spikes are of a Simulation, a Trace, a file, SpikeTrains, Spikes or (times, units), "
                f"got {shown(source)}"
            )
    times, numbers = spike_pairs(source, None, n, "spikes")
    order = np.lexsort((numbers, times))
    return Spikes(times[order], numbers[order]), n


def _of_units(spikes: Spikes, n: int, units: ArrayLike) -> tuple[Spikes, int]:
    """Return the spikes of some units, numbered anew in the order in which the units are given."""
    wanted = np.atleast_1d(plain_array(units, "units", "iu" if np.size(units) else "iuf")).astype(np.int64)
    if wanted.size and not 0 <= wanted.min() <= wanted.max() < n:
        wrong = int(wanted[(wanted < 0) | (wanted >= n)][0])
        raise ValueError(f"there are units 0..{n - 1}, got unit {wrong}")
    if len(np.unique(wanted)) != wanted.size:
        raise ValueError(f"a unit is selected twice: {shown(wanted.tolist())}")
    number = np.full(n, -1, np.int64)
    number[wanted] = np.arange(wanted.size)
    new = number[spikes.units]
    times, new = spikes.times[new >= 0], new[new >= 0]
    order = np.lexsort((new, times))
    return Spikes(times[order], new[order]), wanted.size
