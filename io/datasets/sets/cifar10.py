"""CIFAR-10 in the form "python version": batches of images, each a pickled dictionary.

Either the published archive is read, or its unpacked folder ``cifar-10-batches-py``. Files are checked
before anything in them is read: the archive against its SHA-256, a batch against the MD5 that is known for
it. A pickle can hold any program, so nothing but arrays, texts and lists is built of one.
"""

import hashlib
import io
import pickle
import pickletools
import tarfile
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim.errors import FileFormatError
from eventsim.hints import hinting
from eventsim.io.datasets.files import Folder, PublishedSet, check_split
from eventsim.trace import Ints

Bytes = NDArray[np.uint8]

ARCHIVE = "cifar-10-python.tar.gz"
CIFAR10 = PublishedSet(
    "cifar-10-batches-py",
    "www.cs.toronto.edu/~kriz/cifar.html",
    {ARCHIVE: "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"},
    other_folders=("cifar-10", "cifar-10/cifar-10-batches-py", "cifar10", "cifar10/cifar-10-batches-py"),
)
BATCHES = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
}
"""MD5 of each batch."""

SHAPE = 3, 32, 32


@hinting
def cifar10(split: str = "train", data: Folder = None) -> tuple[Bytes, Ints]:
    """Read CIFAR-10: colour images of ten kinds of animals and vehicles.

    Parameters
    ----------
    split : {"train", "test"}
        50 000 or 10 000 images, in the published order.
    data : path, optional
        The folder of the data sets, or the one with the archive or its batches.

    Returns
    -------
    images : ndarray, shape (n, 3, 32, 32), uint8
        Red, green and blue; rows from the top.
    labels : ndarray, shape (n,)
        0 to 9.

    Raises
    ------
    ValueError
        If `split` is none of these.
    FileNotFoundError, FileFormatError
        If a file is missing, or is not as published.

    Notes
    -----
    Krizhevsky (2009), Learning multiple layers of features from tiny images.
    """
    check_split(split)
    files = [name for name in BATCHES if name.startswith("data" if split == "train" else "test")]
    found = [_arrays(name, content) for name, content in _contents(files, data)]
    return np.concatenate([images for images, _ in found]), np.concatenate([labels for _, labels in found])


def search(data: Folder = None) -> None:
    """Look for the archive or its batches, which are not read; raises FileNotFoundError."""
    if not _unpacked(list(BATCHES), data):
        CIFAR10.search(ARCHIVE, data)


def _unpacked(files: list[str], data: Folder) -> bool:
    """Return whether all files lie unpacked in one of the folders."""
    try:
        for name in files:
            CIFAR10.search(name, data)
    except FileNotFoundError:
        return False
    return True


def _contents(files: list[str], data: Folder) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each file, checked, from the folder or else from the archive."""
    if _unpacked(files, data):
        for name in files:
            path = CIFAR10.search(name, data)
            content = path.read_bytes()
            actual = hashlib.md5(content, usedforsecurity=False).hexdigest()
            if actual != BATCHES[name]:
                raise FileFormatError(
                    f"{path} is damaged or another version: its md5 is {actual[:12]}..., the published one "
                    f"{BATCHES[name][:12]}...; get the file again from {CIFAR10.origin}"
                )
            yield name, content
        return
    path = CIFAR10.path(ARCHIVE, data)
    with tarfile.open(path) as archive:
        for name in files:
            member = archive.extractfile(f"{CIFAR10.folder}/{name}")
            assert member is not None, "a file of the published archive, whose sum is right"
            yield name, member.read()


class _Reader(pickle.Unpickler):
    """Builds arrays, dictionaries, lists, texts and numbers, and refuses all else."""

    def find_class(self, module: str, name: str) -> Any:
        """Return what an array is made with."""
        if (module, name) == ("numpy", "ndarray"):
            return None  # called, it would reserve an array of any size
        if (module, name) == ("numpy", "dtype"):
            return np.dtype
        if name == "_reconstruct" and module in ("numpy.core.multiarray", "numpy._core.multiarray"):
            return _empty
        if (module, name) == ("_codecs", "encode"):
            return _encoded
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")


def _check_sizes(content: bytes) -> None:
    """Refuse a pickle that makes room for more than it holds: texts beyond its end, places far apart."""
    for n, (operation, argument, _) in enumerate(pickletools.genops(content)):
        if operation.name in ("PUT", "LONG_BINPUT") and not 0 <= int(argument or 0) <= n:
            raise pickle.UnpicklingError(f"it keeps value {n} at the place {argument}")


def _empty(kind: Any, shape: Any, code: Any) -> NDArray[Any]:
    """Return the array without elements that a pickle fills with its own."""
    if shape != (0,):
        raise pickle.UnpicklingError("it makes an array before it has the elements")
    return np.zeros(0, np.uint8)


def _encoded(text: str, encoding: str) -> bytes:
    """Return bytes that a pickle of an old protocol holds as text."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"it has text in {encoding}")
    return text.encode("latin1")


def _arrays(name: str, content: bytes) -> tuple[Bytes, Ints]:
    """Return images and labels of a batch."""
    try:
        _check_sizes(content)
        batch = _Reader(io.BytesIO(content), encoding="bytes").load()
        images = np.asarray(batch[b"data"], np.uint8).reshape(-1, *SHAPE)
        labels = np.asarray(batch[b"labels"], np.int64)
    except Exception as error:  # a damaged pickle raises whatever the arrays raise that it makes
        line = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise FileFormatError(f"{name} of CIFAR-10 is damaged, or holds no images: {line}") from None
    if labels.shape != (len(images),):
        raise FileFormatError(f"{name} of CIFAR-10 has {len(images)} images, but {labels.size} labels")
    return images, labels
