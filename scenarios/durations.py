"""Times as people read them."""


def duration(seconds: float | None) -> str:
    """Return a time in the unit that suits it.

    >>> duration(0.25), duration(75.0), duration(7400.0)
    ('0.2 s', '75 s', '2.1 h')
    """
    if seconds is None:
        return "-"
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
