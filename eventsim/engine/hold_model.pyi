"""The hold model: the classical measure of an event queue, as a handler in C."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eventsim.engine.engine import Engine, Handler

class HoldModel(Handler):
    """Answers each event with one new event, after the next of a list of increments.

    Parameters
    ----------
    increments : array, shape (2**m,)
        Times from an event to the one it schedules, used in turn. Copied.
    """

    def __init__(self, increments: ArrayLike) -> None: ...
    def fill(self, engine: Engine, times: NDArray[np.float64]) -> None:
        """Schedule one event at each of these times, to be handled by this handler."""
    def operate(self, engine: Engine, operations: int) -> None:
        """Run the engine for this many operations: an event taken and one scheduled each."""
