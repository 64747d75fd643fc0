"""Parts by kind and name: registering is what makes a part appear everywhere.

Built-in parts are found by importing the modules of their package; other people's packages
announce theirs through the entry point group ``eventsim.parts`` (a module or a package to import).

Names have hyphens ("lif-delta"); underscores are accepted wherever a name is given.
"""

import importlib
import warnings
from collections.abc import Callable, Mapping
from typing import TypeVar

from eventsim.errors import UnknownPart, did_you_mean
from eventsim.renamed import current, warn_renamed

T = TypeVar("T")

KINDS = {
    "neuron": ("eventsim.models",),
    "plasticity": ("eventsim.models",),  # rules that change a network as it runs
    "trainer": ("eventsim.models",),  # what trains a network from outside
    "hardware": ("eventsim.hardware",),
    "scenario": ("eventsim.scenarios",),
}
GROUP = "eventsim.parts"  # of entry points
READERS = {"hardware": ("eventsim.hardware.named", "by_name")}  # functions that make a part from a text
_parts: dict[str, dict[str, type]] = {kind: {} for kind in KINDS}
_discovered: set[str] = set()


def canonical(kind: str, name: str) -> str:
    """Return a name as it is registered: in hyphens, and under its present name."""
    hyphens = str(name).replace("_", "-")
    return current(f"part/{kind}", hyphens)


def register(kind: str, name: str) -> Callable[[T], T]:
    """Return a decorator that registers a part under `kind` and `name`.

    Parameters
    ----------
    kind : {"neuron", "plasticity", "trainer", "hardware", "scenario"}
        "rule", as in earlier versions, stands for plasticity if the part can be attached to a network,
        else for trainer.
    name : str

    Raises
    ------
    ValueError
        If the kind is unknown or another part already has the name.
    """
    if kind == "rule":
        warn_renamed("the kind 'rule'", "'plasticity' or 'trainer'")
    elif kind not in _parts:
        raise ValueError(
            f"no kind of part is called {kind!r}; kinds: {', '.join(_parts)}{did_you_mean(kind, _parts)}"
        )

    def remember(part: T) -> T:
        attachable = hasattr(part, "attach") or hasattr(part, "attach_spiking")
        which = kind if kind != "rule" else "plasticity" if attachable else "trainer"
        key = str(name).replace("_", "-")
        known = _parts[which].get(key)
        if known is not None and (known.__module__, known.__qualname__) != (
            getattr(part, "__module__", None),
            getattr(part, "__qualname__", None),
        ):
            raise ValueError(f"{which} {key!r} is registered already, by {known.__module__}")
        if hasattr(part, "__dataclass_fields__") and which != "scenario":
            from eventsim.parameters import own_arguments

            part.__init__ = own_arguments(part.__init__)  # type: ignore[misc]
        _parts[which][key] = part  # type: ignore[assignment]
        return part

    return remember


def find(kind: str, name: str) -> type:
    """Return the part registered under `kind` and `name`.

    Underscores count as hyphens, and a part is found by its old name too.

    Raises
    ------
    UnknownPart
        If there is none; the message lists the names there are.
    """
    if kind == "rule":
        return find(_kind_of_rule(name), name)
    known = _of_kind(kind)
    key = canonical(kind, name)
    if key not in known:
        _import_namesake(kind, key)
    if key not in known:
        _discover(kind)
    try:
        return known[key]
    except KeyError:
        hint = did_you_mean(key, known) or ";"
        raise UnknownPart(f"no {kind} named {name!r}{hint} known: {', '.join(sorted(known))}") from None


def lookup(kind: str, name: str) -> type | None:
    """Return the part registered under `kind` and `name`; None if there is none."""
    try:
        return find(kind, name)
    except UnknownPart:
        return None


def name_of(part: type) -> tuple[str, str] | None:
    """Return the kind and the name under which a class is registered; None if it is not."""
    for kind, known in _parts.items():
        for name, each in known.items():
            if each is part:
                return kind, name
    return None


def from_text(kind: str, text: str) -> object:
    """Return the part that a text names, with its settings: "brainscales2,device_seed=7".

    Raises
    ------
    UnknownPart, ConfigError
        If there is none of this name, or a setting is wrong.
    """
    module, reader = READERS[kind]
    return getattr(importlib.import_module(module), reader)(text)


def parts(kind: str) -> dict[str, type]:
    """Return all parts of a kind, sorted by name."""
    if kind == "rule":
        warn_renamed("the kind 'rule'", "'plasticity' or 'trainer'")
        return dict(sorted((parts("plasticity") | parts("trainer")).items()))
    known = _of_kind(kind)
    _discover(kind)
    return dict(sorted(known.items()))


def _of_kind(kind: str) -> Mapping[str, type]:
    try:
        return _parts[kind]
    except KeyError:
        raise UnknownPart(
            f"no kind of part is called {kind!r}; kinds: {', '.join(_parts)}{did_you_mean(kind, _parts)}"
        ) from None


def _kind_of_rule(name: str) -> str:
    """Return the kind of a part that earlier versions called a rule."""
    warn_renamed("the kind 'rule'", "'plasticity' or 'trainer'")
    return "plasticity" if canonical("plasticity", name) in parts("plasticity") else "trainer"


def _import_namesake(kind: str, key: str) -> None:
    """Import the scenario's package of this name, ours or one announced: no other is needed for it."""
    import contextlib
    from importlib.util import find_spec

    name = f"eventsim.scenarios.{key.replace('-', '_')}"
    if kind != "scenario" or not key.replace("-", "_").isidentifier():
        return
    if find_spec(name) is not None:
        importlib.import_module(name)
        return
    from importlib.metadata import entry_points

    for entry in entry_points(group=GROUP, name=key):
        with contextlib.suppress(Exception):  # `_discover` comes next, and says what is wrong
            entry.load()


def _discover(kind: str) -> None:
    """Import the modules that may register parts of this kind, once."""
    if kind in _discovered:
        return
    for package_name in KINDS[kind]:
        if package_name not in _discovered:  # two kinds may share a package
            _import_all(package_name, into_packages=kind != "scenario")
    from importlib.metadata import entry_points  # takes longer to import than all else here

    for entry in entry_points(group=GROUP):
        try:
            entry.load()
        except Exception as error:  # somebody else's package must not take ours with it
            warnings.warn(
                f"{entry.value!r} cannot be imported, which the entry point {entry.name!r} of eventsim.parts "
                f"names: {type(error).__name__}: {error}",
                RuntimeWarning,
                stacklevel=2,
            )
    _discovered.update((kind, *KINDS[kind]))


def _import_all(package_name: str, into_packages: bool) -> None:
    """Import the public modules and packages of a package, and of the packages in it if wanted.

    A package that sets ``REGISTERS = False`` holds no parts, and a listing does not pay for its imports.
    """
    import pkgutil

    package = importlib.import_module(package_name)
    if not getattr(package, "REGISTERS", True):
        return
    for module in pkgutil.iter_modules(package.__path__):
        if module.name.startswith("_"):
            continue
        name = f"{package_name}.{module.name}"
        if module.ispkg and into_packages:
            _import_all(name, into_packages)
        else:
            importlib.import_module(name)
