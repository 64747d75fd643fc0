"""What neurons that the solver follows have in common: checks of parameters, and the population."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim.io.plain import shown
from eventsim.models.inputs.currents import check_current, is_current
from eventsim.models.neurons.parameter_table import table
from eventsim.parameters import one_number, per_unit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from eventsim.models.inputs.current_sources import CurrentSource
    from eventsim.models.neurons.differentiable import Differentiable
    from eventsim.models.neurons.dynamics import Dynamics
    from eventsim.population import Population

POSITIVE = ("tau_mem", "tau_syn", "tau_w", "c_mem", "g_leak", "delta_t", "k")


def checked(model: Any, names: Iterable[str], n: int, name: str) -> dict[str, Any]:
    """Return parameters of a model by name, each a number or an array of shape (n,)."""
    values = {
        key: per_unit(getattr(model, key), n, key, name, positive=key in POSITIVE, nonnegative=key == "t_ref")
        for key in names
    }
    check_solver(model, name)
    return values


def checked_with_current(model: Any, names: Iterable[str], n: int, name: str) -> dict[str, Any]:
    """Return parameters as `checked` does; i_ext is 0 where it is a current, which is checked too."""
    if not is_current(model.i_ext):
        return checked(model, names, n, name)
    check_current(model.i_ext, n, name)
    return checked(model, [key for key in names if key != "i_ext"], n, name) | {"i_ext": 0.0}


def as_solved(parameters: Sequence[Any], t_ref: Any, n: int) -> dict[str, Any]:
    """Return parameters, in the order of the equations, and refractory times as a population takes them."""
    return {"p": table(parameters, n), "t_ref": np.atleast_1d(np.asarray(t_ref, np.float64))}


def check_solver(model: Any, name: str) -> None:
    """Raise ValueError if the tolerance or the longest step of a model is out of range."""
    one_number(model.tolerance, f"tolerance of {name!r}", low=1e-13, high=1e-2)
    if not model.max_step > 0.0:
        raise ValueError(f"max_step of {name!r} must be a time > 0, got {shown(model.max_step)}")


def refuse_reset(values: Mapping[str, Any], reset: str, peak: str, name: str) -> None:
    """Raise ValueError if a reset would not bring the membrane below the level where a spike is detected."""
    above = np.atleast_1d(np.greater_equal(values[reset], values[peak]))
    if above.any():
        k = int(np.argmax(above))
        at = [float(np.broadcast_to(values[key], above.shape)[k]) for key in (reset, peak)]
        raise ValueError(
            f"{reset} of {name!r} must be below {peak}, got {reset} = {at[0]} and {peak} = {at[1]} for unit "
            f"{k}: it would spike without end"
        )


def population(
    n: int,
    name: str,
    dynamics: Dynamics,
    variables: tuple[str, ...],
    parameters: Sequence[Any],
    initial: Sequence[Any],
    model: Any,
    t_ref: Any,
    sources: Sequence[CurrentSource] = (),
    current_at: int = -1,
) -> Population:
    """Return the population of a model whose parameters and initial values are numbers or arrays (n,).

    `sources` are currents over time that are added to the parameter number `current_at`.
    """
    from eventsim.models.inputs.current_sources import Sine
    from eventsim.models.neurons._series_neurons import SeriesNeurons
    from eventsim.models.neurons._solver import SolvedNeurons
    from eventsim.models.neurons.series import SeriesDynamics

    max_step = float(model.max_step)
    for source in sources:
        if isinstance(source, Sine):  # the estimate of a step's error knows nothing between its stages
            max_step = min(max_step, 0.25 * source.shortest_period)
    x = np.empty((n, len(variables)))
    for k, value in enumerate(initial):
        x[:, k] = value
    kind = SeriesNeurons if isinstance(dynamics, SeriesDynamics) and not sources else SolvedNeurons
    solved = as_solved(parameters, t_ref, n)
    return kind(
        n,
        name,
        dynamics,
        variables,
        x,
        solved["p"],
        solved["t_ref"],
        float(model.tolerance),
        max_step,
        sources,
        current_at,
    )


def differentiable(
    n: int,
    dynamics: Dynamics,
    parameters: Mapping[str, Any],
    derived: tuple[str, ...],
    initial: Sequence[Any],
    model: Any,
    t_ref: Any,
) -> Differentiable:
    """Return a model as the adjoint pass takes it; `parameters` in the order of the equations."""
    from eventsim.models.neurons._series_flow import SeriesFlow
    from eventsim.models.neurons._solved_flow import SolvedFlow
    from eventsim.models.neurons.differentiable import Differentiable
    from eventsim.models.neurons.series import SeriesDynamics

    x = np.empty((n, len(initial)))
    for k, value in enumerate(initial):
        x[:, k] = value
    kind = SeriesFlow if isinstance(dynamics, SeriesDynamics) and dynamics.differentiates else SolvedFlow
    flow = kind(dynamics, len(initial), len(parameters), float(model.tolerance), float(model.max_step))
    return Differentiable(flow, dict(parameters), derived, x, t_ref)
