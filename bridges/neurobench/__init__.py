"""Models of this project in the public package `neurobench`, which counts them with its own code.

The only package that imports it; no other package imports this one.
"""

from importlib.util import find_spec

from eventsim.lazy import attach

for needed in ("neurobench", "snntorch", "torch"):
    if find_spec(needed) is None:
        raise ImportError(
            f"eventsim.neurobench needs {needed}; install it with: pip install 'eventsim[neurobench]'"
        )

__getattr__, __dir__, __all__ = attach(__name__)
