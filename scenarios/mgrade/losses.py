"""Losses of sequences some of whose steps have a target.

    cross entropy     mean over the steps with a label >= 0 of -ln softmax(u[t])_label
    squared error     mean over the steps with a finite target of (u[t] - target)^2, and over outputs

A sample without such a step has loss 0. The mean is over the steps of each sample.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsim.models.training.losses.loss import Reads

__all__ = ["ScoredCrossEntropy", "ScoredSquaredError"]

Array = NDArray[Any]


@dataclass(frozen=True)
class ScoredCrossEntropy:
    """Cross entropy of the steps that have a label; others are marked by -1."""

    reads: ClassVar[Reads] = "sequence"

    def __call__(
        self, outputs: Array, targets: Array, tau_syn: float = 1.0, *, lengths: Array | None = None
    ) -> tuple[Array, Array]:
        """Return the losses (batch,) and their derivatives in the outputs (time, batch, n)."""
        labels = targets.T
        scored = labels >= 0
        weight = scored / np.maximum(scored.sum(axis=0), 1)
        top = outputs.max(axis=2, keepdims=True)
        shares = np.exp((outputs - top).astype(np.float64))
        total = shares.sum(axis=2)
        own = np.maximum(labels, 0)[:, :, None]
        right = np.take_along_axis((outputs - top).astype(np.float64), own, axis=2)[:, :, 0]
        losses = (weight * (np.log(total) - right)).sum(axis=0)
        errors = shares / total[:, :, None]
        errors -= np.arange(outputs.shape[2]) == own
        errors *= weight[:, :, None]
        return losses, errors.astype(outputs.dtype)

    def predict(self, outputs: Array, tau_syn: float = 1.0, *, lengths: Array | None = None) -> Array:
        """Return the class of each step, shape (batch, time)."""
        classes: Array = outputs.argmax(axis=2).T
        return classes

    def accuracy(self, outputs: Array, targets: Array, *, lengths: Array | None = None) -> Array:
        """Return the share of scored steps of each sample that are right, shape (batch,)."""
        scored = targets >= 0
        right = (self.predict(outputs) == targets) & scored
        shares: Array = right.sum(axis=1) / np.maximum(scored.sum(axis=1), 1)
        return shares


@dataclass(frozen=True)
class ScoredSquaredError:
    """Mean square of the difference at the steps whose targets are finite; others are marked by nan."""

    reads: ClassVar[Reads] = "sequence"

    def __call__(
        self, outputs: Array, targets: Array, tau_syn: float = 1.0, *, lengths: Array | None = None
    ) -> tuple[Array, Array]:
        """Return the losses (batch,) and their derivatives in the outputs (time, batch, n)."""
        wanted = np.moveaxis(targets, 1, 0)
        scored = np.isfinite(wanted)
        weight = scored / np.maximum(scored.sum(axis=(0, 2), keepdims=True), 1)
        difference = np.where(scored, outputs - np.where(scored, wanted, 0), 0)
        losses: Array = (weight * difference.astype(np.float64) ** 2).sum(axis=(0, 2))
        return losses, (2 * weight * difference).astype(outputs.dtype)

    def predict(self, outputs: Array, tau_syn: float = 1.0, *, lengths: Array | None = None) -> Array:
        """Return the predicted values, shape (batch, time, n)."""
        return np.moveaxis(outputs, 0, 1)
