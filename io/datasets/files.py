"""Files of published data sets on the user's disk: where they are searched for, and their check sums.

A module of `eventsim.io.datasets.sets` declares its set with `PublishedSet`. Nothing is downloaded.
"""

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from eventsim.errors import FileFormatError

if TYPE_CHECKING:
    from numpy.lib.npyio import NpzFile

Folder = str | os.PathLike[str] | None
"""The folder of the data sets, or that of one set; None stands for the variable ``EVENTSIM_DATA``."""

Split = Literal["train", "test"]


@dataclass(frozen=True)
class PublishedSet:
    """A data set that somebody has published as files.

    Attributes
    ----------
    folder : str
        Its folder in the folder of data sets.
    origin : str
        Where it is published, without ``https://``.
    sha256 : mapping of str to str
        The check sum of each file; a file without one is not checked. Files of arrays (.npz) are
        containers of our own that hold the published values.
    other_folders : sequence of str
        Where other programs put the same files, such as ``MNIST/raw``.
    """

    folder: str
    origin: str
    sha256: Mapping[str, str]
    other_folders: Sequence[str] = ()

    def path(self, file: str, data: Folder = None, spellings: Sequence[str] = ()) -> Path:
        """Return the path of a file of the set; the file is checked against its sum.

        Parameters
        ----------
        file : str
        data : path, optional
            The folder of the data sets, or that of this set; by default the environment variable
            ``EVENTSIM_DATA``.
        spellings : sequence of str
            Other names of the same file.

        Raises
        ------
        FileNotFoundError
            If there is no such file. The message names the file, where it was searched for, and where
            the set is published.
        FileFormatError
            If its check sum differs.
        """
        path = self.search(file, data, spellings)
        if file in self.sha256:
            self.check(path, self.sha256[file])
        return path

    def search(self, file: str, data: Folder = None, spellings: Sequence[str] = ()) -> Path:
        """Return the path of a file of the set without a check of its sum; otherwise as `path`."""
        given = os.environ.get("EVENTSIM_DATA") if data is None else data
        needed = f"data set {self.folder!r} (published at {self.origin}) needs the file {file}"
        if not given:
            raise FileNotFoundError(
                f"{needed}, but no folder of data sets is known; name it with --data, data= or EVENTSIM_DATA"
            )
        root = Path(given)
        if not root.is_dir():
            raise FileNotFoundError(f"{needed}, but the folder of data sets {root} does not exist")
        for name in (file, *spellings):
            for folder in self.folders(root):
                if (folder / name).is_file():
                    return folder / name
        raise FileNotFoundError(f"{needed}, which is not in {root / self.folder} nor in {root}")

    def folders(self, root: Path) -> list[Path]:
        """Return where the files may lie in the folder of the data sets, the most likely first."""
        return [root / self.folder, root, *(root / other for other in self.other_folders)]

    def arrays(self, file: str, data: Folder = None) -> "NpzFile":
        """Return the arrays of a file by name; to be closed, as by ``with``. Raises as `path`."""
        arrays: NpzFile = np.load(self.path(file, data), allow_pickle=False)
        return arrays

    def check(self, path: Path, expected: str) -> None:
        """Raise `FileFormatError` if the check sum of a file differs; it is computed once a process."""
        status = path.stat()
        key = (str(path.resolve()), status.st_mtime_ns, status.st_size)
        if key not in _sums:
            with path.open("rb") as stream:
                _sums[key] = hashlib.file_digest(stream, "sha256").hexdigest()
        if _sums[key] != expected:
            self.refuse(path, _sums[key], expected)

    def refuse(self, path: Path, actual: str, expected: str) -> None:
        """Raise the `FileFormatError` of a file whose check sum differs."""
        raise FileFormatError(
            f"{path} is damaged or another version: its sha256 is {actual[:12]}..., the published one "
            f"{expected[:12]}...; get the file again from {self.origin}"
        )


def check_split(split: str) -> str:
    """Return the name of a split if it is "train" or "test".

    Raises
    ------
    ValueError
    """
    if split not in ("train", "test"):
        raise ValueError(f"split must be 'train' or 'test', got {split!r}")
    return split


_sums: dict[tuple[str, int, int], str] = {}
