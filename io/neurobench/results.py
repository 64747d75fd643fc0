"""Results in the form of the public package: a flat dictionary, written as JSON, CSV or text; and one table.

What is ours and has no name there stands under one key, "eventsim", so that scripts written for the package
read the rest.
"""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

from eventsim.io.export.whole_files import whole

__all__ = ["OURS", "Results", "table"]

OURS = "eventsim"


@dataclass(frozen=True)
class Results(Mapping[str, Any]):
    """Metrics by the package's names.

    Attributes
    ----------
    metrics : numbers and dictionaries of numbers.
    ours : metrics of our own, and what a reader should know.
    """

    metrics: Mapping[str, Any]
    ours: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        return self.metrics[name]

    def __iter__(self) -> Any:
        return iter(self.metrics)

    def __len__(self) -> int:
        return len(self.metrics)

    def as_dict(self) -> dict[str, Any]:
        """Return all of it, ours under the key "eventsim"."""
        return {**self.metrics, **({OURS: dict(self.ours)} if self.ours else {})}

    def as_text(self) -> str:
        """Return the metrics for people, one a line; those of our own below."""
        lines = []
        for heading, part in (("", self.metrics), ("of eventsim:", self.ours)):
            flat = flattened(part)
            width = max(map(len, flat), default=0)
            lines += [heading] if heading and flat else []
            lines += [f"{'  ' if heading else ''}{key:<{width}}  {_short(v)}" for key, v in flat.items()]
        return "\n".join(lines)

    def save(self, path: str | Path, file_format: str = "json") -> Path:
        """Write a file; like the package's, its name gets the ending of the format.

        Raises
        ------
        ValueError
            If the format is none of json, csv and txt.
        """
        if file_format not in ("json", "csv", "txt"):
            raise ValueError(f"file_format must be json, csv or txt, got {file_format!r}")
        target = Path(f"{path}.{file_format}")
        target.parent.mkdir(parents=True, exist_ok=True)
        found = self.as_dict()
        with (
            whole(target) as new,
            new.open("w", encoding="utf-8", newline="" if file_format == "csv" else None) as file,
        ):
            if file_format == "json":
                json.dump(found, file, indent=4)
            elif file_format == "csv":
                writer = csv.writer(file)
                writer.writerow(found.keys())
                writer.writerow(found.values())
            else:
                file.writelines(f"{key}: {value}\n" for key, value in found.items())
        return target


def table(rows: Mapping[str, Mapping[str, Any]], columns: Sequence[str] = ()) -> str:
    """Return results side by side as text, one model a row.

    Parameters
    ----------
    rows : mapping of str to mapping
        By name of the model: `Results`, or what the package's ``Benchmark.run`` returns.
    columns : sequence of str, optional
        Metrics to show; those that any row has unless given, without the dictionaries of layers.
    """
    flat = {name: flattened(row) for name, row in rows.items()}
    known = list(dict.fromkeys(key for row in flat.values() for key in row))
    shown = list(columns) or [key for key in known if not key.startswith("ActivationSparsityByLayer.")]
    body = [["model", *shown]]
    body += [[name, *(_short(row.get(key)) for key in shown)] for name, row in flat.items()]
    widths = [max(len(line[k]) for line in body) for k in range(len(body[0]))]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in body]
    return "\n".join(lines)


def flattened(results: Mapping[str, Any]) -> dict[str, Any]:
    """Return results without nesting: ``SynapticOperations.Dense`` and so on."""
    flat: dict[str, Any] = {}
    for key, value in results.items():
        if isinstance(value, Mapping):
            flat |= {f"{key}.{inner}": each for inner, each in value.items()}
        elif key != OURS:
            flat[key] = value
    return flat


def _short(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.5g}" if isfinite(value) else str(value)
    return str(value)
