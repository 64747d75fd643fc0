"""Sequences to classify: MNIST-1D, spoken digits as mel bands, and synthetic ones."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim.io.datasets.mel import N_BANDS, mel_bands
from eventsim.models.training.task import Task
from eventsim.scenarios.scenario import Run
from eventsim.trace import Floats, Ints

SIZES = {"train": 4000, "validation": 500, "test": 1000}


def sequences(run: Run, dataset: str, points: int = 72, held_out: int = 0) -> Task:
    """Return training, validation and test set; synthetic sequences where the files of a set are missing.

    Sequences of MNIST-1D have so many `points`; `held_out` of them are kept from training and are its
    validation set.
    """
    from eventsim.io import datasets

    if run.replacement_data:
        return synthetic()
    try:
        if dataset == "mnist-1d":
            train, test = (datasets.mnist1d(split, run.data, points) for split in ("train", "test"))
            return mnist_1d(train, test, held_out)
        if dataset == "spoken-digits":
            return spoken(datasets.fsdd("train", run.data), datasets.fsdd("test", run.data))
    except FileNotFoundError as missing:
        run.use_replacement_data("synthetic sequences", missing)
    return synthetic()


def mnist_1d(train: tuple[Floats, Ints], test: tuple[Floats, Ints], held_out: int = 0) -> Task:
    """Return MNIST-1D. Settings are chosen with some of the 4000 training sequences held out.

    Without, all are learned from, as published, and "validation" are 500 of them.
    """
    first, last = len(train[1]) - held_out, len(train[1]) - (held_out or 500)
    sets = {
        "train": (train[0][:first], train[1][:first]),
        "validation": (train[0][last:], train[1][last:]),
        "test": test,
    }
    return Task("mnist-1d", 1, 10, {k: (x[:, :, None].astype(np.float32), y) for k, (x, y) in sets.items()})


def synthetic(sizes: dict[str, int] | None = None) -> Task:
    """Return sequences of 72 points made as those of MNIST-1D are, from ten random templates."""
    from scipy.ndimage import gaussian_filter1d

    from eventsim.io.datasets.sets.mnist1d import generate

    sizes = sizes or SIZES
    templates = gaussian_filter1d(np.random.default_rng(42).normal(size=(10, 12)), 1.0, axis=1)
    templates = (templates - templates.mean(axis=1, keepdims=True)) / templates.std(axis=1, keepdims=True)
    x, labels = generate(templates, np.arange(10), 72, sum(sizes.values()), seed=3)
    ends = np.cumsum(list(sizes.values()))
    sets = {
        split: (x[end - n : end, :, None].astype(np.float32), labels[end - n : end])
        for (split, n), end in zip(sizes.items(), ends, strict=True)
    }
    return Task("synthetic", 1, 10, sets)


def spoken(train: tuple[list[NDArray[np.int16]], Ints], test: tuple[list[NDArray[np.int16]], Ints]) -> Task:
    """Return spoken digits as 40 frames of 32 mel bands; a ninth of the training set for validation."""
    (recordings, labels), (tests, test_labels) = train, test
    order = np.random.default_rng(7).permutation(len(labels))
    n = len(labels) // 9
    features, test_features = mel_bands(recordings), mel_bands(tests)
    mean, std = features[order[n:]].mean(axis=(0, 1)), features[order[n:]].std(axis=(0, 1))
    sets: dict[str, tuple[NDArray[Any], Ints]] = {
        "train": (features[order[n:]], labels[order[n:]].astype(np.int64)),
        "validation": (features[order[:n]], labels[order[:n]].astype(np.int64)),
        "test": (test_features, test_labels.astype(np.int64)),
    }
    scaled = {k: (((x - mean) / std).astype(np.float32), y) for k, (x, y) in sets.items()}
    return Task("spoken-digits", N_BANDS, 10, scaled)
