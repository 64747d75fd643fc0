"""When and with which code each finished run was made: `runs.json` beside the files of the runs."""

import contextlib
import json
import os
import subprocess
from datetime import date
from pathlib import Path
from typing import Any

FILE = "runs.json"


class Ledger:
    """A table of finished runs by their hash: file, seconds, date, commit.

    It is written after every run, beside and renamed, so that what is done survives a crash.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._records: dict[str, dict[str, Any]] = {}
        with contextlib.suppress(OSError, ValueError):  # a missing or damaged table costs dates, no runs
            self._records = json.loads(self._path.read_text(encoding="utf-8"))

    def add(self, run: str, file: str, commit: str) -> None:
        """Note that a run is finished."""
        self._records[run] = {"file": file, "date": date.today().isoformat(), "commit": commit}
        new = self._path.with_suffix(".new")
        new.write_text(json.dumps(self._records, indent=1) + "\n", encoding="utf-8")
        os.replace(new, self._path)

    def made(self, run: str, path: Path) -> tuple[str, str]:
        """Return date and commit of a run; of the file, and "unknown", where it was not noted."""
        record = self._records.get(run)
        if isinstance(record, dict) and {"date", "commit"} <= record.keys():
            return str(record["date"]), str(record["commit"])
        return date.fromtimestamp(path.stat().st_mtime).isoformat(), "unknown"


def current_commit() -> str:
    """Return the commit of the code, marked with a plus where files differ; else the version.

    "0.1.0" is returned for an installed package, whose commit is not known.
    """
    import eventsim

    root = Path(__file__).resolve().parents[2]
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--abbrev=10", "--dirty=+", "--exclude=*"],
            cwd=root,
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return eventsim.__version__
    inside = (root / "pyproject.toml").is_file()  # else it is the repository of somebody else's project
    return found.stdout.strip() if inside else eventsim.__version__
