"""What a run tells of its networks: accuracies by constraint and seed, gate codes that occur, arrays."""

from typing import TYPE_CHECKING

import numpy as np

from eventsim.models.layers import Sequential
from eventsim.models.training.task import Task
from eventsim.scenarios.minimalist.learner import Trained, learner_of
from eventsim.scenarios.minimalist.network import gates
from eventsim.scenarios.scenario import Run
from eventsim.trace import Floats

if TYPE_CHECKING:
    from eventsim.scenarios.minimalist.settings import Settings

__all__ = ["accuracy", "put", "report", "shown"]


def accuracy(task: Task, net: Sequential, split: str = "test") -> float:
    """Return the accuracy of the software model on a split."""
    return learner_of(task, net, 0).measure(split)[f"{split}_accuracy"]


def shown(task: Task, split: str = "test", n_samples: int | None = None) -> Floats:
    """Return the first samples of a split as layers are shown them, (time, batch, inputs)."""
    samples = slice(0, task.size(split) if n_samples is None else n_samples)
    return np.ascontiguousarray(np.moveaxis(task.shown(split, samples), 1, 0), np.float64)


def report(settings: "Settings", run: Run, task: Task, trained: Trained) -> None:
    """Put accuracies into the run, means over the seeds; arrays ``networks/METRIC`` have one entry a seed.

    One kind of network: ``test_accuracy``, and ``selected_test_accuracy`` of the seed that validation picks.
    Several: ``test_accuracy_STAGE``, and ``drop``, the first stage less the last; the array
    ``comparison/test_accuracy`` is (stages, seeds).
    """
    splits = [split for split in ("test", "validation") if split in task.sets]
    n_stages, seeds = max(len(settings.compared), 1), range(settings.networks)
    table = {
        split: np.array([[accuracy(task, trained[v, k], split) for k in seeds] for v in range(n_stages)])
        for split in splits
    }
    if settings.compared:
        for split, rows in table.items():
            run.parameter(f"comparison/{split}_accuracy", rows)
        for stage, row in zip(settings.compared, table["test"], strict=True):
            put(run, f"test_accuracy_{stage}", row)
        put(run, "drop", table["test"][0] - table["test"][-1])
        run.file.put(provenance={"compared": " ".join(settings.compared)})
        return
    for split, rows in table.items():
        put(run, f"{split}_accuracy", rows[0])
    if "validation" in table:
        run.metric("selected_test_accuracy", table["test"][0, table["validation"][0].argmax()])
    _arrays(run, task, trained[0, 0])


def put(run: Run, name: str, row: Floats) -> None:
    """Put the mean over the seeds into the metrics, and all of them into the arrays."""
    run.metric(name, row.mean())
    run.parameter(f"networks/{name}", row)


def _arrays(run: Run, task: Task, net: Sequential) -> None:
    """Put the parameters of a network into the run, the gate codes that occur, and the size of its states."""
    for name, array in net.parameters.items():
        run.parameter(name, array)
    x = shown(task, "test", 100).astype(net.dtype)
    for place, layer in enumerate(gates(net)):
        z, h = layer.gates_and_states(x)
        if layer.gate_bits is not None:
            run.metric(f"gate_codes_used_{place}", len(np.unique(z)))
        run.metric(f"state_rms_{place}", np.sqrt(np.square(h, dtype=np.float64).mean()))
        x = layer.forward(x)
    net.forget()
