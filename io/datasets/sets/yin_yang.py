"""The Yin-Yang data set, generated bit for bit as published (Kriener, Göltz, Petrovici 2022)."""

import numpy as np

from eventsim.hints import hinting
from eventsim.trace import Floats, Ints

YIN_YANG = {"train": (5000, 42), "validation": (1000, 41), "test": (1000, 40)}
"""Size and seed of the published splits."""


@hinting
def yin_yang(
    size: int = 5000, seed: int = 42, r_small: float = 0.1, r_big: float = 0.5
) -> tuple[Floats, Ints]:
    """Generate the Yin-Yang set, bit for bit as published for a seed.

    Parameters
    ----------
    size : int
        Number of samples; fewer samples of a seed are the first of more.
    seed : int
        From 0 to 2**32 - 1; the published splits are in `YIN_YANG`.
    r_small, r_big : float
        Radii of the dots and of the disc.

    Returns
    -------
    samples : ndarray, shape (size, 4)
        x, y, 1 - x, 1 - y.
    labels : ndarray, shape (size,)
        0 yin, 1 yang, 2 dot.

    Raises
    ------
    ValueError
        If size or seed are out of range, or the dots would not fit their half of the disc.

    Notes
    -----
    Kriener, Göltz, Petrovici (2022), The Yin-Yang dataset.

    >>> samples, labels = yin_yang(size=2)
    >>> samples[0].tolist(), labels.tolist()
    ([0.6803075385877797, 0.450499251969543, 0.3196924614122203, 0.549500748030457], [2, 1])
    """
    from eventsim.io.datasets.sets import _yin_yang

    if size < 0:
        raise ValueError(f"size must be 0 or more, got {size}")
    if not 0 <= seed < 2**32:
        raise ValueError(f"seed must be from 0 to 2**32 - 1, got {seed}")
    if not 0 < r_small <= r_big / 2 < np.inf:
        raise ValueError(f"radii must obey 0 < r_small <= r_big / 2, got r_small={r_small}, r_big={r_big}")
    samples, labels, _ = _yin_yang.generate(size, seed, r_small, r_big)
    return samples, labels
