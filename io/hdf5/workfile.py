"""The file beside a result in which a run does its work, ``FILE.part``, and its copies ``FILE.new``.

Both names can be guessed, so nothing at these names is ever followed or written over: a work file is created
anew and stays locked until it gets its final name. What a killed run left there is recognised and removed;
anything else is refused. Locks are our own, because those of HDF5 may be switched off.
"""

import errno
import os
import stat
import struct
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import h5py

from eventsim.io.hdf5 import schema

try:
    import fcntl
except ImportError:  # not on every platform; two writers of one file are then not noticed
    fcntl = None  # type: ignore[assignment]

SIGNATURE = b"\x89HDF\r\n\x1a\n"
MARK = schema.ROOT.encode()  # the name of our group, which is on disk before anything else is written
HEAD = 1 << 20
SLACK = 1 << 15  # bytes that HDF5 may want beside the data
NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)


class WorkFile:
    """The work file of a result, created, locked, and open in HDF5.

    Parameters
    ----------
    path : Path
        The result; a file that is there gives its permissions to the new one.
    source : Path, optional
        A file to go on with; the work file begins as a copy of it.

    Raises
    ------
    BlockingIOError
        If another run is writing there.
    FileExistsError
        If something else is in the way.
    OSError
    """

    def __init__(self, path: Path, source: Path | None = None) -> None:
        self.path = path
        self.part = path.with_name(path.name + ".part")
        self.new = path.with_name(path.name + ".new")
        self.mode = permissions(path)
        self._source = source
        self._file: h5py.File | None = None
        self._room = 0
        remove_leftover(self.part)
        remove_leftover(self.new)
        self._descriptor = create(self.part, self.mode)
        _open_here.add(_identity(self._descriptor))

    def open(self) -> h5py.File:
        """Return the work file, open for writing."""
        try:
            if self._source is not None:
                with self._source.open("rb") as source:
                    _copy_all(source.fileno(), self._descriptor, os.fstat(source.fileno()).st_size)
            else:
                make_room(self._descriptor, SLACK)
            mode = "w" if self._source is None else "r+"
            self._file = h5py.File(self.part, mode, libver=schema.LIBVER, locking=False)
            if mode == "w":
                self._file.create_group(schema.ROOT)
                self._file.flush()  # now a later run recognises it
        except BaseException:
            self.drop()
            raise
        return self._file

    def make_room(self, n_bytes: int) -> None:
        """Check that the file can grow by so many bytes of data, and what HDF5 adds to them.

        Raises
        ------
        OSError
        """
        assert self._file is not None
        size = int(self._file.id.get_filesize()) + n_bytes + SLACK
        if size > self._room:
            make_room(self._descriptor, size)
            self._room = size

    def publish_copy(self) -> None:
        """Put a copy of the work file, which was flushed, under the name of the result.

        Raises
        ------
        OSError
        """
        copy(self._descriptor, self.new, self.mode, os.fstat(self._descriptor).st_size)
        self._replace(self.new)
        synchronise(self.path.parent)

    def publish(self, durable: bool = True) -> None:
        """Give the work file, which is closed in HDF5, the name of the result.

        Raises
        ------
        OSError
        """
        if durable:
            synchronise(self._descriptor)
        self._replace(self.part)
        _open_here.discard(_identity(self._descriptor))
        os.close(self._descriptor)
        self._descriptor = -1
        if durable:
            synchronise(self.path.parent)

    def drop(self) -> None:
        """Close and remove the work file; HDF5 may want to write while closing, so there is room for it."""
        if self._descriptor < 0:
            return
        descriptor, self._descriptor = self._descriptor, -1
        _open_here.discard(_identity(descriptor))
        steps: list[Callable[[], object]] = [self.part.unlink, partial(os.close, descriptor)]
        if self._file is not None:
            steps = [partial(os.ftruncate, descriptor, 0), self._file.close, *steps]
        for step in steps:
            with suppress(OSError, RuntimeError, ValueError):  # the failure that led here is reported
                step()

    def _replace(self, place: Path) -> None:
        try:
            os.replace(place, self.path)
        except OSError:
            if place == self.new:
                place.unlink(missing_ok=True)
            raise


def permissions(path: Path) -> int | None:
    """Return the permission bits of a file, None if there is none."""
    try:
        return stat.S_IMODE(path.stat().st_mode) & 0o777
    except FileNotFoundError:
        return None


def create(place: Path, mode: int | None) -> int:
    """Create and lock an empty file, which must not exist, and return its descriptor.

    Parameters
    ----------
    mode : int or None
        Its permissions; those of any new file where None.

    Raises
    ------
    BlockingIOError
        If another run has just created it.
    OSError
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | NO_FOLLOW
    try:
        descriptor = os.open(place, flags, 0o666 if mode is None else 0o600)
    except FileExistsError:
        raise _is_busy(place) from None
    try:
        if mode is not None and hasattr(os, "fchmod"):
            os.fchmod(descriptor, mode)
        _lock(descriptor, place)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def remove_leftover(place: Path) -> None:
    """Remove what a killed run left under the name of a work file.

    Raises
    ------
    BlockingIOError
        If another run is writing there.
    FileExistsError
        If something else is there.
    """
    try:
        descriptor = os.open(place, os.O_RDWR | NO_FOLLOW)
    except FileNotFoundError:
        return
    except OSError as error:
        if place.is_symlink() or error.errno == errno.EISDIR:
            raise _is_taken(place) from None
        raise
    try:
        found = os.fstat(descriptor)
        if place.is_symlink() or not stat.S_ISREG(found.st_mode) or not _is_ours(descriptor, found.st_size):
            raise _is_taken(place)
        _lock(descriptor, place, foreign=True)
        place.unlink()
    finally:
        os.close(descriptor)


def copy(source: int, place: Path, mode: int | None, size: int) -> None:
    """Copy the first `size` bytes of an open file into a new one, and wait until they are on the disk.

    File systems that share blocks between files copy nothing at all.

    Raises
    ------
    OSError
    """
    remove_leftover(place)
    target = create(place, mode)
    try:
        _copy_all(source, target, size)
        synchronise(target)
    except OSError:
        place.unlink(missing_ok=True)
        raise
    finally:
        os.close(target)


def _copy_all(source: int, target: int, size: int) -> None:
    done = 0
    while done < size:
        done += _copy_some(source, target, size - done, done)


def _copy_some(source: int, target: int, size: int, start: int) -> int:
    if hasattr(os, "copy_file_range"):
        try:
            n = os.copy_file_range(source, target, size, start, start)
        except OSError as error:
            if error.errno not in (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM):
                raise
        else:
            if n:
                return n
    os.lseek(source, start, os.SEEK_SET)
    os.lseek(target, start, os.SEEK_SET)
    block = os.read(source, min(size, 1 << 20))
    if not block:
        raise OSError(errno.EIO, "the file became shorter while it was copied")
    return os.write(target, block)


def make_room(descriptor: int, size: int) -> None:
    """Check that a file can grow to a size; a failed write would crash the HDF5 library.

    Raises
    ------
    OSError
        ENOSPC or EFBIG, before anything is written.
    """
    now = os.fstat(descriptor).st_size
    if size <= now or not hasattr(os, "posix_fallocate"):
        return
    try:
        os.posix_fallocate(descriptor, now, size - now)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS, errno.EBADF):
            raise
    finally:
        os.ftruncate(descriptor, now)


def synchronise(place: int | Path) -> None:
    """Wait until an open file, or the names in a folder, are on the disk.

    Raises
    ------
    OSError
    """
    descriptor = place if isinstance(place, int) else os.open(place, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EBADF, errno.EOPNOTSUPP):  # no such thing for this kind
            raise
    finally:
        if not isinstance(place, int):
            os.close(descriptor)


def _lock(descriptor: int, place: Path, foreign: bool = False) -> None:
    """Lock a file that must still be the one under its name; `foreign` regards the locks of HDF5 as well."""
    if fcntl is None:
        return
    try:
        if foreign or not hasattr(fcntl, "F_OFD_SETLK"):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if hasattr(fcntl, "F_OFD_SETLK"):  # belongs to the open file, and lets HDF5 lock for itself
            whole = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
            fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, whole)
    except BlockingIOError:
        raise _is_busy(place) from None
    except OSError as error:
        if error.errno == errno.EACCES:
            raise _is_busy(place) from None
        # else the file system knows no locks
    try:
        same = os.path.samestat(os.fstat(descriptor), os.stat(place, follow_symlinks=False))
    except FileNotFoundError:
        same = False
    if not same:
        raise _is_busy(place)


def _is_ours(descriptor: int, size: int) -> bool:
    head = os.read(descriptor, min(size, HEAD))
    return not size or (head.startswith(SIGNATURE) and MARK in head)


def _is_busy(place: Path) -> BlockingIOError:
    with suppress(OSError):
        if _identity(place) in _open_here:
            return BlockingIOError(
                f"{place} is open in this program already; close that file first, or write elsewhere"
            )
    return BlockingIOError(f"{place} is being written by another run; write elsewhere")


def _identity(place: int | Path) -> tuple[int, int]:
    found = os.fstat(place) if isinstance(place, int) else os.stat(place, follow_symlinks=False)
    return found.st_dev, found.st_ino


_open_here: set[tuple[int, int]] = set()
"""Device and number of the work files that this process has open."""


def _is_taken(place: Path) -> FileExistsError:
    return FileExistsError(f"{place} is in the way and was not left by a run; move it, or write elsewhere")
