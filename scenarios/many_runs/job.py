"""A planned run with where its file goes: what a process of its own, here or on a cluster, is given."""

import json
import sys
from dataclasses import asdict, dataclass

from eventsim.scenarios.many_runs.plan import PlannedRun

MODULE = "eventsim.scenarios.many_runs.one_run"


@dataclass(frozen=True, slots=True)
class Job:
    """A planned run, where its file goes, and what it may use.

    Attributes
    ----------
    folder : where the file goes.
    threads : of the run.
    data : folder of data sets; empty for none.
    """

    run: PlannedRun
    folder: str
    threads: int = 1
    data: str = ""

    def command(self) -> list[str]:
        """Return the command that carries the job out."""
        return [sys.executable, "-P", "-m", MODULE, self.text()]

    def text(self) -> str:
        """Return the job on one line, which `read` takes back."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> "Job":
        """Return the job that a command was given."""
        values = json.loads(text)
        run = values.pop("run")
        return cls(PlannedRun(**{**run, "words": tuple(run["words"])}), **values)
