"""A planned run, known by a hash of everything its numbers depend on."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from eventsim.scenarios import request
from eventsim.scenarios.request import check_hardware

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


def planned(
    scenario: str,
    values: Mapping[str, Any],
    *,
    title: str,
    numbers: int | str,
    preset: str | None = None,
    hardware: str | None = None,
    seed: int = 0,
) -> PlannedRun:
    """Return a run with its hash.

    Parameters
    ----------
    scenario : str
        Name of the scenario.
    values : mapping
        Single settings that differ from the preset.
    title : str
        What the run is, in a few words; its file begins with them.
    numbers : int or str
        Version of the numbers that the code gives; another version makes another run.
    preset, hardware, seed
        As for ``eventsim run``.

    Raises
    ------
    UnknownPart, ConfigError
        If there is no such scenario or preset, or a setting is wrong.
    """
    from eventsim.io import config

    kind = request.scenario_kind(scenario)
    settled = request.settle(kind, scenario, preset, values)
    check_hardware(scenario, kind, hardware)
    text = config.to_toml(settled)
    identity = {
        "scenario": scenario,
        "config": text,
        "hardware": hardware,
        "seed": seed,
        "numbers": numbers,
    }
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:HASH_DIGITS]
    words = [scenario, *(f"{key}={json.dumps(value)}" for key, value in values.items())]
    words += ["--preset", preset] if preset else []
    words += ["--hardware", hardware] if hardware else []
    return PlannedRun(scenario, seed, (*words, "--seed", str(seed)), text, digest, f"{title}-{digest}.h5")


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
