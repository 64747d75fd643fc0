"""The neurons of `nonlinear-dendrites`: a soma with an NMDA dendrite, or with a calcium zone.

Parameter sets A and B of the reference simulations; every number may be replaced, or be one per unit.
"""

from typing import Any, Literal

from numpy.typing import ArrayLike

from eventsim.models import Clamp, Compartment, MultiCompartment, Receptor, ThresholdEvent

Solver = Literal["auto", "exact", "ticks"]
NEVER = float("inf")
V_TH = {"soma": -50.0, "dendrite": -55.0, "apical": -45.0}
"""Thresholds of the compartments, mV."""


def nmda_neuron(
    g: ArrayLike = 2.0,
    t_rst: ArrayLike = 20.0,
    hold_off: ArrayLike = 20.0,
    plateau: bool = True,
    soma: dict[str, Any] | None = None,
    dendrite: dict[str, Any] | None = None,
    reset: tuple[ArrayLike, ArrayLike] = (-75.0, 200.0),
    clamp: tuple[ArrayLike, ArrayLike] = (-35.0, 40.0),
) -> MultiCompartment:
    """Return set A: coupling `g` (nS), plateaus of `t_rst` ms, none if not `plateau`."""
    synapse = {"input": Receptor(3.0, e_rev=0.0)}
    event = ThresholdEvent((Clamp(*clamp, t_rst),), hold_off=hold_off) if plateau else None
    one = {"c_mem": 200.0, "g_leak": 10.0, "v_leak": -70.0, "v_th": V_TH["soma"]} | (soma or {})
    other = {"c_mem": 100.0, "g_leak": 5.0, "v_leak": -70.0, "v_th": V_TH["dendrite"]} | (dendrite or {})
    if not plateau:
        other["v_th"] = NEVER
    return MultiCompartment(
        (
            Compartment("soma", event=ThresholdEvent((Clamp(*reset, 2.0),)), receptors=synapse, **one),
            Compartment("dendrite", event=event, receptors=synapse, **other),
        ),
        (("soma", "dendrite", g),),
    )


def calcium_neuron(
    onset: ArrayLike = 50.0,
    current: ArrayLike = 1600.0,
    g: ArrayLike = 15.0,
    calcium: bool = True,
    propagating: bool = True,
) -> MultiCompartment:
    """Return set B, with a somatic current from `onset` (ms) for 5 ms.

    Without `propagating` the somatic spike has no upstroke that could reach the apical zone.
    """
    upstroke = (Clamp(20.0, 300.0, 2.0),) if propagating else ()
    spike = ThresholdEvent((*upstroke, Clamp(-65.0, 300.0, 3.0 if propagating else 5.0)))
    event = ThresholdEvent((Clamp(-10.0, 60.0, 30.0),), hold_off=15.0) if calcium else None
    end = onset + 5.0  # type: ignore[operator]
    return MultiCompartment(
        (
            Compartment(
                "soma",
                200.0,
                10.0,
                -70.0,
                V_TH["soma"],
                spike,
                receptors={},
                steps=((onset, current), (end, 0.0)),
            ),
            Compartment(
                "apical",
                120.0,
                8.0,
                -70.0,
                V_TH["apical"] if calcium else NEVER,
                event,
                receptors={"input": Receptor(4.0, e_rev=0.0)},
            ),
        ),
        (("soma", "apical", g),),
    )


def driven_neuron(solver: Solver) -> MultiCompartment:
    """Return the neuron of the network: set A with currents as inputs, and a hold-off for steady input.

    Under the mean of the input the dendrite is still above threshold 20 ms after a plateau and would go on.
    """
    reset = ThresholdEvent((Clamp(-75.0, 200.0, 2.0),))
    plateau = ThresholdEvent((Clamp(-35.0, 40.0, 20.0),), hold_off=60.0)
    return MultiCompartment(
        (
            Compartment("soma", 200.0, 10.0, -70.0, V_TH["soma"], reset),
            Compartment("dendrite", 100.0, 5.0, -70.0, V_TH["dendrite"], plateau),
        ),
        (("soma", "dendrite", 2.0),),
        solver=solver,
    )
