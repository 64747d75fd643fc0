# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The gradient walk in bins of time, where every synapse of a population has a delay of its own.

A spike then arrives at n units at n times, and most of these arrivals make no difference to when anybody spikes.
So a spike is added, as soon as it is known, to what each unit collects in the bin in which it arrives: what the
arrivals of a bin do to the membrane and the current at the bin's end. A bound tells which units may come above
threshold within the bin; these few go through it arrival by arrival, as in `_walk_units`, all others pass it in one
step.

Backward, adjoints without an own event are sums of two exponentials, so a bin is told by two numbers, units with
an event in the bin go through it arrival by arrival, and a spike is read off all bins in which it arrived once they
are passed. With e^(d/tau) of a synapse known, that takes no exponential; and as it is constant, derivatives in
weights and delays follow at the end from two sums for each synapse.
"""

from libc.math cimport INFINITY, exp
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memcpy, memset

from eventsim.models.lif.flow cimport Cell, flow, slope
from eventsim.models.gradients.eventprop._network cimport Bin, Bins, Group, Heap, Link, Pair, Ring, Synapse
from eventsim.models.gradients.eventprop._sensitivities cimport crest
from eventsim.models.gradients.eventprop._workspace cimport Space
from eventsim.models.gradients.eventprop._tape cimport NO_MEMORY, TOO_MANY, Gradients, Mark, Top, Train


cdef extern from "eventsim/models/gradients/eventprop/_time_binned.h" nogil:
    void spread_spike "eventsim_spread"(Py_ssize_t n, double time, const Ring *ring, const Synapse *synapse,
                                        const double *power, const double *base, Heap *heap)
    int64_t pass_bin "eventsim_pass"(Py_ssize_t n, const Bin *bin, const double *v, const double *i,
                                     const double *bar, Heap *heap, double *v_next, double *i_next, double *excess)
    int64_t note_bin "eventsim_note"(Py_ssize_t n, double factor, double start, const double *event,
                                     const double *l_v, const double *l_i, Pair *pair)
    double collect_spike "eventsim_collect"(Py_ssize_t n, double time, const Ring *ring, const Synapse *synapse,
                                            const double *power, const double *base, double rate_mem,
                                            double rate_syn, const Pair *pair, Pair *sum)
    void settle_sums "eventsim_settle"(Py_ssize_t n, double rate_mem, double rate_syn, const double *weight,
                                       const Pair *decay, Pair *sum, double *by_weight, double *by_delay)


cdef extern from "eventsim/models/gradients/eventprop/_vectorised.h" nogil:
    void recede "eventsim_recede"(Py_ssize_t n, double em, double es, double ka, double *l_v, double *l_i)
    void fade "eventsim_fade"(Py_ssize_t n, double least, double *l_v, double *l_i)


cdef class Binned(Lockstep):
    """Walks populations whose synapses have delays of their own."""

    cdef void place(self, Space w, const Group *g, const Mark *mark, Ring *ring, double *base) noexcept nogil:
        """Tell in which bin a spike was sent, and the decays to the end of that bin."""
        cdef double rest
        ring.per_bin, ring.n_bins = 1.0 / w.bin_width, g.bins.n
        ring.bin = <int32_t> (mark.time * ring.per_bin)
        ring.place = ring.bin % g.bins.n
        rest = (ring.bin + 1) * w.bin_width - mark.time
        base[0], base[1] = exp(-rest * g.cells.rate_mem), exp(-rest * g.cells.rate_syn)
        base[2], base[3] = 1.0, 0.0

    # Forward ------------------------------------------------------------------------------------------

    cdef void clear_bins(self, Space w, int p) noexcept nogil:
        """Begin a sample."""
        cdef const Group *g = &self.group[p]
        cdef int k
        memset(w.heap[p], 0, <size_t> g.bins.n * g.n * sizeof(Heap))
        w.n_resting[p] = 0
        for k in range(g.n):
            w.bar[g.base + k] = self.bar_at(g.cells, g.v_init[k] if g.readout else g.cells.v_th)
        for k in range(g.n_links):
            w.next[g.links[k].number] = 0

    cdef void spread(self, Space w, int p, double end) noexcept nogil:
        """Add spikes before `end` that are new to the bins in which they arrive."""
        cdef const Group *g = &self.group[p]
        cdef const Link *link
        cdef const Train *train
        cdef Py_ssize_t k, row
        cdef int place
        cdef Ring ring
        cdef double[4] base
        for place in range(g.n_links):
            link = &g.links[place]
            train = &w.train[link.pre]
            k = w.next[link.number]
            while k < train.n and train.mark[k].time < end:
                self.place(w, g, &train.mark[k], &ring, base)
                row = <Py_ssize_t> (link.column + train.mark[k].unit) * g.n
                spread_spike(g.n, train.mark[k].time, &ring, g.bins.synapse + row, g.bins.power, base, w.heap[p])
                k += 1
            w.next[link.number] = k

    cdef Py_ssize_t forward_bins(self, Space w, int p, double start, double end) noexcept nogil:
        """Walk all units of a population over [start, end), a whole number of bins but at the end of a run."""
        cdef const Group *g = &self.group[p]
        cdef const Cell *c = g.cells
        cdef double *v = w.v + g.base
        cdef double *i = w.i + g.base
        cdef double *bar = w.bar + g.base
        cdef int32_t *resting = w.resting + g.base
        cdef double left = start, right, excess
        cdef int32_t bin = <int32_t> (start / w.bin_width)
        cdef int64_t found
        cdef Py_ssize_t status, spikes = w.fresh[p].n
        cdef int unit, m
        cdef bint listed = False, cut
        self.spread(w, p, end)
        while left < end:
            right = (bin + 1) * w.bin_width
            cut = right > end
            right = end if cut else right
            found = pass_bin(g.n, &g.bins.bin, v, i, bar, w.heap[p] + <Py_ssize_t> (bin % g.bins.n) * g.n,
                             w.spare_v, w.spare_i, w.excess)
            m = 0
            while m < w.n_resting[p]:
                unit = resting[m]
                if w.release[g.base + unit] < right:
                    w.excess[unit] = 0.0
                    found += 1
                    w.n_resting[p] -= 1
                    resting[m] = resting[w.n_resting[p]]
                else:
                    w.spare_v[unit] = c.v_reset
                    m += 1
            if found or cut:
                if not listed:
                    if self.gather(w, g, start, end) < 0:
                        return NO_MEMORY
                    listed = True
                for unit in range(g.n):
                    excess = w.excess[unit]
                    if excess >= 0.0 or (cut and bar[unit] < INFINITY):
                        status = self.forward_closely(w, p, unit, left, right, &w.spare_v[unit], &w.spare_i[unit])
                        if status < 0:
                            return status
                if w.fresh[p].n - spikes > self.max_spikes:
                    return TOO_MANY
            memcpy(v, w.spare_v, g.n * sizeof(double))
            memcpy(i, w.spare_i, g.n * sizeof(double))
            left = right
            bin += 1
        if g.readout:
            for unit in range(g.n):
                w.t[g.base + unit] = left
        return 0

    cdef Py_ssize_t forward_closely(self, Space w, int p, int unit, double start, double end,
                                    double *v, double *i) noexcept nogil:
        """Take one unit through a bin arrival by arrival; v and i become its state at the end of it."""
        cdef const Group *g = &self.group[p]
        cdef const Cell *c = g.cells
        cdef Train *train = &w.fresh[p]
        cdef int at = g.base + unit
        cdef Py_ssize_t status
        cdef double t, s
        cdef Top *top
        w.t[at] = start
        status = self.forward_unit(w, g, train, unit, w.arrival, self.pick(w, g, unit, INFINITY, start, end),
                                   g.first_slot + unit, start, end)
        if status < 0:
            return status
        if w.release[at] >= end:
            w.bar[at] = INFINITY
            if w.release[at] == INFINITY:
                return 0
            w.resting[g.base + w.n_resting[p]] = unit
            w.n_resting[p] += 1
            i[0] = w.i[at] * exp(-(end - w.t[at]) * c.rate_syn)
            v[0] = c.v_reset
            return 0
        t, v[0], i[0] = w.t[at], w.v[at], w.i[at]
        if t < w.release[at]:
            i[0] *= exp(-(w.release[at] - t) * c.rate_syn)
            t = w.release[at]
        if w.open[at] >= 0:
            train.mark[w.open[at]].restart = slope(c, c.v_reset, i[0])
            w.open[at] = -1
        s = end - t
        if g.readout:
            top = w.top + g.first_top + unit
            crest(c, v[0], i[0], t, s, False, &w.sense[at], top)
            flow(c, s, v, i)
            if v[0] > top.value and slope(c, v[0], i[0]) <= 0.0:
                top.value, top.time, top.rise, top.synapse = v[0], end, 0.0, -1
            w.bar[at] = self.bar_at(c, top.value)
            return 0
        flow(c, s, v, i)
        w.bar[at] = self.bar_at(c, c.v_th)
        return 0

    # Backward -----------------------------------------------------------------------------------------

    cdef void watch(self, Space w, int p) noexcept nogil:
        """Begin a sample: when each unit did something last, and spikes to be read off, all of them."""
        cdef const Group *g = &self.group[p]
        cdef const Top *top
        cdef int k
        memset(w.pair[p], 0, <size_t> g.bins.n * g.n * sizeof(Pair))
        w.live[p] = False
        for k in range(g.n):
            if g.readout:
                top = w.top + g.first_top + k
                w.bar[g.base + k] = -INFINITY
                if w.top_error[g.first_top + k] != 0.0 and 0.0 < top.time < INFINITY:
                    w.bar[g.base + k] = top.time
            else:
                w.bar[g.base + k] = self.own_event(g.cells, &w.train[p], w.current[g.base + k],
                                                   w.quiet[g.base + k])
        for k in range(g.n_links):
            w.next[g.links[k].number] = w.train[g.links[k].pre].n

    cdef void collect(self, Space w, int p, double start, bint late, double *error) noexcept nogil:
        """Read the spikes sent at or after `start` off the adjoints; `late`: those that cannot arrive in this window.
        """
        cdef const Group *g = &self.group[p]
        cdef const Bins *bins = &g.bins
        cdef const Link *link
        cdef const Train *train
        cdef Py_ssize_t k, row
        cdef int place
        cdef Ring ring
        cdef double[4] base
        for place in range(g.n_links):
            link = &g.links[place]
            if late != (link.least >= w.window_width):
                continue
            train = &w.train[link.pre]
            k = w.next[link.number]
            while k > 0 and train.mark[k - 1].time >= start:
                k -= 1
                if not w.live[p]:
                    continue
                self.place(w, g, &train.mark[k], &ring, base)
                row = <Py_ssize_t> (link.column + train.mark[k].unit) * g.n
                error[w.shift[link.pre] + k] += collect_spike(
                    g.n, train.mark[k].time, &ring, bins.synapse + row, bins.power, base, g.cells.rate_mem,
                    g.cells.rate_syn, w.pair[p], w.sum[p] + row
                )
            w.next[link.number] = k

    cdef int backward_bins(self, Space w, int p, double start, double end, double *error, double *own_error,
                           Gradients gradients) noexcept nogil:
        """Walk all units of a population back over [start, end)."""
        cdef const Group *g = &self.group[p]
        cdef const Cell *c = g.cells
        cdef const Bin *step = &g.bins.bin
        cdef double *l_v = w.l_v + g.base
        cdef double *l_i = w.l_i + g.base
        cdef double *event = w.bar + g.base
        cdef double left, right = end
        cdef int32_t bin = <int32_t> (start / w.bin_width)
        cdef int64_t found
        cdef int unit, at
        cdef bint listed = False
        cdef Pair *pair
        while (bin + 1) * w.bin_width < end:
            bin += 1
        while right > start:
            left = bin * w.bin_width
            pair = w.pair[p] + <Py_ssize_t> (bin % g.bins.n) * g.n
            found = note_bin(g.n, c.k, left, event, l_v, l_i, pair)
            if not found and not w.live[p]:
                right = left
                bin -= 1
                continue
            w.live[p] = True
            if found:
                if not listed:
                    if self.gather(w, g, start, end) < 0:
                        return NO_MEMORY
                    listed = True
                memcpy(w.spare_v, l_v, g.n * sizeof(double))
                memcpy(w.spare_i, l_i, g.n * sizeof(double))
            if bin % 16 == 0:
                fade(g.n, 1e-280, l_v, l_i)
            recede(g.n, step.em, step.es, step.ka, l_v, l_i)
            for unit in range(g.n if found else 0):
                if event[unit] < left:
                    continue
                at = g.base + unit
                pair[unit].mem = pair[unit].syn = 0.0
                l_v[unit], l_i[unit], w.t[at] = w.spare_v[unit], w.spare_i[unit], right
                self.backward_unit(w, g, &w.train[p], unit, w.arrival,
                                   self.pick(w, g, unit, INFINITY, left, right), g.first_slot + unit, left, error,
                                   own_error, gradients)
                self.go_back(c, w.t[at] - left, &l_v[unit], &l_i[unit])
                event[unit] = -INFINITY
                if not g.readout:
                    event[unit] = self.own_event(c, &w.train[p], w.current[at], w.quiet[at])
            right = left
            bin -= 1
        return 0

    cdef void settle(self, Space w, Gradients gradients) noexcept nogil:
        """Add the sums of all synapses to the derivatives."""
        cdef const Group *g
        cdef int p
        for p in range(self.n_populations):
            g = &self.group[p]
            if w.bin_width > 0.0 and g.bins.n > 0:
                settle_sums(<Py_ssize_t> g.n * g.n_in, g.cells.rate_mem, g.cells.rate_syn,
                            &self.weight[g.first_slot], g.bins.decay, w.sum[p], w.by_weight + g.first_slot,
                            gradients.delay + g.first_slot)
