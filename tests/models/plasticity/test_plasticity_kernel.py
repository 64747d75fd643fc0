"""Correlation sensors against a plain double loop; kernels that change weights and sources."""

from itertools import pairwise

import numpy as np
import pytest

import eventsim as es
from eventsim.models import Clamp, Compartment, MultiCompartment, Receptor, ThresholdEvent
from eventsim.models.plasticity import HomeostaticSTDP, PlasticityKernel, StructuralPlasticity
from eventsim.models.plasticity.plasticity_kernel import SynapseRows

TAU_PLUS, TAU_MINUS = 8.0, 15.0


def expected_sensors(arrivals, events, ceiling=np.inf):
    """Nearest neighbours in the merged, sorted list of arrivals and events of one synapse."""
    merged = sorted([(t, 0) for t in arrivals] + [(t, 1) for t in events])
    causal = anticausal = 0.0
    for (before, kind), (after, next_kind) in pairwise(merged):
        if (kind, next_kind) == (0, 1):
            causal = min(causal + np.exp((before - after) / TAU_PLUS), ceiling)
        elif (kind, next_kind) == (1, 0):
            anticausal = min(anticausal + 0.5 * np.exp((before - after) / TAU_MINUS), ceiling)
    return causal, anticausal


def cell(solver="auto"):
    plateau = ThresholdEvent((Clamp(-35.0, 40.0, 10.0),), hold_off=15.0)
    soma = ThresholdEvent((Clamp(-75.0, 200.0, 2.0),))
    return MultiCompartment(
        (
            Compartment("soma", v_th=-50.0, event=soma),
            Compartment("dendrite", 100.0, 5.0, -70.0, -55.0, plateau, {"input": Receptor(3.0)}),
        ),
        (("soma", "dendrite", 2.0),),
        solver=solver,
    )


def network(kernel, period=400.0, seed=3, model=None, receptor="dendrite", weight=200.0, **options):
    net = es.Network(seed=seed)
    net.add("in", es.models.Poisson(rate=20.0), 12)
    net.add("cell", cell() if model is None else model, 3)
    weight = weight * np.random.default_rng(1).integers(1, 3, (12, 3))
    synapses = net.connect("in", "cell", weight=weight, delay=1.0, receptor=receptor)
    net.add_plasticity(
        synapses, PlasticityKernel(kernel, period, TAU_PLUS, TAU_MINUS, amplitude_minus=0.5, **options)
    )
    return net


@pytest.mark.parametrize("ceiling", [255.0, 0.7])
@pytest.mark.parametrize("solver", ["exact", "ticks"])
def test_sensors_accumulate_nearest_neighbours_up_to_their_ceiling(ceiling, solver):
    seen = []
    net = network(lambda rows: seen.append((rows.label.copy(), rows.target.copy(), rows.causal.copy(),
                                            rows.anticausal.copy())),
                  model=cell(solver), weight_step=10.0, ceiling=ceiling)  # fmt: skip
    sim = es.Simulation(net, **({"dt": 0.05} if solver == "ticks" else {}))
    sim.run(401.0)
    events = sim.spikes("cell.dendrite")
    assert len(events) > 5
    ((labels, targets, causal, anticausal),) = seen
    arrivals = sim.spikes("in")
    for k, (label, target) in enumerate(zip(labels, targets, strict=True)):
        times = arrivals.times[arrivals.units == label] + 1.0
        wanted = expected_sensors(
            times[times <= 400.0], events.times[(events.units == target) & (events.times < 400.0)], ceiling
        )
        assert (causal[k], anticausal[k]) == pytest.approx(wanted, rel=1e-12)
    assert max(causal) > 0.6


def test_sensors_of_neurons_without_compartments_see_their_spikes():
    seen = []
    model = es.models.LIF(tau_mem=20.0, tau_syn=3.0)
    net = network(
        lambda rows: seen.append(rows.causal.copy()),
        model=model,
        receptor="input",
        weight=0.05,
        weight_step=0.01,
    )
    sim = es.Simulation(net)
    sim.run(401.0)
    events, arrivals = sim.spikes("cell"), sim.spikes("in")
    assert len(events) > 5
    for k, (source, target) in enumerate(np.ndindex(12, 3)):
        times = arrivals.times[arrivals.units == source] + 1.0
        wanted, _ = expected_sensors(times[times <= 400.0], events.times[events.units == target])
        assert seen[0][k] == pytest.approx(wanted, rel=1e-12)


def rewire(rows):
    rows.draw_labels(rows.random.random(len(rows.label)) < 0.3)
    rows.add(np.full(len(rows.weight), 0.5))


def state_of(sim):
    events, weights = sim.spikes("cell.dendrite"), sim.weights("in->cell")
    return [events.times, events.units, *weights]


def test_a_kernel_rewires_and_the_run_repeats_in_slices_and_after_a_snapshot():
    net = network(rewire, period=50.0, weight_step=10.0)
    whole = es.Simulation(net)
    before = whole.weights("in->cell")
    whole.run(600.0)
    pre, post, weight, _ = whole.weights("in->cell")
    assert not np.array_equal(pre, before[0])
    assert sorted(post) == sorted(before[1])  # what a synapse leads to stays
    assert (weight / 10 == np.rint(weight / 10)).all()
    assert weight.max() <= 630.0
    sliced = es.Simulation(net)
    for k in range(1, 14):
        sliced.run(600.0 * k / 13)
    half = es.Simulation(net)
    half.run(325.0)
    state = half.snapshot()
    half.run(450.0)
    half.restore(state)
    half.run(600.0)
    other = es.Simulation(net)
    other.restore(state)
    other.run(600.0)
    for sim in (sliced, half):
        for one, two in zip(state_of(whole), state_of(sim), strict=True):
            np.testing.assert_array_equal(one, two)
    for one, two in zip(state_of(whole)[2:], state_of(other)[2:], strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_rewired_synapse_is_reached_by_its_new_source_only():
    def to_the_second(rows):
        rows.label[:] = 1

    net = es.Network()
    net.add("in", es.models.SpikeSource(times=[10.0, 20.0, 110.0, 120.0], units=[0, 1, 0, 1]), 2)
    net.add("cell", es.models.LIF(tau_mem=5.0, tau_syn=2.0), 1)
    net.connect("in", "cell", [(0, 0)], weight=1.0)
    net.add_plasticity("in->cell", PlasticityKernel(to_the_second, 50.0))
    sim = es.Simulation(net)
    sim.record("cell", "i_syn")
    sim.run(150.0)
    arrived = sim.trace("cell", "i_syn").times
    assert [t for t in arrived if t in (10.0, 20.0, 110.0, 120.0)] == [10.0, 120.0]


def test_signs_stay_with_their_rows():
    net = es.Network(seed=1)
    net.add("in", es.models.Poisson(rate=20.0), 5)
    net.add("cell", cell(), 1)
    net.connect("in", "cell", weight=-30.0, receptor="dendrite")
    net.add_plasticity(
        "in->cell", PlasticityKernel(lambda rows: rows.add(np.full(5, -7.0)), 50.0, weight_step=10.0)
    )
    sim = es.Simulation(net)
    sim.run(200.0)
    np.testing.assert_array_equal(sim.weights("in->cell")[2], 0.0)  # down to none, never excitatory
    net = es.Network()
    net.add("in", es.models.Poisson(rate=20.0), 2)
    net.add("cell", cell(), 1)
    net.connect("in", "cell", weight=[[1.0], [-1.0]])
    net.add_plasticity("in->cell", PlasticityKernel(rewire, 50.0))
    with pytest.raises(es.ConfigError, match="must share one sign"):
        es.Simulation(net).run(1.0)


@pytest.mark.parametrize(
    ("message", "change"),
    [
        ("at most 63 are possible", {"weight_step": 1.0}),
        ("period must be positive", {"period": 0.0}),
        ("weight_bits must be a whole number, at least 1", {"weight_bits": 0}),
        ("ceiling must be positive", {"ceiling": -1.0}),
    ],
)
def test_what_a_kernel_cannot_work_with_is_refused(message, change):
    with pytest.raises((ValueError, es.ConfigError), match=message):
        es.Simulation(network(rewire, **change)).run(1.0)


def test_kernels_need_the_ordered_schedule_and_projections_of_spikes():
    with pytest.raises(es.ConfigError, match="needs the ordered schedule"):
        es.Simulation(network(rewire, weight_step=10.0), schedule="layered")
    net = es.Network()
    net.add("cell", cell(), 1)
    net.add_plasticity("cell", PlasticityKernel(rewire, 10.0))
    with pytest.raises(
        es.ConfigError, match="'cell' has a plasticity rule for projections of spikes, which it is not"
    ):
        es.Simulation(net).run(1.0)


def test_a_kernel_that_gives_up_nothing_keeps_all_labels():
    net = network(StructuralPlasticity(prune_below=0), period=100.0, weight_step=10.0)
    sim = es.Simulation(net)
    before = sim.weights("in->cell")
    sim.run(1000.0)
    np.testing.assert_array_equal(sim.weights("in->cell")[0], before[0])
    assert not np.array_equal(sim.weights("in->cell")[2], before[2])


def rows_of(weight, label, target, events=(0, 0), causal=0.0, anticausal=0.0, n_labels=6):
    n = len(weight)
    return SynapseRows(
        100.0, 100.0, np.array(weight), np.array(label), np.array(target), np.full(n, causal),
        np.full(n, anticausal), np.array(events), n_labels, 63, np.random.default_rng(2),
    )  # fmt: skip


def test_distinct_labels_are_new_to_their_target_as_long_as_there_are_such():
    drawn = set()
    for seed in range(50):
        rows = rows_of([1] * 8, [0, 1, 2, 2, 3, 4, 5, 0], [0, 0, 0, 0, 1, 1, 1, 1])
        rows.random = np.random.default_rng(seed)
        rows.draw_labels(np.array([0, 0, 1, 1, 0, 0, 0, 1]), distinct=True)
        assert rows.label[[0, 1, 4, 5, 6]].tolist() == [0, 1, 3, 4, 5]
        assert len(set(rows.label[:4])) == len(set(rows.label[4:])) == 4
        drawn |= set(rows.label[2:4].tolist())
    assert drawn == {2, 3, 4, 5}
    rows = rows_of([1] * 4, [0, 1, 0, 1], [0] * 4, n_labels=2)
    rows.draw_labels(np.array([True] * 4), distinct=True)  # more synapses than sources
    assert set(rows.label) <= {0, 1}


def test_homeostasis_scales_weights_and_correlations_shift_them():
    rule = HomeostaticSTDP(rate=2.0, homeostasis=0.5, target_rate=0.1)  # 10 events a period
    rows = rows_of([4, 20, 4, 20], range(4), [0, 0, 1, 1], events=(0, 15))
    rule(rows)
    assert rows.weight.tolist() == [6, 30, 3, 15]
    rows = rows_of([20, 20], range(2), [0, 1], events=(10, 10), causal=20.0, anticausal=5.0)
    rule(rows)
    assert rows.weight.tolist() == [23, 23]


def test_what_is_of_no_use_is_given_up_and_what_is_stays():
    rule = StructuralPlasticity(HomeostaticSTDP(0.0, 0.0), prune_below=5, start=20, turnover=1.0)
    rows = rows_of([4, 5, 63, 63], range(4), [0, 0, 0, 1], events=(0, 3), n_labels=100)
    rule(rows)
    assert rows.weight.tolist() == [20, 5, 20, 63]  # at the most while silent: given up; while firing: kept
    assert rows.label[[1, 3]].tolist() == [1, 3]
    assert not {0, 2} & set(rows.label[[0, 2]].tolist())
