"""What ``eventsim sweep`` prints."""

import json as json_text
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eventsim.errors import ConfigError
from eventsim.registry import lookup
from eventsim.scenarios import streams
from eventsim.scenarios.sweep import tables
from eventsim.scenarios.sweep.points import parse_axes, read_list
from eventsim.scenarios.sweep.sweeping import FILE, Sweep, open_sweep, sweep


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What somebody asks of a sweep; None or empty where nothing was asked for."""

    words: Sequence[str]
    output: Path | None
    preset: str | None
    hardware: str | None
    list: Path | None
    draws: int
    draw_seed: int
    search: str | None
    minimize: bool
    trials: int
    data: Path | None
    jobs: int | None
    scheduler: str | None
    table: Path | None
    plot: tuple[str, str] | None
    json: bool


def carry_out(name: str, asked: Asked) -> int:
    """Sweep, or look at a sweep that is there; return the exit status."""
    if asked.table is not None:
        tables.check_path(asked.table)
    there = Path(name)
    if (there / FILE).is_file():
        if asked.words or asked.output is not None:
            raise ConfigError(
                f"{name} is a sweep that is there; name the scenario to sweep it further with -o {name}"
            )
        _show(open_sweep(there), asked)
        return 0
    if there.is_dir() and ("/" in name or name.startswith(".") or lookup("scenario", name) is None):
        raise FileNotFoundError(f"{name} holds no sweep: there is no {FILE} in it")
    found = _sweep(name, asked)
    _show(found, asked)
    for title, error in found.failed.items():
        _say(f"eventsim: the run {title} failed: {error}")
    if found.stopped or found.lost:
        why = found.lost or "stopped, and what was done is kept"
        _say(f"eventsim: {why}; go on with: {shlex.join(_again(name, asked))}")
        return 1 if found.lost else 130
    return 1 if found.failed else 0


def _sweep(name: str, asked: Asked) -> Sweep:
    axes = parse_axes(asked.words)
    folder = asked.output if asked.output is not None else Path(f"sweep-{name}")
    common: dict[str, Any] = {
        "preset": asked.preset,
        "hardware": asked.hardware,
        "draw_seed": asked.draw_seed,
        "data": asked.data,
        "jobs": asked.jobs,
        "scheduler": asked.scheduler,
        "say": _say,
    }
    if asked.search is not None:
        if asked.list is not None or asked.draws:
            raise ConfigError("--search chooses its points itself; leave out --list and --draws")
        from eventsim.scenarios.sweep.search import search

        direction: Any = "minimize" if asked.minimize else "maximize"
        return search(name, axes, folder, asked.search, direction=direction, trials=asked.trials, **common)
    listed = read_list(asked.list) if asked.list is not None else ({},)
    return sweep(name, axes, folder, listed=listed, draws=asked.draws, **common)


def _show(found: Sweep, asked: Asked) -> None:
    """Print the table, and write table and plot where they are asked for."""
    table = found.rows()
    if asked.table is not None:
        tables.write(table, asked.table)
        _say(f"table: {asked.table}")
    if asked.plot is not None:
        from eventsim.io.plots import finishing
        from eventsim.scenarios.sweep.plots import metric_over_key

        key, metric = asked.plot
        path = found.folder / f"{metric}-over-{key}.png"
        axes = metric_over_key(table, found.keys, key, metric, title=f"sweep of {found.scenario}")
        figure: Any = axes.get_figure(root=True)
        finishing.save(figure, path)
        _say(f"plot: {path}")
    if asked.json:
        streams.say(json_text.dumps(table, indent=2, ensure_ascii=False))
    else:
        streams.say(tables.as_text(table, found.keys))


def _again(name: str, asked: Asked) -> list[str]:
    """Return the command that goes on."""
    words = ["eventsim", "sweep", name, *asked.words]
    options = {
        "--preset": asked.preset,
        "--hardware": asked.hardware,
        "--list": asked.list,
        "--draws": asked.draws or None,
        "--draw-seed": asked.draw_seed or None,
        "--search": asked.search,
        "--trials": asked.trials if asked.search else None,
        "--jobs": asked.jobs,
        "--data": asked.data,
        "-o": asked.output,
    }
    words += [word for option, value in options.items() if value is not None for word in (option, str(value))]
    return [*words, "--minimize"] if asked.search and asked.minimize else words


def _say(text: str) -> None:
    streams.say(text, sys.stderr)
