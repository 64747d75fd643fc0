"""MNIST-1D: the published set, and the same sequences at any number of points.

A sequence of the published set is made from a template of 12 points. Zeros are appended, and the
result is stretched to 72 points, scaled and rotated. It gets smooth noise where it is zero and a
little noise everywhere, and is sheared. Then it is reduced to 40 points. At last the whole set is
scaled to mean 0 and standard deviation 1. Papers that drive a network in continuous time take more
points of the same sequences. Random numbers are drawn in the order of the published generator, so
that 40 points give the published values (Greydanus, Kobak 2024).
"""

import numpy as np

from eventsim.hints import hinting
from eventsim.io.datasets.files import Folder, PublishedSet, check_split
from eventsim.trace import Floats, Ints

POINTS, PADDING, SEED = 72, (36, 60), 42
SCALE, SHEAR, SHIFTS = 0.4, 0.75, 48
SMOOTH_NOISE, NOISE, SMOOTHING = 0.25, 0.02, 2.0


MNIST1D = PublishedSet(
    "mnist1d",
    "github.com/greydanus/mnist1d",
    {
        "mnist1d.npz": "74d660a189f5648d4dc952223141022f79062e2c84bf498e782bd997c5e97b7f",
    },
)


@hinting
def mnist1d(split: str = "train", data: Folder = None, length: int = 40) -> tuple[Floats, Ints]:
    """Read the frozen default MNIST-1D set: sequences (4000 or 1000, length) float64, labels 0..9.

    Parameters
    ----------
    split : {"train", "test"}
    length : int
        40 as published. Otherwise the same sequences are made again from the templates with that many points;
        they have 72 before the published ones are reduced, and more lie on straight lines between those.

    Raises
    ------
    ValueError, FileNotFoundError, FileFormatError

    Notes
    -----
    Greydanus, Kobak (2024), Scaling down deep learning with MNIST-1D.
    """
    suffix = {"train": "", "test": "_test"}[check_split(split)]
    if length < 2:
        raise ValueError(f"a sequence has at least 2 points, got length={length}")
    with MNIST1D.arrays("mnist1d.npz", data) as file:
        if length == 40:
            return file[f"x{suffix}"], file[f"y{suffix}"]
        sequences, labels = generate(file["template_x"], file["template_y"], length)
    part = slice(4000, None) if split == "test" else slice(4000)
    return sequences[part], labels[part]


def resample(values: Floats, n: int) -> Floats:
    """Return a sequence at n points, on straight lines between those it has."""
    points: Floats = np.interp(np.linspace(0, 1, n), np.linspace(0, 1, len(values)), values)
    return points


def generate(
    templates: Floats, labels: Ints, length: int, size: int = 5000, seed: int = SEED
) -> tuple[Floats, Ints]:
    """Return `size` sequences of `length` points, shape (size, length), and their labels.

    Parameters
    ----------
    templates : ndarray, shape (10, 12)
    labels : ndarray, shape (10,)
    length, size : int
    seed : int
        That of the published set unless given.
    """
    from scipy.ndimage import gaussian_filter1d

    rng = np.random.RandomState(seed)  # the generator of the published set
    sequences = np.empty((size, length))
    each = size // len(templates)
    for k, row in enumerate(sequences):
        n_zeros = PADDING[0] + int(rng.rand() * (PADDING[1] - PADDING[0] + 1))
        x = np.concatenate([templates[k // each] + 1e-8, np.zeros(n_zeros)])
        x = resample(x, POINTS) * (1 + SCALE * (rng.rand() - 0.5))
        x = np.roll(x, rng.choice(SHIFTS))
        smooth = gaussian_filter1d(SMOOTH_NOISE * rng.randn(POINTS), SMOOTHING)
        x = np.where(x != 0, x, smooth) + NOISE * rng.randn(POINTS)
        row[:] = resample(x - SHEAR * (rng.rand() - 0.5) * np.linspace(-0.5, 0.5, POINTS), length)
    order = rng.permutation(size)
    return ((sequences - sequences.mean()) / sequences.std())[order], labels[order // each].astype(np.int64)
