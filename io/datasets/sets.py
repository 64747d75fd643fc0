"""Data sets as arrays: `(samples, labels)` each, generated or read from a folder of published files.

The folder is given by `data=` or by the environment variable ``EVENTSIM_DATA``; every file read is
checked against the sum of the published one. Nothing is downloaded.
"""

import csv
import gzip
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim.errors import FileFormatError
from eventsim.io.datasets.files import find
from eventsim.trace import Floats, Ints, Spikes

Folder = str | os.PathLike[str] | None

YIN_YANG = {"train": (5000, 42), "validation": (1000, 41), "test": (1000, 40)}
"""Size and seed of the published splits of the Yin-Yang set."""


def yin_yang(
    size: int = 5000, seed: int = 42, r_small: float = 0.1, r_big: float = 0.5
) -> tuple[Floats, Ints]:
    """Generate the Yin-Yang set, bit for bit as published for a seed.

    Parameters
    ----------
    size : int
        Number of samples; fewer samples of a seed are the first of more.
    seed : int
        From 0 to 2**32 - 1; the published splits are in `YIN_YANG`.
    r_small, r_big : float
        Radii of the dots and of the disc.

    Returns
    -------
    samples : ndarray, shape (size, 4)
        x, y, 1 - x, 1 - y.
    labels : ndarray, shape (size,)
        0 yin, 1 yang, 2 dot.

    Raises
    ------
    ValueError
        If size or seed are out of range, or the dots would not fit their half of the disc.

    Notes
    -----
    Kriener, Göltz, Petrovici (2022), The Yin-Yang dataset.

    >>> samples, labels = yin_yang(size=2)
    >>> samples[0].tolist(), labels.tolist()
    ([0.6803075385877797, 0.450499251969543, 0.3196924614122203, 0.549500748030457], [2, 1])
    """
    from eventsim.io.datasets import _yin_yang

    if size < 0:
        raise ValueError(f"size must be 0 or more, got {size}")
    if not 0 <= seed < 2**32:
        raise ValueError(f"seed must be from 0 to 2**32 - 1, got {seed}")
    if not 0 < r_small <= r_big / 2 < np.inf:
        raise ValueError(f"radii must obey 0 < r_small <= r_big / 2, got r_small={r_small}, r_big={r_big}")
    samples, labels, _ = _yin_yang.generate(size, seed, r_small, r_big)
    return samples, labels


def mnist(split: str = "train", data: Folder = None, size: int = 28) -> tuple[NDArray[np.uint8], Ints]:
    """Read MNIST: images (n, size, size) uint8, 0 is background; labels (n,) 0..9.

    Parameters
    ----------
    split : {"train", "test"}
        60 000 or 10 000 images, in the published order. Papers that need a validation set mostly take
        the last 10 000 of the 60 000.
    size : {28, 16}
        28 as published; 16 is a 24 x 24 square from the centre, resized by `shrink` as in Göltz et al.
        (2021).

    Raises
    ------
    ValueError, FileNotFoundError, FileFormatError
    """
    images, labels = _idx_pair("mnist", split, data)
    if size == 16:
        from eventsim.io.datasets.resampling import shrink

        return shrink(images, crop=24, size=16), labels
    if size != 28:
        raise ValueError(f"MNIST comes in size 28 or 16, got {size}")
    return images, labels


def fashion_mnist(split: str = "train", data: Folder = None) -> tuple[NDArray[np.uint8], Ints]:
    """Read Fashion-MNIST: images (n, 28, 28) uint8, labels (n,) 0..9; splits as `mnist`."""
    return _idx_pair("fashion-mnist", split, data)


def mnist1d(split: str = "train", data: Folder = None, length: int = 40) -> tuple[Floats, Ints]:
    """Read the frozen default MNIST-1D set: sequences (4000 or 1000, length) float64, labels 0..9.

    Parameters
    ----------
    split : {"train", "test"}
    length : int
        40 as published; else the same sequences are drawn again from the templates, at so many points. They
        have 72 before the published ones are thinned out; more are straight lines between those.

    Raises
    ------
    ValueError, FileNotFoundError, FileFormatError

    Notes
    -----
    Greydanus, Kobak (2024), Scaling down deep learning with MNIST-1D.
    """
    suffix = {"train": "", "test": "_test"}[_known(split)]
    if length < 2:
        raise ValueError(f"a sequence has at least 2 points, got length={length}")
    with _arrays("mnist1d/mnist1d.npz", data) as file:
        if length == 40:
            return file[f"x{suffix}"], file[f"y{suffix}"]
        from eventsim.io.datasets import _mnist_1d

        sequences, labels = _mnist_1d.draw(file["template_x"], file["template_y"], length)
    part = slice(4000, None) if split == "test" else slice(4000)
    return sequences[part], labels[part]


def digits(split: str = "train") -> tuple[NDArray[np.uint8], Ints]:
    """Return scikit-learn's small digits: images (n, 8, 8) uint8 from 0 to 16, labels 0..9.

    The set has no published split; here every fifth image of each class is a test image.

    Raises
    ------
    ImportError
        If scikit-learn is not installed.
    """
    _known(split)
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise ImportError("the digits come with scikit-learn; pip install scikit-learn") from None
    bunch = load_digits()
    occurrences = bunch.target[:, None] == np.arange(10)
    test = occurrences.cumsum(axis=0)[occurrences] % 5 == 0
    chosen = test if split == "test" else ~test
    return bunch.images[chosen].astype(np.uint8), bunch.target[chosen].astype(np.int64)


def fsdd(
    split: str = "train", data: Folder = None, speaker: str | None = None
) -> tuple[list[NDArray[np.int16]], Ints]:
    """Read the Free Spoken Digit Dataset: recordings (8 kHz, int16, of differing length), digits.

    Parameters
    ----------
    split : {"train", "test"}
        The official split (2700 and 300), or with `speaker` all others' recordings and hers.
    speaker : str, optional
        Name of the speaker held out for testing.
    """
    _known(split)
    with _arrays("fsdd/fsdd.npz", data) as file:
        if speaker is None:
            test = file["index"] < 5
        else:
            names = [str(name) for name in file["speaker_names"]]
            if speaker not in names:
                raise ValueError(f"no speaker {speaker!r} in FSDD; speakers: {', '.join(names)}")
            test = file["speaker"] == names.index(speaker)
        chosen = np.flatnonzero(test if split == "test" else ~test)
        audio, offsets = file["audio"], file["offsets"]
        return [audio[offsets[k] : offsets[k + 1]] for k in chosen], file["labels"][chosen].astype(np.int64)


def fsdd_spikes(split: str = "train", data: Folder = None) -> tuple[list[Spikes], Ints]:
    """Read the spoken digits as spikes of 700 channels; times in ms. These are not SHD."""
    return read_recordings(find(f"fsdd/fsdd_spikes_{_known(split)}.h5", data))


def shd(split: str = "train", data: Folder = None) -> tuple[list[Spikes], Ints]:
    """Read the Spiking Heidelberg Digits from ``shd/shd_train.h5`` and ``shd/shd_test.h5``; times in ms.

    Cramer et al. (2020), The Heidelberg spiking data sets; 20 classes, 700 channels.
    """
    return read_recordings(find(f"shd/shd_{_known(split)}.h5", data))


def nmnist_small(split: str = "train", data: Folder = None) -> tuple[list[Spikes], Ints]:
    """Read 1000 (100) recordings of N-MNIST; times in ms, unit = x + 34 y + 1156 for ON events.

    Orchard et al. (2015), Converting static image datasets to spiking neuromorphic datasets.
    """
    _known(split)
    with _arrays("nmnist-small/nmnist_small.npz", data) as file:
        t, x, y, p, offsets, labels = (
            file[f"{split}_{name}"] for name in ("t_us", "x", "y", "p", "offsets", "labels")
        )
    units = x.astype(np.int64) + 34 * y.astype(np.int64) + 34 * 34 * p.astype(np.int64)
    times = t / 1000.0
    parts = [slice(offsets[k], offsets[k + 1]) for k in range(len(labels))]
    return [Spikes(times[part], units[part]) for part in parts], labels.astype(np.int64)


def braille(data: Folder = None) -> tuple[list[NDArray[np.uint8]], Ints]:
    """Read tactile Braille letters: 1350 recordings (76 or 77 steps, 12 taxels), labels 0 space, 1 A, ...

    255 is rest, lower is pressed; recordings come in the order of their labels. Müller-Cleve et al. (2022).
    """
    with _arrays("braille/braille_taxels.npz", data) as file:
        taxels, offsets, labels = file["taxels"], file["offsets"], file["labels"]
    return [taxels[offsets[k] : offsets[k + 1]] for k in range(len(labels))], labels.astype(np.int64)


def mackey_glass_parameters(data: Folder = None) -> dict[str, Floats]:
    """Read NeuroBench's Mackey-Glass table: ``tau``, ``lyapunov_time``, ``initial_condition``, each (14,)."""
    with find("mackey-glass/mackey_glass_parameters.csv", data).open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    return {key: np.array([float(row[key]) for row in rows]) for key in rows[0]}


def read_recordings(path: str | os.PathLike[str]) -> tuple[list[Spikes], Ints]:
    """Read a file in the layout of the Heidelberg digits (SHD, SSC): times in ms, labels.

    Times are stored as float16 seconds there: near 1 s their step is 0.5 to 1 ms.

    Raises
    ------
    FileFormatError
        If it is not such a file.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            times, units = file["spikes/times"][...], file["spikes/units"][...]
            labels = file["labels"][...].astype(np.int64)
    except (OSError, KeyError) as error:
        raise FileFormatError(f"{path} does not hold recordings in the layout of SHD: {error}") from None
    return [
        Spikes(seconds.astype(np.float64) * 1000.0, channels.astype(np.int64))
        for seconds, channels in zip(times, units, strict=True)
    ], labels


def _known(split: str) -> str:
    if split not in ("train", "test"):
        raise ValueError(f"split must be 'train' or 'test', got {split!r}")
    return split


def _arrays(name: str, data: Folder) -> Any:
    return np.load(find(name, data), allow_pickle=False)


def _idx_pair(folder: str, split: str, data: Folder) -> tuple[NDArray[np.uint8], Ints]:
    prefix = {"train": "train", "test": "t10k"}[_known(split)]
    images = _idx(find(f"{folder}/{prefix}-images-idx3-ubyte.gz", data))
    labels = _idx(find(f"{folder}/{prefix}-labels-idx1-ubyte.gz", data))
    return images, labels.astype(np.int64)


def _idx(path: Path) -> NDArray[np.uint8]:
    """Read an array of bytes: magic 0, 0, 8, number of axes; lengths as big-endian int32; the bytes."""
    content = gzip.decompress(path.read_bytes())
    n_axes = content[3]
    shape = np.frombuffer(content, ">i4", n_axes, 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * n_axes).reshape(shape).copy()
