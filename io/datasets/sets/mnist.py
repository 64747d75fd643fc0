"""MNIST and Fashion-MNIST, in each of the layouts in which they are usually stored.

The published files end with ``-ubyte.gz``. The same files without compression, with a dot in their name
(``train-images.idx3-ubyte``), in torchvision's folders (``MNIST/raw``), any of these in a zip archive, and
Keras' ``mnist.npz`` are read as well. The check sums are those of the uncompressed content, which is the same
in all of them.
"""

import gzip
import hashlib
import io
import math
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eventsim.errors import FileFormatError
from eventsim.hints import hinting
from eventsim.io.datasets.files import Folder, PublishedSet, check_split
from eventsim.io.datasets.zipped import read_member, zipped_files
from eventsim.io.numpy_files import read_npz
from eventsim.trace import Ints

Bytes = NDArray[np.uint8]
MOST_AXES = 4
MOST_BYTES = 16 + 60_000 * 28 * 28
"""Of a file, uncompressed: the images to train on are the largest."""

MNIST = PublishedSet(
    "mnist",
    "yann.lecun.com/exdb/mnist",
    {
        "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    },
    other_folders=("mnist/raw", "raw", "MNIST", "MNIST/raw"),
)
FASHION_MNIST = PublishedSet(
    "fashion-mnist",
    "github.com/zalandoresearch/fashion-mnist",
    {
        "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    },
    other_folders=("fashion-mnist/raw", "raw", "FashionMNIST", "FashionMNIST/raw", "fashion_mnist"),
)


@hinting
def mnist(split: str = "train", data: Folder = None, size: int = 28) -> tuple[Bytes, Ints]:
    """Read MNIST.

    Parameters
    ----------
    split : {"train", "test"}
        60 000 or 10 000 images, in the published order. Papers that need a validation set mostly take
        the last 10 000 of the 60 000.
    size : {28, 16}
        28 as published; 16 cuts a 24 x 24 square from the centre and shrinks it as Göltz et al. (2021).

    Returns
    -------
    images : ndarray, shape (n, size, size), uint8
        0 is background.
    labels : ndarray, shape (n,)
        0 to 9.

    Raises
    ------
    ValueError
        If `split` or `size` is none of these.
    FileNotFoundError, FileFormatError
        If a file is missing, or is not as published.
    """
    if size not in (28, 16):
        raise ValueError(f"MNIST comes in size 28 or 16, got {size}")
    images, labels = _pair(MNIST, split, data)
    if size == 16:
        from eventsim.io.datasets.resampling import shrink

        return shrink(images, crop=24, size=16), labels
    return images, labels


@hinting
def fashion_mnist(split: str = "train", data: Folder = None) -> tuple[Bytes, Ints]:
    """Read Fashion-MNIST: images (n, 28, 28) uint8, labels (n,) 0 to 9; otherwise as `mnist`."""
    return _pair(FASHION_MNIST, split, data)


def _pair(published: PublishedSet, split: str, data: Folder) -> tuple[Bytes, Ints]:
    prefix = {"train": "train", "test": "t10k"}[check_split(split)]
    images = _array(published, f"{prefix}-images-idx3-ubyte", data)
    return images, _array(published, f"{prefix}-labels-idx1-ubyte", data).astype(np.int64)


def search(published: PublishedSet, file: str, data: Folder) -> Path:
    """Return the path of one of the files, in whichever layout it is.

    Raises
    ------
    FileNotFoundError
    """
    first, *others = _spellings(file)
    try:
        return published.search(first, data, others)
    except FileNotFoundError:
        with suppress(FileNotFoundError):
            return published.search(f"{published.folder}.npz", data)
        for path, _ in zipped_files(published, _spellings(file), data):
            return path
        raise


def _spellings(file: str) -> tuple[str, ...]:
    dotted = file.replace("-idx", ".idx")
    return f"{file}.gz", file, dotted, f"{dotted}.gz"


def _array(published: PublishedSet, file: str, data: Folder) -> Bytes:
    path = search(published, file, data)
    if path.suffix == ".npz":
        return _keras_array(published, path, file)
    if path.suffix == ".zip":
        path, content = _from_zip(published, file, data)
    else:
        content = _unpacked(path, path.read_bytes())
    _check(published, path, file, content)
    n_axes = content[3] if len(content) > 3 else 0  # magic: 0, 0, 8 for bytes, number of axes
    place = 4 + 4 * n_axes  # behind the lengths, as big-endian int32
    shape = np.frombuffer(content[4:place], ">i4").tolist() if len(content) >= place else []
    if (
        content[:3] != b"\0\0\x08"
        or n_axes > MOST_AXES
        or min(shape, default=-1) < 0
        or math.prod(shape) != len(content) - place
    ):
        raise FileFormatError(f"{path} is no IDX file of bytes: {len(content)} bytes, of shape {shape[:8]}")
    return np.frombuffer(content, np.uint8, offset=place).reshape(shape).copy()


def _from_zip(published: PublishedSet, file: str, data: Folder) -> tuple[Path, bytes]:
    """Return the archive and the content of a file; of several that are called so, the published one."""
    first: tuple[Path, bytes] | None = None
    for path, member in zipped_files(published, _spellings(file), data):
        content = _unpacked(path, read_member(path, member, MOST_BYTES))
        if hashlib.sha256(content).hexdigest() == published.sha256[file]:
            return path, content
        first = first or (path, content)
    assert first is not None  # `search` has found one
    return first


def _unpacked(path: Path, packed: bytes) -> bytes:
    if not packed.startswith(b"\x1f\x8b"):
        return packed
    try:
        with gzip.open(io.BytesIO(packed)) as stream:
            content = stream.read(MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise FileFormatError(f"{path} is damaged: {error}") from None
    if len(content) > MOST_BYTES:
        raise FileFormatError(f"{path} is damaged: it expands to more than {MOST_BYTES} bytes")
    return content


def _keras_array(published: PublishedSet, path: Path, file: str) -> Bytes:
    name = ("x_" if "images" in file else "y_") + ("train" if file.startswith("train") else "test")
    found = read_npz(path, (name,)).get(name)
    if found is None or found.dtype.kind not in "biuf" or not 1 <= found.ndim <= 3:
        raise FileFormatError(f"{path} is damaged, or holds no numbers {name}")
    with np.errstate(invalid="ignore"):  # what does not fit a byte changes the sum
        array = np.ascontiguousarray(found, np.uint8)
    header = bytes((0, 0, 8, array.ndim)) + np.array(array.shape, ">i4").tobytes()
    _check(published, path, file, header + array.tobytes())
    return array


def _check(published: PublishedSet, path: Path, file: str, content: bytes) -> None:
    actual, expected = hashlib.sha256(content).hexdigest(), published.sha256[file]
    if actual != expected:
        published.refuse(path, actual, expected)
