"""Losses that read a class from all spikes of the outputs, or from membranes that never spike.

Both are the cross entropy of a softmax of one number per output, L = ln sum_n exp((c_n - c*) / temperature),
with c* that of the correct output. They read a whole forward pass, an `Outputs`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eventsim.models.training.losses.loss import ForwardPassLoss, Outputs
from eventsim.parameters import one_number
from eventsim.trace import Spikes

__all__ = ["MaxMembrane", "SoftCounts"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SoftCounts(ForwardPassLoss):
    """Cross entropy of spike counts in a window whose borders are soft.

        c_n = sum over spikes T of output n of  s((T - start) / width) s((stop - T) / width),
        s(x) = 1 / (1 + e^-x)

    A count itself is constant until it jumps, so it has no derivative in spike times. This one is the number
    of spikes that is expected if each border lies somewhere around its place, logistically distributed with
    scale `width`: the closer a spike is to a border, the more it is pulled. Far inside and far outside there
    is no gradient, so `width` should be of the order of the window. That a spike appears or disappears is a
    jump here too, and no derivative shows it.

    Attributes
    ----------
    stop : late border, time unit of the network.
    start : early border; none unless given.
    width : scale of the borders, > 0; a quarter of `stop` unless given.
    temperature : of the softmax, in spikes, > 0.
    """

    stop: float
    start: float | None = None
    width: float | None = None
    temperature: float = 1.0

    def __post_init__(self) -> None:
        if not one_number(self.stop, "stop") > (
            0.0 if self.start is None else one_number(self.start, "start")
        ):
            raise ValueError(f"stop must be after start = {self.start or 0.0!r}, got {self.stop!r}")
        for name in ("width", "temperature"):
            value = getattr(self, name)
            if value is not None and not one_number(value, name, low=0) > 0:
                raise ValueError(f"{name} must be positive, got {value!r}")

    def counts(self, spikes: Sequence[Spikes] | Outputs, n: int) -> tuple[Floats, list[Floats]]:
        """Return the soft counts (n_samples, n) and, sample by sample, the slope of each spike's part."""
        width = self.stop / 4 if self.width is None else self.width
        counts, slopes = np.zeros((len(spikes), n)), []
        for sample, each in enumerate(spikes):
            late = 0.5 * (1.0 + np.tanh(0.5 * (self.stop - each.times) / width))
            early = np.ones_like(late)
            if self.start is not None:
                early = 0.5 * (1.0 + np.tanh(0.5 * (each.times - self.start) / width))
            part = late * early
            counts[sample] = np.bincount(each.units, part, n)
            slopes.append(part * (late - early) / width)
        return counts, slopes

    def __call__(self, outputs: Outputs, targets: Ints, tau_syn: float = 1.0) -> tuple[Floats, list[Floats]]:
        """Return the losses (n_samples,) and for each sample the derivatives in its spike times."""
        counts, slopes = self.counts(outputs, outputs.n)
        losses, errors = _cross_entropy(counts, targets, self.temperature)
        return losses, [
            errors[sample, spikes.units] * slope
            for sample, (spikes, slope) in enumerate(zip(outputs, slopes, strict=True))
        ]

    def predict(self, outputs: Outputs, tau_syn: float = 1.0) -> Ints:
        """Return the output with the largest count in each sample; -1 if none spikes."""
        counts, _ = self.counts(outputs, outputs.n)
        return np.where([len(spikes) > 0 for spikes in outputs], counts.argmax(axis=1), -1)


@dataclass(frozen=True, slots=True)
class MaxMembrane(ForwardPassLoss):
    """Cross entropy of the largest membranes of outputs that do not spike, `LIF(v_th=inf)`.

        c_n = max over t in [0, until) of v_n(t)

    The time of the maximum needs no derivative, for there v is stationary or at the end of an arrival.

    Attributes
    ----------
    temperature : of the softmax, in units of the membrane, > 0.

    Notes
    -----
    Wunderlich and Pehle 2021, Event-based backpropagation can compute exact gradients for spiking neural
    networks, whose loss of the voltage maxima this is.
    """

    temperature: float = 1.0

    def __post_init__(self) -> None:
        if not one_number(self.temperature, "temperature", low=0) > 0:
            raise ValueError(f"temperature must be positive, got {self.temperature!r}")

    def __call__(self, outputs: Outputs, targets: Ints, tau_syn: float = 1.0) -> tuple[Floats, Floats]:
        """Return the losses (n_samples,) and their derivatives in the maxima (n_samples, n_outputs)."""
        return _cross_entropy(outputs.maxima, targets, self.temperature)

    def predict(self, outputs: Outputs, tau_syn: float = 1.0) -> Ints:
        """Return the output with the largest maximum in each sample."""
        classes: Ints = outputs.maxima.argmax(axis=1)
        return classes


def _cross_entropy(values: Floats, labels: Ints, temperature: float) -> tuple[Floats, Floats]:
    """Return the losses (n_samples,) and their derivatives in the values (n_samples, n_outputs)."""
    samples = np.arange(len(values))
    exponents = (values - values[samples, labels][:, None]) / temperature
    largest = exponents.max(axis=1, keepdims=True)  # nothing overflows
    shares = np.exp(exponents - largest)
    total = shares.sum(axis=1, keepdims=True)
    losses: Floats = np.log(total[:, 0]) + largest[:, 0]
    errors: Floats = shares / (total * temperature)
    errors[samples, labels] -= 1.0 / temperature
    return losses, errors
