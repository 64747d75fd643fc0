"""Where a file may be written, and failures of the disk in one line."""

import errno
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from eventsim.io.plain import one_path


def check_destination(path: str | os.PathLike[str], overwrite: bool) -> Path:
    """Return `path` if a file can be written there.

    Raises
    ------
    FileExistsError, IsADirectoryError, FileNotFoundError, NotADirectoryError, PermissionError
        Each with one line that says what would be right.
    TypeError
        If `path` is no path.
    """
    path = one_path(path, "the name of the file")
    parent = path.parent
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; name a file in it, such as {path / 'run.h5'}")
    if not parent.exists():
        raise FileNotFoundError(f"folder {parent} does not exist; make it first, or write elsewhere")
    if not parent.is_dir():
        raise NotADirectoryError(f"{parent} is no folder, so {path} cannot be written")
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists already; choose another name, or ask for overwriting")
    if not os.access(parent, os.W_OK):
        raise PermissionError(f"folder {parent} is read-only; write elsewhere")
    return path


def first_line(error: BaseException) -> str:
    """Return what an exception says, in one line, and what HDF5 says in plainer words.

    >>> first_line(OSError("Unable to synchronously open file (file signature not found)"))
    'file signature not found'
    >>> text = "Unable to synchronously open file (truncated file: eof = 100, sblock->base_addr = 0, "
    >>> first_line(OSError(text + "stored_eof = 2048)"))
    'it has 100 of 2048 bytes'
    """
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno)
    text = str(error.args[0] if error.args else error).strip()
    text = text.splitlines()[0] if text else type(error).__name__
    if cut := re.search(r"truncated file: eof = (\d+),.*stored_eof = (\d+)", text):
        return f"it has {cut[1]} of {cut[2]} bytes"
    inner = re.fullmatch(r"(?:Unable|Can't|Cannot) [\w ]+ \((.*)\)", text)
    return inner[1] if inner else text


def is_locked(error: BaseException) -> bool:
    """Return whether an exception says that another program has a file locked."""
    return isinstance(error, OSError) and error.errno in (errno.EAGAIN, errno.EACCES) and "lock" in str(error)


@contextmanager
def storage(path: Path, doing: str, abandon: Callable[[], None] | None = None) -> Iterator[None]:
    """Turn what HDF5 says of a failing disk into one line, after calling `abandon`.

    Raises
    ------
    OSError
        Of the subclass that fits, with `errno` set.
    """
    try:
        yield
    except (OSError, RuntimeError) as error:
        if abandon is not None:
            abandon()
        code = getattr(error, "errno", None)
        if code is None:
            found = re.search(r"errno = (\d+)", str(error))
            code = int(found.group(1)) if found else None
        if isinstance(error, BlockingIOError | FileExistsError) and code is None:
            raise
        why = os.strerror(code) if code else first_line(error)
        kept = "; the last checkpoint is kept" if abandon is not None and path.exists() else ""
        kind = type(OSError(code, "")) if code else OSError
        failure = kind(f"cannot {doing} {path}: {why}{kept}")
        failure.errno = code
        raise failure from error
