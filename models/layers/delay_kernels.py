"""Kernels of delays: taps at real positions, which act on the whole steps beside them.

    kappa[tau] = sum_k w_k phi(tau - p_k),  tau = 0 ... window - 1; tau = 0 is the present

    triangle:  phi(u) = max(0, 1 - |u|): the two steps beside p, with weights 1 - f and f, f = p - floor(p)
    Gauss:     phi_k(tau) = g / (sum_tau g + 1e-7),  g = exp(-((tau - p_k) / sigma_k)^2 / 2)
               sigma_k = |s_k| + 0.27

Gradients, from D[tau] = dL/dkappa[tau] (0 outside the window):

    dw_k = sum_tau D[tau] phi(tau - p_k)
    triangle:  dp_k = w_k (D[floor(p) + 1] - D[floor(p)])              exact between whole numbers
    Gauss:     dp_k = w_k sum_tau D[tau] dphi(u),  u = (tau - p) / sigma^2
               ds_k = w_k sum_tau D[tau] dphi(v) sign(s),  v = (tau - p)^2 / sigma^3
               dphi(u) = g u / S - g sum_tau(g u) / S^2,  S = sum_tau g + 1e-7

Khalfaoui-Hassani et al. 2023, Dilated convolution with learnable spacings, and their public code.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

__all__ = ["LEAST_SIGMA", "Taps", "gauss_gradients", "gauss_taps", "triangle_gradients", "triangle_taps"]

Floats = NDArray[np.float64]
LEAST_SIGMA = 0.27  # steps; narrower, a Gauss between two steps would touch neither
TINY = 1e-7


@dataclass(frozen=True, slots=True)
class Taps:
    """Delays and values of each channel, and what the gradients of the kernel need.

    Attributes
    ----------
    delay : ndarray of int32, shape (n, most)
        Steps.
    count : ndarray of int32, shape (n,)
        Taps that a channel has.
    value : ndarray, shape (n, most)
    """

    delay: NDArray[np.int32]
    count: NDArray[np.int32]
    value: NDArray[Any]

    def nonzero(self) -> "Taps":
        """Return the taps whose value is not 0: as many multiplications as needed."""
        return listed(self.value != 0, self.delay, self.value)


def listed(kept: NDArray[Any], delay: NDArray[Any], value: NDArray[Any]) -> Taps:
    """Return some of the taps, moved to the front of each row."""
    count = kept.sum(axis=1)
    order = np.argsort(~kept, axis=1, kind="stable")[:, : max(1, int(count.max(initial=0)))]
    own = np.arange(order.shape[1]) < count[:, None]
    values = np.where(own, np.take_along_axis(value, order, 1), 0).astype(value.dtype)
    delays = np.ascontiguousarray(np.take_along_axis(delay, order, 1), np.int32)
    return Taps(delays, count.astype(np.int32), values)


def triangle_taps(weight: Floats, position: Floats, window: int, dtype: DTypeLike) -> Taps:
    """Return two taps for each position, shapes (n, K) to (n, 2 K): the steps before it first."""
    before = np.minimum(np.floor(position), window - 1)
    f = position - before
    delay = np.concatenate((before, np.minimum(before + 1, window - 1)), axis=1)
    value = np.concatenate((weight * (1 - f), weight * f), axis=1)
    count = np.full(len(delay), delay.shape[1], np.int32)
    return Taps(delay.astype(np.int32), count, value.astype(dtype))


def triangle_gradients(
    weight: Floats, position: Floats, window: int, by_tap: Floats
) -> tuple[Floats, Floats]:
    """Return dL/dweight and dL/dposition from the gradients of the taps of `triangle_taps`."""
    before = np.minimum(np.floor(position), window - 1)
    f = position - before
    here, next_step = np.split(by_tap, 2, axis=1)
    next_step = np.where(before + 1 < window, next_step, 0)
    return here * (1 - f) + next_step * f, weight * (next_step - here)


def bumps(position: Floats, spread: Floats, window: int) -> tuple[Floats, Floats, Floats]:
    """Return g (n, K, window), S (n, K, 1) and tau - p (n, K, window)."""
    away = np.arange(window) - position[..., None]
    g = np.exp(-0.5 * (away / (np.abs(spread) + LEAST_SIGMA)[..., None]) ** 2)
    return g, g.sum(axis=-1, keepdims=True) + TINY, away


def gauss_taps(weight: Floats, position: Floats, spread: Floats, window: int, dtype: DTypeLike) -> Taps:
    """Return the taps of Gauss kernels: all steps that a bump reaches within the range of floating point."""
    g, total, _ = bumps(position, spread, window)
    phi = g / total
    value = np.einsum("nk,nkt->nt", weight, phi).astype(dtype)
    kept = np.any(phi.astype(dtype) > 0, axis=1)
    return listed(kept, np.broadcast_to(np.arange(window), kept.shape), value)


def gauss_gradients(
    weight: Floats, position: Floats, spread: Floats, window: int, taps: Taps, by_tap: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return dL/dweight, dL/dposition and dL/dspread from the gradients of the taps of `gauss_taps`."""
    by_kernel = np.zeros((len(weight), window))
    own = np.arange(taps.delay.shape[1]) < taps.count[:, None]
    row = np.broadcast_to(np.arange(len(weight))[:, None], own.shape)
    by_kernel[row[own], taps.delay[own]] = by_tap[own]
    g, total, away = bumps(position, spread, window)
    sigma = (np.abs(spread) + LEAST_SIGMA)[..., None]

    def along(direction: Floats) -> Floats:
        moved = g * direction
        dphi = moved / total - g * moved.sum(axis=-1, keepdims=True) / total**2
        moved_by: Floats = weight * np.einsum("nt,nkt->nk", by_kernel, dphi)
        return moved_by

    by_weight = np.einsum("nt,nkt->nk", by_kernel, g / total)
    return by_weight, along(away / sigma**2), along(away**2 / sigma**3) * np.sign(spread)
