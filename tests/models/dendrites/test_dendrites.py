"""Neurons with compartments, the exact solver: against scipy, closed forms, and itself turned around."""

import math
import warnings

import numpy as np
import pytest
from scipy.linalg import expm

import eventsim as es
from eventsim.models import Clamp, Compartment, MultiCompartment, Receptor, ThresholdEvent
from reference import dendrites as reference

NAMES = "abcdefgh"


def random_tree(seed, n):
    """Return a random neuron, as the model declares it and as the reference takes it, and its inputs."""
    rng = np.random.default_rng(seed)
    taus = rng.choice([2.0, 3.0, 5.0, 10.0], 2, replace=False)
    c, g, e = rng.uniform(50, 200, n), rng.uniform(3, 12, n), rng.uniform(-75, -65, n)
    v_th = np.where(rng.random(n) < 0.75, rng.uniform(-62, -50, n), np.inf)
    v_th[0] = -55.0
    edges = [(int(rng.integers(k)), k, rng.uniform(1, 15)) for k in range(1, n)]
    clamps, hold_off, level = [], [], []
    for _ in range(n):
        phases = [(20.0, 100.0, 1.0)] if rng.random() < 0.5 else []
        phases.append((rng.uniform(-75, -30), rng.uniform(30, 200), rng.uniform(1, 15)))
        clamps.append(phases)
        hold_off.append(rng.choice([0.0, rng.uniform(1, 15)]))
        level.append(bool(rng.random() < 0.6))
    slots = [(k, tau, None) for k in range(n) for tau in taus]
    inputs = [
        (float(t), int(rng.integers(len(slots))), float(w))
        for t, w in zip(np.sort(rng.uniform(0, 80, 20 * n)), rng.normal(200, 300, 20 * n), strict=True)
    ]
    currents = [(0, 60.0)]
    steps = [(20.0, n - 1, 150.0), (30.0, n - 1, -150.0)]
    neuron = reference.Neuron(c, g, e, v_th, clamps, hold_off, level, edges, slots, currents, steps)
    compartments = [
        Compartment(
            NAMES[k],
            c[k],
            g[k],
            e[k],
            v_th[k],
            ThresholdEvent(
                tuple(Clamp(*p) for p in clamps[k]), hold_off[k], mode="level" if level[k] else "edge"
            )
            if np.isfinite(v_th[k])
            else None,
            {"fast": Receptor(taus[0]), "slow": Receptor(taus[1])},
            60.0 if k == 0 else 0.0,
            ((20.0, 150.0), (30.0, 0.0)) if k == n - 1 else (),
        )
        for k in range(n)
    ]
    couplings = tuple((NAMES[a], NAMES[b], w) for a, b, w in edges)
    return neuron, compartments, couplings, inputs


def run_tree(compartments, couplings, inputs, until=100.0, every=None, slices=1, **options):
    """Return the simulation of one neuron with inputs (time, slot in declared order, weight)."""
    receptors = [
        f"{c.name}.{r}" for c in sorted(compartments, key=lambda c: c.name) for r in ("fast", "slow")
    ]
    net = es.Network()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net.add("cell", MultiCompartment(tuple(compartments), tuple(couplings), soma="a", **options), 1)
        for k, (time, slot, weight) in enumerate(inputs):
            net.add(f"in{k:02}", es.models.SpikeSource(times=[time]), 1)
            net.connect(f"in{k:02}", "cell", weight=weight, receptor=receptors[slot])
        sim = es.Simulation(net, **({"dt": 0.1} if options.get("solver") == "ticks" else {}))
    if every:
        for c in compartments:
            sim.record("cell", f"{c.name}.v", every=every)
    for k in range(1, slices + 1):
        sim.run(until * k / slices)
    return sim


def events_of(sim, n):
    """Return all events as a sorted list of (time, compartment)."""
    found = [(t, 0) for t in sim.spikes("cell").times]
    for k in range(1, n):
        if NAMES[k] in sim.handler("cell").event_logs:
            found += [(t, k) for t in sim.spikes(f"cell.{NAMES[k]}").times]
    return sorted(found)


@pytest.mark.parametrize("seed", range(8))
def test_events_of_random_trees_match_numerical_integration(seed):
    n = 1 + seed % 8
    neuron, compartments, couplings, inputs = random_tree(seed, n)
    expected, v = reference.simulate(neuron, inputs, 100.0)
    sim = run_tree(compartments, couplings, inputs)
    found = events_of(sim, n)
    expected.sort()
    assert expected
    assert [k for _, k in found] == [k for _, k in expected]
    np.testing.assert_allclose([t for t, _ in found], [t for t, _ in expected], rtol=0, atol=1e-9)
    ends = [sim.handler("cell").value(f"{NAMES[k]}.v", 100.0)[0] for k in range(n)]
    np.testing.assert_allclose(ends, v, rtol=0, atol=1e-8)


def two(g=4.0, i_soma=0.0, i_dendrite=0.0, v_init=None):
    """Return a soma and a dendrite without events."""
    return MultiCompartment(
        (
            Compartment("soma", 200.0, 10.0, -70.0, i_ext=i_soma, v_init=v_init),
            Compartment("dendrite", 100.0, 5.0, -65.0, i_ext=i_dendrite, v_init=v_init),
        ),
        (("soma", "dendrite", g),),
    )


def test_current_in_the_dendrite_reaches_the_soma_attenuated_by_the_coupling():
    g, net = 4.0, es.Network()
    net.add("rest", two(g), 1)
    net.add("driven", two(g, i_dendrite=80.0), 1)
    sim = es.Simulation(net)
    sim.run(2000.0)
    change = {
        part: sim.handler("driven").value(f"{part}.v", 2000.0)
        - sim.handler("rest").value(f"{part}.v", 2000.0)
        for part in ("soma", "dendrite")
    }
    assert change["soma"] / change["dendrite"] == pytest.approx(g / (g + 10.0), abs=1e-12)


def test_the_transient_is_the_matrix_exponential():
    g, c = 4.0, np.array([200.0, 100.0])
    matrix = -np.array([[10.0 + g, -g], [-g, 5.0 + g]]) / c[:, None]
    drive = np.array([10.0 * -70 + 30.0, 5.0 * -65 + 80.0]) / c
    settled = -np.linalg.solve(matrix, drive)
    net = es.Network()
    net.add("cell", two(g, 30.0, 80.0, v_init=-80.0), 1)
    sim = es.Simulation(net)
    sim.record("cell", "soma.v", every=1.0)
    sim.record("cell", "dendrite.v", every=1.0)
    sim.run(60.0)
    expected = np.array([settled + expm(matrix * t) @ (-80.0 - settled) for t in range(60)])
    np.testing.assert_allclose(sim.trace("cell", "soma.v").values[:, 0], expected[:, 0], rtol=1e-13)
    np.testing.assert_allclose(sim.trace("cell", "dendrite.v").values[:, 0], expected[:, 1], rtol=1e-13)


@pytest.mark.parametrize("tau_syn", [20.0, 20.0 * (1 + 1e-12), 20.0 * (1 + 1e-5), 19.97, 5.0])
def test_one_compartment_with_a_current_follows_its_closed_form_for_equal_time_constants_too(tau_syn):
    import mpmath

    tau, weight = mpmath.mpf(20), mpmath.mpf(150)
    mpmath.mp.dps = 40
    net = es.Network()
    net.add("in", es.models.SpikeSource(times=[1.0]), 1)
    cell = Compartment("soma", 200.0, 10.0, 0.0, receptors={"input": Receptor(tau_syn)})
    net.add("cell", MultiCompartment((cell,), ()), 1)
    net.connect("in", "cell", weight=150.0)
    sim = es.Simulation(net)
    sim.record("cell", "v", every=0.5)
    sim.run(100.0)
    trace = sim.trace("cell", "v")
    for time, value in zip(trace.times[3:], trace.values[3:, 0], strict=True):
        s, mu = mpmath.mpf(time) - 1, 1 / mpmath.mpf(tau_syn)
        gap = 1 / tau - mu
        shape = s * mpmath.exp(-s / tau) if gap == 0 else (mpmath.exp(-mu * s) - mpmath.exp(-s / tau)) / gap
        assert value == pytest.approx(float(weight / 200 * shape), rel=1e-10)


def test_a_threshold_that_is_touched_from_just_above_the_peak_is_not_crossed():
    """The closed form of the peak of an EPSP decides, to the last bits."""
    tau, tau_syn, weight, c = 20.0, 5.0, 150.0, 200.0
    s = math.log(tau / tau_syn) * tau * tau_syn / (tau - tau_syn)
    peak = weight / c * tau * tau_syn / (tau - tau_syn) * (math.exp(-s / tau) - math.exp(-s / tau_syn))
    found = []
    for v_th in (peak * (1 - 1e-11), peak * (1 + 1e-11)):
        net = es.Network()
        net.add("in", es.models.SpikeSource(times=[1.0]), 1)
        event = ThresholdEvent((Clamp(-10.0, 200.0, 2.0),))
        net.add("cell", MultiCompartment((Compartment("soma", c, 10.0, 0.0, v_th, event),), ()), 1)
        net.connect("in", "cell", weight=weight)
        sim = es.Simulation(net)
        sim.run(60.0)
        found.append(sim.spikes("cell").times)
    assert found[0] == pytest.approx([1.0 + s], abs=1e-4)  # flat: 1e-11 in height is 1e-5 in time
    assert len(found[1]) == 0


def test_results_have_the_same_bits_however_compartments_and_couplings_are_numbered():
    _, compartments, couplings, inputs = random_tree(7, 8)
    one = run_tree(compartments, couplings, inputs, every=1.0)
    turned = [(b, a, g) for a, b, g in reversed(couplings)]
    other = run_tree(compartments[::-1], turned, inputs, every=1.0)
    assert events_of(one, 8) == events_of(other, 8)
    for name in NAMES:
        np.testing.assert_array_equal(
            one.trace("cell", f"{name}.v").values, other.trace("cell", f"{name}.v").values
        )


@pytest.mark.parametrize("solver", ["exact", "ticks"])
def test_slices_snapshots_and_recording_change_no_bit(solver):
    _, compartments, couplings, inputs = random_tree(6, 7)
    whole = run_tree(compartments, couplings, inputs, solver=solver)
    assert len(events_of(whole, 7)) > 3
    sliced = run_tree(compartments, couplings, inputs, slices=17, every=0.7, solver=solver)
    assert events_of(sliced, 7) == events_of(whole, 7)
    half = run_tree(compartments, couplings, inputs, until=40.0, solver=solver)
    state = half.snapshot()
    half.run(100.0)
    assert events_of(half, 7) == events_of(whole, 7)
    half.restore(state)
    half.run(100.0)
    assert events_of(half, 7) == events_of(whole, 7)


def test_merged_circuits_are_one_compartment_with_the_sums():
    event = ThresholdEvent((Clamp(-75.0, 200.0, 2.0),))
    parts = (
        Compartment("soma", 150.0, 4.0, -70.0, -55.0, event, i_ext=50.0),
        Compartment("axon", 50.0, 6.0, -60.0, i_ext=120.0),
        Compartment("dendrite", 100.0, 5.0),
    )
    whole = Compartment("soma", 200.0, 10.0, (4.0 * -70 + 6.0 * -60) / 10, -55.0, event, i_ext=170.0)
    net = es.Network()
    net.add("in", es.models.SpikeSource(times=[1.0]), 1)
    start = (150.0 * -70 + 50.0 * -60) / 200
    net.add(
        "merged", MultiCompartment(parts, (("soma", "axon", math.inf), ("axon", "dendrite", 3.0)), "soma"), 1
    )
    whole = Compartment(
        "soma", 200.0, 10.0, (4.0 * -70 + 6.0 * -60) / 10, -55.0, event, i_ext=170.0, v_init=start
    )
    net.add("whole", MultiCompartment((whole, parts[2]), (("soma", "dendrite", 3.0),)), 1)
    net.connect("in", "merged", weight=200.0, receptor="axon")
    net.connect("in", "whole", weight=200.0, receptor="soma")
    sim = es.Simulation(net)
    sim.record("merged", "axon.v", every=1.0)
    sim.record("whole", "soma.v", every=1.0)
    sim.run(50.0)
    assert len(sim.spikes("whole")) > 1
    np.testing.assert_allclose(sim.spikes("merged").times, sim.spikes("whole").times, rtol=1e-12)
    np.testing.assert_allclose(
        sim.trace("merged", "axon.v").values, sim.trace("whole", "soma.v").values, rtol=1e-12
    )


def test_units_with_parameters_of_their_own_are_neurons_of_their_own():
    c, v_th, t_rst = [180.0, 200.0, 220.0], [-56.0, -57.0, -58.0], [10.0, 15.0, 20.0]

    def cell(c, v_th, t_rst):
        event = ThresholdEvent((Clamp(-30.0, 50.0, t_rst),), hold_off=20.0)
        return MultiCompartment(
            (Compartment("soma", c, i_ext=20.0), Compartment("dendrite", 90.0, 5.0, -70.0, v_th, event)),
            (("soma", "dendrite", 3.0),),
        )

    def plateaus(model, n):
        net = es.Network()
        net.add("in", es.models.SpikeSource(times=[1.0, 60.0]), 1)
        net.add("cell", model, n)
        net.connect("in", "cell", weight=500.0, receptor="dendrite")
        sim = es.Simulation(net)
        sim.run(120.0)
        return sim.spikes("cell.dendrite"), sim.handler("cell").value("soma.v", 120.0)

    together, v = plateaus(cell(c, v_th, t_rst), 3)
    for k in range(3):
        alone, v_alone = plateaus(cell(c[k], v_th[k], t_rst[k]), 1)
        assert len(alone) == 2
        np.testing.assert_array_equal(together.times[together.units == k], alone.times)
        assert v[k] == v_alone[0]


def test_events_of_compartments_are_kept_in_the_file(tmp_path):
    net = es.Network()
    net.add("volley", es.models.SpikeSource(times=[1.0]), 1)
    net.add("cell", MultiCompartment(), 2)
    net.connect("volley", "cell", weight=600.0, receptor="dendrite")
    sim = es.Simulation(net)
    sim.record("cell", "dendrite.v", every=1.0)
    sim.run(50.0)
    sim.save(tmp_path / "run.h5")
    trace = es.io.load(tmp_path / "run.h5")
    np.testing.assert_array_equal(trace.spikes["cell.dendrite"].times, sim.spikes("cell.dendrite").times)
    assert len(trace.spikes["cell.dendrite"]) == 2
    assert ("cell", "dendrite.v") in trace.samples


def test_a_comparator_in_edge_mode_waits_until_the_potential_has_been_below():
    """Under a strong constant current v stays above threshold: the chip fires on, the edge does not."""
    counts = {}
    for mode in ("level", "edge"):
        event = ThresholdEvent((Clamp(-35.0, 40.0, 20.0),), hold_off=5.0, mode=mode)
        cell = Compartment(
            "zone", 100.0, 5.0, -70.0, -55.0, event, i_ext=200.0, steps=((150.0, -200.0), (200.0, 0.0))
        )
        net = es.Network()
        net.add("cell", MultiCompartment((cell,), ()), 1)
        sim = es.Simulation(net)
        sim.run(300.0)
        counts[mode] = len(sim.spikes("cell"))
    assert counts["edge"] == 2
    assert counts["level"] > 6


def test_hold_off_has_to_be_as_long_as_the_decay_to_threshold():
    """Minimum hold-off (C / g_tot) ln((V_plat - V_inf) / (V_th - V_inf)) of one compartment."""
    for g_leak in (4.0, 5.0, 8.0):
        plateau = (g_leak * -70.0 + 40.0 * -35.0) / (g_leak + 40.0)
        least = 100.0 / g_leak * math.log((plateau + 70.0) / (-55.0 + 70.0))
        for hold_off, many in ((least * (1 - 1e-4), True), (least * (1 + 1e-4), False)):
            event = ThresholdEvent((Clamp(-35.0, 40.0, 200.0),), hold_off=hold_off)
            net = es.Network()
            cell = Compartment("zone", 100.0, g_leak, -70.0, -55.0, event, v_init=-50.0)
            net.add("cell", MultiCompartment((cell,), ()), 1)
            sim = es.Simulation(net)
            sim.run(1000.0)
            assert (len(sim.spikes("cell")) > 1) == many
