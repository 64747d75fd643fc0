"""A simulation that goes on with a larger network.

What is added has been there from time 0, on its own: sources have their spikes at the times they declare,
and neurons stand where they came without input from the rest. It is simulated up to the present for that.
From now on spikes travel between the old and the new. The state of the whole is put together from both, part
by part.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim.errors import ConfigError
from eventsim.network.declaration import stored_declaration
from eventsim.network.declared import needs_tick
from eventsim.network.fingerprint import same_declaration
from eventsim.network.network import is_continuous
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
            if old.ticks and compiled.ticks:  # all go on by the tick of those that run
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
        elif isinstance(handler, Population | Synapses) or getattr(handler, "name", ""):
            yield handler, (kind, handler.name)
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


def grown(sim: Any, net: Any) -> Any:
    """Return a simulation of `net` that goes on from where `sim` stands.

    Raises
    ------
    TypeError, ConfigError
        If this cannot be; then nothing has changed.
    """
    sim._build()
    rest = added(sim._asked, net)
    old = sim.net
    if own := sim.own_handlers():
        raise ConfigError(f"a simulation with {own} handlers of your own on its engine cannot grow")
    if not sim._dt:
        for name, population in net.populations.items():
            if needs_tick(population.model):
                raise ConfigError(
                    f"{name!r} runs on ticks, and this simulation was made without any, so without dt; "
                    "declare a population on ticks from the start"
                )
    compiled = sim._ready()
    kind, schedule = type(sim), compiled.schedule
    options = {"trial": sim.trial, "instant_loops": sim.instant_loops}
    ticking = {"dt": sim._dt or None, "batch": sim.batch, "dtype": sim.dtype}
    try:
        whole = kind(net, sim.hardware, schedule=schedule, **options, **ticking)
    except ConfigError as error:
        raise ConfigError(
            f"this simulation runs on the {schedule} schedule and cannot grow so: {error}; create it with "
            "schedule='ordered' to let it"
        ) from None
    built = whole._build()
    if sim.hardware is not None:
        _refuse_moved(sim, compiled, whole, built)
        rest = added(old, whole.net)
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
        device = None if sim.hardware is None else _Placed(sim.hardware, net)
        if not any(needs_tick(population.model) for population in rest.populations.values()):
            ticking = {}
        elif not any(is_continuous(population.model) for population in rest.populations.values()):
            del ticking["batch"]
        new = kind(rest, device, schedule=how, **options, **ticking)
        new.run(sim.now)
        if compiled.ticks and new._build().ticks and new._build().ticks.k < compiled.ticks.k:
            new.run(sim.now, inclusive=True)  # as the others came to this tick
        new._ready()
        bodies.append(new.snapshot())
    state = bodies[0]
    for request in sim._recording_requests:
        continuous = is_continuous(net.populations[request.population].model)
        whole.record(*request[:4], request.samples if continuous else None)
    for hook in sim._hooks:
        whole.on_spike(*hook)
    whole._agenda.entries = list(sim._agenda.entries)
    body = joined_body(built, compiled, new and new._build(), [each["body"] for each in bodies])
    whole.restore({**state, "network": whole._fingerprint(), "body": body})
    for name, log in sim._logs().items():
        whole._logs()[name].fill(*log.columns())
    whole._signals = dict(sim._signals)
    whole._repeat_signals()
    names = [name for name in net.populations if name not in old.populations]
    names += [each.name for each in net.projections if each.name not in {one.name for one in old.projections}]
    whole._cleared = list(sim._cleared)
    whole._note(f"grown by {', '.join(names)}")
    if sim._stream is not None:
        whole._stream, whole._streamed_to = sim._stream, sim._streamed_to
        whole._announce(sim._stream)
        sim._stream.put(declaration=stored_declaration(whole._asked, sim._stored_network))
    return whole


class _Placed:
    """The device that a larger network is placed on, for a part of it whose parameters are known."""

    def __init__(self, hardware: Any, net: Network) -> None:
        self.hardware, self.net = hardware, net

    def transform(self, network: Network, trial: int = 0) -> Network:
        """Return the part itself."""
        return network

    def transmissions(self, network: Network, trial: int = 0) -> dict[str, Any]:
        """Return how its spikes leave."""
        found = self.hardware.transmissions(self.net, trial)
        return {name: each for name, each in found.items() if name in network.populations}


def _refuse_moved(sim: Any, compiled: CompiledNetwork, whole: Any, built: CompiledNetwork) -> None:
    """Raise ConfigError if the device would have something of before elsewhere in the larger network."""
    theirs = {**whole.net.populations, **{each.name: each for each in whole.net.projections}}
    ours = {**sim.net.populations, **{each.name: each for each in sim.net.projections}}
    moved = [name for name, each in ours.items() if not same_declaration(each, theirs[name])]
    for name, population in compiled.populations.items():
        one: Any = population.transmission
        other: Any = built.populations[name].transmission
        if one is None and other is None:
            continue
        if not (hasattr(one, "settings") and hasattr(other, "settings")):
            moved.append(name)
        elif one.bus is not None or other.bus is not None:
            raise ConfigError(
                f"spikes on {sim.hardware!r} share a bus, which those that are added would have shared from "
                "the start; simulate the larger network"
            )
        elif not all(map(np.array_equal, one.settings(), other.settings())):
            moved.append(name)
    if moved:
        raise ConfigError(
            f"on {sim.hardware!r} {moved[0]!r} would lie elsewhere in the larger network, with other "
            "deviations, so it cannot grow while it runs; simulate the larger network"
        )


def _private(source: str) -> str:
    return (
        f"spikes of {source!r}, which are not recorded, are drawn within its target on the windows schedule, "
        "which cannot begin or end in a run; create the simulation with schedule='ordered', or record them"
    )
