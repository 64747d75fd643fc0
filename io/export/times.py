"""Times of a trace in the unit that another format wants."""

from eventsim.errors import ConfigError

SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}


def factor(time_unit: str, wanted: str) -> float:
    """Return by what a time is multiplied to be in another unit.

    Raises
    ------
    ConfigError
        If the trace's unit is no unit of time.
    """
    if time_unit == wanted:
        return 1.0
    if time_unit not in SECONDS:
        raise ConfigError(
            f"times in units of {time_unit!r} cannot be given in {wanted}; this format needs a network in "
            f"one of {', '.join(SECONDS)}"
        )
    ratio = SECONDS[time_unit] / SECONDS[wanted]
    return round(ratio) if ratio >= 1 else 1 / round(1 / ratio)
