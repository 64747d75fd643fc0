"""What a worker of a cluster does: carry out one job in a process of its own, and say how it ended."""

import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from eventsim.scenarios.many_runs.job import Job
from eventsim.scenarios.many_runs.pool import failure

TOKEN, STOP = ".sweep-", ".stop-"  # files in the folder of the runs: "it is this one", and "stop"
POLL = 0.1  # s

Result = tuple[str, float, bytes | None]


def perform(job: Job, token: str) -> Result:
    """Carry out a job; return error or "", seconds, and the file's content unless the folder is shared."""
    began = time.monotonic()
    folder = Path(job.folder)
    if (folder / f"{TOKEN}{token}").exists():
        error = _carry_out(job, folder / f"{STOP}{token}")
        return error, time.monotonic() - began, None
    with tempfile.TemporaryDirectory(prefix="eventsim-") as own:
        error = _carry_out(replace(job, folder=own), Path(own) / STOP)
        content = None if error else (Path(own) / job.run.file).read_bytes()
    return error, time.monotonic() - began, content


def _carry_out(job: Job, stop: Path) -> str:
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            job.command(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=said,
            start_new_session=True,
        )
        asked = False
        while process.poll() is None:
            if not asked and stop.exists():
                process.terminate()
                asked = True
            time.sleep(POLL)
        said.seek(0)
        return failure(process.returncode, said.read().decode(errors="replace"))
