"""The runs that the rows of a paper need."""

from collections.abc import Iterable

from eventsim.scenarios.many_runs.plan import PlannedRun, planned
from eventsim.scenarios.reproduce.published import Paper, Row


def runs_of(paper: Paper, row: Row) -> tuple[PlannedRun, ...]:
    """Return the runs of a row, one for each of its seeds."""
    return tuple(_planned(paper, row, seed) for seed in row.seeds)


def runs_of_all(paper: Paper, rows: Iterable[Row]) -> tuple[PlannedRun, ...]:
    """Return the runs of several rows in their order, each run once."""
    found = {run.hash: run for row in rows for run in runs_of(paper, row)}
    return tuple(found.values())


def _planned(paper: Paper, row: Row, seed: int) -> PlannedRun:
    on = f"-{row.hardware.partition(',')[0]}" if row.hardware else ""
    return planned(
        paper.name,
        row.set,
        title=f"{row.preset or 'default'}{on}-seed{seed}",
        numbers=paper.numbers,
        preset=row.preset,
        hardware=row.hardware,
        seed=seed,
    )
