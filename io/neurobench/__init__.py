"""NeuroBench: what a model costs and how good it is, counted as Yik et al. (2025) define it.

A model reports its connections, activations and updates itself (`Model`); `evaluate` counts them over a data
set and returns `Results` in the form of the public package. The models of this project that report are in
`eventsim.models.neurobench`.
"""

from eventsim.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
