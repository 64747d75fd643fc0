"""What the engine keeps its future in: events in total order."""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from eventsim.queue.event cimport Event


cdef enum:
    SINGLE = -1         # Token.tick of a single event that waits; of a series of ticks it is >= 0
    CANCELLED = -2      # its event is still stored and is dropped when met
    FREE = -3


cdef struct Token:
    uint32_t generation     # of the slot; a token of an earlier generation is spent
    int32_t tick            # entry in the tick table, or one of the names above


cdef struct Tick:
    double start
    double period
    int64_t count           # number of the tick that waits in the queue; of a free entry: the next free one


cdef class EventQueue:
    # Near future: a 4-ary heap of all events with bucket number <= cur.
    cdef Event *near
    cdef Py_ssize_t n_near, near_capacity
    cdef double near_edge               # cur + 1; infinite while the heap alone is used
    # Far future: a ring of buckets, linked lists in a pool of nodes.
    cdef Event *pool
    cdef int32_t n_pool, pool_capacity  # nodes ever used
    cdef int32_t free_node              # chain of nodes to use again
    cdef int32_t *heads
    cdef uint64_t *bits                 # one bit per bucket that holds events
    cdef uint64_t *bits_above           # one bit per word of `bits`
    cdef int64_t n_buckets, cur
    cdef int64_t fetched                # last bucket whose first event was asked into the cache
    cdef Py_ssize_t n_bucketed
    cdef double origin, inv_width, far_edge     # far_edge = cur + n_buckets
    # Beyond the ring, unsorted; and what never happens (at inf).
    cdef int32_t overflow, never
    cdef Py_ssize_t n_overflow, n_never
    cdef double overflow_min            # smallest bucket number in the overflow
    # When to choose the bucket width anew.
    cdef Py_ssize_t grow_at, shrink_at
    cdef Py_ssize_t pops, pushes, patience      # since the last redistribution / rebuild
    cdef int quantile
    # Tokens of events that can be cancelled, and series of ticks.
    cdef Token *tokens
    cdef int32_t *free_tokens
    cdef int32_t n_tokens, token_capacity, n_free_tokens
    cdef Py_ssize_t n_dead              # cancelled events that are still stored
    cdef Tick *ticks
    cdef int32_t n_ticks, tick_capacity, free_tick

    cdef int push(self, double time, double value, uint64_t order, int32_t handler, int32_t unit,
                  int32_t slot) except -1 nogil
    # The least live event, or NULL; stays valid until the next push or pop.
    cdef const Event *peek(self) except? NULL nogil
    # Remove the event that peek has just returned.
    cdef void pop(self) noexcept nogil
    cdef Py_ssize_t size(self) noexcept nogil
    cdef int clear(self) except -1

    cdef int32_t take_token(self, int32_t tick) except -1 nogil
    cdef void release_token(self, int32_t slot) noexcept nogil
    cdef bint cancel(self, uint64_t token) except -1
    cdef uint64_t token(self, int32_t slot) noexcept nogil
    cdef int32_t take_tick(self, double start, double period) except -1 nogil

    cdef int near_push(self, const Event *event) except -1 nogil
    cdef int advance(self) except -1 nogil
    cdef int64_t next_bucket(self) noexcept nogil
    cdef void put_bucket(self, int32_t node, double number) noexcept nogil
    cdef int32_t take_bucket(self, int64_t index) noexcept nogil
    cdef int redistribute(self) except -1 nogil
    cdef int spread(self) except -1 nogil
    cdef int rebuild(self) except -1 nogil
    cdef void to_overflow(self, int32_t node) noexcept nogil
    cdef bint resize(self, int64_t n_buckets) noexcept nogil
    cdef int reserve_near(self, Py_ssize_t n) except -1 nogil
    cdef int reserve_pool(self, Py_ssize_t n) except -1 nogil
    cdef int32_t take_node(self) except -1 nogil
    cdef void release_node(self, int32_t node) noexcept nogil
    cdef bint drop_dead(self, const Event *event) noexcept nogil
    cdef void drop_cancelled(self) noexcept nogil
    cdef void copy_events(self, Event *out) noexcept nogil
    # Where the events of a handler are stored, in order; valid until the next push or pop. Returns how many there are.
    cdef Py_ssize_t find(self, int32_t handler, Event **out) noexcept nogil
