"""A NIR graph as the declaration of a network.

    tau_mem v' = (v_leak - v) + r I        tau_syn I' = -I + w_in S        (CubaLIF; LIF without I')

S is a sum of Dirac pulses, weighted by the linear nodes on the way, and of constant biases. A pulse of weight
W raises I by w_in W dt / tau_syn, and v of a LIF by r W dt / tau. In NIR itself a pulse has area 1, so dt is
1. Programs that step send a 1 for one step: their pulse has the area of the step, which must be told.

All linear nodes between two neurons become one projection: matrices are multiplied, delays added.
"""

import math
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.sparse
import scipy.sparse.csgraph
from numpy.typing import NDArray

from eventsim.errors import ConfigError, FileFormatError
from eventsim.hints import hinting
from eventsim.io.nir.maps import MAPS, Shape, linear_map
from eventsim.io.plain import shown
from eventsim.trace import Trace

__all__ = ["read_nir"]

Floats = NDArray[np.float64]
Groups = list[tuple[float, Any]]  # delay, and the matrix (n_target, n) of what has this delay
SPIKING = ("LIF", "CubaLIF")
NEURONS = (*SPIKING, "LI", "CubaLI")
MOST_SIGNALS = 1 << 22
MOST_WAYS, MOST_DELAYS, DEEPEST = 2000, 4096, 200
UNITS = ("s", "ms", "us", "ns", "1")


@hinting
def read_nir(path: Any, time_unit: str | None = None, dt: float | None = None) -> Trace:
    """Return a trace whose `network` builds the graph of a NIR file.

    Parameters
    ----------
    path : path or nir.NIRGraph
        The file, or the graph itself, as other programs export it.
    time_unit : {"s", "ms", "us", "ns", "1"}, optional
        Unit of the file's times, which becomes that of the network. Unless given, what the file's metadata
        say, else "s", as most programs write it; the notes say so.
    dt : float, optional
        Step of the program that wrote the file, in `time_unit`: the area of its spikes. Loops without delay
        get a delay of dt too, since a program that steps sees a spike of a loop one step later.

    Raises
    ------
    ConfigError
        If a node cannot be expressed; the message has its name and its kind.
    FileFormatError
        If the file is no NIR file or is damaged.
    ImportError
        If the package `nir` is not installed.
    """
    try:
        import nir
    except ImportError:
        raise ImportError("NIR files need the package nir: pip install 'eventsim[nir]'") from None
    if isinstance(path, nir.NIRGraph):
        return _trace(path, "the graph", time_unit, dt)
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"a NIR network is a file or a nir.NIRGraph, got {shown(path)}")
    try:
        graph = nir.read(str(path), type_check=False)
    except Exception as error:  # it asserts, and raises whatever HDF5 and NumPy raise
        line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise FileFormatError(f"{path} is no NIR file that can be read: {line[:200]}") from error
    try:
        return _trace(graph, str(path), time_unit, dt)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    except Exception as error:  # of values that no program writes, in a damaged file
        line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise FileFormatError(f"{path} is no NIR file that can be read: {line[:200]}") from error


def _trace(graph: Any, path: str, time_unit: str | None, dt: float | None) -> Trace:
    notes = []
    known = graph.metadata.get("time_unit") if isinstance(graph.metadata, Mapping) else None
    known = known.decode() if isinstance(known, bytes) else known
    if time_unit is None:
        time_unit = known if isinstance(known, str) else "s"
        if known is None:
            notes.append(
                "the file does not say its unit of time; it is taken as s (time_unit= tells another)"
            )
    if time_unit not in UNITS:
        raise ConfigError(f"time_unit must be one of {', '.join(UNITS)}, got {time_unit!r}")
    if dt is not None and not (isinstance(dt, int | float) and 0 < dt < math.inf):
        raise ConfigError(f"dt must be a positive time, got {dt!r}")
    area: Any = graph.metadata.get("spike_area") if isinstance(graph.metadata, Mapping) else None
    if dt is None and area is None:
        area = 1.0
        notes.append("a spike is a pulse of area 1; dt= gives the step of the program that wrote the file")
    found = _Graph(graph, float(dt if dt is not None else area))
    declaration = found.declaration(time_unit)
    if dt is not None:
        loops = _delay_loops(declaration, float(dt))
        if loops:
            notes.append(f"loops without delay got a delay of dt = {dt:g} {time_unit}: {', '.join(loops)}")
    return Trace(
        sizes={each["name"]: each["n"] for each in declaration["populations"]},
        provenance={
            "format": "NIR",
            "notes": "\n".join(notes),
            "inputs": [name for name, node in found.nodes.items() if _kind(node) == "Input"],
            "outputs": found.outputs(),
        },
        time_unit=time_unit,
        declaration=declaration,
    )


def _kind(node: Any) -> str:
    return type(node).__name__


class _Graph:
    """The nodes of a graph and of the graphs in it, by name, and who follows whom."""

    def __init__(self, graph: Any, area: float) -> None:
        self.nodes: dict[str, Any] = {}
        self.before: dict[str, list[str]] = {}
        self.area = area
        self.ways = 0
        self._take(graph, "", 0)
        self.shapes: dict[str, Shape | None] = {}
        for name, node in self.nodes.items():
            if _kind(node) not in (*MAPS, *NEURONS, "Input", "Output", "Delay"):
                raise ConfigError(
                    f"node {name!r} is of kind {_kind(node)}, which cannot be expressed; known: "
                    f"{', '.join((*NEURONS, *MAPS, 'Delay', 'Input', 'Output'))}"
                )

    def _take(self, graph: Any, prefix: str, depth: int) -> None:
        """Take in the nodes of a graph; inner graphs are taken apart, their ports are identities."""
        import nir

        if depth > DEEPEST:
            raise ConfigError("graphs are nested too deep")
        inner = {}
        for name, node in graph.nodes.items():
            if isinstance(node, nir.NIRGraph):
                inner[name] = node
                self._take(node, f"{prefix}{name}.", depth + 1)
            elif prefix and _kind(node) in ("Input", "Output"):
                shape = node.input_type["input"]
                self.nodes[prefix + name] = nir.ir.graph.Identity({"input": shape})
            else:
                self.nodes[prefix + name] = node
        for source, target in graph.edges:
            ends = [self._port(prefix, end, inner, side) for end, side in ((source, 1), (target, 0))]
            for end in ends:
                if end not in self.nodes:
                    raise ConfigError(f"an edge names a node {end!r}, which is not there")
            self.before.setdefault(ends[1], []).append(ends[0])

    def _port(self, prefix: str, end: str, inner: Mapping[str, Any], side: int) -> str:
        """Return the node that an end of an edge means; a graph stands for its only input or output."""
        if end not in inner:
            return prefix + end
        ports = [name for name, node in inner[end].nodes.items() if _kind(node) == ("Input", "Output")[side]]
        if len(ports) != 1:
            raise ConfigError(
                f"an edge leads to the graph {prefix + end!r}, which has {len(ports)} such ports"
            )
        return f"{prefix}{end}.{ports[0]}"

    def shape(self, name: str, depth: int = 0) -> Shape | None:
        """Return the shape of what a node sends; None if it is not known."""
        if depth > DEEPEST:
            raise ConfigError(f"node {name!r} is in a loop without a neuron")
        if name in self.shapes:
            return self.shapes[name]
        node, kind = self.nodes[name], _kind(self.nodes[name])
        found: Shape | None = None
        if kind in ("Input", "Output"):
            found = _shape(node.input_type["input"])
        elif kind in NEURONS:
            found = np.shape(node.v_leak)
            if math.prod(found) == 1:  # scalars: the size is that of what comes in
                found = self.incoming(name, depth) or found
        elif kind == "Delay":
            found = np.shape(node.delay)
            if math.prod(found) == 1:
                found = self.incoming(name, depth) or found
        elif kind in ("Linear", "Affine"):
            found = (len(node.weight),)  # whatever comes in, also where that is not known yet, in a loop
        else:
            incoming = self.incoming(name, depth)
            if incoming is None and kind in ("Conv1d", "Conv2d") and node.input_shape is not None:
                channels = node.weight.shape[1] * int(np.asarray(node.groups).reshape(-1)[0])
                incoming = (channels, *_shape(node.input_shape))
            if incoming is None and kind in ("Flatten", "Identity") and node.input_type["input"] is not None:
                incoming = _shape(node.input_type["input"])
            found = linear_map(name, node, incoming)[2]
        self.shapes[name] = found
        return found

    def incoming(self, name: str, depth: int = 0) -> Shape | None:
        """Return the shape of what reaches a node; None if nothing does."""
        shapes: dict[int, Shape] = {}
        for source in self.before.get(name, []):
            shape = self.shape(source, depth + 1)
            if shape is not None:
                shapes.setdefault(math.prod(shape), shape)
        if len(shapes) > 1:
            raise ConfigError(f"signals of {sorted(shapes)} elements meet at node {name!r}")
        return next(iter(shapes.values()), None)

    def outputs(self) -> list[str]:
        """Return the neurons whose spikes or membranes are the graph's outputs."""
        found = []
        for name, node in self.nodes.items():
            if _kind(node) != "Output":
                continue
            ends = self.before.get(name, [])
            while ends and all(_kind(self.nodes[end]) in ("Identity", "Flatten") for end in ends):
                ends = [before for end in ends for before in self.before.get(end, [])]
            for end in ends:
                if _kind(self.nodes[end]) not in (*NEURONS, "Input"):
                    raise ConfigError(
                        f"node {end!r} of kind {_kind(self.nodes[end])} leads into the output {name!r}; "
                        "only neurons can be read out"
                    )
                found.append(end)
        return found

    def declaration(self, time_unit: str) -> dict[str, Any]:
        """Return the network as plain values."""
        populations, projections = [], []
        for name, node in self.nodes.items():
            if _kind(node) == "Input":
                n = math.prod(_shape(node.input_type["input"]))
                source = {"part": "neuron/spike-source", "values": {"times": (), "units": None}}
                populations.append({"name": name, "n": n, "record_spikes": True, "model": source})
        for name, node in self.nodes.items():
            if _kind(node) not in NEURONS:
                continue
            n = math.prod(self.shape(name) or (1,))
            ways: list[tuple[str, Groups]] = []
            constant = np.zeros(n)
            identity: Groups = [(0.0, scipy.sparse.eye_array(n).tocsr())]
            for before in self.before.get(name, []):
                self._follow(before, identity, ways, constant, [name])
            model, factor = _neuron(name, node, n, constant, self.area)
            populations.append({"name": name, "n": n, "record_spikes": True, "model": model})
            projections += _projections(name, ways, factor)
        return {
            "version": 1,
            "seed": 0,
            "time_unit": time_unit,
            "populations": populations,
            "projections": projections,
            "plasticity": [],
        }

    def _follow(
        self, name: str, groups: Groups, ways: list[tuple[str, Groups]], constant: Floats, way: list[str]
    ) -> None:
        """Go back from a neuron to the sources of spikes, and collect the ways and the constant input."""
        self.ways += 1
        if self.ways > MOST_WAYS:
            raise ConfigError(
                f"there are more than {MOST_WAYS} ways between neurons, one of them by {name!r}"
            )
        node, kind = self.nodes[name], _kind(self.nodes[name])
        n = math.prod(self.shape(name) or (1,))
        if groups[0][1].shape[1] != n:
            raise ConfigError(
                f"node {name!r} ({kind}) sends {n} signals, but {way[-1]!r} takes {groups[0][1].shape[1]}"
            )
        if kind == "Input" or kind in SPIKING:
            ways.append((name, groups))
            return
        if kind not in (*MAPS, "Delay"):
            what = "its membrane, not spikes," if kind in NEURONS else "signals"
            raise ConfigError(f"node {name!r} of kind {kind} sends {what} to {way[-1]!r}")
        if name in way:
            raise ConfigError(f"node {name!r} is in a loop without a neuron")
        if kind == "Delay":
            groups = _delayed(name, node, groups, n)
        else:
            matrix, bias, _ = linear_map(name, node, self.incoming(name))
            if bias.any():
                if any(delay for delay, _ in groups):
                    raise ConfigError(f"the bias of node {name!r} of kind {kind} would pass a delay")
                for _, each in groups:
                    constant += each @ bias
            groups = [(delay, each @ matrix) for delay, each in groups]
        for source in self.before.get(name, []):
            self._follow(source, groups, ways, constant, [*way, name])


def _delayed(name: str, node: Any, groups: Groups, n: int) -> Groups:
    delays = np.asarray(node.delay, np.float64).reshape(-1)
    delays = np.full(n, delays.item()) if delays.size == 1 else delays
    if not np.isfinite(delays).all() or (delays < 0).any():
        raise ConfigError(f"delays of node {name!r} of kind Delay must be finite and not negative")
    found: dict[float, Any] = {}
    for delay, matrix in groups:
        for each in np.unique(delays):
            part = matrix @ scipy.sparse.diags_array((delays == each).astype(float)).tocsr()
            total = delay + float(each)
            found[total] = found[total] + part if total in found else part
    if len(found) > MOST_DELAYS:
        raise ConfigError(f"more than {MOST_DELAYS} different delays lead through node {name!r}")
    return list(found.items())


def _neuron(name: str, node: Any, n: int, constant: Floats, area: float) -> tuple[dict[str, Any], Floats]:
    """Return the model of a node, and what an incoming weight is multiplied by, shape (n,)."""
    kind = _kind(node)

    def parameter(key: str, positive: bool = False) -> Floats:
        values = np.asarray(getattr(node, key), np.float64).reshape(-1)
        if not np.isfinite(values).all() or (positive and (values <= 0).any()):
            rule = "positive" if positive else "finite"
            raise ConfigError(f"{key} of node {name!r} of kind {kind} must be {rule}")
        return np.array(np.broadcast_to(values if values.size > 1 else values.item(), n))

    r, v_leak = parameter("r"), parameter("v_leak")
    spikes = kind in SPIKING
    v_th = parameter("v_threshold") if spikes else np.full(n, math.inf)
    v_reset = parameter("v_reset") if spikes and node.v_reset is not None else np.zeros(n)
    if (r == 0).any():
        raise ConfigError(f"r of node {name!r} of kind {kind} must not be 0, or no input would reach it")
    if kind in ("CubaLIF", "CubaLI"):
        tau, tau_syn, w_in = parameter("tau_mem", True), parameter("tau_syn", True), parameter("w_in")
        c_mem, sign = tau / np.abs(r), np.sign(r)
        bias = sign * w_in * constant  # it charges the synapse from time 0 on
        model = {"tau_syn": tau_syn, "i_init": -bias}
        factor = sign * w_in * area / tau_syn
    else:
        tau = parameter("tau", True)
        c_mem, bias, model = np.ones(n), r * constant / tau, {}
        factor = r * area / tau
    high = v_leak >= v_th  # it fires on its own: the leak becomes a current
    rest = np.where(high, v_reset, v_leak)
    model |= {
        "tau_mem": tau,
        "c_mem": c_mem,
        "v_th": v_th,
        "v_leak": rest,
        "v_reset": v_reset if spikes else rest,
        "i_ext": bias + np.where(high, c_mem * (v_leak - rest) / tau, 0.0),
    }
    plain = {key: _one_or_many(values) for key, values in model.items()}
    plain |= {"t_ref": 0.0, "v_init": None, "first_spike_only": False}
    begin = node.metadata.get("v_init") if isinstance(node.metadata, Mapping) else None
    if begin is not None:  # of a network of ours with a constant current
        plain["v_init"] = np.array(np.broadcast_to(np.asarray(begin, float).reshape(-1), n))
    return {"part": "neuron/lif" if "tau_syn" in model else "neuron/lif-delta", "values": plain}, factor


def _projections(target: str, ways: list[tuple[str, Groups]], factor: Floats) -> list[dict[str, Any]]:
    """Return a projection for each way to a neuron."""
    projections, used = [], dict[str, int]()
    for source, groups in ways:
        used[source] = used.get(source, 0) + 1
        name = f"{source}->{target}" + (f"#{used[source]}" if used[source] > 1 else "")
        rule: dict[str, Any] = {"part": "connect/AllToAll", "values": {}}
        weight: Any
        delay: Any
        matrix = groups[0][1]
        if len(groups) == 1 and matrix.nnz == math.prod(matrix.shape):
            weight, delay = (matrix.toarray() * factor[:, None]).T, groups[0][0]
        else:
            entries = [(delay, each.tocoo()) for delay, each in groups]
            post, pre = (np.concatenate([each.coords[k] for _, each in entries]) for k in (0, 1))
            weight = np.concatenate([each.data for _, each in entries]) * factor[post]
            delay = np.repeat([delay for delay, _ in entries], [each.nnz for _, each in entries])
            rule = {
                "part": "connect/Pairs",
                "values": {"pre": pre.astype(np.int32), "post": post.astype(np.int32)},
            }
            delay = groups[0][0] if len(groups) == 1 else delay
        projections.append(
            {
                "name": name,
                "pre": source,
                "post": target,
                "autapses": True,
                "multapses": True,
                "rule": rule,
                "weight": np.ascontiguousarray(weight),
                "delay": delay,
                "receptor": "input",
            }
        )
    return projections


def _delay_loops(declaration: dict[str, Any], dt: float) -> list[str]:
    """Give projections without delay that close a loop a delay, and return their names."""
    names = [each["name"] for each in declaration["populations"]]
    instant = [each for each in declaration["projections"] if np.min(each["delay"], initial=math.inf) == 0]
    ends = [(names.index(each["pre"]), names.index(each["post"])) for each in instant]
    graph = scipy.sparse.coo_array(
        (np.ones(len(ends)), np.array(ends, int).reshape(-1, 2).T), shape=(len(names), len(names))
    )
    _, part = scipy.sparse.csgraph.connected_components(graph, connection="strong")
    loops = [each for each, (pre, post) in zip(instant, ends, strict=True) if part[pre] == part[post]]
    for each in loops:
        each["delay"] = each["delay"] + dt
    return [each["name"] for each in loops]


def _shape(value: Any) -> Shape:
    shape = tuple(int(side) for side in np.asarray(value).reshape(-1))
    if not shape or min(shape) < 1 or math.prod(shape) > MOST_SIGNALS:
        raise ConfigError(f"a signal of shape {shape} cannot be; {MOST_SIGNALS} elements are the most")
    return shape


def _one_or_many(values: Floats) -> Any:
    return float(values[0]) if (values == values[0]).all() else values
