"""Models rounded after training: every part on its grid, memory by bits, the stream, the C, and bad input."""

import ctypes
import shutil
import subprocess
import warnings
from fractions import Fraction

import numpy as np
import pytest

import eventsim as es

layers = es.models.layers
Quantizer, Rounding = layers.Quantizer, layers.Rounding
SequenceClassifier = es.models.SequenceClassifier
PRESETS = ["lif", "min_gru", "s4d", "mgrade", "convolutions"]
CC = shutil.which("gcc") or shutil.which("cc")


def digits(split, n):
    images, labels = es.io.datasets.digits(split)
    return (images.reshape(len(images), -1, 8)[:n] / 16).astype(np.float32), labels[:n]


@pytest.fixture(scope="module")
def fitted():
    x, labels = digits("train", 700)
    settings = dict(hidden=(20,), tau=5.0, epochs=6, progress=False)
    own = [layers.TemporalConv(20, 3, dilation=2), layers.ReLU()]
    own += [layers.TemporalConv(20, 2, bias=False), layers.ReLU()]
    kinds = {name: own if name == "convolutions" else name for name in PRESETS}
    return {name: SequenceClassifier(kind, **settings).fit(x, labels) for name, kind in kinds.items()}


def on_grid(values, n_bits):
    """Return whether values are multiples of one step, at most 2^bits of them, 0 among them."""
    distinct = np.unique(np.append(values.astype(np.float64), 0.0))
    if len(distinct) > 2**n_bits:
        return False
    if len(distinct) == 1:
        return True
    for part in range(1, 2**n_bits):  # codes in between may not occur
        multiples = distinct * part / np.diff(distinct).min()
        if np.ptp(multiples) < 2**n_bits and np.abs(multiples - np.rint(multiples)).max() < 1e-3:
            return True
    return False


@pytest.mark.parametrize("name", PRESETS)
def test_many_bits_change_nothing_that_matters_and_few_bits_much(name, fitted):
    model = fitted[name]
    x, labels = digits("test", 300)
    shown = digits("train", 200)[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fine, coarse = model.quantize(x, bits=16), model.quantize(shown, bits=2)  # no value is out of range
    assert (fine.predict(x) == model.predict(x)).mean() > 0.995
    assert coarse.score(x, labels) < model.score(x, labels) - 0.05
    assert np.abs(fine.predict_proba(x) - model.predict_proba(x)).mean() < 1e-3
    assert type(fine) is SequenceClassifier
    assert fine.model_ is not model.model_
    for given, rounded in zip(model.model_.all_layers(), fine.model_.all_layers(), strict=False):
        assert given[1] is not rounded[1]


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("per", ["head", "tensor"])
def test_the_stream_of_a_rounded_model_gives_its_bits(name, per, fitted):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = fitted[name].quantize(digits("train", 200)[0], bits=5, per=per).model_
    x = np.moveaxis(digits("test", 9)[0], 1, 0).copy()
    wanted, state = model.forward(x), model.init_state(9)
    for x_t, y_t in zip(x, wanted, strict=True):
        y, state = model.step(x_t, state)
        assert (y == y_t).all()


@pytest.mark.skipif(CC is None, reason="no C compiler")
@pytest.mark.parametrize("bits", [8, 5])
@pytest.mark.parametrize("name", PRESETS)
def test_the_c_of_a_rounded_model_predicts_what_the_stream_predicts_on_every_test_sample(
    name, bits, fitted, tmp_path
):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = fitted[name].quantize(digits("train", 200)[0], bits=bits)
    shown = digits("test", 400)[0]
    path = model.export_c(tmp_path / f"{name}_{bits}.c")
    library = path.with_suffix(".so")
    more = tmp_path / "whole.c"
    stem = path.stem
    more.write_text(
        f'#include "{path.name}"\nvoid whole(int steps, const float *x, float *y);\n'
        f"void whole(int steps, const float *x, float *y) {{\n    {stem}_state s;\n"
        f"    {stem}_reset(&s);\n    for (int t = 0; t < steps; t++)\n"
        f"        {stem}_step(&s, x + t * {stem}_INPUTS, y);\n    {stem}_readout(&s, y);\n}}\n"
    )
    flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-O2", "-shared", "-fPIC"]
    made = subprocess.run([CC, *flags, more, "-o", library, "-lm"], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    whole, real = ctypes.CDLL(str(library)).whole, ctypes.POINTER(ctypes.c_float)
    found = np.zeros((len(shown), 10), np.float32)
    for each, y in zip(shown, found, strict=True):
        whole(len(each), np.ascontiguousarray(each).ctypes.data_as(real), y.ctypes.data_as(real))
    assert (model.classes_[found.argmax(axis=1)] == model.predict(shown)).all()
    assert "malloc" not in path.read_text()


def test_every_part_is_on_a_grid_of_its_bits(fitted):
    shown = digits("train", 200)[0]
    bits = {"weights": 3, "activations": 5, "states": 4, "poles": 6}
    x = np.moveaxis(shown[:20], 1, 0).copy()
    for name in PRESETS:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = fitted[name].quantize(shown, bits=bits).model_
        state = model.init_state(20)
        for x_t in x:
            _, state = model.step(x_t, state)
        for place, layer in model.all_layers():
            own = state
            for key in place.split("/"):
                own = own[key]
            if isinstance(layer, layers.QuantizedLinear):
                assert all(on_grid(column, 3) for column in layer.used()["weight"].T)
            elif isinstance(layer, layers.MinGRU):
                assert all(on_grid(column, 3) for column in layer.used()["gate_weight"].T)
                assert all(on_grid(column, 4) for column in own["h"].T)
            elif isinstance(layer, layers.LIF):
                assert all(on_grid(column, 4) for column in own["v"].T)
            elif isinstance(layer, layers.DelayConv):
                assert all(on_grid(row, 3) for row in layer.used_taps.value)
                assert all(on_grid(own["past"][:, :, k], 4) for k in range(layer.n_in))
            elif isinstance(layer, layers.TemporalConv):
                weight = layer.used()["weight"].reshape(-1, layer.n_out)
                assert all(on_grid(column, 3) for column in weight.T)
                assert all(on_grid(own["ring"][:, :, k], 4) for k in range(layer.n_in))
            elif isinstance(layer, layers.S4D):
                assert all(on_grid(np.append(row.real, row.imag), 6) for row in layer.used()[0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rounded_states_follow_the_equations(dtype):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(30, 4, 6)).astype(dtype)
    # MinGRU: h = Q((1 - z) h + z c), and LIF: v = Q(alpha v + I - theta s), written out with exact fractions
    gru = layers.MinGRU(5, rounding=Rounding(state=Quantizer(4)))
    lif = layers.LIF(4.0, threshold=0.8, rounding=Rounding(state=Quantizer(5)))
    for layer, n in ((gru, 5), (lif, 6)):
        layer.build(6, rng, dtype)
        layer.observing = True
        layer.forward(x)
        layer.calibrate()
        found = layer.forward(x)
        step, least = layer.buffers["state_step"], layer.buffers["state_least"]
        state = np.zeros((4, n))
        for x_t, y in zip(x.astype(np.float64), found, strict=True):
            if layer is gru:
                own = {name: array.astype(np.float64) for name, array in gru.parameters.items()}
                z = 1 / (1 + np.exp(-(x_t @ own["gate_weight"] + own["gate_bias"])))
                exact = (1 - z) * state + z * (x_t @ own["weight"] + own["bias"])
            else:
                theta = float(lif.buffers["threshold"][0])
                exact = lif.alpha.astype(np.float64) * state + x_t - theta * (state > theta)
            for b, j in np.ndindex(4, n):
                code = round(Fraction(float(exact[b, j])) / Fraction(float(step[j])))  # ties to even
                most = int(least[j]) + 2**layer.rounding.state.bits - 1
                state[b, j] = min(max(code, int(least[j])), most) * float(step[j])
            kept = state if layer is gru else (state > float(lif.buffers["threshold"][0])).astype(float)
            assert y == pytest.approx(kept, abs=1e-5)


def test_gradients_pass_the_grids_straight_through():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    layer = layers.MinGRU(5, rounding=Rounding(Quantizer(4), Quantizer(4)))
    layer.build(6, rng, np.float64)
    x, dy = rng.normal(size=(12, 3, 6)), rng.normal(size=(12, 3, 5))
    layer.observing = True
    layer.forward(x)
    layer.calibrate()
    layer.forward(x, training=True)
    dx = layer.backward(dy)
    step, least = (torch.tensor(layer.buffers[name]) for name in ("state_step", "state_least"))
    used = layer.used()
    own = {name: torch.tensor(array, requires_grad=True) for name, array in layer.parameters.items()}
    through = {name: own[name] + (torch.tensor(used[name]) - own[name]).detach() for name in own}
    shown = torch.tensor(x, requires_grad=True)
    h, total = torch.zeros(3, 5, dtype=torch.float64), 0.0
    for t in range(12):
        z = torch.sigmoid(shown[t] @ through["gate_weight"] + through["gate_bias"])
        exact = (1 - z) * h + z * (shown[t] @ through["weight"] + through["bias"])
        code = torch.minimum(torch.maximum(exact / step, least), least + 15).round()
        h = exact + (code * step - exact).detach()
        total = total + (h * torch.tensor(dy[t])).sum()
    total.backward()
    assert dx == pytest.approx(shown.grad.numpy(), rel=1e-9, abs=1e-12)
    for name, array in own.items():
        assert layer.gradients[name] == pytest.approx(array.grad.numpy(), rel=1e-9, abs=1e-12)


def test_gradients_of_rounded_convolutions_are_those_of_torch():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    layer = layers.TemporalConv(5, 3, dilation=2, rounding=Rounding(Quantizer(4), Quantizer(3)))
    layer.build(6, rng, np.float64)
    x, dy = rng.normal(size=(12, 3, 6)), rng.normal(size=(12, 3, 5))
    layer.observing = True
    exact = layer.forward(x)
    layer.calibrate()
    y = layer.forward(x, training=True)
    dx = layer.backward(dy)
    step, least = (torch.tensor(layer.buffers[name]) for name in ("state_step", "state_least"))
    weight = torch.tensor(layer.used()["weight"].transpose(2, 1, 0).copy(), requires_grad=True)
    bias = torch.tensor(layer.used()["bias"], requires_grad=True)
    shown = torch.tensor(x, requires_grad=True)
    code = torch.minimum(torch.maximum((shown / step).round(), least), least + 7)
    kept = shown + (code * step - shown).detach()
    padded = torch.nn.functional.pad(kept.permute(1, 2, 0), (4, 0))
    found = torch.nn.functional.conv1d(padded, weight, bias, dilation=2).permute(2, 0, 1)
    (found * torch.tensor(dy)).sum().backward()
    assert y == pytest.approx(found.detach().numpy(), rel=1e-9, abs=1e-12)
    assert np.abs(y - exact).max() > 0.01
    assert dx == pytest.approx(shown.grad.numpy(), rel=1e-9, abs=1e-12)
    by_weight = weight.grad.numpy().transpose(2, 1, 0)
    assert layer.gradients["weight"] == pytest.approx(by_weight, rel=1e-9, abs=1e-12)
    assert layer.gradients["bias"] == pytest.approx(bias.grad.numpy(), rel=1e-9, abs=1e-12)


def test_a_circuit_keeps_its_own_grids_and_says_how_many_bits_they_take():
    x, labels = digits("train", 100)
    parts = [
        layers.Linear(16),
        layers.QuantizedMinGRU(12),
        layers.QuantizedMinGRU(10, output="state", rows=12),
    ]
    model = SequenceClassifier(parts, epochs=1, progress=False).fit(x, labels)
    made = model.quantize(x, bits=8)
    kinds = [type(layer).__name__ for layer in made.model_.layers]
    between = ["FakeQuantize", "QuantizedMinGRU", "QuantizedMinGRU", "FakeQuantize"]  # none behind spikes
    assert kinds == ["QuantizedLinear", *between, "QuantizedLinear"]
    for given, rounded in zip(model.model_.layers[1:3], made.model_.layers[2:4], strict=True):
        assert all((array == rounded.used()[name]).all() for name, array in given.used().items())
        assert given.parameters["weight"] is not rounded.parameters["weight"]
    first, last = (each for each in made.memory_report().layers if each.layer == "QuantizedMinGRU")
    assert (first.parameters, first.parameter_bits) == (2 * 16 * 12 + 24, 2 * 2 * 16 * 12 + 6 * 24)
    assert (last.parameters, last.parameter_bits) == (2 * 12 * 10 + 10, 2 * 2 * 12 * 10 + 6 * 10)
    assert (first.state, first.state_bits) == (12, 12 * 32)  # analog states, one float each in software


def test_padding_stays_out_of_ranges():
    x = np.random.default_rng(0).normal(size=(40, 12, 3)).astype(np.float32)
    model = SequenceClassifier("mgrade", hidden=(4,), padding="end", epochs=1, progress=False)
    model.fit(x, np.arange(40) % 2)
    ragged = [each[: 12 - k % 4] for k, each in enumerate(x)]
    made = model.quantize(ragged, bits=6).model_
    one_by_one = layers.rounded_model(
        model.model_, layers.RoundingPlan(*[Quantizer(6)] * 4)
    )  # no sequence is padded where each is shown alone
    layers.calibrate(one_by_one, [(each[:, None], None) for each in ragged])
    for name, array in one_by_one.buffers.items():
        assert array == pytest.approx(made.buffers[name]), name
    assert any("state_step" in name for name in made.buffers)


def test_memory_follows_the_bits(fitted):
    shown = digits("train", 50)[0]
    bits = {"weights": 4, "activations": 6, "states": 8, "poles": 7}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reports = {
            name: {
                each.place: each for each in fitted[name].quantize(shown, bits=bits).memory_report().layers
            }
            for name in PRESETS
        }
    gru = reports["min_gru"]["0"]
    assert (gru.parameters, gru.parameter_bits) == (2 * (8 * 20 + 20), 4 * 2 * (8 * 20 + 20))
    assert (gru.state, gru.state_bits) == (20, 8 * 20)
    assert gru.buffer_bits == 64 * (
        2 * (20 + 1) + 20
    )  # a step and a zero: of each unit's weights, biases, states
    lif = reports["lif"]["2"]
    assert (lif.state, lif.state_bits) == (40, 20 * (8 + 1))
    assert reports["lif"]["0"].parameter_bits == 4 * 8 * 20
    s4d = reports["s4d"]["2/0"]
    assert s4d.parameter_bits == 20 * 64 * (7 + 4 + 4) + 20 * 4
    assert (s4d.state, s4d.state_bits) == (20 * 64, 20 * 64 * 8)
    conv = reports["mgrade"]["2/1"]
    assert conv.parameter_bits == conv.parameters // 2 * (4 + 4)  # values of 4 bits, delays within 16 steps
    assert conv.state_bits == 8 * conv.state


class Unrounded(layers.Layer):
    """A layer of one's own with weights and no rounded form."""

    def build(self, n_in, rng, dtype=np.float32):
        super().build(n_in, rng, dtype)
        self.parameters = {"weight": np.ones(n_in, dtype)}
        return n_in


def test_bad_input_gets_one_clear_line(fitted):
    model, shown = fitted["min_gru"], digits("train", 20)[0]
    for given, message in (
        ({"X": shown[:0]}, "X holds no samples"),
        ({"X": []}, "X holds no samples"),
        ({"bits": 0}, "bits of weights must be a whole number, at least 1, got 0"),
        ({"bits": 1, "scheme": "symmetric"}, "symmetric needs 2 to 32 bits, got 1"),
        ({"bits": {"weight": 4}}, "bits must be those of weights, activations, states, poles, got 'weight'"),
        ({"scheme": "polar"}, "takes an asymmetric or symmetric scheme, got 'polar'"),
    ):
        with pytest.raises(ValueError, match=message) as found:
            model.quantize(**({"X": shown} | given))
        assert "\n" not in str(found.value)
    with pytest.raises(es.models.NotFittedError, match="call fit"):
        SequenceClassifier().quantize(shown)
    unfit = {
        "QuantizedMinGRU leaves weights or biases real": layers.QuantizedMinGRU(8, levels=None),
        "Unrounded has no form with rounded weights": Unrounded(),
    }
    for message, part in unfit.items():
        net = layers.Sequential([layers.Linear(8), part])
        net.build(3, np.random.default_rng(0))
        with pytest.raises(ValueError, match=f"layer 1: {message}") as found:
            layers.rounded_model(net, layers.RoundingPlan(*[Quantizer(8)] * 4))
        assert "\n" not in str(found.value)
    net = layers.Sequential([layers.MinGRU(3, rounding=Rounding(state=Quantizer(4)))])
    net.build(2, np.random.default_rng(0))
    with pytest.raises(RuntimeError, match="has no range yet: calibrate it"):
        net.forward(np.zeros((3, 1, 2), np.float32))
    with pytest.raises(ValueError, match="empty calibration set"):
        layers.calibrate(net, [])


def test_poles_outside_the_unit_circle_are_named_with_remedies(fitted):
    shown = digits("train", 30)[0]
    with pytest.warns(
        UserWarning, match=r"layer 1/0: \d+ of 640 poles leave the unit circle once rounded"
    ) as found:
        fitted["s4d"].quantize(shown, bits={"poles": 5})
    assert "more bits for poles, a polar or log_polar scheme" in str(found[0].message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted["s4d"].quantize(shown, bits={"poles": 5}, poles="log_polar")


def test_a_model_is_copied_and_streams_after_it_has_predicted(fitted):
    x = digits("test", 5)[0]
    fitted["s4d"].predict(x)
    assert fitted["s4d"].stream().n == 10
