"""Parameters that are one number for a whole population or one number per unit."""

import functools
import math
from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from eventsim.io.plain import plain_array, shown

T = TypeVar("T", bound=type[Any])


def per_unit(
    value: Any,
    n: int,
    name: str,
    population: str,
    *,
    positive: bool = False,
    nonnegative: bool = False,
    allow_inf: bool = False,
) -> float | NDArray[np.float64]:
    """Return a checked parameter: a float for all units, or one value per unit.

    Parameters
    ----------
    value : float or array_like
        One number, or `n` of them. A single value in an array counts as one number.
    n : int
        Units of the population.
    name, population : str
        What the error messages call them.
    positive, nonnegative : bool
        Whether values must be > 0, or >= 0.
    allow_inf : bool
        Whether infinities are allowed; nan never is.

    Returns
    -------
    float or ndarray, shape (n,), float64
        The array is a copy of the caller's.

    Raises
    ------
    TypeError
        If the values are not real numbers.
    ValueError
        If their number or one of them does not fit; the message names the first such unit.

    Examples
    --------
    >>> per_unit(2, 3, "tau_mem", "hidden", positive=True)
    2.0
    >>> per_unit([1, 2, -1], 3, "tau_mem", "hidden", positive=True)
    Traceback (most recent call last):
    ValueError: tau_mem of 'hidden' must be positive, got -1.0 for unit 2
    """
    if type(value) is float and math.isfinite(value) and (value > 0 or not (positive or nonnegative)):
        return value  # most parameters are, and a chip's training checks all of them at every step
    label = f"{name} of {population!r}"
    try:
        array = plain_array(value, label)
    except ValueError as error:
        raise ValueError(f"{error}; {label} must be one number or {n}") from None
    if array.dtype.kind not in "fiu":
        raise TypeError(f"{label} must be a number or one per unit, got {shown(value)}")
    if array.size != 1 and array.shape != (n,):
        if array.ndim == 1:
            raise ValueError(f"{label} has {array.size} values, expected 1 or {n}")
        raise ValueError(f"{label} has shape {array.shape}, expected () or ({n},)")
    values = np.array(array, np.float64).reshape(-1)  # a copy: later changes by the caller do not enter
    allowed, rule = ~np.isnan(values), "must be a number"
    if not allow_inf:
        allowed, rule = np.isfinite(values), "must be finite"
    if allowed.all() and positive:
        allowed, rule = values > 0, "must be positive"
    elif allowed.all() and nonnegative:
        allowed, rule = values >= 0, "must not be negative"
    if not allowed.all():
        unit = int(np.argmin(allowed))
        where = "" if values.size == 1 else f" for unit {unit}"
        raise ValueError(f"{label} {rule}, got {float(values[unit])!r}{where}")
    return float(values[0]) if values.size == 1 else values


def own_arguments(init: Callable[..., None]) -> Callable[..., None]:
    """Return an `__init__` that copies the arrays and lists it is given, so that nobody changes them later.

    Copies of arrays are read-only. `eventsim.register` puts it around that of every part. An argument that
    does not exist is answered with those that do.
    """
    label = init.__qualname__.removesuffix(".__init__").rpartition(".")[2]

    @functools.wraps(init)
    def copying(*arguments: Any, **named: Any) -> None:
        try:
            init(*map(_owned, arguments), **{name: _owned(value) for name, value in named.items()})
        except TypeError as error:
            from eventsim.hints import explained

            better = explained(error, init, label)
            if better is error:
                raise
        else:
            return
        raise better

    return copying


def own_arrays(part: T) -> T:
    """Let a class copy the arrays and lists it is given; a decorator for parts that are not registered."""
    part.__init__ = own_arguments(part.__init__)
    return part


def _owned(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        own = np.array(value, copy=True, subok=True)
        own.setflags(write=False)
        return own
    if isinstance(value, list):
        return [_owned(each) for each in value]
    if isinstance(value, tuple) and type(value) is tuple:
        return tuple(map(_owned, value))
    if isinstance(value, dict):
        return {key: _owned(each) for key, each in value.items()}
    return value


def whole_number(value: Any, name: str, low: int = 0, high: int | None = None) -> int:
    """Return a whole number as int, checked to lie in [low, high].

    Raises
    ------
    ValueError
        If it is none, or out of range.

    Examples
    --------
    >>> whole_number(1.5, "trial")
    Traceback (most recent call last):
    ValueError: trial must be a whole number, at least 0, got 1.5
    """
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or value < low:
        raise ValueError(f"{name} must be a whole number, at least {low}, got {shown(value)}")
    if high is not None and value > high:
        raise ValueError(f"{name} must be a whole number, at most {high}, got {shown(value)}")
    return int(value)


def one_time(value: Any, name: str) -> float:
    """Return a time as float; inf is one.

    Raises
    ------
    TypeError, ValueError
        If it is not a real number, or nan.
    """
    array = plain_array(value, name)
    if array.ndim or array.dtype.kind not in "fiu":
        raise TypeError(f"{name} must be a number, got {shown(value)}")
    if np.isnan(array):
        raise ValueError(f"{name} must be a number, got nan")
    return float(array)


def one_number(
    value: Any,
    name: str,
    *,
    low: float = -math.inf,
    high: float = math.inf,
) -> float:
    """Return a real number as float, checked to lie in [low, high] and to be finite.

    Raises
    ------
    TypeError
        If it is not a real number.
    ValueError
        If it is nan, infinite or out of range.

    Examples
    --------
    >>> one_number(1.5, "p", low=0, high=1)
    Traceback (most recent call last):
    ValueError: p must lie between 0 and 1, got 1.5
    """
    if type(value) is float and low <= value <= high and math.isfinite(value):
        return value
    array = plain_array(value, name)
    if array.ndim or array.dtype.kind not in "fiu":
        raise TypeError(f"{name} must be a number, got {shown(value)}")
    number = float(array)
    if low <= number <= high and math.isfinite(number):
        return number
    if math.isfinite(low) and math.isfinite(high):
        raise ValueError(f"{name} must lie between {low:g} and {high:g}, got {number!r}")
    if math.isfinite(low):
        raise ValueError(f"{name} must be finite and at least {low:g}, got {number!r}")
    raise ValueError(f"{name} must be finite, got {number!r}")


def one_line(part: Any) -> str:
    """Return a dataclass in one line: what differs from its defaults, long arrays by their size.

    Examples
    --------
    >>> from eventsim.models import LIF
    >>> LIF(tau_mem=20.0, v_th=np.linspace(0.5, 1.5, 100))
    LIF(tau_mem=20.0, v_th=<100 values from 0.5 to 1.5>)
    """
    shown = []
    for field in fields(part):
        value = getattr(part, field.name)
        default: Any = field.default_factory() if field.default_factory is not MISSING else field.default
        if value is default or (np.ndim(value) == 0 and np.ndim(default) == 0 and value == default):
            continue
        shown.append(f"{field.name}={_short(value)}")
    return f"{type(part).__name__}({', '.join(shown)})"


def _short(value: Any) -> str:
    try:
        array = np.asarray(value)
    except ValueError:  # rows of unequal length
        return f"<{len(value)} rows>"
    if array.ndim == 0 or array.size <= 6 or array.dtype.kind not in "biuf":
        return repr(array.tolist()) if isinstance(value, np.ndarray) else repr(value)
    return f"<{array.size} values from {array.min():g} to {array.max():g}>"
