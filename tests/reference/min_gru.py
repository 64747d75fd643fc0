"""Minimal gated recurrent units, slowly: the loop, two scans, and the log-space form."""

import numpy as np


def sigmoid(v):
    return 1 / (1 + np.exp(-v))


def positive(a):
    """The map g of the log-space form."""
    return np.where(a >= 0, a + 0.5, sigmoid(np.minimum(a, 0)))


def loop(z, candidate, first):
    """h[t] = (1 - z[t]) h[t-1] + z[t] candidate[t], step by step."""
    h, states = first, []
    for gate, new in zip(z, candidate, strict=True):
        h = (1 - gate) * h + gate * new
        states.append(h)
    return np.array(states)


def doubling_scan(a, b):
    """Hillis and Steele: h[t] = a[t] h[t-1] + b[t] from h = 0; a and b may be complex."""
    a, b = a.copy(), b.copy()
    reach = 1
    while reach < len(a):
        a_new, b_new = a.copy(), b.copy()
        b_new[reach:] = a[reach:] * b[:-reach] + b[reach:]
        a_new[reach:] = a[reach:] * a[:-reach]
        a, b, reach = a_new, b_new, 2 * reach
    return b


def chunked_scan(a, b, size):
    """The same, chunk by chunk: within each from 0, and then what the chunk before it left."""
    carried, states = np.zeros_like(b[0]), []
    for at in range(0, len(a), size):
        within = doubling_scan(a[at : at + size], b[at : at + size])
        within = within + np.cumprod(a[at : at + size], axis=0) * carried
        carried = within[-1]
        states.append(within)
    return np.concatenate(states)


def log_space(v, a):
    """The states from logarithms: log h[t] = A[t] + logcumsumexp(log(z g(a)) - A), A[t] = sum log(1 - z)."""
    log_decay = np.cumsum(-np.logaddexp(0, v), axis=0, dtype=v.dtype)
    log_input = -np.logaddexp(0, -v) + np.log(positive(a))
    return np.exp(log_decay + np.logaddexp.accumulate(log_input - log_decay, axis=0))
