"""The parts of a network as they are declared: populations, projections, and the checks that both pass."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from functools import partial
from typing import Any, Protocol

import numpy as np

from eventsim import rng
from eventsim.connect import rules, values
from eventsim.connect.connections import Connections
from eventsim.connect.distributions import Distribution
from eventsim.connect.rules import AllToAll, ConnectionRule
from eventsim.connect.values import Value
from eventsim.contracts import DeclaredModel, PlasticityRule
from eventsim.errors import ConfigError, UnknownPart, did_you_mean
from eventsim.hints import named_for_users, of_text
from eventsim.rates.options import RateOptions
from eventsim.synapses import procedural


@named_for_users("Population")
@dataclass(frozen=True, slots=True)
class Population:
    """Units of one kind.

    Attributes
    ----------
    name : what messages, files and plots call it.
    model : the neuron or source, with its parameters.
    n : number of units, at least 1.
    record_spikes : whether its spikes are kept.
    """

    name: str
    model: Any
    n: int
    record_spikes: bool = True


class HoldsPopulations(Protocol):
    """What a projection needs to know of its network."""

    seed: int
    populations: dict[str, Population]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Projection:
    """Synapses from one population to another, as declared; made by `Network.connect`.

    Attributes
    ----------
    name, pre, post : names of the projection and of its two populations.
    rule : who is connected to whom.
    weight, delay : a number, a distribution, or an array as in `eventsim.connect.values`.
    autapses : False leaves out connections of a unit to itself.
    multapses : False refuses several synapses from one unit to another.
    rates : what is special to a projection of rates; None where spikes travel.
    receptor : number of the receptor of the target that spikes reach.
    storage : "arrays", "rows" or "procedural"; see `eventsim.synapses.procedural`.
    """

    name: str
    pre: str
    post: str
    rule: ConnectionRule
    weight: Value = field(repr=False)
    delay: Value = field(repr=False)
    autapses: bool = True
    multapses: bool = True
    rates: RateOptions | None = None
    receptor: int = 0
    storage: str = "arrays"

    @property
    def delay_kind(self) -> str:
        """What the delay belongs to: "uniform", "axonal", "dendritic" or "synaptic"."""
        return values.delay_kind(self.delay)

    def __repr__(self) -> str:
        delay = (
            short(self.delay) if isinstance(self.delay, float) else f"{self.delay_kind} {short(self.delay)}"
        )
        return f"<Projection {self.name!r}: {self.rule!r}, weight {short(self.weight)}, delay {delay}>"

    @property
    def label_of_pair(self) -> str:
        """How messages call its populations."""
        return f"'{self.pre} -> {self.post}'"

    @property
    def label(self) -> str:
        """How messages call it: its populations, and its own name where that says more."""
        ends = self.label_of_pair
        return ends if self.name == f"{self.pre}->{self.post}" else f"{ends} ({self.name!r})"

    def resolve(self, net: HoldsPopulations) -> Connections:
        """Return the synapses as arrays, the same at every call.

        The arrays may be read-only and shared with this declaration: whoever changes weights
        copies them.
        """
        n_pre, n_post = net.populations[self.pre].n, net.populations[self.post].n
        autapses = self.autapses or self.pre != self.post
        if self.storage != "arrays":
            synapses = procedural.pairs_by_row(self, net)
        elif type(self.rule) is AllToAll and autapses:  # chips are loaded for every batch: be quick
            synapses = Connections(n_pre, n_post, dense=True)
        else:
            synapses = self.rule.draw(self._stream(net, "pairs"), n_pre, n_post, autapses, self.multapses)
        weights, delays = (partial(self._stream, net, purpose) for purpose in ("weight", "delay"))
        synapses.weight = values.weights_of(self.weight, synapses, weights, self.label)
        synapses.delay, synapses.delay_kind = values.delays_of(self.delay, synapses, delays, self.label)
        return synapses

    def held_or_drawn(self, net: HoldsPopulations) -> Connections:
        """Return what a simulation is compiled from: the synapses, or what draws them at each spike."""
        return procedural.drawn_rows(self, net) if self.storage == "procedural" else self.resolve(net)

    def _stream(self, net: HoldsPopulations, purpose: str) -> np.random.Generator:
        return rng.stream(net.seed, "connect", self.name, purpose)


def check_kind(model: Any, name: str) -> None:
    """Raise TypeError unless units can be of this model."""
    if isinstance(model, type):
        raise TypeError(f"the model of {name!r} must be a neuron, got the class; write {model.__name__}(...)")
    if not isinstance(model, DeclaredModel):
        hint = of_text("eventsim.models", model)
        raise TypeError(
            f"the model of {name!r} must be a neuron such as es.models.LIF(), got {model!r:.60}{hint}"
        )


def changed_model(population: Population, changed: Mapping[str, Any]) -> Any:
    """Return the model of a population with other parameters."""
    model = population.model
    known = [field.name for field in fields(model)] if is_dataclass(model) else []
    for parameter in changed:
        if parameter not in known:
            raise UnknownPart(
                f"{population.name!r} is a {type(model).__name__}, which has no parameter {parameter!r}; "
                f"known: {', '.join(known) or 'none'}{did_you_mean(parameter, known)}"
            )
    return replace(model, **changed)


def receptor_number(target: Population, receptor: str) -> int:
    """Return the number of a receptor of a population."""
    known: Mapping[str, int] = getattr(target.model, "receptors", getattr(target.model, "ports", {}))
    if not isinstance(known, Mapping):  # a continuous population, whose first takes spikes
        known = {known[0]: 0} if known else {}
    if receptor in known:
        return known[receptor]
    if receptor == "input":
        return 0
    raise UnknownPart(
        f"{target.name!r} has no receptor {receptor!r}; known: {', '.join(known) or 'input'}"
        f"{did_you_mean(receptor, known)}"
    )


def is_continuous(model: Any) -> bool:
    """Return whether a model is advanced by ticks."""
    return bool(getattr(model, "is_continuous", False))


def needs_tick(model: Any) -> bool:
    """Return whether a model asks for a tick: a continuous one, or neurons integrated by steps."""
    return is_continuous(model) or bool(getattr(model, "on_ticks", False))


def sends_rates(model: Any) -> bool:
    """Return whether a model shows rates to its targets, rather than sending them spikes."""
    return is_continuous(model) and not getattr(model, "emits_spikes", False)


def is_on_hardware(model: Any) -> bool:
    """Return whether hardware transmits the spikes of a model: neurons and sources, not rates."""
    return not is_continuous(model) or bool(getattr(model, "on_hardware", False))


def sorted_out(
    rule: Any, weight: Any, delay: Any, n_pre: int, n_post: int, label: str
) -> tuple[ConnectionRule, Value, Value]:
    """Return rule, weight and delay in the forms that a Projection holds."""
    if rule is None and isinstance(weight, ConnectionRule):
        rule, weight = weight, None
    if isinstance(rule, np.ndarray) or values.is_sparse(rule):
        if weight is not None:
            raise ConfigError(f"{label} has its weights twice, as rule and as weight")
        rule, weight = None, rule
    if isinstance(rule, Iterable) and not isinstance(rule, str):
        rule, *columns = rules.tuples(rule, label)
        for what, column, given in zip(("weight", "delay"), columns, (weight, delay), strict=True):
            if column is not None and given is not None:
                raise ConfigError(f"{label} has its {what} twice, in the tuples and as {what}")
        weight = columns[0] if columns[0] is not None else weight
        delay = columns[1] if columns[1] is not None else delay
    if values.is_sparse(weight):
        if rule is not None:
            raise ConfigError(
                f"{label} has a rule and a sparse weight; the entries of the matrix are the synapses"
            )
        rule, weight = values.stored_entries(weight, n_pre, n_post, label)
    if values.is_sparse(delay):
        if not isinstance(rule, rules.Pairs):
            raise ConfigError(f"a sparse delay needs a sparse weight with the same entries, in {label}")
        delay = values.same_entries(delay, rule, n_pre, n_post, label)
    if rule is not None and not isinstance(rule, ConnectionRule):
        learning = "; net.add_plasticity takes it" if isinstance(rule, PlasticityRule) else ""
        raise TypeError(
            f"the rule of {label} must come from es.connect or be a list of tuples, got {rule!r:.60}"
            f"{of_text('eventsim.connect', rule)}{learning}"
        )

    weight = values.declared(1.0 if weight is None else weight, "weight", label)
    delay = values.declared(0.0 if delay is None else delay, "delay", label)
    if rule is None:
        rule = rules.AllToAll()
        if isinstance(weight, np.ndarray) and weight.shape != (n_pre, n_post):
            raise ValueError(f"weight of {label} has shape {weight.shape}, expected ({n_pre}, {n_post})")
    whole = isinstance(rule, rules.AllToAll) and np.shape(weight) == (n_pre, n_post)
    if not whole:  # the array of a dense projection stays as it was given
        weight = values.fitted(weight, rule, n_pre, n_post, "weight", label)
    return rule, weight, values.fitted(delay, rule, n_pre, n_post, "delay", label)


def connected_alike(one: Projection, other: Projection) -> bool:
    """Return whether two projections connect the same pair by the same rule with the same delay.

    Their weights do not count: a cell of a notebook that runs again may have another one.
    """
    if (one.pre, one.post, one.receptor) != (other.pre, other.post, other.receptor):
        return False
    rates, others = one.rates or RateOptions(), other.rates or RateOptions()
    if (rates.variable, rates.receptor) != (others.variable, others.receptor):
        return False
    mine, theirs = one.delay, other.delay
    if isinstance(mine, np.ndarray) or isinstance(theirs, np.ndarray):
        same = np.array_equal(np.asarray(mine), np.asarray(theirs))
    else:
        same = mine == theirs
    if not same:
        return False
    if isinstance(one.rule, rules.Pairs) and isinstance(other.rule, rules.Pairs):
        pairs = ((one.rule.pre, other.rule.pre), (one.rule.post, other.rule.post))
        return all(np.array_equal(units, others_units) for units, others_units in pairs)
    return bool(one.rule == other.rule)


def without_autapses(projection: Projection, rule: rules.Pairs) -> Projection:
    """Return the projection with the pairs, and the values listed with them, of different units."""
    kept = rule.kept(False)

    def rest(value: Value) -> Value:
        return value[kept] if isinstance(value, np.ndarray) and value.ndim == 1 else value

    return replace(
        projection,
        rule=rules.Pairs(rule.pre[kept], rule.post[kept]),
        weight=rest(projection.weight),
        delay=rest(projection.delay),
    )


def min_delay(projection: Projection, net: HoldsPopulations) -> float:
    """Return the smallest delay, or a positive bound of it where that is all that is asked."""
    delay = projection.delay
    if isinstance(delay, float):
        least = delay
    elif isinstance(delay, Distribution):
        least = delay.smallest
    else:
        least = float(np.min(delay, initial=np.inf))
    if least > 0 or projection.storage == "procedural":
        return least
    return projection.resolve(net).min_delay


def check_name(name: Any, kind: str) -> None:
    """Raise TypeError or ValueError unless a population or projection can be called so."""
    if not isinstance(name, str):
        raise TypeError(f"the name of a {kind} must be a string, got {name!r:.60}")
    if not name.strip() or name in (".", "..") or "/" in name or not name.isprintable():
        raise ValueError(f"a {kind} needs a printable name without '/', got {name!r}")


def short(value: Value) -> str:
    """Return a weight or delay as a table shows it."""
    if isinstance(value, np.ndarray):
        return f"array {value.shape}"
    return f"{value:g}" if isinstance(value, float) else repr(value)


def table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Return the lines of a table whose columns are as wide as they need to be."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  " + "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def reconnected(net: HoldsPopulations, projection: Projection, changed: Mapping[str, Any]) -> Projection:
    """Return a projection with another rule, weight or delay."""
    wrong = changed.keys() - {"rule", "weight", "delay"}
    if wrong:
        raise UnknownPart(
            f"a projection has no parameter {min(wrong)!r} to change; known: rule, weight, delay"
            f"{did_you_mean(min(wrong), ('rule', 'weight', 'delay'))}"
        )
    n_pre, n_post = net.populations[projection.pre].n, net.populations[projection.post].n
    rule, weight, delay = sorted_out(
        changed.get("rule", projection.rule),
        changed.get("weight", projection.weight),
        changed.get("delay", projection.delay),
        n_pre,
        n_post,
        projection.label,
    )
    autapses = projection.autapses or projection.pre != projection.post
    rule.check(n_pre, n_post, autapses, projection.multapses, projection.label)
    changed_one = replace(projection, rule=rule, weight=weight, delay=delay)
    procedural.check_storage(changed_one)
    return changed_one
