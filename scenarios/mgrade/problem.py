"""What a network is to learn: sequences, their targets, the loss, and how an answer is measured."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from eventsim.models.training.task import Task

__all__ = ["Measure", "Problem"]

# Outputs (time, samples, n_outputs) of the test set, and what is wanted, to metrics by name.
Measure = Callable[[NDArray[Any], NDArray[Any]], dict[str, float]]


@dataclass(frozen=True, slots=True)
class Problem:
    """What a network is to learn.

    Attributes
    ----------
    task : sequences (n, time, channels), and labels or targets, by split.
    loss : of outputs over time.
    measure : returns further metrics of the test set; None where accuracy is all there is.
    score : name of the metric that studies compare.
    """

    task: Task
    loss: Any
    measure: Measure | None = None
    score: str = "test_accuracy"
