"""Distributions that weights and delays are drawn from.

Draws are float32 numbers: every value fits in four bytes without loss, and a simulation that
keeps them in float64 computes with exactly the same numbers. Truncation is by redrawing, so the
shape between the bounds is that of the distribution.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eventsim.hints import named_for_users
from eventsim.parameters import one_number

Floats32 = NDArray[np.float32]

CHUNK = 1 << 18  # draws at a time; bounds temporary memory to a few MB
LARGEST = float(np.finfo(np.float32).max)
FEWEST = 1e-3  # share of draws that must fall between the bounds, else redrawing takes forever
MOST_ROUNDS = 100_000


def chunks(n: int, size: int = CHUNK) -> Iterator[tuple[int, int]]:
    """Yield (start, stop) of consecutive chunks of 0..n."""
    for start in range(0, n, size):
        yield start, min(start + size, n)


def float32_above(x: float) -> np.float32:
    """Return the smallest float32 that is not below `x`."""
    rounded = np.float32(x)
    return rounded if float(rounded) >= x else np.nextafter(rounded, np.float32(math.inf))


def float32_below(x: float) -> np.float32:
    """Return the largest float32 that is not above `x`."""
    return -float32_above(-x)


class Distribution(ABC):
    """A distribution with optional bounds; frozen, so that it can stand in a network's declaration."""

    __slots__ = ()
    low: float
    high: float

    @abstractmethod
    def fill(self, rng: np.random.Generator, values: Floats32) -> None:
        """Fill `values` with draws, bounds not regarded."""

    @abstractmethod
    def below(self, x: float) -> float:
        """Return the probability of a draw below `x`, bounds not regarded."""

    @property
    @abstractmethod
    def smallest(self) -> float:
        """No draw lies below this."""

    def draw(self, rng: np.random.Generator, n: int) -> Floats32:
        """Return `n` draws, shape (n,), float32.

        Raises
        ------
        ValueError
            If practically no draw falls between the bounds.
        """
        values = np.empty(n, np.float32)
        low, high = float32_above(self.low), float32_below(self.high)
        for start, stop in chunks(n):
            block = values[start:stop]
            self.fill(rng, block)
            outside = np.flatnonzero((block < low) | (block > high))
            for _ in range(MOST_ROUNDS):
                if not len(outside):
                    break
                again = np.empty(len(outside), np.float32)
                self.fill(rng, again)
                block[outside] = again
                outside = outside[(again < low) | (again > high)]
            else:
                raise ValueError(f"no float32 draw of {self!r} falls between its bounds")
        return values

    def _check_bounds(self) -> None:
        for name in ("low", "high"):
            if math.isnan(float(getattr(self, name))):
                raise ValueError(f"{name} of a distribution must be a number, got nan")
        if not self.low < self.high:
            raise ValueError(f"low must be below high, got low={self.low!r}, high={self.high!r}")
        share = self.below(self.high) - self.below(self.low)
        if share < FEWEST:
            raise ValueError(f"only {share:.1g} of the draws of {self!r} fall between its bounds; widen them")


@named_for_users()
@dataclass(frozen=True, slots=True)
class Normal(Distribution):
    """Normal distribution.

    Parameters
    ----------
    mean, std : float
        Of the distribution before truncation; ``std >= 0``.
    low, high : float, optional
        Draws outside are drawn again. A delay needs ``low=0`` or more.

    Examples
    --------
    >>> import numpy as np
    >>> normal(1.5, 0.75, low=0.1).draw(np.random.default_rng(1), 3).dtype
    dtype('float32')
    """

    mean: float
    std: float
    low: float = -math.inf
    high: float = math.inf

    def __post_init__(self) -> None:
        one_number(self.mean, "mean of normal", low=-LARGEST, high=LARGEST)
        one_number(self.std, "std of normal", low=0.0)
        self._check_bounds()

    def fill(self, rng: np.random.Generator, values: Floats32) -> None:
        """Fill `values` with draws."""
        rng.standard_normal(dtype=np.float32, out=values)
        values *= np.float32(self.std)
        values += np.float32(self.mean)

    def below(self, x: float) -> float:
        """Return the cumulative probability."""
        if self.std == 0:
            return float(self.mean < x or (self.mean == x and x == self.high))
        return _normal_below((x - self.mean) / self.std)

    @property
    def smallest(self) -> float:
        """The lower bound."""
        return self.low


@named_for_users()
@dataclass(frozen=True, slots=True)
class Uniform(Distribution):
    """Uniform distribution between `low` and `high`.

    Parameters
    ----------
    low, high : float
        ``low < high``; no draw lies outside.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        one_number(self.low, "low of uniform", low=-LARGEST, high=LARGEST)
        one_number(self.high, "high of uniform", low=-LARGEST, high=LARGEST)
        if not float32_above(self.low) < float32_below(self.high):
            raise ValueError(f"low must be below high, got low={self.low!r}, high={self.high!r}")

    def fill(self, rng: np.random.Generator, values: Floats32) -> None:
        """Fill `values` with draws."""
        rng.random(dtype=np.float32, out=values)
        values *= np.float32(self.high - self.low)
        values += np.float32(self.low)
        np.clip(values, float32_above(self.low), float32_below(self.high), out=values)  # rounding

    def below(self, x: float) -> float:
        """Return the cumulative probability."""
        return min(max((x - self.low) / (self.high - self.low), 0.0), 1.0)

    @property
    def smallest(self) -> float:
        """The lower end."""
        return self.low


@named_for_users()
@dataclass(frozen=True, slots=True)
class LogNormal(Distribution):
    """Log-normal distribution, ``median * exp(sigma * z)`` with z standard normal.

    Parameters
    ----------
    median : float
        Not 0; negative for inhibitory weights. This is ``exp(mu)`` of the usual notation; the
        mean is ``median * exp(sigma**2 / 2)``.
    sigma : float
        Standard deviation of the logarithm, >= 0.
    low, high : float, optional
        Draws outside are drawn again.
    """

    median: float
    sigma: float
    low: float = -math.inf
    high: float = math.inf

    def __post_init__(self) -> None:
        one_number(self.median, "median of lognormal", low=-LARGEST, high=LARGEST)
        one_number(self.sigma, "sigma of lognormal", low=0.0)
        if self.median == 0:
            raise ValueError("median of lognormal must not be 0: it is exp(mu), not mu")
        self._check_bounds()

    def fill(self, rng: np.random.Generator, values: Floats32) -> None:
        """Fill `values` with draws."""
        rng.standard_normal(dtype=np.float32, out=values)
        with np.errstate(over="ignore"):  # an infinity is drawn again, or refused by the projection
            values[:] = self.median * np.exp(self.sigma * values.astype(np.float64))

    def below(self, x: float) -> float:
        """Return the cumulative probability."""
        if self.median < 0:
            return 1.0 - LogNormal(-self.median, self.sigma).below(-x)
        if x <= 0 or self.sigma == 0:
            return float(x >= self.median)
        return _normal_below(math.log(x / self.median) / self.sigma) if x < math.inf else 1.0

    @property
    def smallest(self) -> float:
        """The lower bound, or 0 for a positive median."""
        return max(self.low, 0.0) if self.median > 0 else self.low


@named_for_users()
@dataclass(frozen=True, slots=True)
class Exponential(Distribution):
    """Exponential distribution, ``shift + mean * e`` with e standard exponential.

    Parameters
    ----------
    mean : float
        Of the exponential part, > 0; the mean of the draws is ``shift + mean``.
    shift : float, optional
        Smallest value.
    low, high : float, optional
        Draws outside are drawn again.
    """

    mean: float
    shift: float = 0.0
    low: float = -math.inf
    high: float = math.inf

    def __post_init__(self) -> None:
        if one_number(self.mean, "mean of exponential", low=0.0, high=LARGEST) == 0:
            raise ValueError("mean of exponential must be positive, got 0")
        one_number(self.shift, "shift of exponential", low=-LARGEST, high=LARGEST)
        self._check_bounds()

    def fill(self, rng: np.random.Generator, values: Floats32) -> None:
        """Fill `values` with draws."""
        rng.standard_exponential(dtype=np.float32, out=values)
        values *= np.float32(self.mean)
        values += np.float32(self.shift)
        np.maximum(values, float32_above(self.shift), out=values)  # rounding

    def below(self, x: float) -> float:
        """Return the cumulative probability."""
        return -math.expm1(-max(x - self.shift, 0.0) / self.mean)

    @property
    def smallest(self) -> float:
        """The shift, or the lower bound where that is higher."""
        return max(self.low, self.shift)


@named_for_users()
@dataclass(frozen=True, slots=True)
class Poisson(Distribution):
    """Poisson distribution of whole numbers, such as numbers of synapses.

    Parameters
    ----------
    mean : float
        Of the distribution before truncation, >= 0 and at most 1e6.
    low, high : float, optional
        Draws outside are drawn again.

    Examples
    --------
    >>> import numpy as np
    >>> poisson(4.0, high=8).draw(np.random.default_rng(1), 5).tolist()
    [5.0, 3.0, 5.0, 2.0, 6.0]
    """

    mean: float
    low: float = 0.0
    high: float = math.inf

    def __post_init__(self) -> None:
        one_number(self.mean, "mean of poisson", low=0.0, high=1e6)
        self._check_bounds()

    def fill(self, rng: np.random.Generator, values: Floats32) -> None:
        """Fill `values` with draws."""
        values[:] = rng.poisson(self.mean, len(values))

    def below(self, x: float) -> float:
        """Return the probability of a draw below `x`; at the upper bound, of one up to it."""
        from scipy.special import pdtr

        if x == math.inf:
            return 1.0
        most = math.floor(x) if x == self.high else math.ceil(x) - 1
        return float(pdtr(most, self.mean)) if most >= 0 else 0.0

    @property
    def smallest(self) -> float:
        """The lower bound, at least 0."""
        return max(self.low, 0.0)


def _normal_below(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2.0))


normal = Normal
uniform = Uniform
lognormal = LogNormal
exponential = Exponential
poisson = Poisson
