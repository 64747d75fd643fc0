"""A network as plain values, as files hold it, and back: the same network, so the same bits.

Connection rules and distributions stay rules: what a seed draws is drawn again. A model, a plasticity rule
or a rule of connections is named as it is registered, with all its parameters; arrays stay arrays. What is
made of a user's own functions has no plain values, and is refused by its name.
"""

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from eventsim import registry
from eventsim.connect.rules import ConnectionRule, Distribution
from eventsim.errors import ConfigError, FileFormatError
from eventsim.io.plain import shown
from eventsim.network.declared import Projection, sends_rates
from eventsim.network.network import Network

__all__ = ["SMALL", "declaration_of", "network_of", "size_of", "stored_declaration"]

SMALL = 1 << 20
"""Bytes of a network that a file holds without being asked to."""
VERSION = 1
KINDS = ("neuron", "plasticity")
PUBLIC = ("eventsim.models", "eventsim.models.plasticity")
"""Where dataclasses are found that are parts of registered ones, such as compartments."""
DEEPEST = 32
OPTIONS = ("bias", "tau_syn", "feedback", "variable", "receptor")  # of projections of rates


def declaration_of(net: Network) -> dict[str, Any]:
    """Return everything that a network declares, as nested dictionaries, lists, numbers, texts and arrays.

    Raises
    ------
    ConfigError
        If a part has no plain values, such as a function; the message names it.
    """
    populations = [
        {
            "name": each.name,
            "n": each.n,
            "record_spikes": each.record_spikes,
            "model": _plain(each.model, f"the model of {each.name!r}"),
        }
        for each in net.populations.values()
    ]
    projections = [_projection(each, net) for each in net.projections]
    return {
        "version": VERSION,
        "seed": net.seed,
        "time_unit": net.time_unit,
        "populations": populations,
        "projections": projections,
        "plasticity": [
            {"of": name, "rule": _plain(rule, f"the plasticity rule of {name!r}")}
            for name, rule in net.plasticity
        ],
    }


def stored_declaration(net: Network, wanted: bool | None) -> dict[str, Any]:
    """Return what a file holds of a network.

    Parameters
    ----------
    net : Network
    wanted : bool or None
        Whether the file is to hold it; None if it has plain values and is small.

    Raises
    ------
    ConfigError
        If it is wanted and has no plain values.
    """
    if wanted is False:
        return {"refused": "it was saved with network=False"}
    try:
        plain = declaration_of(net)
    except ConfigError as error:
        if wanted:
            raise
        return {"refused": str(error)}
    size = size_of(plain)
    if wanted is None and size > SMALL:
        return {"refused": f"it takes {size / 1e6:.1f} MB; save it with network=True"}
    return plain


def network_of(plain: Mapping[str, Any]) -> Network:
    """Return the network that `declaration_of` made plain values of.

    Raises
    ------
    ConfigError
        If there is no network.
    FileFormatError
        If the values are of a newer version, or are not those of a network.
    """
    if "refused" in plain:
        raise ConfigError(f"the file holds no network: {plain['refused']}")
    if not plain:
        raise ConfigError(
            "the file holds no network; sim.save(FILE, network=True) stores it with what was recorded"
        )
    version = plain.get("version", 0)
    if isinstance(version, bool) or not isinstance(version, int):
        raise FileFormatError(f"the format of the network should be a number, got {version!r:.60}")
    if version > VERSION:
        raise FileFormatError(f"the network is of format {version}, newer than {VERSION}")
    try:
        return _network(plain)
    except FileFormatError:
        raise
    except Exception as error:  # whatever a damaged file made of a value
        raise FileFormatError(f"the stored network cannot be built: {_first_line(error)}") from error


def size_of(plain: Any) -> int:
    """Return about how many bytes plain values take in a file."""
    if isinstance(plain, np.ndarray):
        return plain.nbytes + 32
    if isinstance(plain, Mapping):
        return sum(size_of(value) + len(key) + 4 for key, value in plain.items())
    if isinstance(plain, list | tuple):
        return 4 + sum(map(size_of, plain))
    return len(plain) if isinstance(plain, str) else 8


def _projection(projection: Projection, net: Network) -> dict[str, Any]:
    label = f"the projection {projection.name!r}"
    entry = {name: getattr(projection, name) for name in ("name", "pre", "post", "autapses", "multapses")}
    if projection.storage != "arrays":
        entry["storage"] = projection.storage
    for name in ("rule", "weight", "delay"):
        entry[name] = _plain(getattr(projection, name), f"{name} of {label}")
    if projection.rates is not None:
        for name in OPTIONS:
            entry[name] = _plain(getattr(projection.rates, name), f"{name} of {label}")
    else:
        entry["receptor"] = _receptor(net.populations[projection.post].model, projection.receptor)
    return entry


def _receptor(model: Any, number: int) -> str:
    """Return the name of a receptor of a spiking model."""
    known = getattr(model, "receptors", getattr(model, "ports", {}))
    names = [name for name, value in known.items() if value == number] if isinstance(known, Mapping) else []
    return str(names[0]) if names else "input"


def _network(plain: Mapping[str, Any]) -> Network:
    net = Network(seed=plain["seed"], time_unit=plain["time_unit"])
    for each in plain["populations"]:
        net.add(each["name"], _part(each["model"]), each["n"], each["record_spikes"])
    for each in plain["projections"]:
        options = {name: _part(each[name]) for name in OPTIONS if name in each}
        source = net.populations[each["pre"]].model
        if not sends_rates(source):
            options = {"receptor": options.get("receptor", "input")}
        if each["name"] in {projection.name for projection in net.projections}:
            raise ValueError(f"there are two projections {each['name']!r}")
        net.connect(
            each["pre"],
            each["post"],
            _part(each["rule"]),
            weight=_part(each["weight"]),
            delay=_part(each["delay"]),
            autapses=each["autapses"],
            multapses=each["multapses"],
            name=each["name"],
            storage=each.get("storage", "arrays"),
            **options,
        )
    for each in plain["plasticity"]:
        net.add_plasticity(each["of"], _part(each["rule"]))
    return net


# Values and parts ---------------------------------------------------------------------------------


def _plain(value: Any, where: str, depth: int = 0) -> Any:
    """Return a value without objects; a part is {"part": its name, "values": its parameters}."""
    if depth > DEEPEST:
        raise ConfigError(f"{where} is nested more than {DEEPEST} deep")
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if type(value) is np.ndarray and value.dtype.kind in "biufc":
        return value
    if isinstance(value, list | tuple) and type(value) in (list, tuple):
        return type(value)(_plain(each, where, depth + 1) for each in value)
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise ConfigError(f"{where} has keys that are no texts, so that no file can hold it")
        return {
            "part": "mapping",
            "values": {key: _plain(each, f"{key} of {where}", depth + 1) for key, each in value.items()},
        }
    if is_dataclass(value) and not isinstance(value, type):
        return {
            "part": _name_of(type(value), where),
            "values": {
                field.name: _plain(getattr(value, field.name), f"{field.name} of {where}", depth + 1)
                for field in fields(value)
                if field.init
            },
        }
    what = "a function" if callable(value) else f"a {type(value).__name__}"
    raise ConfigError(f"{where} is {what}, {shown(value)}, which no file can hold; build the network again")


def _part(plain: Any, depth: int = 0) -> Any:
    """Return the value that `_plain` made plain."""
    if depth > 2 * DEEPEST:
        raise ValueError(f"values are nested more than {DEEPEST} deep")
    if isinstance(plain, list | tuple):
        return type(plain)(_part(each, depth + 1) for each in plain)
    if not isinstance(plain, Mapping):
        return plain
    values = {key: _part(value, depth + 1) for key, value in plain["values"].items()}
    if plain["part"] == "mapping":
        return values
    return _class_of(plain["part"])(**values)


def _name_of(kind: type, where: str) -> str:
    """Return the name under which `_class_of` finds a class again."""
    registered = registry.name_of(kind)
    if registered is not None and registered[0] in KINDS:
        return "/".join(registered)
    if issubclass(kind, ConnectionRule | Distribution):
        return f"connect/{kind.__name__}"
    for package in PUBLIC:
        if getattr(importlib.import_module(package), kind.__name__, None) is kind:
            return f"{package.removeprefix('eventsim.')}/{kind.__name__}"
    raise ConfigError(
        f"{where} is a {kind.__name__}, which is not registered; @es.register('neuron', 'a-name') makes a "
        "dataclass of parameters one that files can name"
    )


def _class_of(name: str) -> Callable[..., Any]:
    """Return the class of a part by its name in a file; nothing else can be called."""
    kind, _, own = name.partition("/")
    if kind in KINDS:
        return registry.find(kind, own)
    found: Any = None
    if kind == "connect":
        named = [each for each in _subclasses(ConnectionRule, Distribution) if each.__name__ == own]
        found = next((each for each in named if each.__module__.startswith("eventsim.")), None)
        found = found or next(iter(named), None)
    elif f"eventsim.{kind}" in PUBLIC and own.isidentifier():
        found = getattr(importlib.import_module(f"eventsim.{kind}"), own, None)
    if not (isinstance(found, type) and is_dataclass(found)):
        raise FileFormatError(
            f"the stored network has a part {name[:60]!r}, which this version does not know"
        )
    return found


def _subclasses(*kinds: type) -> Iterator[type]:
    """Yield the classes below others, without those that a dataclass with slots has replaced."""
    for kind in kinds:
        each: type
        for each in kind.__subclasses__():
            if getattr(sys.modules.get(each.__module__), each.__name__, None) is each:
                yield each
            yield from _subclasses(each)


def _first_line(error: BaseException) -> str:
    text = str(error).strip()
    what = text.splitlines()[0][:200] if text else ""
    return f"{type(error).__name__}: {what}" if type(error) in (KeyError, AttributeError) else what
