"""What a shell offers for words of the command line; ``eventsim --install-completion`` sets it up."""

import os
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


def _kind(context: Any) -> Any:
    """Return the class of the scenario that the words name so far, or None."""
    from eventsim.registry import parts as registered

    known = registered("scenario")
    # Behind an option that wants its value the parser has no parameters; the shell's words are there.
    words = os.environ.get("COMP_WORDS") or os.environ.get("_TYPER_COMPLETE_ARGS") or ""
    named = [str((context.params or {}).get("name")), *words.split()]
    return next((known[name] for name in named if name in known), None)


def presets(ctx: Any, incomplete: str) -> list[str]:
    """Return the presets of the scenario that begin with a word."""
    kind = _kind(ctx)
    return [name for name in (kind.presets if kind is not None else ()) if name.startswith(incomplete)]


def settings(ctx: Any, incomplete: str) -> list[str]:
    """Return the settings of the scenario that begin with a word, with the sign that follows them."""
    from eventsim.io import config

    kind = _kind(ctx)
    keys = config.keys(kind) if kind is not None else []
    return [f"{key}=" for key in keys if f"{key}=".startswith(incomplete)]
