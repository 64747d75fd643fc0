"""Exact gradients of spike times.

EventProp (the adjoint pass) takes any network; closed forms take first spikes in layers.
"""

from eventsim.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, renamed={"Run": "eventsim.models.gradients.ForwardPass"})
