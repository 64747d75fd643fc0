"""What keeps a file whole: where it may be written, copies that reach the disk, errors in one line."""

import errno
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # not on every platform; two writers of one file are then not noticed
    fcntl = None  # type: ignore[assignment]


def check_destination(path: str | os.PathLike[str], overwrite: bool) -> Path:
    """Return `path` if a file can be written there.

    Raises
    ------
    FileExistsError, IsADirectoryError, FileNotFoundError, NotADirectoryError, PermissionError
        Each with one line that says what would be right.
    """
    path = Path(path)
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


def lock(part: Path) -> None:
    """Refuse to touch a work file that another run is writing; HDF5 itself would empty it first.

    Raises
    ------
    BlockingIOError
        If another run holds it.
    """
    if fcntl is None or not part.exists():
        return
    descriptor = os.open(part, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise BlockingIOError(f"{part} is being written by another run; write elsewhere") from None
    except OSError:
        pass  # the file system knows no locks
    finally:
        os.close(descriptor)


def copy(source: Path, target: Path) -> None:
    """Copy a file inside the kernel; file systems that share blocks copy nothing at all."""
    if hasattr(os, "copy_file_range"):
        try:
            with source.open("rb") as old, target.open("wb") as new:
                left = os.fstat(old.fileno()).st_size
                while left:
                    done = os.copy_file_range(old.fileno(), new.fileno(), left)
                    if not done:
                        break
                    left -= done
                if not left:
                    return
        except OSError as error:
            if error.errno not in (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
                raise
    shutil.copyfile(source, target)


def synchronise(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EBADF, errno.EOPNOTSUPP):  # no such thing for this kind
            raise
    finally:
        os.close(descriptor)


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
        if isinstance(error, BlockingIOError) and code is None:
            raise
        why = os.strerror(code) if code else str(error).splitlines()[0]
        kept = "; what the last checkpoint wrote is kept" if abandon is not None and path.exists() else ""
        kind = type(OSError(code, "")) if code else OSError
        told = kind(f"cannot {doing} {path}: {why}{kept}")
        told.errno = code
        raise told from error
