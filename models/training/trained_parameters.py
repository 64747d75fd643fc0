"""The parameters of a network as an optimiser sees them, and the way from there to the network.

Delays pass through a map that keeps them positive, weights perhaps through the grid of a chip; time constants
and thresholds have a floor.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim.errors import UnknownPart
from eventsim.models.gradients.spike_gradient import Gradient, SpikeGradient
from eventsim.models.neurons.solved import POSITIVE
from eventsim.models.training.hardware_noise import WeightGrid
from eventsim.models.training.parameter_names import parameter_names
from eventsim.models.training.parametrisations import DelayMap, Sigmoid
from eventsim.named import Named
from eventsim.network import Network
from eventsim.states import state_array

__all__ = ["TrainedParameters"]

Floats = NDArray[np.float64]

LEAST = float(np.finfo(np.float64).min)
FLOOR = 0.05  # of its first value, to which a trained time constant or threshold may fall


class TrainedParameters:
    """What an optimiser changes of a network.

    Parameters
    ----------
    net : Network
    gradient : SpikeGradient
        Of this network; it holds the parameters that spikes are computed with.
    learn : iterable of str
        What is trained; see `SpikeLearner`.
    delays : DelayMap or mapping of str to DelayMap, optional
    weights : WeightGrid, optional

    Attributes
    ----------
    values : mapping of str to ndarray
        By name: ``weight/<projection>``, ``delay/<projection>`` (p of the map), ``tau_mem/<population>``, ...

    Raises
    ------
    UnknownPart
        If there is no such parameter or projection.
    ValueError
        If nothing is trained, or the map of a projection cannot give its delays.
    """

    def __init__(
        self,
        net: Network,
        gradient: SpikeGradient,
        learn: Iterable[str],
        delays: DelayMap | Mapping[str, DelayMap] | None = None,
        weights: WeightGrid | None = None,
    ) -> None:
        names = parameter_names(learn, gradient.parameters)
        if not names:
            known = ", ".join(gradient.parameters)
            raise ValueError(f"learn={learn!r} leaves nothing to learn; there are: {known}")
        self._gradient, self.weights = gradient, weights
        self.maps = _maps(
            delays, [name.partition("/")[2] for name in names if name.startswith("delay/")], net
        )
        self._values: dict[str, Floats] = Named("trained parameter", "parameters")
        for name in names:
            kind, _, part = name.partition("/")
            value = gradient.parameters[name]
            if kind == "weight" and weights is not None:
                value = value.copy()
            elif kind == "delay":
                try:
                    value = self.maps[part].inverse(value)
                except ValueError as error:
                    raise ValueError(f"delays of {part!r}: {error}") from None
            self._values[name] = value
        self._floors = {
            name: _floor(net, name, value)
            for name, value in self._values.items()
            if name.startswith(("tau_", "v_th/")) or name.partition("/")[0] in POSITIVE
        }
        self.values: Mapping[str, Floats] = MappingProxyType(self._values)

    def load(self) -> None:
        """Give `SpikeGradient` what follows from the parameters; those without a map are the same arrays."""
        for name, delay_map in self.maps.items():
            key = f"delay/{name}"
            self._gradient.parameters[key][:] = delay_map.value(self._values[key])
        if self.weights is not None:
            for key in self._weight_names():
                self._gradient.parameters[key][:] = self.weights.value(self._values[key])

    def settle(self) -> None:
        """Bring delays, weights, time constants and thresholds back to where they are possible."""
        for name, delay_map in self.maps.items():
            delay_map.settle(self._values[f"delay/{name}"])
        if self.weights is not None:
            for key in self._weight_names():
                self.weights.settle(self._values[key])
        for name, floor in self._floors.items():
            np.maximum(self._values[name], floor, out=self._values[name])

    def derivatives(self, gradient: Gradient) -> dict[str, Floats]:
        """Return derivatives in the parameters, by name, from those in the network."""
        derivatives, given = {}, gradient.parameters
        for name, value in self._values.items():
            kind, _, part = name.partition("/")
            derivative: Floats = given[name]
            if kind == "delay":
                derivative = self.maps[part].gradient(value, derivative)
            derivatives[name] = derivative
        return derivatives

    def copies(self) -> dict[str, Floats]:
        """Return copies of all parameters by name."""
        return {name: value.copy() for name, value in self._values.items()}

    def restore(self, copies: Mapping[str, Floats]) -> None:
        """Go back to parameters that `copies` returned.

        Raises
        ------
        ValueError
            If one is missing, has another shape or is not finite; nothing has changed then.
        """
        checked = {
            name: state_array(copies, name, np.float64, value.shape, LEAST, np.inf)
            for name, value in self._values.items()
        }
        for name, value in self._values.items():
            value[:] = checked[name]

    def _weight_names(self) -> list[str]:
        return [name for name in self._values if name.startswith("weight/")]


def _maps(
    delays: DelayMap | Mapping[str, DelayMap] | None, trained: list[str], net: Network
) -> dict[str, DelayMap]:
    """Return the map of each projection whose delays are trained."""
    if isinstance(delays, DelayMap) or delays is None:
        return {name: delays or Sigmoid() for name in trained}
    projections = [projection.name for projection in net.projections]
    for name, delay_map in delays.items():
        if name not in projections:
            raise UnknownPart(f"no projection is named {name!r}; known: {', '.join(projections)}")
        if not isinstance(delay_map, DelayMap):
            raise TypeError(f"the delay map of {name!r} must be a DelayMap, got {delay_map!r}")
    return {name: delays.get(name, Sigmoid()) for name in trained}


def _floor(net: Network, name: str, value: Floats) -> Any:
    """Return how far a time constant or threshold may fall."""
    kind, _, part = name.partition("/")
    model: Any = net.populations[part].model
    if kind != "v_th" or not hasattr(model, "v_reset"):
        return FLOOR * value
    lowest_start = np.maximum(np.asarray(model.v_leak, np.float64), np.asarray(model.v_reset, np.float64))
    floor: Floats = lowest_start + FLOOR * (value - lowest_start)
    return np.max(floor, keepdims=True) if floor.shape != value.shape else floor
