"""Samples one after another through one simulation, set back in place between them.

Every sample is what a new simulation of the same network and trial would give, to the bit, on any number of
threads: each thread has a simulation of its own and a part of the samples that follow each other.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from eventsim.contracts import TakesSpikes
from eventsim.errors import ConfigError, EventOrderError, UnknownPart, did_you_mean
from eventsim.parameters import whole_number
from eventsim.spike_trains import SpikeTrains, lengths_of
from eventsim.trace import Samples, Spikes

if TYPE_CHECKING:
    from eventsim.simulation import Simulation

__all__ = ["BatchRecords", "run_batch"]

MOST_THREADS = 1024
_Record = tuple[dict[str, Spikes], dict[tuple[str, str], Samples]]


class BatchRecords:
    """What the samples of a batch recorded.

    `len` is the number of samples.
    """

    def __init__(
        self,
        spikes: dict[str, SpikeTrains],
        traces: dict[tuple[str, str], list[Samples]],
        n_samples: int,
    ) -> None:
        self._spikes, self._traces, self._n_samples = spikes, traces, n_samples

    def __len__(self) -> int:
        return self._n_samples

    def __repr__(self) -> str:
        return f"<BatchRecords: {len(self)} samples, spikes of {', '.join(self._spikes) or 'no population'}>"

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


def run_batch(sim: Simulation, inputs: Mapping[str, Any], until: float, threads: int = 1) -> BatchRecords:
    """Run every sample of `inputs` from time 0 to `until`; see `Simulation.run_batch`."""
    trains, n_samples = _checked(sim, inputs)
    threads = min(whole_number(threads, "threads", 1, MOST_THREADS), n_samples)
    if sim._stream is not None:
        raise ConfigError("run_batch keeps its records in memory, but this simulation streams into a file")
    if threads > 1 and sim._hooks:
        raise ConfigError(f"hooks on spikes are called in order, on one thread, got threads={threads}")
    sim.reset()
    sims = [sim, *(copy.copy(sim) for _ in range(threads - 1))]
    edges = [n_samples * k // threads for k in range(threads + 1)]

    def part(k: int) -> list[_Record]:
        return [_sample(sims[k], trains, sample, until) for sample in range(edges[k], edges[k + 1])]

    try:
        if threads == 1:
            found = part(0)
        else:
            with ThreadPoolExecutor(threads) as pool:
                found = [record for records in pool.map(part, range(threads)) for record in records]
    finally:
        sim.reset()
    spikes = {}
    for name in found[0][0]:
        of = name if name in sim.net.populations else name.rpartition(".")[0]
        spikes[name] = SpikeTrains.of_lists([record[0][name] for record in found], sim.net.populations[of].n)
    traces = {key: [record[1][key] for record in found] for key in found[0][1]}
    return BatchRecords(spikes, traces, n_samples)


def _checked(sim: Simulation, inputs: Mapping[str, Any]) -> tuple[dict[str, SpikeTrains], int]:
    """Return the spikes of each source that inputs are given for, checked, and the number of samples."""
    lengths = lengths_of(inputs)
    if not lengths:
        raise ValueError("a batch needs input spikes of at least one source, got none")
    populations = sim._build().populations
    sources = [name for name, population in populations.items() if isinstance(population, TakesSpikes)]
    trains = {}
    n_samples = next(iter(lengths.values()))
    for name, given in inputs.items():
        if name not in sources:
            raise UnknownPart(f"input spikes are given for {name!r}; sources: {', '.join(sources) or 'none'}")
        if lengths[name] == 0:
            raise ValueError(f"input spikes of {name!r} hold no samples; a batch needs at least one")
        if lengths[name] != n_samples:
            raise ValueError(f"input spikes of {name!r} hold {lengths[name]} samples, expected {n_samples}")
        trains[name] = SpikeTrains.of(given, populations[name].n, name, sim.net.time_unit)
        if trains[name].times.min(initial=0.0) < 0.0:
            raise EventOrderError(
                f"input spikes of {name!r} must not be before 0, got {float(trains[name].times.min())!r}"
            )
    return trains, n_samples


def _sample(sim: Simulation, trains: Mapping[str, SpikeTrains], sample: int, until: float) -> _Record:
    """Run one sample from the beginning and return what it recorded."""
    sim.reset()
    compiled = sim._build()
    for name, each in trains.items():
        spikes = each[sample]
        compiled.populations[name].add(spikes.times, spikes.units)
    sim.run(until)
    found = {}
    for name, declared in sim.net.populations.items():
        if declared.record_spikes:
            population = compiled.populations[name]
            found[name] = Spikes(*population.log.arrays())
            for event, log in population.event_logs.items():
                found[f"{name}.{event}"] = Spikes(*log.arrays())
    return found, {key: sim.trace(*key) for key in sim._recordings}
