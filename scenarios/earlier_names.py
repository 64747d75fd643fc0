"""Configurations in the words of earlier versions: keys, values and presets of `eventsim.renamed`."""

import contextlib
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from eventsim.errors import ConfigError
from eventsim.renamed import current, with_current_names


def todays_values(scenario: str, values: Mapping[str, Any], *, quiet: bool = False) -> dict[str, Any]:
    """Return the settings of a scenario with the names of today.

    Parameters
    ----------
    scenario : str
        Its name.
    values : mapping
        Settings by key; keys and values may be those of an earlier version.
    quiet : bool
        Do not warn, as for what stands in files that are written already.

    Raises
    ------
    ConfigError
        If a key is given under its old and its new name.
    """
    try:
        found = with_current_names(f"option/{scenario}", values, quiet=quiet)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    for key, value in found.items():
        if isinstance(value, str):
            found[key] = current(f"value/{scenario}/{key}", value, quiet=quiet)
    return found


def todays_preset(scenario: str, preset: str | None, *, quiet: bool = False) -> str | None:
    """Return the name that a preset has today."""
    return None if preset is None else current(f"preset/{scenario}", preset, quiet=quiet)


@contextlib.contextmanager
def naming_what_changed(say: Callable[[str], object]) -> Iterator[None]:
    """Call `say` once for each name of the request that has changed, in place of a warning."""

    def show(message: Warning | str, *details: object) -> None:
        say(str(message))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of our own code, which users cannot change
        warnings.filterwarnings("once", ".* is called .* now", DeprecationWarning)
        warnings.showwarning = show  # type: ignore[assignment]
        yield
