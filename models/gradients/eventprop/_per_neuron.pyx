# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# distutils: extra_compile_args = -O3
"""EventProp passes along one neuron.

From arrival to arrival forward, and back from the errors of its spikes.
"""

from libc.math cimport INFINITY, NAN, exp, fabs
from libc.stdint cimport int32_t

from eventsim.models.lif.flow cimport Cell, first_crossing, flow, kappa, slope
from eventsim.models.gradients.eventprop._network cimport NeuronGroup
from eventsim.models.gradients.eventprop._sensitivities cimport (
    Sensitivity, advance_sensitivity, decay_refractory, note_maximum
)
from eventsim.models.gradients.eventprop._workspace cimport Arrival, Workspace
from eventsim.models.gradients.eventprop._tape cimport (
    NO_MEMORY, TOO_MANY, Gradients, MembraneMaximum, SpikeRecord, SpikeTrain, append_spike
)

cdef double NEGLIGIBLE = 1e-280


cdef class PerNeuron(Arrivals):
    """Forward and adjoint pass of single neurons."""

    cdef double next_spike_time(self, const Cell *c, double v, double i, double t, double refractory_end,
                                double horizon) noexcept nogil:
        """Return when the unit spikes next without input; inf if it certainly does not before `horizon`."""
        cdef double th, a, s, x, highest
        if t < refractory_end:
            if refractory_end >= horizon:
                return INFINITY
            i *= exp(-(refractory_end - t) * c.rate_syn)
            t = refractory_end
        if v >= c.v_th:
            return t
        th = c.v_th - c.v_inf
        if th > 0.0:
            if i <= 0.0:
                return INFINITY
            # kappa(s) stays below its peak and below s / c_mem; a < 0 decays no faster than linearly
            a = v - c.v_inf
            s = horizon - t
            highest = s / c.c_mem
            highest = i * (highest if highest < c.peak else c.peak)
            if a > 0.0:
                highest += a
            else:
                x = 1.0 - s * c.rate_mem
                if x > 0.0:
                    highest += a * x
            if highest < th * (1.0 - 1e-12):
                return INFINITY
        return t + first_crossing(c, v, i)

    cdef Py_ssize_t forward_neuron(self, Workspace w, const NeuronGroup *g, SpikeTrain *train, int unit,
                                   Arrival *arrival,
                                   Py_ssize_t n, Py_ssize_t first, double start, double end) noexcept nogil:
        """Advance one unit along its arrivals and append its spikes; `first` is added to their synapses."""
        cdef const Cell *c = g.cells + unit * g.stride
        cdef int at = g.base + unit
        cdef double v = w.v[at], i = w.i[at], t = w.t[at], refractory_end = w.refractory_end[at], due, time, target, a, s
        cdef const double *weight = &self.weight[0] + first if self.n_synapses else NULL
        cdef Sensitivity *to = &w.sensitivity[at]
        cdef Py_ssize_t k, spikes = train.n
        cdef bint constants = self.constants
        cdef SpikeRecord record
        if refractory_end == INFINITY:
            return 0
        self.order_arrivals(w, g, c, arrival, n)
        if g.readout:
            self.forward_readout(w, g, unit, arrival, n, weight)
            return 0
        due = self.next_spike_time(c, v, i, t, refractory_end, arrival[0].time if n else end)
        if n == 0 and due >= end:
            return 0  # the state stays at the unit's last event
        for k in range(n + 1):
            target = arrival[k].time if k < n else end
            while due < target:
                if due < start:
                    due = start         # by rounding: the window before did not see it
                time = due
                if t < refractory_end:  # and release <= time
                    decay_refractory(c, &i, refractory_end - t, to)
                    t = refractory_end
                if w.waiting_restart[at] >= 0:
                    train.record[w.waiting_restart[at]].restart = slope(c, c.v_reset, i)
                    w.waiting_restart[at] = -1
                if constants:
                    s = time - t
                    advance_sensitivity(c, v, i, s, exp(-s * c.rate_mem), exp(-s * c.rate_syn), kappa(c, s),
                                        to)
                flow(c, time - t, &v, &i)
                record.time = time
                record.unit = unit
                a = slope(c, c.v_th, i)
                # A membrane that starts above threshold fires at 0, whatever the parameters.
                record.inverse = 0.0 if time == 0.0 else 1.0 / a if a > 0.0 else INFINITY
                record.by_mem, record.by_syn = to.v_mem, to.v_syn
                to.v_mem = to.v_syn = 0.0
                v = c.v_reset
                t = time
                refractory_end = INFINITY if g.first_spike_only else time + c.t_ref
                record.restart = 0.0
                if refractory_end == time:
                    record.restart = slope(c, v, i)
                elif refractory_end < INFINITY:
                    record.restart = NAN
                if append_spike(train, &record) < 0:
                    return NO_MEMORY
                if refractory_end == INFINITY:
                    w.stop[at] = -INFINITY
                    w.refractory_end[at] = refractory_end
                    return 0
                if refractory_end > time:
                    w.waiting_restart[at] = <int32_t> (train.n - 1)
                if train.n - spikes > self.max_spikes:
                    return TOO_MANY
                due = self.next_spike_time(c, v, i, t, refractory_end, target)
            if k == n:
                break
            if t < refractory_end:
                s = (target if target < refractory_end else refractory_end) - t
                decay_refractory(c, &i, s, to)
                t = target if target < refractory_end else refractory_end
            if target > t:
                if w.waiting_restart[at] >= 0:
                    train.record[w.waiting_restart[at]].restart = slope(c, c.v_reset, i)
                    w.waiting_restart[at] = -1
                s = target - t
                if k > 0 and t == arrival[k - 1].time:
                    if constants:
                        advance_sensitivity(c, v, i, s, w.em[k - 1], w.es[k - 1], w.ka[k - 1], to)
                    v = c.v_inf + (v - c.v_inf) * w.em[k - 1] + i * w.ka[k - 1]
                    i *= w.es[k - 1]
                else:
                    if constants:
                        advance_sensitivity(c, v, i, s, exp(-s * c.rate_mem), exp(-s * c.rate_syn), kappa(c,
                                            s), to)
                    flow(c, s, &v, &i)
                t = target
            if due == target:
                v = c.v_th  # the input changes only the current, so it fires now, whatever rounding says
            i += weight[arrival[k].synapse]
            a = arrival[k + 1].time if k + 1 < n else end
            due = self.next_spike_time(c, v, i, t, refractory_end, a) if a > t else INFINITY
        w.v[at] = v
        w.i[at] = i
        w.t[at] = t
        w.refractory_end[at] = refractory_end
        return 0

    cdef void forward_readout(self, Workspace w, const NeuronGroup *g, int unit, const Arrival *arrival,
                              Py_ssize_t n,
                              const double *weight) noexcept nogil:
        """Advance a unit without threshold along its arrivals and keep its membrane maximum."""
        cdef const Cell *c = g.cells + unit * g.stride
        cdef int at = g.base + unit
        cdef double v = w.v[at], i = w.i[at], t = w.t[at], s, before
        cdef Sensitivity *to = &w.sensitivity[at]
        cdef MembraneMaximum *maximum = w.maximum + g.first_maximum + unit
        cdef Py_ssize_t k
        cdef bint constants = self.constants
        for k in range(n):
            s = arrival[k].time - t
            if s > 0.0:
                note_maximum(c, v, i, t, s, constants, to, maximum)
                if k > 0:
                    if constants:
                        advance_sensitivity(c, v, i, s, w.em[k - 1], w.es[k - 1], w.ka[k - 1], to)
                    v = c.v_inf + (v - c.v_inf) * w.em[k - 1] + i * w.ka[k - 1]
                    i *= w.es[k - 1]
                else:
                    if constants:
                        advance_sensitivity(c, v, i, s, exp(-s * c.rate_mem), exp(-s * c.rate_syn), kappa(c,
                                            s), to)
                    flow(c, s, &v, &i)
                t = arrival[k].time
            before = slope(c, v, i)
            i += weight[arrival[k].synapse]
            if v > maximum.value and before >= 0.0 and slope(c, v, i) <= 0.0:
                maximum.value, maximum.time, maximum.rise, maximum.synapse = v, t, before, arrival[k].synapse
                maximum.by_mem, maximum.by_syn = to.v_mem, to.v_syn
        w.v[at] = v
        w.i[at] = i
        w.t[at] = t

    cdef void backward_neuron(self, Workspace w, const NeuronGroup *g, const SpikeTrain *train, int unit,
                              Arrival *arrival,
                              Py_ssize_t n, Py_ssize_t first, double start, double *error, double *own_error,
                              Gradients gradients) noexcept nogil:
        """Run the adjoint pass of one unit.

        `error` is dL/dT of all spikes, `own_error` that of its population's.
        """
        cdef const Cell *c = g.cells + unit * g.stride
        cdef int at = g.base + unit
        cdef double l_v = w.l_v[at], l_i = w.l_i[at], t = w.t[at], time, event, x, s
        cdef int32_t spike = w.current[at]
        cdef bint is_refractory = w.is_refractory[at]
        cdef double *by_weight = w.by_weight + first
        cdef double *by_delay = gradients.delay + first
        cdef double *sums = gradients.unit + 3 * at
        cdef const SpikeRecord *record
        cdef const double *weight = &self.weight[0] + first if self.n_synapses else NULL
        cdef double rate = c.rate_syn, per_c = 1.0 / c.c_mem
        cdef Py_ssize_t k, low
        if g.readout:
            self.backward_readout(w, g, unit, arrival, n, start, 1, weight, by_weight, by_delay, error)
            return
        if spike < 0 and l_v == 0.0 and l_i == 0.0:
            return
        self.order_arrivals(w, g, c, arrival, n)
        if w.n_shared >= 0 and l_v == 0.0 and l_i == 0.0:
            low = 0  # what arrives after the last spike does not matter
            while low < n:
                k = (low + n) // 2
                if arrival[k].time <= w.stop[at]:
                    low = k + 1
                else:
                    n = k
        event = self.latest_own_event(c, train, spike, is_refractory)
        for k in range(n - 1, -2, -1):
            time = arrival[k].time if k >= 0 else start
            # An arrival at the very time of a spike, or of the end of its refractory time, came before it.
            while event >= time:
                if l_v != 0.0 or l_i != 0.0:
                    s = t - event
                    if l_v != 0.0:
                        l_i = l_i * exp(-s * rate) + l_v * kappa(c, s)
                        l_v *= exp(-s * c.rate_mem)
                    else:
                        l_i *= exp(-s * rate)
                t = event
                record = &train.record[spike]
                if not is_refractory:
                    # The membrane starts anew: what came before acts through the time and the current only.
                    own_error[spike] -= l_v * record.restart
                    l_v = 0.0
                    is_refractory = True
                else:
                    x = 0.0
                    if record.inverse < INFINITY and record.inverse <= self.max_slope_inverse:
                        x = own_error[spike] * record.inverse
                    l_v = -x
                    sums[0] -= x * record.by_mem
                    sums[1] -= x * record.by_syn
                    sums[2] += x
                    is_refractory = False
                    spike = record.before
                event = self.latest_own_event(c, train, spike, is_refractory)
            if k < 0:
                break
            if l_v != 0.0 or l_i != 0.0:
                if k + 1 < n and t == arrival[k + 1].time:
                    l_i = l_i * w.es[k] + l_v * w.ka[k]
                    l_v *= w.em[k]
                else:
                    s = t - time
                    l_i = l_i * exp(-s * rate) + l_v * kappa(c, s)
                    l_v *= exp(-s * c.rate_mem)
                if fabs(l_v) < NEGLIGIBLE and fabs(l_i) < NEGLIGIBLE:
                    l_v = l_i = 0.0
                x = weight[arrival[k].synapse] * (l_i * rate - l_v * per_c)
                by_weight[arrival[k].synapse] += l_i
                by_delay[arrival[k].synapse] += x
                error[arrival[k].spike] += x
            t = time
        w.l_v[at] = l_v
        w.l_i[at] = l_i
        w.t[at] = t
        w.current[at] = spike
        w.is_refractory[at] = is_refractory

    cdef void backward_readout(self, Workspace w, const NeuronGroup *g, int unit, Arrival *arrival,
                               Py_ssize_t n,
                               double start, Py_ssize_t step, const double *weight, double *by_weight,
                               double *by_delay, double *error) noexcept nogil:
        """Run the adjoint pass of a unit without threshold from its membrane maximum; its synapses lie
        `step` apart.

        The time of a maximum does not change its height, except where an arrival ended the rise: then the
        height moves with the arrival along the slope.
        """
        cdef const Cell *c = g.cells + unit * g.stride
        cdef int at = g.base + unit
        cdef const MembraneMaximum *maximum = w.maximum + g.first_maximum + unit
        cdef double height = w.maximum_error[g.first_maximum + unit], l_v = w.l_v[at], l_i = w.l_i[at], t = w.t[at]
        cdef double rate = c.rate_syn, per_c = 1.0 / c.c_mem, s, x
        cdef bint begun = w.is_refractory[at]
        cdef Py_ssize_t k, m
        if height == 0.0 or maximum.time == 0.0 or maximum.time == INFINITY or (not begun and maximum.time < start):
            return
        self.order_arrivals(w, g, c, arrival, n)
        for k in range(n - 1, -1, -1):
            if not begun:
                if arrival[k].time > maximum.time:
                    continue
                if maximum.synapse < 0:
                    begun, l_v, t = True, height, maximum.time
                elif arrival[k].time == maximum.time and arrival[k].synapse == maximum.synapse:
                    begun, l_v, t = True, height, maximum.time
                    x = height * maximum.rise
                    by_delay[arrival[k].synapse * step] += x
                    error[arrival[k].spike] += x
                    continue
                else:
                    continue  # at the same time, after it
            if k + 1 < n and t == arrival[k + 1].time:
                l_i = l_i * w.es[k] + l_v * w.ka[k]
                l_v *= w.em[k]
            else:
                s = t - arrival[k].time
                l_i = l_i * exp(-s * rate) + l_v * kappa(c, s)
                l_v *= exp(-s * c.rate_mem)
            t = arrival[k].time
            if fabs(l_v) < NEGLIGIBLE and fabs(l_i) < NEGLIGIBLE:
                l_v = l_i = 0.0
            m = arrival[k].synapse * step
            x = weight[m] * (l_i * rate - l_v * per_c)
            by_weight[m] += l_i
            by_delay[m] += x
            error[arrival[k].spike] += x
        if not begun:  # nothing arrived before it in this window
            begun, l_v, t = True, height, maximum.time
        w.l_v[at] = l_v
        w.l_i[at] = l_i
        w.t[at] = t
        w.is_refractory[at] = begun

    cdef void decay_adjoints(self, const Cell *c, double s, double *l_v, double *l_i) noexcept nogil:
        """Take the adjoints of one unit back by a time s."""
        if l_v[0] != 0.0:
            l_i[0] = l_i[0] * exp(-s * c.rate_syn) + l_v[0] * kappa(c, s)
            l_v[0] *= exp(-s * c.rate_mem)
        elif l_i[0] != 0.0:
            l_i[0] *= exp(-s * c.rate_syn)

    cdef double latest_own_event(self, const Cell *c, const SpikeTrain *train, int32_t spike,
                                 bint is_refractory) noexcept nogil:
        """Return the time of a unit's latest own event.

        Its spike, or the end of the refractory time after it.
        """
        if spike < 0:
            return -INFINITY
        return train.record[spike].time if is_refractory else train.record[spike].time + c.t_ref
