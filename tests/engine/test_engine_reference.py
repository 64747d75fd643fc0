"""Random programs give the same log on the engine and on the reference engine, to the bit."""

import math

from hypothesis import given, settings
from hypothesis import strategies as st

import eventsim as es

LIMIT = 12  # events scheduled within one instant before the run is refused

# Many ties, some huge and tiny steps, and arbitrary ones.
ties = st.sampled_from([0.0, 0.0, 0.5, 1.0])
delays = st.one_of(
    ties,
    ties,
    ties,
    st.sampled_from([0.25, 3.0, 1e-6, 1e6, math.inf]),
    st.floats(0, 10, allow_subnormal=False),
)
priorities = st.sampled_from([0, 0, 1, 1, -1, 2, -32768, 32767])
small = st.integers(0, 5)
schedules = st.tuples(st.just("schedule"), delays, small, small, priorities)
predictions = st.tuples(st.just("predict"), small, delays)
cancellations = st.tuples(st.just("cancel"), st.integers(0, 50))
series = st.tuples(st.just("every"), st.sampled_from([0.25, 0.1, 1 / 3]), small, delays, priorities)
bad = st.tuples(st.just("bad"), st.sampled_from(["past", "nan", "slot", "priority", "period"]))
reactions = st.one_of(
    schedules,
    schedules,
    predictions,
    cancellations,
    series,
    bad,
    st.just(("stop",)),
    st.just(("raise",)),
    st.just(("run", 1.0, False)),
)
operations = st.one_of(
    schedules,
    schedules,
    predictions,
    cancellations,
    series,
    bad,
    st.tuples(st.just("run"), st.one_of(st.just(None), delays), st.booleans()),
    st.just(("step",)),
    st.just(("snapshot",)),
    st.just(("restore",)),
    st.just(("reset",)),
)


class Reacting(es.PythonHandler):
    def __init__(self, world):
        self.world = world
        self.seen = 0

    def on_event(self, engine, time, unit, value):
        self.seen += 1
        self.world.handle("method", time, unit, value, self.seen)

    def on_cross(self, engine, time, unit):
        self.world.handle("crossing", time, unit, 0.0, self.seen)

    def snapshot(self):
        return {"seen": self.seen}

    def restore(self, state):
        self.seen = int(state["seen"])


class World:
    """One engine, what its handlers answer to each unit, and the log of all that happened."""

    def __init__(self, engine, answers):
        self.engine, self.answers, self.log = engine, answers, []
        self.tokens, self.saved, self.handled = [], None, 0
        self.function = engine.register(
            lambda engine, event: self.handle("call", event.time, event.unit, event.value, event.priority)
        )
        self.method = engine.register(Reacting(self))
        self.first = engine.reserve(self.method, 4)

    def handle(self, how, time, unit, value, more):
        assert time == self.engine.now
        self.log.append((how, time, unit, value, more, self.engine.pending))
        self.handled += 1
        if self.handled % 100 == 0:
            self.engine.stop()
        elif self.handled < 400:  # afterwards events die out
            for action in self.answers[unit % len(self.answers)]:
                self.act(action)

    def act(self, action):
        kind, *values = action
        try:
            result = getattr(self, kind)(*values)
        except (es.EventOrderError, RuntimeError, ValueError, IndexError) as error:
            result = type(error).__name__
        self.log.append((kind, result))

    def schedule(self, delay, handler, unit, priority):
        h = self.method if handler % 2 else self.function
        self.tokens.append(self.engine.schedule(self.engine.now + delay, h, unit, delay, priority))

    def every(self, period, handler, delay, priority):
        h = self.method if handler % 2 else self.function
        self.tokens.append(self.engine.every(period, h, self.engine.now + delay, priority=priority, unit=5))

    def cancel(self, i):
        return self.engine.cancel(self.tokens[i % len(self.tokens)]) if self.tokens else None

    def predict(self, slot, delay):
        self.engine.predict(self.first + slot, self.engine.now + delay)  # slots 4 and 5 do not exist

    def bad(self, what):
        now = self.engine.now
        if what == "past":
            self.engine.schedule(math.nextafter(now, -1.0), self.function)
        elif what == "nan":
            self.engine.schedule(math.nan, self.function)
        elif what == "slot":
            self.engine.predict(-1, now)
        elif what == "priority":
            self.engine.schedule(now, self.function, priority=2**15)
        else:
            self.engine.every(0.0, self.function)

    def stop(self):
        self.engine.stop()

    def run(self, delay, inclusive):
        self.engine.run(None if delay is None else self.engine.now + delay, inclusive=inclusive)

    def step(self):
        return self.engine.step()

    def snapshot(self):
        self.saved = self.engine.snapshot(), len(self.tokens)

    def restore(self):
        if self.saved:
            self.engine.restore(self.saved[0])
            del self.tokens[self.saved[1] :]  # those belong to a future that has not happened

    def reset(self):
        self.engine.reset()
        self.tokens.clear()
        self.saved = None

    def __getattr__(self, name):
        assert name == "raise"
        return self.fail

    def fail(self):
        raise Failure


class Failure(Exception):
    pass


def play(engine, program, answers):
    world = World(engine, answers)
    for operation in program:
        try:
            world.act(operation)
        except Failure:
            world.log.append("failed")
        engine.verify()
        world.log.append((engine.now, engine.pending, engine.processed, engine.next_event_time))
    return world.log


@settings(max_examples=400, deadline=None)
@given(st.lists(operations, max_size=40), st.lists(st.lists(reactions, max_size=3), min_size=1, max_size=6))
def test_random_programs_give_the_same_log_on_both_engines(program, answers):
    assert play(es.Engine(LIMIT), program, answers) == play(es.ReferenceEngine(LIMIT), program, answers)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(delays, st.integers(0, 3)), min_size=150, max_size=400),
    st.lists(st.lists(reactions, max_size=2), min_size=1, max_size=6),
    st.lists(operations, max_size=10),
)
def test_random_programs_agree_with_hundreds_of_events_pending(events, answers, program):
    filling = [("schedule", delay, unit, unit, 0) for delay, unit in events]
    assert play(es.Engine(LIMIT), filling + program, answers) == play(
        es.ReferenceEngine(LIMIT), filling + program, answers
    )
