# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The network of EventProp passes: populations with their constants, projections, and input spikes."""

from libc.math cimport INFINITY, exp
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport calloc, free

import numpy as np

from eventsim.models.lif.flow cimport DOUBLE, GENERAL, Cell, complete
from eventsim.models.gradients.eventprop._network cimport Bins, NeuronGroup, Input, Link, Pair, Synapse


cdef extern from "eventsim/models/gradients/eventprop/_time_binned.h" nogil:
    void prepare_synapses "eventsim_prepare_synapses"(Py_ssize_t n, const double *weight, const double *delay,
                                                      double rate_mem,
                                                      double rate_syn, Pair *decay, Synapse *synapse)


cdef double FARTHEST = 300.0    # time constants that a delay may last where bins are used: e^300 is a number
cdef Py_ssize_t MOST = 2**20    # units times bins in a ring, 48 bytes each


cdef double *zeros(list memory, Py_ssize_t n) except NULL:
    """Return n zeros that begin a cache line; `memory` keeps them."""
    cdef double[::1] view = np.zeros(n + 8)
    memory.append(view)
    return <double *> ((<size_t> &view[0] + 63) // 64 * 64)


cdef class GradientNetwork:
    """Populations with their constants, projections, and inputs, as C arrays.

    Parameters
    ----------
    populations : list of (n, is_source, first_spike_only, v_init, i_init)
        v_init and i_init are arrays (n,), None for sources.
    projections : list of (pre, post, first)
        Numbers of the populations, and where the rows of the sources begin, int32 (n_pre + 1,).
    order : list of int
        Populations, without sources, in the order in which a pass takes them within a window.
    n_synapses : int
        In all.
    constants : bool
        Whether derivatives in tau_mem and tau_syn are wanted.
    """

    def __cinit__(self, list populations, list projections, list order, int n_synapses, bint constants):
        cdef int p, k
        cdef NeuronGroup *g
        self.n_populations, self.n_synapses, self.constants = len(populations), n_synapses, constants
        self.max_slope_inverse, self.max_dw_norm, self.max_spikes = INFINITY, INFINITY, 10**9
        self.memory, self.input_memory, self.tables = [], [], {}
        self.group = <NeuronGroup *> calloc(max(self.n_populations, 1), sizeof(NeuronGroup))
        self.input = <Input *> calloc(max(self.n_populations, 1), sizeof(Input))
        self.order = <int *> calloc(max(len(order), 1), sizeof(int))
        if self.group == NULL or self.input == NULL or self.order == NULL:
            raise MemoryError
        self.set_order(order)
        for p in range(self.n_populations):
            g = &self.group[p]
            n, source, first_spike_only, v_init, i_init = populations[p]
            g.n, g.source, g.first_spike_only, g.base = n, source, first_spike_only, self.n_units
            self.n_units += g.n
            self.largest = max(self.largest, g.n)
            if source:
                continue
            g.v_init, g.i_init = self.doubles(v_init), self.doubles(i_init)
            g.cells = <Cell *> calloc(g.n, sizeof(Cell))
            incoming = [(k, *projection) for k, projection in enumerate(projections) if projection[1] == p]
            g.links = <Link *> calloc(max(len(incoming), 1), sizeof(Link))
            if g.cells == NULL or g.links == NULL:
                raise MemoryError
            g.n_links = len(incoming)
            for k in range(g.n_links):
                g.links[k].number, g.links[k].pre = incoming[k][:2]
                g.links[k].first = self.ints(incoming[k][3])
        # (post, place among its projections, owners of the arrays); `set_link` fills in the rest
        self.links = [(projection[1], sum(q[1] == projection[1] for q in projections[:k]), [])
                      for k, projection in enumerate(projections)]

    def __dealloc__(self):
        cdef int p
        if self.group != NULL:
            for p in range(self.n_populations):
                free(self.group[p].links)
                free(self.group[p].cells)
        free(self.group)
        free(self.input)
        free(self.order)

    cdef const double *doubles(self, array) except? NULL:
        cdef const double[::1] view = array if len(array) else np.zeros(1)
        self.memory.append(view)
        return &view[0]

    cdef const int32_t *ints(self, array) except? NULL:
        cdef const int32_t[::1] view = array if len(array) else np.zeros(1, np.int32)
        self.memory.append(view)
        return &view[0]

    def set_order(self, list order):
        """Set the order in which a pass takes the populations."""
        cdef int k
        for k in range(len(order)):
            self.order[k] = order[k]
        self.n_order = len(order)

    def set_link(self, int projection, const int32_t[::1] target, const int32_t[::1] synapse,
                 delay, row_delay, double least, double most, bint rising):
        """Set synapses and delays of a projection: `delay` of each synapse, or `row_delay` of each source."""
        cdef Link *link = &self.group[self.links[projection][0]].links[self.links[projection][1]]
        cdef const double[::1] view
        held = [target, synapse]
        if target.shape[0]:
            link.target, link.synapse = &target[0], &synapse[0]
        link.delay = link.row_delay = NULL
        values = row_delay if delay is None else delay
        if len(values):
            view = values
            held.append(view)
            if delay is None:
                link.row_delay = &view[0]
            else:
                link.delay = &view[0]
        link.least, link.most, link.rising = least, most, rising
        self.links[projection] = (*self.links[projection][:2], held)

    def set_dense(self, int population, int first_slot, bint shared, bint vectorised):
        """Say that all sources of a population reach all its units; `shared`: each after one delay.

        `vectorised`: all units have the same constants, too. If `vectorised`, or if not `shared`, synapses
        are counted source by source; else unit by unit.
        """
        cdef NeuronGroup *g = &self.group[population]
        cdef int k
        g.dense, g.shared, g.vectorised, g.first_slot, g.n_in = True, shared, vectorised, first_slot, 0
        g.by_source = vectorised or not shared
        for k in range(g.n_links):
            g.links[k].column = g.n_in
            g.n_in += self.group[g.links[k].pre].n

    def set_owners(self, const int32_t[::1] owner):
        """Set to which unit, of all, each synapse leads; needed with `max_dw_norm`."""
        self.owner = owner

    def set_weights(self, double[::1] weight, double[::1] delay):
        """Set all weights and delays."""
        self.weight, self.delay = weight, delay

    def set_cells(self, int population, dict parameters):
        """Set the constants of a population: arrays (n,), or (1,) for all."""
        cdef NeuronGroup *g = &self.group[population]
        cdef Cell *c
        cdef int unit, k
        names = ("tau_mem", "tau_syn", "c_mem", "v_th", "v_leak", "v_reset", "i_ext", "t_ref")
        g.stride = int(any(len(parameters[name]) > 1 for name in names))
        table = np.array(np.broadcast_arrays(*[parameters[name] for name in names]))
        cdef double[:, ::1] value = table
        for unit in range(value.shape[1]):
            c = &g.cells[unit]
            c.tau_mem, c.tau_syn, c.c_mem = value[0, unit], value[1, unit], value[2, unit]
            c.v_th, c.v_leak, c.v_reset = value[3, unit], value[4, unit], value[5, unit]
            c.i_ext, c.t_ref = value[6, unit], value[7, unit]
            complete(c, False)
        g.readout = (np.asarray(parameters["v_th"]) == np.inf).all()
        g.uniform = g.stride == 0 and g.cells.kind in (GENERAL, DOUBLE)
        self.n_readouts = 0
        for k in range(self.n_populations):
            if self.group[k].readout:
                self.group[k].first_maximum = self.n_readouts
                self.n_readouts += self.group[k].n

    def prepare_bins(self, int population, double width, int n_together):
        """Prepare the synapses of a dense population with delays of each; weights and constants come first.

        `width` is the width of a time bin, a power of two, with `n_together` bins in a window; or 0 for no
        bins. Returns whether the population is time-binned.
        """
        cdef NeuronGroup *g = &self.group[population]
        cdef Bins *bins = &g.bins
        cdef const Cell *c = g.cells
        cdef double most = max([g.links[k].most for k in range(g.n_links)]), x
        cdef double *power
        cdef const double[:, ::1] delays
        cdef const float[:, ::1] rough
        cdef Py_ssize_t k, n = <Py_ssize_t> g.n * g.n_in
        slots = slice(g.first_slot, g.first_slot + n)
        delays = np.ascontiguousarray(np.asarray(self.delay)[slots].reshape(g.n_in, g.n).T)
        rough = delays.base.astype(np.float32)
        g.delays, g.rough = &delays[0, 0], &rough[0, 0]
        bins.n = 0
        memory = self.tables[population] = [delays, rough]
        if not (g.uniform and width > 0.0 and not self.constants
                and most * max(c.rate_mem, c.rate_syn) < FARTHEST
                and (most / width + n_together + 2) * g.n <= MOST):
            return False
        bins.n = <int32_t> (most / width) + n_together + 2
        bins.power = power = zeros(memory, 4 * bins.n)
        for k in range(bins.n):
            power[4 * k], power[4 * k + 1] = exp(-k * width * c.rate_mem), exp(-k * width * c.rate_syn)
            power[4 * k + 2] = 1.0
        if bins.synapse == NULL:
            bins.synapse, bins.decay = <Synapse *> zeros(self.memory, 4 * n), <Pair *> zeros(self.memory,
                                                                                             2 * n)
        prepare_synapses(n, &self.weight[g.first_slot], &self.delay[g.first_slot], c.rate_mem, c.rate_syn,
                         bins.decay,
                         bins.synapse)
        bins.bin.v_inf, bins.bin.k = c.v_inf, c.k
        bins.bin.em, bins.bin.es = exp(-width * c.rate_mem), exp(-width * c.rate_syn)
        bins.bin.ka = c.k * (bins.bin.em - bins.bin.es)
        x = 1.0 - width * c.rate_mem
        bins.bin.linear = x if x > 0.0 else 0.0
        x = width / c.c_mem
        bins.bin.most = x if x < c.peak else c.peak
        return True

    def readout(self, int population):
        """Return where the membrane maxima of a population begin among those of a sample, -1 if it spikes.
        """
        return self.group[population].first_maximum if self.group[population].readout else -1

    def set_input(self, int population, const double[::1] time, const int32_t[::1] unit,
                  const int64_t[::1] start):
        """Set the spikes of a source in all samples, each sample's sorted."""
        self.input_memory.append((time, unit, start))
        self.input[population].start = &start[0]
        self.input[population].time = &time[0] if time.shape[0] else NULL
        self.input[population].unit = &unit[0] if unit.shape[0] else NULL

    def clear_inputs(self):
        """Let go of the inputs."""
        self.input_memory = []
