"""Reaches of two monkeys: spikes of motor cortex and velocities of the fingertip (O'Doherty et al. 2017)."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from eventsim.errors import FileFormatError
from eventsim.hints import hinting
from eventsim.io.datasets.files import Folder, PublishedSet
from eventsim.trace import Floats, Ints

if TYPE_CHECKING:
    import h5py

PRIMATE_REACHING = PublishedSet("primate-reaching", "doi.org/10.5281/zenodo.583331", {})
SESSIONS = (
    "indy_20160622_01",
    "indy_20160630_01",
    "indy_20170131_02",
    "loco_20170210_03",
    "loco_20170215_02",
    "loco_20170301_05",
)
STEP = 0.004  # s
WINDOW = 7  # steps that a sample counts


@hinting
def primate_reaching(session: str, data: Folder = None) -> tuple[NDArray[np.float32], Floats, Ints]:
    """Read a session of the NeuroBench task from ``primate-reaching/<session>.mat``, a file of HDF5.

    Returns
    -------
    counts : ndarray of float32, shape (steps, channels)
        In how many of 7 steps of 4 ms a channel spiked, units of a channel together:
        those from 32 ms to 4 ms before the sample, as in the package; 28 ms to 4 ms for the first.
    velocities : ndarray, shape (steps, 2)
        Gradient of the position of the fingertip, in the file's unit a step.
    reaches : ndarray of int, shape (n,)
        First step of each reach: where the target moves, and 0.

    Raises
    ------
    ValueError
        If there is no such session.
    FileNotFoundError, FileFormatError
        If the file is missing, or has another layout.
    """
    if session not in SESSIONS:
        raise ValueError(f"session must be one of {', '.join(SESSIONS)}, got {session!r}")
    return read_session(PRIMATE_REACHING.path(f"{session}.mat", data))


def read_session(path: Path) -> tuple[NDArray[np.float32], Floats, Ints]:
    """Read the file of a session; see `primate_reaching`.

    Raises
    ------
    FileFormatError
        If it has another layout, or is damaged.
    """
    import h5py

    from eventsim.io.hdf5.structure import check_structure

    try:
        with h5py.File(path, "r") as file:
            check_structure(file, path)
            t = np.asarray(file["t"][()], np.float64).ravel()
            position = np.asarray(file["cursor_pos"][()], np.float64)
            target = np.asarray(file["target_pos"][()], np.float64)
            times = _spikes(file, path.stat().st_size)
    except FileFormatError:
        raise
    except Exception as error:  # the library has no class of its own for what it finds in a foreign file
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise FileFormatError(f"{path} is no session in the layout of primate reaching: {first}") from None
    if len(t) < 2 or position.shape != (2, len(t)) or target.shape != (2, len(t)):
        raise FileFormatError(
            f"{path}: cursor_pos and target_pos must have the shape (2, {len(t)}), that of t, "
            f"got {position.shape} and {target.shape}"
        )
    if not np.isfinite(t).all():
        raise FileFormatError(f"{path}: t must be finite, got {t[~np.isfinite(t)][0]}")
    edges = t[0] + STEP * np.arange(-WINDOW, len(t) - 1)
    spiked = np.zeros((len(t) + WINDOW - 1, len(times[0])), np.int64)
    for unit in times:
        for channel, own in enumerate(unit):
            place = np.searchsorted(edges, own, "right")
            spiked[place[(place > 0) & (place < len(spiked))], channel] = 1
    total = np.concatenate([np.zeros((1, spiked.shape[1]), np.int64), spiked.cumsum(axis=0)])
    counts = (total[WINDOW:] - total[:-WINDOW]).astype(np.float32)
    moves = np.flatnonzero(np.abs(np.diff(target, axis=1)).sum(axis=0))
    return counts, np.gradient(position, axis=1).T, np.concatenate([[0], moves]).astype(np.int64)


def _spikes(file: "h5py.File", size: int) -> list[list[Floats]]:
    """Return the times of spikes by unit and channel, which together are no more than the file can hold."""
    table, left = file["spikes"][()], size
    if table.ndim != 2 or not table.size:
        raise ValueError(f"spikes should be references by unit and channel, got the shape {table.shape}")
    found: list[list[Floats]] = []
    for row in table:
        found.append([])
        for reference in row:
            dataset = file[reference]
            left -= dataset.size
            if left < 0:
                raise ValueError("the spikes are more than the file can hold")
            found[-1].append(np.ravel(np.asarray(dataset[()], np.float64)))
    return found
