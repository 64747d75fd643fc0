"""Limited-memory BFGS: the optimiser for small models and for losses without noise, measured again and again.

    p = -H g;   x <- x + a p;   s = x' - x,   y = g' - g

H approximates the inverse of the Hessian from the last pairs (s, y) by the recursion of two loops, and the
length a fulfils the strong Wolfe conditions. It gains on Adam where errors are to become a thousandth and
less; with noise in the gradients, or spikes, it has no use. It takes one step at a time and its state fits in
a file, so that a run that was stopped goes on to the same bits; `scipy.optimize.minimize` runs to its end.

Nocedal and Wright 2006, Numerical Optimization, algorithms 7.4, 3.5 and 3.6.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim.parameters import one_number
from eventsim.states import check_entries

__all__ = ["LBFGS"]

Floats = NDArray[np.float64]
Measure = Callable[[], tuple[float, Mapping[str, Floats]]]
SLOPE, CURVATURE = 1e-4, 0.9  # c1 and c2 of the Wolfe conditions
CURVED = 1e-10  # least s y over the square of y that a pair must have, so that H stays positive


class LBFGS:
    """Limited-memory BFGS (Liu and Nocedal 1989).

    Parameters
    ----------
    memory : int
        Pairs of steps and changes of the gradient that are kept.
    evaluations : int
        Most measurements of the loss in one step.

    Attributes
    ----------
    factor : float
        Not used: the length of a step is found, not set. It is there for schedules.

    Raises
    ------
    ValueError
        If a number is out of its range.
    """

    def __init__(self, memory: int = 30, evaluations: int = 20) -> None:
        self.memory = int(one_number(memory, "memory", low=1))
        self.evaluations = int(one_number(evaluations, "evaluations", low=2))
        self.factor = 1.0
        self._pairs: list[tuple[Floats, Floats]] = []
        self._measured: tuple[float, Floats] | None = None  # loss and gradient at the present parameters

    @property
    def learning_rate(self) -> float:
        """The first length that is tried, in units of the full step."""
        return 1.0

    def step(self, parameters: Mapping[str, Floats], measure: Measure) -> float:
        """Take one step and return the loss after it; changes the parameters in place.

        Parameters
        ----------
        parameters : mapping of str to ndarray
            Arrays of float64.
        measure : callable
            Returns the loss of the present parameters and its gradients by name, always the same for the same
            parameters.

        Returns
        -------
        float
            No larger than before. Parameters stay as they are where no step lowers the loss.

        Raises
        ------
        ValueError
            If parameters are not float64.
        """
        for name, array in parameters.items():
            if array.dtype != np.float64:
                raise ValueError(f"L-BFGS needs parameters of float64, got {array.dtype} of {name!r}")
        x = _flat(parameters, parameters)

        def at(point: Floats) -> tuple[float, Floats]:
            _put(parameters, point)
            loss, gradients = measure()
            return float(loss), _flat(parameters, gradients)

        loss, g = self._measured if self._measured is not None else at(x)
        found = None
        if _dot(g, g) > 0:
            found = self._searched(at, x, loss, g)
            if found is None and self._pairs:  # the pairs may be those of another place
                self._pairs = []
                found = self._searched(at, x, loss, g)
        if found is None:
            _put(parameters, x)
            self._measured = loss, g
            return loss
        step, new_loss, new_g = found
        _put(parameters, x + step)
        s, y = step, new_g - g
        if _dot(s, y) > CURVED * _dot(y, y):
            self._pairs = [*self._pairs, (s, y)][-self.memory :]
        self._measured = new_loss, new_g
        return new_loss

    def moved(self) -> None:
        """Say that parameters or the loss have changed since the last step, by new data or by hand."""
        self._measured = None

    def _searched(
        self, at: Callable[[Floats], tuple[float, Floats]], x: Floats, loss: float, g: Floats
    ) -> tuple[Floats, float, Floats] | None:
        """Return a step that fulfils the Wolfe conditions, with loss and gradient after it."""
        p = -self._scaled(g)
        slope = _dot(g, p)
        if not slope < 0:
            return None
        first = 1.0 if self._pairs else min(1.0, 1.0 / float(np.abs(g).sum()))

        def along(a: float) -> tuple[float, float, Floats]:
            value, gradient = at(x + a * p)
            return value, _dot(gradient, p), gradient

        found = wolfe_step(along, loss, slope, first, self.evaluations)
        return None if found is None else (found[0] * p, found[1], found[2])

    def _scaled(self, g: Floats) -> Floats:
        """Return H g."""
        q, alphas = g.copy(), []
        for s, y in reversed(self._pairs):
            alphas.append(_dot(s, q) / _dot(s, y))
            q -= alphas[-1] * y
        if self._pairs:
            s, y = self._pairs[-1]
            q *= _dot(s, y) / _dot(y, y)
        for (s, y), alpha in zip(self._pairs, reversed(alphas), strict=True):
            q += (alpha - _dot(y, q) / _dot(s, y)) * s
        return q

    def state(self) -> dict[str, Any]:
        """Return everything needed to go on."""
        state: dict[str, Any] = {
            "steps": {str(k): s.copy() for k, (s, _) in enumerate(self._pairs)},
            "changes": {str(k): y.copy() for k, (_, y) in enumerate(self._pairs)},
        }
        if self._measured is not None:
            state |= {"loss": self._measured[0], "gradient": self._measured[1].copy()}
        return state

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned; raises ValueError if it is no such state."""
        check_entries(state, ("steps", "changes"), "an optimiser")
        check_entries(state["changes"], state["steps"], "changes of the gradient")
        names = sorted(state["steps"], key=int)
        self._pairs = [(np.array(state["steps"][name]), np.array(state["changes"][name])) for name in names]
        self._measured = (float(state["loss"]), np.array(state["gradient"])) if "loss" in state else None


def wolfe_step(
    along: Callable[[float], tuple[float, float, Floats]],
    loss: float,
    slope: float,
    first: float,
    evaluations: int,
) -> tuple[float, float, Floats] | None:
    """Return a length that fulfils the strong Wolfe conditions, with loss and gradient there.

    Parameters
    ----------
    along : callable
        Returns loss, slope and gradient at a length.
    loss, slope : float
        At length 0; the slope is negative.
    first : float
        Length that is tried first.
    evaluations : int
        Most calls of `along`. If they do not suffice, the lowest point with a sufficient decrease is taken.

    Returns
    -------
    tuple or None
        None if no point had a sufficient decrease.
    """
    low, high = (0.0, loss, slope), None  # ends of a bracket: length, loss, slope
    a, best = first, None
    for _ in range(evaluations):
        value, rise, gradient = along(a)
        # Not so if the loss is nan, nor where rounding hides the decrease.
        enough = value < loss and value <= loss + SLOPE * a * slope
        if enough and (best is None or value < best[1]):
            best = a, value, gradient
        if not enough or (value >= low[1] and low[0] > 0):
            high = (a, value, rise)
        elif abs(rise) <= -CURVATURE * slope:
            return a, value, gradient
        else:
            if rise * ((high[0] if high else np.inf) - low[0]) >= 0:
                high = low
            low = (a, value, rise)
        a = 2 * a if high is None else _between(low, high)
    return best


def _between(low: tuple[float, float, float], high: tuple[float, float, float]) -> float:
    """Return the minimum of the cubic through both ends, or their middle where it is not well inside."""
    (a, f, df), (b, h, dh) = low, high
    middle = 0.5 * (a + b)
    if not np.isfinite(h + dh):
        return middle
    d1 = df + dh - 3 * (f - h) / (a - b)
    root = d1 * d1 - df * dh
    if root < 0:
        return middle
    d2 = np.sign(b - a) * np.sqrt(root)
    bottom = dh - df + 2 * d2
    if bottom == 0:
        return middle
    found = float(b - (b - a) * (dh + d2 - d1) / bottom)
    inside = 0.1 * abs(b - a)
    return found if min(a, b) + inside < found < max(a, b) - inside else middle


def _dot(a: Floats, b: Floats) -> float:
    """Return the product, summed in an order that no library and no number of threads changes."""
    return float((a * b).sum())


def _flat(names: Mapping[str, Any], arrays: Mapping[str, Any]) -> Floats:
    return np.concatenate([np.asarray(arrays[name], np.float64).reshape(-1) for name in names])


def _put(parameters: Mapping[str, Floats], point: Floats) -> None:
    first = 0
    for array in parameters.values():
        array[...] = point[first : first + array.size].reshape(array.shape)
        first += array.size
