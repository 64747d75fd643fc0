"""Static samples for prospective classifiers, read or generated; other data where files are missing."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim.models.training.task import Scaled, Task
from eventsim.scenarios.scenario import Run


def static(run: Run, dataset: str, enlarged: bool = False) -> Task:
    """Return training, validation and test set; the digits where files are missing and no folder was named.

    `enlarged` makes images of 28 x 28 of the digits by repeating their pixels.
    """
    from eventsim.io import datasets

    if run.replacement_data:
        return digits(enlarged)
    if dataset in ("mnist", "fashion-mnist"):
        read = {"mnist": datasets.mnist, "fashion-mnist": datasets.fashion_mnist}[dataset]
        try:
            (images, labels), (test, test_labels) = (read(split, run.data) for split in ("train", "test"))
        except FileNotFoundError as missing:
            run.use_replacement_data("the 8x8 digits", missing)
            return digits(enlarged)
        flat = images.reshape(len(images), -1)
        sets = {
            "train": (flat[:50_000], labels[:50_000]),
            "validation": (flat[50_000:], labels[50_000:]),
            "test": (test.reshape(len(test), -1), test_labels),
        }
        return Task(dataset, 784, 10, sets, Scaled(256.0))
    if dataset == "yin-yang":
        sizes = datasets.YIN_YANG
        samples = {split: datasets.yin_yang(size, seed) for split, (size, seed) in sizes.items()}
        return Task(dataset, 4, 3, samples)
    return digits(enlarged)


def digits(enlarged: bool = False) -> Task:
    """Return the 8 x 8 digits, every tenth of the training images for validation."""
    from eventsim.io import datasets

    images, labels = datasets.digits("train")
    flat, held_out = images.reshape(len(images), -1), np.arange(len(labels)) % 10 == 9
    test, test_labels = datasets.digits("test")
    sets = {
        "train": (flat[~held_out], labels[~held_out]),
        "validation": (flat[held_out], labels[held_out]),
        "test": (test.reshape(len(test), -1), test_labels.astype(np.int64)),
    }
    if enlarged:
        sets = {split: (_enlarged(samples), kinds) for split, (samples, kinds) in sets.items()}
    return Task("digits", sets["train"][0].shape[1], 10, sets, Scaled(16.0))


def _enlarged(samples: NDArray[Any]) -> NDArray[Any]:
    """Return images of 28 x 28 for images of 8 x 8, one a row."""
    nearest = np.arange(28) * 8 // 28
    return samples.reshape(-1, 8, 8)[:, nearest][:, :, nearest].reshape(len(samples), -1)
