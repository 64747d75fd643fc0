"""Writing a run into its file while it goes on.

The file under its own name is absent or whole at every moment. The run writes into the work file
``FILE.part``; a checkpoint publishes a copy of it, and the end publishes the work file itself (see
`eventsim.io.hdf5.workfile`). If the writer is killed, readers find the last checkpoint. Memory is
bounded by one chunk for each column (see `eventsim.io.hdf5.columns`).
"""

import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np
from numpy.typing import ArrayLike

from eventsim.errors import FileFormatError
from eventsim.hints import hinting
from eventsim.io.export.sources import Recorder, trace_of
from eventsim.io.hdf5 import schema
from eventsim.io.hdf5.checks import attribute, check_times, node_ids, real_numbers, spike_times_of
from eventsim.io.hdf5.columns import Column
from eventsim.io.hdf5.declarations import DECLARATION, put_declaration
from eventsim.io.hdf5.safety import check_destination, first_line, storage
from eventsim.io.hdf5.samples import Report
from eventsim.io.hdf5.schema import decode_name, encode_name
from eventsim.io.hdf5.tree import STRING, get_tree, n_bytes, put_array, put_tree
from eventsim.io.hdf5.workfile import SLACK, WorkFile
from eventsim.trace import Trace


@hinting
def save(trace: Trace | Recorder, path: str | os.PathLike[str], overwrite: bool = False) -> None:
    """Write a trace, or what a simulation has recorded, into one file for `load` and SONATA tools.

    Raises
    ------
    FileExistsError, IsADirectoryError, FileNotFoundError, PermissionError
        If `path` cannot be written; a file that was there stays as it was.
    ValueError, TypeError
        If the trace holds something that the file cannot.
    """
    trace = trace_of(trace)
    sizes = dict(trace.sizes)
    for name, spikes in trace.spikes.items():
        sizes.setdefault(name, int(spikes.units.max(initial=-1)) + 1)
    for (name, _), samples in trace.samples.items():
        sizes.setdefault(name, int(samples.units.max(initial=-1)) + 1)
    file = TraceFile(check_destination(path, overwrite))
    with file:
        file._begin(trace.time_unit, trace.config)
        for name, n in sizes.items():
            file.add_population(name, n, spikes=name in trace.spikes)
        for name, spikes in trace.spikes.items():
            file.append_spikes(name, spikes.times, spikes.units)
        for (name, variable), samples in trace.samples.items():
            file.add_report(name, variable, samples.units, samples.every)
            file.append_samples(name, variable, samples.times, samples.values)
        file.put(
            parameters=trace.parameters,
            training=trace.training,
            metrics=trace.metrics,
            provenance=trace.provenance,
            state=trace.state,
            duration=trace.duration,
            declaration=trace.declaration or None,
        )


class TraceFile:
    """A file that a run is written into, piece by piece.

    Use `TraceFile.create` or `TraceFile.resume`; as a context manager it is closed at the end, and
    marked as incomplete if an exception ended it.

    Attributes
    ----------
    path : Path
        The file that readers see.
    closed : bool
    """

    def __init__(self, path: Path, source: Path | None = None) -> None:
        self.path = path
        self.closed = True
        self._kept = False  # whether the file under its name is this run's
        self._sizes: dict[str, int] = {}
        self._times: dict[str, Column] = {}
        self._units: dict[str, Column] = {}
        self._last: dict[str, float] = {}
        self._reports: dict[tuple[str, str], Report] = {}
        with storage(self.path, "begin"):
            self._work = WorkFile(path, source)
            self._file = self._work.open()
        self.closed = False

    @classmethod
    def create(
        cls,
        path: str | os.PathLike[str],
        *,
        time_unit: str = "ms",
        config: str = "",
        provenance: Mapping[str, object] | None = None,
        overwrite: bool = False,
    ) -> Self:
        """Begin a file and make its first checkpoint.

        Raises
        ------
        FileExistsError, IsADirectoryError, FileNotFoundError, PermissionError
            If `path` cannot be written; a file that was there stays as it was.
        """
        file = cls(check_destination(path, overwrite))
        file._begin(time_unit, config)
        file.put(provenance=provenance or {})
        file.checkpoint()
        return file

    @classmethod
    def resume(cls, path: str | os.PathLike[str]) -> Self:
        """Resume a file at its last checkpoint.

        Raises
        ------
        FileFormatError
            If it is no file of ours, is damaged, or is newer than this version.
        """
        from eventsim.io.hdf5.reading import open_file, population_sizes  # only here

        path = Path(path)
        with open_file(path):
            pass
        check_destination(path, overwrite=True)
        file = cls(path, path)
        file._kept = True
        try:
            file._reopen(population_sizes(file._file[schema.ROOT]["populations"]))
        except Exception as error:  # the library has no class of its own for what it finds in a damaged file
            file._abandon()
            raise FileFormatError(f"{path} is damaged: {first_line(error)}") from error
        return file

    def _reopen(self, sizes: Mapping[str, int]) -> None:
        """Go on with the columns that are on file."""
        for name, size in sizes.items():
            self._sizes[name] = size
            if name in self._file["spikes"]:
                group = self._file["spikes"][name]
                times = Column.reopen(group, "timestamps", schema.TIME)
                units = Column.reopen(group, "node_ids", schema.NODE_ID)
                if len(times) != len(units):
                    raise ValueError(f"{group.name} has {len(times)} times and {len(units)} units")
                self._times[name], self._units[name] = times, units
                self._last[name] = float(group["timestamps"][-1]) if len(times) else -math.inf
        for name, variables in self._file[schema.ROOT]["samples"].items():
            for link in variables:
                variable = schema.decode_name(link)
                self._reports[name, variable] = Report.reopen(self._file, name, variable)

    def __repr__(self) -> str:
        """Return one line that says what the file holds so far."""
        contents = f"{len(self._sizes)} populations, {sum(self.n_spikes.values())} spikes"
        return f"<TraceFile {str(self.path)!r}, {'closed' if self.closed else 'open'}: {contents}>"

    @property
    def state(self) -> dict[str, Any]:
        """The stored state, as `put` took it."""
        return get_tree(self._open()[schema.ROOT]["state"])

    @cached_property
    def _time_unit(self) -> str:
        return str(self._open()[schema.ROOT].attrs["time_unit"])

    @property
    def populations(self) -> dict[str, int]:
        """Units of each population."""
        return dict(self._sizes)

    @property
    def reports(self) -> list[tuple[str, str]]:
        """Population and variable of each report."""
        return list(self._reports)

    @property
    def provenance(self) -> list[str]:
        """Names of the entries that say how the file came about."""
        return [decode_name(name) for name in self._open()[schema.ROOT]["provenance"].attrs]

    @property
    def has_declaration(self) -> bool:
        """Whether the file says what the network was, or why it does not."""
        return DECLARATION in self._open()[schema.ROOT]

    @property
    def n_spikes(self) -> dict[str, int]:
        """Spikes of each population so far."""
        return {name: len(times) for name, times in self._times.items()}

    def add_population(self, name: str, n: int, spikes: bool = True) -> None:
        """Announce a population of `n` units; without `spikes` only its size is kept.

        Raises
        ------
        ValueError
            If the name is taken or cannot name a group of the file, or `n` is negative.
        """
        file = self._open()
        if not name or "/" in name or name in (".", ".."):
            raise ValueError(f"a population in a file needs a name without '/', got {name!r}")
        if name in self._sizes:
            raise ValueError(f"population {name!r} is in {self.path} already")
        if n < 0:
            raise ValueError(f"population {name!r} must have 0 or more units, got {n}")
        with self._writing(SLACK):
            size = file[schema.ROOT]["populations"].create_dataset(name, data=np.int64(n))
            size.attrs["index"] = len(self._sizes)
            self._sizes[name] = int(n)
            if not spikes:
                return
            group = file["spikes"].create_group(name)
            group.attrs.create(
                "sorting", schema.SORTING["by_time"], dtype=h5py.enum_dtype(schema.SORTING, basetype="u1")
            )
            group.attrs["NX_class"] = "NXdata"  # viewers draw two axes of equal length as a raster
            group.attrs["signal"] = "node_ids"
            group.attrs["axes"] = np.array(["timestamps", "node_ids"], dtype=object)
            unit = {"units": file[schema.ROOT].attrs["time_unit"]}
            self._times[name] = Column(group, "timestamps", schema.TIME, attributes=unit)
            self._units[name] = Column(group, "node_ids", schema.NODE_ID)
            self._last[name] = -math.inf

    def append_spikes(self, name: str, times: ArrayLike, units: ArrayLike) -> None:
        """Add spikes of a population, which must not be earlier than those before.

        Parameters
        ----------
        times : array_like, shape (k,)
            Sorted, in the network's time unit.
        units : array_like, shape (k,), integer

        Raises
        ------
        ValueError
            If times are not sorted or not finite, or a unit is not of the population. Nothing of the
            call is written then.
        """
        self._open()
        if name not in self._times:
            raise ValueError(
                f"no spikes of {name!r} are kept in {self.path}; populations: {', '.join(self._times)}"
            )
        times = spike_times_of(times, name, self._time_unit)
        ids = node_ids(units)
        if times.shape != ids.shape or times.ndim != 1:
            raise ValueError(
                f"times and units of spikes of {name!r} must be equally long, "
                f"got shapes {times.shape} and {ids.shape}"
            )
        if not len(times):
            return
        # Negative units are huge when read without sign, so that one comparison finds both errors.
        if ids.max() >= self._sizes[name]:
            k = int(np.argmax(ids >= self._sizes[name]))
            raise ValueError(
                f"unit {ids.view(np.int64)[k]} at {times[k]} is none of the {self._sizes[name]} of {name!r}"
            )
        check_times(times, self._last[name], f"spikes of {name!r}")
        with self._writing(self._times[name].growth(len(times)) + self._units[name].growth(len(ids))):
            self._times[name].append(times)
            self._units[name].append(ids)
        self._last[name] = float(times[-1])

    def add_report(self, name: str, variable: str, units: ArrayLike, every: float) -> None:
        """Announce samples of a variable of some units of a population.

        Parameters
        ----------
        units : array_like, shape (n,), integer
        every : float
            Step of the grid in the network's time unit; 0 for samples at events.

        Raises
        ------
        ValueError
            If the population is unknown, the variable there already, or a unit is not of the population.
        """
        file = self._open()
        if name not in self._sizes:
            raise ValueError(f"no population {name!r} in {self.path}; populations: {', '.join(self._sizes)}")
        if (name, variable) in self._reports:
            raise ValueError(f"samples of {variable!r} of {name!r} are in {self.path} already")
        ids = node_ids(units)
        if ids.ndim != 1 or not len(ids) or ids.max() >= self._sizes[name]:
            raise ValueError(
                f"units of samples of {name!r} must be one or more of 0..{self._sizes[name] - 1}, "
                f"got {ids.view(np.int64)}"
            )
        if not (every >= 0 and math.isfinite(every)):
            raise ValueError(f"samples of {variable!r} of {name!r} need a finite step >= 0, got {every!r}")
        with self._writing(SLACK + ids.nbytes):
            self._reports[name, variable] = Report.create(file, name, variable, ids, float(every))

    def append_samples(self, name: str, variable: str, times: ArrayLike, values: ArrayLike) -> None:
        """Add samples, shape (k, n_units), at times (k,) not earlier than those before.

        Raises
        ------
        ValueError
            If shapes do not fit, times are not sorted, or do not lie on the announced grid.
        """
        self._open()
        if (name, variable) not in self._reports:
            raise ValueError(f"samples of {variable!r} of {name!r} were not announced by add_report")
        report = self._reports[name, variable]
        times = spike_times_of(times, f"{name}.{variable}", self._time_unit)
        values = real_numbers(values, f"samples of {variable!r} of {name!r}")
        if times.ndim != 1 or values.shape != (len(times), report.n_units):
            raise ValueError(
                f"samples of {variable!r} of {name!r} must have shape ({len(times)}, {report.n_units}), "
                f"got {values.shape}"
            )
        if not len(times):
            return
        check_times(times, report.last, f"samples of {variable!r} of {name!r}")
        report.check_grid(times)
        with self._writing(report.growth(len(times))):
            report.append(times, values)

    def put(
        self,
        *,
        parameters: Mapping[str, ArrayLike] | None = None,
        training: Mapping[str, ArrayLike] | None = None,
        metrics: Mapping[str, float] | None = None,
        provenance: Mapping[str, object] | None = None,
        state: Mapping[str, object] | None = None,
        duration: float | None = None,
        declaration: Mapping[str, object] | None = None,
    ) -> None:
        """Replace the named entries; `state` and `declaration`, of a network, are replaced as a whole.

        Raises
        ------
        TypeError, ValueError
            If an entry cannot be stored; the message names it.
        """
        ours = self._open()[schema.ROOT]
        for key, number in (metrics or {}).items():
            if not isinstance(number, int | float | np.integer | np.floating | np.bool_):
                raise TypeError(f"metric {key!r} must be a number, got {number!r}")
        described = {key: attribute(key, value) for key, value in (provenance or {}).items()}
        with self._writing(n_bytes(parameters, training, metrics, provenance, state, declaration)):
            for room, arrays in (("parameters", parameters), ("training", training)):
                for key, array in (arrays or {}).items():
                    place = "/".join(map(encode_name, key.split("/")))
                    put_array(ours[room], place, array, f"{room}/{key}")
            for key, number in (metrics or {}).items():
                ours["metrics"].attrs[encode_name(key)] = float(number)
            for key, (value, dtype) in described.items():
                ours["provenance"].attrs.create(encode_name(key), value, dtype=dtype)
            if state is not None:
                put_tree(ours["state"], state)
            if declaration is not None:
                put_declaration(ours, declaration)
            if duration is not None:
                ours.attrs["duration"] = float(duration)

    def checkpoint(self) -> None:
        """Make everything so far visible under the file's name."""
        with storage(self.path, "write", self._abandon):
            self._flush()
            self._work.publish_copy()
            self._kept = True

    def close(self, complete: bool = True, durable: bool = True) -> None:
        """Finish the file; closing twice does nothing.

        Parameters
        ----------
        complete : bool
            False marks the run as one that ended early.
        durable : bool
            Wait until the disk has everything. Without, a power failure right after could lose the
            file; the end of the process, however violent, could not.
        """
        if self.closed:
            return
        with storage(self.path, "write", self._abandon):
            self._file[schema.ROOT].attrs["complete"] = bool(complete)
            self._flush()
            self._file.close()
            self._work.publish(durable)
            self.closed = True

    def discard(self) -> None:
        """Give up what came after the last checkpoint."""
        if not self.closed:
            self._abandon()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        elif self._kept:
            self.close(complete=False)
        else:
            self.discard()

    def _begin(self, time_unit: str, config: str) -> None:
        """Lay out the empty file."""
        with self._writing(SLACK):
            self._file.attrs["magic"] = np.uint32(schema.SONATA_MAGIC)
            self._file.attrs["version"] = np.array(schema.SONATA_VERSION, np.uint32)
            self._file.create_group("spikes")
            ours = self._file[schema.ROOT]
            ours.attrs["format_version"] = schema.FORMAT_VERSION
            ours.attrs["time_unit"] = time_unit
            ours.attrs["duration"] = 0.0
            ours.attrs["complete"] = False
            for room in schema.ROOMS:
                ours.create_group(room)
            ours.create_dataset("config", data=config, dtype=STRING)

    @contextmanager
    def _writing(self, size: int) -> Iterator[None]:
        """Check that there is room for so many bytes; give up the work file if the disk fails."""
        with storage(self.path, "write", self._abandon):
            if size:  # rows that fit the buffers write nothing
                self._work.make_room(size)
            yield

    def _flush(self) -> None:
        columns: list[Column | Report] = [
            *self._times.values(),
            *self._units.values(),
            *self._reports.values(),
        ]
        self._work.make_room(sum(column.pending for column in columns))
        for column in (*self._times.values(), *self._units.values()):
            column.flush()
        for report in self._reports.values():
            report.flush()
        self._work.make_room(0)
        self._file.flush()

    def _open(self) -> h5py.File:
        if self.closed:
            raise ValueError(f"{self.path} is closed; nothing more can be written into it")
        return self._file

    def _abandon(self) -> None:
        """Drop the work file."""
        self.closed = True
        self._work.drop()
