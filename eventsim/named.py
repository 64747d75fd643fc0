"""Dictionaries and lists that say which names there are, where they are asked for another one."""

from collections.abc import Iterable
from typing import Any, TypeVar

from eventsim.errors import UnknownPart, did_you_mean

__all__ = ["Named", "NamedList"]

K = TypeVar("K")
V = TypeVar("V")


class Named(dict[K, V]):
    """A dictionary by name whose messages say which names there are, the nearest of them last.

    Attributes
    ----------
    what : what a value is in a message, such as "spikes of".
    place : how a user writes the dictionary, such as "trace.spikes".
    """

    __slots__ = ("place", "what")

    def __init__(self, what: str, place: str, values: Any = ()) -> None:
        super().__init__(values)
        self.what, self.place = what, place

    def __missing__(self, name: Any) -> V:
        """Raise UnknownPart, a KeyError."""
        raise UnknownPart(unknown(self.what, self.place, name, self))

    def __call__(self, name: Any = "NAME", *more: Any) -> V:
        """Raise TypeError, since methods of simulations are spelled with round brackets."""
        raise TypeError(f"{self.place} is a dictionary; write {self.place}[{_shown((name, *more))}]")

    def __reduce__(self) -> Any:
        """Return how a copy is made."""
        return type(self), (self.what, self.place, dict(self))


class NamedList(list[V]):
    """A list of objects with names, which may be asked for by name too."""

    __slots__ = ("place", "what")

    def __init__(self, what: str, place: str, values: Iterable[V] = ()) -> None:
        super().__init__(values)
        self.what, self.place = what, place

    def __getitem__(self, which: Any) -> Any:
        """Return an entry by its place or its name, or a slice."""
        if not isinstance(which, str):
            return super().__getitem__(which)
        for each in self:
            if getattr(each, "name", None) == which:
                return each
        raise UnknownPart(unknown(self.what, self.place, which, [getattr(each, "name", "") for each in self]))

    def __reduce__(self) -> Any:
        """Return how a copy is made."""
        return type(self), (self.what, self.place, list(self))


def unknown(what: str, place: str, name: Any, known: Iterable[Any]) -> str:
    """Return the message about a name that is not among those known."""
    known = list(known)
    pairs = bool(known) and all(isinstance(each, tuple) for each in known)
    words = {_shown(each if pairs else (each,)): each for each in known}
    given = _shown(name if isinstance(name, tuple) else (name,))
    if pairs and not isinstance(name, tuple):
        return f"{place}[...] takes {len(known[0])} names, got {given}; known: {', '.join(words)}"
    hint = did_you_mean(given, words) if pairs else did_you_mean(name, [str(each) for each in known])
    return f"no {what} {given} in {place}; known: {', '.join(words) or 'none'}{hint.replace(chr(34), '')}"


def _shown(names: tuple[Any, ...]) -> str:
    return ", ".join(repr(each) for each in names)
