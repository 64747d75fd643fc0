"""The gated linear unit in C."""

from eventsim.models.layers.c_export.program import Program
from eventsim.models.layers.glu import GLU

__all__ = ["WRITERS"]


def write(layer: GLU, program: Program, x: str) -> str:
    """Write ``y = p sigmoid(q)``, x = (p, q)."""
    y = program.buffer(layer.n_out)
    program.add(
        "for (size_t i = 0; i < $n; i++)\n    $y[i] = $x[i] * (1 / (1 + $exp(-$x[$n + i])));",
        n=layer.n_out,
        x=x,
        y=y,
    )
    return y


WRITERS = {GLU: write}
