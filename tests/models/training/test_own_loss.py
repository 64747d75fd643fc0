"""The loss of examples/own_loss.py: short, right by hand and by differences, and it trains."""

import math
import re
import runpy
from pathlib import Path

import numpy as np
import pytest

from eventsim.models.training.losses import ClassLoss

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "own_loss.py"


@pytest.fixture(scope="module")
def example():
    return runpy.run_path(str(EXAMPLE))


def test_it_is_short_and_its_network_learns(example):
    assert len(EXAMPLE.read_text("utf-8").splitlines()) <= 40
    assert not re.search(r"except|sys\.path", EXAMPLE.read_text("utf-8"))
    accuracies = example["trainer"].history["validation_accuracy"]
    assert accuracies[-1] > 0.9  # chance is 0.5
    losses = example["trainer"].history["train_loss"]
    assert losses[-1] < 0.3 * losses[0]


def test_its_values_are_right_by_hand(example):
    loss = example["Hinge"]()
    assert isinstance(loss, ClassLoss)
    times = np.array([[1.0, 1.1, 2.0], [1.0, math.inf, 0.5], [math.inf, 1.0, 1.2]])
    losses, errors = loss(times, np.array([0, 0, 0]))
    assert losses == pytest.approx([0.2, 0.8, 0.0])
    assert errors.tolist() == [[1, -1, 0], [1, 0, -1], [0, 0, 0]]
    assert loss.predict(times).tolist() == [0, 2, 1]
    assert loss.predict(np.full((1, 2), np.inf)).tolist() == [-1]


def test_its_derivatives_are_central_differences(example):
    loss, rng, step = example["Hinge"](), np.random.default_rng(1), 1e-6
    times, labels = rng.uniform(0, 1, (30, 4)), rng.integers(0, 4, 30)
    _, errors = loss(times, labels, 0.7)
    for n in range(4):
        sides = [loss(times + side * step * np.eye(4)[n], labels, 0.7)[0] for side in (1, -1)]
        assert errors[:, n] == pytest.approx((sides[0] - sides[1]) / (2 * step), abs=1e-8)
