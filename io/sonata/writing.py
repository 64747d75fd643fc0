"""A network as a SONATA circuit: nodes, edges, tables of types, configurations, spikes of sources.

Populations become point neurons with templates of NEST, sources virtual nodes. The files have what libsonata
and bmtk read: no compression, indices of edges by source and by target.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from eventsim.errors import ConfigError
from eventsim.hints import hinting
from eventsim.io.export.sonata import to_sonata
from eventsim.io.export.sources import network_from
from eventsim.io.export.times import factor
from eventsim.io.export.whole_files import whole
from eventsim.io.plain import one_path
from eventsim.io.sonata.point_neurons import template_of
from eventsim.trace import Spikes, Trace

__all__ = ["write_circuit"]

Ints = NDArray[np.int64]
TIMES = ("t_ref", "C_m", "tau_m", "tau_syn_ex", "tau_syn_in")  # a capacitance is current * time / potential


@hinting
def write_circuit(
    net: Any,
    folder: Path | str,
    *,
    duration: float | None = None,
    spikes: Trace | None = None,
    dt: float = 0.1,
) -> list[Path]:
    """Write a network as a SONATA circuit, and return the files, the configuration first.

    Parameters
    ----------
    net : Network
        Or a simulation or a trace, whose network is written as it was declared.
    folder : path
        It is made; files of these names in it are replaced.
    duration : float, optional
        End of the simulation in the network's time unit; that of `spikes`, else 1000 ms, unless given.
    spikes : Trace, optional
        Where sources take their spikes from; those of `SpikeSource` are taken from the network otherwise.
    dt : float
        Step in ms for programs that step.

    Raises
    ------
    ConfigError
        If a model, parameter or projection has no counterpart; the message names it.
    """
    net, folder = network_from(net), one_path(folder, "folder")
    scale = factor(net.time_unit, "ms")
    if net.plasticity:
        raise ConfigError(f"{net.plasticity[0][0]!r} has a plasticity rule, which SONATA has no place for")
    for projection in net.projections:
        if projection.rates is not None:
            raise ConfigError(
                f"the projection {projection.name!r} carries rates, which SONATA has no place for"
            )
    described = {
        name: None if each.model.is_source else template_of(each.model, each.n, name)
        for name, each in net.populations.items()
    }
    trains = {
        name: _spikes_of(net.populations[name], spikes, scale)
        for name, each in described.items()
        if each is None
    }
    folder.mkdir(parents=True, exist_ok=True)
    files = [
        folder / name for name in ("config.json", "nodes.h5", "node_types.csv", "edges.h5", "edge_types.csv")
    ]
    _write_nodes(files[1], files[2], net, described, scale)
    _write_edges(files[3], files[4], net, described, scale)
    end = duration if duration is not None else spikes.duration if spikes is not None else 1000.0 / scale
    known = {name: train for name, train in trains.items() if train is not None}
    if known:
        sizes = {name: net.populations[name].n for name in known}
        written = to_sonata(Trace(sizes=sizes, spikes=known, time_unit="ms"), folder / "inputs")
        files.append(written[0])
    config = _config(net, described, list(known), float(end) * scale, dt)
    with whole(files[0]) as new:
        new.write_text(json.dumps(config, indent=2, ensure_ascii=False), encoding="utf-8")
    return files


def _spikes_of(population: Any, spikes: Trace | None, scale: float) -> Spikes | None:
    """Return the spikes of a source in ms; None if they are not known."""
    if spikes is not None and population.name in spikes.spikes:
        theirs = spikes.spikes[population.name]
        return Spikes(theirs.times * factor(spikes.time_unit, "ms"), theirs.units)
    if type(population.model).__name__ != "SpikeSource":
        raise ConfigError(
            f"the spikes of {population.name!r}, a {type(population.model).__name__}, are drawn in a run; "
            "give those of one, as spikes=es.io.load(FILE)"
        )
    from eventsim.spike_trains import spike_pairs

    model = population.model
    times, units = spike_pairs(model.times, model.units, population.n, population.name, "ms")
    times = np.asarray(times, float) * scale
    order = np.lexsort((units, times))
    keep = order[np.isfinite(times[order])]
    return Spikes(times[keep], units[keep]) if len(keep) else None


def _write_nodes(path: Path, table: Path, net: Any, described: dict[str, Any], scale: float) -> None:
    columns = ("node_type_id", "population", "model_type", "model_template")
    rows = [columns]
    with _created(path) as file:
        for k, (name, population) in enumerate(net.populations.items()):
            group = file.create_group(f"nodes/{name}")
            n = population.n
            group["node_type_id"] = np.full(n, 100 + k, np.int64)
            group["node_id"] = np.arange(n, dtype=np.uint64)
            group["node_group_id"] = np.zeros(n, np.uint32)
            group["node_group_index"] = np.arange(n, dtype=np.uint64)
            below = group.create_group("0")
            template = "NULL"
            if described[name] is not None:
                template, parameters = described[name]
                dynamics = below.create_group("dynamics_params")
                for key, values in parameters.items():
                    dynamics[key] = values * (scale if key in TIMES else 1.0)
            kind = "virtual" if described[name] is None else "point_neuron"
            rows.append((str(100 + k), _word(name), kind, template))
    _write_table(table, rows)


def _write_edges(path: Path, table: Path, net: Any, described: dict[str, Any], scale: float) -> None:
    rows = [("edge_type_id", "population", "model_template")]
    with _created(path) as file:
        file.create_group("edges")
        for k, projection in enumerate(net.projections):
            synapses = projection.resolve(net)
            n = synapses.n_syn
            pre, post = (np.asarray(each(0, n), np.int64) for each in (synapses.sources, synapses.targets))
            pre, post = (np.array(np.broadcast_to(each, n)) for each in (pre, post))
            weight = np.broadcast_to(np.asarray(synapses.weight, float).reshape(-1), n)
            delay = np.asarray(synapses.delay, float)
            delay = delay[pre] if synapses.delay_kind == "axonal" else np.broadcast_to(delay.reshape(-1), n)
            _check_receptor(projection, described[projection.post], net.populations[projection.post], weight)
            order = np.lexsort((pre, post))
            pre, post = pre[order], post[order]
            group = file.create_group(f"edges/{_word(projection.name)}")
            for key, ends, of in (
                ("source_node_id", pre, projection.pre),
                ("target_node_id", post, projection.post),
            ):
                group[key] = ends.astype(np.uint64)
                group[key].attrs.create("node_population", of, dtype=h5py.string_dtype())
            group["edge_type_id"] = np.full(n, 100 + k, np.int64)
            group["edge_group_id"] = np.zeros(n, np.uint32)
            group["edge_group_index"] = np.arange(n, dtype=np.uint64)
            group["0/syn_weight"], group["0/delay"] = weight[order], delay[order] * scale
            for key, ends, of in (
                ("source_to_target", pre, projection.pre),
                ("target_to_source", post, projection.post),
            ):
                _index(group.create_group(f"indices/{key}"), ends, net.populations[of].n)
            rows.append((str(100 + k), _word(projection.name), "static_synapse"))
    _write_table(table, rows)


def _check_receptor(projection: Any, described: Any, population: Any, weight: Any) -> None:
    """Raise ConfigError if the signs of weights do not choose the receptor that the projection reaches."""
    receptors = getattr(population.model, "receptors", {})
    if described is None or len(receptors) < 2:
        return
    negative = projection.receptor == receptors["in"]
    if ((weight < 0) != negative).any():
        raise ConfigError(
            f"weights of {projection.name!r} reach the receptor {'in' if negative else 'ex'!r} with the "
            "other sign, but the sign chooses the receptor in SONATA"
        )


def _index(group: h5py.Group, ends: Ints, n: int) -> None:
    """Write which edges a node has: its ranges of consecutive edges."""
    order = np.argsort(ends, kind="stable")
    ranges, pointers = [], np.zeros((n, 2), np.uint64)
    count = 0
    borders = np.searchsorted(ends[order], np.arange(n + 1))
    for node in range(n):
        edges = order[borders[node] : borders[node + 1]]
        cuts = np.flatnonzero(np.diff(edges) != 1) + 1
        blocks = np.split(edges, cuts) if len(edges) else []
        ranges += [(block[0], block[-1] + 1) for block in blocks]
        pointers[node] = count, count + len(blocks)
        count += len(blocks)
        if not blocks:
            pointers[node] = 0, 0
    group["node_id_to_ranges"] = pointers
    group["node_id_to_range"] = h5py.SoftLink(f"{group.name}/node_id_to_ranges")  # the name that bmtk reads
    group["range_to_edge_id"] = np.array(ranges, np.uint64).reshape(-1, 2)


def _config(net: Any, described: dict[str, Any], known: list[str], end: float, dt: float) -> dict[str, Any]:
    kinds = {
        name: {"type": "virtual" if each is None else "point_neuron"} for name, each in described.items()
    }
    edges = {_word(each.name): {"type": "chemical"} for each in net.projections}
    inputs = {
        f"spikes of {name}": {
            "input_type": "spikes",
            "module": "sonata",
            "input_file": "$BASE/inputs/spikes.h5",
            "node_set": {"population": name},
        }
        for name in known
    }
    nodes = {"nodes_file": "$BASE/nodes.h5", "node_types_file": "$BASE/node_types.csv", "populations": kinds}
    links = {"edges_file": "$BASE/edges.h5", "edge_types_file": "$BASE/edge_types.csv", "populations": edges}
    return {
        "manifest": {"$BASE": "."},
        "networks": {"nodes": [nodes], "edges": [links] if edges else []},
        "run": {"tstop": end, "dt": dt},
        "output": {"output_dir": "$BASE/output", "spikes_file": "spikes.h5"},
        "inputs": inputs,
    }


@contextmanager
def _created(path: Path) -> Iterator[h5py.File]:
    with whole(path) as new, h5py.File(new, "w", libver=("earliest", "v110")) as file:
        file.attrs["magic"] = np.uint32(0x0A7A)
        file.attrs["version"] = np.array((0, 1), np.uint32)
        yield file


def _write_table(path: Path, rows: list[Any]) -> None:
    with whole(path) as new:
        new.write_text("".join(" ".join(row) + "\n" for row in rows), encoding="utf-8")


def _word(name: str) -> str:
    """Return a name without what separates columns, and without what names of edges may not have."""
    return name.replace(" ", "_").replace("->", "_to_").replace("/", "|")
