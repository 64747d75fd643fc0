"""Streams of tasks from one set of images: pairs of classes, fixed permutations of pixels, rotations.

    split     task k: is it class 2k + 1, and not 2k?          two outputs, shared by all tasks
    permuted  task k: all classes, pixels in an order of its own, that of task 0 as published
    rotated   task k: all classes, turned by k / T of half a turn
    repeated  task k: all classes, as published

Rows of pixels are float32: from 0 to 1, or standardised by mean and spread of all training pixels.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eventsim.models.training.batches import Streams
from eventsim.models.training.task import Task

if TYPE_CHECKING:
    from eventsim.scenarios.noracl.settings import Settings
    from eventsim.scenarios.scenario import Run

__all__ = ["ImageStream", "tasks"]

Rows = NDArray[np.float32]  # (n, pixels)
Ints = NDArray[np.int64]
WHITE = {"digits": 16.0, "mnist": 255.0, "fashion-mnist": 255.0}
HALF_TURN = 180.0  # degrees over which rotations are spread


@dataclass(kw_only=True)
class ImageStream:
    """A stream of tasks; a task is made when it is asked for.

    Attributes
    ----------
    name : of the data set.
    kind : "split", "permuted", "rotated" or "repeated".
    n_tasks : tasks of the stream.
    sets : rows of pixels, from 0 to 1, and classes by split.
    mean, spread : of pixels; subtracted and divided by, last of all.
    rng : the stream of random numbers for a purpose.
    """

    name: str
    kind: str
    n_tasks: int
    sets: dict[str, tuple[Rows, Ints]]
    rng: Streams
    mean: float = 0.0
    spread: float = 1.0

    def __len__(self) -> int:
        return self.n_tasks

    @property
    def n_inputs(self) -> int:
        """Pixels of an image."""
        return int(self.sets["train"][0].shape[1])

    @property
    def n_classes(self) -> int:
        """Outputs of the head that all tasks share."""
        return 2 if self.kind == "split" else 10

    def __getitem__(self, number: int) -> Task:
        """Return a task, counted from 0."""
        if not 0 <= number < self.n_tasks:
            raise IndexError(f"the stream has tasks 0 to {self.n_tasks - 1}, got {number}")
        sets = {split: self._set(split, number) for split in self.sets}
        return Task(self.name, self.n_inputs, self.n_classes, sets)

    def _set(self, split: str, number: int) -> tuple[Any, Ints]:
        rows, labels = self.sets[split]
        if self.kind == "split":
            chosen = labels // 2 == number
            rows, labels = rows[chosen], labels[chosen] % 2
        elif self.kind == "permuted" and number:
            rows = rows[:, self.rng("permutation", number).permutation(self.n_inputs)]
        elif self.kind == "rotated" and number:
            rows = rows @ rotation(int(np.sqrt(self.n_inputs)), HALF_TURN * number / self.n_tasks)
        if (self.mean, self.spread) != (0.0, 1.0):
            rows = (rows - np.float32(self.mean)) / np.float32(self.spread)
        return rows[:, None, :], labels


def rotation(side: int, degrees: float) -> Rows:
    """Return the linear map (side^2, side^2) that turns square images, as rows of pixels, anticlockwise.

    Values between pixels are bilinear; what comes from outside the image is 0.
    """
    centre, angle = (side - 1) / 2, np.deg2rad(degrees)
    y, x = np.mgrid[:side, :side] - centre
    # Where the value of each new pixel comes from.
    from_y = np.cos(angle) * y + np.sin(angle) * x + centre
    from_x = np.cos(angle) * x - np.sin(angle) * y + centre
    low_y, low_x = np.floor(from_y).astype(int), np.floor(from_x).astype(int)
    turned = np.zeros((side * side, side * side))
    new = np.arange(side * side)
    for dy in (0, 1):
        for dx in (0, 1):
            row, column = low_y + dy, low_x + dx
            weight = (1 - abs(from_y - row)) * (1 - abs(from_x - column))
            inside = ((row >= 0) & (row < side) & (column >= 0) & (column < side)).ravel()
            old = (row * side + column).ravel()
            np.add.at(turned, (old[inside], new[inside]), weight.ravel()[inside])
    return turned.astype(np.float32)


def tasks(settings: "Settings", run: "Run", rng: Streams) -> ImageStream:
    """Return the stream of a run; digits where MNIST is missing and no folder was named."""
    name: str = run.state["dataset"] if run.state and "dataset" in run.state else settings.dataset
    if name != "digits":
        try:
            images = {split: _read(name, split, run) for split in ("train", "test")}
        except FileNotFoundError as missing:
            run.use_replacement_data("digits of 8 x 8 pixels", missing)
            name = "digits"
    if name == "digits":
        images = {split: _read(name, split, run) for split in ("train", "test")}
    sets = {}
    for split, (pixels, labels) in images.items():
        n = (settings.train_samples if split == "train" else settings.test_samples) or len(labels)
        rows = pixels[:n].reshape(min(n, len(pixels)), -1).astype(np.float32)
        sets[split] = rows / np.float32(WHITE[name]), labels[:n].astype(np.int64)
    mean, spread = 0.0, 1.0
    if settings.inputs == "standardised":
        whole = images["train"][0] / WHITE[name]
        mean, spread = float(whole.mean()), float(whole.std())
    most = 5 if settings.stream == "split" else 10
    n_tasks = settings.tasks or most
    return ImageStream(
        name=name, kind=settings.stream, n_tasks=n_tasks, sets=sets, rng=rng, mean=mean, spread=spread
    )


def _read(name: str, split: str, run: "Run") -> tuple[NDArray[Any], Ints]:
    from eventsim.io import datasets

    if name == "digits":
        return datasets.digits(split)
    read = datasets.mnist if name == "mnist" else datasets.fashion_mnist
    return read(split, run.data)
