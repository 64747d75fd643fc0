"""The Gaussian error linear unit in C."""

from eventsim.models.layers.c_export.program import Program
from eventsim.models.layers.gelu import GELU

__all__ = ["WRITERS"]

ROOT, CUBE, HALF_ROOT = 0.7978845608028654, 0.044715, 0.7071067811865476  # sqrt(2 / pi), its cubic, sqrt(1/2)


def write(layer: GELU, program: Program, x: str) -> str:
    """Write ``y = x Phi(x)`` in the form of the layer."""
    y, half, root = program.buffer(layer.n_out), program.number(0.5), program.number(HALF_ROOT)
    by = f"{half} * (1 + {program.function('erf')}(u * {root}))"
    if layer.form == "tanh":
        twice, cube = program.number(2 * ROOT), program.number(CUBE)
        by = f"1 / (1 + {program.function('exp')}(-({twice} * (u + {cube} * u * u * u))))"
    program.add(
        """
        for (size_t i = 0; i < $n; i++) {
            const $real u = $x[i];
            $y[i] = u * ($by);
        }
        """,
        n=layer.n_out,
        x=x,
        y=y,
        by=by,
    )
    return y


WRITERS = {GELU: write}
