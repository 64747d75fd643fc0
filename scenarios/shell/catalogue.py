"""Everything that is registered, as plain records and as text: what ``eventsim list`` shows."""

import textwrap
from dataclasses import asdict
from math import isfinite
from typing import Any

from eventsim.errors import UnknownPart, did_you_mean
from eventsim.registry import KINDS, parts
from eventsim.scenarios.parameters import keys, names_of, parameters, summary
from eventsim.scenarios.scenario import Scenario

HEADINGS = {
    "scenario": "scenarios",
    "neuron": "neurons",
    "plasticity": "rules",
    "trainer": "trainers",
    "hardware": "hardware",
}

LONGEST = 24  # characters of a default of a part's parameter


def everything() -> dict[str, list[dict[str, Any]]]:
    """Return every part by kind, each as `describe` gives it."""
    headings = HEADINGS | {kind: kind for kind in KINDS if kind not in HEADINGS}
    return {
        heading: [_record(name, kind, part) for name, part in parts(kind).items()]
        for kind, heading in headings.items()
    }


def describe(name: str) -> dict[str, Any]:
    """Return one part: its name, summary and paper; presets and keys of a scenario, parameters of others.

    Raises
    ------
    UnknownPart
        If nothing has that name.
    """
    names = []
    classes = {getattr(part, "__name__", ""): own for kind in KINDS for own, part in parts(kind).items()}
    wanted = classes.get(name, name).replace("_", "-").lower()  # eventsim list PairSTDP, as in Python
    for records in everything().values():
        for record in records:
            if record["name"].replace("_", "-").lower() == wanted:
                return record
            names.append(record["name"])
    # All names together would be a page long.
    hint = did_you_mean(name, names) or ";"
    raise UnknownPart(f"no part named {name!r}{hint} 'eventsim list' names all {len(names)}")


def as_text(name: str | None = None) -> str:
    """Return the list of everything, or what there is to set of one part, for people."""
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
    lines.append(
        "'eventsim list NAME' shows what one can be given; 'eventsim run SCENARIO key=value' sets keys"
    )
    return "\n".join(lines)


def _record(name: str, kind: str, part: type) -> dict[str, Any]:
    record: dict[str, Any] = {"name": name, "kind": kind, "summary": summary(part), "paper": _paper(part)}
    if isinstance(part, type) and issubclass(part, Scenario):
        record["presets"] = part.presets
        record["keys"] = [asdict(key) for key in keys(part)]
        return record
    record["parameters"] = [asdict(each) | {"default": _plain(each.default)} for each in parameters(part)]
    if kind == "neuron":
        record["receptors"] = names_of(part, "receptors")
        record["variables"] = names_of(part, "variables")
        record["is_source"] = bool(getattr(part, "is_source", False))
    return record


def _plain(value: object) -> object:
    """Return a default as JSON has it: numbers, texts and lists as they are, everything else as text."""
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, bool | int | float | str) else repr(value)


def _paper(part: type) -> str:
    return str(getattr(part, "paper", ""))


def _one(record: dict[str, Any]) -> str:
    lines = [f"{record['name']}: {record['summary']}"]
    if record["paper"]:
        lines.append(record["paper"])
    lines += _keys(record.get("keys", []))
    lines += _parameters(record.get("parameters", []))
    if record["kind"] == "neuron":
        one = "none, it is a source" if record["is_source"] else "one, for all inputs"
        lines.append(f"receptors: {', '.join(record['receptors']) or one}")
        lines.append(f"recorded variables: {', '.join(record['variables']) or 'none'}")
    for preset, values in record.get("presets", {}).items():
        text = ", ".join(f"{key}={_value(value)}" for key, value in values.items()) or "the defaults"
        lines += textwrap.wrap(f"preset {preset}: {text}", 100, subsequent_indent="    ")
    if record["kind"] == "scenario":
        lines.append(f"'eventsim run {record['name']} --preset NAME key=value' runs it")
    return "\n".join(lines)


def _keys(records: list[dict[str, Any]]) -> list[str]:
    """Return the keys of a scenario under the headings of its sections."""
    width = max((len(f"{key['name']} = {_value(key['default'])}") for key in records), default=0)
    lines, section = [], None
    for key in records:
        if key["section"] != section:
            section = key["section"]
            lines.append(f"{section or 'keys'}:")
        left = f"{key['name']} = {_value(key['default'])}"
        lines.append(f"  {left:<{width}}  {key['meaning']}" + f" ({key['bounds']})" * bool(key["bounds"]))
    return lines


def _parameters(records: list[dict[str, Any]]) -> list[str]:
    """Return the parameters of a part, a line each."""
    if not records:
        return []
    left = {
        each["name"]: each["name"] if each["required"] else f"{each['name']} = {_short(each['default'])}"
        for each in records
    }
    width = min(max(map(len, left.values())), 40)
    lines = ["parameters:"]
    for each in records:
        meaning = each["meaning"] + " (must be given)" * each["required"]
        lines.append(f"  {left[each['name']]:<{width}}  {meaning}".rstrip())
    return lines


def _value(value: object) -> str:
    if isinstance(value, tuple | list):
        return "[" + ",".join(map(_value, value)) + "]"
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _short(value: object) -> str:
    text = _value(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 4] + " ..."
