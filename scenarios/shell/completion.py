"""What a shell offers for words of the command line; ``eventsim --install-completion`` sets it up.

Names of files are the shell's own business: where nothing is offered it completes them, and quotes them.
"""

import os
import shlex
from pathlib import Path
from typing import Any


def _known(kind: str, beginning: str) -> list[str]:
    from eventsim.registry import parts

    return [name for name in parts(kind) if name.startswith(beginning)]


def scenarios(incomplete: str) -> list[str]:
    """Return the scenarios that begin with a word."""
    return _known("scenario", incomplete)


def scenarios_and_files(incomplete: str) -> list[str]:
    """Return the scenarios and the files of TOML that begin with a word."""
    folder, _, _ = incomplete.rpartition("/")
    here = Path(folder or ".")
    files = sorted(str(path) for path in here.glob("*.toml")) if here.is_dir() else []
    return scenarios(incomplete) + [name for name in files if name.startswith(incomplete)]


def hardware(incomplete: str) -> list[str]:
    """Return the targets that begin with a word."""
    return _known("hardware", incomplete)


def parts(incomplete: str) -> list[str]:
    """Return everything that is registered and begins with a word."""
    from eventsim.registry import KINDS

    return sorted({name for kind in KINDS for name in _known(kind, incomplete)})


def benchmarks(incomplete: str) -> list[str]:
    """Return the benchmarks that begin with a word."""
    from eventsim.scenarios import comparison

    return [name for name in comparison.benchmarks() if name.startswith(incomplete)]


def formats(incomplete: str) -> list[str]:
    """Return the formats of `eventsim export` that begin with a word."""
    from eventsim.scenarios.shell import exporting

    return [name for name in exporting.FORMATS if name.startswith(incomplete)]


def plots(ctx: Any, incomplete: str) -> list[str]:
    """Return the plots of the file that the words name so far, none where it is no file of a run."""
    from eventsim.scenarios.shell import results

    file = (ctx.params or {}).get("file")
    named = [str(file)] if file is not None else _words()
    path = next((Path(word) for word in named if word.endswith(".h5") and Path(word).is_file()), None)
    try:
        known = {} if path is None else results.plots_of(path)
    except (
        OSError,
        ValueError,
    ):  # not ours or damaged: `eventsim plot` will say so
        return []
    return [name for name in known if name.startswith(incomplete)]


def _words() -> list[str]:
    """Return the words of the line as the shell gives them.

    Behind an option that wants its value the parser has no parameters yet, and bash splits words at "=".
    """
    line = os.environ.get("COMP_WORDS") or os.environ.get("_TYPER_COMPLETE_ARGS") or ""
    try:
        return shlex.split(line)
    except ValueError:  # a quotation mark that is not closed yet
        return line.split()


def _kind(context: Any) -> Any:
    """Return the class of the scenario that the words name so far, or None."""
    from eventsim.registry import parts as registered

    known = registered("scenario")
    named = [str((context.params or {}).get("name")), *_words()]
    return next((known[name] for name in named if name in known), None)


def presets(ctx: Any, incomplete: str) -> list[str]:
    """Return the presets of the scenario that begin with a word."""
    kind = _kind(ctx)
    return [name for name in (kind.presets if kind is not None else ()) if name.startswith(incomplete)]


def settings(ctx: Any, incomplete: str) -> list[str]:
    """Return the settings of the scenario that begin with a word, with the sign that follows them.

    A setting that is alone comes with its values, so that the shell puts no space behind the sign.
    """
    from eventsim.io import config

    kind = _kind(ctx)
    if kind is None:
        return []
    key = _key_before_the_sign()
    if key is not None:
        return [word.partition("=")[2] for word in values_of(kind, f"{key}={incomplete}")]
    if "=" in incomplete:
        return values_of(kind, incomplete)
    found = [f"{name}=" for name in config.keys(kind) if name.startswith(incomplete)]
    return found + values_of(kind, found[0]) if len(found) == 1 else found


def settings_of_sweeps(ctx: Any, incomplete: str) -> list[str]:
    """Return what a sweep can vary: the settings of the scenario, and the seed."""
    seed = [] if _kind(ctx) is None or _key_before_the_sign() is not None else ["seed="]
    return [word for word in seed if word.startswith(incomplete)] + settings(ctx, incomplete)


def _key_before_the_sign() -> str | None:
    """Return the setting whose value is being typed, where the shell (bash) took "=" for a word."""
    words, place = _words(), os.environ.get("COMP_CWORD", "")
    sign = int(place) if place.isdigit() else 0
    if sign >= len(words) or words[sign] != "=":
        sign -= 1
    return words[sign - 1] if 1 < sign < len(words) and words[sign] == "=" else None


def values_of(kind: Any, word: str) -> list[str]:
    """Return a setting with each value that it is known to take and that begins as the word does.

    Where its values cannot be counted, that is its default, if it is one number or name.

    Parameters
    ----------
    kind : type
        The class of a scenario.
    word : str
        Such as ``"dataset="`` or ``"dataset=mn"``.
    """
    import dataclasses
    import typing

    name = word.partition("=")[0]
    field = next((each for each in dataclasses.fields(kind) if each.name == name), None)
    if field is None:
        return []
    hint = typing.get_type_hints(kind)[name]
    known: list[object] = list(typing.get_args(hint)) if typing.get_origin(hint) is typing.Literal else []
    if hint is bool:
        known = [True, False]
    elif not known and isinstance(field.default, str | int | float):
        known = [field.default]
    texts = [f"{name}={str(each).lower() if isinstance(each, bool) else each}" for each in known]
    return [text for text in texts if text.startswith(word)]
