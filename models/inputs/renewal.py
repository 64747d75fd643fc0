"""Sources with memory: gamma intervals, Poisson processes with a dead time, and bursts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from eventsim.io.plain import truth
from eventsim.models.inputs.limits import LEAST_PERIOD, MOST_RATE
from eventsim.parameters import one_line, per_unit, whole_number
from eventsim.registry import register
from eventsim.rng import unit_keys

if TYPE_CHECKING:
    from eventsim.contracts import BuildContext
    from eventsim.population import Population


@register("neuron", "gamma")
@dataclass(frozen=True, slots=True)
class Gamma:
    """Independent renewal processes with gamma-distributed intervals.

    The coefficient of variation of the intervals is 1 / sqrt(shape): 1 is a Poisson process, more is more
    regular, less is bursty.

    Attributes
    ----------
    rate : array_like
        Mean rate in Hz, one number or shape (n,); in a network without a time unit, per unit of time.
    shape : array_like
        Shape of the gamma distribution, >= 0.01, likewise.
    stationary : bool
        Whether the process began long before time 0, so that its rate is the same from the start; if not,
        the first interval starts at time 0.
    """

    rate: ArrayLike
    shape: ArrayLike = 2.0
    stationary: bool = True

    paper: ClassVar[str] = ""
    variables: ClassVar[tuple[str, ...]] = ()
    is_source: ClassVar[bool] = True
    __repr__ = one_line

    def check(self, n: int, name: str) -> None:
        """Raise ValueError if a rate or a shape is out of range."""
        _checked_rate(self.rate, n, name)
        shape = float(np.min(per_unit(self.shape, n, "shape", name, positive=True)))
        if shape < 0.01:
            raise ValueError(f"shape of {name!r} must be at least 0.01, got {shape!r}")
        truth(self.stationary, f"stationary of {name!r}")

    def build(self, context: BuildContext) -> Population:
        """Return the population that emits these spikes."""
        shape = per_unit(self.shape, context.n, "shape", context.name, positive=True)
        return _renewal(context, self.rate, shape, 0.0, bool(self.stationary))


@register("neuron", "refractory-poisson")
@dataclass(frozen=True, slots=True)
class RefractoryPoisson:
    """Independent Poisson processes with a dead time after each spike.

    Intervals are the dead time and an exponential of mean 1 / rate - dead_time.

    Attributes
    ----------
    rate : array_like
        Mean rate in Hz, dead time included, one number or shape (n,); in a network without a time unit,
        per unit of time.
    dead_time : array_like
        Least interval, >= 0, below the mean interval; time unit of the network, likewise.
    stationary : bool
        Whether the process began long before time 0; if not, the first interval starts at time 0.
    """

    rate: ArrayLike
    dead_time: ArrayLike = 2.0
    stationary: bool = True

    paper: ClassVar[str] = ""
    variables: ClassVar[tuple[str, ...]] = ()
    is_source: ClassVar[bool] = True
    __repr__ = one_line

    def check(self, n: int, name: str) -> None:
        """Raise ValueError if a rate is out of range or a dead time is negative."""
        _checked_rate(self.rate, n, name)
        per_unit(self.dead_time, n, "dead_time", name, nonnegative=True)
        truth(self.stationary, f"stationary of {name!r}")

    def build(self, context: BuildContext) -> Population:
        """Return the population that emits these spikes, or raise ValueError if a dead time is too long."""
        n, name = context.n, context.name
        rate = np.broadcast_to(per_unit(self.rate, n, "rate", name, nonnegative=True), n)
        dead = rate * context.seconds * per_unit(self.dead_time, n, "dead_time", name, nonnegative=True)
        if (dead >= 1).any():
            k = int(np.argmax(dead >= 1))
            mean = 1 / (float(rate[k]) * context.seconds)
            raise ValueError(
                f"dead_time of {name!r} must be shorter than the mean interval, {mean:g} at {rate[k]:g} Hz"
            )
        return _renewal(context, self.rate, 1.0, dead, bool(self.stationary))


@register("neuron", "bursts")
@dataclass(frozen=True, slots=True)
class Bursts:
    """Units that spike in bursts, at regular or at random times.

    Attributes
    ----------
    period : array_like
        Time between the onsets of bursts, > 0, in the time unit of the network; one number or shape (n,).
    n_spikes : int
        Spikes of a burst.
    interval : array_like
        Time between the spikes of a burst, > 0, likewise.
    start : array_like
        Time of the first onset, likewise; the time from which on bursts come, if they are random.
    number : int, optional
        How many bursts each unit has; without end if None.
    jitter : array_like
        Each onset moves by a uniform time of -jitter to +jitter, likewise; one before 0 is reflected.
    random : bool
        Whether the time from the end of a burst to the next onset is exponential, with `period` as the mean
        time between onsets.
    """

    period: ArrayLike
    n_spikes: int = 5
    interval: ArrayLike = 2.0
    start: ArrayLike = 0.0
    number: int | None = None
    jitter: ArrayLike = 0.0
    random: bool = False

    paper: ClassVar[str] = ""
    variables: ClassVar[tuple[str, ...]] = ()
    is_source: ClassVar[bool] = True
    __repr__ = one_line

    def check(self, n: int, name: str) -> None:
        """Raise ValueError if a time is out of range or bursts would overlap."""
        per_unit(self.interval, n, "interval", name, positive=True)
        n_spikes = whole_number(self.n_spikes, f"n_spikes of {name!r}", 1)
        length: Any = np.asarray(self.interval, float) * (n_spikes - 1)
        check_pattern(n, name, self.period, self.start, self.number, self.jitter, length)
        if truth(self.random, f"random of {name!r}"):
            if np.max(np.asarray(self.jitter)) > 0:
                raise ValueError(
                    f"jitter of {name!r} must be 0 for bursts at random times, got {self.jitter!r}"
                )
            if (np.asarray(self.period, float) - length <= 0).any():
                raise ValueError(f"period of {name!r} must be longer than a burst, {float(np.max(length)):g}")

    def build(self, context: BuildContext) -> Population:
        """Return the population that emits these spikes."""
        length = np.asarray(self.interval, float) * (self.n_spikes - 1)
        gap = np.asarray(self.period, float) - length if self.random else 0.0
        return pattern(
            context,
            self.period,
            self.start,
            self.number,
            self.jitter,
            interval=self.interval,
            gap=gap,
            n_spikes=self.n_spikes,
        )


def check_pattern(
    n: int,
    name: str,
    period: ArrayLike,
    start: ArrayLike,
    number: int | None,
    jitter: ArrayLike,
    length: Any = 0.0,
) -> None:
    """Raise ValueError if onsets are out of range, or bursts of some length would change their order."""
    shortest = float(np.min(per_unit(period, n, "period", name, positive=True)))
    if shortest < LEAST_PERIOD:
        raise ValueError(
            f"period of {name!r} must be at least {LEAST_PERIOD:g}, got {shortest!r}: "
            "time would hardly advance"
        )
    per_unit(start, n, "start", name, nonnegative=True)
    moved = per_unit(jitter, n, "jitter", name, nonnegative=True)
    if number is not None:
        whole_number(number, f"number of {name!r}")
    least = np.min(np.asarray(period, float) - length - 2 * np.asarray(moved))
    if least < 0:
        raise ValueError(
            f"period of {name!r} must be at least the length of a burst and twice the jitter, "
            f"it is {-float(least):g} too short"
        )


def pattern(
    context: BuildContext,
    period: ArrayLike,
    start: ArrayLike,
    number: int | None,
    jitter: ArrayLike,
    *,
    interval: ArrayLike = 0.0,
    gap: ArrayLike = 0.0,
    n_spikes: int = 1,
) -> Population:
    """Return the population of bursts; bursts of one spike are a regular train."""
    from eventsim.models.inputs._renewal import PatternPopulation

    keys = unit_keys(context.run_seed, context.n, "poisson", context.name)
    return PatternPopulation(
        context.n,
        context.name,
        keys,
        start,
        period,
        jitter,
        interval,
        gap,
        n_spikes,
        -1 if number is None else number,
    )


def _checked_rate(rate: ArrayLike, n: int, name: str) -> None:
    highest = float(np.max(per_unit(rate, n, "rate", name, nonnegative=True)))
    if highest > MOST_RATE:
        raise ValueError(f"rate of {name!r} must be at most {MOST_RATE:g} Hz, got {highest!r}")


def _renewal(context: BuildContext, rate: ArrayLike, shape: Any, dead: Any, stationary: bool) -> Population:
    from eventsim.models.inputs._renewal import RenewalPopulation

    n, name = context.n, context.name
    rates = np.reshape(per_unit(rate, n, "rate", name, nonnegative=True), (-1, 1)) * context.seconds
    keys = unit_keys(context.run_seed, n, "poisson", name)
    return RenewalPopulation(
        n,
        name,
        keys,
        np.zeros(1),
        rates,
        np.zeros_like(rates),
        shape=shape,
        dead=dead,
        stationary=stationary,
    )
