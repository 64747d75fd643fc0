"""The input spikes of a run, by source."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim.errors import UnknownPart
from eventsim.models.gradients.network import SpikeNetwork
from eventsim.spike_trains import SpikeTrains, lengths_of, spike_pairs

__all__ = ["checked_inputs", "in_given_order"]


def checked_inputs(network: SpikeNetwork, inputs: Mapping[str, Any]) -> tuple[dict[str, SpikeTrains], int]:
    """Return the input spikes of every source, and the number of samples.

    Raises
    ------
    UnknownPart, ValueError
        If a source is missing or unknown, or its spikes do not do.
    """
    lengths = lengths_of(inputs)
    for name in inputs:
        if name not in network.sources:
            raise UnknownPart(
                f"input spikes are given for {name!r}; sources: {', '.join(network.sources) or 'none'}"
            )
    n_samples = max(lengths.values(), default=1)
    if n_samples == 0:
        raise ValueError(
            f"input spikes of {', '.join(map(repr, lengths))} hold no samples; a batch needs at least one"
        )
    for name, length in lengths.items():
        if length != n_samples:
            raise ValueError(f"input spikes of {name!r} hold {length} samples, expected {n_samples}")
    given = {}
    for name in network.sources:
        n = network.size(name)
        if name in inputs:
            given[name] = SpikeTrains.of(inputs[name], n, name, network.net.time_unit)
            continue
        model = network.net.populations[name].model
        own = spike_pairs(model.times, model.units, n, name, network.net.time_unit)
        if not len(own[0]):
            raise UnknownPart(f"input spikes of {name!r} are missing; given: {', '.join(inputs) or 'none'}")
        given[name] = SpikeTrains.of([own] * n_samples, n, name)
    return given, n_samples


def in_given_order(trains: SpikeTrains, sample: int, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return one value for each spike of a sample as it was given, 0 for those that never came.

    Parameters
    ----------
    values : ndarray, shape (k,)
        Of the first k spikes of the sample in order of time; the others get 0.
    """
    row = np.zeros(trains.given[sample])
    positions = trains.positions
    row[slice(len(values)) if positions is None else positions[sample][: len(values)]] = values
    return row
