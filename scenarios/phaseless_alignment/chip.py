"""A trained network of rates on a mixed-signal chip: cells and synapses that differ, weights of a few bits.

A weight is the nearest of 2^bits - 1 values, up to the largest trained one of its projection, times the gain
of its synapse. Membrane and prospective time constants differ as well, so that cells do not undo their lag
exactly. Learning changes weights by far less than a step a tick: the chip keeps fine weights to learn with.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim import rng as streams
from eventsim.models.training.batches import Batches
from eventsim.models.training.trainer import Trainer
from eventsim.scenarios.phaseless_alignment.rate_networks import RateLearner
from eventsim.scenarios.scenario import Run
from eventsim.trace import Floats

if TYPE_CHECKING:
    from eventsim import Simulation


class ChipLearner(RateLearner):
    """A network on the chip, with the weights of another one.

    Parameters
    ----------
    trained : RateLearner
    mismatch : float
        Relative deviation of time constants, and of gains of synapses.
    """

    def __init__(self, trained: RateLearner, mismatch: float) -> None:
        self.mismatch = mismatch
        sim, biased = trained.sim, [f"{pre}->{post}" for pre, post in trained.weighted]
        self.given = {
            name: (sim.weights(name), sim.bias(name) if name in biased else None)
            for name in trained.projections()
        }
        super().__init__(trained.config, trained.task, trained.sizes, trained.seed, trained.ticks)
        for name, (weight, bias) in self.given.items():
            self.sim.set_weights(name, weight, bias)
        self.prepare(self.sim)

    @property
    def readout_ticks(self) -> int:
        """Ticks of a sample before it is read: cells that differ have a memory."""
        return self.ticks

    def simulation(self, batch: int, *, learning: bool = True) -> "Simulation":
        """Return a simulation of the network on the chip with its first weights."""
        from eventsim import Simulation, hardware

        config, device = self.config, None
        if self.mismatch:
            parts = [hardware.Mismatch(name, self.mismatch) for name in ("tau_mem", "tau_r")]
            device = hardware.Substrate(parts, device_seed=self.seed)
        net = self.built(learning=learning)
        return Simulation(net, device, dt=config.dt, batch=batch, dtype=config.precision)

    def prepare(self, sim: "Simulation") -> None:
        """Let a simulation multiply with the weights that the chip has."""
        for name, (trained, _) in self.given.items():
            limit = float(np.abs(trained).max())
            bits = self.config.chip_bits
            step = limit / (2 ** (bits - 1) - 1) if bits else 0.0
            sim.quantize_weights(name, step, limit if step else np.inf, self.gain(name, trained.shape))

    def gain(self, name: str, shape: tuple[int, ...]) -> Floats | None:
        """Return the factor of each synapse of a projection, a fixed pattern of the device."""
        from eventsim.hardware import Mismatch

        if not self.mismatch:
            return None
        x = streams.stream(self.seed, "chip gain", name).standard_normal(shape)
        return Mismatch("weight", self.mismatch).factors(x)


def on_chip(run: Run, learner: RateLearner) -> None:
    """Report the accuracy with quantized weights, then on the chip, before and after learning there."""
    config = learner.config
    run.metric("test_accuracy_quantized", ChipLearner(learner, 0.0).accuracy("test"))
    chip = ChipLearner(learner, config.chip_mismatch)
    run.metric("test_accuracy_chip_before", chip.accuracy("test"))
    n = chip.task.size("train")

    def keep(trainer: Trainer, metrics: dict[str, Any]) -> None:
        run.series("chip_epoch", trainer.epoch)
        run.series("chip_validation_accuracy", chip.accuracy("validation"))

    run.series("chip_epoch", 0)
    run.series("chip_validation_accuracy", chip.accuracy("validation"))
    order = Batches(n, chip.sim.batch, lambda epoch: run.rng("chip order", epoch).permutation(n), rest="drop")
    Trainer(chip, order, epochs=config.chip_epochs, callbacks=[keep]).run()
    run.metric("test_accuracy_chip", chip.accuracy("test"))
    for k, angle in enumerate(chip.angles(), 1):
        run.metric(f"chip_alignment_degrees_{k}", angle)
    for pre, post in chip.weighted:
        run.parameter(f"chip/weight/{pre}->{post}", chip.sim.weights(f"{pre}->{post}"))
