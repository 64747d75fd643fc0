"""A file of another format is whole or absent: it is written beside its name, and renamed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give the name to write to, and rename what was written; nothing is left of what failed.

    Raises
    ------
    OSError
        If it cannot be written, in one line with the file, of the class that the system's error has.
    """
    new = path.with_name(f"{path.stem}.part{path.suffix}")  # programs look at the end of a name
    try:
        yield new
        os.replace(new, path)
    except OSError as error:
        if error.errno is None:
            raise
        kind, reason = type(OSError(error.errno, "")), os.strerror(error.errno)
        raise kind(f"cannot write {path}: {reason}") from None
    finally:
        new.unlink(missing_ok=True)
