"""Multi-time-scale XOR: a bit at the start, and one in each of six windows after it, as rates of spikes.

Channel A (the first half of the inputs) tells a bit `a` once, in the first `START` steps; channel B tells a
new bit `b` in every window of `GAP` silent and `CODE` coded steps. The label of a window is `a xor b`, so a
network has to remember A for up to 0.9 s, and to read B within some 50 ms.
"""

from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from eventsim.hints import hinting
from eventsim.trace import Ints

STEPS, START, GAP, CODE = 100, 10, 5, 10
STEP_MS = 10.0
RATES = (0.2, 0.6)  # spikes an input and step, for bits 0 and 1
PER_CHANNEL = 20  # inputs of a channel
NOISE = 0.01  # background spikes an input and step


class MtsXor(NamedTuple):
    """Samples of the task.

    Attributes
    ----------
    spikes : (size, STEPS, 2 * PER_CHANNEL) uint8, 0 or 1.
    labels : (size, STEPS), the class of each step; 0 before the first window.
    a : (size,), the bit to be remembered.
    b : (size, windows), the bits of the windows.
    """

    spikes: NDArray[np.uint8]
    labels: Ints
    a: Ints
    b: Ints


@hinting
def mts_xor(size: int, seed: int | Generator = 0, noise: float = NOISE) -> MtsXor:
    """Generate samples of multi-time-scale XOR.

    Parameters
    ----------
    size : int
        Number of samples.
    seed : int or Generator
        Of the random numbers.
    noise : float
        Background spikes an input and step, from 0 to 1.

    Returns
    -------
    MtsXor
        Spikes, labels of all steps, and the bits behind them.

    Raises
    ------
    ValueError
        If size or noise are out of range.

    Notes
    -----
    Zheng et al. (2024), temporal dendritic heterogeneity, in the form of Moro et al. (2024), arXiv
    2407.18838. Which steps count for the accuracy is `mts_xor_scored`.

    >>> samples = mts_xor(3, seed=1)
    >>> samples.spikes.shape, samples.b.shape
    ((3, 100, 40), (3, 6))
    >>> bool((samples.labels[:, 99] == samples.a ^ samples.b[:, 5]).all())
    True
    """
    if size < 0:
        raise ValueError(f"size must be 0 or more, got {size}")
    if not 0 <= noise <= 1:
        raise ValueError(f"noise must be from 0 to 1 spikes an input and step, got {noise!r}")
    rng = np.random.default_rng(seed)
    windows = (STEPS - START) // (GAP + CODE)
    rates = np.array(RATES)
    spikes = rng.random((size, STEPS, 2 * PER_CHANNEL), dtype=np.float32) < noise
    a = rng.integers(0, 2, size)
    spikes[:, :START, :PER_CHANNEL] |= rng.random((size, START, PER_CHANNEL)) < rates[a][:, None, None]
    labels = np.zeros((size, STEPS), np.int64)
    b = rng.integers(0, 2, (size, windows))
    for window in range(windows):
        first = START + window * (GAP + CODE)
        coded = slice(first + GAP, first + GAP + CODE)
        spikes[:, coded, PER_CHANNEL:] |= (
            rng.random((size, CODE, PER_CHANNEL)) < rates[b[:, window]][:, None, None]
        )
        labels[:, first : first + GAP + CODE] = (a ^ b[:, window])[:, None]
    return MtsXor(spikes.view(np.uint8), labels, a, b)


@hinting
def mts_xor_scored() -> NDArray[np.bool_]:
    """Return which steps count for the accuracy, shape (STEPS,): those in which channel B is active.

    In the first `GAP` steps of a window nothing can tell its label yet. They are part of the loss all the
    same.

    >>> int(mts_xor_scored().sum())
    60
    """
    t = np.arange(STEPS)
    return np.asarray((t > START) & ((t - START) % (GAP + CODE) >= GAP))
