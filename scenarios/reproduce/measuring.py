"""Measure the rows of a paper: carry out the runs that are missing, and read what all of them say."""

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from eventsim.errors import UnknownPart
from eventsim.io.plain import one_path, truth
from eventsim.scenarios import running
from eventsim.scenarios.many_runs.ledger import Ledger
from eventsim.scenarios.many_runs.work import carry_out, check_folder
from eventsim.scenarios.reproduce import criterion
from eventsim.scenarios.reproduce.plan import runs_of, runs_of_all
from eventsim.scenarios.reproduce.published import Paper, Row, paper_of
from eventsim.scenarios.request import check_callable, check_name, check_whole

FOLDER = Path("reproduced")  # of all papers, in the folder where the command is given
Record = dict[str, Any]


@dataclass(slots=True)
class Reproduction:
    """The paper's rows as they were measured.

    Attributes
    ----------
    paper : what the paper reports.
    records : one for each row, as ``eventsim reproduce --json`` prints it.
    failed : what went wrong, by title of the run.
    stopped : somebody asked to stop; the next call goes on.
    """

    paper: Paper
    records: list[Record] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    stopped: bool = False

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the paper's rows beside ours."""
        from eventsim import html
        from eventsim.scenarios.reproduce.table import HEAD, cells

        return html.block(self.paper.title, html.table("", HEAD, map(cells, self.records)))


def reproduce(
    name: str,
    *,
    quick: bool = False,
    only: str | None = None,
    folder: Path | str | None = None,
    data: Path | str | None = None,
    jobs: int | None = None,
    say: Callable[[str], object] = lambda text: None,
) -> Reproduction:
    """Measure the rows of a paper, and return them beside the paper's.

    Runs that are finished are taken from `folder`, runs that were stopped go on.

    Parameters
    ----------
    name : str
        Of the scenario.
    quick : bool
        Measure the paper's quick rows, which take less than two minutes.
    only : str, optional
        Measure only the rows whose text contains this.
    folder : Path, optional
        Where runs are kept; ``reproduced/NAME`` where None.
    data : Path, optional
        Folder of data sets; the environment variable EVENTSIM_DATA where None.
    jobs : int, optional
        Runs at once; as many as there are processors where None.
    say : callable
        Is called with a line for each run that ends.

    Raises
    ------
    UnknownPart, ConfigError
        If the scenario has no published figures, no such row, or its `published.toml` is wrong.
    """
    check_name(only, "only", "4-30-3", optional=True)
    check_whole(jobs, "jobs", 1)
    check_callable(say, "say")
    quick = truth(quick, "quick")
    paper = paper_of(name)
    rows = _chosen(paper, quick, only)
    data = running.data_folder(data)
    if folder is None:
        folder = FOLDER / name
    else:
        folder = one_path(folder, "folder")
        check_folder(folder)
    runs = runs_of_all(paper, (row for row in rows if not _missing(row, data)))
    work = carry_out(runs, folder, jobs=jobs, data=data, say=say)
    result = Reproduction(paper, stopped=work.stopped)
    result.failed = {run.title: work.failed[run.hash] for run in runs if run.hash in work.failed}
    ledger, done = Ledger(folder), work.done
    result.records = [
        _record(paper, row, folder, ledger, done, _missing(row, data), result.failed, quick) for row in rows
    ]
    return result


def _chosen(paper: Paper, quick: bool, only: str | None) -> Sequence[Row]:
    rows = paper.quick if quick else paper.rows
    if only is None:
        return rows
    chosen = [row for row in rows if only.lower() in row.row.lower()]
    if not chosen:
        raise UnknownPart(running.unknown("row", only, [row.row for row in rows], f" of {paper.name}"))
    return chosen


def _missing(row: Row, data: Path | None) -> str:
    """Return why the data set of a row cannot be read; empty if it can, or none is needed."""
    if not row.needs:
        return ""
    if data is not None and (data / row.needs).is_dir():
        return ""
    return f"needs the data set {row.needs!r}: give its folder with --data or EVENTSIM_DATA"


def _record(
    paper: Paper,
    row: Row,
    folder: Path,
    ledger: Ledger,
    done: set[str],
    missing: str,
    failed: dict[str, str],
    quick: bool,
) -> Record:
    """Return what is known of a row now."""
    runs = runs_of(paper, row)
    finished = [run for run in runs if run.hash in done]
    values, seconds = [], []
    why = missing
    for run in finished:
        try:
            found, wall = _read(folder / run.file, row)
        except KeyError as error:
            finished, why = [], f"the run has no {error.args[0]}"
            break
        values += found
        seconds.append(wall)
    record: Record = {
        "row": row.row,
        "metric": row.metric,
        "paper": row.paper,
        "paper_spread": row.paper_spread,
        "ours": None,
        "spread": None,
        "worst": None,
        "seeds": [run.seed for run in finished],
        "reached": None,
        "command": _command(paper, row, quick),
        "date": None,
        "commit": None,
        "wall_seconds": None,
    }
    if finished:
        figures = criterion.statistics(values, row.better, row.paper)
        made = [ledger.made(run.hash, folder / run.file) for run in finished]
        record |= {
            "ours": figures["mean"],
            "spread": figures["spread"] if len(values) > 1 else None,
            "worst": figures["worst"],
            "date": max(date for date, _ in made),
            "commit": ", ".join(sorted({commit for _, commit in made})),
            "wall_seconds": float(np.mean(seconds)),
        }
        if len(finished) == len(runs):
            record["reached"] = criterion.parse(row.reached).holds(figures)
    if not record["reached"]:
        errors = [f"{run.title}: {failed[run.title]}" for run in runs if run.title in failed]
        if not why and len(finished) < len(runs):
            why = "; ".join(errors) or f"{len(finished)} of {len(runs)} runs are finished"
        record["why"] = why or row.why or "the cause is not known yet"
    record |= {"values": values if finished else [], "criterion": row.reached, "source": row.source}
    record |= {"unit": row.unit, "decimals": row.decimals, "n_seeds": len(runs)}
    return record | ({"quick": True} if quick else {})


def _read(path: Path, row: Row) -> tuple[list[float], float]:
    """Return the values of a row that a run has, and the seconds it took."""
    from eventsim import io

    trace = io.load(path, recordings=False)
    wall = float(trace.provenance.get("wall_seconds", 0.0))
    if row.array:
        if row.array not in trace.parameters:
            raise KeyError(f"array {row.array!r}")
        return [float(value) for value in np.ravel(trace.parameters[row.array])], wall
    if row.metric not in trace.metrics:
        raise KeyError(f"metric {row.metric!r}")
    return [float(trace.metrics[row.metric])], wall


def _command(paper: Paper, row: Row, quick: bool) -> str:
    """Return the command that measures one row."""
    words = ["eventsim", "reproduce", paper.name, *(["--quick"] if quick else []), "--row", row.row]
    return shlex.join(words)
