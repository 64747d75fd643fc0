"""Prediction of dynamical systems, alone and behind a switch.

Lorenz: of dx/dt = 10 (y - x), dy/dt = x (28 - z) - y, dz/dt = x y - 8/3 z, by Runge and Kutta's steps of
0.01, only x is shown, in standard deviations; x is to be predicted some steps ahead. Errors are root mean
squares over that of the target (nrmse); the first steps, as many as the window, are not scored.

Combined: the Mackey-Glass series (one step a unit of time) runs beside a flip-flop that is written now and
then. The target is the series some steps ahead, with its sign switched while the bit is 0: the series needs
the recent past, the bit the distant one. Beside it `flag_accuracy` says how often the answer has the sign of
a target that is larger than half a standard deviation, and `series_nrmse` how far its size is from the
target's where it has that sign.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from eventsim.models.training.batches import Streams
from eventsim.models.training.task import Task
from eventsim.scenarios.mgrade import flip_flop
from eventsim.scenarios.mgrade.losses import ScoredSquaredError
from eventsim.scenarios.mgrade.problem import Problem

if TYPE_CHECKING:
    from eventsim.scenarios.mgrade.settings import Settings

__all__ = ["lorenz", "problem"]

Floats = NDArray[np.float64]
DT, SETTLED = 0.01, 1000  # of Lorenz: step; steps that are left out
CLEAR = 0.5  # standard deviations: a target whose sign is asked for
MACKEY_GLASS_SETTLED, TOKENS = 500, 4  # write, ignore, and both bits


def lorenz(n: int, steps: int, rng: Generator) -> Floats:
    """Return x, y and z of n trajectories from random places near the attractor, shape (n, steps, 3)."""

    def slope(s: Floats) -> Floats:
        x, y, z = s.T
        return np.stack((10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z), axis=1)

    s = rng.normal((0, 0, 25), 5, (n, 3))
    found = np.empty((n, steps, 3))
    for k in range(-SETTLED, steps):
        if k >= 0:
            found[:, k] = s
        k1 = slope(s)
        k2 = slope(s + DT / 2 * k1)
        k3 = slope(s + DT / 2 * k2)
        k4 = slope(s + DT * k3)
        s = s + DT / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return found


def problem(settings: "Settings", rng: Streams) -> Problem:
    """Return the prediction of a run, its series and sequences drawn from streams of `rng`."""
    make = _lorenz_sets if settings.task == "lorenz" else _combined_sets
    sets, n_inputs = make(settings, rng)
    measure = _nrmse if settings.task == "lorenz" else _both_parts
    return Problem(Task(settings.task, n_inputs, 1, sets), ScoredSquaredError(), measure, "nrmse")


def _sizes(settings: "Settings") -> tuple[tuple[str, int], ...]:
    return ("train", settings.sequences), ("test", settings.test_sequences)


def _targets(settings: "Settings", values: Floats) -> NDArray[np.float32]:
    """Return targets (n, steps, 1), nan in the first steps."""
    targets = values[..., None].astype(np.float32)
    targets[:, : settings.window] = np.nan
    return targets


def _lorenz_sets(settings: "Settings", rng: Streams) -> tuple[dict[str, Any], int]:
    sets: dict[str, Any] = {}
    steps, ahead = settings.steps, settings.horizon
    for split, n in _sizes(settings):
        x = lorenz(n, steps + ahead, rng("lorenz", split))[..., 0] / 7.93  # its standard deviation; mean 0
        sets[split] = x[:, :steps, None].astype(np.float32), _targets(settings, x[:, ahead:])
    return sets, 1


def _combined_sets(settings: "Settings", rng: Streams) -> tuple[dict[str, Any], int]:
    from eventsim.scenarios.generalized_latent_equilibrium.chaotic_series import mackey_glass

    steps, ahead = settings.steps, settings.horizon
    sets: dict[str, Any] = {}
    for split, n in _sizes(settings):
        stream = rng("combined", split)
        length = (n + 1) * steps // 2 + steps + ahead  # sequences overlap by half
        series = mackey_glass(MACKEY_GLASS_SETTLED + length, float(stream.uniform(0.8, 1.3)))
        series = series[MACKEY_GLASS_SETTLED:]
        series = (series - series.mean()) / series.std()
        begins = np.arange(n) * (steps // 2)
        x = series[begins[:, None] + np.arange(steps + ahead)]
        kinds, bits = flip_flop.draw(n, -(-steps // 2), settings.p_ignore, stream)
        kinds = np.where(kinds == flip_flop.READ, flip_flop.IGNORE, kinds)
        stored = np.take_along_axis(bits, flip_flop.latest_place(kinds == flip_flop.WRITE), axis=1)
        tokens = np.stack((kinds, 2 + bits), axis=2).reshape(n, -1)[:, :steps]
        # At the instruction the bit is not known yet: the one before it counts for one step more.
        earlier = np.concatenate((stored[:, :1], stored[:, :-1]), axis=1)
        flag = np.stack((earlier, stored), axis=2).reshape(n, -1)[:, :steps]
        shown = np.concatenate((x[:, :steps, None], np.eye(TOKENS)[tokens]), axis=2)
        target = np.where(flag == 1, 1, -1) * x[:, ahead:]
        sets[split] = shown.astype(np.float32), _targets(settings, target)
    return sets, 1 + TOKENS


def _scored(outputs: NDArray[Any], targets: NDArray[Any]) -> tuple[Floats, Floats]:
    kept = np.isfinite(targets)
    answer = np.moveaxis(outputs, 0, 1)[kept].astype(np.float64)
    return answer, targets[kept].astype(np.float64)


def _nrmse(outputs: NDArray[Any], targets: NDArray[Any]) -> dict[str, float]:
    answer, wanted = _scored(outputs, targets)
    return {"nrmse": float(np.sqrt(((answer - wanted) ** 2).mean() / (wanted**2).mean()))}


def _both_parts(outputs: NDArray[Any], targets: NDArray[Any]) -> dict[str, float]:
    answer, wanted = _scored(outputs, targets)
    same, clear = answer * wanted > 0, np.abs(wanted) > CLEAR
    sizes = np.abs(answer[same]) - np.abs(wanted[same])
    return _nrmse(outputs, targets) | {
        "flag_accuracy": float(same[clear].mean()),
        "series_nrmse": float(np.sqrt((sizes**2).mean() / (wanted[same] ** 2).mean())),
    }
