"""Runs side by side on this machine, each a process of its own: what fails is that run, and no other.

Where the system can fork, the processes are forks of one that has imported what runs need. A process has one
thread, or several where there are fewer runs than processors. Ctrl-C and SIGTERM are handed on to the
processes, which keep what they have done.
"""

import contextlib
import math
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from eventsim.scenarios import streams
from eventsim.scenarios.many_runs.forks import ForkedRun, Forks
from eventsim.scenarios.many_runs.job import Job
from eventsim.scenarios.many_runs.plan import PlannedRun

POLL = 0.02  # s between two looks at the processes
PATIENCE = 30.0  # s that a stopped run has for its checkpoint
IMPATIENCE = 3.0  # s that it has where somebody asked twice


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended: `error` is empty where it is finished."""

    run: PlannedRun
    error: str
    seconds: float


@dataclass(slots=True)
class _Process:
    run: PlannedRun
    process: "subprocess.Popen[bytes] | ForkedRun"
    words: IO[bytes]  # what it said on standard error
    began: float = field(default_factory=time.monotonic)


def failure(code: int, said: str) -> str:
    """Return why a process failed, by its exit status and what it said; empty for none."""
    lines = [line for line in said.splitlines() if line.strip()]
    if code == 0:
        return ""
    if code < 0:
        return f"ended by {signal.Signals(-code).name}"
    return lines[-1].removeprefix("eventsim: ") if lines else f"exit status {code}"


class Pool:
    """Processes that work through a list of runs.

    Parameters
    ----------
    folder : Path
        Where the files go.
    jobs : int
        How many runs at once.
    data : Path or None
        Folder of data sets.

    Attributes
    ----------
    stopped : bool
        Somebody asked to stop.
    lost : str
        Why runs can be carried out no more; empty on this machine.
    """

    def __init__(self, folder: Path, jobs: int, data: Path | None) -> None:
        self.folder, self.jobs, self.data = folder, jobs, data
        self.stopped, self.lost = False, ""
        self._deadline = math.inf  # when runs that were asked twice to stop are killed
        self._active: list[_Process] = []
        self._forks: Forks | None = None

    def work(self, runs: Sequence[PlannedRun], ended: Callable[[Ended], object]) -> None:
        """Carry out runs; `ended` is called after each, as it ends. Returns early when stopped."""
        waiting = list(runs)
        threads = max(1, self.jobs // max(1, len(waiting)))
        with self._signals():
            try:
                while self._active or (waiting and not self.stopped):
                    while waiting and len(self._active) < self.jobs and not self.stopped:
                        self._active.append(self._start(waiting.pop(0), threads))
                    for each in [each for each in self._active if each.process.poll() is not None]:
                        self._active.remove(each)
                        ended(self._end(each))
                    if time.monotonic() > self._deadline:  # deep in a library, where no signal is heard
                        for each in self._active:
                            each.process.kill()
                    time.sleep(POLL)
            finally:
                self._kill()
                if self._forks is not None:
                    self._forks.close()
                    self._forks = None

    def _start(self, run: PlannedRun, threads: int) -> _Process:
        job = Job(run, str(self.folder), threads, str(self.data or ""))
        said = tempfile.NamedTemporaryFile()  # noqa: SIM115 -- closed where the process is waited for
        if hasattr(os, "fork"):
            return _Process(run, self._forked(job, said.name), said)
        process = subprocess.Popen(
            job.command(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said
        )
        return _Process(run, process, said)

    def _forked(self, job: Job, said: str) -> ForkedRun:
        self._forks = self._forks or Forks()
        try:
            return self._forks.begin(job.text(), said)
        except BrokenPipeError:  # somebody ended it
            self._forks.close()
            self._forks = Forks()
            return self._forks.begin(job.text(), said)

    def _end(self, each: _Process) -> Ended:
        each.words.seek(0)
        said = each.words.read().decode(errors="replace")
        each.words.close()
        status = each.process.returncode or 0
        error = "stopped" if self.stopped and status else failure(status, said)
        return Ended(each.run, error, time.monotonic() - each.began)

    def stop(self) -> None:
        """Ask the runs to keep what they have done and end; asked a second time, they end at once."""
        if self.stopped:
            self._deadline = time.monotonic() + IMPATIENCE
        elif self._active:
            streams.say("stopping: runs end at their next checkpoint; once more stops at once", sys.stderr)
        self.stopped = True
        for each in self._active:
            with contextlib.suppress(ProcessLookupError):
                each.process.send_signal(signal.SIGTERM)

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """Hand Ctrl-C and SIGTERM on to the runs."""
        if threading.current_thread() is not threading.main_thread():
            yield  # signals reach the main thread only
            return
        before = {
            number: signal.signal(number, lambda *_: self.stop())
            for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _kill(self) -> None:
        """End what still works after an error of our own."""
        if self._active:
            self.stop()
        end = time.monotonic() + PATIENCE
        for each in self._active:
            try:
                each.process.wait(max(0.0, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                each.process.kill()
                each.process.wait()
            each.words.close()
        self._active.clear()
