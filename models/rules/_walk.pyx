# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The gradient walk: spikes of many samples forward, and back from their errors to every parameter.

A run is cut into windows no longer than the shortest delay of a loop (one window if there is none). Within
a window nothing that a unit emits can come back to it, so units are walked one by one, each along its own
arrivals in order of time; populations that reach others without delay come first. Backward, windows,
populations, and each unit's arrivals and spikes are walked in reverse. Arrivals are not stored: both walks
find them from the spikes and the synapses. Where every source reaches every unit, they are read off one list
of spikes; else they are laid out unit by unit first.
"""

from libc.math cimport INFINITY, NAN, exp, expm1, fabs, isnan
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport calloc, free, malloc, qsort, realloc
from libc.string cimport memcpy, memset

import numpy as np

from eventsim.models._lif_flow cimport DOUBLE, EQUAL, NEAR, Cell, complete, first_crossing, flow, kappa, slope
from eventsim.models.rules._walk cimport (
    Arrival, Group, Link, Mark, Sense, Top, Train, crest, finish, integrals, rest, sense
)


cdef extern from "sums.h" nogil:
    void decays "eventsim_decays"(const double *time, Py_ssize_t n, double end, double rate, double *out)


cdef extern from "_lockstep.h" nogil:
    ctypedef struct Gap "eventsim_gap":
        double v_inf, em, es, ka, linear, most

    ctypedef struct Drift "eventsim_drift":
        double v_inf, em, es, ka, mem, mem_by_v, mem_by_i, syn_by_i, current_by_i

    int64_t advance "eventsim_advance"(Py_ssize_t n, const Gap *gap, const double *v, const double *i,
                                       const double *weight, const double *bar, double *v_next, double *i_next,
                                       double *excess)
    void drift_all "eventsim_drift_all"(Py_ssize_t n, const Drift *d, const double *v, const double *i,
                                        const double *mem, const double *syn, const double *current,
                                        double *mem_next, double *syn_next, double *current_next)
    void recede "eventsim_recede"(Py_ssize_t n, double em, double es, double ka, double *l_v, double *l_i)
    double read_off "eventsim_read_off"(Py_ssize_t n, double rate, double per_c, const double *l_v,
                                        const double *l_i, const double *weight, double *by_weight)
    void fade "eventsim_fade"(Py_ssize_t n, double least, double *l_v, double *l_i)


cdef enum:
    NO_MEMORY = -1
    TOO_MANY = -2
    INSERTION = 24      # up to so many things, insertion is the fastest way to sort

cdef double FADED = 1e-280      # adjoints below are 0; spares arithmetic with denormal numbers


cdef int by_time(const void *a, const void *b) noexcept nogil:
    cdef double x = (<const Arrival *> a).time
    cdef double y = (<const Arrival *> b).time
    if x != y:
        return -1 if x < y else 1
    return (<const Arrival *> a).synapse - (<const Arrival *> b).synapse


cdef int by_time_and_unit(const void *a, const void *b) noexcept nogil:
    cdef const Mark *x = <const Mark *> a
    cdef const Mark *y = <const Mark *> b
    if x.time != y.time:
        return -1 if x.time < y.time else 1
    return x.unit - y.unit


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


cdef void sort_marks(Mark *a, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t k, hole
    cdef Mark one
    if n > 2 * INSERTION:
        qsort(a, n, sizeof(Mark), &by_time_and_unit)
        return
    for k in range(1, n):
        one = a[k]
        hole = k
        while hole > 0 and by_time_and_unit(&a[hole - 1], &one) > 0:
            a[hole] = a[hole - 1]
            hole -= 1
        a[hole] = one


cdef Py_ssize_t first_not_before(const Mark *mark, Py_ssize_t n, double time) noexcept nogil:
    """Return how many spikes come before `time`."""
    cdef Py_ssize_t low = 0, high = n, middle
    while low < high:
        middle = (low + high) // 2
        if mark[middle].time < time:
            low = middle + 1
        else:
            high = middle
    return low


cdef int add_mark(Train *train, Mark *mark) noexcept nogil:
    cdef void *memory
    cdef Py_ssize_t room
    if train.n == train.room:
        room = 2 * train.room + 64
        memory = realloc(train.mark, room * sizeof(Mark))
        if memory == NULL:
            return NO_MEMORY
        train.mark = <Mark *> memory
        train.room = room
    train.mark[train.n] = mark[0]
    train.n += 1
    return 0


cdef class Tape:
    """Spikes of all populations in some samples, and what the walk back needs of them."""

    cdef Train all
    cdef int64_t[::1] start         # (n_samples * n_populations + 1,)
    cdef double[::1] error          # (n_spikes,) dL/dT
    cdef double[:, ::1] top         # (n_samples, 6 n_readouts), each six a `Top`
    cdef double[:, ::1] top_error   # (n_samples, n_readouts) dL/dv of the largest membranes
    cdef readonly int n_samples, n_populations
    cdef readonly double until, width
    cdef readonly long long n_windows

    def __cinit__(self, int n_samples, int n_populations, double until, double width, long long n_windows):
        self.n_samples, self.n_populations = n_samples, n_populations
        self.until, self.width, self.n_windows = until, width, n_windows
        self.start = np.zeros(n_samples * n_populations + 1, np.int64)
        self.error = np.zeros(0)
        self.make_tops(0)

    def __dealloc__(self):
        free(self.all.mark)

    cdef make_tops(self, int n):
        """Make room for the largest membranes of n units."""
        self.top = np.zeros((self.n_samples, n * (sizeof(Top) // sizeof(double))))
        self.top_error = np.zeros((self.n_samples, n))

    cdef void fit(self) noexcept nogil:
        """Give back memory that no spike needs."""
        cdef void *memory = realloc(self.all.mark, (self.all.n if self.all.n else 1) * sizeof(Mark))
        if memory != NULL:
            self.all.mark = <Mark *> memory
            self.all.room = self.all.n

    @property
    def nbytes(self):
        """Memory that the spikes and the largest membranes take."""
        return self.all.room * sizeof(Mark) + self.error.nbytes + self.top.nbytes + self.top_error.nbytes

    @property
    def starts(self):
        """Where the spikes of a population in a sample begin, shape (n_samples * n_populations + 1,)."""
        return np.asarray(self.start)

    @property
    def errors(self):
        """dL/dT of all spikes, a view; made by `clear_errors`."""
        return np.asarray(self.error)

    def clear_errors(self):
        """Set dL/dT of all spikes, and dL/dv of all largest membranes, to 0."""
        self.top_error[:] = 0.0
        if self.error.shape[0] == self.all.n:
            self.errors[:] = 0.0
        else:
            self.error = np.zeros(self.all.n)

    def spikes(self, int population, int sample):
        """Return (times, units) of a population in a sample."""
        cdef Py_ssize_t k, at = self.start[sample * self.n_populations + population]
        cdef Py_ssize_t n = self.start[sample * self.n_populations + population + 1] - at
        times, units = np.empty(n), np.empty(n, np.int64)
        cdef double[::1] t = times
        cdef int64_t[::1] u = units
        for k in range(n):
            t[k] = self.all.mark[at + k].time
            u[k] = self.all.mark[at + k].unit
        return times, units

    def slopes(self, int population, int sample):
        """Return 1 / v' at the spikes of a population in a sample."""
        cdef Py_ssize_t k, at = self.start[sample * self.n_populations + population]
        cdef Py_ssize_t n = self.start[sample * self.n_populations + population + 1] - at
        out = np.empty(n)
        cdef double[::1] view = out
        for k in range(n):
            view[k] = self.all.mark[at + k].inverse
        return out

    def first(self, int population, double[:, ::1] times):
        """Write the first spike of each unit, or leave what is there, shape (n_samples, n)."""
        cdef Py_ssize_t k
        cdef int s
        for s in range(self.n_samples):
            for k in range(self.start[s * self.n_populations + population + 1] - 1,
                           self.start[s * self.n_populations + population] - 1, -1):
                times[s, self.all.mark[k].unit] = self.all.mark[k].time

    def count(self, int population, int64_t[:, ::1] counts):
        """Add the number of spikes of each unit to `counts`, shape (n_samples, n)."""
        cdef Py_ssize_t k
        cdef int s
        for s in range(self.n_samples):
            for k in range(self.start[s * self.n_populations + population],
                           self.start[s * self.n_populations + population + 1]):
                counts[s, self.all.mark[k].unit] += 1

    def tops(self, int first, double[:, ::1] values, double[:, ::1] times):
        """Write the largest membranes of a population and when they are reached, shape (n_samples, n)."""
        cdef const Top *top
        cdef int s, unit
        for s in range(values.shape[0]):
            for unit in range(values.shape[1]):
                top = <const Top *> &self.top[s, 0] + first + unit
                values[s, unit], times[s, unit] = top.value, top.time

    def add_top_errors(self, int first, const double[:, ::1] errors):
        """Add the derivatives of the loss in the largest membranes of a population, shape (n_samples, n)."""
        cdef int s, unit
        for s in range(errors.shape[0]):
            for unit in range(errors.shape[1]):
                self.top_error[s, first + unit] += errors[s, unit]

    def add_first_errors(self, int population, const double[:, ::1] errors):
        """Add dL/dT of first spikes, shape (n_samples, n); what is given for silent units is left out."""
        cdef Py_ssize_t k
        cdef int s
        for s in range(self.n_samples):
            for k in range(self.start[s * self.n_populations + population],
                           self.start[s * self.n_populations + population + 1]):
                if self.all.mark[k].before < 0:
                    self.error[k] += errors[s, self.all.mark[k].unit]

    def first_errors(self, int population, double[:, ::1] errors):
        """Write dL/dT of the first spike of each unit, shape (n_samples, n)."""
        cdef Py_ssize_t k
        cdef int s
        for s in range(self.n_samples):
            for k in range(self.start[s * self.n_populations + population],
                           self.start[s * self.n_populations + population + 1]):
                if self.all.mark[k].before < 0:
                    errors[s, self.all.mark[k].unit] = self.error[k]


cdef class Gradients:
    """Sums over samples: of synapses `weights` and `delays` (n,); `units` (n, 3), tau_mem, tau_syn, v_th.

    In a population that goes in lockstep, the delays of a row of synapses share what stands at its first.
    """

    cdef readonly object weights, delays, units
    cdef double *weight
    cdef double *delay
    cdef double *unit

    def __cinit__(self, Py_ssize_t n_synapses, Py_ssize_t n_units):
        self.weights, self.delays = np.zeros(n_synapses), np.zeros(n_synapses)
        self.units = np.zeros((n_units, 3))
        cdef double[::1] view
        cdef double[:, ::1] table
        if n_synapses:
            view = self.weights
            self.weight = &view[0]
            view = self.delays
            self.delay = &view[0]
        if n_units:
            table = self.units
            self.unit = &table[0, 0]

    def clear(self):
        """Set all sums to 0."""
        for part in (self.weights, self.delays, self.units):
            part[:] = 0.0

    def add(self, Gradients other not None):
        """Add other sums to these."""
        self.weights += other.weights
        self.delays += other.delays
        self.units += other.units

    def finite(self):
        """Return whether all sums are numbers."""
        return all(np.isfinite(part).all() for part in (self.weights, self.delays, self.units))


cdef class Space:
    """Work space of one thread."""

    cdef Train *fresh               # spikes of the sample by population (forward)
    cdef Train *train               # likewise, what `gather` looks at: `fresh`, or a piece of the tape
    cdef int64_t *shift             # where a population's spikes begin among those of the sample
    cdef int n_populations
    cdef list memory
    # state of all units, forward: membrane and current at time t, refractory until `release`
    cdef double *v
    cdef double *i
    cdef double *t
    cdef double *release
    cdef double *stop               # arrivals after it do not matter
    cdef Sense *sense
    cdef int32_t *open              # the spike whose `restart` is not known yet, -1 if there is none
    # and backward: adjoints at time t
    cdef double *l_v
    cdef double *l_i
    cdef int32_t *current           # the latest spike that is not yet passed
    cdef uint8_t *quiet             # whether time t lies in the refractory time after it
    # populations in lockstep: their time, spikes and ends of refractory times not yet passed, adjoints not 0
    cdef double *now
    cdef int64_t *spike_left
    cdef int64_t *rest_left
    cdef uint8_t *live
    cdef double *bar                # from v_inf up; inf while no spike is possible
    cdef int32_t *resting           # units in their refractory time
    cdef int *n_resting
    cdef double *spare_v            # the state after a step, and sensitivities before and after it
    cdef double *spare_i
    cdef double *excess
    cdef double *senses             # six arrays
    cdef double *none               # weights of no arrival
    # arrivals of a population in a window, unit by unit
    cdef Arrival *arrival
    cdef Py_ssize_t arrival_room
    cdef int64_t *offset            # (largest n + 2,)
    cdef double *gap                # of one unit: times between arrivals, and decays and response over them
    cdef double *em
    cdef double *es
    cdef double *ka
    cdef Arrival *spare
    cdef int32_t *bucket
    cdef Py_ssize_t gap_room
    cdef Py_ssize_t n_known         # how many of `em`, `es`, `ka` hold, and for which constants
    cdef double tau_mem, tau_syn, c_mem
    cdef Py_ssize_t n_shared        # arrivals that all units have in common, -1 if each has its own
    cdef Py_ssize_t n_candidates    # spikes that may arrive at dense units, -1 if they are not listed
    cdef bint shared_ready          # whether `em`, `es`, `ka` are theirs
    cdef Arrival *flight            # of spikes that reach all targets at once: `synapse` is the link here
    cdef Py_ssize_t flight_room
    cdef Top *top                   # largest membranes of the sample
    cdef const double *top_error    # dL/dv of them

    def __cinit__(self, int n_populations, int n_units, int largest):
        self.n_populations = n_populations
        self.memory = []
        self.fresh = <Train *> calloc(n_populations, sizeof(Train))
        self.train = <Train *> calloc(n_populations, sizeof(Train))
        self.shift = <int64_t *> calloc(n_populations, sizeof(int64_t))
        self.offset = <int64_t *> calloc(largest + 2, sizeof(int64_t))
        if self.fresh == NULL or self.train == NULL or self.shift == NULL or self.offset == NULL:
            raise MemoryError
        self.v, self.i, self.t = self.doubles(n_units), self.doubles(n_units), self.doubles(n_units)
        self.release, self.stop = self.doubles(n_units), self.doubles(n_units)
        self.l_v, self.l_i = self.doubles(n_units), self.doubles(n_units)
        self.sense = <Sense *> self.doubles(3 * n_units)
        self.open, self.current = <int32_t *> self.doubles(n_units), <int32_t *> self.doubles(n_units)
        self.quiet = <uint8_t *> self.doubles(n_units)
        self.now, self.live = self.doubles(n_populations), <uint8_t *> self.doubles(n_populations)
        self.spike_left = <int64_t *> self.doubles(n_populations)
        self.rest_left = <int64_t *> self.doubles(n_populations)
        self.bar, self.resting = self.doubles(n_units), <int32_t *> self.doubles(n_units)
        self.n_resting = <int *> self.doubles(n_populations)
        self.spare_v, self.spare_i = self.doubles(largest), self.doubles(largest)
        self.excess, self.none = self.doubles(largest), self.doubles(largest)
        self.senses = self.doubles(6 * n_units)

    cdef double *doubles(self, Py_ssize_t n) except NULL:
        cdef double[::1] view = np.zeros(max(n, 1))
        self.memory.append(view)
        return &view[0]

    def __dealloc__(self):
        cdef int p
        if self.fresh != NULL:
            for p in range(self.n_populations):
                free(self.fresh[p].mark)
        free(self.fresh)
        free(self.train)
        free(self.shift)
        free(self.offset)
        free(self.arrival)
        free(self.flight)
        free(self.gap)

    cdef int make_flight_room(self) noexcept nogil:
        cdef Py_ssize_t room = 2 * self.flight_room + 64
        cdef void *memory = realloc(self.flight, room * sizeof(Arrival))
        if memory == NULL:
            return NO_MEMORY
        self.flight = <Arrival *> memory
        self.flight_room = room
        return 0

    cdef int make_room(self, Py_ssize_t n, Py_ssize_t longest) noexcept nogil:
        """Make room for n arrivals, at most `longest` at one unit."""
        cdef Py_ssize_t room
        if n > self.arrival_room:
            room = n + n // 2 + 64
            free(self.arrival)
            self.arrival_room = 0
            self.arrival = <Arrival *> malloc(room * sizeof(Arrival))
            if self.arrival == NULL:
                return NO_MEMORY
            self.arrival_room = room
        if longest > self.gap_room:
            room = longest + longest // 2 + 64
            free(self.gap)
            self.gap_room = self.n_known = 0
            self.gap = <double *> malloc(room * (4 * sizeof(double) + sizeof(Arrival) + sizeof(int32_t)))
            if self.gap == NULL:
                return NO_MEMORY
            self.em = self.gap + room
            self.es = self.gap + 2 * room
            self.ka = self.gap + 3 * room
            self.spare = <Arrival *> (self.gap + 4 * room)
            self.bucket = <int32_t *> (self.spare + room)
            self.gap_room = room
        return 0


cdef struct Input:
    const double *time
    const int32_t *unit
    const int64_t *start


cdef class Walk:
    """A network, ready to be walked.

    Parameters
    ----------
    populations : list of (n, is_source, first_spike_only, v_init, i_init)
        v_init and i_init are arrays (n,), None for sources.
    projections : list of (pre, post, first)
        Numbers of the populations, and where the rows of the sources begin, int32 (n_pre + 1,).
    order : list of int
        Populations in the order in which they are walked within a window, without sources.
    n_synapses : int
        In all.
    constants : bool
        Whether derivatives in tau_mem and tau_syn are wanted.
    """

    cdef readonly int n_populations, n_units, n_synapses, largest, n_readouts
    cdef readonly bint constants
    cdef public double max_slope_inverse
    cdef public long long max_spikes
    cdef Group *group
    cdef Input *input
    cdef int *order
    cdef int n_order
    cdef double[::1] weight
    cdef double[::1] delay
    cdef list memory, input_memory, links

    def __cinit__(self, list populations, list projections, list order, int n_synapses, bint constants):
        cdef int p, k
        cdef Group *g
        self.n_populations, self.n_synapses, self.constants = len(populations), n_synapses, constants
        self.max_slope_inverse, self.max_spikes = INFINITY, 10**9
        self.memory, self.input_memory = [], []
        self.group = <Group *> calloc(max(self.n_populations, 1), sizeof(Group))
        self.input = <Input *> calloc(max(self.n_populations, 1), sizeof(Input))
        self.order = <int *> calloc(max(len(order), 1), sizeof(int))
        if self.group == NULL or self.input == NULL or self.order == NULL:
            raise MemoryError
        self.set_order(order)
        for p in range(self.n_populations):
            g = &self.group[p]
            n, source, once, v_init, i_init = populations[p]
            g.n, g.source, g.once, g.base = n, source, once, self.n_units
            self.n_units += g.n
            self.largest = max(self.largest, g.n)
            if source:
                continue
            g.v_init, g.i_init = self.doubles(v_init), self.doubles(i_init)
            g.cells = <Cell *> calloc(g.n, sizeof(Cell))
            incoming = [projection for projection in projections if projection[1] == p]
            g.links = <Link *> calloc(max(len(incoming), 1), sizeof(Link))
            if g.cells == NULL or g.links == NULL:
                raise MemoryError
            g.n_links = len(incoming)
            for k in range(g.n_links):
                g.links[k].pre = incoming[k][0]
                g.links[k].first = self.ints(incoming[k][2])
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
        """Set the order in which populations are walked."""
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

    def set_dense(self, int population, int first_slot, bint shared, bint lockstep):
        """Say that all sources of a population reach all its units; `shared`: each after one delay.

        `lockstep`: all units have the same constants, too, and synapses are counted source by source.
        """
        cdef Group *g = &self.group[population]
        cdef int k
        g.dense, g.shared, g.lockstep, g.first_slot, g.n_in = True, shared, lockstep, first_slot, 0
        for k in range(g.n_links):
            g.links[k].column = g.n_in
            g.n_in += self.group[g.links[k].pre].n

    def set_weights(self, double[::1] weight, double[::1] delay):
        """Set all weights and delays, target by target."""
        self.weight, self.delay = weight, delay

    def set_cells(self, int population, dict parameters):
        """Set the constants of a population: arrays (n,), or (1,) for all."""
        cdef Group *g = &self.group[population]
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
        self.n_readouts = 0
        for k in range(self.n_populations):
            if self.group[k].readout:
                self.group[k].first_top = self.n_readouts
                self.n_readouts += self.group[k].n

    def readout(self, int population):
        """Return where the largest membranes of a population begin among those of a sample, -1 if it spikes."""
        return self.group[population].first_top if self.group[population].readout else -1

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

    def space(self):
        """Return work space for one thread."""
        return Space(self.n_populations, self.n_units, self.largest)

    def gradients(self):
        """Return sums of gradients, all 0."""
        return Gradients(self.n_synapses, self.n_units)

    # Arrivals -----------------------------------------------------------------------------------------

    cdef void cut(self, const Link *link, double emitted, double start, double end,
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

    cdef Py_ssize_t list_flights(self, Space w, const Group *g, double start, double end) noexcept nogil:
        """List the spikes that reach all targets at one time, for those in [start, end), in order.

        If the group is dense, with delays of each synapse, list all that may arrive, with what they have in
        common: when they were sent, the column of the synapses, and the spike.
        """
        cdef const Link *link
        cdef const Train *train
        cdef Py_ssize_t k, n = 0
        cdef int place
        cdef double time
        cdef bint sorted = True, candidates = g.dense and not g.shared
        cdef Arrival *flight
        for place in range(g.n_links):
            link = &g.links[place]
            if link.delay != NULL and not candidates:
                continue
            train = &w.train[link.pre]
            for k in range(self.earliest(link, train, start), train.n):
                if train.mark[k].time + link.least >= end:
                    break
                if candidates:
                    if n == w.flight_room and w.make_flight_room() < 0:
                        return NO_MEMORY
                    flight = &w.flight[n]
                    flight.time = train.mark[k].time
                    flight.synapse = link.column + train.mark[k].unit
                    flight.spike = <int32_t> (w.shift[link.pre] + k)
                    n += 1
                    continue
                time = train.mark[k].time + link.row_delay[train.mark[k].unit]
                if time < start or time >= end:
                    continue
                if n == w.flight_room and w.make_flight_room() < 0:
                    return NO_MEMORY
                flight = &w.flight[n]
                flight.time = time
                flight.synapse = place
                flight.spike = <int32_t> k
                sorted = sorted and (n == 0 or w.flight[n - 1].time <= time)
                n += 1
        if not sorted:
            if n > w.gap_room - 2 and w.make_room(0, n + 2) < 0:
                return NO_MEMORY
            sort_arrivals(w.flight, n, w.spare, w.bucket)
        return n

    cdef inline Py_ssize_t earliest(self, const Link *link, const Train *train, double start) noexcept nogil:
        """Return the first spike that may arrive at or after `start`; a bit early, for rounding."""
        if start <= 0.0:
            return 0
        return first_not_before(train.mark, train.n, start - link.most - 1e-9 * fabs(start))

    cdef int gather(self, Space w, const Group *g, double start, double end) noexcept nogil:
        """List the arrivals of [start, end) at each unit, up to its `stop`; in order if all are flights."""
        cdef const Link *link
        cdef const Train *train
        cdef const double *stop = w.stop + g.base
        cdef int64_t *offset = w.offset
        cdef int place, unit, turn
        cdef Py_ssize_t k, total, longest, n_flights = self.list_flights(w, g, start, end)
        cdef int32_t low, high, m, to, spike
        cdef double emitted, time
        cdef Arrival *a
        if n_flights < 0:
            return NO_MEMORY
        w.n_shared = w.n_candidates = -1
        if g.dense and not g.shared:
            w.n_candidates = n_flights
            return w.make_room(n_flights, n_flights + 2)
        if g.dense:
            if w.make_room(n_flights, n_flights + 2) < 0:
                return NO_MEMORY
            w.n_shared = n_flights
            w.shared_ready = False
            for k in range(n_flights):
                link = &g.links[w.flight[k].synapse]
                w.arrival[k].time = w.flight[k].time
                w.arrival[k].synapse = link.column + w.train[link.pre].mark[w.flight[k].spike].unit
                w.arrival[k].spike = <int32_t> (w.shift[link.pre] + w.flight[k].spike)
            return 0
        memset(offset, 0, (g.n + 2) * sizeof(int64_t))
        # Count, then place. Offsets are kept one place further on, so that placing moves them back.
        for turn in range(2):
            for k in range(n_flights):
                link = &g.links[w.flight[k].synapse]
                time = w.flight[k].time
                unit = w.train[link.pre].mark[w.flight[k].spike].unit
                low, high = link.first[unit], link.first[unit + 1]
                if turn == 0:
                    for m in range(low, high):
                        to = link.target[m]
                        offset[to + 2] += time <= stop[to]
                    continue
                spike = <int32_t> (w.shift[link.pre] + w.flight[k].spike)
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
                    emitted = train.mark[k].time
                    if emitted + link.least >= end:
                        break
                    low, high = link.first[train.mark[k].unit], link.first[train.mark[k].unit + 1]
                    spike = <int32_t> (w.shift[link.pre] + k)
                    if link.rising:
                        self.cut(link, emitted, start, end, &low, &high)
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
                if w.make_room(total, longest + 2) < 0:
                    return NO_MEMORY
        return 0

    cdef Py_ssize_t pick(self, Space w, Py_ssize_t first, double stop, double start,
                         double end) noexcept nogil:
        """List the arrivals of [start, end) at a unit of a dense group up to `stop`; returns their number."""
        cdef const double *delay = &self.delay[0] + first
        cdef const Arrival *flight = w.flight
        cdef Arrival *a = w.arrival
        cdef Py_ssize_t k, n = 0
        cdef double time
        for k in range(w.n_candidates):
            time = flight[k].time + delay[flight[k].synapse]
            # Written in any case, kept if it counts: no branch that is hard to foresee.
            a[n].time = time
            a[n].synapse = flight[k].synapse
            a[n].spike = flight[k].spike
            n += (time >= start) & (time < end) & (time <= stop)
        return n

    cdef void order_arrivals(self, Space w, const Group *g, const Cell *c, Arrival *a,
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
        # Units that hear the same spikes at the same times share what follows.
        known = w.n_known >= n and c.tau_mem == w.tau_mem and c.tau_syn == w.tau_syn and c.c_mem == w.c_mem
        for k in range(n):
            s = a[k + 1].time - a[k].time
            known &= s == gap[k]
            gap[k] = s
        if known:
            return
        w.n_known, w.tau_mem, w.tau_syn, w.c_mem = n, c.tau_mem, c.tau_syn, c.c_mem
        self.respond(w, c, n)

    cdef void respond(self, Space w, const Cell *c, Py_ssize_t n) noexcept nogil:
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

    # Forward ------------------------------------------------------------------------------------------

    def forward(self, Space space not None, Tape tape not None, int low):
        """Compute the spikes of samples low, low + 1, ... until the tape is full."""
        cdef int s, status = 0
        tape.make_tops(self.n_readouts)
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
        cdef Py_ssize_t old = train.n, k, first
        cdef int unit
        if self.gather(w, g, start, end) < 0:
            return NO_MEMORY
        if g.lockstep:
            k = self.forward_together(w, p, start, end)
            if k < 0:
                return k
        for unit in range(0 if g.lockstep else g.n):
            if w.n_candidates >= 0:
                if w.release[g.base + unit] == INFINITY:
                    continue
                first = g.first_slot + <Py_ssize_t> unit * g.n_in
                k = self.forward_unit(w, g, train, unit, w.arrival, self.pick(w, first, INFINITY, start, end),
                                      first, start, end)
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

    cdef inline double look(self, const Cell *c, double v, double i, double t, double release,
                            double horizon) noexcept nogil:
        """Return when the unit crosses next without input; inf if it surely does not before `horizon`."""
        cdef double th, a, s, x, top
        if t < release:
            if release >= horizon:
                return INFINITY
            i *= exp(-(release - t) * c.rate_syn)
            t = release
        if v >= c.v_th:
            return t
        th = c.v_th - c.v_inf
        if th > 0.0:
            if i <= 0.0:
                return INFINITY
            # kappa(s) stays below its peak and below s / c_mem; a < 0 decays no faster than linearly
            a = v - c.v_inf
            s = horizon - t
            top = s / c.c_mem
            top = i * (top if top < c.peak else c.peak)
            if a > 0.0:
                top += a
            else:
                x = 1.0 - s * c.rate_mem
                if x > 0.0:
                    top += a * x
            if top < th * (1.0 - 1e-12):
                return INFINITY
        return t + first_crossing(c, v, i)

    cdef Py_ssize_t forward_unit(self, Space w, const Group *g, Train *train, int unit, Arrival *arrival,
                                 Py_ssize_t n, Py_ssize_t first, double start, double end) noexcept nogil:
        """Walk one unit along its arrivals and note its spikes; `first` is added to their synapses."""
        cdef const Cell *c = g.cells + unit * g.stride
        cdef int at = g.base + unit
        cdef double v = w.v[at], i = w.i[at], t = w.t[at], release = w.release[at], due, time, target, a, s
        cdef const double *weight = &self.weight[0] + first if self.n_synapses else NULL
        cdef Sense *to = &w.sense[at]
        cdef Py_ssize_t k, spikes = train.n
        cdef bint constants = self.constants
        cdef Mark mark
        if release == INFINITY:
            return 0
        self.order_arrivals(w, g, c, arrival, n)
        if g.readout:
            self.forward_readout(w, g, unit, arrival, n, weight)
            return 0
        due = self.look(c, v, i, t, release, arrival[0].time if n else end)
        if n == 0 and due >= end:
            return 0  # the state stays at the unit's last event
        for k in range(n + 1):
            target = arrival[k].time if k < n else end
            while due < target:
                if due < start:
                    due = start  # by rounding: the window before did not see it
                time = due
                if t < release:  # and release <= time
                    rest(c, &i, release - t, to)
                    t = release
                if w.open[at] >= 0:
                    train.mark[w.open[at]].restart = slope(c, c.v_reset, i)
                    w.open[at] = -1
                if constants:
                    s = time - t
                    sense(c, v, i, s, exp(-s * c.rate_mem), exp(-s * c.rate_syn), kappa(c, s), to)
                flow(c, time - t, &v, &i)
                mark.time = time
                mark.unit = unit
                a = slope(c, c.v_th, i)
                # A membrane that starts above threshold fires at 0, whatever the parameters.
                mark.inverse = 0.0 if time == 0.0 else 1.0 / a if a > 0.0 else INFINITY
                mark.by_mem, mark.by_syn = to.v_mem, to.v_syn
                to.v_mem = to.v_syn = 0.0
                v = c.v_reset
                t = time
                release = INFINITY if g.once else time + c.t_ref
                mark.restart = 0.0
                if release == time:
                    mark.restart = slope(c, v, i)
                elif release < INFINITY:
                    mark.restart = NAN
                if add_mark(train, &mark) < 0:
                    return NO_MEMORY
                if release == INFINITY:
                    w.stop[at] = -INFINITY
                    w.release[at] = release
                    return 0
                if release > time:
                    w.open[at] = <int32_t> (train.n - 1)
                if train.n - spikes > self.max_spikes:
                    return TOO_MANY
                due = self.look(c, v, i, t, release, target)
            if k == n:
                break
            if t < release:
                s = (target if target < release else release) - t
                rest(c, &i, s, to)
                t = target if target < release else release
            if target > t:
                if w.open[at] >= 0:
                    train.mark[w.open[at]].restart = slope(c, c.v_reset, i)
                    w.open[at] = -1
                s = target - t
                if k > 0 and t == arrival[k - 1].time:
                    if constants:
                        sense(c, v, i, s, w.em[k - 1], w.es[k - 1], w.ka[k - 1], to)
                    v = c.v_inf + (v - c.v_inf) * w.em[k - 1] + i * w.ka[k - 1]
                    i *= w.es[k - 1]
                else:
                    if constants:
                        sense(c, v, i, s, exp(-s * c.rate_mem), exp(-s * c.rate_syn), kappa(c, s), to)
                    flow(c, s, &v, &i)
                t = target
            if due == target:
                v = c.v_th  # the input changes only the current, so it fires now, whatever rounding says
            i += weight[arrival[k].synapse]
            a = arrival[k + 1].time if k + 1 < n else end
            due = self.look(c, v, i, t, release, a) if a > t else INFINITY
        w.v[at] = v
        w.i[at] = i
        w.t[at] = t
        w.release[at] = release
        return 0

    cdef void forward_readout(self, Space w, const Group *g, int unit, const Arrival *arrival, Py_ssize_t n,
                              const double *weight) noexcept nogil:
        """Walk a unit that does not spike along its arrivals, and note its largest membrane."""
        cdef const Cell *c = g.cells + unit * g.stride
        cdef int at = g.base + unit
        cdef double v = w.v[at], i = w.i[at], t = w.t[at], s, before
        cdef Sense *to = &w.sense[at]
        cdef Top *top = w.top + g.first_top + unit
        cdef Py_ssize_t k
        cdef bint constants = self.constants
        for k in range(n):
            s = arrival[k].time - t
            if s > 0.0:
                crest(c, v, i, t, s, constants, to, top)
                if k > 0:
                    if constants:
                        sense(c, v, i, s, w.em[k - 1], w.es[k - 1], w.ka[k - 1], to)
                    v = c.v_inf + (v - c.v_inf) * w.em[k - 1] + i * w.ka[k - 1]
                    i *= w.es[k - 1]
                else:
                    if constants:
                        sense(c, v, i, s, exp(-s * c.rate_mem), exp(-s * c.rate_syn), kappa(c, s), to)
                    flow(c, s, &v, &i)
                t = arrival[k].time
            before = slope(c, v, i)
            i += weight[arrival[k].synapse]
            if v > top.value and before >= 0.0 and slope(c, v, i) <= 0.0:
                top.value, top.time, top.rise, top.synapse = v, t, before, arrival[k].synapse
                top.by_mem, top.by_syn = to.v_mem, to.v_syn
        w.v[at] = v
        w.i[at] = i
        w.t[at] = t

    # Forward, in lockstep -----------------------------------------------------------------------------

    cdef void set_off(self, Space w, int p) noexcept nogil:
        """Begin a sample with a population in lockstep."""
        cdef const Group *g = &self.group[p]
        cdef int k
        w.now[p] = 0.0
        w.n_resting[p] = 0
        memset(w.senses + 6 * g.base, 0, 6 * g.n * sizeof(double))
        for k in range(g.n):
            w.bar[g.base + k] = self.bar_at(g.cells, g.v_init[k] if g.readout else g.cells.v_th)

    cdef inline double bar_at(self, const Cell *c, double v) noexcept nogil:
        """Return v as a bar for `advance`: from v_inf up, and lower by what rounding may do."""
        cdef double d = v - c.v_inf
        return d - 1e-12 * fabs(d)

    cdef int lay_gaps(self, Space w, const Group *g, double before, double after) noexcept nogil:
        """Compute decays and response over the times between `before`, the arrivals, and `after`."""
        cdef Py_ssize_t k, n = w.n_shared
        cdef const Cell *c = g.cells
        cdef double t = before
        if w.make_room(0, n + 2) < 0:
            return NO_MEMORY
        for k in range(n):
            w.gap[k] = w.arrival[k].time - t
            t = w.arrival[k].time
        w.gap[n] = after - t
        w.n_known = 0  # the gaps of `order_arrivals` are others
        self.respond(w, c, n + 1)
        if w.gap[n] == INFINITY:
            w.em[n] = w.es[n] = w.ka[n] = 0.0
        return 0

    cdef Py_ssize_t forward_together(self, Space w, int p, double start, double end) noexcept nogil:
        """Walk all units of a population along the arrivals that they share."""
        cdef const Group *g = &self.group[p]
        cdef const Cell *c = g.cells
        cdef Train *train = &w.fresh[p]
        cdef Py_ssize_t k, n = w.n_shared, m, status, spikes = train.n
        cdef int unit
        cdef double t = w.now[p], target, s, x, first, second
        cdef double *v = w.v + g.base
        cdef double *i = w.i + g.base
        cdef double *v_next = w.spare_v
        cdef double *i_next = w.spare_i
        cdef double *sensed = w.senses + 6 * g.base
        cdef double *sensed_next = sensed + 3 * g.n
        cdef double *swap
        cdef double *bar = w.bar + g.base
        cdef const double *weights = &self.weight[0] + g.first_slot if self.n_synapses else NULL
        cdef const double *weight
        cdef int64_t found
        cdef int32_t *resting = w.resting + g.base
        cdef Gap gap
        cdef Drift drift
        cdef bint constants = self.constants
        if self.lay_gaps(w, g, t, end) < 0:
            return NO_MEMORY
        gap.v_inf = drift.v_inf = c.v_inf
        for k in range(n + 1):
            target = w.arrival[k].time if k < n else end
            weight = weights + <Py_ssize_t> w.arrival[k].synapse * g.n if k < n else w.none
            s = target - t
            if not s > 0.0:
                if k < n:
                    for unit in range(g.n):
                        x = i[unit] + weight[unit]
                        if g.readout:
                            self.note_kink(w, g, unit, t, v[unit], i[unit], x, w.arrival[k].synapse, sensed)
                        i[unit] = x
                continue
            gap.em, gap.es, gap.ka = w.em[k], w.es[k], w.ka[k]
            x = 1.0 - s * c.rate_mem
            gap.linear = x if x > 0.0 else 0.0
            x = s / c.c_mem
            gap.most = x if x < c.peak else c.peak
            found = advance(g.n, &gap, v, i, weight, bar, v_next, i_next, w.excess)
            if constants:
                integrals(c, s if s < INFINITY else 0.0, gap.em, gap.es, gap.ka, &first, &second)
                x = s if s < INFINITY else 0.0
                drift.em, drift.es, drift.ka = gap.em, gap.es, gap.ka
                drift.mem = c.rate_mem * (c.v_inf - c.v_leak) * (1.0 - gap.em)
                drift.mem_by_v = c.rate_mem * c.rate_mem * x * gap.em
                drift.mem_by_i = c.rate_mem * c.rate_mem * second
                drift.syn_by_i = c.rate_syn * c.rate_syn * first
                drift.current_by_i = x * c.rate_syn * c.rate_syn
                drift_all(g.n, &drift, v, i, sensed, sensed + g.n, sensed + 2 * g.n,
                          sensed_next, sensed_next + g.n, sensed_next + 2 * g.n)
            if w.n_resting[p]:
                m = 0
                while m < w.n_resting[p]:
                    unit = resting[m]
                    if w.release[g.base + unit] < target:
                        w.n_resting[p] -= 1
                        resting[m] = resting[w.n_resting[p]]
                        status = self.fire(w, p, unit, t, target, start, v[unit], i[unit], sensed,
                                           v_next, sensed_next)
                        if status < 0:
                            return status
                    else:
                        m += 1
            if found:
                for unit in range(g.n):
                    if w.excess[unit] < 0.0:
                        continue
                    if not g.readout:
                        status = self.fire(w, p, unit, t, target, start, v[unit], i[unit], sensed,
                                           v_next, sensed_next)
                        if status < 0:
                            return status
                        continue
                    self.climb(w, g, unit, t, s, v[unit], i[unit], sensed)
                    if k < n:
                        self.note_kink(w, g, unit, target, v_next[unit], i[unit] * gap.es, i_next[unit],
                                       w.arrival[k].synapse, sensed_next)
            if train.n - spikes > self.max_spikes:
                return TOO_MANY
            if target == INFINITY:
                break  # the state stays, for `finish`
            swap = v
            v = v_next
            v_next = swap
            swap = i
            i = i_next
            i_next = swap
            swap = sensed
            sensed = sensed_next
            sensed_next = swap
            t = target
        if v != w.v + g.base:
            memcpy(w.v + g.base, v, g.n * sizeof(double))
            memcpy(w.i + g.base, i, g.n * sizeof(double))
        if constants and sensed != w.senses + 6 * g.base:
            memcpy(w.senses + 6 * g.base, sensed, 3 * g.n * sizeof(double))
        w.now[p] = t
        if g.readout:
            sensed = w.senses + 6 * g.base
            for unit in range(g.n):
                w.t[g.base + unit] = t
                w.sense[g.base + unit].v_mem = sensed[unit]
                w.sense[g.base + unit].v_syn = sensed[g.n + unit]
                w.sense[g.base + unit].i_syn = sensed[2 * g.n + unit]
        return 0

    cdef void climb(self, Space w, const Group *g, int unit, double t, double s, double v, double i,
                    const double *sensed) noexcept nogil:
        """Note the highest point of a readout inside of a time s, and raise its bar."""
        cdef Sense to
        cdef Top *top = w.top + g.first_top + unit
        to.v_mem, to.v_syn, to.i_syn = sensed[unit], sensed[g.n + unit], sensed[2 * g.n + unit]
        crest(g.cells, v, i, t, s, self.constants, &to, top)
        w.bar[g.base + unit] = self.bar_at(g.cells, top.value)

    cdef void note_kink(self, Space w, const Group *g, int unit, double t, double v, double before, double after,
                        int32_t synapse, const double *sensed) noexcept nogil:
        """Note the membrane of a readout if it is the highest and an arrival, at time t, ends its rise."""
        cdef Top *top = w.top + g.first_top + unit
        cdef double rise
        if v <= top.value:
            return
        rise = slope(g.cells, v, before)
        if rise < 0.0 or slope(g.cells, v, after) > 0.0:
            return
        top.value, top.time, top.rise, top.synapse = v, t, rise, synapse
        top.by_mem, top.by_syn = sensed[unit], sensed[g.n + unit]
        w.bar[g.base + unit] = self.bar_at(g.cells, v)

    cdef int fire(self, Space w, int p, int unit, double t, double target, double start, double v, double i,
                  const double *sensed, double *v_next, double *sensed_next) noexcept nogil:
        """Follow one unit from t to `target` and note its spikes; v and i are its state at t."""
        cdef const Group *g = &self.group[p]
        cdef const Cell *c = g.cells
        cdef Train *train = &w.fresh[p]
        cdef int at = g.base + unit
        cdef double due, time, s, a, release = w.release[at]
        cdef bint constants = self.constants
        cdef Sense to
        cdef Mark mark
        if constants:
            to.v_mem, to.v_syn, to.i_syn = sensed[unit], sensed[g.n + unit], sensed[2 * g.n + unit]
        else:
            to.v_mem = to.v_syn = to.i_syn = 0.0
        if w.bar[at] == INFINITY:
            to.v_mem = to.v_syn = 0.0
        while True:
            if w.bar[at] == INFINITY:  # refractory; the end of it comes before `target`
                if release > t:
                    rest(c, &i, release - t, &to)
                    t = release
                v = c.v_reset
                if w.open[at] >= 0:
                    train.mark[w.open[at]].restart = slope(c, v, i)
                    w.open[at] = -1
                w.bar[at] = self.bar_at(c, c.v_th)
            due = t if v >= c.v_th else t + first_crossing(c, v, i)
            if not due < target:
                break
            time = due if due > start else start
            s = time - t
            if constants:
                sense(c, v, i, s, exp(-s * c.rate_mem), exp(-s * c.rate_syn), kappa(c, s), &to)
            flow(c, s, &v, &i)
            a = slope(c, c.v_th, i)
            mark.time = t = time
            mark.unit = unit
            # A membrane that starts above threshold fires at 0, whatever the parameters.
            mark.inverse = 0.0 if time == 0.0 else 1.0 / a if a > 0.0 else INFINITY
            mark.by_mem, mark.by_syn = to.v_mem, to.v_syn
            to.v_mem = to.v_syn = 0.0
            v = c.v_reset
            release = INFINITY if g.once else time + c.t_ref
            w.release[at] = release
            mark.restart = slope(c, v, i) if release == time else NAN if release < INFINITY else 0.0
            if add_mark(train, &mark) < 0:
                return NO_MEMORY
            if release == time:
                if train.n > self.max_spikes:
                    break
                continue
            w.bar[at] = INFINITY
            if release == INFINITY:
                return 0
            w.open[at] = <int32_t> (train.n - 1)
            if release >= target:
                w.resting[g.base + w.n_resting[p]] = unit
                w.n_resting[p] += 1
                return 0
        s = target - t
        if s < INFINITY:
            if constants:
                sense(c, v, i, s, exp(-s * c.rate_mem), exp(-s * c.rate_syn), kappa(c, s), &to)
                sensed_next[unit], sensed_next[g.n + unit] = to.v_mem, to.v_syn
            flow(c, s, &v, &i)
            # An arrival changes only the current, so what is due with it fires now, whatever rounding says.
            v_next[unit] = c.v_th if due == target else v
        return 0

    # Backward -----------------------------------------------------------------------------------------

    def backward(self, Space space not None, Tape tape not None, Gradients gradients not None):
        """Walk all samples back from `tape.errors`, which become total, and add up the gradients."""
        cdef int s, status = 0
        if tape.error.shape[0] != tape.all.n:
            raise ValueError("clear_errors comes first")
        with nogil:
            for s in range(tape.n_samples):
                status = self.backward_sample(space, tape, s, gradients)
                if status < 0:
                    break
        if status < 0:
            raise MemoryError("no memory left for the arrivals of a backward pass")

    cdef int backward_sample(self, Space w, Tape tape, int s, Gradients gradients) noexcept nogil:
        cdef int p, k, unit, at
        cdef Py_ssize_t first
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
        for window in range(tape.n_windows - 1, -1, -1):
            start = window * tape.width if window else 0.0
            end = (window + 1) * tape.width if window + 1 < tape.n_windows else tape.until
            for k in range(self.n_order - 1, -1, -1):
                p = self.order[k]
                g = &self.group[p]
                if w.train[p].n == 0 and not g.readout:
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
                        first = g.first_slot + <Py_ssize_t> unit * g.n_in
                        self.backward_unit(w, g, &w.train[p], unit, w.arrival,
                                           self.pick(w, first, w.stop[at], start, end), first, start, error,
                                           error + w.shift[p], gradients)
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

    cdef void backward_unit(self, Space w, const Group *g, const Train *train, int unit, Arrival *arrival,
                            Py_ssize_t n, Py_ssize_t first, double start, double *error, double *own_error,
                            Gradients gradients) noexcept nogil:
        """Walk one unit back; `error` is dL/dT of all spikes, `own_error` of those of its population."""
        cdef const Cell *c = g.cells + unit * g.stride
        cdef int at = g.base + unit
        cdef double l_v = w.l_v[at], l_i = w.l_i[at], t = w.t[at], time, event, x, s
        cdef int32_t spike = w.current[at]
        cdef bint quiet = w.quiet[at]
        cdef double *by_weight = gradients.weight + first
        cdef double *by_delay = gradients.delay + first
        cdef double *sums = gradients.unit + 3 * at
        cdef const Mark *mark
        cdef const double *weight = &self.weight[0] + first if self.n_synapses else NULL
        cdef double rate = c.rate_syn, per_c = 1.0 / c.c_mem
        cdef Py_ssize_t k, low
        if g.readout:
            self.backward_readout(w, g, unit, arrival, n, start, 1, weight, by_weight, by_delay, error)
            return
        if spike < 0 and l_v == 0.0 and l_i == 0.0:
            return
        self.order_arrivals(w, g, c, arrival, n)
        if w.n_shared >= 0 and l_v == 0.0 and l_i == 0.0:
            low = 0  # what arrives after the last spike does not matter
            while low < n:
                k = (low + n) // 2
                if arrival[k].time <= w.stop[at]:
                    low = k + 1
                else:
                    n = k
        event = self.own_event(c, train, spike, quiet)
        for k in range(n - 1, -2, -1):
            time = arrival[k].time if k >= 0 else start
            # An arrival at the very time of a spike, or of the end of its refractory time, came before it.
            while event >= time:
                if l_v != 0.0 or l_i != 0.0:
                    s = t - event
                    if l_v != 0.0:
                        l_i = l_i * exp(-s * rate) + l_v * kappa(c, s)
                        l_v *= exp(-s * c.rate_mem)
                    else:
                        l_i *= exp(-s * rate)
                t = event
                mark = &train.mark[spike]
                if not quiet:
                    # The membrane starts anew: what came before acts through the time and the current only.
                    own_error[spike] -= l_v * mark.restart
                    l_v = 0.0
                    quiet = True
                else:
                    x = 0.0
                    if mark.inverse < INFINITY and mark.inverse <= self.max_slope_inverse:
                        x = own_error[spike] * mark.inverse
                    l_v = -x
                    sums[0] -= x * mark.by_mem
                    sums[1] -= x * mark.by_syn
                    sums[2] += x
                    quiet = False
                    spike = mark.before
                event = self.own_event(c, train, spike, quiet)
            if k < 0:
                break
            if l_v != 0.0 or l_i != 0.0:
                if k + 1 < n and t == arrival[k + 1].time:
                    l_i = l_i * w.es[k] + l_v * w.ka[k]
                    l_v *= w.em[k]
                else:
                    s = t - time
                    l_i = l_i * exp(-s * rate) + l_v * kappa(c, s)
                    l_v *= exp(-s * c.rate_mem)
                if fabs(l_v) < FADED and fabs(l_i) < FADED:
                    l_v = l_i = 0.0
                x = weight[arrival[k].synapse] * (l_i * rate - l_v * per_c)
                by_weight[arrival[k].synapse] += l_i
                by_delay[arrival[k].synapse] += x
                error[arrival[k].spike] += x
            t = time
        w.l_v[at] = l_v
        w.l_i[at] = l_i
        w.t[at] = t
        w.current[at] = spike
        w.quiet[at] = quiet

    cdef void backward_readout(self, Space w, const Group *g, int unit, Arrival *arrival, Py_ssize_t n,
                               double start, Py_ssize_t step, const double *weight, double *by_weight,
                               double *by_delay, double *error) noexcept nogil:
        """Walk a unit that does not spike back from its largest membrane; its synapses lie `step` apart.

        Where that lies makes no difference to its height, unless an arrival ended the rise: then the height
        follows the arrival up the slope.
        """
        cdef const Cell *c = g.cells + unit * g.stride
        cdef int at = g.base + unit
        cdef const Top *top = w.top + g.first_top + unit
        cdef double height = w.top_error[g.first_top + unit], l_v = w.l_v[at], l_i = w.l_i[at], t = w.t[at]
        cdef double rate = c.rate_syn, per_c = 1.0 / c.c_mem, s, x
        cdef bint begun = w.quiet[at]
        cdef Py_ssize_t k, m
        if height == 0.0 or top.time == 0.0 or top.time == INFINITY or (not begun and top.time < start):
            return
        self.order_arrivals(w, g, c, arrival, n)
        for k in range(n - 1, -1, -1):
            if not begun:
                if arrival[k].time > top.time:
                    continue
                if top.synapse < 0:
                    begun, l_v, t = True, height, top.time
                elif arrival[k].time == top.time and arrival[k].synapse == top.synapse:
                    begun, l_v, t = True, height, top.time
                    x = height * top.rise
                    by_delay[arrival[k].synapse * step] += x
                    error[arrival[k].spike] += x
                    continue
                else:
                    continue  # at the same time, after it
            if k + 1 < n and t == arrival[k + 1].time:
                l_i = l_i * w.es[k] + l_v * w.ka[k]
                l_v *= w.em[k]
            else:
                s = t - arrival[k].time
                l_i = l_i * exp(-s * rate) + l_v * kappa(c, s)
                l_v *= exp(-s * c.rate_mem)
            t = arrival[k].time
            if fabs(l_v) < FADED and fabs(l_i) < FADED:
                l_v = l_i = 0.0
            m = arrival[k].synapse * step
            x = weight[m] * (l_i * rate - l_v * per_c)
            by_weight[m] += l_i
            by_delay[m] += x
            error[arrival[k].spike] += x
        if not begun:  # nothing arrived before it in this window
            begun, l_v, t = True, height, top.time
        w.l_v[at] = l_v
        w.l_i[at] = l_i
        w.t[at] = t
        w.quiet[at] = begun

    cdef int backward_together(self, Space w, int p, double start, double *error, double *own_error,
                               Gradients gradients) noexcept nogil:
        """Walk all units of a population back along the arrivals that they share."""
        cdef const Group *g = &self.group[p]
        cdef const Cell *c = g.cells
        cdef const Train *train = &w.train[p]
        cdef const Mark *mark
        cdef double *l_v = w.l_v + g.base
        cdef double *l_i = w.l_i + g.base
        cdef double *since = w.t + g.base   # of units that did something within the gap: how far back they are
        cdef double *own_v = w.spare_v      # and their adjoints there
        cdef double *own_i = w.spare_i
        cdef int32_t *acted = w.resting
        cdef double now = w.now[p], lower, event, resumed, x
        cdef const double *weights = &self.weight[0] + g.first_slot if self.n_synapses else NULL
        cdef double *by_weight = gradients.weight + g.first_slot
        cdef double *by_delay = gradients.delay + g.first_slot
        cdef double *sums
        cdef Py_ssize_t k, row, n = w.n_shared
        cdef int unit, m, n_acted
        cdef int64_t spikes = w.spike_left[p], rests = w.rest_left[p]
        cdef bint live = w.live[p]
        if g.readout:
            for unit in range(g.n):
                self.backward_readout(w, g, unit, w.arrival, n, start, g.n, weights + unit, by_weight + unit,
                                      by_delay + unit, error)
            return 0
        if self.lay_gaps(w, g, start, now) < 0:
            return NO_MEMORY
        for k in range(n - 1, -2, -1):
            lower = w.arrival[k].time if k >= 0 else start
            n_acted = 0
            # An arrival at the very time of a spike, or of the end of a refractory time, came before it.
            while True:
                event = train.mark[spikes - 1].time if spikes else -INFINITY
                resumed = train.mark[rests - 1].time + c.t_ref if rests else -INFINITY
                if resumed > event or (resumed == event and rests >= spikes):
                    event = resumed
                    mark = &train.mark[rests - 1]
                else:
                    mark = &train.mark[spikes - 1]
                    resumed = -INFINITY
                if not event >= lower or event == -INFINITY:
                    break
                unit = mark.unit
                m = 0
                while m < n_acted and acted[m] != unit:
                    m += 1
                if m == n_acted:
                    acted[m] = unit
                    n_acted += 1
                    since[unit], own_v[unit], own_i[unit] = now, l_v[unit], l_i[unit]
                self.go_back(c, since[unit] - event, &own_v[unit], &own_i[unit])
                since[unit] = event
                if resumed == event:
                    # The membrane starts anew: what came before acts through the time and the current only.
                    rests -= 1
                    own_error[rests] -= own_v[unit] * mark.restart
                    own_v[unit] = 0.0
                    continue
                spikes -= 1
                x = 0.0
                if mark.inverse < INFINITY and mark.inverse <= self.max_slope_inverse:
                    x = own_error[spikes] * mark.inverse
                own_v[unit] = -x
                sums = gradients.unit + 3 * (g.base + unit)
                sums[0] -= x * mark.by_mem
                sums[1] -= x * mark.by_syn
                sums[2] += x
            if live and now > lower:
                recede(g.n, w.em[k + 1], w.es[k + 1], w.ka[k + 1], l_v, l_i)
            for m in range(n_acted):
                unit = acted[m]
                self.go_back(c, since[unit] - lower, &own_v[unit], &own_i[unit])
                l_v[unit], l_i[unit] = own_v[unit], own_i[unit]
                live = live or own_v[unit] != 0.0 or own_i[unit] != 0.0
            now = lower
            if k < 0:
                break
            if live:
                if k % 64 == 0:
                    fade(g.n, FADED, l_v, l_i)
                row = <Py_ssize_t> w.arrival[k].synapse * g.n
                x = read_off(g.n, c.rate_syn, 1.0 / c.c_mem, l_v, l_i, weights + row, by_weight + row)
                by_delay[row] += x
                error[w.arrival[k].spike] += x
        w.now[p], w.live[p], w.spike_left[p], w.rest_left[p] = now, live, spikes, rests
        return 0

    cdef inline void go_back(self, const Cell *c, double s, double *l_v, double *l_i) noexcept nogil:
        """Take the adjoints of one unit back by a time s."""
        if l_v[0] != 0.0:
            l_i[0] = l_i[0] * exp(-s * c.rate_syn) + l_v[0] * kappa(c, s)
            l_v[0] *= exp(-s * c.rate_mem)
        elif l_i[0] != 0.0:
            l_i[0] *= exp(-s * c.rate_syn)

    cdef inline double own_event(self, const Cell *c, const Train *train, int32_t spike,
                                 bint quiet) noexcept nogil:
        """Return the time of what a unit did before: the end of its refractory time, or its spike."""
        if spike < 0:
            return -INFINITY
        return train.mark[spike].time if quiet else train.mark[spike].time + c.t_ref
