"""Results in and out: the HDF5 file, data sets, configuration, analysis and plots.

Names resolve on first use, so that nothing is imported before it is needed.
"""

import importlib
from typing import Any

_HOME = {
    "load": "eventsim.io.reading",
    "save": "eventsim.io.hdf5",
    "TraceFile": "eventsim.io.hdf5",
    "to_neo": "eventsim.io.neo",
}
_MODULES = ("analysis", "config", "datasets", "drawing", "hdf5", "neo", "plots", "reading", "schema", "tree")

__all__ = [*_HOME, *_MODULES]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(importlib.import_module(_HOME[name]), name)
    elif name in _MODULES:
        value = importlib.import_module(f"eventsim.io.{name}")
    else:
        raise AttributeError(f"module 'eventsim.io' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
