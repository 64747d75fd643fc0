# cython: boundscheck=False, wraparound=False, initializedcheck=False, embedsignature=False
"""The events, tokens and series of a queue as arrays, and a queue made of such arrays."""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.stdlib cimport free

from eventsim.kernels.memory cimport resized
from eventsim.queue.queue cimport CANCELLED, Event, EventQueue


cdef dict tables_of(EventQueue queue):
    """Return the parts of a state that a queue keeps, by name; events in order, cancelled ones too."""
    import numpy as np

    cdef Py_ssize_t i, n = queue.size()
    cdef Event *events
    cdef double[::1] time, value
    cdef uint64_t[::1] order
    cdef int32_t[::1] handler, unit, slot
    table = {"time": np.empty(n), "value": np.empty(n), "order": np.empty(n, np.uint64),
             "handler": np.empty(n, np.int32), "unit": np.empty(n, np.int32),
             "slot": np.empty(n, np.int32)}
    time, value, order = table["time"], table["value"], table["order"]
    handler, unit, slot = table["handler"], table["unit"], table["slot"]
    events = <Event *> resized(NULL, n, sizeof(Event), b"events of a snapshot")
    queue.copy_events(events)
    for i in range(n):
        time[i] = events[i].time
        value[i] = events[i].value
        order[i] = events[i].order
        handler[i] = events[i].handler
        unit[i] = events[i].unit
        slot[i] = events[i].slot
    free(events)
    return {
        "events": table,
        "tokens": {
            "generation": np.array([queue.tokens[i].generation for i in range(queue.n_tokens)], np.uint32),
            "tick": np.array([queue.tokens[i].tick for i in range(queue.n_tokens)], np.int32),
            "free": np.array([queue.free_tokens[i] for i in range(queue.n_free_tokens)], np.int32),
        },
        "ticks": {
            "start": np.array([queue.ticks[i].start for i in range(queue.n_ticks)], np.float64),
            "period": np.array([queue.ticks[i].period for i in range(queue.n_ticks)], np.float64),
            "count": np.array([queue.ticks[i].count for i in range(queue.n_ticks)], np.int64),
            "free": queue.free_tick,
        },
    }


cdef EventQueue queue_of(dict tables):
    """Return a queue of checked tables (`eventsim.engine.states.checked_tables`)."""
    cdef Py_ssize_t i
    cdef const double[::1] time, value, start, period
    cdef const uint64_t[::1] order
    cdef const int32_t[::1] handler, unit, slot, ticks, unused
    cdef const uint32_t[::1] generations
    cdef const int64_t[::1] counts
    cdef EventQueue queue = EventQueue()
    table = tables["events"]
    time, value, order = table["time"], table["value"], table["order"]
    handler, unit, slot = table["handler"], table["unit"], table["slot"]
    generations, ticks, unused = tables["generation"], tables["tick"], tables["free_tokens"]
    start, period, counts = tables["start"], tables["period"], tables["count"]
    for i in range(ticks.shape[0]):
        queue.take_token(ticks[i])
        queue.tokens[i].generation = generations[i]
    for i in range(unused.shape[0]):
        queue.free_tokens[i] = unused[i]
    queue.n_free_tokens = <int32_t> unused.shape[0]
    for i in range(start.shape[0]):
        queue.take_tick(start[i], period[i])
        queue.ticks[i].count = counts[i]
    queue.free_tick = tables["free_tick"]
    for i in range(time.shape[0]):
        queue.push(time[i], value[i], order[i], handler[i], unit[i], slot[i])
    for i in range(ticks.shape[0]):
        queue.n_dead += ticks[i] == CANCELLED
    return queue
