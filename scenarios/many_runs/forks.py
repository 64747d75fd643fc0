"""The near end of the fork server: runs that are begun, watched and stopped like processes of one's own."""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time

MODULE = "eventsim.scenarios.many_runs.fork_server"
GONE = -signal.SIGTERM  # the status of runs whose server is gone: Linux asks them to end


class ForkedRun:
    """A run in a process that the server forked, with the parts of `subprocess.Popen` that a pool uses."""

    def __init__(self, server: "Forks") -> None:
        self._server = server
        self.pid: int | None = None  # until the server has answered
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit status; None while the run goes on."""
        if self.returncode is None:
            self._server.listen()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the run has ended."""
        while self.pid is None and self.poll() is None:
            self._server.listen(1.0)
        if self.poll() is None and self.pid is not None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End the run at once."""
        with contextlib.suppress(ProcessLookupError):
            self.send_signal(signal.SIGKILL)

    def wait(self, timeout: float = float("inf")) -> int:
        """Wait for the end, and return the exit status.

        Raises
        ------
        subprocess.TimeoutExpired
            If that takes longer than `timeout`, in s.
        """
        end = time.monotonic() + timeout
        while self.returncode is None:
            left = end - time.monotonic()
            if left <= 0:
                raise subprocess.TimeoutExpired(MODULE, timeout)
            self._server.listen(min(left, 1.0))
        return self.returncode


class Forks:
    """A server, and the runs that it was asked to begin."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C reaches us alone
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._asked, self._answers = self._process.stdin.fileno(), self._process.stdout.fileno()
        self._unread = b""
        self._runs: list[ForkedRun] = []
        self.gone = False

    def begin(self, job: str, said: str) -> ForkedRun:
        """Begin a run: the text of its `Job`, and the file for its standard error.

        Raises
        ------
        BrokenPipeError
            If the server is gone.
        """
        run = ForkedRun(self)
        asked = {"run": len(self._runs), "job": job, "said": said}
        self._runs.append(run)
        os.write(self._asked, json.dumps(asked).encode() + b"\n")
        return run

    def listen(self, seconds: float = 0.0) -> None:
        """Take in what the server has answered, and wait so long for an answer."""
        while not self.gone and select.select([self._answers], [], [], seconds)[0]:
            more = os.read(self._answers, 1 << 16)
            if not more:
                self.gone = True
                for run in self._runs:
                    run.returncode = GONE if run.returncode is None else run.returncode
                return
            *lines, self._unread = (self._unread + more).split(b"\n")
            for line in lines:
                number, what, value = json.loads(line)
                setattr(self._runs[number], "pid" if what == "pid" else "returncode", value)
            seconds = 0.0

    def close(self) -> None:
        """End the server; runs that go on are stopped with it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
