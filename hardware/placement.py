"""Where the parts of a network lie on a substrate: circuits, rows of synapses, delay elements.

The fixed pattern of a device is drawn by place, so a network finds the same circuits and synapses whatever
else runs there. A neuron takes one circuit or several that are joined; each of its inputs takes two
rows of synapses, an excitatory and an inhibitory one. Circuits and rows are counted through: the synapse of
row r of a neuron that begins at circuit c has the number ``c * rows + r``, also where rows go on in the
circuits joined to it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim import rng
from eventsim.errors import ConfigError
from eventsim.kernels import draws
from eventsim.network import Network, Projection

__all__ = ["Layout", "Placement"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

UNBOUNDED = 2**20  # rows of a circuit where nothing is said
MOST_KEPT = 2**18  # synapses of a projection whose places and numbers are kept for the next network
ROWS_PER_INPUT = 2  # an excitatory and an inhibitory one


@dataclass(frozen=True, slots=True, eq=False)
class Placement:
    """The places of all parts of a network.

    Attributes
    ----------
    circuits : by population of neurons, the first circuit of each, shape (n,); of sources, the input lines.
    joined : by population of neurons, how many circuits each neuron takes.
    rows : by projection, the excitatory row that each source has at every target, shape (n_pre,).
    elements : by projection with delays, the delay element of each source, shape (n_pre,).
    n_rows : rows of synapses of a circuit.
    """

    circuits: Mapping[str, Ints]
    joined: Mapping[str, int]
    rows: Mapping[str, Ints]
    elements: Mapping[str, Ints]
    n_rows: int
    _drawn: dict[Any, Any] = field(default_factory=dict, repr=False)
    _own: set[int] = field(default_factory=set, repr=False)

    def __post_init__(self) -> None:
        self._own.update(id(each) for table in (self.circuits, self.elements) for each in table.values())

    def dense(self, projection: str, post: str) -> tuple[Ints, Ints]:
        """Return the numbers of the excitatory and inhibitory synapses if all sources reach all targets."""
        at = ("dense", projection)
        if at not in self._drawn:
            excitatory = self.circuits[post][None, :] * self.n_rows + self.rows[projection][:, None]
            if excitatory.size > MOST_KEPT:
                return excitatory, excitatory + 1
            self._drawn[at] = excitatory, excitatory + 1
            self._own.update({id(places) for places in self._drawn[at]})
        found: tuple[Ints, Ints] = self._drawn[at]
        return found

    def normals(self, device_seed: int, part: str, what: str, places: Ints) -> Floats:
        """Return the fixed standard normal number that each place has for a part."""
        return self._fixed(draws.normals, device_seed, part, what, places)

    def uniforms(self, device_seed: int, part: str, what: str, places: Ints) -> Floats:
        """Return the fixed uniform number in (0, 1) that each place has for a part."""
        return self._fixed(draws.uniforms, device_seed, part, what, places)

    def _fixed(self, draw: Any, device_seed: int, part: str, what: str, places: Ints) -> Floats:
        at = (draw, device_seed, part, what, id(places))
        if at in self._drawn:
            known: Floats = self._drawn[at]
            return known
        found: Floats = draw(draws.keys(base_key(device_seed, part, what), places))
        if id(places) in self._own:  # which live as long as this does, so that no other has their id
            self._drawn[at] = found
        return found


@lru_cache(maxsize=256)
def base_key(device_seed: int, *names: str | int) -> int:
    """Return the key that all others of a purpose branch off."""
    return int(rng.sequence(device_seed, *names).generate_state(1, np.uint64)[0])


@dataclass(frozen=True, slots=True)
class Layout:
    """The capacity of a substrate; 0 stands for as much as is needed.

    Attributes
    ----------
    name : name of the substrate in messages.
    circuits : circuits of neurons.
    rows : rows of synapses of a circuit; an input takes two.
    most_joined : circuits that may be joined to one neuron.
    elements : delay elements, each for one source of one projection.
    circuits_per_element : circuits that an element takes, at the upper end of the circuits.
    """

    name: str = "the substrate"
    circuits: int = 0
    rows: int = 0
    most_joined: int = 1
    elements: int = 0
    circuits_per_element: int = 0

    def place(self, network: Network) -> Placement:
        """Return where the parts of a network lie.

        Raises
        ------
        ConfigError
            If they do not fit; the message names the count that was exceeded.
        """
        populations = tuple((p.name, p.n, bool(p.model.is_source)) for p in network.populations.values())
        projections = tuple((p.name, p.pre, p.post, delayed(p)) for p in network.projections)
        return _placed(self, populations, projections)

    def _joined(self, population: str, n_inputs: int) -> int:
        """Return the number of circuits that a neuron with `n_inputs` inputs takes."""
        if not self.rows:
            return 1
        needed = 1
        while needed * self.rows < ROWS_PER_INPUT * n_inputs:
            needed *= 2
        if needed > self.most_joined:
            most = self.most_joined * self.rows // ROWS_PER_INPUT
            raise ConfigError(
                f"neurons of {population!r} have {n_inputs} inputs each, on {self.name} they can have {most}"
            )
        return needed


@lru_cache(maxsize=32)
def _placed(
    layout: Layout,
    populations: tuple[tuple[str, int, bool], ...],
    projections: tuple[tuple[str, str, str, bool], ...],
) -> Placement:
    sizes = {name: n for name, n, _ in populations}
    sources = {name for name, _, is_source in populations if is_source}
    rows: dict[str, Ints] = {}
    elements: dict[str, Ints] = {}
    n_inputs = dict.fromkeys(sizes, 0)
    n_elements = 0
    for name, pre, post, delayed_here in projections:
        rows[name] = ROWS_PER_INPUT * (n_inputs[post] + np.arange(sizes[pre]))
        n_inputs[post] += sizes[pre]
        if delayed_here:
            elements[name] = n_elements + np.arange(sizes[pre])
            n_elements += sizes[pre]
    if n_elements > layout.elements > 0:
        raise ConfigError(
            f"the network delays {n_elements} lines, {layout.name} has {layout.elements} delay elements"
        )
    circuits: dict[str, Ints] = {}
    joined: dict[str, int] = {}
    used = n_lines = 0
    for name, n in sizes.items():
        if name in sources:
            circuits[name] = n_lines + np.arange(n)
            n_lines += n
            continue
        joined[name] = layout._joined(name, n_inputs[name])
        circuits[name] = used + joined[name] * np.arange(n)
        used += joined[name] * n
    there = layout.circuits
    # Elements take the upper half, all of it, lest a neuron's place depend on how many lines are delayed.
    where = ""
    if n_elements and layout.circuits_per_element:
        there -= layout.circuits_per_element * layout.elements
        where = " beside its delay elements"
    if used > there > 0:
        raise ConfigError(f"the network needs {used} neuron circuits, {layout.name} has {there}{where}")
    return Placement(circuits, joined, rows, elements, layout.rows or UNBOUNDED)


def delayed(projection: Projection) -> bool:
    """Return whether a projection delays spikes: by an array of delays, or by one that is not 0."""
    return projection.rates is None and not (isinstance(projection.delay, float) and projection.delay == 0.0)
