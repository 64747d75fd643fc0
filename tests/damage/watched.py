"""A process that reads damaged files, and its end if it takes too much time or memory."""

import json
import os
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

__all__ = ["Outcome", "Reader"]

LONGEST = 10.0  # s of processor time for one file; most take 10 ms
LONGEST_WAIT = 60.0  # s, on a machine that does other work too
MOST_RESERVED = 2 << 30  # bytes that one file may make the process ask for
MOST_USED = 400 << 20  # bytes that one file may make it fill
LIMIT = 6 << 30  # bytes, where the system refuses more


class Outcome(NamedTuple):
    """How reading a file ended: "read", "refused", or a finding; with the words."""

    kind: str
    words: str = ""

    @property
    def is_finding(self) -> bool:
        """Whether a file should not end so."""
        return self.kind not in ("read", "refused")


class Reader:
    """A process that reads files; it is started again when one has ended it or grown it."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None

    def _started(self) -> "subprocess.Popen[bytes]":
        if self.process is None:
            tests = str(Path(__file__).resolve().parents[1])
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "damage.child", str(LIMIT)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=os.environ | {"PYTHONPATH": tests, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            )
        return self.process

    def read(self, reader: str, path: Path) -> Outcome:
        """Return how reading a file ended."""
        process = self._started()
        assert process.stdin is not None, "a pipe"
        assert process.stdout is not None, "a pipe"
        process.stdin.write(f"{reader} {path}\n".encode())
        process.stdin.flush()
        if not _ready(process):
            self.end()
            return Outcome("no end", f"after {LONGEST:g} s of processor time or {LONGEST_WAIT:g} s")
        line = process.stdout.readline()
        if not line:
            status = process.wait()
            self.end()
            return Outcome("crashed", f"the process ended with status {status}")
        kind, words, seconds, reserved, used = json.loads(line)
        if reserved > MOST_RESERVED or used > MOST_USED:
            self.end()  # its peaks stay
            return Outcome(
                "memory", f"{reserved / 1e6:.0f} MB asked for, {used / 1e6:.0f} MB used; {kind} {words}"
            )
        if seconds > LONGEST:
            return Outcome("slow", f"{seconds:.1f} s; {kind} {words}")
        return Outcome(kind, words)

    def end(self) -> None:
        """End the process, if there is one."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            for pipe in (self.process.stdin, self.process.stdout):
                if pipe is not None:
                    pipe.close()
            self.process = None

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


def _ready(process: "subprocess.Popen[bytes]") -> bool:
    """Wait for an answer; return whether it came before the limits of time."""
    assert process.stdout is not None
    began, first = time.monotonic(), _processor_time(process.pid)
    while time.monotonic() - began < LONGEST_WAIT:
        if select.select([process.stdout], [], [], 0.5 if first is not None else LONGEST_WAIT)[0]:
            return True
        now = _processor_time(process.pid)
        # The imports of a new process count here too.
        if first is not None and now is not None and now - first > LONGEST + 5.0:
            return False
    return False


def _processor_time(pid: int) -> float | None:
    """Return how long a process has run; None where the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
