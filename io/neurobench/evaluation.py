"""Evaluation of a model over batches: the static metrics, then the workload, then one table of results."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from eventsim.io.neurobench.cells import Cell
from eventsim.io.neurobench.connections import Connection
from eventsim.io.neurobench.results import Results
from eventsim.io.neurobench.scores import SCORES
from eventsim.io.neurobench.workload import COUNTED, Workload

__all__ = ["Model", "evaluate", "static_metrics"]


class Model(Protocol):
    """What a model tells about itself to be measured.

    Attributes
    ----------
    parameters, buffers : arrays that are trained, and arrays that are stored beside them, by name. An array
        under two names counts once.
    connections : maps with weights, by name.
    """

    @property
    def parameters(self) -> Mapping[str, ArrayLike]: ...  # noqa: D102
    @property
    def buffers(self) -> Mapping[str, ArrayLike]: ...  # noqa: D102
    @property
    def connections(self) -> Mapping[str, Connection | Cell]: ...  # noqa: D102

    def infer(self, samples: Any, workload: Workload) -> ArrayLike:
        """Return the predictions for a batch, and report to `workload` what was done for them."""


def static_metrics(model: Model) -> dict[str, Any]:
    """Return footprint in bytes, sparsity of connections and number of parameters.

    Raises
    ------
    ValueError
        If a connection has more weights than the model has numbers in all.
    """
    own, stored = _distinct(model.parameters.values()), {}
    stored = own | _distinct(model.buffers.values())
    n_weights, n_zero = 0, 0
    for name, each in model.connections.items():
        if not 0 <= each.n_zero <= each.n_weights:
            raise ValueError(
                f"connection {name!r} reports {each.n_zero} zeros among {each.n_weights} weights"
            )
        n_weights, n_zero = n_weights + each.n_weights, n_zero + each.n_zero
    sparsity = round(float(np.float32(n_zero) / np.float32(n_weights)), 4) if n_weights else None
    return {
        "Footprint": sum(array.nbytes for array in stored.values()),
        "ConnectionSparsity": sparsity,
        "ParameterCount": sum(array.size for array in own.values()),
    }


def _distinct(arrays: Iterable[ArrayLike]) -> dict[int, Any]:
    return {id(array): np.asarray(array) for array in arrays}


def evaluate(
    model: Model,
    batches: Iterable[tuple[Any, ArrayLike]],
    scores: Sequence[str] = ("ClassificationAccuracy",),
    *,
    counted: Collection[str] = COUNTED,
    compatible: bool = False,
    n_classes: int | None = None,
    about: Mapping[str, Any] | None = None,
) -> Results:
    """Measure a model on a data set.

    Parameters
    ----------
    model : Model
    batches : iterable of (samples, targets)
        Samples as the model takes them; targets, shape (samples, ...), as it predicts them.
    scores : sequence of str
        Of predictions: "ClassificationAccuracy", "MSE", "SMAPE", "R2".
    counted : collection of str
        Kinds of activations that count for the sparsity of activations.
    compatible : bool
        Whether recurrent cells are counted as version 2.3.0 of the package does.
    n_classes : int, optional
        Labels must lie below it.
    about : mapping, optional
        What the reader should know, kept beside our own metrics.

    Raises
    ------
    ValueError
        If there are no samples, a label is no class, predictions have another shape than targets, or a model
        reports what it has not declared.
    """
    unknown = [name for name in scores if name not in SCORES]
    if unknown:
        raise ValueError(f"no score is named {unknown[0]!r}; known: {', '.join(SCORES)}")
    results: dict[str, Any] = static_metrics(model)
    workload = Workload(dict(model.connections), counted, compatible)
    kept = [SCORES[name]() for name in scores]
    for samples, targets in batches:
        targets = np.asarray(targets)
        if targets.ndim == 0 or not len(targets):
            raise ValueError(f"a batch needs at least one target, got shape {targets.shape}")
        if n_classes is not None:
            _check_labels(targets, n_classes)
        predictions = np.asarray(model.infer(samples, workload))
        if predictions.shape != targets.shape:
            raise ValueError(
                f"predictions must have the shape of the targets, {targets.shape}, got {predictions.shape}"
            )
        for score in kept:
            score.add(predictions, targets)
        workload.end_batch(len(targets))
    if not workload.n_samples:
        raise ValueError("the task is empty: there is no sample to measure on")
    results |= {score.name: score.result() for score in kept}
    results |= workload.results()
    return Results(results, {"Samples": workload.n_samples, **(about or {}), **workload.own_results()})


def _check_labels(targets: Any, n_classes: int) -> None:
    if targets.dtype.kind not in "iu":
        raise ValueError(f"labels must be whole numbers, got {targets.dtype}")
    wrong = targets[(targets < 0) | (targets >= n_classes)]
    if wrong.size:
        raise ValueError(f"labels must lie in 0 to {n_classes - 1}, the outputs of the model; got {wrong[0]}")
