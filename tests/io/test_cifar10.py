"""CIFAR-10: small files of the published form, unpacked and as the archive; what is refused."""

import hashlib
import os
import pickle
import tarfile

import numpy as np
import pytest

from eventsim.errors import FileFormatError
from eventsim.io import datasets
from eventsim.io.datasets.sets import cifar10

NAMES = list(cifar10.BATCHES)


def batch(seed, n=4):
    """Return images, labels, and the batch as Python 2 pickled it: byte strings as keys."""
    rng = np.random.default_rng(seed)
    data, labels = rng.integers(0, 256, (n, 3072), np.uint8), rng.integers(0, 10, n).tolist()
    entry = {b"batch_label": b"small", b"labels": labels, b"data": data, b"filenames": [b"a.png"] * n}
    return data.reshape(n, 3, 32, 32), labels, pickle.dumps(entry, protocol=2)


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Write small batches, and take their sums for the published ones."""
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    for seed, name in enumerate(NAMES):
        content = batch(seed)[2]
        (folder / name).write_bytes(content)
        monkeypatch.setitem(cifar10.BATCHES, name, hashlib.md5(content).hexdigest())
    return tmp_path


def packed(folder):
    """Put the unpacked folder into an archive, and remove it."""
    with tarfile.open(folder / cifar10.ARCHIVE, "w:gz") as archive:
        archive.add(folder / "cifar-10-batches-py", "cifar-10-batches-py")
    for name in NAMES:
        (folder / "cifar-10-batches-py" / name).unlink()
    return hashlib.sha256((folder / cifar10.ARCHIVE).read_bytes()).hexdigest()


@pytest.mark.parametrize("archived", [False, True])
def test_batches_are_read_in_order(small, archived, monkeypatch):
    if archived:
        monkeypatch.setitem(cifar10.CIFAR10.sha256, cifar10.ARCHIVE, packed(small))
    datasets.require("cifar-10", small)
    images, labels = datasets.cifar10("train", small)
    assert images.shape == (20, 3, 32, 32)
    assert images.dtype == np.uint8
    for k in range(5):
        expected, kinds, _ = batch(k)
        np.testing.assert_array_equal(images[4 * k : 4 * k + 4], expected)
        assert labels[4 * k : 4 * k + 4].tolist() == kinds
    images, labels = datasets.cifar10("test", small)
    np.testing.assert_array_equal(images, batch(5)[0])
    assert labels.tolist() == batch(5)[1]
    if not archived:  # the folder itself will do as well
        assert len(datasets.cifar10("test", small / "cifar-10-batches-py")[0]) == 4


def test_missing_files_say_where_the_set_is_published(tmp_path):
    for ask in (datasets.cifar10, lambda data: datasets.require("cifar-10", data)):
        with pytest.raises(FileNotFoundError, match=r"cifar-10-python\.tar\.gz.*is not in") as caught:
            ask(data=tmp_path)
        assert "www.cs.toronto.edu/~kriz/cifar.html" in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_changed_batch_or_archive_is_refused_before_it_is_read(small):
    path = small / "cifar-10-batches-py" / "test_batch"
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(FileFormatError, match=r"test_batch is damaged or another version: its md5 is .*kriz"):
        datasets.cifar10("test", small)
    packed(small)
    with pytest.raises(FileFormatError, match=r"is damaged or another version: its sha256 is .*kriz"):
        datasets.cifar10("test", small)


class Harmful:
    def __reduce__(self):
        return os.system, ("true",)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (Harmful(), "is damaged, or holds no images: it asks for posix.system"),
        ({b"data": np.zeros((2, 3072), np.uint8)}, "is damaged, or holds no images: b'labels'"),
        ({b"data": np.zeros((2, 5), np.uint8), b"labels": [0, 1]}, "is damaged, .*: cannot reshape"),
        ({b"data": np.zeros((2, 3072), np.uint8), b"labels": [0]}, "has 2 images, but 1 labels"),
        ([], "is damaged, or holds no images: list indices"),
    ],
)  # fmt: skip
def test_a_batch_of_another_kind_is_refused_in_one_line(small, monkeypatch, entry, message):
    content = pickle.dumps(entry, protocol=2)
    (small / "cifar-10-batches-py" / "test_batch").write_bytes(content)
    monkeypatch.setitem(cifar10.BATCHES, "test_batch", hashlib.md5(content).hexdigest())
    with pytest.raises(FileFormatError, match=f"test_batch of CIFAR-10 {message}"):
        datasets.cifar10("test", small)


def test_the_split_is_checked_first():
    with pytest.raises(ValueError, match="split must be 'train' or 'test', got 'all'"):
        datasets.cifar10("all")
