"""The estimator for a user's own stream of tasks."""

import numpy as np
import pytest

import eventsim as es
from eventsim.models import GrowingClassifier
from eventsim.models.growth import Growth


def task(seed, n=150, features=10):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, n)
    return np.array(["no", "yes"])[labels], 3 * rng.normal(size=(2, features))[labels] + rng.normal(
        size=(n, features)
    )


def learned(**settings):
    model = GrowingClassifier(**{"epochs": 15, "trigger": "ed_only"} | settings)
    for seed in range(3):
        labels, x = task(seed)
        model.partial_fit(x, labels)
    return model


def test_it_learns_task_after_task_and_grows():
    model = learned()
    labels, x = task(2)
    assert model.score(x, labels) > 0.95
    assert list(model.classes_) == ["no", "yes"]
    assert model.n_tasks_ == 3
    assert sum(model.widths_) == 24 + model.log_["added"].sum() > 24
    assert model.n_parameters_ == sum(array.size for array in model.model_.parameters.values())
    assert np.array_equal(model.predict(x), model.classes_[model.predict_proba(x).argmax(axis=1)])
    assert model.predict_proba(x).sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert len(model.history_) == 3


def test_consolidation_holds_earlier_tasks():
    """Without it the first task is forgotten further."""
    labels, x = task(0)
    held = np.mean(
        [learned(importance=200.0, trigger=None, random_state=k).score(x, labels) for k in range(4)]
    )
    free = np.mean([learned(importance=0.0, trigger=None, random_state=k).score(x, labels) for k in range(4)])
    assert held > free + 0.05


def test_the_same_seed_gives_the_same_bits_and_fit_begins_anew():
    one, other = learned(), learned()
    for name, array in one.model_.parameters.items():
        assert array.tobytes() == other.model_.parameters[name].tobytes()
    labels, x = task(0)
    fresh = GrowingClassifier(epochs=15, trigger="ed_only").partial_fit(x, labels)
    assert one.fit(x, labels).n_tasks_ == 1
    assert np.array_equal(one.predict_proba(x), fresh.predict_proba(x))


def test_it_runs_as_a_population_to_the_same_bits():
    model, (_, x) = learned(), task(1)
    stream = model.stream()
    net = es.Network(seed=1)
    net.add("classifier", stream, stream.n)
    sim = es.Simulation(net, dt=1.0)
    shown = np.zeros(stream.n)
    for sample in x[:20]:
        shown[:10] = sample
        sim.set_input("classifier", shown)
        sim.run_ticks(1)
        output = sim.array("classifier", "rate")[0, :2]
        assert np.array_equal(output, model.model_.forward(sample[None, None].astype(np.float32))[0, 0])


def test_settings_are_those_of_scikit_learn():
    base = pytest.importorskip("sklearn.base")
    model = base.clone(GrowingClassifier((16,), importance=3.0))
    assert model.get_params()["importance"] == 3.0
    assert model.set_params(epochs=2).epochs == 2


def test_a_grid_search_can_be_run():
    selection = pytest.importorskip("sklearn.model_selection")
    labels, x = task(0)
    found = selection.GridSearchCV(GrowingClassifier(epochs=3), {"learning_rate": [1e-5, 1e-2]}, cv=2).fit(
        x, labels
    )
    assert found.best_params_["learning_rate"] == 1e-2


def test_wrong_use_is_one_clear_line():
    labels, x = task(0)
    with pytest.raises(es.models.NotFittedError, match="call partial_fit"):
        GrowingClassifier().predict(x)
    with pytest.raises(ValueError, match="labels hold one class only, 'no'"):
        GrowingClassifier().partial_fit(x, ["no"] * len(x))
    with pytest.raises(ValueError, match="X holds no samples or no features"):
        GrowingClassifier().partial_fit(x[:0], labels[:0])
    with pytest.raises(ValueError, match="the first task has 11 samples, fewer than the 12 units"):
        GrowingClassifier().partial_fit(x[:11], labels[:11])
    with pytest.raises(ValueError, match="hidden must be a whole number, at least 12, got 8"):
        GrowingClassifier((8,), growth=Growth(size_rule="floor")).partial_fit(x, labels)
    with pytest.raises(ValueError, match="trigger must be None or one of ed_fisher"):
        GrowingClassifier(trigger="always").partial_fit(x, labels)
    model = GrowingClassifier(epochs=1).partial_fit(x, labels)
    with pytest.raises(ValueError, match="label 'maybe' of sample 0 is none of the classes 'no', 'yes'"):
        model.partial_fit(x[:1], ["maybe"])
    with pytest.raises(ValueError, match="X has 9 features, expected 10"):
        model.predict(x[:, :9])
    bad = x.copy()
    bad[3, 4] = np.nan
    with pytest.raises(ValueError, match="X holds nan in sample 3, feature 4"):
        model.predict(bad)
    with pytest.raises(ValueError, match="classes were"):
        model.partial_fit(x, labels, classes=["no", "yes", "maybe"])
