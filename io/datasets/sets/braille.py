"""Braille letters read by a tactile sensor (Müller-Cleve et al. 2022)."""

import numpy as np
from numpy.typing import NDArray

from eventsim.hints import hinting
from eventsim.io.datasets.files import Folder, PublishedSet
from eventsim.trace import Ints

BRAILLE = PublishedSet(
    "braille",
    "doi.org/10.5281/zenodo.6556273",
    {
        "braille_taxels.npz": "3e9798430c9327bcc90e03d2fc353147d8dbd5f54d70415599746052ff72fc5d",
    },
)


@hinting
def braille(data: Folder = None) -> tuple[list[NDArray[np.uint8]], Ints]:
    """Read tactile Braille letters.

    Returns
    -------
    recordings : list of 1350 ndarrays, shape (76 or 77, 12), uint8
        Steps and taxels; 255 is a taxel at rest, lower values are pressed. In the order of the labels.
    labels : ndarray, shape (1350,)
        0 space, 1 A, 2 B, ...

    Raises
    ------
    FileNotFoundError, FileFormatError
        If the file is missing, or is not as published.
    """
    with BRAILLE.arrays("braille_taxels.npz", data) as file:
        taxels, offsets, labels = file["taxels"], file["offsets"], file["labels"]
    return [taxels[offsets[k] : offsets[k + 1]] for k in range(len(labels))], labels.astype(np.int64)
