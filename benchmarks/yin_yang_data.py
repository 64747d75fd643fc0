"""Generating the Yin-Yang set: the compiled generator beside one Python call for each random number."""

import math
import statistics
import time

import numpy as np

from eventsim.scenarios.benchmark import Plan, Rows, Seconds

SECONDS = Seconds(2.0, 1.0)
SIZE = 5000
SEED = 42


def run(plan: Plan) -> Rows:
    """Measure both in turn; they must agree to the bit."""
    from eventsim.io.datasets import yin_yang

    measured: dict[str, list[float]] = {"eventsim": [], "python": []}
    yin_yang(SIZE, SEED)
    for _ in range(plan.repeats):
        begin = time.perf_counter()
        samples, labels = yin_yang(SIZE, SEED)
        middle = time.perf_counter()
        expected_samples, expected_labels = one_by_one(SIZE, SEED)
        end = time.perf_counter()
        assert np.array_equal(samples, expected_samples)
        assert np.array_equal(labels, expected_labels)
        measured["eventsim"].append(middle - begin)
        measured["python"].append(end - middle)
    for system, seconds in measured.items():
        value = 1e6 * statistics.median(seconds) / SIZE
        yield {"work": "Yin-Yang data", "system": system, "n": SIZE, "value": value, "unit": "us/sample"}


def one_by_one(size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.RandomState(seed)
    samples, labels = np.empty((size, 4)), np.empty(size, np.int64)
    for k in range(size):
        goal, found = rng.randint(3), -1
        while found != goal:
            x, y = (rng.rand(2) * 2.0 * 0.5).tolist()  # plain floats: the fastest Python does it
            found = -1
            if math.sqrt((x - 0.5) ** 2 + (y - 0.5) ** 2) <= 0.5:
                right, left = (
                    math.sqrt((x - 0.75) ** 2 + (y - 0.5) ** 2),
                    math.sqrt((x - 0.25) ** 2 + (y - 0.5) ** 2),
                )
                if right < 0.1 or left < 0.1:
                    found = 2
                else:
                    found = int(right <= 0.1 or 0.1 < left <= 0.25 or (y > 0.5 and right > 0.25))
        samples[k], labels[k] = (x, y, 1.0 - x, 1.0 - y), goal
    return samples, labels
