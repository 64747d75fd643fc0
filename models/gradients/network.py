"""A network whose spikes are differentiated: its parameters as arrays, and their checks.

Users and optimisers change the arrays of `SpikeNetwork.parameters` in place. A kernel that runs the network
(`eventprop.kernel`, `first_spike.kernel`) copies their values to where it computes with them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim.connect import Pairs
from eventsim.connect.connections import Connections
from eventsim.errors import ConfigError
from eventsim.models.gradients.adjoint.neurons import differentiable
from eventsim.models.inputs.currents import is_current
from eventsim.models.inputs.sources import SpikeSource
from eventsim.models.lif.lif import LIF
from eventsim.models.neurons.differentiable import Differentiable
from eventsim.models.neurons.solved import POSITIVE
from eventsim.named import Named
from eventsim.network import Network, Projection

__all__ = ["CONSTANTS", "Pathway", "Settings", "SpikeNetwork"]

Floats = NDArray[np.float64]
Indices = NDArray[np.int32]

CONSTANTS = ("tau_mem", "tau_syn", "v_th")  # parameters of units with derivatives, as `EventProp` orders them
FIXED = ("c_mem", "v_leak", "v_reset", "i_ext", "t_ref")


@dataclass(frozen=True, slots=True)
class Settings:
    """Options of a kernel; see `SpikeGradient`.

    `form` is the one form in which the kernel computes; "" lets it pick the fastest.
    """

    threads: int
    time_constants: bool
    max_slope_inverse: float
    max_dw_norm: float
    max_spikes: int
    form: str = ""


class Pathway:
    """A projection: who is connected, and its parameters.

    Attributes
    ----------
    source, target : ndarray, shape (n_syn,), int32
        Units that each synapse joins.
    weight, delay : ndarray
        The parameters; a delay has shape (1,), (n_pre, 1), (1, n_post), or the shape of the weights.
    kind : "uniform", "axonal", "dendritic" or "synaptic", in this order.
    """

    def __init__(self, projection: Projection, synapses: Connections) -> None:
        self.name, self.pre, self.post = projection.name, projection.pre, projection.post
        self.n_pre, self.n_post, self.n_synapses = synapses.n_pre, synapses.n_post, synapses.n_syn
        self.dense = synapses.dense
        self._synapses = synapses
        shape = (synapses.n_pre, synapses.n_post) if synapses.dense else (synapses.n_syn,)
        self.weight: Floats = np.array(
            np.broadcast_to(np.asarray(synapses.weight, np.float64), shape), order="C"
        )
        self.receptor = projection.receptor
        delay: Any = np.asarray(synapses.delay, np.float64)
        declared: Any = projection.delay
        if delay.ndim == 0:
            self.kind, delay = "uniform", np.array([float(delay)])
        elif synapses.delay_kind == "axonal":
            self.kind, delay = "axonal", np.array(delay).reshape(-1, 1)
        elif projection.delay_kind == "dendritic":
            self.kind, delay = "dendritic", np.array(declared, np.float64)
        else:
            self.kind, delay = "synaptic", np.array(delay).reshape(shape)
        self.delay: Floats = np.ascontiguousarray(delay)

    @cached_property
    def source(self) -> Indices:
        """Presynaptic unit of each synapse."""
        return np.ascontiguousarray(self._synapses.sources(), np.int32)

    @cached_property
    def target(self) -> Indices:
        """Postsynaptic unit of each synapse."""
        return np.ascontiguousarray(self._synapses.targets(), np.int32)

    def delays(self) -> Floats:
        """Return the delay of each synapse, shape (n_syn,)."""
        each: Floats = self.delay.reshape(-1)
        if self.kind == "uniform":
            return np.broadcast_to(each, (self.n_synapses,))
        if self.kind == "axonal":
            each = each[self.source]
        elif self.kind == "dendritic":
            each = each[self.target]
        return each

    def reduced(self, each: Floats) -> Floats:
        """Return the derivative in the delay parameter from that in the delay of each synapse."""
        if self.kind == "uniform":
            return np.array([each.sum()])
        if self.kind == "axonal":
            each = np.bincount(self.source, each, self.delay.size).astype(np.float64)
        elif self.kind == "dendritic":
            each = np.bincount(self.target, each, self.delay.size).astype(np.float64)
        return each.reshape(self.delay.shape)


class SpikeNetwork:
    """A declared network as arrays of parameters.

    Attributes
    ----------
    names, neurons : of all populations, and of those of neurons.
    numbers : place of each population in `names`.
    sources : names of the populations that are not neurons.
    pathways : the projections.
    parameters : by names such as ``weight/<projection>`` and ``tau_mem/<population>``.
    fixed : the constants of each population of LIF neurons that are not parameters, of shape (1,) or (n,).
    units : each population of neurons as the general adjoint pass takes it; empty unless `general`.
    kinds : of each population of neurons, the kinds of its parameters, such as "tau_mem".
    general : whether there are other neurons than LIF, or the general adjoint pass was asked for.

    Raises
    ------
    ConfigError
        If a population is neither a SpikeSource nor of neurons with derivatives.
    """

    def __init__(self, net: Network, general: bool = False) -> None:
        self.net = net
        self.names = list(net.populations)
        sources = [name for name, p in net.populations.items() if isinstance(p.model, SpikeSource)]
        self.neurons = [name for name in self.names if name not in sources]
        others = [name for name in self.neurons if not isinstance(net.populations[name].model, LIF)]
        self.general = general or bool(others)
        self.units: dict[str, Differentiable] = {}
        self.kinds: dict[str, tuple[str, ...]] = {name: CONSTANTS for name in self.neurons}
        for name in self.neurons:
            if is_current(getattr(net.populations[name].model, "i_ext", 0.0)):
                raise ConfigError(
                    f"spike gradients need a constant i_ext, that of {name!r} changes over time"
                )
        for name in self.neurons if self.general else ():
            model = net.populations[name].model
            unit = differentiable(model, net.populations[name].n, name)
            if unit is None:
                raise ConfigError(
                    f"spike gradients need neurons with derivatives, such as LIF or QIF, and SpikeSource "
                    f"inputs, {name!r} is {type(model).__name__}"
                )
            self.units[name] = unit
            self.kinds[name] = tuple(key for key in unit.derived if key)
        if not self.neurons:
            raise ConfigError("spike gradients need at least one population of neurons")
        self.sources = [name for name in self.names if name not in self.neurons]
        self.numbers = {name: k for k, name in enumerate(self.names)}
        leaky = [name for name in self.neurons if name not in others]
        self.fixed = {name: {key: self._values(name, key) for key in FIXED} for name in leaky}
        self.pathways = [Pathway(p, p.resolve(net)) for p in net.projections]
        found = {f"weight/{p.name}": p.weight for p in self.pathways}
        found |= {f"delay/{p.name}": p.delay for p in self.pathways}
        for key in dict.fromkeys(key for kinds in self.kinds.values() for key in kinds):
            found |= {
                f"{key}/{name}": self._values(name, key) for name in self.neurons if key in self.kinds[name]
            }
        self.parameters: Mapping[str, Floats] = MappingProxyType(Named("parameter", "parameters", found))

    @cached_property
    def flows(self) -> dict[str, Differentiable]:
        """Each population of neurons as the general adjoint pass takes it."""
        if self.general:
            return self.units
        found = {}
        for name in self.neurons:
            unit = differentiable(self.net.populations[name].model, self.size(name), name)
            assert unit is not None  # they are LIF
            found[name] = unit
        return found

    def size(self, name: str) -> int:
        """Return the number of units of a population."""
        return self.net.populations[name].n

    def holds(self, values: Mapping[str, Floats]) -> bool:
        """Return whether the parameters have these values."""
        return bool(values) and all(
            np.array_equal(values[key], value) for key, value in self.parameters.items()
        )

    def check(self) -> None:
        """Raise ValueError if a parameter is invalid."""
        for key, value in self.parameters.items():
            kind, name = key.split("/", 1)
            what = f"{kind} of {name!r}"
            if not np.isfinite(value).all() and not (kind == "v_th" and (value > -np.inf).all()):
                raise ValueError(f"{what} must be finite, got {value[~np.isfinite(value)][0]}")
            if kind == "delay" and value.min(initial=0.0) < 0:
                raise ValueError(f"{what} must not be negative, got {value.min()}")
            if (kind.startswith("tau") or kind in POSITIVE) and value.min() <= 0:
                raise ValueError(f"{what} must be positive, got {value.min()}")
            if kind == "v_th" and name in self.fixed:
                for floor in ("v_reset", "v_leak"):
                    if (self.fixed[name][floor] >= value).any():
                        raise ValueError(f"{what} must be above {floor}, got {value.min()}")

    def declared(self) -> Network:
        """Return the network as declared, with the present parameters."""
        models = {}
        for name in self.neurons:
            values = {key: self.parameters[f"{key}/{name}"].copy() for key in self.kinds[name]}
            model = self.net.populations[name].model
            changed = {key: float(value[0]) if value.size == 1 else value for key, value in values.items()}
            before = self._declared_values(name)
            if all(same_value(before[key], value) for key, value in changed.items()):
                continue
            with_values = getattr(model, "with_values", None)
            models[name] = (
                changed if with_values is None else with_values(changed)
            )  # others stay the objects that they are, and checked
        projections = []
        for projection, p in zip(self.net.projections, self.pathways, strict=True):
            rule = projection.rule if p.dense else Pairs(p.source, p.target)
            delay = float(p.delay[0]) if p.kind == "uniform" else p.delay.copy()
            projections.append(replace(projection, rule=rule, weight=p.weight.copy(), delay=delay))
        return self.net.with_parameters(models, projections)

    def _declared_values(self, name: str) -> dict[str, Any]:
        """Return the parameters of a model as it was declared."""
        model = self.net.populations[name].model
        if hasattr(model, "with_values"):  # its parameters are no attributes
            return {key: _plain(self.units[name].parameters[key]) for key in self.kinds[name]}
        return {key: getattr(model, key) for key in self.kinds[name]}

    def _values(self, name: str, key: str) -> Floats:
        """Return a parameter of a model, shape (1,) or (n,); a copy."""
        if name in self.units and key in self.units[name].parameters:
            return np.array(self.units[name].parameters[key], np.float64).reshape(-1)
        return np.array(getattr(self.net.populations[name].model, key), np.float64).reshape(-1)


def same_value(one: Any, other: float | Floats) -> bool:
    """Return whether a parameter has the type and value of another."""
    return type(one) is type(other) and bool(np.array_equal(one, other))


def _plain(value: Any) -> Any:
    """Return a parameter as an array, or as a number if it is one."""
    return float(value) if np.ndim(value) == 0 else value
