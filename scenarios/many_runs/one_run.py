"""One planned run in a process of its own: ``python -m eventsim.scenarios.many_runs.one_run JOB``.

A run that is finished is not repeated, one that was stopped goes on. A lock keeps a second process from the
same file: where a worker of a cluster is believed dead and is not, the run that takes its place waits, and
then finds it finished.
"""

import contextlib
import ctypes
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from eventsim.scenarios import cli
from eventsim.scenarios.many_runs.job import Job
from eventsim.scenarios.many_runs.plan import status

LOCKS = ".locks"  # the folder of locks, beside the files of the runs
_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of Linux


def end_with_the_parent() -> None:
    """Ask Linux to stop this process, at a checkpoint, when the process that began it is gone."""
    with contextlib.suppress(OSError, AttributeError):  # other systems have no such call
        ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGTERM)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a file, which the system frees when this process ends in whatever way."""
    try:
        import fcntl
    except ImportError:  # Windows keeps a second writer out by itself
        yield
        return
    folder = path.parent / LOCKS
    folder.mkdir(exist_ok=True)
    with open(folder / f"{path.name}.lock", "w") as lock:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def carry_out(job: Job) -> int:
    """Make the file of a run, or go on with it; return the exit status of ``eventsim run``."""
    folder = Path(job.folder)
    path = folder / job.run.file
    options = ["-o", str(path), "--threads", str(job.threads), "--quiet"]
    options += ["--data", job.data] if job.data else []
    with locked(path):
        state = status(job.run, folder)
        if state == "finished":
            return 0
        words = [job.run.scenario, "--resume"] if state == "unfinished" else [*job.run.words, "--overwrite"]
        return cli.main(["run", *words, *options])


if __name__ == "__main__":
    end_with_the_parent()
    sys.exit(carry_out(Job.read(sys.argv[1])))
