"""Estimators of sequences in files, and the best epoch on samples that are not learned."""

import inspect
import warnings

import numpy as np
import pytest

import eventsim as es
from eventsim.errors import FileFormatError

layers = es.models.layers
SequenceClassifier, SequenceRegressor = es.models.SequenceClassifier, es.models.SequenceRegressor


def spiky(n=40, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, n)
    return (rng.random((n, 12, 4)) < 0.2 + 0.4 * labels[:, None, None]).astype(np.float32), labels


@pytest.mark.parametrize("name", ["lif", "min_gru", "s4d", "mgrade"])
def test_an_estimator_from_a_file_predicts_the_same_bits(name, tmp_path):
    x, labels = spiky()
    names = np.array(["left", "right"])[labels]
    model = SequenceClassifier(name, hidden=(6,), tau=4.0, epochs=2, progress=False).fit(x, names)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rounded = model.quantize(x, bits={"weights": 4, "states": 6, "activations": 6, "poles": 8})
    for kind, each in (("full", model), ("rounded", rounded)):
        path = tmp_path / f"{kind}.h5"
        each.save(path)
        again = SequenceClassifier.load(path)
        assert (again.predict_proba(x) == each.predict_proba(x)).all()
        assert again.predict(x).tolist() == each.predict(x).tolist()
        assert again.memory_report() == each.memory_report()
        assert again.history_ == each.history_
        settings, own = again.get_params(), each.get_params()
        assert {key: settings[key] for key in settings if key != "callbacks"} == {
            key: own[key] for key in own if key != "callbacks"
        }
        assert (again.fit(x, names).predict_proba(x) == model.predict_proba(x)).all()
    with pytest.raises(FileExistsError, match="exists already"):
        model.save(path)
    assert sorted(es.io.load(path).parameters) == sorted(rounded.model_.parameters)


def test_own_lists_of_layers_with_all_their_settings_come_back(tmp_path):
    x, _ = spiky()
    y = x.sum(axis=2, keepdims=True)
    plan = layers.StateSpaceQuantization(layers.Quantizer(8, "log_polar"), clip=np.inf)
    own = [
        layers.Linear(5, weight_range=0.3),
        layers.Residual(
            [layers.DelayConv(2, 6, kernel="gauss", positions=[0.5, 3.0]), layers.LIF([3.0] * 5)]
        ),
        layers.S4D(4, delta=(0.1, 0.2), quantization=plan),
        layers.TemporalConv(3, 2),
        layers.Dropout(0.25),
    ]
    model = SequenceRegressor(own, readout="each_step", epochs=1, dtype="float64", progress=False).fit(x, y)
    path = tmp_path / "own.h5"
    model.save(path)
    again = SequenceRegressor.load(path)
    assert (again.predict(x) == model.predict(x)).all()
    assert again.layers[2].quantization == plan
    assert again.layers[1].layers[1].tau == [3.0] * 5
    assert again.model_.dtype == np.float64
    flat = SequenceRegressor("min_gru", hidden=(3,), readout="last", epochs=1, progress=False).fit(
        x, y[:, -1, 0]
    )
    flat.save(path, overwrite=True)
    assert SequenceRegressor.load(path).predict(x).shape == (40,)


def test_settings_of_every_layer_are_attributes_with_their_names():
    """What `described` relies on."""
    for name in layers.__all__:
        cls = getattr(layers, name)
        if isinstance(cls, type) and issubclass(cls, layers.Layer) and cls is not layers.Layer:
            needed = {"n_out": 2, "kernel": 2, "layers": [layers.GELU()], "quantizer": None}
            parameters = inspect.signature(cls).parameters
            made = cls(**{key: needed[key] for key, each in parameters.items() if each.default is each.empty})
            made.build(2, np.random.default_rng(0))
            assert all(hasattr(made, key) for key in parameters), name


def test_converted_poles_are_kept(tmp_path):
    x, labels = spiky()
    model = SequenceClassifier([layers.S4D(4)], epochs=1, progress=False).fit(x, labels)
    for kind in ("discrete", "frozen"):
        model.model_.layers[0].convert(kind)
        model.model_.adopt()
        model.save(tmp_path / f"{kind}.h5")
        again = SequenceClassifier.load(tmp_path / f"{kind}.h5")
        assert again.model_.layers[0].parametrisation == kind
        assert (again.predict_proba(x) == model.predict_proba(x)).all()


class Own(layers.GELU):
    """A layer of one's own."""


def test_files_that_cannot_be_get_one_clear_line(tmp_path):
    x, labels = spiky()
    with pytest.raises(es.models.NotFittedError, match="call fit"):
        SequenceClassifier().save(tmp_path / "a.h5")
    model = SequenceClassifier([Own()], epochs=0, progress=False).fit(x, labels)
    with pytest.raises(TypeError, match=r"Own is no layer of eventsim\.models\.layers"):
        model.save(tmp_path / "a.h5")
    assert not list(tmp_path.iterdir())
    model = SequenceClassifier("min_gru", hidden=(3,), epochs=0, progress=False).fit(x, labels)
    path = tmp_path / "b.h5"
    model.save(path)
    with pytest.raises(FileFormatError, match="holds no SequenceRegressor, but a SequenceClassifier"):
        SequenceRegressor.load(path)
    trace = es.io.load(path)
    trace.state["model"] = trace.state["model"].replace('"MinGRU"', '"open"')
    es.io.save(trace, tmp_path / "c.h5")
    with pytest.raises(FileFormatError, match="is damaged: no layer is named 'open'"):
        SequenceClassifier.load(tmp_path / "c.h5")
    es.io.save(es.Trace(sizes={}), tmp_path / "d.h5")
    trace.state["estimator"] = np.array(["a", "b"])
    es.io.save(trace, tmp_path / "e.h5")
    for name in "de":
        with pytest.raises(FileFormatError, match=f"{name}.h5 holds no SequenceClassifier$"):
            SequenceClassifier.load(tmp_path / f"{name}.h5")


def test_the_best_epoch_on_given_samples_counts():
    x, labels = spiky(60)
    held, held_labels = spiky(30, seed=1)
    settings = dict(hidden=(4,), epochs=6, learning_rate=0.05, progress=False)
    model = SequenceClassifier("min_gru", **settings).fit(x, labels, validation=(held, held_labels))
    found = model.history_["validation_accuracy"]
    assert len(found) == 6
    assert model.score(held, held_labels) == pytest.approx(max(found))
    alone = SequenceClassifier("min_gru", **settings).fit(x, labels)
    assert alone.history_["train_loss"] == model.history_["train_loss"]  # held-out samples change no step
    y, held_y = x.sum(axis=(1, 2)), held.sum(axis=(1, 2))
    regressor = SequenceRegressor("min_gru", **settings).fit(x, y, validation=(held, held_y))
    best = min(regressor.history_["validation_loss"])
    assert ((regressor.predict(held) - held_y) ** 2).mean() == pytest.approx(best, rel=1e-4)
    with pytest.raises(ValueError, match=r"validation must be a pair \(X, y\)"):
        SequenceClassifier("min_gru").fit(x, labels, validation=held)
    with pytest.raises(ValueError, match="X has 3 channels, expected 4"):
        SequenceClassifier("min_gru", progress=False).fit(x, labels, validation=(held[:, :, :3], held_labels))
