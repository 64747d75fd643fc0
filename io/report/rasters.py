"""Rasters that show a density from afar and every spike from near, without a server.

All spikes are on the page where they fit into `BUDGET`. The page's script then counts those of the visible
stretch in the cells of an image, or draws them one by one where there are few. Of more spikes the page holds
counts in small cells for the whole run, and single spikes for a stretch of it; it says so.
"""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim.io.plots.decisions import ShownSample
from eventsim.io.plots.styling import COLOURS, time_label
from eventsim.io.report import spike_blocks
from eventsim.io.report.blocks import paragraph
from eventsim.io.report.charts import NO_GROUND
from eventsim.trace import Spikes, Trace

if TYPE_CHECKING:
    from eventsim.io.report.page import Page

BUDGET = 1_700_000
"""Bytes of all spikes before base64, which adds a third."""
SHOWN = 12  # populations
COLUMNS, MOST_ROWS = 900, 240  # cells of the image
FINE_CELLS, FINE_ROWS = 2_400_000, 256  # of the counts that are kept where spikes do not fit
POINTS = 20_000  # that are drawn one by one, all populations together
CLASSES = 40  # samples whose class is written


def add_rasters(page: "Page", run: Trace, span: tuple[float, float], shown: Sequence[ShownSample]) -> str:
    """Return the rasters of a run with their buttons, as HTML; "" for a run without spikes.

    Parameters
    ----------
    span : (float, float)
        Where the time axis begins and ends.
    shown : sequence of ShownSample
        Samples that were shown one after the other, with class and first label spike.
    """
    trains = {name: spikes for name, spikes in run.spikes.items() if len(spikes)}
    if not trains:
        return ""
    names = list(trains)[:SHOWN]
    sizes = {name: max(run.sizes.get(name, 0), int(trains[name].units.max()) + 1) for name in names}
    left, right = span
    n_spikes = sum(len(trains[name]) for name in names)
    bits = spike_blocks.best_bits(n_spikes, sum(sizes.values()), BUDGET)
    whole = bits >= spike_blocks.LEAST_BITS
    end = right if whole else left + (right - left) * _share_that_fits(n_spikes, sum(sizes.values()))
    bits = min(bits, spike_blocks.MOST_BITS) if whole else 18
    from bokeh.models import Range1d

    x_range = Range1d(left, right, bounds=(left, right), min_interval=(right - left) / 2.0 ** (bits - 5))
    fine_columns = FINE_CELLS // sum(min(size, FINE_ROWS) for size in sizes.values())
    places, rasters = [], []
    for k, name in enumerate(names):
        spikes, n = trains[name], sizes[name]
        blocks = [spike_blocks.points(spikes, n, left, end, bits)]
        if not whole:
            blocks.append(spike_blocks.cells(spikes, n, left, right, fine_columns, FINE_ROWS))
        keys: list[dict[str, Any]] = []
        for block in blocks:
            key = f"spikes-{k}-{len(keys)}"
            page.data(key, block.encoded)
            about = {field: getattr(block, field) for field in block.__slots__ if field != "encoded"}
            keys.append({"key": key, **about})
        rasters.append({"name": f"raster-{k}", "blocks": keys, "n": n})
        figure = _figure(name, spikes, n, k, x_range, run.time_unit, shown, last=k == len(names) - 1)
        words = f"Raster of {name}: {len(spikes)} spikes of {n} units"
        places.append(page.figure(figure, words))
    told = {"rasters": rasters, "left": left, "right": right, "unit": run.time_unit, "points": POINTS}
    page.data("rasters", json.dumps(told))
    notes = _notes(run, len(trains), whole, end, (right - left) / 2.0**bits)
    return _buttons() + "".join(places) + "".join(paragraph(note, "note") for note in notes)


def _share_that_fits(n_spikes: int, n_units: int) -> float:
    """Return the share of the run whose single spikes fit beside the counts of the whole of it."""
    each = (18 + np.log2(n_units / n_spikes) + 1.44) / 8 * spike_blocks.OVERHEAD
    return float(np.clip(0.5 * BUDGET / each / n_spikes, 1e-6, 1.0))


def _notes(run: Trace, n_trains: int, whole: bool, end: float, step: float) -> list[str]:
    unit = run.time_unit
    notes = [f"Times on this page are rounded to {step:.2g} {unit}; the file has them exactly."]
    if not whole:
        notes = [
            f"These are too many spikes for one page. It has each of them up to {end:.4g} {unit}, and of the "
            "whole run counts in cells, which zooming in does not make finer. The file has all spikes."
        ]
    if n_trains > SHOWN:
        notes.append(f"The first {SHOWN} of {n_trains} populations that spiked.")
    return notes


def _figure(
    name: str,
    spikes: Spikes,
    n: int,
    k: int,
    x_range: Any,
    time_unit: str,
    shown: Sequence[ShownSample],
    last: bool,
) -> Any:
    """Return one raster: the image, the points, and on top what was shown when."""
    from bokeh.models import ColumnDataSource, HoverTool, LinearColorMapper, Range1d
    from bokeh.plotting import figure

    colour = COLOURS[k % len(COLOURS)]
    decides = any(each.population == name for each in shown)
    named = k == 0 and 0 < len(shown) <= CLASSES
    inside = float(np.clip(30 + 13 * np.sqrt(n), 48, 280))  # height of the axes, in pixels
    pad = 0.5 + 0.02 * n
    bottom, top = -pad, n - 1 + pad
    top += named * 20 / inside * (top - bottom)
    y_range = Range1d(bottom, top, bounds=(bottom, top), min_interval=min(3.0, top - bottom))
    height = int(inside + 46 + 20 * named + 22 * last + 32 * decides)
    drawn = figure(
        **NO_GROUND,
        height=height,
        sizing_mode="stretch_width",
        x_range=x_range,
        y_range=y_range,
        tools="box_zoom" if n > 40 else "xbox_zoom",
        toolbar_location=None,
        title=f"{name} ({n} unit{'s' if n != 1 else ''})" + "; above: true class of each sample" * named,
        name=f"raster-{k}",
        x_axis_label=time_label(time_unit) if last else None,
        y_axis_label="unit",
    )
    drawn.min_border_left, drawn.min_border_right = 62, 12
    drawn.xgrid.visible = drawn.ygrid.visible = False
    drawn.yaxis.ticker.min_interval = 1
    drawn.yaxis.bounds = (0, max(n - 1, 1))
    units_per_row = -(-n // MOST_ROWS)
    image = _image(spikes, n, units_per_row, x_range.start, x_range.end)
    levels = [f"{colour}{max(0, level):02x}" for level in _opacities()]
    drawn.image(
        image="image",
        x="x",
        y="y",
        dw="dw",
        dh="dh",
        source=ColumnDataSource(
            {
                "image": [image],
                "x": [x_range.start],
                "y": [-0.5],
                "dw": [x_range.end - x_range.start],
                "dh": [float(len(image) * units_per_row)],
            },
            name=f"raster-{k}-image",
        ),
        color_mapper=LinearColorMapper(palette=levels, low=0, high=255),
    )
    size = float(np.clip(200 / n, 3, 12))
    points = drawn.scatter(
        "x",
        "y",
        source=ColumnDataSource({"x": [], "y": []}, name=f"raster-{k}-points"),
        marker="dash" if n <= 150 else "circle",
        angle=np.pi / 2,
        size=size,
        line_width=1.6 if n <= 150 else 0,
        line_color=colour,
        fill_color=colour,
    )
    drawn.add_tools(HoverTool(renderers=[points], tooltips=[("time", "@x{0.0000}"), ("unit", "@y")]))
    if shown:
        _mark_shown(drawn, name, shown, n, named)
    return drawn


def _opacities() -> list[int]:
    """Return the opacity of each level of an image: nothing for no spike, visible for one."""
    return [0, *(int(70 + 185 * level / 255) for level in range(1, 256))]


def _image(spikes: Spikes, n: int, units_per_row: int, left: float, right: float) -> Any:
    """Return levels from 0 to 255 for the logarithm of counts in cells, as the page's script makes them."""
    column = np.clip(((spikes.times - left) * (COLUMNS / (right - left))).astype(np.int64), 0, COLUMNS - 1)
    rows = -(-n // units_per_row)
    counts = np.bincount((spikes.units // units_per_row) * COLUMNS + column, minlength=rows * COLUMNS)
    lowest, highest = np.log1p([counts.min(), counts.max()])
    levels = 1 + 254 * (np.log1p(counts) - lowest) / max(highest - lowest, 1e-12)
    levels = np.where(counts > 0, np.rint(levels), 0).astype(np.uint8)
    return levels.reshape(rows, COLUMNS)


def _mark_shown(drawn: Any, name: str, shown: Sequence[ShownSample], n: int, named: bool) -> None:
    """Mark where samples begin; write their classes above the first raster; mark first label spikes."""
    from bokeh.models import Span as Line

    for each in shown[1:]:
        line = Line(location=each.start, dimension="height", line_width=1, line_dash="dotted")
        drawn.add_layout(line)
        line.line_color = "#8a929c"
    if named:
        drawn.text(
            x=[(each.start + each.end) / 2 for each in shown],
            y=[n - 0.5] * len(shown),
            text=[str(each.label) for each in shown],
            text_align="center",
            text_baseline="bottom",
            text_font_size="11px",
        )
    decided = [each for each in shown if each.population == name and each.first is not None]
    for right, marker, words in ((True, "star", "right"), (False, "x", "wrong")):
        chosen = [each for each in decided if (each.unit == each.label) == right]
        if chosen:
            drawn.scatter(
                [each.first for each in chosen],
                [each.unit for each in chosen],
                marker=marker,
                size=13,
                line_width=2 if marker == "x" else 1,
                fill_color="#ffd24d",
                line_color="#5a5f66",
                legend_label=f"first label spike, {words}",
            )
    if decided:
        drawn.legend.location = "left"
        drawn.legend.orientation = "horizontal"
        drawn.legend.margin = drawn.legend.padding = 2
        drawn.legend.spacing = 16
        drawn.add_layout(drawn.legend[0], "below")


def _buttons() -> str:
    actions: Mapping[str, str] = {
        "in": "Zoom in",
        "out": "Zoom out",
        "earlier": "Earlier",
        "later": "Later",
        "whole": "Whole run",
    }
    buttons = "".join(
        f'<button type="button" data-raster="{action}">{words}</button>' for action, words in actions.items()
    )
    return (
        '<p class="note">Drag across a raster to see a stretch of it from near; the buttons do the same for '
        "the keyboard.</p>"
        f'<div class="buttons" role="group" aria-label="Time shown">{buttons}</div>'
        '<p class="note" id="raster-status" role="status" aria-live="polite"></p>'
    )
