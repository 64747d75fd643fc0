"""Estimators of users' own sequences: forms of samples, habits of scikit-learn, memory, streams, errors."""

import pickle

import numpy as np
import pytest

import eventsim as es

layers = es.models.layers
SequenceClassifier, SequenceRegressor = es.models.SequenceClassifier, es.models.SequenceRegressor


def spiky(n=120, steps=30, seed=0):
    """Return sequences of spikes whose class is which half of the channels is more active late."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, n)
    rates = np.full((n, steps, 8), 0.1)
    rates[:, steps // 2 :, :4] += 0.3 * labels[:, None, None]
    rates[:, steps // 2 :, 4:] += 0.3 * (1 - labels)[:, None, None]
    return (rng.random(rates.shape) < rates).astype(np.float32), np.array(["left", "right"])[labels]


@pytest.mark.parametrize("name", ["lif", "min_gru", "s4d", "mgrade"])
def test_every_preset_learns(name):
    x, labels = spiky()
    model = SequenceClassifier(name, hidden=(16,), tau=8.0, epochs=12, batch=20, progress=False)
    model.fit(x[:90], labels[:90])
    assert model.history_["train_loss"][-1] < model.history_["train_loss"][0]
    assert model.score(x[90:], labels[90:]) > 0.85
    assert set(model.predict(x[:3])) <= {"left", "right"}
    assert model.predict_proba(x[:5]).sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_own_layers_are_copied_and_the_same_seed_gives_the_same_bits():
    x, labels = spiky()
    own = [layers.TemporalConv(12, 3, dilation=2), layers.GELU(), layers.Dropout(0.2)]
    fitted = [
        SequenceClassifier(own, epochs=3, threads=threads, progress=False).fit(x, labels)
        for threads in (1, 2)
    ]
    assert own[0].n_in == 0
    for name, array in fitted[0].model_.parameters.items():
        assert (array == fitted[1].model_.parameters[name]).all()
    other = SequenceClassifier(own, epochs=3, random_state=1, progress=False).fit(x, labels)
    assert (other.model_.parameters["weight/0"] != fitted[0].model_.parameters["weight/0"]).any()


def test_sequences_of_different_lengths_are_padded_only_where_asked():
    x, labels = spiky()
    rng = np.random.default_rng(0)
    ragged = [each[: rng.integers(20, 31)] for each in x]
    with pytest.raises(ValueError, match="sequences have lengths from 20 to 30; set padding='end'"):
        SequenceClassifier(progress=False).fit(ragged, labels)
    model = SequenceClassifier(
        "lif", hidden=(16,), tau=8.0, padding="end", epochs=15, batch=20, progress=False
    )
    model.fit(ragged, labels)
    assert model.score(ragged, labels) > 0.8
    alone = [model.predict([each])[0] for each in ragged[:10]]  # padding does not matter
    assert (model.predict(ragged[:10]) == alone).all()


def test_spikes_are_counted_in_steps():
    x, labels = spiky()
    dt = 0.5
    trains = []
    for sample in x:
        step, unit = np.nonzero(sample)
        trains.append((dt * (step + 0.4), unit))
    settings = dict(hidden=(8,), tau=4.0, dt=dt, epochs=2, progress=False)
    counted = SequenceClassifier("lif", **settings).fit(trains, labels)
    dense = SequenceClassifier("lif", **settings).fit(x, labels)
    assert counted.n_features_in_ == 8
    for name, array in counted.model_.parameters.items():
        assert (array == dense.model_.parameters[name]).all()
    assert (counted.predict(trains[:5]) == dense.predict(x[:5])).all()


def test_early_stopping_goes_back_to_the_best_epoch():
    x, labels = spiky()
    model = SequenceClassifier("lif", hidden=(8,), epochs=6, early_stopping=True, progress=False)
    model.fit(x, labels)
    assert len(model.history_["validation_accuracy"]) == 6


def test_habits_of_scikit_learn():
    sklearn = pytest.importorskip("sklearn.base")
    x, labels = spiky(60)
    model = SequenceClassifier([layers.MinGRU(6)], epochs=2, progress=False)
    same = sklearn.clone(model)
    assert same.get_params().keys() == model.get_params().keys()
    assert same.set_params(epochs=1).epochs == 1
    with pytest.raises(ValueError, match="no setting is named 'epoch'; did you mean 'epochs'"):
        model.set_params(epoch=2)
    with pytest.raises(es.models.NotFittedError, match="call fit"):
        model.predict(x)
    model.fit(x, labels)
    again = pickle.loads(pickle.dumps(model))
    assert (again.predict_proba(x) == model.predict_proba(x)).all()
    assert model.classes_.tolist() == ["left", "right"]


@pytest.mark.parametrize("readout", ["last", "each_step"])
def test_a_regressor_learns_a_running_sum(readout):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 15, 2))
    y = np.cumsum(0.2 * x[:, :, :1], axis=1)
    targets = y if readout == "each_step" else y[:, -1, 0]
    model = SequenceRegressor(
        "min_gru", hidden=(16,), readout=readout, epochs=30, batch=20, learning_rate=0.03, progress=False
    ).fit(x, targets)
    assert model.predict(x).shape == targets.shape
    assert model.score(x, targets) > 0.7


def test_the_memory_report_counts_what_the_stream_holds():
    x, labels = spiky(40)
    own = [layers.TemporalConv(12, 3, dilation=2), layers.LIF(8.0, train_alpha=True), layers.MinGRU(5)]
    model = SequenceClassifier(own, epochs=0, progress=False).fit(x, labels)
    report = model.memory_report()
    by_place = {each.place: each for each in report.layers}
    assert by_place["0"].parameters == 3 * 8 * 12 + 12
    assert by_place["0"].state == 5 * 8  # the ring: (K - 1) d + 1 steps
    assert (by_place["1"].parameters, by_place["1"].buffers, by_place["1"].state) == (12, 12, 24)
    assert by_place["2"].parameters == 2 * (12 * 5 + 5)
    assert by_place["2"].state == 5
    assert by_place["3"].parameters == 5 * 2 + 2
    total = report.total
    assert total.bits == 32 * (total.parameters + total.buffers + total.state)
    assert report.n_bytes == total.bits // 8
    assert str(report).count("\n") == len(report.layers) + 1
    assert f"{total.bits}" in str(report).splitlines()[-1]


def test_delays_of_mgrade_are_learned_and_stay_inside_their_window():
    x, labels = spiky(60)
    settings = {"hidden": (8,), "random_state": 2, "progress": False}
    start = SequenceClassifier("mgrade", epochs=0, **settings).fit(x, labels).model_.parameters
    model = SequenceClassifier("mgrade", epochs=6, batch=10, learning_rate=0.2, **settings).fit(x, labels)
    (name,) = [name for name in start if name.startswith("position")]
    position = model.model_.parameters[name]
    assert np.abs(position - start[name]).max() > 1  # five times as fast as weights
    assert position.min() == 0
    assert position.max() <= 15
    assert model.predict(x).shape == (60,)


# ---------------------------------------------------------------------- streams


def after_an_empty_step(x):
    """Return sequences (time, batch, channels) as a model sees them behind a projection: one tick late."""
    shown = np.moveaxis(x, 1, 0)
    return np.concatenate([np.zeros_like(shown[:1]), shown])


@pytest.mark.parametrize("name", ["lif", "min_gru", "s4d", "mgrade"])
def test_a_stream_through_the_engine_gives_the_bits_of_the_batch(name):
    x, labels = spiky(40)
    model = SequenceClassifier(name, hidden=(12,), tau=8.0, epochs=2, progress=False).fit(x, labels)
    stream = model.stream()
    direct, net = es.Network(), es.Network()
    for each in (direct, net):
        each.add("model", stream, stream.n)
    net.add("x", es.models.RateInput(), 8)
    net.connect("x", "model", weight=np.eye(8))
    shown = np.moveaxis(x[:5], 1, 0).astype(np.float64)
    results = []
    for each, source in ((direct, "model"), (net, "x")):
        sim = es.Simulation(each, dt=1.0, batch=5)
        sim.record("model", "rate", every=1.0)
        sim.set_input(source, shown, every=1.0)
        sim.run_ticks(30 + (source == "x"))
        results.append(sim.trace("model", "rate").values.reshape(-1, 5, 8)[:, :, :2])
    outputs, late = results
    wanted = model.model_.forward(shown.astype(np.float32))
    assert np.abs(wanted).max() > 0.01
    assert (outputs == wanted).all()
    assert (late == model.model_.forward(after_an_empty_step(x[:5]))).all()


def test_spikes_drive_a_stream_and_its_outputs_drive_spiking_neurons():
    x, labels = spiky(40)
    dt = 0.5
    model = SequenceClassifier("lif", hidden=(12,), tau=4.0, dt=dt, epochs=2, progress=False).fit(x, labels)
    stream = model.stream()
    net = es.Network()
    net.add("x", es.models.SpikeSource(), 8)
    net.add("model", stream, stream.n)
    net.add("cells", es.models.LIF(tau_mem=5.0, v_th=0.05), 3)
    weights = np.zeros((8, stream.n))
    weights[:, :8] = dt * np.eye(8)
    net.connect("x", "model", weight=weights)
    net.connect("model", "cells", weight=np.abs(np.random.default_rng(0).normal(size=(stream.n, 3))))
    step, unit = np.nonzero(x[0])

    def simulation():
        sim = es.Simulation(net, dt=dt)
        sim.stimulate("x", dt * (step + 0.5), unit)
        sim.record("model", "rate", every=dt)
        return sim

    sim = simulation()
    sim.run_ticks(31)
    outputs = sim.trace("model", "rate").values.reshape(31, -1)[:, :2]
    wanted = model.model_.forward(after_an_empty_step(x[:1]))[:, 0]
    assert (outputs == wanted).all()
    assert len(sim.spikes("cells"))
    half = simulation()
    half.run_ticks(13)
    again = simulation()
    again.restore(half.snapshot())
    again.run_ticks(18)
    assert (again.array("model") == sim.array("model")).all()
    late = sim.spikes("cells").times >= half.now
    assert late.any()
    assert (again.spikes("cells").times == sim.spikes("cells").times[late]).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_in", [5, 600])
def test_a_compiled_stream_gives_the_bits_of_the_steps(dtype, n_in):
    rng = np.random.default_rng(0)
    parts = [
        layers.Linear(20, weight_range=1.0),
        layers.BatchNorm(),
        layers.LIF(5.0, threshold=rng.uniform(0.5, 1, 20)),
        layers.Dropout(0.5),
        layers.Linear(6, bias=False, weight_range=1.0),
        layers.LIF(9.0, surrogate="triangle", smooth=True),
        layers.Linear(3),
        layers.LeakyReadout([4.0, 5.0, 6.0]),
    ]
    model = layers.Sequential(parts)
    model.build(n_in, rng, dtype)
    x = rng.normal(size=(40, 7, n_in)).astype(dtype)
    model.forward(x, training=True, rng=rng)
    wanted = model.forward(x)
    stream = layers.compiled_stream(model, 7)
    outputs, states = [], []
    for x_t in x:
        outputs.append(stream.step(x_t).copy())
        states.append(stream.state())
    assert (np.stack(outputs) == wanted).all()
    again = layers.compiled_stream(model, 7)
    again.restore(states[10])
    assert all((again.step(x_t) == y).all() for x_t, y in zip(x[11:], outputs[11:], strict=True))
    with pytest.raises(ValueError, match="a step takes an array"):
        stream.step(x[0, :3])
    assert layers.compiled_stream(layers.Sequential([layers.TemporalConv(2, 2)]), 1) is None


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_in", [3, 130, 700])
def test_a_stream_of_single_spikes_has_the_bits_of_the_batch(dtype, n_in):
    """The rows of the weights are summed where there are spikes; other values go through products."""
    rng = np.random.default_rng(1)
    parts = [
        layers.Linear(37, weight_range=1.0),
        layers.LIF(5.0, threshold=0.5),
        layers.Linear(20, bias=False, weight_range=1.0),
        layers.LIF(9.0),
        layers.Linear(3),
    ]
    model = layers.Sequential(parts)
    model.build(n_in, rng, dtype)
    x = (rng.random((60, 1, n_in)) < rng.choice([0.0, 0.1, 0.9, 1.0], (60, 1, 1))).astype(dtype)
    x[40:] *= rng.choice([1.0, 2.0, -1.0], (20, 1, n_in)).astype(dtype)
    wanted = model.forward(x)
    stream = layers.compiled_stream(model, 1)
    assert (np.stack([stream.step(x_t).copy() for x_t in x]) == wanted).all()
    assert 0.05 < model.layers[1].forward(model.layers[0].forward(x)).mean() < 0.95


def test_a_model_with_neurons_and_the_jitter_of_a_chip_saves_and_goes_on_to_the_same_bits(tmp_path):
    x, labels = spiky(40)
    model = SequenceClassifier("lif", hidden=(12,), tau=8.0, epochs=2, progress=False).fit(x, labels)
    stream = model.stream()
    net = es.Network(seed=3)
    net.add("x", es.models.Poisson(rate=200.0), 8)
    net.add("model", stream, stream.n)
    net.add("cells", es.models.LIF(tau_mem=5.0, v_th=0.05), 4)
    net.add("more", es.models.LIF(tau_mem=5.0, v_th=0.05), 4)
    net.connect("x", "model", weight=np.eye(8))
    net.connect("model", "cells", weight=np.abs(np.random.default_rng(0).normal(size=(8, 4))))
    net.connect("cells", "more", weight=1.0, delay=1.0)

    def simulation():
        return es.Simulation(net, dt=1.0, hardware="jitter,sigma=0.2")

    whole, half, again = simulation(), simulation(), simulation()
    whole.run(80.0)
    half.run(33.0)
    path = tmp_path / "state.h5"
    es.io.save(es.Trace(sizes={}, state=half.snapshot()), path)
    again.restore(es.io.load(path).state)
    again.run(80.0)
    assert (again.array("model") == whole.array("model")).all()
    for name in ("cells", "more"):
        late = whole.spikes(name).times >= 40.0
        assert late.any()
        found = again.spikes(name).times
        assert (found[found >= 40.0] == whole.spikes(name).times[late]).all()
    ideal = es.Simulation(net, dt=1.0)
    ideal.run(80.0)
    assert set(ideal.spikes("more").times) != set(whole.spikes("more").times)


def test_a_stream_says_what_does_not_fit():
    x, labels = spiky(40)
    model = SequenceClassifier("lif", hidden=(12,), dt=0.5, epochs=0, progress=False).fit(x, labels)
    stream = model.stream()
    net = es.Network()
    with pytest.raises(ValueError, match="8 inputs and 2 outputs, so it needs 8 units, got 2"):
        net.add("model", stream, 2)
    net.add("model", stream, 8)
    with pytest.raises(ValueError, match=r"steps of dt=0\.5, the simulation has ticks of dt=0\.1"):
        es.Simulation(net, dt=0.1).run(1.0)
    own = [layers.Linear(4), layers.BatchNorm(momentum=None)]
    model = SequenceClassifier(own, epochs=1, progress=False).fit(x, labels)
    with pytest.raises(ValueError, match="layer 1 normalises by whole batches; call freeze_statistics"):
        model.stream()


# ---------------------------------------------------------------------- bad input


def same(x, y):
    return x, y


def with_nan(x, y):
    x[0, 4] = np.nan
    return x, y


@pytest.mark.parametrize(
    ("settings", "change", "message"),
    [
        ({}, with_nan, "X holds nan in sample 0, step 4, channel 0"),
        (
            {},
            lambda x, y: (x[:, :, 0], y),
            r"X must have shape \(n_samples, time, channels\), got \(40, 30\)",
        ),
        ({}, lambda x, y: (x, y[:3]), "labels are 3, expected one for each of 40 samples"),
        ({}, lambda x, y: (x, ["one"] * 40), "labels hold one class only, 'one'"),
        ({"layers": [layers.TemporalConv(4, 5, dilation=9)]}, same, "fewer than a kernel that spans 37"),
        ({"head": [layers.Linear(5)]}, same, "the head has 5 outputs, 2 are needed for y"),
        ({"layers": [layers.LIF(8.0, dt=2.0)]}, same, "layer 0 has steps of dt=2, the estimator of dt=1"),
        ({"layers": "gru"}, same, "one of lif, min_gru, s4d, mgrade, got 'gru'"),
        ({"padding": "start"}, same, "padding must be None or 'end', got 'start'"),
        ({"readout": "first"}, same, "readout must be one of last"),
        ({"hidden": (0,)}, same, "hidden must be a whole number, at least 1, got 0"),
    ],
)
def test_bad_input_gets_one_clear_line(settings, change, message):
    x, labels = change(*spiky(40))
    with pytest.raises(ValueError, match=message) as found:
        SequenceClassifier(**settings, epochs=1, progress=False).fit(x, labels)
    assert "\n" not in str(found.value)


def test_a_loss_that_explodes_is_named():
    x, labels = spiky(40)
    model = SequenceClassifier([layers.Linear(4)], learning_rate=1e38, epochs=9, progress=False)
    with (
        np.errstate(all="ignore"),
        pytest.raises(FloatingPointError, match=r"the loss is .* lower the learning"),
    ):
        model.fit(1e5 * x, labels)


def test_other_channels_are_refused():
    x, labels = spiky(40)
    model = SequenceClassifier("lif", epochs=0, progress=False).fit(x, labels)
    with pytest.raises(ValueError, match="X has 3 channels, expected 8"):
        model.predict(x[:, :, :3])
