"""The network: a linear encoder, layers, a decoder; with the whole of a layer or one of its halves.

    "pre"      c = DelayConv(LN(x));  x <- x + minGRU(c);  x <- x + W_2 GELU(W_1 LN(x) + b_1) + b_2
    "paper"    c = DelayConv(x);  r = c + minGRU(c);  m = r + W_2 GELU(W_1 r + b_1) + b_2;  x <- LN(m)

W_1 leads to 2 d hidden units. "convolution" has c in place of minGRU(c) in the first form, and of
c + minGRU(c) in the second; "min_gru" has the input of the convolution in place of c.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.random import Generator
from numpy.typing import DTypeLike

from eventsim.models import layers
from eventsim.models.layers import DelayConv, Layer, MinGRU, Sequential

if TYPE_CHECKING:
    from eventsim.scenarios.mgrade.settings import Settings

__all__ = ["copied", "delay_layers", "gru_layers", "network", "rounded"]


def network(
    settings: "Settings", n_inputs: int, n_outputs: int, rng: Generator, dtype: DTypeLike = np.float32
) -> Sequential:
    """Return the network with arrays drawn from `rng`."""
    d = settings.n_channels
    parts: list[Layer] = [layers.Linear(d)]
    for _ in range(settings.depth):
        parts += _pre(settings) if settings.order == "pre" else _paper(settings)
    if settings.decoder == "hidden":
        parts += [layers.Linear(d), layers.GELU("tanh")]
    made = Sequential([*parts, layers.Linear(n_outputs)])
    made.build(n_inputs, rng, dtype)
    return made


def _convolution(settings: "Settings") -> list[Layer]:
    if settings.model == "min_gru":
        return []
    return [
        DelayConv(
            settings.taps,
            settings.window,
            kernel=settings.kernel,
            positions=settings.positions,
            train_positions=settings.train_positions,
            spread=settings.first_spread,
        )
    ]


def _recurrence(settings: "Settings") -> list[Layer]:
    return [] if settings.model == "convolution" else [MinGRU()]


def _mixing(settings: "Settings") -> list[Layer]:
    d = settings.n_channels
    return [layers.Linear(2 * d), layers.GELU("tanh"), layers.Linear(d)]


def _pre(settings: "Settings") -> list[Layer]:
    memory = [layers.LayerNorm(), *_convolution(settings), *_recurrence(settings)]
    return [layers.Residual(memory), layers.Residual([layers.LayerNorm(), *_mixing(settings)])]


def _paper(settings: "Settings") -> list[Layer]:
    recurrence = _recurrence(settings)
    skipped: list[Layer] = [layers.Residual(recurrence)] if recurrence else []
    return [*_convolution(settings), *skipped, layers.Residual(_mixing(settings)), layers.LayerNorm()]


def delay_layers(made: Sequential) -> list[DelayConv]:
    """Return the delay convolutions, from the input on."""
    return [layer for _, layer in made.all_layers() if isinstance(layer, DelayConv)]


def gru_layers(made: Sequential) -> list[MinGRU]:
    """Return the gated recurrent layers, from the input on."""
    return [layer for _, layer in made.all_layers() if isinstance(layer, MinGRU)]


def copied(settings: "Settings", trained: Sequential, dtype: DTypeLike | None = None) -> Sequential:
    """Return the same network with arrays of its own, of another dtype if given."""
    made = network(settings, trained.n_in, trained.n_out, np.random.default_rng(0), dtype or trained.dtype)
    made.load_state_dict(trained.state_dict())
    return made


def rounded(settings: "Settings", trained: Sequential) -> Sequential:
    """Return the same network with delays of whole steps."""
    made = copied(settings, trained)
    for layer in delay_layers(made):
        layer.round_positions()
    return made
