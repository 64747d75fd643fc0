"""Training of spiking classifiers, batch by batch, able to stop and to go on between any two."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from eventsim.scenarios.scenario import Run
from eventsim.scenarios.tasks import Task
from eventsim.trace import Floats, Ints, Spikes

if TYPE_CHECKING:
    from eventsim import Network
    from eventsim.models.training.optimisers import Adam
    from eventsim.models.training.spike_learner import Step

EVALUATED = 1000  # samples encoded at once where nothing is learned

Encoder = Callable[[NDArray[Any], Generator | None], dict[str, Any]]  # first spikes, or lists of spikes


class Learner(Protocol):
    """What is trained: a rule that learns from labelled batches, such as `FirstSpike`."""

    loss: Any

    def step(self, *args: Any, **kwargs: Any) -> "Step":
        """Learn from (inputs, labels, optimiser); it takes `rng` too if it is noisy."""

    def state(self) -> dict[str, Any]:
        """Return what the next step depends on."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""


@dataclass(slots=True)
class Tally:
    """What the batches of an epoch add up to."""

    loss: float = 0.0
    correct: int = 0
    samples: int = 0
    bumps: int = 0
    missing: dict[str, float] = field(default_factory=dict)

    def add(self, step: "Step", n: int) -> None:
        """Count a batch of `n` samples."""
        self.loss += step.loss * n
        self.correct += step.correct
        self.samples += n
        self.bumps += step.bumped is not None
        for name, fraction in step.missing.items():
            self.missing[name] = self.missing.get(name, 0.0) + fraction * n

    def metrics(self) -> dict[str, float]:
        """Return the means over the epoch."""
        found = {"train_loss": self.loss / self.samples, "train_accuracy": self.correct / self.samples}
        found |= {f"missing_{name}": total / self.samples for name, total in self.missing.items()}
        return found | {"bumps": self.bumps}


class Training:
    """A network on its way through the epochs of a task.

    Parameters
    ----------
    task : Task
    learner : Learner
    optimiser : Adam
    label_times : callable
        Returns the first spikes (n_samples, n_classes) of the label layer for spike times by source; given a
        generator, those of a noisy network.
    inputs : callable
        Turns samples into spike times by source; given a generator, noisy ones.
    rng : callable
        Returns the stream of random numbers for a purpose, as `Run.rng`.
    epochs, batch : int
    batch_evaluated : int
        Samples shown at once where nothing is learned.
    noisy_inputs, noisy_learner : bool
        What needs random numbers in training; a noisy learner is noisy in evaluation too.
    """

    def __init__(
        self,
        task: Task,
        learner: Learner,
        optimiser: "Adam",
        label_times: Callable[[dict[str, Floats], Generator | None], Floats],
        inputs: Encoder,
        rng: Callable[..., Generator],
        *,
        epochs: int,
        batch: int,
        noisy_inputs: bool = False,
        batch_evaluated: int = EVALUATED,
        noisy_learner: bool = False,
    ) -> None:
        self.task, self.learner, self.optimiser = task, learner, optimiser
        self.label_times, self.inputs, self.rng = label_times, inputs, rng
        self.epochs, self.batch, self.batch_evaluated = epochs, batch, batch_evaluated
        self.noisy_inputs, self.noisy_learner = noisy_inputs, noisy_learner
        self.n_batches = -(-len(task.sets["train"][1]) // batch)
        self.epoch = self.next = 0
        self._tally = Tally()
        self._order: Ints | None = None

    @property
    def total(self) -> int:
        """Number of batches of all epochs."""
        return self.epochs * self.n_batches

    @property
    def done(self) -> int:
        """Number of batches that have been learned from."""
        return self.epoch * self.n_batches + self.next

    def advance(self) -> dict[str, float]:
        """Learn from the next batch; at the end of an epoch return its metrics, else nothing."""
        samples, labels = self.task.sets["train"]
        if self._order is None:
            self._order = self.rng("shuffle", self.epoch).permutation(len(labels))
        chosen = self._order[self.next * self.batch : (self.next + 1) * self.batch]
        rng = self.rng("noise", self.epoch, self.next) if self.noisy_inputs else None
        spikes = self.inputs(samples[chosen], rng)
        noise = {"rng": self.rng("hardware", self.epoch, self.next)} if self.noisy_learner else {}
        step = self.learner.step(spikes, labels[chosen], self.optimiser, **noise)
        self._tally.add(step, len(chosen))
        self.next += 1
        if self.next < self.n_batches:
            return {}
        metrics = self._tally.metrics() | {"validation_accuracy": self.accuracy("validation")}
        metrics["learning_rate"] = self.optimiser.learning_rate
        self.optimiser.end_epoch()
        self.epoch, self.next = self.epoch + 1, 0
        self._tally, self._order = Tally(), None
        return metrics

    def train(self, run: Run) -> None:
        """Go through what is left of the epochs, with checkpoints; each epoch adds to the run's series."""
        if run.state:
            self.restore(run.state)
        shown: dict[str, float] = {}
        with run.progress(self.total, "batch", self.done) as bar:
            while self.epoch < self.epochs:
                run.checkpoint(self.state)
                metrics = self.advance()
                for name, value in metrics.items():
                    run.series(name, value)
                if metrics:
                    shown = {"loss": metrics["train_loss"], "validation": metrics["validation_accuracy"]}
                bar.update(1, **shown)

    def outputs(self, split: str) -> Floats:
        """Return the first spikes of the label layer for a set, shape (n_samples, n_classes)."""
        samples, _ = self.task.sets[split]
        parts = []
        for k in range(0, len(samples), self.batch_evaluated):
            rng = self.rng("hardware", split, self.epoch, k) if self.noisy_learner else None
            parts.append(self.label_times(self.inputs(samples[k : k + self.batch_evaluated], None), rng))
        return np.concatenate(parts)

    def accuracy(self, split: str) -> float:
        """Return the fraction of a set that is given its label."""
        return float((self.learner.loss.predict(self.outputs(split)) == self.task.sets[split][1]).mean())

    def measure(self, tau_syn: float) -> tuple[dict[str, float], Ints]:
        """Return metrics of all sets, and the classes of the test samples; to be called once, at the end."""
        metrics: dict[str, float] = {}
        for split in ("train", "validation", "test"):
            times = self.outputs(split)
            predicted = self.learner.loss.predict(times)
            metrics[f"{split}_accuracy"] = float((predicted == self.task.sets[split][1]).mean())
        first = times.min(axis=1)
        spoke = np.isfinite(first)
        if spoke.any():
            metrics["first_label_spike"] = float(first[spoke].mean()) / tau_syn
        metrics["silent_test_samples"] = float((~spoke).sum())
        return metrics, predicted

    def evaluate(self, run: Run, tau_syn: float) -> None:
        """Put what `measure` finds into a run."""
        metrics, predicted = self.measure(tau_syn)
        for name, value in metrics.items():
            run.metric(name, value)
        samples, labels = self.task.sets["test"]
        run.parameter("test_labels", labels)
        run.parameter("test_predicted", predicted)
        if self.task.name == "yin-yang":
            run.parameter("test_samples", samples)

    def state(self) -> dict[str, Any]:
        """Return what the next batch depends on, and the name of the data."""
        return {
            "dataset": self.task.name,
            "epoch": self.epoch,
            "batch": self.next,
            "tally": asdict(self._tally),
            "learner": self.learner.state(),
            "optimiser": self.optimiser.state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        self.epoch, self.next = int(state["epoch"]), int(state["batch"])
        self._tally, self._order = Tally(**state["tally"]), None
        self.learner.restore(state["learner"])
        self.optimiser.restore(state["optimiser"])


def shown(
    task: Task, network: "Network", inputs: Encoder, n_samples: int, slot: float, hardware: Any = None
) -> dict[str, Spikes]:
    """Simulate the first test samples event by event, sample k beginning at k * slot; return all spikes."""
    from eventsim import Simulation

    samples, _ = task.sets["test"]
    sim = Simulation(network, hardware=hardware)
    found: dict[str, list[Spikes]] = {name: [] for name in network.populations}
    for k in range(min(n_samples, len(samples))):
        sim.reset()
        for source, times in inputs(samples[k : k + 1], None).items():
            if isinstance(times, list):  # all spikes of each sample
                sim.stimulate(source, times[0].times, times[0].units)
                continue
            units = np.flatnonzero(times[0] < slot)
            sim.stimulate(source, times[0, units], units)
        sim.run(slot)
        for name, parts in found.items():
            spikes = sim.spikes(name)
            parts.append(Spikes(k * slot + spikes.times, spikes.units))
    return {
        name: Spikes(
            np.concatenate([part.times for part in parts] or [np.zeros(0)]),
            np.concatenate([part.units for part in parts] or [np.zeros(0, np.int64)]),
        )
        for name, parts in found.items()
    }


def record(
    run: Run,
    task: Task,
    network: "Network",
    inputs: Encoder,
    n_samples: int,
    slot: float,
    hardware: Any = None,
) -> None:
    """Put the spikes of `shown` into the run's file."""
    for name, spikes in shown(task, network, inputs, n_samples, slot, hardware).items():
        if name not in run.file.populations:
            run.file.add_population(name, network.populations[name].n)
        run.file.append_spikes(name, spikes.times, spikes.units)
    labels = task.sets["test"][1][:n_samples]
    run.file.put(duration=len(labels) * slot, parameters={"recorded_labels": labels})
