"""What ``eventsim reproduce`` prints."""

import json as json_text
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from eventsim.errors import ConfigError, UnknownPart
from eventsim.scenarios import streams
from eventsim.scenarios.reproduce import kept, report, table
from eventsim.scenarios.reproduce.measuring import FOLDER, Reproduction, reproduce
from eventsim.scenarios.reproduce.published import paper_of, papers


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What somebody asks to measure, and how to say it.

    Attributes
    ----------
    name : of the scenario, or None.
    everything : all papers, one after another.
    quick : the quick rows.
    only : rows that contain this.
    folder : where runs are kept.
    data, jobs : as for ``eventsim run`` and `reproduce`.
    keeping : write the kept tables.
    page : file of the report, or None.
    json : print JSON.
    """

    name: str | None = None
    everything: bool = False
    quick: bool = False
    only: str | None = None
    folder: Path | None = None
    data: Path | None = None
    jobs: int | None = None
    keeping: bool = False
    page: Path | None = None
    json: bool = False

    def words(self) -> str:
        """Return the command that asks for the same."""
        words = ["eventsim", "reproduce", self.name or "--all" * self.everything]
        words += ["--quick"] if self.quick else []
        for option, given in (("--row", self.only), ("-o", self.folder), ("--data", self.data)):
            words += [option, str(given)] if given is not None else []
        words += ["--report", str(self.page)] if self.page else []
        return shlex.join(word for word in words if word)


def carry_out(asked: Asked) -> int:
    """Do what is asked for, and return the exit status."""
    if asked.everything and asked.name:
        raise ConfigError(f"--all measures all papers; leave it out, or leave out {asked.name!r}")
    if asked.keeping and asked.quick:
        raise ConfigError("quick rows are never kept; leave out --quick or --keep")
    if asked.page is not None:
        report.check_path(asked.page)
    if asked.name is None and not asked.everything:
        return _without_runs(asked)
    names = list(papers()) if asked.everything else [str(asked.name)]
    if asked.keeping:
        for name in names:
            kept.check_kept_file(name)  # says now, not after the runs, if it is in no source tree
    return _measure(names, asked)


def _without_runs(asked: Asked) -> int:
    """List the papers, or write the page of what is kept."""
    for option, given in (("--quick", asked.quick), ("--keep", asked.keeping), ("--row", asked.only)):
        if given:
            raise ConfigError(f"{option} needs a paper: name one, or give --all")
    if asked.page is None:
        list_papers(asked.json)
        return 0
    measured = [report.from_kept(paper, kept.read_kept(name)) for name, paper in papers().items()]
    report.write(asked.page, measured, asked.words())
    _say(f"report of the kept tables: {asked.page}")
    return 0


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


def _measure(names: Sequence[str], asked: Asked) -> int:
    """Measure papers one after another; a run that fails stops no other."""
    results: list[Reproduction] = []
    names = _with_such_a_row(names, asked)
    for k, name in enumerate(names):
        if len(names) > 1:
            _say(f"paper {k + 1} of {len(names)}: {name}")
        results.append(_one(name, asked))
        if results[-1].stopped:
            break
    if asked.json:
        tables = {each.paper.name: each.records for each in results}
        found = tables if asked.everything else results[0].records
        streams.say(json_text.dumps(found, indent=2, ensure_ascii=False, allow_nan=False))
    elif len(results) > 1:
        rows = [record for each in results for record in each.records]
        filled = sum(record["ours"] is not None for record in rows)
        streams.say(f"all papers: {filled} of {len(rows)} rows measured, {table.count(rows)} reached")
    if asked.page is not None:
        measured = [report.Measured(each.paper, tuple(each.records)) for each in results]
        report.write(asked.page, measured, asked.words())
        _say(f"report: {asked.page}")
    if any(each.stopped for each in results):
        _say(f"eventsim: stopped, and what was done is kept; go on with: {asked.words()}")
        return 130
    return 1 if any(each.failed for each in results) else 0


def _with_such_a_row(names: Sequence[str], asked: Asked) -> Sequence[str]:
    """Return the papers that have a row of that text; all of them where only one was named."""
    only = asked.only
    if only is None or not asked.everything:
        return names
    rows = {name: paper_of(name).quick if asked.quick else paper_of(name).rows for name in names}
    found = [name for name in names if any(only.lower() in row.row.lower() for row in rows[name])]
    if not found:
        raise UnknownPart(f"no paper has a row that contains {only!r}")
    return found


def _one(name: str, asked: Asked) -> Reproduction:
    """Measure one paper, print its table, and keep it if asked to."""
    folder = asked.folder
    if asked.everything:
        folder = (FOLDER if folder is None else folder) / name
        folder.parent.mkdir(parents=True, exist_ok=True)
    result = reproduce(
        name, quick=asked.quick, only=asked.only, folder=folder, data=asked.data, jobs=asked.jobs, say=_say
    )
    if not asked.json:
        streams.say(table.as_text(result.paper, result.records))
    if asked.keeping:
        _say(f"kept in {kept.keep(result.paper, result.records)}")
    for title, error in result.failed.items():
        _say(f"eventsim: the run {title} failed: {error}")
    return result


def _say(text: str) -> None:
    streams.say(text, sys.stderr)
