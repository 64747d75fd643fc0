"""Losses of spike trains: the distance of the outputs' spikes from target trains, with its derivative.

For each sample they take the spikes of the outputs and those of the target. The derivatives of a sample are
in the order of its spikes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eventsim.models.training.losses.loss import ForwardPassLoss, Outputs
from eventsim.parameters import one_number
from eventsim.trace import Spikes

__all__ = ["SpikeTrainTargets", "VanRossum"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SpikeTrainTargets(ForwardPassLoss):
    """Squared error of the k-th spike of each unit against its k-th target.

        L = 1/2 sum (T_k - S_k)^2 + missing * (spikes without target + targets without spike)

    Attributes
    ----------
    missing : what a spike too many or too few costs, >= 0; it has no gradient.
    """

    missing: float = 0.0

    def __post_init__(self) -> None:
        one_number(self.missing, "missing", low=0)

    def __call__(
        self, outputs: Outputs | Sequence[Spikes], targets: Sequence[Spikes], tau_syn: float = 1.0
    ) -> tuple[Floats, list[Floats]]:
        """Return the losses (n_samples,) and for each sample the derivatives in its spike times."""
        _check_lengths(outputs, targets)
        losses, errors = np.zeros(len(outputs)), []
        for sample, (one, other) in enumerate(zip(outputs, targets, strict=True)):
            mine, theirs = _ranked(one), _ranked(other)
            error = np.zeros(len(one))
            for key, at in mine.items():
                if key in theirs:
                    error[at] = one.times[at] - other.times[theirs[key]]
            unmatched = len(mine.keys() ^ theirs.keys())
            losses[sample] = 0.5 * (error @ error) + self.missing * unmatched
            errors.append(error)
        return losses, errors


@dataclass(frozen=True, slots=True)
class VanRossum(ForwardPassLoss):
    """Distance of two spike trains that are filtered by exponentials, summed over units.

        L = 1/tau integral (f - g)^2 dt,    f(t) = sum over spikes T < t of e^(-(t - T)/tau), g of the targets
          = 1/2 sum e^(-|T_j - T_k|/tau) - sum e^(-|T_j - S_k|/tau) + 1/2 sum e^(-|S_j - S_k|/tau)

    Spikes at equal times repel each other by no gradient.

    Attributes
    ----------
    tau : of the filter, in the unit of the times, > 0.

    Notes
    -----
    van Rossum 2001, A novel spike distance. One spike without a target costs 1/2.
    """

    tau: float = 1.0

    def __post_init__(self) -> None:
        if not one_number(self.tau, "tau", low=0) > 0:
            raise ValueError(f"tau must be positive, got {self.tau!r}")

    def __call__(
        self, outputs: Outputs | Sequence[Spikes], targets: Sequence[Spikes], tau_syn: float = 1.0
    ) -> tuple[Floats, list[Floats]]:
        """Return the losses (n_samples,) and for each sample the derivatives in its spike times."""
        _check_lengths(outputs, targets)
        losses, errors = np.zeros(len(outputs)), []
        for sample, (one, other) in enumerate(zip(outputs, targets, strict=True)):
            error = np.zeros(len(one))
            for unit in np.union1d(one.units, other.units):
                at = np.flatnonzero(one.units == unit)
                t, s = one.times[at], other.times[other.units == unit]
                own, pull = self._overlap(t, t), self._overlap(t, s)
                losses[sample] += 0.5 * own.sum() - pull.sum() + 0.5 * self._overlap(s, s).sum()
                slopes = np.sign(t[:, None] - s) * pull
                error[at] = (slopes.sum(axis=1) - (np.sign(t[:, None] - t) * own).sum(axis=1)) / self.tau
            errors.append(error)
        return losses, errors

    def _overlap(self, a: Floats, b: Floats) -> Floats:
        overlap: Floats = np.exp(-np.abs(a[:, None] - b) / self.tau)
        return overlap


def _ranked(spikes: Spikes) -> dict[tuple[int, int], int]:
    """Return where the k-th spike of each unit stands, by (unit, k)."""
    counts: dict[int, int] = {}
    places: dict[tuple[int, int], int] = {}
    for at, unit in enumerate(spikes.units.tolist()):
        k = counts.get(unit, 0)
        places[unit, k] = at
        counts[unit] = k + 1
    return places


def _check_lengths(outputs: Outputs | Sequence[Spikes], targets: Sequence[Spikes]) -> None:
    if len(outputs) != len(targets):
        raise ValueError(f"targets hold {len(targets)} samples, the spikes {len(outputs)}")
