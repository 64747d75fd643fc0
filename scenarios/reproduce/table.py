"""The paper's table beside ours, as text."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from eventsim.scenarios.durations import duration
from eventsim.scenarios.reproduce.published import Paper, as_seeds

HEAD = ("row", "metric", "paper", "ours", "worst", "seeds", "time a run", "reached")
REACHED = {True: "yes", False: "no", None: "-"}


def as_text(paper: Paper, records: Sequence[Mapping[str, Any]]) -> str:
    """Return the rows as a table for people, with what keeps rows from being reached below."""
    lines = [f"{paper.name}: {paper.title}"]
    lines += columns([HEAD, *map(cells, records)])
    lines += [f"{each['row']}: {each['why']}" for each in records if each.get("why")]
    lines.append(f"{count(records)} rows reached")
    return "\n".join(lines)


def cells(record: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what a row's record says, column by column of `HEAD`."""
    done, wanted = record["seeds"], record.get("n_seeds", len(record["seeds"]))
    seeds = as_seeds(tuple(done)) if len(done) == wanted else f"{len(done)} of {wanted}"
    n = len(record.get("values", ()))
    if n > len(done) > 0:
        seeds += f" ({n} networks)"
    return (
        str(record["row"]),
        str(record["metric"]),
        value(record["paper"], record["paper_spread"], record),
        value(record["ours"], record["spread"], record),
        value(record["worst"], None, record) if n > 1 else "",
        seeds,
        duration(record["wall_seconds"]),
        REACHED[record["reached"]],
    )


def value(middle: float | str | None, spread: float | None, record: Mapping[str, Any]) -> str:
    """Return a figure with its spread in the unit of a record; "-" for None."""
    if middle is None:
        return "-"
    if isinstance(middle, str):
        return middle
    unit, decimals = str(record.get("unit") or ""), record.get("decimals")
    scale = 100.0 if unit == "%" else 1.0
    if decimals is None and unit == "%":
        decimals = 1

    def plain(number: float) -> str:
        return f"{scale * number:.4g}" if decimals is None else f"{scale * number:.{decimals}f}"

    both = plain(middle) if spread is None else f"{plain(middle)} ± {plain(spread)}"
    return f"{both} {unit}".rstrip()


def count(records: Iterable[Mapping[str, Any]]) -> str:
    """Return how many rows are reached, of how many."""
    reached = [record["reached"] for record in records]
    return f"{sum(each is True for each in reached)} of {len(reached)}"


def listing(papers: Mapping[str, Paper], kept: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Return the papers with rows reached of rows, by the tables that are kept."""
    lines = []
    for name, paper in papers.items():
        reached = sum(record["reached"] is True for record in kept.get(name, ()))
        measured = len(kept.get(name, ()))
        note = "" if measured == len(paper.rows) else f", {measured} measured"
        lines.append((name, f"{reached} of {len(paper.rows)} rows reached{note}", paper.title))
    text = columns(lines)
    return "\n".join([*text, "'eventsim reproduce NAME' measures the rows of one, with --quick a first look"])


def columns(lines: Sequence[Sequence[str]]) -> list[str]:
    """Return lines of cells as text with aligned columns."""
    widths = [max(len(line[k]) for line in lines) for k in range(len(lines[0]))] if lines else []
    return [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
