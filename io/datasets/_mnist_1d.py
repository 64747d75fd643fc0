"""MNIST-1D drawn again from its templates, at any number of points.

A sequence of the published set is a template of 12 points with zeros behind it, stretched to 72, scaled,
rotated, with smooth noise where it is zero and a little noise everywhere, and sheared; then it is thinned
out to 40 points, and all are scaled to mean 0 and standard deviation 1. Papers that drive a network in
continuous time take more points of the same sequences. Draws come in the order of the published
generator, so that 40 points give the published numbers (Greydanus, Kobak 2024).
"""

import numpy as np

from eventsim.trace import Floats, Ints

POINTS, PADDING, SEED = 72, (36, 60), 42
SCALE, SHEAR, SHIFTS = 0.4, 0.75, 48
SMOOTH_NOISE, NOISE, SMOOTHING = 0.25, 0.02, 2.0


def resampled(values: Floats, n: int) -> Floats:
    """Return a sequence at n points, on straight lines between those it has."""
    found: Floats = np.interp(np.linspace(0, 1, n), np.linspace(0, 1, len(values)), values)
    return found


def draw(templates: Floats, labels: Ints, length: int, size: int = 5000) -> tuple[Floats, Ints]:
    """Return `size` sequences of `length` points, shape (size, length), and their labels.

    Parameters
    ----------
    templates : ndarray, shape (10, 12)
    labels : ndarray, shape (10,)
    """
    from scipy.ndimage import gaussian_filter1d

    rng = np.random.RandomState(SEED)  # the generator of the published set
    found = np.empty((size, length))
    each = size // len(templates)
    for k, row in enumerate(found):
        n_zeros = PADDING[0] + int(rng.rand() * (PADDING[1] - PADDING[0] + 1))
        x = np.concatenate([templates[k // each] + 1e-8, np.zeros(n_zeros)])
        x = resampled(x, POINTS) * (1 + SCALE * (rng.rand() - 0.5))
        x = np.roll(x, rng.choice(SHIFTS))
        smooth = gaussian_filter1d(SMOOTH_NOISE * rng.randn(POINTS), SMOOTHING)
        x = np.where(x != 0, x, smooth) + NOISE * rng.randn(POINTS)
        row[:] = resampled(x - SHEAR * (rng.rand() - 0.5) * np.linspace(-0.5, 0.5, POINTS), length)
    order = rng.permutation(size)
    return ((found - found.mean()) / found.std())[order], labels[order // each].astype(np.int64)
