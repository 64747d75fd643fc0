"""Delay convolutions: derivatives, whole delays, causality, position recovery, streams, threads."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import eventsim as es
from reference.layer_differences import largest_error, streamed

layers = es.models.layers


def built(n_in, *, dtype=np.float64, seed=0, **kwargs):
    layer = layers.DelayConv(**kwargs)
    layer.build(n_in, np.random.default_rng(seed), dtype)
    return layer


def dense(layer):
    """The kernel (n, window), written down from its definition."""
    both = layer.parameters | layer.buffers
    tau = np.arange(layer.window)
    away = tau - both["position"][..., None]
    if layer.kernel == "triangle":
        phi = np.maximum(0, 1 - np.abs(away))
    else:
        g = np.exp(-0.5 * (away / (np.abs(both["spread"]) + 0.27)[..., None]) ** 2)
        phi = g / (g.sum(axis=-1, keepdims=True) + 1e-7)
    return (both["weight"][..., None] * phi).sum(axis=1)


def convolved(kernel, x):
    y = np.zeros_like(x)
    for tau in range(min(kernel.shape[1], len(x))):
        y[tau:] += kernel[:, tau] * x[: len(x) - tau]
    return y


@settings(deadline=None, max_examples=40)
@given(
    st.tuples(st.integers(1, 20), st.integers(1, 3), st.integers(1, 20)),
    st.integers(1, 6),
    st.integers(2, 12),
    st.sampled_from(["triangle", "gauss"]),
    st.integers(0, 999),
)
def test_gradients_are_those_of_differences(shape, taps, window, kernel, seed):
    rng = np.random.default_rng(seed)
    position = rng.integers(0, window - 1, (shape[2], taps)) + rng.uniform(0.01, 0.99, (shape[2], taps))
    gauss = kernel == "gauss"
    layer = built(
        shape[2], taps=taps, window=window, kernel=kernel, positions=position, train_spread=gauss, seed=seed
    )
    if gauss:
        layer.parameters["spread"] *= rng.choice([-1.0, 1.0, 3.0], (shape[2], taps))
    assert largest_error(layer, rng.normal(size=shape), rng, training=True) < 1e-6


@pytest.mark.parametrize("kernel", ["triangle", "gauss"])
@pytest.mark.parametrize("n", [3, 16, 37])
def test_outputs_are_those_of_the_dense_kernel(kernel, n):
    layer = built(n, taps=5, window=17, kernel=kernel)
    x = np.random.default_rng(1).normal(size=(70, 3, n))
    expected = convolved(dense(layer), x)
    assert layer.forward(x) == pytest.approx(expected, abs=1e-13)
    assert layer.forward(x, training=True) == pytest.approx(expected, abs=1e-13)


def test_a_library_that_correlates_needs_a_turned_kernel():
    torch = pytest.importorskip("torch")
    layer = built(4, taps=3, window=9)
    x = np.random.default_rng(2).normal(size=(40, 2, 4))
    turned = torch.tensor(dense(layer)[:, None, ::-1].copy())
    padded = torch.nn.functional.pad(torch.tensor(x).permute(1, 2, 0), (8, 0))
    y = torch.nn.functional.conv1d(padded, turned, groups=4).permute(2, 0, 1).numpy()
    assert layer.forward(x) == pytest.approx(y, abs=1e-13)


@pytest.mark.parametrize("kernel", ["triangle", "gauss"])
def test_an_impulse_comes_out_at_its_delay_and_nothing_before_it(kernel):
    layer = built(1, taps=1, window=16, kernel=kernel, positions=[5.0])
    x = np.zeros((30, 1, 1))
    x[7] = 1
    y = layer.forward(x)[:, 0, 0]
    assert not y[:7].any()
    assert np.argmax(np.abs(y)) == 12
    weight = layer.parameters["weight"].sum()
    if kernel == "triangle":
        assert y[12] == weight
        assert np.count_nonzero(y) == 1
    assert y.sum() == pytest.approx(weight, rel=1e-5)  # a Gauss loses what 1e-7 in its norm takes


def test_a_tap_at_the_end_of_the_window_has_no_right_neighbour():
    layer = built(1, taps=1, window=4, positions=[3.0])
    x = np.random.default_rng(3).normal(size=(12, 1, 1))
    y = layer.forward(x, training=True)
    assert np.array_equal(y[3:], layer.parameters["weight"][0] * x[:-3])
    layer.backward(np.ones_like(x))
    w, d_here = layer.parameters["weight"][0, 0], x[:-3].sum()
    assert layer.gradients["position"][0, 0] == pytest.approx(-w * d_here, rel=1e-12)


def test_positions_are_cut_to_the_window_in_training():
    layer = built(2, taps=2, window=8)
    layer.parameters["position"][...] = [[-3.0, 4.5], [7.5, 6.0]]
    layer.forward(np.zeros((3, 1, 2)), training=True)
    assert layer.parameters["position"].tolist() == [[0.0, 4.5], [7.0, 6.0]]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kernel", ["triangle", "gauss"])
def test_a_stream_gives_the_bits_of_a_batch(dtype, kernel):
    layer = built(19, taps=4, window=11, kernel=kernel, dtype=dtype)
    x = np.random.default_rng(4).normal(size=(45, 3, 19)).astype(dtype)
    assert np.array_equal(streamed(layer, x), layer.forward(x))
    layer.round_positions()
    assert np.array_equal(streamed(layer, x), layer.forward(x))


def test_rounded_delays_need_one_value_a_tap_and_the_shortest_buffer():
    layer = built(6, taps=3, window=32, positions=[0.2, 9.6, 14.4])
    assert layer.used_taps.count.tolist() == [6] * 6
    assert layer.init_state(1)["past"].shape == (1, 16, 6)
    layer.round_positions()
    assert layer.used_taps.count.tolist() == [3] * 6
    assert layer.used_taps.delay[0].tolist() == [0, 10, 14]
    assert layer.init_state(1)["past"].shape == (1, 15, 6)


def test_results_do_not_depend_on_the_number_of_threads():
    x = np.random.default_rng(6).normal(size=(90, 8, 20)).astype(np.float32)
    found = []
    for threads in (1, 2, 3):
        layer = built(20, taps=5, window=9, dtype=np.float32)
        layer.threads = threads
        y = layer.forward(x, training=True).copy()
        found.append([y, layer.backward(np.cos(y)), *layer.gradients.values()])
    for other in found[1:]:
        assert all(map(np.array_equal, found[0], other))


def band_limited(rng, n, highest, delays):
    """Noise of unit variance without frequencies above `highest`, and copies of it delayed by real times."""
    spectrum, f = np.fft.rfft(rng.normal(size=n)), np.fft.rfftfreq(n)
    spectrum[f > highest] = 0
    spread = np.fft.irfft(spectrum, n).std()
    shifted = [np.fft.irfft(spectrum * np.exp(-2j * np.pi * f * delay), n) / spread for delay in (0, *delays)]
    return shifted[0], shifted[1:]


def test_positions_of_a_known_filter_are_recovered():
    n, steps = 4096, 600
    x, (late, later) = band_limited(np.random.default_rng(0), n, 0.1, (3.4, 11.2))
    target = 0.7 * late - 0.5 * later
    # The Fourier shift is a turn: the first steps of it see the end of the signal.
    x, target = x[:, None, None], target[:, None, None]
    best = (np.inf, None)
    for seed in range(8):
        layer = built(1, taps=2, window=16, seed=seed)
        moments = {name: np.zeros((2, *array.shape)) for name, array in layer.parameters.items()}
        rates = {"weight": 0.02, "position": 0.1}
        for step in range(1, steps + 1):
            error = layer.forward(x, training=True) - target
            error[:16] = 0
            layer.backward(2 * error / n)
            for name, array in layer.parameters.items():
                g, (m, v) = layer.gradients[name], moments[name]
                m[...] = 0.9 * m + 0.1 * g
                v[...] = 0.999 * v + 0.001 * g * g
                array -= rates[name] * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.999**step)) + 1e-8)
            layer.constrain()
        loss = float((error**2).mean())
        best = min(best, (loss, np.sort(layer.parameters["position"][0]).tolist()))
        if best[0] < 1e-4:
            break
    assert best[0] < 1e-4
    assert best[1] == pytest.approx([3.4, 11.2], abs=0.1)


def test_wrong_settings_are_refused_in_one_line():
    with pytest.raises(ValueError, match=r"positions must be within \[0, 15\], .*, got 15.5"):
        layers.DelayConv(2, 16, positions=[3.0, 15.5])
    with pytest.raises(ValueError, match="kernel must be 'triangle' or 'gauss', got 'box'"):
        layers.DelayConv(kernel="box")
    layer = built(2, taps=1, window=8)
    state = layer.state_dict() | {"position": np.full((2, 1), 9.0)}
    with pytest.raises(ValueError, match=r"positions must be within \[0, 7\]"):
        layer.load_state_dict(state)


def test_positions_and_spreads_that_are_no_numbers_are_refused_within_other_layers_too():
    inner = layers.DelayConv(2, 8, kernel="gauss", train_spread=True)
    model = layers.Sequential([layers.Linear(3), layers.Residual([layers.ReLU(), inner])])
    model.build(3, np.random.default_rng(1))
    good = model.state_dict()
    model.load_state_dict(good)
    for name in ("position", "spread"):
        place = f"{name}/1/1"
        values = good[place].copy()
        values[2, 1] = np.nan
        with pytest.raises(ValueError, match=f"{name} must be finite, got nan"):
            model.load_state_dict(good | {place: values})
    outside = good["position/1/1"] + np.float32(8)  # as after a last step
    model.load_state_dict(good | {"position/1/1": outside})
    np.testing.assert_array_equal(model.state_dict()["position/1/1"], outside)
