"""A simulation that goes on with a larger network.

What is added has been there from time 0, on its own: sources have their spikes at the times they declare,
and neurons stand where they came without input from the rest. It is simulated up to the present for that.
From now on spikes travel between the old and the new. The state of the whole is put together from both, part
by part.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim.errors import ConfigError
from eventsim.network.fingerprint import same_declaration
from eventsim.population.population import Population, Recording
from eventsim.synapses.synapses import Synapses

if TYPE_CHECKING:
    from eventsim.network.network import Network
    from eventsim.simulation.build import CompiledNetwork

__all__ = ["added", "joined_body"]

SEQUENCE = np.uint64((1 << 48) - 1)


def added(old: Network, net: Network) -> Network:
    """Return the part of a network that another has not, without what connects the two.

    Raises
    ------
    ConfigError
        If something of `old` is missing or declared in another way, or nothing is added.
    """
    if (net.seed, net.time_unit) != (old.seed, old.time_unit):
        raise ConfigError("a simulation grows with the seed and the time unit that its network has")
    projections = {each.name: each for each in net.projections}
    for name, population in old.populations.items():
        _compare(name, population, net.populations.get(name))
    for projection in old.projections:
        _compare(projection.name, projection, projections.get(projection.name))
    before = len(old.plasticity)
    if not same_declaration(net.plasticity[:before], old.plasticity):
        raise ConfigError("plasticity rules stay as they are when a simulation grows; new ones come after")
    known = {*old.populations, *(each.name for each in old.projections)}
    rest = copy.copy(net)
    rest.populations = {name: each for name, each in net.populations.items() if name not in old.populations}
    rest.projections = [
        each for each in net.projections if each.pre in rest.populations and each.post in rest.populations
    ]
    mine = {*rest.populations, *(each.name for each in rest.projections)}
    rest.plasticity = []
    for name, rule in net.plasticity[before:]:
        if name in known:
            raise ConfigError(
                f"{name!r} was there without {type(rule).__name__}; rules begin with their projections"
            )
        if name in mine:
            rest.plasticity.append((name, rule))
    if not rest.populations and len(net.projections) == len(old.projections):
        raise ConfigError(
            "nothing was added to the network; add to it, or give another: sim.grow(net) takes a network "
            "with everything that this simulation has, and more"
        )
    return rest


def _compare(name: str, ours: Any, theirs: Any) -> None:
    if theirs is None:
        raise ConfigError(f"{name!r} is not in the network that is to go on; grow() adds only")
    if not same_declaration(ours, theirs):
        raise ConfigError(
            f"{name!r} is declared in another way than what runs; grow() adds only, and set(), set_weights() "
            "and set_delays() change what is there"
        )


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
    places = {_key(handler, counted): handler for handler in fresh.handlers}
    events: dict[str, list[Any]] = {name: [] for name in begin["events"]}
    slots, times, parts = [], [], dict(begin["handlers"])
    seen: Counter[str] = Counter()
    for compiled, body in zip((old, new), bodies, strict=False):
        assert compiled is not None
        engine: Any = compiled.engine
        ids = np.full(len(engine.handlers), -1)
        for handler in engine.handlers:
            target = places[_key(handler, seen)]
            ids[handler.id] = target.id
            if str(handler.id) in body["handlers"]:
                parts[str(target.id)] = body["handlers"][str(handler.id)]
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
        for name, column in table.items():
            events[name].append(column)
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


def _key(handler: Any, counted: Counter[str]) -> Hashable:
    """Return what a handler is called, alike in a network and in one that holds it and more."""
    if isinstance(handler, Population | Synapses):
        return type(handler).__name__, handler.name
    if isinstance(handler, Recording):
        return "recording", handler.population.name, handler.variable
    kind = type(handler).__name__  # of plasticity rules, which stand in the order in which they were declared
    counted[kind] += 1
    return kind, counted[kind]


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


def grown(sim: Any, net: Any) -> Any:
    """Return a simulation of `net` that goes on from where `sim` stands.

    Raises
    ------
    TypeError, ConfigError
        If this cannot be; then nothing has changed.
    """
    old = sim.net
    rest = added(old, net)
    if sim.hardware is not None:
        raise ConfigError(
            f"on {sim.hardware!r} a simulation cannot grow, as the device places the network as a whole; "
            "simulate the larger network"
        )
    if sim._stream is not None:
        raise ConfigError(
            f"a simulation that streams into {sim._stream.path}, which has its parts, cannot grow"
        )
    if own := sim.own_handlers():
        raise ConfigError(f"a simulation with {own} handlers of your own on its engine cannot grow")
    for name, population in net.populations.items():
        if getattr(population.model, "is_continuous", False) or getattr(population.model, "on_ticks", False):
            raise ConfigError(f"{name!r} runs on ticks, which begin together; declare it from the start")
    compiled = sim._ready()
    kind, schedule = type(sim), compiled.schedule
    try:
        whole = kind(net, schedule=schedule, trial=sim.trial, instant_loops=sim.instant_loops)
    except ConfigError as error:
        raise ConfigError(
            f"this simulation runs on the {schedule} schedule and cannot grow so: {error}; create it with "
            "schedule='ordered' to let it"
        ) from None
    built = whole._build()
    for source in built.private.keys() & old.populations.keys() | compiled.private.keys():
        if built.private.get(source) != compiled.private.get(source):
            raise ConfigError(_private(source))
    for source, target in built.private.items():
        if source not in old.populations and target in old.populations:
            raise ConfigError(_private(source))
    new, bodies = None, [sim.snapshot()]
    if rest.populations:
        windows = schedule == "windows" and any(not p.model.is_source for p in rest.populations.values())
        how = schedule if schedule == "ordered" or windows else "layered"
        new = kind(rest, schedule=how, trial=sim.trial, instant_loops=sim.instant_loops)
        new.run(sim.now)
        new._ready()
        bodies.append(new.snapshot())
    state = bodies[0]
    for request in sim._recording_requests:
        whole.record(*request[:4])
    for hook in sim._hooks:
        whole.on_spike(*hook)
    whole._agenda.entries = list(sim._agenda.entries)
    body = joined_body(built, compiled, new and new._build(), [each["body"] for each in bodies])
    whole.restore({**state, "network": whole._fingerprint(), "body": body})
    for name, log in sim._logs().items():
        whole._logs()[name].fill(*log.columns())
    names = [name for name in net.populations if name not in old.populations]
    names += [each.name for each in net.projections if each.name not in {one.name for one in old.projections}]
    whole._cleared = list(sim._cleared)
    whole._note(f"grown by {', '.join(names)}")
    return whole


def _private(source: str) -> str:
    return (
        f"spikes of {source!r}, which are not recorded, are drawn within its target on the windows schedule, "
        "which cannot begin or end in a run; create the simulation with schedule='ordered', or record them"
    )
