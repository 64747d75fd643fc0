"""Leaky integrate-and-fire neurons, exact for every ratio of time constants.

    c_mem dv/dt = -(c_mem / tau_mem) (v - v_leak) + i_syn + i_ext        tau_syn di_syn/dt = -i_syn

A spike that arrives adds its weight to i_syn (`LIF`) or to v (`LIFDelta`). When v reaches v_th
from below the neuron spikes, and v is held at v_reset for t_ref while i_syn goes on. Between
events the state follows its exact flow, so no step size enters.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from eventsim.parameters import per_unit
from eventsim.registry import register

if TYPE_CHECKING:
    from eventsim.build import BuildContext
    from eventsim.population import Population

_POSITIVE = ("tau_mem", "tau_syn", "c_mem")


def _checked(model: LIF | LIFDelta, n: int, name: str) -> dict[str, Any]:
    """Return the parameters of a model, each a number or an array of shape (n,)."""
    values: dict[str, Any] = {}
    for field in fields(model):
        value = getattr(model, field.name)
        if field.name == "first_spike_only" or (field.name == "v_init" and value is None):
            values[field.name] = value
        else:
            values[field.name] = per_unit(
                value,
                n,
                field.name,
                name,
                positive=field.name in _POSITIVE,
                nonnegative=field.name == "t_ref",
                allow_inf=field.name in ("v_th", "t_ref"),
            )
    for threshold in ("v_reset", "v_leak"):
        above = np.greater_equal(values[threshold], values["v_th"])
        if np.any(above):
            where = f" for unit {int(np.argmax(above))}" if np.ndim(above) else ""
            cure = (
                "it would spike without end"
                if threshold == "v_reset"
                else "rest must lie below threshold; drive the neuron with i_ext instead"
            )
            raise ValueError(
                f"{threshold} of {name!r} must be below v_th, got {threshold} = "
                f"{_at(values[threshold], above)} and v_th = {_at(values['v_th'], above)}{where}: {cure}"
            )
    return values


def _at(value: Any, where: Any) -> float:
    """Return the value of the first unit marked in `where`."""
    return float(value[int(np.argmax(where))] if np.ndim(value) else value)


@register("neuron", "lif")
@dataclass(frozen=True, slots=True)
class LIF:
    """Leaky integrate-and-fire neuron with current-based exponential synapses.

    Every parameter is one number, or one per unit as an array of shape (n,).

    Attributes
    ----------
    tau_mem, tau_syn : time constants of membrane and synaptic current, time unit of the network.
    c_mem : membrane capacitance.
    v_th, v_leak, v_reset : threshold, rest and reset of the membrane.
    i_ext : constant current.
    t_ref : refractory time, during which v stays at v_reset; inf for one spike only.
    v_init : membrane at time 0; v_leak unless given.
    i_init : synaptic current at time 0.
    first_spike_only : whether a unit is silent after its first spike.
    """

    tau_mem: ArrayLike = 1.0
    tau_syn: ArrayLike = 1.0
    c_mem: ArrayLike = 1.0
    v_th: ArrayLike = 1.0
    v_leak: ArrayLike = 0.0
    v_reset: ArrayLike = 0.0
    i_ext: ArrayLike = 0.0
    t_ref: ArrayLike = 0.0
    v_init: ArrayLike | None = None
    i_init: ArrayLike = 0.0
    first_spike_only: bool = False

    paper: ClassVar[str] = "Göltz et al. 2021, Fast and energy-efficient neuromorphic deep learning"
    variables: ClassVar[tuple[str, ...]] = ("v", "i_syn")
    is_source: ClassVar[bool] = False

    def check(self, n: int, name: str) -> None:
        """Raise ValueError if a parameter does not fit `n` units; the message names population and unit."""
        _checked(self, n, name)

    def build(self, context: BuildContext) -> Population:
        """Return the population that computes these neurons."""
        from eventsim.models.lif._windows import LIFPopulation

        parameters = _checked(self, context.n, context.name)
        return LIFPopulation(context.n, context.name, parameters, False, self.first_spike_only)


@register("neuron", "lif-delta")
@dataclass(frozen=True, slots=True)
class LIFDelta:
    """Leaky integrate-and-fire neuron whose membrane jumps by the weight of an input.

    Inputs during the refractory time are lost. Attributes as in `LIF`, without a synapse.
    """

    tau_mem: ArrayLike = 1.0
    c_mem: ArrayLike = 1.0
    v_th: ArrayLike = 1.0
    v_leak: ArrayLike = 0.0
    v_reset: ArrayLike = 0.0
    i_ext: ArrayLike = 0.0
    t_ref: ArrayLike = 0.0
    v_init: ArrayLike | None = None
    first_spike_only: bool = False

    paper: ClassVar[str] = "Brunel 2000, Dynamics of sparsely connected networks"
    variables: ClassVar[tuple[str, ...]] = ("v",)
    is_source: ClassVar[bool] = False

    def check(self, n: int, name: str) -> None:
        """Raise ValueError if a parameter does not fit `n` units; the message names population and unit."""
        _checked(self, n, name)

    def build(self, context: BuildContext) -> Population:
        """Return the population that computes these neurons."""
        from eventsim.models.lif._windows import LIFPopulation

        parameters = _checked(self, context.n, context.name) | {"tau_syn": 1.0, "i_init": 0.0}
        return LIFPopulation(context.n, context.name, parameters, True, self.first_spike_only)
