"""Spikes of files as sources: columns of a CSV file, and a population of a run that was saved."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eventsim.errors import ConfigError
from eventsim.parameters import one_number, one_time
from eventsim.spike_trains import SECONDS

if TYPE_CHECKING:
    from eventsim.trace import Trace

__all__ = ["spikes_of_csv", "spikes_of_run"]

MOST_UNITS = 2**31 - 1
Pair = tuple[NDArray[np.float64], NDArray[np.int64]]


def spikes_of_csv(
    path: str | os.PathLike[str], population: str | None, time: str, unit: str, scale: float
) -> Pair:
    """Return times and units of a CSV file; see `SpikeSource.from_csv`."""
    factor = one_number(scale, "scale")
    if not factor > 0:
        raise ValueError(f"scale must be positive, got {scale!r}")
    times, units, populations = [], [], set()
    with open(path, newline="", encoding="utf-8-sig") as file, _in_one_line(path):
        rows = csv.DictReader(file, skipinitialspace=True)
        needed = [time, unit, *(["population"] if population is not None else [])]
        names = list(rows.fieldnames or ())
        bare = [name.split(" (")[0].strip() for name in names]  # "time (ms)" is the column "time"
        missing = [name for name in needed if name not in names and name not in bare]
        if missing:
            known = " ".join(", ".join(names).split())[:200]
            raise ConfigError(f"{os.fspath(path)!r} has no column {missing[0]!r}; columns: {known}")
        time, unit = (name if name in names else names[bare.index(name)] for name in (time, unit))
        for row in rows:
            name = row.get("population")
            populations.add(name)
            if population is not None and name != population:
                continue
            try:
                times.append(float(row[time]) * factor)
                units.append(int(row[unit]))
                good = 0 <= times[-1] < math.inf and 0 <= units[-1] <= MOST_UNITS
            except (TypeError, ValueError):
                good = False
            if not good:
                raise ConfigError(
                    f"line {rows.line_num} of {os.fspath(path)!r} must have a time and a whole unit from 0 on"
                    f", got {row[time]!r:.60} and {row[unit]!r:.60}"
                )
    known = ", ".join(sorted(" ".join(str(each).split())[:60] for each in populations)[:20])
    if population is not None and population not in populations:
        raise ConfigError(f"{os.fspath(path)!r} has no spikes of {population!r}; populations: {known}")
    if population is None and len(populations) > 1:
        raise ConfigError(f"{os.fspath(path)!r} has several populations, choose one: {known}")
    return np.array(times, np.float64), np.array(units, np.int64)


@contextmanager
def _in_one_line(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn what a file that is no CSV makes the reader raise into one line."""
    try:
        yield
    except UnicodeDecodeError:
        raise ConfigError(f"{os.fspath(path)!r} is no text in UTF-8") from None
    except csv.Error as error:
        raise ConfigError(f"{os.fspath(path)!r} is no CSV file: {error}") from None


def spikes_of_run(
    run: Trace | str | os.PathLike[str],
    population: str,
    start: float,
    stop: float,
    time_unit: str | None,
) -> Pair:
    """Return times and units of a population of a saved run; see `SpikeSource.from_run`."""
    first, last = one_time(start, "start"), one_time(stop, "stop")
    if not last > first:
        raise ValueError(f"stop must be after start = {first!r}, got {last!r}")
    trace: Any = run
    if isinstance(run, str | os.PathLike):
        from eventsim import io

        trace = io.load(run, start=first, stop=last)
    if population not in trace.spikes:
        raise ValueError(
            f"the run has no spikes of {population!r}; populations: {', '.join(sorted(trace.spikes))}"
        )
    spikes = trace.spikes[population]
    times, units = np.asarray(spikes.times, np.float64), np.asarray(spikes.units, np.int64)
    inside = (times >= first) & (times < last)
    times, units = times[inside] - first, units[inside]
    if time_unit is not None and time_unit != trace.time_unit:
        if time_unit not in SECONDS or trace.time_unit not in SECONDS:
            raise ValueError(f"times in {trace.time_unit!r} cannot be converted to {time_unit!r}")
        times = times * (SECONDS[trace.time_unit] / SECONDS[time_unit])
    return times, units
