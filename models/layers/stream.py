"""A trained model as a population of a network: one step for each tick.

Unit k of the population takes channel k of the input, and its rate is output k. There are as many units as
the larger of both numbers, and the rates of units beyond the outputs are 0. Spikes arrive as pulses of one
tick with their weight as area: with a weight of dt a spike counts 1. As everywhere, what a population sends
at a tick others have at the next one, so a model behind a projection sees one empty step first.
"""

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from eventsim.models.layers.batch_norm import BatchNorm
from eventsim.models.layers.compiled import compiled_stream
from eventsim.models.layers.kernels.stream import CompiledStream
from eventsim.models.layers.layer import State
from eventsim.models.layers.sequential import Sequential
from eventsim.rates.tick_model import TickModel

__all__ = ["LayerStream"]


class LayerStream(TickModel):
    """A trained model as a population; ``net.add(name, stream, stream.n)``.

    Parameters
    ----------
    model : Sequential
        Layers that are built; they are copied.
    dt : float
        Length of a step, in the unit of the network; the ticks must be as long.

    Attributes
    ----------
    n : int
        Units that the population must have.

    Raises
    ------
    ValueError
        If a normalisation has no statistics but those of whole batches.
    """

    def __init__(self, model: Sequential, dt: float) -> None:
        for place, layer in model.all_layers():
            if isinstance(layer, BatchNorm) and layer.momentum is None and not layer.frozen:
                raise ValueError(
                    f"layer {place} normalises by whole batches; call freeze_statistics(model, batches) first"
                )
        model.forget()
        self.model, self.dt = copy.deepcopy(model), dt
        self.n = max(model.n_in, model.n_out)
        self.now: State = {}
        self.compiled: CompiledStream | None = None
        self.seen = self.rates = np.empty((0, 0))

    def check(self, n: int, name: str) -> None:
        """Raise a ValueError if a population has another number of units than `n`."""
        if n != self.n:
            raise ValueError(
                f"the model of {name!r} has {self.model.n_in} inputs and {self.model.n_out} outputs, "
                f"so it needs {self.n} units, got {n}"
            )

    def begin(self, batch: int, n: int, dt: float, rng: Generator) -> None:
        """Start at rest."""
        if not abs(dt - self.dt) <= 1e-9 * self.dt:
            raise ValueError(f"the model has steps of dt={self.dt:g}, the simulation has ticks of dt={dt:g}")
        self.now = self.model.init_state(batch)
        self.compiled = compiled_stream(self.model, batch)
        self.seen = np.zeros((batch, self.model.n_in), self.model.dtype)
        self.rates = np.zeros((batch, n), self.model.dtype)  # of units beyond the outputs they stay 0

    def step(self, t: float, dt: float, inputs: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """Return the rates after a tick, shape (batch, n)."""
        x = np.ascontiguousarray(inputs["input"][:, : self.model.n_in], self.model.dtype)
        if self.compiled is None:
            y, self.now = self.model.step(x, self.now)
        else:
            y = self.compiled.step(x)
        rates = np.zeros((len(y), self.n), self.model.dtype)
        rates[:, : self.model.n_out] = y
        return rates

    def snapshot(self) -> State:
        """Return the states of all layers."""
        if self.compiled is None:
            return copy.deepcopy(self.now)
        return self.compiled.state()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to a state that `snapshot` returned."""
        self.now = _as_before(self.now, state)
        if self.compiled is not None:
            self.compiled.restore(self.now)


def _as_before(now: Any, state: Any) -> Any:
    """Return a state with the types of the present one: files keep numbers as arrays."""
    if isinstance(now, dict):
        return {key: _as_before(each, state[key]) if key in state else {} for key, each in now.items()}
    return np.array(state, now.dtype) if isinstance(now, np.ndarray) else type(now)(state)
