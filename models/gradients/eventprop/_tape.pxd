"""Spikes of a forward pass, and sums of derivatives of an adjoint pass."""

from libc.stdint cimport int32_t, int64_t


cdef struct SpikeRecord:
    # A spike on the tape: 48 bytes.
    double time
    double inverse      # 1 / v' just before it; 0 if no membrane decides when it comes, inf if it grazes
    double restart      # v' when its refractory time ends
    double by_mem       # dv/dtau_mem and dv/dtau_syn just before it, since the spike before
    double by_syn
    int32_t unit
    int32_t before      # the unit's spike before it, -1 if there is none


cdef struct SpikeTrain:
    SpikeRecord *record
    Py_ssize_t n, capacity


cdef struct MembraneMaximum:
    # The largest membrane of a unit that cannot spike: 48 bytes.
    double value, time
    double by_mem, by_syn   # dv/dtau_mem and dv/dtau_syn then
    double rise             # v' just before, if an arrival ended the rise: the maximum moves with it; else 0
    int32_t synapse         # of that arrival, -1 if v' = 0 or the run ends


cdef enum:
    NO_MEMORY = -1
    TOO_MANY = -2
    INTERRUPTED = -3


cdef int grow_train(SpikeTrain *train, Py_ssize_t n) noexcept nogil


cdef inline int reserve_spikes(SpikeTrain *train, Py_ssize_t n) noexcept nogil:
    """Make room for n more spikes."""
    return grow_train(train, n) if train.n + n > train.capacity else 0


cdef inline int append_spike(SpikeTrain *train, const SpikeRecord *record) noexcept nogil:
    if reserve_spikes(train, 1) < 0:
        return NO_MEMORY
    train.record[train.n] = record[0]
    train.n += 1
    return 0


cdef void sort_spikes(SpikeRecord *a, Py_ssize_t n) noexcept nogil


cdef class Tape:
    cdef SpikeTrain all
    cdef int64_t[::1] start             # (n_samples * n_populations + 1,)
    cdef double[::1] error              # (n_spikes,) dL/dT
    cdef double[:, ::1] maximum         # (n_samples, 6 n_readouts), each six a `MembraneMaximum`
    cdef double[:, ::1] maximum_error   # (n_samples, n_readouts) dL/dv of the largest membranes
    cdef readonly int n_samples, n_populations
    cdef readonly double until, width, bin_width
    cdef readonly long long n_windows

    cdef reserve_maxima(self, int n)
    cdef void shrink(self) noexcept nogil


cdef class Gradients:
    cdef readonly object weights, delays, units
    cdef double *weight
    cdef double *delay
    cdef double *unit
