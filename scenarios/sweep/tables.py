"""The table of a sweep: a row a run, as CSV, as Parquet, as text."""

import csv
import io as text_io
import json
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eventsim.errors import ConfigError, FileFormatError
from eventsim.io.export.whole_files import whole

if TYPE_CHECKING:
    import pandas

FILE = "table.csv"
FORMATS = (".csv", ".parquet", ".json")
LAST = ("file", "error")
SHOWN = 12  # columns of the table that people get

Row = dict[str, Any]


def rows(folder: Path, runs: Mapping[str, Mapping[str, Any]], keys: Sequence[str]) -> list[Row]:
    """Return a row for each run: run, status, its point, metrics, seconds, configuration, file, error.

    Configuration has the prefix ``config.``. All rows have the same columns; None where a run has nothing.
    """
    found = [_row(folder, name, run, keys) for name, run in runs.items()]
    columns = list(dict.fromkeys(column for row in found for column in row))
    order = ("run", "status", *keys)
    columns.sort(key=lambda each: _place(each, order, LAST))
    return [{column: row.get(column) for column in columns} for row in found]


def _place(column: str, first: Sequence[str], last: Sequence[str]) -> tuple[int, int]:
    if column in first:
        return 0, first.index(column)
    if column in last:
        return 4, last.index(column)
    return (3 if column.startswith("config.") else 2 if column in ("seconds", "version") else 1), 0


def _row(folder: Path, name: str, run: Mapping[str, Any], keys: Sequence[str]) -> Row:
    from eventsim import io

    point = run["point"]
    row: Row = {"run": name, "status": "absent", **{key: _plain(point.get(key)) for key in keys}}
    path = folder / run["file"]
    try:
        trace = io.load(path, recordings=False)
        complete = io.hdf5.is_complete(path)
        config, how = io.config.from_toml(trace.config, str(path))
    except (OSError, FileFormatError, ConfigError):
        pass
    else:
        row["status"] = "finished" if complete else "unfinished"
        row |= trace.metrics
        row |= {"seconds": trace.provenance.get("wall_seconds"), "version": trace.provenance.get("version")}
        settings = {**{key: how.get(key) for key in ("preset", "hardware", "seed")}, **config}
        row |= {f"config.{key}": _plain(value) for key, value in _flat(settings).items()}
    if run.get("error"):
        row["status"] = "failed"
    return row | {"file": run["file"], "error": run.get("error")}


def _flat(values: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Return nested values with dots in their keys."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= _flat(value, f"{before}{key}.") if isinstance(value, Mapping) else {before + key: value}
    return flat


def _plain(value: Any) -> Any:
    """Return a value that fits into one field."""
    return json.dumps(value) if isinstance(value, list | tuple | dict) else value


def frame(table: Sequence[Row]) -> "pandas.DataFrame":
    """Return a table as a data frame.

    Raises
    ------
    ImportError
        If pandas is not installed.
    """
    try:
        import pandas
    except ImportError:
        raise ImportError(
            "tables as data frames and Parquet need pandas: pip install 'eventsim[sweep]'"
        ) from None
    return pandas.DataFrame(list(table))


def check_path(path: Path) -> None:
    """Raise `ConfigError` unless a table can be written to a file of this name; asked before runs begin.

    Raises
    ------
    ConfigError
        If the name has another ending, or its folder does not exist.
    ImportError
        If it is of Parquet, and what writes that is not installed.
    """
    if path.suffix.lower() not in FORMATS:
        raise ConfigError(f"the file of a table must end with one of {', '.join(FORMATS)}, got {str(path)!r}")
    if not path.parent.is_dir():
        raise ConfigError(f"folder {str(path.parent)!r} does not exist; make it first, or write elsewhere")
    missing = [each for each in ("pandas", "pyarrow") if find_spec(each) is None]
    if path.suffix.lower() == ".parquet" and missing:
        raise ImportError(f"Parquet needs {' and '.join(missing)}: pip install 'eventsim[sweep]'")


def write(table: Sequence[Row], path: Path) -> None:
    """Write a table, by the end of the file's name as CSV, Parquet or JSON; beside and renamed."""
    check_path(path)
    with whole(path) as new:
        if path.suffix.lower() == ".parquet":
            frame(table).to_parquet(new)
        elif path.suffix.lower() == ".json":
            new.write_text(json.dumps(list(table), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        else:
            new.write_text(as_csv(table), encoding="utf-8")


def as_csv(table: Sequence[Row]) -> str:
    """Return a table as CSV; what is missing is empty."""
    out = text_io.StringIO(newline="")
    writer = csv.DictWriter(out, list(table[0]) if table else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    return out.getvalue()


def as_text(table: Sequence[Row], keys: Sequence[str]) -> str:
    """Return point, metrics and seconds of all runs for people, with columns that fit a screen."""
    if not table:
        return "no runs"
    room = max(1, SHOWN - len(keys))
    known = metrics(table, keys)[:-1]
    shown = [column for column in ("status", *keys, *known[:room], "seconds") if column in table[0]]
    lines = [shown, *([_short(row[column]) for column in shown] for row in table)]
    widths = [max(len(line[k]) for line in lines) for k in range(len(shown))]
    text = [
        "  ".join(each.ljust(width) for each, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
    more = len(known) - room
    return "\n".join(text + ([f"{more} more metrics: {FILE} has them"] if more > 0 else []))


def metrics(table: Sequence[Row], keys: Sequence[str]) -> list[str]:
    """Return the columns that runs report, and their seconds."""
    columns = table[0] if table else {}
    return [each for each in columns if _place(each, ("run", "status", *keys), LAST)[0] == 1] + ["seconds"]


def _short(value: object) -> str:
    return "-" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
