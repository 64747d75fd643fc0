"""Metrics of continual learning from R[t, j], the accuracy on task j after training task t (of T tasks).

Means over tasks:

    ACC = mean_j R[T, j]
    LA  = mean_j R[j, j]                           learning accuracy: plasticity
    anytime = mean_t mean_{j<=t} R[t, j]           of the tasks so far, after each task
    BWT = mean_{j<T} (R[T, j] - R[j, j])           backward transfer
    forgetting = mean_{j<T} (max_{j<=t<T} R[t, j] - R[T, j])
"""

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["continual_metrics"]


def continual_metrics(accuracy: ArrayLike) -> dict[str, float]:
    """Return the metrics of an accuracy matrix.

    Parameters
    ----------
    accuracy : array_like, shape (T, T)
        Row t: after training task t; values above the diagonal count nowhere.

    Returns
    -------
    dict of str to float
        "accuracy", "learning_accuracy", "anytime_accuracy", and, of two tasks or more, "backward_transfer",
        "forgetting".

    Raises
    ------
    ValueError
        If it is no square matrix.
    """
    r = np.asarray(accuracy, np.float64)
    if r.ndim != 2 or r.shape[0] != r.shape[1] or not r.size:
        raise ValueError(f"accuracies must be a square matrix, tasks by tasks, got shape {r.shape}")
    last, own = r[-1], np.diag(r)
    found = {"accuracy": float(last.mean()), "learning_accuracy": float(own.mean())}
    found["anytime_accuracy"] = float(np.mean([r[t, : t + 1].mean() for t in range(len(r))]))
    if len(r) > 1:
        best = np.array([r[j:-1, j].max() for j in range(len(r) - 1)])
        found["backward_transfer"] = float((last[:-1] - own[:-1]).mean())
        found["forgetting"] = float((best - last[:-1]).mean())
    return found
