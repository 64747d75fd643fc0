"""What is no state of a trainer, a learner or an optimiser is refused in one line that says so."""

from functools import partial

import numpy as np
import pytest

from eventsim.models.training.continuous_learner import ContinuousLearner
from eventsim.models.training.early_stopping import EarlyStopping
from eventsim.models.training.learner import EpochMetrics
from eventsim.models.training.optimisers import Adam
from eventsim.models.training.schedules import Plateau
from eventsim.models.training.supervised import SupervisedLearner
from eventsim.models.training.trainer import Trainer

DOORS = {
    # Some refuse a state before they look at themselves, so they need no network.
    "trainer": lambda: object.__new__(Trainer).restore,
    "early stopping": lambda: EarlyStopping().restore,
    "adam": lambda: Adam(0.01).restore,
    "plateau": lambda: Plateau(patience=2).restore,
    "metrics": lambda: EpochMetrics.restored,
    "supervised learner": lambda: object.__new__(SupervisedLearner).restore,
    "continuous learner": lambda: partial(ContinuousLearner.restore, None),
}


@pytest.mark.parametrize("state", [{}, None, 3, "x", [], np.zeros(3), {"a": 1}], ids=repr)
@pytest.mark.parametrize("door", DOORS)
def test_what_is_no_state_is_refused(door, state):
    with pytest.raises(ValueError, match=r"^a state of .* is what state\(\) returned, got .*$"):
        DOORS[door]()(state)


@pytest.mark.parametrize("name", ["first", "second"])
@pytest.mark.parametrize("value", [None, [], 3])
def test_adam_refuses_moments_that_are_none(name, value):
    adam = Adam(0.01)
    adam.update({"w": np.zeros(2)}, {"w": np.ones(2)})
    before = adam.state()
    with pytest.raises(ValueError, match=f"a state of {name} moments is what"):
        adam.restore(before | {name: value})
    assert adam.steps == before["steps"]
