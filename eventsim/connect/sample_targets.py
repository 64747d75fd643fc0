"""Draw `k` targets, or sources, for each of many units, with or without repetition."""

import numpy as np
from numpy.typing import NDArray

from eventsim.connect.connections import Indices
from eventsim.connect.distributions import CHUNK, chunks


def sample_targets(
    rng: np.random.Generator, rows: int, n: int, k: int, autapses: bool, multapses: bool
) -> Indices:
    """Return `k` of `n` targets for each of `rows` units, shape (rows * k,).

    Sources are drawn in the same way, for each target.
    """
    chosen = np.empty((rows, k), np.int32)
    allowed = n if autapses else n - 1
    for start, stop in chunks(rows, max(1, CHUNK // max(k, 1))):
        block = chosen[start:stop]
        if multapses:
            block[:] = rng.integers(0, allowed, block.shape, dtype=np.int32)
        else:
            draw_distinct(rng, allowed, block)
        if not autapses:  # close the gap that leaving out the unit itself makes
            block += block >= np.arange(start, stop, dtype=np.int32)[:, None]
    return chosen.reshape(-1)


def sample_uneven(
    rng: np.random.Generator, counts: NDArray[np.int64], n: int, autapses: bool, multapses: bool
) -> Indices:
    """Return ``counts[row]`` of `n` targets for each row, one row after another, shape (counts.sum(),)."""
    rows = len(counts)
    allowed = n if autapses else n - 1
    row = np.repeat(np.arange(rows, dtype=np.int32), counts)
    if multapses:
        chosen = rng.integers(0, max(allowed, 1), len(row), dtype=np.int32)
    else:
        chosen = np.empty(len(row), np.int32)
        start = np.cumsum(counts) - counts
        for k in np.unique(counts):
            if k > 0:
                like = np.flatnonzero(counts == k)
                for first, last in chunks(len(like), max(1, CHUNK // int(k))):
                    block = np.empty((last - first, int(k)), np.int32)
                    draw_distinct(rng, allowed, block)
                    chosen[start[like[first:last], None] + np.arange(k)] = block
    if not autapses:
        chosen += chosen >= row
    return chosen


def draw_distinct(rng: np.random.Generator, n: int, block: Indices) -> None:
    """Fill each row of `block` with distinct numbers below `n`, every set equally likely.

    Repeated numbers are drawn again until none is left. That treats all numbers alike, so no set
    is preferred. Where more than half is wanted, what is left out is drawn instead.
    """
    rows, k = block.shape
    if 2 * k > n:
        left_out = np.empty((rows, n - k), np.int32)
        draw_distinct(rng, n, left_out)
        kept = np.ones((rows, n), np.bool_)
        kept[np.arange(rows)[:, None], left_out] = False
        block[:] = np.nonzero(kept)[1].reshape(rows, k)
        return
    block[:] = rng.integers(0, n, block.shape, dtype=np.int32) if k else 0
    block.sort(axis=1)
    open_rows = np.flatnonzero((block[:, 1:] == block[:, :-1]).any(axis=1))
    while len(open_rows):
        part = block[open_rows]
        again = part[:, 1:] == part[:, :-1]
        part[:, 1:][again] = rng.integers(0, n, np.count_nonzero(again), dtype=np.int32)
        part.sort(axis=1)
        block[open_rows] = part
        open_rows = open_rows[(part[:, 1:] == part[:, :-1]).any(axis=1)]
