"""Exact spike times and their gradients as a torch module: `EventLayer`.

The only package that imports torch; no other package imports this one.
"""

from importlib.util import find_spec

from eventsim.lazy import attach

if find_spec("torch") is None:
    raise ImportError("eventsim.torch needs torch; install it with: pip install 'eventsim[torch]'")

__getattr__, __dir__, __all__ = attach(__name__)
