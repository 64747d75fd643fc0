"""From declared neurons that are linear between spikes to the population that computes them.

`_linear.LinearNeurons` takes the parameters of a leaky integrate-and-fire neuron, ``receptors`` as (name,
shape, tau, tau_rise, i_init), and adaptation, which is absent where ``tau_w`` is None and ``theta_jump`` 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim.models.inputs.currents import is_current, sources_of
from eventsim.models.lif.receptors import receptor_keys

if TYPE_CHECKING:
    from eventsim.contracts import BuildContext
    from eventsim.models.neurons.differentiable import Differentiable
    from eventsim.population import Population

__all__ = ["NO_ADAPTATION", "differentiable", "linear_population", "with_receptor"]


NO_ADAPTATION: dict[str, Any] = {
    "tau_w": None,
    "b": 0.0,
    "w_init": 0.0,
    "tau_theta": 1.0,
    "theta_jump": 0.0,
    "theta_init": 0.0,
}


def with_receptor(parameters: Mapping[str, Any], shape: str) -> dict[str, Any]:
    """Return the parameters of a neuron with one receptor of a shape, and without adaptation."""
    receptor = ("input", shape, parameters["tau_syn"], 1.0, parameters["i_init"])
    return {**NO_ADAPTATION, **parameters, "receptors": (receptor,)}


def linear_population(
    parameters: Mapping[str, Any], i_ext: Any, context: BuildContext, first_spike_only: bool
) -> Population:
    """Return the population of neurons with these parameters, into which `i_ext` flows if it is a current."""
    from eventsim.models.lif._linear import LinearNeurons

    sources = sources_of(i_ext, context) if is_current(i_ext) else []
    return LinearNeurons(context.n, context.name, parameters, sources, first_spike_only)


def differentiable(
    parameters: Mapping[str, Any], n: int, first_spike_only: bool, only_receptor: bool
) -> Differentiable:
    """Return neurons with these parameters as the adjoint pass takes them.

    The time constant of the `only_receptor` is called ``tau_syn``, that of one of several ``tau_syn_NAME``.
    """
    from eventsim.models.lif._linear_flow import PARAMETERS, LinearFlow
    from eventsim.models.neurons.differentiable import Differentiable

    receptors, adapts = parameters["receptors"], parameters["tau_w"] is not None
    flow = LinearFlow([shape for _, shape, *_ in receptors], adapts, adapts)
    columns = {key: parameters[key] for key in PARAMETERS}
    for name, shape, *taus, _ in receptors:
        keys = ("tau_syn",) if only_receptor else receptor_keys(name, shape)
        columns |= dict(zip(keys, taus, strict=False))
    if adapts:
        columns |= {key: parameters[key] for key in ("tau_w", "b", "tau_theta", "theta_jump")}
    x = np.zeros((n, flow.n_state))
    x[:, 0] = parameters["v_leak"] if parameters["v_init"] is None else parameters["v_init"]
    places, w, theta = flow.components
    for place, (*_, i_init) in zip(places, receptors, strict=True):
        if place:
            x[:, place] = i_init
    if adapts:
        x[:, w] = -np.asarray(parameters["w_init"])
        x[:, theta] = parameters["theta_init"]
    t_ref = np.inf if first_spike_only else parameters["t_ref"]
    return Differentiable(flow, columns, tuple(columns), x, t_ref)
