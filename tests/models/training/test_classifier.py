"""The classifier as users meet it: moons and spirals, samples and labels of all sorts, files, messages."""

import copy
import math
import pickle
import re

import numpy as np
import pytest

import eventsim as es
from eventsim.errors import FileFormatError
from eventsim.models import SpikingClassifier
from eventsim.models.training.estimators import NotFittedError
from eventsim.models.training.losses.first_spike import TimeToFirstSpike
from eventsim.trace import Spikes


def moons(n, seed, noise=0.1):
    """Two interleaved half circles, coordinates as times in [0, 1]."""
    rng = np.random.default_rng(seed)
    angle, label = rng.uniform(0, np.pi, n), np.arange(n) % 2
    x = np.where(label, 1 - np.cos(angle), np.cos(angle)) + rng.normal(0, noise, n)
    y = np.where(label, 0.5 - np.sin(angle), np.sin(angle)) + rng.normal(0, noise, n)
    return np.clip(np.stack([(x + 1.5) / 4, (y + 1) / 2.5], axis=1), 0, 1), label


def spirals(n, seed, arms=3, turns=1.0):
    rng = np.random.default_rng(seed)
    label, u = np.arange(n) % arms, np.sqrt(rng.uniform(0, 1, n))
    angle, radius = 2 * np.pi * (turns * u + label / arms), 0.1 + 0.9 * u
    x = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1) + rng.normal(0, 0.02, (n, 2))
    return (x + 1.1) / 2.2, label


def easy(n=60, seed=1):
    """Which of two inputs spikes first."""
    times = np.random.default_rng(seed).uniform(0, 1, (n, 2))
    return times, (times[:, 0] > times[:, 1]).astype(int)


def quick(**settings):
    return SpikingClassifier(**({"hidden": (10,), "epochs": 20} | settings))


@pytest.mark.parametrize("scale", [lambda t: 0.15 + 1.85 * t, lambda t: 40.0 + 25.0 * t])
def test_moons_are_learned_in_any_unit_of_time(scale):
    classifier = SpikingClassifier(epochs=80)
    times, labels = moons(300, seed=1)
    classifier.fit(scale(times), labels)
    unseen, theirs = moons(400, seed=2)
    assert classifier.score(scale(unseen), theirs) > 0.95


def test_a_spiral_of_three_arms_is_learned_with_the_defaults():
    classifier = SpikingClassifier().fit(*spirals(450, seed=1))
    assert classifier.score(*spirals(600, seed=2)) > 0.95


@pytest.mark.parametrize("delays", ["axonal", "dendritic", "none"])
def test_delays_of_every_kind_are_learned(delays):
    classifier = SpikingClassifier(delays=delays, epochs=60).fit(*moons(300, seed=1))
    assert classifier.score(*moons(300, seed=2)) > 0.9
    shapes = {"axonal": (4, 1), "dendritic": (1, 60)}
    found = classifier.learner_.parameters.get("delay/input->hidden1")
    assert found is None if delays == "none" else found.shape == shapes[delays]


def test_two_hidden_layers_and_a_single_number():
    assert quick(hidden=(12, 8), epochs=40).fit(*easy(200)).score(*easy(200, 2)) > 0.9
    assert quick(hidden=7).fit(*easy()).learner_.network().populations["hidden1"].n == 7


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (["left", "right"], "U"),
        ([-1, 1], "i"),
        ([False, True], "b"),
        ([("a", 1), ("b", 2)], "O"),
        ([0.5, 2.5], "f"),
        (["seven", 7], "O"),
    ],
)
def test_labels_may_be_of_any_hashable_sort(names, kind, tmp_path):
    times, index = easy()
    labels = [names[k] for k in index]
    classifier = quick().fit(times, labels)
    assert classifier.classes_.dtype.kind == kind
    assert set(classifier.classes_.tolist()) == set(names)
    predicted = classifier.predict(times).tolist()
    right = sum(a == b for a, b in zip(predicted, labels, strict=True))
    assert classifier.score(times, labels) == right / 60 > 0.8
    assert classifier.score(times, ["unheard of"] * 60) == 0.0
    classifier.save(tmp_path / "a.h5")
    again = SpikingClassifier.load(tmp_path / "a.h5")
    assert again.classes_.tolist() == classifier.classes_.tolist()
    assert again.classes_.dtype == classifier.classes_.dtype
    assert again.predict(times).tolist() == predicted


def test_lists_of_spikes_mean_the_same_as_an_array_with_inf():
    times, labels = easy()
    times[:5, 1] = np.inf
    lists = [(row[row < np.inf], np.flatnonzero(row < np.inf)) for row in times]
    trains = [Spikes(np.sort(t), u[np.argsort(t)]) for t, u in lists]
    plain = [(t.tolist(), u.tolist()) for t, u in lists]
    found = quick().fit(times, labels).predict_times(times)
    for given in (lists, trains, plain, times.tolist()):
        assert np.array_equal(quick().fit(given, labels).predict_times(given), found)


def test_several_spikes_of_an_input_are_learned():
    rng = np.random.default_rng(1)
    labels = np.arange(80) % 2
    # Class 1 has its spikes close together.
    samples = [(np.array([0.1, 0.1, 0.4 + 0.5 * (1 - k)]) + rng.uniform(0, 0.1), [0, 1, 0]) for k in labels]
    classifier = quick(hidden=30, epochs=60).fit(samples, labels)
    assert classifier.score(samples, labels) > 0.9


def test_times_of_outputs_are_on_the_clock_of_the_samples():
    times, labels = easy()
    one = quick().fit(times, labels)
    late = quick().fit(40 + 1000 * times, labels)
    outputs = one.predict_times(times)
    assert outputs.shape == (60, 2)
    assert (outputs > 0).all()
    assert np.array_equal(one.classes_[outputs.argmin(axis=1)], one.predict(times))
    assert late.predict_times(40 + 1000 * times) == pytest.approx(40 + 1000 * outputs, rel=1e-4)


def test_given_a_time_constant_times_are_taken_as_they_are():
    times, labels = easy(200)
    classifier = quick(tau_syn=0.5, epochs=40).fit(times, labels)
    assert classifier.score(times, labels) > 0.9
    sim = es.Simulation(classifier.learner_.network())
    sim.stimulate("input", [*(times[0] / 0.5), *(classifier._clock.turn - times[0] / 0.5)], np.arange(4))
    sim.stimulate("bias", [0.9], [0])
    sim.run(50.0)
    spikes = sim.spikes("label")
    assert 0.5 * spikes.times[np.argsort(spikes.units)] == pytest.approx(
        classifier.predict_times(times[:1])[0]
    )


def test_probabilities_order_the_classes_as_predictions_do():
    times, labels = easy()
    classifier = quick().fit(times, labels)
    shares = classifier.predict_proba(times)
    assert shares.sum(axis=1) == pytest.approx(1.0)
    assert np.array_equal(shares.argmax(axis=1), classifier.predict(times))


def test_where_no_output_spikes_the_most_frequent_class_stands():
    times, labels = easy()
    labels[:40] = 1
    classifier = quick(epochs=1).fit(times, labels)
    for name, weight in classifier.learner_.parameters.items():
        if name.endswith("label") and name.startswith("weight"):
            weight[:] = -1.0
    assert np.isinf(classifier.predict_times(times)).all()
    assert (classifier.predict(times) == 1).all()
    assert (classifier.predict_proba(times).argmax(axis=1) == 1).all()


def test_the_same_seed_gives_the_same_bits_on_any_number_of_threads():
    times, labels = easy()
    found = [
        quick(random_state=seed, threads=threads).fit(times, labels).predict_times(times)
        for seed, threads in ((0, 1), (0, 2), (1, 1))
    ]
    assert np.array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])
    generators = [quick(random_state=np.random.default_rng(3)).fit(times, labels) for _ in range(2)]
    assert np.array_equal(*(each.predict_times(times) for each in generators))
    quick(random_state=None, epochs=1).fit(times, labels)


def test_samples_are_kept_apart_and_the_best_epoch_is_returned_to():
    times, labels = easy(200)
    classifier = quick(validation_fraction=0.25, epochs=5).fit(times, labels)
    assert list(classifier.history_) == ["loss", "accuracy", "validation_accuracy"]
    assert [len(each) for each in classifier.history_.values()] == [5, 5, 5]
    assert (np.array(classifier.history_["validation_accuracy"]) * 50 % 1 < 1e-9).all()  # of 50 samples
    stopped = quick(early_stopping=True, patience=3, epochs=200).fit(times, labels, validation=easy(100, 2))
    seen = stopped.history_["validation_accuracy"]
    assert len(seen) < 200
    assert max(seen[-3:]) <= max(seen[:-3])
    assert stopped.score(*easy(100, 2)) == max(seen)
    assert "validation_accuracy" not in quick(epochs=1).fit(times, labels).history_


def test_callbacks_see_every_epoch_and_can_stop():
    seen = []

    def third(classifier, metrics):
        seen.append((classifier, dict(metrics)))
        return metrics["epoch"] == 2

    others = []
    classifier = quick(callbacks=[lambda c, metrics: others.append(metrics["loss"])])
    classifier.fit(*easy(), callbacks=[third])
    assert [metrics["epoch"] for _, metrics in seen] == [0, 1, 2]
    assert all(one is classifier for one, _ in seen)
    assert classifier.history_["loss"] == others
    assert seen[-1][1].keys() == {"epoch", "loss", "accuracy"}


def test_a_saved_classifier_is_the_same_and_its_file_a_trace(tmp_path):
    times, labels = easy()
    classifier = quick(loss=TimeToFirstSpike(xi=0.3), delays="axonal", random_state=5).fit(times, labels)
    path = tmp_path / "classifier.h5"
    classifier.save(path)
    again = SpikingClassifier.load(path)
    assert again.get_params() == classifier.get_params()
    assert np.array_equal(again.predict_times(times), classifier.predict_times(times))
    assert again.history_ == classifier.history_
    trace = es.io.load(path)
    weight = classifier.learner_.parameters["weight/input->hidden1"]
    assert np.array_equal(trace.parameters["weight/input->hidden1"], weight)
    assert trace.metrics["accuracy"] == classifier.history_["accuracy"][-1]
    with pytest.raises(FileExistsError):
        classifier.save(path)
    classifier.save(path, overwrite=True)


def test_what_was_learned_outlives_a_change_of_settings_and_a_copy(tmp_path):
    times, labels = easy()
    classifier = quick().fit(times, labels)
    found = classifier.predict_times(times)
    classifier.set_params(hidden=(4,), delays="none", loss=TimeToFirstSpike())
    classifier.save(tmp_path / "a.h5")
    for again in (
        SpikingClassifier.load(tmp_path / "a.h5"),
        pickle.loads(pickle.dumps(classifier)),
        copy.deepcopy(classifier),
    ):
        assert np.array_equal(again.predict_times(times), found)


def test_a_file_of_something_else_is_refused(tmp_path):
    es.io.save(es.trace.Trace(), tmp_path / "a.h5")
    with pytest.raises(FileFormatError, match=r"a.h5 holds no classifier; SpikingClassifier.save writes one"):
        SpikingClassifier.load(tmp_path / "a.h5")
    quick(epochs=1).fit(*easy()).save(tmp_path / "b.h5")
    trace = es.io.load(tmp_path / "b.h5")
    trace.state["learner"]["parameters"]["weight/input->hidden1"] = np.ones((3, 3))
    es.io.save(trace, tmp_path / "c.h5")
    with pytest.raises(FileFormatError, match=r"the classifier in .*c.h5 is damaged"):
        SpikingClassifier.load(tmp_path / "c.h5")
    with pytest.raises(FileNotFoundError):
        SpikingClassifier.load(tmp_path / "d.h5")


def test_what_cannot_be_stored_says_so(tmp_path):
    class Mine(TimeToFirstSpike):
        pass

    times, labels = easy()
    with pytest.raises(TypeError, match=r"cannot be stored; these can: TimeInvariant, TimeToFirstSpike"):
        quick(loss=Mine(), epochs=1).fit(times, labels).save(tmp_path / "a.h5")
    with pytest.raises(TypeError, match="classes"):
        quick(epochs=1).fit(times, [frozenset([k]) for k in labels]).save(tmp_path / "a.h5")
    assert not (tmp_path / "a.h5").exists()


# What is not right is told in one line.

TIMES, LABELS = easy()


def with_value(value):
    times = TIMES.copy()
    times[3, 1] = value
    return times


@pytest.mark.parametrize(
    ("times", "labels", "message"),
    [
        (
            with_value(math.nan),
            LABELS,
            "must be at times >= 0 or inf, got nan in sample 3, unit 1",
        ),
        (
            with_value(-0.2),
            LABELS,
            "must be at times >= 0 or inf, got -0.2 in sample 3, unit 1",
        ),
        (with_value(-math.inf), LABELS, "got -inf in sample 3, unit 1"),
        (
            TIMES[:, 0],
            LABELS,
            "have shape (60,), expected (n_samples, n_units)",
        ),
        (TIMES[None], LABELS, "have shape (1, 60, 2), expected (n_samples, n_units)"),
        (
            [[0.1, 0.2], [0.3]],
            LABELS,
            "are rows of unequal length; expected an array (n_samples, n_units) of first spikes",
        ),
        ([["a", "b"]], LABELS, "must be real numbers, got <U1"),
        (TIMES[:0], LABELS[:0], "times hold no samples"),
        ([], [], "have shape (0,), expected (n_samples, n_units)"),
        (np.full((60, 2), np.inf), LABELS, "no input spikes in any sample: all times are inf"),
        (TIMES, LABELS[:50], "labels are 50, expected one for each of 60 samples"),
        (TIMES, np.eye(60), "labels have shape (60, 60), expected one class for each of 60 samples"),
        (TIMES, np.zeros(60, int), "labels hold one class only, 0; at least two are needed"),
        (TIMES, np.where(LABELS == 0, np.nan, 1.0), "labels must be classes, got nan in sample"),
        (TIMES, [None, 1] * 30, "labels must be classes, got None in sample 0"),
        (TIMES, [[k] for k in LABELS.tolist()], "hashable things, got [0] in sample 0"),
        ([([0.1], [0, 1])] * 60, LABELS, "have 1 times but 2 units, in sample 0"),
        ([([0.1], [-1])] * 60, LABELS, "has units 0, 1, ..., got a spike of unit -1, in sample 0"),
        ([([0.1], [0.5])] * 60, LABELS, "must be integers, got float64, in sample 0"),
        ([([math.nan], [0])] * 60, LABELS, "must be numbers, got nan, in sample 0"),
        ([([], [])] * 60, LABELS, "no input spikes in any sample"),
    ],
)
def test_samples_and_labels_that_do_not_do_are_explained(times, labels, message):
    with pytest.raises((ValueError, TypeError), match=re.escape(message)) as told:
        quick().fit(times, labels)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hidden": (0,)}, "hidden must be a whole number, at least 1, got 0"),
        ({"hidden": (2.5,)}, "hidden must be a whole number, at least 1, got 2.5"),
        ({"delays": "axons"}, "delays must be 'synaptic', 'axonal', 'dendritic' or 'none', got 'axons'"),
        ({"epochs": -1}, "epochs must be a whole number, at least 0, got -1"),
        ({"batch": 0}, "batch must be a whole number, at least 1, got 0"),
        ({"learning_rate": -0.1}, "learning_rate must be finite and at least 0, got -0.1"),
        ({"tau_syn": 0.0}, "tau_syn must be positive, got 0.0"),
        ({"latest": 0.1}, "latest must be above 0.15, got 0.1"),
        ({"max_missing": 2}, "max_missing must lie between 0 and 1, got 2.0"),
        ({"validation_fraction": 1.0}, "validation_fraction must lie between 0 and 1, got 1.0"),
        ({"validation_fraction": 0.001}, "holds none of 60 samples out; raise it"),
        ({"patience": 0}, "patience must be a whole number, at least 1, got 0"),
        ({"random_state": "a"}, "random_state must be a whole number, at least 0, got 'a'"),
        ({"threads": 0}, "threads must be a whole number, at least 1, got 0"),
    ],
)
def test_settings_that_do_not_do_are_explained(settings, message):
    with pytest.raises((ValueError, TypeError), match=re.escape(message)):
        quick(**settings).fit(TIMES, LABELS)


def test_classes_that_are_named_must_have_samples_and_hold_all_labels():
    with pytest.raises(ValueError, match=r"class 2 has no sample"):
        quick().fit(TIMES, LABELS, classes=[0, 1, 2])
    with pytest.raises(ValueError, match=r"label 1 of sample \d+ is none of the classes 0, 2"):
        quick().fit(TIMES, LABELS, classes=[0, 2])
    assert quick(epochs=1).fit(TIMES, LABELS, classes=[1, 0]).classes_.tolist() == [1, 0]


def test_prediction_needs_a_trained_classifier_and_its_inputs():
    for asked in (lambda c: c.predict(TIMES), lambda c: c.score(TIMES, LABELS), lambda c: c.save("a.h5")):
        with pytest.raises(
            NotFittedError, match=r"has not learned anything yet: call fit\(times, labels\) first"
        ):
            asked(quick())
    classifier = quick(epochs=1).fit(TIMES, LABELS)
    with pytest.raises(ValueError, match=r"shape \(4, 3\), expected \(n_samples, 2\)"):
        classifier.predict(np.ones((4, 3)))
    with pytest.raises(ValueError, match=r"has units 0\.\.1, got a spike of unit 2, in sample 0"):
        classifier.predict([([0.1], [2])])
    with pytest.raises(ValueError, match=r"labels are 3, expected one for each of 60 samples"):
        classifier.score(TIMES, [0, 1, 1])


def test_settings_are_read_and_changed_by_name():
    classifier = quick(learning_rate=0.03)
    assert classifier.get_params()["learning_rate"] == 0.03
    assert classifier.set_params(learning_rate=0.05, hidden=(5,)) is classifier
    assert (classifier.learning_rate, classifier.hidden) == (0.05, (5,))
    assert repr(classifier) == "SpikingClassifier(hidden=(5,), epochs=20, learning_rate=0.05)"
    with pytest.raises(ValueError, match=r"no setting is named 'speed'; known: hidden, delays, epochs"):
        classifier.set_params(speed=1.0)


def test_misspelt_settings_get_a_hint():
    with pytest.raises(TypeError, match=r"SpikingClassifier has no argument 'epoch'; did you mean 'epochs'?"):
        SpikingClassifier(epoch=5)
    with pytest.raises(
        ValueError, match=r"no setting is named 'learning_rat'; did you mean 'learning_rate'?"
    ):
        quick().set_params(learning_rat=1.0)


def test_settings_keep_their_old_names_for_a_release():
    with pytest.warns(DeprecationWarning, match="'rate' is called 'learning_rate' now"):
        classifier = SpikingClassifier(rate=0.5, mirror=False)
    assert classifier.get_params()["learning_rate"] == 0.5
    assert classifier.complementary_inputs is False
    with pytest.warns(DeprecationWarning, match="'late' is called 'latest' now"):
        assert classifier.late == 2.0
    with pytest.warns(DeprecationWarning, match="'delay_rate' is called 'delay_learning_rate' now"):
        classifier.set_params(delay_rate=0.3)
    assert classifier.delay_learning_rate == 0.3
    with pytest.raises(AttributeError, match="no attribute 'lates'"):
        _ = classifier.lates


def test_scikit_learn_clones_and_cross_validates_it():
    base = pytest.importorskip("sklearn.base")
    selection = pytest.importorskip("sklearn.model_selection")
    classifier = quick(learning_rate=0.03)
    clone = base.clone(classifier)
    assert clone is not classifier
    assert clone.get_params() == classifier.get_params()
    assert base.is_classifier(classifier)
    times, labels = easy(120)
    names = np.array(["no", "yes"])[labels]
    assert (selection.cross_val_score(classifier, times, names, cv=3) > 0.8).all()
    search = selection.GridSearchCV(classifier, {"hidden": [(3,), (10,)]}, cv=2).fit(times, names)
    assert search.best_estimator_.score(times, names) > 0.8
