"""Losses of first spikes, and the class that the first spikes of the outputs tell.

They are called with the times of the outputs (n_samples, n_outputs), `inf` for a silent output, the labels
(n_samples,) and the synaptic time constant. A sample whose correct output is silent has a constant loss and
no gradient (Göltz et al. 2021).
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsim.models.training.losses.loss import Reads
from eventsim.parameters import one_number

__all__ = ["TargetTimes", "TimeInvariant", "TimeToFirstSpike", "first_output"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SILENT_LABEL = 100.0  # loss of a sample whose correct output never spikes


def first_output(times: Floats) -> Ints:
    """Return which output spikes first, shape (n_samples,); -1 if none does or a time is not a number.

    >>> first_output(np.array([[1.0, 0.5], [np.inf, np.inf]]))
    array([ 1, -1])
    """
    winner: Ints = times.argmin(axis=1)
    winner[~np.isfinite(times.min(axis=1))] = -1
    return winner


@dataclass(frozen=True, slots=True)
class TimeToFirstSpike:
    """Cross entropy of the output times, with a pull towards early spikes.

        L = ln sum_n exp(-(t_n - t*) / (xi tau_syn)) + alpha exp(t* / (beta tau_syn))

    t* is the time of the correct output. A silent wrong output does not contribute. The constant -alpha of
    the paper's formula is left out, as in its published results.

    Attributes
    ----------
    xi : scale of time differences that count, in tau_syn, > 0.
    alpha : weight of the pull towards early spikes, >= 0.
    beta : scale of spike latency, in tau_syn, > 0.

    Notes
    -----
    Göltz, Kriener et al. 2021, eq. 5 and methods.
    """

    reads: ClassVar[Reads] = "first_spikes"

    xi: float = 0.2
    alpha: float = 0.005
    beta: float = 1.0

    def __post_init__(self) -> None:
        for name in ("xi", "beta"):
            if not one_number(getattr(self, name), name, low=0) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)!r}")
        one_number(self.alpha, "alpha", low=0)

    def __call__(self, times: Floats, labels: Ints, tau_syn: float = 1.0) -> tuple[Floats, Floats]:
        """Return the losses (n_samples,) and their derivatives in the times (n_samples, n_outputs)."""
        samples = np.arange(len(times))
        correct = times[samples, labels]
        spikes = np.isfinite(correct)
        correct = np.where(spikes, correct, 0.0)
        scale = 1.0 / (self.xi * tau_syn)
        # The largest exponent is taken out, so that nothing overflows; -inf stands for a silent output.
        exponents = (correct[:, None] - times) * scale
        exponents[~spikes] = 0.0
        largest = exponents.max(axis=1, keepdims=True)
        shares = np.exp(exponents - largest)
        total = shares.sum(axis=1, keepdims=True)
        latency_cost = self.alpha * np.exp(np.minimum(correct / (self.beta * tau_syn), 700.0))  # finite
        losses = np.where(spikes, np.log(total[:, 0]) + largest[:, 0] + latency_cost, SILENT_LABEL)
        errors = shares / total
        errors *= -scale
        errors[samples, labels] += scale + latency_cost / (self.beta * tau_syn)
        errors[~spikes] = 0.0
        return losses, errors

    def predict(self, times: Floats, tau_syn: float = 1.0) -> Ints:
        """Return the class of each sample: the output that spikes first, -1 if none does."""
        return first_output(times)


@dataclass(frozen=True, slots=True)
class TargetTimes:
    """Squared distance of the output times from a target for the correct output and one for all others.

        L = 1/2 sum_n (t_n - target_n)^2        (times and targets in tau_syn)

    A sample with a silent output has a constant loss and no gradient, since its distance is infinite.

    Attributes
    ----------
    correct, wrong : target times in tau_syn.
    """

    reads: ClassVar[Reads] = "first_spikes"

    correct: float
    wrong: float

    def __post_init__(self) -> None:
        if one_number(self.correct, "correct") == one_number(self.wrong, "wrong"):
            raise ValueError(f"the two target times must differ, got {self.correct!r} for both")

    def __call__(self, times: Floats, labels: Ints, tau_syn: float = 1.0) -> tuple[Floats, Floats]:
        """Return the losses (n_samples,) and their derivatives in the times (n_samples, n_outputs)."""
        spikes: NDArray[np.bool_] = np.asarray(np.isfinite(times).all(axis=1))
        errors = np.where(spikes[:, None], times / tau_syn - self.wrong, 0.0)
        errors[spikes, labels[spikes]] += self.wrong - self.correct
        losses = np.where(spikes, 0.5 * (errors**2).sum(axis=1), SILENT_LABEL)
        return losses, errors / tau_syn

    def predict(self, times: Floats, tau_syn: float = 1.0) -> Ints:
        """Return the output closest to the target of the correct one, -1 if all are silent."""
        return first_output(np.abs(times / tau_syn - self.correct))


@dataclass(frozen=True, slots=True)
class TimeInvariant:
    """Squared error of time differences to the correct output, which a shift of all outputs leaves as it is.

        L = 1/2 sum_n (t_n - t* - margin tau_syn)^2 / tau_syn^2

    t* is the time of the correct output; the sum leaves it out. If any output is silent the loss is constant,
    without gradient.

    Attributes
    ----------
    margin : by how much the other outputs should be later, in tau_syn.

    Notes
    -----
    Göltz et al. 2025, DelGrad, whose Delta_t is `margin` (0.2 in simulations).
    """

    reads: ClassVar[Reads] = "first_spikes"

    margin: float = 0.2

    def __post_init__(self) -> None:
        one_number(self.margin, "margin")

    def __call__(self, times: Floats, labels: Ints, tau_syn: float = 1.0) -> tuple[Floats, Floats]:
        """Return the losses (n_samples,) and their derivatives in the times (n_samples, n_outputs)."""
        samples = np.arange(len(times))
        spikes = np.isfinite(times)
        silent = None if spikes.all() else np.asarray(~spikes.all(axis=1))
        if silent is not None:
            times = np.where(silent[:, None], 0.0, times)
        errors = times - times[samples, labels][:, None]
        errors /= tau_syn
        errors -= self.margin
        errors[samples, labels] = 0.0
        losses: Floats = 0.5 * np.einsum("ij,ij->i", errors, errors)
        if silent is not None:
            errors[silent] = 0.0
            losses[silent] = SILENT_LABEL
        errors /= tau_syn
        errors[samples, labels] = -np.einsum("ij->i", errors)
        return losses, errors

    def predict(self, times: Floats, tau_syn: float = 1.0) -> Ints:
        """Return the class of each sample: the output that spikes first, -1 if none does."""
        return first_output(times)
