"""What is refused of neurons with compartments, each in one line that names the place."""

import math

import numpy as np
import pytest

import eventsim as es
from eventsim.models import Clamp, Compartment, MultiCompartment, Receptor, ThresholdEvent

A, B, C = (Compartment(name) for name in "abc")
RESET = ThresholdEvent((Clamp(-75.0, 200.0, 2.0),))


def added(*compartments, couplings=(), n=2, **options):
    net = es.Network()
    net.add("cells", MultiCompartment(compartments, couplings, **options), n)
    return net


def active(event=RESET, v_th=-50.0, **options):
    return Compartment("a", v_th=v_th, event=event, **options)


@pytest.mark.parametrize(
    ("message", "build"),
    [
        (
            "the coupling of '[ab]' and '[bc]' closes a loop",
            lambda: added(A, B, C, couplings=(("a", "b", 1.0), ("b", "c", 1.0), ("a", "c", 1.0))),
        ),
        ("closes a loop", lambda: added(A, B, couplings=(("a", "b", 1.0), ("b", "a", 2.0)))),
        ("closes a loop", lambda: added(A, B, couplings=(("a", "b", math.inf), ("b", "a", math.inf)))),
        ("closes a loop", lambda: added(A, B, couplings=(("a", "b", math.inf), ("b", "a", 1.0)))),
        ("is a loop", lambda: added(A, couplings=(("a", "a", 1.0),))),
        ("'c' is not coupled to 'a'", lambda: added(A, B, C, couplings=(("a", "b", 1.0),))),
        ("a coupling names 'x'", lambda: added(A, B, couplings=(("a", "x", 1.0),))),
        ("2 compartments called 'a'", lambda: added(A, A)),
        ("at least one compartment", lambda: added()),
        ("no compartment is called 'x', the soma", lambda: added(A, soma="x")),
        (
            "conductance of the coupling of 'b' and 'a' of the tree of 'cells' must not be negative",
            lambda: added(A, B, couplings=(("b", "a", -1.0),)),
        ),
        (
            "g_leak of a of 'cells' must not be negative, got -3.0 for unit 1",
            lambda: added(Compartment("a", g_leak=[5.0, -3.0])),
        ),
        (
            "conductance of a of 'cells' must not be negative",
            lambda: added(active(ThresholdEvent((Clamp(0.0, -1.0, 1.0),)))),
        ),
        ("c_mem of a of 'cells' must be positive, got 0.0", lambda: added(Compartment("a", c_mem=0.0))),
        ("has no leak", lambda: added(Compartment("a", g_leak=0.0))),
        (
            "hold_off of 'a' of 'cells' must not be longer than t_ref, got 6.0 and t_ref = 5.0",
            lambda: added(active(ThresholdEvent((Clamp(0.0, 1.0),), hold_off=6.0, t_ref=5.0))),
        ),
        (
            "the clamps of 'a' of 'cells' are longer than t_ref = 5.0",
            lambda: added(active(ThresholdEvent((Clamp(0.0, 1.0, 7.0),), t_ref=5.0))),
        ),
        (
            "do not add up",
            lambda: added(active(ThresholdEvent((Clamp(0.0, 1.0, 3.0),), hold_off=1.0, t_ref=5.0))),
        ),
        ("needs a duration, or t_ref", lambda: added(active(ThresholdEvent((Clamp(0.0, 1.0),))))),
        ("'a' of 'cells' has a v_th and needs an event", lambda: added(Compartment("a", v_th=-50.0))),
        (
            "mode of 'a' of 'cells' must be 'level' or 'edge'",
            lambda: added(active(ThresholdEvent(mode="both"))),
        ),
        (
            "clamps of 'a' of 'cells' must be a tuple",
            lambda: added(active(ThresholdEvent(Clamp(0.0, 1.0, 1.0)))),
        ),
        (
            "tau_syn of a receptor must be positive",
            lambda: added(Compartment("a", receptors={"x": Receptor(0.0)})),
        ),
        (
            "solver='exact' needs piecewise linear equations, but a.x is a synapse with a conductance",
            lambda: added(Compartment("a", receptors={"x": Receptor(3.0, 0.0)}), solver="exact"),
        ),
        ("solver must be", lambda: added(A, solver="euler")),
        ("needs a v_th", lambda: added(Compartment("a", delta_t=2.0))),
        (
            "'a' and 'b' of 'cells' are one circuit, which has one event",
            lambda: added(
                active(), Compartment("b", v_th=-50.0, event=RESET), couplings=(("a", "b", math.inf),)
            ),
        ),
    ],
)
def test_what_does_not_do_is_refused_in_one_line(message, build):
    with pytest.raises((ValueError, TypeError), match=message) as error:
        build()
    assert "\n" not in str(error.value)


def test_a_plateau_below_threshold_is_warned_of():
    plateau = ThresholdEvent((Clamp(-60.0, 40.0, 20.0),), hold_off=20.0)
    dendrite = Compartment("dendrite", v_th=-55.0, event=plateau)
    with pytest.warns(
        UserWarning, match="the target of 'dendrite' of 'cells', -60.0 mV, is below v_th = -55.0 mV"
    ):
        added(Compartment("soma", v_th=-50.0, event=RESET), dendrite, couplings=(("soma", "dendrite", 2.0),))


def test_a_soma_with_a_hold_off_is_warned_of_too_and_one_that_is_just_reset_is_not(recwarn):
    added(active(), n=1)
    added(active(ThresholdEvent((Clamp(-75.0, 200.0, 2.0),), t_ref=5.0)), n=1)
    assert not recwarn.list
    with pytest.warns(
        UserWarning, match=r"the target of 'a' of 'cells', -60\.0 mV, is below v_th = -50\.0 mV"
    ):
        added(active(ThresholdEvent((Clamp(-60.0, 40.0, 20.0),), hold_off=5.0)), n=1)


@pytest.mark.parametrize("solver", ["exact", "ticks"])
@pytest.mark.parametrize("t_ref", [0.0, 1e-300, 1e-6])
def test_an_event_that_fires_again_without_end_stops_with_neuron_and_time(solver, t_ref):
    cell = active(ThresholdEvent(t_ref=t_ref), i_ext=np.array([0.0, 300.0]))
    sim = es.Simulation(added(cell, solver=solver), **({"dt": 0.1} if solver == "ticks" else {}))
    crossing = 20 * math.log(3)  # to -50 mV on the way from -70 to -40
    with pytest.raises(
        RuntimeError, match=r"'a' of unit 1 of 'cells' fires without end at time 21\.97"
    ) as error:
        sim.run(50.0)
    assert f"{crossing:.2f}" in str(error.value)


@pytest.mark.parametrize("solver", ["exact", "ticks"])
def test_an_event_that_fires_again_soon_but_not_without_end_goes_on(solver):
    cell = active(ThresholdEvent(t_ref=0.05), i_ext=300.0)
    sim = es.Simulation(added(cell, n=1, solver=solver), **({"dt": 0.1} if solver == "ticks" else {}))
    sim.run(200.0, inclusive=True)
    assert len(sim.spikes("cells")) == pytest.approx((200 - 20 * math.log(3)) / 0.05, abs=1.5)


def test_a_comparator_without_refractoriness_counts_edges():
    cell = active(ThresholdEvent(mode="edge"), steps=((10.0, 400.0), (50.0, 0.0), (150.0, 400.0)))
    for solver in ("exact", "ticks"):
        sim = es.Simulation(added(cell, n=1, solver=solver), **({"dt": 0.1} if solver == "ticks" else {}))
        sim.run(200.0)
        left = (40 - 40 * math.exp(-2)) * math.exp(-5)  # of the first step, when the second begins
        expected = [10 + 20 * math.log(2), 150 + 20 * math.log((40 - left) / 20)]
        assert sim.spikes("cells").times == pytest.approx(expected, abs=1e-9 if solver == "exact" else 1e-3)


def test_ports_and_events_that_are_not_there_are_named_with_those_that_are():
    net = added(A, B, couplings=(("a", "b", 1.0),))
    net.add("in", es.models.SpikeSource(), 1)
    with pytest.raises(
        es.UnknownPart, match=r"'cells' has no receptor 'c'; known: a\.input, a, b\.input, b, input"
    ):
        net.connect("in", "cells", receptor="c")
    net.add("lif", es.models.LIF(), 1)
    with pytest.raises(es.UnknownPart, match="'lif' has no receptor 'a'"):
        net.connect("in", "lif", receptor="a")
    sim = es.Simulation(net)
    with pytest.raises(es.UnknownPart, match="'cells' has no events of 'c'"):
        sim.spikes("cells.c")


def test_neurons_on_ticks_ask_for_a_tick():
    with pytest.raises(es.ConfigError, match="'cells' is integrated by steps and needs a tick"):
        es.Simulation(added(A, solver="ticks"))
    with pytest.raises(es.ConfigError, match="dt is for populations on ticks"):
        es.Simulation(added(A), dt=0.1)


def test_one_compartment_alone_needs_no_couplings():
    soma = es.models.Compartment("soma", 200.0, 10.0, i_ext=50.0)
    found = []
    for options in ({}, {"couplings": ()}):
        net = es.Network()
        net.add("cell", es.models.MultiCompartment((soma,), **options), 1)
        sim = es.Simulation(net)
        sim.record("cell", "v", every=5.0)
        sim.run(100.0)
        found.append(sim.trace("cell", "v").values.tobytes())
    assert found[0] == found[1]
    (v,) = sim.trace("cell", "v").values[-1]
    rest = soma.v_leak + 50.0 / 10.0 * (1 - np.exp(-95.0 / 20.0))  # i_ext / g_leak, tau = 200 pF / 10 nS
    assert v == pytest.approx(rest, abs=1e-9)


def test_couplings_that_are_not_given_are_those_of_soma_and_dendrite_or_none():
    both = [es.models.Compartment(name, 100.0, 5.0) for name in ("soma", "dendrite")]
    assert es.models.MultiCompartment().couplings == (("soma", "dendrite", 2.0),)
    assert es.models.MultiCompartment(tuple(both)).couplings == (("soma", "dendrite", 2.0),)
    others = (es.models.Compartment("soma", 100.0, 5.0), es.models.Compartment("tuft", 100.0, 5.0))
    with pytest.raises((ValueError, es.errors.ConfigError)) as told:
        es.Network().add("cell", es.models.MultiCompartment(others), 1)
    assert "tuft" in str(told.value)
    assert "\n" not in str(told.value)
