"""Rectified linear units in C."""

from eventsim.models.layers.c_export.program import Program
from eventsim.models.layers.relu import ReLU

__all__ = ["WRITERS"]


def write(layer: ReLU, program: Program, x: str) -> str:
    """Write ``y = max(0, x)``."""
    y = program.buffer(layer.n_out)
    program.add(
        "for (size_t i = 0; i < $n; i++)\n    $y[i] = $x[i] > 0 ? $x[i] : 0;", n=layer.n_out, x=x, y=y
    )
    return y


WRITERS = {ReLU: write}
