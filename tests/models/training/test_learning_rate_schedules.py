"""Schedules: their values, what they follow, and that they go on from their state."""

import math

import pytest

from eventsim.models.training import optimisers
from eventsim.models.training.schedules import (
    Constant,
    CosineDecay,
    ExponentialPath,
    LinearDecay,
    Plateau,
    StepDecay,
)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (Constant(), [1, 1, 1, 1, 1]),
        (Constant(0.3), [0.3] * 5),
        (StepDecay(2, 0.5), [1, 1, 0.5, 0.5, 0.25]),
        (CosineDecay(3), [1, 0.75, 0.25, 0, 0]),
        (LinearDecay(4), [1, 0.75, 0.5, 0.25, 0]),
        (LinearDecay(3, start=1), [1, 1, 0.5, 0, 0]),
        (ExponentialPath((1, 3), (1, 0.25)), [1, 1, 0.5, 0.25, 0.25]),
    ],
)
def test_factors_by_epoch(schedule, expected):
    assert [schedule(epoch) for epoch in range(5)] == pytest.approx(expected, abs=1e-15)


def test_fractions_of_an_epoch_count_where_the_factor_is_smooth():
    assert CosineDecay(2)(0.5) == pytest.approx(0.5 * (1 + math.cos(math.pi / 4)))
    assert LinearDecay(4)(1.5) == pytest.approx(0.625)
    assert StepDecay(2, 0.5)(3.9) == 0.5


def test_a_plateau_falls_after_more_epochs_without_progress_than_it_has_patience_for():
    plateau, scales = Plateau(patience=2, factor=0.5), []
    for loss in (1.0, 0.9, 1.0, 1.0, 1.0, 0.8):
        plateau.observe({"train_loss": loss})
        scales.append(plateau(len(scales) + 1))
    assert scales == [1, 1, 1, 1, 0.5, 0.5]


def test_a_plateau_goes_on_from_its_state():
    losses = [1.0, 0.9, 1.0, 1.0, 0.95, 1.0, 1.0]
    whole, first, second = (Plateau(patience=1) for _ in range(3))
    for k, loss in enumerate(losses):
        whole.observe({"train_loss": loss})
        (first if k < 3 else second).observe({"train_loss": loss})
        if k == 2:
            second.restore(first.state())
    assert whole(7) == second(7) < 1
    assert whole.state() == second.state()


def test_a_plateau_names_the_metric_that_is_missing():
    with pytest.raises(ValueError, match=r"no metric is named 'loss'; an epoch has: train_loss, accuracy"):
        Plateau(1, loss="loss").observe({"train_loss": 1.0, "accuracy": 0.5})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: StepDecay(0), "every must"),
        (lambda: StepDecay(1.5), "every must be a whole number of epochs, got 1.5"),
        (lambda: StepDecay(1, 0.0), "factor must be positive, got 0.0"),
        (lambda: CosineDecay(0), "epochs must"),
        (lambda: ExponentialPath((1, 2), (1,)), "needs a factor, got 2 epochs and 1 factors"),
        (lambda: ExponentialPath((2, 2), (1, 0.5)), "epochs must increase"),
        (lambda: ExponentialPath((1, 2), (1, 0)), "factors must be positive"),
        (lambda: LinearDecay(4, start=4), "start must be before epochs=4, got 4"),
        (lambda: Constant(-1.0), "factor must"),
        (lambda: Plateau(-1), "patience must"),
        (lambda: Plateau(1, 1.5), "factor must be above 0 and at most 1, got 1.5"),
    ],
)
def test_impossible_settings_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_the_place_of_earlier_versions_still_has_them():
    with pytest.warns(DeprecationWarning, match=r"StepDecay is in eventsim.models.training.schedules now"):
        assert optimisers.StepDecay is StepDecay
    with pytest.raises(AttributeError, match="has no attribute 'StepDecy'"):
        _ = optimisers.StepDecy
