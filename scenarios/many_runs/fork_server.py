"""Runs as forks of one process that has imported what runs import: a tenth of a second each, not a whole one.

The process is ``python -m eventsim.scenarios.many_runs.fork_server``. A line that it reads is a run to
begin, as JSON: `run` (its number), `job` (`Job.text`) and `said` (the file for its standard error). Lines
that it writes are ``[number, "pid", PID]`` once a run has begun, and ``[number, "ended", STATUS]``. What a
run had to import is imported before the next one begins. Where its input ends, it ends, and Linux then stops
the runs.
"""

import contextlib
import importlib
import json
import os
import selectors
import signal
import socket
import sys
import traceback
from typing import Any, NoReturn

from eventsim.scenarios.many_runs import one_run
from eventsim.scenarios.many_runs.job import Job

OURS = ("eventsim.", "numpy.", "scipy.", "h5py.", "pydantic.", "typer.", "tqdm.")
"""Modules that a later run may find imported: they start no threads, and open nothing."""


def serve() -> None:
    """Begin the runs that standard input names, until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of the process before us, which stops the runs itself
    woken, wakes = socket.socketpair()
    wakes.setblocking(False)
    signal.set_wakeup_fd(wakes.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    numbers: dict[int, int] = {}  # of the runs, by process id
    unread = b""
    learn, told = os.pipe()
    for end in (learn, told):  # what does not fit is not told, and half a name is no module
        os.set_blocking(end, False)
    with selectors.DefaultSelector() as ready:
        ready.register(0, selectors.EVENT_READ)
        ready.register(woken, selectors.EVENT_READ)
        while True:
            files = {key.fileobj for key, _ in ready.select()}
            if woken in files:
                woken.recv(4096)
                _reap(numbers)
            if 0 not in files:
                continue
            more = os.read(0, 1 << 16)
            if not more:
                return
            *lines, unread = (unread + more).split(b"\n")
            for line in lines:
                asked = json.loads(line)
                _import_what_was_told(learn)
                pid = os.fork()
                if pid == 0:
                    signal.set_wakeup_fd(-1)
                    _carry_out(asked, told)
                numbers[pid] = asked["run"]
                _answer(asked["run"], "pid", pid)


def _answer(number: int, what: str, value: int) -> None:
    os.write(1, json.dumps([number, what, value]).encode() + b"\n")


def _reap(numbers: dict[int, int]) -> None:
    while numbers:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        _answer(numbers.pop(pid), "ended", os.waitstatus_to_exitcode(status))


def _import_what_was_told(learn: int) -> None:
    with contextlib.suppress(BlockingIOError):
        for name in os.read(learn, 1 << 20).decode().split():
            if name not in sys.modules and name.startswith(OURS):
                with contextlib.suppress(Exception):  # the run that needs it says what is wrong
                    importlib.import_module(name)


def _carry_out(asked: dict[str, Any], told: int) -> NoReturn:
    """Carry a run out, in the process that was forked for it."""
    status = 1
    try:
        os.setsid()  # so that Ctrl-C reaches the run once, through the process that asks for it
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        one_run.end_with_the_parent()
        with open(os.devnull, "r+b") as nothing, open(asked["said"], "ab") as said:
            for stream, number in ((nothing, 0), (nothing, 1), (said, 2)):
                os.dup2(stream.fileno(), number)
        known = set(sys.modules)
        try:
            status = one_run.carry_out(Job.read(asked["job"]))
        except SystemExit as error:
            status = error.code if isinstance(error.code, int) else 1
        except BaseException:
            traceback.print_exc()
        new = " ".join(name for name in sys.modules.keys() - known if name.startswith(OURS))
        with contextlib.suppress(OSError):
            os.write(told, f"{new} ".encode())
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(status)


if __name__ == "__main__":
    serve()
