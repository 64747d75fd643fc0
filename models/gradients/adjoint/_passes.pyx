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
"""

from cpython.exc cimport PyErr_CheckSignals
from cpython.ref cimport PyObject
from libc.math cimport INFINITY, fabs
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport calloc, free, qsort, realloc
from libc.string cimport memcpy, memset

import numpy as np

from eventsim.models.gradients.adjoint._tape cimport ARRIVAL, PASSAGE, PROBE, RELEASE, SPIKE, EventTape, Record, Spike
from eventsim.models.neurons.flow cimport MOST_STATES, Flow, zeros

cdef enum:
    HEAD = sizeof(Record) // sizeof(double)


cdef class Sums:
    """Derivatives summed over samples: of each synapse, and of each parameter of each unit."""

    def __init__(self, Py_ssize_t n_synapses, Py_ssize_t n_parameters):
        self.weights, self.delays = np.zeros(n_synapses + 1), np.zeros(n_synapses + 1)
        self.parameters = np.zeros(n_parameters + 1)
        self.weight, self.delay, self.parameter = self.weights, self.delays, self.parameters

    def clear(self):
        """Set all to 0."""
        for each in (self.weights, self.delays, self.parameters):
            each[:] = 0.0

    def add(self, Sums other not None):
        """Add those of other samples."""
        self.weights += other.weights
        self.delays += other.delays
        self.parameters += other.parameters

    def finite(self):
        """Return whether all are numbers."""
        return all(bool(np.isfinite(each).all()) for each in (self.weights, self.delays, self.parameters))


cdef class WorkSpace:
    """What one thread needs beside the tape."""

    def __init__(self, int n_groups, int n_links, int n_units, int largest, Py_ssize_t n_guarded):
        self.n_groups, self.n_links = n_groups, n_links
        n_units = max(n_units, 1)
        self.train = <Train *> calloc(n_groups, sizeof(Train))
        self.cursor = <Py_ssize_t *> calloc(n_links + 1, sizeof(Py_ssize_t))
        self.x = <double *> calloc(n_units * MOST_STATES, sizeof(double))
        self.adjoint = <double *> calloc(n_units * MOST_STATES, sizeof(double))
        self.t = <double *> calloc(n_units, sizeof(double))
        self.ready = <double *> calloc(n_units, sizeof(double))
        self.latest = <int32_t *> calloc(n_units, sizeof(int32_t))
        self.record = <int64_t *> calloc(n_units, sizeof(int64_t))
        self.probe = <Py_ssize_t *> calloc(n_units, sizeof(Py_ssize_t))
        self.offset = <int64_t *> calloc(largest + 2, sizeof(int64_t))
        self.own_weight = <double *> calloc(n_guarded + 1, sizeof(double))
        self.norm = <double *> calloc(n_units, sizeof(double))
        if (self.train == NULL or self.cursor == NULL or self.x == NULL or self.adjoint == NULL or self.t == NULL
                or self.ready == NULL or self.latest == NULL or self.record == NULL or self.offset == NULL
                or self.own_weight == NULL or self.norm == NULL or self.probe == NULL):
            raise MemoryError("no memory left for an adjoint pass")

    def __dealloc__(self):
        cdef int k
        if self.train != NULL:
            for k in range(self.n_groups):
                free(self.train[k].spike)
        free(self.train)
        free(self.cursor)
        free(self.x)
        free(self.adjoint)
        free(self.t)
        free(self.ready)
        free(self.latest)
        free(self.record)
        free(self.probe)
        free(self.arrival)
        free(self.sorted)
        free(self.offset)
        free(self.own_weight)
        free(self.norm)

    cdef int reserve(self, Py_ssize_t n) except -1 nogil:
        """Make room for `n` arrivals."""
        cdef Py_ssize_t room
        cdef void *memory
        if n <= self.room:
            return 0
        room = 2 * n + 256
        memory = realloc(self.arrival, room * sizeof(Arrival))
        if memory != NULL:
            self.arrival = <Arrival *> memory
            memory = realloc(self.sorted, room * sizeof(Arrival))
        if memory == NULL:
            with gil:
                raise MemoryError("no memory left for the arrivals of a pass")
        self.sorted = <Arrival *> memory
        self.room = room
        return 0

    cdef int push(self, int group, const Spike *spike) except -1 nogil:
        cdef Train *train = &self.train[group]
        cdef Py_ssize_t room
        cdef void *memory
        if train.n == train.room:
            room = 2 * train.room + 64
            memory = realloc(train.spike, room * sizeof(Spike))
            if memory == NULL:
                with gil:
                    raise MemoryError("no memory left for the spikes of a pass")
            train.spike = <Spike *> memory
            train.room = room
        train.spike[train.n] = spike[0]
        train.n += 1
        return 0


cdef int by_time_and_unit(const void *a, const void *b) noexcept nogil:
    cdef const Spike *x = <const Spike *> a
    cdef const Spike *y = <const Spike *> b
    if x.time != y.time:
        return -1 if x.time < y.time else 1
    return -1 if x.unit < y.unit else (1 if x.unit > y.unit else 0)


cdef int by_time_and_synapse(const void *a, const void *b) noexcept nogil:
    cdef const Arrival *x = <const Arrival *> a
    cdef const Arrival *y = <const Arrival *> b
    if x.time != y.time:
        return -1 if x.time < y.time else 1
    if x.synapse != y.synapse:
        return -1 if x.synapse < y.synapse else 1
    return -1 if x.spike < y.spike else (1 if x.spike > y.spike else 0)


cdef inline void sort_arrivals(Arrival *a, Py_ssize_t n) noexcept nogil:
    """Sort the arrivals of a unit; they are few or nearly in order."""
    cdef Py_ssize_t k, to
    cdef Arrival one
    if n > 64:
        for k in range(1, n):
            if by_time_and_synapse(a + k - 1, a + k) > 0:
                qsort(a, n, sizeof(Arrival), by_time_and_synapse)
                return
        return
    for k in range(1, n):
        if by_time_and_synapse(a + k - 1, a + k) <= 0:
            continue
        one = a[k]
        to = k
        while to > 0 and by_time_and_synapse(a + to - 1, &one) > 0:
            a[to] = a[to - 1]
            to -= 1
        a[to] = one


cdef inline double dot(const double *a, const double *b, int n) noexcept nogil:
    cdef int j
    cdef double sum = 0.0
    for j in range(n):
        sum += a[j] * b[j]
    return sum


cdef inline void add_products(double *to, const double *left, const double *matrix, int dim, int n) noexcept nogil:
    """Add left^T matrix, of shape (dim, n), to `to`."""
    cdef int j, k
    for j in range(dim):
        for k in range(n):
            to[k] += left[j] * matrix[j * n + k]


cdef inline void pull_back(double *left, const double *matrix, int dim) noexcept nogil:
    """Put matrix^T left into `left`."""
    cdef double found[MOST_STATES]
    zeros(found, dim)
    add_products(found, left, matrix, dim, dim)
    memcpy(left, found, dim * sizeof(double))


cdef class EventAdjoint:
    """The two passes of a network.

    Parameters
    ----------
    groups : list of (n, flow or None, x)
        Populations; `flow` is None of a source.
    links : list of (pre, post, receptor, row, target, synapse)
    n_synapses : int
    with_parameters : bool
        Whether derivatives in parameters of neurons are computed.
    """

    cdef Group *group
    cdef Link *link
    cdef Input *input
    cdef readonly int n_groups, n_links, n_units, largest
    cdef readonly Py_ssize_t n_synapses, n_parameters
    cdef readonly bint with_parameters
    cdef public double max_slope_inverse, max_dw_norm
    cdef public long long max_spikes
    cdef readonly list first_parameters
    cdef list kept, order, inputs, probes
    cdef dict tables
    cdef object owners
    cdef int32_t[::1] owner
    cdef double[::1] weight, delay

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
            self.group[k].size = HEAD + 2 * flow.dim * (flow.dim + self.group[k].n_derived + 1) + self.group[k].n_derived
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

    # Values -------------------------------------------------------------------------------------------

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

    cdef Py_ssize_t n_ordered(self) noexcept nogil:
        cdef Py_ssize_t k, n = 0
        for k in range(self.n_groups):
            n += self.group[k].flow != NULL
        return n

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

    cdef int gather(self, WorkSpace w, int k, double start, double end) except -1 nogil:
        """Sort the arrivals at a population in [start, end) by unit and time."""
        cdef Group *g = &self.group[k]
        cdef const Link *link
        cdef const Train *train
        cdef const Spike *spike
        cdef Arrival *to
        cdef Py_ssize_t at, n = 0
        cdef int each, j, unit
        cdef double time
        for each in range(self.n_links):
            link = &self.link[each]
            if link.post != k:
                continue
            train = &w.train[link.pre]
            # Spikes whose last arrival lies before the window are done with.
            while w.cursor[each] < train.n and train.spike[w.cursor[each]].time + link.longest < start:
                w.cursor[each] += 1
            for at in range(w.cursor[each], train.n):
                spike = &train.spike[at]
                if not spike.time + link.shortest < end:
                    break
                w.reserve(n + link.row[spike.unit + 1] - link.row[spike.unit])
                for j in range(link.row[spike.unit], link.row[spike.unit + 1]):
                    time = spike.time + self.delay[link.synapse[j]]
                    if start <= time < end:
                        to = &w.arrival[n]
                        to.time, to.weight, to.unit = time, self.weight[link.synapse[j]], link.target[j]
                        to.spike, to.synapse, to.receptor = spike.id, link.synapse[j], link.receptor
                        n += 1
        w.n_arrivals = n
        memset(w.offset, 0, (g.n + 2) * sizeof(int64_t))
        for at in range(n):
            w.offset[w.arrival[at].unit + 2] += 1
        for unit in range(2, g.n + 1):
            w.offset[unit] += w.offset[unit - 1]
        for at in range(n):
            unit = w.arrival[at].unit
            w.sorted[w.offset[unit + 1]] = w.arrival[at]
            w.offset[unit + 1] += 1
        for unit in range(g.n):
            sort_arrivals(w.sorted + w.offset[unit], w.offset[unit + 1] - w.offset[unit])
        return 0

    cdef int advance_unit(self, WorkSpace w, EventTape tape, int s, int k, int unit, const Arrival *a, Py_ssize_t n,
                          double end) except -1 nogil:
        """Take a unit from event to event up to `end`, with a record of each."""
        cdef Group *g = &self.group[k]
        cdef Py_ssize_t at = 0, m = g.base + unit
        cdef int dim = g.dim, n_derived = g.n_derived, j
        cdef double *x = w.x + m * MOST_STATES
        cdef const double *p = g.p + unit * <Py_ssize_t> g.stride
        cdef double y[MOST_STATES]
        cdef double before[MOST_STATES]
        cdef double after[MOST_STATES]
        cdef double t, following, reached, slope
        cdef bint held, spike, flows
        cdef Py_ssize_t n_due = 0, n_read = 0
        cdef Record *record
        cdef double *phi
        cdef double *psi
        cdef double *by_x
        cdef double *by_p
        cdef double *h
        cdef double *c
        cdef double *gamma
        cdef Spike new
        while True:
            t = w.t[m]
            following = a[at].time if at < n else end
            held = t < w.ready[m]
            if held and w.ready[m] == INFINITY:
                # Nothing that reaches it has an effect.
                n_due = self.due(w, g, m, unit, end, end == tape.until)
                if n_due:
                    tape.reserve(g.size * n_due)
                    tape.used += g.size * self.read(w, tape, s, g, m, unit, x, p, True, end, end == tape.until, tape.used)
                return 0
            if g.n_probes:
                n_due = self.due(w, g, m, unit, following, following == tape.until)
            record = <Record *> tape.reserve(g.size * (1 + n_due))  # the readings come behind, and before it in time
            phi = <double *> record + HEAD
            by_x = phi + dim * dim
            h = by_x + dim * dim
            c = h + dim
            psi = c + dim if n_derived else NULL
            by_p = psi + dim * n_derived if n_derived else NULL
            gamma = by_p + dim * n_derived if n_derived else NULL
            spike, flows = False, t < following
            if flows:
                if held and w.ready[m] < following:
                    following = w.ready[m]
                reached = (<Flow> g.flow).advance(t, following, held, x, p, y, &spike, phi, psi)
                if at == n and not spike and following == end and not (held and end == w.ready[m]):
                    if n_due:
                        n_read = self.read(w, tape, s, g, m, unit, x, p, held, end, end == tape.until, tape.used + g.size)
                    if g.closed:
                        if n_due:
                            tape.used += g.size * (1 + n_read)
                        return 0
                    self.keep(w, tape, s, g, record, m, end, PASSAGE, -1, -1, True)
                    tape.used += g.size * n_read
                    memcpy(x, y, g.n_state * sizeof(double))
                    continue
            elif at == n:
                if n_due:
                    tape.used += g.size * self.read(w, tape, s, g, m, unit, x, p, held, end, end == tape.until, tape.used)
                return 0
            else:
                reached = t
                memcpy(y, x, g.n_state * sizeof(double))
            n_read = 0
            if n_due:
                n_read = self.read(w, tape, s, g, m, unit, x, p, held, reached, False, tape.used + g.size)
            if spike:
                (<Flow> g.flow).velocity(reached, False, y, p, before)
                (<Flow> g.flow).threshold(y, p, h, gamma)
                slope = dot(h, before, dim)
                (<Flow> g.flow).reset(y, p, by_x, by_p)
                w.ready[m] = reached + g.t_ref[unit * g.ref_stride]
                (<Flow> g.flow).velocity(reached, reached < w.ready[m], y, p, after)
                for j in range(dim):
                    c[j] = dot(by_x + j * dim, before, dim) - after[j]
                    h[j] /= slope
                for j in range(n_derived):
                    gamma[j] /= slope
                flows = reached > t
                new.time, new.unit, new.id = reached, unit, tape.n_ids
                new.slope_inverse = (1.0 / slope if slope > 0.0 else INFINITY) if flows else 0.0
                tape.n_ids += 1
                if tape.n_ids - w.begun > self.max_spikes:
                    self.run_away(w, tape)
                w.push(k, &new)
                w.latest[m] = new.id
                tape.last[s, m] = tape.used
                self.keep(w, tape, s, g, record, m, reached, SPIKE, new.id, -1, flows)
                if not new.slope_inverse <= self.max_slope_inverse:
                    zeros(h, dim)
                    if n_derived:
                        zeros(gamma, n_derived)
            elif held and following == w.ready[m] and flows:
                (<Flow> g.flow).velocity(reached, True, y, p, before)
                (<Flow> g.flow).velocity(reached, False, y, p, after)
                for j in range(dim):
                    c[j] = before[j] - after[j]
                self.keep(w, tape, s, g, record, m, reached, RELEASE, w.latest[m], -1, True)
            else:
                (<Flow> g.flow).velocity(reached, held, y, p, before)
                (<Flow> g.flow).arrive(y, p, a[at].weight, a[at].receptor, held, by_x, h, by_p)
                (<Flow> g.flow).velocity(reached, held, y, p, after)
                for j in range(dim):
                    c[j] = dot(by_x + j * dim, before, dim) - after[j]
                self.keep(w, tape, s, g, record, m, reached, ARRIVAL, a[at].spike, a[at].synapse, flows)
                at += 1
            tape.used += g.size * n_read
            memcpy(x, y, g.n_state * sizeof(double))

    cdef Py_ssize_t due(self, WorkSpace w, const Group *g, Py_ssize_t m, int unit, double limit,
                        bint inclusive) noexcept nogil:
        """Return how many times, at most, the membrane of a unit is read before `limit`."""
        cdef const double *time = g.probe + w.sample * g.probe_sample + unit * g.probe_unit
        cdef Py_ssize_t k = w.probe[m]
        while k < g.n_probes and time[k] < INFINITY and (time[k] < limit or (inclusive and time[k] == limit)):
            k += 1
        return k - w.probe[m]

    cdef Py_ssize_t read(self, WorkSpace w, EventTape tape, int s, const Group *g, Py_ssize_t m, int unit, const double *x,
                         const double *p, bint held, double limit, bint inclusive, Py_ssize_t place) except -1 nogil:
        """Read the membrane of a unit with the state x before `limit`, with a record of each reading from `place` on.

        Returns how many there are. Memory for them is reserved, and x stays as it is.
        """
        cdef const double *time = g.probe + w.sample * g.probe_sample + unit * g.probe_unit
        cdef const int32_t *stood = g.probe_place + w.sample * g.probe_sample + unit * g.probe_unit
        cdef Py_ssize_t k, n = self.due(w, g, m, unit, limit, inclusive), at
        cdef int dim = g.dim, n_derived = g.n_derived
        cdef double before[MOST_STATES]
        cdef double y[MOST_STATES]
        cdef double t = w.t[m], to
        cdef bint spike = False
        cdef Record *record
        cdef double *phi
        cdef double *h
        cdef double *psi
        cdef double *gamma
        memcpy(before, x, g.n_state * sizeof(double))
        for k in range(n):
            record = <Record *> (tape.memory + place)
            phi = <double *> record + HEAD
            h = phi + 2 * dim * dim
            psi = h + 2 * dim if n_derived else NULL
            gamma = psi + 2 * dim * n_derived if n_derived else NULL
            to = time[w.probe[m]]
            at = s * tape.n_probes + g.first_probe + unit * g.n_probes + stood[w.probe[m]]
            record.time, record.before, record.kind, record.spike = to, w.record[m], PROBE, <int32_t> at
            record.synapse, record.flows = k == 0, to > t
            if record.flows:
                (<Flow> g.flow).advance(t, to, held, before, p, y, &spike, phi, psi)
                memcpy(before, y, g.n_state * sizeof(double))
            tape.reading[at] = (<Flow> g.flow).membrane(before, p, h, gamma)
            t = to
            tape.last[s, m] = w.record[m] = place
            w.probe[m] += 1
            place += g.size
        return n

    cdef int run_away(self, WorkSpace w, EventTape tape) except -1 with gil:
        raise RuntimeError(
            f"sample {w.sample} has more than {self.max_spikes} spikes before {tape.until:g}: "
            f"is the activity running away? Otherwise raise max_spikes")

    cdef int keep(self, WorkSpace w, EventTape tape, int s, const Group *g, Record *record, Py_ssize_t m, double time,
                  int kind, int spike, int synapse, bint flows) except -1 nogil:
        """Complete a record, and go on after it."""
        record.time, record.before, record.kind = time, w.record[m], kind
        record.spike, record.synapse, record.flows = spike, synapse, flows
        w.record[m] = tape.used
        w.t[m] = time
        tape.used += g.size
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

    cdef void backward_unit(self, WorkSpace w, EventTape tape, const Group *g, Py_ssize_t m, int unit, double start,
                            Sums sums, double *weight) noexcept nogil:
        """Follow the records of a unit back to `start`."""
        cdef int dim = g.dim, n_derived = g.n_derived, j
        cdef double *adjoint = w.adjoint + m * MOST_STATES
        cdef double *by_parameter = &sums.parameter[0] + g.first_parameter + unit * n_derived
        cdef const Record *record
        cdef const double *phi
        cdef const double *by_x
        cdef const double *h
        cdef const double *c
        cdef const double *psi
        cdef const double *by_p
        cdef const double *gamma
        cdef double e, carried = 0.0
        cdef double readings[MOST_STATES]
        zeros(readings, dim)
        while w.record[m] >= 0:
            record = <const Record *> (tape.memory + w.record[m])
            if record.time < start:
                return
            phi = <const double *> record + HEAD
            by_x = phi + dim * dim
            h = by_x + dim * dim
            c = h + dim
            psi = c + dim
            by_p = psi + dim * n_derived
            gamma = by_p + dim * n_derived
            if record.kind == PROBE:
                e = tape.reading_error[record.spike]
                if e != 0.0:  # a membrane may be infinite
                    for j in range(dim):
                        readings[j] += h[j] * e
                    for j in range(n_derived):
                        by_parameter[j] += gamma[j] * e
                if record.flows:
                    if n_derived:
                        add_products(by_parameter, readings, psi, dim, n_derived)
                    pull_back(readings, phi, dim)
                if record.synapse:
                    for j in range(dim):
                        adjoint[j] += readings[j]
                    zeros(readings, dim)
                w.record[m] = record.before
                continue
            if record.kind == ARRIVAL:
                e = dot(adjoint, c, dim) + carried
                carried = 0.0
                tape.error[record.spike] += e
                sums.delay[record.synapse] += e
                weight[record.synapse] += dot(adjoint, h, dim)
                if n_derived:
                    add_products(by_parameter, adjoint, by_p, dim, n_derived)
                pull_back(adjoint, by_x, dim)
            elif record.kind == SPIKE:
                e = tape.error[record.spike] + dot(adjoint, c, dim)
                tape.error[record.spike] = e
                if n_derived:
                    add_products(by_parameter, adjoint, by_p, dim, n_derived)
                pull_back(adjoint, by_x, dim)
                if record.flows:
                    for j in range(dim):
                        adjoint[j] -= h[j] * e
                    for j in range(n_derived):
                        by_parameter[j] -= gamma[j] * e
                else:
                    carried = e  # an input made it spike at once: it moves with that input
            elif record.kind == RELEASE:
                tape.error[record.spike] += dot(adjoint, c, dim)
            if record.flows:
                if n_derived:
                    add_products(by_parameter, adjoint, psi, dim, n_derived)
                pull_back(adjoint, phi, dim)
            w.record[m] = record.before
