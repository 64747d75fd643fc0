"""One run of a scenario: where it reads its seed and its data, and where it leaves what it finds.

A run that was interrupted goes on from its last checkpoint and ends with the same bits as one that was not.
So all randomness is a function of (seed, names), never the state of a generator that runs on.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsFloat

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eventsim.errors import FileFormatError
from eventsim.renamed import with_current_names
from eventsim.rng import stream
from eventsim.scenarios import streams
from eventsim.scenarios.progress import Progress

if TYPE_CHECKING:
    from eventsim.io import TraceFile

State = dict[str, Any]

LEAST_INTERVAL = 0.25  # s between two checkpoints
MOST_INTERVAL = 10.0
CHECKPOINT_SHARE = 0.05  # of the run's time


class Interrupted(Exception):
    """Somebody asked the run to stop, and what was done is kept."""


@dataclass(kw_only=True)
class Run:
    """One run of a scenario: its seed, its file, what it has found so far.

    Attributes
    ----------
    seed : int
    threads : how many threads may work at once; results do not depend on it.
    data : folder of real data sets, or None.
    hardware : name of the target, or None for none.
    quiet : no words and no progress bar.
    file : the file being written.
    state : what `checkpoint` was last given, or None at the start.
    replacement_data : the data that replace a data set that was not found; empty if none was missing.
    last_state : what a finished file keeps, for a run that can go on with more epochs.
    interrupted : somebody has asked to stop; the next `checkpoint` keeps the state and ends the run.
    """

    file: "TraceFile"
    seed: int = 0
    threads: int = 1
    data: Path | None = None
    hardware: str | None = None
    quiet: bool = True
    state: State | None = None
    last_state: State | None = None
    interrupted: bool = False
    metrics: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    replacement_data: str = ""
    _series: dict[str, list[Any]] = field(default_factory=dict)
    _wall_before: float = 0.0
    _began: float = field(default_factory=time.perf_counter)
    _kept: float = field(default_factory=time.perf_counter)
    _cost: float = 0.0
    _ended: float | None = None

    @property
    def wall_seconds(self) -> float:
        """Time spent so far, over all resumptions; that in the file when the run has finished."""
        now = time.perf_counter() if self._ended is None else self._ended
        return self._wall_before + now - self._began

    def rng(self, *names: str | int) -> np.random.Generator:
        """Return the stream of random numbers for the purpose called `names`."""
        return stream(self.seed, *names)

    def say(self, text: str) -> None:
        """Print a line, above the progress bar if there is one."""
        if not self.quiet:
            from tqdm import tqdm

            with tqdm.external_write_mode(nolock=False):
                streams.say(text)

    def note(self, text: str) -> None:
        """Say something that a reader of the file must know as well, once."""
        if text not in self.notes:
            self.notes.append(text)
            self.say(text)
            self.file.put(provenance={"notes": "\n".join(self.notes)})

    def use_replacement_data(self, instead: str, missing: FileNotFoundError) -> None:
        """Record that the run uses other data than the paper; a resumed run uses the same data.

        The summary then leaves out the paper's values.

        Parameters
        ----------
        instead : str
            The data that are used.
        missing : FileNotFoundError
            What was not found.

        Raises
        ------
        FileNotFoundError
            If somebody has named a folder of data sets, or the run has begun with the set.
        """
        if self.data is not None or self.state:
            raise missing
        self.replacement_data = instead
        self.file.put(provenance={"replacement_data": instead, "dataset": instead})
        self.note(
            f"{missing}; the run uses {instead} instead, so its results cannot be compared with the paper"
        )

    @contextmanager
    def progress(self, total: float, unit: str, initial: float = 0) -> Iterator[Progress]:
        """Show how far the run is, as a context: ``with run.progress(300, "epoch") as bar: bar.update()``."""
        bar = Progress(total, unit, initial, self.quiet, self.say)
        try:
            yield bar
        finally:
            bar.close()

    def metric(self, name: str, value: SupportsFloat) -> None:
        """Keep one metric of the run; nan, the metric of too few, is no number and is left out."""
        if (number := float(value)) == number:
            self.metrics[name] = number

    def series(self, name: str, value: ArrayLike) -> None:
        """Append one value to a series, such as the loss of an epoch; a loss that is no number is noted."""
        array = np.asarray(value)
        self._series.setdefault(name, []).append(array)
        if not name.endswith("loss") or array.dtype.kind != "f" or np.isfinite(array).all():
            return
        first = f"{name} is no finite number from entry "
        if not any(line.startswith(first) for line in self.notes):
            self.note(
                f"{first}{len(self._series[name])} on: outputs are silent, or numbers overflow; "
                "smaller learning rates, or weights and thresholds of another size, help"
            )

    def parameter(self, name: str, array: ArrayLike) -> None:
        """Keep an array, such as ``weight/hidden->label``."""
        self.file.put(parameters={name: np.asarray(array)})

    def checkpoint(self, state: State | Callable[[], State], *, force: bool = False) -> None:
        """Keep the state if it is time to, so that a run can go on from here.

        Call it wherever the run could start again; most calls return at once. Checkpoints take at
        most a twentieth of the time, and come at least every ten seconds where that allows it.

        Parameters
        ----------
        state : dict or callable returning one
            Nested dictionary of arrays, numbers and strings. A callable is only called when needed.
        force : bool
            Keep it now.

        Raises
        ------
        Interrupted
            If somebody asked the run to stop; the state is kept.
        """
        now = time.perf_counter()
        patience = min(MOST_INTERVAL, CHECKPOINT_SHARE * (now - self._began))
        due = now - self._kept > max(LEAST_INTERVAL, self._cost / CHECKPOINT_SHARE, patience)
        if due or force or self.interrupted:
            self.state = state() if callable(state) else state
            self._write(self.state)
            self.file.checkpoint()
            self._kept = time.perf_counter()
            self._cost = self._kept - now
        if self.interrupted:
            raise Interrupted

    def _write(self, state: State | None) -> None:
        """Hand everything found so far to the file, with a state to go on from unless it is None."""
        series: dict[str, NDArray[Any]] = {name: np.stack(values) for name, values in self._series.items()}
        going_on: State = {}
        if state is not None:
            going_on = {"scenario": state, "series": series, "metrics": self.metrics}
        self.file.put(
            training=series,
            metrics=self.metrics,
            provenance={"wall_seconds": self.wall_seconds, "notes": "\n".join(self.notes)},
            state=going_on,
        )

    def finish(self) -> None:
        """Hand over what was found and mark the file as complete; of the state only `last_state` is left."""
        self._ended = time.perf_counter()
        self._write(self.last_state)
        self.file.close(complete=True)

    def go_on(self, state: Mapping[str, Any], provenance: Mapping[str, Any]) -> None:
        """Take up what an earlier run left in the file."""
        self._wall_before = float(provenance.get("wall_seconds", 0.0))
        today = with_current_names("file", provenance, quiet=True)
        self.replacement_data = str(today.get("replacement_data", ""))
        self.notes = [line for line in str(provenance.get("notes", "")).splitlines() if line]
        if state:
            if not isinstance(state.get("scenario"), Mapping):
                raise FileFormatError(f"{self.file.path} holds no state of a scenario to go on from")
            self.state = dict(state["scenario"])
            self.metrics = {name: float(value) for name, value in state.get("metrics", {}).items()}
            self._series = {name: list(values) for name, values in state.get("series", {}).items()}
