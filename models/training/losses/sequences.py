"""Losses of outputs over time, arrays (time, batch, n), such as the membranes of a `LeakyReadout`.

    readout       class of highest          loss of a sample with label y
    "last"        u[T]                      -ln softmax(u[T])_y
    "mean"        mean_t u[t]               -ln softmax(mean_t u[t])_y
    "sum"         sum_t u[t]                -ln softmax(sum_t u[t])_y
    "max"         max_t u[t]                -ln softmax(max_t u[t])_y
    "cumulative"  Q = sum_t softmax(u[t])   -ln softmax(Q)_y
    "each_step"   u[t], at each step        mean_t -ln softmax(u[t])_y[t]

With a `floor` it is -ln(p_y + floor), whose derivative has the factor c = p_y / (p_y + floor): samples that
are badly wrong are not learned from. Steps at and after the length of a sequence are padding: they count
nowhere, and no error goes back to them.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from eventsim.models.training.losses.loss import Reads
from eventsim.parameters import one_number

__all__ = ["SequenceCrossEntropy", "SequenceSquaredError"]

Array = NDArray[Any]
Ints = NDArray[np.int64]
Readout = Literal["last", "mean", "sum", "max", "cumulative", "each_step"]
READOUTS = ("last", "mean", "sum", "max", "cumulative", "each_step")


@dataclass(frozen=True)
class SequenceCrossEntropy:
    """Cross entropy of the classes of sequences, or of their steps.

    Attributes
    ----------
    readout : how outputs over time become one number for each class; see the module.
    floor : added to the probability of the right class before the logarithm.
    scored : steps that count in `accuracy`, boolean (time,), of "each_step" only; all unless given.
    """

    readout: Readout = "last"
    floor: float = 0.0
    scored: Any = None
    reads: ClassVar[Reads] = "sequence"

    def __post_init__(self) -> None:
        if self.readout not in READOUTS:
            raise ValueError(f"readout must be one of {', '.join(READOUTS)}, got {self.readout!r}")
        one_number(self.floor, "floor", low=0)
        if self.scored is not None and self.readout != "each_step":
            raise ValueError(f"scored steps need the readout 'each_step', got {self.readout!r}")

    def __call__(
        self, outputs: Array, targets: Ints, tau_syn: float = 1.0, *, lengths: Ints | None = None
    ) -> tuple[Array, Array]:
        """Return the losses (batch,) and their derivatives in the outputs (time, batch, n).

        Parameters
        ----------
        outputs : ndarray, shape (time, batch, n)
        targets : ndarray of int, shape (batch,), or (batch, time) of "each_step"
        lengths : ndarray of int, shape (batch,), optional
            Steps of each sequence; all unless given.
        """
        targets = _labels(targets, outputs, self.readout == "each_step")
        valid, counts = _valid(outputs, lengths)
        if self.readout == "each_step":
            losses, errors = _cross_entropy(outputs, targets, self.floor)
            weights = _weights(valid, counts, outputs)
            errors *= weights[:, :, None]
            return (losses * weights).sum(axis=0), errors
        scores = self._scores(outputs, valid, counts)
        losses, errors = _cross_entropy(scores, targets, self.floor)
        return losses, self._spread(errors, outputs, valid, counts)

    def _scores(self, outputs: Array, valid: Array | None, counts: Ints) -> Array:
        """Return one number for each class, shape (batch, n)."""
        samples = np.arange(outputs.shape[1])
        result: Array
        if self.readout == "last":
            result = outputs[counts - 1, samples]
            return result
        if self.readout == "max":
            shown = outputs if valid is None else np.where(valid[:, :, None], outputs, -np.inf)
            result = shown.max(axis=0)
            return result
        if self.readout == "cumulative":
            shown = _softmax(outputs)
        else:
            shown = outputs
        if valid is not None:
            shown = np.where(valid[:, :, None], shown, 0)
        result = shown.sum(axis=0)
        return result / counts[:, None].astype(outputs.dtype) if self.readout == "mean" else result

    def _spread(self, errors: Array, outputs: Array, valid: Array | None, counts: Ints) -> Array:
        """Return errors of the scores as errors of the outputs."""
        spread: Array = np.zeros_like(outputs)
        samples = np.arange(outputs.shape[1])
        if self.readout == "last":
            spread[counts - 1, samples] = errors
            return spread
        if self.readout == "max":
            shown = outputs if valid is None else np.where(valid[:, :, None], outputs, -np.inf)
            np.put_along_axis(spread, shown.argmax(axis=0)[None], errors[None], axis=0)
            return spread
        if self.readout == "cumulative":
            q = _softmax(outputs)
            spread = q * (errors - (q * errors).sum(axis=2, keepdims=True))
        else:
            spread += errors / counts[:, None].astype(outputs.dtype) if self.readout == "mean" else errors
        if valid is not None:
            spread *= valid[:, :, None]
        return spread

    def predict(self, outputs: Array, tau_syn: float = 1.0, *, lengths: Ints | None = None) -> Ints:
        """Return the class of each sample (batch,), or of each step (batch, time) of "each_step"."""
        if self.readout == "each_step":
            steps: Ints = outputs.argmax(axis=2).T
            return steps
        classes: Ints = self._scores(outputs, *_valid(outputs, lengths)).argmax(axis=1)
        return classes

    def probabilities(self, outputs: Array, *, lengths: Ints | None = None) -> Array:
        """Return the softmax that the loss reads, shape (batch, n), or (batch, time, n) of "each_step"."""
        if self.readout == "each_step":
            return np.moveaxis(_softmax(outputs), 0, 1)
        return _softmax(self._scores(outputs, *_valid(outputs, lengths)))

    def accuracy(self, outputs: Array, targets: Ints, *, lengths: Ints | None = None) -> Array:
        """Return the fraction of each sample that is right, shape (batch,): 0 or 1 but for "each_step"."""
        right = self.predict(outputs, lengths=lengths) == (
            targets if self.readout != "each_step" or targets.ndim == 2 else targets[:, None]
        )
        if self.readout != "each_step":
            return np.asarray(right, np.float64)
        counted = np.ones(right.shape, bool)
        if self.scored is not None:
            counted &= np.asarray(self.scored, bool)
        if lengths is not None:
            counted &= np.arange(right.shape[1]) < np.asarray(lengths)[:, None]
        fractions: Array = (right & counted).sum(axis=1) / np.maximum(counted.sum(axis=1), 1)
        return fractions


@dataclass(frozen=True)
class SequenceSquaredError:
    """Mean square of the difference of outputs and targets.

    Attributes
    ----------
    readout : "last" or "mean" for one target (batch, n) a sequence, "each_step" for (batch, time, n).
    """

    readout: Literal["last", "mean", "each_step"] = "last"
    reads: ClassVar[Reads] = "sequence"

    def __post_init__(self) -> None:
        if self.readout not in ("last", "mean", "each_step"):
            raise ValueError(f"readout must be one of last, mean, each_step, got {self.readout!r}")

    def __call__(
        self, outputs: Array, targets: Array, tau_syn: float = 1.0, *, lengths: Ints | None = None
    ) -> tuple[Array, Array]:
        """Return the losses (batch,) and their derivatives in the outputs (time, batch, n)."""
        valid, counts = _valid(outputs, lengths)
        targets = np.asarray(targets, outputs.dtype)
        n = outputs.shape[2]
        if self.readout == "each_step":
            weights = _weights(valid, counts, outputs)[:, :, None] / n
            difference = np.where(weights > 0, outputs - np.moveaxis(targets, 1, 0), 0)
            return (weights * difference**2).sum(axis=(0, 2)), 2 * weights * difference
        difference = self.predict(outputs, lengths=lengths) - targets
        errors = 2 * difference / n
        losses: Array = (difference**2).mean(axis=1)
        return losses, SequenceCrossEntropy(self.readout)._spread(errors, outputs, valid, counts)

    def predict(self, outputs: Array, tau_syn: float = 1.0, *, lengths: Ints | None = None) -> Array:
        """Return the predicted values, shape (batch, n), or (batch, time, n) of "each_step"."""
        if self.readout == "each_step":
            return np.moveaxis(outputs, 0, 1)
        return SequenceCrossEntropy(self.readout)._scores(outputs, *_valid(outputs, lengths))


def _valid(outputs: Array, lengths: Any) -> tuple[Array | None, Ints]:
    """Return which steps are no padding (time, batch), None for all; and how many they are (batch,)."""
    n_steps, batch = outputs.shape[:2]
    if lengths is None:
        return None, np.full(batch, n_steps)
    counts = np.asarray(lengths, np.int64)
    if counts.shape != (batch,) or (batch and not (counts.min() >= 1 and counts.max() <= n_steps)):
        raise ValueError(
            f"lengths must be {batch} numbers between 1 and {n_steps}, got shape {counts.shape}"
            + (f" from {counts.min()} to {counts.max()}" if counts.size else "")
        )
    if (counts == n_steps).all():
        return None, counts
    return np.arange(n_steps)[:, None] < counts, counts


def _weights(valid: Array | None, counts: Ints, outputs: Array) -> Array:
    """Return the weight of each step in the mean over the steps of a sample, shape (time, batch)."""
    per_step = (1.0 / counts).astype(outputs.dtype)
    if valid is None:
        return np.broadcast_to(per_step, outputs.shape[:2])
    weights: Array = valid * per_step
    return weights


def _labels(targets: Any, outputs: Array, each_step: bool) -> Ints:
    """Return checked labels, shape (batch,), or (time, batch) where each step has one."""
    n_steps, batch, n = outputs.shape
    labels = np.asarray(targets)
    wanted = [(batch,), (batch, n_steps)] if each_step else [(batch,)]
    if labels.shape not in wanted or labels.dtype.kind not in "iu":
        expected = " or ".join(map(str, wanted))
        raise ValueError(
            f"labels must be whole numbers of shape {expected}, got {labels.dtype} {labels.shape}"
        )
    if labels.size and not (labels.min() >= 0 and labels.max() < n):
        bad = labels.min() if labels.min() < 0 else labels.max()
        raise ValueError(f"label {bad} is outside the head, whose outputs are 0 to {n - 1}")
    if each_step:
        labels = labels.T if labels.ndim == 2 else np.broadcast_to(labels, (n_steps, batch))
    return labels


def _by_class(values: Array) -> Array:
    """Return exp(values - their maximum) with the classes as first axis: NumPy is slow along short rows."""
    shares: Array = np.ascontiguousarray(np.moveaxis(values, -1, 0))
    shares = np.exp(shares - shares.max(axis=0))
    return shares


def _softmax(values: Array) -> Array:
    shares = _by_class(values)
    shares /= shares.sum(axis=0)
    return np.ascontiguousarray(np.moveaxis(shares, 0, -1))


def _cross_entropy(values: Array, labels: Ints, floor: float) -> tuple[Array, Array]:
    """Return -ln(softmax(values)_label + floor) and its derivatives, over the last axis of `values`."""
    shares = _by_class(values)
    total = shares.sum(axis=0)
    own = np.arange(len(shares)).reshape(-1, *(1,) * labels.ndim) == labels
    right = np.where(own, shares, 0).sum(axis=0)
    one, small = values.dtype.type(1), values.dtype.type(floor)
    if floor:
        right /= total
        losses = -np.log(right + small)
        factor = right / (right + small)
    else:
        exponents = np.ascontiguousarray(np.moveaxis(values, -1, 0))
        losses = np.log(total) + exponents.max(axis=0) - np.where(own, exponents, 0).sum(axis=0)
        factor = None
    shares /= total
    errors = np.where(own, shares - one, shares)
    if factor is not None:
        errors *= factor
    return losses, np.ascontiguousarray(np.moveaxis(errors, 0, -1))
