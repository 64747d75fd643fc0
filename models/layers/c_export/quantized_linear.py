"""Linear maps in C whose weights are integers, with a step and a least code for each output, or for all."""

from dataclasses import replace

from eventsim.models.layers.c_export import linear
from eventsim.models.layers.c_export.program import Program
from eventsim.models.layers.quantized_linear import QuantizedLinear

__all__ = ["WRITERS"]


def write(layer: QuantizedLinear, program: Program, x: str) -> str:
    """Write ``y = x Q(W) + Q(b)``; weights lie by output, (n_out, n_in)."""
    quantizer = layer.quantizer
    if quantizer is None:
        return linear.write(layer, program, x)
    bias = None
    if "bias" in layer.parameters:
        array = layer.parameters["bias"].astype(float)
        bias = program.codes("bias", array, replace(quantizer, per="tensor").grids(array)[0], quantizer.bits)
    y = linear.start_with(program, layer.n_out, bias)
    rows = layer.parameters["weight"].T.astype(float)
    weight = program.codes("weight", rows, quantizer.grids(rows)[0], quantizer.bits)
    linear.add_product(program, x, y, layer.n_in, layer.n_out, weight, f"j * {layer.n_in} + i")
    return y


WRITERS = {QuantizedLinear: write}
