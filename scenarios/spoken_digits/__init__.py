"""Spoken digits: a recurrent network of spiking neurons with trained delays tells which digit was said.

The spikes of 700 channels of a cochlea reach a hidden layer whose neurons are connected to one another; each
channel and each neuron has a delay of its own, and delays are trained together with the weights by exact
gradients of spike times. Outputs do not spike: their membranes integrate, and the class is the output whose
membrane comes highest (Wunderlich and Pehle 2021). Hidden neurons are kept active as in Nowotny et al. 2025.

The data are FSDD spikes, made from the Free Spoken Digit Dataset. They are not the Heidelberg digits (SHD):
accuracies on the one cannot be compared with those on the other.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from eventsim.models.training.task import Task
from eventsim.registry import register
from eventsim.scenarios.scenario import Run
from eventsim.scenarios.spike_training import evaluate, record, train
from eventsim.scenarios.spoken_digits import data as spoken_data
from eventsim.scenarios.spoken_digits.data import DURATION, N_CHANNELS, Variation
from eventsim.scenarios.spoken_digits.settings import Settings

if TYPE_CHECKING:
    from eventsim import Network
    from eventsim.models.training.regularisers import ActiveLearner
    from eventsim.models.training.trainer import Trainer
    from eventsim.scenarios.trained_models import Rebuilt, TrainedModel


@register("scenario", "spoken-digits")
@dataclass(frozen=True, slots=True, kw_only=True)
class SpokenDigits(Settings):
    """Spoken digits as spikes, classified by a recurrent network with trained delays."""

    def run(self, run: Run) -> None:
        """Train, and evaluate once."""
        task = self.task(run)
        network = self.learner(self.network(run, task), task, run.threads)
        for name, value in network.spike_gradient.parameters.items():
            if name.startswith("delay/"):
                run.parameter(f"initial/{name}", value)
        trainer = self.trainer(run, task, network)
        learner: Any = trainer.learner
        train(run, trainer, task.name)
        evaluate(run, learner, trainer.epoch, self.tau_syn)
        for name, value in network.spike_gradient.parameters.items():
            if name.startswith(("weight/", "delay/")):
                run.parameter(name, value)
        record(run, task, network.network(), learner.encode, self.test_samples_recorded, self.until(task))

    def trained(self, rebuilt: "Rebuilt") -> "TrainedModel":
        """Return the trained network; see `Scenario.trained`."""
        from eventsim.models.training.losses.classes import MaxMembrane
        from eventsim.models.training.spike_learner import SpikeLearner
        from eventsim.scenarios import trained_models

        run = rebuilt.run
        task = self.task(run)
        network = trained_models.with_parameters(self.network(run, task), rebuilt.parameters)
        until, loss = self.until(task), MaxMembrane(self.temperature)
        return trained_models.spiking(
            rebuilt,
            SpikeLearner(network, "label", loss, learn="weight", until=until, threads=run.threads),
            task,
            lambda samples, rng: self.inputs(task, samples),
            learned=("weight", "delay") if self.train_delays else ("weight",),
            slot=until,
            block=128,
        )

    # ---------------------------------------------------------------------------- what is built

    def data_sets(self) -> tuple[str, ...]:
        """Return the published data sets that the run reads."""
        return () if self.dataset == "sweeps" else (self.dataset,)

    def task(self, run: Run) -> Task:
        """Return the data set; synthetic spikes where it is missing and no folder was named."""
        name: str = run.state["dataset"] if run.state else self.dataset
        try:
            return spoken_data.task(run, name)
        except FileNotFoundError as missing:
            run.use_replacement_data("synthetic sweeps of spikes", missing)
            return spoken_data.task(run, "sweeps")

    def network(self, run: Run, task: Task) -> "Network":
        """Return the untrained network: channels, hidden layer, label layer."""
        from eventsim import Network, models

        n_inputs, n, n_labels = -(-N_CHANNELS // self.group), self.n_hidden, task.n_classes
        net = Network(seed=run.seed, time_unit="ms")
        hidden = models.LIF(tau_mem=self.tau_mem, tau_syn=self.tau_syn, t_ref=self.t_ref)
        label = models.LIF(tau_mem=self.tau_label, tau_syn=self.tau_syn_label, v_th=np.inf)
        net.add("input", models.SpikeSource(), n_inputs)
        net.add("hidden", hidden, n)
        net.add("label", label, n_labels)
        # A spike of weight w lifts the membrane by w tau_mem tau_syn in the integral over time.
        lift = 100.0 / (self.tau_mem * self.tau_syn)
        label_lift = 250.0 / (self.tau_label * self.tau_syn_label)
        for pre, post, shape, mean, std, least in (
            ("input", "hidden", (n_inputs, n), 0.0042 * lift, 0.042 * lift, 0.0),
            ("hidden", "hidden", (n, n), 0.0, 0.01 * lift * np.sqrt(128 / n), 5.0),
            ("hidden", "label", (n, n_labels), 0.0, 0.007 * label_lift * np.sqrt(128 / n), 0.0),
        ):
            weight = run.rng("weight", pre, post).normal(mean, std, shape)
            delay = least + run.rng("delay", pre, post).uniform(0.0, 2 * self.delay, (shape[0], 1))
            net.connect(pre, post, weight=weight, delay=delay)
        return net

    def learner(self, network: "Network", task: Task, threads: int) -> "ActiveLearner":
        """Return what trains the network."""
        from eventsim.models.training.losses.classes import MaxMembrane
        from eventsim.models.training.parametrisations import Sigmoid
        from eventsim.models.training.regularisers import ActiveLearner, Activity

        # Short loops would cut a run into many windows, so recurrent delays stay above 4 ms.
        loop = Sigmoid(scale=self.longest_delay - 4.0, shift=4.0)
        return ActiveLearner(
            network,
            "label",
            MaxMembrane(self.temperature),
            learn=("weight", "delay") if self.train_delays else ("weight",),
            delays={
                "input->hidden": Sigmoid(scale=self.longest_delay),
                "hidden->hidden": loop,
                "hidden->label": Sigmoid(scale=self.longest_delay),
            },
            until=self.until(task),
            threads=threads,
            max_slope_inverse=self.max_slope_inverse,
            activity={"hidden": Activity(*self.activity, pull=self.pull, bump=self.bump)},
        )

    def until(self, task: Task) -> float:
        """Return when a sample ends, ms: the longest recording, and time for what it set going."""
        return DURATION[task.name] + 100.0

    def trainer(self, run: Run, task: Task, network: "ActiveLearner") -> "Trainer":
        """Return the trainer of the network."""
        from eventsim.models.training.batches import Batches, shuffled
        from eventsim.models.training.optimisers import Adam
        from eventsim.models.training.schedules import CosineDecay
        from eventsim.models.training.supervised import SupervisedLearner
        from eventsim.models.training.trainer import Trainer

        learning_rates = {
            "weight": self.learning_rate,
            "weight/hidden->label": self.label_learning_rate,
        } | ({"delay": self.delay_learning_rate} if self.train_delays else {})
        optimiser = Adam(
            learning_rates,
            beta2=self.beta2,
            # Gradients through loops are long now and then; a batch is not to count more for that.
            max_norm=self.max_norm,
        )
        learner = SupervisedLearner(
            network=cast("Any", network),
            optimiser=optimiser,
            task=task,
            encode=lambda samples, rng: self.inputs(task, samples, rng),
            rng=run.rng,
            noisy_inputs=True,
            block=128,
        )
        n = task.size("train")
        return Trainer(
            learner,
            Batches(n, self.batch, shuffled(n, run.rng)),
            epochs=self.epochs,
            schedule=CosineDecay(max(self.epochs, 1)),
        )

    def inputs(self, task: Task, samples: NDArray[Any], rng: Generator | None = None) -> dict[str, Any]:
        """Return the spikes of the channels for some samples; with `rng`, varied ones."""
        if rng is not None:
            vary = Variation(self.shift, self.jitter, self.stretch, self.drop)
            samples = [vary(each, rng) for each in samples]  # type: ignore[assignment]
        return {"input": spoken_data.spikes(samples, self.group, DURATION[task.name])}
