"""A trace as CSV files: spikes in one, each sampled variable in another."""

import csv
import re
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from eventsim.hints import hinting
from eventsim.io.declared import unit_of
from eventsim.io.export.sources import Recorder, trace_of
from eventsim.io.export.whole_files import whole
from eventsim.io.plain import one_path
from eventsim.trace import Trace


@hinting
def to_csv(trace: Trace | Recorder, folder: Path | str) -> list[Path]:
    """Write the recordings of a trace as CSV, and return the files.

    ``spikes.csv`` has columns population, unit and time; ``samples-POPULATION-VARIABLE.csv`` has the time and
    a column for each unit. Times are in the trace's unit, and numbers are written so that they read back to
    the bit. Units stand in the heads of columns where they are known. The folder is made; files of these
    names are replaced.

    Raises
    ------
    OSError
        If the folder cannot be made or written.
    """
    trace, folder = trace_of(trace), one_path(folder, "folder")
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / "spikes.csv"]
    unit = f" ({trace.time_unit})" if trace.time_unit not in ("", "1") else ""
    with whole(written[0]) as new, open(new, "w", newline="", encoding="utf-8") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["population", "unit", f"time{unit}"])
        for name, spikes in trace.spikes.items():
            out.writerows(
                (name, unit_, repr(time))
                for time, unit_ in zip(*_lists(spikes.times, spikes.units), strict=True)
            )
    for (name, variable), samples in trace.samples.items():
        path = folder / f"samples-{_word(name)}-{_word(variable)}.csv"
        number = 2
        while path in written:  # of another name that has the same letters
            path = folder / f"samples-{_word(name)}-{_word(variable)}-{number}.csv"
            number += 1
        kind = unit_of(trace, name, variable)
        kind = f" ({kind})" if kind else ""
        with whole(path) as new, open(new, "w", newline="", encoding="utf-8") as file:
            out = csv.writer(file, lineterminator="\n")
            out.writerow([f"time{unit}", *(f"unit {k}{kind}" for k in samples.units.tolist())])
            for time, values in zip(*_lists(samples.times, samples.values), strict=True):
                out.writerow([repr(time), *map(repr, values)])
        written.append(path)
    return written


def _lists(first: NDArray[Any], second: NDArray[Any]) -> tuple[list[Any], list[Any]]:
    return first.tolist(), second.tolist()


def _word(name: str) -> str:
    """Return a name that a file may have."""
    return re.sub(r"[^\w.+-]+", "_", name)
