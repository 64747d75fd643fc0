"""A page of the rows of one or more papers, as Markdown or HTML: ``eventsim reproduce --report FILE``.

Each row has the paper's figure, ours, how they differ, the seeds, and, where it is not reached, why. A page
of HTML is one file that needs no network; it follows the reader's choice of light or dark.
"""

import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import eventsim
from eventsim.errors import ConfigError
from eventsim.io.export.whole_files import whole
from eventsim.scenarios.reproduce.published import Paper, Row, as_seeds
from eventsim.scenarios.reproduce.table import HEAD, cells, count, value

FORMATS = (".html", ".md")
HEADINGS = ("row", "metric", "paper", "ours", "difference", *HEAD[4:])
Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Measured:
    """A paper with the records of its rows, one for each row, and its quick rows if those were measured."""

    paper: Paper
    records: tuple[Record, ...]

    @property
    def quick(self) -> bool:
        """Whether these are the paper's quick rows."""
        return any(record.get("quick") for record in self.records)


def check_path(path: Path) -> None:
    """Raise `ConfigError` unless a report can be written to `path`."""
    if path.suffix.lower() not in FORMATS:
        raise ConfigError(f"the file of a report must end with .html or .md, got {str(path)!r}")
    if not path.parent.is_dir():
        raise ConfigError(f"folder {str(path.parent)!r} does not exist; make it first, or report elsewhere")


def from_kept(paper: Paper, kept: Sequence[Record]) -> Measured:
    """Return a paper with its kept records; a row that was not measured has a record that says so."""
    known = {(record["row"], record["metric"]): record for record in kept}
    return Measured(paper, tuple(known.get((row.row, row.metric)) or _missing(row) for row in paper.rows))


def _missing(row: Row) -> Record:
    """Return the record of a row that was not measured."""
    nothing = dict.fromkeys(("ours", "spread", "worst", "reached", "date", "commit", "wall_seconds"))
    named = {key: getattr(row, key) for key in ("row", "metric", "paper", "paper_spread", "source", "unit")}
    why = "not measured yet" + (f"; needs the data set {row.needs!r}" if row.needs else "")
    return named | nothing | {"decimals": row.decimals, "seeds": [], "n_seeds": len(row.seeds), "values": [],
                              "criterion": row.reached, "why": why}  # fmt: skip


def write(path: Path, measured: Sequence[Measured], command: str) -> None:
    """Write the page of papers and their rows.

    Parameters
    ----------
    path : Path
        Ends with ``.html`` or ``.md``.
    measured : sequence of Measured
        In the order of the page.
    command : str
        What made the page; it is printed on it.

    Raises
    ------
    ConfigError
        If the file cannot be written, or its ending is another one.
    """
    check_path(path)
    make = as_html if path.suffix.lower() == ".html" else as_markdown
    with whole(path) as new:
        new.write_text(make(measured, command), encoding="utf-8")


def difference(record: Record) -> str:
    """Return ours minus the paper's value, in the unit of the record; empty where one is no number.

    >>> difference({"paper": 0.967, "ours": 0.9635, "unit": "%", "decimals": None})
    '-0.3 points'
    >>> difference({"paper": 2.0, "ours": 2.5, "unit": "ms", "decimals": 1})
    '+0.5 ms'
    """
    paper, ours = record["paper"], record["ours"]
    if not isinstance(paper, int | float) or ours is None:
        return ""
    text = value(ours - paper, None, record)
    if str(record.get("unit")) == "%":
        text = text.replace("%", "points")
    return text if text.startswith("-") else f"+{text}"


def line(record: Record) -> tuple[str, ...]:
    """Return what a record says, column by column of `HEADINGS`."""
    row = cells(record)
    return (*row[:4], difference(record), *row[4:])


def remarks(measured: Measured) -> list[tuple[str, str]]:
    """Return the rows that are not reached, each with the condition that it misses and why."""
    found = []
    for record in measured.records:
        if record["reached"] is not True:
            asked = f"asked for: {record['criterion']}; " if record["reached"] is False else ""
            found.append((f"{record['row']}, {record['metric']}", asked + str(record.get("why") or "")))
    return found


def sources(measured: Measured) -> list[tuple[str, str]]:
    """Return where the paper's value of each row stands, and the command that measures the row."""
    found: dict[str, str] = {}
    for record in measured.records:
        seeds = f"seeds {as_seeds(tuple(record['seeds']))}" if record["seeds"] else "no seed"
        made = f", {record['date']}, commit {record['commit']}" if record["date"] else ""
        source = str(record.get("source") or "the paper")
        found[f"{record['row']}, {record['metric']}"] = f"{source}; ours: {seeds}{made}"
    return list(found.items())


def _opening(measured: Sequence[Measured], command: str) -> str:
    records = [record for each in measured for record in each.records]
    filled = sum(record["ours"] is not None for record in records)
    reached = sum(record["reached"] is True for record in records)
    quick = " These are quick rows: smaller than the papers', and no measure of them." * any(
        each.quick for each in measured
    )
    return (
        f"{len(measured)} {'papers' if len(measured) != 1 else 'paper'}, {len(records)} rows, "
        f"{filled} measured, {reached} reached. eventsim {eventsim.__version__}, "
        f"{date.today().isoformat()}; made by `{command}`.{quick}"
    )


def _overview(measured: Sequence[Measured]) -> list[tuple[str, ...]]:
    return [
        (each.paper.name, each.paper.title, f"{_filled(each)} of {len(each.records)}", count(each.records))
        for each in measured
    ]


def _filled(measured: Measured) -> int:
    return sum(record["ours"] is not None for record in measured.records)


OVERVIEW = ("scenario", "paper", "rows measured", "rows reached")


def as_markdown(measured: Sequence[Measured], command: str) -> str:
    """Return the page as Markdown."""

    def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
        lines = [head, ["---"] * len(head), *rows]
        return "\n".join("| " + " | ".join(c.replace("|", "\\|") for c in each) + " |" for each in lines)

    def notes(title: str, pairs: Sequence[tuple[str, str]]) -> list[str]:
        return [f"{title}:", "\n".join(f"- {name}: {text}" for name, text in pairs)] if pairs else []

    parts = ["# Papers and what we measure", _opening(measured, command)]
    parts.append(table(OVERVIEW, _overview(measured)))
    for each in measured:
        parts += [f"## {each.paper.name}", each.paper.title]
        parts.append(table(HEADINGS, [line(record) for record in each.records]))
        parts += notes("Not reached, and why", remarks(each))
        parts += notes("Where the values are from", sources(each))
    return "\n\n".join(parts) + "\n"


STYLE = """
:root { color-scheme: light dark; --line: #c8c8c8; --soft: #f3f3f3; --text: #1b1b1b; --page: #ffffff; }
@media (prefers-color-scheme: dark) {
  :root { --line: #4a4a4a; --soft: #262626; --text: #e6e6e6; --page: #171717; }
}
body { font: 16px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page);
  margin: 0 auto; padding: 1rem; max-width: 90rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.9rem; }
caption { text-align: left; padding: 0.3rem 0; }
th, td { border-bottom: 1px solid var(--line); padding: 0.3rem 0.6rem; }
th, td { text-align: left; vertical-align: top; }
thead th, tbody tr:hover { background: var(--soft); }
td.number { white-space: nowrap; font-variant-numeric: tabular-nums; }
dt { font-weight: 600; }
code { background: var(--soft); padding: 0 0.2rem; }
"""


def as_html(measured: Sequence[Measured], command: str) -> str:
    """Return the page as one file of HTML."""
    escape: Callable[[str], str] = html.escape

    def table(caption: str, head: Sequence[str], rows: Sequence[Sequence[str]], words: int) -> str:
        top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
        body = []
        for row in rows:
            first = f'<th scope="row">{escape(row[0])}</th>'
            rest = "".join(
                f"<td{' class=number' * (k >= words)}>{escape(cell)}</td>"
                for k, cell in enumerate(row[1:], 1)
            )
            body.append(f"<tr>{first}{rest}</tr>")
        return (
            f'<div class="wide" tabindex="0"><table><caption>{escape(caption)}</caption>'
            f"<thead><tr>{top}</tr></thead>\n<tbody>" + "\n".join(body) + "</tbody></table></div>"
        )

    def notes(title: str, pairs: Sequence[tuple[str, str]], opened: bool) -> str:
        if not pairs:
            return ""
        inner = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>\n" for name, text in pairs)
        return f"<details{' open' * opened}><summary>{title}</summary><dl>{inner}</dl></details>"

    opening = escape(_opening(measured, command).replace("`", "\0")).split("\0")
    opening[1] = f"<code>{opening[1]}</code>"
    parts = ["<h1>Papers and what we measure</h1>", f"<p>{''.join(opening)}</p>"]
    rows = _overview(measured)
    parts.append(table("Rows measured and reached", OVERVIEW, rows, 2))
    links = " · ".join(f'<a href="#{escape(row[0])}">{escape(row[0])}</a>' for row in rows)
    parts.append(f'<nav aria-label="papers"><p>{links}</p></nav>')
    for each in measured:
        parts.append(f'<h2 id="{escape(each.paper.name)}">{escape(each.paper.name)}</h2>')
        lines = [line(record) for record in each.records]
        parts.append(table(each.paper.title, HEADINGS, lines, 2))
        parts.append(notes("Not reached, and why", remarks(each), True))
        parts.append(notes("Where the values are from", sources(each), False))
    body = "\n".join(part for part in parts if part)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Papers and what we measure</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )
