"""Forecasters made of layers: spiking units, a state-space model, delays with a gated recurrence.

Each forecasts the change of the series, in standard deviations of the training half:

    lif      linear, LIF, linear, LIF, linear, leaky integrators
    s4d      linear, GELU, S4D with a gated unit, layer norm, linear
    mgrade   linear, delay convolution with a minimal gated unit, a perceptron, linear

They are trained on the whole training half at once, with noise on its inputs: first by Adam, with new noise
in each pass, then by L-BFGS with noise that stays. Forecasts that are fed back 750 times need errors of a
thousandth in each step, and Adam does not get there. Spikes are no smooth function of the weights, so that
spiking units have Adam alone, and much more noise. In the test the state goes on.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from eventsim.io.neurobench import Workload
from eventsim.models import layers
from eventsim.models.layers import Layer, Residual, Sequential, compiled_stream
from eventsim.models.layers.delay_conv import keep_positions_inside
from eventsim.models.neurobench import SequenceModel
from eventsim.models.training.batches import Batch, Batches, Streams
from eventsim.models.training.learner import BatchMetrics, State
from eventsim.models.training.optimisers import Adam
from eventsim.models.training.quasi_newton import LBFGS
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
    block = [layers.S4D(16, delta=(0.05, 0.5)), layers.GELU("tanh"), layers.Linear(2 * n), layers.GLU()]
    return [layers.Linear(n), layers.GELU("tanh"), Residual(block), layers.LayerNorm(), layers.Linear(1)]


def _mgrade(n: int, rng: Generator) -> list[Layer]:
    memory = [layers.LayerNorm(), layers.DelayConv(6, 32), layers.MinGRU()]
    mixing = [layers.LayerNorm(), layers.Linear(2 * n), layers.GELU("tanh"), layers.Linear(n)]
    return [layers.Linear(n), Residual(memory), Residual(mixing), layers.Linear(1)]


NETWORKS: dict[str, Callable[[int, Generator], list[Layer]]] = {"lif": _lif, "s4d": _s4d, "mgrade": _mgrade}


class SeriesLearner:
    """What the `Trainer` drives: one pass over the training half is a batch.

    Parameters
    ----------
    model : Sequential
    x, y : ndarray, shape (750,)
        The training half and the points after it.
    rng : callable
        Streams of random numbers.
    noise : float
        Added to `x`, anew in each pass.
    learning_rate : float
        Of Adam.
    """

    def __init__(
        self, model: Sequential, x: Floats, y: Floats, rng: Streams, noise: float, learning_rate: float
    ) -> None:
        self.model, self.x, self.y, self.rng, self.noise = model, x, y, rng, noise
        self.optimiser: Adam | LBFGS = Adam(learning_rate, max_norm=1.0)

    def step(self, batch: Batch) -> BatchMetrics:
        """Learn from the training half once."""
        loss, gradients = self.measured(self.rng("noise", batch.epoch))
        assert isinstance(self.optimiser, Adam)
        self.optimiser.update(self.model.parameters, gradients)
        keep_positions_inside(self.model)
        return BatchMetrics(1, {"train_loss": loss})

    def measured(self, rng: Generator) -> tuple[float, Mapping[str, Any]]:
        """Return the mean squared error of one step, with noise on the inputs, and its gradients."""
        x = self.x + self.noise * rng.normal(size=self.x.shape)
        # With noise on the input the change leads from the noisy point to the true next one.
        wanted = (self.y - x)[:, None, None].astype(self.model.dtype)
        out = self.model.forward(x[:, None, None].astype(self.model.dtype), training=True)
        difference = out - wanted
        difference[:WASHED] = 0
        self.model.backward(2 * difference / (len(x) - WASHED), input_gradient=False)
        return float((difference**2).sum() / (len(x) - WASHED)), self.model.gradients

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


class RefiningLearner(SeriesLearner):
    """Goes on by L-BFGS, a step a batch, with noise that is drawn once; takes what `SeriesLearner` takes."""

    def __init__(self, model: Sequential, x: Floats, y: Floats, rng: Streams, noise: float) -> None:
        super().__init__(model, x, y, rng, noise, 0.0)
        self.optimiser = LBFGS()

    def step(self, batch: Batch) -> BatchMetrics:
        """Take a step of L-BFGS."""
        assert isinstance(self.optimiser, LBFGS)
        loss = self.optimiser.step(self.model.parameters, lambda: self.measured(self.rng("refining")))
        keep_positions_inside(self.model)
        return BatchMetrics(1, {"train_loss": loss})


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
        self.refining_steps = 0 if spiking else settings.refining_steps
        self.noise = settings.spiking_noise if spiking else settings.input_noise
        self.model = Sequential(NETWORKS[kind](n, rng("structure")))
        self.model.build(1, rng("weights"), np.float32 if spiking else np.float64)
        self.mean, self.std = 0.0, 1.0
        self.warm = np.zeros(0)

    def fit(self, split: Split) -> None:
        """Train on the training half; see `Forecaster`."""
        self.warm = split.inputs[:HALF]
        self.mean, self.std = float(self.warm.mean()), float(self.warm.std())
        x, y = self._scaled(self.warm), self._scaled(split.targets[:HALF])
        learner = SeriesLearner(self.model, x, y, self.rng, self.noise, self.settings.learning_rate)
        schedule = CosineDecay(max(self.epochs, 1))
        Trainer(learner, Batches(1, 1), epochs=self.epochs, schedule=schedule).run()
        if self.refining_steps:
            refining = RefiningLearner(self.model, x, y, self.rng, self.noise)
            Trainer(refining, Batches(1, 1), epochs=self.refining_steps).run()
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
        stream = compiled_stream(self.model, 1)
        assert stream is not None, "all layers of NETWORKS have a compiled step"
        for value in self._scaled(self.warm):
            stream.step(np.full((1, 1), value, self.model.dtype))
        value, heard = self._scaled(np.asarray(samples[:1]))[0], np.empty(HALF)
        forecasts = np.empty(HALF)
        for step in range(HALF):
            heard[step] = value
            change = stream.step(np.full((1, 1), value, self.model.dtype))
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
