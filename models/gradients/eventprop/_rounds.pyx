# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# distutils: extra_compile_args = -O3
"""Spikes of many neurons of a population between two arrivals, in rounds.

From one spike of a neuron to its next lead a root, a division, a logarithm and an exponential, each of which waits for
the one before. So all neurons take each of these steps together, a spike of each in a round, and the processor works at
many at once. What a neuron computes, and in which order, is what `Vectorised.fire` computes, to the bit.
"""

from libc.math cimport INFINITY, exp, log

from eventsim.models.lif.flow cimport DOUBLE, Cell, can_cross, decay_to_crossing
from eventsim.models.gradients.eventprop._network cimport NeuronGroup
from eventsim.models.gradients.eventprop._tape cimport NO_MEMORY, SpikeRecord, SpikeTrain, reserve_spikes
from eventsim.models.gradients.eventprop._workspace cimport Spiking, Workspace

cdef double SURE = 1.0 - 1e-6   # times a decay: what is less is surely later, whatever rounding says


cdef class Rounds(PerNeuron):
    """Lets the neurons of a population spike, all up to the next arrival."""

    cdef bint in_rounds(self, const NeuronGroup *g) noexcept nogil:
        """Return whether the units of a population spike in rounds: with a quadratic and without a refractory time."""
        return (g.cells.kind == DOUBLE and g.cells.t_ref == 0.0 and not g.first_spike_only and not g.readout
                and not self.constants)

    cdef int fire_in_rounds(self, Workspace w, int p, double t, double target, double start, double decay, const double *v,
                            const double *i, double *v_next) noexcept nogil:
        """Advance the units that may spike from t to `target` and append their spikes.

        `decay` is e^(-(target - t)/tau_mem), or about as much.
        """
        cdef const NeuronGroup *g = &self.group[p]
        cdef const Cell *c = g.cells
        cdef SpikeTrain *train = &w.fresh[p]
        cdef Spiking *u = w.spiking
        cdef Spiking *one
        cdef SpikeRecord *record
        cdef int unit, k, n = 0, left
        cdef double x, s, a, end_decay = exp(-(target - t) * c.rate_mem)
        cdef double by_leak = (c.v_inf - c.v_th) * c.rate_mem, by_leak_after = (c.v_inf - c.v_reset) * c.rate_mem
        for unit in range(g.n):
            if w.margin[unit] < 0.0:
                continue
            u[n].v, u[n].i, u[n].t, u[n].decay, u[n].unit = v[unit], i[unit], t, decay, unit
            n += 1
        while n > 0:
            for k in range(n):
                u[k].x = 1.0
                if not u[k].v >= c.v_th:
                    u[k].x = decay_to_crossing(c, u[k].v, u[k].i) if can_cross(c, u[k].v, u[k].i) else 0.0
            for k in range(n):
                x = u[k].x
                u[k].due = INFINITY
                if x >= 1.0:
                    u[k].due = u[k].t
                elif x > u[k].decay * SURE:
                    u[k].due = u[k].t + -c.tau_mem * log(x)
            for k in range(n):
                if u[k].due < target:
                    s = (u[k].due if u[k].due > start else start) - u[k].t
                    u[k].step_decay = exp(-s * c.rate_mem)
            if reserve_spikes(train, n) < 0:
                return NO_MEMORY
            left = 0
            for k in range(n):
                one = &u[k]
                if not one.due < target:
                    s = target - one.t
                    if s < INFINITY:
                        x = end_decay if one.t == t else exp(-s * c.rate_mem)
                        a = one.v - c.v_inf
                        # An arrival changes only the current, so what is due with it fires now, whatever rounding says.
                        v_next[one.unit] = (c.v_th if one.due == target
                                            else c.v_inf + a * x + one.i * c.k * (x - x * x))
                    continue
                record = &train.record[train.n]
                train.n += 1
                x = one.step_decay * one.step_decay
                one.i *= x
                s = one.i / c.c_mem
                a = by_leak + s
                one.t = one.due if one.due > start else start
                record.time, record.unit = one.t, one.unit
                # A membrane that starts above threshold fires at 0, whatever the parameters.
                record.inverse = 0.0 if one.t == 0.0 else 1.0 / a if a > 0.0 else INFINITY
                record.restart = by_leak_after + s
                record.by_mem = record.by_syn = 0.0
                record.before = -1
                one.v = c.v_reset
                if one.x < 1.0:
                    one.decay /= one.x
                if left < k:
                    u[left] = one[0]
                left += 1
            n = left
            if train.n > self.max_spikes:
                break
        return 0
