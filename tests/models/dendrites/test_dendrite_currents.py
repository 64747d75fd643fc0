"""Currents over time into compartments, against scipy's integration and against steps written out."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import eventsim as es
from eventsim.models import Clamp, Compartment, MultiCompartment, StepCurrent, ThresholdEvent

TIMES, VALUES = [5.0, 20.0, 31.5], [150.0, -40.0, 260.0]


def cell(soma=0.0, dendrite=0.0, solver="auto", **soma_parameters):
    reset = ThresholdEvent((Clamp(-75.0, np.inf, 2.0),))
    compartments = (
        Compartment("soma", 200.0, 10.0, v_th=-50.0, event=reset, i_ext=soma, **soma_parameters),
        Compartment("dendrite", 100.0, 5.0, i_ext=dendrite),
    )
    return MultiCompartment(compartments, (("soma", "dendrite", 4.0),), solver=solver)


def simulation(model, n=1):
    net = es.Network()
    net.add("cell", model, n)
    sim = es.Simulation(net, dt=0.01 if model.on_ticks else None)
    for name in ("v", "dendrite.v"):
        sim.record("cell", name, every=0.5)
    return sim


@pytest.mark.parametrize(("solver", "tolerance"), [("exact", 1e-9), ("ticks", 1e-3)])
def test_potentials_follow_a_current_into_a_dendrite(solver, tolerance):
    current = StepCurrent(TIMES, VALUES) + 30.0 + StepCurrent([10.0], [25.0])
    sim = simulation(cell(dendrite=current, solver=solver))
    sim.run(60.0)
    t, x, wanted = 0.0, [-70.0, -70.0], []
    for stop in [5.0, 10.0, 20.0, 31.5, 60.0]:
        level = (
            30.0 + (25.0 if t >= 10.0 else 0.0) + sum(v for s, v in zip(TIMES, VALUES, strict=True) if s <= t)
        )
        level -= sum(v for s, v in zip(TIMES[1:], VALUES, strict=False) if s <= t)
        at = np.arange(0.0, 60.0, 0.5)
        at = at[(at >= t) & (at < stop)]
        found = solve_ivp(
            lambda _, x, level=level: [
                (10.0 * (-70.0 - x[0]) + 4.0 * (x[1] - x[0])) / 200.0,
                (5.0 * (-70.0 - x[1]) + 4.0 * (x[0] - x[1]) + level) / 100.0,
            ],
            (t, stop),
            x,
            "DOP853",
            np.append(at, stop),
            rtol=1e-12,
            atol=1e-12,
        )
        wanted.append(found.y[:, :-1])
        t, x = stop, found.y[:, -1]
    wanted = np.concatenate(wanted, axis=1)
    assert wanted[1].max() > -50.0 > wanted[0].max()
    np.testing.assert_allclose(sim.trace("cell", "v").values[:120, 0], wanted[0], atol=tolerance)
    np.testing.assert_allclose(sim.trace("cell", "dendrite.v").values[:120, 0], wanted[1], atol=tolerance)


@pytest.mark.parametrize("solver", ["exact", "ticks"])
def test_a_step_current_has_the_bits_of_steps_written_out(solver):
    drive = StepCurrent(TIMES, np.array([[400.0, 600.0], [0.0, 100.0], [500.0, 900.0]]))
    steps = tuple((t, np.array(v)) for t, v in zip(TIMES, np.asarray(drive.values), strict=True))
    found = []
    for model in (cell(soma=drive + 20.0, solver=solver), cell(soma=20.0, solver=solver, steps=steps)):
        sim = simulation(model, 2)
        sim.run(12.3)
        again = simulation(model, 2)
        again.restore(sim.snapshot())
        for each in (sim, again):
            each.run(90.0)
        np.testing.assert_array_equal(
            again.trace("cell", "v").values[-100:], sim.trace("cell", "v").values[-100:]
        )
        found.append((sim.spikes("cell"), sim.trace("cell", "v").values))
    assert len(found[0][0]) > 4
    np.testing.assert_array_equal(found[0][0].times, found[1][0].times)
    np.testing.assert_array_equal(found[0][1], found[1][1])


def test_a_file_holds_the_current(tmp_path):
    sim = simulation(cell(soma=StepCurrent(TIMES, VALUES) + 300.0))
    sim.run(60.0)
    sim.save(tmp_path / "run.h5")
    again = es.Simulation(es.io.load(tmp_path / "run.h5").network())
    again.run(60.0)
    assert len(sim.spikes("cell")) > 1
    np.testing.assert_array_equal(again.spikes("cell").times, sim.spikes("cell").times)


@pytest.mark.parametrize(
    ("current", "kind"),
    [
        (es.models.LinearCurrent([0.0, 9.0], [0.0, 1.0]), "LinearCurrent"),
        (es.models.SineCurrent(1.0, 10.0) + 3.0, "SineCurrent"),
        (StepCurrent([0.0, 9.0], [0.0, 1.0], period=20.0), "StepCurrent with a period"),
    ],
)
def test_other_currents_are_refused_in_one_line(current, kind):
    message = rf"i_ext of 'cell\.dendrite' must be a number, a StepCurrent or their sum, got a {kind}: "
    with pytest.raises(es.ConfigError, match=message) as refused:
        simulation(cell(dendrite=current)).run(1.0)
    assert "\n" not in str(refused.value)


def test_values_that_do_not_fit_are_refused():
    with pytest.raises(
        ValueError, match=r"times of i_ext of 'cell\.soma' must rise from 0 or later, got \[3.0, 1.0\]"
    ):
        simulation(cell(soma=StepCurrent([3.0, 1.0], [1.0, 2.0]))).run(1.0)
