# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# distutils: extra_compile_args = -O3
"""The forward pass of layers of neurons that spike at most once: spike times of the samples of a batch.

The arithmetic is in `_rows_forward.h` for layers whose inputs arrive in the same order at every neuron, and in
`_lanes_forward.h` for others. Methods work on blocks of LANES samples without the GIL, so that threads share a
batch; what they write does not overlap.
"""

from libc.math cimport INFINITY
from libc.string cimport memcpy

from eventsim.kernels.draws cimport stamped
from eventsim.models.gradients.first_spike._batch cimport Batch
from eventsim.models.gradients.first_spike._parameters cimport (
    LANES, Layer, LayerParameters, Link, Scratch, lanes_layer, lanes_noise, lanes_scratch, rows_layer, rows_scratch
)


cdef extern from "eventsim/models/gradients/first_spike/_rows_forward.h" nogil:
    int rows_forward(const rows_layer *, Py_ssize_t n, const double *t, double *T, double *slope,
                     rows_scratch *)
    void rows_measured(const rows_layer *, const double *t, const double *T, double *kernel_time,
                       double *slope,
                       rows_scratch *)


cdef extern from "eventsim/models/gradients/first_spike/_lanes_forward.h" nogil:
    void lanes_forward(const lanes_layer *, const lanes_noise *, double *T, double *slope, lanes_scratch *)
    void lanes_measured(const lanes_layer *, const lanes_noise *, const double *T, double *kernel_time,
                        double *slope,
                        lanes_scratch *)


cdef void pad(double *row, size_t n, size_t stride) noexcept nogil:
    cdef size_t i
    for i in range(n, stride):
        row[i] = INFINITY


cdef void turn_back(const double *lanes, size_t n, size_t n_samples, double *rows, size_t stride,
                    double nothing) noexcept nogil:
    cdef size_t i, s
    for s in range(n_samples):
        for i in range(n):
            rows[s * stride + i] = lanes[i * LANES + s]
        for i in range(n, stride):
            rows[s * stride + i] = nothing


cdef class ForwardLayers(LayerParameters):
    """Layers with a forward pass."""

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
