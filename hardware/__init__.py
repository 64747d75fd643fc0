"""Targets that a network runs on: the ideal one, and chips with their imperfections.

A target acts at three places only: on parameters at build (``transform``), on spikes as they are
emitted (``exits``), and as a whole replacement of the forward pass. Each is one small part; a
chip composes them with its published numbers.
"""

import importlib
import pkgutil
from typing import Any


def __getattr__(name: str) -> Any:
    """Find a public part in the modules of this package, so that nothing here keeps a list."""
    if not name.startswith("_"):
        for module in pkgutil.iter_modules(__path__):
            if not module.name.startswith("_"):
                found = importlib.import_module(f"{__name__}.{module.name}")
                if name == module.name:
                    return found
                if getattr(getattr(found, name, None), "__module__", None) == found.__name__:
                    return getattr(found, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
