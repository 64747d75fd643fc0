"""Which networks are layers of neurons that spike at most once, and in which order they are computed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eventsim.errors import ConfigError
from eventsim.models.gradients.first_spike._backward import Layers
from eventsim.models.gradients.network import CONSTANTS, Pathway, SpikeNetwork
from eventsim.network.topological_sort import topological_sort

__all__ = ["Layer", "compiled", "layered"]

Floats = NDArray[np.float64]

FEW = 128  # synapses; with tau_mem = 2 tau_syn so few are faster one target at a time
KINDS = ("uniform", "axonal", "dendritic", "synaptic")  # of delays, as `Layers` numbers them


@dataclass(frozen=True, slots=True)
class Layer:
    """A population, and the projections that lead to it.

    `shared` says whether inputs arrive in the same order at every neuron, all have the same constants, and it
    is worth while to make use of that; `shared_forward` the same of a forward pass alone, which may have
    neurons of different thresholds.
    """

    name: str
    pathways: tuple[Pathway, ...]
    shared: bool
    shared_forward: bool


def layered(network: SpikeNetwork, form: str = "") -> list[Layer]:
    """Return the layers of a network in feed-forward order.

    Parameters
    ----------
    form : {"", "rows", "lanes"}
        All layers are computed in rows, with shared arrivals, or in lanes, one target at a time; "" picks
        the faster for each.

    Raises
    ------
    ConfigError
        If a population may spike again, is without input or does not start at rest, has capacitances that
        differ from unit to unit or no threshold, if a projection is not dense or closes a circle, or if
        rows are asked for and arrivals at a layer are not shared.
    """
    for name in network.neurons:
        _check(network, name)
    for p in network.pathways:
        if not p.dense:
            raise ConfigError(f"{p.name!r} does not connect every source to every target")
    pairs = [(p.pre, p.post) for p in network.pathways if p.pre in network.neurons]
    order = topological_sort(network.neurons, pairs)
    return [_layer(network, name, form) for name in order]


def _layer(network: SpikeNetwork, name: str, form: str) -> Layer:
    into = tuple(p for p in network.pathways if p.post == name)
    if not into:
        raise ConfigError(f"nothing is connected to {name!r}")
    alike = all(network.parameters[f"{key}/{name}"].size == 1 for key in CONSTANTS[:2])
    alike = alike and all(p.kind in ("uniform", "axonal") for p in into)
    powers = np.array_equal(network.parameters[f"tau_mem/{name}"], 2 * network.parameters[f"tau_syn/{name}"])
    one_threshold = network.parameters[f"v_th/{name}"].size == 1 and network.fixed[name]["v_leak"].size == 1
    if form == "rows" and not (alike and one_threshold):
        raise ConfigError(
            f"{name!r} cannot be computed in rows: neurons have constants of their own, or synapses delays"
        )
    worthwhile = form == "rows" or not (powers and sum(p.n_synapses for p in into) <= FEW)
    alike = alike and worthwhile and form != "lanes"
    return Layer(name, into, alike and one_threshold, alike)


def _check(network: SpikeNetwork, name: str) -> None:
    model, fixed = network.net.populations[name].model, network.fixed[name]
    if not model.first_spike_only:
        raise ConfigError(f"neurons of {name!r} may spike again, they are not LIF(first_spike_only=True)")
    start = fixed["v_leak"] if model.v_init is None else model.v_init
    for what, value in (
        ("v_init - v_leak", start - fixed["v_leak"]),
        ("i_ext", fixed["i_ext"]),
        ("i_init", model.i_init),
    ):
        if np.any(np.asarray(value) != 0):
            raise ConfigError(f"neurons of {name!r} do not start at rest: {what} is not 0")
    if fixed["c_mem"].size != 1:
        raise ConfigError(f"c_mem of {name!r} differs from unit to unit")
    if not np.isfinite(network.parameters[f"v_th/{name}"]).all():
        raise ConfigError(f"{name!r} has no threshold")


def compiled(
    network: SpikeNetwork, layers: list[Layer], threads: int, shared: bool, forward: bool = False
) -> Layers:
    """Return the compiled layers; if not `shared`, every synapse has an arrival time of its own.

    `forward`: they are for forward passes alone.
    """
    names = [*network.sources, *(layer.name for layer in layers)]
    records = []
    for layer in layers:
        constants = tuple(network.parameters[f"{key}/{layer.name}"] for key in CONSTANTS)
        fixed = network.fixed[layer.name]
        rest = np.array(np.broadcast_to(fixed["v_leak"], network.size(layer.name)))
        links = [(names.index(p.pre), KINDS.index(p.kind), p.weight, p.delay) for p in layer.pathways]
        together = shared and (layer.shared_forward if forward else layer.shared)
        records.append((not together, constants, rest, float(fixed["c_mem"][0]), links))
    return Layers([network.size(name) for name in names], len(network.sources), records, threads)
