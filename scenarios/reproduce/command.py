"""What ``eventsim reproduce`` prints."""

import json as json_text
import shlex
import sys
from pathlib import Path

from eventsim.errors import ConfigError
from eventsim.scenarios import streams
from eventsim.scenarios.reproduce import kept, table
from eventsim.scenarios.reproduce.measuring import reproduce
from eventsim.scenarios.reproduce.published import papers


def list_papers(json: bool) -> None:
    """Print the papers with rows reached of rows, by the kept tables."""
    known = papers()
    tables = {name: kept.read_kept(name) for name in known}
    if not json:
        streams.say(table.listing(known, tables))
        return
    found = [
        {
            "name": name,
            "paper": paper.title,
            "rows": len(paper.rows),
            "measured": len(tables[name]),
            "reached": sum(record["reached"] is True for record in tables[name]),
        }
        for name, paper in known.items()
    ]
    streams.say(json_text.dumps(found, indent=2, ensure_ascii=False))


def measure(
    name: str,
    *,
    quick: bool,
    only: str | None,
    folder: Path | None,
    data: Path | None,
    jobs: int | None,
    keeping: bool,
    json: bool,
) -> int:
    """Measure a paper, print its table, keep it if asked to, and return the exit status."""
    if keeping and quick:
        raise ConfigError("quick rows are never kept; leave out --quick or --keep")
    if keeping:
        kept.kept_folder()  # says now, not after the runs, if there is none
    result = reproduce(name, quick=quick, only=only, folder=folder, data=data, jobs=jobs, say=_say)
    if json:
        streams.say(json_text.dumps(result.records, indent=2, ensure_ascii=False, allow_nan=False))
    else:
        streams.say(table.as_text(result))
    if keeping:
        _say(f"kept in {kept.keep(result.paper, result.records)}")
    for title, error in result.failed.items():
        _say(f"eventsim: the run {title} failed: {error}")
    if result.stopped:
        words = ["eventsim", "reproduce", name, *(["--quick"] if quick else [])]
        words += ["--row", only] if only else []
        words += ["-o", str(folder)] if folder else []
        _say(f"eventsim: stopped, and what was done is kept; go on with: {shlex.join(words)}")
        return 130
    return 1 if result.failed else 0


def _say(text: str) -> None:
    streams.say(text, sys.stderr)
