"""The paper's table beside ours: what ``eventsim reproduce NAME`` runs, prints and keeps.

A scenario's package says in `published.toml` what its paper reports, row by row: which preset a row is,
which seeds, which metric, the paper's value, and when the row counts as reached. `reproduce` runs what is
missing, seeds side by side over the processors, one file a run. A run that is finished is recognised by
the hash of its configuration, seed and version of numbers; one that was stopped goes on where it was.
"""

from eventsim.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
