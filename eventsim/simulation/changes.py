"""What is changed in a simulation while it goes on: parameters of neurons, weights, functions at a time.

A change is made at the present time, before whatever happens at that time: the clock stands at t, all events
before t have been handled, none at t. A function that `at` schedules for t is called in that very place, so
changes between runs and changes scheduled in one run are the same to the bit, on every schedule.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike

from eventsim.connect import values as projection_values
from eventsim.connect.distributions import Distribution
from eventsim.errors import ConfigError, EventOrderError, UnknownPart, did_you_mean
from eventsim.hints import named_for_users
from eventsim.io.plain import plain_array, shown
from eventsim.network.declared import Population, Projection, changed_model
from eventsim.parameters import one_time
from eventsim.rates.simulation import ContinuousSide
from eventsim.rng import stream
from eventsim.selections import selected
from eventsim.simulation.delays import checked_delays, put_delays, wanted_window
from eventsim.states import LATEST, state_number, state_part

if TYPE_CHECKING:
    from eventsim.simulation.build import CompiledNetwork

__all__ = ["Agenda", "ChangeableModel", "Changes", "ChangesSide"]


@runtime_checkable
class ChangeableModel(Protocol):
    """A model whose parameters may change while it runs.

    `set_parameters` of its population takes what ``parameters(n, name)`` returns, all parameters checked, or
    ``solver_parameters(n, name)`` where it has that. If they are no attributes, the model has
    ``value_of(name)`` and ``with_values(values)``.
    """

    @property
    def changeable(self) -> tuple[str, ...]:
        """Parameters that may change."""


class Agenda:
    """Functions to be called at a time, in the order of time and then of asking."""

    def __init__(self) -> None:
        self.entries: list[tuple[float, int, Callable[[Any], object]]] = []
        self.done = 0
        self.busy = False

    def add(self, time: float, function: Callable[[Any], object]) -> None:
        """Put a function down for a time that has not passed."""
        place = bisect.bisect_right(self.entries, time, lo=self.done, key=lambda entry: entry[0])
        self.entries.insert(place, (time, len(self.entries), function))

    @property
    def next_time(self) -> float:
        """When the next function is due; inf if there is none."""
        return self.entries[self.done][0] if self.done < len(self.entries) else math.inf

    def call(self, sim: Any) -> None:
        """Call the next function."""
        function = self.entries[self.done][2]
        self.done += 1
        self.busy = True
        try:
            function(sim)
        finally:
            self.busy = False

    def called_at(self, now: float) -> int:
        """Return how many functions of the time `now` have been called."""
        return sum(entry[0] == now for entry in self.entries[: self.done])

    def go_to(self, now: float, called: int) -> None:
        """Let all functions from `now` on be due, but for those of this very time that have been called."""
        first = bisect.bisect_left(self.entries, now, key=lambda entry: entry[0])
        at_once = bisect.bisect_right(self.entries, now, key=lambda entry: entry[0]) - first
        self.done = first + min(called, at_once)


class Changes:
    """What has been changed since the simulation began.

    Attributes
    ----------
    models : models with other parameters, by population.
    weights : other weights, by projection, a number or an array of shape (n_syn,).
    delays : other delays, by projection, in a form of `Synapses.delays`.
    lines : what was changed and when, a line each.
    """

    def __init__(self) -> None:
        self.models: dict[str, Any] = {}
        self.weights: dict[str, Any] = {}
        self.delays: dict[str, Any] = {}
        self.lines: list[str] = []


@named_for_users("Simulation")
class ChangesSide(ContinuousSide):
    """What `Simulation` offers to change it while it goes on."""

    _changes: Changes
    _agenda: Agenda
    _first_weights: dict[str, Any]  # those of the network, by projection, of those that were changed
    _first_delays: dict[str, Any]
    hardware: Any

    @property
    def now(self) -> float:
        """The clock, in the network's time unit."""
        raise NotImplementedError

    def _declared(self, population: str) -> Population:
        raise NotImplementedError

    def _begin(self, compiled: CompiledNetwork) -> None:
        raise NotImplementedError

    def at(self, time: float, function: Callable[[Any], object]) -> None:
        """Call ``function(simulation)`` when the clock stands at `time`, before the events of that time.

        The function may call `set`, `set_weights`, `stimulate`, and `at` for a later time. Functions of one
        time are called in the order in which they were asked for. They belong to this simulation: a snapshot
        holds what they changed, not the functions.

        Parameters
        ----------
        time : float
            Not before now, in the network's time unit; a run that ends there leaves the call to the next.
        function : callable

        Raises
        ------
        EventOrderError
            If the time has passed or is not finite.
        """
        time = one_time(time, "the time of a function")
        if not callable(function):
            raise TypeError(f"at() calls function(simulation), got {shown(function)}")
        if not self.now <= time < math.inf:
            raise EventOrderError(
                f"cannot call a function at {time} {self.net.time_unit}: the clock is at {self.now}, and the "
                "time must be finite"
            )
        self._agenda.add(time, function)

    def set(
        self, population: str | Population, *, units: ArrayLike | slice | None = None, **parameters: Any
    ) -> None:
        """Change parameters of a population, from now on.

        The membranes stay where they are, and pending spikes are computed again, exactly. A membrane at its
        new threshold or above spikes at once; a refractory unit stays refractory as long as it was to be.

        Parameters
        ----------
        population : str
        units : array_like of int or of bool, or slice, optional
            Which units; all unless given.
        **parameters
            By name, one number or one for each of the units, in the units of the model.

        Raises
        ------
        UnknownPart, ValueError, TypeError, ConfigError
            If there is no such population, unit or parameter, a value does not do, or the parameter cannot
            change on this schedule; then nothing has changed.
        """
        population = _name(population)
        declared = self._declared(population)
        model = self._changes.models.get(population, declared.model)
        self._refuse_on_hardware("parameters")
        if not isinstance(model, ChangeableModel):
            raise ConfigError(
                f"parameters of {population!r}, a {type(model).__name__}, stay as declared; "
                "LIF, AdEx and their kin, CustomNeuron and Poisson can be changed"
            )
        if not parameters:
            known = ", ".join(model.changeable)
            raise TypeError(f"set({population!r}) needs a parameter to change, of {known}")
        names = {field.name for field in fields(model)}  # type: ignore[arg-type]
        for name in parameters:
            if name in names and name not in model.changeable:
                raise ConfigError(
                    f"{name!r} of {population!r} acts at the start of a run only; what can be changed: "
                    f"{', '.join(model.changeable)}"
                )
        if units is not None:
            chosen = selected(units, declared.n, "units", repr(population))
            parameters = {
                name: _merged(_parameter(model, name), value, chosen, declared.n, f"{name} of {population!r}")
                for name, value in parameters.items()
            }
        changed = _with_parameters(declared, model, parameters)
        values = _checked(changed, declared.n, population)  # looks at them, before anything happens
        for name in parameters:
            if name not in changed.changeable:
                raise ConfigError(
                    f"{name} of {population!r} cannot become {shown(parameters[name])} while it runs; "
                    "declare it so, or change the value at a time with at()"
                )
        compiled = self._ready()
        handler: Any = compiled.populations[population]
        self._check_schedule(compiled, handler, population, values)
        handler.set_parameters(values, compiled.engine, self.now)
        self._changes.models[population] = changed
        what = ", ".join(f"{name} = {_short(value)}" for name, value in parameters.items())
        self._note(f"{population}: {what}")

    def get(self, population: str | Population, parameter: str) -> Any:
        """Return the present value of a parameter of a population: a number, or an array of shape (n,)."""
        population = _name(population)
        declared = self._declared(population)
        model = self._changes.models.get(population, declared.model)
        _with_parameters(declared, model, {parameter: _parameter(model, parameter)})  # refuses unknown names
        value = _parameter(model, parameter)
        return value if np.ndim(value) == 0 else np.array(value)

    def set_weights(
        self,
        projection: str | Projection,
        weight: ArrayLike | Distribution | None = None,
        bias: ArrayLike | None = None,
    ) -> None:
        """Replace the weights of a projection from now on; weights or bias of rates from the next tick on.

        A spike takes the weight that its synapse has when it arrives, so spikes under way arrive with the new
        weight. A plasticity rule goes on from the new weights.

        Parameters
        ----------
        projection : str
        weight : float, Distribution or array_like
            Of a projection that carries spikes: one number, a distribution that each weight is drawn from, an
            array of shape (n_pre, n_post), of which the synapses take their entries, or one of shape (n_syn,)
            in the order of `weights`. Of one of rates, in the shape that `weights` returns.
        bias : array_like, optional
            Of a projection of rates.

        Raises
        ------
        UnknownPart, ValueError, TypeError, ConfigError
            If there is no such projection, or a value does not do; then nothing has changed.
        """
        compiled = self._build()
        projection = _name(projection)
        declared = next((each for each in self.net.projections if each.name == projection), None)
        if declared is None or projection in compiled.parts:
            if isinstance(weight, Distribution):
                raise TypeError(
                    f"{projection!r} takes an array of weights, got {weight!r}; draw the values first"
                )
            super().set_weights(projection, weight, bias)
            return
        self._refuse_on_hardware("weights")
        if bias is not None or weight is None:
            raise ConfigError(f"{projection!r} carries spikes: it takes a weight and no bias")
        label = f"weight of {projection!r}"
        synapses = next((each for each in compiled.synapses if each.name == projection), None)
        if synapses is not None:
            synapses.check_changeable()
        drawn: Any = self._drawn(projection, "weight", weight, 1 if synapses is None else synapses.n)
        values = plain_array(drawn, label, "biuf").astype(float)
        if not np.isfinite(values).all():
            raise ValueError(f"{label} must be finite")
        if synapses is None:  # the target draws the spikes of its private source itself
            if values.ndim:
                raise ConfigError(
                    f"{projection!r} has one weight for all on the windows schedule; create the simulation "
                    "with schedule='ordered' to give it several"
                )
        elif values.ndim:
            n_pre, n_post = self.net.populations[declared.pre].n, self.net.populations[declared.post].n
            if values.shape == (n_pre, n_post):
                pre, post, *_ = synapses.edges()
                values = values[pre, post]
            elif values.shape != (synapses.n,):
                raise ValueError(
                    f"{label} has shape {values.shape}, expected (), ({n_pre}, {n_post}) or ({synapses.n},)"
                )
        self._check_bounds(projection, values.reshape(-1))
        self._ready()
        if projection not in self._first_weights:
            self._first_weights[projection] = declared.weight if synapses is None else synapses.edges()[2]
        one = values.item() if values.ndim == 0 else values
        self._put_weights(compiled, projection, one)
        self._changes.weights[projection] = one
        self._note(f"{_changed(projection, 'weight')}{_short(values)}")

    def set_delays(self, projection: str | Projection, delay: ArrayLike | Distribution) -> None:
        """Change the delays of a projection that carries spikes, for spikes emitted from now on.

        Spikes that are under way arrive when they were to, also if one that is emitted later overtakes them.
        On the windows schedule windows become shorter where a delay asks for it.

        Parameters
        ----------
        projection : str
        delay : float, Distribution or array_like
            At least 0, in the network's time unit: one number, a distribution that each delay is drawn from,
            (n_pre, 1) for each source, (1, n_post) for
            each target, (n_pre, n_post), of which the synapses take their entries, or (n_syn,) in the order
            of `weights`.

        Raises
        ------
        UnknownPart, ValueError, TypeError, ConfigError
            If there is no such projection, a delay does not do, or a plasticity rule needs those it has; then
            nothing has changed.

        Examples
        --------
        >>> import eventsim as es
        >>> net = es.Network()
        >>> _ = net.add("source", es.models.SpikeSource(times=[1.0, 5.0]), 1)
        >>> _ = net.add("cell", es.models.LIFDelta(), 1)
        >>> _ = net.connect("source", "cell", weight=2.0, delay=3.0)
        >>> sim = es.Simulation(net)
        >>> sim.run(2.0)
        >>> sim.set_delays("source->cell", 0.5)
        >>> sim.run(10.0)
        >>> print(*sim.spikes("cell").times)
        4.0 5.5
        """
        compiled = self._build()
        projection = _name(projection)
        label = f"{projection!r}"
        declared = next((each for each in self.net.projections if each.name == projection), None)
        if declared is None or projection in compiled.parts:
            self._part(projection)  # refuses names that nothing has
            raise ConfigError(
                f"{label} carries rates, whose delays stay as declared; spikes' delays can change"
            )
        self._refuse_on_hardware("delays")
        synapses = next((each for each in compiled.synapses if each.name == projection), None)
        if synapses is None:
            raise ConfigError(
                f"{label} is drawn by its targets on the windows schedule, with the delay that it has; "
                "create the simulation with schedule='ordered' to change it"
            )
        for name, rule in self.net.plasticity:
            if name == projection and not getattr(rule, "delays_may_change", False):
                raise ConfigError(
                    f"{label} has {type(rule).__name__}, which relies on the delays it began with; "
                    "PairSTDP, TripletSTDP and InhibitorySTDP with delay='axonal' do not"
                )
        if isinstance(delay, Distribution):
            delay = self._drawn(
                projection, "delay", projection_values.declared(delay, "delay", label), synapses.n
            )
        delays = checked_delays(delay, synapses, label)
        instant_loops: bool = getattr(self, "instant_loops", False)
        width = wanted_window(self.net, compiled, synapses, delays, instant_loops)
        self._ready()
        self._first_delays.setdefault(projection, synapses.delays)
        put_delays(compiled, synapses, delays)
        if compiled.sweeps and width < compiled.sweeps.width:
            compiled.sweeps.narrow(width)
        self._changes.delays[projection] = delays
        self._note(f"{_changed(projection, 'delay')}{_short(delays)}")

    # Inside -----------------------------------------------------------------------------------------

    def _drawn(self, projection: str, what: str, value: Any, n: int) -> Any:
        """Return values as they are, or drawn for each synapse, anew at each change of the projection."""
        if not isinstance(value, Distribution):
            return value
        head = _changed(projection, what)
        before = sum(line.partition(": ")[2].startswith(head) for line in self._changes.lines)
        return value.draw(stream(self.net.seed, "change", projection, what, before), n)

    def _ready(self) -> CompiledNetwork:
        """Return what runs, with all populations at the present time."""
        compiled = self._build()
        self._begin(compiled)
        if compiled.sweeps:
            compiled.sweeps.settle()
        return compiled

    def _refuse_on_hardware(self, what: str) -> None:
        if self.hardware is not None:
            raise ConfigError(
                f"on {self.hardware!r} {what} are what the device makes of them; change the network with "
                "net.change() and simulate it again"
            )

    def _check_schedule(
        self, compiled: CompiledNetwork, handler: Any, name: str, values: Mapping[str, Any]
    ) -> None:
        """Raise ConfigError if windows cannot take these parameters."""
        if compiled.schedule != "windows":
            return
        kinetic = ("tau_mem", "tau_syn", "c_mem")
        before = self._changes.models.get(name, self.net.populations[name].model)
        for parameter in kinetic:
            old = getattr(before, parameter, None)
            if old is not None and not np.array_equal(values[parameter], old):
                raise ConfigError(
                    f"{parameter} of {name!r} decides the windows of this schedule; create the simulation "
                    "with schedule='ordered' to change it"
                )

    def _check_bounds(self, projection: str, weight: Any) -> None:
        """Raise ValueError if weights are beyond the bounds of a plasticity rule."""
        for name, rule in self.net.plasticity:
            low, high = getattr(rule, "weight_bounds", (-math.inf, math.inf))
            outside = weight[(weight < low) | (weight > high)]
            if name == projection and len(outside):
                raise ValueError(
                    f"weight of {projection!r} must lie between {low:g} and {high:g}, the bounds of its "
                    f"{type(rule).__name__}, got {outside[0]:g}"
                )

    def _put_weights(self, compiled: CompiledNetwork, projection: str, values: Any) -> None:
        plastic = any(name == projection for name, _ in self.net.plasticity)
        for synapses in compiled.synapses:
            if synapses.name == projection:
                synapses.set_weights(values, plastic)
                synapses.tell_of_new_weights()
                return
        declared = next(each for each in self.net.projections if each.name == projection)
        target: Any = compiled.populations[declared.post]
        target.set_private_weight(compiled.populations[declared.pre], float(values))

    def _note(self, what: str) -> None:
        self._changes.lines.append(f"{self.now!r} {self.net.time_unit}: {what}")

    def _changes_state(self) -> dict[str, Any]:
        """Return what has been changed, for a snapshot; empty if nothing has."""
        called = self._agenda.called_at(self.now)
        if not self._changes.lines and not called:
            return {}
        return {
            "changes": {
                "lines": "\n".join(self._changes.lines),
                "called": called,
                "models": {
                    name: {key: np.array(_parameter(model, key), float) for key in model.changeable}
                    for name, model in self._changes.models.items()
                },
                "weights": {name: np.array(value) for name, value in self._changes.weights.items()},
                **(
                    {"delays": {name: np.array(value) for name, value in self._changes.delays.items()}}
                    if self._changes.delays
                    else {}
                ),
            }
        }

    def _checked_changes(self, state: Mapping[str, Any]) -> tuple[Changes, int]:
        """Return the changes of a snapshot, and how many functions of its time were called."""
        found = Changes()
        if "changes" not in state:
            return found, 0
        part = state_part(state, "changes")
        text = part.get("lines")
        if not isinstance(text, str):
            raise ValueError(f"'lines' in the state must be text, got {text!r:.60}")
        found.lines = text.splitlines()
        for name, values in state_part(part, "models").items():
            declared = self._declared(name)
            if not isinstance(declared.model, ChangeableModel):
                raise ValueError(f"the state has parameters of {name!r}, which cannot change")
            one = {key: float(each) if np.ndim(each) == 0 else each for key, each in values.items()}
            found.models[name] = _with_parameters(declared, declared.model, one)
            _checked(found.models[name], declared.n, name)
        sizes = {each.name: each.n for each in self._build().synapses}
        for name, given in state_part(part, "weights").items():
            weight = np.asarray(given)
            known = any(each.name == name for each in self.net.projections)
            if not known or weight.dtype.kind != "f" or weight.shape not in ((), (sizes.get(name),)):
                raise ValueError(f"the state has weights of {name!r} that do not fit it")
            found.weights[name] = float(weight) if weight.ndim == 0 else weight
        for name, given in state_part({"delays": {}, **part}, "delays").items():
            found.delays[name] = self._checked_delays(name, np.asarray(given))
        return found, int(state_number({"called": 0, **part}, "called", np.int64, 0, LATEST))

    def _checked_delays(self, name: str, delays: Any) -> Any:
        """Return delays of a snapshot."""
        synapses = next((each for each in self._build().synapses if each.name == name), None)
        forms = () if synapses is None else ((), (synapses.pre.n, 1), (synapses.n,))
        fits = delays.dtype.kind == "f" and delays.shape in forms
        if not fits or not (np.isfinite(delays) & (delays >= 0)).all():
            raise ValueError(f"the state has delays of {name!r} that do not fit it")
        return float(delays) if delays.ndim == 0 else delays

    def _put_delays(self, compiled: CompiledNetwork, before: Changes, after: Changes) -> None:
        """Go from the delays of one set of changes to those of another; spikes under way stay as they are."""
        for synapses in compiled.synapses:
            name = synapses.name
            if name not in before.delays and name not in after.delays:
                continue
            self._first_delays.setdefault(name, synapses.delays)
            delays = after.delays.get(name, self._first_delays[name])
            if compiled.sweeps:
                in_flight = compiled.sweeps.in_flight[name]
                in_flight.put_delays(delays, in_flight.snapshot())
            else:
                synapses.put_delays(delays)

    def _put_changes(self, compiled: CompiledNetwork, found: Changes, called: int) -> None:
        """Have what a snapshot had changed, and nothing else; the state itself is there already."""
        for name in {**self._changes.models, **found.models}:
            declared = self.net.populations[name]
            model = found.models.get(name, declared.model)
            handler: Any = compiled.populations[name]
            handler.set_parameters(_checked(model, declared.n, name))
        # The state of a rule that changes weights has them.
        plastic = {name for name, rule in self.net.plasticity if getattr(rule, "changes_weights", True)}
        for name in {**self._changes.weights, **found.weights}:
            if name not in plastic:
                self._put_weights(compiled, name, found.weights.get(name, self._first_weights.get(name)))
        self._changes = found
        self._agenda.go_to(self.now, called)


def _name(part: str | Population | Projection) -> str:
    """Return the name of a population or projection, which may be given itself."""
    return part.name if isinstance(part, Population | Projection) else part


def _parameter(model: Any, name: str) -> Any:
    """Return the value of a parameter; 0 if there is no such."""
    if hasattr(model, "value_of"):
        return model.value_of(name) if name in model.changeable else getattr(model, name, 0.0)
    return getattr(model, name, 0.0)


def _with_parameters(declared: Population, model: Any, changed: Mapping[str, Any]) -> Any:
    """Return a model of a population with other parameters, or raise UnknownPart for one that it has not."""
    names = {field.name for field in fields(model)}
    if not hasattr(model, "with_values") or not hasattr(model, "value_of"):
        return changed_model(declared, {**{name: getattr(model, name) for name in names}, **changed})
    for name in changed:
        if name not in model.changeable and name not in names:
            raise UnknownPart(
                f"{declared.name!r} is a {type(model).__name__}, which has no parameter {name!r}; "
                f"known: {', '.join(model.changeable)}{did_you_mean(name, model.changeable)}"
            )
    return model.with_values(changed)


def _checked(model: Any, n: int, name: str) -> Mapping[str, Any]:
    """Return all parameters of a model, checked, as `set_parameters` of its population takes them."""
    check = getattr(model, "solver_parameters", None) or model.parameters
    values: Mapping[str, Any] = check(n, name)
    return values


def _merged(old: Any, value: Any, chosen: Any, n: int, label: str) -> Any:
    """Return values for all units: `value` for those chosen, `old` for the others."""
    given = plain_array(value, label, "iuf")
    if given.shape not in ((), (len(chosen),)):
        raise ValueError(f"{label} has shape {given.shape}, expected () or ({len(chosen)},)")
    values = np.array(np.broadcast_to(old, n), float)
    values[chosen] = given
    return values


def _changed(projection: str, what: str) -> str:
    """Return how a line begins, after its time, that says what the synapses of a projection became."""
    return f"{projection}: {what} = "


def _short(value: Any) -> str:
    """Return a value for a line: the number, or the bounds of several."""
    array = np.asarray(value, float)
    if array.ndim == 0 or array.size == 1:
        return f"{array.item()!r}"
    return f"{array.size} values in [{array.min():g}, {array.max():g}]" if array.size else "no values"
