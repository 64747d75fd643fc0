"""Tasks of spiking classifiers: samples with labels, encoded as one spike time for each input, in tau_syn."""

from typing import Any

from numpy.typing import NDArray

from eventsim.models.training.task import Task
from eventsim.scenarios.scenario import Run
from eventsim.trace import Floats

EARLY, LATE = 0.15, 2.0  # tau_syn; input times of the values 0 and 1


def yin_yang() -> Task:
    """Return the Yin-Yang task: x, y, 1 - x, 1 - y as four spike times."""
    from eventsim.io import datasets
    from eventsim.models.inputs import encoding

    sets = {split: datasets.yin_yang(size, seed) for split, (size, seed) in datasets.YIN_YANG.items()}
    return Task("yin-yang", 4, 3, sets, lambda values: encoding.latency(values, EARLY, LATE))


def mnist(run: Run, size: int) -> Task:
    """Return MNIST, dark pixels early, as 28 x 28 or reduced to 16 x 16 (there, background is silent)."""
    from eventsim.io import datasets
    from eventsim.models.inputs import encoding

    images, labels = datasets.mnist("train", run.data, size)
    sets = {
        "train": (images[:50_000], labels[:50_000]),
        "validation": (images[50_000:], labels[50_000:]),
        "test": datasets.mnist("test", run.data, size),
    }

    def encode(pixels: NDArray[Any]) -> Floats:
        flat = pixels.reshape(len(pixels), -1)
        if size == 28:
            return encoding.latency(1.0 - flat / 256.0, EARLY, LATE)
        return encoding.latency(1.0 - flat / 255.0, EARLY, LATE, silent_latest=True)

    return Task("mnist" if size == 28 else "mnist-16x16", size * size, 10, sets, encode)


def digits() -> Task:
    """Return the 8 x 8 digits, the last fifth of its training images for validation."""
    from eventsim.io import datasets
    from eventsim.models.inputs import encoding

    images, labels = datasets.digits("train")
    n = len(labels) * 4 // 5
    sets = {
        "train": (images[:n], labels[:n]),
        "validation": (images[n:], labels[n:]),
        "test": datasets.digits("test"),
    }
    return Task(
        "digits",
        64,
        10,
        sets,
        lambda pixels: encoding.latency(1.0 - pixels.reshape(len(pixels), -1) / 16.0, EARLY, LATE),
    )
