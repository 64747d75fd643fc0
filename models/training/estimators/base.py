"""What all estimators share: settings by name as scikit-learn has them, seeds, and a progress bar."""

import difflib
import functools
import inspect
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Self

import numpy as np

from eventsim.models.training.trainer import Bar
from eventsim.renamed import RENAMED, with_current_names

__all__ = ["Estimator", "NotFittedError", "checked_whole", "progress_bar", "seed_of"]


class NotFittedError(ValueError, AttributeError):
    """An estimator is asked before it has learned.

    Where scikit-learn is loaded it is a `sklearn.exceptions.NotFittedError` as well.
    """

    def __new__(cls, *arguments: object) -> "NotFittedError":
        """Return the error, of a class that scikit-learn's programs know, if there are any."""
        theirs = sys.modules.get("sklearn.exceptions")
        kind: Any = cls
        if theirs is not None and cls is NotFittedError:
            kind = _also(theirs.NotFittedError)
        error: NotFittedError = ValueError.__new__(kind, *arguments)
        return error

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what a copy in another process is made of."""
        return NotFittedError, self.args


@functools.cache
def _also(theirs: type[Exception]) -> type[Exception]:
    """Return a class of errors that is ours and theirs."""
    return type("NotFittedError", (NotFittedError, theirs), {"__module__": __name__})


class Estimator:
    """Settings are the arguments of the constructor; `fit` learns with them, not the constructor."""

    @classmethod
    def _names(cls) -> list[str]:
        return list(inspect.signature(cls).parameters)

    def get_metadata_routing(self) -> Any:
        """Return which arguments of `fit` scikit-learn hands on: `sample_weight`, if it is asked to."""
        from sklearn.utils.metadata_routing import MetadataRequest

        request = MetadataRequest(owner=type(self).__name__)
        if "sample_weight" in inspect.signature(self.fit).parameters:
            request.fit.add_request(param="sample_weight", alias=None)
        return request

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the settings by name."""
        return {name: getattr(self, name) for name in self._names()}

    def set_params(self, **params: Any) -> Self:
        """Change settings by name; they count from the next `fit` on.

        Raises
        ------
        ValueError
            If there is no such setting.
        """
        params = with_current_names(f"argument/{type(self).__name__}", params)
        names = self._names()
        for name in params:
            if name not in names:
                near = difflib.get_close_matches(name, names, 1)
                hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names)}"
                raise ValueError(f"no setting is named {name!r}; {hint}")
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        from eventsim.html import of_estimator

        return of_estimator(self)

    def __repr__(self) -> str:
        usual = inspect.signature(type(self)).parameters
        shown = [f"{k}={v!r}" for k, v in self.get_params().items() if v is not usual[k].default]
        return f"{type(self).__name__}({', '.join(shown)})"

    def __getattr__(self, name: str) -> Any:
        """Return a setting by the name that it had in the version before."""
        today = RENAMED.get(f"argument/{type(self).__name__}", {}).get(name)
        if today is None:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        warnings.warn(f"{name!r} is called {today!r} now", DeprecationWarning, stacklevel=2)
        return getattr(self, today)


def checked_whole(value: Any, name: str, low: int) -> int:
    """Return a whole number that is at least `low`.

    Raises
    ------
    ValueError
        If it is none.
    """
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | np.integer) or value < low:
        raise ValueError(f"{name} must be a whole number, at least {low}, got {value!r}")
    return int(value)


def seed_of(random_state: Any) -> int:
    """Return a seed from what users of scikit-learn give: a seed, a generator, or None for any."""
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**31))
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31))
    return checked_whole(random_state, "random_state", 0)


def progress_bar(wanted: bool | None) -> Callable[[float, str, float], Any] | None:
    """Return what shows progress, for `Trainer.run`; with None, in a terminal only."""
    return None if wanted is False else partial(_bar, wanted)


@contextmanager
def _bar(wanted: bool | None, total: float, unit: str, done: float) -> Iterator[Bar]:
    from eventsim.simulation.progress import bar_class, is_watched

    shown = is_watched() if wanted is None else wanted
    with bar_class()(total=total, unit=unit, initial=done, disable=not shown, leave=False) as bar:
        yield _Bar(bar)


class _Bar:
    """A bar of tqdm that shows metrics."""

    def __init__(self, bar: Any) -> None:
        self._bar = bar

    def update(self, n: float = 1, **metrics: float) -> None:
        """Advance by `n`, and show metrics beside the bar."""
        if metrics:
            self._bar.set_postfix({k: f"{v:.4g}" for k, v in metrics.items()}, refresh=False)
        self._bar.update(n)
