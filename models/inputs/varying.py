"""Poisson processes whose rate changes over time, exactly.

Pieces that are constant or linear are inverted in closed form: the k-th spike is where the integral of
the rate reaches the k-th arrival of a process of rate 1 (time rescaling; Brown et al. 2002). Any other
function is thinned (Lewis and Shedler 1979), which is exact below a stated highest rate.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eventsim.io.plain import plain_array, shown
from eventsim.models.inputs.limits import MOST_RATE
from eventsim.parameters import one_line, one_number, one_time
from eventsim.registry import register
from eventsim.rng import unit_keys

if TYPE_CHECKING:
    from eventsim.contracts import BuildContext
    from eventsim.population import Population

Floats = NDArray[np.float64]


@register("neuron", "poisson-rates")
@dataclass(frozen=True, slots=True)
class PoissonRates:
    """Independent Poisson processes with a rate in pieces over time, by exact inversion of its integral.

    Attributes
    ----------
    times : array_like, shape (n_times,)
        Rising times, the first of them 0, in the time unit of the network.
    rates : array_like, shape (n_times,) or (n_times, n)
        Rates in Hz from each time on, for all units or one column a unit; in a network without a time
        unit, per unit of time. The last rate stays.
    interpolation : {"constant", "linear"}
        Whether the rate jumps at each time, or goes to the next rate in a straight line.
    period : float, optional
        The rates repeat with this period, later than the last time. A linear rate goes from the last back
        to the first within it.

    Examples
    --------
    >>> import eventsim as es
    >>> net = es.Network(seed=1)
    >>> steps = es.models.PoissonRates(times=[0.0, 100.0, 200.0], rates=[10.0, 400.0, 0.0])
    >>> sim = es.Simulation(net.add("input", steps, 50) and net)
    >>> sim.run(1000.0)
    >>> sim.spikes("input").times.max() < 200.0
    np.True_
    """

    times: ArrayLike
    rates: ArrayLike
    interpolation: Literal["constant", "linear"] = "constant"
    period: float | None = None

    paper: ClassVar[str] = ""
    variables: ClassVar[tuple[str, ...]] = ()
    is_source: ClassVar[bool] = True
    __repr__ = one_line

    def check(self, n: int, name: str) -> None:
        """Raise ValueError if times do not rise from 0, or a rate is negative or not finite."""
        self._pieces(n, name)

    def _pieces(self, n: int, name: str) -> tuple[Floats, Floats]:
        """Return times (n_times,) and rates (1 or n, n_times), checked."""
        if self.interpolation not in ("constant", "linear"):
            raise ValueError(
                f"interpolation of {name!r} must be 'constant' or 'linear', got {shown(self.interpolation)}"
            )
        times = _numbers(self.times, f"times of {name!r}")
        rates = _numbers(self.rates, f"rates of {name!r}")
        if times.ndim != 1 or not times.size or times[0] != 0 or not (np.diff(times) > 0).all():
            raise ValueError(f"times of {name!r} must rise from 0, got {shown(self.times)}")
        if rates.shape not in ((times.size,), (times.size, n)):
            raise ValueError(
                f"rates of {name!r} have shape {rates.shape}, expected ({times.size},) or ({times.size}, {n})"
            )
        if rates.min() < 0 or rates.max() > MOST_RATE:
            wrong = float(rates.min() if rates.min() < 0 else rates.max())
            raise ValueError(f"rates of {name!r} must lie between 0 and {MOST_RATE:g} Hz, got {wrong!r}")
        if self.period is not None:
            period = one_number(self.period, f"period of {name!r}")
            if not period > times[-1]:
                raise ValueError(
                    f"period of {name!r} must be later than the last time {float(times[-1])!r}, "
                    f"got {period!r}"
                )
        return times, np.ascontiguousarray(rates.reshape(times.size, -1).T)

    def build(self, context: BuildContext) -> Population:
        """Return the population that emits these spikes."""
        from eventsim.models.inputs._renewal import RenewalPopulation

        times, rates = self._pieces(context.n, context.name)
        rates = rates * context.seconds
        slopes = np.zeros_like(rates)
        period = math.inf if self.period is None else float(self.period)
        if self.interpolation == "linear":
            spans = np.diff(times, append=period)
            after = np.roll(rates, -1, axis=1)
            slopes = (after - rates) / spans  # 0 after the last time, where nothing repeats
        return RenewalPopulation(context.n, context.name, _keys(context), times, rates, slopes, period)


@register("neuron", "poisson-function")
@dataclass(frozen=True, slots=True)
class PoissonFunction:
    """Independent Poisson processes with any rate over time, by thinning.

    Attributes
    ----------
    rate : callable
        ``rate(times)`` or ``rate(times, unit)`` returns the rate in Hz at each of an array of times, or one
        number. It must depend on its arguments alone, and is asked about times ahead of the present.
    max_rate : float
        Highest rate in Hz, > 0; a function that exceeds it stops the run with an error. The closer it is,
        the fewer candidates are drawn in vain.
    stop : float
        Time from which the rate is 0, and the function is not heeded.
    """

    rate: Callable[..., Any]
    max_rate: float
    stop: float = math.inf

    paper: ClassVar[str] = ""
    variables: ClassVar[tuple[str, ...]] = ()
    is_source: ClassVar[bool] = True

    def check(self, n: int, name: str) -> None:
        """Raise TypeError or ValueError if the rate is no function, or a bound is none."""
        if not callable(self.rate):
            raise TypeError(
                f"rate of {name!r} must be a function rate(times), got {shown(self.rate)}; "
                "es.models.Poisson takes a constant rate"
            )
        highest = one_number(self.max_rate, f"max_rate of {name!r}", low=0)
        if not 0 < highest <= MOST_RATE:
            raise ValueError(
                f"max_rate of {name!r} must be positive and at most {MOST_RATE:g} Hz, got {highest!r}"
            )
        if one_time(self.stop, f"stop of {name!r}") < 0:
            raise ValueError(f"stop of {name!r} must not be negative, got {self.stop!r}")
        self._by_unit(name)

    def _by_unit(self, name: str) -> bool:
        """Return whether the function takes a unit too."""
        try:
            signature = inspect.signature(self.rate)
        except (TypeError, ValueError):
            return False  # a function of NumPy, which takes times
        for by_unit in (False, True):
            try:
                signature.bind(*([None, 0] if by_unit else [None]))
            except TypeError:
                continue
            return by_unit
        raise TypeError(f"rate of {name!r} must take (times) or (times, unit), it takes {signature}")

    def build(self, context: BuildContext) -> Population:
        """Return the population that emits these spikes."""
        from eventsim.models.inputs._renewal import ThinnedPopulation

        return ThinnedPopulation(
            context.n,
            context.name,
            _keys(context),
            self.rate,
            float(self.max_rate),
            float(self.stop),
            context.seconds,
            self._by_unit(context.name),
        )


def _numbers(value: Any, label: str) -> Floats:
    array = plain_array(value, label)
    if array.dtype.kind not in "fiu":
        raise TypeError(f"{label} must be numbers, got {shown(value)}")
    numbers = np.array(array, np.float64)
    if not np.isfinite(numbers).all():
        raise ValueError(f"{label} must be finite, got {float(numbers[~np.isfinite(numbers)][0])!r}")
    return numbers


def _keys(context: BuildContext) -> NDArray[Any]:
    return unit_keys(context.run_seed, context.n, "poisson", context.name)
