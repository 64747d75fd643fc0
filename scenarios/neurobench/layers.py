"""Forecasters made of layers: spiking units, a state-space model, delays with a gated recurrence.

Each forecasts the change of the series, in standard deviations of the training half:

    lif      linear, LIF, linear, LIF, linear, leaky integrators
    s4d      linear, S4D with a gated unit, layer norm, linear
    mgrade   linear, delay convolution with a minimal gated unit, a perceptron, linear

They are trained on the whole training half at once, with noise on its inputs; in the test the state goes on.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from eventsim.io.neurobench import Workload
from eventsim.models import layers
from eventsim.models.layers import Layer, Residual, Sequential
from eventsim.models.neurobench import SequenceModel
from eventsim.models.training.batches import Batch, Batches, Streams
from eventsim.models.training.learner import BatchMetrics, State
from eventsim.models.training.optimisers import Adam
from eventsim.models.training.schedules import CosineDecay
from eventsim.models.training.trainer import Trainer
from eventsim.scenarios.neurobench.protocol import HALF, WASHED, Split

if TYPE_CHECKING:
    from eventsim.scenarios.neurobench.settings import Settings

__all__ = ["NETWORKS", "LayerForecaster"]

Floats = NDArray[np.float64]


def _lif(n: int, rng: Generator) -> list[Layer]:
    tau = np.exp(rng.uniform(np.log(2.0), np.log(40.0), (2, n)))
    return [
        layers.Linear(n),
        layers.LIF(tau[0], width=2.0, surrogate="fast_sigmoid"),
        layers.Linear(n),
        layers.LIF(tau[1], width=2.0, surrogate="fast_sigmoid"),
        layers.Linear(1),
        layers.LeakyReadout(5.0),
    ]


def _s4d(n: int, rng: Generator) -> list[Layer]:
    block = [layers.S4D(16, delta=(0.01, 0.5)), layers.GELU("tanh"), layers.Linear(2 * n), layers.GLU()]
    return [layers.Linear(n), Residual(block), layers.LayerNorm(), layers.Linear(1)]


def _mgrade(n: int, rng: Generator) -> list[Layer]:
    memory = [layers.LayerNorm(), layers.DelayConv(6, 32), layers.MinGRU()]
    mixing = [layers.LayerNorm(), layers.Linear(2 * n), layers.GELU("tanh"), layers.Linear(n)]
    return [layers.Linear(n), Residual(memory), Residual(mixing), layers.Linear(1)]


NETWORKS: dict[str, Callable[[int, Generator], list[Layer]]] = {"lif": _lif, "s4d": _s4d, "mgrade": _mgrade}


class SeriesLearner:
    """What the `Trainer` drives: one pass over the training half is a batch."""

    def __init__(
        self, model: Sequential, x: Floats, y: Floats, rng: Streams, noise: float, learning_rate: float
    ) -> None:
        self.model, self.x, self.y, self.rng, self.noise = model, x, y, rng, noise
        self.optimiser = Adam(learning_rate, max_norm=1.0)

    def step(self, batch: Batch) -> BatchMetrics:
        """Learn from the training half once."""
        x = self.x + self.noise * self.rng("noise", batch.epoch).normal(size=self.x.shape)
        # With noise on the input the change leads from the noisy point to the true next one.
        wanted = (self.y - x)[:, None, None].astype(self.model.dtype)
        out = self.model.forward(x[:, None, None].astype(self.model.dtype), training=True)
        difference = out - wanted
        difference[:WASHED] = 0
        self.model.backward(2 * difference / (len(x) - WASHED), input_gradient=False)
        self.optimiser.update(self.model.parameters, self.model.gradients)
        for _, layer in self.model.all_layers():
            if isinstance(layer, layers.DelayConv):
                layer.constrain()
        return BatchMetrics(1, {"train_loss": float((difference**2).mean())})

    def evaluate(self, epoch: int) -> dict[str, float]:
        """Return the learning rate."""
        return {"learning_rate": self.optimiser.learning_rate}

    def scale_learning_rates(self, factor: float) -> None:
        """Set the rate to `factor` times its first value."""
        self.optimiser.factor = factor

    def state(self) -> State:
        """Return what later steps depend on."""
        return {"model": self.model.state_dict(), "optimiser": self.optimiser.state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        self.model.load_state_dict(state["model"])
        self.optimiser.restore(state["optimiser"])


class LayerForecaster:
    """A network of `NETWORKS`.

    Parameters
    ----------
    settings : Settings
    kind : str
    rng : callable
        Streams of random numbers of a series, a kind and a repetition.
    """

    def __init__(self, settings: "Settings", kind: str, rng: Streams) -> None:
        self.settings, self.rng = settings, rng
        spiking = kind == "lif"
        n = settings.spiking_units if spiking else settings.n_units
        self.epochs = settings.spiking_epochs if spiking else settings.epochs
        self.model = Sequential(NETWORKS[kind](n, rng("structure")))
        self.model.build(1, rng("weights"), np.float32)
        self.mean, self.std = 0.0, 1.0
        self.warm = np.zeros(0)

    def fit(self, split: Split) -> None:
        """Train on the training half; see `Forecaster`."""
        self.warm = split.inputs[:HALF]
        self.mean, self.std = float(self.warm.mean()), float(self.warm.std())
        x, y = self._scaled(self.warm), self._scaled(split.targets[:HALF])
        given = self.settings
        learner = SeriesLearner(self.model, x, y, self.rng, given.input_noise, given.learning_rate)
        schedule = CosineDecay(max(self.epochs, 1))
        Trainer(learner, Batches(1, 1), epochs=self.epochs, schedule=schedule).run()
        self._reported = SequenceModel(self.model, partial(_all))

    @property
    def parameters(self) -> Any:
        """Arrays that are trained."""
        return self.model.parameters

    @property
    def buffers(self) -> Any:
        """Arrays that are kept beside them, and the state of the stream."""
        return self._reported.buffers

    @property
    def connections(self) -> Any:
        """Maps with weights."""
        return self._reported.connections

    def infer(self, samples: Any, workload: Workload) -> Floats:
        """Return the forecasts of the test half; see `Forecaster`.

        What the test took is the difference of a pass over both halves and one over the training half.
        """
        state = self.model.init_state(1)
        for value in self._scaled(self.warm):
            _, state = self.model.step(np.full((1, 1), value, self.model.dtype), state)
        value, heard = self._scaled(np.asarray(samples[:1]))[0], np.empty(HALF)
        forecasts = np.empty(HALF)
        for step in range(HALF):
            heard[step] = value
            change, state = self.model.step(np.full((1, 1), value, self.model.dtype), state)
            value = forecasts[step] = value + float(change[0, 0])
        whole = np.concatenate([self._scaled(self.warm), heard])
        both, first = (Workload(self.connections, workload.counted) for _ in range(2))
        self._reported.infer(whole[None, :, None], both)
        self._reported.infer(whole[None, :HALF, None], first)
        workload.include(both, first)
        return self.mean + self.std * forecasts

    def _scaled(self, values: Floats) -> Floats:
        return (values - self.mean) / self.std


def _all(outputs: Any, lengths: Any = None) -> Any:
    return outputs
