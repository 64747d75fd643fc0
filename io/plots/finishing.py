"""What every plot of a run gets at the end: which run it is of, and a file that is the same every time."""

import os
from collections.abc import Callable
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eventsim.io.export.whole_files import whole
from eventsim.io.plots.styling import style
from eventsim.trace import Trace

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["labelled", "origin", "save", "words_of"]

DPI = 150
SIZE = 9  # of the line that says which run it is, in points
UNDATED: dict[str, dict[str, Any]] = {
    ".svg": {"Date": None},
    ".pdf": {"CreationDate": None, "ModDate": None},
    ".eps": {"CreationDate": None},
    ".ps": {"CreationDate": None},
}


def origin(run: Trace) -> str:
    """Return which run it is: scenario, preset, hardware and seed, as far as the trace says.

    >>> origin(Trace(provenance={"scenario": "delgrad", "preset": "WS", "seed": 3}))
    'delgrad, preset WS, seed 3'
    """
    about = run.provenance
    words = [str(about["scenario"])] if about.get("scenario") else []
    words += [
        f"{word} {about[key]}"
        for key, word in (("preset", "preset"), ("hardware", "on"), ("seed", "seed"))
        if about.get(key) not in (None, "", "ideal")
    ]
    return ", ".join(words)


def labelled(draw: Callable[[Trace], "Figure"]) -> Callable[[Trace], "Figure"]:
    """Return the same plot with a line at its top that says which run it is of."""

    @wraps(draw)
    def drawn(run: Trace) -> "Figure":
        figure, words = draw(run), origin(run)
        title = figure.get_suptitle()
        if words and not title.startswith(words):
            figure.suptitle(
                f"{words}: {title}" if title else words,
                x=0.01,
                horizontalalignment="left",
                fontsize=SIZE,
                fontweight="normal",
                color="#4d555e",
            )
        return figure

    return drawn


def words_of(draw: Callable[..., Any]) -> str:
    """Return what a plot shows, from the first line of its function: "Draw a, b" says it shows "A, b"."""
    function: Any = draw
    while hasattr(function, "__wrapped__") or isinstance(function, partial):
        function = function.func if isinstance(function, partial) else function.__wrapped__
    line = (function.__doc__ or "").strip().partition("\n")[0]
    line = line.removeprefix("Draw ").removeprefix("Return a figure of ")
    return line[:1].upper() + line[1:]


def save(figure: "Figure", path: str | os.PathLike[str] | Any, kind: str = "", dpi: int = DPI) -> None:
    """Write a figure; the same figure gives the same bytes, also as SVG and PDF.

    Parameters
    ----------
    path : path or file
    kind : str
        Format; the ending of `path` where empty.
    """
    import matplotlib

    ending = f".{kind}" if kind else Path(path).suffix.lower()
    settings: dict[str, Any] = {"dpi": dpi, "format": kind or None, "metadata": UNDATED.get(ending)}
    with style(), matplotlib.rc_context({"svg.hashsalt": "eventsim"}):
        if not isinstance(path, str | os.PathLike):
            figure.savefig(path, **settings)
            return
        with whole(Path(path)) as new:
            figure.savefig(new, **settings)
