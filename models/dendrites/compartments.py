"""The declaration of a neuron with active dendrites: compartments, their inputs, and their events.

The equations are those of `eventsim.models.dendrites.multi_compartment`. Numbers are in ms, mV, nS, pA
and pF.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from eventsim.models.inputs.currents import Current
from eventsim.parameters import own_arrays


@own_arrays
@dataclass(frozen=True, slots=True, eq=False)
class Clamp:
    """One phase of an event: a conductance that pulls the membrane to a target, or a hold there.

    With a conductance of inf the membrane stands at the target from the start of the phase to its end,
    whatever flows into it, as that of `LIF` stands at v_reset during t_ref; its neighbours see that
    potential. After the phase it goes on from there. Where the duration is 0 it is set to the target.

    Attributes
    ----------
    target : mV.
    conductance : nS; inf holds the membrane at the target.
    duration : ms; None in the last phase for what t_ref and hold_off leave.
    """

    target: ArrayLike
    conductance: ArrayLike
    duration: ArrayLike | None = None


@own_arrays
@dataclass(frozen=True, slots=True, eq=False)
class ThresholdEvent:
    """What a compartment does when it reaches its threshold.

    Attributes
    ----------
    clamps : phases, one after the other; none for a comparator without effect on the membrane.
    hold_off : ms from the last clamp to the end of refractoriness.
    t_ref : ms without another event; the durations of the clamps and hold_off unless given.
    mode : what happens where v is above threshold when refractoriness ends: ``"level"`` fires again, as the
        chip does, ``"edge"`` waits until v has been below.
    """

    clamps: tuple[Clamp, ...] = ()
    hold_off: ArrayLike | None = None
    t_ref: ArrayLike | None = None
    mode: Literal["level", "edge"] = "level"


@own_arrays
@dataclass(frozen=True, slots=True)
class Receptor:
    """A synaptic input that jumps by the weight of a spike and decays.

    Attributes
    ----------
    tau_syn : ms.
    e_rev : mV, reversal potential of a conductance (weights in nS); None for a current (weights in pA).
    """

    tau_syn: float = 5.0
    e_rev: float | None = None


@own_arrays
@dataclass(frozen=True, slots=True, eq=False)
class Compartment:
    """One compartment of a neuron; numbers may be one per unit, as arrays of shape (n,).

    Attributes
    ----------
    name : prefix of the names of its receptors, variables and events.
    c_mem : pF.
    g_leak : nS.
    v_leak : mV.
    v_th : mV, threshold; inf for a passive compartment.
    event : what happens there; None only for a passive compartment.
    receptors : inputs by name; a single one is reached by the name of the compartment.
    i_ext : pA, constant current; or a current over time, such as `StepCurrent` or `SineCurrent`, or a sum.
    steps : pairs (time in ms, pA): from then on this current is added to i_ext.
    v_init : mV at time 0; v_leak unless given.
    delta_t, v_t : mV, slope and onset of an exponential current; none for delta_t = 0.
    a, b, tau_w : nS, pA, ms: adaptation by the potential and at each event; none for a = b = 0.
    """

    name: str
    c_mem: ArrayLike = 200.0
    g_leak: ArrayLike = 10.0
    v_leak: ArrayLike = -70.0
    v_th: ArrayLike = np.inf
    event: ThresholdEvent | None = None
    receptors: Mapping[str, Receptor] = field(default_factory=lambda: {"input": Receptor()})
    i_ext: ArrayLike | Current = 0.0
    steps: tuple[tuple[ArrayLike, ArrayLike], ...] = ()
    v_init: ArrayLike | None = None
    delta_t: float = 0.0
    v_t: ArrayLike = -50.0
    a: ArrayLike = 0.0
    b: ArrayLike = 0.0
    tau_w: ArrayLike = 100.0
