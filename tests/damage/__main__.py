"""``python -m damage KIND``, in the folder ``tests``: damaged files by the thousand; see the package."""

import argparse
import sys
from pathlib import Path

from damage.campaign import Record, available, campaign, damager
from damage.kinds import KINDS
from damage.watched import Reader


def main() -> int:
    """Carry out the command; return 1 if there are findings."""
    parser = argparse.ArgumentParser(prog="python -m damage", description=__doc__)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"{', '.join(KINDS)}; all unless given")
    parser.add_argument("--count", type=int, default=10_000, help="files of each kind (default: 10000)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=Path("damage-found"), help="for records and findings")
    parser.add_argument("--fresh", action="store_true", help="begin again, instead of going on")
    parser.add_argument("--again", type=int, metavar="NUMBER", help="make and read one damaged file")
    parser.add_argument(
        "--findings", action="store_true", help="read the findings again, and note which are mended"
    )
    parser.add_argument("--table", action="store_true", help="print the records as a table, and read nothing")
    given = parser.parse_args()
    unknown = [name for name in given.kinds if name not in KINDS]
    if unknown:
        parser.error(f"no kind is called {unknown[0]!r}; known: {', '.join(KINDS)}")
    kinds = given.kinds or list(KINDS)
    if given.table:
        print(table(given.folder, given.seed, kinds))
        return 0
    wrong = 0
    for name in kinds:
        if not available(name):
            print(f"{name}: left out, since {KINDS[name].needs} is not installed")
            continue
        if given.again is not None or given.findings:
            wrong += again(name, given)
            continue
        record = campaign(name, given.count, given.seed, given.folder, show, given.fresh)
        end_line()
        print(record, flush=True)
        wrong += len(record.findings)
    return 1 if wrong else 0


def again(name: str, given: argparse.Namespace) -> int:
    """Read single files once more, and print how each ended; return how many are findings."""
    path = given.folder / f"{name}-{given.seed}.json"
    record = Record.load(path) if given.findings else Record(name, given.seed)
    numbers = [each["number"] for each in record.findings] if given.findings else [given.again]
    good = []
    with (
        damager(name, given.seed, given.folder / f"{name}-{given.seed}" / "good") as files,
        Reader() as reader,
    ):
        for number in numbers:
            outcome = files.outcome(number, reader)
            good += [] if outcome.is_finding else [number]
            print(f"{name} {number}: {outcome.kind} {outcome.words}", flush=True)
    if given.findings:
        record.mended = good
        record.save(path)
    return len(numbers) - len(good)


def show(record: Record) -> None:
    """Show how far a campaign is: in place on a terminal, else a line every five hundred files."""
    if sys.stderr.isatty():
        print(f"\r{record}", end="", file=sys.stderr, flush=True)
    else:
        print(record, flush=True)


def end_line() -> None:
    """Leave the line of the progress."""
    if sys.stderr.isatty():
        print(file=sys.stderr)


def table(folder: Path, seed: int, kinds: list[str]) -> str:
    """Return the records of kinds as a table of Markdown."""
    lines = ["| kind | files | refused | read | findings | mended | date |", "|---|" + "--:|" * 5 + "---|"]
    for name in kinds:
        path = folder / f"{name}-{seed}.json"
        if path.is_file():
            found = Record.load(path)
            numbers = (found.done, found.refused, found.read, len(found.findings), len(found.mended))
            lines.append(f"| {name} | {' | '.join(map(str, numbers))} | {found.date} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
