# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# distutils: extra_compile_args = -O3
"""The adjoint pass of any neuron that gives its flow (`eventsim.models.neurons.flow`).

Forward, a window that is no longer than the shortest delay of a loop is computed population by population, senders
first, and unit by unit from event to event. Each event leaves a record (`_tape.pyx`) that holds all derivatives which
the way back needs. Backward, lambda = dL/dx of each unit follows its records from the last to the first:

    arrival     dL/ds = lambda.c    dL/dw = lambda.h    lambda = A^T lambda
    spike       e = dL/dT + lambda.c                    lambda = A^T lambda - h e
    release     dL/dT of its spike gains lambda.c
    flow        lambda = Phi^T lambda

where dL/ds is the derivative in the delay, and part of dL/dT of the spike that arrived. No neuron is asked for anything.

Membranes that a loss reads are computed beside the run, from the event before to one reading after the other, so the run
has the same bits with them and without. Backward, mu follows the readings between two events,

    reading     mu += (dv/dx)^T dL/dv      mu = Phi^T mu

and lambda gains mu at the event that they began at.

Modules: the network (`_network`), arrivals of a window (`_arrivals`), one unit forward and back (`_per_unit`), records
(`_tape`), memory of a thread and sums (`_workspace`).
"""

from cpython.exc cimport PyErr_CheckSignals
from libc.math cimport INFINITY, fabs
from libc.stdint cimport int64_t
from libc.stdlib cimport qsort
from libc.string cimport memcpy, memset

from eventsim.models.gradients.adjoint._network cimport Group, Input
from eventsim.models.gradients.adjoint._tape cimport EventTape, Spike
from eventsim.models.gradients.adjoint._workspace cimport Sums, WorkSpace
from eventsim.models.neurons.flow cimport MOST_STATES, zeros


cdef int by_time_and_unit(const void *a, const void *b) noexcept nogil:
    cdef const Spike *x = <const Spike *> a
    cdef const Spike *y = <const Spike *> b
    if x.time != y.time:
        return -1 if x.time < y.time else 1
    return -1 if x.unit < y.unit else (1 if x.unit > y.unit else 0)


cdef class EventAdjoint(PerUnit):
    """The two passes of a network; arguments as `AdjointNetwork`."""

    def space(self):
        """Return work space for a thread."""
        guarded = self.n_synapses if self.max_dw_norm < INFINITY else 0
        return WorkSpace(self.n_groups, self.n_links, self.n_units, self.largest, guarded)

    def sums(self):
        """Return derivatives, 0."""
        return Sums(self.n_synapses, self.n_parameters)

    # Forward ------------------------------------------------------------------------------------------

    def forward(self, WorkSpace w not None, EventTape tape not None, int low):
        """Compute the events of samples low, low + 1, ... until the tape is full."""
        cdef int s, k
        cdef int order[256]
        if len(self.order) > 256:
            raise ValueError(f"the adjoint pass takes 256 populations at most, got {len(self.order)}")
        for k in range(len(self.order)):
            order[k] = self.order[k]
        with nogil:
            for s in range(tape.n_samples):
                self.forward_sample(w, tape, s, low + s, order, <int> self.n_ordered())
                with gil:
                    PyErr_CheckSignals()

    cdef int forward_sample(self, WorkSpace w, EventTape tape, int s, int sample, const int *order,
                            int n_order) except -1 nogil:
        cdef Group *g
        cdef const Input *given
        cdef Spike spike
        cdef int k, unit, window
        cdef int64_t at
        cdef double end
        w.begun, w.sample = tape.n_ids, sample
        for k in range(self.n_groups):
            g = &self.group[k]
            w.train[k].n = 0
            if g.flow == NULL:
                given = &self.input[k]
                for at in range(given.start[sample], given.start[sample + 1]):
                    if not given.time[at] < tape.until:
                        break
                    spike.time, spike.unit, spike.slope_inverse = given.time[at], given.unit[at], 0.0
                    spike.id = tape.n_ids
                    tape.n_ids += 1
                    w.push(k, &spike)
                continue
            for unit in range(g.n):
                memcpy(w.x + (g.base + unit) * <Py_ssize_t> MOST_STATES, g.x + unit * g.n_state, g.n_state * sizeof(double))
                w.t[g.base + unit] = 0.0
                w.ready[g.base + unit] = -INFINITY
                w.record[g.base + unit] = -1
                w.probe[g.base + unit] = 0
        for k in range(self.n_links):
            w.cursor[k] = 0
        for window in range(tape.n_windows):
            end = (window + 1) * tape.width if window + 1 < tape.n_windows else tape.until
            for k in range(n_order):
                self.advance_group(w, tape, s, order[k], window * tape.width if window else 0.0, end)
        for k in range(self.n_groups):
            tape.starts[s, k] = tape.n_spikes
            tape.add_spikes(w.train[k].spike, w.train[k].n)
        tape.starts[s, self.n_groups] = tape.n_spikes
        return 0

    cdef int advance_group(self, WorkSpace w, EventTape tape, int s, int k, double start, double end) except -1 nogil:
        """Compute a population over [start, end)."""
        cdef Group *g = &self.group[k]
        cdef Py_ssize_t old = w.train[k].n
        cdef int unit
        self.gather(w, k, start, end)
        for unit in range(g.n):
            self.advance_unit(w, tape, s, k, unit, w.sorted + w.offset[unit], w.offset[unit + 1] - w.offset[unit], end)
        if w.train[k].n > old + 1:
            qsort(w.train[k].spike + old, w.train[k].n - old, sizeof(Spike), by_time_and_unit)
        return 0

    # Backward -----------------------------------------------------------------------------------------

    def backward(self, WorkSpace w not None, EventTape tape not None, Sums sums not None):
        """Run the adjoint pass of all samples from the errors on the tape, which become total; add derivatives."""
        cdef int s, k
        cdef bint guarded = self.max_dw_norm < INFINITY
        cdef int order[256]
        for k in range(len(self.order)):
            order[k] = self.order[k]
        if tape.error == NULL:
            raise ValueError("clear_errors comes first")
        with nogil:
            for s in range(tape.n_samples):
                self.backward_sample(w, tape, s, order, <int> self.n_ordered(), sums,
                                     w.own_weight if guarded else &sums.weight[0])
                if guarded:
                    self.guard(w, sums)
                with gil:
                    PyErr_CheckSignals()

    cdef void guard(self, WorkSpace w, Sums sums) noexcept nogil:
        """Add the derivatives of a sample to the sums, except those of units with a too large one."""
        cdef Py_ssize_t k
        memset(w.norm, 0, self.n_units * sizeof(double))
        for k in range(self.n_synapses):
            if not fabs(w.own_weight[k]) <= w.norm[self.owner[k]]:
                w.norm[self.owner[k]] = fabs(w.own_weight[k])
        for k in range(self.n_synapses):
            if w.norm[self.owner[k]] <= self.max_dw_norm:
                sums.weight[k] += w.own_weight[k]
            w.own_weight[k] = 0.0

    cdef int backward_sample(self, WorkSpace w, EventTape tape, int s, const int *order, int n_order, Sums sums,
                             double *weight) except -1 nogil:
        cdef Group *g
        cdef int k, unit, window
        cdef double start
        for k in range(n_order):
            g = &self.group[order[k]]
            for unit in range(g.n):
                w.record[g.base + unit] = tape.last[s, g.base + unit]
                zeros(w.adjoint + (g.base + unit) * <Py_ssize_t> MOST_STATES, g.dim)
        for window in range(tape.n_windows - 1, -1, -1):
            start = window * tape.width if window else 0.0
            for k in range(n_order - 1, -1, -1):
                g = &self.group[order[k]]
                for unit in range(g.n):
                    if w.record[g.base + unit] >= 0:
                        self.backward_unit(w, tape, g, g.base + unit, unit, start, sums, weight)
        return 0
