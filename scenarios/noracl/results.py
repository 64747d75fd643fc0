"""What a run leaves in its file: metrics, accuracy matrix, growth log, and the networks beside each other."""

from typing import TYPE_CHECKING

import numpy as np

from eventsim.models.growth import ContinualTrainer, continual_metrics
from eventsim.models.growth.network import n_parameters, widths
from eventsim.scenarios.scenario import Run

if TYPE_CHECKING:
    from eventsim.models.growth import GrowingLearner

__all__ = ["compare", "keep", "keep_beside"]

NAMES = ("width", "parameters", "accuracy", "learning_accuracy", "backward_transfer")  # of compare/...


def keep(run: Run, trainer: ContinualTrainer) -> None:
    """Keep the results of the first network."""
    learner, matrix = trainer.learner, trainer.accuracies
    for name, value in continual_metrics(matrix).items():
        run.metric("test_accuracy" if name == "accuracy" else name, value)
    run.metric("parameters", n_parameters(learner.model))
    run.metric("parameter_epochs", trainer.parameter_epochs)
    for place, width in enumerate(widths(learner.model), 1):
        run.metric(f"width_{place}", width)
    run.parameter("accuracy_matrix/main", matrix)
    run.parameter("epochs", np.array([trainer.epochs(task) for task in range(len(matrix))]))
    for name, array in learner.model.parameters.items():
        run.parameter(name, array)
    if learner.growth is not None:
        _keep_growth(run, learner)


def _keep_growth(run: Run, learner: "GrowingLearner") -> None:
    columns = learner.log.columns()
    for name, column in columns.items():
        run.parameter(f"growth/{name}", column)
    added = columns["added"]
    run.metric("units_added", added.sum())
    run.metric("largest_change", learner.log.largest_change)
    for layer in range(len(widths(learner.model))):
        run.metric(f"units_added_{layer + 1}", added[columns["layer"] == layer].sum())
    run.metric("units_added_after_task_2", added[columns["task"] > 1].sum())
    if len(added):
        full, rigid = columns["full"] > 0, columns["rigid"] > 0
        run.metric("tests", len(added))
        run.metric("tests_full", full.mean())  # share of tests of a layer
        run.metric("tests_rigid", rigid.mean())
        # Tests in which the percentile is 0 whatever the threshold: too many entries are 0.
        run.metric("tests_locked", (columns["percentile"] == 0).mean())


def keep_beside(run: Run, trainer: ContinualTrainer, network: str) -> None:
    """Keep the results of a network beside the first one, under its name."""
    for name, value in continual_metrics(trainer.accuracies).items():
        run.metric(f"{network}_{name}", value)
    run.metric(f"{network}_parameters", n_parameters(trainer.learner.model))
    run.metric(f"{network}_parameter_epochs", trainer.parameter_epochs)
    run.parameter(f"accuracy_matrix/{network}", trainer.accuracies)


def compare(run: Run) -> None:
    """Put the networks beside the first one into numbers and a table."""
    for control in ("matched", "per_task"):
        if f"{control}_accuracy" in run.metrics:
            run.metric(f"gain_{control}", run.metrics["test_accuracy"] - run.metrics[f"{control}_accuracy"])
    static = [name.split("_")[1] for name in run.metrics if name.startswith("static_")]
    order = sorted({int(width) for width in static})
    if not order:
        return
    rows = [
        [width, *(run.metrics.get(f"static_{width}_{name}", np.nan) for name in NAMES[1:])] for width in order
    ]
    run.parameter("compare/static", np.array(rows, np.float64))
    best = max(run.metrics[f"static_{width}_accuracy"] for width in order)
    run.metric("best_static_accuracy", best)
    run.metric("gain", run.metrics["test_accuracy"] - run.metrics[f"static_{order[-1]}_accuracy"])
