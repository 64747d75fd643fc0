"""Thousands of damaged files of one kind, and what each ended in; goes on where it was stopped."""

import datetime
import importlib.util
import json
import os
import random
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from damage.kinds import KINDS, Kind
from damage.watched import Outcome, Reader

__all__ = ["Damager", "Record", "available", "campaign", "damager"]

KEPT = 200  # findings whose files are kept
PERIOD = 5.0  # s between two records


def available(name: str) -> bool:
    """Return whether the package that a kind needs is installed."""
    needs = KINDS[name].needs
    return not needs or importlib.util.find_spec(needs) is not None


@dataclass(slots=True)
class Damager:
    """A good file of a kind, and damaged ones made of it by number.

    Attributes
    ----------
    target : the file that is damaged.
    entry : the file that is read; it may name the other.
    content : of the good file.
    """

    name: str
    kind: Kind
    seed: int
    target: Path
    entry: Path
    content: bytes
    scratch: Path

    def changed(self, number: int) -> bytes:
        """Return the content of a damaged file: a function of kind, seed, number, and of the good file."""
        rng = random.Random(f"{self.name}/{self.seed}/{number}")
        return self.kind.changed(self.content, rng, self.scratch)

    def outcome(self, number: int, reader: Reader) -> Outcome:
        """Return how reading a damaged file ended."""
        self.target.write_bytes(self.changed(number))
        return reader.read(self.kind.reader, self.entry)

    def outcome_of_good(self, reader: Reader) -> Outcome:
        """Return how reading the good file ended."""
        self.target.write_bytes(self.content)
        return reader.read(self.kind.reader, self.entry)


@contextmanager
def damager(name: str, seed: int = 0, original: Path | None = None) -> Iterator[Damager]:
    """Give a good file of a kind in a folder for a while.

    Parameters
    ----------
    original : path, optional
        Where the good file is kept, so that a number always means the same file. It is made there if the
        folder does not exist.
    """
    kind = KINDS[name]
    memory = Path("/dev/shm")  # files are written and read many times
    where = memory if os.access(memory, os.W_OK) else None
    with TemporaryDirectory(prefix="damage-", dir=where) as place:
        work, scratch = Path(place) / "work", Path(place) / "scratch"
        scratch.mkdir()
        if original is None or not original.is_dir():
            work.mkdir()
            files = kind.write(work)
            names = [str(path.relative_to(work)) for path in files]
            (work / "files.json").write_text(json.dumps(names))
            if original is not None:
                shutil.copytree(work, original)
        else:
            shutil.copytree(original, work)
            names = json.loads((work / "files.json").read_text())
        target, entry = (work / each for each in names)
        yield Damager(name, kind, seed, target, entry, target.read_bytes(), scratch)


@dataclass(slots=True)
class Record:
    """What a campaign has found so far; `mended` are the numbers of findings that end well by now."""

    kind: str
    seed: int
    done: int = 0
    read: int = 0
    refused: int = 0
    seconds: float = 0.0
    date: str = ""
    commit: str = ""
    findings: list[dict[str, Any]] = field(default_factory=list)
    mended: list[int] = field(default_factory=list)

    def add(self, number: int, outcome: Outcome) -> None:
        """Count a file."""
        self.done = number + 1
        if outcome.kind == "read":
            self.read += 1
        elif outcome.kind == "refused":
            self.refused += 1
        else:
            self.findings.append({"number": number, "outcome": outcome.kind, "words": outcome.words})

    @classmethod
    def load(cls, path: Path) -> "Record":
        """Return what `save` wrote."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))

    def save(self, path: Path) -> None:
        """Write the record, beside and renamed."""
        self.date = datetime.date.today().isoformat()
        new = path.with_suffix(".new")
        new.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        os.replace(new, path)

    def __str__(self) -> str:
        return (
            f"{self.kind}: {self.done} files, {self.read} read, {self.refused} refused, "
            f"{len(self.findings)} findings, {len(self.mended)} of them mended, {self.seconds:.0f} s"
        )


def campaign(
    name: str, count: int, seed: int, folder: Path, say: Callable[[Record], object], fresh: bool = False
) -> Record:
    """Read damaged files of a kind until there are `count` of them, and keep every finding.

    Parameters
    ----------
    folder : path
        Gets ``KIND-SEED.json``, the good file, and those that are findings. What is in it is not repeated.
    say : callable
        Is given the record every few seconds, and at the end.
    fresh : bool
        Begin again, with the good file that is there.
    """
    path, below = folder / f"{name}-{seed}.json", folder / f"{name}-{seed}"
    below.mkdir(parents=True, exist_ok=True)
    record = Record(name, seed)
    if path.is_file() and not fresh:
        record = Record.load(path)
    record.commit = _commit()
    with damager(name, seed, below / "good") as files, Reader() as reader:
        good = files.outcome_of_good(reader)
        if good.kind != "read":
            raise RuntimeError(f"the good file of kind {name!r} is not read: {good.kind} {good.words}")
        began = kept = time.monotonic()
        for number in range(record.done, count):
            outcome = files.outcome(number, reader)
            record.add(number, outcome)
            if outcome.is_finding and len(record.findings) <= KEPT:
                shutil.copy(files.target, below / f"{number}{files.target.suffix}")
            now = time.monotonic()
            if outcome.is_finding or now - kept > PERIOD:
                record.seconds, began, kept = record.seconds + now - began, now, now
                record.save(path)
                say(record)
        record.seconds += time.monotonic() - began
    record.save(path)
    return record


def _commit() -> str:
    here = Path(__file__).resolve().parent
    found = subprocess.run(
        ["git", "describe", "--always", "--abbrev=10", "--dirty=+", "--exclude=*"],
        cwd=here, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return found.stdout.strip() or "unknown"
