"""Samples one after another through one simulation, set back in place between them.

Every sample is what a new simulation of the same network and trial would give, to the bit, on any number of
threads: each thread has a simulation of its own and a part of the samples that follow each other.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from eventsim.contracts import TakesSpikes
from eventsim.errors import ConfigError, EventOrderError, UnknownPart
from eventsim.hardware_interface import RunsSamples
from eventsim.io.plain import shown
from eventsim.parameters import whole_number
from eventsim.simulation.batch_records import BatchRecords
from eventsim.simulation.records import RecordSide
from eventsim.spike_trains import SpikeTrains, lengths_of
from eventsim.trace import Samples, Spikes

__all__ = ["BatchRecords", "BatchSide"]

MOST_THREADS = 1024
_Record = tuple[dict[str, Spikes], dict[tuple[str, str], Samples]]


class BatchSide(RecordSide):
    """What `Simulation` offers to run samples one after another."""

    _hooks: list[tuple[str, Callable[[float, int], object]]]
    hardware: Any

    def reset(self) -> None:
        """Go back to time 0; see `Simulation.reset`."""
        raise NotImplementedError

    def run_batch(
        self,
        inputs: Mapping[str, Any],
        until: float,
        *,
        prepare: Callable[[Any, int], object] | None = None,
        after: Callable[[Any, int], Any] | None = None,
        threads: int = 1,
    ) -> BatchRecords:
        """Run samples one after another, each from time 0, and return what they recorded.

        Each sample gives what a new simulation of the same network and trial would give, to the bit, on any
        number of threads; the network is built once for each thread. What ran before is forgotten, as by
        `reset`, and the simulation is at time 0 again afterwards. Poisson sources and noise repeat in every
        sample, because they follow from the trial.

        Parameters
        ----------
        inputs : mapping of str to array_like, SpikeTrains or list
            Spikes of each SpikeSource for all samples: (n_samples, n_units) for one spike a unit, inf for
            none, or a list of (times, units). Sources that are not named keep the spikes they declare.
        until : float
            End of each sample, in the network's time unit.
        prepare : callable, optional
            ``prepare(simulation, sample)`` is called before each sample runs, at time 0, when its inputs are
            there: to `set` parameters or weights for this sample alone, or to plan changes with `at`.
        after : callable, optional
            ``after(simulation, sample)`` is called when a sample has run; `results` has what it returns.
        threads : int
            How many run at once.

        Returns
        -------
        BatchRecords
            ``.spikes(population)`` is a `SpikeTrains`, ``.trace(population, variable)`` a list by sample,
            ``.results`` what `after` returned.

        Raises
        ------
        UnknownPart, ValueError, TypeError, EventOrderError
            If inputs are given for something that takes none, or their spikes are not valid.
        ConfigError
            If this simulation streams into a file, or has hooks and `threads` is above 1.

        Examples
        --------
        >>> import numpy as np, eventsim as es
        >>> net = es.Network()
        >>> _ = net.add("input", es.models.SpikeSource(), 1)
        >>> _ = net.add("cell", es.models.LIF(), 1)
        >>> _ = net.connect("input", "cell", weight=3.0)
        >>> records = es.Simulation(net).run_batch(
        ...     {"input": np.full((3, 1), 0.2)},
        ...     until=5.0,
        ...     prepare=lambda sim, sample: sim.set("cell", v_th=1.0 + 0.05 * sample),
        ... )
        >>> np.round(records.spikes("cell").first_spikes().ravel(), 3)
        array([0.819, 0.917, 1.121])
        """
        trains, n_samples = self._checked(inputs)
        threads = min(whole_number(threads, "threads", 1, MOST_THREADS), n_samples)
        if self._stream is not None:
            raise ConfigError(
                "run_batch keeps its records in memory, but this simulation streams into a file"
            )
        if threads > 1 and self._hooks:
            raise ConfigError(f"hooks on spikes are called in order, on one thread, got threads={threads}")
        for name, function in (("prepare", prepare), ("after", after)):
            if function is not None and not callable(function):
                raise TypeError(f"{name} is called as {name}(simulation, sample), got {shown(function)}")
        self.reset()
        sims = [self, *(copy.copy(self) for _ in range(threads - 1))]
        hardware = self.hardware if isinstance(self.hardware, RunsSamples) else None
        edges = [n_samples * k // threads for k in range(threads + 1)]

        def run(sim: Any, sample: int) -> tuple[_Record, Any]:
            sim._begin_sample(trains, sample, hardware)
            if prepare is not None:
                prepare(sim, sample)
            sim.run(until)
            return sim._recorded(), after(sim, sample) if after is not None else None

        def part(k: int) -> list[tuple[_Record, Any]]:
            return [run(sims[k], sample) for sample in range(edges[k], edges[k + 1])]

        try:
            if threads == 1:
                found = part(0)
            else:
                with ThreadPoolExecutor(threads) as pool:
                    found = [record for records in pool.map(part, range(threads)) for record in records]
        finally:
            self.reset()
        results = [result for _, result in found] if after is not None else []
        return self._joined([record for record, _ in found], until, results)

    def _joined(self, found: list[_Record], until: float, results: list[Any]) -> BatchRecords:
        """Return the records of several runs up to one time as one."""
        spikes = {}
        for name in found[0][0]:
            of = name if name in self.net.populations else name.rpartition(".")[0]
            spikes[name] = SpikeTrains.of_lists(
                [record[0][name] for record in found], self.net.populations[of].n
            )
        traces = {key: [record[1][key] for record in found] for key in found[0][1]}
        return BatchRecords(spikes, traces, np.full(len(found), float(until)), self.net.time_unit, results)

    def _checked(self, inputs: Mapping[str, Any]) -> tuple[dict[str, SpikeTrains], int]:
        """Return the spikes of each source that inputs are given for, checked, and the number of samples."""
        lengths = lengths_of(inputs)
        if not lengths:
            raise ValueError("a batch needs input spikes of at least one source, got none")
        populations = self._build().populations
        sources = [name for name, population in populations.items() if isinstance(population, TakesSpikes)]
        trains = {}
        n_samples = next(iter(lengths.values()))
        for name, given in inputs.items():
            if name not in sources:
                raise UnknownPart(
                    f"input spikes are given for {name!r}; sources: {', '.join(sources) or 'none'}"
                )
            if lengths[name] == 0:
                raise ValueError(f"input spikes of {name!r} hold no samples; a batch needs at least one")
            if lengths[name] != n_samples:
                raise ValueError(
                    f"input spikes of {name!r} hold {lengths[name]} samples, expected {n_samples}"
                )
            trains[name] = SpikeTrains.of(given, populations[name].n, name, self.net.time_unit)
            if trains[name].times.min(initial=0.0) < 0.0:
                raise EventOrderError(
                    f"input spikes of {name!r} must not be before 0, got {float(trains[name].times.min())!r}"
                )
        return trains, n_samples

    def _begin_sample(
        self, trains: Mapping[str, SpikeTrains], sample: int, hardware: RunsSamples | None
    ) -> None:
        """Go back to the beginning, and have what a sample differs in there."""
        self.reset()
        compiled = self._build()
        if hardware is not None:
            hardware.begin_sample(compiled.populations, sample)
        for name, each in trains.items():
            spikes = each[sample]
            compiled.populations[name].add(spikes.times, spikes.units)

    def _recorded(self) -> _Record:
        """Return everything recorded so far."""
        compiled = self._build()
        found = {}
        for name, declared in self.net.populations.items():
            if declared.record_spikes:
                population = compiled.populations[name]
                found[name] = Spikes(*population.log.arrays())
                for event, log in population.event_logs.items():
                    found[f"{name}.{event}"] = Spikes(*log.arrays())
        return found, {key: self.trace(*key) for key in self._recordings}
