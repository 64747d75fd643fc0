"""Hardware by name, as a command gives it: ``brainscales2`` or ``brainscales2,device=7,beyond=refuse``."""

from dataclasses import fields
from typing import Any

from eventsim.errors import ConfigError, UnknownPart
from eventsim.io import config
from eventsim.registry import parts

__all__ = ["named"]


def named(text: str, device: int = 0) -> Any:
    """Return the hardware that a text names.

    Parameters
    ----------
    text : str
        The name of a registered part, then settings ``key=value``, all separated by commas.
    device : int
        Seed of the device where the text gives none.

    Raises
    ------
    UnknownPart
        If nothing has this name.
    ConfigError
        If a setting is unknown or has a value that it cannot have.

    Examples
    --------
    >>> named("brainscales2,device=7").device
    7
    """
    name, *words = (word.strip() for word in text.split(","))
    known = parts("hardware")
    if name not in known:
        raise UnknownPart(f"no hardware named {name!r}; {config.nearest(name, known)}")
    kind = known[name]
    values = config.parse_overrides(words)
    if "device" in {each.name for each in fields(kind)}:
        values = {"device": device} | values
    try:
        return config.make(kind, values)
    except ConfigError as error:
        raise ConfigError(f"hardware {name!r}: {error}") from None
