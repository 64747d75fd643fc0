"""Sweep a scenario: plan a run for each point, carry out what is missing, and keep one table."""

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eventsim.errors import ConfigError, FileFormatError
from eventsim.hints import hinting
from eventsim.io.hdf5.safety import storage
from eventsim.io.plain import one_path, shown
from eventsim.scenarios import running
from eventsim.scenarios.many_runs.plan import PlannedRun, planned
from eventsim.scenarios.many_runs.pool import Ended
from eventsim.scenarios.many_runs.work import carry_out, check_folder
from eventsim.scenarios.request import check_callable, check_name, check_settings, check_whole
from eventsim.scenarios.sweep import tables
from eventsim.scenarios.sweep.points import Axis, Draw, Point, points_of

if TYPE_CHECKING:
    import pandas

FILE = "sweep.json"
HOW = ("seed", "preset", "hardware")  # keys that say how to run, beside the scenario's own
EXAMPLES = {"preset": "quick", "hardware": "brainscales2", "scheduler": "tcp://host:8786"}
MOST_METRICS = 6  # in a notebook
TITLE = 80  # signs of a file's name that say which point it is


@dataclass(slots=True)
class Sweep:
    """The runs of a folder, with the point that each of them is.

    Attributes
    ----------
    folder : where the files are.
    scenario : the name that all runs share.
    runs : by hash, the file, the point, and the error of a run that failed.
    stopped : somebody asked to stop; the same call goes on.
    lost : why the cluster cannot be reached any more; empty if it can, or there is none.
    """

    folder: Path
    scenario: str
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    stopped: bool = False
    lost: str = ""

    def _repr_html_(self) -> str:
        """Return what a notebook shows: each run with its point, its first metrics and its seconds."""
        from eventsim import html

        rows = self.rows()
        shown = (*self.keys, *tables.metrics(rows, self.keys)[:-1][:MOST_METRICS], "seconds")
        cells = ((each["status"], *(each.get(key) for key in shown)) for each in rows)
        table = html.table("runs", ("status", *shown), cells)
        return html.block(f"Sweep of {self.scenario} in {self.folder}", table)

    @property
    def failed(self) -> dict[str, str]:
        """What went wrong, by title of the run."""
        return {each["title"]: each["error"] for each in self.runs.values() if each.get("error")}

    @property
    def keys(self) -> list[str]:
        """The keys that points differ in, in the order they came."""
        return list(dict.fromkeys(key for each in self.runs.values() for key in each["point"]))

    def rows(self, hashes: Sequence[str] | None = None) -> list[dict[str, Any]]:
        """Return the table: for each run its status, point, metrics, seconds and whole configuration."""
        chosen = self.runs if hashes is None else {key: self.runs[key] for key in hashes}
        return tables.rows(self.folder, chosen, self.keys)

    def to_pandas(self) -> "pandas.DataFrame":
        """Return the table as a data frame; needs pandas."""
        return tables.frame(self.rows())

    def save(self) -> None:
        """Write what is known of the runs, beside and renamed."""
        text = json.dumps({"scenario": self.scenario, "runs": self.runs}, indent=1, ensure_ascii=False)
        new = self.folder / f"{FILE}.new"
        new.write_text(text + "\n", encoding="utf-8")
        os.replace(new, self.folder / FILE)


def open_sweep(folder: Path) -> Sweep:
    """Return the sweep that a folder holds.

    Raises
    ------
    FileNotFoundError, FileFormatError
        If it holds none, or its ``sweep.json`` is damaged.
    """
    path = one_path(folder, "the folder of a sweep") / FILE
    if not path.is_file():
        raise FileNotFoundError(f"{folder} holds no sweep: there is no {FILE} in it")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        runs = {name: _checked_run(each) for name, each in found["runs"].items()}
        return Sweep(Path(folder), str(found["scenario"]), runs)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FileFormatError(
            f"{path} is damaged ({error!r:.200}); delete it, and sweep again: runs are kept"
        ) from None


def _checked_run(run: dict[str, Any]) -> dict[str, Any]:
    """Return what is known of a run, if every entry is what `Sweep.save` writes."""
    texts = [run["file"], run["title"], run.get("error") or ""]
    if not (isinstance(run["point"], dict) and all(isinstance(each, str) for each in texts)):
        raise TypeError(f"a run should have a file, a title and a point, got {run!r:.100}")
    if Path(run["file"]).name != run["file"]:
        raise ValueError(f"a run should name a file of the folder, got {run['file']!r:.60}")
    return run


@hinting
def sweep(
    name: str,
    axes: Mapping[str, Axis | object],
    folder: Path | str,
    *,
    preset: str | None = None,
    hardware: str | None = None,
    listed: Sequence[Point] = ({},),
    draws: int = 0,
    draw_seed: int = 0,
    data: Path | str | None = None,
    jobs: int | None = None,
    scheduler: str | None = None,
    say: Callable[[str], object] = lambda text: None,
) -> Sweep:
    """Run a scenario at many points, one file a run; what is finished in the folder is not repeated.

    Parameters
    ----------
    name : str
        Of the scenario.
    axes : mapping
        By key of the scenario, the values: a list, a range, a single value, or a `Draw`. "seed", "preset" and
        "hardware" are keys too, unless the scenario has a key of that name.
    folder : path
        Where the runs go, one file each, with ``sweep.json`` and ``table.csv``.
    preset, hardware : str, optional
        Of all runs, as for ``eventsim run``.
    listed : sequence of dict
        Points given one by one; each is combined with the grid.
    draws, draw_seed : int
        How often keys with a `Draw` are drawn, and the seed of the draws.
    data : path, optional
        Folder of data sets; the environment variable EVENTSIM_DATA where None.
    jobs : int, optional
        Runs at once; as many as there are processors where None.
    scheduler : str, optional
        Address of a Dask scheduler whose workers carry out the runs, such as "tcp://host:8786".
    say : callable
        Is called with a line for each run that ends.

    Returns
    -------
    Sweep
        All runs of the folder, those of earlier calls too.

    Raises
    ------
    UnknownPart, ConfigError
        If the scenario, preset, a key or a value is wrong; nothing has been run then.
    """
    folder = one_path(folder, "folder")
    check_settings(axes, "axes")
    if isinstance(listed, Mapping | str) or not isinstance(listed, Iterable):
        raise TypeError(f"listed must be points, such as [{{'seed': 1}}, {{'seed': 2}}], got {shown(listed)}")
    listed = list(listed)
    for point in listed:
        check_settings(point, "a point of listed")
    _check_how(preset=preset, hardware=hardware, scheduler=scheduler)
    check_whole(draws, "draws", 0)
    check_whole(draw_seed, "draw_seed", 0)
    check_whole(jobs, "jobs", 1)
    check_callable(say, "say")
    data = running.data_folder(data)
    points = list(
        points_of(
            {key: _axis(axis) for key, axis in axes.items()}, listed=listed, draws=draws, draw_seed=draw_seed
        )
    )
    runs = plan(name, points, preset=preset, hardware=hardware)
    check_folder(folder)
    with working_in(folder):
        return carry_out_points(name, folder, runs, data=data, jobs=jobs, scheduler=scheduler, say=say)


def _check_how(**how: object) -> None:
    """Raise TypeError for what is neither a text nor None."""
    for name, given in how.items():
        check_name(given, name, EXAMPLES[name], optional=True)


def _axis(axis: object) -> Axis:
    if isinstance(axis, Draw):
        return axis
    if isinstance(axis, str | bytes | Mapping) or not hasattr(axis, "__iter__"):
        return [axis]
    return [each.tolist() if hasattr(each, "tolist") else each for each in axis]


def plan(
    name: str, points: Sequence[Point], *, preset: str | None = None, hardware: str | None = None
) -> list[tuple[PlannedRun, Point]]:
    """Return the run of each point, each run once.

    Raises
    ------
    UnknownPart, ConfigError
        If the scenario, preset, a key or a value is wrong, or there is no point.
    """
    from eventsim.io import config

    kind = running.scenario_kind(name)
    numbers = _numbers(name)
    how = [key for key in HOW if key not in config.keys(kind)]
    found: dict[str, tuple[PlannedRun, Point]] = {}
    told = _telling(points)
    for point in points:
        values = {key: value for key, value in point.items() if key not in how}
        settings = {"preset": preset, "hardware": hardware, "seed": 0}
        settings |= {key: point[key] for key in how if key in point}
        seed = settings["seed"]
        if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
            raise ConfigError(f"seed must be a whole number from 0 on, got {seed!r}")
        title = _title(name, {key: point[key] for key in told if key in point})
        run = planned(name, values, title=title, numbers=numbers, **settings)  # type: ignore[arg-type]
        found.setdefault(run.hash, (run, point))
    if not found:
        raise ConfigError("the sweep has no points; give values, such as seed=0..9")
    return list(found.values())


def _telling(points: Sequence[Point]) -> list[str]:
    """Return the keys that tell points apart, or all keys of a single point."""
    keys = list(dict.fromkeys(key for point in points for key in point))
    different = [
        key for key in keys if len({json.dumps(point.get(key), default=str) for point in points}) > 1
    ]
    return different or keys


def _numbers(name: str) -> int | str:
    """Return the version of the numbers that a scenario gives: its paper's, else that of the program."""
    import eventsim
    from eventsim.scenarios.reproduce import published

    paper = published.read(name, running.scenario_kind(name))
    return paper.numbers if paper else eventsim.__version__


def _title(name: str, point: Point) -> str:
    words = "-".join(f"{key}={_word(value)}" for key, value in point.items())
    return re.sub(r"[^\w.=+-]+", "_", f"{name}-{words}" if words else name)[:TITLE].rstrip("-_")


def _word(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def carry_out_points(
    name: str,
    folder: Path,
    runs: Sequence[tuple[PlannedRun, Point]],
    *,
    data: Path | str | None = None,
    jobs: int | None = None,
    scheduler: str | None = None,
    say: Callable[[str], object] = lambda text: None,
) -> Sweep:
    """Carry out planned points into a folder that nobody else works in, and keep the table."""
    found = _known(name, folder)
    for run, point in runs:
        found.runs.setdefault(run.hash, {"file": run.file, "title": run.title, "point": point})
        found.runs[run.hash].pop("error", None)  # what failed is tried again

    def ended(how: Ended) -> None:
        if how.error and how.error != "stopped":
            found.runs[how.run.hash]["error"] = how.error
            found.save()

    folder.mkdir(exist_ok=True)
    found.save()
    planned_runs = [run for run, _ in runs]
    work = carry_out(
        planned_runs,
        folder,
        jobs=jobs,
        data=running.data_folder(data),
        scheduler=scheduler,
        say=say,
        ended=ended,
    )
    found.stopped, found.lost = work.stopped, work.lost
    found.save()
    tables.write(found.rows(), folder / tables.FILE)
    return found


def _known(name: str, folder: Path) -> Sweep:
    if not (folder / FILE).is_file():
        return Sweep(folder, name)
    found = open_sweep(folder)
    if found.scenario != name:
        raise ConfigError(f"{folder} holds a sweep of {found.scenario}; sweep {name} into another folder")
    return found


@contextmanager
def working_in(folder: Path) -> Iterator[None]:
    """Hold a folder, so that two sweeps at once do not write one table.

    Raises
    ------
    ConfigError
        If another sweep works in it.
    """
    try:
        import fcntl
    except ImportError:  # Windows: nothing keeps two sweeps apart
        yield
        return
    with storage(folder, "keep runs in"):
        folder.mkdir(exist_ok=True)
        lock = open(folder / ".sweep.lock", "w")  # noqa: SIM115 - closed below
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(
                f"another sweep works in {folder}; wait for it, or use another folder"
            ) from None
        except OSError:  # a file system without locks
            pass
        yield
