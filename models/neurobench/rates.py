"""Networks of continuous units, measured tick by tick: each tick is a call of every projection.

A projection of a tick reads the rates of the tick before, as the engine does.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eventsim.io.neurobench.counts import NonZero, nonzero
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
        answers = np.empty((self.ticks, n, self.sim.net.populations[self.output].n))
        counts = {name: [self._count(name, n)] for name in self.sim.net.populations}
        for tick in range(self.ticks):
            self.sim.run_ticks(1)
            for name, of_ticks in counts.items():
                constant = name == self.source and not self.series and tick > 0
                of_ticks.append(of_ticks[-1] if constant else self._count(name, n))
            answers[tick] = self.sim.array(self.output)[:n]
        self._report(counts, workload)
        return self.read(answers)

    def _count(self, name: str, n: int) -> NonZero:
        """Return the counts of the rates of the first samples as of the last tick."""
        return nonzero(self.sim.handler(name).arrays["rate"][None, :n])

    def _report(self, counts: Mapping[str, Sequence[NonZero]], workload: "Workload") -> None:
        for projection in self.sim.net.projections:
            if (name := projection.name) in self.connections:
                x = _joined(counts[projection.pre][:-1])
                if name in self._images:
                    x = replace(x, counts=x.counts.reshape(-1, *self._images[name]))
                workload.connection(name, x)
        for name, population in self.sim.net.populations.items():
            activation = getattr(population.model, "activation", "")
            if activation and not population.model.is_source:
                workload.activation(name, _joined(counts[name][1:]), KINDS.get(activation, activation))


def _joined(of_ticks: "Sequence[NonZero]") -> NonZero:
    """Return the counts of several calls as one."""
    counts, valued = (np.concatenate([getattr(each, w) for each in of_ticks]) for w in ("counts", "valued"))
    return NonZero(counts, valued, of_ticks[0].n_samples)
