"""The Yin-Yang generator as its definition reads, one NumPy call for each random number; slow."""

import math

import numpy as np


def distances(x, y, r_big):
    """Return the distances from the centre and from the right and left eye."""
    return tuple(math.sqrt((x - factor * r_big) ** 2 + (y - r_big) ** 2) for factor in (1.0, 1.5, 0.5))


def which_class(x, y, r_small=0.1, r_big=0.5):
    """Return 0 yin, 1 yang, 2 dot, or -1 outside."""
    centre, right, left = distances(x, y, r_big)
    if centre > r_big:
        return -1
    if right < r_small or left < r_small:
        return 2
    is_yang = right <= r_small or r_small < left <= 0.5 * r_big or (y > r_big and right > 0.5 * r_big)
    return int(is_yang)


def generate(size, seed, r_small=0.1, r_big=0.5):
    """Return samples, labels and the number of candidates."""
    rng = np.random.RandomState(seed)
    samples, labels, n_candidates = [], [], 0
    for _ in range(size):
        goal = rng.randint(3)
        while True:
            x, y = rng.rand(2) * 2.0 * r_big
            n_candidates += 1
            if which_class(x, y, r_small, r_big) == goal:
                break
        samples.append((x, y, 1.0 - x, 1.0 - y))
        labels.append(goal)
    return np.array(samples).reshape(size, 4), np.array(labels, np.int64), n_candidates
