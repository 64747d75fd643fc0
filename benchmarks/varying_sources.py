"""Poisson sources whose rate changes, beside sources of a constant rate, at 1 kHz on average.

10 000 sources run for 200 ms, their spikes are recorded. "constant" jumps between 500, 1000 and 1500 Hz,
"linear" goes up and down between 500 and 1500 Hz (both invert the integral of the rate), "function" is a sine
of Python between the same limits, thinned. Results are nanoseconds of processor time a spike, the median over
the repeats, all in turn in one process, on one thread; the note has the ratio to the constant rate.
"""

import statistics
import time
from typing import Any

import numpy as np

import eventsim as es
from eventsim.scenarios.benchmark import Plan, Rows, Seconds

SECONDS = Seconds(40.0, 2.0)
SCHEDULES = {"sources alone": "auto", "ordered": "ordered"}


def sine(times: Any) -> Any:
    return 1000.0 + 500.0 * np.sin(0.05 * times)


def sources() -> dict[str, Any]:
    m = es.models
    return {
        "Poisson": m.Poisson(rate=1000.0),
        "PoissonRates, constant": m.PoissonRates([0.0, 50.0, 100.0], [500.0, 1500.0, 1000.0], period=150.0),
        "PoissonRates, linear": m.PoissonRates([0.0, 50.0], [500.0, 1500.0], "linear", 100.0),
        "PoissonFunction": m.PoissonFunction(sine, 1500.0),
    }


def nanoseconds(model: Any, schedule: str, n: int) -> float:
    net = es.Network(seed=1)
    net.add("sources", model, n)
    sim = es.Simulation(net, schedule=schedule)
    assert sim.schedule  # builds
    started = time.process_time()
    sim.run(200.0)
    return (time.process_time() - started) / len(sim.spikes("sources")) * 1e9


def run(plan: Plan) -> Rows:
    """Measure all sources on the schedule of sources alone and on the ordered one."""
    n = 1000 if plan.quick else 10_000
    for label, schedule in SCHEDULES.items():
        found: dict[str, list[float]] = {}
        for repeat in range(plan.repeats):
            for name, model in sources().items():
                plan.announce(f"{label}, {name}, {repeat + 1} of {plan.repeats}")
                found.setdefault(name, []).append(nanoseconds(model, schedule, n))
        constant = statistics.median(found["Poisson"])
        for name, values in found.items():
            value = statistics.median(values)
            yield {
                "work": f"sources, {label}",
                "system": f"eventsim, {name}",
                "n": n,
                "value": value,
                "unit": "ns a spike",
                "note": f"{value / constant:.2f} times a constant rate",
            }
