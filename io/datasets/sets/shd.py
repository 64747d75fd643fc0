"""The Spiking Heidelberg Digits, the Spiking Speech Commands, and every file in their layout."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eventsim.errors import FileFormatError
from eventsim.hints import hinting
from eventsim.io.datasets.files import Folder, PublishedSet, check_split
from eventsim.trace import Ints, Spikes

if TYPE_CHECKING:
    import h5py

SHD = PublishedSet(
    "shd",
    "zenkelab.org/resources/spiking-heidelberg-datasets-shd",
    {},
)
"""Its files have no check sums here, because none was at hand."""

SSC = PublishedSet("ssc", "zenkelab.org/resources/spiking-heidelberg-datasets-shd", {})
SSC_FILES = {"train": "ssc_train.h5", "validation": "ssc_valid.h5", "test": "ssc_test.h5"}


@hinting
def shd(split: str = "train", data: Folder = None) -> tuple[list[Spikes], Ints]:
    """Read the Spiking Heidelberg Digits from ``shd/shd_train.h5`` and ``shd/shd_test.h5``; times in ms.

    Cramer et al. (2020), The Heidelberg spiking data sets; 20 classes, 700 channels.
    """
    return read_recordings(SHD.path(f"shd_{check_split(split)}.h5", data))


@hinting
def ssc(split: str = "train", data: Folder = None) -> tuple[list[Spikes], Ints]:
    """Read the Spiking Speech Commands from ``ssc/ssc_train.h5``, ``ssc_valid.h5`` and ``ssc_test.h5``.

    Cramer et al. (2020), The Heidelberg spiking data sets; 35 classes, 700 channels, times in ms.

    Raises
    ------
    ValueError
        If `split` is not "train", "validation" or "test".
    """
    if split not in SSC_FILES:
        raise ValueError(f"split must be 'train', 'validation' or 'test', got {split!r}")
    return read_recordings(SSC.path(SSC_FILES[split], data))


@hinting
def read_recordings(path: str | os.PathLike[str]) -> tuple[list[Spikes], Ints]:
    """Read a file in the layout of the Heidelberg digits (SHD, SSC): times in ms, labels.

    Times are stored as float16 seconds there: near 1 s their step is 0.5 to 1 ms.

    Raises
    ------
    FileFormatError
        If it is not such a file.
    """
    import h5py

    from eventsim.io.hdf5.safety import first_line
    from eventsim.io.hdf5.structure import check_structure

    path = Path(path)
    try:
        with h5py.File(path, "r") as file:
            check_structure(file, path, ("spikes", "labels"))
            labels = _labels(file["labels"])
            times = _rows(file["spikes/times"], "f", len(labels))
            units = _rows(file["spikes/units"], "iu", len(labels))
    except FileFormatError:
        raise
    except Exception as error:  # the library has no class of its own for what it finds in a foreign file
        raise FileFormatError(
            f"{path} does not hold recordings in the layout of SHD: {first_line(error)}"
        ) from None
    recordings = []
    for k, (seconds, channels) in enumerate(zip(times, units, strict=True)):
        milliseconds, numbers = seconds.astype(np.float64) * 1000.0, channels.astype(np.int64)
        if milliseconds.shape != numbers.shape:
            raise FileFormatError(f"{path}: recording {k} has {len(seconds)} times and {len(channels)} units")
        if not np.isfinite(milliseconds).all() or (numbers < 0).any():
            raise FileFormatError(f"{path}: recording {k} has a time that is no number or a negative unit")
        recordings.append(Spikes(milliseconds, numbers))
    return recordings, labels


def _labels(dataset: "h5py.Dataset") -> Ints:
    if dataset.dtype.kind not in "iu" or dataset.ndim != 1:
        raise ValueError(
            f"labels should be whole numbers in one row, but are {dataset.dtype} {dataset.shape}"
        )
    labels = dataset[...].astype(np.int64)
    if (labels < 0).any():
        raise ValueError(f"labels should be 0 or more, got {labels.min()}")
    return np.asarray(labels)


def _rows(dataset: "h5py.Dataset", kinds: str, n: int) -> list[NDArray[Any]]:
    from eventsim.io.hdf5.strings import read_rows

    rows = read_rows(dataset)
    if len(rows) != n or any(row.dtype.kind not in kinds for row in rows):
        raise ValueError(
            f"{dataset.name} should be {n} rows of {'times' if kinds == 'f' else 'whole numbers'}"
        )
    return rows
