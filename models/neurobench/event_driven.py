"""Any spiking network, simulated event by event: neurons of every kind, dendrites and delays included.

Beside what NeuroBench defines it reports, for each inference, the events that the engine handled
(`EventsHandled`: arrivals of spikes, predicted spikes, whatever neurons schedule) and the insertions into and
removals from its queue (`QueueOperations`). A spike is one event that walks the synapses with the same delay,
so both are fewer than the synaptic events where units have many targets.
"""

from collections.abc import Callable, Mapping, Sequence
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim.network import Network
from eventsim.simulation import Simulation

if TYPE_CHECKING:
    from eventsim.io.neurobench import Connection, Workload

__all__ = ["EventDrivenModel"]


class EventDrivenModel:
    """A spiking network, run sample by sample; it is built once, and set back in place where it can be.

    Parameters
    ----------
    net : Network
        Of populations that spike.
    until : float
        End of a sample.
    read : callable
        Returns the prediction of a sample from its `Simulation`.
    step : float, optional
        Step of the grid that dense operations and sparsity refer to; without it they are None.
    options : mapping
        Of `Simulation`, such as ``dt`` for neurons that are integrated by steps.
    """

    def __init__(
        self,
        net: Network,
        until: float,
        read: Callable[[Simulation], Any],
        *,
        step: float | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        from eventsim.io.neurobench import Synapses

        self.net, self.until, self.read = net, until, read
        self.step = step
        self.n_steps = None if step is None else ceil(until / step)
        self.sim = Simulation(net, schedule="ordered", **(options or {}))
        self.parameters: dict[str, Any] = {}
        self.buffers: dict[str, Any] = {}
        self.connections: dict[str, Connection] = {}
        for projection in net.projections:
            if projection.rates is not None:
                raise ValueError(f"{projection.name!r} carries rates; measure it with RateModel")
            drawn = projection.resolve(net)
            weight = np.asarray(drawn.weight)
            self.parameters[f"weight/{projection.name}"] = weight
            self.buffers[f"delay/{projection.name}"] = np.asarray(drawn.delay)
            for end, array in (("pre", drawn.pre), ("post", drawn.post)):
                if array is not None:
                    self.buffers[f"{end}/{projection.name}"] = array
            self.connections[projection.name] = Synapses(
                drawn.n_pre, drawn.n_post, drawn.sources(), weight.reshape(-1) if weight.ndim else weight
            )

    def infer(self, samples: Sequence[Mapping[str, Any]], workload: "Workload") -> Any:
        """Return the predictions of samples, each the spikes (times, units) of its sources by name."""
        predictions = []
        for spikes in samples:
            self.sim.reset()
            for source, given in spikes.items():
                self.sim.stimulate(source, *(given if isinstance(given, tuple) else (given,)))
            self.sim.run(self.until)
            self._report(workload)
            predictions.append(self.read(self.sim))
        return np.asarray(predictions)

    def _report(self, workload: "Workload") -> None:
        emitted: dict[str, Any] = {}
        for name, population in self.net.populations.items():
            found = self.sim.spikes(name)
            emitted[name] = np.bincount(found.units, minlength=population.n)[None]
            workload.add("Spikes", len(found.units))
            if population.model.is_source:
                continue
            if self.step is None or self.n_steps is None:
                workload.spikes(name, len(found.units), None)
            else:
                steps = (found.times / self.step).astype(np.int64)
                once = len(np.unique(steps * population.n + found.units))
                workload.spikes(name, once, population.n * self.n_steps)
        for projection in self.net.projections:
            workload.events(projection.name, emitted[projection.pre], self.n_steps)
        counts = self.sim.event_counts()
        workload.add("EventsHandled", counts["handled"])
        workload.add("QueueOperations", counts["scheduled"] + counts["handled"])
