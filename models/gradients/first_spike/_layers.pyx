# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Layers of neurons that spike at most once, and their walk forward and back over the samples of a batch.

The arithmetic is in `_rows.h`, for layers whose inputs arrive in the same order at every neuron, and in
`_lanes.h` for others. `Layers` keeps the parameters as these want them; a `Batch` has the spikes
of one run. Methods work on blocks of LANES samples, or on rows of weights, without the GIL, so that threads
share one batch; what they write does not overlap, and sums over samples run in the order of the samples.
"""

from libc.math cimport INFINITY, exp, isfinite, log
from libc.stdint cimport int32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy, memset

import numpy as np

from eventsim.kernels.draws cimport stamped

cdef extern from "eventsim/models/gradients/first_spike/_lanes.h" nogil:
    enum:
        RATIO_ONE
        RATIO_TWO
        RATIO_ANY
    ctypedef struct rows_layer:
        Py_ssize_t n_in, in_stride, n_post, stride
        int kind
        double tau_mem, tau_syn, c_mem, theta, rate, reach, peak
        const double *weight
        const double *transposed
    ctypedef struct rows_scratch:
        int32_t *order
        int32_t *bucket
        int32_t *count
        int32_t *pick
        double *doubt_alpha
        double *doubt_beta
        double *sorted
        double *f
        double *g
        double *bound_p
        double *bound_q
        double *decay_mem
        double *decay_syn
        double *h
        double *x
        double *P
        double *Q
        double *theta
        double *alpha
        double *beta
        double *limit
        double *wait
        double *current
        double *time_p
        double *time_q
    ctypedef struct lanes_layer:
        Py_ssize_t n_in, in_stride, n_post
        rows_layer unit
        const rows_layer *units
        double c_mem
        int powers
        const double *theta
        const double *weight
        const double *delay
        const double *grow
        const int32_t *pairs
        Py_ssize_t n_pairs
    ctypedef struct lanes_scratch:
        double *t
        double *u
        double *key
        double *w
    ctypedef struct lanes_noise:
        const double *jitter
        const double *theta
        Py_ssize_t n_samples
    int rows_forward(const rows_layer *, Py_ssize_t n, const double *t, double *T, double *slope,
                     rows_scratch *)
    int rows_prepare(const rows_layer *, const double *t, double *f, double *g, double *origin)
    void rows_measured(const rows_layer *, const double *t, const double *T, double *kernel_time,
                       double *slope,
                       rows_scratch *)
    void rows_coefficients(const rows_layer *, const double *t, const double *f, const double *g,
                           double origin,
                           int several, int measured, const double *T, const double *kernel_time,
                           const double *slope, const double *delta, double max_dw_norm, double *p, double *q,
                           rows_scratch *)
    void rows_send(const rows_layer *, Py_ssize_t first, Py_ssize_t n, const double *t, const double *f,
                   const double *g, int several, const double *T, const double *kernel_time, double *out,
                   rows_scratch *)
    void rows_sum_rows(const rows_layer *, Py_ssize_t low, Py_ssize_t high, Py_ssize_t n_samples,
                       const double *t,
                       const double *f, const double *g, const int32_t *several, const double *T,
                       const double *kernel_time, const double *p, const double *q, double *gradient)
    void rows_sum_columns(const rows_layer *, Py_ssize_t low, Py_ssize_t high, Py_ssize_t n_samples,
                          const double *t, const double *f, const double *g, const int32_t *several,
                          const double *T, const double *kernel_time, const double *p, const double *q,
                          double *gradient, double *transposed)
    void rows_constants(const rows_layer *, Py_ssize_t n_in, const double *t, const double *w, double T,
                        double kernel_time, double scale, double *by_mem, double *by_syn)
    void lanes_forward(const lanes_layer *, const lanes_noise *, double *T, double *slope, lanes_scratch *)
    void lanes_measured(const lanes_layer *, const lanes_noise *, const double *T, double *kernel_time,
                        double *slope,
                        lanes_scratch *)
    void lanes_backward(const lanes_layer *, const lanes_noise *, int measured, const double *T,
                        const double *kernel_time, const double *slope, const double *delta, double max_dw_norm,
                        double *by_weight, double *by_delay, double *by_theta, double *sent, lanes_scratch *)
    int VECTOR_LANES, ROWS_BUCKETS, ROWS_TOGETHER, LANES
    double LANES_SPAN

cdef enum:  # of a thread's scratch
    N_INT_ARRAYS = 3
    N_ARRAYS = 21

cdef enum:  # kinds of delays
    UNIFORM
    AXONAL
    DENDRITIC
    SYNAPTIC

cdef enum:
    N_PIECE = 16  # blocks of samples whose backward pass is in memory at once
    N_CACHED = 768 * 1024  # bytes of weights that are taken to stay in a cache

BLOCK = LANES
PIECE = N_PIECE


cdef struct Link:            # a projection: rows [first, first + n) of its layer's inputs
    int source               # population; sources of the network first, then layers in order
    int first, n, kind
    const double *weight     # the parameters
    const double *delay
    bint wants_delay


cdef struct Layer:
    rows_layer neurons
    lanes_layer target          # as `_lanes.h` wants it
    bint by_target           # whether that is what runs
    int n_together           # else, how many samples read the weights together
    int population, n_links
    Link *links
    const double *tau_mem    # the parameters
    const double *tau_syn
    const double *v_th
    int n_mem, n_syn, n_th   # how many there are: 1, or one for each neuron
    rows_layer *units          # (n_post,) constants of each neuron, or NULL if all are alike
    const double *v_leak     # (n_post,)
    double *weight           # (n_in, stride)
    double *transposed       # (n_post, in_stride)
    double *delay            # (n_in,), or (n_post, in_stride) by target
    double *grow             # (n_post, in_stride) by target
    double *theta            # (n_post,)
    double *gradient         # (n_in, n_post)
    double *sums             # (n_post, in_stride) of a gradient summed by columns
    # of one piece of a backward pass
    double *arrival          # (n, in_stride), padded with inf
    double *f
    double *g
    int32_t *several         # (n,)
    double *p                # (n, stride)
    double *q
    size_t partial           # where its sums begin in those of a block


cdef struct Scratch:         # memory of one thread
    rows_scratch *shared       # for each of some samples
    lanes_scratch target
    double *arrival
    double *sent
    double *T
    double *slope
    double *kernel
    double *delta


cdef int padded(int n) noexcept nogil:
    return (n + VECTOR_LANES - 1) // VECTOR_LANES * VECTOR_LANES


def _sorting_network(int n):
    """Return the pairs that Batcher's merge exchange compares (Knuth, volume 3, algorithm 5.2.2 M)."""
    pairs = []
    cdef int p, q, r, d, i, top = 1
    while top < n:
        top *= 2
    p = top // 2
    while p > 0:
        q, r, d = top // 2, 0, p
        while True:
            for i in range(n - d):
                if i & p == r:
                    pairs.append((i, i + d))
            if q == p:
                break
            d, q, r = q - p, q // 2, p
        p //= 2
    return np.array(pairs, np.int32).reshape(-1, 2)


cdef class Batch:
    """Spikes of the samples of one run.

    Parameters
    ----------
    layers : Layers
    n_samples : int
    measured : bool
        Whether spike times are not those of the ideal network; see `Layers.measure`.
    """

    cdef readonly int n_samples, n_blocks
    cdef readonly bint measured
    cdef readonly size_t nbytes
    cdef Layers layers
    cdef double **time           # per population (n_samples, stride), inf where there is no spike
    cdef double **delta          # per population (n_samples, stride) dL/dT; NULL before a backward pass
    cdef double **slope          # per layer (n_samples, stride) of v at the spike
    cdef double **kernel_time    # the same; the spike times themselves unless these were measured
    cdef const double **jitter   # per layer (n_samples, n_in, n_post) of delays, or NULL
    cdef const double **offset   # per layer (n_samples, n_post) of thresholds, or NULL
    cdef const double **shift    # per layer (n_samples, n_post) of spike times, or NULL
    cdef double *clock           # per layer, period of the time stamps of its spikes; 0 for none
    cdef list memory, time_arrays, delta_arrays, slope_arrays, kernel_arrays

    def __cinit__(self, Layers layers, int n_samples, bint measured=False):
        cdef int k
        self.layers, self.n_samples, self.measured = layers, n_samples, measured
        self.n_blocks = (n_samples + LANES - 1) // LANES
        self.memory, self.time_arrays, self.delta_arrays, self.slope_arrays = [], [], [], []
        self.kernel_arrays = []
        self.nbytes = 0
        self.time = <double **>calloc(8 * layers.n_populations, sizeof(double *))
        if not self.time:
            raise MemoryError
        self.delta = self.time + layers.n_populations
        self.slope = self.delta + layers.n_populations
        self.kernel_time = self.slope + layers.n_populations
        self.jitter = <const double **>(self.kernel_time + layers.n_populations)
        self.offset = self.jitter + layers.n_populations
        self.shift = self.offset + layers.n_populations
        self.clock = <double *>(self.shift + layers.n_populations)
        for k in range(layers.n_populations):
            self.time[k] = self.rows(self.time_arrays, layers.stride[k])
        for k in range(layers.n_layers):
            self.slope[k] = self.rows(self.slope_arrays, layers.stride[layers.n_sources + k])
            self.kernel_time[k] = self.time[layers.n_sources + k]
            if measured:
                self.kernel_time[k] = self.rows(self.kernel_arrays, layers.stride[layers.n_sources + k])

    def __dealloc__(self):
        free(self.time)

    cdef double *rows(self, list owner, int stride) except? NULL:
        cdef double[:, ::1] view
        array = np.empty((max(1, self.n_samples), stride))
        view = array
        owner.append(array)
        self.nbytes += array.nbytes
        return &view[0, 0]

    def put(self, int population, const double[:, :] times, double until=INFINITY):
        """Set the spike times (n_samples, n) of a population; those from `until` on are left out."""
        cdef Py_ssize_t s, i, n = times.shape[1]
        cdef int stride = self.layers.stride[population]
        cdef double *row
        cdef double t
        with nogil:
            for s in range(self.n_samples):
                row = self.time[population] + s * stride
                for i in range(n):
                    t = times[s, i]
                    row[i] = t if t < until else INFINITY
                for i in range(n, stride):
                    row[i] = INFINITY

    def disturb(self, int k, jitter, offset, shift, double clock=0.0):
        """Let layer k deviate: delays (n_samples, n_in, n_post), thresholds and spike times (n_samples, n).

        Each is a C-contiguous array, or None. Spike times are then moved to the next multiple of `clock`.
        """
        self.clock[k] = clock
        self.jitter[k] = self.kept(jitter)
        self.offset[k] = self.kept(offset)
        self.shift[k] = self.kept(shift)

    cdef const double *kept(self, object array) except? NULL:
        cdef const double[::1] view
        if array is None or array.size == 0:
            return NULL
        view = array.reshape(-1)
        self.memory.append(view)
        self.nbytes += array.nbytes
        return &view[0]

    def times(self, int population):
        """Return the spike times (n_samples, n) of a population, a view."""
        return self.time_arrays[population][: self.n_samples, : self.layers.sizes[population]]

    def crossings(self, int k):
        """Return when membranes of layer k crossed threshold (n_samples, n), a view; before `Layers.measure` only.

        Of a run that is measured; these differ from its spike times by how late spikes were.
        """
        return self.kernel_arrays[k][: self.n_samples, : self.layers.sizes[self.layers.n_sources + k]]

    def slopes(self, int k):
        """Return the slopes of v at the spikes (n_samples, n) of a layer, a view."""
        return self.slope_arrays[k][: self.n_samples, : self.layers.sizes[self.layers.n_sources + k]]

    def errors(self, int population):
        """Return dL/dT (n_samples, n) of a population, a view; None before a backward pass."""
        if not self.delta_arrays:
            return None
        return self.delta_arrays[population][: self.n_samples, : self.layers.sizes[population]]

    def clear_errors(self):
        """Set all errors to 0."""
        cdef int k
        cdef size_t n
        for k in range(self.layers.n_populations):
            if len(self.delta_arrays) <= k:
                self.delta[k] = self.rows(self.delta_arrays, self.layers.stride[k])
            n = <size_t>self.n_samples * self.layers.stride[k]
            memset(self.delta[k], 0, n * sizeof(double))

    def add_errors(self, int population, const double[:, :] errors):
        """Add dL/dT (n_samples, n) of a population; returns whether all of them are finite."""
        cdef Py_ssize_t s, i
        cdef double *row
        cdef bint fine = True
        with nogil:
            for s in range(self.n_samples):
                row = self.delta[population] + s * self.layers.stride[population]
                for i in range(errors.shape[1]):
                    fine = fine and isfinite(errors[s, i])
                    row[i] += errors[s, i]
        return fine


cdef class Layers:
    """Layers of neurons that spike at most once, with parameters that others change.

    Parameters
    ----------
    sizes : list of int
        Units of every population: the sources first, then the layers in feed-forward order.
    n_sources : int
    layers : list of (by_target, constants, v_leak, c_mem, links)
        Whether each synapse has an arrival time of its own; constants = (tau_mem, tau_syn, v_th), arrays that
        may change; v_leak (n,). links = one (population, kind, weight, delay) for each projection, the last
        two arrays that may change and kind 0 to 3 for uniform, axonal, dendritic and synaptic delays.
    n_threads : int
        How many callers may work at the same time.
    """

    cdef readonly int n_populations, n_sources, n_layers, n_threads
    cdef readonly list sizes
    cdef readonly object values      # all parameters as they were carried over, one array; replaced, not changed
    cdef list memory, piece_memory, gradients, more
    cdef Layer *layer
    cdef Scratch *scratch
    cdef int *stride
    cdef const double **part         # the parameters
    cdef size_t *part_size
    cdef int n_parts
    cdef size_t n_values, n_partial
    cdef int n_piece                 # samples there is room for in a piece
    cdef int n_together              # samples whose arrivals are scanned together where that pays
    cdef double *partial             # (PIECE, n_partial)
    cdef double *total               # (n_partial,)
    cdef bint wants_times, wants_weights, wants_constants

    def __cinit__(self, list sizes, int n_sources, list layers, int n_threads):
        cdef int k, j, first, n_parts, widest = 1
        cdef Layer *layer
        cdef Link *link
        self.n_populations, self.n_sources, self.sizes = len(sizes), n_sources, sizes
        self.n_layers, self.n_threads, self.n_together = len(layers), n_threads, 1
        self.memory, self.piece_memory, self.gradients, self.values = [], [], [], None
        self.layer = <Layer *>calloc(self.n_layers, sizeof(Layer))
        self.scratch = <Scratch *>calloc(n_threads, sizeof(Scratch))
        self.stride = <int *>calloc(self.n_populations, sizeof(int))
        n_parts = sum(3 + 2 * len(links) for *_, links in layers)
        self.part = <const double **>calloc(n_parts, sizeof(double *))
        self.part_size = <size_t *>calloc(n_parts, sizeof(size_t))
        if not (self.layer and self.scratch and self.stride and self.part and self.part_size):
            raise MemoryError
        for k in range(self.n_populations):
            self.stride[k] = padded(sizes[k])
        for k in range(self.n_layers):
            by_target, constants, v_leak, c_mem, links = layers[k]
            layer = &self.layer[k]
            layer.by_target = by_target
            layer.population = n_sources + k
            layer.n_links = len(links)
            layer.links = <Link *>calloc(max(1, layer.n_links), sizeof(Link))
            if not layer.links:
                raise MemoryError
            first = 0
            for j in range(layer.n_links):
                link = &layer.links[j]
                link.source, link.kind, weight, delay = links[j]
                link.n, link.first = sizes[link.source], first
                link.weight, link.delay = self.parameter(weight), self.parameter(delay)
                first += link.n
            layer.tau_mem, layer.tau_syn = self.parameter(constants[0]), self.parameter(constants[1])
            layer.v_th = self.parameter(constants[2])
            layer.n_mem, layer.n_syn, layer.n_th = (array.size for array in constants)
            layer.v_leak = self.doubles(self.memory, np.ascontiguousarray(v_leak, np.float64))
            self.set_memory(layer, first, sizes[n_sources + k], c_mem)
            widest = max(widest, layer.neurons.in_stride, layer.neurons.stride)
            layer.n_together = 1
            if not layer.by_target and first * layer.neurons.stride * sizeof(double) > <size_t>N_CACHED:
                layer.n_together = self.n_together = ROWS_TOGETHER
        self.partial = self.doubles(self.memory, np.zeros(<int>N_PIECE * self.n_partial))
        self.total = self.doubles(self.memory, np.zeros(self.n_partial))
        for k in range(n_threads):
            self.scratch[k].shared = <rows_scratch *>calloc(self.n_together, sizeof(rows_scratch))
            if not self.scratch[k].shared:
                raise MemoryError
            self.set_scratch(&self.scratch[k], widest + 2 * VECTOR_LANES)

    def __dealloc__(self):
        cdef int k
        if self.layer:
            for k in range(self.n_layers):
                free(self.layer[k].links)
                free(self.layer[k].units)
        if self.scratch:
            for k in range(self.n_threads):
                free(self.scratch[k].shared)
        free(self.layer)
        free(self.scratch)
        free(self.stride)
        free(self.part)
        free(self.part_size)

    cdef double *doubles(self, list owner, object array) except? NULL:
        """Keep `array` alive and return where its values lie."""
        cdef double[::1] view = array.reshape(-1) if array.size else np.zeros(1)
        owner.append(view)
        return &view[0]

    cdef int32_t *ints(self, list owner, object array) except? NULL:
        cdef int32_t[::1] view = array.reshape(-1) if array.size else np.zeros(1, np.int32)
        owner.append(view)
        return &view[0]

    cdef const double *parameter(self, object array) except? NULL:
        """Keep an array that others change, and return where its values lie."""
        self.part[self.n_parts] = self.doubles(self.memory, array)
        self.part_size[self.n_parts] = array.size
        self.n_values += array.size
        self.n_parts += 1
        return self.part[self.n_parts - 1]

    cdef int set_memory(self, Layer *layer, int n_in, int n_post, double c_mem) except -1:
        cdef rows_layer *neurons = &layer.neurons
        cdef lanes_layer *target = &layer.target
        neurons.n_in, neurons.n_post, neurons.c_mem = n_in, n_post, c_mem
        neurons.in_stride, neurons.stride = padded(n_in), padded(n_post)
        turned = (n_post, neurons.in_stride)
        layer.transposed = self.doubles(self.memory, np.zeros(turned))
        layer.theta = self.doubles(self.memory, np.zeros(n_post))
        if layer.n_mem > 1 or layer.n_syn > 1:
            layer.units = <rows_layer *>calloc(n_post, sizeof(rows_layer))
            if not layer.units:
                raise MemoryError
        target.units = layer.units
        layer.partial = self.n_partial
        self.n_partial += 3 * n_post
        gradient = np.zeros((n_in, n_post))
        self.gradients.append(gradient)
        layer.gradient = self.doubles(self.memory, gradient)
        if layer.by_target:
            layer.delay = self.doubles(self.memory, np.zeros(turned))
            layer.grow = self.doubles(self.memory, np.ones(turned))
            pairs = _sorting_network(n_in)
            target.pairs, target.n_pairs = self.ints(self.memory, pairs), len(pairs)
            self.n_partial += 2 * n_post * neurons.in_stride
        else:
            layer.delay = self.doubles(self.memory, np.zeros(n_in))
            layer.weight = self.doubles(self.memory, np.zeros((n_in, neurons.stride)))
            layer.sums = self.doubles(self.memory, np.zeros(turned))
            self.n_partial += neurons.in_stride
        neurons.weight, neurons.transposed = layer.weight, layer.transposed
        target.n_in, target.in_stride, target.n_post = n_in, neurons.in_stride, n_post
        target.weight, target.delay, target.grow = layer.transposed, layer.delay, layer.grow
        target.theta, target.c_mem = layer.theta, c_mem
        return 0

    cdef int set_scratch(self, Scratch *scratch, int n) except -1:
        cdef int k
        cdef double *room
        for k in range(self.n_together):
            self.set_shared(&scratch.shared[k], n)
        scratch.arrival = self.doubles(self.memory, np.full(n * self.n_together, np.inf))
        scratch.sent = self.doubles(self.memory, np.zeros(n * LANES))
        room = self.doubles(self.memory, np.zeros(8 * n * LANES))
        n *= LANES
        scratch.target.t, scratch.target.u = room, room + n
        scratch.target.key, scratch.target.w = room + 2 * n, room + 3 * n
        scratch.T, scratch.slope = room + 4 * n, room + 5 * n
        scratch.kernel, scratch.delta = room + 6 * n, room + 7 * n
        return 0

    cdef int set_shared(self, rows_scratch *shared, int n) except -1:
        cdef double *room = self.doubles(self.memory, np.zeros(<int>N_ARRAYS * n))
        cdef int32_t *whole = self.ints(self.memory, np.zeros(<int>N_INT_ARRAYS * n, np.int32))
        shared.order, shared.bucket, shared.pick = whole, whole + n, whole + 2 * n
        shared.count = self.ints(self.memory, np.zeros(ROWS_BUCKETS * n + 1, np.int32))
        shared.sorted, shared.f, shared.g = room, room + n, room + 2 * n
        shared.bound_p, shared.bound_q = room + 3 * n, room + 4 * n
        shared.decay_mem, shared.decay_syn = room + 5 * n, room + 6 * n
        shared.h, shared.x = room + 7 * n, room + 8 * n
        shared.P, shared.Q, shared.theta = room + 9 * n, room + 10 * n, room + 11 * n
        shared.alpha, shared.beta, shared.limit = room + 12 * n, room + 13 * n, room + 14 * n
        shared.wait, shared.current = room + 15 * n, room + 16 * n
        shared.time_p, shared.time_q = room + 17 * n, room + 18 * n
        shared.doubt_alpha, shared.doubt_beta = room + 19 * n, room + 20 * n
        return 0

    # Values ---------------------------------------------------------------------------------------------

    def refresh(self):
        """Carry parameters over that have changed; returns whether they are such as can be used."""
        cdef int k
        cdef size_t i, at = 0
        cdef double[::1] values
        if self.values is not None and self.holds(self.values):
            return True
        array = np.empty(max(1, self.n_values))
        values = array
        for k in range(self.n_parts):
            memcpy(&values[at], self.part[k], self.part_size[k] * sizeof(double))
            at += self.part_size[k]
        for i in range(self.n_values):
            if not isfinite(values[i]):
                return False
        self.values = None
        for k in range(self.n_layers):
            if not self.carry(&self.layer[k]):
                return False
        self.values = array
        return True

    def holds(self, const double[::1] values):
        """Return whether the parameters have these values, to the bit."""
        cdef int k
        cdef size_t at = 0
        for k in range(self.n_parts):
            if memcmp(&values[at], self.part[k], self.part_size[k] * sizeof(double)) != 0:
                return False
            at += self.part_size[k]
        return True

    cdef bint carry(self, Layer *layer) noexcept nogil:
        cdef int i, j, one, row, n_post = layer.neurons.n_post
        cdef size_t stride = layer.neurons.stride, in_stride = layer.neurons.in_stride
        cdef Link *link
        cdef double d, w, longest = 0.0, tau_mem = layer.tau_mem[0], tau_syn = layer.tau_syn[0]
        for j in range(n_post):
            if not (layer.tau_mem[j if layer.n_mem > 1 else 0] > 0 and layer.tau_syn[j if layer.n_syn > 1 else 0] > 0):
                return False
            layer.theta[j] = layer.v_th[j if layer.n_th > 1 else 0] - layer.v_leak[j]
            if not layer.theta[j] > 0:
                return False
        set_constants(&layer.neurons, tau_mem, tau_syn, layer.theta[0])
        layer.target.unit = layer.neurons
        layer.target.unit.theta = 1.0
        layer.target.unit.c_mem = 1.0
        layer.target.unit.peak = layer.neurons.peak * layer.neurons.c_mem
        if layer.units:
            for j in range(n_post):
                layer.units[j] = layer.target.unit
                set_constants(&layer.units[j], layer.tau_mem[j if layer.n_mem > 1 else 0],
                              layer.tau_syn[j if layer.n_syn > 1 else 0], 1.0)
        for one in range(layer.n_links):
            link = &layer.links[one]
            for i in range(link.n):
                row = link.first + i
                if not layer.by_target:
                    layer.delay[row] = link.delay[i if link.kind == AXONAL else 0]
                    if layer.delay[row] < 0:
                        return False
                for j in range(n_post):
                    w = link.weight[<size_t>i * n_post + j]
                    layer.transposed[j * in_stride + row] = w
                    if not layer.by_target:
                        # A neuron of another threshold crosses when one of the first threshold and such weights does;
                        # only forward passes may have such neurons here.
                        layer.weight[row * stride + j] = w * (layer.theta[0] / layer.theta[j])
                        continue
                    if link.kind == SYNAPTIC:
                        d = link.delay[<size_t>i * n_post + j]
                    elif link.kind == UNIFORM:
                        d = link.delay[0]
                    else:
                        d = link.delay[i if link.kind == AXONAL else j]
                    if d < 0:
                        return False
                    longest = max(longest, d)
                    layer.delay[j * in_stride + row] = d
        layer.target.powers = longest <= 0.1 * LANES_SPAN * tau_mem
        if layer.by_target and layer.target.powers:
            for i in range(n_post * <int>in_stride):
                layer.grow[i] = exp(layer.delay[i] / tau_mem)
        return True

    def want(self, list delays, bint weights, bint constants, bint times):
        """Choose what a backward pass computes: for each layer, of which projections dL/ddelay."""
        cdef int k, j
        for k in range(self.n_layers):
            for j in range(self.layer[k].n_links):
                self.layer[k].links[j].wants_delay = delays[k][j]
        self.wants_weights, self.wants_constants, self.wants_times = weights, constants, times

    # Forward --------------------------------------------------------------------------------------------

    cdef void gather(self, Layer *layer, Batch batch, int s, double *arrival) noexcept nogil:
        """Collect the arrival times of a layer's inputs in sample s."""
        cdef int i, j
        cdef Link *link
        cdef const double *source
        for j in range(layer.n_links):
            link = &layer.links[j]
            source = batch.time[link.source] + <size_t>s * self.stride[link.source]
            for i in range(link.n):
                arrival[link.first + i] = source[i] + layer.delay[link.first + i]

    cdef void gather_lanes(self, Layer *layer, Batch batch, int first, int n, double *t) noexcept nogil:
        """Collect the spike times of a layer's inputs in the samples [first, first + n), side by side."""
        cdef int j
        cdef Link *link
        for j in range(layer.n_links):
            link = &layer.links[j]
            turn(batch.time[link.source] + <size_t>first * self.stride[link.source],
                 self.stride[link.source], link.n, n, t + <size_t>link.first * LANES, INFINITY)

    cdef lanes_noise noise(self, Layer *layer, Batch batch, int k, int first, int n) noexcept nogil:
        cdef lanes_noise noise
        cdef size_t n_post = layer.neurons.n_post
        noise.jitter = noise.theta = NULL
        noise.n_samples = n
        if batch.jitter[k]:
            noise.jitter = batch.jitter[k] + first * layer.neurons.n_in * n_post
        if batch.offset[k]:
            noise.theta = batch.offset[k] + first * n_post
        return noise

    def forward(self, Batch batch, double until, int thread, int low, int high):
        """Compute the spike times of all layers for the blocks [low, high) from those of the sources."""
        cdef int b, s, k, first, n, status = 0
        cdef Layer *layer
        cdef Scratch *scratch = &self.scratch[thread]
        cdef double *time
        cdef size_t stride
        with nogil:
            for b in range(low, high):
                first = b * LANES
                n = min(<int>LANES, batch.n_samples - first)
                for k in range(self.n_layers):
                    layer = &self.layer[k]
                    stride = layer.neurons.stride
                    time = batch.time[layer.population] + first * stride
                    if layer.by_target:
                        self.forward_lanes(layer, batch, k, first, n, scratch)
                    else:
                        status = self.forward_rows(layer, batch, k, first, n, scratch)
                    if status < 0:
                        break
                    if batch.measured:
                        self.delay_spikes(layer, batch, k, first, n)
                    if until < INFINITY:
                        for s in range(n * <int>stride):
                            if time[s] >= until:
                                time[s] = INFINITY
                if status < 0:
                    break
        if status < 0:
            raise MemoryError

    cdef int forward_rows(self, Layer *layer, Batch batch, int k, int first, int n,
                          Scratch *scratch) noexcept nogil:
        cdef size_t stride = layer.neurons.stride, in_stride = layer.neurons.in_stride
        cdef double *time = batch.time[layer.population] + first * stride
        cdef double *slope = batch.slope[k] + first * stride
        cdef int s, some, low = 0
        for s in range(layer.n_together):
            pad(scratch.arrival + s * in_stride, layer.neurons.n_in, in_stride)
        while low < n:
            some = min(layer.n_together, n - low)
            for s in range(some):
                self.gather(layer, batch, first + low + s, scratch.arrival + s * in_stride)
            if rows_forward(&layer.neurons, some, scratch.arrival, time + low * stride, slope + low * stride,
                            scratch.shared) < 0:
                return -1
            low += some
        return 0

    cdef void forward_lanes(self, Layer *layer, Batch batch, int k, int first, int n,
                            Scratch *scratch) noexcept nogil:
        cdef lanes_noise noise = self.noise(layer, batch, k, first, n)
        cdef size_t stride = layer.neurons.stride, n_post = layer.neurons.n_post
        cdef double *time = batch.time[layer.population] + first * stride
        self.gather_lanes(layer, batch, first, n, scratch.target.t)
        lanes_forward(&layer.target, &noise, scratch.T, scratch.slope, &scratch.target)
        turn_back(scratch.T, n_post, n, time, stride, INFINITY)
        turn_back(scratch.slope, n_post, n, batch.slope[k] + first * stride, stride, 0.0)

    cdef void delay_spikes(self, Layer *layer, Batch batch, int k, int first, int n) noexcept nogil:
        """Keep when neurons crossed threshold, and move their spikes to when they leave."""
        cdef size_t stride = layer.neurons.stride, n_post = layer.neurons.n_post, s, j
        cdef double *time = batch.time[layer.population] + first * stride
        cdef const double *shift = batch.shift[k] + first * n_post if batch.shift[k] else NULL
        memcpy(batch.kernel_time[k] + first * stride, time, n * stride * sizeof(double))
        for s in range(n):
            for j in range(n_post):
                if shift:
                    time[s * stride + j] += shift[s * n_post + j]
                if batch.clock[k] > 0 and time[s * stride + j] < INFINITY:
                    time[s * stride + j] = stamped(time[s * stride + j], batch.clock[k])

    def measure(self, Batch batch, int thread, int low, int high):
        """Find how the spike times of all populations, measured ones, enter the closed forms."""
        cdef int b, s, k, first, n
        cdef Layer *layer
        cdef Scratch *scratch = &self.scratch[thread]
        cdef lanes_noise noise
        cdef size_t at, stride
        with nogil:
            for b in range(low, high):
                first = b * LANES
                n = min(<int>LANES, batch.n_samples - first)
                for k in range(self.n_layers):
                    layer = &self.layer[k]
                    stride = layer.neurons.stride
                    at = first * stride
                    if layer.by_target:
                        noise = self.noise(layer, batch, k, first, n)
                        self.gather_lanes(layer, batch, first, n, scratch.target.t)
                        turn(batch.time[layer.population] + at, stride, layer.neurons.n_post, n, scratch.T,
                             INFINITY)
                        lanes_measured(&layer.target, &noise, scratch.T, scratch.kernel, scratch.slope,
                                       &scratch.target)
                        turn_back(scratch.kernel, layer.neurons.n_post, n, batch.kernel_time[k] + at, stride,
                                  INFINITY)
                        turn_back(scratch.slope, layer.neurons.n_post, n, batch.slope[k] + at, stride, 0.0)
                        continue
                    pad(scratch.arrival, layer.neurons.n_in, layer.neurons.in_stride)
                    for s in range(n):
                        self.gather(layer, batch, first + s, scratch.arrival)
                        rows_measured(&layer.neurons, scratch.arrival, batch.time[layer.population] + at,
                                      batch.kernel_time[k] + at, batch.slope[k] + at, scratch.shared)
                        at += stride

    # Backward -------------------------------------------------------------------------------------------

    def reserve(self, int n_samples):
        """Make room for the backward pass of this many samples, or of a piece if they are more."""
        cdef int k
        cdef Layer *layer
        cdef size_t n = min(n_samples, <int>N_PIECE * LANES)
        if n <= <size_t>self.n_piece:
            return
        self.n_piece, self.piece_memory = 0, []
        for k in range(self.n_layers):
            layer = &self.layer[k]
            if layer.by_target:
                continue
            layer.arrival = self.doubles(self.piece_memory, np.full(n * layer.neurons.in_stride, np.inf))
            layer.f = self.doubles(self.piece_memory, np.zeros(n * layer.neurons.in_stride))
            layer.g = self.doubles(self.piece_memory, np.zeros(n * layer.neurons.in_stride))
            layer.several = self.ints(self.piece_memory, np.zeros(n, np.int32))
            layer.p = self.doubles(self.piece_memory, np.zeros(n * layer.neurons.stride))
            layer.q = self.doubles(self.piece_memory, np.zeros(n * layer.neurons.stride))
        self.n_piece = n

    def backward(self, Batch batch, double max_dw_norm, double min_slope, int piece, int thread, int low,
                 int high):
        """Walk back from the errors in the batch, for the blocks [low, high) of a piece.

        Leaves the errors of all populations in the batch, sums over each block, and what `sum_weights` needs.
        """
        cdef int b, k, first, n
        cdef Scratch *scratch = &self.scratch[thread]
        cdef double *partial
        with nogil:
            for b in range(low, high):
                first = (piece * <int>N_PIECE + b) * LANES
                n = min(<int>LANES, batch.n_samples - first)
                partial = self.partial + b * self.n_partial
                memset(partial, 0, self.n_partial * sizeof(double))
                for k in range(self.n_layers - 1, -1, -1):
                    if self.layer[k].by_target:
                        self.backward_lanes(batch, k, first, n, max_dw_norm, min_slope,
                                            partial + self.layer[k].partial, scratch)
                    else:
                        self.backward_rows(batch, k, first, n, b * LANES, max_dw_norm, min_slope,
                                           partial + self.layer[k].partial, scratch)

    cdef void backward_rows(self, Batch batch, int k, int first, int n, int row, double max_dw_norm,
                            double min_slope, double *partial, Scratch *scratch) noexcept nogil:
        """Samples [first, first + n) of a layer with arrivals in common; `row` is the first in the piece."""
        cdef Layer *layer = &self.layer[k]
        cdef rows_layer *neurons = &layer.neurons
        cdef size_t stride = neurons.stride, in_stride = neurons.in_stride, n_post = neurons.n_post
        cdef size_t at, in_at, j
        cdef double *by_mem = partial + n_post
        cdef double *by_delay = partial + 3 * n_post
        cdef double *delta = scratch.shared.wait
        cdef double *slope
        cdef double *kernel_time
        cdef double *time
        cdef double origin, scale
        cdef Link *link
        cdef double *below
        cdef int s, i, one
        for s in range(n):
            at, in_at = (first + s) * stride, (row + s) * in_stride
            time, kernel_time = batch.time[layer.population] + at, batch.kernel_time[k] + at
            slope = batch.slope[k] + at
            self.gather(layer, batch, first + s, layer.arrival + in_at)
            layer.several[row + s] = rows_prepare(neurons, layer.arrival + in_at, layer.f + in_at,
                                                  layer.g + in_at, &origin)
            for j in range(stride):
                delta[j] = batch.delta[layer.population][at + j] if slope[j] > min_slope else 0.0
            rows_coefficients(neurons, layer.arrival + in_at, layer.f + in_at, layer.g + in_at, origin,
                              layer.several[row + s], batch.measured, time, kernel_time, slope, delta,
                              max_dw_norm, layer.p + (row + s) * stride, layer.q + (row + s) * stride,
                              scratch.shared)
            for j in range(n_post):
                if time[j] < INFINITY and slope[j] > 0 and delta[j] != 0:
                    scale = delta[j] / slope[j]
                    partial[j] += scale
                    if self.wants_constants:
                        rows_constants(neurons, neurons.n_in, layer.arrival + in_at,
                                       layer.transposed + j * in_stride, time[j], kernel_time[j], scale,
                                       &by_mem[j], &by_mem[n_post + j])
            for one in range(layer.n_links):
                link = &layer.links[one]
                below = NULL
                if self.wants_times or link.source >= self.n_sources:
                    below = batch.delta[link.source] + <size_t>(first + s) * self.stride[link.source]
                if not link.wants_delay:
                    if below:
                        rows_send(neurons, link.first, link.n, layer.arrival + in_at, layer.f + in_at,
                                  layer.g + in_at, layer.several[row + s], time, kernel_time, below,
                                  scratch.shared)
                    continue
                memset(scratch.sent, 0, link.n * sizeof(double))
                rows_send(neurons, link.first, link.n, layer.arrival + in_at, layer.f + in_at,
                          layer.g + in_at,
                          layer.several[row + s], time, kernel_time, scratch.sent, scratch.shared)
                for i in range(link.n):
                    by_delay[link.first + i] += scratch.sent[i]
                    if below:
                        below[i] += scratch.sent[i]

    cdef void backward_lanes(self, Batch batch, int k, int first, int n, double max_dw_norm,
                             double min_slope, double *partial, Scratch *scratch) noexcept nogil:
        cdef Layer *layer = &self.layer[k]
        cdef lanes_noise noise = self.noise(layer, batch, k, first, n)
        cdef size_t stride = layer.neurons.stride, in_stride = layer.neurons.in_stride
        cdef size_t n_post = layer.neurons.n_post, at = first * stride, j, n_synapses = n_post * in_stride
        cdef double *sent = NULL
        cdef double *by_mem = partial + n_post
        cdef rows_layer neurons
        cdef Link *link
        cdef int i, one, s
        cdef double scale
        for one in range(layer.n_links):
            if self.wants_times or layer.links[one].source >= self.n_sources:
                sent = scratch.sent
        self.gather_lanes(layer, batch, first, n, scratch.target.t)
        turn(batch.time[layer.population] + at, stride, n_post, n, scratch.T, INFINITY)
        turn(batch.kernel_time[k] + at, stride, n_post, n, scratch.kernel, INFINITY)
        turn(batch.slope[k] + at, stride, n_post, n, scratch.slope, 0.0)
        turn(batch.delta[layer.population] + at, stride, n_post, n, scratch.delta, 0.0)
        if min_slope > 0:
            for j in range(n_post * LANES):
                if not scratch.slope[j] > min_slope:
                    scratch.delta[j] = 0.0
        if sent:
            memset(sent, 0, layer.neurons.n_in * LANES * sizeof(double))
        lanes_backward(&layer.target, &noise, batch.measured, scratch.T, scratch.kernel, scratch.slope,
                       scratch.delta, max_dw_norm, partial + 3 * n_post, partial + 3 * n_post + n_synapses,
                       partial, sent, &scratch.target)
        if self.wants_constants:
            for s in range(n):
                for j in range(n_post):
                    scale = scratch.slope[j * LANES + s]
                    if not (scale > 0 and scratch.T[j * LANES + s] < INFINITY):
                        continue
                    scale = scratch.delta[j * LANES + s] / scale
                    for i in range(layer.neurons.n_in):
                        scratch.arrival[i] = scratch.target.t[i * LANES + s] + layer.delay[j * in_stride + i]
                        if noise.jitter:
                            scratch.arrival[i] += noise.jitter[(s * layer.neurons.n_in + i) * n_post + j]
                    neurons = layer.neurons
                    if layer.units:
                        set_constants(&neurons, layer.units[j].tau_mem, layer.units[j].tau_syn,
                                      layer.theta[j])
                    rows_constants(&neurons, layer.neurons.n_in, scratch.arrival,
                                   layer.transposed + j * in_stride, scratch.T[j * LANES + s],
                                   scratch.kernel[j * LANES + s], scale, &by_mem[j], &by_mem[n_post + j])
        if sent:
            for one in range(layer.n_links):
                link = &layer.links[one]
                if self.wants_times or link.source >= self.n_sources:
                    add_back(sent + <size_t>link.first * LANES, link.n, n,
                             batch.delta[link.source] + <size_t>first * self.stride[link.source],
                             self.stride[link.source])

    def clear_sums(self):
        """Start sums over all pieces of a batch."""
        memset(self.total, 0, self.n_partial * sizeof(double))

    def add_blocks(self, int n_blocks):
        """Add the sums of the blocks of a piece, in their order."""
        cdef size_t i
        cdef int b
        cdef const double *partial
        with nogil:
            for b in range(n_blocks):
                partial = self.partial + b * self.n_partial
                for i in range(self.n_partial):
                    self.total[i] += partial[i]

    def shares_arrivals(self, int k):
        """Whether the inputs of layer k arrive in the same order at every neuron."""
        return not self.layer[k].by_target

    def rows_to_sum(self, int k):
        """How many independent rows or columns the gradient of layer k has, see `sum_weights`."""
        return self.layer[k].neurons.n_post if self.by_columns(k) else self.layer[k].neurons.n_in

    cdef bint by_columns(self, int k) noexcept nogil:
        # The inner loop should be the long one; a row of 16 fills registers well enough.
        return self.layer[k].neurons.n_post < 16 and self.layer[k].neurons.n_post < self.layer[k].neurons.n_in

    def sum_weights(self, Batch batch, int k, int piece, int thread, int low, int high):
        """Sum dL/dw of layer k over the samples of a piece, for the rows (or columns) [low, high)."""
        cdef Layer *layer = &self.layer[k]
        cdef size_t first = <size_t>piece * N_PIECE * LANES
        cdef Py_ssize_t n = min(<int>N_PIECE * LANES, batch.n_samples - <int>first)
        cdef const double *spikes = batch.time[layer.population] + first * layer.neurons.stride
        cdef const double *kernel_time = batch.kernel_time[k] + first * layer.neurons.stride
        with nogil:
            if self.by_columns(k):
                rows_sum_columns(&layer.neurons, low, high, n, layer.arrival, layer.f, layer.g,
                                 layer.several, spikes, kernel_time, layer.p, layer.q, layer.gradient,
                                 layer.sums)
            else:
                rows_sum_rows(&layer.neurons, low, high, n, layer.arrival, layer.f, layer.g,
                              layer.several, spikes, kernel_time, layer.p, layer.q, layer.gradient)

    def weight_gradient(self, int k):
        """Return the sums of `sum_weights` (n_in, n_post) of layer k, a view that the next sum overwrites."""
        return self.gradients[k]

    def synapse_gradients(self, int k, int one):
        """Return dL/dw (n_pre, n_post) and dL/ddelay, as its kind wants it, of one projection into layer k.

        Of layers whose inputs arrive in the same order at every neuron, the former is None.
        """
        cdef Layer *layer = &self.layer[k]
        cdef Link *link = &layer.links[one]
        cdef size_t n_post = layer.neurons.n_post, in_stride = layer.neurons.in_stride, j
        cdef const double *by_delay = self.total + layer.partial + 3 * n_post
        cdef const double *by_weight = by_delay
        cdef double[:, ::1] weight, delay
        cdef double d
        cdef int i
        cdef bint by_source = link.kind == AXONAL or link.kind == SYNAPTIC
        cdef bint by_neuron = link.kind == DENDRITIC or link.kind == SYNAPTIC
        delays = np.zeros((link.n if by_source else 1, n_post if by_neuron else 1))
        delay = delays
        if not layer.by_target:
            for i in range(link.n):
                delay[i if by_source else 0, 0] += by_delay[link.first + i]
            return None, delays
        by_delay += n_post * in_stride
        weights = np.empty((link.n, n_post))
        weight = weights
        for j in range(n_post):
            for i in range(link.n):
                weight[i, j] = by_weight[j * in_stride + link.first + i]
                d = by_delay[j * in_stride + link.first + i]
                delay[i if by_source else 0, j if by_neuron else 0] += d
        return weights, delays

    def unit_gradients(self, int k):
        """Return dL/dv_th, dL/dtau_mem and dL/dtau_syn of layer k, shape (3, n_post)."""
        cdef Layer *layer = &self.layer[k]
        cdef double[:, ::1] found
        array = np.empty((3, layer.neurons.n_post))
        found = array
        memcpy(&found[0, 0], self.total + layer.partial, array.size * sizeof(double))
        return array


cdef void set_constants(rows_layer *neurons, double tau_mem, double tau_syn, double theta) noexcept nogil:
    cdef double best, rate
    neurons.tau_mem, neurons.tau_syn, neurons.theta = tau_mem, tau_syn, theta
    neurons.kind = RATIO_TWO if tau_mem == 2.0 * tau_syn else RATIO_ANY
    if tau_mem == tau_syn:
        neurons.kind = RATIO_ONE
    rate = 0.0 if neurons.kind == RATIO_ONE else (tau_mem - tau_syn) / (tau_mem * tau_syn)
    neurons.rate = rate
    # P + Q h loses a factor e^{rate x} of precision, and e^{x/tau} must stay far from overflow.
    neurons.reach = 16.0 * min(tau_mem, tau_syn)
    if rate > 0.0:
        neurons.reach = min(neurons.reach, 2.0 / rate)
    if neurons.kind == RATIO_ONE:
        neurons.peak = tau_mem * exp(-1.0) / neurons.c_mem
    else:
        best = log(tau_mem / tau_syn) / rate
        neurons.peak = (exp(-best / tau_mem) - exp(-best / tau_syn)) / rate / neurons.c_mem
    neurons.peak *= 1.000001  # kappa is rounded where it is compared with its bound


cdef void pad(double *row, size_t n, size_t stride) noexcept nogil:
    cdef size_t i
    for i in range(n, stride):
        row[i] = INFINITY


cdef void turn(const double *rows, size_t stride, size_t n, size_t n_samples, double *lanes,
               double nothing) noexcept nogil:
    """Lay the rows (n_samples, stride) of n values each side by side, (n, LANES)."""
    cdef size_t i, s
    for i in range(n):
        for s in range(n_samples):
            lanes[i * LANES + s] = rows[s * stride + i]
        for s in range(n_samples, LANES):
            lanes[i * LANES + s] = nothing


cdef void turn_back(const double *lanes, size_t n, size_t n_samples, double *rows, size_t stride,
                    double nothing) noexcept nogil:
    cdef size_t i, s
    for s in range(n_samples):
        for i in range(n):
            rows[s * stride + i] = lanes[i * LANES + s]
        for i in range(n, stride):
            rows[s * stride + i] = nothing


cdef void add_back(const double *lanes, size_t n, size_t n_samples, double *rows,
                   size_t stride) noexcept nogil:
    cdef size_t i, s
    for s in range(n_samples):
        for i in range(n):
            rows[s * stride + i] += lanes[i * LANES + s]
