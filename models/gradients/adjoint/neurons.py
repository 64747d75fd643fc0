"""Neuron models as flows with derivatives."""

from typing import Any

import numpy as np

from eventsim.models.lif.lif import LIF, LIFDelta
from eventsim.models.neurons.differentiable import Differentiable

__all__ = ["differentiable"]


def differentiable(model: Any, n: int, name: str) -> Differentiable | None:
    """Return a model as the adjoint pass takes it, None if it gives no derivatives."""
    if isinstance(model, LIF | LIFDelta):
        return _leaky(model, n, name)
    gives = getattr(model, "differentiable", None)
    if gives is None:
        return None
    found: Differentiable = gives(n, name)
    return found


def _leaky(model: LIF | LIFDelta, n: int, name: str) -> Differentiable:
    from eventsim.models.gradients.eventprop.lif_flow import DERIVED, PARAMETERS, LIFFlow

    values = model.parameters(n, name)
    delta = isinstance(model, LIFDelta)
    flow = LIFFlow(delta)
    x = np.zeros((n, flow.n_state))
    x[:, 0] = values["v_leak"] if values["v_init"] is None else values["v_init"]
    if not delta:
        x[:, 1] = values["i_init"]
    derived = tuple("" if delta and key == "tau_syn" else key for key in DERIVED)
    t_ref = np.inf if model.first_spike_only else values["t_ref"]
    return Differentiable(flow, {key: values[key] for key in PARAMETERS}, derived, x, t_ref)
