"""Sources of spikes: lists of times, regular trains, Poisson processes, all at exact times."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike

from eventsim.models.inputs.limits import LEAST_PERIOD, MOST_RATE
from eventsim.parameters import one_line, per_unit
from eventsim.registry import register
from eventsim.rng import unit_keys
from eventsim.spike_trains import spike_pairs

if TYPE_CHECKING:
    from eventsim.contracts import BuildContext
    from eventsim.population import Population
    from eventsim.trace import Trace


@register("neuron", "spike-source")
@dataclass(frozen=True, slots=True)
class SpikeSource:
    """Units that spike at given times.

    Attributes
    ----------
    times : array_like, shape (n_spikes,)
        Spike times >= 0 in the time unit of the network, in any order. `Simulation.stimulate` adds more.
        Without `units`, a list with the times of each unit: lists, arrays, or spike trains of Neo, which are
        converted to the network's time unit.
    units : array_like of int, shape (n_spikes,), optional
        The unit of each spike; may be left out for a single unit.
    """

    times: ArrayLike = ()
    units: ArrayLike | None = None

    paper: ClassVar[str] = ""
    variables: ClassVar[tuple[str, ...]] = ()
    is_source: ClassVar[bool] = True
    __repr__ = one_line

    def check(self, n: int, name: str) -> None:
        """Raise ValueError if a spike does not fit `n` units."""
        times, _ = spike_pairs(self.times, self.units, n, name, "ms")  # any unit does to check them
        if times.size and times.min() < 0:
            raise ValueError(f"spike times of {name!r} must not be negative, got {times.min()}")

    def build(self, context: BuildContext) -> Population:
        """Return the population that emits these spikes."""
        from eventsim.models.inputs._sources import ArrayPopulation

        times, units = spike_pairs(self.times, self.units, context.n, context.name, context.time_unit)
        return ArrayPopulation(context.n, context.name, times, units)

    @classmethod
    def from_csv(
        cls,
        path: str | os.PathLike[str],
        population: str | None = None,
        *,
        time: str = "time",
        unit: str = "unit",
        scale: float = 1.0,
    ) -> Self:
        """Return a source with the spikes of a CSV file, such as `eventsim export --to csv` writes.

        Parameters
        ----------
        path : str or path
            Its first line has the names of the columns.
        population : str, optional
            Which spikes to take, by the column ``population``; needed where there are several.
        time, unit : str
            Names of the columns of times and of units, which count from 0.
        scale : float
            What times are multiplied by, to be in the time unit of the network.

        Raises
        ------
        FileNotFoundError, PermissionError
            If there is no file that can be read.
        ConfigError
            If it is no CSV file, or a column, a number or the population is missing.
        """
        from eventsim.models.inputs.spike_files import spikes_of_csv

        return cls(*spikes_of_csv(path, population, time, unit, scale))

    @classmethod
    def from_run(
        cls,
        run: Trace | str | os.PathLike[str],
        population: str,
        *,
        start: float = 0.0,
        stop: float = math.inf,
        time_unit: str | None = None,
    ) -> Self:
        """Return a source that replays a population of a run that was saved.

        Parameters
        ----------
        run : Trace, str or path
            What `eventsim.io.load` returns, or the path of the file.
        population : str
        start, stop : float
            Spikes in [start, stop) are taken, and `start` becomes time 0.
        time_unit : {"s", "ms", "us", "ns"}, optional
            What times are converted to; those of the file stay as they are if None.

        Raises
        ------
        ValueError
            If there is no such population, or times cannot be converted.
        """
        from eventsim.models.inputs.spike_files import spikes_of_run

        return cls(*spikes_of_run(run, population, start, stop, time_unit))


@register("neuron", "regular")
@dataclass(frozen=True, slots=True)
class Regular:
    """Units that spike at regular times, the k-th at phase + k * period.

    Attributes
    ----------
    period : array_like
        Time between spikes, > 0, in the time unit of the network; one number or shape (n,).
    phase : array_like
        Time of the first spike, likewise.
    number : int, optional
        How many spikes each unit has; without end if None.
    jitter : array_like
        Each spike moves by a uniform time of -jitter to +jitter, at most half a period, likewise; one before
        0 is reflected.
    """

    period: ArrayLike
    phase: ArrayLike = 0.0
    number: int | None = None
    jitter: ArrayLike = 0.0

    paper: ClassVar[str] = ""
    variables: ClassVar[tuple[str, ...]] = ()
    is_source: ClassVar[bool] = True
    __repr__ = one_line

    def check(self, n: int, name: str) -> None:
        """Raise ValueError if a period is not positive, a phase negative, or a jitter too large."""
        from eventsim.models.inputs.renewal import check_pattern

        period = np.min(per_unit(self.period, n, "period", name, positive=True, allow_inf=False))
        if period < LEAST_PERIOD:
            raise ValueError(
                f"period of {name!r} must be at least {LEAST_PERIOD:g}, got {float(period)!r}: "
                "time would hardly advance"
            )
        per_unit(self.phase, n, "phase", name, nonnegative=True)
        check_pattern(n, name, self.period, self.phase, self.number, self.jitter)

    def build(self, context: BuildContext) -> Population:
        """Return the population that emits these spikes."""
        from eventsim.models.inputs._sources import RegularPopulation
        from eventsim.models.inputs.renewal import pattern

        if self.number is not None or np.any(np.asarray(self.jitter) > 0):
            return pattern(context, self.period, self.phase, self.number, self.jitter)
        return RegularPopulation(context.n, context.name, self.period, self.phase)


@register("neuron", "poisson")
@dataclass(frozen=True, slots=True)
class Poisson:
    """Independent Poisson processes with exactly exponential intervals.

    Attributes
    ----------
    rate : array_like
        Firing rate in Hz, one number or shape (n,); in a network without a time unit, per unit of time.
        `Simulation.set` changes it.
    """

    rate: ArrayLike

    paper: ClassVar[str] = ""
    variables: ClassVar[tuple[str, ...]] = ()
    is_source: ClassVar[bool] = True
    changeable: ClassVar[tuple[str, ...]] = ("rate",)
    __repr__ = one_line

    def parameters(self, n: int, name: str) -> dict[str, Any]:
        """Return the rate, checked."""
        self.check(n, name)
        return {"rate": per_unit(self.rate, n, "rate", name, nonnegative=True)}

    def check(self, n: int, name: str) -> None:
        """Raise ValueError if a rate is negative or not finite."""
        rate = np.max(per_unit(self.rate, n, "rate", name, nonnegative=True))
        if rate > MOST_RATE:
            raise ValueError(
                f"rate of {name!r} must be at most {MOST_RATE:g} Hz, got {float(rate)!r}: "
                "time would hardly advance"
            )

    def build(self, context: BuildContext) -> Population:
        """Return the population that emits these spikes."""
        from eventsim.models.inputs._sources import PoissonPopulation

        rate: Any = np.asarray(per_unit(self.rate, context.n, "rate", context.name, nonnegative=True))
        with np.errstate(divide="ignore"):
            mean = 1.0 / (rate * context.seconds)
        return PoissonPopulation(
            context.n,
            context.name,
            mean,
            unit_keys(context.run_seed, context.n, "poisson", context.name),
            context.seconds,
        )
