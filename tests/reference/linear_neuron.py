"""A linear integrate-and-fire neuron by dense integration with scipy; it shares no formula with the package.

Every receptor is a chain of differential equations, a current over time a function with its jumps listed.
"""

import numpy as np
from scipy.integrate import solve_ivp
from scipy.optimize import brentq, minimize_scalar


class Receptor:
    """A receptor as (number of variables, what a weight is added to, slopes, current)."""

    def __init__(self, shape, tau=1.0, rise=1.0):
        self.shape, self.tau, self.rise = shape, tau, rise
        self.size = {"delta": 0, "exponential": 1, "alpha": 2, "double-exponential": 2}[shape]
        self.gain = 1.0
        course = {
            "alpha": lambda s: s * np.exp(-s / tau),
            "double-exponential": lambda s: np.exp(-s / tau) - np.exp(-s / rise),
        }.get(shape)
        if course:  # the weight is the peak, found here numerically
            found = minimize_scalar(
                lambda s: -course(s), bounds=(0.0, 5.0 * tau), method="bounded", options={"xatol": 1e-10}
            )
            self.gain = -1.0 / found.fun

    def slopes(self, x):
        if self.shape == "alpha":
            return [x[1] - x[0] / self.tau, -x[1] / self.tau]
        if self.shape == "double-exponential":
            return [-x[0] / self.tau, -x[1] / self.rise]
        return [-x[0] / self.tau] if self.size else []

    def arrive(self, x, weight):
        if self.shape == "alpha":
            x[1] += weight * self.gain
        elif self.shape == "double-exponential":
            x[0] += weight * self.gain
            x[1] -= weight * self.gain
        else:
            x[0] += weight

    def current(self, x):
        if self.shape == "double-exponential":
            return x[0] + x[1]
        return x[0] if self.size else 0.0


def spikes(
    receptors,
    arrivals,
    until,
    *,
    tau_mem=10.0,
    c_mem=1.0,
    v_th=1.0,
    v_leak=0.0,
    v_reset=0.0,
    t_ref=0.0,
    i_ext=lambda t: 0.0,
    jumps=(),
    tau_w=1.0,
    b=0.0,
    tau_theta=1.0,
    theta_jump=0.0,
    v_init=None,
    step=0.5,
):
    """Return the spike times of one neuron that gets `arrivals`, tuples (time, receptor number, weight).

    The membrane is integrated to a relative error of 1e-13, and a crossing is the root of the integrator's
    own state, not of its interpolant. Steps of at most `step` keep crossings apart.
    """
    places, n = [], 3
    for receptor in receptors:
        places.append(n)
        n += receptor.size
    x = np.zeros(n)  # v, w, theta, receptors
    x[0] = v_leak if v_init is None else v_init
    held = [False]

    def slope(t, x):
        dx = np.zeros(n)
        total = 0.0
        for place, receptor in zip(places, receptors, strict=True):
            part = x[place : place + receptor.size]
            dx[place : place + receptor.size] = receptor.slopes(part)
            total += receptor.current(part)
        if not held[0]:
            dx[0] = (v_leak - x[0]) / tau_mem + (total - x[1] + i_ext(t)) / c_mem
        dx[1], dx[2] = -x[1] / tau_w, -x[2] / tau_theta
        return dx

    def go(t, x, end):
        if end <= t:
            return x
        return solve_ivp(slope, (t, end), x, "DOP853", rtol=1e-13, atol=1e-15).y[:, -1]

    def margin(x):
        return x[0] - v_th - x[2]

    stops = sorted({*(t for t, *_ in arrivals), *(t for t in jumps if t < until), until})
    crossed = False
    t, ready, found, waiting = 0.0, -1.0, [], sorted(arrivals, key=lambda arrival: arrival[0])
    for stop in stops:
        while t < stop or crossed:
            held[0] = t < ready
            if crossed or (not held[0] and margin(x) >= 0.0):
                crossed = False
                found.append(t)
                x[0], x[1], x[2], ready = v_reset, x[1] + b, x[2] + theta_jump, t + t_ref
                continue
            end = min(stop, t + step, ready) if held[0] else min(stop, t + step)
            y = go(t, x, end).copy()
            if not held[0] and margin(y) >= 0.0:
                end = brentq(lambda s, t=t, x=x: margin(go(t, x, s)), t, end, xtol=1e-13, rtol=1e-14)
                y = go(t, x, end).copy()
                crossed = True
            t, x = end, y
        while waiting and waiting[0][0] == stop:
            _, k, weight = waiting.pop(0)
            if receptors[k].size:
                receptors[k].arrive(x[places[k] : places[k] + receptors[k].size], weight)
            elif t >= ready:
                x[0] += weight
    return np.array(found)
