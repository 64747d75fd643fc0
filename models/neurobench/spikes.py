"""Networks trained by exact spike times: operations are counted from spikes, without a grid of time.

An inference has no steps. Dense operations and the sparsity of activations refer to steps; they are None
unless a grid is stated (`step`, `until`), on which several spikes of a unit in one step count once.
"""

from collections.abc import Mapping, Sequence
from math import ceil, isfinite
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eventsim.models.gradients.forward_pass import ForwardPass
from eventsim.models.training.parameter_names import parameter_names
from eventsim.models.training.spike_learner import SpikeLearner

if TYPE_CHECKING:
    from eventsim.io.neurobench import Connection, Workload

__all__ = ["SpikeModel"]

Floats = NDArray[np.float64]
STATE = 2  # numbers that a neuron holds: membrane and synaptic current


class SpikeModel:
    """A network of a `SpikeLearner`.

    Parameters
    ----------
    learner : SpikeLearner
    step : float, optional
        Step of the grid that dense operations and sparsity refer to, in the network's time unit.
    until : float, optional
        End of a sample on that grid; that of the learner unless given.
    learned : sequence of str, optional
        Kinds of parameters that count as trained; those that the learner trains unless given.

    Raises
    ------
    ValueError
        If there is a step but no finite end.
    """

    def __init__(
        self,
        learner: SpikeLearner,
        *,
        step: float | None = None,
        until: float | None = None,
        learned: Sequence[str] | None = None,
    ) -> None:
        from eventsim.io.neurobench import Synapses

        self.learner = learner
        self.network = learner.network()
        until = learner.until if until is None else until
        if step is not None and not (step > 0 and isfinite(until)):
            raise ValueError(f"a grid needs a positive step and a finite end, got {step!r} and {until!r}")
        self.step, self.until = step, until
        self.n_steps = None if step is None else ceil(until / step)
        found = learner.spike_gradient.parameters
        trained = set(learner.parameters) if learned is None else set(parameter_names(learned, found))
        self.parameters: Mapping[str, Floats] = {k: value for k, value in found.items() if k in trained}
        self.buffers: dict[str, Floats] = {k: value for k, value in found.items() if k not in trained}
        self.connections: dict[str, Connection] = {}
        for projection in self.network.projections:
            drawn = projection.resolve(self.network)
            weight = np.asarray(drawn.weight).reshape(-1)
            self.connections[projection.name] = Synapses(drawn.n_pre, drawn.n_post, drawn.sources(), weight)
        for name, population in self.network.populations.items():
            if not population.model.is_source:
                self.buffers[f"state/{name}"] = np.zeros((STATE, population.n))

    def infer(self, samples: Mapping[str, Any], workload: "Workload") -> Any:
        """Return the classes of samples, spikes of every source as `SpikeLearner.forward` takes them."""
        run = self.learner.forward(samples)
        counts: dict[str, Any] = {}
        for projection in self.network.projections:
            if projection.pre not in counts:
                counts[projection.pre] = run.counts(projection.pre)
            workload.events(projection.name, counts[projection.pre], self.n_steps)
        for name, population in self.network.populations.items():
            if name not in counts and not population.model.is_source and name in self.learner.spiking:
                counts[name] = run.counts(name)
            if name in counts:
                workload.add("Spikes", int(counts[name].sum()))
            if name in self.learner.spiking:
                self._count_activations(run, name, counts[name], workload)
        return self.learner.classes(run)

    def _count_activations(self, run: ForwardPass, name: str, counts: Any, workload: "Workload") -> None:
        if self.step is None or self.n_steps is None:
            workload.spikes(name, int(counts.sum()), None)
            return
        n_spikes = 0
        for sample in range(len(run)):
            spikes = run.spikes(name, sample)
            inside = spikes.times < self.until
            steps = (spikes.times[inside] / self.step).astype(np.int64)
            n_spikes += len(np.unique(steps * counts.shape[1] + spikes.units[inside]))
        workload.spikes(name, n_spikes, counts.size * self.n_steps)
