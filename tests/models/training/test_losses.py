"""Losses of spike times against the published golden value and central differences."""

import math

import numpy as np
import pytest

from eventsim.models.training.losses.first_spike import TargetTimes, TimeToFirstSpike, first_output


def test_the_cross_entropy_is_the_published_one():
    losses, errors = TimeToFirstSpike(0.2, 0.005, 1.0)(np.array([[1.0, 1.2, 0.9]]), np.array([0]))
    assert losses[0] == pytest.approx(1.1041306053 + 0.0135914091, abs=1e-10)
    assert errors[0] == pytest.approx([3.35609661, -0.60975826, -2.73274694], abs=5e-9)


@pytest.mark.parametrize("loss", [TimeToFirstSpike(), TimeToFirstSpike(0.5, 0.1, 2.0), TargetTimes(1.0, 1.7)])
@pytest.mark.parametrize("tau_syn", [1.0, 5.0])
def test_errors_are_central_differences(loss, tau_syn):
    rng = np.random.default_rng(1)
    times, labels = tau_syn * rng.uniform(0.5, 2.0, (6, 4)), rng.integers(0, 4, 6)
    _, errors = loss(times, labels, tau_syn)
    step = 1e-6 * tau_syn
    for n in range(4):
        shift = step * (np.arange(4) == n)
        difference = (loss(times + shift, labels, tau_syn)[0] - loss(times - shift, labels, tau_syn)[0]) / (
            2 * step
        )
        assert errors[:, n] == pytest.approx(difference, rel=1e-7, abs=1e-8)


@pytest.mark.parametrize("loss", [TimeToFirstSpike(), TargetTimes(1.0, 2.0)])
def test_losses_do_not_depend_on_the_unit_of_time(loss):
    times, labels = np.array([[1.0, 1.2, 0.9]]), np.array([1])
    values, errors = loss(times, labels)
    in_us, errors_in_us = loss(6.0 * times, labels, 6.0)
    assert in_us == pytest.approx(values, rel=1e-12)
    assert 6.0 * errors_in_us == pytest.approx(errors, rel=1e-12)


@pytest.mark.parametrize("loss", [TimeToFirstSpike(), TargetTimes(1.0, 2.0)])
def test_a_silent_label_costs_a_constant_and_gives_no_gradient(loss):
    times = np.array([[math.inf, 1.0], [math.inf, math.inf], [1.0, 1.5]])
    losses, errors = loss(times, np.array([0, 1, 0]))
    assert losses[:2] == pytest.approx(100.0)
    assert losses[2] < 10
    assert not errors[:2].any()
    assert np.isfinite(errors).all()


def test_silent_wrong_outputs_do_not_contribute():
    loss = TimeToFirstSpike()
    losses, errors = loss(np.array([[1.0, math.inf, 1.1]]), np.array([0]))
    fewer, fewer_errors = loss(np.array([[1.0, 1.1]]), np.array([0]))
    assert losses == pytest.approx(fewer, rel=1e-14)
    assert errors[0] == pytest.approx([fewer_errors[0, 0], 0.0, fewer_errors[0, 1]], rel=1e-13)


def test_late_labels_do_not_overflow():
    losses, errors = TimeToFirstSpike(alpha=0.0)(np.array([[1000.0, 1.0]]), np.array([0]))
    assert losses[0] == pytest.approx(999 / 0.2)
    assert errors[0] == pytest.approx([5.0, -5.0])
    losses, errors = TimeToFirstSpike()(np.array([[1000.0, 1.0]]), np.array([0]))
    assert np.isfinite(losses).all()
    assert np.isfinite(errors).all()


def test_the_first_output_tells_the_class():
    times = np.array([[1.0, 0.5, 2.0], [math.inf, math.inf, 3.0], [math.inf] * 3, [1.0, 1.0, 2.0]])
    assert first_output(times).tolist() == [1, 2, -1, 0]
    assert TimeToFirstSpike().predict(times).tolist() == [1, 2, -1, 0]
    assert TargetTimes(1.0, 2.0).predict(times).tolist() == [0, 2, -1, 0]


@pytest.mark.parametrize("wrong", [{"xi": 0.0}, {"beta": -1.0}, {"alpha": -0.1}, {"xi": math.nan}])
def test_impossible_parameters_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        TimeToFirstSpike(**wrong)
