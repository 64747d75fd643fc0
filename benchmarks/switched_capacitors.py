"""A core of 64 x 64 switched capacitors: time of a step, without imperfections and with all of them.

"events": the five phases of a step are events of an engine. "NumPy": the same equations as whole arrays, the
way a circuit model is written first; without imperfections both must find the same states. Microseconds of
processor time a step, medians over repeats in turn.
"""

import statistics
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

import eventsim as es
from eventsim.hardware.chips import Minimalist
from eventsim.hardware.circuits import Circuit
from eventsim.hardware.circuits.manufacture import ManufacturedCore, manufactured
from eventsim.scenarios.benchmark import Plan, Rows, Seconds

SECONDS = Seconds(6.0, 1.0)
N = 64
ALL: dict[str, Any] = {
    "mismatch": 0.01,
    "temperature": 300.0,
    "offset": 5.0,
    "comparator_noise": 1.0,
    "parasitic": 0.05,
    "parasitic_state": 0.05,
    "injection": 0.5,
    "leak": 1.0,
    "leak_tau": 1e4,
    "settling": 7.0,
    "level_error": 2.0,
}


def in_numpy(made: ManufacturedCore, inputs: NDArray[Any]) -> NDArray[np.float64]:
    """Return the states (time, column) of a core without imperfections, unit capacitor by unit capacitor."""
    c_free, c_bank = made.c_b.copy(), made.c_a.copy()
    v_bank, states = np.zeros((N, N)), []
    for x in inputs:
        v_z, v_free = x[:, None] * made.rail_z, x[:, None] * made.rail_h
        z_line = (made.c_z * v_z).sum(axis=0) / made.c_z.sum(axis=0)
        u = made.by_volt * z_line + made.bias + 0.5
        code = np.zeros(N, np.int64)
        for bit in range(made.bits - 1, -1, -1):
            code += (u >= (code + 2**bit - made.below) / 2**made.bits) << bit
        v_free[:] = (c_free * v_free).sum(axis=0) / c_free.sum(axis=0)
        swaps = (made.row_bits[:, None] >= 0) & (code >> np.maximum(made.row_bits[:, None], 0) & 1 == 1)
        c_free, c_bank = np.where(swaps, c_bank, c_free), np.where(swaps, c_free, c_bank)
        v_bank = np.where(swaps, v_free, v_bank)
        state = (c_bank * v_bank).sum(axis=0) / c_bank.sum(axis=0)
        v_bank[:] = state
        states.append(state)
    return np.array(states)


def run(plan: Plan) -> Rows:
    """Measure the core in both ways."""
    steps = plan.pick(2000, 200)
    layer = es.models.layers.QuantizedMinGRU(N)
    layer.build(N, np.random.default_rng(0), np.float64)
    model = es.models.layers.Sequential([layer])
    model.adopt()
    x = (np.random.default_rng(1).random((steps, 1, N)) < 0.5).astype(float)
    circuits = {"ideal": Circuit(model, Minimalist()), "all imperfections": Circuit(model, Minimalist(**ALL))}
    made = manufactured(layer, Minimalist(), 0)
    taken: dict[str, list[float]] = {name: [] for name in (*circuits, "NumPy")}
    for repeat in range(plan.repeats + 1):
        plan.announce(f"{repeat + 1} of {plan.repeats + 1}")
        found = {}
        for name in taken:
            begin = time.process_time()
            if name == "NumPy":
                found[name] = in_numpy(made, x[:, 0]) / 0.4
            else:
                found[name] = circuits[name].run(x).states[0][:, 0]
            if repeat:
                taken[name].append((time.process_time() - begin) / steps * 1e6)
        if not np.allclose(found["ideal"], found["NumPy"], rtol=0, atol=1e-12):
            raise ArithmeticError("the core and NumPy differ in their states")
    row = {"work": f"a step of a core, {N} x {N}", "n": 1}
    for name, each in taken.items():
        system = "NumPy, ideal" if name == "NumPy" else f"eventsim, events, {name}"
        yield row | {"system": system, "value": statistics.median(each), "unit": "us"}
