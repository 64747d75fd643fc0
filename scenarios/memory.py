"""How much memory a run needs, said before it begins."""

import contextlib
import os

GB = 1e9
WORTH_SAYING = 1.0 * GB  # less than this is no news on today's machines
SHARE = 0.8  # of the free memory, above which a run may not fit


def free_memory() -> float:
    """Return how many bytes of memory are free, infinity where the system does not say."""
    with contextlib.suppress(OSError, ValueError), open("/proc/meminfo", encoding="ascii") as lines:
        for line in lines:
            if line.startswith("MemAvailable:"):
                return 1024.0 * int(line.split()[1])
    with contextlib.suppress(OSError, ValueError, AttributeError):  # macOS has no MemAvailable
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return float("inf")


def memory_words(needed: float, free: float) -> str | None:
    """Return what to say of a run that needs so many bytes where so many are free; None for nothing.

    >>> memory_words(24e9, 16e9)
    'this run needs about 24 GB of memory, and 16 GB are free; a smaller one is safer'
    >>> memory_words(2e9, 16e9)
    'this run needs about 2 GB of memory'
    """
    if needed > SHARE * free:
        return (
            f"this run needs about {needed / GB:.2g} GB of memory, and {free / GB:.2g} GB are free; "
            "a smaller one is safer"
        )
    return f"this run needs about {needed / GB:.2g} GB of memory" if needed >= WORTH_SAYING else None
