"""The input spikes of a run as they were given, checked, and as the kernels want them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim.errors import UnknownPart
from eventsim.models.gradients.network import SpikeNetwork
from eventsim.spike_trains import checked_spikes
from eventsim.trace import Spikes

__all__ = ["FirstSpikes", "InputSpikes", "SpikeLists", "checked_inputs"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Indices = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class FirstSpikes:
    """One spike of each unit in each sample at most, shape (n_samples, n); `inf` for none."""

    times: Floats

    def __len__(self) -> int:
        return len(self.times)

    def sorted(self) -> tuple[Floats, Indices, Ints]:
        """Return times and units by sample and time, and where each sample starts (n_samples + 1,)."""
        units = self.times.argsort(axis=1, kind="stable")
        times = np.take_along_axis(self.times, units, axis=1)
        there = times < np.inf
        start = np.concatenate([[0], there.sum(axis=1).cumsum()])
        return times[there], units[there].astype(np.int32), start.astype(np.int64)

    def first(self, n: int) -> Floats | None:
        """Return the only spike of each unit, shape (n_samples, n); None if a unit has several."""
        return self.times


class SpikeLists:
    """Any number of spikes, listed for each sample as times and units.

    Attributes
    ----------
    places : for each sample, where its spikes, sorted by time, stood among those given.
    sizes : how many were given for each sample; spikes at inf count.
    """

    def __init__(self, spikes: Sequence[Any], n: int, name: str) -> None:
        self.places: list[Ints] = []
        self.sizes: list[int] = []
        times, units = [], []
        for sample in spikes:
            given = (sample.times, sample.units) if isinstance(sample, Spikes) else tuple(sample)
            if len(given) != 2:
                raise ValueError(f"a sample of {name!r} must be (times, units), got {len(given)} things")
            t, u = checked_spikes(given[0], given[1], n, name)
            if t.min(initial=0.0) < 0:
                raise ValueError(f"input spikes of {name!r} must not be before 0, got {t.min()}")
            order = np.lexsort((u, t))
            self.places.append(np.flatnonzero(np.asarray(given[0], np.float64).reshape(-1) < np.inf)[order])
            self.sizes.append(int(np.size(given[0])))
            times.append(t[order])
            units.append(u[order])
        self.start = np.concatenate([[0], np.cumsum([len(t) for t in times])]).astype(np.int64)
        self.times, self.units = np.concatenate(times), np.concatenate(units).astype(np.int32)

    def __len__(self) -> int:
        return len(self.sizes)

    def sorted(self) -> tuple[Floats, Indices, Ints]:
        """Return times and units by sample and time, and where each sample starts (n_samples + 1,)."""
        return self.times, self.units, self.start

    def first(self, n: int) -> Floats | None:
        """Return the only spike of each unit, shape (n_samples, n); None if a unit has several."""
        rows = np.repeat(np.arange(len(self)), np.diff(self.start))
        counts = np.bincount(rows * n + self.units, minlength=len(self) * n)
        if counts.max(initial=0) > 1:
            return None
        first = np.full((len(self), n), np.inf)
        first[rows, self.units] = self.times
        return first


InputSpikes = FirstSpikes | SpikeLists


def checked_inputs(network: SpikeNetwork, inputs: Mapping[str, Any]) -> tuple[dict[str, InputSpikes], int]:
    """Return the input spikes of every source, and the number of samples.

    Raises
    ------
    UnknownPart, ValueError
        If a source is missing or unknown, or its spikes do not do.
    """
    for name in inputs:
        if name not in network.sources:
            raise UnknownPart(
                f"input spikes are given for {name!r}; sources: {', '.join(network.sources) or 'none'}"
            )
    lengths = {name: len(value) for name, value in inputs.items()}
    n_samples = max(lengths.values(), default=1)
    for name, length in lengths.items():
        if length != n_samples or length == 0:
            raise ValueError(f"input spikes of {name!r} hold {length} samples, expected {max(n_samples, 1)}")
    given = {}
    for name in network.sources:
        n = network.size(name)
        if name in inputs:
            given[name] = _checked(inputs[name], n, name)
            continue
        model = network.net.populations[name].model
        own = checked_spikes(model.times, model.units, n, name)
        if not len(own[0]):
            raise UnknownPart(f"input spikes of {name!r} are missing; given: {', '.join(inputs) or 'none'}")
        given[name] = SpikeLists([own] * n_samples, n, name)
    return given, n_samples


def _checked(spikes: Any, n: int, name: str) -> InputSpikes:
    if isinstance(spikes[0], tuple | Spikes):
        return SpikeLists(spikes, n, name)
    times = np.asarray(spikes, np.float64)
    if times.ndim != 2 or times.shape[1] != n:
        raise ValueError(f"input spikes of {name!r} have shape {times.shape}, expected (n_samples, {n})")
    if not times.min(initial=0.0) >= 0:
        bad = times[~(times >= 0)][0]
        raise ValueError(f"input spikes of {name!r} must be at times >= 0 or inf, got {bad}")
    return FirstSpikes(times)
