"""What many samples recorded, and the two ways between that and the record of one long run.

`cut` takes a long record apart where its samples begin, `BatchRecords.in_a_row` lays samples one after
another. A spike at the very time at which a sample begins belongs to that sample.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eventsim.errors import UnknownPart, did_you_mean
from eventsim.spike_trains import OFFSETS, SpikeTrains, agreed_offsets, rising_offsets
from eventsim.trace import Samples, Spikes, Trace

__all__ = ["BatchRecords", "cut"]

Floats = NDArray[np.float64]


class BatchRecords:
    """What the samples of a batch recorded, times counting from the start of each.

    `len` is the number of samples.

    Attributes
    ----------
    results : list
        What `after` returned for each sample; empty without it.
    lengths : ndarray, shape (n_samples,)
        How long each sample is, in the network's time unit.
    time_unit : str
    """

    def __init__(
        self,
        spikes: dict[str, SpikeTrains],
        traces: dict[tuple[str, str], list[Samples]],
        lengths: Floats,
        time_unit: str,
        results: list[Any] | None = None,
    ) -> None:
        self._spikes, self._traces = spikes, traces
        self.lengths, self.time_unit = lengths, time_unit
        self.results = results or []

    def __len__(self) -> int:
        return len(self.lengths)

    def __repr__(self) -> str:
        return f"<BatchRecords: {len(self)} samples, spikes of {', '.join(self._spikes) or 'no population'}>"

    @property
    def populations(self) -> tuple[str, ...]:
        """Names of the populations whose spikes are here."""
        return tuple(self._spikes)

    def spikes(self, population: str) -> SpikeTrains:
        """Return the spikes of a population; ``spikes(population)[k]`` are those of sample k."""
        if population not in self._spikes:
            known = ", ".join(self._spikes) or "none"
            raise UnknownPart(
                f"the batch has no spikes of {population!r}; recorded: {known}"
                f"{did_you_mean(population, self._spikes)}"
            )
        return self._spikes[population]

    def trace(self, population: str, variable: str) -> list[Samples]:
        """Return the values of a recorded variable, for each sample."""
        if (population, variable) not in self._traces:
            known = ", ".join(f"{name} of {of!r}" for of, name in self._traces) or "nothing"
            raise UnknownPart(
                f"{variable!r} of {population!r} is not recorded in the batch; recorded: {known}"
            )
        return self._traces[population, variable]

    def in_a_row(self, offsets: ArrayLike | None = None) -> Trace:
        """Return the samples one after another as one record, to be saved, plotted or exported.

        The record has the offsets, so that ``in_a_row().by_sample()`` and a file that it is saved in give
        the samples again, with times that are rounded once. No spike leaves its sample by rounding.

        Parameters
        ----------
        offsets : array_like, shape (n_samples,), optional
            When each sample begins. Each begins where the one before ends unless given.

        Returns
        -------
        Trace
            Its variables are on a grid where those of all samples are on one.

        Raises
        ------
        ValueError
            If the offsets are not one finite number >= 0 for each sample, or one sample begins before
            another ends.

        Examples
        --------
        >>> import eventsim as es
        >>> net = es.Network()
        >>> _ = net.add("input", es.models.SpikeSource(), 1)
        >>> records = es.Simulation(net).run_batch({"input": [[2.0], [3.0]]}, until=10.0)
        >>> print(records.in_a_row().spikes["input"].times)
        [ 2. 13.]
        """
        if offsets is None:
            start = np.concatenate([[0.0], np.cumsum(self.lengths)[:-1]])
        else:
            start = rising_offsets(offsets, "offsets", len(self))
            early = np.flatnonzero(np.diff(start) < self.lengths[:-1] * (1 - 1e-12))  # but for rounding
            if len(early):
                k = int(early[0])
                raise ValueError(
                    f"offsets must leave each sample its time, got {float(start[k + 1])!r} for sample "
                    f"{k + 1}, before sample {k} ends at {float(start[k] + self.lengths[k])!r}"
                )
        return Trace(
            sizes={name: trains.n for name, trains in self._spikes.items()},
            spikes={name: _laid_spikes(trains, start) for name, trains in self._spikes.items()},
            samples={key: _laid_samples(parts, start) for key, parts in self._traces.items()},
            parameters={OFFSETS: start},
            duration=float(start[-1] + self.lengths[-1]),
            time_unit=self.time_unit,
        )


def cut(record: Trace, offsets: ArrayLike | None = None) -> BatchRecords:
    """Return a record by sample; see `Trace.by_sample`."""
    start = rising_offsets(agreed_offsets(record.parameters) if offsets is None else offsets, "offsets")
    times = [each.times for each in record.spikes.values()]
    times += [each.times for each in record.samples.values()]
    last = [float(each[-1]) for each in times if len(each)]
    end = max([record.duration, *last])  # files of others do not say how long they are
    n_begun = int(np.searchsorted(start, end, side="right"))
    if n_begun < len(start) and (offsets is not None or not n_begun):
        raise ValueError(
            f"offsets must not be behind the end of the record at {end!r}, "
            f"got {float(start[n_begun])!r} for sample {n_begun}"
        )
    start = start[:n_begun]  # others of a run are still to come
    spikes = {}
    for name, each in record.spikes.items():
        n = record.sizes.get(name, int(each.units.max(initial=-1)) + 1)
        edges = np.append(np.searchsorted(each.times, start), len(each))
        moved = each.times[edges[0] :] - np.repeat(start, np.diff(edges))
        spikes[name] = SpikeTrains(moved, each.units[edges[0] :].copy(), edges - edges[0], n)
    traces = {key: _cut_samples(each, start) for key, each in record.samples.items()}
    return BatchRecords(spikes, traces, np.diff(start, append=end), record.time_unit)


def _cut_samples(values: Samples, start: Floats) -> list[Samples]:
    """Return the values of a variable for each sample."""
    edges = np.append(np.searchsorted(values.times, start), len(values.times))
    return [
        Samples(
            values.times[edges[k] : edges[k + 1]] - start[k],
            values.values[edges[k] : edges[k + 1]].copy(),
            values.units,
            values.every,
        )
        for k in range(len(start))
    ]


def _moved(times: Floats, start: Floats, counts: NDArray[np.int64]) -> Floats:
    """Return times that count from the start of all samples; none is rounded up into the next sample."""
    latest = np.nextafter(np.append(start[1:], np.inf), -np.inf)
    moved: Floats = np.minimum(times + np.repeat(start, counts), np.repeat(latest, counts))
    return moved


def _laid_spikes(trains: SpikeTrains, start: Floats) -> Spikes:
    times = _moved(trains.times, start, np.diff(trains.starts))
    order = np.lexsort((trains.units, times))
    return Spikes(times[order], trains.units[order])


def _laid_samples(parts: list[Samples], start: Floats) -> Samples:
    counts = np.array([len(part.times) for part in parts])
    times = _moved(np.concatenate([part.times for part in parts]), start, counts)
    every = parts[0].every
    if every > 0 and (np.abs(np.diff(times) - every) > 1e-6 * every).any():
        every = 0.0  # there are gaps in the grid
    return Samples(times, np.concatenate([part.values for part in parts]), parts[0].units, every)
