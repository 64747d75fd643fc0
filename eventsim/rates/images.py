"""Convolution and pooling as rules of `connect`, for populations whose units form images.

Units are numbered (channel, row, column). For projections of rates.

    net.connect("image", "maps", es.connect.convolution(kernels, shape=(1, 28, 28)), bias=0.0)
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eventsim.connect.connection_rule import ConnectionRule
from eventsim.errors import ConfigError

__all__ = ["Convolve", "Pool", "convolution", "max_pool", "mean_pool"]


class ImageRule(ConnectionRule):
    """A rule that belongs to projections of rates."""

    __slots__ = ()

    def draw(self, rng: Any, n_pre: int, n_post: int, autapses: bool, multapses: bool) -> Any:
        """Refuse: there are no synapses to list."""
        raise ConfigError(f"{type(self).__name__} is for projections of rates, not for spikes")


def _image(shape: Any, label: str) -> tuple[int, int, int]:
    sides = tuple(int(side) for side in np.ravel(shape))
    if len(sides) != 3 or min(sides) < 1:
        raise ValueError(f"shape of {label} must be (channels, height, width), got {shape!r}")
    return sides[0], sides[1], sides[2]


def _steps(length: int, window: int, stride: int, pad: int, label: str) -> int:
    """Return how many windows lie side by side."""
    if window > length + 2 * pad:
        raise ValueError(f"a window of {label} is {window} is_float64, the image only {length + 2 * pad}")
    return (length + 2 * pad - window) // stride + 1


@dataclass(frozen=True, slots=True, eq=False)
class Convolve(ImageRule):
    """Kernels that move over images; made by `convolution`."""

    kernels: NDArray[np.float64] = field(repr=False)
    shape: tuple[int, int, int]
    stride: int
    pad: int

    def check(self, n_pre: int, n_post: int, autapses: bool, multapses: bool, label: str) -> None:
        """Raise ConfigError if the sizes do not fit."""
        channels, height, width = self.shape
        out, into, window_height, window_width = self.kernels.shape
        if into != channels:
            raise ConfigError(f"kernels of {label} take {into} channels, the image has {channels}")
        rows = _steps(height, window_height, self.stride, self.pad, label)
        columns = _steps(width, window_width, self.stride, self.pad, label)
        _check_sizes(self.shape, (out, rows, columns), n_pre, n_post, label)


@dataclass(frozen=True, slots=True)
class Pool(ImageRule):
    """One value for each window; made by `max_pool` and `mean_pool`."""

    shape: tuple[int, int, int]
    window: tuple[int, int]
    stride: int
    largest: bool

    def check(self, n_pre: int, n_post: int, autapses: bool, multapses: bool, label: str) -> None:
        """Raise ConfigError if the sizes do not fit."""
        channels, height, width = self.shape
        rows = _steps(height, self.window[0], self.stride, 0, label)
        columns = _steps(width, self.window[1], self.stride, 0, label)
        _check_sizes(self.shape, (channels, rows, columns), n_pre, n_post, label)


def _check_sizes(before: Any, after: Any, n_pre: int, n_post: int, label: str) -> None:
    for which, shape, n in (("source", before, n_pre), ("target", after, n_post)):
        if np.prod(shape) != n:
            raise ConfigError(
                f"the {which} of {label} must have {shape} = {np.prod(shape)} units, it has {n}"
            )


def convolution(kernels: ArrayLike, shape: ArrayLike, stride: int = 1, pad: int = 0) -> Convolve:
    """Kernels that move over the images of the source.

    Parameters
    ----------
    kernels : array_like, shape (out_channels, channels, height, width)
        The weights; a learning rule changes them.
    shape : (channels, height, width) of the source; the target has out_channels maps of the windows' size.
    stride, pad : int
        Distance of windows, and how far they reach beyond the image, where it counts as 0.
    """
    array = np.array(kernels, np.float64)
    if array.ndim != 4 or not np.isfinite(array).all():
        raise ValueError(
            f"kernels must be finite, of shape (out_channels, channels, height, width), got {array.shape}"
        )
    if stride < 1 or pad < 0:
        raise ValueError(f"stride must be at least 1 and pad at least 0, got {stride} and {pad}")
    return Convolve(array, _image(shape, "a convolution"), int(stride), int(pad))


def max_pool(window: int, shape: ArrayLike, stride: int | None = None) -> Pool:
    """Give the largest rate of each square window; they lie side by side unless `stride` is given."""
    return _pool(window, shape, stride, True)


def mean_pool(window: int, shape: ArrayLike, stride: int | None = None) -> Pool:
    """Give the mean rate of each square window; they lie side by side unless `stride` is given."""
    return _pool(window, shape, stride, False)


def _pool(window: int, shape: ArrayLike, stride: int | None, largest: bool) -> Pool:
    step = window if stride is None else stride
    if window < 1 or step < 1:
        raise ValueError(f"window and stride must be at least 1, got {window} and {step}")
    return Pool(_image(shape, "pooling"), (int(window), int(window)), int(step), largest)
