"""Points of a sweep: grids, ranges, lists and random draws, from words or from Python."""

import csv
import itertools
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eventsim.errors import ConfigError, did_you_mean

Point = dict[str, Any]
KINDS = ("uniform", "loguniform", "integer", "choice")
_RANGE = re.compile(r"(-?\d+)\.\.(-?\d+)")
_DRAW = re.compile(r"([a-z]+)\((.*)\)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Draw:
    """A distribution to draw a setting from.

    Attributes
    ----------
    kind : {"uniform", "loguniform", "integer", "choice"}
    values : (low, high), both included for integers; for "choice", what to choose from.

    Raises
    ------
    ConfigError
        If the kind is unknown or the bounds are no bounds.
    """

    kind: str
    values: tuple[Any, ...]

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ConfigError(
                f"no distribution is called {self.kind!r}{did_you_mean(self.kind, KINDS) or ';'} "
                f"known: {', '.join(KINDS)}"
            )
        if self.kind == "choice":
            if not self.values:
                raise ConfigError("choice() needs values to choose from, such as choice(10, 30)")
            return
        wanted = int if self.kind == "integer" else (int, float)
        good = len(self.values) == 2 and all(
            isinstance(each, wanted) and not isinstance(each, bool) and math.isfinite(each)
            for each in self.values
        )
        if not good or self.values[0] > self.values[1]:
            raise ConfigError(f"{self} needs two numbers, the lower one first, such as {self.kind}(1, 10)")
        if self.kind == "loguniform" and self.values[0] <= 0:
            raise ConfigError(f"{self} needs bounds above 0")

    def __str__(self) -> str:
        return f"{self.kind}({', '.join(map(str, self.values))})"

    def draw(self, rng: np.random.Generator) -> Any:
        """Return one value."""
        if self.kind == "choice":
            return self.values[int(rng.integers(len(self.values)))]
        low, high = self.values
        if self.kind == "integer":
            return int(rng.integers(low, high + 1))
        if self.kind == "uniform":
            return float(rng.uniform(low, high))
        return float(np.exp(rng.uniform(np.log(low), np.log(high))))


Axis = Sequence[Any] | Draw
"""The values of a key, or what they are drawn from."""


def parse_axes(words: Iterable[str]) -> dict[str, Axis]:
    """Return the axes that words of the command line name.

    >>> parse_axes(["n_hidden=30,60", "seed=0..2", "learning_rate=loguniform(1e-4, 1e-2)"])
    {'n_hidden': [30, 60], 'seed': [0, 1, 2], 'learning_rate': Draw(kind='loguniform', values=(0.0001, 0.01))}

    Raises
    ------
    ConfigError
        If a word names no axis, or a key comes twice.
    """
    axes: dict[str, Axis] = {}
    for word in words:
        key, equals, text = word.partition("=")
        key = key.strip()
        if not equals or not key or not text.strip():
            raise ConfigError(
                f"{word!r} names no values; write key=a,b,c, or seed=0..9, or lr=uniform(1e-4, 1e-2)"
            )
        if key in axes:
            raise ConfigError(f"{key} is given twice; the second is {word!r}")
        axes[key] = _axis(key, text.strip())
    return axes


def _axis(key: str, text: str) -> Axis:
    if between := _RANGE.fullmatch(text):
        first, last = map(int, between.groups())
        if first > last:
            raise ConfigError(f"{key}={text} is empty; write the lower number first")
        return list(range(first, last + 1))
    drawn = _DRAW.fullmatch(text)
    if drawn and (drawn[1] in KINDS or "," in drawn[2]):
        return Draw(drawn[1], tuple(_value(key, each) for each in _split(drawn[2])))
    return [_value(key, each) for each in _split(text)]


def _split(text: str) -> list[str]:
    """Return what stands between the commas that are in no bracket and no quotes."""
    pieces, depth, quote = [""], 0, ""
    for sign in text:
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "\"'":
            quote = sign
        depth += (sign in "[({") - (sign in "])}") if not quote else 0
        if sign == "," and depth == 0 and not quote:
            pieces.append("")
        else:
            pieces[-1] += sign
    return [piece.strip() for piece in pieces if piece.strip()]


def _value(key: str, text: str) -> Any:
    from eventsim.io.config import parse_overrides

    return parse_overrides([f"value={text}"])["value"]


def read_list(path: Path) -> list[Point]:
    """Return the points of a CSV file: a line of keys, then a line a point; an empty field is the default.

    Raises
    ------
    ConfigError
        If the file cannot be read, has no points, or a line has more fields than the first.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            lines = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(
            f"cannot read the points in {path}: {getattr(error, 'strerror', None) or error}"
        ) from None
    if not lines:
        raise ConfigError(f"{path} has no points; it needs a line of keys, then a line a point")
    if any(None in line for line in lines):
        raise ConfigError(f"a line of {path} has more fields than its first line has keys")
    return [
        {key: _value(key, text.strip()) for key, text in line.items() if text and text.strip()}
        for line in lines
    ]


def points_of(
    axes: Mapping[str, Axis], *, listed: Sequence[Point] = ({},), draws: int = 0, draw_seed: int = 0
) -> Iterator[Point]:
    """Yield the points of a sweep: the product of list, draws and grid, the last key of the grid fastest.

    Parameters
    ----------
    axes : mapping
        Values, or a `Draw`, by key.
    listed : sequence of dict
        Points that are given one by one.
    draws : int
        How often the keys with a `Draw` are drawn. The first draws of a larger number are the same.
    draw_seed : int
        Seed of the draws.

    Raises
    ------
    ConfigError
        If draws are wanted and there is nothing to draw, or the other way round.
    """
    drawn = {key: axis for key, axis in axes.items() if isinstance(axis, Draw)}
    if bool(drawn) != bool(draws):
        what = f"{', '.join(drawn)} is drawn: say how often" if drawn else "nothing is drawn: leave out"
        raise ConfigError(f"{what} with --draws" if drawn else f"{what} --draws")
    grid = {key: axis for key, axis in axes.items() if not isinstance(axis, Draw)}
    for point in listed:
        for k in range(max(draws, 1)):
            rng = np.random.default_rng([draw_seed, k])
            chosen = {key: axis.draw(rng) for key, axis in drawn.items()}
            for values in itertools.product(*grid.values()):
                yield {**point, **chosen, **dict(zip(grid, values, strict=True))}
