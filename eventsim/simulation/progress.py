"""Cutting a run into slices, so that somebody can watch it and its output can be moved on."""

import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

WANTED_SECONDS = 0.2  # of wall clock between two looks


def in_notebook() -> bool:
    """Return whether this is a cell of a notebook."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return type(shell).__name__ == "ZMQInteractiveShell"


def is_watched() -> bool:
    """Return whether a bar on standard error can be seen: in a terminal or a notebook."""
    isatty = getattr(sys.stderr, "isatty", None)  # a stream of somebody else's may have none
    return in_notebook() or (isatty is not None and isatty())


def bar_class() -> Any:
    """Return the class of bars: tqdm's widget in a notebook that has widgets, else its line of text."""
    if in_notebook() and find_spec("ipywidgets") is not None:
        from tqdm.notebook import tqdm as widget

        return widget
    from tqdm import tqdm

    return tqdm


def slices(
    now: float, until: float, progress: bool | Callable[[float, float], object], unit: str
) -> Iterator[float]:
    """Yield the ends of slices from `now` to `until`, each about a fifth of a second of wall clock long.

    Parameters
    ----------
    now, until : float
        In the network's time unit.
    progress : bool or callable
        True shows a bar with the remaining time on a terminal; a callable gets (now, until) after each slice.
    unit : str
        What the bar calls the time unit.
    """
    bar = None
    if progress is True:
        bar = bar_class()(
            total=until - now, unit=unit, unit_scale=True, disable=not is_watched(), leave=False
        )
    length = (until - now) / 256
    try:
        while now < until:
            end = min(now + length, until)
            if until - end < 1e-9 * (until - now) or end <= now:
                end = until
            started = time.monotonic()
            yield end
            seconds = time.monotonic() - started
            length *= min(max(WANTED_SECONDS / max(seconds, 1e-6), 0.25), 4.0)
            if bar is not None:
                bar.update(end - now)
            elif callable(progress):
                progress(end, until)
            now = end
    finally:
        if bar is not None:
            bar.close()
