"""Everything that is registered, as plain records and as text: what ``eventsim list`` shows."""

import textwrap
from typing import Any

from eventsim.errors import UnknownPart
from eventsim.registry import KINDS, parts
from eventsim.scenarios.running import unknown
from eventsim.scenarios.scenario import keys, summary

HEADINGS = {"scenario": "scenarios", "neuron": "neurons", "rule": "rules", "hardware": "hardware"}


def everything() -> dict[str, list[dict[str, Any]]]:
    """Return every part by kind, each as `describe` gives it."""
    headings = HEADINGS | {kind: kind for kind in KINDS if kind not in HEADINGS}
    return {
        heading: [_record(name, part) for name, part in parts(kind).items()]
        for kind, heading in headings.items()
    }


def describe(name: str) -> dict[str, Any]:
    """Return one part: its name, summary, paper, and for a scenario its presets and keys.

    Raises
    ------
    UnknownPart
        If nothing has that name.
    """
    names = []
    for records in everything().values():
        for record in records:
            if record["name"] == name:
                return record
            names.append(record["name"])
    raise UnknownPart(unknown("part", name, names))


def as_text(name: str | None = None) -> str:
    """Return the list of everything, or of one part's presets and keys, for people."""
    if name is not None:
        return _one(describe(name))
    lines = []
    for heading, records in everything().items():
        lines.append(f"{heading}:")
        width = max((len(record["name"]) for record in records), default=0)
        for record in records:
            lines.append(f"  {record['name']:<{width}}  {record['summary']}")
            if record["paper"]:
                lines.append(f"  {'':<{width}}    {record['paper']}")
            if record.get("presets"):
                lines.append(f"  {'':<{width}}    presets: {', '.join(record['presets'])}")
        if not records:
            lines.append("  none")
    lines.append("'eventsim list NAME' shows the keys of one; 'eventsim run SCENARIO key=value' sets them")
    return "\n".join(lines)


def _record(name: str, part: type) -> dict[str, Any]:
    record: dict[str, Any] = {"name": name, "summary": summary(part), "paper": _paper(part)}
    if hasattr(part, "presets"):
        record["presets"] = part.presets
        record["keys"] = [
            {
                "name": key.name,
                "type": key.type,
                "default": key.default,
                "bounds": key.bounds,
                "meaning": key.meaning,
            }
            for key in keys(part)
        ]
    return record


def _paper(part: type) -> str:
    return str(getattr(part, "paper", ""))


def _one(record: dict[str, Any]) -> str:
    lines = [f"{record['name']}: {record['summary']}"]
    if record["paper"]:
        lines.append(record["paper"])
    if record.get("keys"):
        width = max(len(key["name"]) + len(_value(key["default"])) + 3 for key in record["keys"])
        lines.append("keys:")
        for key in record["keys"]:
            left = f"{key['name']} = {_value(key['default'])}"
            lines.append(
                f"  {left:<{width}}  {key['meaning']}" + (f" ({key['bounds']})" * bool(key["bounds"]))
            )
    for preset, values in record.get("presets", {}).items():
        text = ", ".join(f"{key}={_value(value)}" for key, value in values.items()) or "the defaults"
        lines += textwrap.wrap(f"preset {preset}: {text}", 100, subsequent_indent="    ")
    return "\n".join(lines)


def _value(value: object) -> str:
    if isinstance(value, tuple | list):
        return "[" + ",".join(map(_value, value)) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value)
