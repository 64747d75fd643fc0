"""Parts by kind and name: registering is what makes a part appear everywhere.

Built-in parts are found by importing the modules of their package; other people's packages
announce theirs through the entry point group ``eventsim.parts`` (a module to import).
"""

import difflib
import importlib
import importlib.metadata
import pkgutil
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

from eventsim.errors import UnknownPart
from eventsim.renamed import current

T = TypeVar("T")

KINDS = {
    "neuron": ("eventsim.models",),
    "rule": ("eventsim.models",),
    "hardware": ("eventsim.hardware",),
    "scenario": ("eventsim.scenarios",),
}
READERS = {"hardware": ("eventsim.hardware.named", "by_name")}  # functions that make a part from a text
_parts: dict[str, dict[str, Any]] = {kind: {} for kind in KINDS}
_discovered: set[str] = set()


def register(kind: str, name: str) -> Callable[[T], T]:
    """Return a decorator that registers a part under `kind` and `name`.

    Raises
    ------
    ValueError
        If the kind is unknown or another part already has the name.
    """
    if kind not in _parts:
        raise ValueError(f"no kind of part is called {kind!r}; kinds: {', '.join(_parts)}")

    def remember(part: T) -> T:
        known = _parts[kind].get(name)
        if known is not None and (known.__module__, known.__qualname__) != (
            getattr(part, "__module__", None),
            getattr(part, "__qualname__", None),
        ):
            raise ValueError(f"{kind} {name!r} is registered already, by {known.__module__}")
        _parts[kind][name] = part
        return part

    return remember


def find(kind: str, name: str) -> Any:
    """Return the part registered under `kind` and `name`.

    Underscores count as hyphens, and a part is found by its old name too.

    Raises
    ------
    UnknownPart
        If there is none; the message lists the names there are.
    """
    if name not in _parts[kind]:
        _discover(kind)
    known = _parts[kind]
    if name not in known:
        today = current(f"part/{kind}", name.replace("_", "-"))
        if today not in known:
            near = difflib.get_close_matches(today, known, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise UnknownPart(f"no {kind} named {name!r}; {hint}known: {', '.join(sorted(known))}")
        name = today
    return known[name]


def from_text(kind: str, text: str) -> Any:
    """Return the part that a text names, with its settings: "brainscales2,device_seed=7".

    Raises
    ------
    UnknownPart, ConfigError
        If there is none of this name, or a setting is wrong.
    """
    module, reader = READERS[kind]
    return getattr(importlib.import_module(module), reader)(text)


def parts(kind: str) -> dict[str, Any]:
    """Return all parts of a kind, sorted by name."""
    _discover(kind)
    return dict(sorted(_parts[kind].items()))


def _discover(kind: str) -> None:
    """Import the modules that may register parts of this kind, once."""
    if kind in _discovered:
        return
    for package_name in KINDS[kind]:
        _import_all(package_name, into_packages=kind != "scenario")
    for entry in importlib.metadata.entry_points(group="eventsim.parts"):
        try:
            entry.load()
        except Exception as error:  # somebody else's package must not take ours with it
            warnings.warn(
                f"{entry.value!r} cannot be imported, which the entry point {entry.name!r} of eventsim.parts "
                f"names: {type(error).__name__}: {error}",
                RuntimeWarning,
                stacklevel=2,
            )
    _discovered.add(kind)


def _import_all(package_name: str, into_packages: bool) -> None:
    """Import the public modules and packages of a package, and of the packages in it if wanted."""
    package = importlib.import_module(package_name)
    for module in pkgutil.iter_modules(package.__path__):
        if module.name.startswith("_"):
            continue
        name = f"{package_name}.{module.name}"
        if module.ispkg and into_packages:
            _import_all(name, into_packages)
        else:
            importlib.import_module(name)
