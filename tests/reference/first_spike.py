"""First-spike times and their derivatives, slowly: closed forms, brute force, Euler, and a whole network.

Written from Göltz et al. 2021 with nothing shared with the compiled code. Neurons rest at 0; `theta` is their
threshold.
"""

import itertools
import math

import mpmath
import numpy as np
from scipy.special import lambertw


def kappa(s, tau_mem, tau_syn, c_mem):
    """Response of the membrane to a unit weight, time s >= 0 after its arrival."""
    if tau_mem == tau_syn:
        return s / c_mem * np.exp(-s / tau_syn)
    scale = tau_mem * tau_syn / (tau_mem - tau_syn) / c_mem
    return scale * (np.exp(-s / tau_mem) - np.exp(-s / tau_syn))


def kappa_slope(s, tau_mem, tau_syn, c_mem):
    """Derivative of kappa."""
    if tau_mem == tau_syn:
        return (1 - s / tau_syn) / c_mem * np.exp(-s / tau_syn)
    scale = tau_mem * tau_syn / (tau_mem - tau_syn) / c_mem
    return scale * (-np.exp(-s / tau_mem) / tau_mem + np.exp(-s / tau_syn) / tau_syn)


def membrane(time, t, w, tau_mem, tau_syn, c_mem):
    """Return v - v_leak at `time`."""
    causal = t <= time
    return float(np.sum(w[causal] * kappa(time - t[causal], tau_mem, tau_syn, c_mem)))


def brute_force(t, w, tau_mem=1.0, tau_syn=1.0, c_mem=1.0, theta=1.0):
    """Return the first spike time by scanning each interval for its largest v and bisecting; inf for none."""
    t, w = np.asarray(t, float), np.asarray(w, float)
    t, w = t[np.isfinite(t)], w[np.isfinite(t)]

    def v(x, known):
        return float(np.sum(w[known] * kappa(x - t[known], tau_mem, tau_syn, c_mem)))

    borders = [*np.unique(t), math.inf]
    for low, high in itertools.pairwise(borders):
        known = t <= low
        end = min(high, low + 60 * max(tau_mem, tau_syn))
        # v has one extremum in an interval at most: where its slope changes sign
        slope = lambda x, known=known: float(  # noqa: E731
            np.sum(w[known] * kappa_slope(x - t[known], tau_mem, tau_syn, c_mem))
        )
        if not slope(low) > 0:
            continue
        top = end
        if slope(end) < 0:
            left, right = low, end
            for _ in range(70):
                middle = 0.5 * (left + right)
                left, right = (middle, right) if slope(middle) > 0 else (left, middle)
            top = left
        if v(top, known) < theta:
            continue
        left, right = low, top
        for _ in range(70):
            middle = 0.5 * (left + right)
            left, right = (middle, right) if v(middle, known) < theta else (left, middle)
        return right
    return math.inf


def precise(t, w, tau_mem, tau_syn, c_mem, theta, near):
    """Return the spike time next to `near` to 30 digits, with the inputs up to it."""
    with mpmath.workdps(40):
        m, s, c = mpmath.mpf(tau_mem), mpmath.mpf(tau_syn), mpmath.mpf(c_mem)
        causal = [(mpmath.mpf(a), mpmath.mpf(b)) for a, b in zip(t, w, strict=True) if a <= near]

        def response(x):
            if m == s:
                return x / c * mpmath.exp(-x / s)
            return m * s / (m - s) / c * (mpmath.exp(-x / m) - mpmath.exp(-x / s))

        return float(mpmath.findroot(lambda x: sum(b * response(x - a) for a, b in causal) - theta, near))


def closed_form(t, w, ratio, theta=1.0):
    """Return the spike time from the closed forms for tau_mem = ratio * tau_syn, tau_syn = c_mem = 1."""
    order = np.argsort(t, kind="stable")
    best = math.inf
    c = theta / ratio
    for k in range(1, len(t) + 1):
        known = order[:k]
        low, high = t[known[-1]], t[order[k]] if k < len(t) else math.inf
        if not math.isfinite(low):
            break
        shifted, weight = t[known] - low, w[known]
        a1 = np.sum(weight * np.exp(shifted))
        if a1 <= 0:  # no rising crossing; b / a1 may overflow besides
            continue
        if ratio == 1:
            b = np.sum(weight * shifted * np.exp(shifted))
            z = -c / a1 * np.exp(b / a1)
            if z < -math.exp(-1):
                continue
            time = b / a1 - lambertw(z).real
        else:
            a2 = np.sum(weight * np.exp(shifted / 2))
            square = a2**2 - 4 * a1 * c
            if square < 0 or not 2 * a1 / (a2 + math.sqrt(square)) > 0:
                continue
            time = 2 * math.log(2 * a1 / (a2 + math.sqrt(square)))
        if low <= low + time <= high:
            best = min(best, low + time)
    return best


def closed_form_derivatives(t, w, ratio, time, theta=1.0):
    """Return dT/dw and dT/dt as coded by the authors (tau_syn = c_mem = 1) at a spike time of any origin.

    All are 0 if no rising crossing exists for the inputs up to `time`; without the conditions on signs the
    formulas give numbers for a crossing that falls.
    """
    causal = t <= time
    shifted = np.where(causal, t - time, 0.0)
    weight = np.where(causal, w, 0.0)
    f = np.where(causal, np.exp(shifted), 0.0)
    a1, c = np.sum(weight * f), theta / ratio
    nothing = np.zeros_like(t), np.zeros_like(t)
    if ratio == 1:
        b = np.sum(weight * shifted * f)
        z = -c / a1 * np.exp(b / a1)
        if a1 <= 0 or z < -math.exp(-1):
            return nothing
        scale = a1 * (1 + lambertw(z).real)
        return f * shifted / scale, weight * f * (1 + shifted) / scale
    f2 = np.where(causal, np.exp(shifted / 2), 0.0)
    a2 = np.sum(weight * f2)
    square = a2**2 - 4 * a1 * c
    if a1 <= 0 or a2 <= 0 or square < 0:
        return nothing
    s = math.sqrt(square)
    with_time = (1 + c / s) * f / a1
    return 2 * (with_time - f2 / s), weight * (2 * with_time - f2 / s)


def derivatives(t, w, time, tau_mem=1.0, tau_syn=1.0, c_mem=1.0):
    """Return dT/dw and dT/dt by the implicit function theorem."""
    causal = t <= time
    s = np.where(causal, time - t, 0.0)
    response = np.where(causal, kappa(s, tau_mem, tau_syn, c_mem), 0.0)
    slopes = np.where(causal, w * kappa_slope(s, tau_mem, tau_syn, c_mem), 0.0)
    return -response / slopes.sum(), slopes / slopes.sum()


def euler(t, w, step, until, tau_mem=1.0, tau_syn=1.0, theta=1.0):
    """Return the first spike time on a grid, integrated as the authors do (c_mem = 1)."""
    v = i_syn = 0.0
    arrivals = np.bincount(np.round(t / step).astype(int), weights=w, minlength=round(until / step) + 1)
    for k, arriving in enumerate(arrivals):
        v = math.exp(-step / tau_mem) * v + i_syn * step
        i_syn = math.exp(-step / tau_syn) * i_syn + arriving
        if v > theta:
            return k * step
    return math.inf


def layer_times(times, weights, ratio, theta=1.0):
    """Return the first spike times of a layer, shape (n_samples, n_post), by brute force."""
    return np.array([[brute_force(t, w, ratio, theta=theta) for w in weights.T] for t in times])
