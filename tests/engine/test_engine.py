"""The engine and, where it says `make`, the reference engine too: behaviours one by one."""

import gc
import math
import random
import signal
import threading
import time
import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import eventsim as es
from eventsim.engine.hold_model import HoldModel

times = st.lists(st.floats(0, 1e6), min_size=1, max_size=60)


@pytest.fixture(params=[es.Engine, es.ReferenceEngine], ids=["engine", "reference"])
def make(request):
    return request.param


class Log:
    """Records (time, unit) of what it is called with."""

    def __init__(self):
        self.seen = []

    def __call__(self, engine, event):
        assert engine.now == event.time
        self.seen.append((event.time, event.unit))


class Crossings(es.PythonHandler):
    def __init__(self, seen):
        self.seen = seen

    def on_event(self, engine, time, unit, value):
        self.seen.append(("event", time, unit))

    def on_cross(self, engine, time, unit):
        self.seen.append(("crossing", time, unit))


def logged(make):
    engine, log = make(), Log()
    return engine, engine.register(log), log.seen


# ---- order


@given(times)
def test_events_come_in_order_of_time(times):
    engine, log, seen = logged(es.Engine)
    for unit, t in enumerate(times):
        engine.schedule(t, log, unit=unit)
    engine.run()
    assert [t for t, _ in seen] == sorted(times)


def test_simultaneous_events_keep_the_order_of_scheduling(make):
    engine, log, seen = logged(make)
    for unit in range(500):
        engine.schedule(1.0, log, unit=unit)
    engine.run()
    assert [unit for _, unit in seen] == list(range(500))


def test_lower_priorities_come_first(make):
    engine, log, seen = logged(make)
    for priority in (3, -32768, 0, 32767, -1):
        engine.schedule(1.0, log, unit=priority, priority=priority)
    engine.run()
    assert [unit for _, unit in seen] == [-32768, -1, 0, 3, 32767]


def test_within_an_instant_deliveries_precede_crossings_and_crossings_precede_ticks(make):
    engine, seen = make(), []
    handler = engine.register(Crossings(seen))
    first = engine.reserve(handler, 3)
    engine.schedule(1.0, handler, unit=10, priority=1)
    engine.predict(first + 2, 1.0)
    engine.predict(first, 1.0)
    engine.schedule(1.0, handler, unit=11)
    engine.run()
    assert seen == [("event", 1.0, 11), ("crossing", 1.0, 0), ("crossing", 1.0, 2), ("event", 1.0, 10)]


def test_a_delivery_without_delay_precedes_the_next_crossing_of_the_instant(make):
    class Fires(Crossings):
        def on_cross(self, engine, time, unit):
            super().on_cross(engine, time, unit)
            engine.schedule(time, handler, unit=unit + 10)

    engine, seen = make(), []
    handler = engine.register(Fires(seen))
    first = engine.reserve(handler, 2)
    engine.predict(first, 1.0)
    engine.predict(first + 1, 1.0)
    engine.run()
    assert seen == [("crossing", 1.0, 0), ("event", 1.0, 10), ("crossing", 1.0, 1), ("event", 1.0, 11)]


def test_a_prediction_replaces_the_one_before(make):
    engine, seen = make(), []
    handler = engine.register(Crossings(seen))
    first = engine.reserve(handler, 2)
    for unit, t in ((0, 1.0), (1, 2.0), (0, 5.0), (1, math.inf)):
        engine.predict(first + unit, t)
    assert engine.pending == 1
    assert engine.next_event_time == 5.0
    engine.run()
    assert seen == [("crossing", 5.0, 0)]


def test_a_slot_is_clear_when_its_crossing_is_handled(make):
    class Again(Crossings):
        def on_cross(self, engine, time, unit):
            assert engine.pending == 0
            super().on_cross(engine, time, unit)
            if time < 3:
                engine.predict(handler.first_slot + unit, time + 1)

    engine, seen = make(), []
    handler = engine.register(Again(seen))
    engine.predict(engine.reserve(handler, 1), 1.0)
    engine.run()
    assert [t for _, t, _ in seen] == [1.0, 2.0, 3.0]


@given(times, st.lists(st.floats(0, 1e6), max_size=8))
def test_slices_give_what_one_run_gives(times, stops):
    seen = []
    for ends in ([math.inf], [*sorted(stops), math.inf]):
        engine, log = es.Engine(), Log()
        handler = engine.register(log)
        engine.every(1e5, handler, unit=-1)
        for unit, t in enumerate(times):
            engine.schedule(t, handler, unit=unit, priority=unit % 3)
        for end in ends:
            engine.run(until=min(end, 1e6), inclusive=end == math.inf)
        seen.append(log.seen)
    assert seen[0] == seen[1]


@given(times)
def test_a_shift_in_time_by_a_power_of_two_shifts_every_event(times):
    grid = [math.floor(t * 64) / 64 for t in times]  # sums with the shift are exact
    seen = []
    for shift in (0.0, 2.0**20):
        engine, log = es.Engine(), Log()
        handler = engine.register(log)
        for unit, t in enumerate(grid):
            engine.schedule(shift + t, handler, unit=unit)
        engine.run()
        seen.append([(t - shift, unit) for t, unit in log.seen])
    assert seen[0] == seen[1]


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=80, unique=True), st.randoms())
def test_the_order_of_scheduling_does_not_matter_between_different_times(times, shuffler):
    seen = []
    for _ in range(2):
        engine, log = es.Engine(), Log()
        handler = engine.register(log)
        for t in times:
            engine.schedule(float(t), handler, unit=t)
        engine.run()
        seen.append(log.seen)
        shuffler.shuffle(times)
    assert seen[0] == seen[1]


# ---- clock, slices, stop


def test_run_is_half_open_and_leaves_the_clock_at_its_end(make):
    engine, log, seen = logged(make)
    for t in (1.0, 2.0, 3.0):
        engine.schedule(t, log)
    engine.run(until=2.0)
    assert [t for t, _ in seen] == [1.0]
    assert engine.now == 2.0
    engine.run(until=2.0, inclusive=True)
    assert [t for t, _ in seen] == [1.0, 2.0]
    engine.run(until=2.5)
    assert (engine.now, engine.pending, engine.processed) == (2.5, 1, 2)
    engine.run()
    assert (engine.now, engine.next_event_time) == (3.0, math.inf)
    engine.run(until=math.inf)
    assert engine.now == 3.0


def test_a_run_cannot_end_before_now_or_nowhere(make):
    engine = make()
    engine.run(until=5.0)
    for until in (4.0, math.nan):
        with pytest.raises(es.EventOrderError, match=rf"{until}.*5\.0"):
            engine.run(until=until)


def test_stop_ends_the_run_at_the_event_that_called_it(make):
    engine = make()
    handler = engine.register(lambda engine, event: engine.stop() if event.unit else None)
    for t in (1.0, 2.0, 3.0):
        engine.schedule(t, handler, unit=int(t == 2.0))
    engine.run(until=10.0)
    assert (engine.now, engine.pending) == (2.0, 1)
    engine.run(until=10.0)
    assert (engine.now, engine.pending) == (10.0, 0)


def test_step_handles_one_event(make):
    engine, log, seen = logged(make)
    engine.schedule(1.0, log)
    engine.schedule(1.0, log)
    assert engine.step()
    assert len(seen) == 1
    assert engine.step()
    assert not engine.step()
    assert engine.now == 1.0


def test_looking_at_the_next_event_time_changes_nothing():
    engine, log, seen = logged(es.Engine)
    token = engine.schedule(1.0, log)
    engine.schedule(1e9, log)
    engine.cancel(token)
    for t in np.random.default_rng(1).uniform(0, 1e6, 300):
        assert engine.next_event_time <= 1e9  # the queue may look far ahead ...
        engine.schedule(t, log)  # ... and still takes what comes earlier
    engine.run()
    assert [t for t, _ in seen] == sorted(t for t, _ in seen)
    assert len(seen) == 301


def test_an_event_at_infinity_waits_and_never_comes(make):
    engine, log, seen = logged(make)
    token = engine.schedule(math.inf, log)
    engine.run()
    assert (seen, engine.pending, engine.now, engine.next_event_time) == ([], 1, 0.0, math.inf)
    assert engine.cancel(token)
    assert engine.pending == 0


# ---- ticks and cancelling


def test_ticks_are_multiples_of_the_period_and_not_sums(make):
    engine, log, seen = logged(make)
    engine.every(0.1, log, start=0.3)
    engine.run(until=100.0)
    assert [t for t, _ in seen] == [0.3 + k * 0.1 for k in range(len(seen))]
    assert len(seen) == 997


def test_ticks_come_last_in_their_instant(make):
    engine, log, seen = logged(make)
    engine.every(1.0, log, unit=1)
    engine.schedule(0.0, log, unit=2)
    engine.run(until=0.5)
    assert [unit for _, unit in seen] == [2, 1]


def test_a_series_of_ticks_ends_when_its_handler_cancels_it(make):
    engine, seen = make(), []

    def tick(engine, event):
        seen.append(event.time)
        if event.time == 3.0:
            assert engine.cancel(token)

    token = engine.every(1.0, engine.register(tick))
    engine.run()
    assert seen == [0.0, 1.0, 2.0, 3.0]
    assert not engine.cancel(token)


def test_cancelled_events_do_not_come(make):
    engine, log, seen = logged(make)
    tokens = [engine.schedule(float(t), log, unit=t) for t in range(1000)]
    assert all(engine.cancel(token) for token in tokens[::2] + tokens[1:900:2])
    assert not any(engine.cancel(token) for token in tokens[:900])
    assert engine.pending == 50
    engine.run()
    assert [unit for _, unit in seen] == list(range(901, 1000, 2))
    assert not any(engine.cancel(token) for token in tokens)


def test_a_spent_token_does_not_cancel_the_event_that_took_its_place():
    engine, log, _ = logged(es.Engine)
    old = engine.schedule(1.0, log)
    engine.run()
    new = engine.schedule(2.0, log)
    assert not engine.cancel(old)
    assert engine.cancel(new)


def test_memory_of_cancelled_events_is_used_again():
    engine, log, _ = logged(es.Engine)
    for _ in range(100_000):
        engine.cancel(engine.schedule(1e9, log))
    assert sum(engine.queue_layout()[:4]) < 200  # at most about half of what is stored is dead


# ---- mistakes


@pytest.mark.parametrize(("t", "words"), [(0.5, "before the clock at 1.0"), (math.nan, "not a number")])
def test_an_event_in_the_past_or_at_nan_is_refused_by_time_unit_and_handler(make, t, words):
    def stubborn(engine, event):
        pass

    engine = make()
    handler = engine.register(stubborn)
    engine.run(until=1.0)
    for schedule in (
        lambda: engine.schedule(t, handler, unit=7),
        lambda: engine.every(1.0, handler, start=t, unit=7),
    ):
        with pytest.raises(es.EventOrderError, match=rf"{t}.*{words}.*unit 7.*stubborn"):
            schedule()
    assert engine.pending == 0


def test_minus_infinity_is_in_the_past(make):
    engine, log, _ = logged(make)
    with pytest.raises(es.EventOrderError, match="-inf"):
        engine.schedule(-math.inf, log)


@pytest.mark.parametrize("period", [0.0, -1.0, math.nan, math.inf])
def test_a_period_must_be_positive_and_finite(make, period):
    engine, log, _ = logged(make)
    with pytest.raises(ValueError, match="period"):
        engine.every(period, log)
    assert engine.pending == 0


@pytest.mark.parametrize("priority", [-(2**15) - 1, 2**15])
def test_priorities_have_sixteen_bits(make, priority):
    engine, log, _ = logged(make)
    for schedule in (
        lambda: engine.schedule(1.0, log, priority=priority),
        lambda: engine.every(1.0, log, priority=priority),
    ):
        with pytest.raises(ValueError, match=f"priority .*{priority}"):
            schedule()


def test_what_was_not_registered_here_is_refused(make):
    engine, other = make(), make()
    foreign = other.register(lambda engine, event: None)
    for _ in range(2):
        engine.register(lambda engine, event: None)
    with pytest.raises(TypeError, match="print"):
        engine.schedule(1.0, print)
    for use in (lambda: engine.schedule(1.0, foreign), lambda: engine.register(foreign)):
        with pytest.raises(ValueError, match="another engine"):
            use()
    with pytest.raises(TypeError, match="callable"):
        engine.register(3)


def test_slots_are_reserved_once_and_checked(make):
    engine = make()
    handler = engine.register(Crossings([]))
    with pytest.raises(ValueError, match="-1"):
        engine.reserve(handler, -1)
    assert engine.reserve(handler, 2) == 0
    with pytest.raises(ValueError, match="already"):
        engine.reserve(handler, 2)
    for slot in (-1, 2):
        with pytest.raises(IndexError, match=str(slot)):
            engine.predict(slot, 1.0)
    for t in (-1.0, math.nan):
        with pytest.raises(es.EventOrderError):
            engine.predict(0, t)


def test_a_handler_registered_twice_is_one(make):
    engine, log = make(), Log()
    assert engine.register(log) is engine.register(log)
    assert engine.register(log.__call__).id == engine.register(log.__call__).id
    handler = engine.register(Crossings([]))
    assert engine.register(handler) is handler


def test_a_handler_that_raises_stops_the_run_at_its_event(make):
    engine, seen = make(), []

    def fail(engine, event):
        if event.unit:
            raise KeyError("on purpose")
        seen.append(event.time)

    handler = engine.register(fail)
    for unit, t in enumerate((1.0, 2.0, 3.0)):
        engine.schedule(t, handler, unit=unit % 2)
    with pytest.raises(KeyError, match="on purpose"):
        engine.run(until=10.0)
    assert (engine.now, engine.pending, engine.processed) == (2.0, 1, 2)
    engine.run(until=10.0)
    assert (seen, engine.now) == ([1.0, 3.0], 10.0)


def test_an_exception_in_a_compiled_handler_reaches_the_caller():
    engine = es.Engine()
    handler = HoldModel([-1.0])
    engine.register(handler)
    handler.fill(engine, np.array([1.0, 2.0]))
    with pytest.raises(es.EventOrderError, match=r"0\.0.*1\.0.*HoldModel"):
        engine.run()
    assert (engine.now, engine.pending) == (1.0, 1)
    with pytest.raises(es.EventOrderError):
        engine.step()
    assert engine.now == 2.0


@pytest.mark.parametrize("act", ["run", "step", "restore", "reset"])
def test_a_handler_may_not_run_the_engine(make, act):
    def nested(engine, event):
        saved = engine.snapshot()
        getattr(engine, act)(*([saved] if act == "restore" else []))

    engine = make()
    engine.schedule(1.0, engine.register(nested))
    with pytest.raises(RuntimeError, match="running"):
        engine.run()


def test_events_without_progress_of_time_end_in_an_error(make):
    def eager(engine, event):
        engine.schedule(event.time, handler)

    engine = make(max_events_per_instant=100)
    handler = engine.register(eager)
    engine.schedule(2.5, handler)
    with pytest.raises(es.EventOrderError, match=r"100 events at time 2\.5.*eager"):
        engine.run(until=10.0)
    assert (engine.now, engine.processed) == (2.5, 102)


def test_crossings_without_progress_of_time_end_in_an_error(make):
    class Eager(Crossings):
        def on_cross(self, engine, time, unit):
            engine.predict(0, time)

    engine = make(max_events_per_instant=100)
    engine.predict(engine.reserve(engine.register(Eager([])), 1), 2.5)
    with pytest.raises(es.EventOrderError, match=r"100 events at time 2\.5.*Eager"):
        engine.run()


def test_many_events_at_one_time_scheduled_before_it_are_no_mistake(make):
    engine = make(max_events_per_instant=10)
    log = Log()
    handler = engine.register(log)
    for _ in range(50):
        engine.schedule(1.0, handler)
    engine.run()
    assert len(log.seen) == 50


# ---- what handlers see


def test_an_event_shows_what_was_scheduled(make):
    engine, seen = make(), []
    handler = engine.register(lambda engine, event: seen.append(event))
    engine.schedule(1.5, handler, unit=3, value=0.25, priority=-2)
    engine.schedule(2.5, handler)
    engine.run()
    event = seen[0]
    shown = (event.time, event.unit, event.value, event.priority, event.handler)
    assert shown == (1.5, 3, 0.25, -2, handler)
    assert seen[1].time == 2.5  # kept events are not overwritten by later ones


def test_the_repr_of_an_event_names_its_parts():
    engine, seen = es.Engine(), []
    engine.schedule(1.5, engine.register(lambda engine, event: seen.append(repr(event))), unit=3)
    engine.run()
    assert seen[0].startswith("Event(time=1.5, unit=3, value=0.0, priority=0, handler=")


def test_a_subclass_needs_a_method_to_handle_with():
    with pytest.raises(TypeError, match="on_event"):
        es.Engine().register(type("Nothing", (es.PythonHandler,), {})())


def test_a_bare_handler_says_that_it_receives_nothing():
    engine = es.Engine()
    engine.schedule(1.0, engine.register(es.Handler()))
    with pytest.raises(NotImplementedError, match="Handler does not receive events"):
        engine.run()


# ---- snapshot


def random_walkers(make, seed):
    """An engine whose handler schedules, cancels and predicts at random, from its own state."""

    class Walker(es.PythonHandler):
        def __init__(self):
            self.draws, self.seen, self.tokens = 0, [], []

        def next(self):
            self.draws += 1
            return random.Random(seed * 100_003 + self.draws).random()

        def on_event(self, engine, time, unit, value):
            self.seen.append((time, unit, value))
            for _ in range(1 + (engine.pending < 100)):
                engine.schedule(time + self.next(), handler, unit=unit, value=self.next())
            engine.predict(unit, time + self.next())

        def on_cross(self, engine, time, unit):
            self.seen.append((time, unit, None))

        def snapshot(self):
            return {"draws": self.draws}

        def restore(self, state):
            self.draws = int(state["draws"])

    engine, walker = make(), Walker()
    handler = engine.register(walker)
    engine.reserve(handler, 4)
    for unit in range(4):
        engine.schedule(walker.next(), handler, unit=unit)
    engine.every(1 / 3, handler, unit=0)
    return engine, walker


@pytest.mark.parametrize("seed", range(3))
def test_a_restored_run_goes_on_to_the_same_bits(make, seed):
    engine, walker = random_walkers(make, seed)
    engine.run(until=2.0)
    saved = engine.snapshot()
    state = engine.now, engine.pending, engine.processed, engine.next_event_time
    del walker.seen[:]
    engine.run(until=5.0)
    assert len(walker.seen) > 300
    fresh, other = random_walkers(make, seed)  # into the same engine and into a new one
    for again, restored in ((walker, engine), (other, fresh)):
        before = list(walker.seen) if again is other else walker.seen[:]
        del again.seen[:]
        restored.restore(saved)
        restored.verify()
        assert (restored.now, restored.pending, restored.processed, restored.next_event_time) == state
        restored.run(until=5.0)
        assert again.seen == before


def test_tokens_and_series_survive_a_snapshot(make):
    engine, log, seen = logged(make)
    single, series = engine.schedule(3.0, log, unit=1), engine.every(1.0, log)
    engine.run(until=1.5)
    saved = engine.snapshot()
    engine.cancel(single)
    engine.run(until=9.0)
    engine.restore(saved)
    del seen[:]
    engine.run(until=2.5)
    assert engine.cancel(single)
    assert engine.cancel(series)
    engine.run()
    assert seen == [(2.0, 0)]


def test_a_snapshot_holds_arrays_numbers_and_strings_only(make):
    engine, _ = random_walkers(make, 1)
    engine.run(until=1.0)

    def leaves(tree):
        for value in tree.values():
            yield from leaves(value) if isinstance(value, dict) else [value]

    for leaf in leaves(engine.snapshot()):
        assert isinstance(leaf, np.ndarray | int | float | str)
        assert not isinstance(leaf, np.ndarray) or leaf.dtype.kind in "iuf"


def test_a_snapshot_of_other_handlers_is_refused():
    saved = random_walkers(es.Engine, 1)[0].snapshot()
    engine, log, _ = logged(es.Engine)
    engine.schedule(1.0, log)
    with pytest.raises(ValueError, match=r"Walker.*Log"):
        engine.restore(saved)
    assert engine.pending == 1


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [("events", "time", math.nan), ("events", "handler", 9), ("events", "slot", 99), ("tokens", "tick", 50)],
)
def test_a_damaged_snapshot_is_refused_and_changes_nothing(table, column, value):
    engine, _ = random_walkers(es.Engine, 1)
    engine.run(until=1.0)
    saved = engine.snapshot()
    saved[table][column][0] = value
    before = engine.pending
    with pytest.raises(ValueError, match="damaged"):
        engine.restore(saved)
    assert engine.pending == before
    engine.verify()


def test_reset_goes_back_to_an_empty_beginning(make):
    engine, log, seen = logged(make)
    runs = []
    for _ in range(2):
        del seen[:]
        stale = engine.every(0.7, log)
        engine.schedule(1.0, log, unit=1)
        engine.run(until=3.0)
        runs.append(list(seen))
        engine.reset()
        assert (engine.now, engine.pending, engine.processed) == (0.0, 0, 0)
        assert not engine.cancel(stale)
    assert runs[0] == runs[1]


# ---- living with Python


def test_engine_and_handlers_that_refer_to_each_other_are_collected():
    engine = es.Engine()

    class Held(es.PythonHandler):
        def on_event(self, engine, time, unit, value):
            pass

    held = Held()
    held.engine = engine
    engine.register(held)
    engine.register(lambda e, event, engine=engine: None)
    watch = weakref.ref(engine)
    del engine, held
    gc.collect()
    assert watch() is None


def running_forever():
    engine, handler = es.Engine(), HoldModel([1.0])
    engine.register(handler)
    handler.fill(engine, np.zeros(4))
    return engine


def test_ctrl_c_ends_a_run_of_compiled_handlers():
    engine = running_forever()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background it may be ignored
    timer = threading.Timer(0.2, signal.raise_signal, [signal.SIGINT])
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        engine.run()
    timer.join()
    signal.signal(signal.SIGINT, before)
    assert engine.now > 0
    engine.verify()
    assert engine.step()


def test_another_thread_may_stop_the_engine_and_nothing_else():
    engine = running_forever()
    log = engine.register(lambda engine, event: None)
    thread = threading.Thread(target=engine.run)
    thread.start()
    while engine.processed == 0:
        time.sleep(0.001)
    for call in (lambda: engine.schedule(math.inf, log), engine.snapshot, lambda: engine.next_event_time):
        with pytest.raises(RuntimeError, match="another thread"):
            call()
    with pytest.raises(RuntimeError, match="running"):
        engine.step()
    engine.stop()
    thread.join(timeout=10)
    assert not thread.is_alive()


def test_compiled_handlers_run_without_the_gil():
    # While the engine runs in one thread, this one keeps counting: it could not if the GIL were held.
    engine = running_forever()
    thread = threading.Thread(target=engine.run)
    thread.start()
    counted, end = 0, time.monotonic() + 0.2
    while time.monotonic() < end:
        counted += 1
    engine.stop()
    thread.join(timeout=10)
    assert engine.processed > 1000
    assert counted > 1000


def test_python_and_compiled_handlers_share_one_order():
    engine, model, log = es.Engine(), HoldModel([0.5]), Log()
    engine.register(model)
    handler = engine.register(log)
    model.fill(engine, np.array([0.0]))
    engine.every(1.0, handler, start=0.25)
    engine.run(until=100.0)
    assert len(log.seen) == 100
    assert engine.processed == 300
