"""Benchmarks by name, run one after the other, and a table of our values beside those of the peers."""

import importlib
import pkgutil
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, TextIO

from eventsim.errors import ConfigError, UnknownPart
from eventsim.scenarios.benchmark import Plan, Row
from eventsim.scenarios.running import unknown

OURS = "eventsim"


class Status:
    """What is measured now, as one line: replaced in place on a terminal, a line of its own in a log.

    Parameters
    ----------
    stream : text stream
        Standard error where None.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._in_place = self._stream.isatty()
        self.failures = 0

    def announce(self, text: str) -> None:
        """Say something that stays."""
        self._write(text, "\n")

    def show(self, text: str) -> None:
        """Say what is measured now."""
        if self._in_place:
            text = text[: shutil.get_terminal_size().columns - 1]
        self._write(text, "" if self._in_place else "\n")

    def clear(self) -> None:
        """Make room for a line of output."""
        self._write("", "")

    def failed(self, text: str) -> None:
        """Say that a benchmark failed."""
        self.failures += 1
        self._write(f"eventsim: {text}", "\n")

    def _write(self, text: str, end: str) -> None:
        self._stream.write(("\r\x1b[2K" if self._in_place else "") + text + end)
        self._stream.flush()


def benchmarks() -> dict[str, ModuleType]:
    """Return the benchmark modules by name: all of `eventsim.benchmarks` that have a `run`."""
    package = importlib.import_module("eventsim.benchmarks")
    names = [m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_")]
    modules = {name: importlib.import_module(f"{package.__name__}.{name}") for name in names}
    return {name.replace("_", "-"): module for name, module in modules.items() if hasattr(module, "run")}


def chosen(name: str | None) -> dict[str, ModuleType]:
    """Return one benchmark by its name, or all for None.

    Raises
    ------
    UnknownPart
        If there is no benchmark of that name.
    """
    known = benchmarks()
    if name is None:
        return known
    name = name.replace("_", "-")
    if name not in known:
        raise UnknownPart(unknown("benchmark", name, known))
    return {name: known[name]}


def picture_of(name: str | None, path: Path) -> Callable[[list[Row], Path], None]:
    """Return the function of a benchmark that draws its rows into a file.

    Raises
    ------
    UnknownPart
        If there is no benchmark of that name.
    ConfigError
        If it draws nothing, or cannot draw into `path`.
    """
    from eventsim.scenarios.shell.results import check_plot_path

    draw: Callable[[list[Row], Path], None] | None = None
    if name is not None:
        (module,) = chosen(name).values()
        draw = getattr(module, "picture", None)
    if draw is None:
        known = ", ".join(each for each, module in benchmarks().items() if hasattr(module, "picture"))
        raise ConfigError(f"--picture needs the name of a benchmark that draws one ({known}), got {name}")
    check_plot_path(path)
    return draw


def expected_seconds(modules: Iterable[ModuleType], quick: bool) -> float:
    """Return about how long benchmarks take, in seconds, by what they declare."""
    return float(sum(module.SECONDS.quick if quick else module.SECONDS.full for module in modules))


def duration(seconds: float) -> str:
    """Return a duration in words.

    >>> duration(8.2), duration(95), duration(1000)
    ('9 s', '2 min', '17 min')
    """
    return f"{-int(-seconds // 1)} s" if seconds < 90 else f"{round(seconds / 60)} min"


def measure(
    modules: Mapping[str, ModuleType],
    status: Status,
    *,
    repeats: int | None = None,
    quick: bool = False,
    peers: bool = True,
) -> Iterator[Row]:
    """Run benchmarks one after the other and yield each row as soon as it is known.

    A benchmark that fails is reported to `status`, and the others go on.

    Parameters
    ----------
    modules : mapping of str to module
        As `chosen` returns them.
    status : Status
        Is told at the beginning of each measurement what it is.
    repeats : int or None
        Measurements of each value; the median counts. None is 5, and 1 if `quick`.
    quick : bool
        Whether small sizes do.
    peers : bool
        Whether other programs are measured too, where they are installed.
    """
    began = time.monotonic()
    total = expected_seconds(modules.values(), quick)
    for k, (name, module) in enumerate(modules.items()):

        def announce(text: str, where: str = f"[{k + 1}/{len(modules)}] {name}") -> None:
            spent = time.monotonic() - began
            status.show(f"{where}: {text} ({duration(spent)} of about {duration(max(total, spent))})")

        announce((module.__doc__ or "").strip().partition("\n")[0].rstrip("."))
        plan = Plan(repeats or (1 if quick else 5), quick, peers, announce)
        try:
            yield from module.run(plan)
        except Exception as error:  # whatever it is, the rows of the others count
            status.failed(" ".join(f"benchmark {name} failed: {type(error).__name__}: {error}".split()))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of benchmarks.

    Attributes
    ----------
    rows : all that is known.
    complete : False if they were stopped on request.
    failures : how many benchmarks failed.
    """

    rows: list[Row]
    complete: bool
    failures: int


def execute(
    name: str | None,
    *,
    repeats: int | None = None,
    quick: bool = False,
    peers: bool = True,
    write: Callable[[str], object] | None = None,
    status: Status | None = None,
) -> Outcome:
    """Run one benchmark or all, with each line written as soon as it is known; see `measure`.

    Ctrl-C ends them; what is known by then is kept.

    Parameters
    ----------
    name : str or None
        Of one benchmark; None for all.
    write : callable or None
        Gets each line of the table.
    status : Status or None
        Says on standard error what is going on if None.

    Raises
    ------
    UnknownPart
        If there is no benchmark of that name.
    """
    modules = chosen(name)
    status = Status() if status is None else status
    seconds = duration(expected_seconds(modules.values(), quick))
    what = "all benchmarks take" if name is None else f"{name} takes"
    hint = "" if quick else "less with --quick; "
    status.announce(f"{what} about {seconds}; {hint}Ctrl-C keeps what is known by then")
    rows: list[Row] = []
    table, complete = Table(), True
    try:
        for row in measure(modules, status, repeats=repeats, quick=quick, peers=peers):
            rows.append(row)
            if write is not None:
                status.clear()
                for line in table.lines(row):
                    write(line)
    except KeyboardInterrupt:
        complete = False
    status.clear()
    return Outcome(rows, complete, status.failures)


def smaller_is_better(unit: str) -> bool:
    """Return whether a value of this unit is a cost: seconds, bytes, anything not 'per second'."""
    return not unit.endswith("/s")


def ratio(ours: Row, peer: Row) -> float:
    """Return how many times better we are than the peer: above 1 is faster, or smaller."""
    a, b = float(ours["value"]), float(peer["value"])
    if smaller_is_better(str(ours["unit"])):
        a, b = b, a
    return a / b if b else float("inf")


class Table:
    """Turns rows into lines of text, one row at a time.

    A line says which system has which value; a heading above says which work, of which size. Lines of peers
    say how many times better ours is, if it came before, or a line ends with the ``note`` of its row.
    """

    def __init__(self) -> None:
        self._group: tuple[str, Any] | None = None
        self._ours: Row | None = None

    def lines(self, row: Mapping[str, Any]) -> list[str]:
        """Return the lines for the next row: a heading if its work is another one, and its values."""
        found = []
        group = (str(row["work"]), row.get("n"))
        if group != self._group:
            found += ["", _heading(*group)]
            self._group, self._ours = group, None
        system, times = str(row["system"]), ""
        if system.startswith(OURS):
            self._ours = self._ours or dict(row)
        elif self._ours is not None and self._ours["unit"] == row["unit"]:
            times = f"ours is {ratio(self._ours, dict(row)):.3g} x"
        times = str(row.get("note", times))
        found.append(f"  {system:<34} {_number(row['value']):>9} {row['unit']:<16} {times}".rstrip())
        return found


def as_table(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return all rows as a table, those of one work and size together, ours first."""
    groups: dict[tuple[str, Any], list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault((str(row["work"]), row.get("n")), []).append(row)
    table, lines = Table(), []
    for group in groups.values():
        for row in sorted(group, key=lambda row: not str(row["system"]).startswith(OURS)):
            lines += table.lines(row)
    return "\n".join(lines).strip("\n")


def _heading(work: str, n: Any) -> str:
    if n is None:
        return work
    size = f"{n:g}" if isinstance(n, float) else f"{n:,d}".replace(",", " ")
    return f"{work}, n = {size}"


def _number(value: float) -> str:
    if value >= 1e6:
        return f"{value / 1e6:.3g} M"
    if value >= 1e4:
        return f"{value / 1e3:.3g} k"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
