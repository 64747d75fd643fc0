"""Learning rules, resolved on first use.

Nothing here keeps a list of rules: a public name of a module of this package is found by looking into the
modules, so adding a rule touches its own file only.
"""

import importlib
import pkgutil
from typing import Any


def __getattr__(name: str) -> Any:
    """Find a rule, or a module, of this package."""
    if not name.startswith("_"):
        for module in pkgutil.iter_modules(__path__):
            if not module.name.startswith("_"):
                found = importlib.import_module(f"{__name__}.{module.name}")
                if name == module.name:
                    return found
                if getattr(getattr(found, name, None), "__module__", None) == found.__name__:
                    return getattr(found, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
