"""First-spike learning: networks that say the class by which output neuron spikes first.

Each value of a sample becomes one input spike, early for small values. Every neuron spikes at most
once, its time is an exact function of the spikes before, and the weights follow the exact gradient
of a loss of the output times (Göltz, Kriener et al. 2021, tables of settings in their code). At the
end the trained network is simulated by the event engine on the first test samples.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eventsim import rng as streams
from eventsim.errors import ConfigError
from eventsim.models.training.task import Task
from eventsim.registry import register
from eventsim.scenarios import tasks
from eventsim.scenarios.fast_and_deep.settings import Settings
from eventsim.scenarios.scenario import Run
from eventsim.scenarios.spike_training import evaluate, rate_schedule, record, train
from eventsim.trace import Floats

if TYPE_CHECKING:
    from eventsim import Network
    from eventsim.models.training.hardware_noise import WeightGrid
    from eventsim.models.training.spike_learner import SpikeLearner
    from eventsim.models.training.trainer import Trainer
    from eventsim.scenarios.trained_models import Rebuilt, TrainedModel


@register("scenario", "fast-and-deep")
@dataclass(frozen=True, slots=True, kw_only=True)
class FastAndDeep(Settings):
    """Learning by first-spike times, with exact gradients, on Yin-Yang or MNIST."""

    def run(self, run: Run) -> None:
        """Train, evaluate once, and simulate the trained network on a few samples.

        With hardware, the network is trained with it in the loop, or without and put on it then.
        """
        from eventsim.scenarios import on_hardware

        task, hardware = self.task(run), on_hardware.hardware_of(run)
        if hardware is not None and self.neuron != "lif":
            raise ConfigError(f"hardware has LIF neurons, got neuron={self.neuron}; leave --hardware out")
        if hardware is not None and self.in_the_loop and self.silent_pull:
            raise ConfigError(
                f"hardware shows no membranes to pull, got silent_pull={self.silent_pull:g}; set it to 0, or "
                "in_the_loop=false"
            )
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
            first = run.metrics.get("first_label_spike")
            first = None if first is None else first * self.tau_syn
            on_hardware.report(run, learner.network, hardware, first, until)
        part = on_hardware.simulated_part(hardware)
        record(run, task, nominal.network(), learner.encode, self.test_samples_recorded, slot, part)

    def trained(self, rebuilt: "Rebuilt") -> "TrainedModel":
        """Return the trained network; see `Scenario.trained`."""
        from eventsim.scenarios import on_hardware, trained_models

        task = self.task(rebuilt.run)
        network = trained_models.with_parameters(self.network(task, rebuilt.run.seed), rebuilt.parameters)
        return trained_models.spiking(
            rebuilt,
            self.learner(network, rebuilt.run.threads),
            task,
            lambda samples, rng: on_hardware.rows_for_all(self.inputs(task, samples)),
            learned=("weight",),
            slot=self.slot * self.tau_syn,
        )

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
        neurons = self.neurons()
        sizes = {
            "input": task.n_inputs * self.copies,
            "bias": self.copies,
            "hidden": self.n_hidden,
            "label": task.n_classes,
        }
        if self.bias_time is None:
            del sizes["bias"]
        for name, n in sizes.items():
            net.add(name, neurons.get(name, models.SpikeSource()), n)
        for k, (pre, post) in enumerate((("input", "hidden"), ("hidden", "label"))):
            for source in (pre, "bias"):
                if source in sizes and (source != "bias" or k == 0 or self.bias_for_label):
                    shape = sizes[source], sizes[post]
                    rng = streams.stream(seed, "weight", source, post)
                    draw = rng.normal(self.init_mean[k], self.init_std[k], shape)
                    net.connect(source, post, weight=draw)
        if self.end_time is not None:
            net.add("end", models.SpikeSource(), 1)
            net.connect("end", "label", weight=np.full((1, task.n_classes), self.end_weight))
        return net

    def neurons(self) -> dict[str, Any]:
        """Return the neurons of the hidden and the label layer.

        Raises
        ------
        ConfigError
            If quadratic neurons are asked for with time constants for which they have no closed form.
        """
        from eventsim import models

        if self.neuron == "lif":
            leaky = models.LIF(
                tau_mem=self.tau_mem,
                tau_syn=self.tau_syn,
                c_mem=self.tau_syn,
                v_th=self.v_th,
                first_spike_only=True,
            )
            return {"hidden": leaky, "label": leaky}
        if self.tau_mem != 2 * self.tau_syn:
            raise ConfigError(
                f"neuron=qif needs tau_mem = 2 tau_syn, got tau_mem={self.tau_mem:g} and "
                f"tau_syn={self.tau_syn:g}"
            )
        constants: dict[str, Any] = {"tau_mem": self.tau_mem, "c_mem": self.tau_mem, "v_t": self.v_th}
        return {"hidden": models.QIF(**constants), "label": models.QIF(**constants, t_ref=np.inf)}

    def learner(
        self, network: "Network", threads: int, weights: "WeightGrid | None" = None
    ) -> "SpikeLearner":
        """Return what trains the network, with the weights of a chip if there is one."""
        from eventsim.models.training.losses.first_spike import TimeToFirstSpike
        from eventsim.models.training.silent_outputs import SilentOutputs
        from eventsim.models.training.spike_learner import SpikeLearner

        return SpikeLearner(
            network,
            "label",
            TimeToFirstSpike(self.xi, self.alpha, self.beta),
            learn=[f"weight/{p.name}" for p in network.projections if p.pre != "end"],
            max_missing=dict(zip(("hidden", "label"), self.max_missing, strict=True)),
            bump=self.bump,
            max_dw_norm=self.max_dw_norm,
            threads=threads,
            weights=weights,
            silent=SilentOutputs(self.silent_pull) if self.silent_pull else None,
        )

    def trainer(self, task: Task, seed: int, threads: int = 1, hardware: Any = None) -> "Trainer":
        """Return the trainer of the network of a seed, with hardware in the loop if there is some."""
        from eventsim.models.training.batches import Batches, shuffled
        from eventsim.models.training.optimisers import Adam
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
            schedule=rate_schedule(self.lr_schedule, self.epochs, self.decay_every, self.decay),
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
        if self.end_time is not None:
            sources["end"] = encoding.bias(self.end_time * self.tau_syn)
        return sources
