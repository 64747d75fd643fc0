"""HTML for notebooks: what a cell shows of a network, a simulation, a trace, an estimator, a run.

Tables only, with the notebook's own fonts and colours, so they are readable in light and in dark; every text
is escaped. The classes call these functions in `_repr_html_`.
"""

import html
from collections.abc import Iterable, Sequence
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

import numpy as np

from eventsim.errors import ConfigError

LEFT = ' style="text-align: left"'  # notebooks set cells to the right, captions to the middle
MOST_ROWS = 30  # of a table; the rest is counted
MOST_CHARACTERS = 60  # of a value


def block(title: str, *parts: str) -> str:
    """Return a title with parts below it."""
    return f"<div><strong>{html.escape(title)}</strong>{''.join(parts)}</div>"


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table; empty where there are no rows.

    Parameters
    ----------
    caption : str
    head : sequence of str
        Names of the columns.
    rows : iterable of sequences
        Cells of any sort; the first of a row is its heading.
    """
    listed = [[value(cell) for cell in row] for row in rows]
    if not listed:
        return ""
    shown, left = listed[:MOST_ROWS], len(listed) - MOST_ROWS
    top = "".join(f'<th scope="col"{LEFT}>{html.escape(name)}</th>' for name in head)
    body = "".join(
        f'<tr><th scope="row"{LEFT}>{html.escape(row[0])}</th>'
        + "".join(f"<td{LEFT}>{html.escape(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in shown
    )
    more = f"<p>... and {left} more</p>" if left > 0 else ""
    return (
        f"<table><caption{LEFT}>{html.escape(caption)}</caption><thead><tr>{top}</tr></thead>"
        f"<tbody>{body}</tbody></table>{more}"
    )


def value(one: object) -> str:
    """Return a value as a short text; an array as its shape and range.

    >>> value(0.1 + 0.2), value(np.array([[1.0, 2.5]])), value(None)
    ('0.3', '1 x 2, 1 to 2.5', 'none')
    """
    if one is None:
        return "none"
    if isinstance(one, np.ndarray) and one.ndim:
        shape = " x ".join(map(str, one.shape))
        if not one.size or one.dtype.kind not in "biuf":
            return shape
        return f"{shape}, {np.min(one):.4g} to {np.max(one):.4g}"
    if isinstance(one, float | np.floating):
        return f"{one:.6g}"
    text = str(one)
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 3] + "..."


def changed(part: Any) -> str:
    """Return the parameters of a part that differ from their defaults, in a line."""
    if not is_dataclass(part):
        return ""
    found = []
    for each in fields(part):
        now = getattr(part, each.name)
        usual = each.default if each.default is not MISSING else None
        if isinstance(now, np.ndarray) or not _equal(now, usual):
            found.append(f"{each.name} = {value(now)}")
    return ", ".join(found)


def _equal(a: object, b: object) -> bool:
    try:
        return bool(a == b)
    except ValueError:  # arrays inside
        return False


def of_network(net: Any) -> str:
    """Return populations, projections and plasticity rules of a network."""
    populations = table(
        "populations",
        ("population", "units", "model", "parameters"),
        (
            (name, each.n, type(each.model).__name__, changed(each.model))
            for name, each in net.populations.items()
        ),
    )
    unit = net.time_unit
    projections = table(
        "projections",
        ("projection", "rule", "weight", f"delay ({unit})"),
        ((each.name, _named(each.rule), each.weight, each.delay) for each in net.projections),
    )
    plasticity = table(
        "plasticity",
        ("of", "rule", "parameters"),
        ((name, type(rule).__name__, changed(rule)) for name, rule in net.plasticity),
    )
    return block(f"Network, seed {net.seed}, times in {unit}", populations, projections, plasticity)


def _named(part: Any) -> str:
    """Return the name of a part with the parameters that differ from their defaults."""
    parameters = changed(part)
    return f"{type(part).__name__}({parameters})" if parameters else type(part).__name__


def of_simulation(sim: Any) -> str:
    """Return the clock of a simulation, and its populations with what they spiked; it builds nothing."""
    unit = sim.net.time_unit
    rows = (
        (name, each.n, type(each.model).__name__, _n_spikes(sim, each))
        for name, each in sim.net.populations.items()
    )
    populations = table("populations", ("population", "units", "model", "spikes"), rows)
    return block(f"Simulation at {sim.now:g} {unit}", populations)


def _n_spikes(sim: Any, population: Any) -> object:
    """Return how many spikes of a population are in memory."""
    if not population.record_spikes:
        return "not recorded"
    if sim.now == 0:
        return "not run yet"  # to ask for spikes would build the network
    try:
        return len(sim.spikes(population.name))
    except (ConfigError, ValueError):
        return "in the file"  # streamed


def of_trace(trace: Any) -> str:
    """Return what a trace holds: how it was made, spikes, samples, metrics, parameters, series."""
    unit = trace.time_unit
    names = ("scenario", "preset", "seed", "version", "wall_seconds", "dataset")
    made = table("made by", ("", ""), ((k, trace.provenance[k]) for k in names if k in trace.provenance))
    spikes = table(
        "spikes",
        ("population", "units", "spikes"),
        (
            (name, n, len(trace.spikes[name]) if name in trace.spikes else 0)
            for name, n in trace.sizes.items()
        ),
    )
    samples = table(
        "samples",
        ("variable", "times", "units", f"every ({unit})"),
        (
            (f"{name}.{variable}", len(each.times), len(each.units), each.every or "at events")
            for (name, variable), each in trace.samples.items()
        ),
    )
    metrics = table("metrics", ("metric", "value"), trace.metrics.items())
    series = table(
        "training",
        ("series", "last value", "length"),
        (
            (name, np.asarray(each)[-1] if len(each) else "", len(each))
            for name, each in trace.training.items()
            if np.ndim(each)
        ),
    )
    arrays = table("parameters", ("array", "shape, range"), trace.parameters.items())
    title = f"Trace of {trace.duration:g} {unit}"
    return block(title, made, metrics, spikes, samples, series, arrays)


def of_estimator(estimator: Any) -> str:
    """Return the settings of an estimator, and the last metrics of its training."""
    settings = table("settings", ("setting", "value"), estimator.get_params(deep=False).items())
    history = estimator.__dict__.get("history_") or {}
    metrics = table(
        "last epoch", ("metric", "value"), ((name, each[-1]) for name, each in history.items() if len(each))
    )
    learned = [name for name in estimator.__dict__ if name.endswith("_") and not name.startswith("_")]
    state = "has learned" if learned else "has not learned yet"
    return block(f"{type(estimator).__name__}, {state}", metrics, settings)
