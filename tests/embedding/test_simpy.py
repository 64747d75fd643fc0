"""A SimPy process drives the engine, in step with SimPy's own events."""

import math

import pytest

import eventsim as es

simpy = pytest.importorskip("simpy")


def couple(env, engine, nudge):
    """Advance the engine to the time of each of its events, and to now whenever SimPy schedules one.

    `nudge` is a list holding the event that wakes this process when something was scheduled from outside.
    """
    while True:
        nudge[0] = env.event()
        ahead = engine.next_event_time
        wait = [nudge[0]] if ahead == math.inf else [nudge[0], env.timeout(ahead - env.now)]
        yield env.any_of(wait)
        engine.run(until=env.now, inclusive=True)


def test_a_simpy_process_and_the_engine_keep_one_clock():
    env, engine, nudge, log = simpy.Environment(), es.Engine(), [None], []

    def answer(engine, event):
        log.append(("engine", engine.now, event.unit))
        assert engine.now == env.now
        if event.unit < 3:
            engine.schedule(engine.now + 0.75, handler, unit=event.unit + 1)

    handler = engine.register(answer)
    engine.every(2.0, engine.register(lambda engine, event: log.append(("tick", engine.now))), start=1.0)

    def customer():
        for _ in range(3):
            yield env.timeout(2.5)
            log.append(("simpy", env.now))
            engine.schedule(env.now, handler)
            nudge[0].succeed()

    env.process(couple(env, engine, nudge))
    env.process(customer())
    env.run(until=10.0)

    # Customers at 2.5, 5 and 7.5, each answered at once and after 0.75, 1.5 and 2.25; ticks at 1, 3, ...
    expected = [("simpy", 2.5 * k) for k in (1, 2, 3)] + [("tick", 1.0 + 2 * k) for k in range(5)]
    expected += [
        ("engine", 2.5 * k + 0.75 * j, j) for k in (1, 2, 3) for j in range(4) if 2.5 * k + 0.75 * j < 10
    ]
    assert sorted(log, key=lambda entry: entry[1:]) == sorted(expected, key=lambda entry: entry[1:])
    assert [entry[1] for entry in log] == sorted(entry[1] for entry in log)


def test_slices_driven_by_simpy_equal_one_run():
    def walk(drive):
        engine, seen = es.Engine(), []

        def step(engine, event):
            seen.append((event.time, event.unit))
            engine.schedule(event.time + 0.1 * (1 + event.unit), handler, unit=(event.unit * 5 + 1) % 7)

        handler = engine.register(step)
        for unit in range(3):
            engine.schedule(0.3 * unit, handler, unit=unit)
        drive(engine)
        return seen

    def by_simpy(engine):
        env = simpy.Environment()

        def clockwork():
            while True:
                engine.run(until=env.now)
                yield env.timeout(0.37)

        env.process(clockwork())
        env.run(until=20.0)
        engine.run(until=20.0)

    assert walk(by_simpy) == walk(lambda engine: engine.run(until=20.0))
