"""W1, the hold model: how many events a second pass through an event queue.

A queue holds n events, initially at times Exp(mean 1). One operation takes the least event and puts
one back at its time plus the next of 65536 increments, Exp(mean 1), drawn beforehand. Ties keep the
order of scheduling. Results are operations per second of CPU time, the median over the repeats, with
all systems interleaved in one run, after a warm-up of 2 n operations for ours.
"""

import heapq
import itertools
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from sortedcontainers import SortedList

import eventsim as es
from eventsim.engine.hold_model import HoldModel
from eventsim.scenarios.benchmark import Plan, Rows, Seconds

SECONDS = Seconds(35.0, 1.0)
SIZES = (100, 10_000, 1_000_000)
N_INCREMENTS = 65536

Operate = Callable[[int], None]  # performs so many operations


def compiled_handler(times: np.ndarray, increments: np.ndarray) -> Operate:
    engine, model = es.Engine(), HoldModel(increments)
    engine.register(model)
    model.fill(engine, times)
    return lambda operations: model.operate(engine, operations)


def python_callable(times: np.ndarray, increments: np.ndarray) -> Operate:
    engine = es.Engine()
    following = itertools.cycle(increments.tolist()).__next__

    def hold(engine: es.Engine, event: es.Event) -> None:
        engine.schedule(event.time + following(), handler)

    handler = engine.register(hold)
    stopper = engine.register(lambda engine, event: engine.stop())
    for t in times.tolist():
        engine.schedule(t, handler)

    def operate(operations: int) -> None:
        # Pieces of about the right length, counted exactly at the end.
        end = engine.processed + operations
        while (missing := end - engine.processed) > 1000:
            engine.schedule(engine.now + 0.9 * missing / len(times), stopper)
            engine.run()
        for _ in range(end - engine.processed):
            engine.step()

    return operate


def by_heapq(times: np.ndarray, increments: np.ndarray) -> Operate:
    heap = list(zip(times.tolist(), itertools.count(), strict=False))
    heapq.heapify(heap)
    following = itertools.cycle(increments.tolist()).__next__
    ids = itertools.count(len(heap)).__next__

    def operate(operations: int) -> None:
        pop, push = heapq.heappop, heapq.heappush
        for _ in range(operations):
            t, _ = pop(heap)
            push(heap, (t + following(), ids()))

    return operate


def by_sortedcontainers(times: np.ndarray, increments: np.ndarray) -> Operate:
    events = SortedList(zip(times.tolist(), itertools.count(), strict=False))
    following = itertools.cycle(increments.tolist()).__next__
    ids = itertools.count(len(events)).__next__

    def operate(operations: int) -> None:
        pop, add = events.pop, events.add
        for _ in range(operations):
            t, _ = pop(0)
            add((t + following(), ids()))

    return operate


def by_simpy(times: np.ndarray, increments: np.ndarray) -> Operate:
    import simpy

    env = simpy.Environment()
    following = itertools.cycle(increments.tolist()).__next__
    timeout = env.timeout

    def hold(event: Any) -> None:
        timeout(following()).callbacks.append(hold)

    for t in times.tolist():
        timeout(t).callbacks.append(hold)

    def operate(operations: int) -> None:
        step = env.step
        for _ in range(operations):
            step()

    return operate


SYSTEMS: dict[str, tuple[Callable[[np.ndarray, np.ndarray], Operate], int]] = {
    # name -> (how to set it up, operations per measurement: about a fifth of a second)
    "eventsim, C handler": (compiled_handler, 3_000_000),
    "eventsim, Python callable": (python_callable, 500_000),
    "heapq": (by_heapq, 200_000),
    "sortedcontainers": (by_sortedcontainers, 100_000),
    "SimPy, callback": (by_simpy, 100_000),
}


def measure(n: int, plan: Plan) -> Rows:
    """Yield one row per installed system, all of them measured in turn."""
    rng = np.random.default_rng(1)
    increments, times = rng.exponential(1.0, N_INCREMENTS), rng.exponential(1.0, n)
    names = [name for name in SYSTEMS if wanted(name, plan)]
    running = {name: SYSTEMS[name][0](times, increments) for name in names}
    operations = {name: SYSTEMS[name][1] // plan.pick(1, 10) for name in names}
    for name, operate in running.items():
        operate(2 * n if name.startswith("eventsim") else min(2 * n, 20_000))
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(plan.repeats):
        for name, operate in running.items():
            start = time.process_time()
            operate(operations[name])
            seconds[name].append(time.process_time() - start)
    for name in names:
        value = operations[name] / statistics.median(seconds[name]) / 1e6
        yield {"work": "W1 hold model", "system": name, "n": n, "value": value, "unit": "M operations/s"}


def wanted(name: str, plan: Plan) -> bool:
    """Return whether a system is to be measured and installed."""
    if name.startswith("eventsim"):
        return True
    return plan.has("simpy") if name.startswith("SimPy") else plan.peers


def run(plan: Plan) -> Rows:
    """Measure all systems at all sizes."""
    for n in plan.pick(SIZES, SIZES[:2]):
        plan.announce(f"{n} pending events")
        yield from measure(n, plan)
