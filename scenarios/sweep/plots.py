"""A metric of a sweep over one of its keys."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim.errors import ConfigError, did_you_mean
from eventsim.scenarios.sweep import tables
from eventsim.scenarios.sweep.tables import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes


MARKS = "osD^vP*X"


def metric_over_key(
    table: Sequence[Row],
    keys: Sequence[str],
    key: str,
    metric: str,
    ax: "Axes | None" = None,
    *,
    title: str | None = None,
) -> "Axes":
    """Plot mean and standard deviation of a metric over a key, with every run as a point.

    Each combination of the other keys, seeds left out, is a line of its own.

    Raises
    ------
    ConfigError
        If there is no such key or metric, or no run that is finished has both.
    """
    from eventsim.io.plots import styling

    _check("key", key, keys)
    _check("metric", metric, tables.metrics(table, keys))
    done = [row for row in table if row.get(key) is not None and isinstance(row.get(metric), int | float)]
    if not done:
        raise ConfigError(f"no finished run has both {key} and {metric}")
    others = [
        each for each in keys if each not in (key, "seed") and len({str(row[each]) for row in done}) > 1
    ]
    lines: dict[tuple[Any, ...], list[Row]] = {}
    for row in done:
        lines.setdefault(tuple(row[each] for each in others), []).append(row)
    numbers = all(isinstance(row[key], int | float) and not isinstance(row[key], bool) for row in done)
    names = (
        sorted({row[key] for row in done}) if numbers else list(dict.fromkeys(str(row[key]) for row in done))
    )
    ax = styling.axes_or_new(ax)
    for k, (point, rows) in enumerate(lines.items()):
        at = {name: [float(row[metric]) for row in rows if _same(row[key], name)] for name in names}
        used = [name for name in names if at[name]]
        x = [float(name) if numbers else float(names.index(name)) for name in used]
        mean = [float(np.mean(at[name])) for name in used]
        std = [float(np.std(at[name], ddof=1)) if len(at[name]) > 1 else 0.0 for name in used]
        label = ", ".join(f"{a} {b}" for a, b in zip(others, point, strict=True))
        colour, mark = styling.COLOURS[k % len(styling.COLOURS)], MARKS[k % len(MARKS)]
        ax.errorbar(x, mean, std, color=colour, marker=mark, capsize=3, label=label or None)
        for place, name in zip(x, used, strict=True):
            ax.plot([place] * len(at[name]), at[name], ".", color=colour, alpha=0.5, ms=4)
    if not numbers:
        ax.set_xticks(range(len(names)), names, rotation=30 if max(map(len, names)) > 8 else 0)
    elif 0 < float(names[0]) <= float(names[-1]) / 50:
        ax.set_xscale("log")
    ax.set(xlabel=styling.readable_name(key), ylabel=styling.readable_name(metric))
    styling.set_title(ax, title)
    if others:
        styling.legend_beside(ax)
    return ax


def _same(value: object, name: object) -> bool:
    return value == name or str(value) == name


def _check(what: str, name: str, known: Sequence[str]) -> None:
    if name not in known:
        raise ConfigError(
            f"the sweep has no {what} {name!r}{did_you_mean(name, known) or ';'} known: {', '.join(known)}"
        )
