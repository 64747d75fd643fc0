"""Spikes of the samples of one run."""

from eventsim.models.gradients.first_spike._parameters cimport LayerParameters


cdef class Batch:
    cdef readonly int n_samples, n_blocks
    cdef readonly bint measured
    cdef readonly size_t nbytes
    cdef LayerParameters layers
    cdef double **time           # per population (n_samples, stride), inf where there is no spike
    cdef double **delta          # per population (n_samples, stride) dL/dT; NULL before a backward pass
    cdef double **slope          # per layer (n_samples, stride) of v at the spike
    cdef double **kernel_time    # the same; the spike times themselves unless these were measured
    cdef const double **jitter   # per layer (n_samples, n_in, n_post) of delays, or NULL
    cdef const double **offset   # per layer (n_samples, n_post) of thresholds, or NULL
    cdef const double **shift    # per layer (n_samples, n_post) of spike times, or NULL
    cdef double *clock           # per layer, period of the time stamps of its spikes; 0 for none
    cdef list memory, time_arrays, delta_arrays, slope_arrays, kernel_arrays

    cdef double *rows(self, list owner, int stride) except? NULL
    cdef const double *kept(self, object array) except? NULL
