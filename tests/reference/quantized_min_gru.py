"""The gated recurrent unit of few bits, one number at a time, from the equations of the reference sheet."""

import math

import numpy as np


def level(w):
    """Return the weight of 2 bits."""
    return -1 + 2 * min(max(math.floor(1.5 * (w + 1) + 0.5), 0), 3) / 3


def fixed(b, steps):
    """Return the number of 6 bits, a multiple of 1 / steps."""
    return min(max(math.floor(b * steps + 0.5), -32), 31) / steps


def run(x, gate_weight, gate_bias, weight, threshold, slope, divisor):
    """Return codes, states and outputs (time, unit) of one sequence x (time, input)."""
    n_out = len(gate_bias)
    h = [0.0] * n_out
    codes, states, outputs = [], [], []
    for x_t in x:
        row = []
        for j in range(n_out):
            v = sum(level(gate_weight[i][j]) * x_t[i] for i in range(len(x_t))) / divisor
            c = sum(level(weight[i][j]) * x_t[i] for i in range(len(x_t))) / divisor
            u = slope * v + fixed(gate_bias[j], 32) + 0.5
            k = min(max(math.floor(64 * u + 0.5), 0), 63)
            h[j] = k / 64 * c + (1 - k / 64) * h[j]
            row.append(k)
        codes.append(row)
        states.append(list(h))
        outputs.append(
            [int(h[j] - fixed(threshold[j], 128) > 1e-9) for j in range(n_out)]
        )  # more, but for rounding
    return np.array(codes), np.array(states), np.array(outputs)
