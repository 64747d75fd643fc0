"""The process that reads damaged files: one line in, one line out, until its input ends."""

import contextlib
import json
import os
import resource
import sys
import time
import warnings
from pathlib import Path

from eventsim.errors import ConfigError, FileFormatError, UnknownPart

ALLOWED = (ConfigError, FileFormatError, UnknownPart)
MISSING = (FileNotFoundError, IsADirectoryError)
"""A file may name another one that is not there."""


def peaks() -> tuple[int, int]:
    """Return the most bytes that were reserved so far, and that were used."""
    found = {"VmPeak": 0, "VmHWM": 0}
    with contextlib.suppress(OSError), open("/proc/self/status") as status:
        for line in status:
            name, _, rest = line.partition(":")
            if name in found:
                found[name] = int(rest.split()[0]) * 1024
        return found["VmPeak"], found["VmHWM"]
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return used, used


def outcome_of(kind: str, path: Path) -> tuple[str, str]:
    """Read a file, and return whether it was read, refused, or something else, with the words."""
    from damage.readers import READERS

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            READERS[kind](path)
    except (*ALLOWED, *MISSING) as error:
        text = str(error)
        if len(text.splitlines()) != 1:
            return "several lines", text
        if len(text) > 2000:
            return "a long line", text[:300]
        return "refused", text
    except BaseException as error:
        import traceback

        frames = traceback.extract_tb(error.__traceback__)
        where = " < ".join(f"{Path(each.filename).name}:{each.lineno}" for each in frames[::-1][:6])
        return "escaped", f"{type(error).__name__}: {str(error)[:200]} at {where}"
    return "read", ""


def main(limit: int) -> None:
    """Answer for each file that is named on the standard input."""
    import damage.readers  # noqa: F401  (what it takes is no reader's)

    first = peaks()
    resource.setrlimit(resource.RLIMIT_AS, (first[0] + limit, first[0] + limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a reader prints is no answer
    for line in sys.stdin:
        kind, path = line.rstrip("\n").split(" ", 1)
        before, began = peaks(), time.process_time()
        outcome, words = outcome_of(kind, Path(path))
        reserved, used = (int(after - earlier) for after, earlier in zip(peaks(), before, strict=True))
        seconds = time.process_time() - began
        print(json.dumps([outcome, words, seconds, reserved, used]), file=answers, flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
