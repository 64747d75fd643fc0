"""A part of N-MNIST: digits as events of an event camera (Orchard et al. 2015)."""

import numpy as np

from eventsim.hints import hinting
from eventsim.io.datasets.files import Folder, PublishedSet, check_split
from eventsim.trace import Ints, Spikes

NMNIST_SMALL = PublishedSet(
    "nmnist-small",
    "github.com/bamsumit/slayerPytorch",
    {
        "nmnist_small.npz": "1a8fd0eedf077f4153ed6e111d62474225d9a517a9884db8c2ef0b68fe467d91",
    },
)


@hinting
def nmnist_small(split: str = "train", data: Folder = None) -> tuple[list[Spikes], Ints]:
    """Read 1000 (100) recordings of N-MNIST; times in ms, unit = x + 34 y + 1156 for ON events.

    Orchard et al. (2015), Converting static image datasets to spiking neuromorphic datasets.
    """
    check_split(split)
    with NMNIST_SMALL.arrays("nmnist_small.npz", data) as file:
        t, x, y, p, offsets, labels = (
            file[f"{split}_{name}"] for name in ("t_us", "x", "y", "p", "offsets", "labels")
        )
    units = x.astype(np.int64) + 34 * y.astype(np.int64) + 34 * 34 * p.astype(np.int64)
    times = t / 1000.0
    parts = [slice(offsets[k], offsets[k + 1]) for k in range(len(labels))]
    return [Spikes(times[part], units[part]) for part in parts], labels.astype(np.int64)
