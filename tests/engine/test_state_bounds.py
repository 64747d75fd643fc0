"""Bounds of the arrays of a state hold in every precision."""

import warnings

import numpy as np
import pytest

import eventsim as es
from eventsim.states import FINITE, state_array


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_an_infinity_is_not_finite_in_any_precision(dtype: type, value: float) -> None:
    state: dict[str, object] = {"rate": np.array([1.0, value], dtype)}
    with pytest.raises(ValueError, match=r"'rate' in the state holds -?inf"):
        state_array(state, "rate", dtype, None, *FINITE)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_largest_numbers_are_finite_and_nothing_is_warned_of(dtype: type) -> None:
    largest = np.finfo(dtype).max
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = state_array({"rate": np.array([largest, -largest], dtype)}, "rate", dtype, None, *FINITE)
    assert found.tolist() == [largest, -largest]


def test_a_series_of_events_that_never_begins_goes_through_a_snapshot() -> None:
    engine = es.Engine()
    handler = engine.register(lambda engine, event: None)
    engine.every(0.25, handler, np.inf)
    engine.restore(engine.snapshot())
    assert (engine.pending, engine.next_event_time) == (1, np.inf)
