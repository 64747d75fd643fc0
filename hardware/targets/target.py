"""Targets run a network in place of the simulator: a chip, a model of one, or one in another process.

A target is configured with a network and then shown batches of input spikes. It answers with the observed
spikes and nothing else of its state. A fixed pattern belongs to the device; what differs from run to run
follows from the number of the trial. Two rules make every request repeatable, so that a lost answer can be
asked for again, whole or in part:

- the same network, inputs, `until` and `trial` give the same spikes, to the bit;
- a sample gets the same spikes whatever samples are asked for along with it. Its number within the trial,
  `first` plus its place in the request, tells what is drawn for it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from eventsim.errors import UnknownPart
from eventsim.models.inputs.sources import SpikeSource
from eventsim.network import Network
from eventsim.parameters import whole_number
from eventsim.spike_trains import SpikeTrains, lengths_of, spike_pairs
from eventsim.trace import Spikes

__all__ = ["Observed", "SpikeTrains", "Target", "checked_inputs", "checked_run", "checked_target"]

Floats = NDArray[np.float64]

LARGEST = 2**63 - 1  # number of a trial or sample


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Observed:
    """The spikes that a target observed of a batch.

    Attributes
    ----------
    spikes : by population of neurons, its spikes in each sample. A population that was declared with
        ``record_spikes=False`` is missing.
    arrivals : by projection, when the first spike of each source arrived after its delay, shape
        (n_samples, n_pre), or (n_samples, n_pre, n_post) if it differs from target to target; `inf` for none.
        Only of projections whose delayed spikes the target measures.
    counters : numbers of events that the network does not have, by name, such as ``lost`` spikes. Counters
        of parts of a batch add up to those of the batch.
    hardware_seconds : time that the target itself took, s; 0 if unknown.
    """

    spikes: Mapping[str, SpikeTrains]
    arrivals: Mapping[str, Floats] = field(default_factory=dict)
    counters: Mapping[str, int] = field(default_factory=dict)
    hardware_seconds: float = 0.0

    def __repr__(self) -> str:
        counted = {name: int(each.counts().sum()) for name, each in self.spikes.items()}
        spikes = ", ".join(f"{n} of {name!r}" for name, n in counted.items())
        counters = "".join(f", {n} {name}" for name, n in self.counters.items())
        return f"<Observed: {len(self)} samples; spikes: {spikes or 'none'}{counters}>"

    def __len__(self) -> int:
        return max((len(each) for each in self.spikes.values()), default=0)

    def first_spikes(self, population: str) -> Floats:
        """Return when each unit spikes first, shape (n_samples, n); `inf` where it does not.

        Raises
        ------
        UnknownPart
            If the spikes of this population were not observed.
        """
        if population not in self.spikes:
            raise UnknownPart(
                f"spikes of {population!r} were not observed; observed: {', '.join(self.spikes) or 'none'}"
            )
        return self.spikes[population].first_spikes()

    @classmethod
    def joined(cls, parts: Sequence["Observed"]) -> "Observed":
        """Return the observation of a batch from those of its parts, in order."""
        if len(parts) == 1:
            return parts[0]
        counters: dict[str, int] = {}
        for part in parts:
            for name, count in part.counters.items():
                counters[name] = counters.get(name, 0) + count
        return cls(
            {name: SpikeTrains.joined([part.spikes[name] for part in parts]) for name in parts[0].spikes},
            {name: np.concatenate([part.arrivals[name] for part in parts]) for name in parts[0].arrivals},
            counters,
            sum(part.hardware_seconds for part in parts),
        )


@runtime_checkable
class Target(Protocol):
    """Runs the network that it is configured with, and returns the observed spikes."""

    def configure(self, network: Network) -> Mapping[str, int]:
        """Place a network and load its parameters, in place of what was there before.

        Returns
        -------
        mapping of str to int
            How many parameters the target could not take as they are, by what happened to them, such as
            ``clipped``; empty if all fits.

        Raises
        ------
        ConfigError
            If the network does not fit; the message names the count or the value that was exceeded.
        """

    def run(self, inputs: Mapping[str, Any], *, until: float, trial: int, first: int = 0) -> Observed:
        """Show a batch of inputs.

        Parameters
        ----------
        inputs : mapping of str to array_like, sequence or SpikeTrains
            By source, its spikes in each sample, in a form that `eventsim.spike_trains` describes. A
            SpikeSource with spikes of its own may be left out.
        until : float
            End of each sample; the network's time unit.
        trial : int
            Number of the run. What differs from trial to trial follows from it and the target's seeds.
        first : int
            Number of the first of these samples within the trial, if they are part of a batch.

        Raises
        ------
        UnknownPart, ValueError
            If a source is missing or unknown, or its spikes do not do.
        ConfigError
            If there is no network yet.
        TargetLost
            If the target does not answer any more.
        """


def checked_target(given: Any) -> Target:
    """Return a target, or say what one is.

    Raises
    ------
    TypeError
        If it is something else.
    """
    if isinstance(given, Target) and not isinstance(given, type):
        return given
    if isinstance(given, type):
        raise TypeError(
            f"target must be an object, got the class {given.__name__}; write {given.__name__}(...)"
        )
    raise TypeError(
        "target must have configure(network) and run(inputs, until=..., trial=..., first=...), as "
        f"es.hardware.SimulatedTarget(chip) has, got {given!r:.60}"
    )


def checked_run(until: Any, trial: Any, first: Any) -> tuple[float, int, int]:
    """Return the end of a run and the numbers of trial and first sample, checked.

    Raises
    ------
    TypeError, ValueError
        If one is no such number.
    """
    if isinstance(until, bool) or not isinstance(until, int | float | np.integer | np.floating):
        raise TypeError(f"until must be a time, got {until!r}")
    if not until > 0:
        raise ValueError(f"until must be a time after 0, got {until!r}")
    return float(until), whole_number(trial, "trial", 0, LARGEST), whole_number(first, "first", 0, LARGEST)


def checked_inputs(network: Network, inputs: Mapping[str, Any]) -> tuple[dict[str, SpikeTrains], int]:
    """Return the input spikes of every source, checked, and the number of samples.

    Parameters
    ----------
    network : Network
    inputs : mapping of str to array_like or sequence
        As `Target.run` takes them.

    Raises
    ------
    UnknownPart, ValueError
        If a source is missing or unknown, or its spikes do not do.
    """
    sources = {name: p for name, p in network.populations.items() if isinstance(p.model, SpikeSource)}
    lengths = lengths_of(inputs)
    for name in inputs:
        if name not in sources:
            raise UnknownPart(f"input spikes are given for {name!r}; sources: {', '.join(sources) or 'none'}")
    n_samples = max(lengths.values(), default=1)
    if n_samples == 0:
        raise ValueError(
            f"input spikes of {', '.join(map(repr, lengths))} hold no samples; a batch needs at least one"
        )
    for name, length in lengths.items():
        if length != n_samples:
            raise ValueError(f"input spikes of {name!r} hold {length} samples, expected {n_samples}")
    found = {}
    for name, population in sources.items():
        if name in inputs:
            found[name] = SpikeTrains.of(inputs[name], population.n, name, network.time_unit)
            continue
        times, units = spike_pairs(
            population.model.times, population.model.units, population.n, name, network.time_unit
        )
        if not len(times):
            raise UnknownPart(f"input spikes of {name!r} are missing; given: {', '.join(inputs) or 'none'}")
        order = np.lexsort((units, times))
        found[name] = SpikeTrains.of_lists([Spikes(times[order], units[order])] * n_samples, population.n)
    return found, n_samples
