"""Switched capacitors one by one, from the conservation of charge: slow, and with none of the core's code.

A capacitor is a list [C, V]. Connecting some of them with a line moves all to the voltage at which the total
charge is what it was; an unfinished phase leaves a part of each difference.
"""

import math


def connect(capacitors, line_c, line_v, left):
    """Short capacitors with a line; return the voltage of the line and the energy that is lost."""
    charge = math.fsum([c * v for c, v in capacitors] + [line_c * line_v])
    common = charge / math.fsum([c for c, _ in capacitors] + [line_c])
    before = math.fsum([c * v * v / 2 for c, v in capacitors] + [line_c * line_v**2 / 2])
    for capacitor in capacitors:
        capacitor[1] = common + left * (capacitor[1] - common)
    line_v = common + left * (line_v - common)
    after = math.fsum([c * v * v / 2 for c, v in capacitors] + [line_c * line_v**2 / 2])
    return line_v, before - after


def run(made, inputs):
    """Return codes, states (time, column) and energies of a core without noise for inputs (time, row)."""
    rows, columns = made.c_z.shape
    codes, states = [[0] * columns for _ in inputs], [[0.0] * columns for _ in inputs]
    energy = {"lost": 0.0, "drawn": 0.0}
    for j in range(columns):
        z = [[made.c_z[i, j], 0.0] for i in range(rows)]
        pairs = [([made.c_a[i, j], 0.0], [made.c_b[i, j], 0.0]) for i in range(rows)]  # state, free
        z_line = candidate_line = state_line = 0.0
        for t, x in enumerate(inputs):
            # leakage: a constant current out of all that holds the state, then a resistor
            total = sum(state[0] for state, _ in pairs) + made.on_state
            for one in [state for state, _ in pairs]:
                one[1] = leaked(one[1], made.leak_charge / total, made.leak_kept)
            state_line = leaked(state_line, made.leak_charge / total, made.leak_kept)
            for i in range(rows):
                for one, rail in ((z[i], made.rail_z[i, j]), (pairs[i][1], made.rail_h[i, j])):
                    target = rail if x[i] else 0.0
                    reached = target + made.left * (one[1] - target)
                    drawn = one[0] * target * (reached - one[1])
                    energy["drawn"] += drawn
                    energy["lost"] += drawn - one[0] * (reached**2 - one[1] ** 2) / 2
                    one[1] = reached + made.injected
            z_line, lost = connect(z, made.on_z, z_line, made.left)
            energy["lost"] += lost
            u = made.by_volt * (z_line - made.converter_offset[j]) + made.bias[j] + 0.5
            levels = 2**made.bits
            code = min(max(math.floor(levels * u + made.below), 0), levels - 1)
            free = [one for _, one in pairs]
            candidate_line, lost = connect(free, made.on_h, candidate_line, made.left)
            energy["lost"] += lost
            swapped, first = set(), 0  # groups of 1, 2, 4, ... rows, each times rows / levels
            for bit in range(made.bits):
                group = rows // levels * 2**bit
                if code >> bit & 1:
                    swapped |= set(range(first, first + group))
                first += group
            pairs = [(b, a) if i in swapped else (a, b) for i, (a, b) in enumerate(pairs)]
            state_line, lost = connect([state for state, _ in pairs], made.on_state, state_line, made.left)
            energy["lost"] += lost
            codes[t][j], states[t][j] = code, state_line
    return codes, states, energy


def leaked(v, fall, kept):
    """Return a voltage after leakage towards 0, and not past it."""
    return kept * math.copysign(max(abs(v) - fall, 0.0), v)
