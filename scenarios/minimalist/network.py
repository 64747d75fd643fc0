"""The network: layers of minimal gated recurrent units, the constraints of the circuit up to a stage.

    stage        what it adds
    none         outputs tanh, gates sigmoid, all numbers real
    outputs      outputs binary
    hard_gate    gates straight between 0 and 1
    gate_bits    gates of 6 bits
    weights      weights of 2 bits
    all          gate biases and thresholds of 6 bits: what the circuit computes

Weights stay within -1 and 1 at every stage, and sums are averages over the rows of a core. Classes are read
from the states of the last layer at the last step. There are no biases of candidates, no skips, no mixing.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.random import Generator
from numpy.typing import DTypeLike

from eventsim.errors import ConfigError
from eventsim.models.layers import QuantizedMinGRU, Sequential
from eventsim.scenarios.minimalist.presets import STAGES

if TYPE_CHECKING:
    from eventsim.scenarios.minimalist.settings import Settings

__all__ = ["clip", "gates", "network", "precise"]

LEVELS = {"symmetric": (-1.0, -1 / 3, 1 / 3, 1.0), "with_zero": (-1.0, 0.0, 0.5, 1.0)}


def network(
    settings: "Settings", n_inputs: int, n_classes: int, rng: Generator, dtype: DTypeLike = np.float32
) -> Sequential:
    """Return the network with parameters drawn from `rng`.

    Raises
    ------
    ConfigError
        If a layer has more inputs than a core has rows.
    """
    stage = STAGES.index(settings.constraints)
    shared: dict[str, Any] = {
        "gate_function": "hard" if stage >= STAGES.index("hard_gate") else "sigmoid",
        "gate_bits": 6 if stage >= STAGES.index("gate_bits") else None,
        "levels": LEVELS[settings.levels] if stage >= STAGES.index("weights") else None,
        "bias_bits": 6 if stage >= STAGES.index("all") else None,
        "rounding": settings.rounding,
        "bias_step": settings.bias_step,
        "threshold_step": settings.threshold_step,
        "slope": settings.slope,
        "width": settings.width,
        "rows": settings.core_rows,
        "unused": settings.unused,
    }
    output: Any = "binary" if stage >= STAGES.index("outputs") else "tanh"
    layers = [QuantizedMinGRU(n, output=output, **shared) for n in settings.hidden]
    layers.append(QuantizedMinGRU(n_classes, output="state", gain=settings.gain, **shared))
    found = Sequential(layers)
    try:
        found.build(n_inputs, rng, dtype)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    return found


def gates(net: Sequential) -> list[QuantizedMinGRU]:
    """Return the layers."""
    return [layer for layer in net.layers if isinstance(layer, QuantizedMinGRU)]


def clip(net: Sequential) -> None:
    """Bring latent numbers back into the range of their grids."""
    for layer in gates(net):
        layer.clip_latent()


def precise(settings: "Settings", net: Sequential) -> Sequential:
    """Return the network in float64, for comparisons with the circuit."""
    found = network(settings, net.n_in, net.n_out, np.random.default_rng(0), np.float64)
    found.load_state_dict(net.state_dict())
    return found
