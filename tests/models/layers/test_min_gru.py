"""Minimal gated recurrent units: derivatives, scans, the log-space form, torch, streams, threads."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import eventsim as es
from reference import min_gru as reference
from reference.layer_differences import largest_error, streamed

layers = es.models.layers
shapes = st.tuples(st.integers(1, 7), st.integers(1, 4), st.integers(1, 5))


def built(n_in, n_out=None, *, positive=False, dtype=np.float64, seed=0):
    layer = layers.MinGRU(n_out, positive=positive)
    layer.build(n_in, np.random.default_rng(seed), dtype)
    return layer


def gates(layer, x):
    own = layer.parameters
    v = x @ own["gate_weight"] + own["gate_bias"]
    a = x @ own["weight"] + own["bias"]
    return v, a


@settings(deadline=None, max_examples=40)
@given(shapes, st.integers(1, 6), st.booleans(), st.integers(0, 999))
def test_gradients_are_those_of_differences(shape, n_out, positive, seed):
    rng = np.random.default_rng(seed)
    layer = built(shape[2], n_out, positive=positive, seed=seed)
    x = rng.normal(0, 2, shape)
    assert largest_error(layer, x, rng) < 1e-6


@pytest.mark.parametrize("positive", [False, True])
def test_loop_and_scans_agree(positive):
    layer = built(8, 12, positive=positive)
    x = np.random.default_rng(1).normal(size=(784, 2, 8))
    v, a = gates(layer, x)
    z, candidate = reference.sigmoid(v), reference.positive(a) if positive else a
    h = layer.forward(x)
    assert h == pytest.approx(reference.loop(z, candidate, 0.0), rel=1e-12, abs=1e-12)
    assert h == pytest.approx(reference.doubling_scan(1 - z, z * candidate), rel=1e-12, abs=1e-12)
    assert h == pytest.approx(reference.chunked_scan(1 - z, z * candidate, 50), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-10), (np.float32, 1e-3)])
def test_the_log_space_form_gives_the_states_of_the_loop(dtype, tolerance):
    layer = built(8, 12, positive=True, dtype=dtype)
    x = np.random.default_rng(2).normal(size=(784, 2, 8)).astype(dtype)
    v, a = gates(layer, x)
    found = reference.log_space(v, a)
    assert found.dtype == dtype
    # a sum of 784 logarithms loses digits in float32
    assert found == pytest.approx(layer.forward(x), rel=tolerance, abs=tolerance)


def test_gradients_are_those_of_torch():
    torch = pytest.importorskip("torch")
    for positive in (False, True):
        layer = built(5, 7, positive=positive)
        rng = np.random.default_rng(4)
        x, dy = rng.normal(size=(30, 3, 5)), rng.normal(size=(30, 3, 7))
        layer.forward(x, training=True)
        dx = layer.backward(dy)
        own = {k: torch.tensor(v, requires_grad=True) for k, v in layer.parameters.items()}
        x_torch = torch.tensor(x, requires_grad=True)
        z = torch.sigmoid(x_torch @ own["gate_weight"] + own["gate_bias"])
        candidate = x_torch @ own["weight"] + own["bias"]
        if positive:
            candidate = torch.where(candidate >= 0, candidate + 0.5, torch.sigmoid(candidate))
        h, loss = torch.zeros(3, 7, dtype=torch.float64), 0
        for t in range(30):
            h = (1 - z[t]) * h + z[t] * candidate[t]
            loss = loss + (h * torch.tensor(dy[t])).sum()
        loss.backward()
        assert dx == pytest.approx(x_torch.grad.numpy(), rel=1e-11, abs=1e-12)
        for name, each in own.items():
            assert layer.gradients[name] == pytest.approx(each.grad.numpy(), rel=1e-11, abs=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_stream_gives_the_bits_of_a_batch(dtype):
    layer = built(9, 21, dtype=dtype)
    x = np.random.default_rng(5).normal(size=(25, 6, 9)).astype(dtype)
    assert np.array_equal(streamed(layer, x), layer.forward(x))


def test_results_do_not_depend_on_the_number_of_threads():
    x = np.random.default_rng(6).normal(size=(300, 8, 6)).astype(np.float32)
    found = []
    for threads in (1, 2, 3):
        layer = built(6, 10, dtype=np.float32)
        layer.threads = threads
        y = layer.forward(x, training=True).copy()
        found.append([y, layer.backward(np.cos(y)), *layer.gradients.values()])
    for other in found[1:]:
        assert all(map(np.array_equal, found[0], other))


def test_gate_biases_spread_the_time_constants():
    layer = built(4, 4000)
    z = reference.sigmoid(layer.parameters["gate_bias"])
    tau = -1 / np.log1p(-z)
    assert 1.4 < tau.min() < 1.5
    assert 50 < tau.max() < 55.1


def test_wrong_settings_are_refused_in_one_line():
    with pytest.raises(ValueError, match="n_out must be at least 1, got 0"):
        layers.MinGRU(0)
    with pytest.raises(ValueError, match=r"gate_bias must be a range .*, got \(1, -1\)"):
        layers.MinGRU(gate_bias=(1, -1))
