# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# distutils: extra_compile_args = -O3
"""Time-binned EventProp passes, for populations in which every synapse has a delay of its own.

A spike then arrives at n units at n times, and most of these arrivals change no spike. So the forward
pass adds a spike, as soon as it is known, to the input that each unit collects in a time bin: the
effect of the bin's arrivals on membrane and current at the end of the bin. An upper bound of the
membrane tells which units may reach threshold within the bin. These few are advanced arrival by
arrival, as in `_per_neuron`; all others pass the bin in one step.

In the adjoint pass, the adjoints of a unit without an event in the bin are sums of two exponentials, so
two numbers describe the bin. Units with an event in the bin go back arrival by arrival. Once all bins
in which a spike arrived are passed, its derivatives are summed over them. e^(d/tau) of each synapse is
a constant, so that takes no exponential, and derivatives in weights and delays follow at the end from
two sums for each synapse.
"""

from libc.math cimport INFINITY, exp
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memcpy, memset

from eventsim.models.lif.flow cimport Cell, flow, slope
from eventsim.models.gradients.eventprop._network cimport (
    Bin, BinInput, Bins, Link, NeuronGroup, Pair, Ring, Synapse
)
from eventsim.models.gradients.eventprop._sensitivities cimport note_maximum
from eventsim.models.gradients.eventprop._workspace cimport Workspace
from eventsim.models.gradients.eventprop._tape cimport (
    NO_MEMORY, TOO_MANY, Gradients, MembraneMaximum, SpikeRecord, SpikeTrain
)


cdef extern from "eventsim/models/gradients/eventprop/_time_binned.h" nogil:
    void add_to_bins "eventsim_add_to_bins"(Py_ssize_t n, double time, const Ring *ring,
                                            const Synapse *synapse,
                                            const double *power, const double *base, BinInput *bin_input)
    int64_t advance_bin "eventsim_advance_bin"(Py_ssize_t n, const Bin *bin, const double *v, const double *i,
                                               const double *bound, BinInput *bin_input, double *v_next,
                                               double *i_next, double *margin)
    int64_t write_adjoints "eventsim_write_adjoints"(Py_ssize_t n, double factor, double start,
                                                     const double *event,
                                                     const double *l_v, const double *l_i, Pair *pair)
    double read_spike "eventsim_read_spike"(Py_ssize_t n, double time, const Ring *ring,
                                            const Synapse *synapse,
                                            const double *power, const double *base, double rate_mem,
                                            double rate_syn, const Pair *pair, Pair *sum)
    void finish_sums "eventsim_finish_sums"(Py_ssize_t n, double rate_mem, double rate_syn,
                                            const double *weight,
                                            const Pair *decay, Pair *sum, double *by_weight, double *by_delay)


cdef extern from "eventsim/models/gradients/eventprop/_vectorised.h" nogil:
    void decay_all_adjoints "eventsim_decay_adjoints"(Py_ssize_t n, double em, double es, double ka,
                                                      double *l_v, double *l_i)
    void flush_small "eventsim_flush_small"(Py_ssize_t n, double least, double *l_v, double *l_i)


cdef class TimeBinned(Vectorised):
    """Forward and adjoint pass of populations in which every synapse has a delay of its own."""

    cdef void locate(self, Workspace w, const NeuronGroup *g, const SpikeRecord *record, Ring *ring,
                     double *base) noexcept nogil:
        """Set the bin in which a spike was sent, and the decays to the end of that bin."""
        cdef double rest
        ring.per_bin, ring.n_bins = 1.0 / w.bin_width, g.bins.n
        ring.bin = <int32_t> (record.time * ring.per_bin)
        ring.place = ring.bin % g.bins.n
        rest = (ring.bin + 1) * w.bin_width - record.time
        base[0], base[1] = exp(-rest * g.cells.rate_mem), exp(-rest * g.cells.rate_syn)
        base[2], base[3] = 1.0, 0.0

    # Forward ------------------------------------------------------------------------------------------

    cdef void begin_binned(self, Workspace w, int p) noexcept nogil:
        """Begin a sample."""
        cdef const NeuronGroup *g = &self.group[p]
        cdef int k
        memset(w.bin_input[p], 0, <size_t> g.bins.n * g.n * sizeof(BinInput))
        w.n_refractory[p] = 0
        for k in range(g.n):
            w.threshold_bound[g.base + k] = self.threshold_bound(g.cells,
                                                                 g.v_init[k] if g.readout else g.cells.v_th)
        for k in range(g.n_links):
            w.next[g.links[k].number] = 0

    cdef void fill_bins(self, Workspace w, int p, double end) noexcept nogil:
        """Add the new spikes before `end` to the bins in which they arrive."""
        cdef const NeuronGroup *g = &self.group[p]
        cdef const Link *link
        cdef const SpikeTrain *train
        cdef Py_ssize_t k, row
        cdef int place
        cdef Ring ring
        cdef double[4] base
        for place in range(g.n_links):
            link = &g.links[place]
            train = &w.train[link.pre]
            k = w.next[link.number]
            while k < train.n and train.record[k].time < end:
                self.locate(w, g, &train.record[k], &ring, base)
                row = <Py_ssize_t> (link.column + train.record[k].unit) * g.n
                add_to_bins(g.n, train.record[k].time, &ring, g.bins.synapse + row, g.bins.power, base,
                            w.bin_input[p])
                k += 1
            w.next[link.number] = k

    cdef Py_ssize_t forward_binned(self, Workspace w, int p, double start, double end) noexcept nogil:
        """Advance all units over [start, end), a whole number of bins except at the end of a run."""
        cdef const NeuronGroup *g = &self.group[p]
        cdef const Cell *c = g.cells
        cdef double *v = w.v + g.base
        cdef double *i = w.i + g.base
        cdef double *bound = w.threshold_bound + g.base
        cdef int32_t *refractory_units = w.refractory_units + g.base
        cdef double left = start, right, margin
        cdef int32_t bin = <int32_t> (start / w.bin_width)
        cdef int64_t found
        cdef Py_ssize_t status, spikes = w.fresh[p].n
        cdef int unit, m
        cdef bint listed = False, cut
        self.fill_bins(w, p, end)
        while left < end:
            right = (bin + 1) * w.bin_width
            cut = right > end
            right = end if cut else right
            found = advance_bin(g.n, &g.bins.bin, v, i, bound,
                                w.bin_input[p] + <Py_ssize_t> (bin % g.bins.n) * g.n,
                                w.next_v, w.next_i, w.margin)
            m = 0
            while m < w.n_refractory[p]:
                unit = refractory_units[m]
                if w.refractory_end[g.base + unit] < right:
                    w.margin[unit] = 0.0
                    found += 1
                    w.n_refractory[p] -= 1
                    refractory_units[m] = refractory_units[w.n_refractory[p]]
                else:
                    w.next_v[unit] = c.v_reset
                    m += 1
            if found or cut:
                if not listed:
                    if self.gather_arrivals(w, g, start, end) < 0:
                        return NO_MEMORY
                    listed = True
                for unit in range(g.n):
                    margin = w.margin[unit]
                    if margin >= 0.0 or (cut and bound[unit] < INFINITY):
                        status = self.forward_one_bin(w, p, unit, left, right, &w.next_v[unit],
                                                      &w.next_i[unit])
                        if status < 0:
                            return status
                if w.fresh[p].n - spikes > self.max_spikes:
                    return TOO_MANY
            memcpy(v, w.next_v, g.n * sizeof(double))
            memcpy(i, w.next_i, g.n * sizeof(double))
            left = right
            bin += 1
        if g.readout:
            for unit in range(g.n):
                w.t[g.base + unit] = left
        return 0

    cdef Py_ssize_t forward_one_bin(self, Workspace w, int p, int unit, double start, double end,
                                    double *v, double *i) noexcept nogil:
        """Advance one unit through a bin arrival by arrival.

        V and i become its state at the end of the bin.
        """
        cdef const NeuronGroup *g = &self.group[p]
        cdef const Cell *c = g.cells
        cdef SpikeTrain *train = &w.fresh[p]
        cdef int at = g.base + unit
        cdef Py_ssize_t status
        cdef double t, s
        cdef MembraneMaximum *maximum
        w.t[at] = start
        status = self.forward_neuron(w, g, train, unit, w.arrival, self.arrivals_of(w, g, unit, INFINITY,
                                     start, end),
                                     g.first_slot + unit, start, end)
        if status < 0:
            return status
        if w.refractory_end[at] >= end:
            w.threshold_bound[at] = INFINITY
            if w.refractory_end[at] == INFINITY:
                return 0
            w.refractory_units[g.base + w.n_refractory[p]] = unit
            w.n_refractory[p] += 1
            i[0] = w.i[at] * exp(-(end - w.t[at]) * c.rate_syn)
            v[0] = c.v_reset
            return 0
        t, v[0], i[0] = w.t[at], w.v[at], w.i[at]
        if t < w.refractory_end[at]:
            i[0] *= exp(-(w.refractory_end[at] - t) * c.rate_syn)
            t = w.refractory_end[at]
        if w.waiting_restart[at] >= 0:
            train.record[w.waiting_restart[at]].restart = slope(c, c.v_reset, i[0])
            w.waiting_restart[at] = -1
        s = end - t
        if g.readout:
            maximum = w.maximum + g.first_maximum + unit
            note_maximum(c, v[0], i[0], t, s, False, &w.sensitivity[at], maximum)
            flow(c, s, v, i)
            if v[0] > maximum.value and slope(c, v[0], i[0]) <= 0.0:
                maximum.value, maximum.time, maximum.rise, maximum.synapse = v[0], end, 0.0, -1
            w.threshold_bound[at] = self.threshold_bound(c, maximum.value)
            return 0
        flow(c, s, v, i)
        w.threshold_bound[at] = self.threshold_bound(c, c.v_th)
        return 0

    # Backward -----------------------------------------------------------------------------------------

    cdef void begin_backward(self, Workspace w, int p) noexcept nogil:
        """Begin the adjoint pass of a sample.

        The latest own event of each unit, and all spikes still to be read.
        """
        cdef const NeuronGroup *g = &self.group[p]
        cdef const MembraneMaximum *maximum
        cdef int k
        memset(w.pair[p], 0, <size_t> g.bins.n * g.n * sizeof(Pair))
        w.active[p] = False
        for k in range(g.n):
            if g.readout:
                maximum = w.maximum + g.first_maximum + k
                w.threshold_bound[g.base + k] = -INFINITY
                if w.maximum_error[g.first_maximum + k] != 0.0 and 0.0 < maximum.time < INFINITY:
                    w.threshold_bound[g.base + k] = maximum.time
            else:
                w.threshold_bound[g.base + k] = self.latest_own_event(g.cells, &w.train[p],
                                                                      w.current[g.base + k],
                                                                      w.is_refractory[g.base + k])
        for k in range(g.n_links):
            w.next[g.links[k].number] = w.train[g.links[k].pre].n

    cdef void read_spikes(self, Workspace w, int p, double start, bint late, double *error) noexcept nogil:
        """Add dL/dT of the spikes sent at or after `start`.

        `late`: those that cannot arrive in this window.
        """
        cdef const NeuronGroup *g = &self.group[p]
        cdef const Bins *bins = &g.bins
        cdef const Link *link
        cdef const SpikeTrain *train
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
            while k > 0 and train.record[k - 1].time >= start:
                k -= 1
                if not w.active[p]:
                    continue
                self.locate(w, g, &train.record[k], &ring, base)
                row = <Py_ssize_t> (link.column + train.record[k].unit) * g.n
                error[w.shift[link.pre] + k] += read_spike(
                    g.n, train.record[k].time, &ring, bins.synapse + row, bins.power, base, g.cells.rate_mem,
                    g.cells.rate_syn, w.pair[p], w.sum[p] + row
                )
            w.next[link.number] = k

    cdef int backward_binned(self, Workspace w, int p, double start, double end, double *error,
                             double *own_error,
                             Gradients gradients) noexcept nogil:
        """Run the adjoint pass of all units of a population over [start, end)."""
        cdef const NeuronGroup *g = &self.group[p]
        cdef const Cell *c = g.cells
        cdef const Bin *step = &g.bins.bin
        cdef double *l_v = w.l_v + g.base
        cdef double *l_i = w.l_i + g.base
        cdef double *event = w.threshold_bound + g.base    # the adjoint pass keeps the latest own events there
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
            found = write_adjoints(g.n, c.k, left, event, l_v, l_i, pair)
            if not found and not w.active[p]:
                right = left
                bin -= 1
                continue
            w.active[p] = True
            if found:
                if not listed:
                    if self.gather_arrivals(w, g, start, end) < 0:
                        return NO_MEMORY
                    listed = True
                memcpy(w.next_v, l_v, g.n * sizeof(double))
                memcpy(w.next_i, l_i, g.n * sizeof(double))
            if bin % 16 == 0:
                flush_small(g.n, 1e-280, l_v, l_i)
            decay_all_adjoints(g.n, step.em, step.es, step.ka, l_v, l_i)
            for unit in range(g.n if found else 0):
                if event[unit] < left:
                    continue
                at = g.base + unit
                pair[unit].mem = pair[unit].syn = 0.0
                l_v[unit], l_i[unit], w.t[at] = w.next_v[unit], w.next_i[unit], right
                self.backward_neuron(w, g, &w.train[p], unit, w.arrival,
                                     self.arrivals_of(w, g, unit, INFINITY, left,
                                                      right), g.first_slot + unit, left, error,
                                     own_error, gradients)
                self.decay_adjoints(c, w.t[at] - left, &l_v[unit], &l_i[unit])
                event[unit] = -INFINITY
                if not g.readout:
                    event[unit] = self.latest_own_event(c, &w.train[p], w.current[at], w.is_refractory[at])
            right = left
            bin -= 1
        return 0

    cdef void finish_gradients(self, Workspace w, Gradients gradients) noexcept nogil:
        """Add the derivatives that follow from the sums of all synapses."""
        cdef const NeuronGroup *g
        cdef int p
        for p in range(self.n_populations):
            g = &self.group[p]
            if w.bin_width > 0.0 and g.bins.n > 0:
                finish_sums(<Py_ssize_t> g.n * g.n_in, g.cells.rate_mem, g.cells.rate_syn,
                            &self.weight[g.first_slot], g.bins.decay, w.sum[p], w.by_weight + g.first_slot,
                            gradients.delay + g.first_slot)
