"""The neuron of Clopath et al. 2010 and its plasticity, integrated by scipy."""

import itertools

import numpy as np
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

V, W, Z, V_T, PLUS, MINUS, BAR = range(7)
NODES, WEIGHTS = np.polynomial.legendre.leggauss(10)


class Path:
    """What has been integrated so far: dense outputs one after another."""

    def __init__(self, x):
        self.ends, self.parts, self.first = [], [], np.array(x)
        self.steps = []  # all of them, between which a dense output is a polynomial

    def add(self, end, solution):
        self.ends.append(end)
        self.parts.append(solution)
        self.steps += [float(t) for t in solution.ts[1:-1] if t < end] + [end]

    def part(self, t):
        """Return the dense output at a time, a function of times."""
        if t <= 0:
            return lambda s: np.multiply.outer(self.first, np.ones_like(s))
        return self.parts[min(np.searchsorted(self.ends, t), len(self.ends) - 1)]


def slope(x, p, held, clamped):
    v, w, z, v_t, plus, minus, bar = x
    upstroke = p.g_leak * p.delta_t * np.exp(np.minimum((v - v_t) / p.delta_t, 300.0))
    return [
        0.0 if held else (p.g_leak * (p.v_leak - v) + upstroke - w + z + p.i_ext) / p.c_mem,
        0.0 if clamped else (p.a * (v - p.v_leak) - w) / p.tau_w,
        -z / p.tau_z,
        (p.v_t - v_t) / p.tau_v_t,
        (v - plus) / p.tau_u_bar_plus,
        (v - minus) / p.tau_u_bar_minus,
        (minus - bar) / p.tau_u_bar_bar,
    ]


def integrated(p, rule, inputs, weights, until, rtol=1e-11):
    """Integrate one cell that synapses reach, each at times of its own.

    Parameters
    ----------
    p : ClopathAdEx
    rule : VoltageSTDP
    inputs : list of (time, synapse)
        Sorted; synapses from len(weights[0]) on have the fixed weights weights[1].
    weights : tuple of (plastic, fixed)
    until : float

    Returns
    -------
    spikes, plastic weights at the end, state at the end
    """
    plastic, fixed = (np.array(w, float) for w in weights)
    v_init = p.v_leak if p.v_init is None else p.v_init
    u = v_init if p.u_init is None else p.u_init
    x = np.array([v_init, p.w_init, 0.0, p.v_t, u, u, u])
    path, t, spikes = Path(x), 0.0, []
    clamp_end = ready = -np.inf
    trace, last, taken = np.zeros(len(plastic)), np.zeros(len(plastic)), np.zeros(len(plastic))

    def peak(_, y):
        return y[V] - p.v_peak

    peak.terminal, peak.direction = True, 1.0

    def potentiated(k, now):
        """Return the weight of a synapse before a spike at `now`: the integral since its last one."""
        if not trace[k] or now <= taken[k]:
            return plastic[k]
        d = rule.delay_u_bars
        grid = sorted(
            {taken[k], now, *(e for e in path.steps if taken[k] < e < now)}
            | {e + d for e in path.steps if taken[k] < e + d < now}
        )
        total = 0.0
        for a, b in itertools.pairwise(grid):
            middle = 0.5 * (a + b)
            part, before = path.part(middle), path.part(middle - d)

            def high(s, part=part):
                return part(s)[V] - rule.theta_plus

            def slow(s, before=before):
                return before(s - d)[PLUS] - rule.theta_minus

            s = np.linspace(a, b, 9)
            above = high(s)
            if above.max() <= 0:
                continue
            kinks = [
                brentq(f, s[i], s[i + 1])
                for f, y in ((high, above), (slow, slow(s)))
                for i in range(8)
                if y[i] * y[i + 1] < 0 and s[i + 1] > s[i]
            ]
            edges = sorted({a, b, *kinks})
            for low, up in itertools.pairwise(edges):
                s = 0.5 * (low + up) + 0.5 * (up - low) * NODES
                product = np.maximum(high(s), 0.0) * np.maximum(slow(s), 0.0)
                total += 0.5 * (up - low) * (WEIGHTS @ (product * np.exp((last[k] - s) / rule.tau_x)))
        return min(rule.w_max, plastic[k] + rule.a_ltp * trace[k] * total)

    for stop, synapse in [*inputs, (until, None)]:
        while t < stop:
            held, clamped = t < ready, t < clamp_end
            end = min(stop, clamp_end) if clamped else (min(stop, ready) if held else stop)
            found = solve_ivp(
                lambda _, y, held=held, clamped=clamped: slope(y, p, held, clamped),
                (t, end),
                x,
                "DOP853",
                dense_output=True,
                rtol=rtol,
                atol=1e-11,
                events=None if held else peak,
            )
            fired = not held and (found.status == 1 or found.status == -1)
            t, x = (float(found.t[-1]) if fired else end), found.y[:, -1].copy()
            path.add(t, found.sol)
            if fired:
                spikes.append(t)
                x[[V, Z, V_T]] = p.v_clamp if p.t_clamp else p.v_reset, p.i_sp, p.v_t_max
                x[W] += p.b
                clamp_end = t + p.t_clamp
                ready = clamp_end + p.t_ref
            elif clamped and t == clamp_end:
                x[V] = p.v_reset
        if synapse is None:
            break
        if synapse < len(plastic):
            k = synapse
            back = t - rule.delay_u_bars
            fall = rule.a_ltd * max(0.0, path.part(back)(back)[MINUS] - rule.theta_minus)
            if rule.u_ref_squared is not None:
                fall *= x[BAR] ** 2 / rule.u_ref_squared
            plastic[k] = max(rule.w_min, potentiated(k, t) - fall)
            trace[k] = trace[k] * np.exp((last[k] - t) / rule.tau_x) + 1.0 / rule.tau_x
            last[k] = taken[k] = t
            weight = plastic[k]
        else:
            weight = fixed[synapse - len(plastic)]
        if not t < ready:
            x[V] += weight
    return np.array(spikes), np.array([potentiated(k, until) for k in range(len(plastic))]), x
