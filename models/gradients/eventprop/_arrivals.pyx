# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# distutils: extra_compile_args = -O3
"""The arrivals of a window, computed from spikes and synapses whenever a pass needs them; nothing
stores them.

In a dense population every source reaches every unit, and one list of spikes serves all units. Elsewhere the
arrivals are listed unit by unit.
"""

from libc.math cimport INFINITY, expm1, fabs, fmax
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport qsort
from libc.string cimport memcpy, memset

from eventsim.models.lif.flow cimport DOUBLE, EQUAL, NEAR, Cell
from eventsim.models.gradients.eventprop._network cimport NeuronGroup, Link
from eventsim.models.gradients.eventprop._workspace cimport Arrival, Workspace
from eventsim.models.gradients.eventprop._tape cimport NO_MEMORY, SpikeRecord, SpikeTrain


cdef extern from "eventsim/models/gradients/eventprop/_arrivals.h" nogil:
    Py_ssize_t pick_arrivals "eventsim_pick"(Py_ssize_t n, const float *sent, const int32_t *column,
                                             const float *rough, float low, float high, const void *in_flight,
                                             const double *delay, double start, double end, double stop,
                                             int32_t step, void *arrival)


cdef extern from "eventsim/kernels/sums.h" nogil:
    void decays "eventsim_decays"(const double *time, Py_ssize_t n, double end, double rate, double *out)


cdef int INSERTION = 24     # up to so many arrivals, insertion is the fastest way to sort


cdef int by_time(const void *a, const void *b) noexcept nogil:
    cdef double x = (<const Arrival *> a).time
    cdef double y = (<const Arrival *> b).time
    if x != y:
        return -1 if x < y else 1
    return (<const Arrival *> a).synapse - (<const Arrival *> b).synapse


cdef void insert_arrivals(Arrival *a, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t k, hole
    cdef Arrival one
    for k in range(1, n):
        one = a[k]
        hole = k
        while hole > 0 and a[hole - 1].time > one.time:
            a[hole] = a[hole - 1]
            hole -= 1
        a[hole] = one


cdef void sort_arrivals(Arrival *a, Py_ssize_t n, Arrival *spare, int32_t *bucket) noexcept nogil:
    """Sort by time: into as many buckets as arrivals, then by insertion; `bucket` holds n + 2."""
    cdef double low, high, scale
    cdef Py_ssize_t k, b
    cdef int32_t fullest = 0
    if n <= INSERTION:
        insert_arrivals(a, n)
        return
    low = high = a[0].time
    for k in range(1, n):
        low = a[k].time if a[k].time < low else low
        high = a[k].time if a[k].time > high else high
    if not high > low:
        return
    scale = (n - 1) / (high - low)
    memset(bucket, 0, (n + 2) * sizeof(int32_t))
    for k in range(n):
        b = <Py_ssize_t> ((a[k].time - low) * scale)
        b = b if b < n else n - 1
        bucket[b + 2] += 1
    for k in range(2, n + 2):
        fullest = bucket[k] if bucket[k] > fullest else fullest
        bucket[k] += bucket[k - 1]
    if fullest > 4 * INSERTION:  # far from even
        qsort(a, n, sizeof(Arrival), &by_time)
        return
    memcpy(spare, a, n * sizeof(Arrival))
    for k in range(n):
        b = <Py_ssize_t> ((spare[k].time - low) * scale)
        b = b if b < n else n - 1
        a[bucket[b + 1]] = spare[k]
        bucket[b + 1] += 1
    insert_arrivals(a, n)  # now each is at most a bucket from its place


cdef Py_ssize_t first_not_before(const SpikeRecord *record, Py_ssize_t n, double time) noexcept nogil:
    """Return how many spikes come before `time`."""
    cdef Py_ssize_t low = 0, high = n, middle
    while low < high:
        middle = (low + high) // 2
        if record[middle].time < time:
            low = middle + 1
        else:
            high = middle
    return low


cdef class Arrivals(GradientNetwork):
    """Finds the arrivals of a window."""

    cdef void narrow_row(self, const Link *link, double emitted, double start, double end,
                         int32_t *low, int32_t *high) noexcept nogil:
        """Narrow [low, high) of a row of rising delays to what the spike reaches in [start, end)."""
        cdef int32_t a = low[0], b = high[0], m
        while a < b:
            m = (a + b) // 2
            if emitted + link.delay[m] < start:
                a = m + 1
            else:
                b = m
        low[0] = a
        b = high[0]
        while a < b:
            m = (a + b) // 2
            if emitted + link.delay[m] < end:
                a = m + 1
            else:
                b = m
        high[0] = a

    cdef Py_ssize_t list_in_flight(self, Workspace w, const NeuronGroup *g, double start,
                                   double end) noexcept nogil:
        """List the spikes that reach all targets at one time, for those in [start, end), in order.

        If the group is dense, with delays of each synapse, list all that may arrive, with what they have in
        common: when they were sent, the column of the synapses, and the spike.
        """
        cdef const Link *link
        cdef const SpikeTrain *train
        cdef Py_ssize_t k, n = 0
        cdef int place
        cdef double time
        cdef bint sorted = True, candidates = g.dense and not g.shared
        cdef Arrival *in_flight
        for place in range(g.n_links):
            link = &g.links[place]
            if link.delay != NULL and not candidates:
                continue
            train = &w.train[link.pre]
            for k in range(self.earliest(link, train, start), train.n):
                if train.record[k].time + link.least >= end:
                    break
                if candidates:
                    if n == w.in_flight_capacity and w.grow_in_flight() < 0:
                        return NO_MEMORY
                    in_flight = &w.in_flight[n]
                    in_flight.time = train.record[k].time
                    in_flight.synapse = link.column + train.record[k].unit
                    in_flight.spike = <int32_t> (w.shift[link.pre] + k)
                    n += 1
                    continue
                time = train.record[k].time + link.row_delay[train.record[k].unit]
                if time < start or time >= end:
                    continue
                if n == w.in_flight_capacity and w.grow_in_flight() < 0:
                    return NO_MEMORY
                in_flight = &w.in_flight[n]
                in_flight.time = time
                in_flight.synapse = place
                in_flight.spike = <int32_t> k
                sorted = sorted and (n == 0 or w.in_flight[n - 1].time <= time)
                n += 1
        if not sorted:
            if n > w.gap_capacity - 2 and w.reserve_arrivals(0, n + 2) < 0:
                return NO_MEMORY
            sort_arrivals(w.in_flight, n, w.spare, w.bucket)
        return n

    cdef Py_ssize_t earliest(self, const Link *link, const SpikeTrain *train, double start) noexcept nogil:
        """Return the first spike that may arrive at or after `start`; a bit early, for rounding."""
        if start <= 0.0:
            return 0
        return first_not_before(train.record, train.n, start - link.most - 1e-9 * fabs(start))

    cdef int gather_arrivals(self, Workspace w, const NeuronGroup *g, double start,
                             double end) noexcept nogil:
        """List the arrivals of [start, end) at each unit, up to its `stop`; in order if each comes from a whole population."""
        cdef const Link *link
        cdef const SpikeTrain *train
        cdef const double *stop = w.stop + g.base
        cdef int64_t *offset = w.offset
        cdef int place, unit, turn
        cdef Py_ssize_t k, total, longest, n_in_flight = self.list_in_flight(w, g, start, end)
        cdef int32_t low, high, m, to, spike
        cdef double emitted, time
        cdef Arrival *a
        if n_in_flight < 0:
            return NO_MEMORY
        w.n_shared = w.n_candidates = -1
        if g.dense and not g.shared:
            return self.list_candidates(w, g, start, n_in_flight)
        if g.dense:
            if w.reserve_arrivals(n_in_flight, n_in_flight + 2) < 0:
                return NO_MEMORY
            w.n_shared = n_in_flight
            w.shared_ready = False
            for k in range(n_in_flight):
                link = &g.links[w.in_flight[k].synapse]
                w.arrival[k].time = w.in_flight[k].time
                w.arrival[k].synapse = link.column + w.train[link.pre].record[w.in_flight[k].spike].unit
                w.arrival[k].spike = <int32_t> (w.shift[link.pre] + w.in_flight[k].spike)
            return 0
        memset(offset, 0, (g.n + 2) * sizeof(int64_t))
        # Count, then place. Offsets are kept one place further on, so that placing moves them back.
        for turn in range(2):
            for k in range(n_in_flight):
                link = &g.links[w.in_flight[k].synapse]
                time = w.in_flight[k].time
                unit = w.train[link.pre].record[w.in_flight[k].spike].unit
                low, high = link.first[unit], link.first[unit + 1]
                if turn == 0:
                    for m in range(low, high):
                        to = link.target[m]
                        offset[to + 2] += time <= stop[to]
                    continue
                spike = <int32_t> (w.shift[link.pre] + w.in_flight[k].spike)
                for m in range(low, high):
                    to = link.target[m]
                    if time <= stop[to]:
                        a = &w.arrival[offset[to + 1]]
                        offset[to + 1] += 1
                        a.time = time
                        a.synapse = link.synapse[m]
                        a.spike = spike
            for place in range(g.n_links):
                link = &g.links[place]
                if link.delay == NULL:
                    continue
                train = &w.train[link.pre]
                for k in range(self.earliest(link, train, start), train.n):
                    emitted = train.record[k].time
                    if emitted + link.least >= end:
                        break
                    low, high = link.first[train.record[k].unit], link.first[train.record[k].unit + 1]
                    spike = <int32_t> (w.shift[link.pre] + k)
                    if link.rising:
                        self.narrow_row(link, emitted, start, end, &low, &high)
                    if turn == 0 and link.rising:
                        for m in range(low, high):
                            to = link.target[m]
                            offset[to + 2] += emitted + link.delay[m] <= stop[to]
                    elif turn == 0:
                        for m in range(low, high):
                            time = emitted + link.delay[m]
                            to = link.target[m]
                            offset[to + 2] += (time <= stop[to]) & (time >= start) & (time < end)
                    else:
                        for m in range(low, high):
                            time = emitted + link.delay[m]
                            to = link.target[m]
                            if time <= stop[to] and time >= start and time < end:
                                a = &w.arrival[offset[to + 1]]
                                offset[to + 1] += 1
                                a.time = time
                                a.synapse = link.synapse[m]
                                a.spike = spike
            if turn == 0:
                total = longest = 0
                for unit in range(g.n):
                    if offset[unit + 2] > longest:
                        longest = offset[unit + 2]
                    total += offset[unit + 2]
                    offset[unit + 2] = total
                if w.reserve_arrivals(total, longest + 2) < 0:
                    return NO_MEMORY
        return 0

    cdef Py_ssize_t arrivals_of(self, Workspace w, const NeuronGroup *g, int unit, double stop, double start,
                                double end) noexcept nogil:
        """List the arrivals of [start, end) at a unit of a dense group up to `stop`; returns their number."""
        cdef Py_ssize_t row = <Py_ssize_t> unit * g.n_in
        return pick_arrivals(w.n_candidates, w.sent, w.column, g.rough + row,
                             <float> (start - w.origin - w.rounding),
                             <float> (end - w.origin + w.rounding), <const void *> w.in_flight, g.delays + row, start,
                             end, stop, g.n, <void *> w.arrival)

    cdef int list_candidates(self, Workspace w, const NeuronGroup *g, double start,
                             Py_ssize_t n) noexcept nogil:
        """Keep when n spikes in flight were sent, relative to `start`, and their columns."""
        cdef Py_ssize_t k
        cdef double most = 0.0
        w.n_candidates = n
        if w.reserve_arrivals(n, n + 2) < 0 or w.reserve_candidates(n + 8) < 0:
            return NO_MEMORY
        w.origin = start
        for k in range(n):
            w.sent[k] = <float> (w.in_flight[k].time - start)
            w.column[k] = w.in_flight[k].synapse
            most = fmax(most, fabs(w.in_flight[k].time - start))
        for k in range(n, n + 8):
            w.sent[k], w.column[k] = INFINITY, 0
        for k in range(g.n_links):
            most = fmax(most, g.links[k].most)
        w.rounding = 1e-6 * most  # rounding to single precision is below 2^-22 of the sum
        return 0

    cdef void order_arrivals(self, Workspace w, const NeuronGroup *g, const Cell *c, Arrival *a,
                             Py_ssize_t n) noexcept nogil:
        """Sort the arrivals of one unit and compute decays and response over the times between them."""
        cdef Py_ssize_t k
        cdef bint sorted = True, known
        cdef double s
        cdef double *gap = w.gap
        if n < 2 or (w.n_shared >= 0 and w.shared_ready and g.stride == 0):
            return
        w.shared_ready = True
        n -= 1
        for k in range(n):
            sorted &= a[k + 1].time >= a[k].time
        if not sorted:
            sort_arrivals(a, n + 1, w.spare, w.bucket)
        # Units that receive the same spikes at the same times share what follows.
        known = w.n_known >= n and c.tau_mem == w.tau_mem and c.tau_syn == w.tau_syn and c.c_mem == w.c_mem
        for k in range(n):
            s = a[k + 1].time - a[k].time
            known &= s == gap[k]
            gap[k] = s
        if known:
            return
        w.n_known, w.tau_mem, w.tau_syn, w.c_mem = n, c.tau_mem, c.tau_syn, c.c_mem
        self.compute_responses(w, c, n)

    cdef void compute_responses(self, Workspace w, const Cell *c, Py_ssize_t n) noexcept nogil:
        """Compute decays and response over the first n gaps."""
        cdef const double *gap = w.gap
        cdef double *em = w.em
        cdef double *es = w.es
        cdef double *ka = w.ka
        cdef Py_ssize_t k
        decays(gap, n, 0.0, -c.rate_mem, em)
        if c.kind == EQUAL:
            for k in range(n):
                es[k] = em[k]
                ka[k] = gap[k] * em[k] / c.c_mem
        elif c.kind == DOUBLE:
            for k in range(n):
                es[k] = em[k] * em[k]
                ka[k] = c.k * (em[k] - es[k])
        else:
            decays(gap, n, 0.0, -c.rate_syn, es)
            if c.kind == NEAR:
                for k in range(n):
                    ka[k] = -c.k * em[k] * expm1(-gap[k] * c.rate_gap)
            else:
                for k in range(n):
                    ka[k] = c.k * (em[k] - es[k])
