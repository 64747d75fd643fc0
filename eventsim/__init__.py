"""eventsim: exact event-driven simulation and training of spiking and analog-neuromorphic models.

One priority-queue engine; spikes at exact times, never on a grid; delays, learning rules and
hardware as handlers of events. Public names resolve on first use, so that importing stays fast.
"""

from importlib.machinery import PathFinder

from eventsim.lazy import attach

__version__ = "0.1.0"

if PathFinder.find_spec("eventsim._cyutility", __path__) is None:
    raise ImportError(
        "eventsim's compiled modules are missing; in a source checkout run 'pip install -e .' first"
    )


def get_include() -> str:
    """Return the directory for another project's Cython `include_path` and C include directories."""
    from pathlib import Path

    root = Path(__file__).resolve().parent.parent
    tree = root / "build" / "tree"
    return str(tree if tree.is_dir() else root)


__getattr__, __dir__, _public = attach(__name__)
__all__ = ["__version__", "get_include", *_public]
