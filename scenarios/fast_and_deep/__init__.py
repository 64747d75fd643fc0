"""First-spike learning: networks that say the class by which output neuron spikes first.

Each value of a sample becomes one input spike, early for small values. Every neuron spikes at most
once, its time is an exact function of the spikes before, and the weights follow the exact gradient
of a loss of the output times (Göltz, Kriener et al. 2021, tables of settings in their code). At the
end the trained network is simulated by the event engine on the first test samples.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import Ge, Le
from numpy.typing import NDArray

from eventsim import rng as streams
from eventsim.models.training.task import Task
from eventsim.registry import register
from eventsim.scenarios import tasks
from eventsim.scenarios.scenario import FINITE, NOT_NEGATIVE, POSITIVE, Run, Scenario
from eventsim.scenarios.spike_training import evaluate, record, train
from eventsim.trace import Floats

if TYPE_CHECKING:
    from eventsim import Network
    from eventsim.models.training.hardware_noise import WeightGrid
    from eventsim.models.training.spike_learner import SpikeLearner
    from eventsim.models.training.trainer import Trainer

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


@register("scenario", "fast-and-deep")
@dataclass(frozen=True, slots=True, kw_only=True)
class FastAndDeep(Scenario):
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
        "brainscales2": {
            "copies": 5,
            "v_th": 1.52,
            "bias_for_label": False,
            # The published (0.1, 0.075) and (0.12, 0.15) leave all hidden neurons of our chip silent.
            "init_mean": (0.45, 0.75),
            "init_std": (0.55, 1.0),
            "epochs": 60,
            "batch": 40,
            "learning_rate": 0.003,
            "decay_every": 6,
            "decay": 0.8,
            "max_missing": (0.3, 0.05),
        },
        "quick": {
            "init_std": (1.8, 0.8),
            "epochs": 30,
            "batch": 100,
            "learning_rate": 0.02,
            "decay_every": 3,
            "decay": 0.8,
            "max_missing": (0.3, 0.1),
        },
    }

    dataset: Annotated[
        Literal["yin-yang", "mnist", "mnist-16x16", "digits"], "digits: the 8x8 ones of scikit-learn"
    ] = "yin-yang"
    n_hidden: Annotated[int, Ge(1), Le(10**6), "neurons of the hidden layer"] = 120
    tau_mem: Annotated[float, *POSITIVE, "ms, membrane"] = 1.0
    tau_syn: Annotated[float, *POSITIVE, "ms, synaptic current; times below are in its units"] = 1.0
    v_th: Annotated[float, *POSITIVE, "threshold"] = 1.0
    copies: Annotated[int, Ge(1), "lines of each input and of the bias into the hidden layer"] = 1
    bias_for_label: Annotated[bool, "whether the bias leads to the label layer too"] = True
    bias_time: Annotated[float | None, "tau_syn, spike of the bias; none for no bias"] = 0.9
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
    in_the_loop: Annotated[bool, "with --hardware: trained on it; false: trained without, then put on it"] = (
        True
    )
    hardware_slot: Annotated[float, *POSITIVE, "tau_syn, time of a sample on hardware"] = 30.0

    accepts_hardware: ClassVar[bool] = True

    def run(self, run: Run) -> None:
        """Train, evaluate once, and simulate the trained network on a few samples.

        With hardware, the network is trained with it in the loop, or without and put on it then.
        """
        from eventsim.scenarios import on_hardware

        task, hardware = self.task(run), on_hardware.hardware_of(run)
        trainer = self.trainer(task, run.seed, run.threads, hardware if self.in_the_loop else None)
        learner: Any = trainer.learner
        nominal = on_hardware.nominal(learner.network)
        for projection in nominal.network().projections:
            run.parameter(
                f"initial/{'' if hardware is None else 'weight/'}{projection.name}",
                np.asarray(projection.weight),
            )
        train(run, trainer, task.name)
        for projection in nominal.network().projections:
            run.parameter(f"weight/{projection.name}", np.asarray(projection.weight))
        until, slot = self.hardware_slot * self.tau_syn, self.slot * self.tau_syn
        if hardware is not None and not self.in_the_loop:
            learner = replace(learner, network=on_hardware.on_target(nominal, hardware, until))
        evaluate(run, learner, trainer.epoch, self.tau_syn)
        if hardware is not None:
            first = run.metrics.get("first_label_spike", 0.0) * self.tau_syn
            on_hardware.report(run, learner.network, hardware, first, until)
        part = on_hardware.simulated_part(hardware)
        record(run, task, nominal.network(), learner.encode, self.test_samples_recorded, slot, part)

    # ---------------------------------------------------------------------------- what is built

    def data_sets(self) -> tuple[str, ...]:
        """Return the published data sets that the run reads."""
        return ("mnist",) if self.dataset.startswith("mnist") else ()

    def task(self, run: Run) -> Task:
        """Return the data set; the small digits where MNIST is missing and no folder was named."""
        name: str = run.state["dataset"] if run.state else self.dataset
        if name == "yin-yang":
            return tasks.yin_yang()
        if name == "digits":
            return tasks.digits()
        try:
            return tasks.mnist(run, size=28 if name == "mnist" else 16)
        except FileNotFoundError as missing:
            run.use_replacement_data("the 8x8 digits", missing)
            return tasks.digits()

    def network(self, task: Task, seed: int) -> "Network":
        """Return the untrained network of a seed: sources, hidden and label layer."""
        from eventsim import Network, models

        net = Network(seed=seed)
        neuron = models.LIF(
            tau_mem=self.tau_mem,
            tau_syn=self.tau_syn,
            c_mem=self.tau_syn,
            v_th=self.v_th,
            first_spike_only=True,
        )
        sizes = {
            "input": task.n_inputs * self.copies,
            "bias": self.copies,
            "hidden": self.n_hidden,
            "label": task.n_classes,
        }
        if self.bias_time is None:
            del sizes["bias"]
        for name, n in sizes.items():
            net.add(name, neuron if name in ("hidden", "label") else models.SpikeSource(), n)
        for k, (pre, post) in enumerate((("input", "hidden"), ("hidden", "label"))):
            for source in (pre, "bias"):
                if source in sizes and (source != "bias" or k == 0 or self.bias_for_label):
                    shape = sizes[source], sizes[post]
                    rng = streams.stream(seed, "weight", source, post)
                    draw = rng.normal(self.init_mean[k], self.init_std[k], shape)
                    net.connect(source, post, weight=draw)
        return net

    def learner(
        self, network: "Network", threads: int, weights: "WeightGrid | None" = None
    ) -> "SpikeLearner":
        """Return what trains the network, with the weights of a chip if there is one."""
        from eventsim.models.training.losses.first_spike import TimeToFirstSpike
        from eventsim.models.training.spike_learner import SpikeLearner

        return SpikeLearner(
            network,
            "label",
            TimeToFirstSpike(self.xi, self.alpha, self.beta),
            learn="weight",
            max_missing=dict(zip(("hidden", "label"), self.max_missing, strict=True)),
            bump=self.bump,
            max_dw_norm=self.max_dw_norm,
            threads=threads,
            weights=weights,
        )

    def trainer(self, task: Task, seed: int, threads: int = 1, hardware: Any = None) -> "Trainer":
        """Return the trainer of the network of a seed, with hardware in the loop if there is some."""
        from eventsim.models.training.batches import Batches, shuffled
        from eventsim.models.training.optimisers import Adam
        from eventsim.models.training.schedules import StepDecay
        from eventsim.models.training.supervised import SupervisedLearner
        from eventsim.models.training.trainer import Trainer
        from eventsim.scenarios import on_hardware

        network, rng = self.network(task, seed), partial(streams.stream, seed)
        trained: Any = self.learner(network, threads, on_hardware.weight_grid(hardware, network))
        if hardware is not None:
            trained = on_hardware.on_target(trained, hardware, self.hardware_slot * self.tau_syn)
        learner = SupervisedLearner(
            network=trained,
            optimiser=Adam(self.learning_rate),
            task=task,
            encode=lambda samples, rng: on_hardware.rows_for_all(self.inputs(task, samples, rng)),
            rng=rng,
            noisy_inputs=self.noise > 0,
        )
        n = task.size("train")
        return Trainer(
            learner,
            Batches(n, self.batch, shuffled(n, rng)),
            epochs=self.epochs,
            schedule=StepDecay(self.decay_every, self.decay),
        )

    def inputs(
        self, task: Task, samples: NDArray[Any], rng: np.random.Generator | None = None
    ) -> dict[str, Floats]:
        """Return the spike times of every source for some samples; with `rng`, noisy ones."""
        from eventsim.models.inputs import encoding

        times = task.encode(samples)
        if rng is not None and self.noise > 0:
            times = encoding.noisy(times, self.noise, rng)
        sources = {"input": np.tile(times * self.tau_syn, (1, self.copies))}
        if self.bias_time is not None:
            sources["bias"] = np.tile(encoding.bias(self.bias_time * self.tau_syn), (1, self.copies))
        return sources
