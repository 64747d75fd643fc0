"""The tables that are kept, `reproduced.json` beside `published.toml`; written with ``--keep`` alone.

They are installed with the package, so that it knows its figures without a source tree. A table is a list of
objects, one for each row of the paper that was measured. A row that is measured again replaces what was kept
of it; a row that is not reached stays, with a line that says why.
"""

import inspect
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eventsim.errors import ConfigError
from eventsim.scenarios import request
from eventsim.scenarios.reproduce.published import Paper

FILE = "reproduced.json"
KEYS = (
    "row",
    "metric",
    "paper",
    "paper_spread",
    "ours",
    "spread",
    "worst",
    "seeds",
    "reached",
    "command",
    "date",
    "commit",
    "wall_seconds",
    "why",
    "values",
    "criterion",
    "source",
    "unit",
    "decimals",
)
"""What is kept of a row, in this order."""


def kept_file(name: str) -> Path:
    """Return where the table of a scenario's paper is kept: beside the scenario's class."""
    return Path(inspect.getfile(request.scenario_kind(name))).resolve().with_name(FILE)


def read_kept(name: str, path: Path | None = None) -> list[dict[str, Any]]:
    """Return the kept table of a paper; empty if there is none.

    Parameters
    ----------
    name : str
        Of the scenario.
    path : Path, optional
        `kept_file(name)` where None.
    """
    path = kept_file(name) if path is None else path
    if not path.is_file():
        return []
    records: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return records


def check_kept_file(name: str) -> Path:
    """Return `kept_file(name)` if it lies in a source tree.

    Raises
    ------
    ConfigError
        If the package is installed without one, where tables of an installation would be changed.
    """
    path = kept_file(name)
    if not any((folder / "pyproject.toml").is_file() for folder in path.parents):
        raise ConfigError(f"--keep writes {FILE} into a source tree, and {path.parent} is in none")
    return path


def keep(paper: Paper, records: Sequence[Mapping[str, Any]], path: Path | None = None) -> Path:
    """Write what was measured into the kept table of a paper, in the order of its rows.

    Rows whose runs are not all finished are left as they were; rows that the paper's `published.toml` no
    longer has are dropped.

    Raises
    ------
    ConfigError
        If quick rows are to be kept, or there is no source tree.
    """
    if any(record.get("quick") for record in records):
        raise ConfigError("quick rows are never kept; leave out --quick or --keep")
    path = check_kept_file(paper.name) if path is None else path
    known: dict[tuple[str, str], Mapping[str, Any]] = {}
    known |= {_key(record): record for record in read_kept(paper.name, path)}
    known |= {_key(record): record for record in records if record["reached"] is not None}
    order = [(row.row, row.metric) for row in paper.rows]
    table = [{key: known[row][key] for key in KEYS if key in known[row]} for row in order if row in known]
    new = path.with_suffix(".new")
    new.write_text(json.dumps(table, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    os.replace(new, path)
    return path


def _key(record: Mapping[str, Any]) -> tuple[str, str]:
    return str(record["row"]), str(record["metric"])
