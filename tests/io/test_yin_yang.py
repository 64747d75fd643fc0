"""The generated Yin-Yang set is the published one, to the bit."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from eventsim.io.datasets import YIN_YANG, yin_yang
from eventsim.io.datasets.sets import _yin_yang

_spec = importlib.util.spec_from_file_location(
    "yin_yang_reference", Path(__file__).parents[1] / "reference" / "yin_yang.py"
)
reference = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(reference)

FIRST = {  # from the published arrays: seed, index -> x, y, label
    (42, 0): (0.6803075385877797, 0.450499251969543, 2),
    (42, 1): (0.09767211400638387, 0.6842330265121569, 1),
    (42, 2): (0.7553614103176525, 0.4251558744912447, 2),
    (42, 4999): (0.7690797231107925, 0.5883389337522971, 2),
    (41, 0): (0.6805727261759029, 0.3209733938933629, 0),
    (41, 1): (0.6685157172603458, 0.9174478488708967, 1),
    (41, 999): (0.7107040957004825, 0.804733352731108, 1),
    (40, 0): (0.23409664559563403, 0.4017249751828972, 2),
    (40, 1): (0.7513290219574494, 0.4682425192680968, 2),
    (40, 2): (0.13832530718825586, 0.570953971325061, 1),
    (40, 999): (0.32834060537145815, 0.3899830419619741, 1),
}
SPLITS = {  # seed: size, class counts, sums of x and y, candidates
    42: (5000, [1681, 1702, 1617], 2528.322456568823, 2505.766861748284, 33729),
    41: (1000, [316, 336, 348], 496.408896486645, 493.648546665620, 7521),
    40: (1000, [350, 316, 334], 498.256989348474, 488.780235677789, 7038),
}


def test_the_published_samples_come_out_to_the_last_digit():
    for (seed, index), (x, y, label) in FIRST.items():
        samples, labels = yin_yang(size=index + 1, seed=seed)
        assert samples[index].tolist() == [x, y, 1 - x, 1 - y]
        assert labels[index] == label
    assert yin_yang(size=1)[0][0, 2:].tolist() == [0.3196924614122203, 0.549500748030457]


@pytest.mark.parametrize("seed", SPLITS)
def test_counts_and_sums_of_the_splits_hold(seed):
    size, class_counts, sum_x, sum_y, candidates = SPLITS[seed]
    samples, labels, n_candidates = _yin_yang.generate(size, seed, 0.1, 0.5)
    assert np.bincount(labels).tolist() == class_counts
    # The sheet gives 16 digits; the order of summation costs the last one.
    assert samples[:, :2].sum(axis=0) == pytest.approx([sum_x, sum_y], rel=3e-15)
    assert n_candidates == candidates
    assert samples.dtype == np.float64
    assert labels.dtype == np.int64


def test_the_splits_equal_the_published_files(data):
    for split, (size, seed) in YIN_YANG.items():
        samples, labels = yin_yang(size=size, seed=seed)
        assert np.array_equal(samples, np.load(data / "yin-yang" / f"{split}_samples.npy"))
        assert np.array_equal(labels, np.load(data / "yin-yang" / f"{split}_labels.npy"))


@pytest.mark.parametrize(
    ("size", "seed", "r_small", "r_big"),
    [
        (123, 7, 0.1, 0.5),
        (300, 0, 0.1, 0.5),
        (300, 2**32 - 1, 0.1, 0.5),
        (300, 5, 0.07, 0.3),
        (300, 6, 0.3, 1.7),
    ],
)
def test_every_seed_and_radius_agrees_with_the_slow_generator(size, seed, r_small, r_big):
    samples, labels, n_candidates = _yin_yang.generate(size, seed, r_small, r_big)
    slow_samples, slow_labels, slow_candidates = reference.generate(size, seed, r_small, r_big)
    assert samples.tobytes() == slow_samples.tobytes()
    assert np.array_equal(labels, slow_labels)
    assert n_candidates == slow_candidates


def test_fewer_samples_are_the_first_of_more():
    many, many_labels = yin_yang(size=400, seed=9)
    for size in (0, 1, 399):
        few, few_labels = yin_yang(size=size, seed=9)
        assert np.array_equal(few, many[:size])
        assert np.array_equal(few_labels, many_labels[:size])


def test_labels_are_those_of_the_stored_points():
    samples, labels = yin_yang(size=20_000, seed=3)
    assert [reference.which_class(x, y) for x, y in samples[:, :2].tolist()] == labels.tolist()


def test_a_million_samples_have_the_statistics_of_the_figure():
    samples, labels, n_candidates = _yin_yang.generate(10**6, 1, 0.1, 0.5)
    assert np.abs(np.bincount(labels) / 1e6 - 1 / 3).max() < 0.002
    assert (np.hypot(samples[:, 0] - 0.5, samples[:, 1] - 0.5) <= 0.5).all()
    for label, mean in enumerate([(0.614, 0.327), (0.386, 0.673), (0.5, 0.5)]):
        assert samples[labels == label, :2].mean(axis=0) == pytest.approx(mean, abs=0.002)
    # (2 / 0.361283 + 1 / 0.0628319) / 3 candidates are needed on average, by the areas of the classes.
    assert n_candidates / 1e6 == pytest.approx(7.150, abs=0.03)
    assert (samples[:, 2:] == 1 - samples[:, :2]).all()


def test_point_reflection_exchanges_yin_and_yang():
    points = np.random.default_rng(0).uniform(0, 1, (100_000, 2))
    there = _yin_yang.classes(points, 0.1, 0.5)
    back = _yin_yang.classes(1 - points, 0.1, 0.5)
    exchanged = np.array([1, 0, 2, -1])[there]  # the last entry is for those outside, -1
    assert np.array_equal(back, exchanged)
    assert set(there) == {-1, 0, 1, 2}


def test_what_cannot_be_generated_is_refused():
    for arguments, message in (
        ({"size": -1}, "size must be 0 or more, got -1"),
        ({"seed": -1}, "seed must be from 0 to 2\\*\\*32 - 1, got -1"),
        ({"seed": 2**32}, "seed must be"),
        ({"r_small": 0.0}, "radii must obey"),
        ({"r_small": 0.3}, "radii must obey"),
        ({"r_big": float("nan")}, "radii must obey"),
        ({"r_big": float("inf")}, "radii must obey"),
    ):
        with pytest.raises(ValueError, match=message):
            yin_yang(**arguments)
