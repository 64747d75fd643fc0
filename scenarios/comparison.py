"""Benchmarks by name, and one table of our times beside those of the peers."""

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any

from eventsim.errors import UnknownPart
from eventsim.scenarios.running import unknown

OURS = "eventsim"
Row = dict[str, Any]


def benchmarks() -> dict[str, ModuleType]:
    """Return the benchmark modules by name: all of `eventsim.benchmarks` that have a `run`."""
    package = importlib.import_module("eventsim.benchmarks")
    names = [m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_")]
    modules = {name: importlib.import_module(f"{package.__name__}.{name}") for name in names}
    return {name.replace("_", "-"): module for name, module in modules.items() if hasattr(module, "run")}


def measure(name: str | None, repeats: int, say: Callable[[str], object] = lambda text: None) -> list[Row]:
    """Run one benchmark, or all, and return their rows.

    Parameters
    ----------
    name : str or None
    repeats : int
        Measurements of each figure; the median counts.
    say : callable
        Told what is being measured.

    Raises
    ------
    UnknownPart
        If there is no benchmark of that name.
    """
    known = benchmarks()
    if name is not None and name not in known:
        raise UnknownPart(unknown("benchmark", name, known))
    rows: list[Row] = []
    for each, module in known.items():
        if name in (None, each):
            say(f"{each}: {(module.__doc__ or '').strip().partition(chr(10))[0]}")
            rows += module.run(repeats=repeats)
    return rows


def smaller_is_better(unit: str) -> bool:
    """Return whether a figure of this unit is a cost: seconds, bytes, anything not 'per second'."""
    return not unit.endswith("/s")


def ratio(ours: Row, peer: Row) -> float:
    """Return how many times better we are than the peer: above 1 is faster, or smaller."""
    a, b = float(ours["figure"]), float(peer["figure"])
    if smaller_is_better(str(ours["unit"])):
        a, b = b, a
    return a / b if b else float("inf")


def as_table(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return the rows as a table, those of one work and size together, ours first.

    The last column says how many times better ours is than the system of that line.
    """
    groups: dict[tuple[str, Any], list[Row]] = {}
    for row in rows:
        groups.setdefault((str(row["work"]), row.get("n")), []).append(dict(row))
    cells = [("work", "n", "system", "figure", "", "ours is")]
    for (work, n), group in groups.items():
        ours = [row for row in group if str(row["system"]).startswith(OURS)]
        others = [row for row in group if row not in ours]
        for row in ours + others:
            comparable = bool(ours) and row not in ours and row["unit"] == ours[0]["unit"]
            times = f"{ratio(ours[0], row):.3g} x" if comparable else ""
            size = "" if n is None else f"{n:g}" if isinstance(n, float) else str(n)
            cells.append((work, size, str(row["system"]), _figure(row["figure"]), str(row["unit"]), times))
    widths = [max(len(line[k]) for line in cells) for k in range(len(cells[0]))]
    lines = []
    for k, line in enumerate(cells):
        if k == 1 or (k > 1 and line[:2] != cells[k - 1][:2]):
            lines.append("")
        left = "  ".join(f"{cell:<{width}}" for cell, width in zip(line[:3], widths[:3], strict=True))
        figure = f"{line[3]:>{widths[3]}} {line[4]:<{widths[4]}}"
        lines.append(f"{left}  {figure}  {line[5]:>{widths[5]}}".rstrip())
    return "\n".join(lines)


def _figure(value: float) -> str:
    if value >= 1e6:
        return f"{value / 1e6:.3g} M"
    if value >= 1e4:
        return f"{value / 1e3:.3g} k"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
