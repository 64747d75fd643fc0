"""DelGrad: delays learned together with weights, by exact gradients of first-spike times, on Yin-Yang.

A spike of neuron i arrives at neuron j a delay later, and the loss depends on differences of output times
only, so that delays which shift all outputs cost nothing (Göltz et al. 2025, settings in their code). Three
kinds of network are compared: weights alone (W), weights and one delay for each source (WA), weights and one
delay for each synapse (WS); the same with the noise of an analog chip; and all over sizes of hidden layers.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from eventsim import rng as streams
from eventsim.errors import ConfigError
from eventsim.models.training.task import Task
from eventsim.registry import register
from eventsim.scenarios import tasks
from eventsim.scenarios.delgrad.presets import NOISE_KEYS
from eventsim.scenarios.delgrad.settings import Settings
from eventsim.scenarios.scenario import Run, Scenario
from eventsim.scenarios.spike_training import evaluate, rate_schedule, record, shown, train
from eventsim.trace import Floats, Trace

if TYPE_CHECKING:
    from eventsim import Network
    from eventsim.models.training.hardware_noise import WeightGrid
    from eventsim.models.training.parametrisations import DelayMap
    from eventsim.models.training.spike_learner import SpikeLearner
    from eventsim.models.training.trainer import Trainer
    from eventsim.scenarios.trained_models import Rebuilt, TrainedModel


@register("scenario", "delgrad")
@dataclass(frozen=True, slots=True, kw_only=True)
class DelGrad(Settings):
    """Delays learned with weights by exact spike-time gradients, on Yin-Yang, with chip noise if wanted."""

    @staticmethod
    def plots(trace: Trace) -> dict[str, Callable[[Trace], Any]]:
        """Return the plots of a run of this scenario."""
        from eventsim.scenarios.delgrad import plots

        return plots.available(trace)

    def run(self, run: Run) -> None:
        """Train one network and look into it, or train many and compare them."""
        if run.hardware not in (None, "ideal") and self.noise:
            raise ConfigError(
                f"--hardware {run.hardware} has its own noise; leave out {', '.join(NOISE_KEYS)}"
            )
        if self.compared or self.sizes or self.networks > 1:
            if run.hardware not in (None, "ideal"):
                raise ConfigError("many networks are compared on the ideal target only; sweep seeds instead")
            from eventsim.scenarios.delgrad.comparison import train_all

            train_all(run, tasks.yin_yang(), list(self._variants()), self.networks)
        else:
            self._one(run)

    def trained(self, rebuilt: "Rebuilt") -> "TrainedModel":
        """Return the trained network; see `Scenario.trained`."""
        from eventsim.models.training.losses.first_spike import TimeInvariant
        from eventsim.models.training.spike_learner import SpikeLearner
        from eventsim.scenarios import trained_models

        if self.compared or self.sizes or self.networks > 1:
            return Scenario.trained(self, rebuilt)
        task = tasks.yin_yang()
        network = trained_models.with_parameters(self.network(task, rebuilt.run.seed), rebuilt.parameters)
        loss, threads = TimeInvariant(self.margin), rebuilt.run.threads
        return trained_models.spiking(
            rebuilt,
            SpikeLearner(network, "label", loss, learn="weight", threads=threads),
            task,
            lambda samples, rng: self.inputs(task, samples),
            learned=["weight"] * self.learn_weights
            + ["delay"] * (self.learn_delays and self.delays != "none"),
            slot=self.slot * self.tau_syn,
        )

    # ---------------------------------------------------------------------------- what is built

    def network(self, task: Task, seed: int) -> "Network":
        """Return the untrained network: sources, hidden and label layer."""
        from eventsim import Network, models

        net = Network(seed=seed)
        neuron = models.LIF(
            tau_mem=self.tau_mem,
            tau_syn=self.tau_syn,
            c_mem=self.tau_syn,
            v_th=self.v_th,
            first_spike_only=True,
        )
        net.add("input", models.SpikeSource(), task.n_inputs * self.copies)
        net.add("hidden", neuron, self.n_hidden)
        net.add("label", neuron, task.n_classes)
        for k, (pre, post) in enumerate((("input", "hidden"), ("hidden", "label"))):
            shape = net.populations[pre].n, net.populations[post].n
            weight = streams.stream(seed, "weight", pre, post).normal(
                self.init_mean[k], self.init_std[k], shape
            )
            delay: float | Floats = 0.0
            if self.delays != "none":
                delay = self._initial_delays(shape, k, streams.stream(seed, "delay", pre, post))
            net.connect(pre, post, weight=weight, delay=delay)
        return net

    def _initial_delays(self, shape: tuple[int, int], layer: int, rng: Generator) -> Floats:
        """Return delays of the shape that their kind needs; copies of an input have the same."""
        from eventsim.models.training.parametrisations import Sigmoid

        copies = self.copies if layer == 0 else 1
        rows = 1 if self.delays == "dendritic" else shape[0] // copies
        columns = 1 if self.delays == "axonal" else shape[1]
        tied = (1 if self.delays == "dendritic" else copies, 1)
        p = rng.normal(0.0, self.delay_init_std, (rows, columns))
        scale, shift = self.delay_scale * self.tau_syn, self.delay_shift * self.tau_syn
        return Sigmoid(scale, shift, tied=tied).value(p)

    def delay_maps(self) -> "dict[str, DelayMap]":
        """Return how the delays of each projection are kept positive, and which of them tied one."""
        from eventsim.models.training import parametrisations as delay_maps

        maps: dict[str, DelayMap] = {}
        for name, copies in (("input->hidden", self.copies), ("hidden->label", 1)):
            tied = (1 if self.delays == "dendritic" else copies, 1)
            if self.positivity == "sigmoid":
                scale, shift = self.delay_scale * self.tau_syn, self.delay_shift * self.tau_syn
                maps[name] = delay_maps.Sigmoid(scale, shift, tied=tied)
            else:
                maps[name] = {"clip": delay_maps.Clip, "shift": delay_maps.Shift}[self.positivity](tied=tied)
        return maps

    def learner(
        self, task: Task, seed: int, threads: int, grid: "WeightGrid | None" = None
    ) -> "SpikeLearner":
        """Return the rule that trains the network of a seed, with the weights of a chip if there is one."""
        from eventsim.models.training.hardware_noise import HardwareNoise
        from eventsim.models.training.losses.first_spike import TimeInvariant
        from eventsim.models.training.spike_learner import SpikeLearner

        learn = ["weight"] * self.learn_weights + ["delay"] * (self.learn_delays and self.delays != "none")
        return SpikeLearner(
            self.network(task, seed),
            "label",
            TimeInvariant(self.margin),
            learn=learn,
            delays=self.delay_maps(),
            max_missing=dict(zip(("hidden", "label"), self.max_missing, strict=True)),
            bump=self.bump,
            max_dw_norm=self.max_dw_norm,
            threads=threads,
            noise=HardwareNoise(**self.noise) if self.noise else None,
            weights=self.weights() if grid is None else grid,
        )

    def trainer(self, task: Task, seed: int, threads: int = 1, hardware: Any = None) -> "Trainer":
        """Return the trainer of the network of a seed, with hardware in the loop if there is some."""
        from eventsim.models.training.batches import Batches, shuffled
        from eventsim.models.training.optimisers import Adam
        from eventsim.models.training.supervised import SupervisedLearner
        from eventsim.models.training.trainer import Trainer
        from eventsim.scenarios import on_hardware

        grid = on_hardware.weight_grid(hardware, self.network(task, seed)) if hardware is not None else None
        spike_learner = self.learner(task, seed, threads, grid)
        trained: Any = spike_learner
        if hardware is not None:
            trained = on_hardware.on_target(spike_learner, hardware, self.hardware_slot * self.tau_syn)
        learning_rates = {
            name: self.delay_learning_rate if name.startswith("delay/") else self.learning_rate
            for name in spike_learner.parameters
        }
        rng, n = partial(streams.stream, seed), task.size("train")
        learner = SupervisedLearner(
            network=trained,
            optimiser=Adam(learning_rates),
            task=task,
            encode=lambda samples, rng: self.inputs(task, samples),
            rng=rng,
            noisy_network=bool(self.noise),
            block=self.batch_evaluated,
        )
        return Trainer(
            learner,
            Batches(n, self.batch, shuffled(n, rng)),
            epochs=self.epochs,
            schedule=rate_schedule(self.lr_schedule, self.epochs, self.decay_every, self.decay),
        )

    @property
    def noise(self) -> dict[str, float]:
        """What the chip's forward pass adds, as `HardwareNoise` has it; empty if nothing."""
        deviations = {
            "threshold_mean": self.threshold_offset,
            "threshold_fixed": self.threshold_spread,
            "threshold_batch": self.threshold_noise,
            "delay": self.delay_noise * self.tau_syn,
        }
        return deviations if any(deviations.values()) else {}

    def weights(self) -> "WeightGrid | None":
        """Return the weights that the chip can have, or None for any."""
        from eventsim.models.training.hardware_noise import WeightGrid

        if self.weight_step == 0 and self.weight_limit == 0:
            return None
        return WeightGrid(self.weight_step, self.weight_limit or np.inf)

    def inputs(self, task: Task, samples: NDArray[Any]) -> dict[str, Floats]:
        """Return the times of the inputs, shape (n_samples, n_inputs * copies): x y .. x y .. and so on."""
        return {"input": np.tile(task.encode(samples) * self.tau_syn, (1, self.copies))}

    # ---------------------------------------------------------------------------- what is done

    def _one(self, run: Run) -> None:
        from eventsim.scenarios import on_hardware

        task = tasks.yin_yang()
        hardware = on_hardware.hardware_of(run)
        trainer = self.trainer(task, run.seed, run.threads, hardware if self.in_the_loop else None)
        learner: Any = trainer.learner
        nominal = on_hardware.nominal(learner.network)
        untrained, slot = nominal.network(), self.slot * self.tau_syn
        _keep(run, "initial/", untrained)
        for name, spikes in shown(task, untrained, learner.encode, self.test_samples_recorded, slot).items():
            run.parameter(f"before/{name}/times", spikes.times)
            run.parameter(f"before/{name}/units", spikes.units)
        train(run, trainer, task.name)
        network, until = nominal.network(), self.hardware_slot * self.tau_syn
        _keep(run, "", network)
        if hardware is not None and not self.in_the_loop:
            learner = replace(learner, network=on_hardware.on_target(nominal, hardware, until))
        evaluate(run, learner, trainer.epoch, self.tau_syn)
        if hardware is not None:
            first = run.metrics.get("first_label_spike")
            first = None if first is None else first * self.tau_syn
            on_hardware.report(run, learner.network, hardware, first, until)
        run.metric("trained_numbers", sum(value.size for value in nominal.parameters.values()))
        part = on_hardware.simulated_part(hardware)
        record(run, task, network, learner.encode, self.test_samples_recorded, slot, part)

    def _variants(self) -> "list[tuple[str, DelGrad]]":
        """Return the settings to be compared, with the name of their kind."""
        if not self.compared:
            sizes = self.sizes or (self.n_hidden,)
            return [(self.delays, replace(self, n_hidden=n)) for n in sizes]
        shared = {"epochs": self.epochs, "batch": self.batch}
        variants = []
        for preset in self.compared:
            for n in self.sizes or (self.n_hidden,):
                own = f"{preset}-{n}" if f"{preset}-{n}" in self.presets else preset
                values = self.presets[own] | shared | {"n_hidden": n}
                variants.append((preset, DelGrad(**values)))  # type: ignore[arg-type]
        return variants


def _keep(run: Run, prefix: str, network: "Network") -> None:
    """Put weights and delays of a network into the run."""
    for projection in network.projections:
        run.parameter(f"{prefix}weight/{projection.name}", np.asarray(projection.weight))
        delay: Any = projection.delay
        if np.ndim(delay):
            run.parameter(f"{prefix}delay/{projection.name}", np.asarray(delay))
