"""Networks of continuous units, measured tick by tick: each tick is a call of every projection.

A projection of a tick reads the rates of the tick before, as the engine does.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eventsim.rates.images import Convolve
from eventsim.simulation import Simulation

if TYPE_CHECKING:
    from eventsim.io.neurobench import Connection, Workload

__all__ = ["RateModel"]

Floats = NDArray[Any]
KINDS = {"logistic": "sigmoid"}  # activations whose name is another in NeuroBench


class RateModel:
    """A simulation of continuous populations.

    Parameters
    ----------
    sim : Simulation
        Learns nothing; as many samples side by side as its batch.
    source : str
        The population that is shown samples.
    ticks : int
        How long a sample is shown.
    read : callable
        Returns the predictions from the rates of the output population, shape (ticks, batch, n).
    output : str
        That population.
    series : bool
        Whether samples are series, one step a tick, shape (ticks, batch, n); else constants (batch, n).
    """

    def __init__(
        self,
        sim: Simulation,
        source: str,
        ticks: int,
        read: Callable[[Floats], Any],
        *,
        output: str = "label",
        series: bool = False,
    ) -> None:
        from eventsim.io.neurobench import Convolution, Dense

        self.sim, self.source, self.ticks, self.read = sim, source, ticks, read
        self.output, self.series = output, series
        self.parameters: dict[str, Any] = {}
        self.buffers: dict[str, Any] = {}
        self.connections: dict[str, Connection] = {}
        self._images: dict[str, tuple[int, ...]] = {}
        for projection in sim.net.projections:
            name = projection.name
            if projection.rates is None:
                raise ValueError(f"{name!r} carries spikes; measure it with EventDrivenModel")
            weight = self._weight(name)
            if weight is None:  # pooling
                continue
            self.parameters[f"weight/{name}"] = weight
            if projection.rates.bias is not None:
                self.parameters[f"bias/{name}"] = sim.bias(name)
            if isinstance(projection.rule, Convolve):
                rule = projection.rule
                self.connections[name] = Convolution(weight, stride=rule.stride, padding=rule.pad)
                self._images[name] = rule.shape
            else:
                self.connections[name] = Dense(weight)
        for name, population in sim.net.populations.items():
            for which in ("tau_mem", "tau_r"):
                if hasattr(population.model, which):
                    self.buffers[f"{which}/{name}"] = sim.array(name, which)
            self.buffers[f"state/{name}"] = np.zeros(population.n, sim.dtype)

    def _weight(self, name: str) -> Any:
        from eventsim.errors import ConfigError

        try:
            weight = self.sim.weights(name)
        except (ConfigError, AttributeError):
            return None
        return weight.toarray() if hasattr(weight, "toarray") else weight

    def infer(self, samples: Floats, workload: "Workload") -> Any:
        """Return the predictions; the last samples are repeated where they do not fill a batch."""
        samples = np.asarray(samples)
        axis = int(self.series)
        n, batch = samples.shape[axis], int(self.sim.batch)
        if n > batch:
            raise ValueError(f"this simulation holds {batch} samples side by side, got {n}")
        shown = np.take(samples, np.arange(batch) % n, axis=axis)
        self.sim.set_input(self.source, shown, every=self.sim.dt if self.series else None)
        rates: dict[str, list[Floats]] = {name: [] for name in self.sim.net.populations}
        for _ in range(self.ticks):
            for name, of_ticks in rates.items():
                of_ticks.append(self.sim.array(name)[:n])
            self.sim.run_ticks(1)
        before = {name: np.stack(of_ticks) for name, of_ticks in rates.items()}
        self._report(before, n, workload)
        last = self.sim.array(self.output)[None, :n]
        return self.read(np.concatenate([before[self.output][1:], last]))

    def _report(self, before: Mapping[str, Floats], n: int, workload: "Workload") -> None:
        for projection in self.sim.net.projections:
            if (name := projection.name) in self.connections:
                x = before[projection.pre]
                if name in self._images:
                    x = x.reshape(len(x), n, *self._images[name])
                workload.connection(name, x)
        for name, population in self.sim.net.populations.items():
            activation = getattr(population.model, "activation", "")
            if activation and not population.model.is_source:
                after = np.concatenate([before[name][1:], self.sim.array(name)[None, :n]])
                workload.activation(name, after, KINDS.get(activation, activation))
