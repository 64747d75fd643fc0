# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# distutils: extra_compile_args = -O3
"""EventProp passes vectorised over the neurons of a population.

All neurons receive the same spikes at the same times and have the same constants. So they go from arrival to
arrival together, and each decay is computed once for all of them.
"""

from libc.math cimport INFINITY, NAN, exp, fabs
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memcpy, memset

from eventsim.models.lif.flow cimport Cell, first_crossing, flow, kappa, slope
from eventsim.models.gradients.eventprop._network cimport NeuronGroup
from eventsim.models.gradients.eventprop._sensitivities cimport (
    Sensitivity, advance_sensitivity, decay_refractory, integrals, note_maximum
)
from eventsim.models.gradients.eventprop._workspace cimport Workspace
from eventsim.models.gradients.eventprop._tape cimport (
    NO_MEMORY, TOO_MANY, Gradients, MembraneMaximum, SpikeRecord, SpikeTrain, append_spike
)
from eventsim.models.gradients.eventprop._per_neuron cimport NEGLIGIBLE
from eventsim.models.gradients.eventprop._rounds cimport Rounds


cdef extern from "eventsim/models/gradients/eventprop/_vectorised.h" nogil:
    ctypedef struct Gap "eventsim_gap":
        double v_inf, em, es, ka, linear, most

    ctypedef struct Drift "eventsim_drift":
        double v_inf, em, es, ka, mem, mem_by_v, mem_by_i, syn_by_i, current_by_i

    int64_t advance "eventsim_advance"(Py_ssize_t n, const Gap *gap, const double *v, const double *i,
                                       const double *weight, const double *bound, double *v_next, double *i_next,
                                       double *margin)
    void drift_all "eventsim_drift_all"(Py_ssize_t n, const Drift *d, const double *v, const double *i,
                                        const double *mem, const double *syn, const double *current,
                                        double *mem_next, double *syn_next, double *current_next)
    void decay_all_adjoints "eventsim_decay_adjoints"(Py_ssize_t n, double em, double es, double ka,
                                                      double *l_v, double *l_i)
    double read_arrival "eventsim_read_arrival"(Py_ssize_t n, double rate, double per_c, const double *l_v,
                                                const double *l_i, const double *weight, double *by_weight)
    void flush_small "eventsim_flush_small"(Py_ssize_t n, double least, double *l_v, double *l_i)


cdef class Vectorised(Rounds):
    """Forward and adjoint pass of all neurons of a population at once."""

    cdef void begin_vectorised(self, Workspace w, int p) noexcept nogil:
        """Begin a sample with a vectorised population."""
        cdef const NeuronGroup *g = &self.group[p]
        cdef int k
        w.now[p] = 0.0
        w.n_refractory[p] = 0
        memset(w.sensitivities + 6 * g.base, 0, 6 * g.n * sizeof(double))
        for k in range(g.n):
            w.threshold_bound[g.base + k] = self.threshold_bound(g.cells,
                                                                 g.v_init[k] if g.readout else g.cells.v_th)

    cdef double threshold_bound(self, const Cell *c, double v) noexcept nogil:
        """Return v as a bound for `advance`.

        Relative to v_inf, and lowered by the largest effect of rounding.
        """
        cdef double d = v - c.v_inf
        return d - 1e-12 * fabs(d)

    cdef int compute_gaps(self, Workspace w, const NeuronGroup *g, double before,
                          double after) noexcept nogil:
        """Compute decays and response over the times between `before`, the arrivals, and `after`."""
        cdef Py_ssize_t k, n = w.n_shared
        cdef const Cell *c = g.cells
        cdef double t = before
        if w.reserve_arrivals(0, n + 2) < 0:
            return NO_MEMORY
        for k in range(n):
            w.gap[k] = w.arrival[k].time - t
            t = w.arrival[k].time
        w.gap[n] = after - t
        w.n_known = 0  # the gaps of `order_arrivals` are others
        self.compute_responses(w, c, n + 1)
        if w.gap[n] == INFINITY:
            w.em[n] = w.es[n] = w.ka[n] = 0.0
        return 0

    cdef Py_ssize_t forward_vectorised(self, Workspace w, int p, double start, double end) noexcept nogil:
        """Advance all units of a population along the arrivals that they share."""
        cdef const NeuronGroup *g = &self.group[p]
        cdef const Cell *c = g.cells
        cdef SpikeTrain *train = &w.fresh[p]
        cdef Py_ssize_t k, n = w.n_shared, m, status, spikes = train.n
        cdef int unit
        cdef double t = w.now[p], target, s, x, first, second
        cdef double *v = w.v + g.base
        cdef double *i = w.i + g.base
        cdef double *v_next = w.next_v
        cdef double *i_next = w.next_i
        cdef double *sensitivity = w.sensitivities + 6 * g.base
        cdef double *sensitivity_next = sensitivity + 3 * g.n
        cdef double *swap
        cdef double *bound = w.threshold_bound + g.base
        cdef const double *weights = &self.weight[0] + g.first_slot if self.n_synapses else NULL
        cdef const double *weight
        cdef int64_t found
        cdef int32_t *refractory_units = w.refractory_units + g.base
        cdef Gap gap
        cdef Drift drift
        cdef bint constants = self.constants, in_rounds = self.in_rounds(g)
        if self.compute_gaps(w, g, t, end) < 0:
            return NO_MEMORY
        gap.v_inf = drift.v_inf = c.v_inf
        for k in range(n + 1):
            target = w.arrival[k].time if k < n else end
            weight = weights + <Py_ssize_t> w.arrival[k].synapse * g.n if k < n else w.no_weight
            s = target - t
            if not s > 0.0:
                if k < n:
                    for unit in range(g.n):
                        x = i[unit] + weight[unit]
                        if g.readout:
                            self.note_kink(w, g, unit, t, v[unit], i[unit], x, w.arrival[k].synapse,
                                           sensitivity)
                        i[unit] = x
                continue
            gap.em, gap.es, gap.ka = w.em[k], w.es[k], w.ka[k]
            x = 1.0 - s * c.rate_mem
            gap.linear = x if x > 0.0 else 0.0
            x = s / c.c_mem
            gap.most = x if x < c.peak else c.peak
            found = advance(g.n, &gap, v, i, weight, bound, v_next, i_next, w.margin)
            if constants:
                integrals(c, s if s < INFINITY else 0.0, gap.em, gap.es, gap.ka, &first, &second)
                x = s if s < INFINITY else 0.0
                drift.em, drift.es, drift.ka = gap.em, gap.es, gap.ka
                drift.mem = c.rate_mem * (c.v_inf - c.v_leak) * (1.0 - gap.em)
                drift.mem_by_v = c.rate_mem * c.rate_mem * x * gap.em
                drift.mem_by_i = c.rate_mem * c.rate_mem * second
                drift.syn_by_i = c.rate_syn * c.rate_syn * first
                drift.current_by_i = x * c.rate_syn * c.rate_syn
                drift_all(g.n, &drift, v, i, sensitivity, sensitivity + g.n, sensitivity + 2 * g.n,
                          sensitivity_next, sensitivity_next + g.n, sensitivity_next + 2 * g.n)
            if w.n_refractory[p]:
                m = 0
                while m < w.n_refractory[p]:
                    unit = refractory_units[m]
                    if w.refractory_end[g.base + unit] < target:
                        w.n_refractory[p] -= 1
                        refractory_units[m] = refractory_units[w.n_refractory[p]]
                        status = self.fire(w, p, unit, t, target, start, v[unit], i[unit], sensitivity,
                                           v_next, sensitivity_next)
                        if status < 0:
                            return status
                    else:
                        m += 1
            if found and in_rounds:
                status = self.fire_in_rounds(w, p, t, target, start, gap.em, v, i, v_next)
                if status < 0:
                    return status
            elif found:
                for unit in range(g.n):
                    if w.margin[unit] < 0.0:
                        continue
                    if not g.readout:
                        status = self.fire(w, p, unit, t, target, start, v[unit], i[unit], sensitivity,
                                           v_next, sensitivity_next)
                        if status < 0:
                            return status
                        continue
                    self.note_inner_maximum(w, g, unit, t, s, v[unit], i[unit], sensitivity)
                    if k < n:
                        self.note_kink(w, g, unit, target, v_next[unit], i[unit] * gap.es, i_next[unit],
                                       w.arrival[k].synapse, sensitivity_next)
            if train.n - spikes > self.max_spikes:
                return TOO_MANY
            if target == INFINITY:
                break  # the state stays, for `note_last_maximum`
            swap = v
            v = v_next
            v_next = swap
            swap = i
            i = i_next
            i_next = swap
            swap = sensitivity
            sensitivity = sensitivity_next
            sensitivity_next = swap
            t = target
        if v != w.v + g.base:
            memcpy(w.v + g.base, v, g.n * sizeof(double))
            memcpy(w.i + g.base, i, g.n * sizeof(double))
        if constants and sensitivity != w.sensitivities + 6 * g.base:
            memcpy(w.sensitivities + 6 * g.base, sensitivity, 3 * g.n * sizeof(double))
        w.now[p] = t
        if g.readout:
            sensitivity = w.sensitivities + 6 * g.base
            for unit in range(g.n):
                w.t[g.base + unit] = t
                w.sensitivity[g.base + unit].v_mem = sensitivity[unit]
                w.sensitivity[g.base + unit].v_syn = sensitivity[g.n + unit]
                w.sensitivity[g.base + unit].i_syn = sensitivity[2 * g.n + unit]
        return 0

    cdef void note_inner_maximum(self, Workspace w, const NeuronGroup *g, int unit, double t, double s,
                                 double v, double i,
                                 const double *sensitivity) noexcept nogil:
        """Keep the maximum of a readout inside of a time s, and raise its bound."""
        cdef Sensitivity to
        cdef MembraneMaximum *maximum = w.maximum + g.first_maximum + unit
        to.v_mem, to.v_syn, to.i_syn = sensitivity[unit], sensitivity[g.n + unit], sensitivity[2 * g.n + unit]
        note_maximum(g.cells, v, i, t, s, self.constants, &to, maximum)
        w.threshold_bound[g.base + unit] = self.threshold_bound(g.cells, maximum.value)

    cdef void note_kink(self, Workspace w, const NeuronGroup *g, int unit, double t, double v, double before,
                        double after,
                        int32_t synapse, const double *sensitivity) noexcept nogil:
        """Keep the membrane of a readout if it is the largest so far and an arrival at time t ends its rise.
        """
        cdef MembraneMaximum *maximum = w.maximum + g.first_maximum + unit
        cdef double rise
        if v <= maximum.value:
            return
        rise = slope(g.cells, v, before)
        if rise < 0.0 or slope(g.cells, v, after) > 0.0:
            return
        maximum.value, maximum.time, maximum.rise, maximum.synapse = v, t, rise, synapse
        maximum.by_mem, maximum.by_syn = sensitivity[unit], sensitivity[g.n + unit]
        w.threshold_bound[g.base + unit] = self.threshold_bound(g.cells, v)

    cdef int fire(self, Workspace w, int p, int unit, double t, double target, double start, double v,
                  double i,
                  const double *sensitivity, double *v_next, double *sensitivity_next) noexcept nogil:
        """Advance one unit from t to `target` and append its spikes; v and i are its state at t."""
        cdef const NeuronGroup *g = &self.group[p]
        cdef const Cell *c = g.cells
        cdef SpikeTrain *train = &w.fresh[p]
        cdef int at = g.base + unit
        cdef double due, time, s, a, refractory_end = w.refractory_end[at]
        cdef bint constants = self.constants
        cdef Sensitivity to
        cdef SpikeRecord record
        if constants:
            to.v_mem, to.v_syn, to.i_syn = sensitivity[unit], sensitivity[g.n + unit], sensitivity[2 * g.n + unit]
        else:
            to.v_mem = to.v_syn = to.i_syn = 0.0
        if w.threshold_bound[at] == INFINITY:
            to.v_mem = to.v_syn = 0.0
        while True:
            if w.threshold_bound[at] == INFINITY:  # refractory; the end of it comes before `target`
                if refractory_end > t:
                    decay_refractory(c, &i, refractory_end - t, &to)
                    t = refractory_end
                v = c.v_reset
                if w.waiting_restart[at] >= 0:
                    train.record[w.waiting_restart[at]].restart = slope(c, v, i)
                    w.waiting_restart[at] = -1
                w.threshold_bound[at] = self.threshold_bound(c, c.v_th)
            due = t if v >= c.v_th else t + first_crossing(c, v, i)
            if not due < target:
                break
            time = due if due > start else start
            s = time - t
            if constants:
                advance_sensitivity(c, v, i, s, exp(-s * c.rate_mem), exp(-s * c.rate_syn), kappa(c, s), &to)
            flow(c, s, &v, &i)
            a = slope(c, c.v_th, i)
            record.time = t = time
            record.unit = unit
            # A membrane that starts above threshold fires at 0, whatever the parameters.
            record.inverse = 0.0 if time == 0.0 else 1.0 / a if a > 0.0 else INFINITY
            record.by_mem, record.by_syn = to.v_mem, to.v_syn
            to.v_mem = to.v_syn = 0.0
            v = c.v_reset
            refractory_end = INFINITY if g.first_spike_only else time + c.t_ref
            w.refractory_end[at] = refractory_end
            record.restart = slope(c, v,
                                   i) if refractory_end == time else NAN if refractory_end < INFINITY else 0.0
            if append_spike(train, &record) < 0:
                return NO_MEMORY
            if refractory_end == time:
                if train.n > self.max_spikes:
                    break
                continue
            w.threshold_bound[at] = INFINITY
            if refractory_end == INFINITY:
                return 0
            w.waiting_restart[at] = <int32_t> (train.n - 1)
            if refractory_end >= target:
                w.refractory_units[g.base + w.n_refractory[p]] = unit
                w.n_refractory[p] += 1
                return 0
        s = target - t
        if s < INFINITY:
            if constants:
                advance_sensitivity(c, v, i, s, exp(-s * c.rate_mem), exp(-s * c.rate_syn), kappa(c, s), &to)
                sensitivity_next[unit], sensitivity_next[g.n + unit] = to.v_mem, to.v_syn
            flow(c, s, &v, &i)
            # An arrival changes only the current, so what is due with it fires now, whatever rounding says.
            v_next[unit] = c.v_th if due == target else v
        return 0

    cdef int backward_vectorised(self, Workspace w, int p, double start, double *error, double *own_error,
                                 Gradients gradients) noexcept nogil:
        """Run the adjoint pass of all units of a population along the arrivals that they share."""
        cdef const NeuronGroup *g = &self.group[p]
        cdef const Cell *c = g.cells
        cdef const SpikeTrain *train = &w.train[p]
        cdef const SpikeRecord *record
        cdef double *l_v = w.l_v + g.base
        cdef double *l_i = w.l_i + g.base
        cdef double *since = w.t + g.base   # of units with an event within the gap: the time they have reached; else inf
        cdef double *own_v = w.next_v       # and their adjoints there
        cdef double *own_i = w.next_i
        cdef int32_t *acted = w.refractory_units
        cdef double now = w.now[p], lower, event, restarted, x
        cdef const double *weights = &self.weight[0] + g.first_slot if self.n_synapses else NULL
        cdef double *by_weight = w.by_weight + g.first_slot
        cdef double *by_delay = gradients.delay + g.first_slot
        cdef double *sums
        cdef Py_ssize_t k, row, n = w.n_shared
        cdef int unit, m, n_acted
        cdef int64_t spikes = w.spike_left[p], refractory = w.refractory_left[p]
        cdef bint active = w.active[p]
        if g.readout:
            for unit in range(g.n):
                self.backward_readout(w, g, unit, w.arrival, n, start, g.n, weights + unit, by_weight + unit,
                                      by_delay + unit, error)
            return 0
        if self.compute_gaps(w, g, start, now) < 0:
            return NO_MEMORY
        for unit in range(g.n):
            since[unit] = INFINITY
        for k in range(n - 1, -2, -1):
            lower = w.arrival[k].time if k >= 0 else start
            n_acted = 0
            # An arrival at the very time of a spike, or of the end of a refractory time, came before it.
            while True:
                event = train.record[spikes - 1].time if spikes else -INFINITY
                if c.t_ref > 0.0:
                    restarted = train.record[refractory - 1].time + c.t_ref if refractory else -INFINITY
                else:  # every spike ends its refractory time
                    restarted = event if refractory else -INFINITY
                if restarted > event or (restarted == event and refractory >= spikes):
                    event = restarted
                    record = &train.record[refractory - 1]
                else:
                    record = &train.record[spikes - 1]
                    restarted = -INFINITY
                if not event >= lower or event == -INFINITY:
                    break
                unit = record.unit
                if not since[unit] < INFINITY:
                    acted[n_acted] = unit
                    n_acted += 1
                    since[unit], own_v[unit], own_i[unit] = now, l_v[unit], l_i[unit]
                self.decay_adjoints(c, since[unit] - event, &own_v[unit], &own_i[unit])
                since[unit] = event
                if restarted == event:
                    # The membrane starts anew: what came before acts through the time and the current only.
                    refractory -= 1
                    own_error[refractory] -= own_v[unit] * record.restart
                    own_v[unit] = 0.0
                    if c.t_ref > 0.0:
                        continue
                spikes -= 1
                x = 0.0
                if record.inverse < INFINITY and record.inverse <= self.max_slope_inverse:
                    x = own_error[spikes] * record.inverse
                own_v[unit] = -x
                sums = gradients.unit + 3 * (g.base + unit)
                sums[0] -= x * record.by_mem
                sums[1] -= x * record.by_syn
                sums[2] += x
            if active and now > lower:
                decay_all_adjoints(g.n, w.em[k + 1], w.es[k + 1], w.ka[k + 1], l_v, l_i)
            for m in range(n_acted):
                unit = acted[m]
                self.decay_adjoints(c, since[unit] - lower, &own_v[unit], &own_i[unit])
                since[unit] = INFINITY
                l_v[unit], l_i[unit] = own_v[unit], own_i[unit]
                active = active or own_v[unit] != 0.0 or own_i[unit] != 0.0
            now = lower
            if k < 0:
                break
            if active:
                if k % 64 == 0:
                    flush_small(g.n, NEGLIGIBLE, l_v, l_i)
                row = <Py_ssize_t> w.arrival[k].synapse * g.n
                x = read_arrival(g.n, c.rate_syn, 1.0 / c.c_mem, l_v, l_i, weights + row, by_weight + row)
                by_delay[row] += x
                error[w.arrival[k].spike] += x
        w.now[p], w.active[p], w.spike_left[p], w.refractory_left[p] = now, active, spikes, refractory
        return 0
