"""Hardware by name: ``brainscales2,device_seed=7``, or an address, ``tcp://127.0.0.1:5555``."""

from dataclasses import fields
from typing import Any

from eventsim.errors import ConfigError
from eventsim.hardware.parts.part import Part
from eventsim.hardware.parts.trims import Trims
from eventsim.hardware.remote.remote_hardware import SCHEME, RemoteHardware
from eventsim.io import config
from eventsim.registry import find
from eventsim.renamed import renamed_arguments, with_current_names

__all__ = ["by_name", "named"]


@renamed_arguments("argument/hardware")
def by_name(text: str, device_seed: int = 0) -> Any:
    """Return the hardware with this name, or behind this address.

    Parameters
    ----------
    text : str
        The name of a registered part or an address, then settings ``key=value``, all separated by commas.
    device_seed : int
        Seed of the device, unless the text gives one.

    Raises
    ------
    UnknownPart
        If no hardware has this name.
    ConfigError
        If a setting is unknown or has a value that it cannot have, or a part changes nothing with its
        settings.

    Examples
    --------
    >>> by_name("brainscales2,device_seed=7").device_seed
    7
    """
    if not isinstance(text, str):
        raise TypeError(f"hardware is named by a text, such as 'brainscales2', got {text!r:.60}")
    name, *words = (word.strip() for word in text.split(","))
    values = config.parse_overrides(words)
    if name.startswith(SCHEME):
        return _made(RemoteHardware, {"address": name.removeprefix(SCHEME)} | values, name)
    kind = find("hardware", name)
    values = with_current_names("argument/hardware", values)
    if "device_seed" in {each.name for each in fields(kind)}:
        values = {"device_seed": device_seed} | values
    made = _made(kind, values, name)
    if isinstance(made, Part) and not made.active:
        settings = ", ".join(f"{each.name}={getattr(made, each.name)!r}" for each in fields(made))
        raise ConfigError(
            f"hardware {name!r} changes nothing with {settings}; set one, as in {name},key=value"
        )
    return made


named = by_name  # its name of the version before


def _made(kind: type, values: dict[str, Any], name: str) -> Any:
    try:
        if issubclass(kind, Trims):
            return kind.of_settings(values)
        return config.make(kind, values)
    except ConfigError as error:
        raise ConfigError(f"hardware {name!r}: {error}") from None
