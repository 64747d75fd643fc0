"""The Spiking Heidelberg Digits, and every file in their layout."""

import os

import numpy as np

from eventsim.errors import FileFormatError
from eventsim.io.datasets.files import Folder, PublishedSet, check_split
from eventsim.trace import Ints, Spikes

SHD = PublishedSet(
    "shd",
    "zenkelab.org/resources/spiking-heidelberg-datasets-shd",
    {},
)
"""Its files have no check sums here, because none was at hand."""


def shd(split: str = "train", data: Folder = None) -> tuple[list[Spikes], Ints]:
    """Read the Spiking Heidelberg Digits from ``shd/shd_train.h5`` and ``shd/shd_test.h5``; times in ms.

    Cramer et al. (2020), The Heidelberg spiking data sets; 20 classes, 700 channels.
    """
    return read_recordings(SHD.path(f"shd_{check_split(split)}.h5", data))


def read_recordings(path: str | os.PathLike[str]) -> tuple[list[Spikes], Ints]:
    """Read a file in the layout of the Heidelberg digits (SHD, SSC): times in ms, labels.

    Times are stored as float16 seconds there: near 1 s their step is 0.5 to 1 ms.

    Raises
    ------
    FileFormatError
        If it is not such a file.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            times, units = file["spikes/times"][...], file["spikes/units"][...]
            labels = file["labels"][...].astype(np.int64)
    except (OSError, KeyError) as error:
        raise FileFormatError(f"{path} does not hold recordings in the layout of SHD: {error}") from None
    return [
        Spikes(seconds.astype(np.float64) * 1000.0, channels.astype(np.int64))
        for seconds, channels in zip(times, units, strict=True)
    ], labels
