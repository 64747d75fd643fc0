"""Leaky integrate-and-fire neurons, exact for every ratio of time constants.

    c_mem dv/dt = -(c_mem / tau_mem) (v - v_leak) + i_syn + i_ext        tau_syn di_syn/dt = -i_syn

A spike that arrives adds its weight to i_syn (`LIF`) or to v (`LIFDelta`). When v reaches v_th from below
the neuron spikes. Then it is refractory: v stays at v_reset for t_ref, while i_syn decays and collects
inputs. Between events the state follows its exact flow, so no step size enters.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from eventsim.models.inputs.currents import Current, check_current, is_current
from eventsim.models.lif.linear import linear_population, with_receptor
from eventsim.parameters import one_line, per_unit
from eventsim.registry import register

if TYPE_CHECKING:
    from eventsim.contracts import BuildContext
    from eventsim.population import Population

_POSITIVE = ("tau_mem", "tau_syn", "c_mem")
_CHANGEABLE = ("tau_mem", "tau_syn", "c_mem", "v_th", "v_leak", "v_reset", "i_ext", "t_ref")
_CHANGEABLE_DELTA = tuple(name for name in _CHANGEABLE if name != "tau_syn")


def _checked(model: LIF | LIFDelta, n: int, name: str) -> dict[str, Any]:
    """Return the parameters of a model, each a number or an array of shape (n,)."""
    values: dict[str, Any] = {}
    for field in fields(model):
        value = getattr(model, field.name)
        if field.name == "clock":
            continue  # it changes how the parameters are used, and is none
        if field.name == "first_spike_only" or (field.name == "v_init" and value is None):
            values[field.name] = value
        elif field.name == "i_ext" and is_current(value):
            check_current(value, n, name)
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
    refuse_above_threshold(values, name)
    return values


def refuse_above_threshold(values: dict[str, Any], name: str) -> None:
    """Raise ValueError if reset or rest is not below threshold; values are numbers or of shape (n,)."""
    for threshold in ("v_reset", "v_leak"):
        above = np.greater_equal(values[threshold], values["v_th"])
        if np.any(above):
            where = f" for unit {int(np.argmax(above))}" if np.ndim(above) else ""
            cure = (
                "it would spike without end"
                if threshold == "v_reset"
                else "rest must lie below threshold; "
                f"v_leak = E and i_ext = c_mem ({_at(values[threshold], above)} - E) / tau_mem are the same"
            )
            raise ValueError(
                f"{threshold} of {name!r} must be below v_th, got {threshold} = "
                f"{_at(values[threshold], above)} and v_th = {_at(values['v_th'], above)}{where}: {cure}"
            )


def _refuse_uneven(values: dict[str, Any], name: str) -> None:
    """Raise ValueError if units cannot share a clock."""
    for key in _CHANGEABLE_DELTA:
        value = values[key]
        if is_current(value):
            raise ValueError(
                f"i_ext of {name!r} must be a number with clock='common', got a {type(value).__name__}"
            )
        if np.ndim(value):
            raise ValueError(
                f"{key} of {name!r} must be one number with clock='common', got shape {np.shape(value)}"
            )
    if 100.0 * values["tau_mem"] < values["t_ref"] < np.inf:
        raise ValueError(
            f"t_ref of {name!r} must be at most 100 tau_mem with clock='common', or inf, "
            f"got {values['t_ref']}"
        )
    v_inf = values["v_leak"] + values["i_ext"] * values["tau_mem"] / values["c_mem"]
    if 0.0 < values["t_ref"] < np.inf and values["v_reset"] > v_inf:
        raise ValueError(
            f"v_reset of {name!r} must not be above v_leak + i_ext tau_mem / c_mem with clock='common' and "
            f"t_ref > 0, got {values['v_reset']} and {v_inf}"
        )


def _at(value: Any, where: Any) -> float:
    """Return the value of the first unit marked in `where`."""
    return float(value[int(np.argmax(where))] if np.ndim(value) else value)


@register("neuron", "lif")
@dataclass(frozen=True, slots=True)
class LIF:
    """Leaky integrate-and-fire neuron with current-based exponential synapses.

    Each parameter is one number for all units, or an array of shape (n,). Times are in the time unit of the
    network (ms by default). Potentials, currents and capacitance are in any units that fit together; with
    the defaults they have none, and one weight of e = 2.718 at rest just reaches threshold.

    Attributes
    ----------
    tau_mem : array_like
        Membrane time constant, time, > 0.
    tau_syn : array_like
        Time constant of the synaptic current, time, > 0.
    c_mem : array_like
        Membrane capacitance, current * time / potential, > 0.
    v_th : array_like
        Threshold, potential; inf for a readout that never spikes.
    v_leak : array_like
        Leak (resting) potential, below v_th.
    v_reset : array_like
        Potential after a spike and during the refractory time, below v_th.
    i_ext : array_like or current
        Constant current; or a current over time, such as `StepCurrent` or `SineCurrent`.
    t_ref : array_like
        Refractory time, time; inf for one spike only.
    v_init : array_like, optional
        Membrane potential at time 0; v_leak unless given.
    i_init : array_like
        Synaptic current at time 0.
    first_spike_only : bool
        Whether a unit is silent after its first spike.

    Notes
    -----
    Spike times are exact: Lambert W for tau_mem = tau_syn, a quadratic for tau_mem = 2 tau_syn (Göltz et al.
    2021), Newton's method in a bracket otherwise; see `flow.pxd`.
    """

    tau_mem: ArrayLike = 1.0
    tau_syn: ArrayLike = 1.0
    c_mem: ArrayLike = 1.0
    v_th: ArrayLike = 1.0
    v_leak: ArrayLike = 0.0
    v_reset: ArrayLike = 0.0
    i_ext: ArrayLike | Current = 0.0
    t_ref: ArrayLike = 0.0
    v_init: ArrayLike | None = None
    i_init: ArrayLike = 0.0
    first_spike_only: bool = False

    paper: ClassVar[str] = "Göltz et al. 2021, Fast and energy-efficient neuromorphic deep learning"
    variables: ClassVar[tuple[str, ...]] = ("v", "i_syn")
    is_source: ClassVar[bool] = False
    __repr__ = one_line

    @property
    def changeable(self) -> tuple[str, ...]:
        """Parameters that may change while a simulation goes on; a current over time stays what it is."""
        return tuple(name for name in _CHANGEABLE if name != "i_ext" or not is_current(self.i_ext))

    def check(self, n: int, name: str) -> None:
        """Raise ValueError if a parameter does not fit `n` units; the message names population and unit."""
        _checked(self, n, name)

    def parameters(self, n: int, name: str) -> dict[str, Any]:
        """Return all parameters, each checked, a number or an array of shape (n,)."""
        values = _checked(self, n, name)
        return with_receptor(values, "exponential") if is_current(self.i_ext) else values

    def build(self, context: BuildContext) -> Population:
        """Return the population that computes these neurons."""
        parameters = self.parameters(context.n, context.name)
        if is_current(self.i_ext):
            return linear_population(parameters, self.i_ext, context, self.first_spike_only)
        from eventsim.models.lif._windows import LIFPopulation

        return LIFPopulation(context.n, context.name, parameters, False, self.first_spike_only)


@register("neuron", "lif-delta")
@dataclass(frozen=True, slots=True)
class LIFDelta:
    """Leaky integrate-and-fire neuron whose membrane jumps by the weight of an input.

    Inputs during the refractory time are lost. Attributes are as in `LIF`, without those of a synapse, and:

    Attributes
    ----------
    clock : str
        "unit": each unit has its own time, that of its last event. "common": all units share one clock, on
        which an input is one subtraction and a spike one logarithm; every parameter but v_init must then be
        one number, t_ref at most 100 tau_mem, or inf, and v_reset not above v_leak + i_ext tau_mem / c_mem
        where t_ref > 0. Spike times of the two agree to rounding.

    Notes
    -----
    The common clock is described in `_common_clock.pyx` (after Engelken 2023, SparseProp).
    """

    tau_mem: ArrayLike = 1.0
    c_mem: ArrayLike = 1.0
    v_th: ArrayLike = 1.0
    v_leak: ArrayLike = 0.0
    v_reset: ArrayLike = 0.0
    i_ext: ArrayLike | Current = 0.0
    t_ref: ArrayLike = 0.0
    v_init: ArrayLike | None = None
    first_spike_only: bool = False
    clock: str = "unit"

    paper: ClassVar[str] = "Brunel 2000, Dynamics of sparsely connected networks"
    variables: ClassVar[tuple[str, ...]] = ("v",)
    is_source: ClassVar[bool] = False
    __repr__ = one_line

    @property
    def changeable(self) -> tuple[str, ...]:
        """Parameters that may change while a simulation goes on; a current over time stays what it is."""
        return tuple(name for name in _CHANGEABLE_DELTA if name != "i_ext" or not is_current(self.i_ext))

    def check(self, n: int, name: str) -> None:
        """Raise ValueError if a parameter does not fit `n` units; the message names population and unit."""
        self.parameters(n, name)

    def parameters(self, n: int, name: str) -> dict[str, Any]:
        """Return all parameters, each checked, a number or an array of shape (n,)."""
        if self.clock not in ("unit", "common"):
            raise ValueError(f"clock of {name!r} must be 'unit' or 'common', got {self.clock!r}")
        values = _checked(self, n, name) | {"tau_syn": 1.0, "i_init": 0.0}
        if self.clock == "common":
            _refuse_uneven(values, name)
        return with_receptor(values, "delta") if is_current(self.i_ext) else values

    def build(self, context: BuildContext) -> Population:
        """Return the population that computes these neurons."""
        parameters = self.parameters(context.n, context.name)
        if is_current(self.i_ext):
            return linear_population(parameters, self.i_ext, context, self.first_spike_only)
        if self.clock == "common":
            from eventsim.models.lif._common_clock import CommonClockNeurons

            return CommonClockNeurons(context.n, context.name, parameters, self.first_spike_only)
        from eventsim.models.lif._windows import LIFPopulation

        return LIFPopulation(context.n, context.name, parameters, True, self.first_spike_only)
