"""A loss of membranes at given times, with its derivative.

It says by `probe_times`, before the forward pass, when the membranes of the outputs are to be read; then it
is called with what was read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eventsim.io.plain import real_array, shown
from eventsim.models.training.losses.loss import Reads
from eventsim.parameters import whole_number

__all__ = ["MembraneTargets"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MembraneTargets:
    """Squared error of the membranes of outputs at given times.

        L = 1/2 sum (v_j(t_k) - target_jk)^2

    Targets of a batch are, with `times`, an array (n_samples, n_times, n_units); without, a sequence with
    (times, values) of each sample, whose values have the shape (n_times, n_units). The last axis may be left
    out for one unit.

    Attributes
    ----------
    times : of all samples, shape (n_times,), in the unit of the network; with the targets unless given.
    units : the outputs that are read; all of them unless given.
    """

    times: ArrayLike | None = None
    units: Sequence[int] | None = None
    reads: ClassVar[Reads] = "membranes"

    def __post_init__(self) -> None:
        if self.times is not None:
            times = real_array(self.times, "times of membrane targets")
            if times.ndim != 1:
                raise ValueError(f"times of membrane targets must have one axis, got shape {times.shape}")
            object.__setattr__(self, "times", tuple(times.tolist()))
        if self.units is not None:
            units = [whole_number(unit, "a unit of membrane targets", 0) for unit in self.units]
            if len(set(units)) < len(units) or not units:
                raise ValueError(f"units of membrane targets must be different outputs, got {units}")
            object.__setattr__(self, "units", tuple(units))

    def probe_times(self, targets: Any, n: int) -> Floats:
        """Return when the `n` outputs are read, shape (n_samples, n_times, n); inf for never."""
        times, _ = self._checked(targets, n)
        found = np.full((*times.shape, n), np.inf)
        found[:, :, self._read(n)] = times[:, :, None]
        return found

    def __call__(self, outputs: Floats, targets: Any, tau_syn: float = 1.0) -> tuple[Floats, Floats]:
        """Return the losses (n_samples,) and their derivatives in the membranes (n_samples, n_times, n)."""
        n = outputs.shape[2]
        times, values = self._checked(targets, n)
        if len(times) != len(outputs):
            raise ValueError(f"targets hold {len(times)} samples, the membranes {len(outputs)}")
        errors = np.zeros(outputs.shape)
        read = self._read(n)
        difference = outputs[:, :, read] - values
        errors[:, :, read] = np.where(np.isfinite(times)[:, :, None], difference, 0.0)
        return 0.5 * (errors**2).sum(axis=(1, 2)), errors

    def _read(self, n: int) -> list[int]:
        units = list(range(n)) if self.units is None else list(self.units)
        if max(units, default=0) >= n:
            raise ValueError(f"membrane targets name output {max(units)}, outputs are 0 to {n - 1}")
        return units

    def _checked(self, targets: Any, n: int) -> tuple[Floats, Floats]:
        """Return times (n_samples, n_times) and values (n_samples, n_times, n_units).

        The times of samples with fewer of them end in inf.
        """
        n_read = len(self._read(n))
        if self.times is not None:
            values = _of_units(targets, n_read, 3, "membrane targets")
            times = np.asarray(self.times, np.float64)
            if values.shape[1:] != (len(times), n_read):
                raise ValueError(
                    f"membrane targets have shape {values.shape}, "
                    f"expected (n_samples, {len(times)}, {n_read})"
                )
            return np.broadcast_to(times, values.shape[:2]), values
        if not isinstance(targets, Sequence) or any(not _is_pair(each) for each in targets):
            raise TypeError(
                f"membrane targets are a sequence with (times, values) of each sample, or times are given to "
                f"MembraneTargets; got {shown(targets)}"
            )
        pairs = []
        for k, (at, value) in enumerate(targets):
            what = f"membrane targets of sample {k}"
            one, own = real_array(at, f"times of {what}"), _of_units(value, n_read, 2, what)
            if one.ndim != 1 or own.shape != (len(one), n_read):
                raise ValueError(f"{what} have shape {own.shape}, expected ({one.size}, {n_read})")
            pairs.append((one, own))
        longest = max((len(one) for one, _ in pairs), default=0)
        times, values = np.full((len(pairs), longest), np.inf), np.zeros((len(pairs), longest, n_read))
        for k, (one, own) in enumerate(pairs):
            times[k, : len(one)], values[k, : len(one)] = one, own
        return times, values


def _is_pair(each: Any) -> bool:
    return isinstance(each, tuple | list) and len(each) == 2


def _of_units(values: Any, n_read: int, n_axes: int, what: str) -> Floats:
    """Return values as a checked array with an axis of units."""
    found = real_array(values, what)
    if found.ndim == n_axes - 1 and n_read == 1:
        found = found[..., None]
    if not np.isfinite(found).all():
        raise ValueError(f"{what} must be finite, got {found[~np.isfinite(found)][0]}")
    return found
