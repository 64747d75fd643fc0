"""Estimators as scikit-learn's programs meet them: its own checks, weights, column names, the encoder."""

import copy
import pickle

import numpy as np
import pytest

import eventsim as es
from eventsim.models import LatencyEncoder, SpikingClassifier
from eventsim.models.training.estimators import NotFittedError

sklearn = pytest.importorskip("sklearn")
from sklearn.exceptions import DataConversionWarning  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.utils.estimator_checks import check_estimator  # noqa: E402

# Checks that fail for a reason that docs/estimators.md gives.
DOCUMENTED = {
    "check_estimators_nan_inf": "inf is the time of a spike that never comes",
    "check_sample_weight_equivalence_on_dense_data": "a sample twice makes other mini-batches",
    "check_class_weight_classifiers": "gives negative times, whatever the tags say",
}


def easy(n=60, seed=1):
    """Which of two inputs spikes first."""
    times = np.random.default_rng(seed).uniform(0, 1, (n, 2))
    return times, (times[:, 0] > times[:, 1]).astype(int)


def quick(**settings):
    return SpikingClassifier(**({"hidden": (10,), "epochs": 15, "batch": 10} | settings))


@pytest.mark.parametrize(
    "estimator", [quick(hidden=(8,), epochs=8), LatencyEncoder()], ids=["spikes", "latency"]
)
def test_the_checks_of_scikit_learn_pass_but_for_what_is_documented(estimator):
    results = check_estimator(estimator, on_fail=None, on_skip=None)
    failed = {each["check_name"]: str(each["exception"]) for each in results if each["status"] == "failed"}
    expected = set(DOCUMENTED) if isinstance(estimator, SpikingClassifier) else set()
    assert failed.keys() == expected, failed
    assert sum(each["status"] == "passed" for each in results) > 40


# ------------------------------------------------------------------------------- weights


def test_weights_of_one_change_nothing():
    times, labels = easy()
    plain, ones = quick().fit(times, labels), quick().fit(times, labels, np.full(60, 3.0))
    assert np.array_equal(plain.predict_times(times), ones.predict_times(times))


def test_samples_of_weight_zero_are_as_good_as_absent():
    times, labels = easy()
    weight = np.ones(60)
    weight[::3] = 0.0
    wrong = np.where(weight == 0, 1 - labels, labels)
    left_out = quick().fit(times[weight > 0], labels[weight > 0])
    weighted = quick().fit(times, wrong, weight)
    assert np.array_equal(left_out.predict_times(times), weighted.predict_times(times))


def test_a_weight_multiplies_the_gradient_of_its_sample():
    """Against single samples, whose gradients the weighted one must add up to."""
    times, labels = easy(4)
    learner = quick(epochs=0).fit(times, labels)
    inputs = learner._clock.inputs(learner._clock.spikes(times))
    network, weight = learner.learner_, np.array([0.5, 2.0, 1.0, 0.5])

    class Kept:
        def update(self, parameters, gradients):
            self.gradients = {name: value.copy() for name, value in gradients.items()}

    kept = Kept()
    network._bump.raise_if_needed = lambda missing, silent: None
    network.step(inputs, labels, kept, sample_weight=weight)
    singles = []
    for k in range(4):
        one = {name: spikes[k : k + 1] if len(spikes) > 1 else spikes for name, spikes in inputs.items()}
        singles.append(network.gradients(one, labels[k : k + 1])[1])
    for name, value in kept.gradients.items():
        summed = sum(w * single[name] for w, single in zip(weight, singles, strict=True)) / 4
        assert np.allclose(value, summed, rtol=1e-10, atol=1e-14)
    assert any(np.abs(value).max() > 0 for value in kept.gradients.values())


def test_balanced_classes_count_alike():
    rng = np.random.default_rng(5)
    rare = rng.normal(0.45, 0.15, (12, 2)).clip(0, 1)
    common = rng.normal(0.6, 0.15, (120, 2)).clip(0, 1)
    times, labels = np.concatenate([rare, common]), np.repeat([1, 0], [12, 120])
    found = [
        (quick(class_weight=each).fit(times, labels).predict(times) == 1).sum() for each in (None, "balanced")
    ]
    assert found[1] > found[0]
    by_hand = np.where(labels == 1, 132 / 24, 132 / 240)
    balanced = quick(class_weight="balanced").fit(times, labels)
    assert np.array_equal(
        balanced.predict_times(times), quick().fit(times, labels, by_hand).predict_times(times)
    )
    named = quick(class_weight={1: 10.0}).fit(times, labels)
    assert np.array_equal(
        named.predict_times(times),
        quick().fit(times, labels, np.where(labels, 10.0, 1.0)).predict_times(times),
    )


def test_a_score_is_weighted():
    times, labels = easy()
    classifier = quick().fit(times, labels)
    right = classifier.predict(times) == labels
    weight = np.arange(60.0)
    assert classifier.score(times, labels, weight) == pytest.approx((right * weight).sum() / weight.sum())


@pytest.mark.parametrize(
    ("settings", "weight", "says"),
    [
        ({}, [1.0] * 59, "one number for each of 60"),
        ({}, [-1.0] * 60, "at least 0"),
        ({}, [np.nan] * 60, "finite"),
        ({}, [0.0] * 60, "zero"),
        ({"class_weight": "even"}, None, "'balanced'"),
        ({"class_weight": {7: 1.0}}, None, "none of the classes"),
        ({"class_weight": {1: -1.0}}, None, "at least 0"),
    ],
)
def test_weights_that_cannot_be_are_refused(settings, weight, says):
    with pytest.raises(ValueError, match=says):
        quick(**settings).fit(*easy(), weight)
    with pytest.raises(TypeError, match="class_weight must be"):
        quick(class_weight=3).fit(*easy())


# ------------------------------------------------------------------------------- labels, errors, names


def test_continuous_targets_are_refused():
    times, _ = easy()
    with pytest.raises(ValueError, match=r"Unknown label type: continuous.* 0\.1"):
        quick().fit(times, np.linspace(0.1, 1.3, 60))
    assert quick(epochs=1).fit(times, easy()[1].astype(float)).classes_.tolist() == [0.0, 1.0]


def test_labels_may_be_a_column_or_have_their_old_name():
    times, labels = easy()
    with pytest.warns(DataConversionWarning, match="ravel"):
        column = quick(epochs=2).fit(times, labels.reshape(-1, 1))
    with pytest.warns(DeprecationWarning, match="'labels' is called 'y' now"):
        named = quick(epochs=2).fit(times, labels=labels)
    assert np.array_equal(column.predict(times), named.predict(times))


def test_an_unfitted_estimator_raises_the_error_of_scikit_learn():
    for ask in (lambda: quick().predict([[0.1, 0.2]]), lambda: LatencyEncoder().transform([[1.0]])):
        with pytest.raises(sklearn.exceptions.NotFittedError) as theirs:
            ask()
        assert isinstance(theirs.value, NotFittedError)
        again = pickle.loads(pickle.dumps(theirs.value))
        assert isinstance(again, NotFittedError)
        assert str(again) == str(theirs.value)


def test_column_names_are_kept_and_compared():
    class Frame(np.ndarray):
        columns = ("a", "b")

    times, labels = easy()
    frame = times.view(Frame)
    classifier = quick(epochs=1).fit(frame, labels)
    assert classifier.feature_names_in_.tolist() == ["a", "b"]
    encoder = LatencyEncoder().fit(frame)
    assert encoder.get_feature_names_out().tolist() == ["a", "b"]
    with pytest.warns(UserWarning, match="valid feature names"):
        encoder.transform(times)
    with pytest.raises(ValueError, match="expecting 2 features"):
        classifier.predict(np.zeros((1, 3)))


# ------------------------------------------------------------------------------- the encoder


def test_latencies_are_linear_and_the_largest_number_is_first():
    numbers = [[0.0, 10.0], [4.0, 30.0], [1.0, 20.0]]
    encoder = LatencyEncoder(2.0, 10.0)
    times = encoder.fit_transform(numbers)
    assert np.allclose(times, [[10, 10], [2, 2], [8, 6]])
    assert np.allclose(encoder.inverse_transform(times), numbers)
    assert np.allclose(LatencyEncoder(2.0, 10.0, largest_first=False).fit_transform(numbers), 12 - times)


def test_a_missing_number_never_spikes_and_others_are_clipped():
    encoder = LatencyEncoder().fit([[0.0, np.nan], [1.0, np.nan]])
    assert np.array_equal(
        encoder.transform([[np.nan, np.nan], [7.0, np.nan], [-7.0, 3.0]])[:, 0], [np.inf, 0, 1]
    )
    assert np.isinf(encoder.transform([[0.5, np.nan]])[0, 1])
    never = LatencyEncoder(outside="never").fit([[0.0], [1.0]])
    assert never.transform([[0.5], [7.0]]).ravel().tolist() == [0.5, np.inf]
    with pytest.raises(ValueError, match="0 to 1 in column 0, got 7 in sample 1"):
        LatencyEncoder(outside="error").fit([[0.0], [1.0]]).transform([[0.5], [7.0]])
    assert LatencyEncoder().fit_transform([[3.0], [3.0]]).tolist() == [[1.0], [1.0]]  # one value only


@pytest.mark.parametrize(
    ("settings", "samples", "says"),
    [
        ({"latest": 0.0}, [[1.0]], "earliest < latest"),
        ({"earliest": -1.0}, [[1.0]], "0 <= earliest"),
        ({"outside": "wrap"}, [[1.0]], "outside must be"),
        ({}, [1.0, 2.0], "Reshape your data"),
        ({}, [["a"]], "numbers"),
        ({}, [[np.inf]], "infinity"),
        ({}, np.zeros((0, 2)), r"0 sample\(s\)"),
    ],
)
def test_what_cannot_be_encoded_is_refused(settings, samples, says):
    with pytest.raises(ValueError, match=says):
        LatencyEncoder(**settings).fit(samples)


def test_a_pipeline_learns_numbers_with_gaps():
    rng = np.random.default_rng(3)
    numbers = rng.normal(0, 10, (200, 2))
    labels = np.where(numbers[:, 0] > numbers[:, 1], "left", "right")
    numbers[::17, 0] = np.nan
    pipeline = make_pipeline(LatencyEncoder(), SpikingClassifier(hidden=(20,), epochs=40))
    assert pipeline.fit(numbers[:150], labels[:150]).score(numbers[150:], labels[150:]) > 0.85
    twin = pickle.loads(pickle.dumps(pipeline))
    assert np.array_equal(twin.predict(numbers), pipeline.predict(numbers))
    assert np.array_equal(copy.deepcopy(pipeline).predict(numbers), pipeline.predict(numbers))
    assert es.models.LatencyEncoder is LatencyEncoder
