"""A perceptron that learns one task after the other and may grow: what a `Trainer` drives.

After each epoch that is no cool-down the hidden layers are tested (`decision`), and layers that are full get
units. Then the optimiser starts anew, Fisher information and anchors of the new weights are those of
unconstrained weights, and for `cooldown` epochs the learning rate is higher and there is no test.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from eventsim.models.growth.consolidation import EWC, Consolidation, SynapticIntelligence
from eventsim.models.growth.decision import LayerTest, SizeRule, Trigger, new_units
from eventsim.models.growth.fan_in import Init, new_fan_in
from eventsim.models.growth.growth_log import GrowthLog
from eventsim.models.growth.network import insert_units, linear_places, n_parameters, resize, widths
from eventsim.models.growth.saturation import (
    Activity,
    Entries,
    Gradients,
    Scale,
    activity,
    fisher_diagonal,
    percentile,
)
from eventsim.models.layers.layer import Array
from eventsim.models.layers.learner import LayerLearner
from eventsim.models.layers.sequential import Sequential
from eventsim.models.training.batches import Batch
from eventsim.models.training.learner import BatchMetrics, State
from eventsim.models.training.task import Task
from eventsim.models.training.trainer import Callback, Trainer

__all__ = ["GrowingLearner", "Growth"]

CHANGE = 1e-4  # of outputs in single precision, relative, that an insertion may cause by the order of sums


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """How a network grows; the defaults are those of Raghunathan et al. (2026) where they are known.

    Attributes
    ----------
    trigger, gamma, size_rule, k_fixed : see `eventsim.models.growth.decision`.
    plan : units that "fixed_pertask" adds, by task and hidden layer, in place of `k_fixed`.
    epsilon, scale : see `effective_dimension`.
    percentile, entries : of the Fisher information; see `eventsim.models.growth.saturation.percentile`.
    threshold : tau after a task, "mean": the percentile of the mean information of all tasks, or "decay": an
        average over the percentiles of tasks, in which each weighs `threshold_decay` of the one after it.
    init, init_scale : see `eventsim.models.growth.fan_in`.
    cooldown : epochs without a test after growth.
    boost : factor of the learning rate in these epochs.
    optimiser : whether the optimiser forgets all steps after growth, or keeps those of the old weights.
    probe_samples : of the current task, for the effective dimension.
    plateau : relative fall of the training loss below which `loss_plateau` grows.
    largest : units that a hidden layer may have.
    """

    trigger: Trigger = "ed_fisher"
    gamma: float = 0.9
    size_rule: SizeRule = "floor"
    k_fixed: int = 2
    plan: tuple[tuple[int, ...], ...] = ()
    epsilon: float = 0.05
    scale: Scale = "samples"
    percentile: float = 25.0
    entries: Entries = "all"
    threshold: Literal["mean", "decay"] = "mean"
    threshold_decay: float = 0.9
    init: Init = "qr_init"
    init_scale: float = 0.2
    cooldown: int = 3
    boost: float = 3.0
    optimiser: Literal["reset", "kept"] = "reset"
    probe_samples: int = 256
    plateau: float = 0.01
    largest: int = 4096


@dataclass(kw_only=True)
class GrowingLearner(LayerLearner, Callback):
    """Layers that learn a stream of tasks: a `Learner`, and the `Callback` that lets them grow.

    Attributes
    ----------
    growth : how the network grows; None for one that keeps its size.
    ewc : elastic weight consolidation, which also keeps the Fisher information of earlier tasks.
    intelligence : synaptic intelligence, beside it or in place of it.
    gradients : what the Fisher information squares; see `fisher_diagonal`.
    fisher_samples : first samples of a task that it is computed from; 0 for all.
    log : all tests so far.
    """

    growth: Growth | None = None
    ewc: EWC = field(default_factory=lambda: EWC(0.0))
    intelligence: SynapticIntelligence | None = None
    gradients: Gradients = "sample"
    fisher_samples: int = 2048
    log: GrowthLog = field(default_factory=GrowthLog)

    def __post_init__(self) -> None:
        self.consolidations: list[Consolidation] = [self.ewc]
        if self.intelligence is not None:
            self.consolidations.append(self.intelligence)
        if self.ewc.strength:
            self.penalties = [*self.penalties, self.ewc]
        if self.intelligence is not None:
            self.penalties = [*self.penalties, self.intelligence]
        if self.growth is not None and {len(row) for row in self.growth.plan} - {len(widths(self.model))}:
            raise ValueError(
                f"every row of plan must have the units of {len(widths(self.model))} hidden layers, "
                f"got {self.growth.plan}"
            )
        self.task_number = -1
        self.phi_0: list[float] = []
        self.tau = [0.0] * len(widths(self.model))
        self.first_median: list[float] = []  # of the Fisher information of the first task, by hidden layer
        self.waiting = 0  # epochs of the cool-down that are left
        self.tested = False  # in this task
        self.lowest_loss = np.inf  # of an epoch since the last insertion, in this task

    # ------------------------------------------------------------------ tasks

    def begin_task(self, task: Task) -> None:
        """Turn to the next task.

        Raises
        ------
        ValueError
            If it holds no samples, a label is outside the head, or the probe is smaller than a hidden layer.
        """
        number = self.task_number + 1
        check_task(task, number, self.model)
        if self.growth is not None and self.growth.plan and number >= len(self.growth.plan):
            raise ValueError(f"plan has units for {len(self.growth.plan)} tasks, and this is task {number}")
        self.task, self.task_number = task, number
        self.waiting, self.tested, self.lowest_loss = 0, False, np.inf
        self.optimiser.reset()  # type: ignore[attr-defined]
        for each in self.consolidations:
            each.begin_task(self.model)
        if self.growth is not None and not self.phi_0:
            found = self._activity(self.growth)
            self.phi_0 = [ed / m for ed, m in zip(found.dimension, widths(self.model), strict=True)]

    def end_task(self) -> None:
        """Keep what the task needs of the weights, and set the thresholds of the next one."""
        fisher = self.fisher()
        for each in self.consolidations:
            each.end_task(self.model, fisher)
        if not self.first_median:
            self.first_median = [float(np.median(fisher[name])) for name in self._fan_in_names()]
        for place, name in enumerate(self._fan_in_names()):
            self.tau[place] = self._threshold(place, name, fisher)

    def _threshold(self, place: int, name: str, fisher: Mapping[str, Array]) -> float:
        growth = self.growth or Growth()
        if growth.threshold == "mean":
            return percentile(self.ewc.importance(name), growth.percentile, growth.entries)[0]
        now, share = percentile(fisher[name], growth.percentile, growth.entries)[0], growth.threshold_decay
        return now if self.task_number == 0 else share * self.tau[place] + (1 - share) * now

    def fisher(self) -> dict[str, Any]:
        """Return the diagonal of the Fisher information of the current task, by parameter."""
        n = self.task.size("train")
        first = slice(0, min(n, self.fisher_samples or n))
        return fisher_diagonal(
            self.model, self._shown("train", first)[0], self.task.labels("train")[first], self.gradients
        )

    def occupied(self) -> list[float]:
        """Return the share of weights that earlier tasks need more than the first needed its median weight.

        By hidden layer, of its fan-in; empty before the end of the first task.
        """
        if not self.first_median:
            return []
        pairs = zip(self._fan_in_names(), self.first_median, strict=True)
        return [float((self.ewc.importance(name) > median).mean()) for name, median in pairs]

    # ------------------------------------------------------------------ steps

    def step(self, batch: Batch) -> BatchMetrics:
        """Learn from a batch; see `LayerLearner.step`."""
        metrics = super().step(batch)
        for each in self.consolidations:
            each.after_step(self.model)
        return metrics

    def evaluate(self, epoch: int) -> dict[str, Any]:
        """Return learning rate, number of parameters and widths of the epoch."""
        return super().evaluate(epoch) | {
            "parameters": n_parameters(self.model),
            "widths": np.array(widths(self.model)),
        }

    def boost(self, epoch: float) -> float:
        """Return the factor of the learning rate: higher in a cool-down."""
        return self.growth.boost if self.growth is not None and self.waiting else 1.0

    # ------------------------------------------------------------------ growth

    def on_epoch_end(self, trainer: Trainer, metrics: Mapping[str, Any]) -> None:
        """Test the hidden layers, and let those grow that are full."""
        if self.growth is None:
            return
        loss = float(metrics["train_loss"])
        plateau = loss > (1.0 - self.growth.plateau) * self.lowest_loss
        self.lowest_loss = min(self.lowest_loss, loss)
        if self.waiting:
            self.waiting -= 1
        else:
            self._test(self.growth, trainer.epoch, plateau)

    def _test(self, growth: Growth, epoch: int, plateau: bool) -> None:
        found, fisher = self._activity(growth), self.fisher()
        tests, added, zeros = [], [], []
        for place, name in enumerate(self._fan_in_names()):
            value, share = percentile(fisher[name], growth.percentile, growth.entries)
            test = LayerTest(
                widths(self.model)[place],
                found.dimension[place],
                self.phi_0[place],
                value,
                self.tau[place],
                plateau,
                not self.tested,
            )
            k_fixed = growth.plan[self.task_number][place] if growth.plan else growth.k_fixed
            wanted = new_units(test, growth.trigger, growth.gamma, growth.size_rule, k_fixed)
            added.append(min(wanted, growth.largest - test.width))
            tests.append(test)
            zeros.append(share)
        before = self.occupied()
        for place, n in enumerate(added):
            if n:
                self._insert(growth, place, n, epoch)
        if any(added):
            self._check_function(found.outputs, growth)
            self.waiting, self.lowest_loss = growth.cooldown, np.inf
            if growth.optimiser == "reset":
                self.optimiser.reset()  # type: ignore[attr-defined]
        self.tested = True
        self.log.add(
            self.task_number, epoch, tests, added, growth.gamma, zeros, found.dead, before, self.occupied()
        )

    def _insert(self, growth: Growth, place: int, n: int, epoch: int) -> None:
        model = self.model
        width, linear = widths(model)[place], linear_places(model)[place + 1]
        weight = model.parameters[self._fan_in_names()[place]]
        rng = self.rng("growth", self.task_number, epoch, place)
        fan_in = new_fan_in(growth.init, weight, n, model.layers[linear].n_out, growth.init_scale, rng)
        columns, rows = insert_units(model, place, fan_in)
        for name, axis, values in (
            (columns, 1, model.parameters[columns][:, width:]),
            (rows, 0, model.parameters[rows][width:]),
        ):
            self.optimiser.insert(name, width, axis, n)  # type: ignore[attr-defined]
            for each in self.consolidations:
                each.insert(name, width, axis, values)

    def _check_function(self, before: Array, growth: Growth) -> None:
        """Raise an error if the insertion has changed what comes out of the network."""
        after = self._activity(growth).outputs
        change, most = float(np.abs(after - before).max()), float(np.abs(before).max())
        bound = CHANGE if self.model.dtype == np.float32 else 1e-12
        if change > bound * max(1.0, most):
            raise FloatingPointError(
                f"an insertion changed the outputs by {change:g}; it must change nothing"
            )
        self.log.largest_change = max(self.log.largest_change, change)

    def _activity(self, growth: Growth) -> Activity:
        first = slice(0, growth.probe_samples)
        return activity(self.model, self._shown("train", first)[0], growth.epsilon, growth.scale)

    def _fan_in_names(self) -> list[str]:
        """Return the parameters that are the fan-in of the hidden layers."""
        return [f"weight/{place}" for place in linear_places(self.model)[:-1]]

    # ------------------------------------------------------------------ files

    def state(self) -> State:
        """Return what later steps depend on."""
        return super().state() | {
            "widths": np.array(widths(self.model)),
            "ewc": self.ewc.state(),
            "intelligence": self.intelligence.state() if self.intelligence is not None else {},
            "task_number": self.task_number,
            "phi_0": np.array(self.phi_0),
            "tau": np.array(self.tau),
            "first_median": np.array(self.first_median),
            "waiting": self.waiting,
            "tested": self.tested,
            "lowest_loss": self.lowest_loss,
            "log": self.log.state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned; the network takes the widths that it had."""
        resize(self.model, [int(n) for n in np.atleast_1d(state["widths"])])
        super().restore(state)
        self.ewc.restore(state["ewc"])
        if self.intelligence is not None:
            self.intelligence.restore(state["intelligence"])
        for name in ("phi_0", "tau", "first_median"):
            setattr(self, name, [float(each) for each in np.atleast_1d(state[name])])
        self.task_number, self.waiting = int(state["task_number"]), int(state["waiting"])
        self.tested, self.lowest_loss = bool(state["tested"]), float(state["lowest_loss"])
        self.log.restore(state["log"])


def check_task(task: Task, number: int, model: Sequential) -> None:
    """Raise a ValueError if a task holds no samples, or a label is outside the head."""
    labels = task.labels("train")
    if not len(labels):
        raise ValueError(f"task {number} holds no samples; leave it out, or give it some")
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= model.n_out:
        bad = low if low < 0 else high
        raise ValueError(f"task {number} has the label {bad}, outside the head of {model.n_out} classes")
