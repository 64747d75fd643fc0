"""Spikes and reports of SONATA files that others wrote, as a `Trace`.

Public files come in three layouts of spikes: ``/spikes/gids`` without population (2018), populations with
``sorting`` as a string, and the standard with an enumeration. Reports have frames or columns first, one or
several elements a node, with units or without. All are read; what had to be assumed is in the trace's
provenance, as ``notes``.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from eventsim.errors import FileFormatError
from eventsim.hints import hinting
from eventsim.io.hdf5.windows import WHOLE, Window
from eventsim.trace import Samples, Spikes, Trace

OLD_NAME = "spikes"  # of the population that the layout without populations has
MILLISECONDS = {"ms": 1.0, "s": 1e3, "us": 1e-3, "µs": 1e-3, "ns": 1e-6, "seconds": 1e3, "milliseconds": 1.0}
PIECE = 1 << 18  # spikes that are read at once
TOLERANCE = 1e-6  # ms, of the frames that readers expect


def is_recording(file: h5py.File) -> bool:
    """Return whether an open file has spikes or reports where SONATA has them."""
    return isinstance(file.get("spikes"), h5py.Group) or isinstance(file.get("report"), h5py.Group)


@hinting
def read(file: h5py.File, path: Path, recordings: bool = True, part: Window = WHOLE) -> Trace:
    """Return the spikes and reports of an open SONATA file, times in ms.

    Parameters
    ----------
    file : h5py.File
        Checked against references to other files.
    path : Path
        For messages.
    recordings : bool
        False leaves out spikes and samples, but reads their sizes.
    part : Window
        Populations and times that are kept. Spikes are read in pieces, since their order cannot be trusted;
        of reports only the frames within are read.

    Returns
    -------
    Trace
        A report has a column for each element; where a node has several, its number comes several times in
        `Samples.units`, and ``parameters["report/POPULATION/element_ids"]`` tells them apart.

    Raises
    ------
    FileFormatError
        If arrays do not fit each other, times are not finite, or a unit of time is unknown.
    """
    found = _Found(path, part if recordings else part.empty)
    spikes = file.get("spikes")
    reports = file.get("report")
    if part.populations:
        known = [name for group in (spikes, reports) if isinstance(group, h5py.Group) for name in group]
        part.check(dict.fromkeys([*known, *([OLD_NAME] if "spikes/gids" in file else [])]))
    if isinstance(spikes, h5py.Group):
        if "gids" in spikes and part.has(OLD_NAME):
            found.assume(f"the spikes have no population (layout of 2018); it is called {OLD_NAME!r} here")
            found.add_spikes(OLD_NAME, spikes, "gids")
        for name, group in spikes.items():
            if isinstance(group, h5py.Group) and "timestamps" in group and part.has(name):
                found.add_spikes(name, group, "node_ids")
    if isinstance(reports, h5py.Group):
        for name, group in reports.items():
            if isinstance(group, h5py.Group) and "data" in group and part.has(name):
                found.add_report(name, group)
    trace = found.trace
    trace.provenance = {"format": "SONATA", "notes": "\n".join(found.notes)}
    part.note(trace)
    if not recordings:
        trace.spikes, trace.samples = {}, {}
    return trace


@dataclass(slots=True)
class _Found:
    """What was found in a file so far."""

    path: Path
    part: Window = WHOLE
    trace: Trace = field(default_factory=Trace)
    notes: list[str] = field(default_factory=list)

    def assume(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def add_spikes(self, name: str, group: h5py.Group, ids: str) -> None:
        stamps, nodes = self._dataset(group, "timestamps", 1), self._dataset(group, ids, 1)
        if stamps.shape != nodes.shape:
            raise self._wrong(f"{group.name} has {len(stamps)} times and {len(nodes)} {ids}")
        scale = self._milliseconds(stamps)
        blocks, largest, last = [], -1, 0.0
        for first in range(0, len(stamps), PIECE):
            times = stamps[first : first + PIECE].astype(np.float64) * scale
            units = self._whole(np.asarray(nodes[first : first + PIECE]), f"{group.name}/{ids}")
            if not np.isfinite(times).all():
                raise self._wrong(f"{group.name}/timestamps has values that are not finite")
            largest, last = max(largest, int(units.max())), max(last, float(times.max()))
            keep = (times >= self.part.start) & (times < self.part.stop)
            blocks.append((times, units) if keep.all() else (times[keep], units[keep]))
        times = np.concatenate([np.zeros(0), *(block[0] for block in blocks)])
        units = np.concatenate([np.zeros(0, np.int64), *(block[1] for block in blocks)])
        order = np.lexsort((units, times))
        self.trace.spikes[name] = Spikes(times[order], units[order])
        self._extend(name, largest, last)

    def add_report(self, name: str, group: h5py.Group) -> None:
        mapping = group.get("mapping")
        if not isinstance(mapping, h5py.Group):
            raise self._wrong(f"{group.name} has no mapping")
        data = self._dataset(group, "data", 2)
        scale = self._milliseconds(mapping["time"]) if "time" in mapping else 1.0
        clock = self._numbers(mapping, "time", 1).astype(np.float64) * scale
        if len(clock) != 3 or not np.isfinite(clock).all() or clock[2] <= 0 or clock[1] < clock[0]:
            raise self._wrong(f"{mapping.name}/time should be start, stop and step, got {clock[:4].tolist()}")
        start, stop, step = map(float, clock)
        nodes = self._ids(mapping, "node_ids")
        units = np.repeat(nodes, self._widths(mapping, len(nodes), data.shape))
        frames = round((stop - start) / step)
        turned = data.shape[1] != len(units) and data.shape[0] == len(units)
        if turned:
            self.assume(f"{group.name}/data has a row an element, where the standard has a row a frame")
        n_frames, n_columns = data.shape[::-1] if turned else data.shape
        if n_columns != len(units):
            raise self._wrong(f"{group.name}/data has {n_columns} columns for {len(units)} elements")
        if n_frames != frames:
            self.assume(f"{group.name} has {n_frames} frames, where its times say {frames}")
        variable = _text(group["data"].attrs.get("variable")) or _text(group.attrs.get("variable"))
        if not variable:
            variable = "value"
            self.assume(f"{group.name} does not say what it records; it is called {variable!r} here")
        if not _text(group["data"].attrs.get("units")):
            self.assume(f"{group.name}/data has no units")
        rows = self.part.rows_where(lambda k: start + step * k, n_frames)
        times = start + step * np.arange(rows.start, rows.stop, dtype=np.float64)
        values = np.asarray(data[:, rows].T if turned else data[rows])
        self.trace.samples[name, variable] = Samples(times, values.astype(np.float64), units, step)
        for key in ("element_ids", "element_pos"):
            if key in mapping:
                self.trace.parameters[f"report/{name}/{key}"] = np.asarray(mapping[key][...])
        self._extend(
            name, int(nodes.max(initial=-1)), start + step * (n_frames - 1) + step if n_frames else 0.0
        )

    def _widths(self, mapping: h5py.Group, n: int, shape: tuple[int, ...]) -> NDArray[np.int64]:
        """Return how many elements each node has."""
        for key in ("index_pointers", "index_pointer"):
            if key in mapping:
                pointers = self._ids(mapping, key)
                break
        else:
            self.assume(f"{mapping.name} has no index_pointers; each node has one element")
            return np.ones(n, np.int64)
        if len(pointers) == n:  # as the text of the specification can be read
            self.assume(f"{mapping.name}/{key} has no end; the last node has the elements that are left")
            total = shape[1] if n and shape[1] >= pointers[-1] else shape[0]
            pointers = np.append(pointers, total)
        widths = np.diff(pointers)
        if len(pointers) != n + 1 or (widths < 0).any() or (n and pointers[0] != 0):
            raise self._wrong(f"{mapping.name}/{key} does not fit its {n} nodes")
        if widths.sum() > max(shape):
            raise self._wrong(f"{mapping.name}/{key} names more elements than there are")
        return widths

    def _extend(self, name: str, largest: int, stop: float) -> None:
        self.assume("the number of units is the largest number that occurs, plus one")
        self.trace.sizes[name] = max(self.trace.sizes.get(name, 0), largest + 1)
        self.trace.duration = max(self.trace.duration, stop)

    def _milliseconds(self, dataset: Any) -> float:
        """Return how many ms the unit of a dataset is."""
        unit = _text(dataset.attrs.get("units"))
        if not unit:
            self.assume(f"{dataset.name} has no units; they are taken as ms")
            return 1.0
        if unit not in MILLISECONDS:
            raise self._wrong(f"{dataset.name} is in {unit[:40]!r}; known: {', '.join(MILLISECONDS)}")
        if unit != "ms":
            self.assume(f"{dataset.name} is in {unit}, and was converted to ms")
        return MILLISECONDS[unit]

    def _dataset(self, group: h5py.Group, name: str, ndim: int) -> h5py.Dataset:
        dataset = group.get(name)
        if not isinstance(dataset, h5py.Dataset) or dataset.dtype.kind not in "iuf" or dataset.ndim != ndim:
            raise self._wrong(f"{group.name}/{name} should be an array of numbers with {ndim} axes")
        return dataset

    def _numbers(self, group: h5py.Group, name: str, ndim: int) -> NDArray[Any]:
        return np.asarray(self._dataset(group, name, ndim)[...])

    def _ids(self, group: h5py.Group, name: str) -> NDArray[np.int64]:
        return self._whole(self._numbers(group, name, 1), f"{group.name}/{name}")

    def _whole(self, values: NDArray[Any], name: str) -> NDArray[np.int64]:
        if values.dtype.kind == "f" or (len(values) and (values.min() < 0 or values.max() > 2**62)):
            raise self._wrong(f"{name} should be whole numbers from 0 on")
        return values.astype(np.int64)

    def _wrong(self, what: str) -> FileFormatError:
        return FileFormatError(f"{self.path}: {what}")


def _text(value: Any) -> str:
    """Return an attribute as text; "" for what is none."""
    if isinstance(value, np.ndarray):
        value = value.flat[0] if value.size == 1 else ""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return value.strip() if isinstance(value, str) else ""
