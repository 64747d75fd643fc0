"""Standard streams that may be closed or full: what is printed is never worth a run.

A reader such as ``head`` closes its end of a pipe, a disk is full, a shell starts a command with ``2>&-``.
Results go to files; a line that cannot be printed is lost, and nothing else.
"""

import contextlib
import os
import sys
from typing import TextIO


def open_closed_ones() -> None:
    """Lead standard streams that are closed to the null device.

    Otherwise the next file that is opened gets the number of the closed stream, and everything that is
    written to the stream goes into that file.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free, which is this one
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115


def say(text: str, stream: TextIO | None = None) -> None:
    """Print a line on standard output, or on `stream`, at once; a stream that takes no more is given up."""
    stream = sys.stdout if stream is None else stream
    try:
        print(text, file=stream, flush=True)
    except (OSError, ValueError):  # a closed pipe, a full disk; a closed file
        give_up(stream)


def flush() -> None:
    """Write out what is buffered, so that the end of the interpreter has nothing left to fail with."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            give_up(stream)


def give_up(stream: TextIO) -> None:
    """Lead a stream to the null device from now on, with what it has not written yet."""
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
        stream.flush()
