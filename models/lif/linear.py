"""From declared neurons that are linear between spikes to the population that computes them.

`_linear.LinearNeurons` takes the parameters of a leaky integrate-and-fire neuron, ``receptors`` as (name,
shape, tau, tau_rise, i_init), and adaptation, which is absent where ``tau_w`` is None and ``theta_jump`` 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from eventsim.models.inputs.currents import is_current, sources_of

if TYPE_CHECKING:
    from eventsim.contracts import BuildContext
    from eventsim.population import Population

__all__ = ["NO_ADAPTATION", "linear_population", "with_receptor"]


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
