"""Leaky integrate-and-fire neurons, slowly and with 50 digits: what the fast ones are measured against.

    c_mem dv/dt = -(c_mem / tau_mem) (v - v_leak) + i_syn + i_ext        tau_syn di_syn/dt = -i_syn

Between events v is v_inf plus two exponentials, so it has at most one extremum. A crossing is found by
halving and Newton steps on a stretch where v is monotone; events are taken from one sorted list.
"""

import heapq
from dataclasses import dataclass

from mpmath import mp, mpf

mp.dps = 50
NEVER = mpf("inf")


@dataclass(frozen=True)
class Cell:
    """Parameters of a neuron, as of `eventsim.models.LIF`; `delta` makes inputs jumps of the membrane."""

    tau_mem: float = 1.0
    tau_syn: float = 1.0
    c_mem: float = 1.0
    v_th: float = 1.0
    v_leak: float = 0.0
    v_reset: float = 0.0
    i_ext: float = 0.0
    t_ref: float = 0.0
    once: bool = False
    delta: bool = False

    @property
    def v_inf(self):
        """Where the membrane would settle."""
        return mpf(self.v_leak) + mpf(self.i_ext) * mpf(self.tau_mem) / mpf(self.c_mem)


def kappa(cell, s):
    """Return the response of the membrane to a unit current that started `s` ago."""
    s, tau_mem, tau_syn, c_mem = mpf(s), mpf(cell.tau_mem), mpf(cell.tau_syn), mpf(cell.c_mem)
    if tau_mem == tau_syn:
        return s * mp.exp(-s / tau_mem) / c_mem
    return tau_mem * tau_syn / (c_mem * (tau_mem - tau_syn)) * (mp.exp(-s / tau_mem) - mp.exp(-s / tau_syn))


def flow(cell, v, i, s):
    """Return (v, i_syn) a time `s` later without input."""
    v, i, s = mpf(v), mpf(i), mpf(s)
    v_s = cell.v_inf + (v - cell.v_inf) * mp.exp(-s / mpf(cell.tau_mem))
    if cell.delta:
        return v_s, i
    return v_s + i * kappa(cell, s), i * mp.exp(-s / mpf(cell.tau_syn))


def slope(cell, v, i):
    """Return dv/dt."""
    return (cell.v_inf - v) / mpf(cell.tau_mem) + (0 if cell.delta else mpf(i) / mpf(cell.c_mem))


def extremum(cell, v, i):
    """Return when v has its one extremum, at a time > 0; None if it has none."""
    v, i = mpf(v), mpf(i)
    tau_mem, tau_syn, c_mem = mpf(cell.tau_mem), mpf(cell.tau_syn), mpf(cell.c_mem)
    if cell.delta or i == 0:
        return None
    if tau_mem == tau_syn:
        s = tau_mem - (v - cell.v_inf) * c_mem / i
        return s if s > 0 else None
    b = i * tau_mem * tau_syn / (c_mem * (tau_mem - tau_syn))
    a = v - cell.v_inf + b
    q = b * tau_mem / (a * tau_syn) if a != 0 else mpf(-1)
    s = tau_mem * tau_syn / (tau_mem - tau_syn) * mp.log(q) if q > 0 else mpf(-1)
    return s if s > 0 else None


def first_crossing(cell, v, i):
    """Return the time until v reaches v_th from below without input; 0 if it is there, inf if never."""
    v, i, v_th = mpf(v), mpf(i), mpf(cell.v_th)
    if v >= v_th:
        return mpf(0)
    start, top = mpf(0), extremum(cell, v, i)
    if top is not None:
        if flow(cell, v, i, top)[0] >= v_th:
            return _rising_root(cell, v, i, start, top)
        start = top
    if cell.v_inf <= v_th:
        return NEVER
    stop = start + mpf(cell.tau_mem)
    while flow(cell, v, i, stop)[0] < v_th:
        stop = 2 * stop
    return _rising_root(cell, v, i, start, stop)


def highest(cell, v, i):
    """Return the highest membrane from now on, and its limit."""
    top = extremum(cell, v, i)
    return max(mpf(v), cell.v_inf, mpf("-inf") if top is None else flow(cell, v, i, top)[0])


def _rising_root(cell, v, i, low, high):
    """Return where v(s) = v_th, given that v rises from below v_th at `low` to v_th or more at `high`."""
    s = (low + high) / 2
    for _ in range(400):
        v_s, i_s = flow(cell, v, i, s)
        if v_s < cell.v_th:
            low = s
        else:
            high = s
        d = slope(cell, v_s, i_s)
        new = s + (mpf(cell.v_th) - v_s) / d if d > 0 else low
        if not low < new < high:
            new = (low + high) / 2
        if abs(new - s) <= mpf(10) ** -40 * (1 + abs(s)):
            return new
        s = new
    raise ArithmeticError("the root was not found")


def simulate(cells, synapses, inputs, until, v_init=None, i_init=None):
    """Return the spikes of a network of neurons, as a list of (time, unit) in the order they happen.

    Parameters
    ----------
    cells : list of Cell
        One for each unit. Crossings of one instant come in their order.
    synapses : list of (pre, post, weight, delay)
    inputs : list of (time, unit, weight)
        Inputs from outside.
    until : float
        End, not included.
    v_init, i_init : list of float, optional
        State at time 0; rest unless given.
    """
    n = len(cells)
    v = [mpf(x) for x in (v_init if v_init is not None else [cell.v_leak for cell in cells])]
    i = [mpf(x) for x in (i_init if i_init is not None else [0] * n)]
    t, release = [mpf(0)] * n, [mpf(0)] * n
    waiting = [(mpf(time), k, unit, mpf(weight)) for k, (time, unit, weight) in enumerate(inputs)]
    heapq.heapify(waiting)
    outgoing = [[edge for edge in synapses if edge[0] == unit] for unit in range(n)]
    spikes, count = [], len(waiting)

    def advance(unit, time):
        if t[unit] < release[unit]:  # v is held
            stop = min(time, release[unit])
            if not cells[unit].delta:
                i[unit] *= mp.exp(-(stop - t[unit]) / mpf(cells[unit].tau_syn))
            t[unit] = stop
        v[unit], i[unit] = flow(cells[unit], v[unit], i[unit], time - t[unit])
        t[unit] = time

    def predict(unit):
        start, current = t[unit], i[unit]
        if start < release[unit]:
            if release[unit] == NEVER:
                return NEVER
            if not cells[unit].delta:
                current = current * mp.exp(-(release[unit] - start) / mpf(cells[unit].tau_syn))
            start = release[unit]
        return start + first_crossing(cells[unit], v[unit], current)

    due = [predict(unit) for unit in range(n)]
    while True:
        first = min(range(n), key=lambda unit: due[unit])
        time = min(due[first], waiting[0][0] if waiting else NEVER)
        if time >= until:
            return spikes
        reached = set()
        while waiting and waiting[0][0] == time:  # all deliveries of the instant before any threshold
            _, _, unit, weight = heapq.heappop(waiting)
            advance(unit, time)
            if not cells[unit].delta:
                i[unit] += weight
            elif time >= release[unit]:
                v[unit] += weight
            reached.add(unit)
        for unit in reached:
            due[unit] = predict(unit)
        if reached:
            continue
        advance(first, time)
        v[first] = mpf(cells[first].v_reset)
        release[first] = NEVER if cells[first].once else time + mpf(cells[first].t_ref)
        due[first] = predict(first)
        spikes.append((time, first))
        for _, post, weight, delay in outgoing[first]:
            heapq.heappush(waiting, (time + mpf(delay), count, post, mpf(weight)))
            count += 1
