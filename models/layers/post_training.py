"""Models rounded after training: weights on grids of their own range, states and activations on ranges seen.

    weights   of linear maps, gated units, taps, matrices of S4D        range of the weights themselves
    poles     of S4D, after discretisation
    states    h, membranes, states of S4D, inputs that taps read later  range of a calibration set
    activations   between layers                                        range of a calibration set

Norms, decays, thresholds and leaky readouts stay in full precision, as does what comes out of the model.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from eventsim.models.layers.fake_quantize import FakeQuantize
from eventsim.models.layers.layer import Array, Layer
from eventsim.models.layers.linear import Linear
from eventsim.models.layers.quantized_linear import QuantizedLinear
from eventsim.models.layers.rounded_state import RoundingPlan
from eventsim.models.layers.s4d import S4D
from eventsim.models.layers.sequential import Residual, Sequential

__all__ = ["PARTS", "calibrate", "rounded_model", "unstable_poles"]

PARTS = ("weights", "activations", "states", "poles")


def rounded_model(model: Sequential, plan: RoundingPlan) -> Sequential:
    """Return a copy of a trained model that is rounded as a plan says; it needs `calibrate` next.

    Raises
    ------
    ValueError
        If a layer has no form with rounded weights.
    """
    made = Sequential(_rounded(model.layers, plan, "", last=False), threads=model.threads)
    made.adopt()
    return made


def _rounded(given: Sequence[Layer], plan: RoundingPlan, before: str, *, last: bool) -> list[Layer]:
    """Return rounded copies of layers, with quantisers between them; behind the last one only where asked."""
    made: list[Layer] = []
    for place, layer in enumerate(given):
        made.append(_one(layer, plan, f"{before}{place}"))
        ends = place == len(given) - 1
        wanted = last if ends else given[place + 1].rounded_before
        if plan.activations is not None and wanted and layer.rounded_after:
            quantise = FakeQuantize(plan.activations)
            quantise.build(layer.n_out, None, layer.dtype)  # type: ignore[arg-type]  # nothing is drawn
            quantise.threads = layer.threads
            made.append(quantise)
    return made


def _one(layer: Layer, plan: RoundingPlan, place: str) -> Layer:
    if isinstance(layer, Sequential):
        inner = _rounded(layer.layers, plan, f"{place}/", last=isinstance(layer, Residual))
        made = type(layer)(inner, threads=layer.threads)
        made.adopt()
        return made
    if type(layer) is Linear:
        return QuantizedLinear.of(layer, plan.weights)
    try:
        made_one = layer.rounded(plan)
    except ValueError as error:
        raise ValueError(f"layer {place}: {error}") from error
    made_one._tape = None
    return made_one


def calibrate(model: Sequential, batches: Iterable[tuple[Array, Array | None]]) -> None:
    """Take the ranges of activations and states from sequences (time, batch, channels) and their lengths.

    Raises
    ------
    ValueError
        If there are no sequences, or not all values are finite.
    """
    observers: list[Any] = [layer for _, layer in model.all_layers() if hasattr(layer, "observing")]
    for layer in observers:
        layer.observing = True
    try:
        seen = 0
        for x, lengths in batches:
            model.forward(x, lengths=lengths)
            seen += x.size
        model.forget()
        if not seen:
            raise ValueError("a range needs at least one value, got an empty calibration set")
        for layer in observers:
            layer.calibrate()
    finally:
        for layer in observers:
            layer.observing = False
            if hasattr(layer, "_seen"):
                layer._seen = []


def unstable_poles(model: Sequential) -> list[str]:
    """Return a line for each layer with rounded poles that are not within the unit circle, with remedies."""
    found = []
    for place, layer in model.all_layers():
        if isinstance(layer, S4D) and layer.quantization is not None and layer.quantization.pole is not None:
            radius = abs(layer.quantization.numbers(*layer.discrete())[0])
            outside = int((radius >= 1).sum())
            if outside:
                head, mode = divmod(int(radius.argmax()), radius.shape[1])
                worst = f"the largest of radius {radius.max():.5f} (head {head}, mode {mode})"
                found.append(
                    f"layer {place}: {outside} of {radius.size} poles leave the unit circle once rounded, "
                    f"{worst}; more bits for poles, a polar or log_polar scheme, or zero='bare' keeps them "
                    "inside, a clip the states bounded"
                )
    return found
