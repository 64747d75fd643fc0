"""The flip-flop language: keep the bit that was last written, however many others pass by.

A sequence is made of pairs (instruction, bit). Instructions are write, ignore and read; the first is write,
the last is read, and the others are ignore with probability p_i, write and read with (1 - p_i) / 2 each. The
bit after a read is the bit after the last write before it; all other bits are random. The network sees one of
five tokens a step and says at each read instruction which bit comes next. If reads are masked, their bits are
shown as no token at all; otherwise they repeat the stored bit.

    a window of R steps sees a pair D instructions back if 2 D <= R - 1;  R = L (Gamma - 1) + 1
    best accuracy with such a window    1/2 + P(seen) / 2

Liu et al. 2023, Exposing attention glitches with flip-flop language modeling, for the language.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from eventsim.models.training.batches import Streams
from eventsim.models.training.task import Task
from eventsim.scenarios.mgrade.losses import ScoredCrossEntropy
from eventsim.scenarios.mgrade.problem import Problem

if TYPE_CHECKING:
    from eventsim.scenarios.mgrade.settings import Settings

__all__ = ["ceiling", "distances", "draw", "latest_place", "problem", "receptive_field"]

Ints = NDArray[np.int64]
WRITE, IGNORE, READ, ZERO, ONE, NOTHING = range(6)
TOKENS = np.concatenate((np.eye(5, dtype=np.float32), np.zeros((1, 5), np.float32)))


def draw(n: int, instructions: int, p_ignore: float, rng: Generator) -> tuple[Ints, Ints]:
    """Return instructions and bits of n sequences, shapes (n, instructions)."""
    share = (1 - p_ignore) / 2
    kinds = rng.choice(3, (n, instructions), p=[share, p_ignore, share])
    kinds[:, 0], kinds[:, -1] = WRITE, READ
    bits = rng.integers(0, 2, (n, instructions))
    stored = np.take_along_axis(bits, latest_place(kinds == WRITE), axis=1)
    return kinds, np.where(kinds == READ, stored, bits)


def latest_place(marked: NDArray[np.bool_]) -> Ints:
    """Return the place of the last mark at or before each place, shape (n, instructions)."""
    latest: Ints = np.maximum.accumulate(np.where(marked, np.arange(marked.shape[1]), 0), axis=1)
    return latest


def distances(kinds: Ints, *, mask_reads: bool) -> Ints:
    """Return by how many instructions the last pair that holds the stored bit is back; at reads only.

    That pair is a write or, where the bits of reads are shown, an earlier read.
    """
    holds = kinds == WRITE if mask_reads else kinds != IGNORE
    before = np.concatenate((np.zeros_like(holds[:, :1]), holds[:, :-1]), axis=1)
    latest = np.where(before, np.arange(kinds.shape[1]) - 1, 0)
    back = np.arange(kinds.shape[1]) - np.maximum.accumulate(latest, axis=1)
    at_reads: Ints = back[kinds == READ]
    return at_reads


def receptive_field(settings: "Settings") -> int:
    """Return the steps that the convolutions see together, R."""
    return settings.depth * (settings.window - 1) + 1


def ceiling(back: Ints, window: int) -> float:
    """Return the best accuracy that a window of so many steps allows at reads of these distances."""
    return float(0.5 + 0.5 * (2 * back <= window - 1).mean())


def _set(settings: "Settings", n: int, rng: Generator) -> tuple[NDArray[np.uint8], Ints, Ints]:
    """Return tokens (n, steps), labels (n, steps), -1 where none is asked for, and distances of the reads."""
    kinds, bits = draw(n, settings.instructions, settings.p_ignore, rng)
    tokens = np.stack((kinds, ZERO + bits), axis=2)
    if settings.mask_reads:
        tokens[..., 1][kinds == READ] = NOTHING
    labels = np.stack((np.where(kinds == READ, bits, -1), np.full_like(bits, -1)), axis=2)
    back = distances(kinds, mask_reads=settings.mask_reads)
    return tokens.reshape(n, -1).astype(np.uint8), labels.reshape(n, -1), back


def _shown(tokens: NDArray[Any]) -> NDArray[np.float32]:
    shown: NDArray[np.float32] = TOKENS[tokens]
    return shown


def problem(settings: "Settings", rng: Streams) -> Problem:
    """Return the language with sequences for training and test drawn from streams of `rng`."""
    sets = {}
    for split, n in (("train", settings.sequences), ("test", settings.test_sequences)):
        tokens, labels, back = _set(settings, n, rng("flip-flop", split))
        sets[split] = tokens, labels
    window = receptive_field(settings)

    def measure(outputs: NDArray[Any], labels: NDArray[Any]) -> dict[str, float]:
        right = (labels == outputs.argmax(axis=2).T)[labels >= 0]
        seen = 2 * back <= window - 1
        found = {"test_accuracy": float(right.mean()), "ceiling_of_the_window": ceiling(back, window)}
        # Without a read of a kind its accuracy is nan, which a run leaves out.
        for name, kind in (("within", seen), ("beyond", ~seen)):
            found[f"accuracy_{name}_the_window"] = float(right[kind].mean()) if kind.any() else np.nan
        return found

    return Problem(Task("flip-flop", 5, 2, sets, _shown), ScoredCrossEntropy(), measure)
