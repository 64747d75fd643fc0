"""Streams without Python between layers: the bits of the steps, the same states, alone and in the engine."""

import numpy as np
import pytest

import eventsim as es

layers = es.models.layers
Quantizer, Rounding = layers.Quantizer, layers.Rounding
EIGHT, FOUR = Quantizer(8), Quantizer(4)
PLAN = layers.StateSpaceQuantization(EIGHT, FOUR, FOUR, FOUR, EIGHT)
DYNAMIC = layers.StateSpaceQuantization(
    EIGHT, state=Quantizer(6, "symmetric"), calibration="dynamic", clip=2.0
)

MODELS = {
    "s4d": lambda: [
        layers.Linear(20),
        layers.Residual([layers.S4D(8), layers.GELU("tanh"), layers.Linear(40), layers.GLU()]),
        layers.LayerNorm(),
        layers.S4D(6, discretisation="bilinear"),
        layers.Linear(3),
    ],
    "quantised s4d": lambda: [
        layers.QuantizedLinear(20, FOUR),
        layers.FakeQuantize(EIGHT),
        layers.S4D(8, quantization=PLAN),
        layers.FakeQuantize(EIGHT),
        layers.QGELU(),
        layers.S4D(8, quantization=DYNAMIC),
        layers.QGELU("printed"),
        layers.FakeQuantize(None),
        layers.HardSigmoid(0.4),
        layers.QuantizedLinear(3, FOUR, bias=False),
    ],
    "min_gru": lambda: [layers.MinGRU(18), layers.MinGRU(7, positive=True), layers.Linear(3)],
    "rounded min_gru": lambda: [layers.MinGRU(18, rounding=Rounding(EIGHT, EIGHT)), layers.Linear(3)],
    "mgrade": lambda: [
        layers.Linear(12),
        layers.Residual([layers.LayerNorm(), layers.DelayConv(4, 11), layers.MinGRU()]),
        layers.Residual(
            [
                layers.LayerNorm(),
                layers.Linear(24),
                layers.GELU(),
                layers.Residual([layers.GELU()]),
                layers.Linear(12),
            ]
        ),
        layers.DelayConv(2, 5, kernel="gauss", rounding=Rounding(FOUR, EIGHT)),
        layers.Linear(3),
    ],
    "lif": lambda: [
        layers.Linear(20, weight_range=1.0),
        layers.LIF(5.0, rounding=Rounding(state=EIGHT)),
        layers.Linear(3),
        layers.LeakyReadout(4.0),
    ],
}


def built(name, n_in, dtype, rng):
    model = layers.Sequential(MODELS[name]())
    model.build(n_in, rng, dtype)
    layers.calibrate(model, [(rng.normal(size=(30, 6, n_in)).astype(dtype), None)])
    return model


def same(a, b):
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    return (a == b).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("batch", [1, 7])
@pytest.mark.parametrize("name", MODELS)
def test_a_compiled_stream_gives_the_bits_and_the_states_of_the_steps(name, batch, dtype):
    rng = np.random.default_rng(0)
    model = built(name, 5, dtype, rng)
    stream, state = layers.compiled_stream(model, batch), model.init_state(batch)
    assert same(stream.state(), state)
    states, outputs = [], []
    x = rng.normal(size=(40, batch, 5)).astype(dtype)
    for x_t in x:
        wanted, state = model.step(x_t, state)
        outputs.append(stream.step(x_t).copy())
        assert (outputs[-1] == wanted).all()
        states.append(stream.state())
        assert same(states[-1], state)
    assert np.ptp(outputs) > 0
    again = layers.compiled_stream(model, batch)
    again.restore(states[10])
    assert all((again.step(x_t) == y).all() for x_t, y in zip(x[11:], outputs[11:], strict=True))


@pytest.mark.parametrize("name", MODELS)
def test_a_population_goes_on_from_a_file_to_the_same_bits(name, tmp_path):
    rng = np.random.default_rng(1)
    model = built(name, 5, np.float32, rng)
    stream = layers.LayerStream(model, 1.0)
    net = es.Network()
    net.add("model", stream, stream.n)
    x = rng.normal(size=(24, stream.n))
    x[:, 5:] = 0

    def simulation(shown):
        sim = es.Simulation(net, dt=1.0)
        sim.set_input("model", shown, every=1.0)
        return sim

    whole, half, again = simulation(x), simulation(x), simulation(x)
    whole.run_ticks(24)
    half.run_ticks(11)
    path = tmp_path / "state.h5"
    es.io.save(es.Trace(sizes={}, state=half.snapshot()), path)
    again.restore(es.io.load(path).state)
    again.run_ticks(13)
    assert (again.array("model") == whole.array("model")).all()
    wanted = model.forward(x[:, None, :5].astype(np.float32))[-1]
    assert (whole.array("model")[:, :3] == wanted).all()


def test_what_has_no_compiled_step_runs_layer_by_layer():
    rng = np.random.default_rng(0)
    for part in (layers.TemporalConv(2, 2), layers.FakeQuantize(EIGHT, calibration="dynamic")):
        model = layers.Sequential([layers.Linear(2), layers.Residual([part])])
        model.build(3, rng)
        assert layers.compiled_stream(model, 1) is None
