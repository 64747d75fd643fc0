"""What a model reports while it infers, counted as the metrics of NeuroBench define it.

A model calls `connection`, `activation`, `membrane`, `events` and `add` for each batch; `end_batch` closes
it. Sums are integers, so no result depends on how a data set is split into batches, but for the split of
operations into MACs and ACs, which the definition makes for whole calls.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from eventsim.io.neurobench.cells import Cell
from eventsim.io.neurobench.connections import Connection, Synapses
from eventsim.io.neurobench.counts import NonZero, changes, nonzero

__all__ = ["COUNTED", "NEURON_COSTS", "Workload"]

COUNTED = ("relu", "sigmoid", "spike")  # activations that the package sees unless told of others
NOT_VALUED = np.zeros(1, np.bool_)
NEURON_COSTS = {  # operations of an update with a reset by subtraction, and to zero
    "leaky": {"subtract": 4, "zero": 4},
    "synaptic": {"subtract": 6, "zero": 8},
    "lapicque": {"subtract": 11, "zero": 11},
    "alpha": {"subtract": 18, "zero": 24},
}


@dataclass
class Workload:
    """Counts of a workload.

    Attributes
    ----------
    connections : what operations are counted of, by name.
    counted : kinds of activations that count for the sparsity of activations.
    compatible : whether cells deviate as the package does; see `Cell`.
    """

    connections: Mapping[str, Connection | Cell]
    counted: Collection[str] = COUNTED
    compatible: bool = False
    n_samples: int = 0
    macs: int = 0
    acs: int = 0
    dense: int | None = 0
    updates: int | None = None
    neuron_ops: int | None = None
    neuron_dense: int | None = None
    ours: dict[str, float] = field(default_factory=dict)
    _by_layer: dict[str, list[int]] = field(default_factory=dict)
    _sparsity: float = 0.0
    _batch: list[int] = field(default_factory=lambda: [0, 0])
    _ungridded: bool = False
    _costs: set[str] = field(default_factory=set)
    _known: dict[int, tuple[Any, NonZero]] = field(default_factory=dict)

    # ------------------------------------------------------------------ what a model reports

    def connection(self, name: str, x: Any) -> None:
        """Count the input of a connection, shape (calls, samples, *features), or its counts.

        Raises
        ------
        ValueError
            If there is no such connection, or it takes other inputs.
        """
        self._connection(name, self.counts_of(x, f"inputs of {name!r}"))

    def sequence(self, name: str, x: Any) -> None:
        """Count the input of a convolution over time, shape (steps, samples, n_in), as one call."""
        found = self.counts_of(x, f"inputs of {name!r}")
        if found.pooled:
            found = nonzero(x, f"inputs of {name!r}")
        one = NonZero(found.counts.T[None], np.array([found.valued.any()]), found.n_samples)
        self._connection(name, one)

    def _connection(self, name: str, found: NonZero) -> None:
        connection = self._declared(name)
        if isinstance(connection, Cell):
            raise ValueError(f"connection {name!r} is a cell; report its calls with cell()")
        connection.check(found, name)
        n_valued = int(np.count_nonzero(found.valued))
        if n_valued:
            all_valued = n_valued == len(found.valued)
            self.macs += _operations(connection, found.counts if all_valued else found.counts[found.valued])
        if n_valued < len(found.valued):
            self.acs += _operations(connection, found.counts[~found.valued] if n_valued else found.counts)
        if self.dense is not None:
            self.dense += connection.dense(found.counts.shape[1:]) * found.n_samples * len(found.valued)

    def cell(self, name: str, x: Any, h: Any = None, c: Any = None) -> None:
        """Count one call of a recurrent cell: input (samples, n_in) and the state before it, as passed on."""
        cell = self._declared(name)
        if not isinstance(cell, Cell):
            raise ValueError(f"connection {name!r} is no cell; report its inputs with connection()")
        effective, dense = cell.operations(x, h, c, compatible=self.compatible)
        if self.counts_of(np.asarray(x)[None]).valued[0]:
            self.macs += effective
        else:
            self.acs += effective
        if self.dense is not None:
            self.dense += dense

    def activation(self, name: str, y: Any, kind: str) -> None:
        """Count the outputs of an activation, shape (calls, samples, *features); `kind` such as "spike"."""
        if kind in self.counted:
            found = self.counts_of(y, f"activations of {name!r}")
            self._count_activations(name, found.size - found.total, found.size)

    def spikes_of(self, y: Any, counts: ArrayLike) -> None:
        """Take how often each unit spiked in an array of 0 and 1 that is reported next.

        Parameters
        ----------
        y : ndarray, shape (calls, samples, n)
        counts : array_like of int, shape (n,)
            Over all calls and samples.
        """
        calls, samples, n = y.shape
        array = np.asarray(counts, np.int64)
        if array.shape != (n,):
            raise ValueError(f"spikes of {n} units must have the shape ({n},), got shape {array.shape}")
        pooled = NonZero(array[None], NOT_VALUED, calls * samples, pooled=True)
        self._known[id(y)] = y, pooled

    def membrane(
        self,
        name: str,
        v: Any,
        neuron: str = "leaky",
        reset: str = "subtract",
        changed: int | None = None,
    ) -> None:
        """Count the membranes of a spiking layer after each call of a batch, shape (calls, samples, n).

        `neuron` and `reset` name the cost of an update in `NEURON_COSTS`; `changed` is how many membranes
        differ from those of the call before, if the model knows.
        """
        v = np.asarray(v)
        if v.ndim < 3:
            raise ValueError(
                f"membranes of {name!r} must have the shape (calls, samples, n), got shape {v.shape}"
            )
        first = v.size // len(v) if len(v) else 0
        if changed is None:
            changed = changes(v) if len(v) > 1 else 0
        updates = first + changed
        self.updates = (self.updates or 0) + updates
        cost = NEURON_COSTS.get(neuron, {}).get(reset)
        if cost is None:
            self._costs.add(f"{name!r} ({neuron}, reset {reset})")
            return
        self.neuron_ops = (self.neuron_ops or 0) + cost * updates
        self.neuron_dense = (self.neuron_dense or 0) + cost * v.size

    def events(self, name: str, emitted: ArrayLike, steps: int | None = None, valued: bool = False) -> None:
        """Count the events that the sources of a connection emitted, shape (samples, n_pre).

        Parameters
        ----------
        steps : int, optional
            Steps of the grid that dense operations refer to; without it they are not defined.
        valued : bool
            Whether events carry a value other than -1 and 1.
        """
        connection = self._declared(name)
        if isinstance(connection, Cell):
            raise ValueError(f"connection {name!r} is a cell, which takes no events")
        counts = np.asarray(emitted, np.int64)
        found = NonZero(counts.sum(axis=0)[None], np.array([valued]), len(counts))
        connection.check(found, name)
        effective = int(connection.effective(found)[0])
        if valued:
            self.macs += effective
        else:
            self.acs += effective
        if steps is None:
            self.dense = None
        elif self.dense is not None:
            self.dense += connection.dense(connection.features) * len(counts) * steps
        delivered = effective
        if isinstance(connection, Synapses):
            delivered = int(found.counts[0] @ connection.n_synapses)
        self.add("SynapticEvents", delivered)

    def spikes(self, name: str, n_spikes: int, size: int | None) -> None:
        """Count the spikes of a population in place of its activations.

        Parameters
        ----------
        n_spikes : int
            Over all samples; of those in one step of a grid, one counts.
        size : int or None
            Units times steps times samples; None without a grid, where the sparsity is not defined.
        """
        if size is None:
            self._ungridded = True
        else:
            if n_spikes > size:
                raise ValueError(f"{name!r} reports {n_spikes} spikes in {size} units and steps")
            self._count_activations(name, size - n_spikes, size)

    def add(self, name: str, value: float) -> None:
        """Add to a sum of our own; its mean over samples is reported beside the package's metrics."""
        self.ours[name] = self.ours.get(name, 0) + value

    def include(self, whole: "Workload", part: "Workload") -> None:
        """Add what a whole pass took beyond its first part, as of a stream that goes on from there."""
        self.macs += whole.macs - part.macs
        self.acs += whole.acs - part.acs
        if self.dense is not None and whole.dense is not None and part.dense is not None:
            self.dense += whole.dense - part.dense
        for name in ("updates", "neuron_ops", "neuron_dense"):
            more, less = getattr(whole, name), getattr(part, name)
            if more is not None and less is not None:
                setattr(self, name, (getattr(self, name) or 0) + more - less)
        for name, (zeros, size) in whole._by_layer.items():
            first_zeros, first_size = part._by_layer[name]
            self._count_activations(name, zeros - first_zeros, size - first_size)
        for name, value in whole.ours.items():
            self.add(name, value - part.ours.get(name, 0))

    def counts_of(self, x: Any, what: str = "values") -> NonZero:
        """Return the counts of an array, once for each array of a batch; counts stay what they are."""
        if isinstance(x, NonZero):
            return x
        known = self._known.get(id(x))
        if known is None or known[0] is not x:
            known = self._known[id(x)] = x, nonzero(x, what)
        return known[1]

    def _declared(self, name: str) -> Connection | Cell:
        if name not in self.connections:
            raise ValueError(
                f"the model reports inputs of {name!r}, which is none of its connections: "
                f"{', '.join(self.connections) or 'none'}"
            )
        return self.connections[name]

    def _count_activations(self, name: str, zeros: int, size: int) -> None:
        own = self._by_layer.setdefault(name, [0, 0])
        for total in (own, self._batch):
            total[0] += zeros
            total[1] += size

    # ------------------------------------------------------------------ results

    def end_batch(self, n_samples: int) -> None:
        """Close a batch of so many samples."""
        zeros, size = self._batch
        self._sparsity += n_samples * (zeros / size if size else 0.0)
        self._batch = [0, 0]
        self._known.clear()
        self.n_samples += n_samples

    def results(self) -> dict[str, Any]:
        """Return the metrics by the package's names; None where the definitions leave one undefined."""
        n = self.n_samples
        by_layer = {name: zeros / size for name, (zeros, size) in self._by_layer.items()}
        operations = {
            "Effective_MACs": self.macs / n,
            "Effective_ACs": self.acs / n,
            "Dense": None if self.dense is None else self.dense / n,
        }
        results: dict[str, Any] = {
            "ActivationSparsity": None if self._ungridded else self._sparsity / n,
            "ActivationSparsityByLayer": by_layer,
            "SynapticOperations": operations,
        }
        if self.updates is not None:
            results["MembraneUpdates"] = self.updates / n
        if self.neuron_ops is not None and self.neuron_dense is not None and not self._costs:
            results["NeuronOperations"] = {
                "Effective Neuron Ops": self.neuron_ops / n,
                "Neuron Dense Ops": self.neuron_dense / n,
            }
        return results

    def own_results(self) -> dict[str, Any]:
        """Return the means of our own sums, and why a metric is missing."""
        found: dict[str, Any] = defaultdict(float)
        found |= {name: value / self.n_samples for name, value in self.ours.items()}
        if self._costs:
            found["NeuronOperationsUnknown"] = sorted(self._costs)
        return dict(found)


def _operations(connection: Connection, counts: Any) -> int:
    """Return the operations of calls with these counts, (calls, *features), which add up to those of one."""
    whole = counts if len(counts) == 1 else counts.sum(axis=0, dtype=np.int64)[None]
    return int(connection.effective(NonZero(whole, NOT_VALUED, 0, pooled=True))[0])
