"""Trained networks out of the files of runs, to be measured by NeuroBench; one function a kind of network.

A scenario builds its network from the configuration and the seed in the file and gives it the parameters in
the file (`Scenario.trained`). It is measured on the test set, on the ideal target.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eventsim.errors import FileFormatError
from eventsim.scenarios.run import Run

if TYPE_CHECKING:
    from eventsim import Network, Simulation
    from eventsim.io.neurobench import Model
    from eventsim.models.layers import LayerLearner
    from eventsim.models.training.spike_learner import SpikeLearner
    from eventsim.models.training.task import Task

__all__ = ["Rebuilt", "TrainedModel", "rates", "sequences", "spiking", "with_parameters"]

ON_ENGINE = 20  # test samples that are also simulated event by event

Batches = Iterator[tuple[Any, NDArray[Any]]]


@dataclass
class TrainedModel:
    """A trained network and what it is measured on.

    Attributes
    ----------
    model : reports itself; see `eventsim.io.neurobench.Model`.
    batches : test samples as the model takes them, and targets.
    n_classes : number of outputs; None of a regressor.
    scores : names of scores.
    about : what a reader should know, and metrics that the scenario adds.
    """

    model: "Model"
    batches: Batches
    n_classes: int | None = None
    scores: Sequence[str] = ("ClassificationAccuracy",)
    about: dict[str, Any] = field(default_factory=dict)


@dataclass
class Rebuilt:
    """What a scenario builds its trained network from.

    Attributes
    ----------
    run : seed, threads and data folder of the run; nothing is written through it.
    parameters : arrays in the file by name.
    step : step of the grid of time that a user asks for, or None.
    """

    run: Run
    parameters: Mapping[str, NDArray[Any]]
    step: float | None = None

    def array(self, name: str) -> NDArray[Any]:
        """Return an array of the file.

        Raises
        ------
        FileFormatError
            If it is not there.
        """
        if name not in self.parameters:
            raise FileFormatError(
                f"the file has no array {name!r}, which the trained network needs; run the scenario again "
                "with this version"
            )
        return self.parameters[name]


def with_parameters(network: "Network", parameters: Mapping[str, NDArray[Any]]) -> "Network":
    """Return a network with the weights and delays that a file has of its projections."""
    changed: dict[str, dict[str, Any]] = {}
    for projection in network.projections:
        own = {
            kind: parameters[f"{kind}/{projection.name}"]
            for kind in ("weight", "delay")
            if f"{kind}/{projection.name}" in parameters
        }
        if "weight" not in own:
            raise FileFormatError(f"the file has no weights of {projection.name!r}; run the scenario again")
        changed[projection.name] = own
    return network.with_parameters(None, changed)


# ---------------------------------------------------------------------------- kinds of networks


def spiking(
    rebuilt: Rebuilt,
    learner: "SpikeLearner",
    task: "Task",
    encode: Callable[[NDArray[Any], Any], Mapping[str, Any]],
    *,
    learned: Sequence[str],
    slot: float,
    block: int = 500,
) -> TrainedModel:
    """Return a network of exact spike times; a few samples are simulated event by event as well.

    Parameters
    ----------
    learner : SpikeLearner
        Of the trained network.
    encode : callable
        Returns the spikes of every source for some samples; called with None for its generator.
    learned : sequence of str
        Kinds of parameters that were trained.
    slot : float
        End of a sample.
    """
    from eventsim.io import neurobench
    from eventsim.models.neurobench import EventDrivenModel, SpikeModel

    samples, labels = task.sets["test"]

    def batches() -> Batches:
        for low in range(0, len(labels), block):
            chosen = slice(low, low + block)
            yield encode(samples[chosen], None), labels[chosen]

    model = SpikeModel(learner, step=rebuilt.step, until=slot, learned=learned)
    shown = [_of_one(encode(samples[k : k + 1], None), slot) for k in range(min(ON_ENGINE, len(labels)))]
    on_engine = EventDrivenModel(learner.network(), slot, lambda sim: 0, step=None)
    counts = neurobench.evaluate(on_engine, [(shown, np.zeros(len(shown)))], ()).ours
    return TrainedModel(model, batches(), task.n_classes, about={"Engine": dict(counts)})


def _of_one(inputs: Mapping[str, Any], slot: float) -> dict[str, Any]:
    """Return the spikes (times, units) of each source for one sample."""
    spikes = {}
    for source, times in inputs.items():
        if isinstance(times, list):
            spikes[source] = times[0].times, times[0].units
        else:
            units = np.flatnonzero(times[0] < slot)
            spikes[source] = times[0, units], units
    return spikes


def sequences(learner: "LayerLearner", n_classes: int | None) -> TrainedModel:
    """Return layers for sequences, measured on the test set in the blocks of their evaluation."""
    from eventsim.models.neurobench import SequenceModel

    task, scored = learner.task, getattr(learner.loss, "scored", None)
    labels = task.labels("test")
    each_step = getattr(learner.loss, "readout", "") == "each_step"

    def read(y: Any, lengths: Any = None) -> Any:
        predicted = learner.loss.predict(y, lengths=lengths)
        return predicted[:, np.asarray(scored, bool)] if each_step and scored is not None else predicted

    def targets(chosen: slice) -> Any:
        found = labels[chosen]
        if not each_step:
            return found
        if found.ndim == 1:
            found = np.repeat(found[:, None], task.shown("test", chosen).shape[1], axis=1)
        return found if scored is None else found[:, np.asarray(scored, bool)]

    def batches() -> Batches:
        for low in range(0, len(labels), learner.block):
            chosen = slice(low, low + learner.block)
            yield task.shown("test", chosen), targets(chosen)

    scores = ("ClassificationAccuracy",) if n_classes else ("MSE",)
    return TrainedModel(SequenceModel(learner.model, read), batches(), n_classes, scores)


def rates(
    task: "Task",
    sim: "Simulation",
    source: str,
    ticks: int,
    read: Callable[[Any], Any],
    *,
    series: bool,
    warm_up: int = 0,
) -> TrainedModel:
    """Return a network of rates; `warm_up` batches of training samples come before those that count."""
    from eventsim.io.neurobench import Workload
    from eventsim.models.neurobench import RateModel

    labels, batch = task.labels("test"), int(sim.batch)
    model = RateModel(sim, source, ticks, read, series=series)

    def batches() -> Batches:
        for k in range(warm_up):
            samples = np.arange(k * batch, (k + 1) * batch) % task.size("train")
            model.infer(task.shown("train", samples), Workload(model.connections))
        for low in range(0, len(labels), batch):
            chosen = slice(low, low + batch)
            yield task.shown("test", chosen), labels[chosen]

    return TrainedModel(model, batches(), task.n_classes)
