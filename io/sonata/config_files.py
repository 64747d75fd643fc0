"""Configurations of SONATA circuits and simulations: JSON with variables in its paths, and tables as CSV."""

import csv
import io
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eventsim.errors import FileFormatError, shortened

__all__ = ["CircuitFiles", "read_config", "read_json", "read_types"]

MOST_BYTES = 1 << 26
"""Of a text: 64 MiB."""


@dataclass(slots=True)
class CircuitFiles:
    """What a configuration names, with whole paths.

    Attributes
    ----------
    path : of the configuration.
    nodes, edges : dictionaries with ``nodes_file``, ``node_types_file`` and so on.
    components : folders by name, such as ``point_neuron_models_dir``.
    run, conditions, inputs, reports, output : of the simulation; empty without one.
    node_sets : names of groups of nodes, and what they select.
    """

    path: Path
    nodes: list[dict[str, Any]] = field(default_factory=list)
    edges: list[dict[str, Any]] = field(default_factory=list)
    components: dict[str, str] = field(default_factory=dict)
    run: dict[str, Any] = field(default_factory=dict)
    conditions: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, Any] = field(default_factory=dict)
    reports: dict[str, Any] = field(default_factory=dict)
    output: dict[str, Any] = field(default_factory=dict)
    node_sets: dict[str, Any] = field(default_factory=dict)


def read_config(path: Path) -> CircuitFiles:
    """Return what the configuration of a circuit, of a simulation, or of both names.

    Raises
    ------
    FileNotFoundError, FileFormatError
        If a file is missing or is no such configuration; the message names it.
    """
    found = CircuitFiles(path)
    _take(path, found, set())
    if not found.nodes:
        raise FileFormatError(f"{path} names no nodes; a circuit has them under networks, nodes, nodes_file")
    return found


def _take(path: Path, found: CircuitFiles, seen: set[Path]) -> None:
    """Put what a configuration says, and those that it names, into `found`."""
    if path.resolve() in seen:
        raise FileFormatError(f"{path} names itself as a configuration")
    seen.add(path.resolve())
    tree = read_json(path)
    variables = _mapping(tree, "manifest", path)
    tree = _filled(tree, {str(k): str(v) for k, v in variables.items()}, path)
    for key in ("network", "simulation"):  # a configuration of two others
        if isinstance(tree.get(key), str):
            _take(_place(tree[key], path), found, seen)
    networks = _mapping(tree, "networks", path)
    for which, files in (("nodes", found.nodes), ("edges", found.edges)):
        listed = networks.get(which, [])
        if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
            raise FileFormatError(f"{path}: networks/{which} should be a list of files")
        for each in listed:
            files.append(
                {
                    key: str(_place(value, path))
                    if key.endswith("_file") and isinstance(value, str) and value.upper() != "NULL" and value
                    else value
                    for key, value in each.items()
                }
            )
    for key, value in _mapping(tree, "components", path).items():
        if isinstance(value, str):
            found.components[key] = str(_place(value, path))
    for key in ("run", "conditions", "inputs", "reports", "output"):
        getattr(found, key).update(_mapping(tree, key, path))
    sets = tree.get("node_sets_file")
    if isinstance(sets, str):
        found.node_sets.update(read_json(_place(sets, path)))
    found.node_sets.update(_mapping(tree, "node_sets", path))
    for each in found.inputs.values():
        if isinstance(each, dict):
            for key in ("input_file", "spike_file"):
                if isinstance(each.get(key), str):
                    each[key] = str(_place(each[key], path))


def _mapping(tree: Mapping[str, Any], key: str, path: Path) -> dict[str, Any]:
    value = tree.get(key, {})
    if not isinstance(value, dict):
        raise FileFormatError(f"{path}: {key} should be an object, got {str(value)[:60]!r}")
    return value


def _place(text: str, path: Path) -> Path:
    """Return a path, which is relative to the configuration that names it."""
    if "\0" in text:
        raise FileFormatError(f"{path} names a path with a null character")
    return Path(text) if Path(text).is_absolute() else path.parent / text


def _filled(tree: Any, variables: Mapping[str, str], path: Path) -> Any:
    """Return a tree with variables such as $NETWORK_DIR replaced in its texts."""
    if isinstance(tree, dict):
        return {key: _filled(value, variables, path) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_filled(each, variables, path) for each in tree]
    if not isinstance(tree, str) or "$" not in tree:
        return tree
    for _ in range(20):  # a variable may name another
        before = tree
        for name in sorted(variables, key=len, reverse=True):
            tree = tree.replace(f"${{{name.lstrip('$')}}}", variables[name])
            tree = tree.replace(f"${name.lstrip('$')}", variables[name])
        if len(tree) > 4096:
            break
        if tree == before:
            return tree
    raise FileFormatError(f"{path}: the variables of {before[:60]!r} name each other")


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file; every failure ends as one line."""
    text = read_text(path)
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"{path} is no JSON: {str(error).splitlines()[0]}") from None
    if not isinstance(tree, dict):
        raise FileFormatError(f"{path} should hold one JSON object")
    return tree


def read_types(path: Path, key: str) -> dict[int, dict[str, str]]:
    """Return the rows of a table of types by their number; values that are not there are left out.

    Parameters
    ----------
    key : {"node_type_id", "edge_type_id"}
    """
    rows = {}
    try:
        for row in csv.DictReader(io.StringIO(read_text(path)), delimiter=" ", skipinitialspace=True):
            known = {str(k).strip(): v.strip() for k, v in row.items() if k and isinstance(v, str)}
            number = int(known.pop(key))
            rows[number] = {k: v for k, v in known.items() if v and v.upper() not in ("NULL", "NONE", "NAN")}
    except (KeyError, ValueError, csv.Error) as error:
        raise FileFormatError(
            f"{path} is no table of types with a column {key!r}, separated by spaces: {error}"
        ) from None
    return rows


def read_text(path: Path) -> str:
    """Return a text, if there is one of bounded size."""
    if not os.path.exists(path):  # False, too, for a name that no file can have
        raise FileNotFoundError(shortened(f"there is no file {path}"))
    if not path.is_file() or path.stat().st_size > MOST_BYTES:
        raise FileFormatError(f"{path} is no text file of at most {MOST_BYTES >> 20} MiB")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise FileFormatError(f"{path} is no text") from None
