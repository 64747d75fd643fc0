# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The gradient walk along one unit: from arrival to arrival forward, noting spikes, and back from their errors."""

from libc.math cimport INFINITY, NAN, exp, fabs
from libc.stdint cimport int32_t

from eventsim.models.lif.flow cimport Cell, first_crossing, flow, kappa, slope
from eventsim.models.gradients.eventprop._network cimport Group
from eventsim.models.gradients.eventprop._sensitivities cimport Sense, crest, rest, sense
from eventsim.models.gradients.eventprop._workspace cimport Arrival, Space
from eventsim.models.gradients.eventprop._tape cimport NO_MEMORY, TOO_MANY, Gradients, Mark, Top, Train, add_mark

cdef double FADED = 1e-280


cdef class Units(Arrivals):
    """Walks units one by one."""

    cdef double look(self, const Cell *c, double v, double i, double t, double release,
                     double horizon) noexcept nogil:
        """Return when the unit crosses next without input; inf if it surely does not before `horizon`."""
        cdef double th, a, s, x, top
        if t < release:
            if release >= horizon:
                return INFINITY
            i *= exp(-(release - t) * c.rate_syn)
            t = release
        if v >= c.v_th:
            return t
        th = c.v_th - c.v_inf
        if th > 0.0:
            if i <= 0.0:
                return INFINITY
            # kappa(s) stays below its peak and below s / c_mem; a < 0 decays no faster than linearly
            a = v - c.v_inf
            s = horizon - t
            top = s / c.c_mem
            top = i * (top if top < c.peak else c.peak)
            if a > 0.0:
                top += a
            else:
                x = 1.0 - s * c.rate_mem
                if x > 0.0:
                    top += a * x
            if top < th * (1.0 - 1e-12):
                return INFINITY
        return t + first_crossing(c, v, i)

    cdef Py_ssize_t forward_unit(self, Space w, const Group *g, Train *train, int unit, Arrival *arrival,
                                 Py_ssize_t n, Py_ssize_t first, double start, double end) noexcept nogil:
        """Walk one unit along its arrivals and note its spikes; `first` is added to their synapses."""
        cdef const Cell *c = g.cells + unit * g.stride
        cdef int at = g.base + unit
        cdef double v = w.v[at], i = w.i[at], t = w.t[at], release = w.release[at], due, time, target, a, s
        cdef const double *weight = &self.weight[0] + first if self.n_synapses else NULL
        cdef Sense *to = &w.sense[at]
        cdef Py_ssize_t k, spikes = train.n
        cdef bint constants = self.constants
        cdef Mark mark
        if release == INFINITY:
            return 0
        self.order_arrivals(w, g, c, arrival, n)
        if g.readout:
            self.forward_readout(w, g, unit, arrival, n, weight)
            return 0
        due = self.look(c, v, i, t, release, arrival[0].time if n else end)
        if n == 0 and due >= end:
            return 0  # the state stays at the unit's last event
        for k in range(n + 1):
            target = arrival[k].time if k < n else end
            while due < target:
                if due < start:
                    due = start  # by rounding: the window before did not see it
                time = due
                if t < release:  # and release <= time
                    rest(c, &i, release - t, to)
                    t = release
                if w.open[at] >= 0:
                    train.mark[w.open[at]].restart = slope(c, c.v_reset, i)
                    w.open[at] = -1
                if constants:
                    s = time - t
                    sense(c, v, i, s, exp(-s * c.rate_mem), exp(-s * c.rate_syn), kappa(c, s), to)
                flow(c, time - t, &v, &i)
                mark.time = time
                mark.unit = unit
                a = slope(c, c.v_th, i)
                # A membrane that starts above threshold fires at 0, whatever the parameters.
                mark.inverse = 0.0 if time == 0.0 else 1.0 / a if a > 0.0 else INFINITY
                mark.by_mem, mark.by_syn = to.v_mem, to.v_syn
                to.v_mem = to.v_syn = 0.0
                v = c.v_reset
                t = time
                release = INFINITY if g.once else time + c.t_ref
                mark.restart = 0.0
                if release == time:
                    mark.restart = slope(c, v, i)
                elif release < INFINITY:
                    mark.restart = NAN
                if add_mark(train, &mark) < 0:
                    return NO_MEMORY
                if release == INFINITY:
                    w.stop[at] = -INFINITY
                    w.release[at] = release
                    return 0
                if release > time:
                    w.open[at] = <int32_t> (train.n - 1)
                if train.n - spikes > self.max_spikes:
                    return TOO_MANY
                due = self.look(c, v, i, t, release, target)
            if k == n:
                break
            if t < release:
                s = (target if target < release else release) - t
                rest(c, &i, s, to)
                t = target if target < release else release
            if target > t:
                if w.open[at] >= 0:
                    train.mark[w.open[at]].restart = slope(c, c.v_reset, i)
                    w.open[at] = -1
                s = target - t
                if k > 0 and t == arrival[k - 1].time:
                    if constants:
                        sense(c, v, i, s, w.em[k - 1], w.es[k - 1], w.ka[k - 1], to)
                    v = c.v_inf + (v - c.v_inf) * w.em[k - 1] + i * w.ka[k - 1]
                    i *= w.es[k - 1]
                else:
                    if constants:
                        sense(c, v, i, s, exp(-s * c.rate_mem), exp(-s * c.rate_syn), kappa(c, s), to)
                    flow(c, s, &v, &i)
                t = target
            if due == target:
                v = c.v_th  # the input changes only the current, so it fires now, whatever rounding says
            i += weight[arrival[k].synapse]
            a = arrival[k + 1].time if k + 1 < n else end
            due = self.look(c, v, i, t, release, a) if a > t else INFINITY
        w.v[at] = v
        w.i[at] = i
        w.t[at] = t
        w.release[at] = release
        return 0

    cdef void forward_readout(self, Space w, const Group *g, int unit, const Arrival *arrival, Py_ssize_t n,
                              const double *weight) noexcept nogil:
        """Walk a unit that does not spike along its arrivals, and note its largest membrane."""
        cdef const Cell *c = g.cells + unit * g.stride
        cdef int at = g.base + unit
        cdef double v = w.v[at], i = w.i[at], t = w.t[at], s, before
        cdef Sense *to = &w.sense[at]
        cdef Top *top = w.top + g.first_top + unit
        cdef Py_ssize_t k
        cdef bint constants = self.constants
        for k in range(n):
            s = arrival[k].time - t
            if s > 0.0:
                crest(c, v, i, t, s, constants, to, top)
                if k > 0:
                    if constants:
                        sense(c, v, i, s, w.em[k - 1], w.es[k - 1], w.ka[k - 1], to)
                    v = c.v_inf + (v - c.v_inf) * w.em[k - 1] + i * w.ka[k - 1]
                    i *= w.es[k - 1]
                else:
                    if constants:
                        sense(c, v, i, s, exp(-s * c.rate_mem), exp(-s * c.rate_syn), kappa(c, s), to)
                    flow(c, s, &v, &i)
                t = arrival[k].time
            before = slope(c, v, i)
            i += weight[arrival[k].synapse]
            if v > top.value and before >= 0.0 and slope(c, v, i) <= 0.0:
                top.value, top.time, top.rise, top.synapse = v, t, before, arrival[k].synapse
                top.by_mem, top.by_syn = to.v_mem, to.v_syn
        w.v[at] = v
        w.i[at] = i
        w.t[at] = t

    cdef void backward_unit(self, Space w, const Group *g, const Train *train, int unit, Arrival *arrival,
                            Py_ssize_t n, Py_ssize_t first, double start, double *error, double *own_error,
                            Gradients gradients) noexcept nogil:
        """Walk one unit back; `error` is dL/dT of all spikes, `own_error` of those of its population."""
        cdef const Cell *c = g.cells + unit * g.stride
        cdef int at = g.base + unit
        cdef double l_v = w.l_v[at], l_i = w.l_i[at], t = w.t[at], time, event, x, s
        cdef int32_t spike = w.current[at]
        cdef bint quiet = w.quiet[at]
        cdef double *by_weight = w.by_weight + first
        cdef double *by_delay = gradients.delay + first
        cdef double *sums = gradients.unit + 3 * at
        cdef const Mark *mark
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
        event = self.own_event(c, train, spike, quiet)
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
                mark = &train.mark[spike]
                if not quiet:
                    # The membrane starts anew: what came before acts through the time and the current only.
                    own_error[spike] -= l_v * mark.restart
                    l_v = 0.0
                    quiet = True
                else:
                    x = 0.0
                    if mark.inverse < INFINITY and mark.inverse <= self.max_slope_inverse:
                        x = own_error[spike] * mark.inverse
                    l_v = -x
                    sums[0] -= x * mark.by_mem
                    sums[1] -= x * mark.by_syn
                    sums[2] += x
                    quiet = False
                    spike = mark.before
                event = self.own_event(c, train, spike, quiet)
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
                if fabs(l_v) < FADED and fabs(l_i) < FADED:
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
        w.quiet[at] = quiet

    cdef void backward_readout(self, Space w, const Group *g, int unit, Arrival *arrival, Py_ssize_t n,
                               double start, Py_ssize_t step, const double *weight, double *by_weight,
                               double *by_delay, double *error) noexcept nogil:
        """Walk a unit that does not spike back from its largest membrane; its synapses lie `step` apart.

        Where that lies makes no difference to its height, unless an arrival ended the rise: then the height
        follows the arrival up the slope.
        """
        cdef const Cell *c = g.cells + unit * g.stride
        cdef int at = g.base + unit
        cdef const Top *top = w.top + g.first_top + unit
        cdef double height = w.top_error[g.first_top + unit], l_v = w.l_v[at], l_i = w.l_i[at], t = w.t[at]
        cdef double rate = c.rate_syn, per_c = 1.0 / c.c_mem, s, x
        cdef bint begun = w.quiet[at]
        cdef Py_ssize_t k, m
        if height == 0.0 or top.time == 0.0 or top.time == INFINITY or (not begun and top.time < start):
            return
        self.order_arrivals(w, g, c, arrival, n)
        for k in range(n - 1, -1, -1):
            if not begun:
                if arrival[k].time > top.time:
                    continue
                if top.synapse < 0:
                    begun, l_v, t = True, height, top.time
                elif arrival[k].time == top.time and arrival[k].synapse == top.synapse:
                    begun, l_v, t = True, height, top.time
                    x = height * top.rise
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
            if fabs(l_v) < FADED and fabs(l_i) < FADED:
                l_v = l_i = 0.0
            m = arrival[k].synapse * step
            x = weight[m] * (l_i * rate - l_v * per_c)
            by_weight[m] += l_i
            by_delay[m] += x
            error[arrival[k].spike] += x
        if not begun:  # nothing arrived before it in this window
            begun, l_v, t = True, height, top.time
        w.l_v[at] = l_v
        w.l_i[at] = l_i
        w.t[at] = t
        w.quiet[at] = begun

    cdef void go_back(self, const Cell *c, double s, double *l_v, double *l_i) noexcept nogil:
        """Take the adjoints of one unit back by a time s."""
        if l_v[0] != 0.0:
            l_i[0] = l_i[0] * exp(-s * c.rate_syn) + l_v[0] * kappa(c, s)
            l_v[0] *= exp(-s * c.rate_mem)
        elif l_i[0] != 0.0:
            l_i[0] *= exp(-s * c.rate_syn)

    cdef double own_event(self, const Cell *c, const Train *train, int32_t spike, bint quiet) noexcept nogil:
        """Return the time of what a unit did before: the end of its refractory time, or its spike."""
        if spike < 0:
            return -INFINITY
        return train.mark[spike].time if quiet else train.mark[spike].time + c.t_ref
