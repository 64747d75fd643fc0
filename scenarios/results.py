"""The results in the file of a run: as text, as one JSON object, and as plots."""

import warnings
from collections.abc import Callable
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eventsim.errors import ConfigError, UnknownPart
from eventsim.registry import parts
from eventsim.scenarios.earlier_names import todays_values
from eventsim.scenarios.reproduce.published import figures_for
from eventsim.scenarios.running import Outcome, unknown

if TYPE_CHECKING:
    from eventsim.trace import Trace

DPI = 150
FORMATS = (".png", ".pdf", ".svg", ".jpg", ".jpeg")


def describe(path: Path) -> dict[str, Any]:
    """Return what a run was and what came out, as ``eventsim show --json`` prints it.

    Raises
    ------
    FileNotFoundError, FileFormatError
        If the file is not there, not ours, damaged, or newer than this version.
    """
    from eventsim import io

    trace = io.load(path, recordings=False)
    provenance = trace.provenance
    foreign = {"format": provenance["format"]} if "format" in provenance else {}
    return {
        **foreign,
        "scenario": provenance.get("scenario"),
        "preset": provenance.get("preset") or None,
        "seed": provenance.get("seed"),
        "version": provenance.get("version"),
        "hardware": provenance.get("hardware") or None,
        "complete": io.hdf5.is_complete(path),
        "config": todays_values(
            str(provenance.get("scenario")),
            io.config.from_toml(trace.config, f"the configuration in {path}")[0],
            quiet=True,
        ),
        "metrics": {key: value if isfinite(value) else None for key, value in trace.metrics.items()},
        "populations": trace.sizes,
        "duration": trace.duration,
        "time_unit": trace.time_unit,
        "wall_seconds": provenance.get("wall_seconds"),
        "notes": [line for line in str(provenance.get("notes", "")).splitlines() if line],
        "changes": [str(line) for line in provenance.get("changes", [])],
    }


def as_text(path: Path) -> str:
    """Return what a run was and what came out, for people."""
    found = describe(path)
    preset = f", preset {found['preset']}" if found["preset"] else ""
    lines = [
        ", ".join(
            [
                f"{found['scenario'] or 'simulation'}{preset}",
                f"seed {'unknown' if found['seed'] is None else found['seed']}",
                f"eventsim {found['version'] or 'of unknown version'}",
            ]
        ),
        _duration(found["complete"], found["wall_seconds"]),
    ]
    if "format" in found:
        lines = [f"{found['format']} file of another program, {found['duration']:g} {found['time_unit']}"]
    lines += [f"note: {note}" for note in found["notes"]]
    lines += [f"changed at {line}" for line in found["changes"]]
    for heading in ("config", "metrics", "populations"):
        if found[heading]:
            lines.append(f"{heading}:")
            width = max(map(len, found[heading]))
            lines += [f"  {key:<{width}}  {_short(value)}" for key, value in found[heading].items()]
    return "\n".join(lines)


def _duration(complete: bool, seconds: object) -> str:
    """Return whether a run has finished and how long it took, if the file says so."""
    took = f"{seconds:.1f} s" if isinstance(seconds, int | float) and isfinite(seconds) else "unknown time"
    return f"{'finished' if complete else 'not finished'}, {took}"


def summary(outcome: Outcome) -> str:
    """Return what a finished run came to: its metrics beside the paper's, and what to type next."""
    import shlex

    if outcome.run is None:
        return f"{outcome.path} is finished already; nothing to go on with"
    paper = {} if outcome.run.replacement_data else figures_for(outcome.scenario, outcome.name)
    lines = [f"finished in {outcome.run.wall_seconds:.1f} s"]
    width = max(map(len, outcome.run.metrics), default=0)
    for key, value in outcome.run.metrics.items():
        theirs = f"  paper: {paper[key]}" if key in paper else ""
        lines.append(f"  {key:<{width}}  {_short(value):<10}{theirs}".rstrip())
    lines += [f"note: {note}" for note in outcome.run.notes]
    lines.append(f"written to {outcome.path}; see it with: eventsim plot {shlex.quote(str(outcome.path))}")
    return "\n".join(lines)


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def check_plot_path(path: Path) -> None:
    """Raise `ConfigError` unless a plot can be written to `path`."""
    if path.suffix.lower() not in FORMATS:
        raise ConfigError(f"the file of a plot must end with one of {', '.join(FORMATS)}, got {str(path)!r}")
    if not path.parent.is_dir():
        raise ConfigError(f"folder {str(path.parent)!r} does not exist; make it first, or plot elsewhere")


def available_plots(trace: "Trace") -> dict[str, Callable[["Trace"], Any]]:
    """Return the plots of a run by name: the scenario's own first, then all that its contents allow."""
    from eventsim.io import plots

    kind: Any = parts("scenario").get(str(trace.provenance.get("scenario")))
    own: dict[str, Callable[[Trace], Any]] = {}
    if hasattr(kind, "plots"):
        own = kind.plots(trace)
    elif hasattr(kind, "pictures"):  # a scenario written for the version before
        warnings.warn("a scenario's `pictures` is called `plots` now", DeprecationWarning, stacklevel=2)
        own = kind.pictures(trace)
    return {**own, **plots.available(trace)}


def plot(path: Path, what: str | None = None, output: Path | None = None) -> Path:
    """Plot a run into a file and return the path of that file.

    Parameters
    ----------
    path : Path
        File of a run.
    what : str or None
        A name of `available_plots`; the first of them where None.
    output : Path or None
        Where None, beside the file of the run and named after the plot.

    Raises
    ------
    UnknownPart
        If the file has no data for such a plot.
    """
    from eventsim import io

    if output is not None:
        check_plot_path(output)
    trace = io.load(path)
    known = available_plots(trace)
    if not known:
        raise UnknownPart(f"nothing to plot in {path}: no spikes, samples, weights or training series")
    what = next(iter(known)) if what is None else what
    if what not in known:
        raise UnknownPart(unknown("plot", what, known, f" of {path}"))
    target = output or path.with_name(f"{path.stem}-{what}.png")
    known[what](trace).savefig(target, dpi=DPI)
    return target
