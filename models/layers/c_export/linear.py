"""Linear maps in C: sums run in the order of the inputs; those that are 0, such as no spike, cost nothing."""

import numpy as np

from eventsim.models.layers.c_export.program import Numbers, Program
from eventsim.models.layers.linear import Linear

__all__ = ["WRITERS", "add_product", "start_with"]


def start_with(program: Program, n: int, bias: Numbers | None) -> str:
    """Add lines that fill a new buffer with biases, or 0, and return it."""
    y = program.buffer(n)
    value = "0" if bias is None else bias.at("j")
    program.add("for (size_t j = 0; j < $n; j++)\n    $y[j] = $value;", n=n, y=y, value=value)
    return y


def add_product(program: Program, x: str, y: str, n_in: int, n_out: int, weight: Numbers, place: str) -> None:
    """Add ``y += x W``; `place` is where the weight of input i and output j lies."""
    program.add(
        """
        for (size_t i = 0; i < $n_in; i++) {
            const $real in = $x[i];
            if (in != 0)
                for (size_t j = 0; j < $n_out; j++)
                    $y[j] += in * ($weight);
        }
        """,
        n_in=n_in,
        n_out=n_out,
        x=x,
        y=y,
        weight=weight.at(place, "j"),
    )


def write(layer: Linear, program: Program, x: str) -> str:
    """Write ``y = x W + b``."""
    bias = layer.parameters.get("bias")
    y = start_with(program, layer.n_out, None if bias is None else program.floats("bias", bias))
    weight = program.floats("weight", np.asarray(layer.parameters["weight"]))
    add_product(program, x, y, layer.n_in, layer.n_out, weight, f"i * {layer.n_out} + j")
    return y


WRITERS = {Linear: write}
