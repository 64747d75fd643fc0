"""The network editor: parts of a substrate change parameters through it, one after another."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim.connect import AllToAll, Pairs
from eventsim.hardware.placement import Placement
from eventsim.network import Network, Population, Projection

__all__ = ["NetworkEditor", "SynapseEditor"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class SynapseEditor:
    """The synapses of one projection.

    Attributes
    ----------
    weight : (n_pre, n_post) if every source reaches every target, else (n_syn,); replace it by `put_weight`.
    delay : shape (), (n_pre, 1), (1, n_post), (n_pre, n_post) or (n_syn,); replace it by `put_delay`.
    """

    def __init__(
        self, network: Network, projection: Projection, placement: Placement, device_seed: int
    ) -> None:
        self.projection = projection
        found = projection.resolve(network)
        self.dense = found.dense
        self.n_pre, self.n_post = found.n_pre, found.n_post
        shape = (found.n_pre, found.n_post) if found.dense else (found.n_syn,)
        self.weight: Floats = np.empty(shape)
        self.weight[...] = found.weight
        delay: Any = np.array(found.delay, np.float64)
        declared: Any = projection.delay
        if found.delay_kind == "axonal":
            delay = delay.reshape(-1, 1)
        elif delay.ndim and projection.delay_kind == "dendritic":
            delay = np.array(declared, np.float64)
        elif delay.ndim:
            delay = delay.reshape(shape)
        self.delay: Floats = delay
        self._found = found
        self._changed: set[str] = set()
        self._placement, self._device_seed = placement, device_seed
        self._places: tuple[Ints, Ints] | None = None

    def places(self) -> tuple[Ints, Ints]:
        """Return the numbers of the excitatory and inhibitory places, in the shape of the weights."""
        if self._places is None:
            if self.dense:
                self._places = self._placement.dense(self.projection.name, self.projection.post)
            else:
                columns = self._placement.circuits[self.projection.post][self._found.targets()]
                rows = self._placement.rows[self.projection.name][self._found.sources()]
                excitatory = columns * self._placement.n_rows + rows
                self._places = excitatory, excitatory + 1
        return self._places

    def normals(self, stream: str, what: str = "") -> Floats:
        """Return the fixed standard normal number of each synapse's place, in the shape of the weights."""
        return self._by_sign(self._placement.normals, stream, what)

    def uniforms(self, stream: str, what: str = "") -> Floats:
        """Return the fixed uniform number in (0, 1) of each synapse's place, in the shape of the weights."""
        return self._by_sign(self._placement.uniforms, stream, what)

    def _by_sign(self, draw: Callable[[int, str, str, Ints], Floats], stream: str, what: str) -> Floats:
        """Return a number of the place that each synapse has by the sign of its weight."""
        excitatory, inhibitory = (
            draw(self._device_seed, stream, f"{sign} {what}".strip(), places)
            for sign, places in zip(("excitatory", "inhibitory"), self.places(), strict=True)
        )
        found: Floats = np.where(self.weight < 0, inhibitory, excitatory)
        return found

    def sources(self) -> NDArray[np.int32]:
        """Return the source of each synapse, shape (n_syn,)."""
        return self._found.sources()

    def put_weight(self, weight: Floats) -> None:
        """Set the weights; equal ones are no change."""
        if not np.array_equal(weight, self.weight):
            self._changed.add("weight")
            self.weight = weight

    def put_delay(self, delay: Floats) -> None:
        """Set the delays, in any of their shapes."""
        if delay.shape != self.delay.shape or not np.array_equal(delay, self.delay):
            self._changed.add("delay")
            self.delay = delay

    def multiply_delays(self, factors: Floats) -> None:
        """Multiply the delays from each source by a factor of its own, shape (n_pre,)."""
        listed = self.delay.ndim == 1
        self.put_delay(self.delay * (factors[self.sources()] if listed else factors[:, None]))

    def declared(self) -> Projection:
        """Return the projection with all changes."""
        if not self._changed:
            return self.projection
        rule: Any = AllToAll() if self.dense else Pairs(self._found.sources(), self._found.targets())
        delay: Any = float(self.delay) if self.delay.ndim == 0 else self.delay
        return replace(self.projection, rule=rule, weight=self.weight, delay=delay)


def is_frozen(model: type) -> bool:
    """Return whether the parameters of a model stay as they are."""
    return bool(getattr(getattr(model, "__dataclass_params__", None), "frozen", False))


@dataclass(frozen=True, slots=True, eq=False)
class Changed:
    """A population as it was declared, its changed parameters, and the population with them."""

    declared: Population
    parameters: Mapping[str, Floats]
    made: Population

    def holds(self, declared: Population, parameters: Mapping[str, Floats]) -> bool:
        """Return whether the same population has the same changes."""
        return (
            declared.model is self.declared.model
            and is_frozen(type(declared.model))  # or the object may have changed since
            and (declared.name, declared.n) == (self.declared.name, self.declared.n)
            and declared.record_spikes == self.declared.record_spikes
            and parameters.keys() == self.parameters.keys()
            and all(np.array_equal(each, self.parameters[key]) for key, each in parameters.items())
        )


class NetworkEditor:
    """Parameters of a network, which parts read and change one after another.

    Attributes
    ----------
    network, placement : the network before any change, and where it lies.
    device_seed : seed of the fixed pattern.
    counters : how many values could not be what was declared, by name.
    """

    def __init__(self, network: Network, placement: Placement, device_seed: int) -> None:
        self.network, self.placement, self.device_seed = network, placement, device_seed
        self.counters: dict[str, int] = {}
        self._synapses: dict[str, SynapseEditor] = {}
        self._parameters: dict[str, dict[str, Floats]] = {}

    @property
    def neurons(self) -> list[str]:
        """Names of the populations that are no sources."""
        return [name for name, p in self.network.populations.items() if not p.model.is_source]

    def has(self, population: str, key: str) -> bool:
        """Return whether neurons of a population have a parameter."""
        model = self.network.populations[population].model
        return any(each.name == key for each in fields(model)) and getattr(model, key) is not None

    def values(self, population: str, key: str) -> Floats:
        """Return a parameter of each neuron, shape (n,); a copy."""
        changed = self._parameters.get(population, {})
        declared = self.network.populations[population]
        value = changed[key] if key in changed else getattr(declared.model, key)
        values = np.empty(declared.n)
        values[:] = value
        return values

    def put(self, population: str, key: str, values: Floats) -> None:
        """Set a parameter of each neuron; equal values are no change."""
        if not np.array_equal(values, self.values(population, key)):
            self._parameters.setdefault(population, {})[key] = values

    def multiply(self, population: str, key: str, factors: Floats | float, offset: float = 0.0) -> None:
        """Multiply a parameter of each neuron (of v_th its distance from v_leak) and add an offset."""
        values = self.values(population, key)
        rest = self.values(population, "v_leak") if key == "v_th" else 0.0
        changed = rest + factors * (values - rest) + offset
        finite = np.isfinite(values)
        if not finite.all():
            changed = np.where(finite, changed, values)
        if not np.array_equal(changed, values):
            self._parameters.setdefault(population, {})[key] = changed

    def normals(self, population: str, stream: str) -> Floats:
        """Return the fixed standard normal number of each neuron's circuit, shape (n,)."""
        places = self.placement.circuits[population]
        return self.placement.normals(self.device_seed, stream, "circuit", places)

    def uniforms(self, population: str, stream: str) -> Floats:
        """Return the fixed uniform number in (0, 1) of each neuron's circuit, shape (n,)."""
        places = self.placement.circuits[population]
        return self.placement.uniforms(self.device_seed, stream, "circuit", places)

    def element_normals(self, projection: Projection, stream: str) -> Floats:
        """Return the fixed standard normal number of each source's delay element, shape (n_pre,)."""
        places = self.placement.elements[projection.name]
        return self.placement.normals(self.device_seed, stream, "element", places)

    def synapses(self, projection: Projection) -> SynapseEditor:
        """Return the synapses of a projection."""
        if projection.name not in self._synapses:
            self._synapses[projection.name] = SynapseEditor(
                self.network, projection, self.placement, self.device_seed
            )
        return self._synapses[projection.name]

    def count(self, name: str, n: int) -> None:
        """Count values that could not be what was declared."""
        if n:
            self.counters[name] = self.counters.get(name, 0) + int(n)

    def finished(self, known: dict[str, Changed] | None = None) -> Network:
        """Return the network with all changes; the network itself if there are none.

        Populations that were changed in the same way before are taken from `known`, since only new models
        need a check; it is brought up to date.
        """
        projections = [
            self._synapses[p.name].declared() if p.name in self._synapses else p
            for p in self.network.projections
        ]
        same = all(one is other for one, other in zip(projections, self.network.projections, strict=True))
        if same and not self._parameters:
            return self.network
        known = {} if known is None else known
        new, old = {}, {}
        for name, parameters in self._parameters.items():
            declared = self.network.populations[name]
            if name in known and known[name].holds(declared, parameters):
                old[name] = known[name].made
            else:
                new[name] = {key: v[0] if (v == v[0]).all() else v for key, v in parameters.items()}
        network = self.network.with_parameters(new, projections)
        network.populations.update(old)
        for name in new:
            declared = self.network.populations[name]
            known[name] = Changed(declared, self._parameters[name], network.populations[name])
        return network
