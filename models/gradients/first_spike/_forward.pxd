"""The forward pass of layers, for many samples."""

from libc.math cimport INFINITY

from eventsim.models.gradients.first_spike._batch cimport Batch
from eventsim.models.gradients.first_spike._parameters cimport LANES, Layer, LayerParameters, Scratch, lanes_noise


cdef inline void turn(const double *rows, size_t stride, size_t n, size_t n_samples, double *lanes,
                      double nothing) noexcept nogil:
    """Lay the rows (n_samples, stride) of n values each side by side, (n, LANES)."""
    cdef size_t i, s
    for i in range(n):
        for s in range(n_samples):
            lanes[i * LANES + s] = rows[s * stride + i]
        for s in range(n_samples, LANES):
            lanes[i * LANES + s] = nothing


cdef class ForwardLayers(LayerParameters):
    cdef void gather(self, Layer *layer, Batch batch, int s, double *arrival) noexcept nogil
    cdef void gather_lanes(self, Layer *layer, Batch batch, int first, int n, double *t) noexcept nogil
    cdef lanes_noise noise(self, Layer *layer, Batch batch, int k, int first, int n) noexcept nogil
    cdef int forward_rows(self, Layer *layer, Batch batch, int k, int first, int n,
                          Scratch *scratch) noexcept nogil
    cdef void forward_lanes(self, Layer *layer, Batch batch, int k, int first, int n,
                            Scratch *scratch) noexcept nogil
    cdef void delay_spikes(self, Layer *layer, Batch batch, int k, int first, int n) noexcept nogil
