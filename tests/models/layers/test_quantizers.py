"""Quantisers: their grids, poles of state-space models on them, gates, straight-through gradients."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import eventsim as es
from reference.layer_differences import largest_error

layers = es.models.layers
arrays = st.lists(st.floats(-100, 100, allow_subnormal=False), min_size=1, max_size=30).map(np.array)


def s4d_lin(heads=64, modes=32):
    """Poles exp(delta A) of S4D-Lin; delta from 1e-3 to 0.1 by head."""
    delta = np.exp(np.linspace(np.log(1e-3), np.log(0.1), heads))[:, None]
    return np.exp(delta * (-0.5 + 1j * np.pi * np.arange(modes)))


@example(np.array([np.finfo(np.float64).tiny]), 3, "asymmetric", "included")  # 1 / step is no number
@example(np.array([np.finfo(np.float64).tiny]), 3, "symmetric", "included")
@settings(deadline=None, max_examples=300)
@given(
    arrays,
    st.integers(2, 16),
    st.sampled_from(["asymmetric", "symmetric"]),
    st.sampled_from(["included", "bare"]),
)
def test_rounding_stays_within_half_a_step_and_repeats_itself(x, bits, scheme, zero):
    quantizer = layers.Quantizer(bits, scheme, per="tensor", zero=zero)
    (grid,) = quantizer.grids(x)
    once = grid(x)
    size = np.abs(x).max()
    assert len(np.unique(once)) <= 2**bits
    assert np.array_equal(grid(once), once)
    # the range of zero="bare" ends between two codes: half a step more at its ends
    assert (
        np.abs(once - x) <= grid.step * (0.5 if zero == "included" else 1.0) * (1 + 1e-9) + 1e-15 * size
    ).all()
    order = np.argsort(x, kind="stable")
    assert (np.diff(once[order]) >= 0).all()
    if scheme == "symmetric" or zero == "included":
        assert grid(np.zeros(1))[0] == 0


def test_the_sheet_s_formulas_give_the_same_values():
    x = np.random.default_rng(0).normal(1, 2, 50)
    lo, hi = min(x.min(), 0), max(x.max(), 0)
    s = (hi - lo) / 255
    zp = np.rint(-lo / s)
    expected = (np.clip(np.rint(x / s) + zp, 0, 255) - zp) * s
    assert layers.Quantizer(8, per="tensor")(x) == pytest.approx(expected, rel=1e-15)
    s = np.abs(x).max() / 127
    expected = np.clip(np.rint(x / s), -128, 127) * s
    assert layers.Quantizer(8, "symmetric", per="tensor")(x) == pytest.approx(expected, rel=1e-15)


def test_ties_go_to_the_even_code():
    grid = layers.Grid(np.array(0.5), np.array(-8.0), np.array(7.0))
    assert grid(np.array([0.25, 0.75, 1.25, -0.25, -0.75])).tolist() == [0.0, 1.0, 1.0, -0.0, -1.0]


def test_heads_do_not_change_each_other():
    x = np.random.default_rng(1).normal(size=(3, 20))
    quantizer = layers.Quantizer(6)
    found = quantizer(x)
    x[1] *= 50
    again = quantizer(x)
    assert np.array_equal(found[[0, 2]], again[[0, 2]])
    tensor = layers.Quantizer(6, per="tensor")
    assert not np.array_equal(tensor(x)[0], found[0])


def test_ranges_leave_out_what_a_percentile_says_and_small_arrays_keep_all():
    x = np.arange(1000.0)
    assert layers.value_range(x) == (0, 999)
    assert layers.value_range(x, 99.0) == (9, 990)
    low, high = layers.value_range(np.stack((x, -x)), 99.0, per_head=True)
    assert low.tolist() == [9, -990]
    assert high.tolist() == [990, -9]


# Largest |pole| on the grid, from the sheet: 12, 10, 8, 7, 6, 5, 4 bits.
POLES = {
    ("asymmetric", "separate", "bare"): (0.9995, 0.9995, 0.9995, 0.9995, 1.002, 1.015, 1.047),
    ("asymmetric", "separate", "included"): (0.9996, 1.0000, 1.0014, 1.0034, 1.0070, 1.015, 1.047),
    ("asymmetric", "shared", "included"): (0.9996, 1.0000, 1.0014, 1.0033, 1.0081, 1.024, 1.063),
    ("symmetric", "separate", "included"): (0.9997, 1.0004, 1.0034, 1.0070, 1.0144, 1.036, 1.079),
}


@pytest.mark.parametrize("convention", POLES)
def test_poles_leave_the_unit_circle_where_the_sheet_says(convention):
    scheme, parts, zero = convention
    poles = s4d_lin()
    for bits, expected in zip((12, 10, 8, 7, 6, 5, 4), POLES[convention], strict=True):
        largest = np.abs(layers.Quantizer(bits, scheme, range=parts, zero=zero)(poles)).max()
        # the sheet draws the heads' steps; here they are spread evenly
        assert largest == pytest.approx(expected, abs=max(3e-4, 0.3 * abs(expected - 1)))
    eight = np.abs(layers.Quantizer(8, scheme, range=parts, zero=zero)(poles)).max()
    assert (eight > 1) == (zero == "included")


@pytest.mark.parametrize("scheme", ["polar", "log_polar"])
@pytest.mark.parametrize("bits", range(1, 13))
def test_poles_by_radius_and_phase_stay_within_the_unit_circle(scheme, bits):
    poles = s4d_lin()
    for radius_bits in {None, 1}:
        if radius_bits is not None and bits == 1:
            continue
        found = layers.Quantizer(bits, scheme, radius_bits=radius_bits)(poles)
        assert np.abs(found).max() <= np.abs(poles).max() + 1e-12
    if bits == 12:
        assert np.abs(found - poles).max() < 5e-2


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_activations_are_rounded_on_the_grid_of_their_calibration(dtype):
    rng = np.random.default_rng(2)
    quantizer = layers.Quantizer(6)
    layer = layers.FakeQuantize(quantizer, outside="zero")
    layer.build(5, rng, dtype)
    seen = rng.normal(0.3, 1, (40, 8, 5)).astype(dtype)
    with pytest.raises(RuntimeError, match="no range yet"):
        layer.forward(seen)
    layer.observing = True
    assert np.array_equal(layer.forward(seen), seen)
    layer.calibrate()
    x = 1.5 * seen
    y = layer.forward(x)
    (grid,) = quantizer.grids(seen.reshape(-1, 5).T.astype(np.float64))
    expected = grid(x.reshape(-1, 5).T.astype(np.float64)).T.reshape(x.shape)
    # a value within rounding of a tie may go either way in float32
    assert (np.abs(y - expected) < 1e-5).mean() > 0.999
    step = layer.buffers["step"]
    assert (np.abs(y / step - np.rint(y / step)) < 1e-3).all()
    dx = layer.backward(np.ones_like(y))
    low, high = (grid.least * grid.step).ravel(), (grid.most * grid.step).ravel()
    away = np.minimum(np.abs(x - low), np.abs(x - high)) > 1e-5
    outside = (x < low) | (x > high)
    assert (away & outside).any()
    assert not dx[away & outside].any()
    assert (dx[away & ~outside] == 1).all()


def test_dynamic_ranges_are_those_of_each_step_and_sample():
    layer = layers.FakeQuantize(layers.Quantizer(4, zero="bare"), calibration="dynamic")
    layer.build(6, np.random.default_rng(0), np.float64)
    x = np.random.default_rng(1).normal(size=(3, 2, 6))
    y = layer.forward(x)
    for place in np.ndindex(3, 2):
        assert y[place] == pytest.approx(layers.Quantizer(4, per="tensor", zero="bare")(x[place]), abs=1e-12)
    assert (layer.backward(np.full_like(x, 2)) == 2).all()


@pytest.mark.parametrize(
    ("layer", "corners"),
    [
        (layers.QGELU(), (-2, 2)),
        (layers.QGELU("printed"), (-2, -1)),
        (layers.HardSigmoid(0.3), (-5 / 3, 5 / 3)),
    ],
)
def test_gates_and_their_derivatives(layer, corners):
    layer.build(7, np.random.default_rng(0), np.float64)
    x = np.random.default_rng(1).uniform(-4, 4, (20, 3, 7))
    x[np.abs(x[..., None] - corners).min(-1) < 1e-3] = 0.5
    assert largest_error(layer, x, np.random.default_rng(2)) < 1e-6


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gates_have_the_values_that_tell_their_forms_apart(dtype):
    x = np.array([-3.0, -1.0, 0.0, 1.0, 3.0], dtype)[:, None, None]
    found = {}
    for layer in (layers.QGELU(), layers.QGELU("printed"), layers.HardSigmoid(0.25)):
        layer.build(1, np.random.default_rng(0), dtype)
        found[layer.kind] = layer.forward(x).ravel().tolist()
    assert found == {
        "qgelu": [0, -0.25, 0, 0.75, 3],
        "qgelu_printed": [0, -1, 0, 1, 3],
        "hard_sigmoid": [0, 0.25, 0.5, 0.75, 1],
    }


def test_wrong_settings_are_refused_in_one_line():
    with pytest.raises(ValueError, match="needs 1 to 32 bits, got 0"):
        layers.Quantizer(0)
    with pytest.raises(ValueError, match="symmetric needs 2 to 32 bits, got 1"):
        layers.Quantizer(1, "symmetric")
    with pytest.raises(ValueError, match="empty calibration set"):
        layers.Quantizer(8)(np.zeros((0, 3)))
    with pytest.raises(ValueError, match="got inf or nan"):
        layers.Quantizer(8)(np.array([[1.0, np.nan]]))
    with pytest.raises(ValueError, match="is one of complex numbers"):
        layers.Quantizer(8, "polar")(np.ones((2, 2)))


def test_rounded_weights_are_trained_straight_through():
    rng = np.random.default_rng(3)
    layer = layers.QuantizedLinear(4, layers.Quantizer(4))
    layer.build(6, rng, np.float64)
    x, dy = rng.normal(size=(5, 3, 6)), rng.normal(size=(5, 3, 4))
    weight, bias = (layer.parameters[name].copy() for name in ("weight", "bias"))
    rounded = np.stack([layers.Quantizer(4, per="tensor")(column) for column in weight.T], axis=1)
    y = layer.forward(x, training=True)
    assert y == pytest.approx(x @ rounded + layers.Quantizer(4, per="tensor")(bias), abs=1e-12)
    assert layer.backward(dy) == pytest.approx(dy @ rounded.T, abs=1e-12)
    assert layer.gradients["weight"] == pytest.approx(np.einsum("tbi,tbo->io", x, dy), abs=1e-12)
    assert np.array_equal(layer.parameters["weight"], weight)
    layer.observing = True
    assert layer.forward(x) == pytest.approx(x @ weight + bias, abs=1e-12)
    layer.calibrate()
    assert np.array_equal(layer.step(x[0], {})[0], layer.forward(x)[0])


def test_errors_of_powers_of_poles_grow_with_fewer_bits_and_without_bound_outside_the_circle():
    """Mean over modes of |w^n - w_q^n| of S4D-Lin with 64 heads, time steps from 1e-3 to 0.1 (check G6)."""
    delta = np.exp(np.linspace(np.log(1e-3), np.log(0.1), 64))[:, None]
    poles = np.exp(delta * (-0.5 + 1j * np.pi * np.arange(32)))
    steps = np.array([1, 3, 10, 30, 100, 300, 1000])
    errors, radii = {}, {}
    for bits in (16, 8, 6, 4):
        rounded = layers.Quantizer(bits)(poles)
        radii[bits] = np.abs(rounded).max(axis=1)
        powers = (np.abs(poles[..., None] ** steps - rounded[..., None] ** steps)).mean(axis=1)
        errors[bits] = powers.max(axis=0)  # of the worst head
    assert errors[16].max() < 5e-3
    assert errors[4][-1] > 1e6
    for more, fewer in ((16, 8), (8, 6), (6, 4)):
        assert (errors[fewer] > errors[more]).all()
    assert radii[16].max() < 1
    assert radii[4].max() > 1.04
    late = np.abs(poles**30000 - layers.Quantizer(16)(poles) ** 30000).mean(axis=1).max()
    assert late < 0.01 * errors[16][-1]  # it rises, and falls again
