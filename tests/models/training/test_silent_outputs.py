"""Silent correct outputs: the loss of their membranes, its derivatives by differences and in closed form."""

import copy

import numpy as np
import pytest

import eventsim as es
from eventsim.errors import ConfigError
from eventsim.models import training
from eventsim.models.training.hardware_noise import HardwareNoise

M = es.models


def network(seed=1, loops=False, **options):
    """Return a network whose third output is always silent, and whose others sometimes are."""
    rng = np.random.default_rng(seed)
    net = es.Network(seed=1)
    net.add("input", M.SpikeSource(), 4)
    net.add("hidden", M.LIF(tau_mem=2.0, first_spike_only=not loops), 6)
    net.add("label", M.LIF(tau_mem=2.0, v_th=1.1, first_spike_only=True, **options), 3)
    net.connect("input", "hidden", weight=rng.normal(1.3, 0.8, (4, 6)), delay=rng.uniform(0.2, 0.8, (4, 6)))
    out = rng.normal(0.5, 0.4, (6, 3)) * np.array([1.0, 1.0, 0.3]) * (0.3 if loops else 1.0)
    net.connect("hidden", "label", weight=out, delay=rng.uniform(0.2, 0.8, (6, 3)))
    if loops:
        net.connect("hidden", "hidden", weight=rng.normal(0.0, 0.3, (6, 6)), delay=0.4)
    return net


def batch(n=12):
    rng = np.random.default_rng(3)
    return {"input": rng.uniform(0.1, 2.0, (n, 4))}, np.arange(n) % 3


@pytest.mark.parametrize("loops", [False, True])
def test_derivatives_are_central_differences(loops):
    learner = training.SpikeLearner(
        network(loops=loops),
        "label",
        learn=("weight", "delay", "tau_mem", "tau_syn", "v_th"),
        until=8.0 if loops else np.inf,
        silent=training.SilentOutputs(0.7),
    )
    inputs, labels = batch()
    silent = np.isinf(learner.first_spikes(inputs)[np.arange(12), labels])
    assert 4 <= silent.sum() < 12
    _, found = learner.gradients(inputs, labels)
    for key, value in learner.parameters.items():
        flat, exact = value.reshape(-1), found[key].reshape(-1)
        largest = np.abs(exact).max()
        assert largest > 1e-6, key
        for at in np.random.default_rng(0).choice(flat.size, min(5, flat.size), replace=False):
            original, losses, step = flat[at], [], 1e-5
            for shift in (step, -step):
                flat[at] = original + shift
                losses.append(learner.gradients(inputs, labels)[0])
            flat[at] = original
            numeric = (losses[0] - losses[1]) / (2 * step)
            assert numeric == pytest.approx(exact[at], rel=1e-5, abs=1e-6 * largest), (key, at)


def test_one_input_has_the_loss_of_its_closed_form():
    # v = 0.8 (e^(-t/2) - e^-t) 2 / 2 with c_mem = 2, at most 0.8 / 4 where e^(-t/2) = 1/2.
    net = es.Network()
    net.add("input", M.SpikeSource(), 1)
    net.add("label", M.LIF(tau_mem=2.0, c_mem=2.0, first_spike_only=True), 1)
    net.connect("input", "label", weight=0.8)
    learner = training.SpikeLearner(
        net, "label", silent=training.SilentOutputs(3.0), learn=("weight", "v_th")
    )
    loss, found = learner.gradients({"input": [[0.5]]}, np.array([0]))
    assert loss == pytest.approx(3.0 * (1.0 - 0.8 / 4), rel=1e-14)
    assert found["weight/input->label"][0, 0] == pytest.approx(-3.0 / 4, rel=1e-14)
    assert found["v_th/label"][0] == 3.0


def test_a_silent_output_learns_to_spike_where_it_has_no_gradient_otherwise():
    inputs = {"input": np.array([[0.2, 0.4, 0.6, 0.8]])}
    for silent in (None, training.SilentOutputs()):
        learner, adam = training.SpikeLearner(network(), "label", silent=silent), training.Adam(0.02)
        steps = [learner.step(inputs, np.array([2]), adam) for _ in range(100)]
        assert np.isinf(learner.first_spikes(inputs)[0, 2]) == (silent is None)
    assert steps[0].losses_followed[0] == steps[0].losses[0] < 1.1


def test_weights_of_samples_and_copies_count():
    inputs, labels = batch()
    learner = training.SpikeLearner(network(), "label", silent=training.SilentOutputs())
    ways = []
    for weight in (np.array([1.0] * 6 + [0.0] * 6), None):
        one = copy.deepcopy(learner)
        rows = slice(None) if weight is not None else slice(6)
        one.step({"input": inputs["input"][rows]}, labels[rows], training.SGD(0.1), sample_weight=weight)
        ways.append({key: value - learner.parameters[key] for key, value in one.parameters.items()})
    for key, value in ways[0].items():
        np.testing.assert_allclose(2 * value, ways[1][key], rtol=1e-9, atol=1e-14)


def test_what_cannot_be_pulled_is_refused_in_one_line():
    silent = training.SilentOutputs()
    with pytest.raises(ValueError, match=r"strength must be positive, got 0\.0"):
        training.SilentOutputs(0.0)
    quadratic = es.Network()
    quadratic.add("input", M.SpikeSource(), 1)
    quadratic.add("label", M.QIF(), 1)
    quadratic.connect("input", "label", weight=3.0)
    with pytest.raises(ConfigError, match=r"silent outputs need LIF neurons, .* 'label' is QIF"):
        training.SpikeLearner(quadratic, "label", silent=silent)
    back = network()
    back.connect("label", "hidden", weight=0.1, delay=1.0)
    with pytest.raises(ConfigError, match="an output that leads nowhere, 'label' projects: label->hidden"):
        training.SpikeLearner(back, "label", silent=silent, until=5.0)
    with pytest.raises(
        ConfigError, match="silent outputs are pulled for losses of first spikes with classes"
    ):
        training.SpikeLearner(network(), "label", M.losses.SoftCounts(2.0), silent=silent)
    with pytest.raises(ConfigError, match="without noise"):
        training.SpikeLearner(network(), "label", silent=silent, noise=HardwareNoise(threshold_batch=0.1))
    learner = training.SpikeLearner(network(), "label", silent=silent)
    inputs, labels = batch()
    with pytest.raises(ConfigError, match="pulled in computed passes only, not at measured times"):
        learner.gradients(inputs, labels, times={"hidden": np.ones((12, 6)), "label": np.ones((12, 3))})
