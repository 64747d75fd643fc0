"""A declared network as layers of neurons that spike at most once: what first-spike learning works on.

`layers_of` checks that the network is one that can be walked layer by layer, and returns plain records.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim.errors import ConfigError, UnknownPart
from eventsim.network import Network, Projection

__all__ = ["Layer", "Link", "Structure", "layers_of"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Link:
    """A projection into a layer.

    Attributes
    ----------
    name, source : of the projection and the population it comes from.
    weight : ndarray, shape (n_pre, n_post), C-contiguous; a copy.
    delay : ndarray, shape (n_pre,).
    """

    name: str
    source: str
    weight: Floats
    delay: Floats


@dataclass(frozen=True, slots=True)
class Layer:
    """Neurons with the same constants, and the projections that lead to them.

    `threshold` is v_th - v_leak.
    """

    name: str
    n: int
    tau_mem: float
    tau_syn: float
    c_mem: float
    threshold: float
    links: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class Structure:
    """Sources by name with their sizes, and layers in an order in which spikes can be computed."""

    sources: dict[str, int]
    layers: tuple[Layer, ...]


def layers_of(net: Network) -> Structure:
    """Return the layers of a feed-forward network of LIF neurons with `first_spike_only`.

    Raises
    ------
    ConfigError
        If a population is neither a source nor such a neuron, differs in constants from unit to unit, does
        not start at rest, or if a projection is not dense, has delays per synapse, or closes a circle.
    """
    sources = {name: p.n for name, p in net.populations.items() if p.model.is_source}
    into: dict[str, list[Projection]] = {name: [] for name in net.populations if name not in sources}
    if not into:
        raise ConfigError("first-spike learning needs at least one population of neurons; all are sources")
    for projection in net.projections:
        into[projection.post].append(projection)
    done = set(sources)
    layers: list[Layer] = []
    while len(layers) < len(into):
        ready = [name for name in into if name not in done and all(p.pre in done for p in into[name])]
        if not ready:
            waiting = ", ".join(repr(name) for name in into if name not in done)
            raise ConfigError(f"first-spike learning needs a feed-forward network; {waiting} are in a circle")
        layers.append(_layer(net, ready[0], into[ready[0]]))
        done.add(ready[0])
    return Structure(sources, tuple(layers))


def _layer(net: Network, name: str, projections: list[Projection]) -> Layer:
    population = net.populations[name]
    model = population.model
    if not all(hasattr(model, constant) for constant in ("tau_mem", "tau_syn", "c_mem", "first_spike_only")):
        raise ConfigError(f"first-spike learning needs LIF neurons, {name!r} is {type(model).__name__}")
    if not model.first_spike_only:
        raise ConfigError(f"first-spike learning needs LIF(first_spike_only=True) for {name!r}")
    if not projections:
        raise ConfigError(f"nothing is connected to {name!r}, so it cannot learn")
    v_leak = _uniform(model, "v_leak", name)
    v_init = v_leak if model.v_init is None else _uniform(model, "v_init", name)
    drives = {
        "v_init - v_leak": v_init - v_leak,
        "i_ext": _uniform(model, "i_ext", name),
        "i_init": _uniform(model, "i_init", name),
    }
    for constant, value in drives.items():
        if value != 0:
            raise ConfigError(
                f"first-spike learning needs neurons that start at rest: {constant} of {name!r} must be 0, "
                f"got {value!r}"
            )
    threshold = _uniform(model, "v_th", name) - v_leak
    if not threshold > 0:
        raise ConfigError(f"v_th of {name!r} must lie above v_leak, got v_th - v_leak = {threshold!r}")
    return Layer(
        name,
        population.n,
        _uniform(model, "tau_mem", name),
        _uniform(model, "tau_syn", name),
        _uniform(model, "c_mem", name),
        threshold,
        tuple(_link(net, projection) for projection in projections),
    )


def _link(net: Network, projection: Projection) -> Link:
    synapses = projection.resolve(net)
    if not synapses.dense:
        raise ConfigError(
            f"first-spike learning needs every source connected to every target in {projection.label}"
        )
    if synapses.delay_kind == "synaptic":
        raise ConfigError(
            f"first-spike learning takes one delay, or one for each source, in {projection.label}; "
            "it has delays for single synapses"
        )
    weight = np.empty((synapses.n_pre, synapses.n_post))
    weight[:] = synapses.weight
    delay = np.empty(synapses.n_pre)
    delay[:] = synapses.delay
    return Link(projection.name, projection.pre, weight, delay)


def _uniform(model: Any, constant: str, name: str) -> float:
    """Return a constant of a model, which has to be the same for all units."""
    values = np.unique(np.asarray(getattr(model, constant), np.float64))
    if len(values) != 1:
        raise ConfigError(
            f"first-spike learning needs the same {constant} for all units of {name!r}, "
            f"got values from {float(values[0])!r} to {float(values[-1])!r}"
        )
    return float(values[0])


def layer_named(structure: Structure, name: str) -> int:
    """Return the index of a layer by its name."""
    names = [layer.name for layer in structure.layers]
    if name not in names:
        raise UnknownPart(f"no layer of neurons named {name!r}; known: {', '.join(names)}")
    return names.index(name)
