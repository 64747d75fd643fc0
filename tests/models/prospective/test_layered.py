"""Layered networks of prospective neurons: shapes, time constants, weights, and what is refused."""

import numpy as np
import pytest

from eventsim.errors import ConfigError
from eventsim.models.prospective import layered


def test_layers_have_the_shapes_of_a_lenet():
    stack = layered.layers(784, 10, hidden=(500,), maps=(20, 50))
    assert [(layer.name, layer.n, layer.kind) for layer in stack] == [
        ("image", 784, "input"),
        ("maps1", 20 * 24 * 24, "convolution"),
        ("pooled1", 20 * 12 * 12, "pool"),
        ("maps2", 50 * 8 * 8, "convolution"),
        ("pooled2", 50 * 4 * 4, "pool"),
        ("hidden1", 500, "dense"),
        ("label", 10, "dense"),
    ]
    assert stack[3].shape == (50, 20, 5, 5)
    assert stack[3].fan_in == 20 * 25
    assert stack[5].fan_in == 800
    assert stack[-1].activation == "linear"
    assert stack[1].activation == "hard_sigmoid"


def test_images_that_cannot_be_halved_are_refused():
    with pytest.raises(ConfigError, match="windows of 4 leave 25 x 25 of 28 x 28"):
        layered.layers(784, 10, (3,), maps=(3,), window=4)
    with pytest.raises(ConfigError, match="square images, got 783 inputs"):
        layered.layers(783, 10, (3,), maps=(3,))


def test_time_constants_are_drawn_for_each_neuron_or_equal():
    stack = layered.layers(4, 3, (2000,))
    equal = layered.time_constants(stack, 20.0)
    assert (equal["hidden1"]["tau_mem"] == 20.0).all()
    drawn = layered.time_constants(stack, 20.0, spread=0.2, seed=3)
    for which in ("tau_mem", "tau_r"):
        assert drawn["hidden1"][which].mean() == pytest.approx(20.0, rel=0.02)
        assert drawn["hidden1"][which].std() == pytest.approx(4.0, rel=0.1)
    assert not np.array_equal(drawn["hidden1"]["tau_mem"], drawn["hidden1"]["tau_r"])
    assert layered.time_constants(stack, 2.0, spread=0.9)["hidden1"]["tau_mem"].min() == 1.0
    slow = layered.time_constants(stack, 20.0, prospective=False)
    assert (slow["label"]["tau_r"] == 0).all()


def test_one_layer_more_leaves_the_weights_of_the_others_as_they_were():
    weights = []
    for hidden in ((20,), (20, 20)):
        stack = layered.layers(4, 3, hidden)
        net = layered.network(stack, layered.time_constants(stack, 10.0), weight_std=0.1, seed=5)
        named = {projection.name: projection.weight for _, projection in layered.weighted(stack, net)}
        weights.append(named["image->hidden1"])
    assert np.array_equal(*weights)


def test_random_feedback_is_fixed_and_for_dense_layers_only():
    stack = layered.layers(4, 3, (6,))
    net = layered.network(stack, layered.time_constants(stack, 10.0), feedback="random")
    feedback = net.projections[1].rates.feedback
    assert feedback.shape == (3, 6)
    assert not np.array_equal(feedback, np.asarray(net.projections[1].weight).T)
    stack = layered.layers(784, 10, (3,), maps=(3,))
    with pytest.raises(ConfigError, match="random feedback is for fully connected layers"):
        layered.network(stack, layered.time_constants(stack, 10.0), feedback="random")
