"""Still samples for prospective classifiers, read or generated; stand-ins where files are missing."""

import numpy as np

from eventsim.scenarios._prospective_training import Task
from eventsim.scenarios.scenario import Run


def still(run: Run, dataset: str) -> Task:
    """Return training, validation and test set; the digits where the files of a set are missing."""
    from eventsim.io import datasets

    if dataset in ("mnist", "fashion-mnist"):
        read = {"mnist": datasets.mnist, "fashion-mnist": datasets.fashion_mnist}[dataset]
        try:
            (images, labels), (test, test_labels) = (read(split, run.data) for split in ("train", "test"))
        except FileNotFoundError as missing:
            run.note(f"{missing}; the 8x8 digits stand in for {dataset}")
            return digits()
        flat = images.reshape(len(images), -1)
        sets = {
            "train": (flat[:50_000], labels[:50_000]),
            "validation": (flat[50_000:], labels[50_000:]),
            "test": (test.reshape(len(test), -1), test_labels),
        }
        return Task(dataset, 784, 10, sets, 256.0)
    if dataset == "yin-yang":
        sizes = datasets.YIN_YANG
        return Task(
            dataset, 4, 3, {split: datasets.yin_yang(size, seed) for split, (size, seed) in sizes.items()}
        )
    return digits()


def digits() -> Task:
    """Return scikit-learn's 8 x 8 digits, every tenth of the training images for validation."""
    from eventsim.io import datasets

    images, labels = datasets.digits("train")
    flat, kept = images.reshape(len(images), -1), np.arange(len(labels)) % 10 == 9
    test, test_labels = datasets.digits("test")
    sets = {
        "train": (flat[~kept], labels[~kept]),
        "validation": (flat[kept], labels[kept]),
        "test": (test.reshape(len(test), -1), test_labels.astype(np.int64)),
    }
    return Task("digits", 64, 10, sets, 16.0)
