"""What a run leaves behind, as plain arrays: the record that files, plots and analysis share."""

import importlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim.hints import named_for_users
from eventsim.named import Named

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@named_for_users()
@dataclass(slots=True, repr=False)
class Spikes:
    """Spikes of one population, sorted by (time, unit).

    Attributes
    ----------
    times : ndarray, shape (n,), float64
        In the network's time unit.
    units : ndarray, shape (n,), int64
        Index within the population.
    """

    times: Floats
    units: Ints

    def __len__(self) -> int:
        return len(self.times)

    def __getitem__(self, chosen: Any) -> "Spikes":
        """Return some of the spikes, by a slice, a mask of shape (n,) or an array of indices.

        >>> spikes = Spikes(np.array([1.0, 2.0, 4.0]), np.array([0, 1, 0]))
        >>> spikes[spikes.units == 0].times.tolist()
        [1.0, 4.0]
        """
        if not isinstance(chosen, slice | np.ndarray | list):
            raise TypeError(
                "spikes are chosen by a slice, a mask or an array of indices; "
                f"spike k is spikes.times[k] at unit spikes.units[k], got {chosen!r:.60}"
            )
        return Spikes(self.times[chosen], self.units[chosen])

    def __array__(self, dtype: Any = None, copy: Any = None) -> NDArray[Any]:  # numpy would ask for items
        """Return one object: a list of spikes is no table of numbers."""
        one = np.empty((), object)
        one[()] = self
        return one

    def __iter__(self) -> Any:
        """Raise TypeError, since pairs and a pair of arrays are both asked for in this way."""
        raise TypeError(
            "spikes are two arrays, spikes.times and spikes.units; zip(spikes.times, spikes.units) has pairs"
        )

    def __repr__(self) -> str:
        """Return one line: the number of spikes and the span of their times."""
        if not len(self):
            return "<Spikes: none>"
        return f"<Spikes: {len(self)} from {self.times[0]:g} to {self.times[-1]:g}>"


@named_for_users()
@dataclass(slots=True, repr=False)
class Samples:
    """A state variable of some units of a population, sampled on a grid.

    Attributes
    ----------
    times : ndarray, shape (n_times,)
    values : ndarray, shape (n_times, n_units)
    units : ndarray, shape (n_units,)
        Which units the columns are.
    every : float
        Step of the grid, in the network's time unit; 0 for samples at events, where a row holds
        nan for units that had no event at its time.
    """

    times: Floats
    values: Floats
    units: Ints
    every: float = 0.0

    def __repr__(self) -> str:
        """Return one line: the shape of the samples and their grid."""
        grid = f"every {self.every:g}" if self.every else "at events"
        return f"<Samples: {len(self.times)} times of {len(self.units)} units, {grid}>"


LOOKED_UP = {
    "sizes": "population",
    "spikes": "spikes of",
    "samples": "samples of",
    "parameters": "parameter",
    "training": "series",
    "metrics": "metric",
    "provenance": "entry",
}
"""What an entry of a dictionary of `Trace` is, in a message."""


@named_for_users()
@dataclass(slots=True, repr=False)
class Trace:
    """Everything a run leaves behind.

    Attributes
    ----------
    sizes : units of each population by name.
    spikes : spikes of each population by name.
    samples : sampled variables by (population, variable).
    parameters : arrays by name, such as ``weight/input->hidden``.
    training : series by name, such as ``test_accuracy``, each with the epoch as first axis.
    metrics : numbers by name, such as ``test_accuracy`` in [0, 1].
    config : the configuration as TOML text.
    provenance : scenario, preset, seed, version, wall_seconds, data and what else tells how it came about.
    state : nested dictionary of arrays and scalars from which a run goes on.
    duration : the clock at the end.
    declaration : the network as plain values, which `network` builds again; empty if it is not known.
    """

    sizes: dict[str, int] = field(default_factory=dict)
    spikes: dict[str, Spikes] = field(default_factory=dict)
    samples: dict[tuple[str, str], Samples] = field(default_factory=dict)
    parameters: dict[str, NDArray[Any]] = field(default_factory=dict)
    training: dict[str, NDArray[Any]] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    config: str = ""
    provenance: dict[str, Any] = field(default_factory=dict)
    state: dict[str, Any] = field(default_factory=dict)
    duration: float = 0.0
    time_unit: str = "ms"
    declaration: dict[str, Any] = field(default_factory=dict)

    def __setattr__(self, name: str, value: Any) -> None:
        """Keep dictionaries as such that say which names there are."""
        if name in LOOKED_UP and not isinstance(value, Named):
            value = Named(LOOKED_UP[name], f"trace.{name}", value)
        object.__setattr__(self, name, value)

    def network(self) -> Any:
        """Build the network again, as it was declared: simulated in the same way, it gives the same bits.

        Spikes that were added by `Simulation.stimulate` and changes made while it ran are not part of it;
        ``provenance["changes"]`` lists the latter.

        Returns
        -------
        Network

        Raises
        ------
        ConfigError
            If the network is not known; the message says why.
        FileFormatError
            If the file holds something that is no network.
        """
        # By name, since everything that a network is made of knows traces.
        return importlib.import_module("eventsim.network.declaration").network_of(self.declaration)

    def by_sample(self, offsets: Any = None) -> Any:
        """Return spikes and variables by sample, times counting from the start of each.

        Sample k has what was recorded from its offset on, until the next sample begins; a spike at that very
        time belongs to the next. The last sample ends where the record ends. What came before the first
        offset is in none; samples that the run has not come to are left out.

        Parameters
        ----------
        offsets : array_like, shape (n_samples,), optional
            When each sample begins. Unless given, those that `Simulation.stimulate` was given, which
            ``parameters["offsets/<source>"]`` holds, in a file as well.

        Returns
        -------
        BatchRecords
            As of `Simulation.run_batch`: ``.spikes(population)[k]``, ``.trace(population, variable)[k]``.

        Raises
        ------
        ConfigError
            If no offsets are known, or sources have different ones.
        ValueError
            If the offsets are negative, not finite, do not rise, or lie behind the end of the record.
        """
        # By name, since what holds samples is made of spikes.
        return importlib.import_module("eventsim.simulation.batch_records").cut(self, offsets)

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        from eventsim.html import of_trace

        return of_trace(self)

    def __repr__(self) -> str:
        """Return one line that says what the trace holds."""
        source = f" of {self.provenance['scenario']}" if self.provenance.get("scenario") else ""
        spikes = sum(map(len, self.spikes.values()))
        contents = f"{len(self.sizes or self.spikes)} populations, {spikes} spikes, "
        contents += f"{len(self.samples)} sampled variables, {len(self.parameters)} parameters"
        return f"<Trace{source}: {contents}, {self.duration:g} {self.time_unit}>"
