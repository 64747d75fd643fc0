"""How much work a batch is, told before it runs: units x samples x time."""

from typing import Any

import numpy as np

from eventsim.models.inputs.currents import CurrentSum, is_current
from eventsim.network import Network

__all__ = ["first_slice", "shortest_time_constant", "work"]

ONE_SPIKE = 100.0  # time constants that count of a network whose neurons spike once: then it is silent
SLICE = 0.01  # time constants of the first slice
SIZES = ("values", "amplitude", "mean", "std")  # of currents over time
SPIKES = 1e4  # that all units together may have in the first slice


def shortest_time_constant(network: Network) -> float:
    """Return the shortest time constant of the neurons of a network, in its time unit; 1 if none is known."""
    found = [
        float(np.min(value))
        for population in network.populations.values()
        for value in (getattr(population.model, key, None) for key in ("tau_mem", "tau_syn"))
        if value is not None and np.min(value) > 0
    ]
    return min((tau for tau in found if np.isfinite(tau)), default=1.0)


def work(network: Network, n_samples: int, until: float) -> float:
    """Return units x samples x time of a batch, with time in the shortest time constant of the network.

    At least one time constant counts, and at most 100 if all neurons spike once.
    """
    duration = max(until / shortest_time_constant(network), 1.0)
    neurons = [p.model for p in network.populations.values() if not p.model.is_source]
    if all(getattr(model, "first_spike_only", False) for model in neurons):
        duration = min(duration, ONE_SPIKE)
    return sum(p.n for p in network.populations.values()) * float(n_samples) * duration


def first_slice(network: Network) -> float:
    """Return for how long a network can run at first, lest a wrong parameter make it spike without end."""
    rate = 0.0  # of all neurons together, if all currents were constant
    for population in network.populations.values():
        model = population.model
        if model.is_source or not hasattr(model, "v_th"):
            continue
        current = _largest(getattr(model, "i_ext", 0.0)) + _largest(getattr(model, "i_init", 0.0))
        for projection in network.projections:
            if projection.post == population.name and isinstance(projection.weight, int | float | np.ndarray):
                current += network.populations[projection.pre].n * _largest(projection.weight)
        climb = float(np.min(model.v_th - np.asarray(model.v_reset, np.float64)))
        capacitance = float(np.min(getattr(model, "c_mem", 1.0)))
        rate += population.n * current / max(climb * capacitance, 1e-12)
    slice_ = SLICE * shortest_time_constant(network)
    return min(slice_, SPIKES / rate) if rate > 0 else slice_


def _largest(value: Any) -> float:
    """Return about the largest size of a parameter, which may be a current over time; 0 if there is none."""
    if isinstance(value, CurrentSum):
        return sum(map(_largest, value.parts))
    if is_current(value):
        return sum(_largest(getattr(value, name, None)) for name in SIZES)
    return 0.0 if value is None else float(np.max(np.abs(value), initial=0.0))
