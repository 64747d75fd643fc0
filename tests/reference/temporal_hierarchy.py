"""The network of the temporal-hierarchy paper in plain NumPy, one line for each equation, step by step.

    Z = s W,   I = gamma (Z - mean) / sqrt(var + eps) + beta       over batch and time, in every layer
    V[t] = alpha V[t-1] + I[t] - s[t-1],   s[t] = V[t] > 1         hidden layers
    U[t] = alpha_out U[t-1] + (1 - alpha_out) I[t]                 outputs

The backward pass is exact for a spike whose derivative is the box |V - 1| < 1/2. `ramp` has that derivative,
so a network of ramps can be compared with finite differences.
"""

from dataclasses import dataclass, field

import numpy as np

EPS = 1e-5
TINY = 1e-12
FORWARD_CLIP = (1e-5, 0.98)


def hard(v):
    """A spike: 1 above threshold."""
    return (v > 1).astype(v.dtype)


def ramp(v):
    """A soft spike whose true derivative is the box."""
    return np.clip(v - 0.5, 0, 1)


def softmax(u):
    e = np.exp(u - u.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


@dataclass
class Layer:
    """A layer: weight[pre, post], scale, shift, and decays of hidden neurons (None for outputs)."""

    weight: np.ndarray
    scale: np.ndarray
    shift: np.ndarray
    decay: np.ndarray | None
    dilation: int = 1
    tape: dict[str, np.ndarray] = field(default_factory=dict)
    gradients: dict[str, np.ndarray] = field(default_factory=dict)


def delayed(x, steps):
    """Return x moved to later times; zeros come in."""
    moved = np.zeros_like(x)
    moved[steps:] = x[: len(x) - steps] if steps else x
    return moved


def taps(weight):
    """Return weights of a convolution, shape (kernel, pre, post); of a dense layer those of a kernel of 1."""
    return weight if weight.ndim == 3 else weight[None]


def forward(layers, x, alpha_out, spike=hard, masks=None):
    """Return the outputs U, shape (time, batch, class)."""
    for number, layer in enumerate(layers):
        kernel = taps(layer.weight)
        lags = [(len(kernel) - 1 - k) * layer.dilation for k in range(len(kernel))]
        z = sum(delayed(x, lag) @ w for lag, w in zip(lags, kernel, strict=True))
        root = 1 / np.sqrt(z.var(axis=(0, 1)) + EPS)
        normal = (z - z.mean(axis=(0, 1))) * root
        current = layer.scale * normal + layer.shift
        layer.tape = {"x": x, "lags": lags, "normal": normal, "root": root}
        v = np.zeros(current.shape[1:], current.dtype)
        if layer.decay is None:
            out = np.zeros_like(current)
            for t in range(len(current)):
                v = alpha_out * v + (1 - alpha_out) * current[t]
                out[t] = v
            return out
        alpha = np.clip(layer.decay, *FORWARD_CLIP)
        s = np.zeros_like(v)
        potentials, spikes = np.zeros_like(current), np.zeros_like(current)
        for t in range(len(current)):
            v = alpha * v + current[t] - s
            s = spike(v)
            potentials[t], spikes[t] = v, s
        layer.tape |= {
            "v": potentials,
            "s": spikes,
            "alpha": alpha,
            "mask": None if masks is None else masks[number],
        }
        x = spikes if masks is None else spikes * masks[number]
    raise AssertionError("the last layer has decays")


def backward(layers, du, alpha_out):
    """Fill the gradients of all layers from dL/dU, and return dL/dx."""
    steps = len(du)
    below = du
    for layer in reversed(layers):
        tape = layer.tape
        d_current = np.zeros_like(below)
        adjoint = np.zeros_like(below[0])
        if layer.decay is None:
            for t in reversed(range(steps)):
                adjoint = below[t] + alpha_out * adjoint
                d_current[t] = (1 - alpha_out) * adjoint
        else:
            v, alpha = tape["v"], tape["alpha"]
            gs = below if tape["mask"] is None else below * tape["mask"]
            d_alpha = np.zeros_like(alpha)
            for t in reversed(range(steps)):
                box = np.abs(v[t] - 1) < 0.5
                adjoint = (gs[t] - adjoint) * box + alpha * adjoint
                d_current[t] = adjoint
                if t:
                    d_alpha += (adjoint * v[t - 1]).sum(axis=0)
            clipped = (layer.decay < FORWARD_CLIP[0]) | (layer.decay > FORWARD_CLIP[1])
            layer.gradients["decay"] = np.where(clipped, 0, d_alpha)
        layer.gradients["scale"] = (d_current * tape["normal"]).sum(axis=(0, 1))
        layer.gradients["shift"] = d_current.sum(axis=(0, 1))
        d = d_current * layer.scale
        normal = tape["normal"]
        dz = tape["root"] * (d - d.mean(axis=(0, 1)) - normal * (d * normal).mean(axis=(0, 1)))
        kernel, lags = taps(layer.weight), tape["lags"]
        d_weight = np.stack([np.einsum("tbi,tbj->ij", delayed(tape["x"], lag), dz) for lag in lags])
        layer.gradients["weight"] = d_weight.reshape(layer.weight.shape)
        below = np.zeros_like(tape["x"])
        for lag, w in zip(lags, kernel, strict=True):
            below[: steps - lag] += dz[lag:] @ w.T
    return below


def steps_loss(u, labels):
    """Return the mean cross-entropy of all steps, and dL/dU; labels (time, batch)."""
    p = softmax(u)
    steps, batch, n = u.shape
    own = np.eye(n, dtype=u.dtype)[labels]
    p_y = (p * own).sum(axis=-1)
    return -np.log(p_y + TINY).mean(), (p - own) * (p_y / (p_y + TINY))[..., None] / (steps * batch)


def cum_loss(u, labels):
    """Return the mean cross-entropy of the summed softmax, and dL/dU; labels (batch,)."""
    q = softmax(u)
    p = softmax(q.sum(axis=0))
    own = np.eye(u.shape[2], dtype=u.dtype)[labels]
    p_y = (p * own).sum(axis=-1)
    g = (p - own) * (p_y / (p_y + TINY))[:, None] / len(labels)
    return -np.log(p_y + TINY).mean(), q * (g - (g * q).sum(axis=-1, keepdims=True))
