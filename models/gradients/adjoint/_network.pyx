# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""A network as an adjoint pass reads it: populations, projections, inputs, and what of them is set anew."""

from cpython.ref cimport PyObject
from libc.math cimport INFINITY
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport calloc, free

import numpy as np

from eventsim.models.gradients.adjoint._tape cimport Record
from eventsim.models.neurons.flow cimport Flow


cdef class AdjointNetwork:
    """A network whose derivatives are computed.

    Parameters
    ----------
    groups : list of (n, flow or None, x)
        Populations; `flow` is None of a source.
    links : list of (pre, post, receptor, row, target, synapse)
    n_synapses : int
    with_parameters : bool
        Whether derivatives in parameters of neurons are computed.
    """

    def __init__(self, groups, links, Py_ssize_t n_synapses, bint with_parameters):
        cdef int k
        cdef Flow flow
        cdef double[:, ::1] x
        cdef int32_t[::1] row, target, synapse
        self.n_groups, self.n_links, self.n_synapses = len(groups), len(links), n_synapses
        self.with_parameters = with_parameters
        self.max_slope_inverse = self.max_dw_norm = INFINITY
        self.max_spikes = 10_000_000
        self.kept, self.first_parameters, self.order, self.inputs, self.tables = [], [], [], [], {}
        self.probes = []
        self.group = <Group *> calloc(self.n_groups + 1, sizeof(Group))
        self.link = <Link *> calloc(self.n_links + 1, sizeof(Link))
        self.input = <Input *> calloc(self.n_groups + 1, sizeof(Input))
        if self.group == NULL or self.link == NULL or self.input == NULL:
            raise MemoryError("no memory left for an adjoint pass")
        for k, (n, given, state) in enumerate(groups):
            self.group[k].n = n
            self.group[k].base = self.n_units
            self.first_parameters.append(self.n_parameters)
            if given is None:
                continue
            flow = given
            x = state
            self.kept.append((given, state))
            self.group[k].flow = <PyObject *> flow
            self.group[k].dim, self.group[k].n_state = flow.dim, flow.n_state
            self.group[k].n_derived = flow.n_derived if with_parameters else 0
            self.group[k].closed = flow.closed
            self.group[k].x = &x[0, 0]
            self.group[k].first_parameter = self.n_parameters
            self.group[k].size = (sizeof(Record) // sizeof(double) + 2 * flow.dim * (flow.dim + self.group[k].n_derived + 1)
                                  + self.group[k].n_derived)
            self.n_units += n
            self.largest = max(self.largest, n)
            self.n_parameters += n * self.group[k].n_derived
        for k, (pre, post, receptor, rows, targets, synapses) in enumerate(links):
            row, target, synapse = rows, targets, synapses
            self.kept.append((rows, targets, synapses))
            self.link[k].pre, self.link[k].post, self.link[k].receptor = pre, post, receptor
            self.link[k].row = &row[0]
            self.link[k].target = &target[0] if target.shape[0] else NULL
            self.link[k].synapse = &synapse[0] if synapse.shape[0] else NULL
        self.weight, self.delay = np.zeros(n_synapses + 1), np.zeros(n_synapses + 1)

    def __dealloc__(self):
        free(self.group)
        free(self.link)
        free(self.input)

    def set_synapses(self, weights, delays, owners):
        """Set the weight and delay of each synapse, and the unit that it reaches, counted through all."""
        np.asarray(self.weight)[:self.n_synapses] = weights
        np.asarray(self.delay)[:self.n_synapses] = delays
        self.owners = np.ascontiguousarray(owners, np.int32)
        self.owner = self.owners

    def set_delays(self, int k, double shortest, double longest):
        """Set the range of the delays of a projection."""
        self.link[k].shortest, self.link[k].longest = shortest, longest

    def set_units(self, int k, p, t_ref):
        """Set the parameters, as `Flow.parameters` returns them, and refractory times of a population."""
        cdef double[:, ::1] rows = p
        cdef double[::1] ref = t_ref
        self.tables[k] = (p, t_ref)
        self.group[k].p = &rows[0, 0]
        self.group[k].n_columns = rows.shape[1]
        self.group[k].stride = rows.shape[1] if rows.shape[0] > 1 else 0
        self.group[k].t_ref = &ref[0]
        self.group[k].ref_stride = 1 if ref.shape[0] > 1 else 0

    def set_order(self, order):
        """Set the order in which populations are computed."""
        self.order = list(order)

    def set_inputs(self, inputs):
        """Set the input spikes: a mapping of sources to (times, units, starts)."""
        cdef const double[::1] time
        cdef const int32_t[::1] unit
        cdef const int64_t[::1] start
        self.inputs = list(inputs.values())
        for k, (times, units, starts) in inputs.items():
            time, unit, start = times, units, starts
            self.input[k].time = &time[0] if time.shape[0] else NULL
            self.input[k].unit = &unit[0] if unit.shape[0] else NULL
            self.input[k].start = &start[0]

    def set_probes(self, probes):
        """Set when membranes are read: a mapping of populations to (times, places); return where each begins, and how many.

        `times` has the shape (n_samples or 1, n or 1, n_times) and is sorted along its last axis, `inf` for none; `places`
        says where each stood before.
        """
        cdef const double[:, :, ::1] time
        cdef const int32_t[:, :, ::1] place
        cdef Py_ssize_t total = 0
        cdef int k
        for k in range(self.n_groups):
            self.group[k].n_probes = 0
        self.probes = list(probes.values())
        first = {}
        for k, (times, places) in probes.items():
            time, place = times, places
            first[k] = total
            if not time.shape[2]:
                continue
            self.group[k].n_probes, self.group[k].first_probe = time.shape[2], total
            self.group[k].probe_sample = time.shape[1] * time.shape[2] if time.shape[0] > 1 else 0
            self.group[k].probe_unit = time.shape[2] if time.shape[1] > 1 else 0
            self.group[k].probe, self.group[k].probe_place = &time[0, 0, 0], &place[0, 0, 0]
            total += self.group[k].n * time.shape[2]
        return first, total

    cdef Py_ssize_t n_ordered(self) noexcept nogil:
        cdef Py_ssize_t k, n = 0
        for k in range(self.n_groups):
            n += self.group[k].flow != NULL
        return n
