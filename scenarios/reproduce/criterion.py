"""When a row counts as reached: a condition on the runs of its seeds.

    mean >= 0.952 and worst >= 0.93

The statistics are `mean`, `median`, `worst`, `best` and `spread` (standard deviation); what is worst follows
from whether more, less, or nearness to the paper's value is better.
"""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Literal

import numpy as np

from eventsim.errors import ConfigError

Better = Literal["higher", "lower", "near"]
STATISTICS = ("mean", "median", "worst", "best", "spread")
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "==": operator.eq,
}
CLAUSE = re.compile(r"(\w+)\s*(>=|<=|==|>|<)\s*(\S+)")
Clause = tuple[str, str, float]


@dataclass(frozen=True, slots=True)
class Criterion:
    """A condition such as ``mean >= 0.952 and worst >= 0.93``."""

    text: str
    clauses: tuple[Clause, ...]

    def holds(self, statistics: Mapping[str, float]) -> bool:
        """Return whether the statistics of a row meet every clause."""
        return all(COMPARISONS[sign](statistics[name], bound) for name, sign, bound in self.clauses)


def parse(text: str) -> Criterion:
    """Return the criterion that a text spells.

    Raises
    ------
    ConfigError
        If it is not clauses of the form ``STATISTIC COMPARISON NUMBER`` joined by ``and``.

    >>> parse("mean >= 0.9 and worst > 0.8").clauses
    (('mean', '>=', 0.9), ('worst', '>', 0.8))
    """
    clauses: list[Clause] = []
    for part in text.split(" and "):
        found = CLAUSE.fullmatch(part.strip())
        try:
            clauses.append((found[1], found[2], float(found[3])))  # type: ignore[index]
        except (TypeError, ValueError):
            raise ConfigError(f"reached = {text!r}: should be like 'mean >= 0.9 and worst >= 0.8'") from None
        if clauses[-1][0] not in STATISTICS:
            raise ConfigError(
                f"reached = {text!r}: no statistic {clauses[-1][0]!r}; known: {', '.join(STATISTICS)}"
            )
    return Criterion(text, tuple(clauses))


def statistics(values: Sequence[float], better: Better, paper: float | str | None) -> dict[str, float]:
    """Return mean, median, worst, best and spread of the values of a row.

    Parameters
    ----------
    values : sequence of float
        One for each seed, or for each network of a run that trains several; at least one.
    better : {"higher", "lower", "near"}
        Which value is better; "near" is nearness to `paper`.
    paper : float, str or None

    Returns
    -------
    dict
        `spread` is the standard deviation (n - 1), and 0 for one value.
    """
    array = np.asarray(values, float)
    if better == "near":
        middle = paper if isinstance(paper, int | float) else float(array.mean())
        order = np.argsort(-np.abs(array - middle), kind="stable")
    else:
        order = np.argsort(array if better == "higher" else -array, kind="stable")
    worst = float("nan") if any(map(isnan, values)) else float(array[order[0]])
    return {
        "mean": float(array.mean()),
        "median": float(np.median(array)),
        "worst": worst,
        "best": float(array[order[-1]]),
        "spread": float(array.std(ddof=1)) if len(array) > 1 else 0.0,
    }
