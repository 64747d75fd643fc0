"""Colour images: CIFAR-10 where its files are, else small gratings that can be generated."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim import rng as streams
from eventsim.models.training.task import Task
from eventsim.scenarios.scenario import Run
from eventsim.trace import Ints

HELD_OUT = 10_000  # random training images of CIFAR-10 for validation
SIDE, SIZES = 16, {"train": 2000, "validation": 500, "test": 500}  # of generated images
ORIENTATIONS = 5
AXES = np.array([[1.0, -1.0, 0.0], [0.5, 0.5, -1.0]])  # red to green, yellow to blue
CONTRAST, NOISE = 0.3, 0.1


def task(run: Run, dataset: str) -> Task:
    """Return the sets of "cifar-10" or "colours"; generated ones where files are missing."""
    from eventsim.io import datasets

    if dataset == "colours" or run.replacement_data:
        return gratings()
    try:
        (images, labels), (test, test_labels) = (
            datasets.cifar10(split, run.data) for split in ("train", "test")
        )
    except FileNotFoundError as missing:
        run.use_replacement_data("generated colour gratings of 16x16", missing)
        return gratings()
    order = run.rng("validation").permutation(len(labels))
    held_out = min(HELD_OUT, len(labels) // 5)
    sets = {
        split: (images[chosen].reshape(len(chosen), -1), labels[chosen])
        for split, chosen in (("train", order[held_out:]), ("validation", order[:held_out]))
    }
    sets["test"] = test.reshape(len(test), -1), test_labels
    return Task(dataset, sets["train"][0].shape[1], 10, sets, signed)


def gratings() -> Task:
    """Return the generated set: five orientations, along one of two axes of colour, at any phase."""
    sets = {}
    for split, n in SIZES.items():
        images, labels = drawn(n, split)
        sets[split] = images.reshape(n, -1), labels
    return Task("colours", 3 * SIDE * SIDE, 10, sets, signed)


def drawn(n: int, split: str) -> tuple[NDArray[np.uint8], Ints]:
    """Return images (n, 3, 16, 16) of a split, and their classes: orientation + 5 * axis of colour."""
    rng = streams.stream(0, "colour gratings", split)
    labels = rng.permutation(n) % (ORIENTATIONS * len(AXES))
    angle = np.pi * (labels % ORIENTATIONS) / ORIENTATIONS
    cycles, phase = rng.uniform(2.0, 3.5, n), rng.uniform(0, 2 * np.pi, n)
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    along = x * np.cos(angle)[:, None, None] + y * np.sin(angle)[:, None, None]
    wave = np.cos(2 * np.pi * cycles[:, None, None] * along + phase[:, None, None])
    colour = AXES[labels // ORIENTATIONS][:, :, None, None]
    values = 0.5 + CONTRAST * colour * wave[:, None] + NOISE * rng.normal(size=(n, 3, SIDE, SIDE))
    return (255 * np.clip(values, 0, 1)).astype(np.uint8), labels.astype(np.int64)


def signed(samples: NDArray[Any]) -> NDArray[np.float32]:
    """Return bytes as values from -1 to 1."""
    values: NDArray[np.float32] = np.asarray(samples, np.float32) / np.float32(127.5) - np.float32(1)
    return values
