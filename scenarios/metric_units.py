"""Units of metrics, for summaries: those of the published rows, and what a metric's name says.

A metric is a plain number in its file. A name such as ``replay_ms`` or ``test_accuracy`` says what it is in.
"""

import re
from collections.abc import Mapping
from typing import Any

BY_NAME = tuple(
    (re.compile(pattern), unit)
    for pattern, unit in (
        (r"(^|_)accuracy(_|$)", "%"),
        (r"(^|_)(in_the_loop|without)$", "%"),
        (r"^test_error$", "%"),
        (r"(^|_)ms(_|$)", "ms"),
        (r"_us$", "us"),
        (r"_mv$", "mV"),
        (r"_seconds$", "s"),
        (r"_uj(_|$)", "uJ"),
        (r"_joule(_|$)", "J"),
        (r"(^|_)degrees(_|$)", "degrees"),
        (r"^gain_(matched|per_task)$", "%"),
        (r"^(mean_rate|rate_\w+)$", "Hz"),
        (r"^memory_bits", "bit"),
    )
)


def units(scenario: str | None) -> dict[str, str]:
    """Return the units of a scenario's published metrics; empty for a scenario without a table."""
    from eventsim.errors import UnknownPart
    from eventsim.scenarios.reproduce.published import read
    from eventsim.scenarios.request import scenario_kind

    try:
        paper = read(str(scenario), scenario_kind(str(scenario)))
    except UnknownPart:
        return {}
    if paper is None:
        return {}
    return {row.metric: row.unit for row in (*paper.quick, *paper.rows) if row.unit}


def unit_of(metric: str, known: Mapping[str, str]) -> str:
    """Return the unit of a metric; empty where neither a table nor its name says one.

    >>> unit_of("validation_accuracy", {}), unit_of("trained_numbers", {})
    ('%', '')
    """
    if metric in known:
        return known[metric]
    return next((unit for pattern, unit in BY_NAME if pattern.search(metric)), "")


def with_unit(value: Any, unit: str) -> str:
    """Return a value as people read it: whole numbers whole, fractions as per cent where asked.

    >>> with_unit(25770.0, "bit"), with_unit(0.9592, "%"), with_unit(0.123456, "")
    ('25770 bit', '95.92 %', '0.1235')
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    number = 100 * value if unit == "%" else value
    return f"{plain(number)} {unit}".rstrip()


def plain(number: float) -> str:
    """Return a number as text: whole ones whole, others with four digits.

    >>> plain(4426.0), plain(1.0), plain(1234567.0), plain(0.00012345), plain(12345.6)
    ('4426', '1', '1234567', '0.0001234', '12346')
    """
    if isinstance(number, int) or (number == int(number) if abs(number) < 1e15 else False):
        return str(int(number))
    text = f"{number:.4g}"
    return f"{number:.0f}" if "e+" in text and abs(number) < 1e15 else text
