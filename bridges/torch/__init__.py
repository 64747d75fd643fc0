"""Exact spike times and their gradients as a torch module: `EventLayer`.

The only room that imports torch; nothing else imports this one.
"""

from importlib.util import find_spec

if find_spec("torch") is None:
    raise ImportError("eventsim.torch needs torch; install it with: pip install 'eventsim[torch]'")

from eventsim.torch.layer import EventLayer
from eventsim.torch.values import Positive

__all__ = ["EventLayer", "Positive"]
