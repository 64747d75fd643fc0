"""What a message adds when a name does not exist: the name that is probably meant.

`named_for_users` puts it around a class of the public interface: an argument or attribute that does not
exist is answered with the one that does. While names are right it adds one call to a method.
"""

import functools
import re
from collections.abc import Callable, Iterable
from types import FunctionType
from typing import Any, TypeVar

from eventsim.errors import did_you_mean
from eventsim.foreign_names import advice, synonyms

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])
Names = Callable[[str], Iterable[str]]
PACKAGES = (
    "eventsim",
    "eventsim.models",
    "eventsim.models.plasticity",
    "eventsim.models.training",
    "eventsim.models.training.losses",
    "eventsim.models.gradients",
    "eventsim.models.layers",
    "eventsim.models.neurons",
    "eventsim.models.inputs",
    "eventsim.models.dendrites",
    "eventsim.hardware",
    "eventsim.io",
    "eventsim.io.analysis",
    "eventsim.io.datasets",
    "eventsim.io.export",
    "eventsim.io.nir",
    "eventsim.io.sonata",
    "eventsim.io.plots",
    "eventsim.scenarios",
    "eventsim.scenarios.reproduce",
    "eventsim.scenarios.sweep",
)
"""Where a public name is looked for that another package was asked for; the first that has it counts."""


def of_package(package: str, name: str, known: Iterable[str], names_of: Names) -> str:
    """Return the end of a message about a name that a package does not have, "" where nothing is near.

    Parameters
    ----------
    package, name : str
        What was asked for which name.
    known : iterable of str
        The names that it has.
    names_of : callable
        Returns the public names of a package.
    """
    known = list(known)
    if synonyms(name, known):
        return did_you_mean(name, known)
    if text := advice(package, name):
        return f"; here it is {text}"
    if found := _elsewhere(name, names_of):
        return f"; it is {found}"
    return did_you_mean(name, known)


def _elsewhere(name: str, names_of: Names) -> str | None:
    """Return where a public name of the package is, in the words of a program; None if there is none."""
    for package in PACKAGES:
        if name in names_of(package):
            path = f"{package}.{name}".replace("eventsim.", "es.", 1)
            return path.replace("es.io.analysis", "es.analysis")
    return None


def arguments_of(function: Any) -> list[str]:
    """Return the names that a function takes, without `self`."""
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    code = function.__code__  # `inspect` takes longer to import than the rest of this package
    names = code.co_varnames[code.co_posonlyargcount : code.co_argcount + code.co_kwonlyargcount]
    return [each for each in names if each != "self"]


def _others(function: Any) -> list[str]:
    """Return the name of the argument of a function that takes all other names, with its stars."""
    code = function.__code__
    takes_all, takes_more = code.co_flags & 0x08, bool(code.co_flags & 0x04)  # of `**named` and `*arguments`
    place = code.co_argcount + code.co_kwonlyargcount + takes_more
    return [f"**{code.co_varnames[place]}"] if takes_all else []


def unknown_argument(label: str, name: str, known: Iterable[str]) -> TypeError:
    """Return what a call raises with an argument that it does not take."""
    known = list(known)
    text = None if synonyms(name, known) else advice(f"{label}()", name, strict=True)
    hint = f"; here it is {text}" if text else did_you_mean(name, known)
    return TypeError(f"{label} has no argument {name!r}{hint or '; known: ' + (', '.join(known) or 'none')}")


class NameOfSchedule(str):
    """The name of a schedule, which says what to write where somebody calls it."""

    __slots__ = ()

    def __call__(self, *arguments: object, **named: object) -> None:
        """Raise `TypeError`."""
        raise TypeError(
            f"schedule is the name of how the network is advanced, {str(self)!r}; "
            "sim.at(time, function) calls a function at a time"
        )


def explained(error: TypeError, function: Any, label: str) -> TypeError:
    """Return what a call with wrong arguments raises: the error with what would be right, or as it is.

    Parameters
    ----------
    error : TypeError
        What the call raised.
    function : callable
        What was called.
    label : str
        What a message calls it, such as "Network.connect".
    """
    start, text = f"{function.__qualname__}() ", str(error)
    if not text.startswith(start):
        return error  # from inside the function
    names = arguments_of(function)
    wrong = re.fullmatch(r"got an unexpected keyword argument '(\w+)'", text.removeprefix(start))
    if wrong:
        return unknown_argument(label, wrong[1], names)
    return TypeError(f"{label}({', '.join([*names, *_others(function)])}): {text.removeprefix(start)}")


def of_text(place: str, text: object) -> str:
    """Return the end of a message about a text that was given in place of an object, such as a model."""
    words = advice(place, text) if isinstance(text, str) else None
    return f"; here {text!r} is {words}" if words else ""


def of_class(given: object) -> str:
    """Return the end of a message about a class that was given in place of an object."""
    return f"; write {given.__name__}(...)" if isinstance(given, type) else ""


def hinting(function: F) -> F:
    """Return a public function whose messages about wrong arguments say the right ones."""
    wrapped: F = _hinting(function, function.__name__)
    return wrapped


def named_for_users(given: str | None = None) -> Callable[[type[T]], type[T]]:
    """Return a decorator of classes whose messages about wrong names say the right ones.

    Parameters
    ----------
    given : str, optional
        What messages call the class; its name unless given.
    """

    def decorate(kind: type[T]) -> type[T]:
        label = given or kind.__name__
        for name, member in list(vars(kind).items()):
            if isinstance(member, FunctionType) and (name == "__init__" or not name.startswith("_")):
                setattr(kind, name, _hinting(member, label if name == "__init__" else f"{label}.{name}"))
        if "__getattr__" not in vars(kind):
            setattr(kind, "__getattr__", _missing(label))  # noqa: B010 - types know of no such method
        return kind

    return decorate


def _hinting(function: Any, label: str) -> Any:
    @functools.wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        try:
            return function(*arguments, **named)
        except TypeError as error:
            better = explained(error, function, label)
            if better is error:
                raise
        raise better

    return call


def _missing(label: str) -> Callable[[Any, str], Any]:
    def __getattr__(self: Any, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        if hasattr(type(self), name):  # a property that failed: let it say why
            return object.__getattribute__(self, name)
        public = [each for each in dir(type(self)) if not each.startswith("_")]
        text = advice(label, name)
        hint = f"; here it is {text}" if text and not synonyms(name, public) else did_you_mean(name, public)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}{hint}")

    return __getattr__
