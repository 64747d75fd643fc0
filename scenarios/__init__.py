"""Experiments by name, and the command line that runs them.

A scenario is a frozen dataclass whose fields are its configuration, and a `run`. It calls the
library as any user would; adding one touches its own package only.
"""

from eventsim.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
