"""Fair turns: a lock that is handed on in the order in which it was asked for."""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Lock

__all__ = ["Turns"]

LOOK_AROUND = 0.05  # seconds between two looks at whether the one who waits is still there


class Turns:
    """A lock for threads that take turns; a plain lock may be taken again by the thread that released it."""

    def __init__(self) -> None:
        self._mutex = Lock()
        self._taken = False
        self._waiting: deque[Event] = deque()

    @contextmanager
    def turn(self, check: Callable[[], None]) -> Iterator[None]:
        """Wait for a turn and hold it.

        Parameters
        ----------
        check : callable
            Called several times a second while waiting; if it raises, the place in the line is given up.
        """
        self._enter(check)
        try:
            yield
        finally:
            self._hand_on()

    def _enter(self, check: Callable[[], None]) -> None:
        with self._mutex:
            if not self._taken:
                self._taken = True
                return
            mine = Event()
            self._waiting.append(mine)
        try:
            while not mine.wait(LOOK_AROUND):
                check()
        except BaseException:
            with self._mutex:
                still_waiting = mine in self._waiting
                if still_waiting:
                    self._waiting.remove(mine)
            if not still_waiting:  # the turn came in the meantime
                self._hand_on()
            raise

    def _hand_on(self) -> None:
        """Give the lock to the next in line; it stays taken, so nobody gets in between."""
        with self._mutex:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._taken = False
