"""Leaky integrators in C."""

from eventsim.models.layers.c_export.program import Program
from eventsim.models.layers.leaky_readout import LeakyReadout

__all__ = ["WRITERS"]


def write(layer: LeakyReadout, program: Program, x: str) -> str:
    """Write ``u = alpha u + (1 - alpha) x``."""
    y, u = program.buffer(layer.n_out), program.state("membrane", layer.n_out)
    program.add(
        """
        for (size_t i = 0; i < $n; i++) {
            const $real alpha = $alpha;
            $u[i] = alpha * $u[i] + (1 - alpha) * $x[i];
            $y[i] = $u[i];
        }
        """,
        n=layer.n_out,
        x=x,
        y=y,
        u=u,
        alpha=program.floats("alpha", layer.buffers["alpha"]).at("i"),
    )
    return y


WRITERS = {LeakyReadout: write}
