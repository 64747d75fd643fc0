"""The parameters of a registered part: names and defaults from its fields, meanings from its docstring."""

import re
import sys
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields, is_dataclass
from typing import Any

SECTION = re.compile(r"^\s*(?:Attributes|Parameters)\n\s*-+\n(.*?)(?=\n\s*\n|\Z)", re.DOTALL | re.MULTILINE)


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
    other = re.search(r"[Aa]ttributes as in `(\w+)`|[Pp]arameters as in `(\w+)`", text)
    if other:
        yield from documented(getattr(sys.modules[part.__module__], other[1] or other[2], object))
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
