"""Threads that share the samples of a batch; a forked process makes threads of its own."""

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

__all__ = ["Threads"]

T = TypeVar("T")


class Threads:
    """A pool of `n` threads, made when it is first needed.

    A fork copies the pool but not its threads, so work would wait for ever there. The pool is made anew in
    every process that uses it.
    """

    def __init__(self, n: int, name: str) -> None:
        self.n, self._name = n, name
        self._pool: ThreadPoolExecutor | None = None
        self._process = 0

    def submit(self, work: Callable[..., T], *arguments: Any) -> "Future[T]":
        """Let one of the threads call `work`."""
        if self._pool is None or self._process != os.getpid():
            self._pool, self._process = ThreadPoolExecutor(self.n, self._name), os.getpid()
        return self._pool.submit(work, *arguments)
