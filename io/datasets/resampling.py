"""Resizing of grey images in NumPy, equal to the Pillow library to the last bit.

An output pixel is the mean of the input pixels under a triangle as wide as two output pixels
(bilinear with anti-aliasing), along rows first, then along columns; weights are fixed-point
numbers with 22 fractional bits, and each pass rounds to 8 bits. The small MNIST of Göltz et al.
(2021) was made this way, through torchvision's `CenterCrop(24)` and `Resize(16)`.
"""

import numpy as np
from numpy.typing import NDArray

BITS = 22


def weights(n_in: int, n_out: int) -> NDArray[np.int64]:
    """Return the fixed-point weight of each input pixel for each output pixel, shape (n_in, n_out)."""
    scale = n_in / n_out
    reach = max(scale, 1.0)
    matrix = np.zeros((n_in, n_out), np.int64)
    for k in range(n_out):
        centre = (k + 0.5) * scale
        first = max(0, int(centre - reach + 0.5))
        last = min(n_in, int(centre + reach + 0.5))
        triangle = np.maximum(0.0, 1.0 - np.abs((np.arange(first, last) - centre + 0.5) / reach))
        matrix[first:last, k] = np.floor(triangle / triangle.sum() * (1 << BITS) + 0.5)
    return matrix


def shrink(images: NDArray[np.uint8], crop: int, size: int) -> NDArray[np.uint8]:
    """Crop squares from the centre of images and resize them.

    Parameters
    ----------
    images : ndarray, shape (n, height, width), uint8
    crop, size : int
        Sides of the square cut out, and of the result.

    Returns
    -------
    ndarray, shape (n, size, size), uint8
    """
    top, left = (images.shape[1] - crop) // 2, (images.shape[2] - crop) // 2
    cut = images[:, top : top + crop, left : left + crop]
    matrix = weights(crop, size)
    rows = _pass(cut, matrix)
    return np.ascontiguousarray(_pass(rows.transpose(0, 2, 1), matrix).transpose(0, 2, 1))


def _pass(images: NDArray[np.uint8], matrix: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Resize along the last axis. Products stay below 2**30, so float64 sums them exactly and fast."""
    sums = (images.astype(np.float64) @ matrix.astype(np.float64)).astype(np.int64)
    rounded: NDArray[np.int64] = (sums + (1 << (BITS - 1))) >> BITS
    return rounded.clip(0, 255).astype(np.uint8)
