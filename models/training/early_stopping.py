"""Early stopping, and going back to the epoch that was best on held-out samples."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from eventsim.parameters import one_number
from eventsim.states import check_entries

__all__ = ["EarlyStopping"]


@dataclass(slots=True)
class EarlyStopping:
    """Ends training when a metric has not improved for `patience` epochs, and goes back to the best epoch.

    With infinite patience training goes on to its end, and the best epoch counts.

    Attributes
    ----------
    patience : epochs without improvement after which training ends.
    metric : name of the metric.
    mode : whether the metric is to rise ("max") or to fall ("min").
    ties : which of equally good epochs is the best one, the "first" or the "latest".
    best, best_epoch : best value so far, and its epoch, counted from 0; nan and -1 before the first.
    """

    patience: float = math.inf
    metric: str = "validation_accuracy"
    mode: Literal["max", "min"] = "max"
    ties: Literal["first", "latest"] = "first"
    best: float = field(default=math.nan, init=False)
    best_epoch: int = field(default=-1, init=False)
    _best_state: Any = field(default=None, init=False)

    def __post_init__(self) -> None:
        if self.patience != math.inf and not one_number(self.patience, "patience", low=1) >= 1:
            raise ValueError(f"patience must be at least 1, got {self.patience!r}")
        if self.mode not in ("max", "min"):
            raise ValueError(f"mode must be 'max' or 'min', got {self.mode!r}")
        if self.ties not in ("first", "latest"):
            raise ValueError(f"ties must be 'first' or 'latest', got {self.ties!r}")

    def observe(self, epoch: int, metrics: Mapping[str, Any], state: Callable[[], Any]) -> None:
        """Compare an epoch with the best one, and keep the state of the learner if it is better.

        Raises
        ------
        ValueError
            If the metrics do not hold the one that decides.
        """
        if self.metric not in metrics:
            raise ValueError(f"no metric is named {self.metric!r}; an epoch has: {', '.join(metrics)}")
        value = float(metrics[self.metric])
        better = value > self.best if self.mode == "max" else value < self.best
        tied = self.ties == "latest" and value == self.best
        if better or tied or (math.isnan(self.best) and not math.isnan(value)):
            self.best, self.best_epoch, self._best_state = value, epoch, state()

    def is_exhausted(self, epoch: int) -> bool:
        """Return whether the metric has not improved for too long, at the end of an epoch."""
        return epoch - max(self.best_epoch, 0) >= self.patience

    def restore_best(self, restore: Callable[[Any], None]) -> None:
        """Give the state of the best epoch back to the learner."""
        if self._best_state is not None:
            restore(self._best_state)

    def state(self) -> dict[str, Any]:
        """Return what later decisions depend on."""
        state: dict[str, Any] = {"best": self.best, "best_epoch": self.best_epoch}
        return state if self._best_state is None else state | {"best_state": self._best_state}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned; raises ValueError if it is no such state."""
        check_entries(state, ("best", "best_epoch"), "early stopping")
        self.best, self.best_epoch = float(state["best"]), int(state["best_epoch"])
        self._best_state = state.get("best_state")
