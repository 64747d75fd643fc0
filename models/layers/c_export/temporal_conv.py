"""Dilated convolutions in C: a ring of the last inputs."""

from eventsim.models.layers.c_export import linear
from eventsim.models.layers.c_export.program import Program
from eventsim.models.layers.temporal_conv import TemporalConv

__all__ = ["WRITERS"]


def write(layer: TemporalConv, program: Program, x: str) -> str:
    """Write the convolution: tap k reads the step (K - 1 - k) d before."""
    n_in, n_out, span = layer.n_in, layer.n_out, layer.span
    bias = layer.parameters.get("bias")
    y = linear.start_with(program, n_out, None if bias is None else program.floats("bias", bias))
    ring, now = program.state("ring", span * n_in), program.state("now", 1, "uint32_t")
    weight = program.floats("weight", layer.parameters["weight"]).at(f"(k * {n_in} + i) * {n_out} + j")
    program.add(
        """
        for (size_t i = 0; i < $n_in; i++)
            $ring[$now[0] * $n_in + i] = $x[i];
        for (size_t k = 0; k < $taps; k++) {
            const size_t back = ($taps - 1 - k) * $dilation;
            const size_t at = $now[0] >= back ? $now[0] - back : $now[0] + $span - back;
            const $real *const past = $ring + at * $n_in;
            for (size_t i = 0; i < $n_in; i++) {
                const $real in = past[i];
                if (in != 0)
                    for (size_t j = 0; j < $n_out; j++)
                        $y[j] += in * $weight;
            }
        }
        $now[0] = ($now[0] + 1) % $span;
        """,
        n_in=n_in,
        n_out=n_out,
        span=span,
        taps=layer.kernel,
        dilation=layer.dilation,
        ring=ring,
        now=now,
        x=x,
        y=y,
        weight=weight,
    )
    return y


WRITERS = {TemporalConv: write}
