"""What is wrong with a command line, in one line of our own words, with what would be right."""

import re
from collections.abc import Sequence
from typing import Any

from eventsim.errors import UnknownPart
from eventsim.registry import parts

KINDS = {
    "integer": "an integer",
    "int": "an integer",
    "number": "a number",
    "float": "a number",
    "boolean": "true or false",
}
HINTS = {
    "run": "eventsim run SCENARIO key=value ..., such as: eventsim run yin-yang --preset quick",
    "show": "eventsim show FILE.h5",
    "plot": "eventsim plot FILE.h5",
    "report": "eventsim report FILE.h5",
    "compare": "eventsim compare A.h5 B.h5",
    "export": "eventsim export FILE.h5 --to sonata -o OUT",
    "sweep": "eventsim sweep SCENARIO key=a,b,c seed=0..9 -o DIR",
}


def in_our_words(error: Any, arguments: Sequence[str]) -> str:
    """Return what the parser found wrong.

    Parameters
    ----------
    error : click.ClickException
        What the parser raised.
    arguments : sequence of str
        The words of the command line.
    """
    command = next((word for word in arguments if not word.startswith("-")), "")
    kind = type(error).__name__
    if kind == "NoSuchOption":
        return _no_option(error, command, arguments)
    if kind == "MissingParameter":
        missing = error.param.metavar or str(error.param.name).upper() if error.param else "an argument"
        if error.param is not None and error.param.opts and error.param.opts[0].startswith("-"):
            missing = f"{error.param.opts[0]} {missing}"
        return f"{command} needs {missing}; {HINTS.get(command, f'see: eventsim {command} --help')}"
    if kind == "BadOptionUsage":
        return f"{error.option_name} needs a value; see: eventsim {command} --help"
    if kind == "BadParameter":
        return _bad_value(error, arguments)
    extra = re.fullmatch(r"Got unexpected extra arguments?(?:\(s\))? \((.*)\)", error.message)
    if extra:
        takes = HINTS.get(command, f"see: eventsim {command} --help")
        return f"{command} takes no further argument, got {extra[1]!r}; {takes}"
    return str(error.format_message())


def _bad_value(error: Any, arguments: Sequence[str]) -> str:
    """Return which option or argument has a wrong value, and which one would be right."""
    name = error.param.opts[0] if error.param is not None and error.param.opts else "a value"
    found = re.search(r"valid (integer|float|int|number|boolean)\b", error.message)
    if found:
        return f"{name} must be {KINDS[found[1]]}, got {_value_of(name, arguments)!r}"
    return f"{name}: {error.message}"


def _no_option(error: Any, command: str, arguments: Sequence[str]) -> str:
    """Return that there is no such option, with the setting or the option that was probably meant."""
    from eventsim.io import config

    option = error.option_name
    key = option.lstrip("-").replace("-", "_")
    if command == "run" and option.startswith("--"):
        scenario = _scenario_in(arguments)
        if scenario is not None and key in config.keys(scenario):
            return f"no option {option}; settings have no dashes: write {key}={_value_of(option, arguments)}"
    known = [name for parameter in error.ctx.command.params for name in parameter.opts if name[:2] == "--"]
    hint = config.nearest(option, [*known, "--help"])
    return f"no option {option}; {hint}"


def _scenario_in(arguments: Sequence[str]) -> Any:
    known = parts("scenario")
    return next((known[word] for word in arguments[1:] if word in known), None)


def _value_of(option: str, arguments: Sequence[str]) -> str:
    """Return the value that was given to an option that does not exist."""
    for k, word in enumerate(arguments):
        if word.startswith(f"{option}="):
            return word.partition("=")[2]
        if word == option and k + 1 < len(arguments) and not arguments[k + 1].startswith("-"):
            return arguments[k + 1]
    return "VALUE"


def check_command(arguments: Sequence[str], known: Sequence[str]) -> None:
    """Raise `UnknownPart` if the command is not one of those known; the nearest is suggested."""
    from eventsim.io import config

    if arguments and not arguments[0].startswith("-") and arguments[0] not in known:
        raise UnknownPart(f"no command named {arguments[0]!r}; {config.nearest(arguments[0], known)}")
