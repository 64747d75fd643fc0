"""The side of a simulation that faces continuous populations: input signals, nudges, weights, ticks."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eventsim.errors import ConfigError, UnknownPart, did_you_mean
from eventsim.hints import named_for_users
from eventsim.io.plain import plain_array
from eventsim.network.network import Network, is_continuous, needs_tick
from eventsim.parameters import one_number
from eventsim.renamed import warn_renamed
from eventsim.selections import selected

if TYPE_CHECKING:
    from eventsim.rates.ticks import Continuous, InputSignal
    from eventsim.simulation.build import CompiledNetwork

Values = ArrayLike | Callable[[float], ArrayLike]


@named_for_users("Simulation")
class ContinuousSide:
    """What `Simulation` offers for continuous populations.

    Attributes
    ----------
    dt : float, tick in the network's time unit.
    batch : int, samples computed side by side.
    dtype : "float64" or "float32".
    """

    net: Network
    _needs_order: str | None
    _signals: dict[tuple[str, str], tuple[Any, ...]]

    def _build(self) -> CompiledNetwork:
        raise NotImplementedError

    def run(self, until: float) -> None:  # noqa: D102
        raise NotImplementedError

    def _set_tick(self, dt: float | None, batch: int, dtype: str) -> None:
        names = [name for name, p in self.net.populations.items() if is_continuous(p.model)]
        stepped = [name for name, p in self.net.populations.items() if needs_tick(p.model)]
        if stepped:
            if dt is None:
                what = "is continuous and" if names else "is integrated by steps and"
                raise ConfigError(f"{stepped[0]!r} {what} needs a tick; write Simulation(net, dt=...)")
            if not (one_number(dt, "dt") > 0):
                raise ConfigError(f"dt must be positive, got {dt!r}")
            kind = "a continuous population" if names else "a population on ticks"
            self._needs_order = f"{kind} ({stepped[0]!r})"
        elif dt is not None:
            raise ConfigError("dt is for populations on ticks, of which this network has none")
        if batch != 1 and not names:
            raise ConfigError("batch is for continuous populations, of which this network has none")
        if isinstance(batch, bool) or not isinstance(batch, int | np.integer) or batch < 1:
            raise ConfigError(f"batch must be an integer of at least 1, got {batch!r}")
        if np.dtype(dtype) not in (np.float32, np.float64):
            raise ConfigError(f"dtype must be float64 or float32, got {dtype!r}")
        self._dt = 0.0 if dt is None else float(dt)
        self.batch, self.dtype = int(batch), np.dtype(dtype).name

    @property
    def dt(self) -> float:
        """The tick of continuous populations."""
        if not self._dt:
            raise ConfigError("this network has no continuous populations, so there is no tick")
        return self._dt

    # From outside -----------------------------------------------------------------------------------

    def set_input(
        self,
        population: str,
        values: Values | None,
        *,
        every: float | None = None,
        start: float | None = None,
        repeat: bool = False,
    ) -> None:
        """Set the input signal of a population: the rates of a `RateInput`, or a current added to neurons.

        It holds until the next call.

        Parameters
        ----------
        population : str
        values : array_like, callable or None
            Without `every` constant, shape (n,) or (batch, n). With it a series, shape (steps, n) or
            (steps, batch, n); the last step holds on. A callable gets the time of each tick and returns a
            constant. None ends the input.
        every : float, optional
            How long a step of the series holds, a multiple of the tick.
        start : float, optional
            When the series begins; the next tick unless given.
        repeat : bool
            Whether the series starts again after its last step.

        Raises
        ------
        UnknownPart, ConfigError, ValueError
            If there is no such continuous population, or the values do not fit.
        """
        handler = self._continuous(population)
        if not handler.is_source and not handler.receptors:
            raise ConfigError(f"{population!r} takes no input")
        signal = None if values is None else self._input_signal(population, values, every, start, repeat)
        handler.set_input(signal)
        self._signals["set_input", population] = (signal,)

    def drive(self, population: str, values: Values | None, **options: Any) -> None:
        """Call `set_input`, the name of today."""
        warn_renamed("Simulation.drive", "Simulation.set_input")
        self.set_input(population, values, **options)

    def nudge(
        self,
        population: str,
        target: Values | None,
        beta: float = 0.1,
        *,
        kind: str = "rate",
        every: float | None = None,
        start: float | None = None,
        repeat: bool = False,
    ) -> None:
        """Pull neurons towards a target, until the next call.

        Parameters
        ----------
        population : str
        target : array_like, callable or None
            As in `set_input`; of the same time as the rate it is compared with. None ends it.
        beta : float
            Strength; 0 ends it too.
        kind : {"rate", "voltage", "cross_entropy"}
            The error is beta phi' (target - r), beta (target - ub), or beta phi' (target - softmax(r)).
        every, start, repeat : as in `set_input`

        Raises
        ------
        UnknownPart, ConfigError, ValueError
            If there is no such population of neurons, or the target does not fit.
        """
        handler: Any = self._continuous(population)
        if not hasattr(handler, "nudge_to"):
            raise ConfigError(f"{population!r} has no errors and cannot be nudged")
        if kind not in ("rate", "voltage", "cross_entropy"):
            raise ConfigError(f"kind must be rate, voltage or cross_entropy, got {kind!r}")
        strength = one_number(beta, "beta", low=0)
        signal = (
            None
            if target is None or strength == 0
            else self._input_signal(population, target, every, start, repeat)
        )
        handler.nudge_to(signal, strength, kind)
        self._signals["nudge_to", population] = (signal, strength, kind)

    def set_weights(
        self, projection: str, weight: ArrayLike | None = None, bias: ArrayLike | None = None
    ) -> None:
        """Replace weights, or bias, of a projection of rates from the next tick on.

        Parameters
        ----------
        projection : str
        weight, bias : array_like, optional
            In the shapes that `weights` and `bias` return.
        """
        part = self._part(projection)
        if not hasattr(part, "set_weights"):
            raise ConfigError(f"weights of {projection!r} lead to spiking neurons and stay as declared")
        old_weight, old_bias = part.weights()
        for what, new, old in (("weight", weight, old_weight), ("bias", bias, old_bias)):
            if new is None:
                continue
            if not hasattr(new, "toarray"):  # a sparse matrix has its own checks
                plain_array(new, f"{what} of {projection!r}", "biuf")
            if old is None:
                raise ConfigError(f"{projection!r} has no bias")
            shape = getattr(new, "shape", np.shape(new))
            if shape != old.shape:
                raise ValueError(f"{what} of {projection!r} has shape {shape}, expected {old.shape}")
            if not np.isfinite(getattr(new, "data", new) if hasattr(new, "toarray") else new).all():
                raise ValueError(f"{what} of {projection!r} must be finite")
        part.set_weights(weight, bias)

    def quantize_weights(
        self, projection: str, step: float, limit: float = np.inf, gain: ArrayLike | None = None
    ) -> None:
        """Multiply rates with weights in steps from the next tick on; the weights that learn stay fine.

        Parameters
        ----------
        projection : str
            All to all, with one delay or one for each source; its feedback is a projection as well.
        step : float
            Distance of two neighbouring weights; 0 for any weight.
        limit : float
            Weights are cut to +-limit before they are rounded.
        gain : array_like, shape (n_pre, n_post), optional
            What each rounded weight is multiplied with, such as the fixed pattern of a chip; not where each
            source has a delay.

        Raises
        ------
        ConfigError
            If the projection is of another kind.
        ValueError
            If `gain` has another shape, or is not finite.
        """
        part = self._part(projection)
        if not hasattr(part, "quantize"):
            raise ConfigError(f"weights of {projection!r} cannot be quantized: it needs to be all to all")
        step = one_number(step, "step", low=0)
        limit = limit if limit == np.inf else one_number(limit, "limit", low=0)
        from eventsim.rates.axonal import Axonal

        if gain is None:
            part.quantize(step, limit)
            self._signals["quantize", projection] = (step, limit)
            return
        if isinstance(part, Axonal):
            raise ConfigError(f"weights of {projection!r} have delays for each source, and take no gain")
        factors, shape = np.array(gain, float), part.weights()[0].shape
        if factors.shape != shape or not np.isfinite(factors).all():
            raise ValueError(f"gain of {projection!r} must be finite, of shape {shape}, got {factors.shape}")
        part.quantize(step, limit, factors)
        self._signals["quantize", projection] = (step, limit, factors)

    def set_learning_rate(self, name: str, learning_rate: float) -> None:
        """Change the rate of the rule of a projection or population from the next tick on; 0 stops it."""
        learns = any(name == learner for learner, _ in self.net.plasticity)
        compiled = self._build()
        target: Any = compiled.parts.get(name, compiled.populations.get(name))
        if not learns or not hasattr(target, "set_learning_rate"):
            known = ", ".join(learner for learner, _ in self.net.plasticity) or "none"
            raise UnknownPart(f"{name!r} has no plasticity rule; known: {known}")
        checked = one_number(learning_rate, "learning_rate", low=0)
        target.set_learning_rate(checked)
        self._signals["set_learning_rate", name] = (checked,)

    # Results ----------------------------------------------------------------------------------------

    def bias(self, projection: str) -> NDArray[Any]:
        """Return a copy of the present bias of a projection of rates."""
        bias = self._part(projection).weights()[1]
        if bias is None:
            raise ConfigError(f"{projection!r} has no bias")
        return np.asarray(bias)

    def array(self, population: str, variable: str = "rate") -> NDArray[Any]:
        """Return a copy of a variable as of the last tick, shape (batch, n).

        `tau_mem` and `tau_r`, shape (n,), can be asked for too, and weights inside a population by name.
        """
        handler: Any = self._continuous(population)
        if variable in handler.arrays:
            return np.array(handler.arrays[variable])
        if variable in ("tau_mem", "tau_r") and hasattr(handler, variable):
            return np.array(getattr(handler, variable))
        weights = handler.weights() if hasattr(handler, "weights") else {}
        if variable in weights:
            return np.array(weights[variable])
        known = ", ".join([*handler.arrays, *weights])
        raise UnknownPart(
            f"{population!r} has no variable {variable!r}; known: {known}"
            f"{did_you_mean(variable, handler.arrays)}"
        )

    def run_ticks(self, n: int) -> None:
        """Run n ticks more, exactly, however their times are rounded."""
        if n < 0 or n != int(n):
            raise ValueError(f"the number of ticks must be a whole number of at least 0, got {n!r}")
        compiled = self._build()
        if compiled.ticks is None:
            raise ConfigError("this network has no continuous populations, so there is no tick")
        k = compiled.ticks.k + int(n)
        if n:
            self.run(k * self.dt)

    # Inside -----------------------------------------------------------------------------------------

    def _repeat_signals(self) -> None:
        """Give input signals, nudges and learning rates to populations that were built anew."""
        compiled = self._build()
        for (method, name), arguments in self._signals.items():
            target: Any = compiled.parts.get(name, compiled.populations.get(name))
            getattr(target, method)(*map(copy.copy, arguments))  # a signal counts its rows itself

    def _continuous(self, population: str) -> Continuous:
        if population not in self.net.populations:
            names = ", ".join(self.net.populations) or "none"
            raise UnknownPart(
                f"no population named {population!r} in this network; known: {names}"
                f"{did_you_mean(population, self.net.populations)}"
            )
        if not is_continuous(self.net.populations[population].model):
            raise ConfigError(f"{population!r} is not continuous; spikes are added with stimulate()")
        handler: Any = self._build().populations[population]
        found: Continuous = handler
        return found

    def _part(self, projection: str) -> Any:
        parts = self._build().parts
        if projection not in parts:
            known = [
                *(p.name for p in self.net.projections),
                *(name for name in parts if name.endswith(" feedback")),
            ]
            if projection in known:
                raise ConfigError(f"{projection!r} carries spikes")
            raise UnknownPart(
                f"no projection named {projection!r}; known: {', '.join(known) or 'none'}"
                f"{did_you_mean(projection, known)}"
            )
        return parts[projection]

    def _samples(self, population: str, samples: ArrayLike | slice | None) -> NDArray[np.int64]:
        """Return the samples to record, checked."""
        if not is_continuous(self.net.populations[population].model):
            if samples is not None:
                raise ConfigError(f"{population!r} is not continuous and has no samples")
            return np.zeros(1, np.int64)
        return selected(samples, self.batch, "samples", repr(population))

    def _input_signal(
        self, population: str, values: Any, every: float | None, start: float | None, repeat: bool
    ) -> InputSignal:
        """Return what comes from outside as rows of (batch, n), one for each tick or group of ticks."""
        from eventsim.rates.compile import delay_in_ticks
        from eventsim.rates.ticks import InputSignal

        n = self.net.populations[population].n
        shape, dtype = (self.batch, n), np.dtype(self.dtype)
        if callable(values):
            if every is not None:
                raise ConfigError("a callable is asked at every tick; leave `every` out")
            return InputSignal(values, shape, dtype)
        array = plain_array(values, f"values for {population!r}")
        if array.dtype.kind not in "fiub":
            raise TypeError(f"values for {population!r} must be numbers, got {array.dtype}")
        hold, first = 1, 0
        if every is None:
            array = array[None]
        else:
            hold = delay_in_ticks(one_number(every, "every"), self.dt, "a step of the series")
            if hold < 1 or array.ndim == 0 or len(array) == 0:
                raise ValueError(f"a series for {population!r} needs steps, and `every` of at least the tick")
            if array.ndim == 2:
                array = array[:, None, :]
            ticks = self._build().ticks
            first = ticks.k if start is None and ticks else delay_in_ticks(start or 0.0, self.dt, "the start")
        if (
            array.ndim > 3
            or array.shape[-1:] != (n,)
            or (array.ndim == 3 and array.shape[1] not in (1, self.batch))
        ):
            steps = "" if every is None else "steps, "
            raise ValueError(
                f"values for {population!r} have shape {np.shape(values)}, "
                f"expected ({steps}{n}) or ({steps}{self.batch}, {n})"
            )
        if array.ndim == 2:
            array = array[:, None, :]
        if not np.isfinite(array).all():
            raise ValueError(f"values for {population!r} must be finite")
        rows = np.array(np.broadcast_to(array, (len(array), *shape)), dtype, order="C")
        return InputSignal(rows, shape, dtype, first, hold, repeat)
