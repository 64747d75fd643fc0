"""Data of the tasks, and how samples become what the network is shown: shape (n, time, channel).

Multi-time-scale XOR is generated for each seed and has a label for every step. Spoken digits are recorded
spikes, counted in bins of time; images are shown one pixel a step.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from eventsim.models.training.batches import Streams
from eventsim.models.training.task import Scaled, Task
from eventsim.scenarios.scenario import Run
from eventsim.trace import Spikes

if TYPE_CHECKING:
    from eventsim.scenarios.temporal_hierarchy.settings import Settings

__all__ = ["Binned", "shifted", "task"]

N_CHANNELS = 700
DURATION = {"fsdd-spikes": 1000.0, "shd": 1400.0, "ssc": 1400.0, "sweeps": 700.0}  # ms
CLASSES = {"fsdd-spikes": 10, "shd": 20, "ssc": 35, "sweeps": 10}
HELD_OUT = {"fsdd-spikes": 1 / 9, "shd": 0.2}  # of the training set, for validation
SWEEPS = {"train": 2400, "validation": 300, "test": 300}  # samples of the generated set
SHIFT_STD = 3.0  # channels, of the shift of a batch


@dataclass(frozen=True, slots=True)
class Binned:
    """An encoding: spikes counted by step and input.

    A spike at t is in bin 1 + floor(t (steps - 1) / duration): bin 0 stays empty, as in the authors' code.
    Spikes from `duration` on are left out.

    Attributes
    ----------
    steps : bins of time.
    duration : ms, of a sample.
    group : neighbouring channels that are one input.
    dtype : of the counts.
    n_channels : of the recordings.
    """

    steps: int
    duration: float
    group: int
    dtype: str
    n_channels: int = N_CHANNELS

    @property
    def n_inputs(self) -> int:
        """Inputs of the network."""
        return -(-self.n_channels // self.group)

    def places(self, samples: NDArray[Any]) -> NDArray[Any]:
        """Return recordings, shape (n,), as places of their spikes among (steps, inputs).

        Raises
        ------
        ValueError
            If a recording has a channel that the network has no input for.
        """
        found = np.empty(len(samples), object)
        for k, each in enumerate(samples):
            units = each.units
            if len(units) and not 0 <= units.min() <= units.max() < self.n_channels:
                raise ValueError(
                    f"channels must be from 0 to {self.n_channels - 1}, got {units.min()} to {units.max()}"
                )
            kept = (each.times >= 0) & (each.times < self.duration)
            step = 1 + np.floor(each.times[kept] * ((self.steps - 1) / self.duration)).astype(np.int64)
            np.minimum(step, self.steps - 1, out=step)  # where the product is rounded up to the end
            found[k] = (step * self.n_inputs + units[kept] // self.group).astype(np.int32)
        return found

    def __call__(self, places: NDArray[Any]) -> NDArray[Any]:
        """Return counts, shape (n, steps, inputs), of recordings as `places` returns them."""
        # Time comes first in memory, which is what layers read.
        counts = np.empty((self.steps, len(places), self.n_inputs), self.dtype)
        for k, each in enumerate(places):
            found = np.bincount(each, minlength=self.steps * self.n_inputs)
            counts[:, k] = found.reshape(self.steps, self.n_inputs)
        return counts.swapaxes(0, 1)


def task(settings: "Settings", run: Run, rng: Streams) -> Task:
    """Return the task of a run; generated digits where recordings are missing and no folder was named.

    Parameters
    ----------
    settings : Settings
    run : Run
    rng : callable
        Streams of random numbers of the network's seed, for data that are generated.
    """
    name: str = run.state["dataset"] if run.state and "dataset" in run.state else settings.dataset
    if name == "mts-xor":
        return _mts_xor(settings, rng)
    if name == "smnist":
        return _pixels(run)
    try:
        return _recordings(settings, run, name)
    except FileNotFoundError as missing:
        run.use_replacement_data("synthetic sweeps of spikes", missing)
        return _recordings(settings, run, "sweeps")


def shifted(x: NDArray[Any], rng: Generator, mean: int) -> NDArray[Any]:
    """Return a batch whose samples are moved up or down by the same number of channels.

    The number is max(0, int(3 N(0, 1) + mean)); what comes in at an end is zero.
    """
    by = max(0, int(SHIFT_STD * rng.normal() + mean))
    up = rng.random(x.shape[1]) < 0.5
    if by == 0:
        return x
    moved = np.zeros_like(x)
    if by < x.shape[2]:
        moved[:, up, by:] = x[:, up, :-by]
        moved[:, ~up, :-by] = x[:, ~up, by:]
    return moved


def _mts_xor(settings: "Settings", rng: Streams) -> Task:
    from eventsim.io import datasets

    sets = {}
    for split in ("train", "validation", "test"):
        n = settings.train_samples if split == "train" else settings.test_samples
        samples = datasets.mts_xor(n, rng("mts-xor", split), settings.noise)
        sets[split] = samples.spikes, samples.labels
    return Task("mts-xor", sets["train"][0].shape[2], 2, sets)


def _pixels(run: Run) -> Task:
    """Return MNIST, one pixel after the other, a sixth of its training images for validation."""
    from eventsim.io import datasets

    images, labels = datasets.mnist("train", run.data)
    test, test_labels = datasets.mnist("test", run.data)
    n = len(images) * 5 // 6
    sets = {
        "train": (images[:n], labels[:n]),
        "validation": (images[n:], labels[n:]),
        "test": (test, test_labels),
    }
    rows: dict[str, tuple[NDArray[Any], NDArray[np.int64]]] = {
        split: (values.reshape(len(values), -1, 1), labels.astype(np.int64))
        for split, (values, labels) in sets.items()
    }
    return Task("smnist", 1, 10, rows, Scaled(255.0))


def _recordings(settings: "Settings", run: Run, name: str) -> Task:
    encode = Binned(settings.steps, DURATION[name], settings.group, settings.precision)
    read = _generated() if name == "sweeps" else _read(name, run)
    sets = {split: (encode.places(recordings), labels) for split, (recordings, labels) in read.items()}
    return Task(name, encode.n_inputs, CLASSES[name], sets, encode)


def _read(name: str, run: Run) -> dict[str, tuple[NDArray[Any], NDArray[np.int64]]]:
    from eventsim.io import datasets

    if name == "ssc":  # has a validation set of its own
        splits = {split: datasets.ssc(split, run.data) for split in ("train", "validation", "test")}
        return {split: (_array(samples), labels) for split, (samples, labels) in splits.items()}
    read: Callable[..., Any] = {"fsdd-spikes": datasets.fsdd_spikes, "shd": datasets.shd}[name]
    (samples, labels), (test, test_labels) = (read(split, run.data) for split in ("train", "test"))
    order = np.random.default_rng(7).permutation(len(labels))  # the same for all seeds
    n = int(len(labels) * HELD_OUT[name])
    recordings = _array(samples)
    return {
        "train": (recordings[order[n:]], labels[order[n:]]),
        "validation": (recordings[order[:n]], labels[order[:n]]),
        "test": (_array(test), test_labels),
    }


def _generated() -> dict[str, tuple[NDArray[Any], NDArray[np.int64]]]:
    from eventsim.scenarios.spoken_digits.data import sweeps

    return {split: sweeps(n, k) for k, (split, n) in enumerate(SWEEPS.items())}


def _array(recordings: list[Spikes]) -> NDArray[Any]:
    found = np.empty(len(recordings), object)
    found[:] = recordings
    return found
