"""Layers by name, for those who do not want to choose."""

from collections.abc import Sequence

from eventsim.models.layers.batch_norm import BatchNorm
from eventsim.models.layers.delay_conv import DelayConv
from eventsim.models.layers.gelu import GELU
from eventsim.models.layers.glu import GLU
from eventsim.models.layers.layer import Layer
from eventsim.models.layers.layer_norm import LayerNorm
from eventsim.models.layers.leaky_readout import LeakyReadout
from eventsim.models.layers.lif import LIF
from eventsim.models.layers.linear import Linear
from eventsim.models.layers.min_gru import MinGRU
from eventsim.models.layers.s4d import S4D
from eventsim.models.layers.sequential import Residual

__all__ = ["PRESETS", "head_of", "preset"]

PRESETS = ("lif", "min_gru", "s4d", "mgrade")


def preset(name: str, hidden: Sequence[int], tau: float, dt: float) -> list[Layer]:
    """Return the layers of a preset, without the map to the outputs.

    "lif"      for each size: Linear, BatchNorm, LIF with trained decays
    "min_gru"  for each size: MinGRU
    "s4d"      Linear; for each size: S4D, GELU, Linear, GLU within a residual, LayerNorm
    "mgrade"   Linear; for each size: LayerNorm, DelayConv, MinGRU within a residual; LayerNorm, Linear, GELU,
               Linear within another

    Raises
    ------
    ValueError
        If there is no such preset, or a residual has no constant size.
    """
    if name not in PRESETS:
        raise ValueError(f"layers must be a list of layers or one of {', '.join(PRESETS)}, got {name!r}")
    if name == "lif":
        return [
            part
            for n in hidden
            for part in (Linear(n, bias=False), BatchNorm(), LIF(tau, dt=dt, train_alpha=True))
        ]
    if name == "min_gru":
        return [MinGRU(n) for n in hidden]
    if len(set(hidden)) > 1:
        raise ValueError(f"layers of {name!r} have one size; hidden must repeat it, got {tuple(hidden)!r}")
    n = hidden[0]
    made: list[Layer] = [Linear(n)]
    for _ in hidden:
        if name == "s4d":
            made += [Residual([S4D(), GELU(), Linear(2 * n), GLU()]), LayerNorm()]
        else:
            made += [
                Residual([LayerNorm(), DelayConv(), MinGRU()]),
                Residual([LayerNorm(), Linear(2 * n), GELU(), Linear(n)]),
            ]
    return made


def head_of(name: str, n_out: int, tau: float, dt: float) -> list[Layer]:
    """Return the map to the outputs, whose membranes integrate it behind spiking units."""
    return [Linear(n_out), LeakyReadout(tau, dt=dt)] if name == "lif" else [Linear(n_out)]
