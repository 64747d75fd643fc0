"""``eventsim compare``: settings that differ, metrics, and training curves of runs side by side."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eventsim.errors import ConfigError
from eventsim.hints import hinting
from eventsim.io.export.whole_files import whole
from eventsim.io.plain import one_path
from eventsim.scenarios import metric_units
from eventsim.scenarios.shell import reporting, results

if TYPE_CHECKING:
    from eventsim.trace import Trace

__all__ = ["Comparison", "compare"]

HOW = ("scenario", "preset", "seed", "hardware", "version")  # what a run is, beside its configuration
MOST_CURVES = 16


@dataclass(frozen=True, slots=True)
class Comparison:
    """Runs side by side; every row has one entry for each run, None where a run has nothing.

    Attributes
    ----------
    names : of the runs: their files, as short as they differ.
    differing : settings that differ, as the command line takes them.
    metrics : by name, as numbers.
    seconds : time that each run took.
    complete : whether each has finished.
    page : where the page was written, or None.
    units : of the metrics that the runs' scenarios name.
    """

    names: tuple[str, ...]
    differing: dict[str, tuple[str | None, ...]]
    metrics: dict[str, tuple[float | None, ...]]
    seconds: tuple[float | None, ...]
    complete: tuple[bool, ...]
    page: Path | None = None
    units: dict[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return the comparison as JSON has it."""
        return {
            "runs": list(self.names),
            "differing": {key: list(values) for key, values in self.differing.items()},
            "metrics": {key: list(values) for key, values in self.metrics.items()},
            "seconds": list(self.seconds),
            "complete": list(self.complete),
        }

    def as_text(self) -> str:
        """Return both tables for people, a column for each run."""
        from eventsim.scenarios.reproduce.table import columns

        rows = [["settings that differ", *self.names]]
        rows += [[f"  {key}", *(value or "-" for value in row)] for key, row in self.differing.items()]
        if not self.differing:
            rows.append(["  none"] + [""] * len(self.names))
        rows.append(["metrics"] + [""] * len(self.names))
        rows += [[f"  {key}", *values] for key, values in self.shown_metrics().items()]
        rows.append(["  time taken", *(f"{s:.1f} s" if s is not None else "-" for s in self.seconds)])
        if not all(self.complete):
            rows.append(["  finished", *("yes" if each else "no" for each in self.complete)])
        return "\n".join(line.rstrip() for line in columns(rows))

    def shown_metrics(self) -> dict[str, tuple[str, ...]]:
        """Return the metrics with their units, "-" where a run has none."""
        found = {}
        for key, values in self.metrics.items():
            unit = metric_units.unit_of(key, self.units)
            found[key] = tuple(metric_units.with_unit(v, unit) if v is not None else "-" for v in values)
        return found


@hinting
def compare(
    *paths: str | os.PathLike[str], output: str | os.PathLike[str] | None = None, title: str = ""
) -> Comparison:
    """Set the files of runs side by side; write a page with their curves over each other where asked.

    Parameters
    ----------
    paths : path
        Two or more files of runs, of one scenario or of several.
    output : path, optional
        A page for the browser, which needs the extra ``report``; ends with .html.

    Raises
    ------
    ConfigError
        If there are fewer than two files, one is named twice, or `output` is no page.
    FileNotFoundError, FileFormatError
        If a file is not there, not ours, or damaged.
    ImportError
        If a page is asked for and bokeh is not installed.
    """
    files = [one_path(path, "the file of a run") for path in paths]
    if len(files) < 2:
        raise ConfigError(f"a comparison needs two files or more, got {len(files)}")
    twice = next((path for path in files if files.count(path) > 1), None)
    if twice is not None:
        raise ConfigError(f"{twice} is named twice; a comparison needs different files")
    if output is not None:
        reporting.check_page_path(one_path(output, "output"))
    found = [results.describe(path) for path in files]
    if output is not None:
        from eventsim.io.report.page import need_bokeh

        need_bokeh()
    settings = [
        {key: each[key] for key in HOW if each[key] is not None} | dict(each["config"]) for each in found
    ]
    made = Comparison(
        names=tuple(_short_names(files)),
        differing=_differing(settings),
        metrics=_rows([each["metrics"] for each in found]),
        units={k: unit for each in found for k, unit in metric_units.units(each["scenario"]).items()},
        seconds=tuple(each["wall_seconds"] for each in found),
        complete=tuple(each["complete"] for each in found),
        page=Path(output) if output is not None else None,
    )
    if made.page is not None:
        _write(made, files, title)
    return made


def _short_names(files: Sequence[Path]) -> list[str]:
    """Return the names of files without what all of them share: ending, and folders that do not tell."""
    names = [path.stem for path in files]
    return names if len(set(names)) == len(names) else [str(path) for path in files]


def _rows(columns: Sequence[dict[str, Any]]) -> dict[str, tuple[Any, ...]]:
    """Return what is known by key, one entry for each column."""
    keys = dict.fromkeys(key for column in columns for key in column)
    return {key: tuple(column.get(key) for column in columns) for key in keys}


def _differing(settings: Sequence[dict[str, Any]]) -> dict[str, tuple[str | None, ...]]:
    texts = [{key: reporting.setting(value) for key, value in each.items()} for each in settings]
    return {key: row for key, row in _rows(texts).items() if len(set(row)) > 1}


def _write(made: Comparison, files: Sequence[Path], title: str) -> None:
    """Write the page: the two tables, and each series of all runs in one figure."""
    from eventsim import io
    from eventsim.io.report import Page
    from eventsim.io.report.blocks import paragraph, table

    assert made.page is not None
    page = Page(title or f"{len(files)} runs side by side", ", ".join(made.names))
    rows: list[tuple[Any, ...]] = [(key, *values) for key, values in made.differing.items()]
    page.add(
        "Settings that differ",
        table("A column for each run; a dash where a run has no such setting", ("key", *made.names), rows)
        if rows
        else paragraph("None: the runs have the same configuration, seed and version."),
    )
    rows = [(key, *values) for key, values in made.shown_metrics().items()]
    rows.append(("time taken", *(f"{s:.1f} s" if s is not None else None for s in made.seconds)))
    rows.append(("finished", *made.complete))
    page.add("Metrics", table("A column for each run", ("metric", *made.names), rows))
    page.add("Training", *_curves(page, made.names, [io.load(path, recordings=False) for path in files]))
    target = io.hdf5.safety.check_destination(made.page, overwrite=True)
    with whole(target) as new:
        new.write_text(page.html(), encoding="utf-8")


def _curves(page: Any, names: Sequence[str], runs: Sequence["Trace"]) -> list[str]:
    """Return each series of all runs in one figure, and its last values as a table."""
    from eventsim.io.plots import readable_name, series
    from eventsim.io.report import charts
    from eventsim.io.report.blocks import folded, joined, paragraph, table

    every = {
        key: {name: values for name, values in zip(names, row, strict=True) if values is not None}
        for key, row in _rows([series.curves(run) for run in runs]).items()
    }
    telling = {key: lines for key, lines in every.items() if any(map(series.tells, lines.values()))}
    places = []
    for key, lines in list(telling.items())[:MOST_CURVES]:
        fraction = series.is_fraction(series.kind_of(key), lines)
        places.append(
            page.figure(
                charts.curves(lines, readable_name(key), fraction=fraction),
                f"{readable_name(key)} of {', '.join(lines)} over epochs",
            )
        )
    if not places:
        return []
    more = len(telling) - MOST_CURVES
    note = paragraph(f"The first {MOST_CURVES} of {len(telling)} series.", "note") if more > 0 else ""
    rows = [
        (key, *(float(lines[name][-1]) if name in lines else None for name in names))
        for key, lines in every.items()
    ]
    last = table("Last value of each series", ("series", *names), rows)
    return [joined(places), note, folded("Last values as a table", last)]
