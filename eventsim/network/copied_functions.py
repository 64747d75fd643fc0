"""Functions that a pickle cannot hold, found before it is written, so that the message says whose they are.

`pickle` keeps a function by its name, so that it must stand at the top of a module. `copy.deepcopy` shares
functions. Where cloudpickle is loaded, as by dask and joblib, nothing is refused: it takes such functions.
"""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from functools import partial
from types import FunctionType, MethodType
from typing import Any

__all__ = ["functions_of", "refuse_nameless"]


def functions_of(thing: Any) -> Iterator[tuple[str, Any]]:
    """Yield the attributes of a model that are functions, with their names."""
    names = (
        [field.name for field in fields(thing)]
        if is_dataclass(thing)
        else list(getattr(thing, "__dict__", ()))
    )
    for name in names:
        value = getattr(thing, name, None)
        if isinstance(value, FunctionType | MethodType | partial):
            yield name, value


def refuse_nameless(functions: Iterable[tuple[str, Any]]) -> None:
    """Raise TypeError for a function that has no name in a module.

    Parameters
    ----------
    functions : iterable of (what it is, function)
    """
    if "cloudpickle" in sys.modules:
        return
    for what, function in functions:
        while isinstance(function, partial):
            function = function.func
        plain = getattr(function, "__func__", function)
        if isinstance(plain, FunctionType) and "<" in plain.__qualname__:
            kind = (
                "a lambda" if plain.__name__ == "<lambda>" else f"{plain.__name__!r}, defined in a function"
            )
            raise TypeError(
                f"{what} is {kind} (line {plain.__code__.co_firstlineno}), which cannot be pickled; define "
                "it by def at the top of a module (copy.deepcopy takes it as it is)"
            )
