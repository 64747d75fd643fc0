"""Runs on the workers of a Dask cluster: one process a run, on whatever machine the worker is.

Where workers see the folder of the runs, they write there, and a run whose worker died goes on from its last
checkpoint on another one. Where they do not, the finished file travels to us.
"""

import contextlib
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from eventsim.errors import ConfigError
from eventsim.scenarios.many_runs.job import Job
from eventsim.scenarios.many_runs.on_a_worker import STOP, TOKEN, perform
from eventsim.scenarios.many_runs.plan import PlannedRun, status
from eventsim.scenarios.many_runs.pool import Ended, Pool

PATIENCE = 10  # s to reach the scheduler
RETRIES = 3  # of a run whose worker died


class Cluster(Pool):
    """A Dask cluster that works through a list of runs.

    Parameters
    ----------
    folder, jobs, data
        As for `Pool`; the cluster says by itself how many runs go on at once.
    address : str
        Of the scheduler, such as "tcp://host:8786".

    Raises
    ------
    ConfigError
        If there is no scheduler at the address.
    ImportError
        If ``dask.distributed`` is not installed.
    """

    def __init__(self, folder: Path, jobs: int, data: Path | None, address: str) -> None:
        super().__init__(folder, jobs, data)
        try:
            from distributed import Client
        except ImportError:
            raise ImportError("--scheduler needs dask.distributed: pip install 'eventsim[cluster]'") from None
        self.address = address
        try:
            self.client: Any = Client(address, timeout=PATIENCE, set_as_default=False)  # type: ignore[no-untyped-call]
        except (OSError, ValueError, TimeoutError) as error:
            raise ConfigError(
                f"no Dask scheduler answers at {address!r} ({type(error).__name__}); "
                "start one with: dask scheduler"
            ) from None

    def work(self, runs: Sequence[PlannedRun], ended: Callable[[Ended], object]) -> None:
        """Carry out runs; `ended` is called after each, as it ends. Returns early when stopped, or alone."""
        token = uuid.uuid4().hex
        mark = self.folder / f"{TOKEN}{token}"
        mark.touch()  # a worker that sees it sees the folder
        try:
            with self._signals():
                self._follow(self._submitted(runs, token), ended)
        finally:
            mark.unlink(missing_ok=True)
            (self.folder / f"{STOP}{token}").unlink(missing_ok=True)
            with contextlib.suppress(Exception):  # a cluster that is gone has nothing to be told
                self.client.close(timeout=2)

    def _submitted(self, runs: Sequence[PlannedRun], token: str) -> dict[Any, PlannedRun]:
        self._token = token
        data = str(self.data or "")
        return {
            self.client.submit(
                perform,
                replace(Job(run, str(self.folder.resolve())), data=data),
                token,
                key=f"eventsim-{run.hash}-{token[:8]}",
                pure=False,
                retries=RETRIES,
            ): run
            for run in runs
        }

    def _follow(self, futures: dict[Any, PlannedRun], ended: Callable[[Ended], object]) -> None:
        """Take in what ends until all has ended, somebody stops, or the scheduler is gone."""
        while futures:
            if self.client.status not in ("running", "connecting") or self._gone():
                self.lost = f"the scheduler at {self.address} is gone"
                return
            if self.stopped:
                waiting = [future for future in futures if future.status == "pending"]
                self.client.cancel(waiting, force=False)
            for future in [future for future in futures if future.done()]:
                ended(self._taken_in(futures.pop(future), future))
            time.sleep(0.1)

    def _gone(self) -> bool:
        comm = getattr(self.client, "scheduler_comm", None)
        return comm is None or comm.closed()

    def _taken_in(self, run: PlannedRun, future: Any) -> Ended:
        if future.status == "cancelled":
            return Ended(run, "stopped", 0.0)
        if future.status != "finished":
            error = future.exception(timeout=10)
            return Ended(run, f"{type(error).__name__}: {error}".splitlines()[0], 0.0)
        error, seconds, content = future.result(timeout=600)
        if not error and content is not None:
            path = self.folder / run.file
            new = path.with_name(f"{path.name}.new")
            new.write_bytes(content)
            new.replace(path)
        if not error and status(run, self.folder) != "finished":
            error = (
                "its worker says that it is finished, and its file is not; does the cluster see other files?"
            )
        return Ended(run, "stopped" if error and self.stopped else error, seconds)

    def stop(self) -> None:
        """Ask the runs to keep what they have done and end; those that have not begun never do."""
        self.stopped = True
        with contextlib.suppress(OSError):
            (self.folder / f"{STOP}{self._token}").touch()
