"""Images as sequences of binary inputs: a row or a pixel a step, each pixel against several thresholds.

Input (pixel, j) is 1 where the pixel is above (j + 1/2) / n of white, j = 0 ... n - 1: a thermometer.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eventsim.errors import ConfigError
from eventsim.models.training.task import Task
from eventsim.scenarios.scenario import Run

if TYPE_CHECKING:
    from eventsim.scenarios.minimalist.settings import Settings

__all__ = ["Thermometer", "task"]

WHITE = {"digits": 16.0, "smnist": 255.0}


@dataclass(frozen=True, slots=True)
class Thermometer:
    """An encoding: images (n, height, width) as sequences (n, steps, inputs) of zeros and ones.

    Attributes
    ----------
    white : value of a white pixel.
    thresholds : inputs of a pixel.
    by_row : whether a step shows a row of the image, or one pixel.
    """

    white: float
    thresholds: int
    by_row: bool

    def __call__(self, samples: NDArray[Any]) -> NDArray[np.float32]:
        """Return the sequences."""
        levels = self.white * (np.arange(self.thresholds) + 0.5) / self.thresholds
        above = samples[..., None] > levels
        steps = samples.shape[1] if self.by_row else samples.shape[1] * samples.shape[2]
        return above.reshape(len(samples), steps, -1).astype(np.float32)


def task(settings: "Settings", run: Run) -> Task:
    """Return the images of a run; the digits where MNIST is missing and no folder was named.

    Raises
    ------
    ConfigError
        If no images are left for training.
    """
    name: str = run.state["dataset"] if run.state and "dataset" in run.state else settings.dataset
    if name == "smnist":
        try:
            return _cut(settings, name, *_images(name, run))
        except FileNotFoundError as missing:
            run.use_replacement_data("digits of 8 x 8 pixels", missing)
    return _cut(settings, "digits", *_images("digits", run))


def _images(name: str, run: Run) -> tuple[NDArray[Any], ...]:
    from eventsim.io import datasets

    if name == "digits":
        return (*datasets.digits("train"), *datasets.digits("test"))
    return (*datasets.mnist("train", run.data), *datasets.mnist("test", run.data))


def _cut(settings: "Settings", name: str, *arrays: NDArray[Any]) -> Task:
    images, labels, test, test_labels = arrays
    side = round(images[0].size ** 0.5)
    images, test = images.reshape(-1, side, side), test.reshape(-1, side, side)
    labels, test_labels = labels.astype(np.int64), test_labels.astype(np.int64)
    n, kept = len(images), settings.validation_samples
    if kept >= n:
        raise ConfigError(f"validation_samples must leave images to train on, got {kept} of {n}")
    # Evenly spaced: the last images of a set are by other writers than the first.
    held_out = np.zeros(n, bool)
    held_out[np.arange(kept) * n // max(kept, 1)] = True
    first, shown = settings.train_samples or n, settings.test_samples or len(test)
    sets = {"train": (images[~held_out][:first], labels[~held_out][:first])}
    if kept:
        sets["validation"] = (images[held_out], labels[held_out])
    sets["test"] = (test[:shown], test_labels[:shown])
    by_row = settings.shown == "rows"
    inputs = settings.thresholds * (side if by_row else 1)
    return Task(name, inputs, 10, sets, Thermometer(WHITE[name], settings.thresholds, by_row))
