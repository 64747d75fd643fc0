"""Spikes and membranes of all layers while a trained network sees some test samples."""

from typing import TYPE_CHECKING

import numpy as np

from eventsim.models.layers import LIF, Dropout
from eventsim.scenarios.scenario import Run

if TYPE_CHECKING:
    from eventsim.scenarios.temporal_hierarchy.learner import HierarchyLearner

MOST_MEMBRANES = 4  # of a layer, that are kept


def record(run: Run, learner: "HierarchyLearner", n_samples: int) -> None:
    """Put spikes and membranes of the first test samples into the run's file, one after the other.

    Inputs that count several spikes in a step, and values of pixels, are kept as one spike a step where they
    are not 0. Arrays ``membrane/NAME`` are (sample, step, unit), of the first few units of a layer and of all
    outputs.
    """
    samples = slice(0, min(n_samples, learner.task.size("test")))
    n = samples.stop
    if not n:
        return
    network, step = learner.network, learner.network.settings.step
    x = learner.shown("test", samples)
    steps = len(x)
    _put(run, "input", x, step)
    names = iter(network.names)
    network.use_frozen(True)
    for layer in network.layers.layers:
        if isinstance(layer, Dropout):
            continue
        x = layer.forward(x)
        if isinstance(layer, LIF):
            name = next(names)
            _put(run, name, x, step)
            run.parameter(f"membrane/{name}", layer.membrane[:, :, :MOST_MEMBRANES].transpose(1, 0, 2))
    network.layers.forget()
    network.use_frozen(False)
    run.parameter("membrane/label", x.transpose(1, 0, 2))
    run.file.put(
        duration=n * steps * step,
        parameters={
            "recorded_labels": learner.task.labels("test")[samples],
            "recorded_steps": np.array(steps),
        },
    )


def _put(run: Run, name: str, x: np.ndarray, step: float) -> None:
    if name not in run.file.populations:
        run.file.add_population(name, x.shape[2])
    sample, time, unit = np.nonzero(x.transpose(1, 0, 2))
    run.file.append_spikes(name, (sample * len(x) + time) * step, unit)
