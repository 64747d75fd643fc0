"""Linear maps in C whose weights are integers, with a step and a least code for each output, or for all."""

from dataclasses import replace

import numpy as np

from eventsim.models.layers.c_export import linear
from eventsim.models.layers.c_export.program import Numbers, Program
from eventsim.models.layers.layer import Array
from eventsim.models.layers.quantized_linear import QuantizedLinear
from eventsim.models.layers.quantizers import Quantizer

__all__ = ["WRITERS", "bias_numbers", "weight_numbers"]


def weight_numbers(
    program: Program, name: str, weight: Array, quantizer: Quantizer | None
) -> tuple[Numbers, str]:
    """Return weights (n_in, n_out), and where the one of input i and output j lies; by output if rounded."""
    n_in, n_out = weight.shape
    if quantizer is None:
        return program.floats(name, weight), f"i * {n_out} + j"
    rows = weight.T.astype(np.float64)
    return program.codes(name, rows, quantizer.grids(rows)[0], quantizer.bits), f"j * {n_in} + i"


def bias_numbers(
    program: Program, name: str, bias: Array | None, quantizer: Quantizer | None
) -> Numbers | None:
    """Return biases, on one grid for all if they are rounded."""
    if bias is None or quantizer is None:
        return None if bias is None else program.floats(name, bias)
    exact = bias.astype(np.float64)
    return program.codes(name, exact, replace(quantizer, per="tensor").grids(exact)[0], quantizer.bits)


def write(layer: QuantizedLinear, program: Program, x: str) -> str:
    """Write ``y = x Q(W) + Q(b)``."""
    bias = bias_numbers(program, "bias", layer.parameters.get("bias"), layer.quantizer)
    y = linear.start_with(program, layer.n_out, bias)
    weight, place = weight_numbers(program, "weight", layer.parameters["weight"], layer.quantizer)
    linear.add_product(program, x, y, layer.n_in, layer.n_out, weight, place)
    return y


WRITERS = {QuantizedLinear: write}
