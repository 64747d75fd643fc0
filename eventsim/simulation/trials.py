"""Trials: the same network run several times, each with noise of its own, side by side on threads."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from eventsim.errors import ConfigError
from eventsim.hints import named_for_users
from eventsim.network.network import is_continuous
from eventsim.parameters import whole_number
from eventsim.simulation.batch import MOST_THREADS, BatchSide
from eventsim.simulation.batch_records import BatchRecords
from eventsim.synapses.shared_synapses import shareable

__all__ = ["TrialRecords", "TrialsSide"]

MOST_TRIALS = 2**63 - 1


class TrialRecords(BatchRecords):
    """What the trials recorded; ``spikes(population)[k]`` and ``trace(...)[k]`` are of trial k.

    Attributes
    ----------
    numbers : list of int
        Number of each trial, as `Simulation` takes it.
    results : list
        What `after` returned for each trial; empty without it.
    """

    def __init__(self, records: BatchRecords, numbers: list[int]) -> None:
        super().__init__(
            records._spikes, records._traces, records.lengths, records.time_unit, records.results
        )
        self.numbers = numbers

    def __repr__(self) -> str:
        return f"<TrialRecords: {len(self)} trials, spikes of {', '.join(self._spikes) or 'no population'}>"


@named_for_users("Simulation")
class TrialsSide(BatchSide):
    """What `Simulation` offers to run trials."""

    _asked: Any
    _wanted: str
    trial: int
    instant_loops: bool

    def trials(
        self,
        n: int,
        until: float,
        *,
        prepare: Callable[[Any], object] | None = None,
        after: Callable[[Any], Any] | None = None,
        threads: int = 1,
    ) -> TrialRecords:
        """Run `n` trials of the network, each from time 0, and return what they recorded.

        The trials have the numbers of this simulation and on, and record what this one was asked to record.
        Each gives what a new simulation with this `trial` would, to the bit, on any number of threads:
        synapses and parameters are the same in all, Poisson spikes and noise are drawn for each. This
        simulation stays as it is. Synapses that no rule changes are held once for all of them.

        Parameters
        ----------
        n : int
        until : float
            End of each trial, in the network's time unit.
        prepare : callable, optional
            ``prepare(simulation)`` is called before each trial runs, to stimulate, to record more, or to plan
            changes with `at`.
        after : callable, optional
            ``after(simulation)`` is called when a trial has run; `results` has what it returns, such as
            weights.
        threads : int
            How many trials run at once.

        Returns
        -------
        TrialRecords

        Raises
        ------
        ConfigError
            If this simulation has hooks, functions of `at`, or streams into a file: these are its own.

        Examples
        --------
        >>> import eventsim as es
        >>> net = es.Network(seed=1)
        >>> _ = net.add("noise", es.models.Poisson(rate=50.0), 3)
        >>> records = es.Simulation(net).trials(4, 1000.0)
        >>> [len(spikes) for spikes in records.spikes("noise")]
        [153, 155, 162, 164]
        """
        n = whole_number(n, "the number of trials", 1, MOST_TRIALS - self.trial)
        threads = min(whole_number(threads, "threads", 1, MOST_THREADS), n)
        own = "hooks on spikes" if self._hooks else "functions of at()" if self._agenda.entries else ""
        if not own and any(": grown by " in line for line in self._changes.lines):
            raise ConfigError(
                "this simulation has grown while it ran, and trials begin at time 0 with what the network "
                "declares; take trials of a new Simulation(net), which has what was added"
            )
        if own or self._changes.lines:
            what = own or "changes"
            raise ConfigError(
                f"{what} belong to this simulation; trials(prepare=...) gives each trial its own"
            )
        if self._stream is not None:
            raise ConfigError("trials keep their records in memory, but this simulation streams into a file")
        for name, function in (("prepare", prepare), ("after", after)):
            if function is not None and not callable(function):
                raise TypeError(f"{name} is called as {name}(simulation), got {function!r:.60}")

        kind: Any = type(self)
        if self.hardware is None:
            self._build()
        shared = shareable(self)

        def run(k: int) -> tuple[Any, Any]:
            sim = kind(
                self._asked,
                self.hardware,
                trial=self.trial + k,
                dt=self._dt or None,
                batch=self.batch,
                dtype=self.dtype,
                instant_loops=self.instant_loops,
            )
            sim._wanted, sim._shared = self._wanted, shared
            for request in self._recording_requests:
                samples = (
                    request.samples if is_continuous(self.net.populations[request.population].model) else None
                )
                sim.record(*request[:4], samples)
            if prepare is not None:
                prepare(sim)
            sim.run(until)
            return sim._recorded(), after(sim) if after is not None else None

        if threads == 1:
            found = [run(k) for k in range(n)]
        else:
            with ThreadPoolExecutor(threads) as pool:
                found = list(pool.map(run, range(n)))
        return TrialRecords(
            self._joined(
                [record for record, _ in found],
                until,
                [result for _, result in found] if after is not None else [],
            ),
            list(range(self.trial, self.trial + n)),
        )
