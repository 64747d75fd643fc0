"""Training of spiking classifiers in a run: checkpoints, metrics, and what the trained network does."""

from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim.models.training.earlier_states import current_state
from eventsim.models.training.task import Task
from eventsim.scenarios.scenario import Run
from eventsim.trace import Floats, Ints, Samples, Spikes

if TYPE_CHECKING:
    from eventsim import Network
    from eventsim.models.training.schedules import Schedule
    from eventsim.models.training.supervised import Encoder, SupervisedLearner
    from eventsim.models.training.trainer import Trainer


MEMBRANE_SAMPLES = 250
"""Samples of a membrane in each sample that a run records."""


def train(run: Run, trainer: "Trainer", dataset: str) -> None:
    """Train to the end, from the run's state if it has one; each epoch adds to the run's series.

    The name of the data set is kept in the state, for a run to go on with the data it began with.
    """
    if run.state:
        trainer.restore(current_state(run.state))
    trainer.run(
        checkpoint=lambda state: run.checkpoint(lambda: {"dataset": dataset} | state()),
        log=run.series,
        progress=run.progress,
    )
    run.last_state = {"dataset": dataset} | trainer.state()


def rate_schedule(lr_schedule: str, epochs: int, every: int, factor: float) -> "Schedule":
    """Return how learning rates fall: in the steps of the papers, or along a cosine to zero at the end."""
    from eventsim.models.training.schedules import CosineDecay, StepDecay

    return CosineDecay(max(epochs, 1)) if lr_schedule == "cosine" else StepDecay(every, factor)


def measure(learner: "SupervisedLearner", epoch: int, tau_syn: float) -> tuple[dict[str, float], Ints]:
    """Return metrics of all sets, and the classes of the test samples; to be called once, at the end."""
    metrics: dict[str, float] = {}
    predicted = np.empty(0, np.int64)
    for split in ("train", "validation", "test"):
        if learner.network.reads_first_spikes:
            times = learner.first_spikes(split, epoch)
            predicted = learner.network.classes_of(times)
        else:
            predicted = learner.predict(split, epoch)
        metrics[f"{split}_accuracy"] = float((predicted == learner.task.labels(split)).mean())
    if learner.network.reads_first_spikes:
        first = times.min(axis=1)
        spiked = np.isfinite(first)
        if spiked.any():
            metrics["first_label_spike"] = float(first[spiked].mean()) / tau_syn
        metrics["silent_test_samples"] = float((~spiked).sum())
    return metrics, predicted


def evaluate(run: Run, learner: "SupervisedLearner", epoch: int, tau_syn: float) -> None:
    """Put what `measure` returns into a run."""
    metrics, predicted = measure(learner, epoch, tau_syn)
    for name, value in metrics.items():
        run.metric(name, value)
    samples, labels = learner.task.sets["test"]
    run.parameter("test_labels", labels)
    run.parameter("test_predicted", predicted)
    if learner.task.name == "yin-yang":
        run.parameter("test_samples", samples)


def shown(
    task: Task, network: "Network", inputs: "Encoder", n_samples: int, slot: float, hardware: Any = None
) -> dict[str, Spikes]:
    """Simulate the first test samples event by event, sample k beginning at k * slot; return all spikes."""
    return _shown(task, network, inputs, n_samples, slot, hardware)[0]


def _shown(
    task: Task, network: "Network", inputs: "Encoder", n_samples: int, slot: float, hardware: Any
) -> tuple[dict[str, Spikes], dict[str, Samples]]:
    """Return the spikes of `shown`, and the membranes of outputs that cannot spike."""
    from eventsim import Simulation

    samples, _ = task.sets["test"]
    sim = Simulation(network, hardware=hardware)
    recorded: dict[str, list[Spikes]] = {name: [] for name in network.populations}
    every = slot / MEMBRANE_SAMPLES
    silent = [
        name
        for name, population in network.populations.items()
        if np.all(np.asarray(getattr(population.model, "v_th", 0.0)) == np.inf)
    ]
    membranes: dict[str, list[Floats]] = {name: [] for name in silent}
    for name in silent:
        sim.record(name, "v", every=every)
    for k in range(min(n_samples, len(samples))):
        sim.reset()
        for source, times in inputs(samples[k : k + 1], None).items():
            if isinstance(times, list):  # all spikes of each sample
                sim.stimulate(source, times[0].times, times[0].units)
                continue
            units = np.flatnonzero(times[0] < slot)
            sim.stimulate(source, times[0, units], units)
        sim.run(slot)
        for name, parts in recorded.items():
            spikes = sim.spikes(name)
            parts.append(Spikes(k * slot + spikes.times, spikes.units))
        for name, rows in membranes.items():
            rows.append(sim.trace(name, "v").values[:MEMBRANE_SAMPLES])
    spikes_of = {
        name: Spikes(
            np.concatenate([part.times for part in parts] or [np.zeros(0)]),
            np.concatenate([part.units for part in parts] or [np.zeros(0, np.int64)]),
        )
        for name, parts in recorded.items()
    }
    sampled = {}
    for name, rows in membranes.items():
        values = np.concatenate([np.zeros((0, network.populations[name].n)), *rows])
        sampled[name] = Samples(
            every * np.arange(len(values), dtype=np.float64),
            values,
            np.arange(network.populations[name].n),
            every,
        )
    return spikes_of, sampled


def record(
    run: Run,
    task: Task,
    network: "Network",
    inputs: "Encoder",
    n_samples: int,
    slot: float,
    hardware: Any = None,
) -> None:
    """Put the spikes of `shown` into the run's file, and the membranes of outputs that cannot spike."""
    spikes_of, sampled = _shown(task, network, inputs, n_samples, slot, hardware)
    for name, spikes in spikes_of.items():
        if name not in run.file.populations:
            run.file.add_population(name, network.populations[name].n)
        run.file.append_spikes(name, spikes.times, spikes.units)
    for name, membrane in sampled.items():
        if len(membrane.times):
            run.file.add_report(name, "v", membrane.units, membrane.every)
            run.file.append_samples(name, "v", membrane.times, membrane.values)
    labels = task.sets["test"][1][:n_samples]
    run.file.put(duration=len(labels) * slot, parameters={"recorded_labels": labels})
