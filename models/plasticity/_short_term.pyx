# distutils: extra_compile_args = -O3
# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Short-term depression and facilitation: the spike of a source acts with a share of the weight, which follows from its past.

All synapses of a group that share source and delay have seen the same spikes, so one row of state serves them all.
"""

from libc.math cimport INFINITY, exp
from libc.stdint cimport int64_t

import numpy as np

from eventsim.engine cimport Engine
from eventsim.models.plasticity.spike_rule cimport SpikeRule
from eventsim.population cimport SynapseGroup
from eventsim.synapses cimport Synapses


cdef class ShortTerm(SpikeRule):
    """The resources of the synapses of one projection.

    Parameters
    ----------
    synapses : Synapses
    engine : Engine, optional
        None on the schedules without a queue.
    utilization, tau_rec, tau_fac : ndarray, shape (n_pre,)
    """

    cdef const double[::1] utilization, tau_rec, tau_fac
    cdef double[::1] x, u, last     # (n_rows,) resources and their use, at the last spike, and its time of emission
    cdef double[::1] scaled

    def __init__(self, Synapses synapses not None, Engine engine, utilization, tau_rec, tau_fac):
        super().__init__(synapses, engine, plastic=False)
        self.scales = True
        self.utilization, self.tau_rec, self.tau_fac = utilization, tau_rec, tau_fac
        not_above_1 = float(np.nextafter(1.0, 2.0))
        self.x = self.array("x", self.n_rows, 1.0, low=0.0, high=not_above_1)
        self.u = self.array("u", self.n_rows, 0.0, low=0.0, high=not_above_1)
        self.last = self.array("last", self.n_rows, -np.inf, high="now")
        cdef int64_t most = 0
        cdef int source
        for source in range(synapses.pre.n):
            most = max(most, synapses.first(source + 1) - synapses.first(source))
        self.scaled = np.empty(most)

    cdef int on_arrival(
            self, double time, double emitted, int source, int64_t first, SynapseGroup *group) except -1 nogil:
        cdef int64_t row = first if self.own_rows else source
        cdef double since = self.last[row] - emitted, used = self.utilization[source], factor
        cdef Py_ssize_t k
        self.x[row] = 1.0 + (self.x[row] * (1.0 - self.u[row]) - 1.0) * exp(since / self.tau_rec[source])
        if self.tau_fac[source] > 0.0 and since > -INFINITY:
            self.u[row] = used + self.u[row] * (1.0 - used) * exp(since / self.tau_fac[source])
        else:
            self.u[row] = used
        self.last[row] = emitted
        factor = self.u[row] * self.x[row]
        if group.w64 != NULL:
            for k in range(group.n):
                self.scaled[k] = factor * group.w64[k]
        elif group.w32 != NULL:
            for k in range(group.n):
                self.scaled[k] = factor * group.w32[k]
        else:
            group.w *= factor
            return 0
        group.w64 = &self.scaled[0]
        group.w32 = NULL
        return 0
