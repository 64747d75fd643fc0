"""Maps that keep learned delays positive, and tie the delays of several synapses.

An optimiser changes p, of any sign; the network has the delay d = f(p), and dL/dp = dL/dd f'(p).

    Sigmoid   d = shift + scale / (1 + e^-p)
    Clip      d = p, and p < 0 becomes 0 after each step
    Shift     d = p, and after each step all p of a projection are raised until none is negative

With `tied=(r_pre, r_post)` an array of delays consists of r_pre x r_post equal tiles, and p is one of them:
of n sources, k, k + n / r_pre, k + 2 n / r_pre, ... have the same delay (Göltz et al. 2025, DelGrad).
"""

from abc import ABC, abstractmethod
from dataclasses import KW_ONLY, dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eventsim.parameters import one_number
from eventsim.renamed import renamed_arguments

__all__ = ["Clip", "DelayMap", "Shift", "Sigmoid"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class DelayMap(ABC):
    """Turns parameters p of any sign into delays.

    Attributes
    ----------
    tied : how many equal tiles the delays consist of, along the sources and along the targets.
    """

    _: KW_ONLY
    tied: tuple[int, int] = (1, 1)

    def __post_init__(self) -> None:
        tied = tuple(self.tied)
        if len(tied) != 2 or any(isinstance(r, bool) or not isinstance(r, int) or r < 1 for r in tied):
            raise ValueError(f"tied must be two whole numbers, at least 1, got {self.tied!r}")
        object.__setattr__(self, "tied", tied)

    def value(self, p: Floats) -> Floats:
        """Return the delays, every tile of them."""
        one = self._value(p)
        return one if self.tied == (1, 1) else np.tile(one, self.tied)

    @abstractmethod
    def slope(self, p: Floats) -> Floats:
        """Return d(delay)/dp, in the shape of p."""

    def gradient(self, p: Floats, error: Floats) -> Floats:
        """Return dL/dp from the derivatives `error` in the delays, in the shape of these."""
        if self.tied != (1, 1):
            (a, b), (n, m) = self.tied, p.shape
            error = error.reshape(a, n, b, m).sum(axis=(0, 2))
        slopes: Floats = error * self.slope(p)
        return slopes

    def settle(self, p: Floats) -> None:  # noqa: B027  a map need not have anything to do here
        """Bring p back, in place, to where delays are not negative."""

    def inverse(self, delays: ArrayLike) -> Floats:
        """Return p of some delays.

        Raises
        ------
        ValueError
            If there is no such p, or the delays are not made of equal tiles.
        """
        d = np.array(delays, np.float64)
        if self.tied != (1, 1):
            a, b = self.tied
            if d.ndim != 2 or d.shape[0] % a or d.shape[1] % b:
                raise ValueError(
                    f"tied={self.tied} needs delays of a shape that it divides, got shape {d.shape}"
                )
            one = np.ascontiguousarray(d[: d.shape[0] // a, : d.shape[1] // b])
            if not np.array_equal(np.tile(one, self.tied), d):
                raise ValueError(
                    f"tied={self.tied} needs delays that repeat every {one.shape[0]} sources "
                    f"and every {one.shape[1]} targets"
                )
            d = one
        return self._inverse(d)

    @abstractmethod
    def _value(self, p: Floats) -> Floats: ...

    @abstractmethod
    def _inverse(self, d: Floats) -> Floats: ...


@renamed_arguments("argument/DelayMap")
@dataclass(frozen=True, slots=True)
class Sigmoid(DelayMap):
    """Delays between `shift` and `shift + scale`, close to which they hardly learn.

    Attributes
    ----------
    scale : width of the range of delays, time unit of the network, > 0.
    shift : the shortest delay, >= 0.
    """

    scale: float = 1.0
    shift: float = 0.0

    def __post_init__(self) -> None:
        DelayMap.__post_init__(self)
        if not one_number(self.scale, "scale", low=0) > 0:
            raise ValueError(f"scale must be positive, got {self.scale!r}")
        one_number(self.shift, "shift", low=0)

    def slope(self, p: Floats) -> Floats:
        """Return d(delay)/dp, in the shape of p."""
        half = np.tanh(0.5 * p)
        slopes: Floats = 0.25 * self.scale * (1.0 - half * half)
        return slopes

    def _value(self, p: Floats) -> Floats:
        delays: Floats = self.shift + 0.5 * self.scale * (1.0 + np.tanh(0.5 * p))
        return delays

    def _inverse(self, d: Floats) -> Floats:
        fraction = (d - self.shift) / self.scale
        inside = (fraction > 0) & (fraction < 1)
        if not inside.all():
            raise ValueError(
                f"delays must lie between {self.shift:g} and {self.shift + self.scale:g} to be a sigmoid of "
                f"something, got {float(d[~inside][0])!r}; choose scale and shift, or another map"
            )
        p: Floats = np.log(fraction) - np.log1p(-fraction)
        return p


@renamed_arguments("argument/DelayMap")
@dataclass(frozen=True, slots=True)
class Clip(DelayMap):
    """Delays are the parameters; those that become negative are set to 0."""

    def slope(self, p: Floats) -> Floats:
        """Return d(delay)/dp, in the shape of p."""
        return np.ones_like(p)

    def settle(self, p: Floats) -> None:
        """Set what is negative to 0."""
        np.maximum(p, 0.0, out=p)

    def _value(self, p: Floats) -> Floats:
        return p

    def _inverse(self, d: Floats) -> Floats:
        return _not_negative(d)


@renamed_arguments("argument/DelayMap")
@dataclass(frozen=True, slots=True)
class Shift(DelayMap):
    """Delays are the parameters; if one becomes negative, all of the projection are raised by as much."""

    def slope(self, p: Floats) -> Floats:
        """Return d(delay)/dp, in the shape of p."""
        return np.ones_like(p)

    def settle(self, p: Floats) -> None:
        """Raise all, so that the shortest delay is 0 if it was negative."""
        p -= min(0.0, float(p.min(initial=0.0)))

    def _value(self, p: Floats) -> Floats:
        return p

    def _inverse(self, d: Floats) -> Floats:
        return _not_negative(d)


def _not_negative(d: Floats) -> Floats:
    if d.size and not d.min() >= 0:
        raise ValueError(f"delays must not be negative, got {float(d[~(d >= 0)][0])!r}")
    return d
