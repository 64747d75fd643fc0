"""The side of a simulation that faces its records: spikes, samples, weights, counters, and the file.

What a run records stays in memory, in the order in which it happened, unless it is streamed into a file.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from eventsim.errors import ConfigError, UnknownPart, did_you_mean
from eventsim.hints import named_for_users
from eventsim.network.declaration import stored_declaration
from eventsim.simulation.changes import ChangesSide
from eventsim.spike_trains import OFFSETS
from eventsim.trace import Samples, Spikes, Trace

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from eventsim.io import TraceFile
    from eventsim.network.network import Network, Population
    from eventsim.population.population import Recording
    from eventsim.simulation.batch_records import BatchRecords

__all__ = ["RecordSide", "RecordingRequest", "one_sample"]


class RecordingRequest(NamedTuple):
    """What is to be recorded: a variable of some units of some samples of a population."""

    population: str
    variable: str
    every: float | None
    units: np.ndarray
    samples: np.ndarray


def one_sample(population: str, variable: str) -> str:
    """Return why a variable that is recorded for several samples fits no file."""
    return (
        f"{variable!r} of {population!r} is recorded for several samples, a file holds one; "
        "choose it with record(..., samples=0)"
    )


@named_for_users("Simulation")
class RecordSide(ChangesSide):
    """What `Simulation` offers to read its records."""

    _recordings: dict[tuple[str, str], Recording]
    _recording_requests: list[RecordingRequest]
    _stream: TraceFile | None
    _asked: Network  # as it was given, before hardware made something of it
    trial: int
    _offsets: dict[str, np.ndarray]  # of the samples that sources were given
    _cleared: list[str]  # what was forgotten when, a line each

    @property
    def now(self) -> float:
        """The clock, in the network's time unit."""
        raise NotImplementedError

    def spikes(self, population: str) -> Spikes:
        """Return the spikes of a population so far, by (time, unit); without those streamed to a file.

        Events that stay within a neuron are spikes of "population.compartment".
        """
        whole, _, compartment = str(population).rpartition(".")
        if population not in self.net.populations and whole in self.net.populations:
            logs = self._build().populations[whole].event_logs
            if compartment not in logs:
                known = ", ".join(logs) or "none"
                raise UnknownPart(
                    f"{whole!r} has no events of {compartment!r}; known: {known}"
                    f"{did_you_mean(compartment, logs)}"
                )
            population, log = whole, logs[compartment]
        else:
            log = None
        declared = self._declared(population)
        if not declared.record_spikes:
            raise ConfigError(
                f"spikes of {population!r} are not recorded; it was added with record_spikes=False"
            )
        if log is None:
            log = self._build().populations[population].log
        return Spikes(*log.arrays())

    def trace(self, population: str, variable: str) -> Samples:
        """Return the samples of a recorded variable so far.

        On a grid, `values` has shape (n_times, n_units); (n_times, n_samples, n_units) of a continuous
        population with several samples. At events, a row per event time with nan for the units that had none.
        """
        self._declared(population)
        self._build()
        recording = self._recordings.get((population, variable))
        if recording is None:
            raise UnknownPart(f"{variable!r} of {population!r} is not recorded; call record() before the run")
        if recording.every > 0:
            times, values = recording.log.arrays()
            request = self._request(population, variable)
            if len(request.samples) > 1:
                values = values.reshape(len(times), len(request.samples), len(request.units))
            return Samples(times, values, request.units, recording.every)
        times, columns, values = recording.log.arrays()
        grid, row = np.unique(times, return_inverse=True)
        table = np.full((len(grid), len(recording.units)), np.nan)
        table[row, columns] = values  # of several events at one time the last counts
        return Samples(grid, table, recording.units, 0.0)

    def clear(self, population: str | Population | None = None, variable: str | None = None) -> None:
        """Forget what was recorded so far, and go on recording.

        Parameters
        ----------
        population : str, optional
            Its spikes and variables; those of all populations unless given.
        variable : str, optional
            That recorded variable only.

        Raises
        ------
        UnknownPart
            If there is no such population, or the variable is not recorded.
        ConfigError
            If the records are in a file already, into which this simulation streams.

        Examples
        --------
        >>> import eventsim as es
        >>> net = es.Network()
        >>> _ = net.add("regular", es.models.Regular(period=10.0), 1)
        >>> sim = es.Simulation(net)
        >>> sim.run(35.0)
        >>> sim.clear()
        >>> sim.run(65.0)
        >>> print(sim.spikes("regular").times)
        [40. 50. 60.]
        """
        if self._stream is not None:
            raise ConfigError(
                f"what was recorded is in {self._stream.path}, into which this simulation streams; it cannot "
                "be taken back"
            )
        if population is not None:
            population = population if isinstance(population, str) else population.name
            self._declared(population)
        if variable is not None and (population, variable) not in self._recordings:
            what = "a variable is cleared with its population" if population is None else "it is not recorded"
            raise UnknownPart(f"cannot clear {variable!r} of {population!r}: {what}")
        for name, handler in self._build().populations.items():
            if population in (None, name) and variable is None:
                handler.log.clear()
                for log in handler.event_logs.values():
                    log.clear()
        for (name, each), recording in self._recordings.items():
            if population in (None, name) and variable in (None, each):
                recording.log.clear()
        what = "all records" if population is None else f"{variable or 'records'} of {population}"
        self._cleared.append(f"{self.now!r} {self.net.time_unit}: {what} cleared")

    def weights(self, projection: str) -> Any:
        """Return the weights of a projection.

        Returns
        -------
        (pre, post, weight, delay), each shape (n,)
            The synapses of a projection that carries spikes.
        ndarray
            A copy of the present weights of a projection of rates, (n_pre, n_post) if it is dense.
        """
        compiled = self._build()
        for synapses in compiled.synapses:
            if synapses.name == projection:
                if compiled.sweeps and synapses.observers:
                    return compiled.sweeps.read(synapses.edges)
                return synapses.edges()
        return self._part(projection).weights()[0]

    def counters(self) -> dict[str, int]:
        """Return what happened to spikes on imperfect hardware so far, by name.

        ``lost`` spikes never left; those ``cut`` would have left before their crossing and left with it; of
        those that found a bus busy some were ``lost_on_bus`` and some ``delayed_on_bus``.
        """
        counts: dict[str, int] = {}
        buses = set()
        for population in self._build().populations.values():
            transmission: Any = population.transmission
            if transmission is None:
                continue
            for name, count in transmission.counters().items():
                if name.endswith("_on_bus"):  # shared, so counted once
                    if (id(transmission.bus), name) in buses:
                        continue
                    buses.add((id(transmission.bus), name))
                counts[name] = counts.get(name, 0) + count
        return counts

    def record_of_run(self, network: bool | None = None) -> Trace:
        """Return everything recorded so far, and the network as `save` stores it, as a Trace."""
        if self._stream is not None:
            raise ConfigError(
                f"what was recorded is in {self._stream.path}, into which this simulation streams; "
                "read it there"
            )
        compiled = self._build()
        for request in self._recording_requests:
            if len(request.samples) > 1:
                raise ConfigError(one_sample(request.population, request.variable))
        sizes = {name: p.n for name, p in self.net.populations.items()}
        kept = [name for name, p in self.net.populations.items() if p.record_spikes]
        inner = [f"{name}.{event}" for name in kept for event in compiled.populations[name].event_logs]
        return Trace(
            sizes=sizes | {name: sizes[name.rpartition(".")[0]] for name in inner},
            spikes={name: self.spikes(name) for name in (*kept, *inner)},
            samples={key: self.trace(*key) for key in self._recordings},
            parameters={
                f"weight/{each.name}": self.weights(each.name)[2]
                for each in compiled.synapses
                if each.observers
            }
            | self._offset_parameters(),
            provenance=self._provenance(),
            duration=self.now,
            time_unit=self.net.time_unit,
            declaration=stored_declaration(self._asked, network),
        )

    def by_sample(self, offsets: ArrayLike | None = None) -> BatchRecords:
        """Return everything recorded so far by sample, as `run_batch` does; see `Trace.by_sample`.

        Parameters
        ----------
        offsets : array_like, shape (n_samples,), optional
            When each sample begins; as `stimulate` was given them unless given.

        Returns
        -------
        BatchRecords

        Raises
        ------
        ConfigError, ValueError
            As `Trace.by_sample`; if a variable is recorded for several samples at once, or the simulation
            streams into a file, which is read by sample in the same way.

        Examples
        --------
        >>> import eventsim as es
        >>> net = es.Network()
        >>> _ = net.add("input", es.models.SpikeSource(), 1)
        >>> sim = es.Simulation(net)
        >>> sim.stimulate("input", [[2.0], [3.0]], offsets=[0.0, 50.0])
        >>> sim.run(100.0)
        >>> [spikes.times.tolist() for spikes in sim.by_sample().spikes("input")]
        [[2.0], [3.0]]
        """
        records: BatchRecords = self.record_of_run(network=False).by_sample(offsets)
        return records

    def save(self, path: str | Path, overwrite: bool = False, *, network: bool | None = None) -> None:
        """Write everything recorded so far, and the network, to an HDF5 file.

        Parameters
        ----------
        path : str or path
        overwrite : bool
            Whether a file that is there is replaced.
        network : bool, optional
            Whether the file holds the network, which ``es.io.load(path).network()`` builds again. Unless
            given, it does if that takes less than a megabyte and no part is made of a user's functions.

        Raises
        ------
        ConfigError
            If the network is wanted and a part of it cannot be stored; the message names it.
        """
        from eventsim import io

        io.save(self.record_of_run(network), path, overwrite=overwrite)

    def _offset_parameters(self) -> dict[str, np.ndarray]:
        """Return the offsets as a record has them."""
        return {f"{OFFSETS}/{name}": start.copy() for name, start in self._offsets.items()}

    def _provenance(self) -> dict[str, Any]:
        """Return how the results came about."""
        from eventsim import __version__

        return {
            "seed": self.net.seed,
            "trial": self.trial,
            "version": __version__,
            "schedule": self._build().schedule,
            **({"hardware": repr(self.hardware)} if self.hardware is not None else {}),
            **({"cleared": self._cleared} if self._cleared else {}),
            **({"changes": self._changes.lines} if self._changes.lines else {}),
            **self._counts(),
        }

    def _counts(self) -> dict[str, int]:
        return {f"spikes_{name}": count for name, count in self.counters().items()}

    def _declared(self, population: str) -> Population:
        try:
            return self.net.populations[population]
        except KeyError:
            names = ", ".join(self.net.populations) or "none"
            raise UnknownPart(
                f"no population named {population!r} in this network; known: {names}"
                f"{did_you_mean(population, self.net.populations)}"
            ) from None

    def _request(self, population: str, variable: str) -> RecordingRequest:
        return next(
            r for r in self._recording_requests if (r.population, r.variable) == (population, variable)
        )
