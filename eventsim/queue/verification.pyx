# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False, embedsignature=False
"""The check of everything that the order and the memory of a queue rest on; for tests."""

from libc.math cimport INFINITY
from libc.stdint cimport int32_t, int64_t

from eventsim.queue.heap cimport before
from eventsim.queue.queue cimport CANCELLED, FREE, EventQueue


def verify(EventQueue queue not None):
    """Check every invariant of a queue that order and memory rest on.

    Raises
    ------
    AssertionError
        Naming the invariant that does not hold.
    """
    cdef Py_ssize_t i, n
    cdef int64_t index
    cdef int32_t node
    cdef double number, least = INFINITY
    cdef Py_ssize_t n_dead = 0, n_free = 0
    seen = set()

    def visit(int32_t at):
        nonlocal n_dead
        require(0 <= at < queue.n_pool and at not in seen, "every node is in one list")
        seen.add(at)
        n_dead += queue.pool[at].slot >= 0 and queue.tokens[queue.pool[at].slot].tick == CANCELLED

    for i in range(queue.n_near):
        if i:
            require(not before(&queue.near[i], &queue.near[(i - 1) >> 2]), "no child before its parent")
        number = (queue.near[i].time - queue.origin) * queue.inv_width
        require(not number >= queue.near_edge, "the heap holds what is near")
        n_dead += queue.near[i].slot >= 0 and queue.tokens[queue.near[i].slot].tick == CANCELLED
    n = 0
    for index in range(queue.n_buckets):
        node = queue.heads[index]
        require((node >= 0) == ((queue.bits[index >> 6] >> (index & 63)) & 1), "one bit for a used bucket")
        while node >= 0:
            visit(node)
            n += 1
            number = (queue.pool[node].time - queue.origin) * queue.inv_width
            require(queue.near_edge <= number < queue.far_edge, "the ring holds what is between")
            require(<int64_t> number & (queue.n_buckets - 1) == index, "an event is in its bucket")
            node = queue.pool[node].link
    for index in range(queue.n_buckets >> 6):
        require((queue.bits[index] != 0) == ((queue.bits_above[index >> 6] >> (index & 63)) & 1),
                "one bit above for a word in use")
    require(n == queue.n_bucketed, "events in the ring are counted")
    n = 0
    node = queue.overflow
    while node >= 0:
        visit(node)
        n += 1
        number = (queue.pool[node].time - queue.origin) * queue.inv_width
        require(number >= queue.near_edge, "the overflow holds nothing near")
        least = min(least, number)
        node = queue.pool[node].link
    require(n == queue.n_overflow, "events beyond the ring are counted")
    require(queue.overflow_min <= least, "the overflow's smallest number is known")
    n = 0
    node = queue.never
    while node >= 0:
        visit(node)
        n += 1
        require(queue.pool[node].time == INFINITY, "what never happens has no time")
        node = queue.pool[node].link
    require(n == queue.n_never, "events that never happen are counted")
    require(n_dead == queue.n_dead, "cancelled events are counted")
    node = queue.free_node
    while node >= 0:
        visit(node)
        node = queue.pool[node].link
    require(len(seen) == queue.n_pool, "no node is lost")
    for i in range(queue.n_tokens):
        n_free += queue.tokens[i].tick == FREE
    require(n_free == queue.n_free_tokens, "free tokens are listed")


def require(condition, invariant):
    if not condition:
        raise AssertionError(invariant)
