"""Sequences drawn through their points: where the line runs, and what is refused."""

import numpy as np
import pytest

from eventsim.models.inputs.interpolation import Interpolation


def test_a_linear_line_is_straight_between_the_points():
    values = np.array([[0.0, 2.0, 1.0]])[:, :, None]
    drawn = Interpolation(5)(values)
    np.testing.assert_allclose(drawn[:, 0, 0], [0, 1, 2, 1.5, 1])
    assert drawn.shape == (5, 1, 1)
    assert drawn.dtype == np.float32


def test_a_cubic_line_through_points_has_no_kinks():
    """It meets all points, and a sine drawn through 24 of them to a hundredth of what straight lines miss."""
    sine = np.sin(np.linspace(0, 2 * np.pi, 24))[None, :, None]
    truth = np.sin(np.linspace(0, 2 * np.pi, 231))
    deviation = {}
    for kind in ("linear", "cubic"):
        drawn = Interpolation(231, kind)(sine)[:, 0, 0]
        np.testing.assert_allclose(drawn[::10], sine[0, :, 0], atol=1e-6)
        deviation[kind] = np.abs(drawn - truth).max()
    assert deviation["cubic"] < 0.02 * deviation["linear"]


def test_impossible_settings_are_refused():
    with pytest.raises(ValueError, match="kind must be 'linear' or 'cubic', got 'straight'"):
        Interpolation(5, "straight")
    with pytest.raises(ValueError, match="ticks must"):
        Interpolation(0)
