# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# distutils: extra_compile_args = -O3
"""Leaky integrate-and-fire neurons on the windows and layered schedules: many arrivals at a time.

A window is no longer than the shortest delay, so all its arrivals are known. Most units are carried over in
one step: the effects of their arrivals at the end of the window are summed, and an upper bound of the membrane
tells that they cannot have spiked (`skip_subthreshold`). The other units are replayed arrival by arrival with
the arithmetic of the ordered schedule (`_ordered.pyx`), and so are all units on the layered schedule.
"""

from cpython.exc cimport PyErr_CheckSignals
from cpython.ref cimport PyObject
from libc.math cimport INFINITY, exp, fabs, fmax, fmin
from libc.stdint cimport int32_t, int64_t, uint8_t, uintptr_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memset

import numpy as np

from eventsim.engine cimport Engine
from eventsim.models.lif._jump_window cimport JumpWindow
from eventsim.models.lif._ordered cimport LIFNeurons
from eventsim.models.lif.flow cimport DELTA, DOUBLE, EQUAL, NEAR, Cell, flow, kappa, slope
from eventsim.population cimport Arrival, SynapseGroup, PrivateSource, Recording, group_target, group_weight
from eventsim.population.recorder cimport SpikeLog

from eventsim.models.lif._ordered import PARAMETERS

cdef enum:
    WATCHED = 1 << 20   # private arrivals between two looks for signals
    BLOCK = 512         # units whose private arrivals are drawn together, so that they stay in cache

cdef enum:              # what becomes of a unit in a window
    SKIPPED = 0         # it is carried over
    REPLAYED = 1        # its arrivals are handled one by one
    SAMPLED = 2         # it is carried over, and its arrivals are kept for recordings

PER_UNIT = ("v_th", "v_reset", "t_ref")     # parameters that units of a window need not share


cdef class LIFPopulation(LIFNeurons):
    """`LIFNeurons` that also sweep over many arrivals at a time."""

    def __init__(self, int n, str name, parameters, bint delta=False, bint first_spike_only=False):
        super().__init__(n, name, parameters, delta, first_spike_only)
        # A window treats the flow of all units alike; they may differ in threshold and reset.
        self.windowed = not any(np.ndim(parameters[key]) for key in PARAMETERS if key not in PER_UNIT)
        self.sums_block = calloc(max(n, 1) + 2, sizeof(InputSums))
        # The sums of a unit lie in one cache line.
        self.sums = <InputSums *> ((<uintptr_t> self.sums_block + 63) & ~(<uintptr_t> 63))
        self.chosen = <uint8_t *> calloc(max(n, 1), 1)
        self.offset = <int64_t *> calloc(n + 2, sizeof(int64_t))
        self.recorded = <uint8_t *> calloc(max(n, 1), 1)
        if self.sums_block == NULL or self.chosen == NULL or self.offset == NULL or self.recorded == NULL:
            raise MemoryError
        self.private_inputs = []
        self.drawn = SpikeLog()
        self.jumps = JumpWindow(n)

    def __dealloc__(self):
        free(self.sums_block)
        free(self.chosen)
        free(self.offset)
        free(self.list_time)
        free(self.list_weight)
        free(self.own_time)
        free(self.own_weight)
        free(self.own_unit)
        free(self.private_input)
        free(self.private_end)
        free(self.response)
        free(self.recorded)
        free(self.kept)

    @property
    def max_window(self):
        """The longest useful window: while the response to an input still rises, its value at the end bounds it."""
        cdef Cell *c = self.cells
        return 0.2 * c.tau_mem if self.delta else min(0.2 * c.tau_mem, c.t_peak)

    def add_private_source(self, PrivateSource source not None, double weight, double delay):
        """Let unit k receive the spikes of unit k of `source`, drawn here (windows schedule)."""
        cdef void *table = realloc(self.private_input, (self.n_private + 1) * sizeof(PrivateInput))
        if table == NULL:
            raise MemoryError
        self.private_input = <PrivateInput *> table
        self.private_input[self.n_private] = PrivateInput(<PyObject *> source, weight, delay)
        self.n_private += 1
        cdef void *ends = realloc(self.private_end, self.n_private * sizeof(Py_ssize_t))
        if ends == NULL:
            raise MemoryError
        self.private_end = <Py_ssize_t *> ends
        source.lead = delay
        self.private_inputs.append(source)  # owns the reference

    def set_private_weight(self, PrivateSource source not None, double weight):
        """Let the spikes of a private source arrive with another weight from now on."""
        cdef int p
        for p in range(self.n_private):
            if self.private_input[p].source == <PyObject *> source:
                self.private_input[p].weight = weight

    cdef int sweep(self, double start, double end, const Arrival *arrivals, Py_ssize_t n,
                   bint window) except -1 nogil:
        cdef Py_ssize_t k, drawn = 0
        cdef int unit, last
        if window and self.sweep_jumps(start, end, arrivals, n):
            return 0
        self.settle()
        if window:
            memset(self.sums, 0, self.n * sizeof(InputSums))
            for k in range(n):
                self.add_sums(end, &arrivals[k])
            self.n_own = 0
            unit = 0
            while unit < self.n:
                last = min(unit + <int> BLOCK, self.n)
                if self.n_private:
                    self.draw_feeds(unit, last, end)
                    drawn += self.drawn.n
                    if drawn > WATCHED:
                        drawn = 0
                        with gil:
                            PyErr_CheckSignals()
                self.skip_subthreshold(unit, last, start, end)
                if self.n_private:
                    self.keep_feeds()
                unit = last
        else:
            memset(self.chosen, REPLAYED, self.n)
            self.n_own = 0
        if self.n_recordings:
            with gil:
                self.open_rows(end)
        self.gather(arrivals, n, window)
        for unit in range(self.n):
            if self.chosen[unit] == REPLAYED:
                self.replay(unit, start, end, window)
                if window:
                    self.advance(unit, end)
            elif self.chosen[unit] == SAMPLED:
                self.sample_skipped(unit, start, end)
        return 0

    cdef bint sweep_jumps(self, double start, double end, const Arrival *arrivals, Py_ssize_t n) except -1 nogil:
        """Do what `sweep` does in a window, to the bit, where no current, private source or recording is.

        Returns False where that is not so; then nothing has happened.
        """
        cdef int k, unit
        if not self.delta or self.n_private or self.n_recordings or self.first_spike_only:
            return False
        if not self.jumps.loaded and not self.jumps.load(self.units, self.cells, self.stride, start):
            return False
        self.jumps.carry(self.units, self.cells, start, end, arrivals, n)
        self.make_room(self.jumps.n_found)
        self.jumps.sort_found(self.offset, self.list_time, self.list_weight)
        for k in range(self.jumps.n_chosen):
            unit = self.jumps.unit[k]
            self.jumps.give(self.units, unit, start)
            self.replay(unit, start, end, True)
            self.advance(unit, end)
            self.jumps.take(self.units, unit, end)
        return True

    cdef void settle(self) noexcept nogil:
        """Let the records of the units hold their state again."""
        if self.jumps.loaded:
            self.jumps.unload(self.units)

    def snapshot(self):
        """Return the state as a dictionary of arrays."""
        self.settle()
        return super().snapshot()

    def rewind(self, state):
        """Go back to a state that `snapshot` returned and nobody has changed, without a check."""
        self.put_back(state)

    cdef int put_back(self, dict state) except -1:
        self.jumps.loaded = False
        return LIFNeurons.put_back(self, state)

    def set_parameters(self, parameters, Engine engine=None, time=None):
        """Let the units have other parameters from `time` on; see `LIFNeurons.set_parameters`."""
        self.settle()
        super().set_parameters(parameters, engine, time)

    cdef double peek(self, int variable, int unit, double time) noexcept nogil:
        self.settle()
        return LIFNeurons.peek(self, variable, unit, time)

    cdef void add_sums(self, double end, const Arrival *arrival) noexcept nogil:
        """Add what an arrival does to its targets by the window's end."""
        cdef const Cell *c = self.cells
        cdef double age = end - arrival.time
        cdef double f_v = kappa(c, age)
        cdef double f_i = 0.0 if self.delta else exp(-age * c.rate_syn)
        cdef double f_top = 1.0 if self.delta else f_v
        cdef const SynapseGroup *group = &arrival.group
        cdef Py_ssize_t k
        cdef InputSums *to
        cdef double w
        if group.w64 == NULL and group.w32 == NULL and group.target != NULL:
            add_listed(self.sums, group.target, group.n, f_v * group.w, f_i * group.w, fmax(f_top * group.w, 0.0), 1.0)
            return
        for k in range(group.n):
            to = self.sums + group_target(group, k)
            w = group_weight(group, k)
            to.v += w * f_v
            to.i += w * f_i
            to.highest += fmax(w * f_top, 0.0)
            to.count += 1.0

    cdef int draw_feeds(self, int first, int last, double end) except -1 nogil:
        """Draw the private arrivals of units first..last - 1 before `end` and add them to their sums."""
        cdef const Cell *c = self.cells
        cdef double *time
        cdef int32_t *target
        cdef double *response
        cdef double *current
        cdef double weight, v
        cdef InputSums *to
        cdef Py_ssize_t k, n
        cdef int p
        self.drawn.n = 0
        for p in range(self.n_private):
            self.private_end[p] = 0
            (<PrivateSource> self.private_input[p].source).draw(first, last, end, self.private_input[p].delay, self.drawn)
            self.private_end[p] = self.drawn.n
        n = self.drawn.n
        time = self.drawn.time
        target = self.drawn.unit
        if self.response_room < 2 * n:
            self.grow_responses(2 * n)
        response = self.response
        current = self.response + n
        decays(time, n, end, c.rate_mem, response)
        if c.kind != DOUBLE and c.kind != EQUAL and c.kind != DELTA:
            decays(time, n, end, c.rate_syn, current)
        k = 0
        for p in range(self.n_private):
            weight = self.private_input[p].weight
            for k in range(k, self.private_end[p]):
                to = self.sums + target[k]
                v = response[k]
                if c.kind == DOUBLE:
                    to.i += weight * (v * v)
                    v = weight * c.k * (v - v * v)
                elif c.kind == EQUAL:
                    to.i += weight * v
                    v = weight * ((end - time[k]) / c.c_mem) * v
                elif c.kind == DELTA:
                    v = weight * v
                else:
                    to.i += weight * current[k]
                    v = weight * (kappa(c, end - time[k]) if c.kind == NEAR else c.k * (v - current[k]))
                to.v += v
                to.highest += fmax(weight if self.delta else v, 0.0)
                to.count += 1.0
            k = self.private_end[p]
        return 0

    cdef int keep_feeds(self) except -1 nogil:
        """Keep the private arrivals just drawn that belong to chosen units."""
        cdef Py_ssize_t k = 0
        cdef int p
        for p in range(self.n_private):
            for k in range(k, self.private_end[p]):
                if self.chosen[self.drawn.unit[k]]:
                    if self.n_own == self.own_room:
                        self.make_own_room()
                    self.own_time[self.n_own] = self.drawn.time[k]
                    self.own_unit[self.n_own] = self.drawn.unit[k]
                    self.own_weight[self.n_own] = self.private_input[p].weight
                    self.n_own += 1
            k = self.private_end[p]
        return 0

    cdef int grow_responses(self, Py_ssize_t n) except -1 nogil:
        cdef void *memory = realloc(self.response, 2 * n * sizeof(double))
        if memory == NULL:
            with gil:
                raise MemoryError
        self.response = <double *> memory
        self.response_room = 2 * n
        return 0

    cdef int make_own_room(self) except -1 nogil:
        cdef Py_ssize_t room = 2 * self.own_room + 1024
        cdef void *a = realloc(self.own_time, room * sizeof(double))
        if a != NULL:
            self.own_time = <double *> a
        cdef void *b = realloc(self.own_weight, room * sizeof(double))
        if b != NULL:
            self.own_weight = <double *> b
        cdef void *c = realloc(self.own_unit, room * sizeof(int32_t))
        if c != NULL:
            self.own_unit = <int32_t *> c
        if a == NULL or b == NULL or c == NULL:
            with gil:
                raise MemoryError
        self.own_room = room
        return 0

    cdef void skip_subthreshold(self, int first, int last, double start, double end) noexcept nogil:
        """Carry over all units that cannot fire in the window; choose the others.

        Recorded units are treated as all others; their arrivals are kept, to sample the way that they were carried.
        """
        cdef const Cell *c = self.cells
        cdef double width = end - start
        cdef double em = exp(-width * c.rate_mem)
        cdef double es = 0.0 if self.delta else exp(-width * c.rate_syn)
        cdef double kw = 0.0 if self.delta else kappa(c, width)
        cdef double v, i, v_end, i_end, highest, d, d_end
        cdef double limit
        cdef int unit
        for unit in range(first, last):
            c = self.cells + unit * self.stride
            # Rounding must not let a unit pass that touches the threshold.
            limit = c.v_th - 1e-9 * (fmax(c.v_th - c.v_reset, c.v_th - c.v_leak))
            v = self.units[unit].v
            i = self.i[unit]
            if self.recorded[unit]:
                self.kept[unit] = Kept(v, i, self.units[unit].t)
            if self.units[unit].refractory_end >= end:
                self.chosen[unit] = SAMPLED if self.recorded[unit] else SKIPPED
                self.i[unit] = i * es + self.sums[unit].i
                self.units[unit].t = end
                continue
            if self.units[unit].refractory_end > start:
                self.chosen[unit] = REPLAYED
                continue
            i_end = i * es
            v_end = c.v_inf + (v - c.v_inf) * em + i * kw
            d = slope(c, v, i)
            d_end = slope(c, v_end, i_end)
            if d > 0.0 and d_end < 0.0:
                highest = fmin(v + d * width,
                               v_end - d_end * width)  # both tangents lie above a maximum between
            else:
                highest = fmax(v, v_end)
            if highest + self.sums[unit].highest >= limit:
                self.chosen[unit] = REPLAYED
                continue
            self.chosen[unit] = SAMPLED if self.recorded[unit] else SKIPPED
            self.units[unit].v = v_end + self.sums[unit].v
            self.i[unit] = i_end + self.sums[unit].i
            self.units[unit].t = end

    cdef int make_room(self, Py_ssize_t n) except -1 nogil:
        cdef Py_ssize_t room
        cdef void *a
        cdef void *b
        if n <= self.list_room:
            return 0
        room = n + n // 2 + 256
        a = realloc(self.list_time, room * sizeof(double))
        if a != NULL:
            self.list_time = <double *> a
        b = realloc(self.list_weight, room * sizeof(double))
        if b != NULL:
            self.list_weight = <double *> b
        if a == NULL or b == NULL:
            with gil:
                raise MemoryError
        self.list_room = room
        return 0

    cdef int gather(self, const Arrival *arrivals, Py_ssize_t n, bint counted) except -1 nogil:
        """Sort the arrivals of the chosen units by unit, each unit's by time."""
        cdef int64_t *offset = self.offset
        cdef const SynapseGroup *group
        cdef Py_ssize_t a, k
        cdef int unit
        cdef int64_t to
        cdef double time, weight
        # A unit's list begins one place on, so that the cursors of the second pass end as the offsets.
        memset(offset, 0, (self.n + 2) * sizeof(int64_t))
        if counted:
            for unit in range(self.n):
                if self.chosen[unit]:
                    offset[unit + 2] = <int64_t> self.sums[unit].count
        else:
            for a in range(n):
                group = &arrivals[a].group
                for k in range(group.n):
                    offset[group_target(group, k) + 2] += 1
        for unit in range(self.n):
            offset[unit + 2] += offset[unit + 1]
        self.make_room(offset[self.n + 1])
        for a in range(n):
            group = &arrivals[a].group
            time = arrivals[a].time
            for k in range(group.n):
                unit = group_target(group, k)
                if self.chosen[unit]:
                    to = offset[unit + 1]
                    offset[unit + 1] += 1
                    self.list_time[to] = time
                    self.list_weight[to] = group_weight(group, k)
        if self.n_own == 0:
            return 0
        for k in range(self.n_own):
            to = offset[self.own_unit[k] + 1]
            offset[self.own_unit[k] + 1] += 1
            self.list_time[to] = self.own_time[k]
            self.list_weight[to] = self.own_weight[k]
        # Only now does each list begin where the one before ends. They are short and nearly in order: insertion.
        for unit in range(self.n):
            for k in range(offset[unit] + 1, offset[unit + 1]):
                time = self.list_time[k]
                if self.list_time[k - 1] <= time:
                    continue
                weight = self.list_weight[k]
                to = k
                while to > offset[unit] and self.list_time[to - 1] > time:
                    self.list_time[to] = self.list_time[to - 1]
                    self.list_weight[to] = self.list_weight[to - 1]
                    to -= 1
                self.list_time[to] = time
                self.list_weight[to] = weight
        return 0

    cdef int replay(self, int unit, double start, double end, bint window) except -1 nogil:
        """Handle the arrivals of one unit in [start, end) as the ordered schedule does."""
        cdef int64_t k = self.offset[unit], stop = self.offset[unit + 1]
        cdef double time, next_spike, sampled = start
        cdef bint recorded = self.recorded[unit]
        cdef Kept before
        while True:
            time = self.list_time[k] if k < stop else end
            if recorded:
                before = Kept(self.units[unit].v, self.i[unit], self.units[unit].t)
            next_spike = self.next_spike_before(unit, time, window or k < stop)
            while next_spike < time:
                if recorded:
                    sampled = self.sample(unit, sampled, next_spike, &before)
                self.fire(unit, next_spike)
                self.fresh.append(next_spike, unit)
                if recorded:
                    before = Kept(self.units[unit].v, self.i[unit], self.units[unit].t)
                next_spike = self.next_spike_before(unit, time, window or k < stop)
            if recorded:
                sampled = self.sample(unit, sampled, time, &before)
            if k == stop:
                return 0
            self.units[unit].next_spike = next_spike
            while k < stop and self.list_time[k] == time:
                self.receive_weight(unit, time, self.list_weight[k])
                k += 1

    cdef int sample_skipped(self, int unit, double start, double end) except -1 nogil:
        """Sample a unit that was carried over the window: event by event on a copy, which is then forgotten."""
        cdef int64_t k = self.offset[unit]
        cdef Kept carried = Kept(self.units[unit].v, self.i[unit], self.units[unit].t), before
        cdef double time, sampled = start, next_spike = self.units[unit].next_spike
        self.units[unit].v, self.i[unit], self.units[unit].t = self.kept[unit].v, self.kept[unit].i, self.kept[unit].t
        self.units[unit].next_spike = INFINITY
        for k in range(k, self.offset[unit + 1]):
            time = self.list_time[k]
            before = Kept(self.units[unit].v, self.i[unit], self.units[unit].t)
            sampled = self.sample(unit, sampled, time, &before)
            self.receive_weight(unit, time, self.list_weight[k])
        before = Kept(self.units[unit].v, self.i[unit], self.units[unit].t)
        self.sample(unit, sampled, end, &before)
        self.units[unit].v, self.i[unit], self.units[unit].t = carried.v, carried.i, carried.t
        self.units[unit].next_spike = next_spike
        return 0

    cdef double next_spike_before(self, int unit, double time, bint go) noexcept nogil:
        """Return the next crossing if it may come before `time` or at it; otherwise inf, and if `go` be at `time`.

        Mostly the membrane at `time` and its slopes show that there is none, which saves the root finding.
        """
        cdef const Cell *c = self.cells + unit * self.stride
        cdef double v = self.units[unit].v, i = self.i[unit], d, d_end, rounding, width = time - self.units[unit].t
        if self.units[unit].t >= self.units[unit].refractory_end and v < c.v_th:
            d = slope(c, v, i)
            flow(c, width, &v, &i)
            if v < c.v_th - 1e-9 * fabs(c.v_th - c.v_leak):
                d_end = slope(c, v, i)
                # If the slope is still positive no maximum lies between. Long after the last event the slope is
                # rounding alone and tells nothing; then the root is looked for.
                # Both tangents lie above a maximum between, the later one as long as the membrane is concave: up to t_peak
                # beyond the maximum.
                rounding = 1e-15 * (fabs(v) + fabs(c.v_inf)) * c.rate_mem
                if d <= 0.0 or d_end > rounding or self.units[unit].v + d * width < c.v_th or (
                        width <= c.t_peak and v - d_end * width < c.v_th):
                    if go and width > 0.0:
                        self.units[unit].v = v
                        self.i[unit] = i
                        self.units[unit].t = time
                    return INFINITY
        return self.predict(unit)

    # Recording in sweeps: grid points are filled while the unit passes them; at an event's own time, after the event.
    # A recording only looks: what it sees is computed from copies, so spikes have the same bits with it and without.

    def add_recording(self, Recording recording not None):
        super().add_recording(recording)
        cdef int unit
        if self.kept == NULL:
            self.kept = <Kept *> calloc(max(self.n, 1), sizeof(Kept))
            if self.kept == NULL:
                raise MemoryError
        self.n_recordings += 1
        for unit in recording.units:
            self.recorded[unit] = 1

    cdef int open_rows(self, double end) except -1:
        """Start the rows of all grid points before `end`."""
        cdef Recording recording
        cdef double time
        for recording in self.recordings:
            recording.opened = recording.log.n
            recording.opened_next = recording.next
            while True:
                time = recording.next * recording.every
                if time >= end:
                    break
                recording.log.row(time)
                recording.next += 1
        return 0

    cdef double sample(self, int unit, double start, double end, const Kept *before) except? -1 with gil:
        """Fill the unit's column at the grid points in [start, end), where it came from `before`; returns where to go on."""
        cdef Py_ssize_t row
        cdef double guess
        cdef Recording recording
        cdef Kept now = Kept(self.units[unit].v, self.i[unit], self.units[unit].t)
        if end <= start:
            return start
        self.units[unit].v, self.i[unit], self.units[unit].t = before.v, before.i, before.t
        for recording in self.recordings:
            if recording.column[unit] < 0:
                continue
            # The first of the opened rows at or after `start`: where it should be, then to the rounding.
            guess = start / recording.every - recording.opened_next
            row = recording.opened + (<Py_ssize_t> guess if guess > 0.0 else 0)
            row = min(row, recording.log.n)
            while row > recording.opened and recording.log.time[row - 1] >= start:
                row -= 1
            while row < recording.log.n and recording.log.time[row] < start:
                row += 1
            while row < recording.log.n and recording.log.time[row] < end:
                recording.log.value[row * recording.log.width + recording.column[unit]] = self.peek(
                    recording.index, unit, recording.log.time[row])
                row += 1
        self.units[unit].v, self.i[unit], self.units[unit].t = now.v, now.i, now.t
        return end
