"""Data frames and pipelines: names of columns, and times outside the range of the training samples."""

import pickle
import re
import warnings

import numpy as np
import pytest

from eventsim.errors import FileFormatError
from eventsim.io import load, save
from eventsim.models import SpikingClassifier


class Frame:
    """The little of a data frame that is asked for: named columns over an array."""

    def __init__(self, values, columns):
        self.values, self.columns = np.asarray(values), columns
        self.shape = self.values.shape

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype)

    def __len__(self):
        return len(self.values)

    def __iter__(self):
        return iter(self.columns)  # as pandas does


def _frames():
    frames = [pytest.param(Frame, id="duck")]
    try:
        import pandas
    except ImportError:
        return frames
    return [
        *frames,
        pytest.param(lambda values, columns: pandas.DataFrame(values, columns=columns), id="pandas"),
    ]


frames = pytest.mark.parametrize("frame", _frames())


def easy(n=60, seed=1):
    """Which of two inputs spikes first."""
    times = np.random.default_rng(seed).uniform(0, 1, (n, 2))
    return times, (times[:, 0] > times[:, 1]).astype(int)


def quick(**settings):
    return SpikingClassifier(**({"hidden": (10,), "epochs": 20, "random_state": 3} | settings))


TIMES, LABELS = easy()


@frames
def test_columns_by_name_give_the_bits_of_the_array(frame):
    named = quick().fit(frame(TIMES, ["left", "right"]), LABELS)
    assert named.feature_names_in_.dtype == object
    assert named.feature_names_in_.tolist() == ["left", "right"]
    plain = quick().fit(TIMES, LABELS)
    assert not hasattr(plain, "feature_names_in_")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert named.score(frame(TIMES, ["left", "right"]), LABELS) == plain.score(TIMES, LABELS)
        assert np.array_equal(
            named.predict_times(frame(TIMES, ["left", "right"])), plain.predict_times(TIMES)
        )


@frames
@pytest.mark.parametrize("method", ["predict", "predict_times", "predict_proba", "score"])
def test_exchanged_and_unknown_columns_are_refused_in_the_words_of_scikit_learn(frame, method):
    classifier = quick(epochs=1).fit(frame(TIMES, ["left", "right"]), LABELS)
    labels = (LABELS,) if method == "score" else ()
    for columns, message in (
        (["right", "left"], "during fit. Feature names must be in the same order as they were in fit."),
        (
            ["left", "centre"],
            "unseen at fit time: centre. Feature names seen at fit time, yet now missing: right.",
        ),
    ):
        with pytest.raises(ValueError, match=re.escape(message)) as told:
            getattr(classifier, method)(frame(TIMES, columns), *labels)
        assert "\n" not in str(told.value)
    with pytest.raises(ValueError, match=r"unseen at fit time: a, b, c, d, e, \.\.\.\. Feature names seen"):
        getattr(classifier, method)(frame(np.ones((60, 6)), list("abcdef")), *labels)


@frames
def test_names_on_one_side_only_warn(frame):
    named, plain = quick(epochs=1).fit(frame(TIMES, ["a", "b"]), LABELS), quick(epochs=1).fit(TIMES, LABELS)
    with pytest.warns(
        UserWarning, match="X does not have valid feature names, but SpikingClassifier was fitted"
    ):
        named.predict(TIMES)
    with pytest.warns(UserWarning, match="X has feature names, but SpikingClassifier was fitted without"):
        plain.predict(frame(TIMES, ["a", "b"]))
    plain.fit(frame(TIMES, ["a", "b"]), LABELS)
    assert plain.feature_names_in_.tolist() == ["a", "b"]
    assert not hasattr(plain.fit(TIMES, LABELS), "feature_names_in_")


@frames
def test_validation_samples_need_the_same_columns(frame):
    held_out = frame(TIMES, ["right", "left"]), LABELS
    with pytest.raises(ValueError, match="must be in the same order as they were in fit"):
        quick().fit(frame(TIMES, ["left", "right"]), LABELS, validation=held_out)


@frames
def test_names_that_are_no_strings_are_none_and_a_mixture_is_refused(frame):
    assert not hasattr(quick(epochs=1).fit(frame(TIMES, [0, 1]), LABELS), "feature_names_in_")
    with pytest.raises(
        TypeError, match=r"your input has \['int', 'str'\] as feature name / column name types"
    ):
        quick(epochs=1).fit(frame(TIMES, ["a", 1]), LABELS)


@frames
def test_names_outlive_pickles_and_files(frame, tmp_path):
    classifier = quick(epochs=1).fit(frame(TIMES, ["left", "right"]), LABELS)
    classifier.save(tmp_path / "a.h5")
    for again in (pickle.loads(pickle.dumps(classifier)), SpikingClassifier.load(tmp_path / "a.h5")):
        assert again.feature_names_in_.tolist() == ["left", "right"]
        with pytest.raises(ValueError, match="must be in the same order"):
            again.predict(frame(TIMES, ["right", "left"]))
    trace = load(tmp_path / "a.h5")
    trace.state["feature_names_in"] = ["left"]
    save(trace, tmp_path / "b.h5")
    with pytest.raises(FileFormatError, match=r"b.h5 is damaged: feature names must be 2 strings"):
        SpikingClassifier.load(tmp_path / "b.h5")


def test_the_names_are_those_that_scikit_learn_finds():
    validation = pytest.importorskip("sklearn.utils.validation")
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(TIMES, columns=["left", "right"])
    classifier = quick(epochs=1).fit(frame, LABELS)
    validation.check_is_fitted(classifier)
    assert (classifier.feature_names_in_ == validation._get_feature_names(frame)).all()


# Times outside the range of the training samples.


def moved(at, value):
    times = TIMES.copy()
    times[at] = value
    return times


def test_times_outside_the_training_range_count_as_its_ends():
    classifier = quick().fit(TIMES, LABELS)
    first, last = TIMES.min(), TIMES.max()
    for value, end in (
        (-1e-17, first),
        (-3.0, first),
        (first - 1e-9, first),
        (last + 1e-9, last),
        (7.0, last),
    ):
        with pytest.warns(UserWarning, match="outside the range of the training samples"):
            found = quick().fit(TIMES, LABELS).predict_times(moved((3, 1), value))
        assert np.array_equal(found, classifier.predict_times(moved((3, 1), end)))
    silent = moved((3, 1), np.inf)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not np.array_equal(classifier.predict_times(silent), classifier.predict_times(TIMES))
        assert classifier.predict(moved((3, 1), last)).shape == (60,)


def test_it_is_said_once_for_a_trained_classifier():
    classifier = quick(epochs=1).fit(TIMES, LABELS)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        classifier.predict(moved((3, slice(None)), -0.5))
        classifier.predict(moved((4, 0), -0.5))
        classifier.score(moved((4, 0), 5.0), LABELS)
    assert [str(each.message).partition("count as ")[2] for each in told] == [
        "its ends (2 here); outside='error' refuses them (said once)"
    ]
    with pytest.warns(UserWarning, match="outside the range"):
        classifier.fit(TIMES, LABELS).predict(moved((4, 0), -0.5))


@pytest.mark.parametrize("method", ["predict", "predict_times", "predict_proba", "score"])
def test_outside_error_refuses_them_by_place(method):
    classifier = quick(epochs=1, outside="error").fit(TIMES, LABELS)
    labels = (LABELS,) if method == "score" else ()
    with pytest.raises(
        ValueError, match=r"in the range of the training samples, .*, got -0.25 in sample 3, unit 1;"
    ):
        getattr(classifier, method)(moved((3, 1), -0.25), *labels)
    assert len(getattr(classifier, method)(TIMES, *labels) if not labels else TIMES) == 60
    with pytest.raises(ValueError, match="outside must be 'clip' or 'error', got 'wrap'"):
        classifier.set_params(outside="wrap").predict(TIMES)
    with pytest.raises(ValueError, match="outside must be 'clip' or 'error', got 'wrap'"):
        quick(outside="wrap").fit(TIMES, LABELS)


def test_samples_of_several_spikes_are_clipped_and_refused_too():
    rng = np.random.default_rng(5)
    samples = [(np.sort(rng.uniform(1, 2, 4)), np.array([0, 1, 1, 0])) for _ in range(40)]
    labels = np.arange(40) % 2
    classifier = quick(epochs=1).fit(samples, labels)
    first = min(t.min() for t, _ in samples)
    early = [(samples[0][0] * [0.1, 1, 1, 1], samples[0][1]), *samples[1:]]
    ends = [(np.maximum(early[0][0], first), samples[0][1]), *samples[1:]]
    with pytest.warns(UserWarning, match=r"count as its ends \(1 here\)"):
        found = classifier.predict_times(early)
    assert np.array_equal(found, classifier.predict_times(ends))
    classifier.set_params(outside="error")
    with pytest.raises(ValueError, match="in sample 0, unit 0; outside='clip'"):
        classifier.predict(early)


def test_nan_and_minus_infinity_are_no_times_however_they_are_clipped():
    classifier = quick(epochs=1).fit(TIMES, LABELS)
    for value in (np.nan, -np.inf):
        with pytest.raises(ValueError, match=rf"must be at times or inf, got {value!r} in sample 3, unit 1"):
            classifier.predict(moved((3, 1), float(value)))


def test_the_range_is_kept_in_files_and_those_without_it_open(tmp_path):
    classifier = quick(epochs=1).fit(TIMES, LABELS)
    classifier.save(tmp_path / "a.h5")
    early = moved((3, 1), -0.5)
    with pytest.warns(UserWarning, match="outside the range"):
        found = SpikingClassifier.load(tmp_path / "a.h5").predict_times(early)
    with pytest.warns(UserWarning, match="outside the range"):
        assert np.array_equal(found, classifier.predict_times(early))
    trace = load(tmp_path / "a.h5")
    del trace.state["clock"]["first"], trace.state["clock"]["last"], trace.state["settings"]["outside"]
    save(trace, tmp_path / "old.h5")
    assert np.array_equal(
        SpikingClassifier.load(tmp_path / "old.h5").predict(TIMES), classifier.predict(TIMES)
    )


def test_validation_samples_are_clipped_as_predict_does():
    late = np.where(TIMES > 0.9, TIMES + 1.0, TIMES)
    classifier = quick(epochs=3).fit(np.clip(TIMES, 0.1, 0.9), LABELS, validation=(late - 0.3, LABELS))
    with pytest.warns(UserWarning, match="outside the range"):
        score = classifier.score(late - 0.3, LABELS)
    assert score == classifier.history_["validation_accuracy"][-1]


def test_a_pipeline_that_scales_cross_validates():
    selection = pytest.importorskip("sklearn.model_selection")
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler

    times, labels = easy(120)
    pipeline = make_pipeline(MinMaxScaler(), quick())
    with pytest.warns(
        UserWarning, match="outside the range of the training samples, 0 to 1, count as its ends"
    ):
        scores = selection.cross_val_score(pipeline, times * 30 - 10, labels, cv=5, error_score="raise")
    assert (scores > 0.8).all()
    strict = make_pipeline(MinMaxScaler(), quick(epochs=1, outside="error"))
    with pytest.raises(ValueError, match="times must lie in the range of the training samples, 0 to 1, got"):
        selection.cross_val_score(strict, times, labels, cv=5, error_score="raise")
