"""`eventsim` commands in processes of their own that have nothing left to import: forks of a server.

``python -m eventsim.scenarios.cli`` spends a second on imports, which hundreds of tests would pay each. A
server imports once and forks for each command. `test_cli` and others still begin commands the long way.
"""

import importlib
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from typing import IO

SECONDS = 120.0  # that a command may take

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["commands_imports"])


class Command:
    """A command that goes on, with the parts of `subprocess.Popen` that tests use.

    Parameters
    ----------
    words : of the command, without ``eventsim``. Folder and environment are those of the moment.
    changed : values of names of modules, ``module.NAME``, that are others in the command's process.
    """

    def __init__(self, words: Sequence[str], changed: Mapping[str, object] | None = None) -> None:
        self.words = list(words)
        streams = [_CONTEXT.Pipe(duplex=False) for _ in range(2)]
        writers = [writer for _, writer in streams]
        where = (os.getcwd(), dict(os.environ), dict(changed or {}))
        self._process = _CONTEXT.Process(target=_carry_out, args=(self.words, *where, *writers))
        self._process.start()
        for writer in writers:
            writer.close()
        self.stdout, self.stderr = (_text(reader) for reader, _ in streams)
        self.pid = self._process.pid or 0

    @property
    def returncode(self) -> int | None:
        """The exit status; None while the command goes on."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """Return the exit status; None while the command goes on."""
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the command has ended."""
        if self._process.exitcode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End the command at once."""
        self.send_signal(signal.SIGKILL)

    def wait(self, timeout: float = SECONDS) -> int:
        """Wait for the end, and return the exit status."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            self.kill()
            raise subprocess.TimeoutExpired(self.words, timeout)
        return self._process.exitcode

    def communicate(self, timeout: float = SECONDS) -> tuple[str, str]:
        """Wait for the end, and return what was said on both streams."""
        said: dict[str, str] = {}
        readers = [
            threading.Thread(target=lambda name=name, file=file: said.update({name: file.read()}))
            for name, file in (("out", self.stdout), ("err", self.stderr))
        ]
        for reader in readers:
            reader.start()
        try:
            self.wait(timeout)
        finally:
            for reader in readers:
                reader.join()
            self.stdout.close()
            self.stderr.close()
        return said["out"], said["err"]


def run(*words: str) -> "subprocess.CompletedProcess[str]":
    """Carry a command out; return its exit status and what it said."""
    command = Command(words)
    out, err = command.communicate()
    return subprocess.CompletedProcess(command.words, command.wait(), out, err)


def _text(reader: Connection) -> IO[str]:
    file = os.fdopen(os.dup(reader.fileno()), encoding="utf-8")
    reader.close()
    return file


def _carry_out(
    words: list[str],
    folder: str,
    environment: dict[str, str],
    changed: dict[str, object],
    out: Connection,
    err: Connection,
) -> None:
    for stream, number in ((out, 1), (err, 2)):
        os.dup2(stream.fileno(), number)
        stream.close()
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 -- as long as the process
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:0] = [place for place in environment.get("PYTHONPATH", "").split(os.pathsep) if place]
    sys.argv = ["eventsim", *words]
    for name, value in changed.items():
        module, _, attribute = name.rpartition(".")
        setattr(importlib.import_module(module), attribute, value)
    from eventsim.scenarios import cli

    sys.exit(cli.main(words))
