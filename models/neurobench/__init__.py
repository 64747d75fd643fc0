"""Models of this project as NeuroBench measures them; each reports its own connections and activity.

`eventsim.io.neurobench` holds the definitions and `evaluate`.
"""

from eventsim.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)

REGISTERS = False  # no parts are registered here
