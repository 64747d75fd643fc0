"""What a paper reports: the rows of `published.toml` in a scenario's package, read and checked."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge

from eventsim.errors import ConfigError, UnknownPart
from eventsim.registry import parts
from eventsim.scenarios import request
from eventsim.scenarios.reproduce import criterion
from eventsim.scenarios.reproduce.criterion import Better
from eventsim.scenarios.scenario import Scenario

FILE = "published.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of a paper's table, and how it is measured.

    Attributes
    ----------
    row : what the row is, in a few words.
    metric : of the run, such as ``test_accuracy``.
    paper, paper_spread : what the paper reports: a number, a text such as "below 0.9", or None.
    source : where the paper's value stands, such as "Table 2".
    preset, set, hardware, seeds : the runs. `set` holds single settings that differ from the preset.
    reached : when the row counts as reached, see `criterion`.
    better : which value is better; decides what the worst seed is.
    array : name of an array of the run whose entries are the values, for a run that trains many networks.
    needs : data set without which the row cannot be measured; empty for generated data.
    unit, decimals : how values are printed; "%" prints a fraction as per cent.
    why : what keeps the row from being reached, as far as it is known.
    headline : whether the row stands for its paper in the table of all papers; one row has it.
    """

    row: str
    metric: str
    reached: str
    paper: float | str | None = None
    paper_spread: float | None = None
    source: str = ""
    preset: str | None = None
    set: dict[str, Any] = field(default_factory=dict)
    hardware: str | None = None
    seeds: tuple[Annotated[int, Ge(0)], ...] = (0,)
    better: Better = "higher"
    array: str = ""
    needs: str = ""
    unit: str = ""
    decimals: Annotated[int, Ge(0)] | None = None
    why: str = ""
    headline: bool = False


@dataclass(frozen=True, slots=True)
class Paper:
    """All that is known of a scenario's paper.

    Attributes
    ----------
    name : of the scenario.
    title : authors, year, title.
    numbers : version of the numbers that the code gives; a higher one makes earlier runs outdated.
    rows : the paper's table.
    quick : smaller rows that show within two minutes that everything works.
    """

    name: str
    title: str
    numbers: int
    rows: tuple[Row, ...]
    quick: tuple[Row, ...]


def papers() -> dict[str, Paper]:
    """Return the papers of all scenarios that have a `published.toml`, by scenario."""
    found = {name: read(name, kind) for name, kind in parts("scenario").items()}
    return {name: paper for name, paper in found.items() if paper is not None}


def paper_of(name: str) -> Paper:
    """Return the paper of a scenario.

    Raises
    ------
    UnknownPart
        If there is no such scenario, or it has no `published.toml`.
    ConfigError
        If its file is wrong.
    """
    kind = request.scenario_kind(name)
    paper = read(name, kind)
    if paper is None:
        raise UnknownPart(f"{name} has no {FILE}, so nothing to reproduce; known: {', '.join(papers())}")
    return paper


def read(name: str, kind: type[Scenario]) -> Paper | None:
    """Return what `published.toml` beside the scenario's class says; None if there is no such file.

    Raises
    ------
    ConfigError
        If the file is no TOML, a key is unknown, or a row names a preset or setting that does not exist.
    """
    from eventsim.io import config

    path = Path(inspect.getfile(kind)).with_name(FILE)
    if not path.is_file():
        return None
    values, _ = config.read_toml(path)
    if values.get("scenario") != name:
        return None  # of another scenario in the same folder
    unknown = values.keys() - {"scenario", "numbers", "row", "quick"}
    if unknown:
        raise ConfigError(f"no key {min(unknown)!r} in {path}; known: scenario, numbers, row, quick")
    numbers = values.get("numbers", 1)
    if not isinstance(numbers, int):
        raise ConfigError(f"numbers in {path} should be an integer, got {numbers!r}")
    rows = [[_row(each, name, kind, path) for each in values.get(key, [])] for key in ("row", "quick")]
    return Paper(name, kind.paper, numbers, tuple(rows[0]), tuple(rows[1]))


def _row(values: Mapping[str, Any], name: str, kind: type[Scenario], path: Path) -> Row:
    from eventsim.io import config

    seeds = values.get("seeds", [0])
    try:
        if isinstance(seeds, str):
            seeds = seeds_of(seeds)
        row = config.make(Row, {**values, "seeds": tuple(seeds)})
        criterion.parse(row.reached)
        request.settle(kind, name, row.preset, row.set)
    except (ConfigError, UnknownPart) as error:
        raise ConfigError(f"row {values.get('row', '?')!r} in {path}: {error}") from None
    return row


def seeds_of(text: str) -> list[int]:
    """Return the seeds that a text lists.

    >>> seeds_of("0..3, 12")
    [0, 1, 2, 3, 12]
    """
    seeds: list[int] = []
    for part in text.split(","):
        first, dots, last = part.partition("..")
        try:
            seeds += range(int(first), int(last) + 1) if dots else [int(first)]
        except ValueError:
            raise ConfigError(f"seeds = {text!r}: should be like '0..9' or '12, 34, 56'") from None
    if len(set(seeds)) < len(seeds) or not seeds:
        raise ConfigError(f"seeds = {text!r}: should list at least one seed, and none twice")
    return seeds


def as_seeds(seeds: tuple[int, ...]) -> str:
    """Return seeds as text, the inverse of `seeds_of`.

    >>> as_seeds((0, 1, 2, 3, 12))
    '0..3, 12'
    """
    parts: list[str] = []
    k = 0
    while k < len(seeds):
        end = k
        while end + 1 < len(seeds) and seeds[end + 1] == seeds[end] + 1:
            end += 1
        parts += [f"{seeds[k]}..{seeds[end]}"] if end > k + 1 else [str(seed) for seed in seeds[k : end + 1]]
        k = end + 1
    return ", ".join(parts)


def rows_for(scenario: Scenario, name: str) -> dict[str, Row]:
    """Return the rows of the paper that a scenario's settings measure, by metric.

    How many networks are trained (`repeated_by` of the scenario) makes no difference.
    """
    kind = type(scenario)
    paper = read(name, kind)
    repeated = kind.repeated_by
    found: dict[str, Row] = {}
    for row in paper.rows if paper else ():
        settings = request.settle(kind, name, row.preset, row.set)
        if repeated:
            settings = replace(settings, **{repeated: getattr(scenario, repeated)})  # type: ignore[type-var]
        if settings == scenario and not row.hardware and row.paper is not None:
            found.setdefault(row.metric, row)
    return found


def figures_for(scenario: Scenario, name: str) -> dict[str, str]:
    """Return what the paper reports for a scenario's settings, by metric, as plain text."""
    return {
        metric: f"{row.paper}" + ("" if row.paper_spread is None else f" ± {row.paper_spread:g}")
        for metric, row in rows_for(scenario, name).items()
    }
