"""How many synapses each unit gets from a rule: one number, one for each unit, or drawn numbers."""

import operator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim.connect.distributions import Distribution
from eventsim.errors import ConfigError
from eventsim.io.plain import plain_array

__all__ = ["Degree", "check_degree", "degree", "drawn_degree", "same_degree", "shown_degree"]

Degree = int | NDArray[np.int64] | Distribution


def check_degree(
    rule: str, k: Degree, rows: int, n: int, side: str, autapses: bool, multapses: bool, label: str
) -> None:
    """Raise ConfigError if a unit cannot have as many synapses as are asked for."""
    if isinstance(k, Distribution):
        return  # what is drawn is looked at then
    if isinstance(k, np.ndarray):
        if len(k) != rows:
            ends = "targets" if side == "sources" else "sources"
            raise ConfigError(f"{rule} of {label} has {len(k)} numbers of {side}, expected {rows}, by {ends}")
        k = int(k.max(initial=0))
    allowed = n if autapses else n - 1
    if _too_many(k, allowed, multapses):
        why = "" if autapses else " without the unit itself"
        only = "" if multapses else "different "
        raise ConfigError(f"{rule}({k}) of {label} needs {k} {only}{side}, but there are {allowed}{why}")


def drawn_degree(
    k: Degree, rng: np.random.Generator, rows: int, n: int, rule: str, autapses: bool, multapses: bool
) -> NDArray[np.int64]:
    """Return how many synapses each row has."""
    if isinstance(k, np.ndarray):
        return k
    assert isinstance(k, Distribution)
    counts: NDArray[np.int64] = np.rint(k.draw(rng, rows)).astype(np.int64)
    allowed = n if autapses else n - 1
    most = int(counts.max(initial=0))
    if _too_many(most, allowed, multapses):
        other = ", or multapses=True" if allowed else ""
        raise ConfigError(
            f"{rule}({k!r}) drew {most} different units of {allowed}; give high={allowed} to draw such "
            f"numbers again{other}"
        )
    return counts


def _too_many(k: int, allowed: int, multapses: bool) -> bool:
    """Return whether a unit cannot have k synapses with as many units as are allowed."""
    return k > 0 and (allowed == 0 or (not multapses and k > allowed))


def degree(value: Any, name: str) -> Degree:
    """Return a number of synapses, numbers (read-only, int64) or a distribution, checked."""
    if isinstance(value, Distribution):
        if value.smallest < 0:
            raise ValueError(
                f"{name} drawn from {value!r} can be negative; give low=0 to draw such values again"
            )
        return value
    if isinstance(value, np.ndarray | list | tuple) and np.ndim(value) > 0:
        counts = plain_array(value, name)
        if counts.ndim != 1 or (counts.size and counts.dtype.kind not in "iu"):
            raise TypeError(
                f"{name} must be integers, shape (n,), got {counts.dtype} of shape {counts.shape}"
            )
        if counts.size and counts.min() < 0:
            raise ValueError(
                f"{name} must not be negative, got {int(counts.min())} at {int(counts.argmin())}"
            )
        counts = counts.astype(np.int64)
        counts.setflags(write=False)
        return counts
    return _count(value, name)


def same_degree(one: Any, other: Any) -> bool:
    """Return whether two rules ask for the same numbers of synapses."""
    if type(one) is not type(other):
        return False
    if isinstance(one.k, np.ndarray) or isinstance(other.k, np.ndarray):
        return np.shape(one.k) == np.shape(other.k) and np.array_equal(one.k, other.k)
    return bool(one.k == other.k)


def shown_degree(k: Degree) -> str:
    """Return how a rule shows its number of synapses."""
    if isinstance(k, np.ndarray):
        return f"{len(k)} numbers in [{k.min()}, {k.max()}]" if k.size else "no numbers"
    return repr(k)


def _count(value: Any, name: str) -> int:
    """Return a number of synapses, checked."""
    if isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    try:
        count = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer, got {value!r}") from None
    if count < 0:
        raise ValueError(f"{name} must not be negative, got {count}")
    return count
