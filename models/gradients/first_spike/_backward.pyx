# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# distutils: extra_compile_args = -O3
"""The backward pass of layers of neurons that spike at most once: from errors of spikes to every parameter.

The arithmetic is in `_rows_backward.h` for layers whose inputs arrive in the same order at every neuron, and in
`_lanes_backward.h` for others. Methods work on blocks of LANES samples, or on rows of weights, without the GIL, so
that threads share a batch; what they write does not overlap, and sums over samples run in the order of the samples.
"""

from libc.math cimport INFINITY
from libc.stdint cimport int32_t
from libc.string cimport memcpy, memset

import numpy as np

from eventsim.models.gradients.first_spike._batch cimport Batch
from eventsim.models.gradients.first_spike._forward cimport ForwardLayers, turn
from eventsim.models.gradients.first_spike._parameters cimport (
    AXONAL, DENDRITIC, LANES, N_PIECE, SYNAPTIC, Layer, Link, Scratch, lanes_layer, lanes_noise, lanes_scratch,
    rows_layer, rows_scratch, set_constants
)


cdef extern from "eventsim/models/gradients/first_spike/_rows_backward.h" nogil:
    int rows_prepare(const rows_layer *, const double *t, double *f, double *g, double *origin)
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


cdef extern from "eventsim/models/gradients/first_spike/_lanes_backward.h" nogil:
    void lanes_backward(const lanes_layer *, const lanes_noise *, int measured, const double *T,
                        const double *kernel_time, const double *slope, const double *delta, double max_dw_norm,
                        double *by_weight, double *by_delay, double *by_theta, double *sent, lanes_scratch *)


BLOCK = LANES
PIECE = N_PIECE


cdef void add_back(const double *lanes, size_t n, size_t n_samples, double *rows,
                   size_t stride) noexcept nogil:
    cdef size_t i, s
    for s in range(n_samples):
        for i in range(n):
            rows[s * stride + i] += lanes[i * LANES + s]


cdef class Layers(ForwardLayers):
    """Layers with a forward and a backward pass; parameters as `LayerParameters`."""

    def want(self, list delays, bint weights, bint constants, bint times):
        """Choose what a backward pass computes: for each layer, of which projections dL/ddelay."""
        cdef int k, j
        for k in range(self.n_layers):
            for j in range(self.layer[k].n_links):
                self.layer[k].links[j].wants_delay = delays[k][j]
        self.wants_weights, self.wants_constants, self.wants_times = weights, constants, times

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
        """Run the backward pass from the errors in the batch, for the blocks [low, high) of a piece.

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
