"""Spiking units in C: the spike of the step before is whether its membrane was above the threshold."""

from eventsim.models.layers.c_export.program import Program
from eventsim.models.layers.lif import LIF

__all__ = ["WRITERS"]


def write(layer: LIF, program: Program, x: str) -> str:
    """Write ``v = alpha v + x - theta s``, ``s = v > theta``."""
    if layer.smooth:
        raise ValueError(
            f"layer {program.place}, LIF, has smooth spikes, which are not written as C; set smooth=False"
        )
    y, v = program.buffer(layer.n_out), program.state("membrane", layer.n_out)
    alpha = program.floats("alpha", layer.alpha).at("i")
    theta = program.floats("threshold", (layer.parameters | layer.buffers)["threshold"]).at("i")
    program.add(
        """
        for (size_t i = 0; i < $n; i++) {
            const $real theta = $theta;
            $v[i] = $alpha * $v[i] + $x[i] - ($v[i] > theta ? theta : 0);
            $y[i] = $v[i] > theta ? 1 : 0;
        }
        """,
        n=layer.n_out,
        x=x,
        y=y,
        v=v,
        alpha=alpha,
        theta=theta,
    )
    return y


WRITERS = {LIF: write}
