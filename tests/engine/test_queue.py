"""The event queue and the crossing heap against heapq and a dictionary, with their invariants checked."""

import heapq
import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from eventsim.queue import EventQueue
from eventsim.queue.crossings import CrossingHeap
from eventsim.queue.verification import verify


def drain(queue):
    events = []
    while (event := queue.take()) is not None:
        events.append(event)
    return events


@given(st.lists(st.floats(-1e300, 1e300), max_size=300))
def test_events_leave_the_queue_sorted(times):
    queue = EventQueue()
    for order, t in enumerate(times):
        queue.add(t, order)
    verify(queue)
    assert drain(queue) == sorted((t, order) for order, t in enumerate(times))


@given(st.lists(st.integers(0, 2**64 - 1), max_size=200, unique=True))
def test_equal_times_are_ordered_by_all_bits_of_the_order(orders):
    queue = EventQueue()
    for order in orders:
        queue.add(1.0, order)
    assert drain(queue) == [(1.0, order) for order in sorted(orders)]


def test_events_that_are_all_cancelled_leave_nothing_to_take():
    queue, rng = EventQueue(), random.Random(0)
    for order in range(50):
        queue.add(1e-9 * rng.expovariate(1), order)
    tokens = [queue.add(1e-3 * rng.expovariate(1), order, True) for order in range(50, 100)]
    assert all(queue.drop(token) for token in tokens)
    taken = [queue.take() for _ in range(50)]
    assert sorted(order for _, order in taken) == list(range(50))
    assert queue.take() is None
    verify(queue)


class QueueBesideHeapq(RuleBasedStateMachine):
    """Single operations, with bursts that take the queue in and out of its calendar."""

    def __init__(self):
        super().__init__()
        self.queue, self.heap, self.tokens = EventQueue(), [], {}
        self.order, self.clock = 0, 0.0

    def add(self, t, cancellable=False):
        token = self.queue.add(t, self.order, cancellable)
        heapq.heappush(self.heap, (t, self.order))
        if cancellable:
            self.tokens[self.order] = token
        self.order += 1

    def take(self):
        expected = self.heap[0] if self.heap and self.heap[0][0] < math.inf else None
        assert self.queue.take() == expected
        if expected is not None:
            heapq.heappop(self.heap)
            self.clock = expected[0]
            token = self.tokens.pop(expected[1], None)
            assert token is None or not self.queue.drop(token)

    @rule(delay=st.floats(0, 1e3), cancellable=st.booleans())
    def add_one(self, delay, cancellable):
        self.add(self.clock + delay, cancellable)

    @rule(
        n=st.integers(50, 400),
        scale=st.sampled_from([0.0, 1e-9, 1e-3, 1.0, 1e6, 1e300]),
        seed=st.integers(0, 99),
        cancellable=st.booleans(),
    )
    def add_many(self, n, scale, seed, cancellable):
        rng = random.Random(seed)
        for _ in range(n):
            self.add(self.clock + scale * rng.expovariate(1), cancellable)

    @rule(t=st.sampled_from([math.inf, 1e308, 1e15]))
    def add_an_outlier(self, t):
        self.add(max(t, self.clock))

    @rule(n=st.integers(1, 300))
    def take_some(self, n):
        for _ in range(n):
            self.take()

    @precondition(lambda self: self.tokens)
    @rule(seed=st.integers(0, 99), share=st.floats(0, 1))
    def cancel_some(self, seed, share):
        rng, dropped = random.Random(seed), set()
        for order in list(self.tokens):
            if rng.random() <= share:
                token = self.tokens.pop(order)
                assert self.queue.drop(token)
                assert not self.queue.drop(token)
                dropped.add(order)
        self.heap = [event for event in self.heap if event[1] not in dropped]
        heapq.heapify(self.heap)

    @invariant()
    def is_sound(self):
        verify(self.queue)
        assert len(self.queue) == len(self.heap)

    def teardown(self):
        while self.heap and self.heap[0][0] < math.inf:
            self.take()
        self.take()


TestQueueBesideHeapq = QueueBesideHeapq.TestCase
TestQueueBesideHeapq.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


def hold(queue, n, increment, operations, first=None):
    """Run the hold model beside heapq; returns the largest number of events seen in the heap."""
    heap, near = [], 0
    for order in range(n):
        t = (first or increment)()
        queue.add(t, order)
        heapq.heappush(heap, (t, order))
    for k in range(operations):
        t, order = heapq.heappop(heap)
        assert queue.take() == (t, order)
        event = (t + increment(), n + k)
        queue.add(*event)
        heapq.heappush(heap, event)
        near = max(near, queue.layout()[0]) if k > operations // 2 else 0
    verify(queue)
    assert drain(queue) == sorted(heap)
    return near


def test_a_hundred_thousand_events_stay_in_order():
    rng = random.Random(1)
    near = hold(EventQueue(), 100_000, lambda: rng.expovariate(1), 300_000)
    assert near < 100  # and nearly all of them are kept in buckets


@pytest.mark.parametrize("seed", range(4))
def test_order_survives_changes_of_scale_by_a_million(seed):
    rng = random.Random(seed)
    scale = [1.0]

    def increment():
        if rng.random() < 3e-4:
            scale[0] = rng.choice([1e-6, 1.0, 1e6])
        return scale[0] * rng.random()

    hold(EventQueue(), 2000, increment, 30_000)


def test_order_survives_bursts_at_equal_times():
    rng = random.Random(2)
    hold(EventQueue(), 5000, lambda: float(rng.randrange(3)), 40_000)
    hold(EventQueue(), 5000, lambda: 1.0, 40_000, first=lambda: 0.0)


def test_order_survives_far_outliers():
    rng = random.Random(3)
    hold(EventQueue(), 3000, lambda: rng.choice([1e-3, 1.0, 1e9, 1e200]) * rng.random(), 30_000)


def test_order_survives_every_scale_at_once():
    rng = random.Random(4)
    near = hold(EventQueue(), 5000, lambda: 10 ** rng.uniform(-9, 9), 40_000)
    assert near < 5000


def test_order_survives_times_that_differ_in_the_last_bit_only():
    rng = random.Random(5)
    base = 1e9
    hold(EventQueue(), 1000, lambda: 0.0, 2000, first=lambda: base + rng.randrange(4) * math.ulp(base))


def test_the_width_follows_when_events_crowd():
    # A thousand spread events fix a width; then all traffic happens in a millionth of it.
    queue, rng, heap = EventQueue(), random.Random(6), []
    for order in range(1000):
        queue.add(1e6 * rng.random(), order)
    for order in range(1000, 2000):
        heapq.heappush(heap, event := (rng.random() * 1e-6, order))
        queue.add(*event)
    for order in range(2000, 22_000):
        t, _ = event = heapq.heappop(heap)
        assert queue.take() == event
        heapq.heappush(heap, event := (t + rng.random() * 1e-6, order))
        queue.add(*event)
    assert queue.layout()[0] < 300


def test_the_ring_shrinks_with_the_queue():
    queue = EventQueue()
    for order in range(50_000):
        queue.add(float(order), order)
    assert queue.layout()[4] >= 2**16
    for _ in range(49_900):
        queue.take()
    assert queue.layout()[4] <= 2**14
    verify(queue)


def test_events_at_infinity_are_kept_and_never_taken():
    queue = EventQueue()
    tokens = [queue.add(math.inf, order, True) for order in range(100)]
    queue.add(1.0, 100)
    assert drain(queue) == [(1.0, 100)]
    assert len(queue) == 100
    assert all(queue.drop(token) for token in tokens)
    assert len(queue) == 0
    verify(queue)


def test_cancelled_events_are_purged_when_they_are_most():
    queue = EventQueue()
    tokens = [queue.add(float(order), order, True) for order in range(10_000)]
    for token in tokens[:9_000]:
        queue.drop(token)
    verify(queue)
    assert sum(queue.layout()[:4]) < 2_500
    assert drain(queue) == [(float(order), order) for order in range(9_000, 10_000)]


@pytest.mark.parametrize("token", [0, 5, 2**32 + 1, 2**64 - 1])
def test_a_token_that_was_never_given_out_cancels_nothing(token):
    queue = EventQueue()
    queue.add(1.0, 0, True)
    assert not queue.drop(token)
    assert len(queue) == 1


times = st.one_of(st.sampled_from([0.0, 1.0, 2.0, math.inf, math.inf]), st.floats(0, 10))


@given(st.integers(1, 40), st.lists(st.tuples(st.integers(0, 39), times), max_size=200))
def test_crossings_come_by_time_then_slot_and_change_in_place(n, changes):
    heap, predicted = CrossingHeap(), {}
    heap.add_slots(n // 2)
    heap.add_slots(n - n // 2)
    for slot, t in changes:
        heap.predict(slot % n, t)
        predicted.pop(slot % n, None)
        if t < math.inf:
            predicted[slot % n] = t
        heap.verify()
        assert heap.top() == min(((t, slot) for slot, t in predicted.items()), default=None)
    order = []
    while (top := heap.top()) is not None:
        order.append(top)
        heap.predict(top[1], math.inf)
    assert order == sorted((t, slot) for slot, t in predicted.items())
