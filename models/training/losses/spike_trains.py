"""Losses of spike trains and of their first spikes, each with its derivative in every spike time.

`TimeInvariant` is called as the losses of `eventsim.models.training.losses.first_spike`, with first spikes (n_samples, n). The
others compare trains: for each sample the spikes of a population, as `Run.spikes` gives them, and its target.
They return the loss of each sample and, for each sample, the derivatives in the order of its spikes, as
`SpikeGradient.backward` takes them. The mean over a batch is the caller's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from eventsim.models.training.losses.first_spike import SILENT_LABEL, first_output
from eventsim.parameters import one_number
from eventsim.trace import Spikes

__all__ = ["SpikeTrainTargets", "TimeInvariant", "VanRossum"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Trains(Protocol):
    """The spikes of a run, as `eventsim.models.gradients.spike_gradient.Run` has them."""

    def __len__(self) -> int: ...
    def spikes(self, population: str, sample: int) -> Spikes: ...


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

    margin: float = 0.2

    def __post_init__(self) -> None:
        one_number(self.margin, "margin")

    def __call__(self, times: Floats, labels: Ints, tau_syn: float = 1.0) -> tuple[Floats, Floats]:
        """Return the losses (n_samples,) and their derivatives in the times (n_samples, n_outputs)."""
        samples = np.arange(len(times))
        there = np.isfinite(times)
        silent = None if there.all() else np.asarray(~there.all(axis=1))
        if silent is not None:
            times = np.where(silent[:, None], 0.0, times)
        late = times - times[samples, labels][:, None]
        late /= tau_syn
        late -= self.margin
        late[samples, labels] = 0.0
        losses: Floats = 0.5 * np.einsum("ij,ij->i", late, late)
        if silent is not None:
            late[silent] = 0.0
            losses[silent] = SILENT_LABEL
        late /= tau_syn
        late[samples, labels] = -np.einsum("ij->i", late)
        return losses, late

    def predict(self, times: Floats) -> Ints:
        """Return the class of each sample: the output that spikes first, -1 if none does."""
        return first_output(times)


@dataclass(frozen=True, slots=True)
class SpikeTrainTargets:
    """Squared error of the k-th spike of each unit against its k-th target.

        L = 1/2 sum (T_k - S_k)^2 + missing * (spikes without target + targets without spike)

    Attributes
    ----------
    missing : what a spike too many or too few costs, >= 0; it has no gradient.
    """

    missing: float = 0.0

    def __post_init__(self) -> None:
        one_number(self.missing, "missing", low=0)

    def __call__(self, spikes: Sequence[Spikes], targets: Sequence[Spikes]) -> tuple[Floats, list[Floats]]:
        """Return the losses (n_samples,) and for each sample the derivatives in its spike times."""
        _check_lengths(spikes, targets)
        losses, errors = np.zeros(len(spikes)), []
        for sample, (one, other) in enumerate(zip(spikes, targets, strict=True)):
            mine, theirs = _ranked(one), _ranked(other)
            error = np.zeros(len(one))
            for key, at in mine.items():
                if key in theirs:
                    error[at] = one.times[at] - other.times[theirs[key]]
            unmatched = len(mine.keys() ^ theirs.keys())
            losses[sample] = 0.5 * (error @ error) + self.missing * unmatched
            errors.append(error)
        return losses, errors

    def of_run(
        self, run: Trains, output: str, targets: Sequence[Spikes], tau_syn: float = 1.0
    ) -> tuple[Floats, list[Floats]]:
        """Return losses and derivatives of a population's spikes in a run; see `SpikeLearner`."""
        return self(_trains(run, output), targets)


@dataclass(frozen=True, slots=True)
class VanRossum:
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

    def __call__(self, spikes: Sequence[Spikes], targets: Sequence[Spikes]) -> tuple[Floats, list[Floats]]:
        """Return the losses (n_samples,) and for each sample the derivatives in its spike times."""
        _check_lengths(spikes, targets)
        losses, errors = np.zeros(len(spikes)), []
        for sample, (one, other) in enumerate(zip(spikes, targets, strict=True)):
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

    def of_run(
        self, run: Trains, output: str, targets: Sequence[Spikes], tau_syn: float = 1.0
    ) -> tuple[Floats, list[Floats]]:
        """Return losses and derivatives of a population's spikes in a run; see `SpikeLearner`."""
        return self(_trains(run, output), targets)

    def _overlap(self, a: Floats, b: Floats) -> Floats:
        overlap: Floats = np.exp(-np.abs(a[:, None] - b) / self.tau)
        return overlap


def _trains(run: Trains, output: str) -> list[Spikes]:
    return [run.spikes(output, sample) for sample in range(len(run))]


def _ranked(spikes: Spikes) -> dict[tuple[int, int], int]:
    """Return where the k-th spike of each unit stands, by (unit, k)."""
    counts: dict[int, int] = {}
    places: dict[tuple[int, int], int] = {}
    for at, unit in enumerate(spikes.units.tolist()):
        k = counts.get(unit, 0)
        places[unit, k] = at
        counts[unit] = k + 1
    return places


def _check_lengths(spikes: Sequence[Spikes], targets: Sequence[Spikes]) -> None:
    if len(spikes) != len(targets):
        raise ValueError(f"targets hold {len(targets)} samples, the spikes {len(spikes)}")
