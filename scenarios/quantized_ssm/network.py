"""The network: an encoder, state-space layers with a gated unit, a decoder; in full precision and rounded.

    u = W_e x + b_e                                          encoder, 1 -> H
    v = S4D(u);  g = GLU(W act(v) + b)                       H -> 2 H -> H
    u <- LayerNorm(u + g)                                    no trained scale or shift
    logits = mean over steps of W_d u + b_d

The rounded network has the same layers at the same places: quantisers between them, which do nothing in full
precision, rounded weights, and a hard gate in place of GELU.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.random import Generator

from eventsim.models import layers
from eventsim.models.layers import Layer, Quantizer, Sequential, StateSpaceQuantization

if TYPE_CHECKING:
    from eventsim.scenarios.quantized_ssm.settings import Settings

__all__ = ["FIXED", "calibrate", "full_precision", "rounded", "s4d_layers"]

FIXED = ("gamma", "beta")  # of layer norms: the paper's number of parameters has none
FULL = 32  # bits that mean full precision


def full_precision(settings: "Settings", n_classes: int, rng: Generator) -> Sequential:
    """Return the network with weights drawn from `rng`."""
    return _network(settings, n_classes, rng, rounds=False)


def rounded(settings: "Settings", n_classes: int, trained: Sequential) -> Sequential:
    """Return the rounded network with the parameters of one in full precision; it needs `calibrate` next."""
    network = _network(settings, n_classes, np.random.default_rng(0), rounds=True)
    network.load_state_dict(trained.state_dict())
    return network


def calibrate(network: Sequential, x: Any) -> None:
    """Take the ranges of all activations and states while the network shows sequences in full precision."""
    observers: list[Any] = [layer for _, layer in network.all_layers() if hasattr(layer, "observing")]
    for layer in observers:
        layer.observing = True
    network.forward(x)
    network.forget()
    for layer in observers:
        layer.calibrate()


def s4d_layers(network: Sequential) -> list[layers.S4D]:
    """Return the state-space layers."""
    return [layer for _, layer in network.all_layers() if isinstance(layer, layers.S4D)]


def _quantizer(settings: "Settings", bits: int, scheme: str = "asymmetric") -> Quantizer | None:
    if bits == FULL:
        return None
    choices: dict[str, Any] = {"per": settings.per, "range": settings.parts, "zero": settings.zero}
    return Quantizer(bits, scheme, **choices)  # type: ignore[arg-type]


def _plan(settings: "Settings") -> StateSpaceQuantization:
    matrix = _quantizer(settings, settings.matrix_bits)
    return StateSpaceQuantization(
        pole=_quantizer(settings, settings.pole_bits, settings.scheme),
        gain=matrix,
        output=matrix,
        skip=matrix,
        state=_quantizer(settings, settings.state_bits),
        calibration=settings.calibration,
        clip=settings.clip,
        gradient_limit=settings.gradient_limit,
        outside=settings.outside,
    )


def _network(settings: "Settings", n_classes: int, rng: Generator, *, rounds: bool) -> Sequential:
    weights = _quantizer(settings, settings.weight_bits) if rounds else None
    values = _quantizer(settings, settings.activation_bits) if rounds else None

    def rounding() -> Layer:
        return layers.FakeQuantize(values, outside=settings.outside)

    def gate() -> Layer:
        kind = (
            settings.rounded_activation if rounds and settings.activation == "gelu" else settings.activation
        )
        if kind == "gelu":
            return layers.GELU("tanh")
        return layers.QGELU("code" if kind == "qgelu" else "printed")

    def dropped() -> Sequence[Layer]:
        return [layers.Dropout(settings.dropout)] if settings.dropout else []

    parts: list[Layer] = [layers.QuantizedLinear(settings.n_heads, weights), rounding()]
    for _ in range(settings.depth):
        s4d = layers.S4D(
            settings.n_states,
            poles=settings.poles,
            delta=(settings.delta_min, settings.delta_max),
            discretisation=settings.discretisation,
            quantization=_plan(settings) if rounds else None,
        )
        mixing = layers.QuantizedLinear(2 * settings.n_heads, weights)
        inner = [
            s4d,
            rounding(),
            gate(),
            rounding(),
            *dropped(),
            mixing,
            rounding(),
            layers.GLU(),
            rounding(),
        ]
        inner += dropped()
        parts += [layers.Residual(inner)] if settings.residual else inner
        if settings.normalised:
            parts.append(layers.LayerNorm())
        parts.append(rounding())
    network = Sequential([*parts, layers.QuantizedLinear(n_classes, weights)])
    network.build(1, rng, np.float32)
    return network
