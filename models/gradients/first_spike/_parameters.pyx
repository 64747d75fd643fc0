# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Parameters of layers of neurons that spike at most once, in the order in which the passes read them.

Users and optimisers change arrays of their own; `refresh` copies what has changed.
"""

from libc.math cimport exp, isfinite
from libc.stdint cimport int32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy

import numpy as np

from eventsim.models.gradients.first_spike._parameters cimport (
    AXONAL, LANES, LANES_SPAN, N_CACHED, N_PIECE, ROWS_BUCKETS, ROWS_TOGETHER, SYNAPTIC, UNIFORM, VECTOR_LANES, Layer,
    Link, Scratch, lanes_layer, padded, rows_layer, rows_scratch, set_constants
)

cdef enum:  # of a thread's scratch
    N_INT_ARRAYS = 3
    N_ARRAYS = 21


def sorting_network(int n):
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


cdef class LayerParameters:
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
            pairs = sorting_network(n_in)
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
        """Copy the parameters that have changed; returns whether they are valid."""
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
