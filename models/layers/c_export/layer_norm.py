"""Normalisation over the channels of a step in C."""

from eventsim.models.layers.c_export.program import Program
from eventsim.models.layers.layer_norm import LayerNorm

__all__ = ["WRITERS"]


def write(layer: LayerNorm, program: Program, x: str) -> str:
    """Write ``y = gamma (x - mean) / sqrt(var + epsilon) + beta``."""
    y = program.buffer(layer.n_out)
    gamma, beta = (program.floats(name, layer.parameters[name]).at("i") for name in ("gamma", "beta"))
    program.add(
        """
        {
            $real mean = 0, var = 0;
            for (size_t i = 0; i < $n; i++)
                mean += $x[i];
            mean /= $n;
            for (size_t i = 0; i < $n; i++)
                var += ($x[i] - mean) * ($x[i] - mean);
            const $real r = 1 / $sqrt(var / $n + $epsilon);
            for (size_t i = 0; i < $n; i++)
                $y[i] = ($x[i] - mean) * r * $gamma + $beta;
        }
        """,
        n=layer.n_out,
        x=x,
        y=y,
        epsilon=program.number(layer.epsilon),
        gamma=gamma,
        beta=beta,
    )
    return y


WRITERS = {LayerNorm: write}
