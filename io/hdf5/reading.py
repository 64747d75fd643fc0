"""Reading a file back into a `Trace`, to the bit; a file that is not ours is refused in one line."""

import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from eventsim.errors import ConfigError, FileFormatError, UnknownPart, shortened
from eventsim.hints import hinting
from eventsim.io import nir, nwb, sonata
from eventsim.io.hdf5 import schema
from eventsim.io.hdf5.declarations import get_declaration
from eventsim.io.hdf5.safety import first_line, is_locked
from eventsim.io.hdf5.schema import decode_name
from eventsim.io.hdf5.structure import check_structure
from eventsim.io.hdf5.tree import get_array, get_text, get_tree
from eventsim.io.hdf5.windows import Window, window
from eventsim.io.plain import shown, truth
from eventsim.trace import Samples, Spikes, Trace

LARGE = 1 << 26
"""Bytes of a file that may honestly need more memory than there is."""


@hinting
def load(
    path: str | os.PathLike[str],
    recordings: bool = True,
    *,
    populations: str | Sequence[str] | None = None,
    start: float | None = None,
    stop: float | None = None,
    time_unit: str | None = None,
    dt: float | None = None,
) -> Trace:
    """Read a file that `save` or a run wrote, or one of other programs: SONATA, NWB or NIR.

    Parameters
    ----------
    path : str or path
        Of a run; of spikes and reports as SONATA; of a SONATA circuit, by its configuration in JSON; of
        spikes and series as NWB; or of a network as NIR.
    recordings : bool
        False leaves out spikes and samples, so that a file of any size opens at once.
    populations : str or sequence of str, optional
        Whose spikes and samples are read; of all unless given.
    start, stop : float, optional
        Spikes and samples of times in [start, stop) are read, and nothing else of a recording: the file may
        be larger than the memory. In the unit of the file, in ms for SONATA, in s for NWB.
    time_unit : {"s", "ms", "us", "ns", "1"}, optional
        Of a NIR file, the unit of its times.
    dt : float, optional
        Of a NIR file, the step of the program that wrote it; see `eventsim.io.nir.read_nir`.

    Returns
    -------
    Trace
        Everything in the file, also the state from which a run resumes. Of other programs' files spikes and
        reports or the network, with what had to be assumed in ``provenance["notes"]``.

    Raises
    ------
    TypeError
        If `path` is something else.
    FileNotFoundError, IsADirectoryError, PermissionError, BlockingIOError
        If there is no file that can be read, or another program has locked it.
    FileFormatError
        If it is of none of these programs, is truncated or damaged, was written by a newer format, or refers
        to other files.
    MemoryError
        If it is larger than the memory; a part of it can be read.
    """
    if not isinstance(path, str | os.PathLike):
        graph = "; es.io.nir.read_nir takes a graph" if type(path).__name__ == "NIRGraph" else ""
        raise TypeError(f"load reads a file, such as load('run.h5'), got {shown(path)}{graph}")
    path = Path(path)
    recordings, part = truth(recordings, "recordings"), window(populations, start, stop)
    if path.suffix.lower() == ".json":
        if time_unit is not None or dt is not None:
            raise ConfigError(f"time_unit and dt are for NIR files, which {path} is not")
        return sonata.read_circuit(path)
    with open_any(path) as file:
        graph = _is_graph(file)
        if not graph and (time_unit is not None or dt is not None):
            raise ConfigError(f"time_unit and dt are for NIR files, which {path} is not")
        if not graph and not is_ours(file) and nwb.is_nwb(file):
            return nwb.read(file, path, recordings, part)
        if not graph and not is_ours(file):
            return sonata.read(file, path, recordings, part)
        if not graph:
            return _read(file, recordings, part)
    return nir.read_nir(path, time_unit, dt)


def _read(file: h5py.File, recordings: bool, part: Window) -> Trace:
    """Return what is in an open file of ours."""
    ours = file[schema.ROOT]
    trace = Trace(
        sizes=population_sizes(ours["populations"]),
        config=get_text(ours["config"]),
        metrics={decode_name(key): float(value) for key, value in ours["metrics"].attrs.items()},
        provenance={decode_name(key): _entry(value) for key, value in ours["provenance"].attrs.items()},
        parameters=_arrays(ours["parameters"]),
        training=_arrays(ours["training"]),
        state=get_tree(ours["state"]),
        duration=_duration(ours),
        time_unit=str(ours.attrs["time_unit"]),
        declaration=get_declaration(ours),
    )
    if not recordings:
        return trace
    part.check(trace.sizes)
    part.note(trace)
    for name, size in trace.sizes.items():
        if name in file["spikes"] and part.has(name):
            trace.spikes[name] = _spikes(file["spikes"][name], size, part)
    for name, variables in ours["samples"].items():
        for variable, group in variables.items() if part.has(name) else ():
            trace.samples[name, decode_name(variable)] = _samples(group, trace.sizes.get(name, 0), part)
    return trace


def is_complete(path: str | os.PathLike[str]) -> bool:
    """Return whether the run that wrote the file came to its end; True for files of other programs.

    Raises
    ------
    FileFormatError
        As `load` does.
    """
    if Path(path).suffix.lower() == ".json":  # a circuit of another program
        return True
    with open_any(Path(path)) as file:
        return not is_ours(file) or bool(file[schema.ROOT].attrs["complete"])


@contextmanager
def open_file(path: Path) -> Iterator[h5py.File]:
    """Open a file of ours for reading; every failure, and a file of another program, ends as one line.

    Raises
    ------
    FileNotFoundError, IsADirectoryError, PermissionError, FileFormatError
    """
    with open_any(path) as file:
        if not is_ours(file):
            raise FileFormatError(f"{path} was not written by eventsim: it has no group /{schema.ROOT}")
        yield file


@contextmanager
def open_any(path: Path) -> Iterator[h5py.File]:
    """Open a file of ours, of SONATA, of NWB or a graph of NIR for reading; every failure ends as one line.

    Raises
    ------
    FileNotFoundError, IsADirectoryError, PermissionError, FileFormatError
    """
    with open_hdf5(path, (schema.ROOT, "spikes", "report", "node")) as file:
        if is_ours(file) or not (sonata.is_recording(file) or _is_graph(file) or nwb.is_nwb(file)):
            _check_layout(file, path)
        yield file


@contextmanager
def open_hdf5(path: Path, own: tuple[str, ...] = ()) -> Iterator[h5py.File]:
    """Open an HDF5 file that shows only itself; every failure ends as one line.

    Parameters
    ----------
    path : Path
    own : tuple of str
        Groups in the root in which every object has one name.

    Raises
    ------
    FileNotFoundError, IsADirectoryError, PermissionError, FileFormatError
    """
    if not os.path.exists(path):  # False, too, for a name that no file can have
        raise FileNotFoundError(shortened(f"there is no file {path}"))
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder, not a file of a run")
    if not path.is_file():
        raise FileFormatError(f"{path} is not a regular file")
    try:
        if not h5py.is_hdf5(path):
            with path.open("rb"):  # a file that may not be read says so here
                pass
            raise FileFormatError(f"{path} is not an HDF5 file, or only the beginning of one")
        with h5py.File(path, "r") as file:
            check_structure(file, path, own)
            yield file
    except (ConfigError, UnknownPart, FileFormatError, PermissionError, FileNotFoundError):
        raise
    except MemoryError as error:
        if path.stat().st_size < LARGE:  # it claims more than it can hold
            raise FileFormatError(f"{path} is truncated or damaged: {first_line(error)}") from error
        raise MemoryError(
            f"{path} needs more memory than there is; populations=, start= and stop= read a part"
        ) from None
    except BlockingIOError as error:
        if not is_locked(error):
            raise
        raise BlockingIOError(
            f"{path} is open for writing in another program, which has locked it; close it there first"
        ) from None
    except Exception as error:  # the library has no class of its own for what it finds in a damaged file
        raise FileFormatError(f"{path} is truncated or damaged: {first_line(error)}") from error


def is_ours(file: h5py.File) -> bool:
    """Return whether an open file says that eventsim wrote it."""
    ours = file.get(schema.ROOT)
    return isinstance(ours, h5py.Group) and "format_version" in ours.attrs


def _is_graph(file: h5py.File) -> bool:
    """Return whether an open file holds a graph of NIR."""
    node = file.get("node")
    return isinstance(node, h5py.Group) and "type" in node and not is_ours(file)


def population_sizes(group: h5py.Group) -> dict[str, int]:
    """Return the number of units by population, in the order in which they were added.

    Raises
    ------
    ValueError
        If one is no number of units.
    """
    places = sorted(group.items(), key=lambda item: int(item[1].attrs["index"]))
    sizes = {name: int(size[()]) for name, size in places}
    for name, size in sizes.items():
        if size < 0:
            raise ValueError(f"population {name!r} has {size} units")
    return sizes


def _duration(ours: h5py.Group) -> float:
    duration = float(ours.attrs["duration"])
    if not math.isfinite(duration):
        raise ValueError(f"its duration should be finite, got {duration}")
    return duration


def _check_layout(file: h5py.File, path: Path) -> None:
    ours = file.get(schema.ROOT)
    if not isinstance(ours, h5py.Group) or "format_version" not in ours.attrs:
        raise FileFormatError(
            f"{path} was not written by eventsim: it has no group /{schema.ROOT}, "
            "nor spikes or reports of SONATA, nor a graph of NIR, nor a version of NWB"
        )
    version = int(ours.attrs["format_version"])
    if version > schema.FORMAT_VERSION:
        raise FileFormatError(
            f"{path} was written by format {version}, this version reads up to {schema.FORMAT_VERSION}; "
            "update eventsim"
        )
    missing = [name for name in (*schema.ROOMS, "config") if name not in ours]
    if missing or "spikes" not in file:
        raise KeyError(f"it lacks {', '.join(missing) or 'spikes'}")


def _spikes(group: h5py.Group, size: int, part: Window) -> Spikes:
    stamps = _dataset(group["timestamps"], schema.TIME, 1)
    nodes = _dataset(group["node_ids"], schema.NODE_ID, 1)
    if stamps.shape != nodes.shape:
        raise ValueError(f"{group.name} has {len(stamps)} times and {len(nodes)} units")
    rows = part.rows(stamps)
    times, units = np.asarray(stamps[rows]), np.asarray(nodes[rows])
    if len(units) and units.max() >= size:
        raise ValueError(f"{group.name} has a unit {units.max()}, but the population has {size}")
    if len(times) and not (np.isfinite(times[[0, -1]]).all() and (times[1:] >= times[:-1]).all()):
        raise ValueError(f"the times of {group.name} are not in order")
    return Spikes(times, units.view(np.int64))


def _samples(group: h5py.Group, size: int, part: Window) -> Samples:
    times = _dataset(group["times"], schema.TIME, 1)
    values = _dataset(group["values"], schema.SAMPLE, 2)
    units = np.asarray(_dataset(group["units"], np.dtype(np.int64), 1)[...])
    if values.shape != (len(times), len(units)):
        raise ValueError(f"{group.name} has {len(times)} times, {len(units)} units and values {values.shape}")
    if len(units) and not 0 <= units.min() <= units.max() < size:
        raise ValueError(
            f"{group.name} has units {units.min()} to {units.max()}, but the population has {size}"
        )
    every = float(group.attrs["every"])
    if not 0 <= every < math.inf:
        raise ValueError(f"{group.name} should have a finite step of 0 or more, got {every}")
    rows = part.rows(times)
    stamps = np.asarray(times[rows])
    if len(stamps) and not (np.isfinite(stamps[[0, -1]]).all() and (stamps[1:] >= stamps[:-1]).all()):
        raise ValueError(f"the times of {group.name} are not in order")
    return Samples(stamps, np.asarray(values[rows]), units, every)


def _dataset(dataset: h5py.Dataset, dtype: np.dtype[Any], ndim: int) -> h5py.Dataset:
    if not isinstance(dataset, h5py.Dataset) or dataset.dtype != dtype or dataset.ndim != ndim:
        raise ValueError(f"{dataset.name} should be an array of {dtype} with {ndim} axes")
    return dataset


def _arrays(group: h5py.Group, prefix: str = "") -> dict[str, NDArray[Any]]:
    """Return all arrays below a group, by their path in it."""
    arrays: dict[str, NDArray[Any]] = {}
    for name, item in group.items():
        if isinstance(item, h5py.Group):
            arrays |= _arrays(item, f"{prefix}{decode_name(name)}/")
        else:
            arrays[prefix + decode_name(name)] = get_array(item)
    return arrays


def _entry(value: Any) -> Any:
    """Return an attribute as what it was before: plain Python where there is a plain type."""
    if isinstance(value, h5py.Empty):
        return None
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value.item() if isinstance(value, np.generic) else value
