# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The memory of first-spike learning and its walk over layers and samples; arithmetic: `_first_spike.h`.

A `Kernel` holds what one batch needs: spike times of every population, and per layer arrivals, factors,
slopes and errors. Its methods work on a range of samples, or of weights, without the GIL, so that threads
share one kernel; what they write does not overlap, and sums over samples run in the order of the samples.
"""

from libc.math cimport exp, log
from libc.stdint cimport int32_t
from libc.stdlib cimport calloc, free

import numpy as np

cdef extern from "_first_spike.h" nogil:
    enum:
        RATIO_ONE
        RATIO_TWO
        RATIO_ANY
    ctypedef struct fs_layer:
        Py_ssize_t n_in, in_stride, n_post, stride
        int kind
        double tau_mem, tau_syn, c_mem, theta, rate, reach, peak
        const double *weight
        const double *transposed
    ctypedef struct fs_scratch:
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
    int fs_forward(const fs_layer *, const double *t, double *f, double *g, double *T, double *slope,
                   double *origin, fs_scratch *)
    void fs_measured(const fs_layer *, const double *t, const double *T, double *kernel_time, double *slope,
                     fs_scratch *)
    void fs_coefficients(const fs_layer *, const double *t, const double *f, const double *g, double origin,
                         int several, int measured, const double *T, const double *kernel_time,
                         const double *slope, const double *delta, double max_dw_norm, double *p, double *q,
                         fs_scratch *)
    void fs_send(const fs_layer *, Py_ssize_t first, Py_ssize_t n, const double *t, const double *f,
                 const double *g, int several, const double *T, const double *kernel_time, double *out,
                 fs_scratch *)
    void fs_sum_rows(const fs_layer *, Py_ssize_t low, Py_ssize_t high, Py_ssize_t n_samples, const double *t,
                     const double *f, const double *g, const int32_t *several, const double *T,
                     const double *kernel_time, const double *p, const double *q, double *gradient)
    void fs_sum_columns(const fs_layer *, Py_ssize_t low, Py_ssize_t high, Py_ssize_t n_samples,
                        const double *t, const double *f, const double *g, const int32_t *several,
                        const double *T, const double *kernel_time, const double *p, const double *q,
                        double *gradient, double *transposed)
    int VECTOR_LANES, FS_BUCKETS

cdef enum:  # of a thread's scratch
    N_INT_ARRAYS = 3
    N_ARRAYS = 21


cdef struct Link:            # a projection: rows [first, first + n) of its layer's inputs
    int source               # population; sources of the network first, then layers in order
    int first, n


cdef struct Layer:
    fs_layer neurons
    int population, n_links
    Link *links
    double *weight           # (n_in, stride)
    double *transposed       # (n_post, in_stride)
    double *delay            # (n_in,)
    double *gradient         # (n_in, n_post)
    double *sums             # (n_post, in_stride) of a gradient summed by columns
    # per sample
    double *arrival          # (n_samples, in_stride), padded with inf
    double *f
    double *g
    double *origin           # (n_samples,)
    int32_t *several         # (n_samples,)
    double *slope            # (n_samples, stride) of v at the spike
    double *kernel_time      # (n_samples, stride); the spike times themselves unless these were measured
    double *delta            # (n_samples, stride) dL/dT
    double *p
    double *q


cdef int padded(int n) noexcept nogil:
    return (n + VECTOR_LANES - 1) // VECTOR_LANES * VECTOR_LANES


cdef class Kernel:
    """Layers of neurons that spike at most once, for batches of up to `n_samples` samples.

    Parameters
    ----------
    sizes : list of int
        Units of every population: the sources first, then the layers in feed-forward order.
    n_sources : int
    layers : list of (constants, links, delays)
        constants = (tau_mem, tau_syn, c_mem, v_th - v_leak); links = one (population, size) per projection,
        in the order of the layer's inputs; delays = (n_in,) array.
    n_threads : int
        How many callers may work at the same time.
    """

    cdef readonly int n_populations, n_sources, n_layers, n_threads, n_samples
    cdef readonly list gradients     # per layer (n_in, n_post)
    cdef readonly list times         # per population (n_samples, padded), inf where there is no spike
    cdef Layer *layer
    cdef fs_scratch *scratch
    cdef double **time
    cdef int *stride
    cdef list memory, batch_memory, delta_arrays

    def __cinit__(self, list sizes, int n_sources, list layers, int n_threads):
        cdef int k, j, first, widest = 1
        cdef Layer *layer
        self.n_populations, self.n_sources = len(sizes), n_sources
        self.n_layers, self.n_threads, self.n_samples = len(layers), n_threads, 0
        self.memory, self.batch_memory, self.gradients = [], [], []
        self.layer = <Layer *>calloc(self.n_layers, sizeof(Layer))
        self.scratch = <fs_scratch *>calloc(n_threads, sizeof(fs_scratch))
        self.time = <double **>calloc(self.n_populations, sizeof(double *))
        self.stride = <int *>calloc(self.n_populations, sizeof(int))
        if not (self.layer and self.scratch and self.time and self.stride):
            raise MemoryError
        for k in range(self.n_populations):
            self.stride[k] = padded(sizes[k])
        for k in range(self.n_layers):
            constants, links, delays = layers[k]
            layer = &self.layer[k]
            layer.population = n_sources + k
            layer.n_links = len(links)
            layer.links = <Link *>calloc(max(1, layer.n_links), sizeof(Link))
            if not layer.links:
                raise MemoryError
            first = 0
            for j in range(layer.n_links):
                layer.links[j].source, layer.links[j].n = links[j]
                layer.links[j].first = first
                first += layer.links[j].n
            self.set_constants(&layer.neurons, first, sizes[n_sources + k], constants)
            layer.delay = self.doubles(self.memory, np.ascontiguousarray(delays, np.float64))
            layer.weight = self.doubles(self.memory, np.zeros((first, layer.neurons.stride)))
            turned = (layer.neurons.n_post, layer.neurons.in_stride)
            layer.transposed = self.doubles(self.memory, np.zeros(turned))
            layer.sums = self.doubles(self.memory, np.zeros(turned))
            self.gradients.append(np.zeros((first, layer.neurons.n_post)))
            layer.gradient = self.doubles(self.memory, self.gradients[k])
            layer.neurons.weight, layer.neurons.transposed = layer.weight, layer.transposed
            widest = max(widest, layer.neurons.in_stride, layer.neurons.stride)
        for k in range(n_threads):
            self.set_scratch(&self.scratch[k], widest + 2 * VECTOR_LANES)

    def __dealloc__(self):
        cdef int k
        if self.layer:
            for k in range(self.n_layers):
                free(self.layer[k].links)
        free(self.layer)
        free(self.scratch)
        free(self.time)
        free(self.stride)

    cdef double *doubles(self, list owner, object array) except? NULL:
        """Keep `array` alive and return where its values lie."""
        cdef double[::1] view = array.reshape(-1) if array.size else np.zeros(1)
        owner.append(view)
        return &view[0]

    cdef int32_t *ints(self, list owner, int n) except? NULL:
        cdef int32_t[::1] view = np.zeros(n, np.int32)
        owner.append(view)
        return &view[0]

    cdef int set_constants(self, fs_layer *neurons, int n_in, int n_post, tuple constants) except -1:
        cdef double best, rate, tau_mem, tau_syn, c_mem, theta
        tau_mem, tau_syn, c_mem, theta = constants
        neurons.n_in, neurons.n_post = n_in, n_post
        neurons.in_stride, neurons.stride = padded(n_in), padded(n_post)
        neurons.tau_mem, neurons.tau_syn = tau_mem, tau_syn
        neurons.c_mem, neurons.theta = c_mem, theta
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
            neurons.peak = tau_mem * exp(-1.0) / c_mem
        else:
            best = log(tau_mem / tau_syn) / rate
            neurons.peak = (exp(-best / tau_mem) - exp(-best / tau_syn)) / rate / c_mem
        neurons.peak *= 1.000001  # kappa is rounded where it is compared with its bound
        return 0

    cdef int set_scratch(self, fs_scratch *scratch, int n) except -1:
        cdef double *room = self.doubles(self.memory, np.zeros(<int>N_ARRAYS * n))
        cdef int32_t *whole = self.ints(self.memory, <int>N_INT_ARRAYS * n)
        scratch.order, scratch.bucket, scratch.pick = whole, whole + n, whole + 2 * n
        scratch.count = self.ints(self.memory, FS_BUCKETS * n + 1)
        scratch.sorted, scratch.f, scratch.g = room, room + n, room + 2 * n
        scratch.bound_p, scratch.bound_q = room + 3 * n, room + 4 * n
        scratch.decay_mem, scratch.decay_syn = room + 5 * n, room + 6 * n
        scratch.h, scratch.x = room + 7 * n, room + 8 * n
        scratch.P, scratch.Q, scratch.theta = room + 9 * n, room + 10 * n, room + 11 * n
        scratch.alpha, scratch.beta, scratch.limit = room + 12 * n, room + 13 * n, room + 14 * n
        scratch.wait, scratch.current = room + 15 * n, room + 16 * n
        scratch.time_p, scratch.time_q = room + 17 * n, room + 18 * n
        scratch.doubt_alpha, scratch.doubt_beta = room + 19 * n, room + 20 * n
        return 0

    def reserve(self, int n_samples):
        """Make room for batches of `n_samples`."""
        cdef int k
        cdef Layer *layer
        cdef fs_layer *neurons
        if n_samples <= self.n_samples:
            return
        self.n_samples = 0
        self.batch_memory, self.times, self.delta_arrays = [], [], []
        for k in range(self.n_populations):
            self.times.append(np.full((n_samples, self.stride[k]), np.inf))
            self.time[k] = self.doubles(self.batch_memory, self.times[k])
        for k in range(self.n_layers):
            layer = &self.layer[k]
            neurons = &layer.neurons
            layer.arrival = self.doubles(self.batch_memory, np.full(n_samples * neurons.in_stride, np.inf))
            layer.f = self.doubles(self.batch_memory, np.zeros(n_samples * neurons.in_stride))
            layer.g = self.doubles(self.batch_memory, np.zeros(n_samples * neurons.in_stride))
            layer.origin = self.doubles(self.batch_memory, np.zeros(n_samples))
            layer.several = self.ints(self.batch_memory, n_samples)
            layer.slope = self.doubles(self.batch_memory, np.zeros(n_samples * neurons.stride))
            layer.kernel_time = self.doubles(self.batch_memory, np.zeros(n_samples * neurons.stride))
            self.delta_arrays.append(np.zeros((n_samples, neurons.stride)))
            layer.delta = self.doubles(self.batch_memory, self.delta_arrays[k])
            layer.p = self.doubles(self.batch_memory, np.zeros(n_samples * neurons.stride))
            layer.q = self.doubles(self.batch_memory, np.zeros(n_samples * neurons.stride))
        self.n_samples = n_samples

    def load(self, int k, int link, const double[:, ::1] weight, bint measured):
        """Copy the weights (n_pre, n_post) of a projection of layer k; spikes may be measured ones."""
        cdef Layer *layer = &self.layer[k]
        cdef int i, j, row
        if weight.shape[0] != layer.links[link].n or weight.shape[1] != layer.neurons.n_post:
            raise ValueError(f"weights have shape {(weight.shape[0], weight.shape[1])}, "
                             f"expected {(layer.links[link].n, layer.neurons.n_post)}")
        with nogil:
            for i in range(layer.links[link].n):
                row = layer.links[link].first + i
                for j in range(layer.neurons.n_post):
                    layer.weight[<size_t>row * layer.neurons.stride + j] = weight[i, j]
            if measured or layer.links[link].source >= self.n_sources:  # only these errors are sent on
                for j in range(layer.neurons.n_post):
                    for i in range(layer.links[link].n):
                        row = layer.links[link].first + i
                        layer.transposed[<size_t>j * layer.neurons.in_stride + row] = weight[i, j]

    def forward(self, int thread, int low, int high):
        """Compute the spike times of all layers for the samples [low, high) from those of the sources."""
        cdef int s, k, status = 0
        cdef Layer *layer
        cdef double *arrival
        cdef size_t at, in_at
        with nogil:
            for s in range(low, high):
                for k in range(self.n_layers):
                    layer = &self.layer[k]
                    arrival = layer.arrival + <size_t>s * layer.neurons.in_stride
                    self.gather(layer, s, arrival)
                    at = <size_t>s * layer.neurons.stride
                    in_at = <size_t>s * layer.neurons.in_stride
                    status = fs_forward(&layer.neurons, arrival, layer.f + in_at, layer.g + in_at,
                                        self.time[layer.population] + at, layer.slope + at,
                                        &layer.origin[s], &self.scratch[thread])
                    if status < 0:
                        break
                    layer.several[s] = status
                if status < 0:
                    break
        if status < 0:
            raise MemoryError

    cdef void gather(self, Layer *layer, int s, double *arrival) noexcept nogil:
        """Collect the arrival times of a layer's inputs in sample s."""
        cdef int i, j
        cdef Link *link
        cdef const double *source
        for j in range(layer.n_links):
            link = &layer.links[j]
            source = self.time[link.source] + <size_t>s * self.stride[link.source]
            for i in range(link.n):
                arrival[link.first + i] = source[i] + layer.delay[link.first + i]

    def backward(self, double max_dw_norm, bint measured, int thread, int low, int high):
        """Walk back from the errors of the last layers, for the samples [low, high).

        Needs `forward` (or, if the spike times were measured, only these), and `set_error`. Leaves the errors
        of all layers, and the coefficients that `sum_gradient` needs.
        """
        cdef int s, k, j
        cdef size_t at, in_at
        cdef Layer *layer
        cdef Layer *below
        cdef fs_layer *neurons
        cdef Link *link
        cdef fs_scratch *scratch = &self.scratch[thread]
        cdef const double *spikes
        cdef const double *kernel_time
        with nogil:
            for s in range(low, high):
                for k in range(self.n_layers - 1, -1, -1):
                    layer = &self.layer[k]
                    neurons = &layer.neurons
                    at, in_at = <size_t>s * neurons.stride, <size_t>s * neurons.in_stride
                    spikes = self.time[layer.population] + at
                    kernel_time = spikes
                    if measured:
                        self.gather(layer, s, layer.arrival + in_at)
                        layer.several[s] = 1
                        kernel_time = layer.kernel_time + at
                        fs_measured(neurons, layer.arrival + in_at, spikes, layer.kernel_time + at,
                                    layer.slope + at, scratch)
                    fs_coefficients(neurons, layer.arrival + in_at, layer.f + in_at, layer.g + in_at,
                                    layer.origin[s], layer.several[s], measured, spikes, kernel_time,
                                    layer.slope + at, layer.delta + at, max_dw_norm, layer.p + at,
                                    layer.q + at, scratch)
                    for j in range(layer.n_links):
                        link = &layer.links[j]
                        if link.source < self.n_sources:
                            continue
                        below = &self.layer[link.source - self.n_sources]
                        fs_send(neurons, link.first, link.n, layer.arrival + in_at, layer.f + in_at,
                                layer.g + in_at, layer.several[s], spikes, kernel_time,
                                below.delta + <size_t>s * below.neurons.stride, scratch)

    def set_error(self, int n_samples, dict errors):
        """Set dL/dT (n_samples, n) of the layers in `errors` (by index), and 0 for all others."""
        cdef int k
        for k in range(self.n_layers):
            self.delta_arrays[k][:n_samples] = 0.0
            if k in errors:
                self.delta_arrays[k][:n_samples, : self.layer[k].neurons.n_post] = errors[k]

    def error(self, int k, int n_samples):
        """Return dL/dT (n_samples, n) of layer k, a view."""
        return self.delta_arrays[k][:n_samples, : self.layer[k].neurons.n_post]

    def rows_to_sum(self, int k):
        """How many independent rows or columns the gradient of layer k has, see `sum_gradient`."""
        return self.layer[k].neurons.n_post if self.by_columns(k) else self.layer[k].neurons.n_in

    cdef bint by_columns(self, int k) noexcept nogil:
        # The inner loop should be the long one; a row of 16 fills registers well enough.
        return self.layer[k].neurons.n_post < 16 and self.layer[k].neurons.n_post < self.layer[k].neurons.n_in

    def sum_gradient(self, int k, int n_samples, bint measured, int thread, int low, int high):
        """Sum dL/dw of layer k over the samples into `gradients`, for the rows (or columns) [low, high)."""
        cdef Layer *layer = &self.layer[k]
        cdef const double *spikes = self.time[layer.population]
        cdef const double *kernel_time = spikes
        if measured:
            kernel_time = layer.kernel_time
        with nogil:
            if self.by_columns(k):
                fs_sum_columns(&layer.neurons, low, high, n_samples, layer.arrival, layer.f, layer.g,
                               layer.several, spikes, kernel_time, layer.p, layer.q, layer.gradient,
                               layer.sums)
            else:
                fs_sum_rows(&layer.neurons, low, high, n_samples, layer.arrival, layer.f, layer.g,
                            layer.several, spikes, kernel_time, layer.p, layer.q, layer.gradient)
