"""Fan-out of a projection, stored by source."""

from cpython.ref cimport PyObject
from libc.stdint cimport int32_t, int64_t

from eventsim.engine.engine cimport Engine
from eventsim.population.population cimport SynapseGroup, SpikeSink, Population


cdef enum DelayKind:
    UNIFORM = 0
    AXONAL = 1
    SYNAPTIC = 2


cdef class Synapses(SpikeSink):
    cdef readonly str name
    cdef readonly Population pre, post
    cdef readonly int64_t n
    cdef readonly int receptor              # of the targets
    cdef int delay_kind
    cdef double one_delay
    cdef const double *axonal           # (n_pre,)
    cdef const double *d64              # (n,) in storage order, or NULL
    cdef const float *d32
    cdef const int32_t *by_delay        # (n,) the synapses of each source by delay, or NULL: they are stored so
    cdef readonly bint redelayed        # delays have changed, so that late places may be under way
    cdef const int64_t *start           # (n_pre + 1,), or NULL: n_post synapses each
    cdef const int32_t *target          # (n,), or NULL: every unit in order
    cdef double *w64
    cdef float *w32
    cdef double w
    cdef readonly dict arrays           # owners of the memory above
    cdef readonly list observers        # of ArrivalObserver, in the order in which they see an arrival
    cdef PyObject **watching
    cdef int n_observers
    cdef bint observed
    cdef int observe(self, double time, double emitted, int source, int64_t first, SynapseGroup *group) except -1 nogil
    # The group of synapses of `pre` from position `cursor` on that share a delay: fills `group` and `delay`, moves the cursor.
    # Returns 0 if there is none left.
    cdef int next_group(self, int pre, int64_t *cursor, double *delay, SynapseGroup *group) except -1 nogil
    # From now on the groups given out before are no longer needed.
    cdef void renew(self) noexcept nogil
    cdef inline int64_t first(self, int pre) noexcept nogil:
        return self.start[pre] if self.start != NULL else <int64_t> pre * self.post.n
    # The group that a spike reaches which stands for a place, its first synapse, and the next place or -1; returns the source.
    cdef int take_group(self, int64_t place, int64_t *begin, int64_t *following, SynapseGroup *group) except -1 nogil
    cdef void fill(self, SynapseGroup *group, int64_t begin, int64_t stop) noexcept nogil
    cdef int list_targets(self) except -1
    # The synapse at a place in the order of delays.
    cdef inline int64_t stored(self, int64_t place) noexcept nogil:
        return self.by_delay[place] if self.by_delay != NULL else place
    cdef int source_of(self, int64_t synapse) noexcept nogil
    cdef double delay_at(self, int64_t synapse) noexcept nogil
    # Give every synapse a weight of its own, a double, and return these weights.
    cdef double *own_weights(self) except? NULL
