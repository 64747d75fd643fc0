"""Gated recurrent units of few bits: grids, equations, derivatives, streams, threads, wrong settings."""

import numpy as np
import pytest

import eventsim as es
from eventsim.models.layers.level_grids import fixed_point, nearest_level
from reference import quantized_min_gru as reference
from reference.layer_differences import largest_error, streamed

layers = es.models.layers
THIRDS = (-1.0, -1 / 3, 1 / 3, 1.0)
REAL = {"gate_bits": None, "levels": None, "bias_bits": None}


def built(n_in, n_out=None, *, dtype=np.float64, seed=0, **given):
    layer = layers.QuantizedMinGRU(n_out, **given)
    layer.build(n_in, np.random.default_rng(seed), dtype)
    return layer


def coins(shape, seed=0, dtype=np.float64):
    return (np.random.default_rng(seed).random(shape) < 0.5).astype(dtype)


@pytest.mark.parametrize("slope", [1.0, 5.3])
@pytest.mark.parametrize("gate", ["hard", "sigmoid"])
@pytest.mark.parametrize("output", ["smooth", "tanh", "state"])
def test_gradients_of_the_smooth_version_are_those_of_differences(output, gate, slope):
    layer = built(6, 5, output=output, gate_function=gate, slope=slope, rows=8, gain=3.0, **REAL)
    x = np.random.default_rng(1).normal(0, 0.3, (6, 3, 6))
    assert largest_error(layer, x, np.random.default_rng(2)) < 1e-6


@pytest.mark.parametrize(("unused", "divisor"), [("repeat", 4), ("idle", 8), ("exact", 4)])
def test_gradients_hold_however_rows_are_used(unused, divisor):
    layer = built(4, 3, output="smooth", rows=8, unused=unused, slope=2.0, **REAL)
    rng = np.random.default_rng(7)
    assert layer.divisor == divisor
    assert largest_error(layer, rng.random((4, 2, 4)), rng) < 1e-6


def test_gradients_pass_straight_through_all_roundings():
    """The backward pass of the rounded layer is the smooth one's with rounded numbers in its place."""
    layer, x = built(64, 8), coins((10, 3, 64))
    dy = np.random.default_rng(3).normal(size=(10, 3, 8))
    layer.forward(x)
    dx = layer.backward(dy)
    own = layer.used()
    u = 6 / 64 * x @ own["gate_weight"] + own["gate_bias"] + 0.5
    c, (z, h) = x @ own["weight"] / 64, layer.gates_and_states(x)
    tri = np.maximum(0, 1 - np.abs(h - own["threshold"]) / 0.15) / 0.15
    lam, by = np.zeros((3, 8)), {"u": np.zeros_like(u), "c": np.zeros_like(u)}
    for t in range(9, -1, -1):
        lam = dy[t] * tri[t] + (lam * (1 - z[t + 1]) if t < 9 else 0)
        before = h[t - 1] if t else 0
        by["u"][t], by["c"][t] = lam * (c[t] - before) * ((u[t] > 0) & (u[t] < 1)), lam * z[t]
    flat = x.reshape(-1, 64).T
    for name, expected in (
        ("threshold", -(dy * tri).sum((0, 1))),
        ("gate_bias", by["u"].sum((0, 1))),
        ("gate_weight", 6 / 64 * flat @ by["u"].reshape(-1, 8)),
        ("weight", flat @ by["c"].reshape(-1, 8) / 64),
    ):
        assert layer.gradients[name] == pytest.approx(expected, rel=1e-10, abs=1e-12), name
    expected = 6 / 64 * by["u"] @ own["gate_weight"].T + by["c"] @ own["weight"].T / 64
    assert dx == pytest.approx(expected, rel=1e-10, abs=1e-12)


def test_a_weight_has_four_levels_and_its_grid_is_monotone_and_idempotent():
    w = np.linspace(-1.4, 1.4, 10_001)
    found = np.asarray(THIRDS)[nearest_level(w, THIRDS)]
    assert sorted(set(found)) == list(THIRDS)
    assert (np.diff(found) >= 0).all()
    assert np.array_equal(np.asarray(THIRDS)[nearest_level(found, THIRDS)], found)
    assert found == pytest.approx([reference.level(each) for each in w], abs=1e-12)


@pytest.mark.parametrize("steps", [32, 128])
def test_a_bias_has_64_values_and_its_grid_is_monotone_and_idempotent(steps):
    b = np.linspace(-1.4, 1.4, 10_001) * 32 / steps
    found = fixed_point(b, 1 / steps, 6)
    assert len(set(found)) == 64
    assert (np.diff(found) >= 0).all()
    assert np.array_equal(fixed_point(found, 1 / steps, 6), found)
    assert found == pytest.approx([reference.fixed(each, steps) for each in b], abs=0)


@pytest.mark.parametrize(("rounding", "half"), [("nearest", 0.5), ("floor", 0.0)])
def test_a_gate_has_64_codes_and_they_ascend(rounding, half):
    layer = built(1, 1, rounding=rounding, rows=1, unused="idle", slope=1.0, **REAL | {"gate_bits": 6})
    layer.rows = 64  # so that a row is a code
    layer.parameters["gate_weight"][...], layer.parameters["gate_bias"][...] = 1.0, -0.5
    u = np.linspace(-0.3, 1.3, 5001)
    z, _ = layer.gates_and_states(64 * u[:, None, None])
    codes = 64 * z.ravel()
    assert np.array_equal(codes, np.clip(np.floor(64 * u + half), 0, 63))
    assert len(set(codes)) == 64


@pytest.mark.parametrize(("n_in", "divisor"), [(64, 64), (32, 32), (16, 16), (40, 64)])
@pytest.mark.parametrize("slope", [6.0, 5.3717])  # no code on the border of two, up to rounding
def test_codes_states_and_outputs_are_those_of_the_equations(n_in, divisor, slope):
    layer = built(n_in, 9, slope=slope)
    layer.parameters["threshold"][...] = np.random.default_rng(5).uniform(-0.1, 0.1, 9)
    x = coins((30, 2, n_in))
    own = layer.parameters
    z, h = layer.gates_and_states(x)
    y = layer.forward(x)
    assert layer.divisor == divisor
    for b in range(2):
        codes, states, outputs = reference.run(
            x[:, b], own["gate_weight"], own["gate_bias"], own["weight"], own["threshold"], slope, divisor
        )
        assert np.array_equal(64 * z[:, b], codes)
        assert h[:, b] == pytest.approx(states, abs=1e-14)
        assert np.array_equal(y[:, b], outputs)


def test_a_core_with_as_many_rows_as_inputs_loses_bits_of_the_gate():
    layer = built(32, 9, unused="exact")
    z, _ = layer.gates_and_states(coins((50, 4, 32)))
    assert np.array_equal(32 * z, np.rint(32 * z))
    layer.parameters["gate_bias"][...] = 10.0  # code 63 swaps all 32 rows: nothing of the old state is left
    assert layer.gates_and_states(np.zeros((1, 1, 32)))[0].min() == 1.0
    whole = built(32, 9)
    whole.parameters["gate_bias"][...] = 10.0
    assert whole.gates_and_states(np.zeros((1, 1, 32)))[0].max() == 63 / 64


def test_a_state_at_rest_does_not_fire():
    layer = built(8, 5, rows=8)
    assert not layer.forward(np.zeros((4, 2, 8))).any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("gate", ["hard", "sigmoid"])
def test_a_stream_gives_the_bits_of_a_batch(dtype, gate):
    bits = {} if gate == "hard" else {"gate_bits": None}
    layer = built(16, 7, dtype=dtype, gate_function=gate, **bits)
    x = coins((40, 3, 16), dtype=dtype)
    assert np.array_equal(streamed(layer, x), layer.forward(x))


def test_threads_give_the_same_bits():
    found = []
    for threads in (1, 3):
        layer = built(32, 12)
        layer.threads = threads
        y = layer.forward(coins((60, 40, 32)), training=True)
        layer.backward(np.ones_like(y))
        found.append([y, *layer.gradients.values()])
    for one, other in zip(*found, strict=True):
        assert np.array_equal(one, other)


def test_latent_numbers_are_clipped_to_their_grids():
    layer = built(4, 3)
    for array in layer.parameters.values():
        array[...] = 7.0
    layer.clip_latent()
    most = {name: array.max() for name, array in layer.parameters.items()}
    assert most == {"gate_weight": 1.0, "weight": 1.0, "gate_bias": 31 / 32, "threshold": 31 / 128}


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"output": "spikes"}, "output must be one of binary, smooth, tanh, state, got 'spikes'"),
        ({"gate_bits": 0}, "gate_bits must be 1 to 16, or None for real numbers, got 0"),
        ({"gate_function": "sigmoid"}, "a gate that is a sigmoid is not rounded"),
        ({"levels": (1.0, -1.0)}, "levels must be at least 2 ascending numbers within -1 and 1"),
        ({"slope": 0.0}, "slope must be positive and finite, got 0.0"),
    ],
)
def test_wrong_settings_are_refused(given, text):
    with pytest.raises(ValueError, match=text):
        layers.QuantizedMinGRU(**given)


def test_a_core_with_fewer_rows_than_inputs_is_refused():
    with pytest.raises(ValueError, match="a core of 64 rows cannot take 80 inputs"):
        layers.QuantizedMinGRU(8).build(80, np.random.default_rng(0))
