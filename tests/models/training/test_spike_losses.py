"""Losses of spike trains: values against integrals and cases by hand, derivatives against differences."""

import itertools

import numpy as np
import pytest
from scipy.integrate import quad

from eventsim.models.training.losses.first_spike import TimeInvariant
from eventsim.models.training.losses.spike_trains import SpikeTrainTargets, VanRossum
from eventsim.trace import Spikes


def train(*pairs):
    pairs = sorted(pairs)
    return Spikes(np.array([t for t, _ in pairs], float), np.array([u for _, u in pairs], np.int64))


ONE = train((0.3, 0), (1.1, 0), (1.4, 1), (2.0, 0), (2.2, 2))
TARGET = train((0.5, 0), (1.0, 1), (1.9, 0), (2.5, 1))


def test_time_invariant_loss_of_the_golden_sample():
    times = np.array([[3.275685902, 3.095216073, 3.069696238]])
    losses, errors = TimeInvariant(0.2)(times, np.array([2]))
    assert losses[0] == pytest.approx(0.015239602014, abs=1e-9)
    assert errors[0] == pytest.approx([0.00598966, -0.17448016, 0.16849050], abs=1e-8)


def test_time_invariant_loss_does_not_see_a_shift_and_scales_with_tau_syn():
    times, labels = np.array([[1.0, 1.3, 0.9]]), np.array([1])
    losses, errors = TimeInvariant()(times, labels)
    assert TimeInvariant()(times + 5, labels)[0] == pytest.approx(losses, abs=1e-12)
    assert errors.sum() == pytest.approx(0.0, abs=1e-15)
    scaled, scaled_errors = TimeInvariant()(times * 6, labels, tau_syn=6.0)
    assert scaled == pytest.approx(losses)
    assert scaled_errors * 6 == pytest.approx(errors)


def test_time_invariant_loss_is_constant_where_an_output_is_silent():
    losses, errors = TimeInvariant()(np.array([[1.0, np.inf], [np.inf, np.inf]]), np.array([0, 1]))
    assert (losses == 100).all()
    assert (errors == 0).all()


def test_van_rossum_distance_is_the_integral_of_filtered_trains():
    tau = 0.7
    losses, _ = VanRossum(tau)([ONE], [TARGET])

    def filtered(spikes, unit, t):
        s = t - spikes.times[(spikes.units == unit) & (spikes.times <= t)]
        return np.exp(-s / tau).sum()

    breaks = np.sort(np.concatenate([ONE.times, TARGET.times, [40.0]]))
    total = sum(
        quad(lambda t, u=u: (filtered(ONE, u, t) - filtered(TARGET, u, t)) ** 2, a, b, epsabs=1e-12)[0]
        for u in range(3)
        for a, b in itertools.pairwise(breaks)
    )
    assert losses[0] == pytest.approx(total / tau, abs=1e-9)


def test_equal_trains_have_no_distance():
    assert VanRossum()([ONE], [ONE])[0][0] == pytest.approx(0.0, abs=1e-14)
    assert SpikeTrainTargets(missing=1.0)([ONE], [ONE])[0][0] == 0.0


def test_spikes_too_many_and_too_few_cost_alike():
    # unit 0 has one spike too many, unit 1 one too few, unit 2 one too many
    losses, errors = SpikeTrainTargets(missing=10.0)([ONE], [TARGET])
    assert losses[0] == pytest.approx(30.0 + 0.5 * (0.2**2 + 0.8**2 + 0.4**2))
    assert errors[0] == pytest.approx([-0.2, -0.8, 0.4, 0.0, 0.0])


@pytest.mark.parametrize("loss", [VanRossum(0.7), SpikeTrainTargets(missing=1.0)])
def test_derivatives_of_train_losses_are_central_differences(loss):
    _, errors = loss([ONE], [TARGET])
    h = 1e-6
    for k in range(len(ONE)):
        values = []
        for sign in (1, -1):
            times = ONE.times.copy()
            times[k] += sign * h
            values.append(loss([Spikes(times, ONE.units)], [TARGET])[0][0])
        assert errors[0][k] == pytest.approx((values[0] - values[1]) / (2 * h), abs=1e-8)


def test_numbers_of_samples_must_agree():
    with pytest.raises(ValueError, match="targets hold 2 samples, the spikes 1"):
        VanRossum()([ONE], [TARGET, TARGET])
