"""Images shown one pixel a step, row by row from the top left, values from 0 to 1."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eventsim.models.training.task import Task
from eventsim.scenarios.scenario import Run

if TYPE_CHECKING:
    from eventsim.scenarios.quantized_ssm.settings import Settings

__all__ = ["Pixels", "task"]

WHITE = 16.0  # of the digits
HELD_OUT = 5000  # images of MNIST's training set, for validation


@dataclass(frozen=True, slots=True)
class Pixels:
    """An encoding: images (n, pixels) as sequences (n, pixels * repeat, 1).

    Attributes
    ----------
    largest : value of a white pixel.
    repeat : steps that show the same pixel.
    """

    largest: float
    repeat: int

    def __call__(self, samples: NDArray[Any]) -> NDArray[Any]:
        """Return the sequences, from 0 to 1."""
        values: NDArray[Any] = np.repeat(samples, self.repeat, axis=1)[..., None] / np.float32(self.largest)
        return values


def task(settings: "Settings", run: Run) -> Task:
    """Return the images of a run; the digits where MNIST is missing and no folder was named."""
    name: str = run.state["dataset"] if run.state and "dataset" in run.state else settings.dataset
    if name in ("mackey_glass", "mackey-glass"):
        from eventsim.scenarios.quantized_ssm import series

        return series.task(settings)
    if name == "smnist":
        try:
            return _mnist(settings, run)
        except FileNotFoundError as missing:
            run.use_replacement_data("digits of 8 x 8 pixels", missing)
    return _digits(settings)


def _digits(settings: "Settings") -> Task:
    from eventsim.io import datasets

    sets = {}
    for split in ("train", "test"):
        images, labels = datasets.digits(split)
        n = (settings.train_samples if split == "train" else 0) or len(images)
        sets[split] = images.reshape(len(images), -1)[:n], labels[:n].astype(np.int64)
    return Task("digits", 1, 10, sets, Pixels(WHITE, settings.repeat))


def _mnist(settings: "Settings", run: Run) -> Task:
    from eventsim.io import datasets

    images, labels = datasets.mnist("train", run.data)
    test, test_labels = datasets.mnist("test", run.data)
    last = len(images) - HELD_OUT
    first = min(settings.train_samples or last, last)
    sets = {
        "train": (images[:first], labels[:first]),
        "validation": (images[last:], labels[last:]),
        "test": (test, test_labels),
    }
    rows = {
        split: (values.reshape(len(values), -1), each.astype(np.int64))
        for split, (values, each) in sets.items()
    }
    return Task("smnist", 1, 10, rows, Pixels(255.0, settings.repeat))
