"""Reading a file back into a `Trace`, to the bit, and refusing what is not ours in one line."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from eventsim.errors import FileFormatError
from eventsim.io.hdf5 import schema
from eventsim.io.hdf5.schema import decode_name
from eventsim.io.hdf5.tree import get_array, get_tree
from eventsim.trace import Samples, Spikes, Trace


def load(path: str | os.PathLike[str], recordings: bool = True) -> Trace:
    """Read a file that `save` or a run wrote.

    Parameters
    ----------
    recordings : bool
        Without, spikes and samples are left out, so that a file of any size opens at once.

    Returns
    -------
    Trace
        Everything the file holds, the state to resume from included.

    Raises
    ------
    FileNotFoundError, IsADirectoryError, PermissionError
        If there is no file that can be read.
    FileFormatError
        If it is not an eventsim file, is truncated or damaged, or was written by a newer format.
    """
    with open_file(Path(path)) as file:
        ours = file[schema.ROOT]
        places = sorted(ours["populations"].items(), key=lambda item: int(item[1].attrs["index"]))
        trace = Trace(
            sizes={name: int(size[()]) for name, size in places},
            config=ours["config"].asstr()[()],
            metrics={decode_name(key): float(value) for key, value in ours["metrics"].attrs.items()},
            provenance={decode_name(key): _entry(value) for key, value in ours["provenance"].attrs.items()},
            parameters=_arrays(ours["parameters"]),
            training=_arrays(ours["training"]),
            state=get_tree(ours["state"]),
            duration=float(ours.attrs["duration"]),
            time_unit=str(ours.attrs["time_unit"]),
        )
        if not recordings:
            return trace
        for name in trace.sizes:
            if name in file["spikes"]:
                spikes = file["spikes"][name]
                trace.spikes[name] = Spikes(spikes["timestamps"][...], spikes["node_ids"][...].view(np.int64))
        for name, variables in ours["samples"].items():
            for variable, group in variables.items():
                trace.samples[name, decode_name(variable)] = Samples(
                    group["times"][...],
                    group["values"][...],
                    group["units"][...],
                    float(group.attrs["every"]),
                )
        return trace


def is_complete(path: str | os.PathLike[str]) -> bool:
    """Return whether the run that wrote the file came to its end.

    Raises
    ------
    FileFormatError
        As `load` does.
    """
    with open_file(Path(path)) as file:
        return bool(file[schema.ROOT].attrs["complete"])


@contextmanager
def open_file(path: Path) -> Iterator[h5py.File]:
    """Open a file of ours for reading; whatever is wrong with it ends as one line.

    Raises
    ------
    FileNotFoundError, IsADirectoryError, PermissionError, FileFormatError
    """
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path}")
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder, not a file of a run")
    try:
        if not h5py.is_hdf5(path):
            with path.open("rb"):  # a file that may not be read says so here
                pass
            raise FileFormatError(f"{path} is not an HDF5 file, or only the beginning of one")
        with h5py.File(path, "r") as file:
            _check_layout(file, path)
            yield file
    except (FileFormatError, PermissionError):
        raise
    except (OSError, KeyError, RuntimeError, ValueError, TypeError, AttributeError) as error:
        why = str(error.args[0] if error.args else error).splitlines()[0]
        raise FileFormatError(f"{path} is truncated or damaged: {why}") from error


def _check_layout(file: h5py.File, path: Path) -> None:
    ours = file.get(schema.ROOT)
    if not isinstance(ours, h5py.Group) or "format_version" not in ours.attrs:
        raise FileFormatError(f"{path} was not written by eventsim: it has no group /{schema.ROOT}")
    version = int(ours.attrs["format_version"])
    if version > schema.FORMAT_VERSION:
        raise FileFormatError(
            f"{path} was written by format {version}, this version reads up to {schema.FORMAT_VERSION}; "
            "update eventsim"
        )
    missing = [name for name in (*schema.ROOMS, "config") if name not in ours]
    if missing or "spikes" not in file:
        raise KeyError(f"it lacks {', '.join(missing) or 'spikes'}")


def _arrays(group: h5py.Group) -> dict[str, Any]:
    """Return all arrays below a group, by their path in it."""
    arrays: dict[str, Any] = {}

    def collect(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset):
            arrays["/".join(map(decode_name, name.split("/")))] = get_array(item)

    group.visititems(collect)
    return arrays


def _entry(value: Any) -> Any:
    """Return an attribute as what it was before: plain Python where there is a plain type."""
    if isinstance(value, h5py.Empty):
        return None
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value.item() if isinstance(value, np.generic) else value
