# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Spikes of the samples of one run of layers, their slopes and errors, and the noise of the run."""

from libc.math cimport INFINITY, isfinite
from libc.stdlib cimport calloc, free
from libc.string cimport memset

import numpy as np

from eventsim.models.gradients.first_spike._parameters cimport LayerParameters


cdef extern from "eventsim/models/gradients/first_spike/_layer_records.h" nogil:
    int LANES


cdef class Batch:
    """Spikes of the samples of one run.

    Parameters
    ----------
    layers : LayerParameters
    n_samples : int
    measured : bool
        Whether spike times are not those of the ideal network; see `Layers.measure`.
    """

    def __cinit__(self, LayerParameters layers, int n_samples, bint measured=False):
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
