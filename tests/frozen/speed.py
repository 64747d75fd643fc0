"""Compare the speed of today's version with that of the version before the refactoring.

    python tests/frozen/speed.py compare [--passes N] [--only TEXT]
    python tests/frozen/speed.py record  [--passes N]

`speed.json` keeps our values of W1 to W5 and of the gradient kernels, without peers, on one thread: for each
the best and the median of several passes, with the load average before and after each pass. Other work on
the machine makes passes slower, never faster, so the best of each side is compared. The values mean nothing
on another machine; there, measure both versions. Values by the clock (writing spikes) depend on the disk too.

`compare` prints each value with the ratio to the record, above 1 is faster, and ends with status 1 if one is
slower by more than 5 %. This is no part of the test suite: a pass takes half a minute of one core.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from freeze import machine

RECORD = Path(__file__).with_name("speed.json")
BENCHMARKS = (
    "queue-hold",
    "balanced-network",
    "first-spike-training",
    "delgrad-training",
    "latent-equilibrium",
    "trace-writing",
    "kernels",
)
ALLOWED = 0.95  # of the recorded speed

Key = tuple[str, str, Any]
Row = dict[str, Any]


def one_pass(only: str = "") -> Iterator[Row]:
    """Measure every value once."""
    environment = dict(os.environ, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    for name in BENCHMARKS:
        if only not in name:
            continue
        words = ["bench", name, "--no-peers", "--repeats", "1", "--json"]
        command = [sys.executable, "-P", "-m", "eventsim.scenarios.cli", *words]
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
        yield from json.loads(done.stdout)


def key(row: Row) -> Key:
    return row["work"], row["system"], row.get("n")


def faster(row: Row, value: float, other: float) -> float:
    """Return how many times faster `value` is than `other`."""
    return value / other if row["unit"].endswith("/s") else other / value


def measured(passes: int, only: str = "") -> tuple[list[Row], list[list[float]]]:
    """Return best and median of each value, and the load average before and after each pass."""
    values: dict[Key, list[float]] = {}
    rows: dict[Key, Row] = {}
    loads = []
    for k in range(passes):
        before = os.getloadavg()[0]
        for row in one_pass(only):
            rows[key(row)] = row
            values.setdefault(key(row), []).append(float(row["value"]))
        loads.append([round(load, 1) for load in (before, os.getloadavg()[0])])
        print(f"pass {k + 1} of {passes}, load average {loads[-1][0]} to {loads[-1][1]}", file=sys.stderr)
    found = []
    for name, row in rows.items():
        best = max(values[name]) if row["unit"].endswith("/s") else min(values[name])
        kept = {entry: row[entry] for entry in ("work", "system", "n", "unit") if row.get(entry) is not None}
        median = statistics.median(values[name])
        found.append(kept | {"best": float(f"{best:.4g}"), "median": float(f"{median:.4g}")})
    return found, loads


def record(passes: int) -> int:
    """Write the record."""
    rows, loads = measured(passes)
    parts = [f' "machine": {json.dumps(machine())}']
    for name, lines in (("load_averages", loads), ("rows", rows)):
        parts.append(f' "{name}": [\n' + ",\n".join(f"  {json.dumps(line)}" for line in lines) + "\n ]")
    RECORD.write_text("{\n" + ",\n".join(parts) + "\n}\n", "utf-8")
    return 0


def compare(passes: int, only: str) -> int:
    """Print what today's version reaches beside the record; return the exit status."""
    recorded = json.loads(RECORD.read_text("utf-8"))
    for name, value in machine().items():
        if recorded["machine"].get(name) != value:
            print(f"the record was made with {name} {recorded['machine'].get(name)}, this is {value}")
    before = {key(row): row for row in recorded["rows"]}
    rows, _ = measured(passes, only)
    slower = 0
    for row in rows:
        if key(row) not in before:
            continue
        ratio = faster(row, row["best"], before[key(row)]["best"])
        slower += ratio < ALLOWED
        mark = "  slower" if ratio < ALLOWED else ""
        size = f", n = {row['n']}" if "n" in row else ""
        print(f"{ratio:6.2f} x  {row['work']}{size}, {row['system']}: {row['best']} {row['unit']}{mark}")
    print(f"{slower} of {len(rows)} values are slower than {ALLOWED:.0%} of the recorded speed")
    return int(slower > 0)


def main() -> int:
    """Run the command line of this script."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("command", choices=("record", "compare"))
    parser.add_argument("--passes", type=int, default=5)
    parser.add_argument("--only", default="", metavar="TEXT", help="benchmarks whose name holds this text")
    options = parser.parse_args()
    if options.command == "record":
        return record(options.passes)
    return compare(options.passes, options.only)


if __name__ == "__main__":
    sys.exit(main())
