"""Spikes of a run that were streamed to its file while it went on, read back piece by piece."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from eventsim.trace import Floats, Ints

CHUNK = 1_000_000  # spikes read back at once


def spikes_in(path: Path, name: str) -> Iterator[tuple[Floats, Ints]]:
    """Read the spikes of a population from a file, one piece after the other."""
    import h5py

    with h5py.File(path, "r") as file:
        group = file["spikes"][name]
        for start in range(0, len(group["timestamps"]), CHUNK):
            piece = slice(start, start + CHUNK)
            yield group["timestamps"][piece], group["node_ids"][piece].astype(np.int64)
