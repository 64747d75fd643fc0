"""Trained models as C: compiled with all warnings as errors, they predict what the stream predicts."""

import ctypes
import shutil
import subprocess

import numpy as np
import pytest

import eventsim as es

layers = es.models.layers
SequenceClassifier, SequenceRegressor = es.models.SequenceClassifier, es.models.SequenceRegressor
CC = shutil.which("gcc") or shutil.which("cc")
pytestmark = pytest.mark.skipif(CC is None, reason="no C compiler")


class Program:
    """A C file, compiled into a library with one function more: a whole sequence of steps."""

    def __init__(self, path):
        name = path.stem
        outer = path.with_name(f"{name}_whole.c")
        outer.write_text(
            f'#include "{path.name}"\n'
            f"void whole(int steps, const float *x, float *y);\n"
            f"void whole(int steps, const float *x, float *y) {{\n"
            f"    static {name}_state s;\n    {name}_reset(&s);\n"
            f"    for (int t = 0; t < steps; t++)\n"
            f"        {name}_step(&s, x + t * {name}_INPUTS, y + t * {name}_OUTPUTS);\n}}\n"
        )
        flags = [
            "-std=c99",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-pedantic",
            "-O1",
            "-ffp-contract=off",
            "-shared",
            "-fPIC",
        ]
        library = path.with_suffix(".so")
        made = subprocess.run(
            [CC, *flags, str(outer), "-o", str(library), "-lm"], capture_output=True, text=True
        )
        assert made.returncode == 0, made.stderr
        self.call = ctypes.CDLL(str(library)).whole

    def __call__(self, samples, n_out):
        """Return the outputs of sequences (n, time, channels), shape (n, time, outputs)."""
        x = np.ascontiguousarray(samples, np.float32)
        y = np.zeros((*x.shape[:2], n_out), np.float32)
        real = ctypes.POINTER(ctypes.c_float)
        for each, out in zip(x, y, strict=True):
            self.call(len(each), each.ctypes.data_as(real), out.ctypes.data_as(real))
        return y


def digits(split, n):
    images, labels = es.io.datasets.digits(split)
    return (images.reshape(len(images), -1, 8)[:n] / 16).astype(np.float32), labels[:n]


@pytest.mark.parametrize("name", ["lif", "min_gru", "s4d", "mgrade"])
def test_the_c_of_a_preset_predicts_what_the_stream_predicts_on_every_test_sample(name, tmp_path):
    x, labels = digits("train", 600)
    shown, _ = digits("test", 400)
    model = SequenceClassifier(name, hidden=(24,), tau=5.0, epochs=4, progress=False).fit(x, labels)
    path = model.export_c(tmp_path / f"{name}_model.c")
    outputs = Program(path)(shown, 10)
    wanted = np.moveaxis(model.model_.forward(np.moveaxis(shown, 1, 0).copy()), 1, 0)
    assert outputs == pytest.approx(wanted, abs=2e-4 * float(np.abs(wanted).max()))
    assert (model.classes_[outputs.mean(axis=1).argmax(axis=1)] == model.predict(shown)).all()


def built(parts, n_in=5, dtype=np.float32, seed=0):
    model = layers.Sequential(parts)
    model.build(n_in, np.random.default_rng(seed), dtype)
    return model


EACH = {
    "linear": lambda: [layers.Linear(7), layers.Linear(3, bias=False)],
    "gates": lambda: [layers.Linear(8), layers.QGELU(), layers.QGELU("printed"), layers.HardSigmoid(0.7)],
    "gelu": lambda: [layers.GELU(), layers.GELU("tanh")],
    "glu": lambda: [layers.Linear(8), layers.GLU(), layers.Dropout(0.3)],
    "recurrent_lif": lambda: [
        layers.Linear(9, weight_range=1.0),
        layers.RecurrentLIF(4.0),
        layers.RecurrentLIF(3.0),
    ],
    "relu": lambda: [layers.Linear(8), layers.ReLU()],
    "norms": lambda: [layers.BatchNorm(), layers.Linear(6), layers.LayerNorm()],
    "temporal_conv": lambda: [layers.TemporalConv(6, 3, dilation=2), layers.TemporalConv(4, 2, bias=False)],
    "delay_conv": lambda: [layers.DelayConv(3, 9), layers.DelayConv(2, 7, kernel="gauss")],
    "min_gru": lambda: [layers.MinGRU(6), layers.MinGRU(4, positive=True)],
    "circuit": lambda: [
        layers.QuantizedMinGRU(7, gate_bias=(-0.4, 0.7)),
        layers.QuantizedMinGRU(
            5, rounding="floor", unused="exact", levels=(-1, 0, 1), gate_bits=4, slope=5.3
        ),
        layers.QuantizedMinGRU(4, output="state", gain=20.0, unused="idle", slope=2.0),
    ],
    "circuit_of_real_numbers": lambda: [
        layers.QuantizedMinGRU(6, output="smooth", gate_bits=None, levels=None, bias_bits=None),
        layers.QuantizedMinGRU(5, output="tanh", gate_function="sigmoid", gate_bits=None, rows=12),
        layers.QuantizedMinGRU(1, output="state"),
    ],
    "lif": lambda: [
        layers.Linear(9, weight_range=1.0),
        layers.LIF(4.0),
        layers.Linear(3),
        layers.LeakyReadout(3.0),
    ],
    "s4d": lambda: [layers.S4D(8, delta=(0.1, 0.5)), layers.S4D(6, discretisation="bilinear")],
    "residuals": lambda: [
        layers.Residual(
            [layers.Residual([layers.GELU()]), layers.Linear(5), layers.Sequential([layers.Dropout()])]
        ),
        layers.Residual([layers.Dropout()]),
        layers.Linear(2),
    ],
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", EACH)
def test_each_layer_in_c_gives_the_outputs_of_its_steps(name, dtype, tmp_path):
    model = built(EACH[name](), dtype=dtype)
    rng = np.random.default_rng(1)
    x = rng.normal(size=(4, 30, 5)).astype(np.float32)
    model.forward(np.moveaxis(x, 1, 0).astype(dtype).copy(), training=True, rng=rng)  # statistics of norms
    wanted = model.forward(np.moveaxis(x, 1, 0).astype(dtype).copy())
    outputs = Program(layers.export_c(model, tmp_path / f"{name}.c"))(x, model.n_out)
    assert np.abs(wanted).max() > 0
    assert np.moveaxis(outputs, 1, 0) == pytest.approx(wanted, rel=1e-5, abs=2e-6)


@pytest.mark.parametrize("bits", [1, 3, 4, 6, 8, 11, 16, 20])
@pytest.mark.parametrize("scheme", ["asymmetric", "symmetric", "log_polar", "bare", "tensor"])
def test_quantised_models_in_c_have_the_weights_and_states_of_the_layers(bits, scheme, tmp_path):
    if scheme == "symmetric" and bits < 2:
        pytest.skip("a symmetric grid needs two bits")
    kind = scheme if scheme in ("symmetric", "log_polar") else "asymmetric"
    real = "symmetric" if scheme == "symmetric" else "asymmetric"
    more = {
        "per": "tensor" if scheme == "tensor" else "head",
        "zero": "bare" if scheme == "bare" else "included",
    }
    grid = layers.Quantizer(bits, real, **more)
    plan = layers.StateSpaceQuantization(
        layers.Quantizer(bits, kind, **more), grid, grid, grid, grid, clip=3.0
    )
    model = built(
        [
            layers.QuantizedLinear(6, grid),
            layers.FakeQuantize(grid),
            layers.S4D(8, delta=(0.05, 0.5), quantization=plan),
            layers.QGELU(),
            layers.QuantizedLinear(3, grid),
        ]
    )
    rng = np.random.default_rng(2)
    x = rng.normal(size=(5, 40, 5)).astype(np.float32)
    shown = np.moveaxis(x, 1, 0).copy()
    observers = [layer for layer in model.layers if hasattr(layer, "observing")]
    for layer in observers:
        layer.observing = True
    model.forward(shown)
    for layer in observers:
        layer.calibrate()
    wanted = np.moveaxis(model.forward(shown), 1, 0)
    outputs = Program(layers.export_c(model, tmp_path / "quantised.c"))(x, 3)
    # A sum within rounding of a border may fall on its other side: one sequence differs from there on.
    same = np.abs(outputs - wanted).max(axis=(1, 2)) < 1e-4 * np.abs(wanted).max()
    assert same.sum() >= 4
    text = (tmp_path / "quantised.c").read_text()
    assert "uint8_t quantised" in text or bits > 8
    if bits <= 8:
        assert "uint8_t re_2[24];" in text or scheme == "bare"


def test_weights_of_a_circuit_take_two_bits_in_c_and_predictions_are_those_of_the_stream(tmp_path):
    x, labels = digits("train", 600)
    shown, _ = digits("test", 400)
    spikes = [(each[..., None] > np.array([0.2, 0.4, 0.6, 0.8])).astype(np.float32) for each in (x, shown)]
    x, shown = (each.reshape(len(each), 8, -1) for each in spikes)
    parts = [layers.QuantizedMinGRU(32), layers.QuantizedMinGRU(10, output="state", gain=20.0)]
    model = SequenceClassifier(parts, readout="last", epochs=3, learning_rate=0.01, progress=False)
    model.fit(x, labels)
    path = model.export_c(tmp_path / "core.c")
    text = path.read_text()
    assert f"uint8_t core_weight_0[{32 * 32 // 4 + 2}]" in text  # 4 weights a byte, and 2 bytes to read over
    outputs = Program(path)(shown, 10)
    assert len(np.unique(outputs[:, -1].argmax(axis=1))) > 5
    assert (model.classes_[outputs[:, -1].argmax(axis=1)] == model.predict(shown)).all()


def test_the_readout_in_c_is_what_a_prediction_is_read_from(tmp_path):
    x = np.random.default_rng(0).normal(size=(30, 12, 3)).astype(np.float32)
    labels = np.arange(30) % 3
    for readout in ("mean", "last", "sum", "max", "cumulative"):
        model = SequenceClassifier("min_gru", hidden=(5,), readout=readout, epochs=1, progress=False).fit(
            x, labels
        )
        path = model.export_c(tmp_path / f"read_{readout}.c")
        name = path.stem
        more = tmp_path / f"more_{readout}.c"
        more.write_text(
            path.read_text() + f"void whole(int steps, const float *x, float *y);\n"
            f"void whole(int steps, const float *x, float *y) {{\n"
            f"    static {name}_state s;\n    float out[{name}_OUTPUTS];\n    {name}_reset(&s);\n"
            f"    for (int t = 0; t < steps; t++)\n        {name}_step(&s, x + t * {name}_INPUTS, out);\n"
            f"    {name}_readout(&s, y);\n}}\n"
        )
        library = tmp_path / f"{readout}.so"
        flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
        subprocess.run([CC, *flags, str(more), "-o", str(library), "-lm"], check=True)
        whole = ctypes.CDLL(str(library)).whole
        real = ctypes.POINTER(ctypes.c_float)
        y = np.zeros((30, 3), np.float32)
        for each, out in zip(x, y, strict=True):
            whole(len(each), each.ctypes.data_as(real), out.ctypes.data_as(real))
        e = np.exp(y - y.max(axis=1, keepdims=True))
        assert e / e.sum(axis=1, keepdims=True) == pytest.approx(model.predict_proba(x), abs=1e-5)


class Doubled(layers.Layer):
    """A layer of one's own, which writes its C itself."""

    def forward(self, x, **_):
        return 2 * self._checked(x)

    def write_c(self, program, x):
        y = program.buffer(self.n_out)
        program.add("for (size_t i = 0; i < $n; i++)\n    $y[i] = 2 * $x[i];", n=self.n_out, x=x, y=y)
        return y


class Silent(layers.Layer):
    """A layer of one's own without C."""


def test_a_layer_of_ones_own_writes_its_c_or_is_named(tmp_path):
    x = np.random.default_rng(0).normal(size=(2, 4, 3)).astype(np.float32)
    model = built([Doubled(), layers.Linear(2)], 3)
    outputs = Program(layers.export_c(model, tmp_path / "own.c"))(x, 2)
    assert np.moveaxis(outputs, 1, 0) == pytest.approx(model.forward(np.moveaxis(x, 1, 0).copy()), abs=1e-6)
    model = built([layers.Linear(3), layers.Residual([Silent()])], 3)
    with pytest.raises(
        ValueError, match="layer 1/0, Silent, cannot be written as C; give it a method write_c"
    ):
        layers.export_c(model, tmp_path / "silent.c")
    assert not list(tmp_path.glob("*silent*"))


def test_what_cannot_be_exported_gets_one_clear_line(tmp_path):
    x, labels = np.zeros((4, 3, 2), np.float32), [0, 1, 0, 1]
    estimator = SequenceClassifier("min_gru", hidden=(3,), epochs=0, progress=False)
    with pytest.raises(es.models.NotFittedError, match="call fit"):
        estimator.export_c(tmp_path / "model.c")
    estimator.fit(x, labels)
    for name, message in (
        ("2d.c", "must be an identifier, got '2d'"),
        ("my-model.c", "must be an identifier, got 'my-model'"),
        ("while.c", "must be an identifier, got 'while'"),
        ("model.h", "a name that ends in .c, got 'model.h'"),
    ):
        with pytest.raises(ValueError, match=message) as found:
            estimator.export_c(tmp_path / name)
        assert "\n" not in str(found.value)
    path = estimator.export_c(tmp_path / "model.c")
    before = path.read_text()
    with pytest.raises(FileExistsError, match="exists already"):
        estimator.export_c(path)
    estimator.export_c(path, overwrite=True)
    assert path.read_text() == before
    with pytest.raises(FileNotFoundError, match="does not exist"):
        estimator.export_c(tmp_path / "missing" / "model.c")
    dynamic = layers.StateSpaceQuantization(state=layers.Quantizer(8), calibration="dynamic")
    for parts, message in (
        ([layers.S4D(4, quantization=dynamic)], "layer 0, S4D, has states with dynamic ranges"),
        ([layers.FakeQuantize(layers.Quantizer(8), calibration="dynamic")], "has dynamic ranges"),
        ([layers.LIF(smooth=True)], "layer 0, LIF, has smooth spikes"),
        ([layers.BatchNorm(momentum=None)], "layer 0 normalises by whole batches"),
    ):
        with pytest.raises(ValueError, match=message):
            layers.export_c(built(parts), tmp_path / "part.c")
    with pytest.raises(ValueError, match="build or train it first"):
        layers.export_c(layers.Sequential([layers.GELU()]), tmp_path / "part.c")
    assert {each.name for each in tmp_path.iterdir()} == {"model.c"}
