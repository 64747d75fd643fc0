"""Files of a published data set within zip archives, such as those that a browser or Kaggle puts there.

Searched are the archives in the folders where the files themselves may lie, or one that is named in place of
the folder. A file counts by its last name, in whichever folder of the archive it is.
"""

import os
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from eventsim.errors import FileFormatError
from eventsim.io.datasets.files import Folder, PublishedSet

__all__ = ["read_member", "zipped_files"]


def zipped_files(published: PublishedSet, names: Sequence[str], data: Folder) -> Iterator[tuple[Path, str]]:
    """Return archives, by folder and name, and what in each is called by one of `names`."""
    given = os.environ.get("EVENTSIM_DATA") if data is None else data
    if not given:
        return
    root = Path(given)
    archives = (
        [root]
        if root.is_file()
        else [p for folder in published.folders(root) for p in sorted(folder.glob("*.zip"))]
    )
    seen: set[Path] = set()
    for path in archives:
        if path in seen or path.suffix != ".zip":
            continue
        seen.add(path)
        try:
            with zipfile.ZipFile(path) as archive:
                members = archive.namelist()
        except (OSError, zipfile.BadZipFile):
            continue  # it may be anybody's
        for member in members:
            if PurePosixPath(member).name in names and not member.startswith("__MACOSX/"):
                yield path, member


def read_member(path: Path, member: str, most: int) -> bytes:
    """Return the content of a file in an archive.

    Raises
    ------
    FileFormatError
        If it is damaged, encrypted, or longer than `most` bytes.
    """
    try:
        with zipfile.ZipFile(path) as archive, archive.open(member) as stream:
            content = stream.read(most + 1)
    except (OSError, EOFError, RuntimeError, NotImplementedError, zlib.error, zipfile.BadZipFile) as error:
        raise FileFormatError(f"{member} of {path} is damaged: {error}") from None
    if len(content) > most:
        raise FileFormatError(f"{member} of {path} is damaged: it has more than {most} bytes")
    return content
