"""Scores of predictions: accuracy, MSE, sMAPE and R2, accumulated over batches as NeuroBench defines them."""

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["R2", "SCORES", "ClassificationAccuracy", "MeanScore", "mse", "smape"]

Floats = NDArray[Any]
WORST = 200.0  # of sMAPE


class MeanScore:
    """Means of batches, weighted by the sizes of the batches."""

    name = ""
    of_batch: Callable[[Any, Any], float]

    def __init__(self) -> None:
        self.total, self.n_samples = 0.0, 0

    def add(self, predictions: Floats, targets: Floats) -> None:
        """Count a batch."""
        self.total += len(targets) * float(type(self).of_batch(predictions, targets))
        self.n_samples += len(targets)

    def result(self) -> float:
        """Return the score so far."""
        return self.total / self.n_samples


class ClassificationAccuracy(MeanScore):
    """Fraction of predictions that equal their target."""

    name = "ClassificationAccuracy"

    @staticmethod
    def of_batch(predictions: Floats, targets: Floats) -> float:
        """Return the accuracy of a batch."""
        return float((predictions == targets).mean())


def mse(predictions: ArrayLike, targets: ArrayLike) -> float:
    """Return the mean squared error over all elements."""
    return float(np.mean((np.asarray(predictions) - np.asarray(targets)) ** 2, dtype=np.float64))


def smape(predictions: ArrayLike, targets: ArrayLike) -> float:
    """Return 200 times the mean of ``|p - y| / (|p| + |y|)``, from 0 to 200; 200 if the mean is no number."""
    p, y = np.asarray(predictions, np.float64), np.asarray(targets, np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = float(np.mean(np.abs(p - y) / (np.abs(p) + np.abs(y))))
    return WORST if math.isnan(mean) else WORST * mean


class MSE(MeanScore):
    """Mean squared error."""

    name = "MSE"
    of_batch = staticmethod(mse)


class SMAPE(MeanScore):
    """Symmetric mean absolute percentage error; a batch with one undefined term counts as 200."""

    name = "SMAPE"
    of_batch = staticmethod(smape)


class R2:
    """Mean coefficient of determination of columns 0 and 1, over all samples."""

    name = "R2"

    def __init__(self) -> None:
        self.squares = np.zeros(2)
        self.targets: list[Floats] = []

    def add(self, predictions: Floats, targets: Floats) -> None:
        """Count a batch, shape (samples, columns)."""
        if targets.ndim != 2 or targets.shape[1] < 2:
            raise ValueError(f"R2 needs targets of shape (samples, 2), got {targets.shape}")
        difference = np.asarray(targets[:, :2], np.float64) - predictions[:, :2]
        self.squares += (difference**2).sum(axis=0)
        self.targets.append(np.array(targets[:, :2], np.float64))

    def result(self) -> float:
        """Return the score so far."""
        y = np.concatenate(self.targets)
        with np.errstate(divide="ignore", invalid="ignore"), warnings.catch_warnings():
            return float((1 - self.squares / ((y - y.mean(axis=0)) ** 2).sum(axis=0)).mean())


SCORES: dict[str, Any] = {each.name: each for each in (ClassificationAccuracy, MSE, SMAPE, R2)}
