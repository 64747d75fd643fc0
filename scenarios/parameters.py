"""What can be set: the keys of a scenario, and the parameters of every other registered part.

Names and defaults come from the fields of the class; meanings from the annotations of a scenario, and from
the docstring of other parts.
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields, is_dataclass
from math import inf
from typing import Any, get_type_hints

from eventsim.scenarios.scenario import Scenario, Sections

SECTION = re.compile(r"^\s*(?:Attributes|Parameters)\n\s*-+\n(.*?)(?=\n\s*\n|\Z)", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Key:
    """One field of a scenario's configuration."""

    name: str
    type: str
    default: object
    bounds: str
    meaning: str
    section: str


def keys(scenario: type[Scenario]) -> list[Key]:
    """Return the fields of a scenario with their meaning, in the order of the class."""
    hints = get_type_hints(scenario, include_extras=True)
    sections: Sections = scenario.sections
    section = {key: heading for heading, names in sections.items() for key in names}
    found = []
    for each in fields(scenario):  # type: ignore[arg-type]
        metadata = getattr(hints[each.name], "__metadata__", ())
        meaning = next((text for text in metadata if isinstance(text, str)), "")
        base = hints[each.name].__origin__ if metadata else hints[each.name]
        bounds = ", ".join(text for item in metadata for text in _bounds(item))
        kind = getattr(base, "__name__", str(base))
        found.append(Key(each.name, kind, each.default, bounds, meaning, section.get(each.name, "")))
    return found


def _bounds(item: object) -> Iterator[str]:
    """Return what a bound of `annotated_types` says, in symbols."""
    for name, symbol in (("gt", ">"), ("ge", ">="), ("lt", "<"), ("le", "<=")):
        bound = getattr(item, name, None)
        if bound is not None and abs(bound) != inf:
            yield f"{symbol} {bound}"


def summary(part: type) -> str:
    """Return the first line of a part's documentation."""
    return (part.__doc__ or "").strip().partition("\n")[0]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a part.

    Attributes
    ----------
    default : None where there is none, then `required` is true.
    meaning : what it is, with its unit, as the part's docstring says.
    """

    name: str
    type: str
    default: object
    required: bool
    meaning: str


def parameters(part: type) -> list[Parameter]:
    """Return the parameters of a part, in the order of its fields; none for a part that is no dataclass."""
    if not is_dataclass(part):
        return []
    meanings = {name: text for base in reversed(part.__mro__) for name, text in documented(base)}
    found = []
    for field in fields(part):
        if not field.init:
            continue
        default: Any = field.default
        make: Any = field.default_factory
        if default is MISSING and make is not MISSING:
            default = make()
        required = default is MISSING
        kind = field.type if isinstance(field.type, str) else getattr(field.type, "__name__", str(field.type))
        meaning = meanings.get(field.name, "")
        found.append(Parameter(field.name, kind, None if required else default, required, meaning))
    return found


def documented(part: type) -> Iterator[tuple[str, str]]:
    """Return names and meanings of the section "Attributes" or "Parameters" of a class's docstring.

    >>> class Part:
    ...     '''A part.
    ...
    ...     Attributes
    ...     ----------
    ...     tau_mem, tau_syn : time constants, ms.
    ...     v_th : float
    ...         Threshold,
    ...         mV.
    ...     '''
    >>> list(documented(Part))
    [('tau_mem', 'time constants, ms'), ('tau_syn', 'time constants, ms'), ('v_th', 'Threshold, mV')]
    """
    text = part.__dict__.get("__doc__") or ""
    other = re.search(r"(?:[Aa]ttributes|[Pp]arameters) (?:are )?as in `(\w+)`", text)
    if other:
        yield from documented(getattr(sys.modules[part.__module__], other[1], object))
    found = SECTION.search(text)
    if not found:
        return
    lines = found[1].splitlines()
    margin = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    entries: list[tuple[str, list[str]]] = []
    for line in lines:
        head, colon, text = line.partition(" : ")
        if colon and len(line) - len(line.lstrip()) == margin:
            entries.append((head.strip(), [text.strip()]))
        elif entries:
            entries[-1][1].append(line.strip())
    for names, words in entries:
        typed = len(words) > 1 and not words[0].endswith((",", ".", ";")) and words[1][:1].isupper()
        meaning = " ".join(words[1:] if typed else words).strip().removesuffix(".")
        for name in names.split(","):
            yield name.strip(), meaning


def names_of(part: type, attribute: str) -> list[str]:
    """Return the names that a part lists under `variables` or `receptors`.

    Where they depend on its parameters they are those of the default ones; none if it has no defaults.
    """
    value = getattr(part, attribute, ())
    if isinstance(value, property):
        if any(each.required for each in parameters(part)):
            return []
        value = getattr(part(), attribute)
    return [str(name) for name in value]
