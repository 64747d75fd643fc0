"""A simulation that goes on with a larger network.

What is added has been there from time 0, on its own: sources have their spikes at the times they declare,
and neurons stand where they came without input from the rest. It is simulated up to the present for that.
From now on spikes travel between the old and the new. The state of the whole is put together from both, part
by part.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim.errors import ConfigError
from eventsim.network.declaration import stored_declaration
from eventsim.network.declared import needs_tick
from eventsim.network.fingerprint import same_declaration
from eventsim.network.network import is_continuous
from eventsim.simulation.joined_states import joined_body

if TYPE_CHECKING:
    from eventsim.network.network import Network
    from eventsim.simulation.build import CompiledNetwork

__all__ = ["added", "grown"]


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
            modulator = getattr(rule, "modulator", None)
            if modulator in old.populations:
                raise ConfigError(
                    f"the reward of {name!r} comes from {modulator!r}, whose spikes so far it has not seen; "
                    "let it come from a population that is added too, or declare both from the start"
                )
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
        if schedule == "ordered":
            raise ConfigError(f"this simulation cannot grow so: {error}") from None
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
