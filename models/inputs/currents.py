"""Currents over time, which go into neurons as `i_ext`: in steps, in straight lines, sines and noise.

    net.add("cells", es.models.LIF(i_ext=es.models.StepCurrent([0.0, 50.0], [0.0, 1.5])), 10)

They enter the closed form of the membrane, so threshold crossings stay exact (`eventsim.models.lif.course`).
A current changes before whatever else happens at that time. Currents add up: ``StepCurrent(...) + 0.3``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eventsim.io.plain import plain_array, shown
from eventsim.parameters import one_line, one_number, own_arrays, per_unit
from eventsim.rng import unit_keys

if TYPE_CHECKING:
    from eventsim.contracts import BuildContext
    from eventsim.models.inputs.current_sources import CurrentSource

__all__ = [
    "Current",
    "CurrentSum",
    "LinearCurrent",
    "NoiseCurrent",
    "SineCurrent",
    "StepCurrent",
    "check_current",
    "is_current",
    "sources_of",
]

Floats = NDArray[np.float64]


@runtime_checkable
class Current(Protocol):
    """A current over time that neurons take as `i_ext`."""

    def check_current(self, n: int, name: str) -> None:
        """Raise ValueError or TypeError if it does not fit the `n` units of the population `name`."""

    def sources(self, context: BuildContext, index: int) -> list[CurrentSource]:
        """Return what computes it, number `index` of the population's currents."""


class _Adds:
    """Sums of currents, and of currents and numbers."""

    __slots__ = ()
    __array_ufunc__ = None  # array + current is a current, not an array of currents

    def __add__(self, other: Any) -> CurrentSum:
        return CurrentSum((self, other))

    def __radd__(self, other: Any) -> CurrentSum:
        return CurrentSum((other, self))


@own_arrays
@dataclass(frozen=True, slots=True)
class CurrentSum(_Adds):
    """The sum of currents, some of which may be numbers or arrays of shape (n,); ``a + b`` makes one."""

    parts: tuple[Any, ...]

    def __repr__(self) -> str:
        return " + ".join(map(repr, self.parts))

    def check_current(self, n: int, name: str) -> None:
        """Raise ValueError or TypeError if a part does not fit `n` units."""
        for part in self.parts:
            check_current(part, n, name)

    def sources(self, context: BuildContext, index: int) -> list[CurrentSource]:
        """Return what computes the parts."""
        found: list[CurrentSource] = []
        for part in self.parts:
            found += sources_of(part, context, index + len(found))
        return found


@own_arrays
@dataclass(frozen=True, slots=True)
class StepCurrent(_Adds):
    """A current that jumps to a value at each of some times and stays there.

    Attributes
    ----------
    times : array_like, shape (n_times,)
        Rising, from 0 on, in the time unit of the network. Before the first the current is 0.
    values : array_like, shape (n_times,) or (n_times, n)
        Currents from each time on, for all units or one column a unit.
    period : float, optional
        The current repeats with this period, later than the last time.

    Examples
    --------
    >>> import eventsim as es
    >>> net = es.Network()
    >>> pulse = es.models.StepCurrent(times=[1.0, 3.0], values=[2.0, 0.0])
    >>> _ = net.add("cell", es.models.LIF(i_ext=pulse), 1)
    >>> sim = es.Simulation(net)
    >>> sim.run(10.0)
    >>> sim.spikes("cell").times.round(6)  # 1 + ln 2, and ln 2 later
    array([1.693147, 2.386294])
    """

    times: ArrayLike
    values: ArrayLike
    period: float | None = None

    __repr__ = one_line

    def check_current(self, n: int, name: str) -> None:
        """Raise ValueError if times do not rise, or values do not fit."""
        _pieces(self, n, name)

    def sources(self, context: BuildContext, index: int) -> list[CurrentSource]:
        """Return what computes it."""
        from eventsim.models.inputs.current_sources import Pieces

        times, values, period = _pieces(self, context.n, context.name)
        if times[0] > 0.0:
            times = np.concatenate([[0.0], times])
            values = np.concatenate([np.zeros((len(values), 1)), values], axis=1)
        return [Pieces(times, values, np.zeros_like(values), period)]


@own_arrays
@dataclass(frozen=True, slots=True)
class LinearCurrent(_Adds):
    """A current that goes from value to value in straight lines.

    Attributes
    ----------
    times : array_like, shape (n_times,)
        Rising, from 0 on, in the time unit of the network. Before the first the current has the first value.
    values : array_like, shape (n_times,) or (n_times, n)
        Currents at these times, for all units or one column a unit. The last value stays.
    period : float, optional
        The current repeats with this period, later than the last time; it goes from the last value back to
        the first within it. The first time must be 0 then.
    """

    times: ArrayLike
    values: ArrayLike
    period: float | None = None

    __repr__ = one_line

    def check_current(self, n: int, name: str) -> None:
        """Raise ValueError if times do not rise, or values do not fit."""
        times, *_ = _pieces(self, n, name)
        if self.period is not None and times[0] != 0.0:
            raise ValueError(
                f"times of i_ext of {name!r} must start at 0 in a LinearCurrent with a period, "
                f"got {float(times[0])!r}"
            )

    def sources(self, context: BuildContext, index: int) -> list[CurrentSource]:
        """Return what computes it."""
        from eventsim.models.inputs.current_sources import Pieces

        times, values, period = _pieces(self, context.n, context.name)
        if times[0] > 0.0:
            times = np.concatenate([[0.0], times])
            values = np.concatenate([values[:, :1], values], axis=1)
        spans = np.diff(times, append=period)
        slopes = (np.roll(values, -1, axis=1) - values) / spans  # 0 after the last time, without a period
        return [Pieces(times, values, slopes, period)]


@own_arrays
@dataclass(frozen=True, slots=True)
class SineCurrent(_Adds):
    """amplitude sin(2 pi frequency t + phase); add a number for an offset.

    Each parameter is one number for all units, or an array of shape (n,).

    Attributes
    ----------
    amplitude : array_like
        Current.
    frequency : array_like
        In Hz, > 0; in a network without a time unit, per unit of time.
    phase : array_like
        At time 0, in radians.
    """

    amplitude: ArrayLike
    frequency: ArrayLike
    phase: ArrayLike = 0.0

    __repr__ = one_line

    def check_current(self, n: int, name: str) -> None:
        """Raise ValueError or TypeError if a parameter does not fit `n` units."""
        self._values(n, name)

    def _values(self, n: int, name: str) -> list[Floats]:
        found = []
        for key in ("amplitude", "frequency", "phase"):
            value = per_unit(getattr(self, key), n, f"{key} of i_ext", name, positive=key == "frequency")
            found.append(np.array(np.broadcast_to(value, n), float))
        return found

    def sources(self, context: BuildContext, index: int) -> list[CurrentSource]:
        """Return what computes it."""
        from eventsim.models.inputs.current_sources import Sine

        amplitude, frequency, phase = self._values(context.n, context.name)
        return [Sine(amplitude, 2.0 * math.pi * frequency * context.seconds, phase)]


@own_arrays
@dataclass(frozen=True, slots=True)
class NoiseCurrent(_Adds):
    """Normal noise, independent in each unit, that is held for a step: a new value at each multiple of `dt`.

    With `tau` it is filtered: the values are those of an Ornstein-Uhlenbeck process at these times, exactly,
    and stationary from time 0 on. What the neurons see is the held current, for which spikes are exact; the
    continuous process is its limit for a small `dt`. The numbers depend on seed, trial, population and unit
    alone.

    Attributes
    ----------
    mean, std : array_like
        Mean and standard deviation of the current; one number for all units, or an array of shape (n,).
    dt : float
        For how long a value is held, time, > 0.
    tau : float
        Correlation time of the noise, time; 0 for independent values.
    """

    mean: ArrayLike = 0.0
    std: ArrayLike = 1.0
    dt: float = 0.1
    tau: float = 0.0

    __repr__ = one_line

    def check_current(self, n: int, name: str) -> None:
        """Raise ValueError or TypeError if a parameter does not fit `n` units."""
        self._values(n, name)

    def _values(self, n: int, name: str) -> tuple[Floats, Floats, float, float]:
        label = f"i_ext of {name!r}"
        mean = per_unit(self.mean, n, "mean of i_ext", name)
        std = per_unit(self.std, n, "std of i_ext", name, nonnegative=True)
        dt, tau = one_number(self.dt, f"dt of {label}"), one_number(self.tau, f"tau of {label}", low=0.0)
        if dt <= 0.0:
            raise ValueError(f"dt of {label} must be a time > 0, got {dt!r}")
        return np.atleast_1d(mean), np.atleast_1d(std), dt, tau

    def sources(self, context: BuildContext, index: int) -> list[CurrentSource]:
        """Return what computes it."""
        from eventsim.models.inputs.current_sources import HeldNoise

        mean, std, dt, tau = self._values(context.n, context.name)
        keep = np.array([math.exp(-dt / tau) if tau > 0.0 else 0.0])
        keys = unit_keys(context.run_seed, context.n, "current", context.name, index)
        return [HeldNoise(mean, std, keep, keys, dt)]


def is_current(value: Any) -> bool:
    """Return whether a value is a current over time, rather than a number or an array."""
    return type(value) is not float and isinstance(value, Current)


def check_current(value: Any, n: int, name: str) -> None:
    """Raise ValueError or TypeError unless a value is a current, a number or an array for `n` units."""
    if is_current(value):
        value.check_current(n, name)
    else:
        per_unit(value, n, "i_ext", name)


def sources_of(value: Any, context: BuildContext, index: int = 0) -> list[CurrentSource]:
    """Return what computes a current, a number or an array."""
    from eventsim.models.inputs.current_sources import Pieces

    if is_current(value):
        found: list[CurrentSource] = value.sources(context, index)
        return found
    level = np.atleast_1d(np.asarray(value, float))[:, None]
    return [Pieces(np.zeros(1), level, np.zeros_like(level), math.inf)]


def _pieces(current: StepCurrent | LinearCurrent, n: int, name: str) -> tuple[Floats, Floats, float]:
    """Return times (n_times,), values (1 or n, n_times) and the period, inf without one, checked."""
    label = f"i_ext of {name!r}"
    times = plain_array(current.times, f"times of {label}", "biuf").astype(float)
    values = plain_array(current.values, f"values of {label}", "biuf").astype(float)
    rising = times.ndim == 1 and times.size and times[0] >= 0.0 and (np.diff(times) > 0.0).all()
    if not (rising and np.isfinite(times).all()):
        raise ValueError(f"times of {label} must rise from 0 or later, got {shown(current.times)}")
    if values.shape not in ((times.size,), (times.size, n)):
        raise ValueError(
            f"values of {label} have shape {values.shape}, expected ({times.size},) or ({times.size}, {n})"
        )
    if not np.isfinite(values).all():
        raise ValueError(f"values of {label} must be finite")
    period = math.inf
    if current.period is not None:
        period = one_number(current.period, f"period of {label}")
        if not period > times[-1]:
            raise ValueError(
                f"period of {label} must be later than the last time {float(times[-1])!r}, got {period!r}"
            )
    return times, np.ascontiguousarray(values.reshape(times.size, -1).T), period
