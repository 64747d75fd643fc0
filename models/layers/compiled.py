"""Which models run as a stream without Python between their layers, and what such a stream needs of them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from eventsim.models.layers.batch_norm import BatchNorm
from eventsim.models.layers.delay_conv import DelayConv
from eventsim.models.layers.dropout import Dropout
from eventsim.models.layers.fake_quantize import QGELU, FakeQuantize, HardSigmoid
from eventsim.models.layers.gelu import GELU
from eventsim.models.layers.glu import GLU
from eventsim.models.layers.kernels import lif as lif_loops
from eventsim.models.layers.kernels import quantize as quantize_loops
from eventsim.models.layers.kernels.stream import CompiledStream
from eventsim.models.layers.layer import Array, Layer
from eventsim.models.layers.layer_norm import LayerNorm
from eventsim.models.layers.leaky_readout import LeakyReadout
from eventsim.models.layers.lif import LIF
from eventsim.models.layers.linear import Linear
from eventsim.models.layers.min_gru import MinGRU
from eventsim.models.layers.quantized_linear import QuantizedLinear
from eventsim.models.layers.s4d import S4D
from eventsim.models.layers.sequential import Residual, Sequential

__all__ = ["compiled_stream"]

Arrays = tuple[Array | None, ...]
Described = tuple[str, Arrays, dict[str, Any]]
Step = tuple[str, str, int, int, Arrays, dict[str, Any]]


def compiled_stream(model: Sequential, batch: int) -> CompiledStream | None:
    """Return a stream at rest; None if it has convolutions, dynamic ranges, or layers of one's own.

    It gives the bits of ``model.step``. Parameters are those of now.
    """
    if type(model) not in (Sequential, Residual):
        return None
    steps: list[Step] = []
    if not _add(model, "", steps) or not steps:
        return None
    places = [place for place, _ in model.all_layers()]
    return CompiledStream(steps, places, batch, model.dtype == np.float64)


def _add(model: Sequential, before: str, steps: list[Step]) -> bool:
    """Add the steps of all layers of a model; return whether each of them has one."""
    begins = len(steps) - 1  # the step whose output is the input
    for place, layer in enumerate(model.layers):
        if type(layer) in (Sequential, Residual):
            if not _add(layer, f"{before}{place}/", steps):  # type: ignore[arg-type]
                return False
            continue
        described = _described(layer)
        if described is None:
            return False
        for kind, arrays, options in described:
            steps.append((kind, f"{before}{place}", layer.n_in, layer.n_out, arrays, options))
    if type(model) is Residual:
        steps.append(("add", before.rstrip("/"), model.n_out, model.n_out, (), {"other": begins}))
    return True


def _described(layer: Any) -> Sequence[Described] | None:
    """Return the steps of a layer, each a kind, its arrays and its options; None if there is none for it."""
    kind, n_in = type(layer), layer.n_in
    if kind in (Linear, QuantizedLinear):
        own = layer.used() if kind is QuantizedLinear else layer.parameters
        return [("linear", (own["weight"], own.get("bias")), {})]
    if kind is BatchNorm:
        return [("norm", layer.fixed_scale(), {})]
    if kind is Dropout or (kind is FakeQuantize and (layer.quantizer is None or layer.observing)):
        one = np.ones(n_in)  # nothing is dropped outside training
        return [("norm", (0 * one, one, 0 * one), {})]
    if kind is LIF:
        surrogate = lif_loops.SURROGATES[layer.surrogate]
        options = {"surrogate": surrogate, "width": layer.width, "smooth": layer.smooth}
        return [("lif", (*layer.rows(), layer.row_grid()), options)]
    if kind is LeakyReadout:
        return [("leaky", (layer.row(),), {})]
    if kind is MinGRU:
        return [("min_gru", (*layer.both(), layer.state_grid()), {"positive": layer.positive})]
    if kind is S4D:
        return [("s4d", *layer.stream_arrays())]
    if kind is DelayConv:
        taps = layer.used_taps
        options = {"delay": taps.delay, "count": taps.count, "length": layer.buffer_length}
        return [("delay_conv", (taps.value, layer.state_grid()), options)]
    return _simple(layer)


def _simple(layer: Layer) -> Sequence[Described] | None:
    """Return the step of a layer without weights and state."""
    if type(layer) is LayerNorm:
        return [
            ("layer_norm", (layer.parameters["gamma"], layer.parameters["beta"]), {"epsilon": layer.epsilon})
        ]
    if type(layer) is GELU:
        return [("gelu", (), {"exact": layer.form == "exact"})]
    if type(layer) is GLU:
        return [("glu", (), {})]
    if type(layer) is FakeQuantize and layer.calibration == "static":
        return [("round", (np.stack(layer.static_grid()),), {})]
    if isinstance(layer, QGELU | HardSigmoid):
        return [("gate", (), {"gate": quantize_loops.GATES[layer.kind], "slope": layer.slope})]
    return None
