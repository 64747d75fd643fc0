"""Networks that differ in one setting, several seeds of each, and the table of what they reach."""

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim.models.training.earlier_states import current_state
from eventsim.scenarios.scenario import Run
from eventsim.scenarios.temporal_hierarchy import measuring
from eventsim.scenarios.temporal_hierarchy.learner import trainer_of_run
from eventsim.scenarios.temporal_hierarchy.settings import Settings
from eventsim.trace import Floats

if TYPE_CHECKING:
    from eventsim.models.training.trainer import Trainer

ACCURACIES = ("test_accuracy", "test_accuracy_frozen")
WHOLE = ("n_hidden", "delta_kernel", "delta_dilation")  # settings that are whole numbers


def train_all(settings: Settings, run: Run) -> None:
    """Train all networks, seed by seed; each is kept when it is finished.

    Arrays ``networks/METRIC`` are (n_values, networks). Metrics hold their means by value: accuracies, as
    ``test_accuracy_400``, and their differences to those of the value 0, as ``gain_400``.
    """
    values = settings.compared or (getattr(settings, settings.varied),)
    variants = [variant(settings, value) for value in values]
    state: dict[str, Any] = run.state or {"finished": {}, "active": {}}
    finished: dict[str, dict[str, float]] = {key: dict(row) for key, row in state["finished"].items()}
    total = len(variants) * settings.networks
    with run.progress(total * settings.epochs, "epoch", len(finished) * settings.epochs) as bar:
        for k in range(settings.networks):
            for v, each in enumerate(variants):
                key = f"{v}-{k}"
                if key in finished:
                    continue
                trainer, task = trainer_of_run(each, run, run.seed + k)
                if key in state["active"]:
                    trainer.restore(current_state(state["active"][key]))
                while not trainer.finished:
                    run.checkpoint(partial(_state, task.name, finished, key, trainer))
                    trainer.advance()
                    if trainer.batch == 0:
                        bar.update(1)
                finished[key] = measuring.metrics(trainer)
                run.say(
                    f"{settings.varied} {values[v]:g}, seed {run.seed + k}: "
                    f"test accuracy {finished[key]['test_accuracy']:.4f}"
                )
    _report(settings, run, values, finished)


def variant(settings: Settings, value: float) -> Settings:
    """Return the settings of one network with this value of the setting that is varied."""
    changed: dict[str, Any] = {"compared": (), "networks": 1}
    changed[settings.varied] = int(value) if settings.varied in WHOLE else float(value)
    return replace(settings, **changed)


def _state(
    dataset: str, finished: dict[str, dict[str, float]], key: str, trainer: "Trainer"
) -> dict[str, Any]:
    """Return what the networks that are left depend on."""
    return {"dataset": dataset, "finished": finished, "active": {key: trainer.state()}}


def _report(
    settings: Settings, run: Run, values: tuple[float, ...], finished: dict[str, dict[str, float]]
) -> None:
    """Put the metrics of all networks into the run, and the means of accuracies over the seeds."""
    for metric in finished["0-0"]:
        table = np.array(
            [[finished[f"{v}-{k}"][metric] for k in range(settings.networks)] for v in range(len(values))]
        )
        run.parameter(f"networks/{metric}", table)
        if metric in ACCURACIES:
            for value, row in zip(values, table, strict=True):
                _put(run, f"{metric}_{value:g}", row)
        if metric == "test_accuracy":
            run.metric("best_value", values[int(table.mean(axis=1).argmax())])
            if 0.0 in values:  # the homogeneous network of the same seed is the control
                gains = table - table[values.index(0.0)]
                for value, row in zip(values, gains, strict=True):
                    if value:
                        _put(run, f"gain_{value:g}", row)
    run.parameter("networks/value", np.array(values))
    run.file.put(provenance={"varied": settings.varied})


def _put(run: Run, name: str, row: Floats) -> None:
    """Put the mean over the networks into the metrics, and all of them into the arrays."""
    run.metric(name, row.mean())
    run.parameter(f"networks/{name}", row)
