"""Delays that change while a simulation goes on.

A spike that is emitted from now on travels by the new delays; one that is under way arrives when it was to.
On the windows schedule no spike may arrive in the window in which it is emitted, so that windows become as
short as the shortest delay asks for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim.connect import values
from eventsim.connect.distributions import Distribution
from eventsim.errors import ConfigError
from eventsim.synapses.procedural_synapses import ProceduralSynapses

if TYPE_CHECKING:
    from eventsim.network.network import Network
    from eventsim.simulation.build import CompiledNetwork
    from eventsim.synapses.synapses import Synapses

__all__ = ["checked_delays", "put_delays", "wanted_window"]

MOST_PLACES = 2**31 - 1
NARROWEST = 0.02  # share of the first width below which windows do not go; they never widen again


def checked_delays(delay: Any, synapses: Synapses, label: str) -> Any:
    """Return delays as `Synapses.delays` has them: a number, or an array (n_pre, 1) or (n,).

    Parameters
    ----------
    delay : float or array_like
        One for all; (n_pre, 1), (1, n_post) or (n_pre, n_post), looked up for each synapse; (n,).

    Raises
    ------
    ValueError, TypeError, ConfigError
        If it is none of these, or not finite, or negative.
    """
    given = values.declared(delay, "delay", label)
    if isinstance(given, Distribution):
        raise TypeError(
            f"delay of {label} must be a number or an array, got {given!r}; draw the values first"
        )
    n_pre, n_post, n = synapses.pre.n, synapses.post.n, synapses.n
    own = np.ndim(synapses.delays) == 1  # and stays so: traces of plasticity and snapshots are of that form
    if (own or (not isinstance(given, float) and given.shape != (n_pre, 1))) and 2 * n + n_pre > MOST_PLACES:
        raise ConfigError(f"{label} has {n} synapses; delays of each can change for up to {MOST_PLACES // 2}")
    if isinstance(given, float):
        return np.full(n, given) if own else given
    if given.shape == (n_pre, 1):
        if not own:
            return given.astype(float)
    elif isinstance(synapses, ProceduralSynapses):
        raise ConfigError(
            f"{label} holds no synapses (storage='procedural'), so its delay is one number or "
            f"({n_pre}, 1), one for each source; got shape {given.shape}"
        )
    if given.shape in ((n_pre, 1), (1, n_post), (n_pre, n_post)):
        pre, post, *_ = synapses.edges()
        found = np.broadcast_to(given, (n_pre, n_post))[pre, post].astype(float)
    elif given.shape == (n,):
        found = given.astype(float)
    else:
        raise ValueError(
            f"delay of {label} has shape {given.shape}, expected (), ({n_pre}, 1) for each source, "
            f"(1, {n_post}) for each target, ({n_pre}, {n_post}) or ({n},)"
        )
    if synapses.observers and not own:
        raise ConfigError(
            f"the plasticity of {label} has one trace for all synapses of a source, which have one delay; "
            "declare it with a delay of each synapse to give them several"
        )
    return found


def put_delays(compiled: CompiledNetwork, synapses: Synapses, delays: Any) -> None:
    """Let spikes from now on have these delays, in a form of `checked_delays`; others arrive as before."""
    own = np.ndim(delays) == 1
    if compiled.engine:
        engine = compiled.engine
        arrival, places, emitted = engine.pending_of(synapses)
        n = len(places)
        if own:
            places, arrival, emitted = synapses.late_places(places, arrival, emitted)
        synapses.put_delays(delays)
        engine.relabel(synapses, places, arrival[n:], emitted[n:])
    elif compiled.sweeps:
        in_flight = compiled.sweeps.in_flight[synapses.name]
        spikes = in_flight.snapshot()
        if own:
            names = ("place", "arrival", "emitted")
            found = synapses.late_places(*(spikes[name] for name in names))
            spikes = dict(zip(names, found, strict=True))
        in_flight.put_delays(delays, spikes)


def wanted_window(
    net: Network, compiled: CompiledNetwork, synapses: Synapses, delays: Any, instant_loops: bool
) -> float:
    """Return how wide windows may be with these delays; the present width where they need not change.

    Raises
    ------
    ConfigError
        If the schedule cannot do with such short delays; the message says what can.
    """
    name, least = synapses.name, float(np.min(delays, initial=np.inf))
    pre, post = synapses.pre, synapses.post
    if compiled.engine:
        if least == 0.0 < synapses.min_delay and pre.id >= post.id and not instant_loops:
            raise ConfigError(
                f"{name!r} cannot lose its delay: within one instant {post.name!r} comes before "
                f"{pre.name!r}, as was decided when the network was built; "
                "a delay > 0 can be set, or 0 be declared"
            )
        return 0.0
    sweeps = compiled.sweeps
    assert sweeps is not None
    order = [runner.population for runner in sweeps.runners]
    rules = [rule for of, rule in net.plasticity if of == name]
    follows = any(getattr(rule, "follows_targets", True) for rule in rules)
    if not sweeps.width or (order.index(pre) < order.index(post) and not follows):
        return sweeps.width
    width = min((1 - 1e-9) * least, sweeps.width)
    if width < NARROWEST * sweeps.first_width:
        raise ConfigError(
            f"a delay of {least:g} in {name!r} is too short for the windows schedule, whose windows are "
            f"{sweeps.width:g} long; create the simulation with schedule='ordered' to set it"
        )
    return width
