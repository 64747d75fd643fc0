"""A trained network as a population of the engine: one sample a tick, the answer at the same tick."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim.models.layers import LayerStream, Sequential

__all__ = ["streamed"]

Array = NDArray[Any]


def streamed(model: Sequential, x: Array) -> Array:
    """Return the outputs of a model that runs as a population, samples side by side.

    Parameters
    ----------
    model : Sequential
    x : ndarray, shape (time, samples, channels)

    Returns
    -------
    ndarray, shape (time, samples, n_outputs)
    """
    from eventsim import Network, Simulation

    stream = LayerStream(model, dt=1.0)
    net = Network()
    net.add("model", stream, stream.n)
    steps, samples, channels = x.shape
    shown = np.zeros((steps, samples, stream.n))
    shown[..., :channels] = x
    sim = Simulation(net, dt=1.0, batch=samples)
    sim.record("model", "rate", every=1.0)
    sim.set_input("model", shown, every=1.0)
    sim.run_ticks(steps)
    rates: Array = sim.trace("model", "rate").values.reshape(steps, samples, stream.n)
    return rates[..., : model.n_out]
