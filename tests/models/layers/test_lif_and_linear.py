"""Linear maps, spiking units and leaky readouts: derivatives, the reference loop, torch, streams, threads."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import eventsim as es
from reference.layer_differences import largest_error, streamed

layers = es.models.layers
shapes = st.tuples(st.integers(1, 6), st.integers(1, 4), st.integers(1, 5))


def built(layer, n_in, seed=0, dtype=np.float64):
    layer.build(n_in, np.random.default_rng(seed), dtype)
    return layer


@settings(deadline=None, max_examples=25)
@given(shapes, st.integers(1, 5), st.booleans(), st.booleans(), st.integers(0, 99))
def test_the_gradients_of_a_linear_map_are_those_of_differences(shape, n_out, bias, training, seed):
    rng = np.random.default_rng(seed)
    layer = built(layers.Linear(n_out, bias=bias), shape[2], seed)
    assert largest_error(layer, rng.normal(size=shape), rng, training=training) < 1e-6


@settings(deadline=None, max_examples=25)
@given(shapes, st.integers(0, 99))
def test_the_gradient_of_a_leaky_readout_is_that_of_differences(shape, seed):
    rng = np.random.default_rng(seed)
    layer = built(layers.LeakyReadout(rng.uniform(0.5, 20, shape[2])), shape[2])
    assert largest_error(layer, rng.normal(size=shape), rng) < 1e-6


@settings(deadline=None, max_examples=60)
@given(shapes, st.sampled_from(["box", "fast_sigmoid", "triangle"]), st.floats(0.5, 2), st.integers(0, 999))
def test_gradients_of_the_ramp_whose_slope_is_the_surrogate_are_those_of_differences(
    shape, kind, width, seed
):
    rng = np.random.default_rng(seed)
    tau, threshold = rng.uniform(1.0, 20, shape[2]), rng.uniform(0.5, 1.5, shape[2])
    layer = layers.LIF(
        tau,
        threshold=threshold,
        train_alpha=True,
        train_threshold=True,
        surrogate=kind,
        width=width,
        smooth=True,
    )
    built(layer, shape[2])
    x = rng.normal(0.4, 0.7, shape)
    layer.forward(x)
    far = np.abs(layer.membrane - threshold)
    corners = {"box": [0.5 * width], "triangle": [0.0, width], "fast_sigmoid": [0.0]}[kind]
    assume(min(np.abs(far - corner).min() for corner in corners) > 1e-3)
    assert largest_error(layer, x, rng) < 1e-6


def test_decay_beyond_its_limits_is_cut_and_has_no_gradient():
    layer = built(layers.LIF([5.0, 1000.0], train_alpha=True), 2)
    assert layer.alpha.tolist() == [np.exp(-0.2), 0.98]
    assert layer.parameters["alpha"][1] == 0.99  # at the start
    y = layer.forward(np.full((20, 3, 2), 0.3))
    layer.backward(np.ones_like(y))
    assert layer.gradients["alpha"][0] != 0
    assert layer.gradients["alpha"][1] == 0


def test_spikes_follow_the_equations_of_the_sheet():
    rng = np.random.default_rng(3)
    layer = built(layers.LIF(rng.uniform(2, 30, 7), threshold=0.8), 7)
    x = rng.normal(0.3, 0.5, (40, 5, 7))
    v, s = np.zeros((5, 7)), np.zeros((5, 7))
    found = layer.forward(x)
    for t in range(40):
        v = layer.alpha * v + x[t] - 0.8 * s  # the reset is one step late, and is not multiplied by alpha
        s = (v > 0.8).astype(float)
        assert layer.membrane[t] == pytest.approx(v, abs=1e-12)
        assert (found[t] == s).all()


def test_a_membrane_at_its_threshold_does_not_spike():
    layer = built(layers.LIF(10.0), 1)
    assert layer.forward(np.array([[[1.0]], [[np.nextafter(1 - layer.alpha[0], 2)]]])).ravel().tolist() == [
        0,
        0,
    ]
    assert layer.forward(np.full((1, 1, 1), np.nextafter(1.0, 2))).item() == 1


@pytest.mark.parametrize("kind", ["box", "fast_sigmoid", "triangle"])
@pytest.mark.parametrize("seed", range(3))
def test_gradients_of_hard_spikes_are_those_of_torch_with_the_same_surrogate(kind, seed):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    shape, width = (rng.integers(1, 30), rng.integers(1, 6), rng.integers(1, 9)), 0.8

    class Spike(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return (x > 0).to(x.dtype)

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            size = x.abs()
            if kind == "box":
                return g * (size < width / 2) / width
            if kind == "triangle":
                return g * (1 - size / width).clamp(min=0) / width
            return g / (10 * size / width + 1) ** 2

    layer = layers.LIF(
        rng.uniform(1, 60, shape[2]), train_alpha=True, train_threshold=True, surrogate=kind, width=width
    )
    built(layer, shape[2])
    x, weights = rng.normal(0.3, 0.6, shape), rng.normal(size=shape)
    tx, alpha, threshold = (
        torch.tensor(a, requires_grad=True)
        for a in (x, layer.parameters["alpha"], layer.parameters["threshold"])
    )
    v = s = torch.zeros(shape[1:], dtype=torch.float64)
    out = []
    for current in tx:
        v = alpha.clamp(1e-5, 0.98) * v + current - threshold * s
        s = Spike.apply(v - threshold)
        out.append(s)
    y = torch.stack(out)
    (y * torch.tensor(weights)).sum().backward()
    assert (layer.forward(x) == y.detach().numpy()).all()
    assert layer.backward(weights) == pytest.approx(tx.grad.numpy(), abs=1e-12)
    assert layer.gradients["alpha"] == pytest.approx(alpha.grad.numpy(), abs=1e-11)
    assert layer.gradients["threshold"] == pytest.approx(threshold.grad.numpy(), abs=1e-11)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_in", [3, 700])  # sums of more than 256 values are cut into blocks
def test_a_stream_gives_the_bits_of_the_batch(dtype, n_in):
    rng = np.random.default_rng(0)
    model = layers.Sequential(
        [
            layers.Linear(20, bias=False, weight_range=0.5),
            layers.LIF(8.0),
            layers.Residual([layers.Linear(20), layers.LIF(20.0)]),
            layers.Linear(3),
            layers.LeakyReadout(15.0),
        ]
    )
    built(model, n_in, dtype=dtype)
    x = rng.normal(size=(50, 130, n_in)).astype(dtype)
    y = model.forward(x)
    assert (streamed(model, x) == y).all()
    assert (streamed(model, x[:, 5:6]) == y[:, 5:6]).all()
    assert len(np.unique(model.layers[1].forward(model.layers[0].forward(x)))) == 2


@pytest.mark.parametrize("training", [False, True])
def test_threads_change_no_bit(training):
    rng = np.random.default_rng(0)
    x, results = rng.normal(size=(60, 64, 11)).astype(np.float32), []
    for threads in (1, 2, 3):
        model = layers.Sequential(
            [
                layers.Linear(30),
                layers.LIF(8.0, train_alpha=True),
                layers.Linear(4),
                layers.LeakyReadout(9.0),
            ],
            threads=threads,
        )
        built(model, 11, dtype=np.float32)
        y = model.forward(x, training=training)
        dx = model.backward(np.cos(y))
        results.append([y, dx, *model.gradients.values()])
    for one, other in zip(results[0], results[1], strict=True):
        assert (one == other).all()
    for one, other in zip(results[0], results[2], strict=True):
        assert (one == other).all()


def test_results_that_are_kept_are_not_overwritten():
    layer, x = built(layers.Linear(4), 3), np.random.default_rng(0).normal(size=(5, 2, 3))
    first = layer.forward(x)
    copy = first.copy()
    second = layer.forward(2 * x)
    assert (first == copy).all()
    assert not (second == first).any()


def test_errors_say_what_would_be_right():
    with pytest.raises(ValueError, match="tau must be one number or one for each of 4 channels"):
        built(layers.LIF([1.0, 2.0]), 4)
    with pytest.raises(ValueError, match="surrogate must be one of box, fast_sigmoid, triangle, got 'bell'"):
        layers.LIF(surrogate="bell")
    with pytest.raises(ValueError, match=r"Linear expects an array \(time, batch, 3\), got shape \(2, 3\)"):
        built(layers.Linear(4), 3).forward(np.zeros((2, 3)))
    with pytest.raises(RuntimeError, match="backward of LIF needs a forward pass"):
        built(layers.LIF(), 3).backward(np.zeros((2, 1, 3)))
    with pytest.raises(RuntimeError, match="call build"):
        layers.Linear(4).forward(np.zeros((2, 1, 3)))
    with pytest.raises(ValueError, match="a residual needs as many channels out as in, 3, got 4"):
        built(layers.Residual([layers.Linear(4)]), 3)
    with pytest.raises(ValueError, match="dtype must be float32 or float64, got int64"):
        built(layers.Linear(4), 3, dtype=np.int64)
