"""Currents over time into compartments, against scipy's integration and against steps written out."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import eventsim as es
from eventsim.models import (
    Clamp,
    Compartment,
    LinearCurrent,
    MultiCompartment,
    NoiseCurrent,
    Receptor,
    SineCurrent,
    StepCurrent,
    ThresholdEvent,
)

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


# A current, the same as a function, and where it jumps or bends.
CASES = {
    "lines": (
        LinearCurrent([5.0, 20.0, 40.0], [-100.0, 700.0, 200.0]),
        lambda t: np.interp(t, [5.0, 20.0, 40.0], [-100.0, 700.0, 200.0]),
        (5.0, 20.0, 40.0),
    ),
    "saw teeth": (
        LinearCurrent([0.0, 8.0], [0.0, 800.0], period=16.0),
        lambda t: 800.0 * (1.0 - abs(t % 16.0 - 8.0) / 8.0),
        tuple(8.0 * k for k in range(1, 10)),
    ),
    "square wave": (
        StepCurrent([0.0, 7.25], [600.0, -100.0], period=12.0) + 50.0,
        lambda t: 650.0 if (t + 1e-12) % 12.0 < 7.25 else -50.0,
        tuple(t for k in range(7) for t in (12.0 * k, 12.0 * k + 7.25))[1:],
    ),
    "sine": (
        SineCurrent(500.0, 40.0, phase=0.4) + 420.0,
        lambda t: 420.0 + 500.0 * np.sin(0.08 * np.pi * t + 0.4),
        (),
    ),
    "fast sine": (
        SineCurrent(4000.0, 400.0) + 420.0,
        lambda t: 420.0 + 4000.0 * np.sin(0.8 * np.pi * t),
        (),
    ),
    "all": (
        SineCurrent(200.0, 55.0)
        + SineCurrent(150.0, 17.0, 1.0)
        + StepCurrent([30.0], [150.0])
        + LinearCurrent([0.0, 70.0], [0.0, 400.0])
        + 100.0,
        lambda t: (
            100.0
            + 200.0 * np.sin(0.11 * np.pi * t)
            + 150.0 * np.sin(0.034 * np.pi * t + 1.0)
            + (150.0 if t >= 30.0 else 0.0)
            + 400.0 * min(t, 70.0) / 70.0
        ),
        (30.0, 70.0),
    ),
}
ARRIVALS, TAU_SYN = [3.0, 11.5, 26.0, 26.5, 47.25, 60.0], 5.0
WEIGHTS = [300.0, -200.0, 500.0, 400.0, 150.0, 600.0]


def integrated(function, jumps, until, plateau):
    """Return the spikes of a soma that is held for 2 ms, those of the dendrite, and their potentials."""
    ends = sorted({t for t in (*jumps, *ARRIVALS, *np.arange(0.25, until, 0.25), until) if t <= until})
    spikes, plateaus, pieces = [], [], []
    t, x = 0.0, np.array([-70.0, -70.0, 0.0])
    held_until, clamp_until = 0.0, 0.0
    while t < until:
        for time, weight in zip(ARRIVALS, WEIGHTS, strict=True):
            x[2] += weight if time == t else 0.0
        held, clamped = t < held_until, t < clamp_until
        stop = min(e for e in (*ends, held_until, clamp_until) if e > t)

        def slopes(time, x, held=held, clamped=clamped, low=t + 1e-11, high=stop - 1e-11):
            current = function(min(max(time, low), high))  # a jump at an end is not seen from the other side
            du = 0.0 if held else (10.0 * (-70.0 - x[0]) + 4.0 * (x[1] - x[0])) / 200.0
            i = 5.0 * (-70.0 - x[1]) + 4.0 * (x[0] - x[1]) + current + x[2]
            i += 40.0 * (-35.0 - x[1]) if clamped else 0.0
            return [du, i / 100.0, -x[2] / TAU_SYN]

        def somatic(time, x):
            return x[0] + 60.0

        def dendritic(time, x):
            return x[1] + 40.0

        watched = [] if held else [somatic]
        watched += [dendritic] if plateau and not clamped else []
        for each in watched:
            each.terminal, each.direction = True, 1.0
        found = solve_ivp(
            slopes, (t, stop), x, "DOP853", events=watched, dense_output=True, rtol=3e-14, atol=1e-12
        )
        pieces.append((t, found.sol))
        t, x = found.t[-1], found.y[:, -1].copy()
        for each, times in zip(watched, found.t_events, strict=True):
            if len(times) and each is somatic:
                spikes.append(t)
                x[0], held_until = -75.0, t + 2.0
            elif len(times):
                plateaus.append(t)
                clamp_until = t + 10.0
        if found.status == 0:
            t = stop
    starts = np.array([p[0] for p in pieces])
    return spikes, plateaus, lambda at: pieces[int(np.searchsorted(starts, at, side="right")) - 1][1](at)[:2]


def driven(current, solver, plateau, dt=0.01, n=1):
    reset = ThresholdEvent((Clamp(-75.0, np.inf, 2.0),))
    event = ThresholdEvent((Clamp(-35.0, 40.0, 10.0),), mode="edge")
    active = {"v_th": -40.0, "event": event} if plateau else {}
    compartments = (
        Compartment("soma", 200.0, 10.0, v_th=-60.0, event=reset),
        Compartment("dendrite", 100.0, 5.0, i_ext=current, receptors={"in": Receptor(TAU_SYN)}, **active),
    )
    net = es.Network(time_unit="ms", seed=4)
    net.add("in", es.models.SpikeSource(times=ARRIVALS, units=np.arange(6)), 6)
    net.add("cell", MultiCompartment(compartments, (("soma", "dendrite", 4.0),), solver=solver), n)
    net.connect("in", "cell", weight=np.tile(np.array(WEIGHTS)[:, None], (1, n)), receptor="dendrite")
    sim = es.Simulation(net, dt=dt if solver == "ticks" else None)
    for name in ("v", "dendrite.v"):
        sim.record("cell", name, every=0.5)
    return sim


@pytest.mark.parametrize("plateau", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_spikes_and_potentials_are_those_of_dense_integration(name, plateau):
    current, function, jumps = CASES[name]
    spikes, plateaus, solution = integrated(function, jumps, 80.0, plateau)
    assert len(spikes) > 1
    assert not plateau or plateaus
    at = np.arange(0.25, 80.0, 0.5)
    sim = driven(current, "exact", plateau)
    sim.run(80.0)
    np.testing.assert_allclose(sim.spikes("cell").times, spikes, rtol=0, atol=1e-9)
    if plateau:
        np.testing.assert_allclose(sim.spikes("cell.dendrite").times, plateaus, rtol=0, atol=1e-9)
    wanted = np.array([solution(t) for t in at[:-1] + 0.25])
    values = np.stack([sim.trace("cell", v).values[1 : len(at), 0] for v in ("v", "dendrite.v")], axis=1)
    far = np.array([min([abs(t - s) for s in spikes], default=1.0) > 1e-6 for t in at[:-1] + 0.25])
    np.testing.assert_allclose(values[far], wanted[far], rtol=0, atol=1e-8)


@pytest.mark.parametrize("name", CASES)
def test_ticks_approach_dense_integration_to_second_order(name):
    current, function, jumps = CASES[name]
    spikes, plateaus, _ = integrated(function, jumps, 80.0, True)
    errors = []
    for dt in (0.1, 0.025):
        sim = driven(current, "ticks", True, dt)
        sim.run(80.0)
        found = [*sim.spikes("cell").times, *sim.spikes("cell.dendrite").times]
        errors.append(np.abs(np.subtract(found, [*spikes, *plateaus])).max())
    assert errors[0] < 0.05
    assert errors[1] < max(errors[0] / 8.0, 1e-4)


@pytest.mark.parametrize("solver", ["exact", "ticks"])
def test_held_noise_is_the_steps_that_it_takes(solver):
    noise = NoiseCurrent(400.0, 300.0, dt=0.5, tau=3.0)
    net = es.Network(seed=4)  # a neuron that is called as the dendrite is draws the same noise
    net.add("cell.dendrite", es.models.MultiSynapseLIF({"in": 5.0}, i_ext=noise, v_th=1e9), 2)
    lif = es.Simulation(net)
    lif.record("cell.dendrite", "i_ext", every=0.5)
    lif.run(90.0)
    held = lif.trace("cell.dendrite", "i_ext").values
    assert held.shape == (180, 2)
    sim = driven(noise, solver, True, n=2)
    sim.run(90.0)
    steps = driven(StepCurrent(0.5 * np.arange(180), held), solver, True, n=2)
    steps.run(90.0)
    assert len(steps.spikes("cell")) > 4
    np.testing.assert_array_equal(sim.spikes("cell").units, steps.spikes("cell").units)
    np.testing.assert_allclose(sim.spikes("cell").times, steps.spikes("cell").times, rtol=0, atol=1e-9)


@pytest.mark.parametrize("solver", ["exact", "ticks"])
def test_compartments_draw_noise_of_their_own_whatever_their_order(solver):
    noise = NoiseCurrent(100.0, 300.0, dt=1.0)
    parts = (Compartment("a", i_ext=noise), Compartment("b", i_ext=noise))
    found = []
    for compartments in (parts, parts[::-1]):
        net = es.Network(seed=1)
        net.add("cell", MultiCompartment(compartments, (("a", "b", 3.0),), soma="a", solver=solver), 2)
        sim = es.Simulation(net, dt=0.1 if solver == "ticks" else None)
        for variable in ("a.v", "b.v"):
            sim.record("cell", variable, every=0.5)
        sim.run(20.0)
        found.append([sim.trace("cell", v).values for v in ("a.v", "b.v")])
    np.testing.assert_array_equal(found[0], found[1])
    assert np.corrcoef(np.diff(found[0][0][:, 0]), np.diff(found[0][1][:, 0]))[0, 1] < 0.9
    assert not np.array_equal(found[0][0][:, 0], found[0][0][:, 1])


@pytest.mark.parametrize("solver", ["exact", "ticks"])
def test_currents_keep_their_bits_over_slices_snapshots_and_files(solver, tmp_path):
    current = CASES["all"][0] + NoiseCurrent(0.0, 200.0, dt=0.3, tau=2.0) + CASES["square wave"][0]
    sim = driven(current, solver, True, n=3)
    sim.run(80.0)
    wanted = sim.spikes("cell")
    assert len(wanted) > 5
    sliced = driven(current, solver, True, n=3)
    for until in (0.1, 13.37, 30.0, 30.05, 61.0):
        sliced.run(until)
    sliced.save(tmp_path / "run.h5")
    again = driven(current, solver, True, n=3)
    again.restore(sliced.snapshot())
    filed = es.Simulation(es.io.load(tmp_path / "run.h5").network(), dt=0.01 if solver == "ticks" else None)
    for each in (sliced, again, filed):
        each.run(80.0)
        kept = each.spikes("cell")
        keep = wanted.times >= (61.0 if each is again else 0.0)
        np.testing.assert_array_equal(kept.times[-keep.sum() :], wanted.times[keep])
        np.testing.assert_array_equal(kept.units[-keep.sum() :], wanted.units[keep])
    np.testing.assert_array_equal(sliced.trace("cell", "v").values, sim.trace("cell", "v").values)


def test_a_sine_near_threshold_fires_only_if_it_reaches_it():
    # Alone, a compartment follows a sine with amplitude A / (g^2 + (c w)^2)^(1/2) once it has settled.
    omega = 0.06 * np.pi
    gain = 1.0 / np.hypot(10.0, 200.0 * omega)
    for factor, fires in ((1.0 - 1e-9, False), (1.0 + 1e-9, True)):
        cell = Compartment(
            "soma",
            200.0,
            10.0,
            v_th=-60.0,
            event=ThresholdEvent(hold_off=1e9),
            i_ext=SineCurrent(factor * 10.0 / gain, 30.0, phase=np.arctan2(200.0 * omega, 10.0)),
            v_init=-70.0,
        )
        net = es.Network(time_unit="ms")
        net.add("cell", MultiCompartment((cell,)), 1)
        sim = es.Simulation(net)
        sim.run(400.0)
        assert bool(len(sim.spikes("cell"))) is fires


@pytest.mark.parametrize(
    ("current", "message"),
    [
        (SineCurrent(1.0, -10.0), r"frequency of i_ext of 'cell\.dendrite' must be positive"),
        (
            LinearCurrent([0.0, 1.0], [0.0]),
            r"values of i_ext of 'cell\.dendrite' have shape \(1,\), expected \(2,\)",
        ),
        (NoiseCurrent(dt=0.0), r"dt of i_ext of 'cell\.dendrite' must be a time > 0, got 0.0"),
    ],
)
def test_currents_that_do_not_fit_are_refused_in_one_line(current, message):
    with pytest.raises(ValueError, match=message) as refused:
        simulation(cell(dendrite=current + 1.0)).run(1.0)
    assert "\n" not in str(refused.value)


def test_values_that_do_not_fit_are_refused():
    with pytest.raises(
        ValueError, match=r"times of i_ext of 'cell\.soma' must rise from 0 or later, got \[3.0, 1.0\]"
    ):
        simulation(cell(soma=StepCurrent([3.0, 1.0], [1.0, 2.0]))).run(1.0)
