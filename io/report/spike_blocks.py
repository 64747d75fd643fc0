"""Spikes as a short text that the page's script reads: every spike, or counts where there are too many.

A block holds rows, which are units or groups of neighbouring units. It is a sequence of whole numbers of
variable length (seven bits a byte, the highest bit set where more follow), deflated, as base64:

    number of entries of each row, then for each row the steps from entry to entry, then counts (cells only)

The entries of a row are times in steps of `step` from `left`. Times that are whole steps apart cost about
log2(steps between two spikes) + 1.4 bits a spike, the entropy of a Poisson train; so `best_bits` can say
before anything is encoded how fine the steps may be.
"""

import base64
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eventsim.trace import Ints, Spikes

__all__ = ["Block", "best_bits", "cells", "points", "varints"]

MOST_BITS = 24  # the run is cut into 2^24 steps at most
LEAST_BITS = 12
OVERHEAD = 1.15  # of deflated bytes over the entropy of Poisson trains, as measured


@dataclass(frozen=True, slots=True)
class Block:
    """Encoded spikes of one population.

    Attributes
    ----------
    rows, units_per_row : a row is a unit, or several neighbouring ones.
    left, step : time of step 0, and width of a step.
    right : end of the time that the block covers.
    n : spikes in it.
    counted : whether an entry has a count; else each entry is one spike.
    encoded : base64 of the deflated numbers.
    """

    rows: int
    units_per_row: int
    left: float
    step: float
    right: float
    n: int
    counted: bool
    encoded: str


def best_bits(n_spikes: int, n_units: int, budget: int) -> int:
    """Return the bits of a time with which spikes of `n_units` take no more than `budget` bytes, about.

    Less than `LEAST_BITS` where not even coarse times would fit.

    >>> best_bits(1_000_000, 1000, 1_700_000), best_bits(100, 10, 1_700_000)
    (20, 24)
    """
    bits_each = 8 * budget / OVERHEAD / max(n_spikes, 1)
    return int(min(MOST_BITS, np.floor(bits_each - 1.44 - np.log2(n_units / max(n_spikes, 1)))))


def points(spikes: Spikes, n: int, left: float, right: float, bits: int) -> Block:
    """Encode every spike from `left` to `right`, with `bits` bits for its time."""
    first, last = np.searchsorted(spikes.times, [left, right])
    if right >= (spikes.times[-1] if len(spikes) else right):
        last = len(spikes)
    times, units = spikes.times[first:last], spikes.units[first:last]
    step = (right - left) / 2.0**bits
    steps = np.clip(np.rint((times - left) / step), 0, 2.0**bits).astype(np.int64)
    order = np.argsort(units, kind="stable")  # the times of a unit stay in order
    per_row = np.bincount(units, minlength=n)
    numbers = np.concatenate([per_row, _differences(steps[order], per_row)])
    return Block(n, 1, left, step, right, len(times), False, _packed(numbers))


def cells(spikes: Spikes, n: int, left: float, right: float, columns: int, most_rows: int) -> Block:
    """Encode counts of spikes in cells of time and neighbouring units; empty cells cost nothing."""
    units_per_row = -(-n // most_rows)
    rows = -(-n // units_per_row)
    step = (right - left) / columns
    column = np.clip(((spikes.times - left) / step).astype(np.int64), 0, columns - 1)
    counts = np.bincount((spikes.units // units_per_row) * columns + column, minlength=rows * columns)
    used = np.flatnonzero(counts)
    per_row = np.bincount(used // columns, minlength=rows)
    numbers = np.concatenate([per_row, _differences(used % columns, per_row), counts[used]])
    return Block(rows, units_per_row, left, step, right, len(spikes), True, _packed(numbers))


def _differences(steps: Ints, per_row: Ints) -> Ints:
    """Return the steps from entry to entry; each row begins at 0."""
    differences = np.diff(steps, prepend=0)
    starts = np.cumsum(per_row) - per_row
    starts = starts[per_row > 0]
    differences[starts] = steps[starts]
    return differences


def varints(numbers: Ints) -> NDArray[np.uint8]:
    """Return whole numbers from 0 to 2^35 as bytes, seven bits each, the lowest first.

    >>> varints(np.array([1, 300])).tolist()
    [1, 172, 2]
    """
    lengths = np.ones(len(numbers), np.int64)
    for k in range(1, 5):
        lengths += numbers >= 1 << (7 * k)
    starts = np.cumsum(lengths) - lengths
    out = np.zeros(int(lengths.sum()), np.uint8)
    for k in range(int(lengths.max(initial=0))):
        chosen = lengths > k
        more = np.where(lengths[chosen] > k + 1, 128, 0)
        out[starts[chosen] + k] = ((numbers[chosen] >> (7 * k)) & 127) | more
    return out


def _packed(numbers: Ints) -> str:
    return base64.b64encode(zlib.compress(varints(numbers).tobytes(), 6)).decode("ascii")
