"""Carry out what is missing of many runs, and remember how each ended."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from eventsim.errors import ConfigError
from eventsim.scenarios import request
from eventsim.scenarios.many_runs.ledger import Ledger, current_commit
from eventsim.scenarios.many_runs.plan import PlannedRun, status
from eventsim.scenarios.many_runs.pool import Ended, Pool


def check_folder(folder: Path) -> None:
    """Raise `ConfigError` unless files can be put into the folder, which need not be there yet."""
    if not folder.parent.is_dir():
        raise ConfigError(
            f"folder {str(folder.parent)!r} does not exist; make it first, or keep runs elsewhere"
        )
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{str(folder)!r} is a file; give a folder for the runs")


@dataclass(slots=True)
class Work:
    """How many runs ended.

    Attributes
    ----------
    done : hashes of the runs that are finished, now or before.
    failed : what went wrong, by hash.
    stopped : somebody asked to stop; the next call goes on.
    lost : why the cluster cannot be reached any more; empty if it can, or there is none.
    """

    done: set[str] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)
    stopped: bool = False
    lost: str = ""


def carry_out(
    runs: Sequence[PlannedRun],
    folder: Path,
    *,
    jobs: int | None = None,
    data: Path | None = None,
    scheduler: str | None = None,
    say: Callable[[str], object] = lambda text: None,
    ended: Callable[[Ended], object] = lambda how: None,
) -> Work:
    """Carry out the runs whose files are missing or not finished.

    Parameters
    ----------
    runs : sequence of PlannedRun
    folder : Path
        Where the files go; it is made.
    jobs : int, optional
        Runs at once on this machine; as many as there are processors where None.
    data : Path, optional
        Folder of data sets.
    scheduler : str, optional
        Address of a Dask scheduler, whose workers carry out the runs in place of this machine.
    say : callable
        Is called with a line for each run that ends.
    ended : callable
        Is called after each run.

    Raises
    ------
    ConfigError
        If `jobs` is below 1, or the cluster cannot be reached.
    """
    request.check_whole(jobs, "--jobs", 1)
    jobs = request.available_threads() if jobs is None else jobs
    pool = _pool(folder, jobs, data, scheduler)
    folder.mkdir(parents=True, exist_ok=True)
    work = Work({run.hash for run in runs if status(run, folder) == "finished"})
    ledger, commit = Ledger(folder), current_commit()
    waiting = [run for run in runs if run.hash not in work.done]
    if work.done:
        say(f"{len(work.done)} of {len(runs)} runs are finished already, in {folder}")
    began, before = time.monotonic(), len(work.done)

    def note(how: Ended) -> None:
        if not how.error:
            work.done.add(how.run.hash)
            ledger.add(how.run.hash, how.run.file, commit)
        elif how.error != "stopped":
            work.failed[how.run.hash] = how.error
        n = len(work.done) + len(work.failed)
        seconds = (time.monotonic() - began) / max(1, n - before) * (len(runs) - n)
        left = f"; about {_duration(seconds)} left" if n < len(runs) and seconds >= 60 else ""
        say(f"[{n}/{len(runs)}] {how.run.title}: {how.error or 'finished'}, {how.seconds:.0f} s{left}")
        ended(how)

    pool.work(waiting, note)
    work.stopped = pool.stopped
    work.lost = pool.lost
    return work


def _pool(folder: Path, jobs: int, data: Path | None, scheduler: str | None) -> Pool:
    """Return who carries out the runs."""
    if scheduler is None:
        return Pool(folder, jobs, data)
    from eventsim.scenarios.many_runs.cluster import Cluster

    return Cluster(folder, jobs, data, scheduler)


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
