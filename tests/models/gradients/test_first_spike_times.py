"""First-spike times of layers against closed forms, brute force, mpmath, Euler and the engine."""

import math

import numpy as np
import pytest

import eventsim as es
from eventsim.models.training import SpikeLearner
from reference import first_spike as slow

RATIOS = [1.0, 2.0, 1.37, 0.8, 0.5, 3.0]

# Sheet of Göltz et al. 2021, section h.1: inputs, weights, and T for tau_mem / tau_syn = 1 and 2.
GOLDEN = {
    "A": ([0.15, 0.6, 1.2], [1, 1.5, 1], 1.325133608482287, 1.116347573839994),
    "B": ([0.3, 0.5, 0.9, 1.4], [1.2, -0.5, 2, 0.8], 1.519469599025039, 1.352979911172807),
    "C": ([0.2], [3], 0.819061286735945, 0.674801572303238),
    "D": ([0.2], [2.7], math.inf, 0.763167970982933),
    "E": ([0.2, 0.8], [1, -1], math.inf, math.inf),
    "F": ([0.25, 0.75, 1.1, 1.9], [2, 2, -1.5, 3], 0.936130538890540, 0.869410072358832),
}


def layer(weights, tau_mem=1.0, delay=0.0, **constants):
    """Return a learner with one layer of neurons, one for each column of `weights`."""
    weights = np.asarray(weights, float)
    net = es.Network(time_unit="1")
    net.add("input", es.models.SpikeSource(), weights.shape[0])
    net.add("label", es.models.LIF(tau_mem=tau_mem, first_spike_only=True, **constants), weights.shape[1])
    net.connect("input", "label", weight=weights, delay=delay)
    return SpikeLearner(net, "label", learn="weight")


def first_spike(t, w, tau_mem=1.0, **constants):
    return float(
        layer(np.asarray(w, float)[:, None], tau_mem, **constants).first_spikes({"input": [t]})[0, 0]
    )


@pytest.mark.parametrize("case", GOLDEN)
@pytest.mark.parametrize("ratio", [1, 2])
def test_single_neurons_spike_when_the_paper_says(case, ratio):
    t, w, *expected = GOLDEN[case]
    assert first_spike(t, w, ratio) == pytest.approx(expected[ratio - 1], abs=2e-15, rel=0)


@pytest.mark.parametrize("ratio", RATIOS)
def test_random_neurons_spike_as_brute_force_says(ratio):
    rng = np.random.default_rng(7)
    for n in range(1, 12):
        t = rng.uniform(0.15, 2.0, n)
        weights = rng.normal(0.5, 1.0, (n, 40))
        times = layer(weights, ratio).first_spikes({"input": [t]})[0]
        expected = slow.layer_times([t], weights, ratio)[0]
        assert np.array_equal(np.isinf(times), np.isinf(expected))
        spiking = np.isfinite(times)
        assert np.abs(times[spiking] - expected[spiking]).max(initial=0) < 1e-10


@pytest.mark.parametrize("ratio", [1, 2])
def test_random_neurons_spike_as_the_closed_forms_say(ratio):
    rng = np.random.default_rng(8)
    t = rng.uniform(0.15, 2.0, 9)
    weights = rng.normal(0.5, 1.0, (9, 300))
    times = layer(weights, ratio).first_spikes({"input": [t]})[0]
    expected = [slow.closed_form(t, w, ratio) for w in weights.T]
    assert times == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("ratio", [*RATIOS, 1.0001, 1 + 1e-12, 20.0, 0.2])
def test_spike_times_are_those_of_mpmath(ratio):
    rng = np.random.default_rng(9)
    t, w = rng.uniform(0.0, 3.0, 30), rng.normal(0.4, 0.7, (30, 8))
    times = layer(w, ratio, v_th=0.6).first_spikes({"input": [t]})[0]
    assert np.isfinite(times).any()
    for j in np.flatnonzero(np.isfinite(times)):
        # Far from grazing the root is as well conditioned as the membrane itself.
        slope = np.sum(
            (w[:, j] * slow.kappa_slope(times[j] - t, ratio + 3e-8 * (ratio < 1.001) * (ratio > 1), 1, 1))[
                t <= times[j]
            ]
        )
        exact = slow.precise(t, w[:, j], ratio, 1.0, 1.0, 0.6, times[j])
        assert abs(times[j] - exact) < 2e-14 * max(1.0, 1 / slope)


@pytest.mark.parametrize("ratio", RATIOS)
def test_shifted_inputs_shift_the_spikes(ratio):
    rng = np.random.default_rng(10)
    t = rng.integers(0, 2**20, 12) / 2**19  # so that the shifted times are exact
    learner = layer(rng.normal(0.5, 1.0, (12, 50)), ratio)
    times = learner.first_spikes({"input": [t]})
    for shift in (0.25, 0.5, 1.0, 1000.0):
        assert learner.first_spikes({"input": [t + shift]}) == pytest.approx(times + shift, abs=1e-12, rel=0)


@pytest.mark.parametrize("ratio", RATIOS)
def test_inputs_spread_over_many_time_constants_are_exact(ratio):
    rng = np.random.default_rng(11)
    t = np.sort(rng.uniform(0.0, 500.0, 120))
    weights = rng.normal(0.2, 0.7, (120, 10))
    times = layer(weights, ratio).first_spikes({"input": [t]})[0]
    expected = slow.layer_times([t], weights, ratio)[0]
    assert (times > 20).sum() > 2  # not only the beginning is tested
    assert times == pytest.approx(expected, abs=1e-11, rel=0)


def test_crowded_and_far_inputs_are_sorted():
    rng = np.random.default_rng(12)
    t = np.concatenate([1e-9 * rng.random(300), [1e3], 1e-3 * rng.random(300)])
    weights = rng.normal(0.05, 0.2, (601, 10))
    times = layer(weights).first_spikes({"input": [t]})[0]
    assert times == pytest.approx(slow.layer_times([t], weights, 1.0)[0], abs=1e-12)


def test_the_order_of_simultaneous_inputs_does_not_matter():
    rng = np.random.default_rng(13)
    t, w = rng.integers(0, 5, 40) / 4, rng.normal(0.2, 0.5, (40, 30))
    turn = rng.permutation(40)
    times = layer(w).first_spikes({"input": [t]})
    assert layer(w[turn]).first_spikes({"input": [t[turn]]}) == pytest.approx(times, abs=1e-13)
    assert times[0] == pytest.approx(slow.layer_times([t], w, 1.0)[0], abs=1e-12)


def test_an_input_at_the_very_spike_does_not_move_it():
    t, w, time, _ = GOLDEN["C"]
    for late in (5.0, -5.0):
        assert first_spike([*t, time], [*w, late]) == pytest.approx(time, abs=1e-14)


def test_simultaneous_inputs_act_together():
    assert first_spike([0.2, 0.2], [9.0, -9.0]) == math.inf
    assert first_spike([0.2, 0.2, 0.2], [1.0, 5.0, -3.0]) == pytest.approx(GOLDEN["C"][2], abs=1e-14)


@pytest.mark.parametrize(("ratio", "least"), [(1.0, math.e), (2.0, 2.0)])
def test_a_single_input_must_reach_the_least_weight(ratio, least):
    assert first_spike([0.2], [least * (1 - 1e-12)], ratio) == math.inf
    peak = 1.0 if ratio == 1 else 2 * math.log(2)
    assert first_spike([0.2], [least * (1 + 1e-12)], ratio) == pytest.approx(0.2 + peak, abs=1e-5)


def test_absent_inputs_and_empty_samples_are_silent():
    learner = layer([[3.0, -1.0], [5.0, 5.0]])
    times = learner.first_spikes({"input": [[0.2, math.inf], [math.inf, math.inf]]})
    assert times == pytest.approx(np.array([[GOLDEN["C"][2], math.inf], [math.inf, math.inf]]), abs=1e-14)


def test_all_constants_of_the_neuron_count():
    # In units of tau_syn = 5, with c_mem v_th / tau_syn = 1.2 as unit of weight.
    times = layer([[3.6]], 5.0, tau_syn=5.0, c_mem=2.0, v_th=1.0, v_leak=-2.0).first_spikes(
        {"input": [[1.0]]}
    )
    assert times[0, 0] == pytest.approx(1.0 + 5 * slow.brute_force([0.0], [3.0]), abs=1e-12)


@pytest.mark.parametrize("delay", [0.25, np.array([[0.25], [0.75], [0.0]])])
def test_delays_move_the_arrivals(delay):
    t, w = np.array([0.15, 0.6, 1.2]), np.array([[1.0], [1.5], [1.0]])
    late = np.broadcast_to(delay, (3, 1))[:, 0]
    times = layer(w, delay=delay).first_spikes({"input": [t]})
    assert times[0, 0] == pytest.approx(slow.brute_force(t + late, w[:, 0]), abs=1e-13)


def test_the_grid_of_an_euler_integration_converges_to_the_exact_times():
    rng = np.random.default_rng(14)
    t, weights = np.round(rng.uniform(0.15, 2.0, (6, 8)), 2), rng.normal(0.7, 1.0, (8, 12))
    exact = layer(weights).first_spikes({"input": t})
    distances = []
    for k in range(7):
        grid = np.array([[slow.euler(row, w, 0.01 * 2.0**-k, 8.0) for w in weights.T] for row in t])
        # Near-grazing neurons may fall on either side on a coarse grid.
        both = np.isfinite(grid) & np.isfinite(exact)
        assert both.sum() >= np.isfinite(exact).sum() - 2
        distances.append(np.abs(grid[both] - exact[both]).mean())
    ratios = np.array(distances[:-1]) / np.array(distances[1:])
    assert (ratios > 1.5).all()
    assert (ratios < 2.6).all()  # first order


@pytest.mark.parametrize("ratio", RATIOS)
def test_layers_agree_with_the_ordered_simulation(ratio):
    rng = np.random.default_rng(15)
    net = es.Network(time_unit="1")
    net.add("input", es.models.SpikeSource(), 4)
    net.add("bias", es.models.SpikeSource(), 1)
    net.add("hidden", es.models.LIF(tau_mem=ratio, first_spike_only=True), 30)
    net.add("label", es.models.LIF(tau_mem=ratio, first_spike_only=True), 3)
    net.connect("input", "hidden", weight=rng.normal(1.5, 0.8, (4, 30)), delay=rng.random((4, 1)))
    net.connect("bias", "hidden", weight=rng.normal(1.5, 0.8, (1, 30)))
    net.connect("hidden", "label", weight=rng.normal(0.5, 0.8, (30, 3)), delay=0.3)
    net.connect("bias", "label", weight=rng.normal(0.5, 0.8, (1, 3)))
    inputs = rng.uniform(0.15, 2.0, (10, 4))
    run = SpikeLearner(net, "label", learn="weight").forward({"input": inputs, "bias": [[0.9]]})
    times = {name: run.first_spikes(name) for name in ("hidden", "label")}
    sim = es.Simulation(net, schedule="ordered")
    for k, sample in enumerate(inputs):
        sim.reset()
        sim.stimulate("input", sample, np.arange(4))
        sim.stimulate("bias", [0.9], [0])
        sim.run(60.0)
        for name, n in (("hidden", 30), ("label", 3)):
            spikes = sim.spikes(name)
            expected = np.full(n, np.inf)
            expected[spikes.units] = spikes.times
            assert times[name][k] == pytest.approx(expected, abs=1e-12, rel=0)
