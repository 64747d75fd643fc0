"""Messages about configurations, in one line each: the key, its value, what would be right."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from eventsim.errors import near

EXPECTED = {
    "greater_than": "greater than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "multiple_of": "a multiple of {multiple_of}",
    "literal_error": "{expected}",
    "enum": "{expected}",
    "finite_number": "finite",
    "too_short": "at least {min_length} long",
    "too_long": "at most {max_length} long",
    "string_too_short": "at least {min_length} characters long",
    "string_too_long": "at most {max_length} characters long",
    "string_type": "a string",
    "int_type": "an integer",
    "int_parsing": "an integer",
    "int_parsing_size": "an integer of fewer digits",
    "int_from_float": "an integer",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "tuple_type": "a list, such as [1, 2]",
    "list_type": "a list, such as [1, 2]",
    "dict_type": "a table of keys and values",
    "dataclass_type": "a table of keys and values",
    "none_required": "none",
    "path_type": "a path",
}
"""What a value must be, by the type of pydantic's error."""


def innermost(mistakes: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the mistakes without those of a whole of which a part is wrong: it is short of that part."""
    places = [tuple(each["loc"]) for each in mistakes]
    return [
        each
        for each, place in zip(mistakes, places, strict=True)
        if not any(len(other) > len(place) and other[: len(place)] == place for other in places)
    ]


def explain(mistake: Mapping[str, Any], keys: Collection[str]) -> str:
    """Return an error of pydantic as a line in our words.

    Parameters
    ----------
    mistake : mapping
        An entry of `ValidationError.errors()`.
    keys : collection of str
        The keys of the configuration; other words in the place are types in a union.
    """
    types = {"int", "float", "str", "bool", "none"} - set(keys)
    where = ".".join(str(part) for part in mistake["loc"] if part not in types)
    if mistake["type"] == "missing":
        return f"{where} must be given"
    if mistake["type"] in ("value_error", "assertion_error"):  # of the configuration's own checks
        text = str(mistake["ctx"]["error"])
    elif mistake["type"] in EXPECTED:
        bounds = {key: str(value).removesuffix(".0") for key, value in mistake.get("ctx", {}).items()}
        text = "must be " + EXPECTED[mistake["type"]].format(**bounds)
    else:
        text = str(mistake["msg"]).removeprefix("Input should ").removeprefix("be ")
        text = f"must be {text}"
    return f"{where} = {show(mistake['input'])}: {text}" if where else text


CLOSE = 0.6
"""Names below this ratio of equal letters are no help: 'compare' for 'nope' has 0.55."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the end of a message about an unknown name: the nearest names, and all known ones.

    Names that hold commas themselves are quoted.
    """
    known = list(dict.fromkeys(known))
    close = near(name, known, 3, CLOSE)
    hint = f"did you mean {' or '.join(map(repr, close))}? " if close else ""
    shown = [repr(each) if "," in each else each for each in known]
    return f"{hint}known: {', '.join(shown) or 'none'}"


def show(value: object) -> str:
    """Return a value as a message shows it: short, in TOML's words."""
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
