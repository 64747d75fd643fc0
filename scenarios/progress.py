"""How far a run is: a bar in a terminal or a notebook, and lines everywhere else.

One habit without a terminal: a line at the end of an epoch, at most one a second, and never more than half a
minute without a line. A run that turns out to be long says so as soon as its first part has been measured.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from eventsim.scenarios import streams
from eventsim.scenarios.durations import duration
from eventsim.simulation.progress import bar_class, is_watched

EPOCH_GAP = 1.0  # s, the least time between two lines
SILENCE = 30.0  # s, the longest time without a line
MEASURED = 3.0  # s of work from which the rest is estimated
LONG = 300.0  # s of remaining work that are worth a line


class Progress:
    """Shows how far something is; nothing where `silent`.

    Parameters
    ----------
    total : float
        How much there is to do, in `unit`.
    unit : str
        What is counted, in the singular.
    initial : float
        How much is done already.
    silent : bool
        Show nothing.
    say : callable, optional
        Is called with one line if the run turns out to be long.
    """

    def __init__(
        self,
        total: float,
        unit: str,
        initial: float,
        silent: bool,
        say: Callable[[str], object] | None = None,
    ) -> None:
        self._total, self._unit, self._initial, self._done = total, unit, initial, initial
        self._began, self._say = time.monotonic(), None if silent else say
        self._bar: Any = None
        self._lines: _Lines | None = None
        if silent:
            return
        if is_watched():
            self._bar = bar_class()(
                total=total,
                unit=unit,
                initial=initial,
                dynamic_ncols=True,
                file=sys.stderr,
                mininterval=0.2,
                leave=False,
            )
        else:
            self._lines = _Lines(self._line)

    def update(self, n: float = 1, **metrics: float) -> None:
        """Advance by `n`; `metrics` are shown beside the bar."""
        self._done += n
        self._tell_if_long()
        if self._lines is not None:
            self._lines.update(metrics)
        if self._bar is None:
            return
        with self._lost_with_its_terminal():
            if metrics:
                shown = {name: f"{value:.4g}" for name, value in metrics.items()}
                self._bar.set_postfix(shown, refresh=False)
            self._bar.update(n)

    def close(self) -> None:
        """Take the bar away."""
        if self._lines is not None:
            self._lines.close()
        if self._bar is not None:
            with self._lost_with_its_terminal():
                self._bar.close()

    def remaining(self) -> float:
        """Return the seconds that are left at the speed so far; infinity before anything is done."""
        done = self._done - self._initial
        seconds = time.monotonic() - self._began
        return seconds / done * (self._total - self._done) if done > 0 else float("inf")

    def _tell_if_long(self) -> None:
        """Say once that the run is long, from its first part."""
        if self._say is None or time.monotonic() - self._began < MEASURED:
            return
        say, self._say = self._say, None
        left, done = self.remaining(), self._done - self._initial
        if left >= LONG:
            say(
                f"this takes about {duration(left)} more, by the first {_counted(done, self._unit)} of "
                f"{_counted(self._total, self._unit)}; Ctrl-C keeps what is done"
            )

    def _line(self, metrics: dict[str, float]) -> str:
        """Return what a line says."""
        share = 100 * self._done / self._total if self._total else 100.0
        line = f"{share:.0f} % ({self._done:.6g} of {_counted(self._total, self._unit)})"
        line += f", {duration(time.monotonic() - self._began)}"
        if self._initial < self._done < self._total:
            line += f", about {duration(self.remaining())} left"
        found = ", ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in metrics.items())
        return f"{line}: {found}" if found else line

    @contextmanager
    def _lost_with_its_terminal(self) -> Iterator[None]:
        """Give up the bar, and not the run, where the terminal has gone."""
        try:
            yield
        except (OSError, ValueError):
            self._bar.disable = True


class _Lines:
    """Lines on standard error, by the habit of this module; a thread ends a silence that is too long."""

    def __init__(self, line: Callable[[dict[str, float]], str]) -> None:
        self._line, self._metrics = line, dict[str, float]()
        self._latest = time.monotonic()
        self._lock, self._closed = threading.Lock(), threading.Event()
        self._watch = threading.Thread(target=self._end_silences, name="progress", daemon=True)
        self._watch.start()

    def update(self, metrics: dict[str, float]) -> None:
        """Take the metrics of an epoch; print a line if it is time to."""
        with self._lock:
            if metrics:
                self._metrics = metrics
            if time.monotonic() - self._latest >= (EPOCH_GAP if metrics else SILENCE):
                self._print()

    def close(self) -> None:
        """Print no more."""
        self._closed.set()
        self._watch.join()

    def _end_silences(self) -> None:
        while not self._closed.wait(min(1.0, SILENCE / 4)):
            with self._lock:
                if time.monotonic() - self._latest >= SILENCE:
                    self._print()

    def _print(self) -> None:
        self._latest = time.monotonic()
        streams.say(self._line(self._metrics), sys.stderr)


def _counted(n: float, unit: str) -> str:
    """Return a number of things, such as "3 epochs"; units of time have no plural."""
    plural = "" if n == 1 or unit in ("ms", "us", "s") else "es" if unit.endswith("tch") else "s"
    return f"{n:.6g} {unit}{plural}"
