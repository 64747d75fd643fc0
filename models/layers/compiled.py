"""Which models run as a stream without Python between their layers, and what such a stream needs of them."""

from typing import Any

import numpy as np

from eventsim.models.layers.batch_norm import BatchNorm
from eventsim.models.layers.dropout import Dropout
from eventsim.models.layers.kernels import lif as lif_loops
from eventsim.models.layers.kernels.stream import CompiledStream
from eventsim.models.layers.layer import Array
from eventsim.models.layers.leaky_readout import LeakyReadout
from eventsim.models.layers.lif import LIF
from eventsim.models.layers.linear import Linear
from eventsim.models.layers.sequential import Sequential

__all__ = ["compiled_stream"]

Described = tuple[str, int, int, tuple[Array | None, ...]]


def compiled_stream(model: Sequential, batch: int) -> CompiledStream | None:
    """Return a stream at rest; None if a layer is no linear map, normalisation, spiking or leaky layer.

    It gives the bits of ``model.step``. Parameters are those of now.
    """
    if type(model) is not Sequential:
        return None
    steps: list[Described] = []
    units: list[tuple[int, float, bool]] = []
    for layer in model.layers:
        described = _described(layer)
        if described is None:
            return None
        steps.append(described)
        if isinstance(layer, LIF):
            units.append((lif_loops.SURROGATES[layer.surrogate], layer.width, layer.smooth))
        else:
            units.append((0, 1.0, False))
    return CompiledStream(steps, batch, model.dtype == np.float64, units)


def _described(layer: Any) -> Described | None:
    kind, n_in, n_out = type(layer), layer.n_in, layer.n_out
    if kind is Linear:
        return "linear", n_in, n_out, (layer.parameters["weight"], layer.parameters.get("bias"))
    if kind is BatchNorm:
        return "norm", n_in, n_out, layer.fixed_scale()
    if kind is Dropout:  # drops nothing outside training
        one = np.ones(n_in)
        return "norm", n_in, n_out, (0 * one, one, 0 * one)
    if kind is LIF:
        return "lif", n_in, n_out, layer.rows()
    if kind is LeakyReadout:
        return "leaky", n_in, n_out, (layer.row(),)
    return None
