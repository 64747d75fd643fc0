"""Exact gradients of spike times: EventProp (the adjoint pass) for any network, closed forms for first spikes."""

from eventsim.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, renamed={"Run": "eventsim.models.gradients.ForwardPass"})
