"""The package's benchmark of a model of this project, in one call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, TensorDataset

from eventsim.errors import ConfigError
from eventsim.io.neurobench import Model, Results
from eventsim.neurobench.wrapped import WrappedModel
from neurobench.benchmarks import Benchmark
from neurobench.metrics import static, workload
from neurobench.version import __version__

__all__ = ["benchmark"]

STATIC = (static.Footprint, static.ConnectionSparsity, static.ParameterCount)
# In this order: the sparsity by layer fails where no metric with hooks stands before it.
WORKLOAD = ("ActivationSparsity", "ActivationSparsityByLayer", "SynapticOperations")


def benchmark(
    model: Model,
    samples: Any,
    targets: Any,
    scores: Sequence[str] = ("ClassificationAccuracy",),
    *,
    batch_size: int | None = None,
    spiking: bool = False,
) -> Results:
    """Return what the package measures on a model of this project.

    Parameters
    ----------
    model : Model
    samples, targets : array_like
        The first axis counts samples; values as the model takes them.
    scores : sequence of str
        As of `eventsim.io.neurobench.evaluate`.
    batch_size : int, optional
        All samples at once unless given.
    spiking : bool
        Whether membranes and neuron operations are measured too; the package cannot for other models.

    Raises
    ------
    ConfigError
        If a metric failed, which the package reports as 0.0.
    """
    x, y = torch.as_tensor(np.asarray(samples)), torch.as_tensor(np.asarray(targets))
    names = [*scores, *WORKLOAD, *(("MembraneUpdates", "NeuronOperations") if spiking else ())]
    wrapped = WrappedModel(model, x[:1].numpy())
    metrics = [list(STATIC), [getattr(workload, name) for name in names]]
    loader = DataLoader(TensorDataset(x, y), batch_size=batch_size or len(x))
    run = Benchmark(wrapped, loader, [], [], metrics)
    found = run.run(quiet=True)
    del run  # a second one on the same model would double its counts
    for name in ("SynapticOperations", "ActivationSparsityByLayer"):
        if not isinstance(found[name], dict):
            raise ConfigError(f"neurobench {__version__} failed at {name}, and reported {found[name]!r}")
    return Results(found, {"Package": f"neurobench {__version__}"})
