"""First-spike learning: networks that say the class by which output neuron spikes first.

Each value of a sample becomes one input spike, early for small values. Every neuron spikes at most
once, its time is an exact function of the spikes before, and the weights follow the exact gradient
of a loss of the output times (Göltz, Kriener et al. 2021, tables of settings in their code). At the
end the trained network is simulated by the event engine on the first test samples.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import Ge, Le
from numpy.typing import NDArray

from eventsim.registry import register
from eventsim.scenarios.scenario import FINITE, NOT_NEGATIVE, POSITIVE, Run
from eventsim.trace import Floats, Ints

if TYPE_CHECKING:
    from eventsim import Network
    from eventsim.models.optimisers import Adam
    from eventsim.models.rules.first_spike import FirstSpike, Step

EARLY, LATE = 0.15, 2.0  # tau_syn; input times of the values 0 and 1
EVALUATED = 1000  # samples encoded at once where nothing is learned
MNIST: dict[str, object] = {
    "bias_time": None,
    "noise": 0.3,
}
MNIST_16: dict[str, object] = MNIST | {
    "dataset": "mnist-16x16",
    "init_mean": (0.1, 0.6),
    "init_std": (0.4, 0.8),
    "epochs": 200,
    "batch": 50,
    "learning_rate": 0.003,
    "decay_every": 10,
    "decay": 0.9,
    "max_missing": (0.5, 0.5),
}
Pair = tuple[Annotated[float, *FINITE], Annotated[float, *FINITE]]
PositivePair = tuple[Annotated[float, *NOT_NEGATIVE], Annotated[float, *NOT_NEGATIVE]]
Fractions = tuple[Annotated[float, Ge(0), Le(1)], Annotated[float, Ge(0), Le(1)]]


@dataclass(frozen=True, slots=True)
class Task:
    """Samples and labels of the three sets, and how samples become input spikes.

    `encode` takes samples (n, ...) and returns times (n, n_inputs) in units of tau_syn.
    """

    name: str
    n_inputs: int
    n_classes: int
    sets: dict[str, tuple[NDArray[Any], Ints]]
    encode: Callable[[NDArray[Any]], Floats]


@register("scenario", "fast-and-deep")
@dataclass(frozen=True, slots=True, kw_only=True)
class FastAndDeep:
    """Learning by first-spike times, with exact gradients, on Yin-Yang or MNIST."""

    paper: ClassVar[str] = "Göltz, Kriener et al. 2021, Fast and energy-efficient neuromorphic deep learning"
    presets: ClassVar[dict[str, dict[str, object]]] = {
        "yin-yang": {},
        "yin-yang-tau2": {"tau_mem": 2.0},
        "mnist": MNIST
        | {
            "dataset": "mnist",
            "n_hidden": 350,
            "init_mean": (0.05, 0.15),
            "init_std": (0.8, 0.8),
            "epochs": 150,
            "batch": 80,
            "learning_rate": 0.005,
            "decay_every": 15,
            "decay": 0.9,
            "max_missing": (0.15, 0.05),
        },
        "mnist-16x16": MNIST_16 | {"n_hidden": 128},
        "mnist-16x16-246": MNIST_16 | {"n_hidden": 246},
        "quick": {
            "epochs": 30,
            "batch": 60,
            "learning_rate": 0.01,
            "decay_every": 3,
            "decay": 0.8,
            "max_missing": (0.3, 0.05),
        },
    }

    dataset: Annotated[
        Literal["yin-yang", "mnist", "mnist-16x16", "digits"], "digits: the 8x8 ones of scikit-learn"
    ] = "yin-yang"
    n_hidden: Annotated[int, Ge(1), "neurons of the hidden layer"] = 120
    tau_mem: Annotated[float, *POSITIVE, "ms, membrane"] = 1.0
    tau_syn: Annotated[float, *POSITIVE, "ms, synaptic current; times below are in its units"] = 1.0
    bias_time: Annotated[float | None, "tau_syn, spike of the bias into both layers; none for no bias"] = 0.9
    init_mean: Annotated[Pair, "initial weights into hidden and label layer"] = (1.5, 0.5)
    init_std: Annotated[PositivePair, "their standard deviations"] = (0.8, 0.8)
    epochs: Annotated[int, Ge(0), "passes over the training set"] = 300
    batch: Annotated[int, Ge(1), "samples a step"] = 150
    learning_rate: Annotated[float, *POSITIVE, "of Adam"] = 0.005
    decay_every: Annotated[int, Ge(1), "epochs between two reductions of the rate"] = 20
    decay: Annotated[float, *POSITIVE, "factor of each reduction"] = 0.95
    noise: Annotated[float, *NOT_NEGATIVE, "tau_syn, of input times in training"] = 0.0
    max_missing: Annotated[Fractions, "silent neurons of each layer that are not bumped"] = (0.3, 0.0)
    bump: Annotated[float, *NOT_NEGATIVE, "added to weights into silent neurons"] = 5e-4
    xi: Annotated[float, *POSITIVE, "tau_syn, scale of time differences in the loss"] = 0.2
    alpha: Annotated[float, *NOT_NEGATIVE, "weight of the pull towards early spikes"] = 0.005
    beta: Annotated[float, *POSITIVE, "tau_syn, scale of lateness"] = 1.0
    max_dw_norm: Annotated[float, *POSITIVE, "larger gradients of a sample and neuron are dropped"] = 0.2
    test_samples_recorded: Annotated[int, Ge(0), "shown to the trained network in the event engine"] = 10
    slot: Annotated[float, *POSITIVE, "tau_syn, time between two of these samples"] = 4.0

    def published(self) -> dict[str, str]:
        """Return what the paper reports for these settings, by metric."""
        for preset, test in (
            ("yin-yang", "0.959 ± 0.007"),
            ("mnist", "0.971 ± 0.001"),
            ("mnist-16x16", "0.968 (the authors' network)"),
            ("mnist-16x16-246", "0.974 ± 0.002"),
        ):
            if self == FastAndDeep(**self.presets[preset]):  # type: ignore[arg-type]
                first = {"yin-yang": "1.04", "mnist": "0.48", "mnist-16x16": "0.94"}
                known = {"test_accuracy": test}
                return known | ({"first_label_spike": first[preset]} if preset in first else {})
        return {}

    def run(self, run: Run) -> None:
        """Train, evaluate once, and simulate the trained network on a few samples."""
        task = self.task(run)
        network = self.network(run, task)
        learner = self.learner(network, run.threads)
        for name, weight in learner.weights.items():
            run.parameter(f"initial/{name}", weight)
        self._train(run, task, learner)
        for name, weight in learner.weights.items():
            run.parameter(f"weight/{name}", weight)
        self._evaluate(run, task, learner)
        self._record(run, task, learner.network())

    # ---------------------------------------------------------------------------- what is built

    def task(self, run: Run) -> Task:
        """Return the data set; where MNIST is missing, scikit-learn's small digits in its place."""
        from eventsim.io import datasets

        name: str = run.state["dataset"] if run.state else self.dataset
        if name == "yin-yang":
            return yin_yang()
        if name == "digits":
            return digits()
        try:
            return mnist(run, size=28 if name == "mnist" else 16)
        except FileNotFoundError:
            if run.state:
                raise
            datasets.digits("test")  # says how to get them if scikit-learn is missing
            run.note("MNIST was not found (--data or EVENTSIM_DATA): scikit-learn's 8x8 digits in its place")
            return digits()

    def network(self, run: Run, task: Task) -> "Network":
        """Return the untrained network: sources, hidden and label layer."""
        from eventsim import Network, models

        net = Network(seed=run.seed)
        neuron = models.LIF(
            tau_mem=self.tau_mem, tau_syn=self.tau_syn, c_mem=self.tau_syn, first_spike_only=True
        )
        sizes = {"input": task.n_inputs, "bias": 1, "hidden": self.n_hidden, "label": task.n_classes}
        if self.bias_time is None:
            del sizes["bias"]
        for name, n in sizes.items():
            net.add(name, neuron if name in ("hidden", "label") else models.SpikeSource(), n)
        for k, (pre, post) in enumerate((("input", "hidden"), ("hidden", "label"))):
            for source in (pre, "bias"):
                if source in sizes:
                    shape = sizes[source], sizes[post]
                    draw = run.rng("weight", source, post).normal(self.init_mean[k], self.init_std[k], shape)
                    net.connect(source, post, weight=draw)
        return net

    def learner(self, network: "Network", threads: int) -> "FirstSpike":
        """Return the rule that trains the network."""
        from eventsim.models.losses import TimeToFirstSpike
        from eventsim.models.rules.first_spike import FirstSpike

        return FirstSpike(
            network,
            "label",
            TimeToFirstSpike(self.xi, self.alpha, self.beta),
            max_missing=dict(zip(("hidden", "label"), self.max_missing, strict=True)),
            bump=self.bump,
            max_dw_norm=self.max_dw_norm,
            threads=threads,
        )

    def inputs(
        self, task: Task, samples: NDArray[Any], rng: np.random.Generator | None = None
    ) -> dict[str, Floats]:
        """Return the spike times of every source for some samples; with `rng`, noisy ones."""
        from eventsim.models import encoding

        times = task.encode(samples)
        if rng is not None and self.noise > 0:
            times = encoding.noisy(times, self.noise, rng)
        sources = {"input": times * self.tau_syn}
        if self.bias_time is not None:
            sources["bias"] = encoding.bias(self.bias_time * self.tau_syn)
        return sources

    # ---------------------------------------------------------------------------- what is done

    def _train(self, run: Run, task: Task, learner: "FirstSpike") -> None:
        from eventsim.models.optimisers import Adam, StepDecay

        schedule = StepDecay(self.decay_every, self.decay)
        optimiser = Adam(self.learning_rate, schedule=schedule)
        samples, labels = task.sets["train"]
        n_batches = -(-len(labels) // self.batch)
        first_epoch = first_batch = 0
        tally = Tally()
        if run.state:
            first_epoch, first_batch = int(run.state["epoch"]), int(run.state["batch"])
            learner.restore(run.state["learner"])
            optimiser.restore(run.state["optimiser"])
            tally = Tally(**run.state["tally"])
        done = first_epoch * n_batches + first_batch
        shown: dict[str, float] = {}
        with run.progress(self.epochs * n_batches, "batch", done) as bar:
            for epoch in range(first_epoch, self.epochs):
                order = run.rng("shuffle", epoch).permutation(len(labels))
                for k in range(first_batch, n_batches):
                    run.checkpoint(partial(_state, task, epoch, k, tally, learner, optimiser))
                    chosen = order[k * self.batch : (k + 1) * self.batch]
                    rng = run.rng("noise", epoch, k) if self.noise > 0 else None
                    step = learner.step(self.inputs(task, samples[chosen], rng), labels[chosen], optimiser)
                    tally.add(step, len(chosen))
                    bar.update(1, **shown)
                shown = self._end_of_epoch(run, task, learner, tally, self.learning_rate * schedule(epoch))
                optimiser.end_epoch()
                tally, first_batch = Tally(), 0

    def _end_of_epoch(
        self, run: Run, task: Task, learner: "FirstSpike", tally: "Tally", rate: float
    ) -> dict[str, float]:
        """Add an epoch to the training series and return what the progress bar shows of it."""
        predicted, _ = self._outputs(task, learner, "validation")
        validation = float((predicted == task.sets["validation"][1]).mean())
        run.series("train_loss", tally.loss / tally.samples)
        run.series("train_accuracy", tally.correct / tally.samples)
        run.series("validation_accuracy", validation)
        run.series("learning_rate", rate)
        run.series("missing_hidden", tally.missing_hidden / tally.samples)
        run.series("missing_label", tally.missing_label / tally.samples)
        run.series("bumps", tally.bumps)
        return {"loss": tally.loss / tally.samples, "validation": validation}

    def _outputs(self, task: Task, learner: "FirstSpike", split: str) -> tuple[Ints, Floats]:
        """Return the class that each sample of a set is given, and when the first output spikes."""
        samples, _ = task.sets[split]
        times = np.concatenate(
            [
                learner.forward(self.inputs(task, samples[k : k + EVALUATED]))["label"]
                for k in range(0, len(samples), EVALUATED)
            ]
        )
        return learner.loss.predict(times), times.min(axis=1)

    def _evaluate(self, run: Run, task: Task, learner: "FirstSpike") -> None:
        """Measure the trained network on all sets; the test set is looked at here only."""
        for split in ("train", "validation", "test"):
            predicted, first = self._outputs(task, learner, split)
            run.metric(f"{split}_accuracy", float((predicted == task.sets[split][1]).mean()))
        spoke = np.isfinite(first)
        if spoke.any():
            run.metric("first_label_spike", float(first[spoke].mean()) / self.tau_syn)
        run.metric("silent_test_samples", float((~spoke).sum()))
        samples, labels = task.sets["test"]
        run.parameter("test_labels", labels)
        run.parameter("test_predicted", predicted)
        if task.name == "yin-yang":
            run.parameter("test_samples", samples)

    def _record(self, run: Run, task: Task, network: "Network") -> None:
        """Simulate the first test samples event by event, sample k beginning at k * slot."""
        from eventsim import Simulation

        samples = task.sets["test"][0][: self.test_samples_recorded]
        slot = self.slot * self.tau_syn
        for name, population in network.populations.items():
            if name not in run.file.populations:
                run.file.add_population(name, population.n)
        sim = Simulation(network)
        for k, sample in enumerate(samples):
            sim.reset()
            for source, times in self.inputs(task, sample[None]).items():
                units = np.flatnonzero(times[0] < slot)
                sim.stimulate(source, times[0, units], units)
            sim.run(slot)
            for name in network.populations:
                spikes = sim.spikes(name)
                run.file.append_spikes(name, k * slot + spikes.times, spikes.units)
        run.file.put(
            duration=len(samples) * slot, parameters={"recorded_labels": task.sets["test"][1][: len(samples)]}
        )


@dataclass(slots=True)
class Tally:
    """What the batches of an epoch add up to."""

    loss: float = 0.0
    correct: int = 0
    samples: int = 0
    missing_hidden: float = 0.0
    missing_label: float = 0.0
    bumps: int = 0

    def add(self, step: "Step", n: int) -> None:
        """Count a batch of `n` samples."""
        self.loss += step.loss * n
        self.correct += step.correct
        self.samples += n
        self.missing_hidden += step.missing["hidden"] * n
        self.missing_label += step.missing["label"] * n
        self.bumps += step.bumped is not None


def _state(
    task: Task, epoch: int, batch: int, tally: Tally, learner: "FirstSpike", optimiser: "Adam"
) -> dict[str, Any]:
    return {
        "dataset": task.name,
        "epoch": epoch,
        "batch": batch,
        "tally": asdict(tally),
        "learner": learner.state(),
        "optimiser": optimiser.state(),
    }


def yin_yang() -> Task:
    """Return the Yin-Yang task: x, y, 1 - x, 1 - y as four spike times."""
    from eventsim.io import datasets
    from eventsim.models import encoding

    sets = {split: datasets.yin_yang(size, seed) for split, (size, seed) in datasets.YIN_YANG.items()}
    return Task("yin-yang", 4, 3, sets, lambda values: encoding.latency(values, EARLY, LATE))


def mnist(run: Run, size: int) -> Task:
    """Return MNIST, dark pixels early, as 28 x 28 or reduced to 16 x 16 (there, background is silent)."""
    from eventsim.io import datasets
    from eventsim.models import encoding

    images, labels = datasets.mnist("train", run.data, size)
    sets = {
        "train": (images[:50_000], labels[:50_000]),
        "validation": (images[50_000:], labels[50_000:]),
        "test": datasets.mnist("test", run.data, size),
    }

    def encode(pixels: NDArray[Any]) -> Floats:
        flat = pixels.reshape(len(pixels), -1)
        if size == 28:
            return encoding.latency(1.0 - flat / 256.0, EARLY, LATE)
        return encoding.latency(1.0 - flat / 255.0, EARLY, LATE, silent_latest=True)

    return Task("mnist" if size == 28 else "mnist-16x16", size * size, 10, sets, encode)


def digits() -> Task:
    """Return scikit-learn's 8 x 8 digits, the last fifth of its training images for validation."""
    from eventsim.io import datasets
    from eventsim.models import encoding

    images, labels = datasets.digits("train")
    n = len(labels) * 4 // 5
    sets = {
        "train": (images[:n], labels[:n]),
        "validation": (images[n:], labels[n:]),
        "test": datasets.digits("test"),
    }
    return Task(
        "digits",
        64,
        10,
        sets,
        lambda pixels: encoding.latency(1.0 - pixels.reshape(len(pixels), -1) / 16.0, EARLY, LATE),
    )
