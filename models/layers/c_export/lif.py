"""Spiking units in C: the spike of the step before is whether its membrane was above the threshold."""

from eventsim.models.layers.c_export.coded_state import state_of
from eventsim.models.layers.c_export.program import Program
from eventsim.models.layers.lif import LIF

__all__ = ["WRITERS"]


def write(layer: LIF, program: Program, x: str) -> str:
    """Write ``v = alpha v + x - theta s``, ``s = v > theta``."""
    if layer.smooth:
        raise ValueError(
            f"layer {program.place}, LIF, has smooth spikes, which are not written as C; set smooth=False"
        )
    y = program.buffer(layer.n_out)
    old, keep = state_of(layer, program, "v", layer.n_out, "i", "i")
    alpha = program.floats("alpha", layer.alpha).at("i")
    theta = program.floats("threshold", (layer.parameters | layer.buffers)["threshold"]).at("i")
    program.add(
        """
        for (size_t i = 0; i < $n; i++) {
            const $real theta = $theta;
            $real v = $old;
            v = $alpha * v + $x[i] - (v > theta ? theta : 0);
            $keep
            $y[i] = v > theta ? 1 : 0;
        }
        """,
        n=layer.n_out,
        x=x,
        y=y,
        old=old,
        keep=keep,
        alpha=alpha,
        theta=theta,
    )
    return y


WRITERS = {LIF: write}
