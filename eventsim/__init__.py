"""eventsim: exact event-driven simulation and training of spiking and analog-neuromorphic models.

One priority-queue engine; spikes at exact times, never on a grid; delays, learning rules and
hardware as handlers of events. Public names resolve on first use, so that importing stays fast.
"""

import importlib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "Engine": "eventsim.engine",
    "Event": "eventsim.engine",
    "Handler": "eventsim.engine",
    "PythonHandler": "eventsim.engine",
    "ReferenceEngine": "eventsim.reference",
    "Network": "eventsim.network",
    "Simulation": "eventsim.simulation",
    "TickModel": "eventsim.tick_model",
    "Spikes": "eventsim.trace",
    "Samples": "eventsim.trace",
    "Trace": "eventsim.trace",
    "ConfigError": "eventsim.errors",
    "EventOrderError": "eventsim.errors",
    "FileFormatError": "eventsim.errors",
    "UnknownPart": "eventsim.errors",
    "register": "eventsim.registry",
    "find": "eventsim.registry",
    "parts": "eventsim.registry",
}
_MODULES = ("connect", "errors", "hardware", "io", "models", "registry", "rng", "scenarios", "trace")

__all__ = ["__version__", "get_include", *_HOME, *_MODULES]

if find_spec("eventsim.engine") is None:
    raise ImportError(
        "eventsim's compiled modules are missing; in a source checkout run 'pip install -e .' first"
    )


def get_include() -> str:
    """Return the directory for another project's Cython `include_path` and C include directories."""
    root = Path(__file__).resolve().parent.parent
    tree = root / "build" / "tree"
    return str(tree if tree.is_dir() else root)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(importlib.import_module(_HOME[name]), name)
    elif name in _MODULES:
        value = importlib.import_module(f"eventsim.{name}")
    else:
        raise AttributeError(f"module 'eventsim' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
