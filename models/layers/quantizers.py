"""Uniform quantisers: real and complex arrays rounded to grids of few bits, and back to numbers.

    symmetric   s = max|x| / (2^(b-1) - 1);   codes -2^(b-1) ... 2^(b-1) - 1
    asymmetric  s = (hi - lo) / (2^b - 1);    codes -z ... 2^b - 1 - z,  z = round(-lo / s)
    Q(x) = s clip(round(x / s))               nearest, ties to even

lo and hi are quantiles without interpolation, so a small array gives its minimum and maximum. With
``zero="included"`` they are widened to contain 0, then a value of the grid; with "bare" they are not:
a slow pole gets a fine grid around it, and 0 may be missing. Which of the two a study used decides whether
8 bits are enough.

Complex numbers are rounded by real and imaginary part, on one range for both ("shared") or one each
("separate"), or by radius r and phase, which keeps a pole within the unit circle:

    polar       r on [0, max r];  phase on its own range
    log_polar   v = ln max(1 - r, 1e-6) on its own range, r = 1 - exp(v);  phase as above

Zhao et al. 2025, Quantizing small-scale state-space models for edge AI; Jacob et al. 2018 for affine grids.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from eventsim.models.layers.layer import Array

__all__ = ["Grid", "Quantizer", "value_range"]

Scheme = Literal["asymmetric", "symmetric", "polar", "log_polar"]
NEAREST_TO_ONE = 1e-6  # of 1 - r, below which radii are not told apart
FINEST = 2.0**-40  # of a step relative to the range's largest value
LEAST_STEP = float(np.finfo(np.float64).tiny)  # the inverse of a smaller one is no number


@dataclass(frozen=True, slots=True)
class Grid:
    """Multiples of a step.

    Attributes
    ----------
    step : ndarray
        Distance of two values.
    least, most : ndarray
        Codes, in steps. All three are broadcast against what is rounded.
    """

    step: Array
    least: Array
    most: Array

    def __call__(self, x: Array) -> Array:
        """Return the values of the nearest codes."""
        return self.codes(x) * self.step

    def codes(self, x: Array) -> Array:
        """Return the nearest codes, in steps."""
        codes: Array = np.rint(np.clip(x * (1 / self.step), self.least, self.most))
        return codes


@dataclass(frozen=True, slots=True)
class Quantizer:
    """How an array is rounded to few bits.

    Parameters
    ----------
    bits : int
        Of one real number; a complex one takes twice as many.
    scheme : {"asymmetric", "symmetric", "polar", "log_polar"}
        The last two are for complex arrays.
    per : {"head", "tensor"}
        Whether each entry of the first axis has a range of its own.
    range : {"shared", "separate"}
        Whether real and imaginary parts have one range.
    zero : {"included", "bare"}
        Whether asymmetric ranges are widened to contain 0.
    percentile : float
        Of the values that lie within the range.
    radius_bits : int, optional
        Bits of the radius; the phase has the rest of 2 `bits`. Half of them each unless given.

    Raises
    ------
    ValueError
        If there are too few bits, or a setting is unknown.
    """

    bits: int
    scheme: Scheme = "asymmetric"
    per: Literal["head", "tensor"] = "head"
    range: Literal["shared", "separate"] = "shared"
    zero: Literal["included", "bare"] = "included"
    percentile: float = 99.999
    radius_bits: int | None = None

    def __post_init__(self) -> None:
        """Check the settings."""
        least = 2 if self.scheme == "symmetric" else 1
        if not least <= self.bits <= 32:
            raise ValueError(f"a grid that is {self.scheme} needs {least} to 32 bits, got {self.bits!r}")
        for name, known in (
            ("scheme", ("asymmetric", "symmetric", "polar", "log_polar")),
            ("per", ("head", "tensor")),
            ("range", ("shared", "separate")),
            ("zero", ("included", "bare")),
        ):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}, got {getattr(self, name)!r}")
        if not 50 < self.percentile <= 100:
            raise ValueError(f"percentile must be above 50 and at most 100, got {self.percentile!r}")
        if self.radius_bits is not None and not 1 <= self.radius_bits < 2 * self.bits:
            raise ValueError(f"radius_bits must be 1 to {2 * self.bits - 1}, got {self.radius_bits!r}")

    def __call__(self, x: Array) -> Array:
        """Return a real or complex array on the grid of its own range."""
        if self.scheme in ("polar", "log_polar"):
            return self._by_radius(x)
        grids = self.grids(x)
        if not np.iscomplexobj(x):
            return grids[0](x)
        return grids[0](x.real) + 1j * grids[-1](x.imag)

    def grids(self, x: Array) -> tuple[Grid, ...]:
        """Return the grid of a real array, or those of the real and the imaginary part.

        Raises
        ------
        ValueError
            If the array is empty, or the scheme has radius and phase.
        """
        if not np.iscomplexobj(x):
            return (self._grid(x),)
        if self.range == "shared":
            both = self._grid(np.stack((x.real, x.imag), axis=-1), x.ndim)
            return both, both
        return self._grid(x.real), self._grid(x.imag)

    def _grid(self, x: Array, ndim: int | None = None) -> Grid:
        if self.scheme not in ("asymmetric", "symmetric"):
            raise ValueError(f"a grid that is {self.scheme} is one of complex numbers, got real ones")
        values = np.abs(x) if self.scheme == "symmetric" else x
        low, high = value_range(values, self.percentile, per_head=self.per == "head")
        shape = np.shape(low) + (1,) * ((x.ndim if ndim is None else ndim) - np.ndim(low))
        return self.grid_of(low.reshape(shape), high.reshape(shape))

    def grid_of(self, low: Array, high: Array) -> Grid:
        """Return the grid of a known range; arrays of one number for each head, or single numbers."""
        low, high = np.asarray(low, np.float64), np.asarray(high, np.float64)
        if self.scheme == "symmetric":
            size, levels = np.maximum(np.abs(low), np.abs(high)), 2 ** (self.bits - 1)
            step = np.maximum(np.where(size > 0, size, 1.0) / (levels - 1), LEAST_STEP)
            return Grid(step, np.full_like(step, -levels), np.full_like(step, levels - 1))
        if self.zero == "included":
            low, high = np.minimum(low, 0), np.maximum(high, 0)
        size = np.maximum(np.abs(low), np.abs(high))
        alone = high - low <= size * FINEST
        step = np.where(alone, np.where(size > 0, size, 1.0), (high - low) / (2**self.bits - 1))
        step = np.maximum(step, LEAST_STEP)
        least = -np.rint(-low / step)
        return Grid(step, least, least + (2**self.bits - 1))

    def _by_radius(self, x: Array) -> Array:
        if not np.iscomplexobj(x):
            raise ValueError(f"a grid that is {self.scheme} is one of complex numbers, got real ones")
        bits = self.bits if self.radius_bits is None else self.radius_bits
        heads = x.reshape(len(x), -1) if self.per == "head" else x.reshape(1, -1)
        radius, phase = np.abs(heads), np.angle(heads)
        theta = even(phase, phase.min(1), phase.max(1), 2 * self.bits - bits)
        if self.scheme == "polar":
            r = even(radius, np.zeros(len(heads)), radius.max(1), bits)
        else:
            v = np.log(np.maximum(1 - radius, NEAREST_TO_ONE))
            r = 1 - np.exp(even(v, v.min(1), v.max(1), bits))
        found: Array = (np.minimum(r, radius.max(1)[:, None]) * np.exp(1j * theta)).reshape(x.shape)
        return found.astype(x.dtype)


def even(v: Array, low: Array, high: Array, bits: int) -> Array:
    """Return the nearest of 2^bits values from `low` to `high`, one range for each row."""
    step = (high - low) / (2**bits - 1)
    step = np.where(step > 0, step, 1.0)[:, None]
    found: Array = low[:, None] + np.rint((v - low[:, None]) / step) * step
    return found


def value_range(x: Array, percentile: float = 99.999, *, per_head: bool = False) -> tuple[Array, Array]:
    """Return the range of the values of an array, or of each entry of its first axis.

    Parameters
    ----------
    x : ndarray
    percentile : float
        Of the values that are at most the upper end; as many are at least the lower end.
    per_head : bool
        Whether there is one range for each entry of the first axis.

    Returns
    -------
    low, high : ndarray
        Values that occur in `x`, of shape (len(x),) or ().

    Raises
    ------
    ValueError
        If there are no values, or not all are finite.
    """
    if x.size == 0:
        raise ValueError("a range needs at least one value, got an empty calibration set")
    rows: NDArray[Any] = x.reshape(len(x), -1) if per_head else x.reshape(1, -1)
    if not np.isfinite(rows).all():
        raise ValueError("a range needs finite values, got inf or nan in the calibration set")
    beyond = int((1 - percentile / 100) * (rows.shape[1] - 1))  # values outside at each end
    if beyond:
        rows = np.partition(rows, (beyond, rows.shape[1] - 1 - beyond), axis=1)
        low, high = rows[:, beyond], rows[:, -1 - beyond]
    else:
        low, high = rows.min(axis=1), rows.max(axis=1)
    return (low, high) if per_head else (low[0], high[0])
