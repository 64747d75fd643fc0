"""The runs that the rows of a paper need, each known by a hash of everything its numbers depend on."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from eventsim.scenarios import running
from eventsim.scenarios.reproduce.published import Paper, Row

HASH_DIGITS = 12
Status = Literal["finished", "unfinished", "absent"]


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """One run: a scenario with all its settings, and a seed.

    Attributes
    ----------
    words : what follows ``eventsim run`` to make it.
    config : its whole configuration as TOML.
    hash : of scenario, configuration, hardware, seed and version of numbers.
    file : name of its file.
    """

    scenario: str
    seed: int
    words: tuple[str, ...]
    config: str
    hash: str
    file: str

    @property
    def title(self) -> str:
        """What the run is, in a few words."""
        return self.file.removesuffix(f"-{self.hash}.h5")


def runs_of(paper: Paper, row: Row) -> tuple[PlannedRun, ...]:
    """Return the runs of a row, one for each of its seeds."""
    return tuple(_planned(paper, row, seed) for seed in row.seeds)


def runs_of_all(paper: Paper, rows: Iterable[Row]) -> tuple[PlannedRun, ...]:
    """Return the runs of several rows in their order, each run once."""
    found = {run.hash: run for row in rows for run in runs_of(paper, row)}
    return tuple(found.values())


def _planned(paper: Paper, row: Row, seed: int) -> PlannedRun:
    from eventsim.io import config

    scenario = running.settle(running.scenario_kind(paper.name), paper.name, row.preset, row.set)
    text = config.to_toml(scenario)
    identity = {
        "scenario": paper.name,
        "config": text,
        "hardware": row.hardware,
        "seed": seed,
        "numbers": paper.numbers,
    }
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:HASH_DIGITS]
    words = [paper.name, *(f"{key}={_word(value)}" for key, value in row.set.items())]
    words += ["--preset", row.preset] if row.preset else []
    words += ["--hardware", row.hardware] if row.hardware else []
    on = f"-{row.hardware.partition(',')[0]}" if row.hardware else ""
    title = f"{row.preset or 'default'}{on}-seed{seed}"
    return PlannedRun(paper.name, seed, (*words, "--seed", str(seed)), text, digest, f"{title}-{digest}.h5")


def _word(value: Any) -> str:
    """Return a value as `parse_overrides` reads it."""
    return json.dumps(value)


def status(run: PlannedRun, folder: Path) -> Status:
    """Return how far a run is, by its file.

    A file of other settings, a damaged one, and one made of generated data in place of a set that was
    missing, count as "absent".
    """
    from eventsim import io
    from eventsim.errors import ConfigError, FileFormatError

    path = folder / run.file
    try:
        trace = io.load(path, recordings=False)
        values, how = io.config.from_toml(trace.config, str(path))
        complete = io.hdf5.is_complete(path)
    except (FileFormatError, ConfigError, OSError):
        return "absent"
    same = values == io.config.from_toml(run.config)[0] and how.get("seed") == run.seed
    if not same or trace.provenance.get("replacement_data"):
        return "absent"
    return "finished" if complete else "unfinished"
