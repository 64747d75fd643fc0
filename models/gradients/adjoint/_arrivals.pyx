# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# distutils: extra_compile_args = -O3
"""Which spikes arrive where within a window of an adjoint pass."""

from libc.stdint cimport int64_t
from libc.stdlib cimport qsort
from libc.string cimport memset

from eventsim.models.gradients.adjoint._network cimport Group, Link
from eventsim.models.gradients.adjoint._tape cimport Spike
from eventsim.models.gradients.adjoint._workspace cimport Arrival, Train


cdef int by_time_and_synapse(const void *a, const void *b) noexcept nogil:
    cdef const Arrival *x = <const Arrival *> a
    cdef const Arrival *y = <const Arrival *> b
    if x.time != y.time:
        return -1 if x.time < y.time else 1
    if x.synapse != y.synapse:
        return -1 if x.synapse < y.synapse else 1
    return -1 if x.spike < y.spike else (1 if x.spike > y.spike else 0)


cdef inline void sort_arrivals(Arrival *a, Py_ssize_t n) noexcept nogil:
    """Sort the arrivals of a unit; they are few or nearly in order."""
    cdef Py_ssize_t k, to
    cdef Arrival one
    if n > 64:
        for k in range(1, n):
            if by_time_and_synapse(a + k - 1, a + k) > 0:
                qsort(a, n, sizeof(Arrival), by_time_and_synapse)
                return
        return
    for k in range(1, n):
        if by_time_and_synapse(a + k - 1, a + k) <= 0:
            continue
        one = a[k]
        to = k
        while to > 0 and by_time_and_synapse(a + to - 1, &one) > 0:
            a[to] = a[to - 1]
            to -= 1
        a[to] = one


cdef class Arrivals(AdjointNetwork):
    """The projections, and what they bring to a population."""

    cdef int gather(self, WorkSpace w, int k, double start, double end) except -1 nogil:
        """Sort the arrivals at a population in [start, end) by unit and time."""
        cdef Group *g = &self.group[k]
        cdef const Link *link
        cdef const Train *train
        cdef const Spike *spike
        cdef Arrival *to
        cdef Py_ssize_t at, n = 0
        cdef int each, j, unit
        cdef double time
        for each in range(self.n_links):
            link = &self.link[each]
            if link.post != k:
                continue
            train = &w.train[link.pre]
            # Spikes whose last arrival lies before the window are done with.
            while w.cursor[each] < train.n and train.spike[w.cursor[each]].time + link.longest < start:
                w.cursor[each] += 1
            for at in range(w.cursor[each], train.n):
                spike = &train.spike[at]
                if not spike.time + link.shortest < end:
                    break
                w.reserve(n + link.row[spike.unit + 1] - link.row[spike.unit])
                for j in range(link.row[spike.unit], link.row[spike.unit + 1]):
                    time = spike.time + self.delay[link.synapse[j]]
                    if start <= time < end:
                        to = &w.arrival[n]
                        to.time, to.weight, to.unit = time, self.weight[link.synapse[j]], link.target[j]
                        to.spike, to.synapse, to.receptor = spike.id, link.synapse[j], link.receptor
                        n += 1
        w.n_arrivals = n
        memset(w.offset, 0, (g.n + 2) * sizeof(int64_t))
        for at in range(n):
            w.offset[w.arrival[at].unit + 2] += 1
        for unit in range(2, g.n + 1):
            w.offset[unit] += w.offset[unit - 1]
        for at in range(n):
            unit = w.arrival[at].unit
            w.sorted[w.offset[unit + 1]] = w.arrival[at]
            w.offset[unit + 1] += 1
        for unit in range(g.n):
            sort_arrivals(w.sorted + w.offset[unit], w.offset[unit + 1] - w.offset[unit])
        return 0
