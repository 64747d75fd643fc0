"""Spoken digits as spikes of a cochlea's channels: recordings, synthetic ones, augmentation.

The recordings are FSDD spikes (10 digits) or, where its files are there, the Heidelberg digits (SHD, 20
classes); both have 700 channels. Without either, `sweeps` makes spikes that look a little like speech.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from eventsim.models.training.task import Task
from eventsim.scenarios.scenario import Run
from eventsim.trace import Ints, Spikes

N_CHANNELS = 700
DURATION = {"fsdd-spikes": 1000.0, "shd": 1400.0, "sweeps": 700.0}  # ms; spikes after it are left out
SIZES = {"train": 2400, "validation": 300, "test": 300}  # of the synthetic set
Recordings = NDArray[Any]  # (n,) of Spikes


@dataclass(frozen=True, slots=True)
class Variation:
    """How training samples are varied, each differently in every epoch.

    Attributes
    ----------
    shift : channels, all spikes of a sample are moved by at most so many.
    jitter : ms, standard deviation of each spike's time.
    stretch : time is stretched by a factor e^x, x uniform between -stretch and stretch.
    drop : of the spikes of a sample, a fraction uniform between 0 and this is left out.
    """

    shift: int = 0
    jitter: float = 0.0
    stretch: float = 0.0
    drop: float = 0.0

    def __call__(self, sample: Spikes, rng: Generator) -> Spikes:
        """Return a varied sample; times are not sorted any more."""
        times, units = sample.times, sample.units
        if self.drop:
            kept = rng.random(len(times)) >= self.drop * rng.random()
            times, units = times[kept], units[kept]
        if self.shift:
            units = units + rng.integers(-self.shift, self.shift + 1)
            kept = (units >= 0) & (units < N_CHANNELS)
            times, units = times[kept], units[kept]
        if self.stretch:
            times = times * np.exp(rng.uniform(-self.stretch, self.stretch))
        if self.jitter:
            times = np.abs(times + rng.normal(0.0, self.jitter, len(times)))
        return Spikes(times, units)


def task(run: Run, dataset: str) -> Task:
    """Return training, validation and test set.

    The test set is the published one. Of the training set a ninth is kept for validation, drawn once for all
    seeds.

    Raises
    ------
    FileNotFoundError
        If `dataset` is not there.
    """
    from eventsim.io import datasets

    if dataset == "sweeps":
        sets = {split: sweeps(n, k) for k, (split, n) in enumerate(SIZES.items())}
        return Task(dataset, N_CHANNELS, 10, sets)
    read = {"fsdd-spikes": datasets.fsdd_spikes, "shd": datasets.shd}[dataset]
    (samples, labels), (test, test_labels) = (read(split, run.data) for split in ("train", "test"))
    order = np.random.default_rng(7).permutation(len(labels))
    n = len(labels) // 9
    recordings = _array(samples)
    sets = {
        "train": (recordings[order[n:]], labels[order[n:]]),
        "validation": (recordings[order[:n]], labels[order[:n]]),
        "test": (_array(test), test_labels),
    }
    return Task(dataset, N_CHANNELS, 20 if dataset == "shd" else 10, sets)


def sweeps(n: int, seed: int) -> tuple[Recordings, Ints]:
    """Return n synthetic spoken digits, and their labels 0 to 9.

    Each class is three bands of spikes that sweep from one channel to another and back to a third, like
    formants, each within its own stretch of time, and an onset that all channels of a range share. Samples
    differ by speed (20 %), pitch (25 channels), jitter (10 ms), background (2 spikes a second and channel);
    there are about 1400 spikes each.
    """
    shapes = np.random.default_rng(0)  # the classes are the same for all seeds
    bands = shapes.uniform(60, 640, (10, 3, 3))
    begins, lasts = shapes.uniform(0, 180, (10, 3)), shapes.uniform(120, 320, (10, 3))
    onsets, ranges = shapes.uniform(0, 300, 10), shapes.uniform(60, 500, 10)
    rng = np.random.default_rng([1, seed])
    labels = rng.integers(0, 10, n)
    recordings = []
    for label in labels:
        speed, pitch = np.exp(rng.normal(0, 0.2)), rng.normal(0, 25)
        times, channels = [], []
        for band, begin, last in zip(bands[label], begins[label], lasts[label], strict=True):
            x = rng.random(rng.poisson(300))
            times.append(begin + last * x)
            channels.append(np.interp(x, (0.0, 0.5, 1.0), band) + rng.normal(0, 12, len(x)))
        k = rng.poisson(80)
        times.append(np.full(k, onsets[label]) + rng.exponential(10, k))
        channels.append(ranges[label] + rng.uniform(0, 140, k))
        k = rng.poisson(0.002 * N_CHANNELS * 300)
        times.append(rng.uniform(0, 500, k))
        channels.append(rng.uniform(0, N_CHANNELS, k) - pitch)
        t = np.abs(np.concatenate(times) * speed + rng.normal(0, 10, sum(map(len, times))))
        u = np.floor(np.concatenate(channels) + pitch).astype(np.int64)
        kept = (u >= 0) & (u < N_CHANNELS)
        order = np.argsort(t[kept], kind="stable")
        recordings.append(Spikes(t[kept][order], u[kept][order]))
    return _array(recordings), labels


def spikes(recordings: Recordings, group: int, latest: float) -> list[Spikes]:
    """Return what the network is shown: spikes before `latest`, `group` channels as one input."""
    return [
        Spikes(each.times[each.times < latest], each.units[each.times < latest] // group)
        for each in recordings
    ]


def _array(recordings: list[Spikes]) -> Recordings:
    found = np.empty(len(recordings), object)
    found[:] = recordings
    return found
