"""A clamp of infinite conductance holds the membrane: against closed forms, on both solvers."""

import math

import numpy as np
import pytest
from scipy.linalg import expm

import eventsim as es
from eventsim.models import Clamp, Compartment, MultiCompartment, Receptor, ThresholdEvent

SOLVERS = ["exact", "ticks"]
E = -75.0  # where the soma is held
TAU, V_INF, V_TH, V_LEAK = 20.0, -40.0, -50.0, -70.0
TAU_SYN = 5.0


def soma(conductance=math.inf, duration=2.0, **options):
    event = ThresholdEvent((Clamp(E, conductance, duration),))
    return Compartment("soma", 200.0, 10.0, V_LEAK, V_TH, event, i_ext=300.0, **options)


def simulated(solver, compartments, couplings=(), inputs=(), n=1):
    """Return a simulation with inputs (time, receptor, weight)."""
    net = es.Network()
    net.add("cell", MultiCompartment(compartments, couplings, solver=solver), n)
    for k, (time, receptor, weight) in enumerate(inputs):
        net.add(f"in{k}", es.models.SpikeSource(times=[time]), 1)
        net.connect(f"in{k}", "cell", weight=weight, receptor=receptor)
    return es.Simulation(net, **({"dt": 0.01} if solver == "ticks" else {}))


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("duration", [0.0, 2.0, 0.003])
def test_a_held_soma_is_a_lif(solver, duration):
    sim = simulated(solver, (soma(duration=duration),))
    sim.run(200.0)
    first = TAU * math.log((V_INF - V_LEAK) / (V_INF - V_TH))
    period = duration + TAU * math.log((V_INF - E) / (V_INF - V_TH))
    times = sim.spikes("cell").times
    assert len(times) == 1 + int((200.0 - first) / period)
    expected = first + period * np.arange(len(times))
    assert times == pytest.approx(expected, abs=1e-9 if solver == "exact" else 1e-4)


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_membrane_stands_exactly_at_the_target_whatever_comes_in(solver):
    event = ThresholdEvent((Clamp(20.0, math.inf, 1.0), Clamp(E, math.inf, 10.0)), hold_off=3.0)
    cell = Compartment("soma", 200.0, 10.0, V_LEAK, V_TH, event, i_ext=300.0, steps=((25.0, 500.0),))
    sim = simulated(solver, (cell,), inputs=[(24.0, "soma", 4000.0), (27.0, "soma", -4000.0)])
    sim.record("cell", "v", every=0.1)
    sim.run(40.0)
    trace = sim.trace("cell", "v")
    t, v = trace.times, trace.values[:, 0]
    at = sim.spikes("cell").times[0]
    assert set(v[(t > at + 0.02) & (t < at + 1.0)]) == {20.0}
    assert set(v[(t > at + 1.02) & (t < at + 11.0)]) == {E}
    assert (v[t > at + 11.1] != E).all()


def flow(v0, i0, t, held):
    """Return potentials of the chain a - b - c at time t with input into b; b held, or free.

    Columns: the three potentials, the synaptic current of b, and 1 for constants.
    """
    c, g = np.array([100.0, 80.0, 120.0]), np.array([5.0, 4.0, 6.0])
    m = np.zeros((5, 5))
    for k in range(3):
        m[k, k] -= g[k] / c[k]
        m[k, 4] += g[k] * V_LEAK / c[k]
    for a, b, x in ((0, 1, 7.0), (1, 2, 3.0)):
        for k, o in ((a, b), (b, a)):
            m[k, k] -= x / c[k]
            m[k, o] += x / c[k]
    m[1, 3] = 1.0 / c[1]
    m[3, 3] = -1.0 / TAU_SYN
    if held:
        m[1] = 0.0
    return expm(m * t) @ np.array([*v0, i0, 1.0])


@pytest.mark.parametrize("solver", SOLVERS)
def test_neighbours_see_a_fixed_potential_and_the_flow_goes_on_from_there(solver):
    # It starts above threshold, so it fires at once; the input of the middle comes while it is held.
    event = ThresholdEvent((Clamp(-30.0, math.inf, 8.0),), hold_off=100.0)
    receptor = {"input": Receptor(TAU_SYN)}
    chain = (
        Compartment("a", 100.0, 5.0, V_LEAK, receptors=receptor),
        Compartment("b", 80.0, 4.0, V_LEAK, -60.0, event, receptor, v_init=-59.0),
        Compartment("c", 120.0, 6.0, V_LEAK, receptors=receptor),
    )
    couplings = (("a", "b", 7.0), ("b", "c", 3.0))
    sim = simulated(solver, chain, couplings, [(3.0, "b", 900.0)])
    for name in "abc":
        sim.record("cell", f"{name}.v", every=0.5)
    sim.run(30.0)
    assert sim.spikes("cell.b").times.tolist() == [0.0]
    found = np.stack([sim.trace("cell", f"{name}.v").values[:, 0] for name in "abc"], axis=1)
    times = sim.trace("cell", "a.v").times
    begin = [V_LEAK, -30.0, V_LEAK]
    end = flow(begin, 0.0, 8.0, True)[:3]
    for t, v in zip(times, found, strict=True):
        if t == 0.0:
            continue  # before or after its own event
        left = 900.0 * math.exp(-(8.0 - 3.0) / TAU_SYN)
        expected = flow(begin, 0.0, t, True) if t <= 8.0 else flow(end, left, t - 8.0, False)
        assert v == pytest.approx(expected[:3], abs=1e-9 if solver == "exact" else 1e-3)


@pytest.mark.parametrize("solver", SOLVERS)
def test_large_conductances_approach_the_hold(solver):
    def last(conductance):
        dendrite = Compartment("dendrite", 100.0, 5.0, V_LEAK)
        sim = simulated(solver, (soma(conductance), dendrite), (("soma", "dendrite", 2.0),))
        sim.run(150.0)
        return sim.spikes("cell").times[-1]

    far, near, held = last(1e4), last(1e6), last(math.inf)
    assert 0 < abs(near - held) < abs(far - held) / 20


@pytest.mark.parametrize("solver", SOLVERS)
def test_units_may_be_held_or_pulled(solver):
    both = simulated(solver, (soma(np.array([math.inf, 200.0])),), n=2)
    both.run(150.0)
    for unit, conductance in enumerate([math.inf, 200.0]):
        alone = simulated(solver, (soma(conductance),))
        alone.run(150.0)
        spikes = both.spikes("cell")
        assert spikes.times[spikes.units == unit].tolist() == alone.spikes("cell").times.tolist()


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_state_within_a_hold_goes_on_with_the_same_bits(solver):
    dendrite = Compartment("dendrite", 100.0, 5.0, V_LEAK)
    make = lambda: simulated(solver, (soma(duration=5.0), dendrite), (("soma", "dendrite", 2.0),))  # noqa: E731
    sim = make()
    sim.run(100.0)
    times = sim.spikes("cell").times
    sim, other = make(), make()
    sim.run(float(times[0]) + 2.0)
    other.restore(sim.snapshot())
    other.run(100.0)
    assert other.spikes("cell").times.tolist() == times[1:].tolist()


def test_the_plateau_of_a_hold_is_its_target():
    assert MultiCompartment((soma(),)).plateau_potential("soma") == E


@pytest.mark.parametrize("conductance", [-math.inf, math.nan])
def test_other_infinities_are_refused(conductance):
    with pytest.raises(ValueError, match="conductance of soma"):
        simulated("exact", (soma(conductance),))
