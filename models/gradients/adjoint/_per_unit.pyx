# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# distutils: extra_compile_args = -O3
"""The adjoint pass along one unit: its records forward, and lambda back through them.

The rules of each event are in `_passes.pyx`.
"""

from libc.math cimport INFINITY
from libc.stdint cimport int32_t
from libc.string cimport memcpy

from eventsim.models.gradients.adjoint._tape cimport ARRIVAL, PASSAGE, PROBE, RELEASE, SPIKE, Spike
from eventsim.models.neurons.flow cimport MOST_STATES, Flow, zeros


cdef inline double dot(const double *a, const double *b, int n) noexcept nogil:
    cdef int j
    cdef double sum = 0.0
    if n == 2:  # most neurons; the same sum without a loop
        return (0.0 + a[0] * b[0]) + a[1] * b[1]
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
    cdef double one = left[0], two
    if dim == 2:
        two = left[1]
        left[0] = (0.0 + one * matrix[0]) + two * matrix[2]
        left[1] = (0.0 + one * matrix[1]) + two * matrix[3]
        return
    zeros(found, dim)
    add_products(found, left, matrix, dim, dim)
    memcpy(left, found, dim * sizeof(double))


cdef int run_away(PerUnit passes, WorkSpace w, EventTape tape) except -1 with gil:
    raise RuntimeError(
        f"sample {w.sample} has more than {passes.max_spikes} spikes before {tape.until:g}: "
        f"is the activity running away? Otherwise raise max_spikes")


cdef class PerUnit(Arrivals):
    """The units of a network, each along its own events."""

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
            phi = <double *> (record + 1)
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
                    run_away(self, w, tape)
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
            phi = <double *> (record + 1)
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

    cdef int keep(self, WorkSpace w, EventTape tape, int s, const Group *g, Record *record, Py_ssize_t m, double time,
                  int kind, int spike, int synapse, bint flows) except -1 nogil:
        """Complete a record, and go on after it."""
        record.time, record.before, record.kind = time, w.record[m], kind
        record.spike, record.synapse, record.flows = spike, synapse, flows
        w.record[m] = tape.used
        w.t[m] = time
        tape.used += g.size
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
            phi = <const double *> (record + 1)
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
