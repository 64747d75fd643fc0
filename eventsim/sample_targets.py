"""Draw `k` targets, or sources, for each of many units, with or without repetition."""

import numpy as np

from eventsim.connections import Indices
from eventsim.distributions import CHUNK, chunks


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
