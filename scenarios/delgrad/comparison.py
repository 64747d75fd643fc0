"""Many networks trained side by side, and the table of what they reach by kind of delay and size."""

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from eventsim.io.analysis import spread
from eventsim.models.training.earlier_states import current_state
from eventsim.models.training.task import Task
from eventsim.scenarios import on_hardware
from eventsim.scenarios.scenario import Run
from eventsim.scenarios.spike_training import measure

if TYPE_CHECKING:
    from eventsim.models.training.trainer import Trainer

MEANS = ("test_accuracy", "train_accuracy", "trained_numbers", "first_label_spike")  # metrics of the run


class Settings(Protocol):
    """Settings of the networks of one column of the table."""

    @property
    def epochs(self) -> int:
        """Passes over the training set."""

    @property
    def n_hidden(self) -> int:
        """Neurons of the hidden layer."""

    @property
    def tau_syn(self) -> float:
        """Synaptic time constant, ms."""

    def trainer(self, task: Task, seed: int) -> "Trainer":
        """Return the trainer of the network of a seed."""


Kinds = list[tuple[str, Settings]]  # with the name of their kind of delay
Results = dict[str, dict[str, float]]


def train_all(run: Run, task: Task, kinds: Kinds, networks: int) -> None:
    """Train networks of all kinds, as many at a time as there are threads, each on one of them.

    Parameters
    ----------
    run : Run
    task : Task
    kinds : list of (str, Settings)
    networks : int
        Of each kind; their seeds follow that of the run.
    """
    waiting = [(v, k) for v in range(len(kinds)) for k in range(networks)]
    state = run.state or {"finished": {}, "active": {}}
    finished: Results = dict(state["finished"])
    active: dict[tuple[int, int], Trainer] = {}

    def begin(key: tuple[int, int]) -> None:
        active[key] = kinds[key[0]][1].trainer(task, run.seed + key[1])

    def present() -> dict[str, Any]:
        return {
            "finished": finished,
            "active": {_label(key): trainer.state() for key, trainer in active.items()},
        }

    for key in waiting:
        if _label(key) in state["active"]:
            begin(key)
            active[key].restore(current_state(state["active"][_label(key)]))
    waiting = [key for key in waiting if _label(key) not in finished and key not in active]
    done = sum(kinds[int(label.split("-")[0])][1].epochs for label in finished)
    total = networks * sum(settings.epochs for _, settings in kinds)
    with (
        ThreadPoolExecutor(run.threads) as pool,
        run.progress(total, "epoch", done + sum(t.epoch for t in active.values())) as bar,
    ):
        while waiting or active:
            while waiting and len(active) < run.threads:
                begin(waiting.pop(0))
            run.checkpoint(present)
            list(pool.map(lambda trainer: trainer.advance_epoch(), active.values()))
            bar.update(sum(t.epochs > 0 for t in active.values()))
            for key in [key for key, trainer in active.items() if trainer.finished]:
                name, settings = kinds[key[0]]
                finished[_label(key)] = _measured(active.pop(key), settings.tau_syn)
                run.say(
                    f"{name}, {settings.n_hidden} hidden, seed {run.seed + key[1]}: "
                    f"test accuracy {finished[_label(key)]['test_accuracy']:.4f}"
                )
    _report(run, kinds, networks, finished)


def _measured(trainer: "Trainer", tau_syn: float) -> dict[str, float]:
    """Return the metrics of a trained network, and how many numbers were trained."""
    learner: Any = trainer.learner
    metrics, _ = measure(learner, trainer.epoch, tau_syn)
    sizes = [value.size for value in on_hardware.nominal(learner.network).parameters.values()]
    return metrics | {"trained_numbers": float(sum(sizes))}


def _report(run: Run, kinds: Kinds, networks: int, finished: Results) -> None:
    """Put the metrics of all networks into the run, shape (n_kinds, networks), and their means."""
    names, sizes = [name for name, _ in kinds], [settings.n_hidden for _, settings in kinds]
    for metric in finished[_label((0, 0))]:
        values = np.array(
            [
                [finished[_label((v, k))].get(metric, np.nan) for k in range(networks)]
                for v in range(len(kinds))
            ]
        )
        run.parameter(f"networks/{metric}", values)
        if metric not in MEANS:
            continue
        for v in range(len(kinds)):
            suffix = f"_{names[v]}_{sizes[v]}" if len(kinds) > 1 else ""
            run.metric(f"{metric}{suffix}", values[v].mean())
            if metric == "test_accuracy":
                run.metric(f"{metric}{suffix}_std", spread(values[v]))
                run.metric(f"{metric}{suffix}_min", values[v].min())
    run.parameter("networks/n_hidden", np.array(sizes))
    run.parameter("networks/kind", np.array([sorted(set(names)).index(name) for name in names]))
    run.file.put(provenance={"kinds": " ".join(sorted(set(names)))})


def _label(key: tuple[int, int]) -> str:
    return f"{key[0]}-{key[1]}"
