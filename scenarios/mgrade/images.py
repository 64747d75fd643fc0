"""Images shown one pixel a step, in rows or in one fixed random order; spoken digits as mel bands."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eventsim.errors import ConfigError
from eventsim.models.training.losses.sequences import SequenceCrossEntropy
from eventsim.models.training.task import Task
from eventsim.scenarios.mgrade.problem import Problem
from eventsim.scenarios.scenario import Run

if TYPE_CHECKING:
    from eventsim.scenarios.mgrade.settings import Settings

__all__ = ["Pixels", "problem"]

PERMUTATION = 92916  # seed of the one order of pixels
Sets = dict[str, tuple[NDArray[Any], NDArray[np.int64]]]


@dataclass(frozen=True, slots=True)
class Pixels:
    """An encoding: images (n, pixels) as sequences (n, pixels, 1).

    Attributes
    ----------
    mean, spread : of all pixels of the training set; pixels are shown in multiples of the spread.
    order : pixel that is shown at each step.
    """

    mean: float
    spread: float
    order: NDArray[np.int64]

    def __call__(self, samples: NDArray[Any]) -> NDArray[Any]:
        """Return the sequences."""
        shown: NDArray[Any] = (samples[:, self.order, None] - np.float32(self.mean)) / np.float32(self.spread)
        return shown


def problem(settings: "Settings", run: Run) -> Problem:
    """Return images or spoken digits; the digits where files are missing and no folder was named."""
    name: str = run.state["dataset"] if run.state and "dataset" in run.state else settings.task
    loss = SequenceCrossEntropy(settings.pooling)
    try:
        if name == "smnist":
            return Problem(_pixels("smnist", _mnist(run), settings), loss)
        if name == "fsdd":
            return Problem(_spoken(settings, run), loss)
    except FileNotFoundError as missing:
        run.use_replacement_data("digits of 8 x 8 pixels", missing)
    return Problem(_pixels("digits", _digits(), settings), loss)


def _digits() -> Sets:
    from eventsim.io import datasets

    return {split: datasets.digits(split) for split in ("train", "test")}


def _mnist(run: Run) -> Sets:
    from eventsim.io import datasets

    return {split: datasets.mnist(split, run.data) for split in ("train", "test")}


def _pixels(name: str, sets: Sets, settings: "Settings") -> Task:
    flat = {split: (x.reshape(len(x), -1), y.astype(np.int64)) for split, (x, y) in sets.items()}
    order = np.arange(flat["train"][0].shape[1])
    if settings.permuted:
        order = np.random.default_rng(PERMUTATION).permutation(len(order))
    split = with_validation(flat, settings)
    shown = split["train"][0]
    encoding = Pixels(float(shown.mean()), float(shown.std()), order)
    return Task(f"permuted-{name}" if settings.permuted else name, 1, 10, split, encoding)


def with_validation(sets: Sets, settings: "Settings") -> Sets:
    """Return the sets with the last training samples held out, and the rest cut to `train_samples`.

    Raises
    ------
    ConfigError
        If no training samples are left.
    """
    x, y = sets["train"]
    last = len(y) - settings.held_out
    if last < 1:
        raise ConfigError(f"held_out must leave some of {len(y)} training samples, got {settings.held_out}")
    first = min(settings.train_samples or last, last)
    split = {"train": (x[:first], y[:first]), "test": sets["test"]}
    if settings.held_out:
        split["validation"] = (x[last:], y[last:])
    return split


def _spoken(settings: "Settings", run: Run) -> Task:
    from eventsim.io import datasets
    from eventsim.scenarios.generalized_latent_equilibrium.data import spoken

    task = spoken(datasets.fsdd("train", run.data), datasets.fsdd("test", run.data))
    sets = {split: (task.samples(split), task.labels(split)) for split in ("train", "test")}
    return Task("fsdd", task.n_inputs, task.n_classes, with_validation(sets, settings))
