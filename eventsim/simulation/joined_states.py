"""The state of a grown network, put together part by part from that of what ran and of what was added."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim.errors import ConfigError
from eventsim.population.population import Population, Recording

if TYPE_CHECKING:
    from eventsim.simulation.build import CompiledNetwork

__all__ = ["joined_body"]


def joined_body(
    whole: CompiledNetwork,
    old: CompiledNetwork,
    new: CompiledNetwork | None,
    bodies: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """Return the state of a grown network, as its engine or its sweeps take it.

    Parameters
    ----------
    whole, old, new : CompiledNetwork
        The grown network, just built; the one that runs, settled; what was added, run to the same time.
    bodies : of the snapshots of `old` and `new`.
    """
    if whole.sweeps is not None:
        return _joined_sweeps(whole, old, bodies)
    fresh: Any = whole.engine
    begin = fresh.snapshot()
    base = bodies[0]["sequence"]
    counted: Counter[str] = Counter()
    places = {key: handler for handler, key in _keys(whole, counted)}
    carried = set()
    events: dict[str, list[Any]] = {name: [] for name in begin["events"]}
    slots, times, parts = [], [], dict(begin["handlers"])
    seen: Counter[str] = Counter()
    for compiled, body in zip((old, new), bodies, strict=False):
        assert compiled is not None
        engine: Any = compiled.engine
        ids = np.full(len(engine.handlers), -1)
        for handler, key in _keys(compiled, seen):
            target = places[key]
            ids[handler.id] = target.id
            if str(handler.id) in body["handlers"]:
                _refuse_longer(target, parts.get(str(target.id)), body["handlers"][str(handler.id)])
                parts[str(target.id)] = body["handlers"][str(handler.id)]
                carried.add(str(target.id))
            if handler.n_slots:
                mine = body["crossings"]["slot"] - handler.first_slot
                within = (mine >= 0) & (mine < handler.n_slots)
                slots.append(mine[within] + target.first_slot)
                times.append(body["crossings"]["time"][within])
        table = dict(body["events"])
        table["handler"] = ids[table["handler"]].astype(np.int32)
        if compiled is new:
            if (table["slot"] >= 0).any():
                raise ConfigError(
                    "a PlasticityKernel in what is added has a calendar of its own; declare it from the start"
                )
            table["order"] = table["order"] + np.uint64(base)
            if old.ticks and compiled.ticks and whole.ticks:  # all go on by the tick of those that run
                kept = table["handler"] != whole.ticks.id
                table = {name: column[kept] for name, column in table.items()}
        for name, column in table.items():
            events[name].append(column)
    if whole.ticks:  # projections of rates between the old and the new begin at this tick
        k = parts[str(whole.ticks.id)]["k"]
        for number in parts.keys() - carried:
            if "tick" in parts[number]:
                parts[number] = {**parts[number], "tick": max(k - 1, 0)}
    return {
        **begin,
        "time": bodies[0]["time"],
        "sequence": sum(body["sequence"] for body in bodies),
        "processed": sum(body["processed"] for body in bodies),
        "events": {name: np.concatenate(columns) for name, columns in events.items()},
        "tokens": bodies[0]["tokens"],
        "ticks": bodies[0]["ticks"],
        "crossings": {
            "slot": np.concatenate(slots or [np.empty(0)]).astype(np.int32),
            "time": np.concatenate(times or [np.empty(0)]),
        },
        "handlers": parts,
    }


def _keys(compiled: CompiledNetwork, counted: Counter[str]) -> Iterator[tuple[Any, Hashable]]:
    """Yield the handlers of a network, each with a name that is alike in one that holds it and more."""
    engine: Any = compiled.engine
    leaving = {id(each.transmission): name for name, each in compiled.populations.items()}
    for handler in engine.handlers:
        kind = type(handler).__name__
        if id(handler) in leaving:
            yield handler, ("transmission", leaving[id(handler)])
        elif isinstance(handler, Recording):
            yield handler, ("recording", handler.population.name, handler.variable)
        elif handler is compiled.ticks:
            yield handler, "ticks"
        elif name := getattr(handler, "name", None):
            yield handler, (kind, name)
        else:  # of plasticity rules, which stand in the order in which they were declared
            counted[kind] += 1
            yield handler, (kind, counted[kind])


def _refuse_longer(handler: Any, fresh: Any, state: Any) -> None:
    """Raise ConfigError if a population would have to know its rates of longer ago than it kept them."""
    if not isinstance(fresh, Mapping) or not isinstance(handler, Population):
        return
    for name, array in fresh.items():
        if str(name).startswith("past") and np.shape(state.get(name, ())) != np.shape(array):
            kept = len(state[name]) if name in state else 1
            raise ConfigError(
                f"a delay that is added needs the rates of {handler.name!r} of the last {len(array)} ticks, "
                f"and those of {kept} were kept; declare a projection with this delay from the start"
            )


def _joined_sweeps(
    whole: CompiledNetwork, old: CompiledNetwork, bodies: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    sweeps: Any = whole.sweeps
    before: Any = old.sweeps
    begin = sweeps.snapshot()
    now = bodies[0]["now"]
    joined = dict(begin, now=now)
    for part in ("flights", "populations", "plasticity"):
        parts = [each.get(part, {}) for each in (begin, *bodies)]
        merged = {name: state for each in parts for name, state in each.items()}
        if merged:
            joined[part] = merged
    if sweeps.width:  # windows begin anew, as long as the old and the new allow
        joined |= {"window": 0, "origin": now, "width": min(sweeps.width, before.width)}
    return joined
