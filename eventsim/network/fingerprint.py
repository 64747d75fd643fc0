"""A short text that two networks share only if they have the same structure and parameters."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from eventsim.network.network import Network

__all__ = ["fingerprint", "same_declaration"]

# Files hold fingerprints, so a class that moved is called by its first module.
FIRST_MODULES = {
    "eventsim.connect.rules": "eventsim.connect",
    "eventsim.connect.distributions": "eventsim.distributions",
}


def fingerprint(net: Network) -> str:
    """Return a hash of everything that a network declares, as 32 hexadecimal digits.

    Names, sizes, models with their parameters, projections with their rules, weights and delays, plasticity
    rules, seed and time unit enter. Of functions only the name does.
    """
    digest = hashlib.blake2b(digest_size=16)
    things = [net.seed, net.time_unit]
    things += [(p.name, p.n, p.model) for p in net.populations.values()]
    things += [
        (p.name, p.pre, p.post, p.rule, p.weight, p.delay, p.autapses, p.multapses, p.rates, p.receptor)
        for p in net.projections
    ]
    things += [(p.name, p.storage) for p in net.projections if p.storage != "arrays"]
    things += net.plasticity
    for part in _parts(things, 0):
        digest.update(part)
    return digest.hexdigest()


def same_declaration(one: Any, other: Any) -> bool:
    """Return whether two declared things, such as populations or rules, have the same kind and parameters."""
    return b"".join(_parts(one, 0)) == b"".join(_parts(other, 0))


def _parts(thing: Any, depth: int) -> Iterable[bytes]:
    """Yield bytes that differ where things differ."""
    if isinstance(thing, np.ndarray) and thing.dtype != object:
        yield f"array {thing.shape} {thing.dtype}".encode()
        yield np.ascontiguousarray(thing).tobytes() if thing.size else b""
    elif isinstance(thing, str | bytes | bool | int | float | complex | np.generic | None):
        yield f"{type(thing).__name__} {thing!r};".encode()
    elif isinstance(thing, Mapping):
        yield b"{"
        for key, value in thing.items():
            yield from _parts(key, depth + 1)
            yield from _parts(value, depth + 1)
        yield b"}"
    elif isinstance(thing, list | tuple | set | frozenset | np.ndarray):
        yield b"["
        for each in thing if not isinstance(thing, set | frozenset) else sorted(thing, key=repr):
            yield from _parts(each, depth + 1)
        yield b"]"
    else:
        kind = thing if isinstance(thing, type) or callable(thing) else type(thing)
        name = getattr(kind, "__qualname__", type(thing).__name__)
        module = getattr(kind, "__module__", "")
        yield f"<{FIRST_MODULES.get(module, module)}.{name}".encode()
        if depth < 8:  # an own model may know itself
            yield from _parts(_values(thing), depth + 1)
        yield b">"


def _values(thing: Any) -> dict[str, Any]:
    """Return the parameters of an object by name."""
    if is_dataclass(thing) and not isinstance(thing, type):
        return {field.name: getattr(thing, field.name) for field in fields(thing)}
    if callable(thing):
        return {}
    return {key: value for key, value in getattr(thing, "__dict__", {}).items() if not key.startswith("_")}
