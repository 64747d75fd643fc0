"""Metrics of a trained network: accuracies by statistics of the batch and frozen ones, time constants."""

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from eventsim.models.training.trainer import Trainer


def metrics(trainer: "Trainer") -> dict[str, float]:
    """Return the metrics of a network at the end of its training; the best epoch on validation counts.

    Accuracies use the statistics of each batch, as the paper's do; those that end in ``_frozen`` use the
    statistics of the training set, as a stream does.
    """
    learner: Any = trainer.learner
    network = learner.network
    found = {
        "test_accuracy": learner.accuracy("test"),
        "validation_accuracy": learner.accuracy("validation"),
        "trained_numbers": float(network.n_parameters),
    }
    if trainer.early_stopping is not None:
        found["best_epoch"] = float(trainer.early_stopping.best_epoch + 1)
    learner.freeze()
    found["test_accuracy_frozen"] = learner.accuracy("test", frozen=True)
    medians = [float(np.median(tau)) for tau in network.time_constants()]
    found |= {f"tau_mem_{name}": tau for name, tau in zip(network.names, medians, strict=True)}
    found["tau_last_over_first"] = medians[-1] / medians[0]
    found["tau_rises"] = float(medians[-1] > medians[0])
    return found
