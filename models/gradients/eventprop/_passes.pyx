# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The gradient walk: spikes of many samples forward, and back from their errors to every parameter.

A run is cut into windows no longer than the shortest delay of a loop (one window if there is none). Within
a window nothing that a unit emits can come back to it, so units are walked one by one, each along its own
arrivals in order of time; populations that reach others without delay come first. Backward, windows,
populations, and each unit's arrivals and spikes are walked in reverse.

Its rooms: the network (`_walk_groups`), arrivals of a window (`_walk_arrivals`), one unit (`_walk_units`), a
population at once (`_walk_lockstep`), one whose synapses have delays of their own (`_walk_bins`), what is
remembered (`_walk_tape`), work space (`_walk_space`).
"""

from libc.math cimport INFINITY, fabs, isnan
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport realloc
from libc.string cimport memcpy, memset

from eventsim.models.lif.flow cimport Cell
from eventsim.models.gradients.eventprop._network cimport Group, Input
from eventsim.models.gradients.eventprop._sensitivities cimport Sense, finish
from eventsim.models.gradients.eventprop._workspace cimport Space
from eventsim.models.gradients.eventprop._tape cimport (
    NO_MEMORY, TOO_MANY, Gradients, Mark, Tape, Top, Train, add_mark, sort_marks
)


cdef class Walk(Binned):
    """A network, ready to be walked; parameters as `Groups`."""

    def space(self):
        """Return work space for one thread."""
        return Space(self.n_populations, self.n_units, self.largest, len(self.links))

    def gradients(self):
        """Return sums of gradients, all 0."""
        return Gradients(self.n_synapses, self.n_units)

    cdef prepare(self, Space space, Tape tape):
        """Give the work space what it needs for a tape."""
        cdef const Group *g
        cdef int p
        space.bin_width, space.window_width = tape.bin, tape.width
        for p in range(self.n_populations):
            g = &self.group[p]
            if tape.bin > 0.0 and g.bins.n > 0:
                space.fit_bins(p, <Py_ssize_t> g.bins.n * g.n, <Py_ssize_t> g.n * g.n_in)

    # Forward ------------------------------------------------------------------------------------------

    def forward(self, Space space not None, Tape tape not None, int low):
        """Compute the spikes of samples low, low + 1, ... until the tape is full."""
        cdef int s, status = 0
        tape.make_tops(self.n_readouts)
        self.prepare(space, tape)
        with nogil:
            for s in range(tape.n_samples):
                status = self.forward_sample(space, tape, s, low + s)
                if status < 0:
                    break
            tape.fit()
        if status == NO_MEMORY:
            raise MemoryError("no memory left for the spikes of a forward pass")
        if status == TOO_MANY:
            raise RuntimeError(
                f"sample {low + s} has more than {self.max_spikes} spikes before {tape.until:g}: "
                f"is the activity running away? Otherwise raise max_spikes"
            )

    cdef int forward_sample(self, Space w, Tape tape, int s, int sample) noexcept nogil:
        cdef int p, k
        cdef long long window
        cdef Group *g
        cdef Train *train
        cdef Mark mark
        cdef int64_t at
        cdef double start, end
        cdef const Input *given
        cdef Py_ssize_t m, total = 0
        cdef void *memory
        memset(&mark, 0, sizeof(Mark))
        w.top = <Top *> &tape.top[s, 0] if self.n_readouts else NULL
        for p in range(self.n_populations):
            g = &self.group[p]
            train = &w.fresh[p]
            train.n = 0
            if g.source:
                given = &self.input[p]
                for at in range(given.start[sample], given.start[sample + 1]):
                    if not given.time[at] < tape.until:
                        break
                    mark.time = given.time[at]
                    mark.unit = given.unit[at]
                    if add_mark(train, &mark) < 0:
                        return NO_MEMORY
                w.train[p] = train[0]
                continue
            w.train[p] = train[0]
            memcpy(w.v + g.base, g.v_init, g.n * sizeof(double))
            memcpy(w.i + g.base, g.i_init, g.n * sizeof(double))
            memset(w.t + g.base, 0, g.n * sizeof(double))
            memset(w.sense + g.base, 0, g.n * sizeof(Sense))
            for k in range(g.base, g.base + g.n):
                w.release[k] = -INFINITY
                w.stop[k] = INFINITY
                w.open[k] = -1
            if g.readout:
                for k in range(g.n):
                    w.top[g.first_top + k].value = g.v_init[k]
                    w.top[g.first_top + k].synapse = -1
            if g.lockstep:
                self.set_off(w, p)
            elif w.bin_width > 0.0 and g.bins.n > 0:
                self.clear_bins(w, p)
        for window in range(tape.n_windows):
            start = window * tape.width if window else 0.0
            end = (window + 1) * tape.width if window + 1 < tape.n_windows else tape.until
            total = 0
            for k in range(self.n_order):
                p = self.order[k]
                m = self.sweep(w, p, start, end)
                if m < 0:
                    return <int> m
                total += w.fresh[p].n
            if total > self.max_spikes:
                return TOO_MANY
        for p in range(self.n_populations):
            train = &w.fresh[p]
            g = &self.group[p]
            if g.readout:
                for k in range(g.n):
                    m = g.base + k
                    finish(g.cells + k * g.stride, w.v[m], w.i[m], w.t[m], tape.until, self.constants,
                           &w.sense[m], w.top + g.first_top + k)
            self.link_spikes(w, p)
            if tape.all.n + train.n > tape.all.room:
                m = 2 * tape.all.room + train.n + 64
                memory = realloc(tape.all.mark, m * sizeof(Mark))
                if memory == NULL:
                    return NO_MEMORY
                tape.all.mark = <Mark *> memory
                tape.all.room = m
            memcpy(tape.all.mark + tape.all.n, train.mark, train.n * sizeof(Mark))
            tape.all.n += train.n
            tape.start[s * self.n_populations + p + 1] = tape.all.n
        return 0

    cdef void link_spikes(self, Space w, int p) noexcept nogil:
        """Let each spike know the one of the same unit before it."""
        cdef const Group *g = &self.group[p]
        cdef Train *train = &w.fresh[p]
        cdef int32_t *last = w.current + g.base
        cdef Py_ssize_t k
        for k in range(g.n):
            last[k] = -1
        for k in range(train.n):
            train.mark[k].before = last[train.mark[k].unit]
            last[train.mark[k].unit] = <int32_t> k
            if isnan(train.mark[k].restart):
                train.mark[k].restart = 0.0  # nothing comes after its refractory time

    cdef Py_ssize_t sweep(self, Space w, int p, double start, double end) noexcept nogil:
        """Advance a population over [start, end)."""
        cdef const Group *g = &self.group[p]
        cdef Train *train = &w.fresh[p]
        cdef Py_ssize_t old = train.n, k
        cdef int unit
        cdef bint binned = w.bin_width > 0.0 and g.bins.n > 0
        if not binned and self.gather(w, g, start, end) < 0:
            return NO_MEMORY
        if binned or g.lockstep:
            k = self.forward_bins(w, p, start, end) if binned else self.forward_together(w, p, start, end)
            if k < 0:
                return k
        for unit in range(0 if binned or g.lockstep else g.n):
            if w.n_candidates >= 0:
                if w.release[g.base + unit] == INFINITY:
                    continue
                k = self.forward_unit(w, g, train, unit, w.arrival,
                                      self.pick(w, g, unit, INFINITY, start, end), g.first_slot + unit, start, end)
            elif w.n_shared >= 0:
                k = self.forward_unit(w, g, train, unit, w.arrival, w.n_shared,
                                      g.first_slot + <Py_ssize_t> unit * g.n_in, start, end)
            else:
                k = self.forward_unit(w, g, train, unit, w.arrival + w.offset[unit],
                                      w.offset[unit + 1] - w.offset[unit], 0, start, end)
            if k < 0:
                return k
        if train.n > old:
            sort_marks(train.mark + old, train.n - old)
            for k in range(old, train.n):
                if isnan(train.mark[k].restart):
                    w.open[g.base + train.mark[k].unit] = <int32_t> k
            w.train[p] = train[0]
        return 0

    # Backward -----------------------------------------------------------------------------------------

    def backward(self, Space space not None, Tape tape not None, Gradients gradients not None):
        """Walk all samples back from `tape.errors`, which become total, and add up the gradients."""
        cdef int s, status = 0
        cdef bint guarded = self.max_dw_norm < INFINITY
        if tape.error.shape[0] != tape.all.n:
            raise ValueError("clear_errors comes first")
        self.prepare(space, tape)
        if guarded:
            space.fit_guard(self.n_synapses, self.n_units)
        space.by_weight = space.one if guarded else gradients.weight
        with nogil:
            for s in range(tape.n_samples):
                status = self.backward_sample(space, tape, s, gradients)
                if status < 0:
                    break
                if guarded:
                    self.settle(space, gradients)
                    self.guard(space, gradients)
            self.settle(space, gradients)
        if status < 0:
            raise MemoryError("no memory left for the arrivals of a backward pass")

    cdef void guard(self, Space w, Gradients gradients) noexcept nogil:
        """Add the derivatives of a sample to the sums, but for units that have too large ones."""
        cdef Py_ssize_t k
        memset(w.norm, 0, self.n_units * sizeof(double))
        for k in range(self.n_synapses):
            if not fabs(w.one[k]) <= w.norm[self.owner[k]]:
                w.norm[self.owner[k]] = fabs(w.one[k])
        for k in range(self.n_synapses):
            if w.norm[self.owner[k]] <= self.max_dw_norm:
                gradients.weight[k] += w.one[k]
            w.one[k] = 0.0

    cdef int backward_sample(self, Space w, Tape tape, int s, Gradients gradients) noexcept nogil:
        cdef int p, k, unit, at
        cdef bint binned = w.bin_width > 0.0
        cdef long long window
        cdef const Group *g
        cdef const Cell *c
        cdef Train *train
        cdef double start, end, x
        cdef const int64_t *begin = &tape.start[s * self.n_populations]
        cdef double *error = &tape.error[0] + begin[0] if tape.all.n else NULL
        w.top = <Top *> &tape.top[s, 0] if self.n_readouts else NULL
        w.top_error = &tape.top_error[s, 0] if self.n_readouts else NULL
        for p in range(self.n_populations):
            g = &self.group[p]
            if g.readout and self.constants:
                for unit in range(g.n):
                    x = w.top_error[g.first_top + unit]
                    gradients.unit[3 * (g.base + unit)] += x * w.top[g.first_top + unit].by_mem
                    gradients.unit[3 * (g.base + unit) + 1] += x * w.top[g.first_top + unit].by_syn
        if begin[self.n_populations] == begin[0]:
            return 0
        for p in range(self.n_populations):
            g = &self.group[p]
            train = &w.train[p]
            train.mark = tape.all.mark + begin[p]
            train.n = begin[p + 1] - begin[p]
            w.shift[p] = begin[p] - begin[0]
            if g.source:
                continue
            for k in range(g.base, g.base + g.n):
                w.current[k] = -1
                w.stop[k] = -INFINITY
                w.l_v[k] = w.l_i[k] = 0.0
                w.t[k] = tape.until
                w.quiet[k] = 0
                if g.readout:
                    w.stop[k] = w.top[g.first_top + k - g.base].time
            if g.lockstep:
                w.now[p], w.live[p], w.spike_left[p], w.rest_left[p] = tape.until, False, train.n, train.n
                while w.rest_left[p] > 0 and (g.once or not train.mark[w.rest_left[p] - 1].time
                                              + g.cells.t_ref < tape.until):
                    w.rest_left[p] -= 1
                continue
            for k in range(train.n):
                w.current[g.base + train.mark[k].unit] = k
            for unit in range(g.n):
                k = g.base + unit
                w.quiet[k] = 0
                if w.current[k] >= 0:
                    c = g.cells + unit * g.stride
                    w.stop[k] = train.mark[w.current[k]].time
                    w.quiet[k] = g.once or w.stop[k] + c.t_ref >= tape.until
            if binned and g.bins.n > 0:
                self.watch(w, p)
        for window in range(tape.n_windows - 1, -1, -1):
            start = window * tape.width if window else 0.0
            end = (window + 1) * tape.width if window + 1 < tape.n_windows else tape.until
            for k in range(self.n_order if binned else 0):
                if self.group[self.order[k]].bins.n > 0:
                    self.collect(w, self.order[k], start, True, error)
            for k in range(self.n_order - 1, -1, -1):
                p = self.order[k]
                g = &self.group[p]
                if w.train[p].n == 0 and not g.readout:
                    continue
                if binned and g.bins.n > 0:
                    if self.backward_bins(w, p, start, end, error, error + w.shift[p], gradients) < 0:
                        return NO_MEMORY
                    self.collect(w, p, start, False, error)
                    continue
                if self.gather(w, g, start, end) < 0:
                    return NO_MEMORY
                if g.lockstep:
                    if self.backward_together(w, p, start, error, error + w.shift[p], gradients) < 0:
                        return NO_MEMORY
                    continue
                for unit in range(g.n):
                    if w.n_candidates >= 0:
                        at = g.base + unit
                        if w.current[at] < 0 and w.l_v[at] == 0.0 and w.l_i[at] == 0.0 and not g.readout:
                            continue
                        self.backward_unit(w, g, &w.train[p], unit, w.arrival,
                                           self.pick(w, g, unit, w.stop[at], start, end), g.first_slot + unit,
                                           start, error, error + w.shift[p], gradients)
                    elif w.n_shared >= 0:
                        self.backward_unit(w, g, &w.train[p], unit, w.arrival, w.n_shared,
                                           g.first_slot + <Py_ssize_t> unit * g.n_in, start, error,
                                           error + w.shift[p], gradients)
                    else:
                        self.backward_unit(w, g, &w.train[p], unit, w.arrival + w.offset[unit],
                                           w.offset[unit + 1] - w.offset[unit], 0, start, error,
                                           error + w.shift[p], gradients)
        for p in range(self.n_populations):
            w.shift[p] = 0
        return 0
