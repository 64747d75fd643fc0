"""A network as a NIR graph: neurons of the kinds LIF, CubaLIF, LI and CubaLI, Linear, Delay, Input, Output.

A `LIF` becomes a CubaLIF, a `LIFDelta` a LIF, and one whose threshold is inf a CubaLI or LI. With the area dt
of a spike, w_in = tau_syn / dt, r = tau_mem / c_mem for CubaLIF and r = tau / dt for LIF, so that the entries
of Linear are the network's weights.
"""

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim.errors import ConfigError
from eventsim.hints import hinting
from eventsim.io.export.sources import network_from
from eventsim.io.export.whole_files import whole
from eventsim.io.plain import one_path

__all__ = ["to_nir"]

Floats = NDArray[np.float64]
MOST_DELAYS = 64
"""Different delays of a projection: each is a Linear and a Delay of its own."""
MOST = 50_000_000
"""Entries of a Linear."""


@hinting
def to_nir(net: Any, path: Path | str, *, dt: float = 1.0) -> Path:
    """Write a network as a NIR file, and return the file.

    Sources become Input nodes, without their spikes; populations that nobody listens to lead into Outputs.
    Times are in the network's unit, which stands in the graph's metadata.

    Parameters
    ----------
    net : Network
        Or a simulation or a trace, whose network is written as it was declared.
    path : path
    dt : float
        Area of a spike in the network's time unit: the step of the program that is to read the file, if it
        sends a 1 for a step. NIR itself says 1.

    Raises
    ------
    ConfigError
        If a population, parameter or projection has no counterpart in NIR; the message names it.
    ImportError
        If the package `nir` is not installed.
    """
    try:
        import nir
    except ImportError:
        raise ImportError("NIR files need the package nir: pip install 'eventsim[nir]'") from None
    if not (isinstance(dt, int | float) and 0 < dt < math.inf):
        raise ConfigError(f"dt must be a positive time, got {dt!r}")
    net, path = network_from(net), one_path(path, "the name of the file")
    if net.plasticity:
        raise ConfigError(f"{net.plasticity[0][0]!r} has a plasticity rule, which NIR has no place for")
    nodes: dict[str, Any] = {}
    edges: list[tuple[str, str]] = []
    bias: dict[str, Floats] = {}
    for name, population in net.populations.items():
        model, n = population.model, population.n
        if model.is_source:
            nodes[name] = nir.Input({"input": np.array([n])})
        else:
            nodes[name], bias[name] = _neuron(nir, name, model, n, float(dt))
    for projection in net.projections:
        _connect(nir, net, projection, nodes, edges, bias)
    for name, constant in bias.items():
        if constant.any():
            raise ConfigError(
                f"the constant input of {name!r} has no place in NIR: no projection with one delay reaches it"
            )
    silent = [name for name in net.populations if name not in {each.pre for each in net.projections}]
    for name in silent or list(net.populations)[-1:]:
        out = _free("output" if len(silent) <= 1 else f"output of {name}", nodes)
        nodes[out] = nir.Output({"output": np.array([net.populations[name].n])})
        edges.append((name, out))
    metadata = {"time_unit": net.time_unit, "spike_area": float(dt), "program": "eventsim"}
    try:
        graph = nir.NIRGraph(nodes, edges, metadata=metadata)
    except Exception as error:
        raise ConfigError(f"NIR refuses the network: {str(error).splitlines()[0]}") from error
    with whole(path) as new:
        nir.write(str(new), graph)
    return path


def _neuron(nir: Any, name: str, model: Any, n: int, dt: float) -> tuple[Any, Floats]:
    """Return the node of a population, and the constant signal that it needs at its input, shape (n,)."""
    kind = type(model).__name__
    if kind not in ("LIF", "LIFDelta"):
        raise ConfigError(f"{name!r} is a {kind}, which NIR has no node for; known: LIF, LIFDelta, sources")
    p = {key: value for key, value in model.parameters(n, name).items() if key != "first_spike_only"}
    full = {key: np.array(np.broadcast_to(value, n), float) for key, value in p.items() if value is not None}
    if model.first_spike_only:
        raise ConfigError(f"first_spike_only of {name!r} has no place in NIR")
    if full["t_ref"].any():
        raise ConfigError(f"the refractory time of {name!r} has no place in NIR, t_ref must be 0")
    if "v_init" in full and (full["v_init"] != full["v_leak"]).any():
        raise ConfigError(f"v_init of {name!r} has no place in NIR, where units begin at v_leak")
    tau, c_mem, i_ext = full["tau_mem"], full["c_mem"], full["i_ext"]
    reads = np.isinf(full["v_th"])
    if reads.any() and not reads.all():
        raise ConfigError(f"some units of {name!r} have no threshold; NIR needs all or none in one node")
    common = {"v_leak": full["v_leak"]}
    if not reads.all():
        common |= {"v_threshold": full["v_th"], "v_reset": full["v_reset"]}
    if kind == "LIFDelta":
        node = nir.LI if reads.all() else nir.LIF
        return node(tau=tau, r=tau / dt, **common), i_ext * dt / c_mem
    tau_syn, i_init = full["tau_syn"], full["i_init"]
    node = nir.CubaLI if reads.all() else nir.CubaLIF
    w_in = tau_syn / dt
    if np.array_equal(i_init, -i_ext):  # a constant that charges the synapse, as a bias of NIR does
        return node(tau_mem=tau, tau_syn=tau_syn, r=tau / c_mem, w_in=w_in, **common), i_ext / w_in
    if i_init.any():
        raise ConfigError(f"i_init of {name!r} has no place in NIR, where synapses begin at 0")
    metadata = {"v_init": common["v_leak"]}  # a constant current moves the potential at rest
    common["v_leak"] = full["v_leak"] + i_ext * tau / c_mem
    return node(
        tau_mem=tau, tau_syn=tau_syn, r=tau / c_mem, w_in=w_in, metadata=metadata, **common
    ), np.zeros(n)


def _connect(
    nir: Any,
    net: Any,
    projection: Any,
    nodes: dict[str, Any],
    edges: list[tuple[str, str]],
    bias: dict[str, Floats],
) -> None:
    """Add the nodes of a projection: a Linear or Affine for each delay, and a Delay behind it."""
    if projection.rates is not None:
        raise ConfigError(f"the projection {projection.name!r} carries rates, which NIR has no place for")
    n_pre, n_post = net.populations[projection.pre].n, net.populations[projection.post].n
    if n_pre * n_post > MOST:
        raise ConfigError(f"the projection {projection.name!r} has a matrix of more than {MOST:g} entries")
    synapses = projection.resolve(net)
    pre, post = synapses.sources(0, synapses.n_syn), synapses.targets(0, synapses.n_syn)
    weight = np.broadcast_to(np.asarray(synapses.weight, float).reshape(-1), synapses.n_syn)
    delay = np.asarray(synapses.delay, float)
    delay = delay[pre] if synapses.delay_kind == "axonal" else np.broadcast_to(delay.reshape(-1), len(pre))
    different = np.unique(delay)
    for which in ("pre", "post"):  # one Delay does where a source or a target has one delay
        ends, n = (pre, n_pre) if which == "pre" else (post, n_post)
        each = np.zeros(n)
        each[ends] = delay
        if np.array_equal(each[ends], delay):
            _chain(nir, projection, (pre, post, weight), (n_pre, n_post), nodes, edges, bias, each, which)
            return
    if len(different) > MOST_DELAYS:
        raise ConfigError(
            f"the projection {projection.name!r} has {len(different)} different delays; NIR has one for each "
            f"signal, so that a projection can have up to {MOST_DELAYS}"
        )
    for value in different:
        chosen = delay == value
        part = (pre[chosen], post[chosen], weight[chosen])
        each = np.full(n_post, value)
        _chain(nir, projection, part, (n_pre, n_post), nodes, edges, bias, each, "post")


def _chain(
    nir: Any,
    projection: Any,
    synapses: tuple[Any, Any, Any],
    shape: tuple[int, int],
    nodes: dict[str, Any],
    edges: list[tuple[str, str]],
    bias: dict[str, Floats],
    delay: Floats,
    which: str,
) -> None:
    """Add a matrix, with a Delay before it (of each source) or behind it (of each target)."""
    pre, post, weight = synapses
    matrix = np.zeros(shape[::-1])
    np.add.at(matrix, (post, pre), weight)
    name = _free(projection.name, nodes)
    constant = bias[projection.post]
    if constant.any() and (which == "pre" or not delay.any()):
        nodes[name] = nir.Affine(weight=matrix, bias=constant)
        bias[projection.post] = np.zeros_like(constant)
    else:
        nodes[name] = nir.Linear(weight=matrix)
    way = [projection.pre, name, projection.post]
    if delay.any():
        delayed = _free(f"delay of {name}", nodes)
        nodes[delayed] = nir.Delay(delay=delay)
        way.insert(1 if which == "pre" else 2, delayed)
    edges += itertools.pairwise(way)


def _free(name: str, nodes: dict[str, Any]) -> str:
    """Return a name that no node has."""
    k, free = 1, name.replace("/", "|")
    while free in nodes:
        k += 1
        free = f"{name}#{k}"
    return free
