# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The gradient walk in lockstep: units that hear the same spikes at the same times go from arrival to arrival
together, and decays are computed once for all of them.
"""

from libc.math cimport INFINITY, NAN, exp, fabs
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memcpy, memset

from eventsim.models.lif.flow cimport Cell, first_crossing, flow, kappa, slope
from eventsim.models.gradients.eventprop._network cimport Group
from eventsim.models.gradients.eventprop._sensitivities cimport Sense, crest, integrals, rest, sense
from eventsim.models.gradients.eventprop._workspace cimport Space
from eventsim.models.gradients.eventprop._tape cimport NO_MEMORY, TOO_MANY, Gradients, Mark, Top, Train, add_mark
from eventsim.models.gradients.eventprop._per_neuron cimport FADED


cdef extern from "eventsim/models/gradients/eventprop/_vectorised.h" nogil:
    ctypedef struct Gap "eventsim_gap":
        double v_inf, em, es, ka, linear, most

    ctypedef struct Drift "eventsim_drift":
        double v_inf, em, es, ka, mem, mem_by_v, mem_by_i, syn_by_i, current_by_i

    int64_t advance "eventsim_advance"(Py_ssize_t n, const Gap *gap, const double *v, const double *i,
                                       const double *weight, const double *bar, double *v_next, double *i_next,
                                       double *excess)
    void drift_all "eventsim_drift_all"(Py_ssize_t n, const Drift *d, const double *v, const double *i,
                                        const double *mem, const double *syn, const double *current,
                                        double *mem_next, double *syn_next, double *current_next)
    void recede "eventsim_recede"(Py_ssize_t n, double em, double es, double ka, double *l_v, double *l_i)
    double read_off "eventsim_read_off"(Py_ssize_t n, double rate, double per_c, const double *l_v,
                                        const double *l_i, const double *weight, double *by_weight)
    void fade "eventsim_fade"(Py_ssize_t n, double least, double *l_v, double *l_i)


cdef class Lockstep(Units):
    """Walks all units of a population together."""

    cdef void set_off(self, Space w, int p) noexcept nogil:
        """Begin a sample with a population in lockstep."""
        cdef const Group *g = &self.group[p]
        cdef int k
        w.now[p] = 0.0
        w.n_resting[p] = 0
        memset(w.senses + 6 * g.base, 0, 6 * g.n * sizeof(double))
        for k in range(g.n):
            w.bar[g.base + k] = self.bar_at(g.cells, g.v_init[k] if g.readout else g.cells.v_th)

    cdef double bar_at(self, const Cell *c, double v) noexcept nogil:
        """Return v as a bar for `advance`: from v_inf up, and lower by what rounding may do."""
        cdef double d = v - c.v_inf
        return d - 1e-12 * fabs(d)

    cdef int lay_gaps(self, Space w, const Group *g, double before, double after) noexcept nogil:
        """Compute decays and response over the times between `before`, the arrivals, and `after`."""
        cdef Py_ssize_t k, n = w.n_shared
        cdef const Cell *c = g.cells
        cdef double t = before
        if w.make_room(0, n + 2) < 0:
            return NO_MEMORY
        for k in range(n):
            w.gap[k] = w.arrival[k].time - t
            t = w.arrival[k].time
        w.gap[n] = after - t
        w.n_known = 0  # the gaps of `order_arrivals` are others
        self.respond(w, c, n + 1)
        if w.gap[n] == INFINITY:
            w.em[n] = w.es[n] = w.ka[n] = 0.0
        return 0

    cdef Py_ssize_t forward_together(self, Space w, int p, double start, double end) noexcept nogil:
        """Walk all units of a population along the arrivals that they share."""
        cdef const Group *g = &self.group[p]
        cdef const Cell *c = g.cells
        cdef Train *train = &w.fresh[p]
        cdef Py_ssize_t k, n = w.n_shared, m, status, spikes = train.n
        cdef int unit
        cdef double t = w.now[p], target, s, x, first, second
        cdef double *v = w.v + g.base
        cdef double *i = w.i + g.base
        cdef double *v_next = w.spare_v
        cdef double *i_next = w.spare_i
        cdef double *sensed = w.senses + 6 * g.base
        cdef double *sensed_next = sensed + 3 * g.n
        cdef double *swap
        cdef double *bar = w.bar + g.base
        cdef const double *weights = &self.weight[0] + g.first_slot if self.n_synapses else NULL
        cdef const double *weight
        cdef int64_t found
        cdef int32_t *resting = w.resting + g.base
        cdef Gap gap
        cdef Drift drift
        cdef bint constants = self.constants
        if self.lay_gaps(w, g, t, end) < 0:
            return NO_MEMORY
        gap.v_inf = drift.v_inf = c.v_inf
        for k in range(n + 1):
            target = w.arrival[k].time if k < n else end
            weight = weights + <Py_ssize_t> w.arrival[k].synapse * g.n if k < n else w.none
            s = target - t
            if not s > 0.0:
                if k < n:
                    for unit in range(g.n):
                        x = i[unit] + weight[unit]
                        if g.readout:
                            self.note_kink(w, g, unit, t, v[unit], i[unit], x, w.arrival[k].synapse, sensed)
                        i[unit] = x
                continue
            gap.em, gap.es, gap.ka = w.em[k], w.es[k], w.ka[k]
            x = 1.0 - s * c.rate_mem
            gap.linear = x if x > 0.0 else 0.0
            x = s / c.c_mem
            gap.most = x if x < c.peak else c.peak
            found = advance(g.n, &gap, v, i, weight, bar, v_next, i_next, w.excess)
            if constants:
                integrals(c, s if s < INFINITY else 0.0, gap.em, gap.es, gap.ka, &first, &second)
                x = s if s < INFINITY else 0.0
                drift.em, drift.es, drift.ka = gap.em, gap.es, gap.ka
                drift.mem = c.rate_mem * (c.v_inf - c.v_leak) * (1.0 - gap.em)
                drift.mem_by_v = c.rate_mem * c.rate_mem * x * gap.em
                drift.mem_by_i = c.rate_mem * c.rate_mem * second
                drift.syn_by_i = c.rate_syn * c.rate_syn * first
                drift.current_by_i = x * c.rate_syn * c.rate_syn
                drift_all(g.n, &drift, v, i, sensed, sensed + g.n, sensed + 2 * g.n,
                          sensed_next, sensed_next + g.n, sensed_next + 2 * g.n)
            if w.n_resting[p]:
                m = 0
                while m < w.n_resting[p]:
                    unit = resting[m]
                    if w.release[g.base + unit] < target:
                        w.n_resting[p] -= 1
                        resting[m] = resting[w.n_resting[p]]
                        status = self.fire(w, p, unit, t, target, start, v[unit], i[unit], sensed,
                                           v_next, sensed_next)
                        if status < 0:
                            return status
                    else:
                        m += 1
            if found:
                for unit in range(g.n):
                    if w.excess[unit] < 0.0:
                        continue
                    if not g.readout:
                        status = self.fire(w, p, unit, t, target, start, v[unit], i[unit], sensed,
                                           v_next, sensed_next)
                        if status < 0:
                            return status
                        continue
                    self.climb(w, g, unit, t, s, v[unit], i[unit], sensed)
                    if k < n:
                        self.note_kink(w, g, unit, target, v_next[unit], i[unit] * gap.es, i_next[unit],
                                       w.arrival[k].synapse, sensed_next)
            if train.n - spikes > self.max_spikes:
                return TOO_MANY
            if target == INFINITY:
                break  # the state stays, for `finish`
            swap = v
            v = v_next
            v_next = swap
            swap = i
            i = i_next
            i_next = swap
            swap = sensed
            sensed = sensed_next
            sensed_next = swap
            t = target
        if v != w.v + g.base:
            memcpy(w.v + g.base, v, g.n * sizeof(double))
            memcpy(w.i + g.base, i, g.n * sizeof(double))
        if constants and sensed != w.senses + 6 * g.base:
            memcpy(w.senses + 6 * g.base, sensed, 3 * g.n * sizeof(double))
        w.now[p] = t
        if g.readout:
            sensed = w.senses + 6 * g.base
            for unit in range(g.n):
                w.t[g.base + unit] = t
                w.sense[g.base + unit].v_mem = sensed[unit]
                w.sense[g.base + unit].v_syn = sensed[g.n + unit]
                w.sense[g.base + unit].i_syn = sensed[2 * g.n + unit]
        return 0

    cdef void climb(self, Space w, const Group *g, int unit, double t, double s, double v, double i,
                    const double *sensed) noexcept nogil:
        """Note the highest point of a readout inside of a time s, and raise its bar."""
        cdef Sense to
        cdef Top *top = w.top + g.first_top + unit
        to.v_mem, to.v_syn, to.i_syn = sensed[unit], sensed[g.n + unit], sensed[2 * g.n + unit]
        crest(g.cells, v, i, t, s, self.constants, &to, top)
        w.bar[g.base + unit] = self.bar_at(g.cells, top.value)

    cdef void note_kink(self, Space w, const Group *g, int unit, double t, double v, double before, double after,
                        int32_t synapse, const double *sensed) noexcept nogil:
        """Note the membrane of a readout if it is the highest and an arrival, at time t, ends its rise."""
        cdef Top *top = w.top + g.first_top + unit
        cdef double rise
        if v <= top.value:
            return
        rise = slope(g.cells, v, before)
        if rise < 0.0 or slope(g.cells, v, after) > 0.0:
            return
        top.value, top.time, top.rise, top.synapse = v, t, rise, synapse
        top.by_mem, top.by_syn = sensed[unit], sensed[g.n + unit]
        w.bar[g.base + unit] = self.bar_at(g.cells, v)

    cdef int fire(self, Space w, int p, int unit, double t, double target, double start, double v, double i,
                  const double *sensed, double *v_next, double *sensed_next) noexcept nogil:
        """Follow one unit from t to `target` and note its spikes; v and i are its state at t."""
        cdef const Group *g = &self.group[p]
        cdef const Cell *c = g.cells
        cdef Train *train = &w.fresh[p]
        cdef int at = g.base + unit
        cdef double due, time, s, a, release = w.release[at]
        cdef bint constants = self.constants
        cdef Sense to
        cdef Mark mark
        if constants:
            to.v_mem, to.v_syn, to.i_syn = sensed[unit], sensed[g.n + unit], sensed[2 * g.n + unit]
        else:
            to.v_mem = to.v_syn = to.i_syn = 0.0
        if w.bar[at] == INFINITY:
            to.v_mem = to.v_syn = 0.0
        while True:
            if w.bar[at] == INFINITY:  # refractory; the end of it comes before `target`
                if release > t:
                    rest(c, &i, release - t, &to)
                    t = release
                v = c.v_reset
                if w.open[at] >= 0:
                    train.mark[w.open[at]].restart = slope(c, v, i)
                    w.open[at] = -1
                w.bar[at] = self.bar_at(c, c.v_th)
            due = t if v >= c.v_th else t + first_crossing(c, v, i)
            if not due < target:
                break
            time = due if due > start else start
            s = time - t
            if constants:
                sense(c, v, i, s, exp(-s * c.rate_mem), exp(-s * c.rate_syn), kappa(c, s), &to)
            flow(c, s, &v, &i)
            a = slope(c, c.v_th, i)
            mark.time = t = time
            mark.unit = unit
            # A membrane that starts above threshold fires at 0, whatever the parameters.
            mark.inverse = 0.0 if time == 0.0 else 1.0 / a if a > 0.0 else INFINITY
            mark.by_mem, mark.by_syn = to.v_mem, to.v_syn
            to.v_mem = to.v_syn = 0.0
            v = c.v_reset
            release = INFINITY if g.once else time + c.t_ref
            w.release[at] = release
            mark.restart = slope(c, v, i) if release == time else NAN if release < INFINITY else 0.0
            if add_mark(train, &mark) < 0:
                return NO_MEMORY
            if release == time:
                if train.n > self.max_spikes:
                    break
                continue
            w.bar[at] = INFINITY
            if release == INFINITY:
                return 0
            w.open[at] = <int32_t> (train.n - 1)
            if release >= target:
                w.resting[g.base + w.n_resting[p]] = unit
                w.n_resting[p] += 1
                return 0
        s = target - t
        if s < INFINITY:
            if constants:
                sense(c, v, i, s, exp(-s * c.rate_mem), exp(-s * c.rate_syn), kappa(c, s), &to)
                sensed_next[unit], sensed_next[g.n + unit] = to.v_mem, to.v_syn
            flow(c, s, &v, &i)
            # An arrival changes only the current, so what is due with it fires now, whatever rounding says.
            v_next[unit] = c.v_th if due == target else v
        return 0

    cdef int backward_together(self, Space w, int p, double start, double *error, double *own_error,
                               Gradients gradients) noexcept nogil:
        """Walk all units of a population back along the arrivals that they share."""
        cdef const Group *g = &self.group[p]
        cdef const Cell *c = g.cells
        cdef const Train *train = &w.train[p]
        cdef const Mark *mark
        cdef double *l_v = w.l_v + g.base
        cdef double *l_i = w.l_i + g.base
        cdef double *since = w.t + g.base   # of units that did something within the gap: how far back they are
        cdef double *own_v = w.spare_v      # and their adjoints there
        cdef double *own_i = w.spare_i
        cdef int32_t *acted = w.resting
        cdef double now = w.now[p], lower, event, resumed, x
        cdef const double *weights = &self.weight[0] + g.first_slot if self.n_synapses else NULL
        cdef double *by_weight = w.by_weight + g.first_slot
        cdef double *by_delay = gradients.delay + g.first_slot
        cdef double *sums
        cdef Py_ssize_t k, row, n = w.n_shared
        cdef int unit, m, n_acted
        cdef int64_t spikes = w.spike_left[p], rests = w.rest_left[p]
        cdef bint live = w.live[p]
        if g.readout:
            for unit in range(g.n):
                self.backward_readout(w, g, unit, w.arrival, n, start, g.n, weights + unit, by_weight + unit,
                                      by_delay + unit, error)
            return 0
        if self.lay_gaps(w, g, start, now) < 0:
            return NO_MEMORY
        for k in range(n - 1, -2, -1):
            lower = w.arrival[k].time if k >= 0 else start
            n_acted = 0
            # An arrival at the very time of a spike, or of the end of a refractory time, came before it.
            while True:
                event = train.mark[spikes - 1].time if spikes else -INFINITY
                resumed = train.mark[rests - 1].time + c.t_ref if rests else -INFINITY
                if resumed > event or (resumed == event and rests >= spikes):
                    event = resumed
                    mark = &train.mark[rests - 1]
                else:
                    mark = &train.mark[spikes - 1]
                    resumed = -INFINITY
                if not event >= lower or event == -INFINITY:
                    break
                unit = mark.unit
                m = 0
                while m < n_acted and acted[m] != unit:
                    m += 1
                if m == n_acted:
                    acted[m] = unit
                    n_acted += 1
                    since[unit], own_v[unit], own_i[unit] = now, l_v[unit], l_i[unit]
                self.go_back(c, since[unit] - event, &own_v[unit], &own_i[unit])
                since[unit] = event
                if resumed == event:
                    # The membrane starts anew: what came before acts through the time and the current only.
                    rests -= 1
                    own_error[rests] -= own_v[unit] * mark.restart
                    own_v[unit] = 0.0
                    continue
                spikes -= 1
                x = 0.0
                if mark.inverse < INFINITY and mark.inverse <= self.max_slope_inverse:
                    x = own_error[spikes] * mark.inverse
                own_v[unit] = -x
                sums = gradients.unit + 3 * (g.base + unit)
                sums[0] -= x * mark.by_mem
                sums[1] -= x * mark.by_syn
                sums[2] += x
            if live and now > lower:
                recede(g.n, w.em[k + 1], w.es[k + 1], w.ka[k + 1], l_v, l_i)
            for m in range(n_acted):
                unit = acted[m]
                self.go_back(c, since[unit] - lower, &own_v[unit], &own_i[unit])
                l_v[unit], l_i[unit] = own_v[unit], own_i[unit]
                live = live or own_v[unit] != 0.0 or own_i[unit] != 0.0
            now = lower
            if k < 0:
                break
            if live:
                if k % 64 == 0:
                    fade(g.n, FADED, l_v, l_i)
                row = <Py_ssize_t> w.arrival[k].synapse * g.n
                x = read_off(g.n, c.rate_syn, 1.0 / c.c_mem, l_v, l_i, weights + row, by_weight + row)
                by_delay[row] += x
                error[w.arrival[k].spike] += x
        w.now[p], w.live[p], w.spike_left[p], w.rest_left[p] = now, live, spikes, rests
        return 0
