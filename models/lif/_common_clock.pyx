# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# distutils: extra_compile_args = -O3
"""Leaky integrate-and-fire neurons without synaptic current, all on one clock.

Where all units share tau_mem, v_inf and v_th, each is described by

    U = (v_inf - v) G(t),        G(t) = e^(t / tau_mem)

which stays as it is while nothing arrives. An input of weight w subtracts w G(t), the same number for all targets of
a spike, and a unit fires when G(t) = U / (v_inf - v_th). So the least U fires first: a heap of U takes the place of
predicted times, an input costs one subtraction and a move in the heap, and one logarithm a spike says when the top
fires (after Engelken 2023, SparseProp, whose phases take an exponential and a logarithm an input).

G is kept as 2^(n + f), n whole and 0 <= f < 1, from t / (tau_mem ln 2); U is held times 2^-base, `base` a multiple of
SPAN. So when G grows, U is scaled by a power of two, which changes none of its bits: when that happens, and in what
slices a run comes here, leaves no trace. The ordered, windows and layered schedules do the same operations.
"""

from libc.math cimport INFINITY, NAN, exp2, fabs, floor, fmax, fmin, frexp, ldexp, log2
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free, qsort

import numpy as np

from eventsim.queue.crossings cimport Crossing, CrossingHeap
from eventsim.engine cimport Engine, Event
from eventsim.kernels.memory cimport resized
from eventsim.kernels.pages cimport CHILDREN_AHEAD, HEAP_AHEAD, STATE_AHEAD, fetch
from eventsim.population cimport Arrival, Population, Recording, SynapseGroup, group_target, group_weight, receive_input

from eventsim.states import LATEST, not_after, state_arrays, state_group, state_number, state_times

cdef enum:
    SPAN = 256      # doublings of G between two scalings of U


cdef inline bint earlier(const Crossing *a, const Crossing *b) noexcept nogil:
    return a.time < b.time or (a.time == b.time and a.slot < b.slot)


cdef int by_unit(const void *a, const void *b) noexcept nogil:
    return -1 if (<const int32_t *> a)[0] < (<const int32_t *> b)[0] else 1


cdef inline void sink(Crossing *heap, int32_t *position, int n, int hole, Crossing key) noexcept nogil:
    """Put `key` at `hole` or below; what `CrossingHeap.sink` does, without a call."""
    cdef int child, best, end
    while True:
        child = 4 * hole + 1
        if child >= n:
            break
        best = child
        end = min(child + 4, n)
        child += 1
        while child < end:
            if earlier(&heap[child], &heap[best]):
                best = child
            child += 1
        if not earlier(&heap[best], &key):
            break
        heap[hole] = heap[best]
        position[heap[hole].slot] = hole
        hole = best
    heap[hole] = key
    position[key.slot] = hole


cdef class CommonClockNeurons(Population):
    """`n` neurons with the parameters of `LIFDelta`, each one number but for `v_init`."""

    def __init__(self, int n, str name, parameters, bint first_spike_only=False):
        super().__init__(n, name)
        self.variables = ("v",)
        self.windowed = True
        self.first_spike_only = first_spike_only
        self.waiting = CrossingHeap()
        self.waiting.grow(n)
        self.refractory_end = np.full(n, -np.inf)
        self.ready = <int32_t *> resized(NULL, n + 1, sizeof(int32_t), b"units")
        self.take_parameters(parameters)
        v_init = parameters["v_leak"] if parameters["v_init"] is None else parameters["v_init"]
        self.take_membranes(np.array(np.broadcast_to(v_init, n), float), 0.0)

    def __dealloc__(self):
        free(self.ready)

    cdef int take_parameters(self, parameters) except -1:
        self.unit_time = float(parameters["tau_mem"]) * 0.6931471805599453
        self.v_inf = parameters["v_leak"] + parameters["i_ext"] * parameters["tau_mem"] / parameters["c_mem"]
        self.above = self.v_inf - parameters["v_th"]
        self.v_reset = parameters["v_reset"]
        self.t_ref = parameters["t_ref"]
        self.refracts = self.refracts or self.first_spike_only or self.t_ref > 0.0
        return 0

    cdef int take_membranes(self, const double[::1] v, double time) except -1:
        """Let the membranes be `v` at `time`, those of refractory units when they come free."""
        cdef double end
        cdef int unit
        self.clock = time
        self.base = <int64_t> floor(time / self.unit_time / SPAN) * SPAN
        self.waiting.clear()
        for unit in range(self.n):
            end = fmax(time, self.refractory_end[unit])
            if end < INFINITY:
                self.waiting.set(unit, (self.v_inf - v[unit]) * self.scale(end))
        self.top = -1
        self.next_spike = INFINITY
        self.forget()
        self.look()
        return 0

    cdef void forget(self) noexcept nogil:
        """Let nothing be known of who fires next but what `top` and `next_spike` say."""
        self.n_ready = self.n_fired = 0
        self.least_u = NAN

    def add_recording(self, Recording recording not None):
        super().add_recording(recording)
        self.sampled = True

    @property
    def max_window(self):
        """The longest useful window."""
        return 0.2 * self.unit_time / 0.6931471805599453

    # State ------------------------------------------------------------------------------------------

    def snapshot(self):
        """Return the state as a dictionary of arrays and numbers."""
        cdef int unit
        u = np.empty(self.n)
        next_spike = np.full(self.n, np.inf)
        cdef double[::1] view = u
        for unit in range(self.n):
            view[unit] = self.waiting.get(unit)
        if self.top >= 0:
            next_spike[self.top] = self.next_spike
        return {"u": u, "refractory_end": np.array(self.refractory_end), "next_spike": next_spike,
                "clock": self.clock, "base": self.base}

    def check_state(self, state, time=None, crossings=None):
        """Return the state as arrays and numbers, or raise ValueError if these neurons cannot have it; nothing changes."""
        state = state_group(state, self.name)
        like = {name: np.empty(self.n) for name in ("u", "refractory_end", "next_spike")}
        found = state_arrays(state, like, {"u": (-np.finfo(float).max, None)}, of=self.name)
        state_times(state, "next_spike", (self.n,), crossings, of=self.name)
        found["clock"] = state_number(state, "clock", float, 0.0, not_after(time), of=self.name)
        found["base"] = state_number(state, "base", np.int64, 0, LATEST, of=self.name)
        if found["base"] % SPAN:
            raise ValueError(f"'base' in the state of {self.name} must be a multiple of {SPAN}, got {found['base']}")
        first = found["next_spike"][found["next_spike"] < np.inf]
        if len(first) > 1 or (first < found["clock"]).any():
            raise ValueError(f"'next_spike' in the state of {self.name} must be of one unit, and not before its clock")
        return found

    def restore(self, state):
        """Go back to a state that `snapshot` returned."""
        self.put_back(self.check_state(state))

    def rewind(self, state):
        """Go back to a state that `snapshot` returned and nobody has changed, without a check."""
        self.put_back(state)

    cdef int put_back(self, dict state) except -1:
        cdef const double[::1] u = state["u"]
        cdef int unit
        self.waiting.clear()
        for unit in range(self.n):
            self.waiting.set(unit, u[unit])
        np.asarray(self.refractory_end)[:] = state["refractory_end"]
        self.clock, self.base = state["clock"], state["base"]
        self.refracts = self.refracts or (state["refractory_end"] > state["clock"]).any()
        self.top = int(np.argmin(state["next_spike"])) if self.n else -1
        self.next_spike = state["next_spike"][self.top] if self.n else INFINITY
        self.forget()
        return 0

    cdef int save(self) except -1:
        self.saved = self.snapshot()
        return 0

    cdef int rollback(self) except -1:
        self.put_back(self.saved)
        return 0

    def set_parameters(self, parameters, Engine engine=None, time=None):
        """Let the units have other parameters from `time` on; see `LIFNeurons.set_parameters`.

        All membranes are measured anew, from the new v_inf; None as `time` leaves the state alone, which is restored next.
        """
        cdef int unit
        cdef double now = 0.0 if time is None else time
        v = np.empty(self.n)
        cdef double[::1] view = v
        if time is None:
            return self.take_parameters(parameters)
        for unit in range(self.n):
            view[unit] = self.peek(0, unit, now)
        self.check_held(parameters, v, now)
        if engine is not None and self.top >= 0:
            engine.predict(self.first_slot + self.top, INFINITY)
        self.take_parameters(parameters)
        self.take_membranes(v, now)
        if engine is not None and self.top >= 0:
            engine.predict(self.first_slot + self.top, self.next_spike)

    cdef int check_held(self, parameters, v, double now) except -1:
        """Raise ValueError where U of a refractory unit would not say when it fires: that is where it is held too high."""
        end = np.asarray(self.refractory_end)
        held = v[(end > now) & (end < np.inf)].max(initial=-np.inf)
        v_inf = parameters["v_leak"] + parameters["i_ext"] * parameters["tau_mem"] / parameters["c_mem"]
        if held > v_inf or held >= parameters["v_th"]:
            raise ValueError(
                f"a refractory unit of {self.name!r} is held at v = {held}, which must be below v_th and not above v_leak + "
                f"i_ext tau_mem / c_mem with clock='common', but they become {parameters['v_th']} and {v_inf}; run on first")
        return 0

    # The clock --------------------------------------------------------------------------------------

    cdef double scale(self, double time) noexcept nogil:
        """Return G(time) 2^-base."""
        cdef double x = time / self.unit_time, n = floor(x)
        return ldexp(exp2(x - n), <int> fmin(fmax(n - self.base, -2000.0), 2000.0))

    cdef int go_to(self, double time) except -1 nogil:
        """Let the clock be at `time`."""
        self.clock = time
        if time / self.unit_time >= self.base + SPAN:
            self.rebase(<int64_t> floor(time / self.unit_time / SPAN) * SPAN)
        return 0

    cdef int rebase(self, int64_t base) except -1 with gil:
        """Scale all U by a power of two. The heap is built anew: what has all but decayed may have become equal."""
        cdef int shift = <int> fmin(base - self.base, 4000.0), unit
        cdef double[::1] u = self.snapshot()["u"]
        self.waiting.clear()
        for unit in range(self.n):
            self.waiting.set(unit, ldexp(u[unit], -shift))
        self.base = base
        self.least_u = NAN
        return 0

    cdef double crossing_time(self, double u) noexcept nogil:
        """Return when a unit with this U fires, not before the clock."""
        cdef double mantissa, share
        cdef int exponent
        if self.above <= 0.0:   # only an input can bring it there
            return self.clock if u <= self.above * self.scale(self.clock) else INFINITY
        share = u / self.above
        if share <= 0.0:
            return self.clock
        mantissa = frexp(share, &exponent)
        return fmax(((exponent + self.base) + log2(mantissa)) * self.unit_time, self.clock)

    cdef bint look(self) except -1 nogil:
        """Find who fires next and when; returns whether that has changed. Of one instant the first unit comes first."""
        cdef int top = -1
        cdef double time = INFINITY
        if self.n_fired < self.n_ready:
            return self.set_top(self.ready[self.n_fired], self.next_spike)
        if self.waiting.n_predicted:
            if self.waiting.heap[0].time != self.least_u:
                self.least_u = self.waiting.heap[0].time
                self.least_time = self.crossing_time(self.least_u)
                # No unit whose U is larger fires at that time, rounded as times are.
                self.limit = INFINITY
                if self.least_time < INFINITY:
                    self.limit = self.above * self.scale(self.least_time)
                    self.limit += 1e-9 * fabs(self.limit)
            time = self.least_time
            top = self.waiting.heap[0].slot
            if time < INFINITY:
                top = self.list_ready(time)
        return self.set_top(top, time)

    cdef bint set_top(self, int top, double time) noexcept nogil:
        cdef bint changed = top != self.top or time != self.next_spike
        self.top = top
        self.next_spike = time
        return changed

    cdef int list_ready(self, double time) except -1 nogil:
        """List the units that fire at `time`, the earliest; returns the first."""
        cdef const Crossing *heap = self.waiting.heap
        cdef int n = self.waiting.n_predicted, k = 0, child, at
        self.n_fired = 0
        self.ready[0] = 0
        self.n_ready = 1
        # Places in the heap for now; those above a place that is listed are listed.
        while k < self.n_ready:
            at = 4 * self.ready[k] + 1
            for child in range(at, min(at + 4, n)):
                if heap[child].time <= self.limit and self.crossing_time(heap[child].time) <= time:
                    self.ready[self.n_ready] = child
                    self.n_ready += 1
            k += 1
        for k in range(self.n_ready):
            self.ready[k] = heap[self.ready[k]].slot
        if self.n_ready > 1:
            qsort(self.ready, self.n_ready, sizeof(int32_t), &by_unit)
        return self.ready[0]

    # One event --------------------------------------------------------------------------------------

    cdef int arrive(self, double time, const SynapseGroup *group) except -1 nogil:
        """Let a spike arrive. The cost is in memory, which is fetched early."""
        self.go_to(time)
        self.n_ready = self.n_fired = 0
        cdef double g = self.scale(time), change
        cdef const int32_t *target = group.target
        cdef Crossing *heap = self.waiting.heap
        cdef int32_t *position = self.waiting.position
        cdef const double *end = &self.refractory_end[0]
        cdef bint refractory = self.refracts
        cdef Py_ssize_t k, n = group.n
        cdef int unit, child, at, n_waiting = self.waiting.n_predicted
        cdef Crossing key
        if target != NULL:
            for k in range(min(n, STATE_AHEAD)):
                fetch(position + target[k])
            for k in range(min(n, HEAP_AHEAD)):
                if position[target[k]] >= 0:
                    fetch(heap + position[target[k]])
        for k in range(n):
            if target != NULL:
                unit = target[k]
                if k + STATE_AHEAD < n:
                    fetch(position + target[k + STATE_AHEAD])
                    if refractory:
                        fetch(end + target[k + STATE_AHEAD])
                if k + HEAP_AHEAD < n:
                    fetch(heap + position[target[k + HEAP_AHEAD]])
                if k + CHILDREN_AHEAD < n:
                    child = 4 * position[target[k + CHILDREN_AHEAD]] + 1
                    if 0 < child < n_waiting:
                        fetch(heap + child)
                        fetch(heap + child + 3)
            else:
                unit = group.first + <int> k
            at = position[unit]
            if at < 0 or (refractory and time < end[unit]):
                continue
            change = group_weight(group, k) * g
            key.time = heap[at].time - change
            key.slot = unit
            if change <= 0.0:
                sink(heap, position, n_waiting, at, key)
            else:
                self.waiting.rise(at, key)
        if n_waiting:
            self.waiting.top_time = heap[0].time
        return 0

    cdef void fire(self, int unit, double time) noexcept nogil:
        """Reset a unit that fires at `time`, to which the clock has come."""
        cdef double end = INFINITY if self.first_spike_only else time + self.t_ref
        if self.n_fired < self.n_ready:
            self.n_fired += 1
        self.refractory_end[unit] = end
        self.waiting.set(unit, (self.v_inf - self.v_reset) * self.scale(end) if end < INFINITY else INFINITY)

    cdef double peek(self, int variable, int unit, double time) noexcept nogil:
        cdef double end = self.refractory_end[unit]
        if end == INFINITY:
            return self.v_reset
        return self.v_inf - self.waiting.get(unit) / self.scale(fmax(time, end))

    # Ordered schedule -------------------------------------------------------------------------------

    cdef int announce(self, Engine engine) except -1 nogil:
        """Let the engine wait for the unit that fires next, after something has changed."""
        cdef int before = self.top
        if self.look():
            if before >= 0 and before != self.top:
                engine.predict(self.first_slot + before, INFINITY)
            if self.top >= 0:
                engine.predict(self.first_slot + self.top, self.next_spike)
        return 0

    cdef int begin(self, Engine engine) except -1:
        if self.top >= 0:
            engine.predict(self.first_slot + self.top, self.next_spike)
        return 0

    cdef int deliver(self, Engine engine, double time, const SynapseGroup *group) except -1 nogil:
        cdef Py_ssize_t k
        self.arrive(time, group)
        self.announce(engine)
        if self.watched:
            for k in range(group.n):
                self.note(time, group_target(group, k))
        return 0

    cdef int receive(self, Engine engine, const Event *event) except -1 nogil:
        return receive_input(self, engine, event)

    cdef int cross(self, Engine engine, int unit, double time) except -1 nogil:
        self.go_to(time)
        self.fire(unit, time)
        self.announce(engine)
        self.emit(engine, time, unit)
        if self.watched:
            self.note(time, unit)
        return 0

    # Windows and layered schedules ------------------------------------------------------------------

    cdef int sweep(self, double start, double end, const Arrival *arrivals, Py_ssize_t n, bint window) except -1 nogil:
        cdef Py_ssize_t a
        for a in range(n):
            self.fire_before(arrivals[a].time)
            if self.sampled:
                self.sample_before(arrivals[a].time)
            self.arrive(arrivals[a].time, &arrivals[a].group)
            self.look()
        self.fire_before(end)
        if self.sampled:
            self.sample_before(end)
        return 0

    cdef int fire_before(self, double time) except -1 nogil:
        """Let the units fire that do so before `time`."""
        while self.next_spike < time:
            if self.sampled:
                self.sample_before(self.next_spike)
            self.go_to(self.next_spike)
            self.fresh.append(self.next_spike, self.top)
            self.fire(self.top, self.next_spike)
            self.look()
        return 0

    cdef int sample_before(self, double time) except -1 with gil:
        """Fill the rows of grid points before `time`, up to which nothing happens."""
        cdef Recording recording
        cdef double *row
        cdef Py_ssize_t k
        cdef double at
        for recording in self.recordings:
            while True:
                at = recording.next * recording.every
                if not (recording.every > 0.0 and at < time):
                    break
                row = recording.log.row(at)
                for k in range(recording.unit.shape[0]):
                    row[k] = self.peek(recording.index, recording.unit[k], at)
                recording.next += 1
        return 0
