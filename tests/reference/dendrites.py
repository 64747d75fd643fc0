"""Neurons with compartments by numerical integration: slow, and nothing in common with the product's code.

A neuron is given as plain lists. `simulate` integrates dV/dt and dI/dt with scipy's solve_ivp between the
times at which something is known to happen, and lets its event location find the threshold crossings.
"""

import numpy as np
from scipy.integrate import solve_ivp


class Neuron:
    """Compartments 0..K-1 as lists.

    c, g, e, v_th : capacitance, leak, rest, threshold (inf for none)
    clamps[k] : list of (target, conductance, duration); hold_off[k]; level[k]
    edges : list of (k, m, conductance)
    slots : list of (compartment, tau, e_rev or None)
    currents : list of (compartment, constant current)
    steps : list of (time, compartment, change)
    """

    def __init__(self, c, g, e, v_th, clamps, hold_off, level, edges, slots, currents=(), steps=()):
        self.c, self.g, self.e, self.v_th = (np.array(x, float) for x in (c, g, e, v_th))
        self.clamps, self.hold_off, self.level = clamps, hold_off, level
        self.edges, self.slots, self.currents, self.steps = edges, slots, currents, sorted(steps)


def simulate(neuron, inputs, until, v_init=None, rtol=1e-12, max_step=0.5):
    """Return (events, v): events as a list of (time, compartment), v at `until`.

    inputs : list of (time, slot, weight)
    """
    n, m = len(neuron.c), len(neuron.slots)
    state = np.concatenate([neuron.e if v_init is None else v_init, np.zeros(m)])
    phase, end, armed = [0] * n, [np.inf] * n, [True] * n
    current = np.zeros(n)
    for k, i in neuron.currents:
        current[k] += i
    known = sorted([(t, 0, s, w) for t, s, w in inputs] + [(t, 1, k, d) for t, k, d in neuron.steps])
    events, now = [], 0.0

    def flow(t, y):
        v, syn = y[:n], y[n:]
        i = neuron.g * (neuron.e - v) + current
        for a, b, g in neuron.edges:
            i[a] += g * (v[b] - v[a])
            i[b] += g * (v[a] - v[b])
        for (k, _, e_rev), x in zip(neuron.slots, syn, strict=True):
            i[k] += x if e_rev is None else x * (e_rev - v[k])
        for k in range(n):
            if 1 <= phase[k] <= len(neuron.clamps[k]):
                target, g, _ = neuron.clamps[k][phase[k] - 1]
                i[k] += g * (target - v[k])
        return np.concatenate(
            [i / neuron.c, [-x / tau for (_, tau, _), x in zip(neuron.slots, syn, strict=True)]]
        )

    def fire(k, t):
        events.append((t, k))
        phase[k] = 1
        end[k] = t + (neuron.clamps[k][0][2] if neuron.clamps[k] else neuron.hold_off[k])

    def transitions(t, v):
        for k in range(n):
            while end[k] <= t:
                if phase[k] <= len(neuron.clamps[k]):
                    last = phase[k] == len(neuron.clamps[k])
                    end[k] += neuron.hold_off[k] if last else neuron.clamps[k][phase[k]][2]
                    phase[k] += 1
                    continue
                phase[k], end[k], armed[k] = 0, np.inf, True
                if v[k] >= neuron.v_th[k]:
                    if neuron.level[k]:
                        fire(k, t)
                    else:
                        armed[k] = False

    while now < until:
        while known and known[0][0] <= now:
            _, kind, which, value = known.pop(0)
            if kind:
                current[which] += value
            else:
                state[n + which] += value
        stop = min([until, *end, *(t for t, *_ in known[:1])])
        watched = [k for k in range(n) if phase[k] == 0 and np.isfinite(neuron.v_th[k])]
        crossings = []
        for k in watched:
            crossing = lambda t, y, k=k: y[k] - neuron.v_th[k]  # noqa: E731
            crossing.terminal, crossing.direction = True, 1 if armed[k] else -1
            crossings.append(crossing)
        found = solve_ivp(
            flow, (now, stop), state, "DOP853", rtol=rtol, atol=1e-12, events=crossings, max_step=max_step
        )
        state, reached = found.y[:, -1].copy(), found.t[-1]
        for k, times in zip(watched, found.t_events or [], strict=False):
            if len(times):
                reached = times[0]
                if armed[k]:
                    fire(k, reached)
                else:
                    armed[k] = True
        now = reached
        transitions(now, state[:n])
    return events, state[:n]
