"""The reference has the gradients of finite differences, the network those of the reference and of torch."""

from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventsim import rng as streams
from eventsim.registry import find
from eventsim.scenarios.temporal_hierarchy.learner import loss_of
from eventsim.scenarios.temporal_hierarchy.network import HierarchicalNetwork, kernels, weight_range
from reference import temporal_hierarchy as reference

DIFFERENCE = 1e-6
LOSSES = {"steps": reference.steps_loss, "cum": reference.cum_loss}
KINDS = ("weight", "scale", "shift", "decay")


def scenario(**values):
    return find("scenario", "temporal-hierarchy")(**{"precision": "float64"} | values)


def random_layers(rng, sizes, kernel=1):
    """Return layers of a network whose decays stay away from their clips."""
    layers = []
    for k, (n_in, n_out) in enumerate(pairwise(sizes)):
        hidden = k < len(sizes) - 2
        shape = (kernel, n_in, n_out) if kernel > 1 and hidden else (n_in, n_out)
        decay = rng.uniform(0.3, 0.95, n_out) if hidden else None
        weight, scale = rng.normal(0, 0.5, shape), rng.uniform(0.5, 1.5, n_out)
        layers.append(reference.Layer(weight, scale, rng.normal(0, 0.3, n_out), decay, dilation=2))
    return layers


def labels_of(readout, rng, steps, batch, n):
    return rng.integers(0, n, (steps, batch) if readout == "steps" else batch)


def corners(layers):
    """Return the smallest distance of a membrane from the ends of the ramp."""
    return min(
        float(np.abs(np.abs(layer.tape["v"] - 1) - 0.5).min()) for layer in layers if layer.decay is not None
    )


@pytest.mark.parametrize("readout", ["steps", "cum"])
@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("sharp", [False, True])
def test_gradients_of_ramps_are_those_of_finite_differences(readout, kernel, sharp):
    for seed in range(20):  # the first network whose membranes stay away from the corners of the ramp
        rng = np.random.default_rng([seed, kernel])
        layers = random_layers(rng, (6, 5, 4, 3), kernel)
        if sharp:  # so that the cum read-out of some samples is wrong by more than its floor can see
            layers[-1].scale *= 30.0
        x = (rng.random((100 if sharp else 15, 5, 6)) < 0.3).astype(float)
        labels = labels_of(readout, rng, *x.shape[:2], 3)
        if sharp and readout == "cum":  # one sample as wrong as can be
            u = reference.forward(layers, x, 0.8, spike=reference.ramp)
            labels[0] = reference.softmax(u).sum(axis=0)[0].argmin()

        def loss(layers=layers, x=x, labels=labels):
            u = reference.forward(layers, x, 0.8, spike=reference.ramp)
            return LOSSES[readout](u, labels)

        value, du = loss()
        if corners(layers) > 3e-5:
            break
    assert corners(layers) > 3e-5
    if sharp and readout == "cum":
        u = reference.forward(layers, x, 0.8, spike=reference.ramp)
        p = reference.softmax(reference.softmax(u).sum(axis=0))
        own = p[np.arange(5), labels]
        assert own.min() < 1e-12 < own.max()
        _, du = loss()
    reference.backward(layers, du, 0.8)
    for layer in layers:
        exact = dict(layer.gradients)
        for kind in KINDS:
            array = getattr(layer, kind)
            if array is None:
                continue
            found = np.zeros_like(array)
            for index in np.ndindex(array.shape):
                before = array[index]
                array[index] = before + DIFFERENCE
                above = loss()[0]
                array[index] = before - DIFFERENCE
                below = loss()[0]
                array[index] = before
                found[index] = (above - below) / (2 * DIFFERENCE)
            # Differences of a loss near 1 are exact to 1e-10; smaller gradients cannot be seen.
            np.testing.assert_allclose(
                exact[kind], found, rtol=0, atol=1e-6 * np.abs(found).max() + 1e-9 * value
            )


@pytest.mark.parametrize("readout", ["steps", "cum"])
@pytest.mark.parametrize(("precision", "tolerance"), [("float64", 1e-10), ("float32", 1e-5)])
def test_a_step_has_the_gradients_of_torch(readout, precision, tolerance):
    torch = pytest.importorskip("torch")
    from reference import temporal_hierarchy_torch as slow

    config = scenario(
        readout=readout,
        train_tau=True,
        dropout=0.0,
        precision=precision,
        n_layers=3,
        spread_width=0.3,
        tau_mem=200.0,
    )
    for seed in range(20):  # in the first of these no membrane is so near a corner that rounding decides
        network = HierarchicalNetwork(config, 12, 3, partial(streams.stream, seed))
        rng = np.random.default_rng(seed)
        x = (rng.random((30, 8, 12)) < 0.2).astype(precision)
        network.layers.forward(x, training=True)
        v = np.concatenate([neurons.membrane.ravel() for neurons in network.neurons])
        if min(np.abs(v - corner).min() for corner in (0.5, 1.0, 1.5)) > 1e-5:
            break
    else:
        raise AssertionError("no network with membranes away from the corners")
    labels = labels_of(readout, rng, *x.shape[:2], 3)
    u = network.layers.forward(x, training=True)
    losses, gradient = loss_of(config)(u, labels.T)
    network.layers.backward(gradient / gradient.dtype.type(x.shape[1]))
    ours, parameters, gradients = losses.mean(), network.arrays(), network.arrays("gradients")
    names = ["input", *network.names, "label"]
    layers = []
    for pre, post in pairwise(names):
        arrays = {"weight": f"weight/{pre}->{post}", "scale": f"gamma/{post}", "shift": f"beta/{post}"}
        if post != "label":
            arrays["decay"] = f"decay/{post}"
        dtype = getattr(torch, precision)
        layers.append(
            {
                kind: torch.tensor(parameters[name], dtype=dtype, requires_grad=True)
                for kind, name in arrays.items()
            }
            | {"names": arrays}
        )
    alpha_out = float(np.exp(-config.step / config.tau_out))
    outputs = slow.outputs(layers, torch.tensor(x), alpha_out)
    theirs = getattr(slow, f"{readout}_loss")(outputs, torch.tensor(labels))
    theirs.backward()
    np.testing.assert_allclose(u, outputs.detach().numpy(), atol=20 * tolerance)
    assert ours == pytest.approx(theirs.item(), rel=tolerance)
    for layer in layers:
        for kind, name in layer["names"].items():
            expected = layer[kind].grad.numpy()
            scale = np.abs(expected).max()
            np.testing.assert_allclose(
                gradients[name], expected, rtol=0, atol=tolerance * scale, err_msg=name
            )


@given(
    seed=st.integers(0, 1000),
    sizes=st.lists(st.integers(1, 7), min_size=3, max_size=5),
    kernel=st.sampled_from([1, 1, 3]),
    readout=st.sampled_from(["steps", "cum"]),
)
@settings(max_examples=40)
def test_the_network_is_the_reference_forward_and_backward(seed, sizes, kernel, readout):
    rng = np.random.default_rng(seed)
    n_hidden, n_layers, n_classes = sizes[1], len(sizes) - 2, sizes[-1] + 1
    config = scenario(
        readout=readout, train_tau=True, dropout=0.0, n_layers=n_layers, n_hidden=n_hidden, kernel=kernel,
        dilation=2, tau_mem=100.0, delta_tau=50.0,
    )  # fmt: skip
    network = HierarchicalNetwork(config, sizes[0], n_classes, partial(streams.stream, seed))
    alpha_out = float(np.exp(-config.step / config.tau_out))
    arrays = network.arrays()
    layers = [
        reference.Layer(
            arrays[f"weight/{pre}->{post}"],
            arrays[f"gamma/{post}"],
            arrays[f"beta/{post}"],
            arrays.get(f"decay/{post}"),
            dilation=2,
        )
        for pre, post in zip(["input", *network.names], [*network.names, "label"], strict=True)
    ]
    x = (rng.random((12, 6, sizes[0])) < 0.4).astype(float)
    labels = labels_of(readout, rng, 12, 6, n_classes)
    expected = reference.forward(layers, x, alpha_out)
    threshold = min(float(np.abs(each.tape["v"] - 1).min()) for each in layers[:-1])
    if threshold < 1e-9:  # a spike that hangs on rounding
        return
    u = network.layers.forward(x, training=True)
    np.testing.assert_allclose(u, expected, atol=1e-12)
    losses, gradient = loss_of(config)(u, labels.T)
    loss, gradient = losses.mean(), gradient / x.shape[1]
    slow_loss, slow_gradient = LOSSES[readout](expected, labels)
    assert loss == pytest.approx(slow_loss, rel=1e-12)
    np.testing.assert_allclose(gradient, slow_gradient, atol=1e-12)
    reference.backward(layers, slow_gradient, alpha_out)
    network.layers.backward(gradient)
    gradients = network.arrays("gradients")
    for layer, pre, post in zip(layers, ["input", *network.names], [*network.names, "label"], strict=True):
        found = {
            "weight": gradients[f"weight/{pre}->{post}"],
            "scale": gradients[f"gamma/{post}"],
            "shift": gradients[f"beta/{post}"],
            "decay": gradients.get(f"decay/{post}"),
        }
        for kind, value in layer.gradients.items():
            np.testing.assert_allclose(found[kind], value, atol=1e-11, err_msg=f"{kind} of {post}")


def test_a_convolution_is_a_sum_of_delayed_dense_layers():
    rng = np.random.default_rng(1)
    config = scenario(n_layers=1, n_hidden=4, kernel=3, dilation=4, dropout=0.0)
    network = HierarchicalNetwork(config, 5, 2, partial(streams.stream, 1))
    x = rng.normal(size=(30, 3, 5))
    product = network.layers.layers[0]
    weight = product.parameters["weight"]
    expected = sum(reference.delayed(x, lag) @ weight[k] for k, lag in enumerate((8, 4, 0)))
    np.testing.assert_allclose(product.forward(x), expected, atol=1e-12)


def test_kernels_and_dilations_grow_with_depth_as_published():
    config = scenario(n_layers=3, kernel=5, delta_kernel=4, dilation=5, delta_dilation=3)
    assert kernels(config) == ([3, 5, 7], [3, 5, 6])
    inverted = scenario(n_layers=3, kernel=5, delta_kernel=-4, dilation=5, delta_dilation=-3)
    assert kernels(inverted) == ([7, 5, 3], [6, 5, 3])
    assert kernels(scenario(n_layers=2, kernel=2, delta_kernel=-8))[0] == [6, 1]
    assert kernels(scenario(n_layers=1, kernel=5, delta_kernel=4)) == ([5], [1])
    with pytest.raises(ValueError, match=r"delta_dilation must be within .{2}0 for .* got 2"):
        kernels(scenario(n_layers=2, dilation=1, delta_dilation=2))


def test_published_weight_ranges_are_those_of_the_default_sizes():
    two, three = (scenario(n_layers=n, weight_range="published") for n in (2, 3))
    assert [round(weight_range(two, 40, layer), 4) for layer in range(3)] == [0.0757] * 3
    assert [round(weight_range(three, 40, layer), 4) for layer in range(4)] == [
        0.0378,
        0.0884,
        0.0884,
        0.0884,
    ]
    textbook = scenario(n_layers=2, n_hidden=16)
    assert [weight_range(textbook, 64, layer) for layer in range(3)] == [1 / 8, 1 / 4, 1 / 4]
    convolution = scenario(n_layers=2, n_hidden=16, kernel=4)
    assert [weight_range(convolution, 64, layer) for layer in range(3)] == [1 / 8, 1 / 4, 1 / 4]
