"""Sequences as a user gives them to an estimator, checked and put into one padded array."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim.models.layers.padded_sequences import PaddedSequences
from eventsim.spike_trains import SpikeTrains

__all__ = ["are_spikes", "binned", "checked_sequences"]

Array = NDArray[Any]


def are_spikes(samples: Any) -> bool:
    """Return whether samples are spikes: a `SpikeTrains`, or a list of pairs (times, units)."""
    if isinstance(samples, SpikeTrains):
        return True
    return isinstance(samples, list | tuple) and len(samples) > 0 and isinstance(samples[0], tuple)


def binned(samples: Any, dt: float, n_channels: int | None, n_steps: int | None) -> PaddedSequences:
    """Return spikes as counts of each step; step k holds the times from k dt to (k + 1) dt.

    Parameters
    ----------
    samples : SpikeTrains, or list of (times, units)
    dt : float
        Length of a step, in the unit of the times.
    n_channels, n_steps : int, optional
        Units and steps; those of the latest spike unless given. Later spikes are left out.
    """
    trains = SpikeTrains.of(samples, n_channels, "X")
    step = np.floor(trains.times / dt)
    if n_steps is None:
        known = step[np.isfinite(step)]
        n_steps = int(known.max()) + 1 if len(known) else 1
    sample = np.repeat(np.arange(len(trains)), np.diff(trains.starts))
    counted = step < n_steps
    counts = np.zeros((len(trains), n_steps, trains.n), np.float32)
    place = sample[counted], step[counted].astype(np.int64), trains.units[counted]
    np.add.at(counts, place, 1.0)
    return PaddedSequences(counts, np.full(len(trains), n_steps))


def checked_sequences(
    samples: Any, n_channels: int | None, padding: str | None, dtype: Any, shortest: int
) -> PaddedSequences:
    """Return sequences, padded at their end.

    Parameters
    ----------
    samples : array_like, shape (n_samples, time, channels), or list of arrays (time, channels)
    n_channels : int or None
        How many channels there must be; None to find out.
    padding : {"end"} or None
        What makes sequences of different lengths equally long.
    shortest : int
        Steps that each needs at least.

    Raises
    ------
    ValueError, TypeError
        If there are no samples, shapes differ, a value is no number, or a sequence is too short.
    """
    if isinstance(samples, PaddedSequences):
        values, lengths = np.asarray(samples.values, dtype), samples.lengths
    elif isinstance(samples, np.ndarray) and samples.dtype != object:
        if samples.ndim != 3:
            raise ValueError(f"X must have shape (n_samples, time, channels), got {samples.shape}")
        values, lengths = samples.astype(dtype), np.full(len(samples), samples.shape[1])
    elif isinstance(samples, Sequence | np.ndarray):
        each = [np.asarray(sample, dtype) for sample in samples]
        for k, sample in enumerate(each):
            if sample.ndim != 2 or sample.shape[1] != each[0].shape[-1]:
                raise ValueError(
                    f"sample {k} of X has shape {sample.shape}, expected (time, channels) as {each[0].shape}"
                )
        if len({len(sample) for sample in each}) > 1 and padding is None:
            short, long = min(map(len, each)), max(map(len, each))
            raise ValueError(
                f"sequences have lengths from {short} to {long}; set padding='end' to pad the shorter ones"
            )
        if not each:
            raise ValueError("X holds no samples")
        padded = PaddedSequences.padded(each, dtype)
        values, lengths = padded.values, padded.lengths
    else:
        raise TypeError(f"X must be an array, a list of arrays or spikes, got {samples!r:.60}")
    if not len(values) or not values.shape[1]:
        raise ValueError(f"X holds no samples or no steps, got shape {values.shape}")
    if n_channels is not None and values.shape[2] != n_channels:
        raise ValueError(f"X has {values.shape[2]} channels, expected {n_channels}")
    bad = ~np.isfinite(values)
    if bad.any():
        where, step, channel = (int(place[0]) for place in np.nonzero(bad))
        raise ValueError(
            f"X holds {values[where, step, channel]} in sample {where}, step {step}, channel {channel}; "
            "every value must be a number"
        )
    if lengths.min() < shortest:
        least = int(lengths.argmin())
        raise ValueError(
            f"sample {least} has {lengths[least]} steps, fewer than a kernel that spans {shortest}"
        )
    return PaddedSequences(values, lengths)
