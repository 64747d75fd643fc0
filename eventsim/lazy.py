"""Public names of a package that are imported on first use.

The stub `__init__.pyi` beside a package's `__init__.py` is the one table of its public names: type
checkers and editors read it as it is, and `attach` makes the same names resolve at run time, each
importing its own module only.

    from eventsim.lazy import attach

    __getattr__, __dir__, __all__ = attach(__name__)
"""

import ast
import importlib
import os.path
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from eventsim.renamed import RENAMED

Face = tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]


def public_names(package: str) -> dict[str, tuple[str, str]]:
    """Return where the public names of a package come from.

    Parameters
    ----------
    package : str
        Its import name.

    Returns
    -------
    dict of str to (str, str)
        By public name, the module and the name there, in the order of the stub.
    """
    home = importlib.import_module(package).__path__[0]
    with open(os.path.join(home, "__init__.pyi"), encoding="utf-8") as file:
        return names_in_stub(package, file.read())


def names_in_stub(package: str, stub: str) -> dict[str, tuple[str, str]]:
    """Return the same from the text of a stub, without importing the package, which may need an extra."""
    return {
        alias.asname or alias.name: (node.module or package, alias.name)
        for node in ast.parse(stub).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname is not None  # `import X as X` is public, `import X` serves the stub itself
    }


def attach(package: str, *, renamed: Mapping[str, str] | None = None) -> Face:
    """Return `__getattr__`, `__dir__` and `__all__` of a package with a stub.

    Parameters
    ----------
    package : str
        Its import name.
    renamed : mapping of str to str, optional
        Names of the version before, and where they are now ("eventsim.models.plasticity", or
        "eventsim.models.training.SpikeLearner"); they resolve with a `DeprecationWarning`, as do those of
        `eventsim.renamed` that stayed in the package.
    """
    table = public_names(package)
    old = {name: f"{package}.{today}" for name, today in RENAMED.get(f"names/{package}", {}).items()}
    old |= renamed or {}

    def __getattr__(name: str) -> Any:
        if name in table:
            module, attribute = table[name]
            if module == package:  # one of its own modules; it sets itself as an attribute
                return importlib.import_module(f"{package}.{attribute}")
            value = _member(module, attribute)
            setattr(sys.modules[package], name, value)
            return value
        if name in old:
            warnings.warn(
                f"{package}.{name} is now {old[name]}; the old name goes with the next release",
                DeprecationWarning,
                stacklevel=2,
            )
            return _member(*old[name].rpartition(".")[::2])
        if name.startswith("_"):
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        from eventsim.hints import of_package

        hint = of_package(package, name, table, public_names)
        raise AttributeError(f"module {package!r} has no attribute {name!r}{hint}")

    def __dir__() -> list[str]:
        return sorted(table)

    return __getattr__, __dir__, list(table)


def _member(module: str, name: str) -> Any:
    """Return a name of a module, or a module of a package."""
    home = importlib.import_module(module)
    try:
        return getattr(home, name)
    except AttributeError:
        try:
            return importlib.import_module(f"{module}.{name}")
        except ModuleNotFoundError:
            raise AttributeError(f"module {module!r} has no attribute {name!r}") from None
