"""Pieces of a batch that threads share; where they are cut depends on the shape alone, so results do not."""

from collections.abc import Callable
from functools import cache

from eventsim.models.threads import Threads

__all__ = ["borders", "of_threads", "share"]

MOST = 8  # pieces of the rows of a product
LEAST = 1024  # rows of a piece


@cache
def _pool(n: int) -> Threads:
    return Threads(n, "layers")


def borders(rows: int) -> list[int]:
    """Return where the rows of a product are cut, whatever the number of threads."""
    n = max(1, min(MOST, rows // LEAST))
    return [rows * k // n for k in range(n + 1)]


def of_threads(n: int, threads: int) -> list[int]:
    """Return where `n` samples are cut for so many threads, for work in which every sample is on its own."""
    n_pieces = max(1, min(threads, n))
    return [n * k // n_pieces for k in range(n_pieces + 1)]


def share(work: Callable[[int, int, int], object], cuts: list[int], threads: int) -> None:
    """Call ``work(piece, low, high)`` for every piece, on several threads."""
    n = len(cuts) - 1
    if threads == 1 or n == 1:
        for piece in range(n):
            work(piece, cuts[piece], cuts[piece + 1])
        return

    def some(first: int) -> None:
        for piece in range(first, n, threads):
            work(piece, cuts[piece], cuts[piece + 1])

    waiting = [_pool(threads - 1).submit(some, first) for first in range(1, min(threads, n))]
    some(0)
    for each in waiting:
        each.result()
