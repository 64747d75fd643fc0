"""Convolutions with taps at chosen delays in C: a ring of the last inputs, and the taps of each channel."""

import numpy as np

from eventsim.models.layers.c_export.coded_state import CodedState
from eventsim.models.layers.c_export.program import Program
from eventsim.models.layers.delay_conv import DelayConv

__all__ = ["WRITERS"]


def write(layer: DelayConv, program: Program, x: str) -> str:
    """Write ``y[t] = sum_k value_k x[t - delay_k]``; channel i has the taps from first[i] to first[i + 1]."""
    n, length, of = layer.n_in, layer.buffer_length, layer.rounding
    taps = layer.used_taps
    own = np.arange(taps.delay.shape[1]) < taps.count[:, None]
    first = program.whole("first", np.concatenate(([0], np.cumsum(taps.count))))
    delay = program.whole("delay", taps.delay[own])
    if of is None or of.weight is None:
        value = program.floats("value", taps.value[own])
    else:  # taps of value 0 are left out, so rounded values find their codes again
        exact = layer.exact_taps().value.astype(np.float64)
        grid, rounded = of.weight.grids(exact)[0], taps.value.astype(np.float64)
        value = program.codes("value", rounded, grid, of.weight.bits, own)
    y, now = program.buffer(n), program.state("now", 1, "uint32_t")
    if of is None or of.state is None:
        ring = program.state("ring", length * n)
        read, keep = f"{ring}[at]", f"{ring}[{now}[0] * {n} + i] = in;"
    else:
        layer.state_grid()  # an error where there is no range yet
        step, least = layer.buffers["state_step"], layer.buffers["state_least"]
        kept = CodedState.add(program, "ring", length * n, step, least, of.state.bits, f"i % {n}")
        read, keep = kept.read("at", "i"), " ".join(kept.keep("in", f"{now}[0] * {n} + i", "i"))
    program.add(
        """
        for (size_t i = 0; i < $n; i++) {
            $real sum = 0, in = $x[i];
            $keep
            for (size_t k = $first; k < $last; k++) {
                const size_t back = $delay, now = $now[0];
                const size_t at = (now >= back ? now - back : now + $length - back) * $n + i;
                sum += $value * ($read);
            }
            $y[i] = sum;
        }
        $now[0] = ($now[0] + 1) % $length;
        """,
        n=n,
        length=length,
        first=first.at("i"),
        last=first.at("i + 1"),
        delay=delay.at("k"),
        value=f"({value.at('k', 'i')})",
        read=read,
        keep=keep,
        now=now,
        x=x,
        y=y,
    )
    return y


WRITERS = {DelayConv: write}
