"""From a declared network to one that runs: populations, synapses, and the choice of schedule.

Three schedules have one meaning. *Ordered* goes event by event through the queue; it is always
possible and the oracle of the others. *Windows* advances populations by the shortest delay at a
time. *Layered* runs the populations of a network without loops one after another. The choice
depends on the network and on what is to be observed, never on threads.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from eventsim.connect.rules import Connections, OneToOne
from eventsim.contracts import (
    AdvancesInWindows,
    BuildContext,
    ForeseesSpikes,
    SpikingPlasticityRule,
    TakesPrivateSources,
    WindowedPlasticityRule,
)
from eventsim.engine.engine import Engine
from eventsim.errors import ConfigError, UnknownPart, did_you_mean
from eventsim.network.network import Network, Projection, is_continuous, sends_rates
from eventsim.population.population import OutputFilter, Population, PrivateSource
from eventsim.rng import trial_seed
from eventsim.schedules.schedules import Sweeps
from eventsim.synapses.observers import ModulatorSpikes
from eventsim.synapses.procedural import DrawnRows
from eventsim.synapses.procedural_synapses import ProceduralSynapses
from eventsim.synapses.shared_synapses import laid_out
from eventsim.synapses.synapses import Synapses

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eventsim.rates.ticks import Ticks

SCHEDULES = ("auto", "ordered", "windows", "layered")
SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "1": 1.0}
LEAST_WINDOW = 0.02  # of the longest useful window; below, carrying all units over costs more than the queue


@dataclass(slots=True)
class CompiledNetwork:
    """A network that runs."""

    schedule: str
    populations: dict[str, Population]
    synapses: list[Synapses]
    engine: Engine | None = None
    sweeps: Sweeps | None = None
    private: dict[str, str] = field(default_factory=dict)  # private source -> the population that draws it
    ticks: Ticks | None = None
    parts: dict[str, Any] = field(default_factory=dict)  # projections of rates by name

    def __del__(self) -> None:
        # Populations and recordings know each other: samples must not wait for the collector of cycles.
        for population in getattr(self, "populations", {}).values():  # it may be half made
            population.recordings.clear()


def build(
    net: Network,
    schedule: str,
    needs_order: str | None,
    dt: float = 0.0,
    batch: int = 1,
    dtype: str = "float64",
    transmissions: Mapping[str, OutputFilter] | None = None,
    trial: int = 0,
    instant_loops: bool = False,
    shared: Mapping[str, Synapses] | None = None,
) -> CompiledNetwork:
    """Build a network.

    Parameters
    ----------
    net : Network
    schedule : {"auto", "ordered", "windows", "layered"}
    needs_order : str or None
        What was asked for that only the ordered schedule does, for the message if another is forced.
    dt, batch, dtype
        Tick, samples and precision of continuous populations, if there are any.
    transmissions : mapping of str to OutputFilter, optional
        What the spikes of a population pass on their way out.
    trial : int
        Number of the run; what is drawn while it goes on, such as Poisson spikes, follows from it too.
    instant_loops : bool
        Whether loops without delay are allowed (ordered schedule).
    shared : mapping of str to Synapses, optional
        Synapses of another simulation of this network, by projection, that are not laid out again.

    Raises
    ------
    ConfigError
        For a loop without delay, or a schedule that this network cannot run on.
    """
    if schedule not in SCHEDULES:
        raise ConfigError(f"no schedule is called {schedule!r}; known: {', '.join(SCHEDULES)}")
    for name, rule in net.plasticity:
        if isinstance(rule, SpikingPlasticityRule):
            on_hardware = f"the plasticity of {name!r} on hardware" if transmissions else None
            needs_order = needs_order or _order_needed(rule) or on_hardware
    if schedule in ("windows", "layered") and needs_order:
        raise ConfigError(
            f"{needs_order} needs the ordered schedule, but schedule={schedule!r} was asked for"
        )
    on_rates = [name for name, rule in net.plasticity if not isinstance(rule, SpikingPlasticityRule)]
    if on_rates and not any(is_continuous(p.model) for p in net.populations.values()):
        raise ConfigError(
            f"{on_rates[0]!r} has a plasticity rule that acts on ticks, but no population here is continuous"
        )
    populations = {
        p.name: p.model.build(
            BuildContext(
                p.n, p.name, net.seed, SECONDS[net.time_unit], dt, batch, dtype, net.time_unit, trial
            )
        )
        for p in net.populations.values()
    }
    for declared in net.populations.values():
        population = populations[declared.name]
        population.keep(declared.record_spikes)
        for event in population.event_logs:
            if f"{declared.name}.{event}" in populations:
                raise ConfigError(
                    f"'{declared.name}.{event}' is a population, and the name of the events of {event!r} in "
                    f"{declared.name!r} too; give the population another name"
                )
    for name, way_out in (transmissions or {}).items():
        populations[name].set_transmission(way_out)
    spiking = [p for p in net.projections if not sends_rates(net.populations[p.pre].model)]
    known = shared or {}
    connections = [laid_out(known[p.name]) if p.name in known else p.held_or_drawn(net) for p in spiking]
    delays = {p.name: c.min_delay for p, c in zip(spiking, connections, strict=True)}
    try:
        order = net.zero_delay_order([delays.get(p.name, np.inf) for p in net.projections])
    except ConfigError as error:
        if not instant_loops:
            raise
        if schedule in ("windows", "layered"):
            raise ConfigError(
                f"a loop without delay needs the ordered schedule, but schedule={schedule!r} was asked for; "
                f"{error}"
            ) from None
        order = list(net.populations)  # of one instant: crossings by order of declaration, then by unit
        needs_order = needs_order or "a loop without delay"
    plan = _Plan(net, populations, spiking, connections)
    chosen, why_not = plan.choose(schedule, bool(needs_order))
    if why_not:
        raise ConfigError(why_not)
    private = plan.private_sources() if chosen == "windows" else {}
    synapses = []
    for projection, arrays in zip(spiking, connections, strict=True):
        pre, post = populations[projection.pre], populations[projection.post]
        if projection.pre in private:
            post.add_private_source(pre, cast(float, arrays.weight), cast(float, arrays.delay))
        else:
            kind = ProceduralSynapses if isinstance(arrays, DrawnRows) else Synapses
            laid = known.get(projection.name, arrays)
            synapses.append(kind(projection.name, pre, post, laid, projection.receptor))
    compiled = CompiledNetwork(chosen, populations, synapses, private=private)
    if chosen == "ordered":
        compiled.engine = _engine(net, populations, synapses, order)
        _attach_rules(net, populations, synapses, compiled.engine, trial_seed(net.seed, trial))
        if any(is_continuous(p.model) for p in net.populations.values()):
            from eventsim.rates.compile import ticks_of

            compiled.ticks, compiled.parts = ticks_of(net, populations, compiled.engine, dt)
    else:
        _attach_rules(net, populations, synapses, None, trial_seed(net.seed, trial))
        if chosen == "layered":
            order = plan.layers() or order
        order = sorted(
            order, key=lambda name: not populations[name].is_source
        )  # sources first, else as it was
        compiled.sweeps = Sweeps(
            [(populations[name], name in private) for name in order],
            synapses,
            plan.window() if chosen == "windows" else 0.0,
            _estimate(net, populations, synapses),
        )
    return compiled


def _engine(
    net: Network, populations: dict[str, Population], synapses: list[Synapses], order: list[str]
) -> Engine:
    """Return an engine that knows all handlers; crossings of one instant are looked at in `order`."""
    engine = Engine()
    for name in order:
        population = populations[name]
        engine.register(population)
        if population.transmission is not None:
            engine.register(population.transmission)
        if not is_continuous(net.populations[name].model):
            engine.reserve(population, population.n)
    for projection in synapses:
        engine.register(projection)
        projection.pre.add_sink(projection)
    return engine


def _order_needed(rule: Any) -> str | None:
    """Return what of a plasticity rule needs the ordered schedule, for a message; None if nothing does."""
    if isinstance(rule, WindowedPlasticityRule):
        return rule.needs_order
    return "a plasticity kernel"


def _attach_rules(
    net: Network,
    populations: dict[str, Population],
    synapses: list[Synapses],
    engine: Engine | None,
    seed: int,
) -> None:
    """Attach the plasticity rules of projections that carry spikes."""
    known = {each.name: each for each in synapses}
    rules = [(name, rule) for name, rule in net.plasticity if isinstance(rule, SpikingPlasticityRule)]
    _refuse_rivals(rules)
    # Scaling goes first: what goes with it takes its weights over.
    for name, rule in sorted(rules, key=lambda each: not getattr(each[1], "scales_weights", False)):
        if name not in known:
            raise ConfigError(f"{name!r} has a plasticity rule for projections of spikes, which it is not")
        known[name].check_changeable()
        _check_modulator(net, name, getattr(rule, "modulator", None))
        rule.attach_spiking(known[name], engine, seed)
    for projection in synapses:
        for observer in projection.observers:
            _check_modulator(net, projection.name, observer.modulator)
            if engine is not None and observer.modulator is not None:
                populations[observer.modulator].add_sink(ModulatorSpikes(observer))


def _check_modulator(net: Network, name: str, modulator: str | None) -> None:
    """Raise ConfigError or UnknownPart if the plasticity of a projection cannot see these spikes."""
    if modulator is None:
        return
    if modulator not in net.populations:
        raise UnknownPart(
            f"the reward of {name!r} must come from a population, got {modulator!r}; known: "
            f"{', '.join(net.populations)}{did_you_mean(modulator, net.populations)}"
        )
    if is_continuous(net.populations[modulator].model):
        raise ConfigError(f"the reward of {name!r} must come from spikes, but {modulator!r} has rates")


def _refuse_rivals(rules: list[tuple[str, SpikingPlasticityRule]]) -> None:
    """Raise ConfigError if two rules would change the same weights."""
    first: dict[str, list[SpikingPlasticityRule]] = {}
    for name, rule in rules:
        if not getattr(rule, "changes_weights", True):
            continue
        others = first.setdefault(name, [])
        others.append(rule)
        pair = sorted(others, key=lambda each: not getattr(each, "scales_weights", False))
        together = len(pair) == 2 and getattr(pair[0], "scales_weights", False)
        if len(pair) > 1 and not (together and getattr(pair[1], "takes_scaling", False)):
            names = " and ".join(type(each).__name__ for each in others)
            raise ConfigError(
                f"the weights of {name!r} follow one rule, or SynapticScaling with PairSTDP or TripletSTDP; "
                f"got {names}"
            )


class _Plan:
    """What a network allows."""

    def __init__(
        self,
        net: Network,
        populations: dict[str, Population],
        projections: Sequence[Projection],
        connections: Sequence[Connections],
    ) -> None:
        self.net = net
        self.projections = projections
        self.populations = populations
        self.connections = connections
        rules = [each for each in net.plasticity if isinstance(each[1], SpikingPlasticityRule)]
        self.plastic = {name for name, _ in rules}
        self.modulators = {getattr(rule, "modulator", None) for _, rule in rules}
        # Their weights follow spikes of targets, which must be known when a spike arrives.
        self.following = [name for name, rule in rules if getattr(rule, "follows_targets", True)]

    def choose(self, schedule: str, needs_order: bool) -> tuple[str, str]:
        """Return the schedule, and why the wanted one is impossible ("" if it is possible)."""
        if schedule == "ordered" or (schedule == "auto" and needs_order):
            return "ordered", ""
        named = self.populations.items()
        stuck = [name for name, p in named if not (p.is_source or isinstance(p, AdvancesInWindows))]
        uneven = [name for name, p in named if not (p.is_source or p.windowed)]
        loop = self.layers() is None
        window = self.window()
        instant = [name for name in self.following if self._min_delay(name) <= 0]
        if instant and schedule == "windows":
            return (
                schedule,
                f"the plasticity of {instant[0]!r}, a projection without delay, needs the ordered schedule",
            )
        if self.following and schedule == "layered":
            return (
                schedule,
                f"the plasticity of {self.following[0]!r} follows its targets' spikes; layers handle none",
            )
        if schedule == "layered":
            if loop:
                return schedule, "the layered schedule needs a network without loops"
            return schedule, f"{stuck[0]!r} runs on the ordered schedule only" if stuck else ""
        if schedule == "windows":
            if stuck:
                return schedule, f"{stuck[0]!r} runs on the ordered schedule only"
            if uneven:
                return (
                    schedule,
                    f"{uneven[0]!r} has parameters per unit, which windows do not handle",
                )
            return schedule, "" if window > 0 else "the windows schedule needs a delay > 0"
        if stuck:
            return "ordered", ""
        windows = not uneven and not instant and window > 0 and window >= LEAST_WINDOW * self._useful()
        if loop or self.following:
            return ("windows" if windows else "ordered"), ""
        return ("windows" if windows and self.private_sources() else "layered"), ""

    def layers(self) -> list[str] | None:
        """Return the populations in feed-forward order, or None if there is a loop."""
        try:
            return self.net.zero_delay_order([0.0] * len(self.net.projections))
        except ConfigError:
            return None

    def _min_delay(self, name: str) -> float:
        """Return the shortest delay of a projection."""
        pairs = zip(self.projections, self.connections, strict=True)
        return min((c.min_delay for projection, c in pairs if projection.name == name), default=np.inf)

    def _useful(self) -> float:
        return min(
            (p.max_window for p in self.populations.values() if isinstance(p, AdvancesInWindows)),
            default=np.inf,
        )

    def window(self) -> float:
        """Return the width of a window: within the shortest delay and what populations can use."""
        delays = [
            c.min_delay
            for projection, c in zip(self.projections, self.connections, strict=True)
            if c.min_delay > 0
            and (projection.name in self.following or not self.populations[projection.pre].is_source)
        ]
        # A bit less than the delay, so that rounding lets no spike arrive in the window it was emitted in.
        width = min((1 - 1e-9) * min(delays, default=np.inf), self._useful())
        return width if np.isfinite(width) else 0.0

    def private_sources(self) -> dict[str, str]:
        """Return the unrecorded sources whose every unit drives the like unit of one population."""
        private: dict[str, str] = {}
        outgoing: dict[str, list[tuple[Projection, Connections]]] = {name: [] for name in self.populations}
        for projection, arrays in zip(self.projections, self.connections, strict=True):
            outgoing[projection.pre].append((projection, arrays))
        for name, population in self.populations.items():
            if (
                not isinstance(population, PrivateSource)
                or population.keep_spikes
                or name in self.modulators
                or len(outgoing[name]) != 1
            ):
                continue
            if population.transmission is not None:
                continue
            projection, arrays = outgoing[name][0]
            if (
                projection.name not in self.plastic
                and isinstance(projection.rule, OneToOne)
                and arrays.delay_kind == "uniform"
                and np.ndim(arrays.weight) == 0
                and isinstance(self.populations[projection.post], TakesPrivateSources)
            ):
                private[name] = projection.post
        return private


def _estimate(net: Network, populations: dict[str, Population], synapses: list[Synapses]) -> Any:
    """Return a function (start, end) -> deliveries that sources will cause in that time, about."""
    fan_out: dict[str, float] = {}
    for projection in synapses:
        pre = projection.pre.name
        fan_out[pre] = fan_out.get(pre, 1.0) + projection.n / max(projection.pre.n, 1)

    sources = [
        (population, fan_out.get(name, 1.0))
        for name, population in populations.items()
        if population.is_source and isinstance(population, ForeseesSpikes)
    ]

    def deliveries(start: float, end: float) -> float:
        total = 0.0
        for population, each in sources:
            total += population.expected(start, end) * each
        return total

    return deliveries
