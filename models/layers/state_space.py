"""Diagonal state-space models: poles at the start, their discretisation, and its derivatives.

    dx/dt = A x + B u;  y = 2 Re(C x) + D u          A, B, C complex, one of each conjugate pair
    A = -exp(a) + i b;  delta = exp(log delta)

    ZOH        A_bar = exp(delta A),                     B_bar = (A_bar - 1) / A B
    bilinear   A_bar = (1 + delta A/2) m,  B_bar = delta m B,  m = 1 / (1 - delta A/2)

The gradient of a complex p is g_p = dL/dRe p + i dL/dIm p, so for y = f(p): g_p = g_y conj(f'(p)). w = A_bar:

    ZOH        g_w += g_Bbar conj(B / A);  g_A = g_w conj(delta w) - g_Bbar conj(B (w - 1) / A^2)
               g_B = g_Bbar conj((w - 1) / A);  dL/ddelta = Re sum g_w conj(A w)
    bilinear   g_A = g_w conj(delta m^2) + g_Bbar conj(delta^2 B m^2 / 2);  g_B = g_Bbar conj(delta m)
               dL/ddelta = Re sum (g_w conj(A m^2) + g_Bbar conj(B m^2))
    both       da = -exp(a) Re g_A;  db = Im g_A;  dlog delta = delta dL/ddelta

Gu et al. 2022, On the parameterization and initialization of diagonal state space models.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Discretisation", "discretise", "discretise_back", "initial_poles"]

Complex = NDArray[np.complex128]
Floats = NDArray[np.float64]
Discretisation = Literal["zoh", "bilinear"]


def initial_poles(kind: Literal["lin", "inv", "legs"], n_states: int) -> Complex:
    """Return one pole of each conjugate pair, shape (n_states / 2,).

    Parameters
    ----------
    kind : {"lin", "inv", "legs"}
        S4D-Lin: -1/2 + i pi n; S4D-Inv: -1/2 + i (N / pi) (N / (2 n + 1) - 1); S4D-LegS: eigenvalues of the
        normal part of the HiPPO-LegS matrix.
    n_states : int
        N, states of which half are stored.
    """
    n = np.arange(n_states // 2)
    if kind == "lin":
        return np.asarray(-0.5 + 1j * np.pi * n)
    if kind == "inv":
        return np.asarray(-0.5 + 1j * n_states / np.pi * (n_states / (2 * n + 1) - 1))
    k = np.arange(n_states)
    root = np.sqrt(2 * k + 1)
    matrix = -np.tril(np.outer(root, root), -1) - np.diag(k + 1.0)
    normal = matrix + np.outer(root, root) / 2  # the rank-1 term makes it -1/2 plus a skew matrix
    frequency = np.sort(np.linalg.eigvals(normal).imag)[n_states - n_states // 2 :]
    return -0.5 + 1j * frequency


def discretise(
    pole: Complex, gain: Complex, delta: Floats, method: Discretisation
) -> tuple[Complex, Complex]:
    """Return A_bar and B_bar, shape (heads, modes), of A, B and the heads' time steps (heads, 1)."""
    if method == "zoh":
        grown = np.expm1(delta * pole)
        return grown + 1, grown / pole * gain
    m = 1 / (1 - delta * pole / 2)
    return (1 + delta * pole / 2) * m, delta * m * gain


def discretise_back(
    pole: Complex,
    gain: Complex,
    delta: Floats,
    method: Discretisation,
    by_pole: Complex,
    by_gain: Complex,
) -> tuple[Complex, Complex, Floats]:
    """Return the gradients of A, B and delta (heads, 1) from those of A_bar and B_bar."""
    if method == "zoh":
        grown = np.expm1(delta * pole)
        by_pole = by_pole + by_gain * np.conj(gain / pole)
        to_pole = by_pole * np.conj(delta * (grown + 1)) - by_gain * np.conj(gain * grown / pole**2)
        by_delta = by_pole * np.conj(pole * (grown + 1))
        return to_pole, by_gain * np.conj(grown / pole), by_delta.real.sum(axis=1, keepdims=True)
    m = 1 / (1 - delta * pole / 2)
    to_pole = by_pole * np.conj(delta * m**2) + by_gain * np.conj(0.5 * delta**2 * gain * m**2)
    by_delta = by_pole * np.conj(pole * m**2) + by_gain * np.conj(gain * m**2)
    return to_pole, by_gain * np.conj(delta * m), by_delta.real.sum(axis=1, keepdims=True)
