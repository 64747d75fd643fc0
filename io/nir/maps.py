"""Nodes of NIR that are linear and have no state, as sparse matrices (n_out, n_in) between flat signals.

A signal of shape (channels, height, width) is flat in the order of NumPy. Conv1d is a Conv2d of height 1.
"""

import math
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from eventsim.errors import ConfigError

__all__ = ["MAPS", "Shape", "linear_map"]

Floats = NDArray[np.float64]
Shape = tuple[int, ...]
MAPS = ("Linear", "Affine", "Scale", "Conv1d", "Conv2d", "SumPool2d", "AvgPool2d", "Flatten", "Identity")
MOST = 50_000_000
"""Entries of one matrix."""


def linear_map(name: str, node: Any, shape: Shape | None) -> tuple[Any, Floats, Shape]:
    """Return what a node does to a signal: matrix (n_out, n_in), bias (n_out,), and the shape of the result.

    Parameters
    ----------
    name : str
        For messages.
    node : nir.NIRNode
        Of one of the kinds in `MAPS`.
    shape : tuple of int, optional
        Of the incoming signal, where it is known.

    Raises
    ------
    ConfigError
        If the parameters do not fit the signal, or each other.
    """
    kind = type(node).__name__
    label = f"{name!r} ({kind})"
    if kind in ("Linear", "Affine"):
        weight = _numbers(node.weight, label, "weight")
        if weight.ndim != 2:
            raise ConfigError(f"the weight of {label} must have shape (n_out, n_in), got {weight.shape}")
        bias = _numbers(node.bias, label, "bias").reshape(-1) if kind == "Affine" else np.zeros(len(weight))
        if bias.size == 1:
            bias = np.full(len(weight), bias.item())
        _fits(label, len(weight), len(bias), "outputs", "values of its bias")
        if shape is not None:
            _fits(label, weight.shape[1], math.prod(shape), "inputs", "signals that reach it")
        return scipy.sparse.csr_array(weight), bias, (len(weight),)
    if kind == "Scale":
        scale = _numbers(node.scale, label, "scale")
        n = math.prod(shape) if shape is not None else scale.size
        values = np.broadcast_to(scale.reshape(-1) if scale.size > 1 else scale.reshape(()), n)
        return scipy.sparse.diags_array(values).tocsr(), np.zeros(n), shape or scale.shape
    if shape is None:
        raise ConfigError(f"the shape of what reaches {label} is not known; the file must say it")
    if kind in ("Flatten", "Identity"):
        n = math.prod(shape)
        return scipy.sparse.eye_array(n).tocsr(), np.zeros(n), (n,) if kind == "Flatten" else shape
    return _convolution(label, kind, node, shape)


def _convolution(label: str, kind: str, node: Any, shape: Shape) -> tuple[Any, Floats, Shape]:
    """Return a convolution or pooling as a matrix."""
    flat = kind == "Conv1d"
    expected = 2 if flat else 3
    if len(shape) != expected:
        raise ConfigError(f"{label} takes signals with {expected} axes, channels first, got shape {shape}")
    channels, height, width = (shape[0], 1, shape[1]) if flat else shape
    if kind in ("SumPool2d", "AvgPool2d"):
        window = _pair(node.kernel_size, label, "kernel_size")
        value = 1.0 if kind == "SumPool2d" else 1.0 / max(math.prod(window), 1)
        weight, groups, dilation = np.full((channels, 1, *window), value), channels, (1, 1)
        bias = np.zeros(channels)
    else:
        weight = _numbers(node.weight, label, "weight")
        weight = weight[:, :, None, :] if flat and weight.ndim == 3 else weight
        groups = int(np.asarray(node.groups).reshape(-1)[0])
        dilation = _pair(node.dilation, label, "dilation", flat)
        bias = _numbers(node.bias, label, "bias").reshape(-1)
    if weight.ndim != 4 or not weight.size or groups < 1 or len(weight) % groups:
        raise ConfigError(f"the weight of {label} does not do, got shape {weight.shape} and {groups} groups")
    _fits(label, weight.shape[1] * groups, channels, "channels", "channels that reach it")
    if bias.size == 1:
        bias = np.full(len(weight), bias.item())
    _fits(label, len(weight), len(bias), "channels", "values of its bias")
    stride = _pair(node.stride, label, "stride", flat)
    window = weight.shape[2:]
    if min(*stride, *dilation, *window) < 1:
        raise ConfigError(f"strides, dilations and windows of {label} must be positive")
    reach = [d * (k - 1) for d, k in zip(dilation, window, strict=True)]
    padding = node.padding
    if isinstance(padding, bytes):
        padding = padding.decode()
    if isinstance(padding, str):
        before = [r // 2 if padding == "same" else 0 for r in reach]
        total = reach if padding == "same" else [0, 0]
    else:
        before = list(_pair(padding, label, "padding", flat, 0))
        total = [2 * each for each in before]
    sides = zip((height, width), total, reach, stride, strict=True)
    rows, columns = ((n + t - r - 1) // s + 1 for n, t, r, s in sides)
    if rows < 1 or columns < 1:
        raise ConfigError(f"the window of {label} is larger than the signal, of shape {shape}")
    if weight.size * rows * columns > MOST:
        raise ConfigError(f"{label} has more than {MOST:g} synapses")
    y, x = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")
    out = np.arange(len(weight))[:, None, None, None]
    into = (out // (len(weight) // groups)) * weight.shape[1] + np.arange(weight.shape[1])[
        None, :, None, None
    ]
    parts = []
    for ky, kx in np.ndindex(*window):
        iy, ix = y * stride[0] - before[0] + ky * dilation[0], x * stride[1] - before[1] + kx * dilation[1]
        inside = (iy >= 0) & (iy < height) & (ix >= 0) & (ix < width)
        full = (len(weight), weight.shape[1], rows, columns)
        target = np.broadcast_to((out * rows + y) * columns + x, full)[:, :, inside]
        source = np.broadcast_to((into * height + iy) * width + ix, full)[:, :, inside]
        entries = np.broadcast_to(weight[:, :, ky, kx, None, None], full)[:, :, inside]
        parts.append((entries.reshape(-1), target.reshape(-1), source.reshape(-1)))
    values, targets, sources = map(np.concatenate, zip(*parts, strict=True))
    n_out = len(weight) * rows * columns
    matrix = scipy.sparse.csr_array((values, (targets, sources)), shape=(n_out, math.prod(shape)))
    after = (len(weight), columns) if flat else (len(weight), rows, columns)
    return matrix, np.repeat(bias, rows * columns), after


def _pair(value: Any, label: str, what: str, flat: bool = False, least: int = 1) -> tuple[int, int]:
    """Return a number for the height and one for the width; in one dimension the height is neutral."""
    numbers = [int(each) for each in np.asarray(value).reshape(-1)]
    if len(numbers) not in (1, 2) or (flat and len(numbers) > 1) or min(numbers) < least:
        raise ConfigError(f"{what} of {label} must be one or two whole numbers, got {numbers}")
    return (least, numbers[0]) if flat else (numbers[0], numbers[-1])


def _numbers(value: Any, label: str, what: str) -> Floats:
    array = np.asarray(value)
    if array.dtype.kind not in "fiu" or not np.isfinite(array).all():
        raise ConfigError(f"{what} of {label} must be finite numbers")
    return array.astype(np.float64)


def _fits(label: str, mine: int, theirs: int, what: str, of: str) -> None:
    if mine != theirs:
        raise ConfigError(f"{label} has {mine} {what}, but there are {theirs} {of}")
