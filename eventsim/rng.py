"""One seed, many independent streams of random numbers, each known by what it is for.

A stream depends on the seed and on its names alone, so a new draw somewhere leaves all other
streams as they were, and results depend neither on order nor on threads.
"""

import hashlib

import numpy as np


def sequence(seed: int, *names: str | int) -> np.random.SeedSequence:
    """Return the seed sequence of the stream called `names` under `seed`."""
    digest = hashlib.sha256("\0".join(map(str, names)).encode()).digest()
    return np.random.SeedSequence(seed, spawn_key=tuple(np.frombuffer(digest[:16], "<u4").tolist()))


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """Return a generator for the purpose called `names` under `seed`.

    >>> a, b = stream(1, "weights", "hidden"), stream(1, "weights", "hidden")
    >>> bool((a.random(3) == b.random(3)).all())
    True
    """
    return np.random.Generator(np.random.PCG64(sequence(seed, *names)))


def trial_seed(seed: int, trial: int) -> int:
    """Return the seed of what is drawn anew in every run of a network; that of trial 0 is its own.

    >>> trial_seed(7, 0), trial_seed(7, 1) == trial_seed(7, 2)
    (7, False)
    """
    if trial == 0:
        return seed
    low, high = sequence(seed, "trial", trial).generate_state(2, np.uint64).tolist()
    return int(low | high << 64)


def unit_keys(seed: int, n: int, *names: str | int) -> np.ndarray:
    """Return one 64-bit stream key per unit, shape (n,), uint64.

    The key of unit k does not depend on n, so a larger population has the same first units.
    """
    return sequence(seed, *names).generate_state(n, np.uint64)
