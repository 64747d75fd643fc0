"""Braille letters read by a tactile sensor (Müller-Cleve et al. 2022)."""

import numpy as np
from numpy.typing import NDArray

from eventsim.io.datasets.files import Folder, PublishedSet
from eventsim.trace import Ints

BRAILLE = PublishedSet(
    "braille",
    "doi.org/10.5281/zenodo.6556273",
    {
        "braille_taxels.npz": "3e9798430c9327bcc90e03d2fc353147d8dbd5f54d70415599746052ff72fc5d",
    },
)


def braille(data: Folder = None) -> tuple[list[NDArray[np.uint8]], Ints]:
    """Read tactile Braille letters: 1350 recordings (76 or 77 steps, 12 taxels), labels 0 space, 1 A, ...

    255 is rest, lower is pressed; recordings come in the order of their labels. Müller-Cleve et al. (2022).
    """
    with BRAILLE.arrays("braille_taxels.npz", data) as file:
        taxels, offsets, labels = file["taxels"], file["offsets"], file["labels"]
    return [taxels[offsets[k] : offsets[k + 1]] for k in range(len(labels))], labels.astype(np.int64)
