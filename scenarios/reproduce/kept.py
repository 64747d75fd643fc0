"""The tables that are kept, `docs/reproduced/NAME.json`: written by ``eventsim reproduce --keep`` alone.

A table is a list of objects, one for each row of the paper that was measured. A row that is measured again
replaces what was kept of it; a row that is not reached stays, with a line that says why.
"""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eventsim.errors import ConfigError
from eventsim.scenarios.reproduce.published import Paper

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


def kept_folder() -> Path:
    """Return `docs/reproduced` of the source tree that this package runs from.

    Raises
    ------
    ConfigError
        If the package is installed without its source tree.
    """
    root = Path(__file__).resolve().parents[2]
    if not (root / "pyproject.toml").is_file() or not (root / "docs").is_dir():
        raise ConfigError("--keep writes docs/reproduced of a source tree, and this package runs without one")
    return root / "docs" / "reproduced"


def read_kept(name: str, folder: Path | None = None) -> list[dict[str, Any]]:
    """Return the kept table of a paper; empty if there is none.

    Parameters
    ----------
    name : str
        Of the scenario.
    folder : Path, optional
        `kept_folder()` where None.
    """
    try:
        path = (kept_folder() if folder is None else folder) / f"{name}.json"
    except ConfigError:
        return []
    if not path.is_file():
        return []
    records: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return records


def keep(paper: Paper, records: Sequence[Mapping[str, Any]], folder: Path | None = None) -> Path:
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
    folder = kept_folder() if folder is None else folder
    known: dict[tuple[str, str], Mapping[str, Any]] = {}
    known |= {_key(record): record for record in read_kept(paper.name, folder)}
    known |= {_key(record): record for record in records if record["reached"] is not None}
    order = [(row.row, row.metric) for row in paper.rows]
    table = [{key: known[row][key] for key in KEYS if key in known[row]} for row in order if row in known]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{paper.name}.json"
    new = path.with_suffix(".new")
    new.write_text(json.dumps(table, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    os.replace(new, path)
    return path


def _key(record: Mapping[str, Any]) -> tuple[str, str]:
    return str(record["row"]), str(record["metric"])
