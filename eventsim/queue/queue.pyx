# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# distutils: extra_compile_args = -O3
"""The future of a simulation, in exact order: a heap for the near part, a calendar for the far one.

Events are ordered by (time, order), where `order` packs priority and sequence. An event belongs to
bucket floor((time - origin) / width), which never falls as time grows, whatever the rounding. So

    near heap (bucket <= cur)  <  ring of buckets (cur < bucket < cur + n_buckets)  <  overflow

holds without exception, and only the near heap, usually one to a few events, needs sorting: the
order is exact while a push and a pop cost about as much at ten thousand events as at ten. The width
follows the median distance of the stored events (a lower quantile if most events are far away), so
that about one event falls into a bucket. With
few events, or many in one bucket, the structure is the plain 4-ary heap, O(log n).

Source of the calendar: R. Brown 1988, Calendar queues, CACM 31, 1220.
"""

cimport cython
from libc.math cimport INFINITY, floor
from libc.stdlib cimport free, malloc, qsort
from libc.string cimport memset

from eventsim.kernels.memory cimport no_memory, resized
from eventsim.queue.heap cimport before, compare, compare_stored, heapify, sink


cdef extern from *:
    """
    #if defined(__GNUC__) || defined(__clang__)
      #define eventsim_ctz(x) __builtin_ctzll(x)
      #define eventsim_prefetch(p) __builtin_prefetch(p)
    #else
      #include <intrin.h>
      static __inline int eventsim_ctz(unsigned long long x) {
        unsigned long i;
        _BitScanForward64(&i, x);
        return (int)i;
      }
      #define eventsim_prefetch(p) ((void)0)
    #endif
    """
    int eventsim_ctz(uint64_t x) noexcept nogil
    void eventsim_prefetch(const void *p) noexcept nogil

cdef enum:
    SMALL = 64              # below this many events the heap alone is used
    CROWDED = 64            # near events from which on a finer width is worth a thought
    SAMPLE = 255            # events whose distance is looked at for the width
    MEDIAN = 1              # the width is by the distance of the nearest n / 2**quantile events:
    LOWEST = 6              # the median, or less while events crowd
    AHEAD = 16              # buckets whose events are fetched early
    MAX_NODES = 0x7FFFFFF0  # indices are 32 bits

cdef double MAX_BUCKET = 2.0 ** 52      # bucket numbers below are exact in a double
cdef uint64_t ALL = ~(<uint64_t> 0)


@cython.final
cdef class EventQueue:
    """Events in total order; for the engine, in C. See the module's first lines."""

    def __cinit__(self):
        self.free_node = self.overflow = self.never = self.free_tick = -1
        self.grow_at = SMALL
        self.patience = SMALL
        self.quantile = MEDIAN
        self.near_edge = self.far_edge = self.overflow_min = INFINITY

    def __dealloc__(self):
        free(self.near)
        free(self.pool)
        free(self.heads)
        free(self.bits)
        free(self.bits_above)
        free(self.tokens)
        free(self.free_tokens)
        free(self.ticks)

    cdef int clear(self) except -1:
        """Forget all events; tokens given out are spent."""
        cdef int32_t slot
        self.n_near = self.n_bucketed = self.n_overflow = self.n_never = 0
        self.n_pool = 0
        self.free_node = self.overflow = self.never = -1
        self.n_dead = 0
        # As at the beginning: the heap alone.
        self.near_edge = self.far_edge = self.overflow_min = INFINITY
        self.inv_width = self.origin = 0.0
        self.cur = self.fetched = 0
        self.grow_at = self.patience = SMALL
        self.shrink_at = self.pops = self.pushes = 0
        self.quantile = MEDIAN
        if self.n_buckets:
            free(self.heads)
            free(self.bits)
            free(self.bits_above)
            self.heads = NULL
            self.bits = self.bits_above = NULL
            self.n_buckets = 0
        self.n_free_tokens = 0
        for slot in range(self.n_tokens - 1, -1, -1):
            if self.tokens[slot].tick != FREE:
                self.tokens[slot].generation += 1
                self.tokens[slot].tick = FREE
            self.free_tokens[self.n_free_tokens] = slot
            self.n_free_tokens += 1
        self.n_ticks = 0
        self.free_tick = -1
        return 0

    cdef Py_ssize_t size(self) noexcept nogil:
        return self.n_near + self.n_bucketed + self.n_overflow + self.n_never

    # ---- push and pop

    cdef int push(self, double time, double value, uint64_t order, int32_t handler, int32_t unit,
                  int32_t slot) except -1 nogil:
        """Store an event. `time` is not nan and not -inf; nothing has changed if memory runs out."""
        cdef double number = (time - self.origin) * self.inv_width
        cdef Event event
        cdef Event *place
        cdef int32_t node
        self.pushes += 1
        if not number >= self.near_edge and time < INFINITY:
            event.time = time
            event.value = value
            event.order = order
            event.handler = handler
            event.unit = unit
            event.slot = slot
            event.link = -1
            return self.near_push(&event)
        node = self.free_node
        if node >= 0:
            self.free_node = self.pool[node].link
        else:
            node = self.take_node()
        place = &self.pool[node]
        place.time = time
        place.value = value
        place.order = order
        place.handler = handler
        place.unit = unit
        place.slot = slot
        if number < self.far_edge:
            self.put_bucket(node, number)
        elif time < INFINITY:
            self.to_overflow(node)
            if number < self.overflow_min:
                self.overflow_min = number
        else:
            place.link = self.never
            self.never = node
            self.n_never += 1
            return 0
        if self.n_bucketed + self.n_overflow > self.grow_at:
            return self.rebuild()
        return 0

    cdef int near_push(self, const Event *event) except -1 nogil:
        cdef Py_ssize_t hole, parent
        cdef Event *heap
        if self.n_near == self.near_capacity:
            self.reserve_near(self.n_near + 1)
        heap = self.near
        hole = self.n_near
        self.n_near += 1
        while hole > 0:
            parent = (hole - 1) >> 2
            if not before(event, &heap[parent]):
                break
            heap[hole] = heap[parent]
            hole = parent
        heap[hole] = event[0]
        if self.n_near >= CROWDED and self.pushes > self.patience:
            self.rebuild()
        return 0

    cdef const Event *peek(self) except? NULL nogil:
        while True:
            if self.n_near == 0 and self.advance() == 0:
                return NULL
            if self.near[0].slot < 0 or not self.drop_dead(&self.near[0]):
                return &self.near[0]
            self.pop()

    cdef void pop(self) noexcept nogil:
        cdef Py_ssize_t n = self.n_near - 1
        cdef Event last
        self.n_near = n
        self.pops += 1
        if n > 0:
            last = self.near[n]
            sink(self.near, n, 0, &last)

    # ---- the calendar

    cdef int advance(self) except -1 nogil:
        """Fill the empty near heap with the next bucket; returns 0 if no event is left."""
        cdef int64_t bucket, index
        cdef int32_t node, after
        cdef Py_ssize_t n
        if self.n_bucketed + self.n_overflow < self.shrink_at:
            self.rebuild()
            if self.n_near:
                return 1
        if self.n_bucketed == 0:
            return 0 if self.n_overflow == 0 else self.redistribute()
        bucket = self.next_bucket()
        if self.overflow_min < bucket + 1:
            return self.redistribute()
        index = bucket & (self.n_buckets - 1)
        node = self.heads[index]
        n = 0
        while node >= 0:
            if n == self.near_capacity:
                # Not yet taken out of the bucket, so nothing is lost if this fails.
                self.reserve_near(n + 1)
            self.near[n] = self.pool[node]
            n += 1
            node = self.pool[node].link
        self.cur = bucket
        self.near_edge = bucket + 1
        self.far_edge = bucket + self.n_buckets
        # The next buckets' events are likely not in the cache: ask for the first of a bucket
        # AHEAD from here, and for the second where the first has come.
        if self.fetched <= bucket:
            self.fetched = bucket
        while self.fetched < bucket + AHEAD:
            self.fetched += 1
            node = self.heads[self.fetched & (self.n_buckets - 1)]
            if node >= 0:
                eventsim_prefetch(&self.pool[node])
                eventsim_prefetch(<const char *> &self.pool[node] + sizeof(Event) - 1)
            node = self.heads[(self.fetched - AHEAD // 2) & (self.n_buckets - 1)]
            if node >= 0 and self.pool[node].link >= 0:
                eventsim_prefetch(&self.pool[self.pool[node].link])
        # The whole list goes to the free nodes: its head leads, its tail is joined on.
        node = self.heads[index]
        after = node
        while self.pool[after].link >= 0:
            after = self.pool[after].link
        self.pool[after].link = self.free_node
        self.free_node = node
        self.heads[index] = -1
        self.bits[index >> 6] &= ~(<uint64_t> 1 << (index & 63))
        if self.bits[index >> 6] == 0:
            self.bits_above[index >> 12] &= ~(<uint64_t> 1 << ((index >> 6) & 63))
        self.n_bucketed -= n
        self.n_near = n
        if n > 1:
            heapify(self.near, n)
        return 1

    cdef int64_t next_bucket(self) noexcept nogil:
        """Number of the first bucket after `cur` that holds an event; there is one."""
        cdef int64_t mask = self.n_buckets - 1
        cdef int64_t start = (self.cur + 1) & mask
        cdef int64_t n_above = (self.n_buckets + 4095) >> 12
        cdef int64_t word = start >> 6
        cdef int64_t above
        cdef uint64_t found = self.bits[word] & (ALL << (start & 63))
        if found == 0:
            word += 1
            if word == self.n_buckets >> 6:
                word = 0
            above = word >> 6
            found = self.bits_above[above] & (ALL << (word & 63))
            while found == 0:
                above += 1
                if above == n_above:
                    above = 0
                found = self.bits_above[above]
            word = (above << 6) + eventsim_ctz(found)
            found = self.bits[word]
        return self.cur + 1 + (((word << 6) + eventsim_ctz(found) - start) & mask)

    cdef void put_bucket(self, int32_t node, double number) noexcept nogil:
        cdef int64_t index = <int64_t> number & (self.n_buckets - 1)
        cdef int32_t head = self.heads[index]
        self.pool[node].link = head
        self.heads[index] = node
        self.n_bucketed += 1
        # Without asking whether the bucket was empty: its head is likely not in the cache, its bit is.
        self.bits[index >> 6] |= <uint64_t> 1 << (index & 63)
        self.bits_above[index >> 12] |= <uint64_t> 1 << ((index >> 6) & 63)

    cdef int redistribute(self) except -1 nogil:
        """Move the ring to the overflow's smallest bucket number; the near heap is empty.

        After a rebuild by the median the ring holds at least half of all events, so a pass over the
        overflow is paid by as many pops. If it was not, the width no longer fits and is chosen anew.
        """
        if self.overflow_min >= MAX_BUCKET or self.pops < self.n_overflow // 4:
            self.quantile = MEDIAN
            return self.rebuild()
        return self.spread()

    cdef int spread(self) except -1 nogil:
        """Hand the overflow out to near heap, ring and what remains; the near heap is empty."""
        cdef double number, least = INFINITY
        cdef double cur = floor(self.overflow_min)
        cdef int64_t index
        cdef int32_t node, after, rest = -1
        cdef Py_ssize_t n = 0, n_rest = 0
        if self.n_bucketed:
            # Only the ring's first bucket can have the number `cur` as well.
            index = <int64_t> cur & (self.n_buckets - 1)
            node = self.take_bucket(index)
            while node >= 0:
                after = self.pool[node].link
                self.pool[node].link = self.overflow
                self.overflow = node
                self.n_overflow += 1
                node = after
        node = self.overflow
        while node >= 0:  # memory first, so that nothing is lost if there is none
            n += not (self.pool[node].time - self.origin) * self.inv_width >= cur + 1
            node = self.pool[node].link
        self.reserve_near(n)
        self.cur = <int64_t> cur
        self.near_edge = INFINITY if self.inv_width == 0 else cur + 1
        self.far_edge = self.near_edge - 1 + self.n_buckets
        node = self.overflow
        while node >= 0:
            after = self.pool[node].link
            number = (self.pool[node].time - self.origin) * self.inv_width
            if not number >= self.near_edge:
                self.near[self.n_near] = self.pool[node]
                self.n_near += 1
                self.pool[node].link = self.free_node
                self.free_node = node
            elif number < self.far_edge:
                self.put_bucket(node, number)
            else:
                self.pool[node].link = rest
                rest = node
                n_rest += 1
                if number < least:
                    least = number
            node = after
        heapify(self.near, self.n_near)
        self.overflow = rest
        self.n_overflow = n_rest
        self.overflow_min = least
        self.pops = 0
        return self.n_near > 0  # a rebuild may have dropped all there was, since all of it was cancelled

    cdef int32_t take_bucket(self, int64_t index) noexcept nogil:
        """Empty a bucket of the ring; returns its list."""
        cdef int32_t head = self.heads[index]
        cdef int32_t node = head
        self.heads[index] = -1
        self.bits[index >> 6] &= ~(<uint64_t> 1 << (index & 63))
        if self.bits[index >> 6] == 0:
            self.bits_above[index >> 12] &= ~(<uint64_t> 1 << ((index >> 6) & 63))
        while node >= 0:
            self.n_bucketed -= 1
            node = self.pool[node].link
        return head

    cdef int rebuild(self) except -1 nogil:
        """Choose the bucket width by what is stored now, dropping what was cancelled."""
        cdef int32_t node, after
        cdef Py_ssize_t i, n, stride, n_sample = 0
        cdef int64_t n_buckets, word
        cdef double sample[SAMPLE + 1]
        cdef double origin = INFINITY, inv_width = 0.0
        cdef bint crowded = self.n_near >= CROWDED and self.pushes > self.patience
        # Everything becomes one list, the overflow.
        self.reserve_pool(self.size())
        for i in range(self.n_near):
            node = self.take_node()
            self.pool[node] = self.near[i]
            self.to_overflow(node)
        self.n_near = 0
        for word in range(self.n_buckets >> 6):
            while self.bits[word]:
                node = self.take_bucket((word << 6) + eventsim_ctz(self.bits[word]))
                while node >= 0:
                    after = self.pool[node].link
                    self.to_overflow(node)
                    node = after
        if self.n_dead:
            self.drop_cancelled()
        # Until spread() has done its work: all numbers are at or beyond bucket 0.
        n = self.n_overflow
        stride = n // SAMPLE + 1
        node = self.overflow
        for i in range(n):
            if self.pool[node].time < origin:
                origin = self.pool[node].time
            if i % stride == 0:
                sample[n_sample] = self.pool[node].time
                n_sample += 1
            node = self.pool[node].link
        if n >= SMALL:
            if crowded and self.quantile < LOWEST:
                self.quantile += 1
            inv_width = choose_width(sample, n_sample, origin, n, self.quantile)
        n_buckets = 2 * SMALL
        while n_buckets < 2 * n:
            n_buckets *= 2
        if inv_width > 0 and n_buckets != self.n_buckets:
            if not self.resize(n_buckets) and self.n_buckets == 0:
                inv_width = 0.0
        # A crowd that no width resolves, as of equal times, is looked at ever less often.
        if not crowded or self.patience < n:
            self.patience = n if n > SMALL else SMALL
        elif self.patience < 64 * n:
            self.patience *= 2
        self.origin = origin if n else 0.0
        self.inv_width = inv_width
        self.cur = self.fetched = -1
        self.near_edge = self.overflow_min = 0.0
        self.far_edge = self.n_buckets - 1
        self.grow_at = 2 * n if n > SMALL else 2 * SMALL
        self.shrink_at = n // 8 if inv_width > 0 else 0
        self.pushes = 0
        return self.spread()

    cdef void to_overflow(self, int32_t node) noexcept nogil:
        self.pool[node].link = self.overflow
        self.overflow = node
        self.n_overflow += 1

    cdef bint resize(self, int64_t n_buckets) noexcept nogil:
        """Replace the empty ring by one of another size; False if there is no memory for it."""
        cdef int64_t n_above = (n_buckets + 4095) >> 12
        cdef int32_t *heads = <int32_t *> malloc(n_buckets * sizeof(int32_t))
        cdef uint64_t *bits = <uint64_t *> malloc((n_buckets >> 6) * sizeof(uint64_t))
        cdef uint64_t *bits_above = <uint64_t *> malloc(n_above * sizeof(uint64_t))
        if heads == NULL or bits == NULL or bits_above == NULL:
            free(heads)
            free(bits)
            free(bits_above)
            return False
        memset(heads, 0xFF, n_buckets * sizeof(int32_t))  # -1 everywhere
        memset(bits, 0, (n_buckets >> 6) * sizeof(uint64_t))
        memset(bits_above, 0, n_above * sizeof(uint64_t))
        free(self.heads)
        free(self.bits)
        free(self.bits_above)
        self.heads = heads
        self.bits = bits
        self.bits_above = bits_above
        self.n_buckets = n_buckets
        return True

    # ---- memory

    cdef int reserve_near(self, Py_ssize_t n) except -1 nogil:
        cdef Py_ssize_t capacity = self.near_capacity if self.near_capacity else 16
        if n <= self.near_capacity:
            return 0
        while capacity < n:
            capacity *= 2
        self.near = <Event *> resized(self.near, capacity, sizeof(Event), b"events")
        self.near_capacity = capacity
        return 0

    cdef int reserve_pool(self, Py_ssize_t n) except -1 nogil:
        cdef Py_ssize_t capacity = self.pool_capacity if self.pool_capacity else 2 * SMALL
        if n <= self.pool_capacity:
            return 0
        while capacity < n:
            capacity *= 2
        if capacity > MAX_NODES:
            capacity = MAX_NODES
            if n > capacity:
                return no_memory(n, b"events")
        self.pool = <Event *> resized(self.pool, capacity, sizeof(Event), b"events")
        self.pool_capacity = <int32_t> capacity
        return 0

    cdef int32_t take_node(self) except -1 nogil:
        cdef int32_t node = self.free_node
        if node >= 0:
            self.free_node = self.pool[node].link
            return node
        if self.n_pool == self.pool_capacity:
            self.reserve_pool(<Py_ssize_t> self.n_pool + 1)
        node = self.n_pool
        self.n_pool += 1
        return node

    cdef void release_node(self, int32_t node) noexcept nogil:
        self.pool[node].link = self.free_node
        self.free_node = node

    # ---- tokens: (generation << 32 | slot) of an entry that an event refers to by its slot

    cdef int32_t take_token(self, int32_t tick) except -1 nogil:
        """Return a free slot; `tick` is SINGLE or an entry of the tick table."""
        cdef int32_t slot, capacity
        if self.n_free_tokens:
            self.n_free_tokens -= 1
            slot = self.free_tokens[self.n_free_tokens]
        else:
            if self.n_tokens == self.token_capacity:
                if self.token_capacity >= MAX_NODES // 2:
                    return no_memory(self.token_capacity + 1, b"events")
                capacity = 2 * self.token_capacity if self.token_capacity else SMALL
                self.tokens = <Token *> resized(self.tokens, capacity, sizeof(Token), b"events")
                self.free_tokens = <int32_t *> resized(self.free_tokens, capacity, sizeof(int32_t), b"events")
                self.token_capacity = capacity
            slot = self.n_tokens
            self.n_tokens += 1
            self.tokens[slot].generation = 1
        self.tokens[slot].tick = tick
        return slot

    cdef void release_token(self, int32_t slot) noexcept nogil:
        self.tokens[slot].tick = FREE
        self.tokens[slot].generation += 1
        self.free_tokens[self.n_free_tokens] = slot
        self.n_free_tokens += 1

    cdef uint64_t token(self, int32_t slot) noexcept nogil:
        return (<uint64_t> self.tokens[slot].generation << 32) | <uint64_t> slot

    cdef bint cancel(self, uint64_t token) except -1:
        """Mark the event of a token; False if it is spent or was never given out."""
        cdef int64_t slot = token & 0xFFFFFFFF
        cdef int32_t tick
        if slot >= self.n_tokens or self.tokens[slot].generation != token >> 32:
            return False
        tick = self.tokens[slot].tick
        if tick < SINGLE:
            return False
        if tick >= 0:
            self.ticks[tick].count = self.free_tick
            self.ticks[tick].period = 0.0
            self.free_tick = tick
        self.tokens[slot].tick = CANCELLED
        self.n_dead += 1
        if self.n_dead > SMALL and 2 * self.n_dead > self.size():
            self.rebuild()
        return True

    cdef bint drop_dead(self, const Event *event) noexcept nogil:
        """Release the token of a cancelled event; False if the event is alive."""
        if event.slot < 0 or self.tokens[event.slot].tick != CANCELLED:
            return False
        self.release_token(event.slot)
        self.n_dead -= 1
        return True

    cdef void drop_cancelled(self) noexcept nogil:
        """Filter the overflow and what never happens."""
        cdef int32_t node, after, kept = -1
        cdef Py_ssize_t n = 0
        node = self.overflow
        while node >= 0:
            after = self.pool[node].link
            if self.drop_dead(&self.pool[node]):
                self.release_node(node)
            else:
                self.pool[node].link = kept
                kept = node
                n += 1
            node = after
        self.overflow = kept
        self.n_overflow = n
        kept = -1
        n = 0
        node = self.never
        while node >= 0:
            after = self.pool[node].link
            if self.drop_dead(&self.pool[node]):
                self.release_node(node)
            else:
                self.pool[node].link = kept
                kept = node
                n += 1
            node = after
        self.never = kept
        self.n_never = n

    cdef int32_t take_tick(self, double start, double period) except -1 nogil:
        cdef int32_t capacity, tick = self.free_tick
        if tick >= 0:
            self.free_tick = <int32_t> self.ticks[tick].count
        else:
            if self.n_ticks == self.tick_capacity:
                capacity = 2 * self.tick_capacity if self.tick_capacity else 8
                self.ticks = <Tick *> resized(self.ticks, capacity, sizeof(Tick), b"events")
                self.tick_capacity = capacity
            tick = self.n_ticks
            self.n_ticks += 1
        self.ticks[tick].start = start
        self.ticks[tick].period = period
        self.ticks[tick].count = 0
        return tick

    cdef void copy_events(self, Event *out) noexcept nogil:
        """Write all stored events, cancelled ones too, in order."""
        cdef Py_ssize_t i, n = 0
        cdef int32_t node
        cdef int64_t bucket
        cdef int part
        for i in range(self.n_near):
            out[n] = self.near[i]
            n += 1
        for bucket in range(self.n_buckets):
            node = self.heads[bucket]
            while node >= 0:
                out[n] = self.pool[node]
                n += 1
                node = self.pool[node].link
        for part in range(2):
            node = self.overflow if part == 0 else self.never
            while node >= 0:
                out[n] = self.pool[node]
                n += 1
                node = self.pool[node].link
        qsort(out, n, sizeof(Event), compare)

    cdef Py_ssize_t find(self, int32_t handler, Event **out) noexcept nogil:
        """Write where the events of a handler are stored, in order, and return how many there are."""
        cdef Py_ssize_t i, n = 0
        cdef int32_t node
        cdef int64_t bucket
        for i in range(self.n_near):
            if self.near[i].handler == handler:
                out[n] = &self.near[i]
                n += 1
        for bucket in range(self.n_buckets + 2):
            if bucket < self.n_buckets:
                node = self.heads[bucket]
            else:
                node = self.overflow if bucket == self.n_buckets else self.never
            while node >= 0:
                if self.pool[node].handler == handler:
                    out[n] = &self.pool[node]
                    n += 1
                node = self.pool[node].link
        qsort(out, n, sizeof(Event *), compare_stored)
        return n

    # ---- for tests, from Python

    def __len__(self):
        return self.size() - self.n_dead

    def add(self, double time, uint64_t order, bint cancellable=False):
        """Store an event; returns its token, or None."""
        cdef int32_t slot = self.take_token(SINGLE) if cancellable else -1
        self.push(time, 0.0, order, 0, 0, slot)
        return self.token(slot) if cancellable else None

    def drop(self, uint64_t token):
        """Cancel the event of a token; True if it was still stored."""
        return self.cancel(token)

    def take(self):
        """Remove the least event; returns (time, order), or None if there is none."""
        cdef const Event *event = self.peek()
        cdef Event least
        if event == NULL:
            return None
        least = event[0]
        self.pop()
        if least.slot >= 0:
            self.release_token(least.slot)
        return least.time, least.order

    def layout(self):
        """Return how many events are near, in buckets, beyond them, never, and the number of buckets."""
        return self.n_near, self.n_bucketed, self.n_overflow, self.n_never, self.n_buckets


cdef double choose_width(double *sample, Py_ssize_t n_sample, double origin, Py_ssize_t n,
                         int quantile) noexcept nogil:
    """Return 1 / width such that the nearest n / 2**quantile events fall one by one into as many buckets.

    0 means that no width does: the heap alone is used.
    """
    cdef Py_ssize_t i, at
    cdef double distance, inv_width
    for i in range(n_sample):  # sort by insertion
        distance = sample[i] - origin
        at = i
        while at > 0 and sample[at - 1] > distance:
            sample[at] = sample[at - 1]
            at -= 1
        sample[at] = distance
    at = n_sample >> quantile
    while at < n_sample - 1 and sample[at] == 0:
        at += 1
    if sample[at] == 0:
        return 1.0  # all at one time: nothing is known yet
    inv_width = <double> n * at / n_sample / sample[at]
    return inv_width if 1e-250 < inv_width < 1e250 else 0.0
