# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# distutils: extra_compile_args = -O3
"""EventProp: the spikes of many samples forward, and the adjoint pass back from their errors to every
parameter.

A run is cut into windows no longer than the shortest delay of a loop (one window if there is no loop).
Within a window no spike of a unit can come back to the unit. So the forward pass takes the units one
after the other, each along its own arrivals in order of time; populations that reach others without
delay come first. The adjoint pass takes windows, populations, arrivals and spikes in reverse order
(Wunderlich & Pehle 2021).

Modules: the network (`_network`), arrivals of a window (`_arrivals`), one neuron (`_per_neuron`), all neurons
of a population at once (`_vectorised`), populations in which every synapse has a delay of its own
(`_time_binned`), equations between two events (`_sensitivities`), spikes and sums (`_tape`), memory of a
thread (`_workspace`).
"""

from cpython.exc cimport PyErr_Occurred
from libc.math cimport INFINITY, fabs, isnan
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport realloc
from libc.string cimport memcpy, memset

from eventsim.models.lif.flow cimport Cell
from eventsim.models.gradients.eventprop._network cimport NeuronGroup, Input
from eventsim.models.gradients.eventprop._sensitivities cimport Sensitivity, note_last_maximum
from eventsim.models.gradients.eventprop._workspace cimport Workspace
from eventsim.models.gradients.eventprop._tape cimport (
    INTERRUPTED, NO_MEMORY, TOO_MANY, Gradients, SpikeRecord, Tape, MembraneMaximum, SpikeTrain, append_spike, sort_spikes
)

from threading import current_thread, main_thread

cdef extern from "Python.h":
    int check_signals "PyErr_CheckSignals"() noexcept   # leaves the exception of a signal's handler set

cdef extern from *:
    """
    static int eventsim_failed(void) { return -1; }
    """
    int raise_what_is_set "eventsim_failed"() except -1

cdef enum:
    WATCHED = 1 << 15   # arrivals and units between two looks for signals, some milliseconds


cdef class EventProp(TimeBinned):
    """Forward and adjoint passes; arguments as `GradientNetwork`."""

    def space(self):
        """Return work space for one thread."""
        return Workspace(self.n_populations, self.n_units, self.largest, len(self.links))

    def gradients(self):
        """Return sums of gradients, all 0."""
        return Gradients(self.n_synapses, self.n_units)

    cdef prepare(self, Workspace space, Tape tape):
        """Give the work space what it needs for a tape."""
        cdef const NeuronGroup *g
        cdef int p
        space.bin_width, space.window_width = tape.bin_width, tape.width
        for p in range(self.n_populations):
            g = &self.group[p]
            if tape.bin_width > 0.0 and g.bins.n > 0:
                space.reserve_bins(p, <Py_ssize_t> g.bins.n * g.n, <Py_ssize_t> g.n * g.n_in)

    cdef int look(self, Workspace w, Py_ssize_t work) noexcept nogil:
        """Count work, and look for signals now and then; INTERRUPTED if the pass is to end."""
        w.worked += work
        if w.worked < WATCHED:
            return 0
        w.worked = 0
        if self.stopped:
            return INTERRUPTED
        if w.in_main:
            with gil:
                if check_signals() != 0:
                    return INTERRUPTED
        return 0

    cdef fail_interrupted(self, Workspace w):
        """Raise what a signal's handler raised, in the thread that it reached."""
        if self.stopped and not PyErr_Occurred():
            raise RuntimeError("the pass was stopped, since another thread has failed")
        raise_what_is_set()

    # Forward ------------------------------------------------------------------------------------------

    def forward(self, Workspace space not None, Tape tape not None, int low):
        """Compute the spikes of samples low, low + 1, ... until the tape is full."""
        cdef int s, status = 0
        tape.reserve_maxima(self.n_readouts)
        self.prepare(space, tape)
        space.in_main = current_thread() is main_thread()
        with nogil:
            for s in range(tape.n_samples):
                status = self.forward_sample(space, tape, s, low + s)
                if status < 0:
                    break
            tape.shrink()
        if status == INTERRUPTED:
            self.fail_interrupted(space)
        if status == NO_MEMORY:
            raise MemoryError("no memory left for the spikes of a forward pass")
        if status == TOO_MANY:
            raise RuntimeError(
                f"sample {low + s} has more than {self.max_spikes} spikes before {tape.until:g}: "
                f"is the activity running away? Otherwise raise max_spikes"
            )

    cdef int forward_sample(self, Workspace w, Tape tape, int s, int sample) noexcept nogil:
        cdef int p, k
        cdef long long window
        cdef NeuronGroup *g
        cdef SpikeTrain *train
        cdef SpikeRecord record
        cdef int64_t at
        cdef double start, end
        cdef const Input *given
        cdef Py_ssize_t m, total = 0
        cdef void *memory
        memset(&record, 0, sizeof(SpikeRecord))
        w.maximum = <MembraneMaximum *> &tape.maximum[s, 0] if self.n_readouts else NULL
        for p in range(self.n_populations):
            g = &self.group[p]
            train = &w.fresh[p]
            train.n = 0
            if g.source:
                given = &self.input[p]
                for at in range(given.start[sample], given.start[sample + 1]):
                    if not given.time[at] < tape.until:
                        break
                    record.time = given.time[at]
                    record.unit = given.unit[at]
                    if append_spike(train, &record) < 0:
                        return NO_MEMORY
                w.train[p] = train[0]
                continue
            w.train[p] = train[0]
            memcpy(w.v + g.base, g.v_init, g.n * sizeof(double))
            memcpy(w.i + g.base, g.i_init, g.n * sizeof(double))
            memset(w.t + g.base, 0, g.n * sizeof(double))
            memset(w.sensitivity + g.base, 0, g.n * sizeof(Sensitivity))
            for k in range(g.base, g.base + g.n):
                w.refractory_end[k] = -INFINITY
                w.stop[k] = INFINITY
                w.waiting_restart[k] = -1
            if g.readout:
                for k in range(g.n):
                    w.maximum[g.first_maximum + k].value = g.v_init[k]
                    w.maximum[g.first_maximum + k].synapse = -1
            if g.vectorised:
                self.begin_vectorised(w, p)
            elif w.bin_width > 0.0 and g.bins.n > 0:
                self.begin_binned(w, p)
        for window in range(tape.n_windows):
            start = window * tape.width if window else 0.0
            end = (window + 1) * tape.width if window + 1 < tape.n_windows else tape.until
            total = 0
            for k in range(self.n_order):
                p = self.order[k]
                m = self.advance_population(w, p, start, end)
                if m < 0:
                    return <int> m
                total += w.fresh[p].n
            if total > self.max_spikes:
                return TOO_MANY
            if self.look(w, 64 + total // 64) < 0:
                return INTERRUPTED
        for p in range(self.n_populations):
            train = &w.fresh[p]
            g = &self.group[p]
            if g.readout:
                for k in range(g.n):
                    m = g.base + k
                    note_last_maximum(g.cells + k * g.stride, w.v[m], w.i[m], w.t[m], tape.until,
                                      self.constants,
                                      &w.sensitivity[m], w.maximum + g.first_maximum + k)
            self.link_spikes(w, p)
            if tape.all.n + train.n > tape.all.capacity:
                m = 2 * tape.all.capacity + train.n + 64
                memory = realloc(tape.all.record, m * sizeof(SpikeRecord))
                if memory == NULL:
                    return NO_MEMORY
                tape.all.record = <SpikeRecord *> memory
                tape.all.capacity = m
            if train.n:  # else there is nothing, not even an address
                memcpy(tape.all.record + tape.all.n, train.record, train.n * sizeof(SpikeRecord))
            tape.all.n += train.n
            tape.start[s * self.n_populations + p + 1] = tape.all.n
        return 0

    cdef void link_spikes(self, Workspace w, int p) noexcept nogil:
        """Store in each spike the previous spike of the same unit."""
        cdef const NeuronGroup *g = &self.group[p]
        cdef SpikeTrain *train = &w.fresh[p]
        cdef int32_t *last = w.current + g.base
        cdef Py_ssize_t k
        for k in range(g.n):
            last[k] = -1
        for k in range(train.n):
            train.record[k].before = last[train.record[k].unit]
            last[train.record[k].unit] = <int32_t> k
            if isnan(train.record[k].restart):
                train.record[k].restart = 0.0  # nothing comes after its refractory time

    cdef Py_ssize_t advance_population(self, Workspace w, int p, double start, double end) noexcept nogil:
        """Advance a population over [start, end)."""
        cdef const NeuronGroup *g = &self.group[p]
        cdef SpikeTrain *train = &w.fresh[p]
        cdef Py_ssize_t old = train.n, k
        cdef int unit
        cdef bint binned = w.bin_width > 0.0 and g.bins.n > 0
        if not binned and self.gather_arrivals(w, g, start, end) < 0:
            return NO_MEMORY
        if binned or g.vectorised:
            k = self.forward_binned(w, p, start, end) if binned else self.forward_vectorised(w, p, start, end)
            if k < 0:
                return k
        for unit in range(0 if binned or g.vectorised else g.n):
            if w.n_candidates >= 0:
                if w.refractory_end[g.base + unit] == INFINITY:
                    continue
                k = self.forward_neuron(w, g, train, unit, w.arrival,
                                        self.arrivals_of(w, g, unit, INFINITY, start,
                                                         end), g.first_slot + unit, start, end)
            elif w.n_shared >= 0:
                k = self.forward_neuron(w, g, train, unit, w.arrival, w.n_shared,
                                        g.first_slot + <Py_ssize_t> unit * g.n_in, start, end)
            else:
                k = self.forward_neuron(w, g, train, unit, w.arrival + w.offset[unit],
                                        w.offset[unit + 1] - w.offset[unit], 0, start, end)
            if k < 0:
                return k
            if self.look(w, 16 + max(w.n_shared, w.n_candidates)) < 0:
                return INTERRUPTED
        if train.n > old:
            sort_spikes(train.record + old, train.n - old)
            for k in range(old, train.n):
                if isnan(train.record[k].restart):
                    w.waiting_restart[g.base + train.record[k].unit] = <int32_t> k
            w.train[p] = train[0]
        return 0

    # Backward -----------------------------------------------------------------------------------------

    def backward(self, Workspace space not None, Tape tape not None, Gradients gradients not None):
        """Run the adjoint pass of all samples from `tape.errors`, which become total; sum the gradients."""
        cdef int s, status = 0
        cdef bint guarded = self.max_dw_norm < INFINITY
        if tape.error.shape[0] != tape.all.n:
            raise ValueError("clear_errors comes first")
        self.prepare(space, tape)
        space.in_main = current_thread() is main_thread()
        if guarded:
            space.reserve_guard(self.n_synapses, self.n_units)
        space.by_weight = space.sample_gradient if guarded else gradients.weight
        with nogil:
            for s in range(tape.n_samples):
                status = self.backward_sample(space, tape, s, gradients)
                if status < 0:
                    break
                if guarded:
                    self.finish_gradients(space, gradients)
                    self.guard(space, gradients)
            self.finish_gradients(space, gradients)
        if status == INTERRUPTED:
            self.fail_interrupted(space)
        if status < 0:
            raise MemoryError("no memory left for the arrivals of a backward pass")

    cdef void guard(self, Workspace w, Gradients gradients) noexcept nogil:
        """Add the derivatives of a sample to the sums, except those of units with a too large one."""
        cdef Py_ssize_t k
        memset(w.norm, 0, self.n_units * sizeof(double))
        for k in range(self.n_synapses):
            if not fabs(w.sample_gradient[k]) <= w.norm[self.owner[k]]:
                w.norm[self.owner[k]] = fabs(w.sample_gradient[k])
        for k in range(self.n_synapses):
            if w.norm[self.owner[k]] <= self.max_dw_norm:
                gradients.weight[k] += w.sample_gradient[k]
            w.sample_gradient[k] = 0.0

    cdef int backward_sample(self, Workspace w, Tape tape, int s, Gradients gradients) noexcept nogil:
        cdef int p, k, unit, at
        cdef bint binned = w.bin_width > 0.0
        cdef long long window
        cdef const NeuronGroup *g
        cdef const Cell *c
        cdef SpikeTrain *train
        cdef double start, end, x
        cdef const int64_t *begin = &tape.start[s * self.n_populations]
        cdef double *error = &tape.error[0] + begin[0] if tape.all.n else NULL
        w.maximum = <MembraneMaximum *> &tape.maximum[s, 0] if self.n_readouts else NULL
        w.maximum_error = &tape.maximum_error[s, 0] if self.n_readouts else NULL
        for p in range(self.n_populations):
            g = &self.group[p]
            if g.readout and self.constants:
                for unit in range(g.n):
                    x = w.maximum_error[g.first_maximum + unit]
                    gradients.unit[3 * (g.base + unit)] += x * w.maximum[g.first_maximum + unit].by_mem
                    gradients.unit[3 * (g.base + unit) + 1] += x * w.maximum[g.first_maximum + unit].by_syn
        if begin[self.n_populations] == begin[0]:
            return 0
        for p in range(self.n_populations):
            g = &self.group[p]
            train = &w.train[p]
            train.record = tape.all.record + begin[p]
            train.n = begin[p + 1] - begin[p]
            w.shift[p] = begin[p] - begin[0]
            if g.source:
                continue
            for k in range(g.base, g.base + g.n):
                w.current[k] = -1
                w.stop[k] = -INFINITY
                w.l_v[k] = w.l_i[k] = 0.0
                w.t[k] = tape.until
                w.is_refractory[k] = 0
                if g.readout:
                    w.stop[k] = w.maximum[g.first_maximum + k - g.base].time
            if g.vectorised:
                w.now[p], w.active[p], w.spike_left[p], w.refractory_left[p] = tape.until, False, train.n, train.n
                while w.refractory_left[p] > 0 and (g.first_spike_only or not train.record[w.refractory_left[p] - 1].time
                                                    + g.cells.t_ref < tape.until):
                    w.refractory_left[p] -= 1
                continue
            for k in range(train.n):
                w.current[g.base + train.record[k].unit] = k
            for unit in range(g.n):
                k = g.base + unit
                w.is_refractory[k] = 0
                if w.current[k] >= 0:
                    c = g.cells + unit * g.stride
                    w.stop[k] = train.record[w.current[k]].time
                    w.is_refractory[k] = g.first_spike_only or w.stop[k] + c.t_ref >= tape.until
            if binned and g.bins.n > 0:
                self.begin_backward(w, p)
        for window in range(tape.n_windows - 1, -1, -1):
            start = window * tape.width if window else 0.0
            end = (window + 1) * tape.width if window + 1 < tape.n_windows else tape.until
            if self.look(w, 64) < 0:
                return INTERRUPTED
            for k in range(self.n_order if binned else 0):
                if self.group[self.order[k]].bins.n > 0:
                    self.read_spikes(w, self.order[k], start, True, error)
            for k in range(self.n_order - 1, -1, -1):
                p = self.order[k]
                g = &self.group[p]
                if w.train[p].n == 0 and not g.readout:
                    continue
                if binned and g.bins.n > 0:
                    if self.backward_binned(w, p, start, end, error, error + w.shift[p], gradients) < 0:
                        return NO_MEMORY
                    self.read_spikes(w, p, start, False, error)
                    continue
                if self.gather_arrivals(w, g, start, end) < 0:
                    return NO_MEMORY
                if g.vectorised:
                    if self.backward_vectorised(w, p, start, error, error + w.shift[p], gradients) < 0:
                        return NO_MEMORY
                    continue
                for unit in range(g.n):
                    if self.look(w, 16 + max(w.n_shared, w.n_candidates)) < 0:
                        return INTERRUPTED
                    if w.n_candidates >= 0:
                        at = g.base + unit
                        if w.current[at] < 0 and w.l_v[at] == 0.0 and w.l_i[at] == 0.0 and not g.readout:
                            continue
                        self.backward_neuron(w, g, &w.train[p], unit, w.arrival,
                                             self.arrivals_of(w, g, unit, w.stop[at], start,
                                                              end), g.first_slot + unit,
                                             start, error, error + w.shift[p], gradients)
                    elif w.n_shared >= 0:
                        self.backward_neuron(w, g, &w.train[p], unit, w.arrival, w.n_shared,
                                             g.first_slot + <Py_ssize_t> unit * g.n_in, start, error,
                                             error + w.shift[p], gradients)
                    else:
                        self.backward_neuron(w, g, &w.train[p], unit, w.arrival + w.offset[unit],
                                             w.offset[unit + 1] - w.offset[unit], 0, start, error,
                                             error + w.shift[p], gradients)
        for p in range(self.n_populations):
            w.shift[p] = 0
        return 0
