"""``eventsim report``: everything that the file of a run says, as one page that opens without a network."""

import io as text_io
import os
import shlex
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim.errors import ConfigError, FileFormatError
from eventsim.hints import hinting
from eventsim.io.export.whole_files import whole
from eventsim.io.plain import one_path
from eventsim.registry import lookup
from eventsim.scenarios import metric_units
from eventsim.scenarios.parameters import keys, summary
from eventsim.scenarios.reproduce.published import rows_for
from eventsim.scenarios.shell import results

if TYPE_CHECKING:
    from eventsim.io.neurobench import Results
    from eventsim.io.report import Page
    from eventsim.trace import Trace

__all__ = ["check_page_path", "report"]

LARGEST_SVG = 200_000  # bytes; a picture of many points is smaller as PNG
MATRICES = 12  # distributions shown
VARIABLES = 12
CURVES = 8


@hinting
def report(
    path: str | os.PathLike[str],
    output: str | os.PathLike[str] | None = None,
    *,
    neurobench: bool = False,
    data: Path | None = None,
) -> Path:
    """Write the page of a run and return where it is.

    The page has summary, configuration, training curves, rasters that zoom, membranes, distributions of
    weights and delays, the scenario's own plots and how the run came about. It needs nothing but a browser.

    Parameters
    ----------
    path : path
        File of a run.
    output : path, optional
        Ends with .html; beside the run and named after it where None.
    neurobench : bool
        Measure the trained network as NeuroBench defines it, and show the table.
    data : Path, optional
        Folder of data sets for the measurement; the environment variable EVENTSIM_DATA where None.

    Raises
    ------
    ImportError
        If bokeh is not installed.
    ConfigError
        If `output` is no page or its folder does not exist; or the run has nothing that NeuroBench measures.
    FileNotFoundError, FileFormatError
        If the file is not there, not ours, damaged, or newer than this version.
    """
    from eventsim import io
    from eventsim.io.report.page import need_bokeh

    path = one_path(path, "the file of a run")
    target = one_path(output, "output") if output is not None else path.with_suffix(".html")
    check_page_path(target)
    found = results.describe(path)
    need_bokeh()
    measured = None
    if neurobench:
        from eventsim.scenarios.shell import measured_runs

        measured = measured_runs.measure(path, data=data)
    page = _page(io.load(path), found, path, measured)
    target = io.hdf5.safety.check_destination(target, overwrite=True)
    with whole(target) as new:
        new.write_text(page.html(), encoding="utf-8")
    return target


def check_page_path(path: Path) -> None:
    """Raise `ConfigError` unless a page can be written to `path`."""
    if path.suffix.lower() not in (".html", ".htm"):
        raise ConfigError(f"the file of a page must end with .html, got {str(path)!r}")
    if not path.parent.is_dir():
        raise ConfigError(f"folder {str(path.parent)!r} does not exist; make it first, or write elsewhere")


def _page(run: "Trace", found: Mapping[str, Any], path: Path, measured: "Results | None") -> "Page":
    """Put the page together."""
    from eventsim.io import plots
    from eventsim.io.report import Page
    from eventsim.io.report.blocks import paragraph, table
    from eventsim.io.report.rasters import add_rasters

    kind: Any = lookup("scenario", str(found["scenario"]))
    page = Page(results.title(found), summary(kind) if kind is not None else "")
    page.add("Summary", _summary(found, kind, run))
    page.add("Configuration", _configuration(found, kind))
    page.add("Training", *_training(page, run))
    span = (plots.runs.first_time(run), plots.runs.duration_of(run))
    page.add("Spikes", add_rasters(page, run, span, plots.decisions.shown_samples(run)))
    page.add("Membranes and other variables", *_variables(page, run))
    page.add("Weights and delays", *_distributions(page, run))
    page.add("Plots", *_plots(run, found))
    if measured is not None:
        rows = io_rows(measured)
        page.add(
            "NeuroBench", table("What NeuroBench measures of the trained network", ("metric", "value"), rows)
        )
    page.add("How it came about", _provenance(run, found, path), paragraph(_date(run, path), "note"))
    return page


def io_rows(measured: "Results") -> list[tuple[str, Any]]:
    """Return the metrics of NeuroBench and ours, one a row."""
    from eventsim.io.neurobench.results import flattened

    return [(name, value) for name, value in flattened(measured.as_dict()).items()]


def _summary(found: Mapping[str, Any], kind: Any, run: "Trace") -> str:
    """Return metrics beside the paper's, and the populations."""
    from eventsim.io.report.blocks import joined, paragraph, table

    tables = []
    text = "".join(paragraph(f"Note: {note}", "note") for note in found["notes"])
    text += "".join(paragraph(f"Changed at {line}", "note") for line in found["changes"])
    if not found["complete"]:
        text += paragraph("The run is not finished; this is what it has kept so far.")
    paper = _values_of_paper(found, kind, run)
    if found["metrics"]:
        units = metric_units.units(found["scenario"])
        columns = ("metric", "value", "paper") if paper else ("metric", "value")
        rows = [
            (name, metric_units.with_unit(value, metric_units.unit_of(name, units)), paper.get(name, ""))[
                : len(columns)
            ]
            for name, value in found["metrics"].items()
        ]
        tables.append(table("Metrics", columns, rows))
    if found["populations"]:
        unit = found["time_unit"]
        rows = []
        for name, size in found["populations"].items():
            spikes = len(run.spikes.get(name, ()))
            rows.append((name, size, spikes, spikes / size if size else None))
        caption = f"Populations, recorded for {found['duration']:.6g} {unit}".removesuffix(" 1")
        tables.append(table(caption, ("population", "units", "spikes", "spikes a unit"), rows))
    return text + joined(tables)


def _values_of_paper(found: Mapping[str, Any], kind: Any, run: "Trace") -> Mapping[str, str]:
    """Return the paper's values by metric, where the run has the settings that they are of."""
    from eventsim.io import config

    if kind is None or run.provenance.get("replacement_data"):
        return {}
    try:
        rows = rows_for(config.make(kind, found["config"]), str(found["scenario"]))
    except ConfigError:  # a configuration of an earlier version that is none today
        return {}
    return {metric: results.paper_value(row) for metric, row in rows.items()}


def _configuration(found: Mapping[str, Any], kind: Any) -> str:
    """Return the configuration: value, unit and meaning of each key, a table for each section."""
    from eventsim.io.report.blocks import columns, paragraph, table

    values: Mapping[str, Any] = found["config"]
    if not values:
        return ""
    if kind is None:
        return table("Settings", ("key", "value"), [(key, setting(value)) for key, value in values.items()])
    known = [key for key in keys(kind) if key.name in values]
    tables = []
    for section in dict.fromkeys(key.section for key in known):
        rows: list[tuple[str, ...]] = []
        changed: list[int] = []
        for key in (key for key in known if key.section == section):
            default, value = setting(key.default), setting(values[key.name])
            if value != default:
                changed.append(len(rows))
            rows.append((key.name, value, default, key.meaning))
        names = ("key", "value", "default", "unit and meaning")
        tables.append(table(section.capitalize() or "Settings", names, rows, marked=changed))
    listed = {key.name for key in known}
    rest = [(name, setting(value)) for name, value in values.items() if name not in listed]
    if rest:
        tables.append(table("Further settings", ("key", "value"), rest))
    return paragraph("Coloured rows differ from the default.", "note") + columns(tables)


def _training(page: "Page", run: "Trace") -> list[str]:
    """Return training curves, and their last values for those who do not see curves."""
    from eventsim.io.plots import readable_name, series
    from eventsim.io.report import charts
    from eventsim.io.report.blocks import folded, joined, paragraph, table

    groups = series.groups(run)
    places = []
    for kind, group in list(groups.items())[:CURVES]:
        drawn = charts.curves(group, readable_name(kind), fraction=series.is_fraction(kind, group))
        places.append(page.figure(drawn, f"{charts.names_in(list(group))} over epochs"))
    if not places:
        return []
    rows = [
        (name, len(values), float(values[0]), float(values[-1]), float(np.min(values)), float(np.max(values)))
        for name, values in series.curves(run).items()
    ]
    columns = ("series", "epochs", "first", "last", "lowest", "highest")
    more = len(groups) - CURVES
    note = (
        paragraph(f"The first {CURVES} of {len(groups)} kinds; the table has all.", "note")
        if more > 0
        else ""
    )
    return [joined(places), note, folded("The same as a table", table("Series over epochs", columns, rows))]


def _variables(page: "Page", run: "Trace") -> list[str]:
    """Return sampled variables over time, membranes with their thresholds."""
    from eventsim.io import declared
    from eventsim.io.report import charts
    from eventsim.io.report.blocks import joined, paragraph

    places, thin = [], False
    items = [(names, samples) for names, samples in run.samples.items() if len(samples.times)]
    for (population, variable), samples in items[:VARIABLES]:
        thin |= len(samples.times) > charts.MOST_POINTS
        unit = declared.unit_of(run, population, variable)
        levels = declared.thresholds(run, population, variable, samples.units[: charts.LINES_SHOWN])
        label = f"{population}: {variable}" + (f" ({unit})" if unit else "")
        drawn = charts.membranes(samples, label, run.time_unit, thresholds=levels)
        n = min(charts.LINES_SHOWN, len(samples.units))
        words = f"{variable} of {n} unit{'s' * (n > 1)} of {population} over time"
        places.append(page.figure(drawn, words))
    notes = []
    if thin:
        notes.append(
            f"Long lines are drawn by the lowest and highest of {charts.MOST_POINTS // 2} stretches."
        )
    if len(items) > VARIABLES:
        notes.append(f"The first {VARIABLES} of {len(items)} variables.")
    return [joined(places), *(paragraph(note, "note") for note in notes)] if places else []


def _distributions(page: "Page", run: "Trace") -> list[str]:
    """Return distributions of weights and delays, before and after training, and their statistics."""
    from eventsim.io.plots import readable_name, series
    from eventsim.io.report import charts
    from eventsim.io.report.blocks import joined, paragraph, table

    found = {
        name: values
        for name, values in run.parameters.items()
        if name.startswith(("weight/", "delay/")) and values.size and values.dtype.kind in "iuf"
    }
    order = series.in_order(run, [name.partition("/")[2] for name in found])
    found = dict(sorted(found.items(), key=lambda each: order.index(each[0].partition("/")[2])))
    places: list[str] = []
    rows: list[tuple[Any, ...]] = []
    for name, values in found.items():
        kind, _, projection = name.partition("/")
        before = run.parameters.get(f"initial/{name}", run.parameters.get(f"initial/{projection}"))
        before = before if before is not None and before.shape == values.shape else None
        between = readable_name(projection.replace("->", " → "))
        if len(places) < MATRICES:
            label = f"delay ({run.time_unit})" if kind == "delay" else kind
            drawn = charts.distribution(values, label, before, title=f"{kind}s, {between}")
            places.append(page.figure(drawn, f"Distribution of {kind}s, {between}"))
        flat = np.asarray(values, np.float64)
        shape = " x ".join(map(str, values.shape))
        zeros = float((flat == 0).mean())
        rows.append((name, shape, *(float(f(flat)) for f in (np.mean, np.std, np.min, np.max)), zeros))
    if not places:
        return []
    columns = ("array", "shape", "mean", "deviation", "lowest", "highest", "share of zeros")
    note = f"The first {MATRICES} of {len(found)} arrays are drawn." if len(found) > MATRICES else ""
    return [joined(places), paragraph(note, "note") if note else "", table("Statistics", columns, rows)]


def _plots(run: "Trace", found: Mapping[str, Any]) -> list[str]:
    """Return the scenario's own plots as pictures."""
    from eventsim.io.plots import readable_name
    from eventsim.io.plots.finishing import save, words_of
    from eventsim.io.report.blocks import paragraph, picture

    pictures = []
    try:
        own = results.own_plots(run)
    except FileFormatError as error:
        return [paragraph(f"No plots: {error}.", "note")]
    for name, draw in own.items():
        try:
            figure = draw(run)
        except FileFormatError as error:
            pictures.append(paragraph(f"{readable_name(name)} is not drawn: {error}.", "note"))
            continue
        svg = text_io.BytesIO()
        save(figure, svg, "svg")
        image, kind = svg.getvalue(), "svg+xml"
        if len(image) > LARGEST_SVG:
            png = text_io.BytesIO()
            save(figure, png, "png", dpi=110)
            image, kind = png.getvalue(), "png"
        pictures.append(
            picture(image, kind, readable_name(name).replace("-", " ").capitalize(), words_of(draw))
        )
    return pictures


def _provenance(run: "Trace", found: Mapping[str, Any], path: Path) -> str:
    """Return what is known of the run's origin, and the command that repeats it."""
    from eventsim.io.report.blocks import table

    known = {key: value for key, value in run.provenance.items() if key not in ("notes", "changes")}
    seconds = known.pop("wall_seconds", None)
    rows: list[tuple[str, Any]] = [("file", path.name)]
    if found["scenario"]:
        rows.append(("command", command(found)))
    rows += [(key.replace("_", " "), setting(value)) for key, value in known.items() if value != ""]
    if isinstance(seconds, float | int):
        rows.append(("time taken", f"{seconds:.1f} s"))
    return table("Provenance", ("what", "value"), rows)


def command(found: Mapping[str, Any]) -> str:
    """Return the command that runs the same again: the preset, and each key that differs from it."""
    kind: Any = lookup("scenario", str(found["scenario"]))
    words = ["eventsim", "run", str(found["scenario"])]
    base: Mapping[str, Any] = {}
    if kind is not None:
        base = {key.name: key.default for key in keys(kind)}
        base |= kind.presets.get(found["preset"], {}) if found["preset"] else {}
    for option in ("preset", "hardware", "seed"):
        if found[option] is not None:
            words += [f"--{option}", str(found[option])]
    for key, value in found["config"].items():
        if key not in base or setting(value) != setting(base[key]):
            words.append(f"{key}={setting(value)}")
    return shlex.join(words)


def setting(value: object) -> str:
    """Return a setting as the command line takes it.

    >>> setting((1, 2.5)), setting(None), setting(True), setting("ttfs"), setting({"a": 1})
    ('[1,2.5]', 'none', 'true', 'ttfs', '{a=1}')
    """
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}={setting(each)}" for key, each in value.items()) + "}"
    if isinstance(value, tuple | list):
        return "[" + ",".join(map(setting, value)) + "]"
    if value is None or isinstance(value, bool):
        return "none" if value is None else str(value).lower()
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)


def _date(run: "Trace", path: Path) -> str:
    """Return when the file and this page were written."""
    import eventsim

    written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return (
        f"The file was written on {written:%Y-%m-%d at %H:%M} UTC. "
        f"This page was made by eventsim {eventsim.__version__} on {datetime.now(UTC):%Y-%m-%d at %H:%M} UTC."
    )
