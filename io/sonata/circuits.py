"""A SONATA circuit as the declaration of a network: nodes, edges, types, and the spikes of its inputs.

Values are looked up in the order of the standard: the group of a node or edge, its type in the table, the
JSON file of parameters that the type names, the default of the template. An edge's weight is ``syn_weight``
times ``nsyns``; where a neuron has receptors for excitation and inhibition, its sign chooses, as in NEST.
"""

import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from eventsim.errors import ConfigError, FileFormatError
from eventsim.hints import hinting
from eventsim.io.hdf5.reading import open_any, open_hdf5
from eventsim.io.sonata import recordings
from eventsim.io.sonata.config_files import CircuitFiles, read_config, read_json, read_types
from eventsim.io.sonata.point_neurons import has_two_receptors, model_of
from eventsim.trace import Spikes, Trace

__all__ = ["read_circuit"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
VARIABLES = ("V_m", "v")  # membrane potential, which reports may record
POINTS = ("point_neuron", "point_process")
SYNAPSES = ("static_synapse", "")
MOST_UNITS = 2**31 - 1


@hinting
def read_circuit(path: Path | str) -> Trace:
    """Return a trace whose `network` builds the circuit of a configuration in JSON.

    Parameters
    ----------
    path : path
        Of a circuit, of a simulation, or of both.

    Returns
    -------
    Trace
        ``duration`` is the end of the simulation in ms, ``declaration["recordings"]`` what it records.

    Raises
    ------
    ConfigError
        If something cannot be expressed; the message names it.
    FileNotFoundError, FileFormatError
        If a file is missing or damaged.
    """
    files = read_config(Path(path))
    circuit = _Circuit(files)
    with _in_one_line(Path(path)):
        for entry in files.nodes:
            circuit.add_nodes(entry)
        circuit.add_inputs()
        for entry in files.edges:
            circuit.add_edges(entry)
        return circuit.trace()


@contextmanager
def _in_one_line(path: Path) -> Iterator[None]:
    """Turn what a damaged file makes NumPy and Python raise into one line."""
    try:
        yield
    except (ConfigError, FileFormatError, OSError):
        raise
    except Exception as error:
        line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise FileFormatError(f"the circuit of {path} is damaged: {line[:200]}") from error


@dataclass(slots=True)
class _Nodes:
    """A population of nodes."""

    name: str
    ids: Ints
    types: Ints
    rows: Mapping[int, Mapping[str, str]]
    virtual: bool = False
    model: dict[str, Any] = field(default_factory=dict)
    spikes: list[Spikes] = field(default_factory=list)

    @property
    def n(self) -> int:
        return len(self.ids)

    def units(self, ids: Ints, label: str) -> Ints:
        """Return the units of nodes by their numbers."""
        order = np.argsort(self.ids, kind="stable")
        place = np.minimum(np.searchsorted(self.ids, ids, sorter=order), max(self.n - 1, 0))
        if not self.n or not np.array_equal(self.ids[order[place]], ids):
            raise FileFormatError(f"{label} names nodes that are not in population {self.name!r}")
        return order[place].astype(np.int64)

    def attribute(self, key: str) -> list[Any]:
        """Return a value of each node from the table of types; None where there is none."""
        return [self.rows.get(int(each), {}).get(key) for each in self.types]


_Part = tuple[Ints, h5py.Group, Ints]
"""Members of a group of attributes, the group, and their places in it."""


class _Circuit:
    """What was read so far."""

    def __init__(self, files: CircuitFiles) -> None:
        self.files = files
        self.nodes: dict[str, _Nodes] = {}
        self.projections: list[dict[str, Any]] = []
        self.notes: list[str] = []

    def assume(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    # Nodes ------------------------------------------------------------------------------------------

    def add_nodes(self, entry: Mapping[str, Any]) -> None:
        """Read all populations of a file of nodes."""
        path = Path(str(entry.get("nodes_file", "")))
        rows = self._types(entry, "node_types_file", "node_type_id")
        with open_hdf5(path) as file:
            for name, group in _populations(file, "nodes", path):
                if name in self.nodes:
                    raise FileFormatError(f"{path}: population {name!r} is in another file too")
                types = _whole(group, "node_type_id", path)
                ids = _whole(group, "node_id", path) if "node_id" in group else np.arange(len(types))
                if len(ids) != len(types) or len(np.unique(ids)) != len(ids) or not 0 < len(ids) < MOST_UNITS:
                    raise FileFormatError(
                        f"{path}: {group.name} has {len(types)} types and {len(ids)} numbers"
                    )
                nodes = _Nodes(name, ids, types, rows)
                self._describe(nodes, group, entry, path)
                self.nodes[name] = nodes

    def _describe(self, nodes: _Nodes, group: h5py.Group, entry: Mapping[str, Any], path: Path) -> None:
        """Find out what a population consists of."""
        listed = entry.get("populations", {})
        said = listed.get(nodes.name, {}).get("type") if isinstance(listed, dict) else None
        parts = list(_groups(group, "node", nodes.n, path))
        kinds = {kind or said or "" for kind in self._texts(nodes, parts, "model_type")}
        if kinds == {"virtual"}:
            nodes.virtual = True
            return
        wrong = sorted(kinds - {*POINTS})
        if wrong:
            raise ConfigError(
                f"population {nodes.name!r} has nodes of model_type {wrong[0]!r}, which cannot be expressed "
                f"beside others; known: {', '.join(POINTS)}, or all virtual"
            )
        templates = sorted({each or "" for each in self._texts(nodes, parts, "model_template")})
        if len(templates) != 1:
            raise ConfigError(
                f"population {nodes.name!r} has nodes of several templates, {', '.join(templates)}; "
                "a population here has one model"
            )
        given = self._parameters(nodes, parts)
        label = f"population {nodes.name!r}"
        nodes.model = model_of(templates[0], given, nodes.n, label)
        if templates[0].startswith("nest:") and "V_m" not in given:
            self.assume(f"{label} begins at -70 mV, the V_m of {templates[0]} unless it is given")

    def _texts(self, nodes: _Nodes, parts: list[_Part], key: str) -> list[Any]:
        """Return a text of each node: of its group, or of its type."""
        found = nodes.attribute(key)
        for chosen, below, index in parts:
            if isinstance(below.get(key), h5py.Dataset):
                values = below[key].asstr()[...]
                for unit, k in zip(chosen, index, strict=True):
                    found[int(unit)] = str(values[k])
        return found

    def _parameters(self, nodes: _Nodes, parts: list[_Part]) -> dict[str, Floats]:
        """Return the parameters that are given, nan where a unit has none."""
        given: dict[str, Floats] = {}
        folder = self.files.components.get("point_neuron_models_dir", "")
        for number in np.unique(nodes.types):
            row = nodes.rows.get(int(number), {})
            if "dynamics_params" not in row:
                continue
            for key, value in read_json(_below(folder, row["dynamics_params"])).items():
                if isinstance(value, int | float) and not isinstance(value, bool):
                    given.setdefault(key, np.full(nodes.n, np.nan))[nodes.types == number] = value
        for chosen, below, index in parts:
            dynamics = below.get("dynamics_params")
            for key, values in dynamics.items() if isinstance(dynamics, h5py.Group) else ():
                if isinstance(values, h5py.Dataset) and values.dtype.kind in "iuf":
                    given.setdefault(key, np.full(nodes.n, np.nan))[chosen] = values[...][index]
        return given

    # Inputs -----------------------------------------------------------------------------------------

    def add_inputs(self) -> None:
        """Give virtual nodes the spikes of the simulation's inputs."""
        for name, entry in self.files.inputs.items():
            kind = entry.get("input_type") if isinstance(entry, dict) else None
            if not isinstance(entry, dict):
                raise FileFormatError(f"{self.files.path}: input {name!r} should be an object")
            if kind != "spikes" or entry.get("module", "h5") not in ("h5", "sonata", "synapse_replay"):
                raise ConfigError(
                    f"input {name!r} is of type {kind!r} by {entry.get('module')!r}, which cannot be "
                    "expressed; known: spikes by h5 or sonata"
                )
            if entry.get("enabled", True) is False:
                continue
            path = Path(str(entry.get("input_file", entry.get("spike_file", ""))))
            with open_any(path) as file:
                trace = recordings.read(file, path)
            chosen = self._node_set(entry.get("node_set", entry.get("source")))
            targets = [each for each in chosen if self.nodes[each].virtual]
            if not targets:
                raise ConfigError(f"input {name!r} reaches no virtual nodes")
            for target in targets:
                of = target if target in trace.spikes else None
                if of is None and len(trace.spikes) == 1 and len(targets) == 1:
                    of = next(iter(trace.spikes))
                    self.assume(f"spikes of {of!r} in {path.name} are those of {target!r}")
                if of is None:
                    raise ConfigError(f"{path} has no spikes of population {target!r}")
                nodes, spikes = self.nodes[target], trace.spikes[of]
                units = nodes.units(spikes.units, str(path))
                keep = chosen[target][units]
                nodes.spikes.append(Spikes(spikes.times[keep], units[keep]))

    def _node_set(self, which: Any, depth: int = 0) -> dict[str, NDArray[np.bool_]]:
        """Return the nodes of a set by population."""
        if depth > 20:
            raise ConfigError("node sets name each other")
        if isinstance(which, str) and which in self.files.node_sets:
            return self._node_set(self.files.node_sets[which], depth + 1)
        if which is None or which == "all":
            return {name: np.ones(each.n, bool) for name, each in self.nodes.items()}
        if isinstance(which, str):
            if which not in self.nodes:
                known = ", ".join([*self.files.node_sets, *self.nodes])
                raise ConfigError(f"there is no node set {which!r}; known: {known}")
            return {which: np.ones(self.nodes[which].n, bool)}
        found: dict[str, NDArray[np.bool_]] = {}
        if isinstance(which, list):
            for each in which:
                for name, mask in self._node_set(each, depth + 1).items():
                    found[name] = mask | found.get(name, mask)
            return found
        if not isinstance(which, dict):
            raise ConfigError(f"a node set should be a name, a list or an object, got {which!r:.60}")
        for name, nodes in self.nodes.items():
            mask = np.ones(nodes.n, bool)
            for key, value in which.items():
                allowed = value if isinstance(value, list) else [value]
                if key == "population":
                    mask &= name in allowed
                elif key == "node_id":
                    mask &= np.isin(nodes.ids, allowed)
                else:
                    mask &= np.array([each in map(str, allowed) for each in nodes.attribute(key)], bool)
            if mask.any():
                found[name] = mask
        return found

    # Edges ------------------------------------------------------------------------------------------

    def add_edges(self, entry: Mapping[str, Any]) -> None:
        """Read all populations of a file of edges."""
        path = Path(str(entry.get("edges_file", "")))
        rows = self._types(entry, "edge_types_file", "edge_type_id")
        with open_hdf5(path) as file:
            for name, group in _populations(file, "edges", path):
                self._add_population(name, group, rows, path)

    def _add_population(
        self, name: str, group: h5py.Group, rows: Mapping[int, Mapping[str, str]], path: Path
    ) -> None:
        ends: list[Any] = []
        for key in ("source_node_id", "target_node_id"):
            ids = _whole(group, key, path)
            of = group[key].attrs.get("node_population", group[key].attrs.get("network"))
            of = of.decode() if isinstance(of, bytes) else str(of)
            if of not in self.nodes:
                raise ConfigError(
                    f"edges {name!r} have ends in population {of!r}, which is not among the nodes"
                )
            ends.append((self.nodes[of], self.nodes[of].units(ids, f"{key} of edges {name!r}")))
        (source, pre), (target, post) = ends
        n = len(pre)
        if len(post) != n:
            raise FileFormatError(f"{path}: edges {name!r} have {n} sources and {len(post)} targets")
        if target.virtual:
            raise ConfigError(f"edges {name!r} lead into the virtual population {target.name!r}")
        types = _whole(group, "edge_type_id", path) if "edge_type_id" in group else np.full(n, -1)
        if len(types) != n:
            raise FileFormatError(f"{path}: edges {name!r} have {n} edges and {len(types)} types")
        for number in np.unique(types):
            template = rows.get(int(number), {}).get("model_template", "")
            if template.removeprefix("nest:") not in SYNAPSES:
                raise ConfigError(
                    f"edges {name!r} have the template {template!r}, which cannot be expressed; known: "
                    "static_synapse"
                )
            if "weight_function" in rows.get(int(number), {}):
                function = rows[int(number)]["weight_function"]
                self.assume(
                    f"edges {name!r} have their syn_weight; weight_function {function!r} is not called"
                )
        groups = list(_groups(group, "edge", n, path))
        weight, delay, count = (
            self._values(groups, key, types, rows, default, name)
            for key, default in (("syn_weight", 1.0), ("delay", 1.0), ("nsyns", 1.0))
        )
        weight = weight * count
        if not (np.isfinite(weight).all() and np.isfinite(delay).all() and (delay >= 0).all()):
            raise FileFormatError(f"{path}: weights and delays of edges {name!r} must be finite, delays >= 0")
        two = has_two_receptors(target.model)
        parts = (
            [(weight >= 0, "ex", ""), (weight < 0, "in", " (in)")]
            if two
            else [(weight == weight, "input", "")]
        )
        for chosen, receptor, more in parts:
            if not chosen.any() and (more or n):
                continue
            self.projections.append(
                {
                    "name": name + (more if (weight >= 0).any() else ""),
                    "pre": source.name,
                    "post": target.name,
                    "autapses": True,
                    "multapses": True,
                    "rule": {
                        "part": "connect/Pairs",
                        "values": {
                            "pre": pre[chosen].astype(np.int32),
                            "post": post[chosen].astype(np.int32),
                        },
                    },
                    "weight": _shared(weight[chosen]),
                    "delay": _shared(delay[chosen]),
                    "receptor": receptor,
                }
            )

    def _values(
        self,
        parts: list[_Part],
        key: str,
        types: Ints,
        rows: Mapping[int, Mapping[str, str]],
        default: float,
        name: str,
    ) -> Floats:
        """Return a value of each edge."""
        values = np.full(len(types), default)
        folder = self.files.components.get("synaptic_models_dir", "")
        for number in np.unique(types):
            row = rows.get(int(number), {})
            found: Any = row.get(key)
            if found is None and "dynamics_params" in row and folder:
                place = _below(folder, row["dynamics_params"])
                found = read_json(place).get(key) if os.path.exists(place) else None
            if found is not None:
                try:
                    values[types == number] = float(found)
                except (TypeError, ValueError):
                    raise FileFormatError(
                        f"{key} of type {number} of edges {name!r} should be a number, got {found!r:.60}"
                    ) from None
        for chosen, below, index in parts:
            if isinstance(below.get(key), h5py.Dataset):
                values[chosen] = np.asarray(below[key][...], float)[index]
        return values

    # The whole --------------------------------------------------------------------------------------

    def recordings(self) -> list[dict[str, Any]]:
        """Return what reports record: population, variable, units and step in ms."""
        found = []
        for name, entry in self.files.reports.items():
            if not isinstance(entry, dict) or entry.get("enabled", True) is False:
                continue
            if entry.get("variable_name") not in VARIABLES:
                self.assume(f"report {name!r} of {entry.get('variable_name')!r} is left out")
                continue
            every = entry.get("dt", self.files.run.get("dt", 0.1))
            if not isinstance(every, int | float) or not 0 < every < math.inf:
                raise FileFormatError(f"dt of report {name!r} should be a time in ms, got {every!r}")
            for population, mask in self._node_set(entry.get("cells")).items():
                if not self.nodes[population].virtual:
                    units = np.flatnonzero(mask)
                    found.append(
                        {"population": population, "variable": "v", "units": units, "every": float(every)}
                    )
        return found

    def _types(self, entry: Mapping[str, Any], file: str, key: str) -> dict[int, dict[str, str]]:
        """Return the table of types that an entry names; empty if it names none."""
        path = entry.get(file)
        if not isinstance(path, str) or not path or path.upper() == "NULL":
            return {}
        return read_types(Path(path), key)

    def trace(self) -> Trace:
        """Return what was read."""
        populations: list[dict[str, Any]] = []
        for nodes in sorted(self.nodes.values(), key=lambda each: not each.virtual):
            model = nodes.model
            if nodes.virtual:
                times = np.concatenate([np.zeros(0), *(each.times for each in nodes.spikes)])
                units = np.concatenate([np.zeros(0, np.int64), *(each.units for each in nodes.spikes)])
                order = np.lexsort((units, times))
                values = {"times": times[order], "units": units[order]}
                model = {"part": "neuron/spike-source", "values": values}
            populations.append({"name": nodes.name, "n": nodes.n, "record_spikes": True, "model": model})
        run = self.files.run
        stop = run.get("tstop", 0.0)
        if not isinstance(stop, int | float) or not 0 <= stop < math.inf:
            raise FileFormatError(f"{self.files.path}: tstop should be a time in ms, got {stop!r}")
        recorded = self.recordings()
        if "v_init" in self.files.conditions:
            self.assume("conditions/v_init is not used: point neurons begin at their own V_m")
        return Trace(
            sizes={each["name"]: each["n"] for each in populations},
            provenance={
                "format": "SONATA",
                "notes": "\n".join(self.notes),
                "reports": list(self.files.reports),
            },
            duration=float(stop),
            declaration={
                "version": 1,
                "seed": 0,
                "time_unit": "ms",
                "populations": populations,
                "projections": self.projections,
                "plasticity": [],
                "recordings": recorded,
            },
        )


def _populations(file: h5py.File, kind: str, path: Path) -> list[tuple[str, h5py.Group]]:
    top = file.get(kind)
    if not isinstance(top, h5py.Group):
        raise FileFormatError(f"{path} has no group /{kind}, as SONATA files of {kind} have")
    return [(name, group) for name, group in top.items() if isinstance(group, h5py.Group)]


def _whole(group: h5py.Group, name: str, path: Path) -> Ints:
    dataset = group.get(name)
    if not isinstance(dataset, h5py.Dataset) or dataset.dtype.kind not in "iu" or dataset.ndim != 1:
        raise FileFormatError(f"{path}: {group.name}/{name} should be a list of whole numbers")
    values = np.asarray(dataset[...])
    if values.dtype.kind == "u" and len(values) and values.max() > 2**62:
        raise FileFormatError(f"{path}: {group.name}/{name} has numbers beyond {2**62}")
    return values.astype(np.int64)


def _groups(group: h5py.Group, kind: str, n: int, path: Path) -> Iterator[_Part]:
    """Yield the members of each group of attributes, the group, and their places in it."""
    names = [name for name in group if name.isdigit() and isinstance(group.get(name), h5py.Group)]
    if f"{kind}_group_id" in group:
        of = _whole(group, f"{kind}_group_id", path)
        index = _whole(group, f"{kind}_group_index", path)
    else:
        of, index = np.full(n, int(names[0]) if names else 0), np.arange(n)
    if len(of) != n or len(index) != n or (n and index.min() < 0):
        raise FileFormatError(f"{path}: the groups of {group.name} do not fit its {n} members")
    for name in names:
        chosen = np.flatnonzero(of == int(name))
        if len(chosen):
            yield chosen, group[name], index[chosen]


def _below(folder: str, name: str) -> Path:
    if not folder:
        raise ConfigError(f"{name} is named, but components names no folder of such files")
    return Path(folder) / name


def _shared(values: Floats) -> Any:
    """Return one number where all are equal."""
    return float(values[0]) if len(values) and (values == values[0]).all() else values
