"""The loss of membranes at given times, and training by it."""

import copy

import numpy as np
import pytest

import eventsim as es
from eventsim.errors import ConfigError
from eventsim.models.training import ActiveLearner, Activity, Adam, SilentOutputs, SpikeLearner
from eventsim.models.training.losses import MembraneTargets

M = es.models
INPUTS = {"input": [[0.1, 0.4, 0.9], [0.7, 0.2, np.inf]]}


def network(model, readout=None, n=2):
    rng = np.random.default_rng(3)
    net = es.Network(seed=1)
    net.add("input", M.SpikeSource(), 3)
    net.add("cells", model, 4)
    net.add("out", readout or model, n)
    weight, delay = rng.normal(1.5, 0.5, (3, 4)), rng.uniform(0.1, 1.0, (3, 4))
    net.connect("input", "cells", weight=weight, delay=delay)
    net.connect("cells", "cells", weight=rng.normal(0, 0.3, (4, 4)), delay=0.3)
    net.connect("cells", "out", weight=rng.normal(0.4, 0.4, (4, n)), delay=rng.uniform(0.1, 0.5, (4, n)))
    return net


LEAKY = M.LIF(tau_mem=2.0, t_ref=0.2)
MODELS = {
    "lif and a readout": (LEAKY, M.LIF(tau_mem=3.0, v_th=np.inf)),
    "lif": (LEAKY, None),
    "qif": (M.QIF(tau_mem=2.0, c_mem=0.5), None),
    "exponential-if": (
        M.ExponentialIF(
            c_mem=0.4, g_leak=0.2, tau_syn=0.5, v_leak=0.0, v_init=0.0, v_t=1.0, v_peak=4.0, v_reset=-0.2,
            delta_t=0.3, tolerance=1e-11,
        ),
        None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_derivatives_of_the_learner_are_central_differences(name):
    learn = ("weight", "delay", "i_ext") if name.startswith("lif") else ("weight", "delay")
    learner = SpikeLearner(network(*MODELS[name]), "out", MembraneTargets(), learn=learn, until=4.0)
    targets = [([1.0, 2.5], [[0.1, 0.2], [0.3, 0.0]]), ([2.0], [[0.5, -0.1]])]
    _, found = learner.gradients(INPUTS, targets)
    assert all(value.any() for key, value in found.items() if "i_ext" not in key)
    for key, value in learner.parameters.items():
        flat = value.reshape(-1)
        k = int(np.abs(found[key]).argmax())
        h, original, losses = 1e-5, flat[k], []
        for shift in (1, -1, 2, -2):
            flat[k] = original + shift * h
            losses.append(learner.gradients(INPUTS, targets)[0])
        flat[k] = original
        numeric = (8 * (losses[0] - losses[1]) - (losses[2] - losses[3])) / (12 * h)
        assert numeric == pytest.approx(found[key].reshape(-1)[k], rel=1e-7, abs=3e-10), key


def test_the_loss_is_half_the_squared_distance_of_what_is_read():
    net = network(LEAKY)
    learner = SpikeLearner(net, "out", MembraneTargets(times=[1.0, 2.5], units=[1]), until=4.0)
    targets = np.array([[0.1, 0.2], [0.3, 0.4]])
    v = learner.membranes(INPUTS, [1.0, 2.5])
    assert v.shape == (2, 2, 2)
    expected = 0.5 * ((v[:, :, 1] - targets) ** 2).sum() / 2
    loss, found = learner.gradients(INPUTS, targets)
    assert loss == pytest.approx(expected, rel=1e-14)
    other = SpikeLearner(net, "out", MembraneTargets(units=[1]), until=4.0)
    again, same = other.gradients(INPUTS, [([1.0, 2.5], row) for row in targets])
    assert again == loss
    assert all(np.array_equal(value, same[key]) for key, value in found.items())


@pytest.mark.parametrize("name", MODELS)
def test_a_membrane_learns_its_targets(name):
    learner = SpikeLearner(network(*MODELS[name]), "out", MembraneTargets(times=[0.9, 2.8]), until=4.0)
    targets, adam = np.array([[[0.3, 0.1], [0.2, 0.25]], [[0.1, 0.2], [0.3, 0.05]]]), Adam(0.02)
    losses = [learner.step(INPUTS, targets, adam).loss for _ in range(300)]
    assert losses[-1] < 0.2 * losses[0]


def test_activity_is_kept_beside_and_copies_go_on_to_the_same_bits():
    bounds = {"cells": Activity(least=2.0, most=3.0, pull=0.1)}
    learner = ActiveLearner(network(LEAKY), "out", MembraneTargets(times=[2.0]), until=4.0, activity=bounds)
    plain = SpikeLearner(network(LEAKY), "out", MembraneTargets(times=[2.0]), until=4.0)
    targets = np.full((2, 1, 2), 0.4)
    with_bounds, without = learner.gradients(INPUTS, targets)[1], plain.gradients(INPUTS, targets)[1]
    assert not np.array_equal(with_bounds["weight/input->cells"], without["weight/input->cells"])
    other, adam = copy.deepcopy(plain), Adam(0.01)
    plain.step(INPUTS, targets, adam, sample_weight=np.array([1.0, 0.5]))
    other.step(INPUTS, targets, Adam(0.01), sample_weight=np.array([1.0, 0.5]))
    assert all(np.array_equal(value, other.parameters[key]) for key, value in plain.parameters.items())


def test_bad_input_is_refused_in_one_line():
    learner = SpikeLearner(network(LEAKY), "out", MembraneTargets(), until=4.0)
    cases = [
        ([([5.0], [[0.1, 0.2]])] * 2, ValueError, "must lie in the run, from 0 to until = 4 .* got 5.0"),
        ([([np.nan], [[0.1, 0.2]])] * 2, ValueError, "must be numbers .* got nan"),
        ([([1.0], [[0.1, np.nan]])] * 2, ValueError, "targets of sample 0 must be finite, got nan"),
        ([([1.0], [0.1])] * 2, ValueError, r"sample 0 have shape \(1,\), expected \(1, 2\)"),
        ([([1.0], [[0.1, 0.2]])] * 3, ValueError, r"'out' have shape \(3, 1, 2\), expected .* \(2, n_times"),
        (np.zeros((2, 1, 2)), TypeError, r"a sequence with \(times, values\) of each sample, or times are"),
    ]
    for targets, kind, message in cases:
        with pytest.raises(kind, match=message) as caught:
            learner.gradients(INPUTS, targets)
        assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="name output 7, outputs are 0 to 1"):
        SpikeLearner(network(LEAKY), "out", MembraneTargets(times=[1.0], units=[7]), until=4.0).gradients(
            INPUTS, np.zeros((2, 1))
        )
    with pytest.raises(ValueError, match=r"have shape \(2, 3, 2\), expected \(n_samples, 1, 2\)"):
        MembraneTargets(times=[1.0]).probe_times(np.zeros((2, 3, 2)), 2)
    with pytest.raises(ValueError, match=r"must be different outputs, got \[0, 0\]"):
        MembraneTargets(units=[0, 0])
    with pytest.raises(ConfigError, match="reads computed passes only"):
        learner.gradients(INPUTS, [([1.0], [[0.1, 0.2]])] * 2, times={"cells": [[1.0]]})
    with pytest.raises(ConfigError, match="silent outputs are pulled for losses of first spikes"):
        SpikeLearner(network(LEAKY), "out", MembraneTargets(), silent=SilentOutputs(), until=4.0)
