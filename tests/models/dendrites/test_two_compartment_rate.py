"""Rate neurons with a dendrite, dendritic prediction, and delays of each source."""

import numpy as np
import pytest

import eventsim as es
from eventsim.errors import ConfigError
from reference.elise import Reference

N, N_VISIBLE, DT = 20, 6, 0.1
VISIBLE = np.arange(N) < N_VISIBLE


def structure(seed=0):
    rng = np.random.default_rng(seed)
    weight = rng.normal(0.0, 2.0, (N, N))
    np.fill_diagonal(weight, 0.0)
    parents = np.zeros((N, N), int)
    for _ in range(25):
        parents[rng.integers(N), rng.integers(N_VISIBLE, N)] += 1
    np.fill_diagonal(parents, 0)
    eta = np.where(np.outer(VISIBLE, VISIBLE), 1e-3, 1e-2)
    return weight, parents, rng.integers(50, 151, N), rng.integers(50, 151, N), eta


def network(weight, parents, delays, scaffold_delays, eta, **model):
    net = es.Network(seed=1)
    net.add("cells", es.models.TwoCompartmentRate(taught=VISIBLE, **model), N)
    net.connect(
        "cells", "cells", weight=weight, delay=es.connect.axonal((delays - 1) * DT), receptor="dendrite"
    )
    net.add_plasticity("cells->cells", es.models.plasticity.DendriticPrediction(eta / DT))
    pre, post = np.nonzero(parents)
    pre, post = np.repeat(pre, parents[pre, post]), np.repeat(post, parents[pre, post])
    order = np.random.default_rng(5).permutation(len(pre))
    for receptor, g, later in (("excitation", 0.3, 0), ("inhibition", 6.0, 250)):
        net.connect(
            "cells",
            "cells",
            es.connect.Pairs(pre[order], post[order]),
            name=receptor,
            weight=g,
            delay=es.connect.axonal((scaffold_delays + later) * DT),
            variable="supply",
            receptor=receptor,
        )
    return net


def targets(ticks=1000, seed=3):
    on = np.random.default_rng(seed).random((ticks // 100, N)) < 0.3
    return np.where(np.repeat(on, 100, axis=0), -50.0, -70.0)


def simulation(net):
    sim = es.Simulation(net, dt=DT)
    sim.nudge("cells", targets(), 0.6, kind="voltage", every=DT, repeat=True)
    return sim


def state(sim):
    return [sim.array("cells", what) for what in ("u", "v", "rate")] + [sim.weights("cells->cells")]


def test_every_tick_is_that_of_the_reference():
    parts = structure()
    sim, reference = simulation(network(*parts)), Reference(*parts[:1], *parts[2:4], *parts[1:2], parts[4])
    taught = targets()
    for m in range(1500):
        reference.step(taught[m % 1000], 0.6, VISIBLE)
    sim.run_ticks(1500)
    sim.nudge("cells", None)
    sim.run_ticks(700)  # longer than every delay
    for _ in range(700):
        reference.step()
    sim.nudge("cells", np.full(N, -55.0), 1.0, kind="voltage")
    sim.run_ticks(300)
    for _ in range(300):
        reference.step(taught=VISIBLE, clamp=-55.0)
    # Some 2 500 ticks of rounding in another order of the factors of a product.
    np.testing.assert_allclose(sim.array("cells", "u")[0], reference.u, rtol=0, atol=1e-9)
    np.testing.assert_allclose(sim.array("cells", "v")[0], reference.v, rtol=0, atol=1e-9)
    np.testing.assert_allclose(sim.weights("cells->cells"), reference.w, rtol=0, atol=1e-9)
    assert np.abs(reference.w - parts[0]).max() > 0.1  # it has learned
    assert np.all(sim.array("cells", "u")[0][VISIBLE] == -55.0)


def test_the_soma_settles_between_prediction_and_teacher():
    net = es.Network()
    net.add("cell", es.models.TwoCompartmentRate(), 1)
    net.add("other", es.models.TwoCompartmentRate(), 1)
    net.connect("other", "cell", weight=4.0, delay=es.connect.axonal([1.0]), receptor="dendrite")
    sim = es.Simulation(net, dt=DT)
    sim.run_ticks(20_000)
    u, v = sim.array("cell", "u")[0, 0], sim.array("cell", "v")[0, 0]
    prediction = (0.1 * -70.0 + 2.0 * v) / 2.1
    assert u == pytest.approx(prediction, abs=1e-9)
    rest = 1 / (1 + np.exp(0.3 * 12.0))
    assert v == pytest.approx(-70.0 + 4.0 * rest, abs=1e-9)  # E_l + sum w r
    sim.nudge("cell", [-50.0], 0.6, kind="voltage")
    sim.nudge("other", [-50.0], 0.6, kind="voltage")
    sim.run_ticks(20_000)
    assert sim.array("other", "u")[0, 0] == pytest.approx(0.4 * -70.0 + 0.6 * -50.0, abs=1e-9)  # -58 mV
    v = sim.array("cell", "v")[0, 0]
    prediction = (0.1 * -70.0 + 2.0 * v) / 2.1
    assert sim.array("cell", "u")[0, 0] == pytest.approx(0.4 * prediction + 0.6 * -50.0, abs=1e-9)


def fed_cells(weight, rates):
    net = es.Network()
    net.add("in", es.models.RateInput(), 4)
    net.add("cells", es.models.TwoCompartmentRate(), 3)
    delay = es.connect.axonal([0.1, 0.5, 1.0, 3.0])
    net.connect("in", "cells", weight=weight, delay=delay, receptor="dendrite")
    net.add_plasticity("in->cells", es.models.plasticity.DendriticPrediction(0.0))
    sim = es.Simulation(net, dt=DT)
    sim.set_input("in", rates, every=DT)
    return sim


def test_the_trace_is_the_derivative_of_the_prediction_by_the_weight():
    rng = np.random.default_rng(1)
    rates, weight = rng.random((300, 4)), rng.normal(0, 2, (4, 3))
    sim = fed_cells(weight, rates)
    sim.run_ticks(300)
    trace = next(part for part in sim._build().ticks.parts if hasattr(part, "stop")).state["trace"]
    for j in range(4):
        v = []
        for step in (-1e-4, 1e-4):
            moved = weight.copy()
            moved[j, 1] += step
            other = fed_cells(moved, rates)
            other.run_ticks(300)
            v.append(other.array("cells", "v")[0])
        slope = (v[1] - v[0]) / 2e-4 * 2.0 / 2.1
        assert slope[1] == pytest.approx(trace[j], abs=1e-6)  # central differences of a linear system
        assert slope[0] == slope[2] == 0.0


def test_a_dendrite_learns_the_potential_that_its_inputs_foretell():
    """Gradient descent on the error of the prediction: its fixed point is the teacher's potential."""
    net = es.Network()
    net.add("in", es.models.RateInput(), 2)
    net.add("cell", es.models.TwoCompartmentRate(), 1)
    net.connect(
        "in", "cell", weight=0.0 * np.ones((2, 1)), delay=es.connect.axonal([1.0, 1.0]), receptor="dendrite"
    )
    net.add_plasticity("in->cell", es.models.plasticity.DendriticPrediction(0.2))
    sim = es.Simulation(net, dt=DT)
    sim.set_input("in", [1.0, 0.5])
    sim.nudge("cell", [-55.0], 0.6, kind="voltage")
    sim.run_ticks(60_000)
    sim.nudge("cell", None)
    sim.run_ticks(1000)
    assert sim.array("cell", "u")[0, 0] == pytest.approx(-55.0, abs=0.05)
    weight = sim.weights("in->cell")[:, 0]
    assert weight[0] / weight[1] == pytest.approx(2.0, rel=1e-6)  # changes are as the traces are


def test_delays_through_the_queue_are_those_of_ring_buffers_to_the_bit():
    parts = structure()
    ring, queue = simulation(network(*parts)), simulation(network(*parts))
    for name in ("cells->cells", "excitation", "inhibition"):
        queue._part(name).travel_by_events()
    for sim in (ring, queue):
        sim.run_ticks(700)
        sim.nudge("cells", None)
        sim.run_ticks(500)
    assert queue.engine.processed + queue.engine.pending > 1200 * 3 * N
    for a, b in zip(state(ring), state(queue), strict=True):
        assert np.array_equal(a, b)


def test_a_rate_arrives_with_the_two_ages():
    """A rate of tick m is in the current of tick m + D - 1, and in the conductance of tick m + DE."""
    weight, parents = np.zeros((N, N)), np.zeros((N, N), int)
    weight[0, 7], parents[0, 8] = 5.0, 1
    delays, scaffold_delays = np.full(N, 60), np.full(N, 80)
    sim = es.Simulation(network(weight, parents, delays, scaffold_delays, np.zeros((N, N))), dt=DT)
    sim.nudge("cells", np.where(np.arange(N) == 0, -50.0, -70.0), 1.0, kind="voltage")
    sim.record("cells", "v", every=DT, units=[7])
    sim.record("cells", "u", every=DT, units=[8])
    sim.run_ticks(400)
    v, u = sim.trace("cells", "v").values[:, 0], sim.trace("cells", "u").values[:, 0]
    first_v = np.flatnonzero(np.abs(np.diff(v, 2)) > 1e-6)  # where the resting drive jumps
    assert first_v[-1] + 2 == 59 or np.argmax(np.diff(v) > 1e-2) + 1 == 59
    assert np.argmax(u > u[79] + 0.1) == 80
    assert np.argmax(u[81:] < u[79]) + 81 > 80 + 250  # inhibition comes 25 ms later


def test_a_run_goes_on_from_a_state_within_a_cycle_to_the_same_bits():
    net = network(*structure())
    whole, first = simulation(net), simulation(net)
    whole.run_ticks(1777)
    first.run_ticks(777)
    second = simulation(net)
    second.restore(first.snapshot())
    second.run_ticks(1000)
    for a, b in zip(state(whole), state(second), strict=True):
        assert np.array_equal(a, b)


def test_weights_stay_what_they_are_when_somebody_looks():
    net = network(*structure())
    seen, unseen = simulation(net), simulation(net)
    for _ in range(50):
        seen.run_ticks(7)
        seen.weights("cells->cells")
    unseen.run_ticks(350)
    for a, b in zip(state(seen), state(unseen), strict=True):
        assert np.array_equal(a, b)
    assert np.all(np.diagonal(seen.weights("cells->cells")) == 0.0)


def test_the_learning_rate_of_each_synapse_counts():
    weight, parents, delays, scaffold_delays, eta = structure()
    rates = eta * (np.random.default_rng(2).random((N, N)) < 0.5)
    rates[:, 11] = 0.0
    parts = (weight, parents, delays, scaffold_delays, rates)
    sim, reference = simulation(network(*parts)), Reference(weight, delays, scaffold_delays, parents, rates)
    for m in range(500):
        reference.step(targets()[m], 0.6, VISIBLE)
    sim.run_ticks(500)
    np.testing.assert_allclose(sim.weights("cells->cells"), reference.w, rtol=0, atol=1e-10)
    still = (rates == 0) | np.eye(N, dtype=bool)
    assert np.array_equal(sim.weights("cells->cells")[still], weight[still])


def test_quantized_weights_multiply_and_fine_ones_learn():
    weight, parents, delays, scaffold_delays, eta = structure()
    parts = (weight, parents, delays, scaffold_delays, eta * 0.0)
    coarse = np.clip(np.rint(np.clip(weight, -3.0, 3.0) / 0.25) * 0.25, -3.0, 3.0)
    sim = simulation(network(*parts))
    sim.quantize_weights("cells->cells", 0.25, 3.0)
    expected = simulation(network(coarse, *parts[1:]))
    for each in (sim, expected):
        each.run_ticks(600)
    assert np.array_equal(sim.array("cells", "u"), expected.array("cells", "u"))
    assert np.array_equal(sim.weights("cells->cells"), weight)


def test_weights_that_are_quantized_learn_all_the_same():
    sim = simulation(network(*structure()))
    sim.quantize_weights("cells->cells", 0.5, 4.0)
    sim.run_ticks(600)
    fine = sim.weights("cells->cells")
    assert not np.array_equal(fine, np.rint(fine / 0.5) * 0.5)
    assert np.all(np.diagonal(fine) == 0.0)
    assert np.abs(fine - structure()[0]).max() > 0.01
    with pytest.raises(ConfigError, match="weights of 'excitation' cannot be quantized"):
        sim.quantize_weights("excitation", 0.5)


def test_conductances_differ_on_a_device():
    chip = es.hardware.Substrate([es.hardware.Mismatch("g_leak", 0.1)], device_seed=3)
    sim = es.Simulation(network(*structure()), chip, dt=DT)
    conductances = sim.net.populations["cells"].model.g_leak
    assert np.shape(conductances) == (N,)
    assert 0.02 < np.std(conductances) / 0.1 < 0.2
    sim.run_ticks(100)
    assert len(np.unique(sim.array("cells", "u"))) > N / 2


def test_delays_of_sources_are_those_of_their_synapses():
    """A delay for each source is gathered once; given for each synapse, it is looked up there."""
    rng = np.random.default_rng(4)
    pre, post = rng.integers(0, 9, 40), rng.integers(0, 9, 40)
    delays = rng.integers(1, 30, 9) * DT
    found = []
    for delay in (es.connect.axonal(delays), delays[pre]):
        net = es.Network()
        net.add("in", es.models.RateInput(), 9)
        net.add("cells", es.models.TwoCompartmentRate(), 9)
        net.connect(
            "in",
            "cells",
            es.connect.Pairs(pre, post),
            weight=rng.normal(0, 1, 40) * 0 + np.arange(40.0),
            delay=delay,
            receptor="dendrite",
        )
        sim = es.Simulation(net, dt=DT)
        sim.set_input("in", np.random.default_rng(0).random((200, 9)), every=DT)
        sim.run_ticks(200)
        found.append(sim.array("cells", "v"))
    assert np.array_equal(*found)


def learning(**rule):
    net = es.Network()
    net.add("cells", es.models.TwoCompartmentRate(), 3)
    net.connect(
        "cells", "cells", weight=np.zeros((3, 3)), delay=es.connect.axonal([1.0] * 3), receptor="dendrite"
    )
    net.add_plasticity("cells->cells", es.models.plasticity.DendriticPrediction(**rule))
    return net


@pytest.mark.parametrize(
    ("rule", "dt", "message"),
    [
        ({"tau": 0.05}, 0.1, "the tick dt = 0.1 is longer than tau = 0.05 of the trace of 'cells->cells'"),
        ({"learning_rate": np.ones((2, 3))}, 0.1, r"learning_rate of 'cells->cells' has shape \(2, 3\)"),
        ({"learning_rate": -np.ones((3, 3))}, 0.1, "must be finite and not negative"),
        ({"post": "fear"}, 0.1, "'cells' has no variable 'fear' to learn from"),
        ({}, 0.5, r"the tick dt = 0.5 is longer than 1 / \(g_leak \+ g_dendrite\) = 0.47619"),
    ],
)
def test_what_a_tick_or_a_rule_cannot_do_is_refused(rule, dt, message):
    with pytest.raises((ConfigError, ValueError), match=message):
        es.Simulation(learning(**rule), dt=dt).run(1.0)


def test_a_projection_without_delays_of_sources_cannot_learn_so():
    net = es.Network()
    net.add("cells", es.models.TwoCompartmentRate(), 3)
    net.connect("cells", "cells", weight=np.zeros((3, 3)), receptor="dendrite")
    net.add_plasticity("cells->cells", es.models.plasticity.DendriticPrediction())
    with pytest.raises(ConfigError, match=r"needs weights .* a delay for each source"):
        es.Simulation(net, dt=0.1).run(1.0)
    with pytest.raises(ConfigError, match="is computed in float64"):
        es.Simulation(learning(), dt=0.1, dtype="float32").run(1.0)
    sim = es.Simulation(learning(), dt=0.1)
    with pytest.raises(ConfigError, match="write kind='voltage', not 'rate'"):
        sim.nudge("cells", [-50.0] * 3, 0.6)
    with pytest.raises(ConfigError, match=r"must be at most 1, where the soma is set, got 1.5"):
        sim.nudge("cells", [-50.0] * 3, 1.5, kind="voltage")
    with pytest.raises(ValueError, match="e_excitation of 'cells' must lie above"):
        es.Network().add("cells", es.models.TwoCompartmentRate(e_excitation=-80.0), 3)


def test_too_many_active_parents_end_the_run_with_their_reason():
    parents = np.zeros((N, N), int)
    parents[:6, 10] = 4
    _, _, delays, scaffold_delays, _ = structure()
    still = np.zeros((N, N))
    sim = es.Simulation(network(still, parents, delays, scaffold_delays, still), dt=DT)
    with pytest.raises(ConfigError, match=r"beta = 0\.95 .* explicit steps need dt <= 0.0476"):
        sim.nudge("cells", np.full(N, -40.0), 0.95, kind="voltage")
    sim.nudge("cells", np.full(N, -40.0), 0.6, kind="voltage")
    with pytest.raises(FloatingPointError, match=r"unit 10 has left .* stand: they need dt <= 0\.0"):
        sim.run_ticks(5000)
