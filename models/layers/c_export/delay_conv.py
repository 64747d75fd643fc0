"""Convolutions with taps at chosen delays in C: a ring of the last inputs, and the taps of each channel."""

import numpy as np

from eventsim.models.layers.c_export.program import Program
from eventsim.models.layers.delay_conv import DelayConv

__all__ = ["WRITERS"]


def write(layer: DelayConv, program: Program, x: str) -> str:
    """Write ``y[t] = sum_k value_k x[t - delay_k]``; channel i has the taps from first[i] to first[i + 1]."""
    n, length, taps = layer.n_in, layer.buffer_length, layer.used_taps
    y = program.buffer(n)
    own = np.arange(taps.delay.shape[1]) < taps.count[:, None]
    first = program.whole("first", np.concatenate(([0], np.cumsum(taps.count))))
    delay, value = program.whole("delay", taps.delay[own]), program.floats("value", taps.value[own])
    ring, now = program.state("ring", length * n), program.state("now", 1, "uint32_t")
    program.add(
        """
        for (size_t i = 0; i < $n; i++) {
            $real sum = 0;
            $ring[$now[0] * $n + i] = $x[i];
            for (size_t k = $first; k < $last; k++) {
                const size_t back = $delay;
                sum += $value * $ring[($now[0] >= back ? $now[0] - back : $now[0] + $length - back) * $n + i];
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
        value=value.at("k"),
        ring=ring,
        now=now,
        x=x,
        y=y,
    )
    return y


WRITERS = {DelayConv: write}
