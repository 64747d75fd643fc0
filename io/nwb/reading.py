"""Spikes and series of NWB files that others wrote, as a `Trace`; times are in s, as in every such file.

The table of units has the times of all spikes in one array, unit after unit, and where each unit ends. A
series has rows of data, with a rate or with a time for each row. Anything else, such as images, is named in
the trace's notes. Files are read as HDF5, without pynwb.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from eventsim.errors import FileFormatError
from eventsim.io.hdf5.tree import get_text
from eventsim.io.hdf5.windows import WHOLE, Window
from eventsim.trace import Samples, Spikes, Trace

UNITS = "units"  # the population of units of others
VARIABLES = {
    "CurrentClampSeries": "v",
    "IZeroClampSeries": "v",
    "VoltageClampSeries": "i",
    "ElectricalSeries": "v",
    "PatchClampSeries": "value",
    "TimeSeries": "value",
}
PLACES = ("acquisition", "processing", "stimulus", "analysis")
PIECE = 1 << 18  # numbers that are read at once
DEEPEST = 8
MARK = "eventsim: "
"""Begins what `to_nwb` says of a series; Neo takes a bare JSON text for its own."""


def is_nwb(file: h5py.File) -> bool:
    """Return whether an open file says that it is one of NWB."""
    return "nwb_version" in file.attrs or "nwb_version" in file


def read(file: h5py.File, path: Path, recordings: bool = True, part: Window = WHOLE) -> Trace:
    """Return the spikes and series of an open NWB file.

    Parameters
    ----------
    file : h5py.File
        Checked against references to other files.
    path : Path
        For messages.
    recordings : bool
        False leaves out spikes and samples, but reads their sizes.
    part : Window
        Populations and times that are kept. Times of spikes are read in pieces, of series the rows within.

    Returns
    -------
    Trace
        Units are one population, ``units``, in the order of the table; columns ``population`` and
        ``node_id``, as `to_nwb` writes them, make several. A series is a population of its name, with a
        variable ``v`` (recordings in current clamp, of electrodes), ``i`` (in voltage clamp) or ``value``, in
        the unit that the notes tell. What is left out, with its kind, is in the notes too.

    Raises
    ------
    FileFormatError
        If the file has nothing that can be read, or what is asked for cannot be; it is named with its kind.
    UnknownPart
        If there is no such population.
    """
    if "nwb_version" not in file.attrs:
        raise FileFormatError(f"{path} is a file of NWB 1, which is not read; NWB 2 is")
    found = _Found(path, part if recordings else part.empty)
    found.take(file)
    trace = found.trace
    trace.provenance = {"format": "NWB", "notes": "\n".join(found.notes)}
    for key in ("session_description", "identifier", "session_start_time"):
        if key in file:
            trace.provenance[key] = get_text(file[key])
    part.note(trace)
    if not recordings:
        trace.spikes, trace.samples = {}, {}
    return trace


@dataclass(slots=True)
class _Found:
    """What was found in a file so far."""

    path: Path
    part: Window = WHOLE
    trace: Trace = field(default_factory=lambda: Trace(time_unit="s"))
    notes: list[str] = field(default_factory=list)

    def take(self, file: h5py.File) -> None:
        """Read the table of units and all series that are wanted."""
        columns = self._columns(file.get("units"))
        series = dict(_series(file))
        others = {place: kind for place, (group, kind) in series.items() if not _is_plain(group, kind)}
        named = self._names({place: each for place, each in series.items() if place not in others})
        if columns is None and not named:
            has = ", ".join(f"{place} ({kind})" for place, kind in others.items()) or "nothing of both"
            raise FileFormatError(
                f"{self.path} has no spikes of units and no series of numbers; it has: {has}"
            )
        if self.part.populations:
            for place, kind in others.items():
                if set(self.part.populations) & {place, place.rsplit("/", 1)[-1]}:
                    raise FileFormatError(f"{self.path}: {place} of kind {kind} is no series of numbers")
            of_units = () if columns is None else columns.names
            self.part.check(dict.fromkeys([*of_units, *(name for name, _ in named)]))
        if columns is not None:
            self._add_spikes(columns)
        for (name, variable), (group, units) in named.items():
            if self.part.has(name):
                self._add_series(name, variable, group, units)
        for place, kind in others.items():
            self.notes.append(f"{place} of kind {kind} is no series of numbers and was left out")

    def _names(self, series: Mapping[str, tuple[h5py.Group, str]]) -> dict[tuple[str, str], Any]:
        """Return population and variable of each series, with its group and the units of its columns."""
        names = [place.rsplit("/", 1)[-1] for place in series]
        found: dict[tuple[str, str], Any] = {}
        for (place, (group, kind)), name in zip(series.items(), names, strict=True):
            ours = _ours(group)
            if ours is None:
                key, units = (name if names.count(name) == 1 else place, VARIABLES.get(kind, "value")), None
            else:
                key, units = ours
            if key in found:
                raise FileFormatError(f"{self.path}: two series are {key[1]!r} of {key[0]!r}")
            found[key] = (group, units)
        return found

    # Spikes -------------------------------------------------------------------------------------------

    def _columns(self, table: Any) -> "_Columns | None":
        """Return the table of units, without the times of the spikes."""
        if not isinstance(table, h5py.Group):
            return None
        if "spike_times" not in table:
            self.notes.append("the table of units has no times of spikes")
            return None
        times = self._numbers(table, "spike_times", "f", 1)
        ends = self._numbers(table, "spike_times_index", "iu", 1)[...].astype(np.int64)
        if (np.diff(ends, prepend=0) < 0).any() or int(ends[-1] if len(ends) else 0) != len(times):
            raise self._wrong(f"units/spike_times_index does not fit its {len(times)} times")
        n = len(ends)
        names, which, nodes = [UNITS], np.zeros(n, np.int64), np.arange(n)
        labels = table.get("population")
        if (
            isinstance(labels, h5py.Dataset)
            and h5py.check_string_dtype(labels.dtype)
            and labels.shape == (n,)
        ):
            written = [str(name) for name in labels.asstr()[...]]
            names = list(dict.fromkeys(written))
            place = {name: k for k, name in enumerate(names)}
            which = np.array([place[name] for name in written], np.int64)
            for k in range(len(names)):
                nodes[which == k] = np.arange(int((which == k).sum()))
            if "node_id" in table:
                nodes = self._numbers(table, "node_id", "iu", 1)[...].astype(np.int64)
                if len(nodes) != n or (n and nodes.min() < 0) or (n and nodes.max() > 2**31):
                    raise self._wrong("units/node_id should be a whole number from 0 on for each unit")
                for k, name in enumerate(names):
                    own = nodes[which == k]
                    if len(np.unique(own)) < len(own):
                        raise self._wrong(f"units/node_id has a number twice in population {name!r}")
        observed = table.get("obs_intervals")
        if isinstance(observed, h5py.Dataset) and observed.ndim == 2 and observed.dtype.kind == "f":
            for piece in _pieces(observed):
                self._extend(float(piece[np.isfinite(piece)].max(initial=0.0)))  # some have no end
        return _Columns(times, ends, names, which, nodes)

    def _add_spikes(self, columns: "_Columns") -> None:
        wanted = np.array([self.part.has(name) for name in columns.names], bool)
        blocks: dict[int, list[tuple[NDArray[np.float64], NDArray[np.int64]]]] = {}
        for first in range(0, len(columns.times), PIECE):
            last = min(first + PIECE, len(columns.times))
            begin, end = np.searchsorted(columns.ends, [first, last - 1], side="right")
            here = np.unique(columns.which[begin : end + 1])
            if not wanted[here].any():
                continue
            times = np.asarray(columns.times[first:last], np.float64)
            if not np.isfinite(times).all():
                raise self._wrong("units/spike_times has values that are not finite")
            self._extend(float(times.max()))
            row = np.searchsorted(columns.ends, np.arange(first, last), side="right")
            inside = (times >= self.part.start) & (times < self.part.stop)
            for k in here:
                keep = inside & (columns.which[row] == k)
                if wanted[k] and keep.any():
                    blocks.setdefault(int(k), []).append((times[keep], columns.nodes[row[keep]]))
        for k in np.flatnonzero(wanted):
            name, own = columns.names[k], columns.nodes[columns.which == k]
            pieces = blocks.get(int(k), [])
            times = np.concatenate([np.zeros(0), *(piece[0] for piece in pieces)])
            units = np.concatenate([np.zeros(0, np.int64), *(piece[1] for piece in pieces)])
            order = np.lexsort((units, times))
            self.trace.spikes[name] = Spikes(times[order], units[order])
            self.trace.sizes[name] = max(self.trace.sizes.get(name, 0), int(own.max(initial=-1)) + 1)

    # Series -------------------------------------------------------------------------------------------

    def _add_series(self, name: str, variable: str, group: h5py.Group, ids: Any) -> None:
        data = group["data"]
        n = len(data)
        every, rows, times, end = self._clock(group, n)
        width = 1 if data.ndim == 1 else data.shape[1]
        values = np.asarray(data[rows], np.float64).reshape(len(times), width)
        conversion, offset = (
            self._factor(data, key, otherwise) for key, otherwise in (("conversion", 1.0), ("offset", 0.0))
        )
        if (conversion, offset) != (1.0, 0.0):
            values = values * conversion + offset
        units = np.arange(width) if ids is None else ids
        if len(units) != width:
            raise self._wrong(f"{group.name} has {width} columns for {len(units)} units")
        per = group.get("channel_conversion")
        if isinstance(per, h5py.Dataset) and per.shape == (width,) and per.dtype.kind in "iuf":
            values = values * np.asarray(per[...], np.float64)
        self.trace.samples[name, variable] = Samples(times, values, units, every)
        self.trace.sizes[name] = max(self.trace.sizes.get(name, 0), int(units.max(initial=-1)) + 1)
        self._extend(end)
        unit = data.attrs.get("unit")
        if isinstance(unit, str) and unit not in ("", "n.a."):
            self.notes.append(f"{variable!r} of {name!r} is in {unit[:40]}")

    def _clock(self, group: h5py.Group, n: int) -> tuple[float, slice, NDArray[np.float64], float]:
        """Return the step, the rows within the window, their times, and the end of the series."""
        if "timestamps" in group:
            stamps = self._numbers(group, "timestamps", "iuf", 1)
            if len(stamps) != n:
                raise self._wrong(f"{group.name} has {n} rows and {len(stamps)} timestamps")
            last = -np.inf
            for piece in _pieces(stamps):
                if not np.isfinite(piece).all() or piece[0] < last or (np.diff(piece) < 0).any():
                    raise self._wrong(f"the timestamps of {group.name} are not in order")
                last = float(piece[-1])
            rows = self.part.rows(stamps)
            return 0.0, rows, np.asarray(stamps[rows], np.float64), max(last, 0.0)
        first, rate = _start_and_rate(group)
        with np.errstate(all="ignore"):
            bounds = np.array([1.0, n]) / rate
        if not (0 < rate < np.inf and np.isfinite([first * rate, first + bounds[1], *bounds]).all()):
            raise self._wrong(
                f"{group.name} should have a finite start and end and a positive rate, got {n} rows from "
                f"{first} at a rate of {rate}"
            )
        every = 1.0 / rate
        k = round(first * rate)
        on_grid = k * every == first

        def times_of(rows: Any) -> Any:
            """As a simulation records, at multiples of the step, where the series starts at one."""
            return (k + rows) * every if on_grid else first + every * rows

        rows = self.part.rows_where(times_of, n)
        times = times_of(np.arange(rows.start, rows.stop, dtype=np.float64))
        return every, rows, times, float(times_of(n)) if n else 0.0

    def _extend(self, stop: float) -> None:
        self.trace.duration = max(self.trace.duration, stop)

    def _factor(self, data: h5py.Dataset, key: str, otherwise: float) -> float:
        value = data.attrs.get(key, otherwise)
        number = _number(value)
        if not np.isfinite(number):
            raise self._wrong(f"the {key} of {data.name} should be a finite number, got {value!r:.40}")
        return number

    def _numbers(self, group: h5py.Group, name: str, kinds: str, ndim: int) -> h5py.Dataset:
        dataset = group.get(name)
        if not isinstance(dataset, h5py.Dataset) or dataset.dtype.kind not in kinds or dataset.ndim != ndim:
            raise self._wrong(f"{group.name}/{name} should be an array of numbers with {ndim} axes")
        return dataset

    def _wrong(self, what: str) -> FileFormatError:
        return FileFormatError(f"{self.path}: {what}")


@dataclass(frozen=True, slots=True)
class _Columns:
    """The table of units: flat times, where each unit ends in them, its population and its number there."""

    times: h5py.Dataset
    ends: NDArray[np.int64]
    names: list[str]
    which: NDArray[np.int64]
    nodes: NDArray[np.int64]


def _series(file: h5py.File) -> Iterator[tuple[str, tuple[h5py.Group, str]]]:
    """Give the groups that hold data, by their place, with their kind; no group twice."""
    groups = [
        (file[place], place, 0) for place in reversed(PLACES) if isinstance(file.get(place), h5py.Group)
    ]
    known = set()
    while groups:
        group, place, depth = groups.pop()
        address = h5py.h5o.get_info(group.id).addr
        if address in known:
            continue
        known.add(address)
        kind = group.attrs.get("neurodata_type")
        if isinstance(kind, str) and ("data" in group or kind.endswith("Series")):
            yield place, (group, kind)
            continue
        if depth < DEEPEST:
            below = [name for name in group if group.get(name, getlink=True).__class__ is h5py.HardLink]
            groups += [
                (group[name], f"{place}/{name}", depth + 1)
                for name in reversed(below)
                if isinstance(group[name], h5py.Group)
            ]


def _is_plain(group: h5py.Group, kind: str) -> bool:
    """Return whether a group is a series of numbers with a row for each time."""
    data = group.get("data")
    if not isinstance(data, h5py.Dataset) or data.dtype.kind not in "iuf" or data.ndim not in (1, 2):
        return False
    return kind.endswith("Series") and not kind.endswith("ImageSeries") and kind != "SpikeEventSeries"


def _start_and_rate(group: h5py.Group) -> tuple[float, float]:
    start = group.get("starting_time")
    if not isinstance(start, h5py.Dataset) or start.shape != () or start.dtype.kind not in "iuf":
        return np.nan, np.nan
    return float(start[()]), _number(start.attrs.get("rate"))


def _number(value: Any) -> float:
    """Return an attribute as a number; nan for what is none."""
    return float(value) if isinstance(value, int | float | np.integer | np.floating) else np.nan


def _ours(group: h5py.Group) -> tuple[tuple[str, str], NDArray[np.int64]] | None:
    """Return what `to_nwb` says of a series: population, variable and the units of its columns."""
    text = group.attrs.get("comments")
    if not isinstance(text, str) or not text.startswith(MARK):
        return None
    try:
        said = json.loads(text.removeprefix(MARK))
        units = np.asarray(said["units"], np.int64)
        key = (said["population"], said["variable"])
    except (ValueError, KeyError, TypeError, OverflowError):
        return None
    named = all(isinstance(name, str) for name in key)
    return (key, units) if named and units.ndim == 1 and (units >= 0).all() else None


def _pieces(dataset: h5py.Dataset) -> Iterator[NDArray[np.float64]]:
    for first in range(0, len(dataset), PIECE):
        yield np.asarray(dataset[first : first + PIECE], np.float64)
