"""Write the tables of README and docs from the kept ones: ``python -m eventsim.scenarios.reproduce.pages``.

A page holds a table between two lines, and what stands between them is written anew:

    <!-- reproduced: fast-and-deep -->
    <!-- end of reproduced -->

`all` in place of a scenario's name makes a table of all papers: a headline each, and rows reached of rows.
"""

import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from eventsim.scenarios.reproduce.kept import read_kept
from eventsim.scenarios.reproduce.published import Paper, Row, as_seeds, paper_of, papers
from eventsim.scenarios.reproduce.table import cells, value

COLUMNS = 100  # of a line of a page
BLOCK = re.compile(r"(<!-- reproduced: (\S+) -->\n).*?(<!-- end of reproduced -->)", re.DOTALL)


def pages() -> Iterator[Path]:
    """Return the README and the pages of docs/."""
    tree = Path(__file__).resolve().parents[2]
    yield tree / "README.md"
    yield from sorted((tree / "docs").glob("*.md"))


def rewritten(text: str) -> str:
    """Return a page with the tables between its markers made from the kept tables."""
    return BLOCK.sub(lambda found: f"{found[1]}\n{_table(found[2])}\n\n{found[3]}", text)


def _table(name: str) -> str:
    if name != "all":
        return paper_table(paper_of(name), read_kept(name))
    lines = [
        "| scenario | a row of its paper | paper | ours | worst | seeds | rows reached |",
        "|" + "---|" * 7,
    ]
    lines += [_headline(paper, read_kept(each)) for each, paper in papers().items()]
    return "\n".join(lines)


def _headline(paper: Paper, kept: list[dict[str, Any]]) -> str:
    """Return the line of a paper in the table of all: its headline beside ours, and rows reached of rows."""
    row = next((each for each in paper.rows if each.headline), paper.rows[0])
    record = next((each for each in kept if (each["row"], each["metric"]) == (row.row, row.metric)), None)
    theirs = value(row.paper, row.paper_spread, _units(row))
    ours = ("not measured yet", "", as_seeds(row.seeds)) if record is None else cells(record)[3:6]
    reached = sum(each["reached"] is True for each in kept)
    name = f"[`{paper.name}`](docs/{paper.name}.md)"
    return f"| {name} | {row.row} | {theirs} | {' | '.join(ours)} | {reached} of {len(paper.rows)} |"


def paper_table(paper: Paper, kept: list[dict[str, Any]]) -> str:
    """Return the paper's rows beside the kept ones as a Markdown table, and why rows are not reached."""
    known = {(record["row"], record["metric"]): record for record in kept}
    lines = ["| row | metric | paper | ours | worst | seeds | time a run | reached |", "|" + "---|" * 8]
    reasons = []
    for row in paper.rows:
        record = known.get((row.row, row.metric))
        if record is None:
            theirs = value(row.paper, row.paper_spread, _units(row))
            lines.append(
                f"| {row.row} | {row.metric} | {theirs} | not measured yet | | {as_seeds(row.seeds)} | | |"
            )
            continue
        lines.append("| " + " | ".join(cells(record)) + " |")
        if record.get("why"):
            reasons.append(_wrapped(f"- {row.row}, {row.metric}: {record['why']}.", indent="  "))
    text = "\n".join(lines)
    if reasons:
        text += "\n\nNot reached:\n\n" + "\n".join(reasons)
    if kept:
        dates = sorted({str(record["date"]) for record in kept})
        commits = sorted({each for record in kept for each in str(record["commit"]).split(", ")})
        made = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
        text += "\n\n" + _wrapped(f"Measured {made}, commit {', '.join(commits)}.")
    return text + f"\n\nMade by `eventsim reproduce {paper.name} --keep`."


def _wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(
        text, COLUMNS, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _units(row: Row) -> dict[str, Any]:
    return {"unit": row.unit, "decimals": row.decimals}


def main() -> None:
    """Write every page whose tables differ from the kept ones, and name it."""
    for page in pages():
        text = page.read_text(encoding="utf-8")
        new = rewritten(text)
        if new != text:
            page.write_text(new, encoding="utf-8")
            sys.stdout.write(f"{page.name}\n")


if __name__ == "__main__":
    main()
