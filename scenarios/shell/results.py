"""The results in the file of a run: as text, as one JSON object, and as plots."""

import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eventsim.errors import ConfigError, FileFormatError, UnknownPart
from eventsim.registry import lookup
from eventsim.scenarios import metric_units
from eventsim.scenarios.earlier_names import todays_values
from eventsim.scenarios.parameters import keys
from eventsim.scenarios.reproduce.published import Row, rows_for
from eventsim.scenarios.reproduce.table import value as in_unit
from eventsim.scenarios.running import Outcome, unknown
from eventsim.scenarios.shell import unfinished

if TYPE_CHECKING:
    from eventsim.trace import Trace

FORMATS = (".png", ".pdf", ".svg", ".jpg", ".jpeg")
LONGEST_LIST = 100
_LIST = re.compile(r"(?<= = )\[\n((?:    [^\[\]\n]*,\n)+)\]")


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
    complete, scenario = io.hdf5.is_complete(path), provenance.get("scenario")
    config = todays_values(
        str(scenario),
        io.config.from_toml(trace.config, f"the configuration in {path}")[0],
        quiet=True,
    )
    return {
        **foreign,
        "scenario": scenario,
        "preset": provenance.get("preset") or None,
        "seed": provenance.get("seed"),
        "version": provenance.get("version"),
        "hardware": provenance.get("hardware") or None,
        "complete": complete,
        "progress": None
        if complete or not scenario
        else unfinished.progress(str(scenario), str(path), trace.state, config, trace.training),
        "config": config,
        "metrics": {key: value if isfinite(value) else None for key, value in trace.metrics.items()},
        "populations": trace.sizes,
        "duration": trace.duration,
        "time_unit": trace.time_unit,
        "wall_seconds": provenance.get("wall_seconds"),
        "notes": [line for line in str(provenance.get("notes", "")).splitlines() if line],
        "changes": [str(line) for line in provenance.get("changes", [])],
    }


def as_toml(path: Path) -> str:
    """Return the TOML of a run's file, with the names of today.

    Raises
    ------
    ConfigError
        If it is no file of a scenario's run.
    """
    from eventsim import io

    found = describe(path)
    if not found["scenario"]:
        raise ConfigError(f"{path} is no run of a scenario, so no TOML describes it")
    how = {key: found[key] for key in ("scenario", "preset", "seed", "hardware")}
    return _LIST.sub(_one_line, io.config.to_toml(found["config"], **how))


def _one_line(found: re.Match[str]) -> str:
    """Return a short list, which the writer of TOML spreads over lines, on one line."""
    line = f"[{', '.join(each.strip().rstrip(',') for each in found[1].splitlines())}]"
    return line if len(line) <= LONGEST_LIST else found[0]


def as_text(path: Path) -> str:
    """Return what a run was and what came out, for people."""
    found = describe(path)
    lines = [
        f"{title(found)}, eventsim {found['version'] or 'of unknown version'}",
        _duration(found["complete"], found["wall_seconds"]),
    ]
    if "format" in found:
        lines = [f"{found['format']} file of another program, {found['duration']:g} {found['time_unit']}"]
    lines += _progress(found["progress"], metric_units.units(found["scenario"]))
    lines += [f"note: {note}" for note in found["notes"]]
    lines += [f"changed at {line}" for line in found["changes"]]
    lines += _config(found["scenario"], found["config"])
    tables, in_a_table = _tables(path, found["scenario"])
    lines += tables
    rest = {key: value for key, value in found["metrics"].items() if key not in in_a_table}
    lines += _metrics(rest, metric_units.units(found["scenario"]))
    if found["populations"]:
        lines.append("populations:")
        width = max(map(len, found["populations"]))
        lines += [
            f"  {name:<{width}}  {n} unit{'' if n == 1 else 's'}" for name, n in found["populations"].items()
        ]
    if "format" not in found and (names := plots_of(path)):
        lines.append(f"plots: {', '.join(names)}")
    return "\n".join(lines)


def title(found: Mapping[str, Any]) -> str:
    """Return which run it is: scenario, preset and seed of what `describe` returns."""
    preset = f", preset {found['preset']}" if found["preset"] else ""
    seed = "unknown" if found["seed"] is None else found["seed"]
    return f"{found['scenario'] or 'simulation'}{preset}, seed {seed}"


def _progress(progress: dict[str, Any] | None, units: dict[str, str]) -> list[str]:
    """Return how far a run is that has not finished, its last values, and how to go on."""
    if progress is None:
        return []
    lines = []
    if "counted" in progress:
        of = f" of {progress['total']}" if progress["total"] is not None else ""
        lines.append(f"{progress['done']}{of} {progress['counted']}s are done")
    if progress["last"]:
        lines.append("last values:")
        width = max(map(len, progress["last"]))
        for key, value in progress["last"].items():
            shown = metric_units.with_unit(value, metric_units.unit_of(key, units))
            lines.append(f"  {key:<{width}}  {shown}")
    return [*lines, f"go on with: {progress['resume']}"]


def _config(name: object, config: dict[str, Any]) -> list[str]:
    """Return the settings, each with its unit and meaning."""
    if not config:
        return []
    kind: Any = lookup("scenario", str(name))
    meanings = {key.name: key.meaning for key in keys(kind)} if kind is not None else {}
    shown = {
        key: metric_units.plain(v) if _is_number(v) else str(v).lower() if isinstance(v, bool) else str(v)
        for key, v in config.items()
    }  # true and false as they are written in a configuration
    width, wide = max(map(len, shown)), min(30, max(map(len, shown.values())))
    lines = ["config:"]
    for key, value in shown.items():
        lines.append(f"  {key:<{width}}  {value:<{wide}}  {meanings.get(key, '')}".rstrip())
    return lines


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _metrics(metrics: dict[str, Any], units: dict[str, str]) -> list[str]:
    """Return the metrics, each with its unit."""
    if not metrics:
        return []
    width = max(map(len, metrics))
    return ["metrics:"] + [
        f"  {key:<{width}}  {metric_units.with_unit(value, metric_units.unit_of(key, units))}"
        for key, value in metrics.items()
    ]


def _tables(path: Path, name: object) -> tuple[list[str], set[str]]:
    """Return a scenario's own tables of a run as lines, and the metrics that stand in them."""
    from eventsim import io
    from eventsim.scenarios.reproduce.table import columns

    kind: Any = lookup("scenario", str(name))
    make = getattr(kind, "tables", None)
    lines: list[str] = []
    shown: set[str] = set()
    if make is None:
        return lines, shown
    trace = io.load(path, recordings=False)
    try:
        with of_this_version(trace, "the table of results"):
            tables = list(make(trace))
    except FileFormatError as error:
        return [f"note: {error}"], shown
    for table in tables:
        lines += [f"{table.heading}:", *(f"  {line}" for line in columns([table.head, *table.rows]))]
        shown |= set(table.metrics)
    return lines, shown


def _duration(complete: bool, seconds: object) -> str:
    """Return whether a run has finished and how long it took, if the file says so."""
    took = f"{seconds:.1f} s" if isinstance(seconds, int | float) and isfinite(seconds) else "unknown time"
    return f"{'finished' if complete else 'not finished'}, {took}"


def summary(outcome: Outcome) -> str:
    """Return what a finished run came to: its metrics beside the paper's, and what to type next."""
    import shlex

    if outcome.run is None:
        return f"{outcome.path} is finished already; nothing to go on with"
    rows = {} if outcome.run.replacement_data else rows_for(outcome.scenario, outcome.name)
    units = metric_units.units(outcome.name)
    lines = [f"finished in {outcome.run.wall_seconds:.1f} s"]
    tables, in_a_table = _tables(outcome.path, outcome.name)
    lines += [f"  {line}" for line in tables]
    shown = {
        key: metric_units.with_unit(value, metric_units.unit_of(key, units))
        for key, value in outcome.run.metrics.items()
        if key not in in_a_table
    }
    width, wide = max(map(len, shown), default=0), max(map(len, shown.values()), default=0)
    for key, text in shown.items():
        theirs = f"  paper: {paper_value(rows[key])}" if key in rows else ""
        lines.append(f"  {key:<{width}}  {text:<{wide}}{theirs}".rstrip())
    lines += [f"note: {note}" for note in outcome.run.notes]
    lines.append(f"written to {outcome.path}; see it with: eventsim plot {shlex.quote(str(outcome.path))}")
    return "\n".join(lines)


def paper_value(row: Row) -> str:
    """Return the paper's figure of a row in its unit."""
    unit = row.unit or metric_units.unit_of(row.metric, {})
    return in_unit(row.paper, row.paper_spread, {"unit": unit, "decimals": row.decimals})


def check_plot_path(path: Path) -> None:
    """Raise `ConfigError` unless a plot can be written to `path`."""
    if path.suffix.lower() not in FORMATS:
        raise ConfigError(f"the file of a plot must end with one of {', '.join(FORMATS)}, got {str(path)!r}")
    if not path.parent.is_dir():
        raise ConfigError(f"folder {str(path.parent)!r} does not exist; make it first, or plot elsewhere")


def available_plots(trace: "Trace") -> dict[str, Callable[["Trace"], Any]]:
    """Return the plots of a run by name: the scenario's own first, then all that its contents allow."""
    from eventsim.io import plots

    return {**own_plots(trace), **plots.available(trace)}


def plots_of(path: Path) -> dict[str, str]:
    """Return the plots of a file of ours and what each shows, at once for a file of any size."""
    from eventsim.io.hdf5.outline import outline
    from eventsim.io.plots.finishing import words_of

    return {name: words_of(draw) for name, draw in available_plots(outline(path)).items()}


def list_plots(path: Path) -> str:
    """Return the plots of a file for people: a name and what it shows on each line."""
    found = plots_of(path)
    width = max(map(len, found), default=0)
    lines = [f"{name:<{width}}  {words}".rstrip() for name, words in found.items()]
    return "\n".join(lines) or f"nothing to plot in {path}: no spikes, samples, weights or training series"


def own_plots(trace: "Trace") -> dict[str, Callable[["Trace"], Any]]:
    """Return the plots that the scenario of a run brings along, by name."""
    from eventsim.io.plots.finishing import labelled

    kind: Any = lookup("scenario", str(trace.provenance.get("scenario")))
    own: dict[str, Callable[[Trace], Any]] = {}
    if hasattr(kind, "plots"):
        with of_this_version(trace, "the scenario's plots"):
            own = kind.plots(trace)
    elif hasattr(kind, "pictures"):  # a scenario written for the version before
        warnings.warn("a scenario's `pictures` is called `plots` now", DeprecationWarning, stacklevel=2)
        own = kind.pictures(trace)
    return {name: _of_this_version(name, labelled(draw)) for name, draw in own.items()}


def _of_this_version(name: str, draw: Callable[["Trace"], Any]) -> Callable[["Trace"], Any]:
    """Return the function of a plot, which says so where the file lacks what the plot shows."""

    @wraps(draw)
    def drawn(trace: "Trace") -> Any:
        with of_this_version(trace, f"the plot {name!r}"):
            return draw(trace)

    return drawn


@contextmanager
def of_this_version(trace: "Trace", what: str) -> Iterator[None]:
    """Say in one line that a file lacks what a scenario of today reads from its files.

    Raises
    ------
    FileFormatError
        If something is not there, or has another form.
    """
    try:
        yield
    except (LookupError, ValueError, TypeError, AttributeError) as error:
        reason = str(error) if isinstance(error, UnknownPart) else f"{type(error).__name__}: {error}"
        version = trace.provenance.get("version") or "unknown"
        raise FileFormatError(
            f"the file does not hold what {what} needs ({reason}); eventsim {version} wrote it: "
            "run the scenario again with this version"
        ) from error


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
    io.plots.finishing.save(known[what](trace), target)
    return target
