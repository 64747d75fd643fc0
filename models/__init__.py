"""Neurons, inputs and learning rules, resolved on first use.

Nothing here keeps a list of parts: a public name is looked for in the modules of this package, so
adding a neuron touches its own file only.
"""

import importlib
import pkgutil
from typing import Any


def __getattr__(name: str) -> Any:
    if not name.startswith("_"):
        modules = [
            module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")
        ]
        if name in modules:
            return importlib.import_module(f"{__name__}.{name}")
        for module_name in modules:
            module = importlib.import_module(f"{__name__}.{module_name}")
            found = getattr(module, name, None)
            if getattr(found, "__module__", None) == module.__name__:
                globals()[name] = found
                return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
