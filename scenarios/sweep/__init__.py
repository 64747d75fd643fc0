"""Many runs of one scenario over its settings: what ``eventsim sweep NAME key=a,b,c`` runs and keeps.

Points come from grids, lists, random draws or a search; each point is one run and one file. A run is known by
the hash of its content, so a sweep that was stopped, failed or extended carries out what is missing, and
nothing twice. One table has configuration, metrics and time of all runs.
"""

from eventsim.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
