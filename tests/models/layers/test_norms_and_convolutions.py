"""Normalisation, activation, dropout, convolution: derivatives, padding, frozen statistics, streams."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import eventsim as es
from reference.layer_differences import largest_error, streamed

layers = es.models.layers
shapes = st.tuples(st.integers(1, 6), st.integers(1, 4), st.integers(1, 5))


def built(layer, n_in, seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    layer.build(n_in, rng, dtype)
    for name in ("gamma", "beta"):
        if name in layer.parameters:
            layer.parameters[name][...] = rng.normal(1.0, 0.5, n_in)
    return layer


@settings(deadline=None, max_examples=40)
@given(shapes, st.booleans(), st.booleans(), st.booleans(), st.integers(0, 99))
def test_gradients_of_batch_norm_are_those_of_differences(shape, training, ragged, frozen, seed):
    rng = np.random.default_rng(seed)
    layer = built(layers.BatchNorm(momentum=None), shape[2], seed)
    if frozen:
        layer.freeze(rng.normal(size=shape[2]), rng.uniform(0.5, 2, shape[2]))
    lengths = rng.integers(1, shape[0] + 1, shape[1]) if ragged else None
    x = 3 + rng.normal(size=shape)
    assert largest_error(layer, x, rng, training=training, lengths=lengths) < 1e-6


@settings(deadline=None, max_examples=30)
@given(shapes, st.integers(0, 99))
def test_gradients_of_layer_norm_are_those_of_differences(shape, seed):
    rng = np.random.default_rng(seed)
    n = shape[2] + 2  # two channels become -1 and 1, whatever they are
    layer = built(layers.LayerNorm(), n, seed)
    assert largest_error(layer, rng.normal(size=(*shape[:2], n)), rng) < 1e-6


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", [layers.BatchNorm, layers.LayerNorm])
def test_values_that_do_not_vary_give_no_nan(kind, dtype):
    layer = built(kind(), 5, dtype=dtype)
    y = layer.forward(np.full((6, 3, 5), 0.1, dtype), training=True)
    dx = layer.backward(np.ones_like(y))
    assert np.abs(y - layer.parameters["beta"]).max() < 1e-4
    assert np.isfinite(dx).all()
    assert all(np.isfinite(gradient).all() for gradient in layer.gradients.values())
    one = kind(epsilon=1e-5)
    one.build(1, np.random.default_rng(0), dtype)
    y = one.forward(np.ones((1, 1, 1), dtype), training=True)
    assert np.isfinite(one.backward(y + 1)).all()


def test_batch_norm_has_the_statistics_of_its_definition():
    rng = np.random.default_rng(1)
    x, lengths = 1e4 + rng.normal(size=(300, 16, 40)), rng.integers(1, 301, 16)
    valid = np.arange(300)[:, None] < lengths
    for which, given_lengths in ((np.ones_like(valid), None), (valid, lengths)):
        layer = built(layers.BatchNorm(momentum=0.25), 40)
        y = layer.forward(x, training=True, lengths=given_lengths)
        rows = x[which]
        mean, var = rows.mean(axis=0), rows.var(axis=0)
        expected = (x - mean) / np.sqrt(var + 1e-5) * layer.parameters["gamma"] + layer.parameters["beta"]
        assert y == pytest.approx(expected, abs=1e-9)
        assert layer.buffers["mean"] == pytest.approx(0.25 * mean, rel=1e-12)
        assert layer.buffers["variance"] == pytest.approx(0.75 + 0.25 * var, rel=1e-9)


def test_padded_steps_change_neither_statistics_nor_gradients():
    rng = np.random.default_rng(2)
    x, lengths, results = rng.normal(size=(9, 4, 3)), np.array([2, 9, 5, 1]), []
    padding = np.arange(9)[:, None] >= lengths
    errors = np.where(padding[:, :, None], 0, rng.normal(size=x.shape))
    for filling in (0.0, 1e3):
        x[padding] = filling
        layer = built(layers.BatchNorm(momentum=0.5), 3)
        y = layer.forward(x, training=True, lengths=lengths)
        dx = layer.backward(errors)
        assert (dx[padding] == 0).all()
        results.append([y[~padding], dx, *layer.gradients.values(), *layer.buffers.values()])
    for one, other in zip(*results, strict=True):
        assert (one == other).all()


def test_statistics_are_frozen_layer_by_layer():
    rng = np.random.default_rng(3)
    model = layers.Sequential(
        [
            layers.Linear(6, weight_range=1.0),
            layers.BatchNorm(momentum=None),
            layers.LIF(5.0),
            layers.Residual([layers.Linear(6), layers.BatchNorm(momentum=None)]),
        ]
    )
    model.build(4, rng, np.float64)
    batches = [(rng.normal(size=(20, 8, 4)), None), (rng.normal(size=(11, 3, 4)), np.array([11, 4, 7]))]
    with pytest.raises(RuntimeError, match="a stream needs frozen statistics"):
        model.step(batches[0][0][0], model.init_state(8))
    layers.freeze_statistics(model, lambda: batches)
    first, second = model.layers[1], model.layers[3].layers[1]
    inputs = [model.layers[0].forward(x)[: len(x)].copy() for x, _ in batches]
    valid = np.arange(11)[:, None] < batches[1][1]
    rows = np.concatenate([inputs[0].reshape(-1, 6), inputs[1][valid]])
    assert first.buffers["mean"] == pytest.approx(rows.mean(axis=0), rel=1e-12)
    assert first.buffers["variance"] == pytest.approx(rows.var(axis=0), rel=1e-12)
    inputs = []
    for x, _ in batches:
        model.forward(x)
        inputs.append(second.last_input.copy())
    rows = np.concatenate([inputs[0].reshape(-1, 6), inputs[1][valid]])
    assert second.buffers["mean"] == pytest.approx(rows.mean(axis=0), rel=1e-12)
    y = model.forward(batches[0][0])
    assert (
        y == model.forward(batches[0][0], training=True)
    ).sum() > 0.9 * y.size  # BLAS differs in last bits
    assert (streamed(model, batches[0][0]) == model.forward(batches[0][0])).all()
    again = model.state_dict()
    other = layers.Sequential(
        [
            layers.Linear(6),
            layers.BatchNorm(momentum=None),
            layers.LIF(5.0),
            layers.Residual([layers.Linear(6), layers.BatchNorm(momentum=None)]),
        ]
    )
    other.build(4, np.random.default_rng(9), np.float64)
    other.load_state_dict(again)
    assert (other.forward(batches[0][0]) == y).all()


@settings(deadline=None, max_examples=30)
@given(shapes, st.sampled_from(["exact", "tanh", "glu", "dropout"]), st.integers(0, 99))
def test_gradients_of_single_values_are_those_of_differences(shape, kind, seed):
    rng = np.random.default_rng(seed)
    layer = {"glu": layers.GLU, "dropout": lambda: layers.Dropout(0.3)}.get(kind, lambda: layers.GELU(kind))()
    channels = 2 * shape[2] if kind == "glu" else shape[2]
    built(layer, channels)
    x = 2 * rng.normal(size=(*shape[:2], channels))
    assert largest_error(layer, x, rng, training=True, stream=seed) < 1e-6


def test_activations_are_those_of_torch():
    torch = pytest.importorskip("torch")
    for dtype, tolerance in ((np.float64, 1e-14), (np.float32, 1e-6)):
        x = np.linspace(-8, 8, 999).astype(dtype)[:, None, None].repeat(2, axis=2)
        tx = torch.from_numpy(x)
        for form, name in (("exact", "none"), ("tanh", "tanh")):
            wanted = torch.nn.functional.gelu(tx, approximate=name).numpy()
            layer = built(layers.GELU(form), 2, dtype=dtype)
            assert layer.forward(x) == pytest.approx(wanted, abs=10 * tolerance)
        layer = built(layers.GLU(), 2, dtype=dtype)
        assert layer.forward(x) == pytest.approx(torch.nn.functional.glu(tx).numpy(), abs=10 * tolerance)


def test_dropout_drops_its_share_and_keeps_the_mean():
    layer, rng = built(layers.Dropout(0.3), 50, dtype=np.float32), np.random.default_rng(0)
    x = np.ones((100, 80, 50), np.float32)
    y = layer.forward(x, training=True, rng=rng)
    assert set(np.unique(y)) == {0, np.float32(1 / 0.7)}
    assert (y == 0).mean() == pytest.approx(0.3, abs=4 * np.sqrt(0.21 / y.size))
    for axis in ((0, 1), (1, 2), (0, 2)):  # no channel, step or sample is preferred
        n = y.size / y.sum(axis=axis).size
        assert (y == 0).mean(axis=axis) == pytest.approx(0.3, abs=5 * np.sqrt(0.21 / n))
    assert (layer.forward(x, training=True, rng=rng) != y).any()
    assert layer.forward(x) is not y
    assert (layer.forward(x) == x).all()
    with pytest.raises(ValueError, match="dropout in training needs rng="):
        layer.forward(x, training=True)
    with pytest.raises(ValueError, match="rate of dropout must be below 1, got 1"):
        layers.Dropout(1.0)


@settings(deadline=None, max_examples=40)
@given(
    st.tuples(st.integers(0, 4), st.integers(1, 3), st.integers(1, 3)),
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(1, 3),
    st.booleans(),
    st.booleans(),
    st.integers(0, 99),
)
def test_gradients_of_convolutions_are_those_of_differences(
    shape, n_out, kernel, dilation, bias, training, seed
):
    rng = np.random.default_rng(seed)
    layer = built(layers.TemporalConv(n_out, kernel, dilation=dilation, bias=bias), shape[2], seed)
    x = rng.normal(size=(shape[0] + layer.span, *shape[1:]))
    assert largest_error(layer, x, rng, training=training) < 1e-6


@pytest.mark.parametrize("training", [False, True])
def test_a_convolution_is_a_sum_of_delayed_linear_maps(training):
    rng = np.random.default_rng(0)
    layer = built(layers.TemporalConv(7, 3, dilation=4), 5)
    x = rng.normal(size=(30, 130, 5))
    expected = np.zeros((30, 130, 7)) + layer.parameters["bias"]
    for tap, delay in enumerate((8, 4, 0)):
        expected[delay:] += x[: 30 - delay] @ layer.parameters["weight"][tap]
    assert layer.forward(x, training=training) == pytest.approx(expected, abs=1e-12)


def test_a_convolution_is_that_of_torch():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    layer = built(layers.TemporalConv(7, 3, dilation=4), 5)
    x = rng.normal(size=(30, 13, 5))
    conv = torch.nn.Conv1d(5, 7, 3, dilation=4, dtype=torch.float64)
    conv.weight.data = torch.from_numpy(layer.parameters["weight"].transpose(2, 1, 0).copy())
    conv.bias.data = torch.from_numpy(layer.parameters["bias"])
    padded = torch.nn.functional.pad(torch.from_numpy(x.transpose(1, 2, 0).copy()), (8, 0))
    assert layer.forward(x) == pytest.approx(conv(padded).detach().numpy().transpose(2, 0, 1), abs=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_stream_through_all_layers_gives_the_bits_of_the_batch(dtype):
    rng = np.random.default_rng(0)
    model = layers.Sequential(
        [
            layers.TemporalConv(20, 3, dilation=4),
            layers.BatchNorm(),
            layers.GELU(),
            layers.Residual([layers.LayerNorm(), layers.Linear(40), layers.GLU(), layers.Dropout(0.5)]),
            layers.TemporalConv(6, 2),
            layers.LIF(10.0),
        ]
    )
    model.build(300, rng, dtype)
    x = rng.normal(size=(40, 60, 300)).astype(dtype)
    model.forward(x, training=True, rng=rng)
    y = model.forward(x)
    assert (streamed(model, x) == y).all()
    assert (streamed(model, x[:, 7:8]) == y[:, 7:8]).all()
    assert 0 < y.mean() < 1


def test_threads_change_no_bit():
    x, results = np.random.default_rng(0).normal(size=(60, 64, 10)).astype(np.float32), []
    for threads in (1, 2, 3):
        model = layers.Sequential(
            [
                layers.TemporalConv(20, 3, dilation=4),
                layers.BatchNorm(),
                layers.GELU("tanh"),
                layers.Residual([layers.LayerNorm(), layers.Linear(40), layers.GLU(), layers.Dropout(0.5)]),
            ],
            threads=threads,
        )
        model.build(10, np.random.default_rng(1))
        y = model.forward(x, training=True, rng=np.random.default_rng(2))
        dx = model.backward(np.cos(y))
        results.append([y, dx, *model.gradients.values(), *model.buffers.values()])
    for other in results[1:]:
        for one, same in zip(results[0], other, strict=True):
            assert (one == same).all()


def test_errors_say_what_would_be_right():
    layer = built(layers.TemporalConv(3, 4, dilation=2), 2)
    with pytest.raises(ValueError, match="sequences of 6 steps are shorter than a kernel that spans 7"):
        layer.forward(np.zeros((6, 1, 2)))
    with pytest.raises(ValueError, match="dilation must be a whole number, at least 1, got 0"):
        layers.TemporalConv(3, 4, dilation=0)
    with pytest.raises(ValueError, match="GLU needs an even number of channels, got 3"):
        built(layers.GLU(), 3)
    with pytest.raises(ValueError, match="form must be 'exact' or 'tanh', got 'fast'"):
        layers.GELU("fast")
