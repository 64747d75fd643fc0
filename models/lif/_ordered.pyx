# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# distutils: extra_compile_args = -O3
"""Leaky integrate-and-fire neurons on the ordered schedule, exact between events.

An arrival advances one unit along its exact flow, adds its weight, and predicts the next spike anew
(`flow.pxd`). The queue holds at most one predicted spike of each unit.
"""

from libc.math cimport INFINITY, exp, fmin, log
from libc.stdint cimport int32_t
from libc.stdlib cimport calloc, free

import numpy as np

from eventsim.queue.crossings cimport Crossing
from eventsim.engine cimport Engine, Event
from eventsim.kernels.pages cimport CHILDREN_AHEAD, HEAP_AHEAD, STATE_AHEAD, fetch, huge_pages
from eventsim.models.lif.flow cimport Cell, complete, first_crossing, flow
from eventsim.population cimport Population, SynapseGroup, group_target, group_weight, receive_input

from eventsim.renamed import with_current_names
from eventsim.states import FINITE, not_after, state_arrays, state_group, state_times

PARAMETERS = ("tau_mem", "tau_syn", "c_mem", "v_th", "v_leak", "v_reset", "i_ext", "t_ref")


cdef Cell make_cell(parameters, int unit, bint delta):
    cdef Cell cell
    values = [float(p if np.ndim(p) == 0 else p[unit]) for p in (parameters[name] for name in PARAMETERS)]
    cell.tau_mem, cell.tau_syn, cell.c_mem, cell.v_th, cell.v_leak, cell.v_reset, cell.i_ext, cell.t_ref = values
    complete(&cell, delta)
    return cell


cdef int fill_cells(Cell *cells, parameters, int n, bint delta) except -1:
    """Fill the cells of n units, of which some parameters are arrays."""
    cdef int k
    cdef const double[:, ::1] rows = np.stack([np.broadcast_to(parameters[name], n) for name in PARAMETERS], 1).astype(float)
    for k in range(n):
        cells[k].tau_mem, cells[k].tau_syn, cells[k].c_mem, cells[k].v_th = rows[k, 0], rows[k, 1], rows[k, 2], rows[k, 3]
        cells[k].v_leak, cells[k].v_reset, cells[k].i_ext, cells[k].t_ref = rows[k, 4], rows[k, 5], rows[k, 6], rows[k, 7]
        complete(&cells[k], delta)
    return 0


cdef bint alike(const Cell *a, const Cell *b) noexcept nogil:
    """Return whether two cells have the same parameters."""
    return (a.tau_mem == b.tau_mem and a.tau_syn == b.tau_syn and a.c_mem == b.c_mem and a.v_th == b.v_th
            and a.v_leak == b.v_leak and a.v_reset == b.v_reset and a.i_ext == b.i_ext and a.t_ref == b.t_ref)


def propagate(parameters, double v, double i, double s, bint delta=False):
    """Return (v, i_syn) a time `s` later without input."""
    cdef Cell cell = make_cell(parameters, 0, delta)
    flow(&cell, s, &v, &i)
    return v, i


def crossing(parameters, double v, double i, bint delta=False):
    """Return the time until v reaches v_th from below without input; inf if never."""
    cdef Cell cell = make_cell(parameters, 0, delta)
    return first_crossing(&cell, v, i)


cdef class LIFNeurons(Population):
    """`n` neurons with the parameters of `LIF` or `LIFDelta`, each a number or an array of shape (n,)."""

    def __init__(self, int n, str name, parameters, bint delta=False, bint first_spike_only=False):
        super().__init__(n, name)
        self.variables = ("v",) if delta else ("v", "i_syn")
        self.delta = delta
        self.first_spike_only = first_spike_only
        self.stride = int(any(np.ndim(parameters[key]) for key in PARAMETERS))
        self.cells = <Cell *> calloc(max(n, 1) if self.stride else 1, sizeof(Cell))
        if self.cells == NULL:
            raise MemoryError
        if self.stride:
            fill_cells(self.cells, parameters, n, delta)
        else:
            self.cells[0] = make_cell(parameters, 0, delta)
        v_init = parameters["v_leak"] if parameters["v_init"] is None else parameters["v_init"]
        # The block begins at a cache line.
        block = np.zeros(4 * n + 512)
        first = (2048 - block.ctypes.data) % 4096 // 8
        block = block[first : first + 4 * n].reshape(n, 4)
        self.arrays = {
            "v": block[:, 0],
            "i_syn": np.array(np.broadcast_to(0.0 if delta else parameters["i_init"], n), float),
            "t": block[:, 1],
            "refractory_end": block[:, 2],
            "next_spike": block[:, 3],
        }
        self.saved = {}
        cdef double[:, ::1] state
        cdef double[::1] current
        if n:
            state = block
            self.units = <UnitState *> &state[0, 0]
            huge_pages(self.units, n * sizeof(UnitState))
            current = self.arrays["i_syn"]
            self.i = &current[0]
        self.arrays["v"][:] = v_init
        self.arrays["refractory_end"][:] = -np.inf
        self.arrays["next_spike"][:] = np.inf

    def __dealloc__(self):
        free(self.cells)

    def snapshot(self):
        """Return the state as a dictionary of arrays."""
        return {name: array.copy() for name, array in self.arrays.items()}

    def check_state(self, state, time=None, crossings=None):
        """Return the arrays of a state, or raise ValueError if these neurons cannot have it; nothing changes."""
        state = with_current_names("state/lif", state_group(state, self.name), quiet=True)
        found = state_arrays(state, self.arrays, {"v": FINITE, "i_syn": FINITE, "t": (0.0, not_after(time))}, of=self.name)
        state_times(state, "next_spike", (self.n,), crossings, of=self.name)
        return found

    def restore(self, state):
        """Go back to a state that `snapshot` returned."""
        self.put_back(self.check_state(state))

    def rewind(self, state):
        """Go back to a state that `snapshot` returned and nobody has changed, without a check."""
        self.put_back(state)

    cdef int put_back(self, dict state) except -1:
        for name, array in self.arrays.items():
            array[:] = state[name]
        return 0

    def set_parameters(self, parameters, Engine engine=None, time=None):
        """Let the units have other parameters from `time` on.

        Units whose parameters differ are brought to `time` along their flow of before and predict their next crossing
        anew; all others keep their bits. A membrane at or above its new threshold spikes at `time`. A refractory unit
        stays so, at the potential at which it is held, as long as was said when it spiked.

        Parameters
        ----------
        parameters : mapping of str to float or ndarray, shape (n,)
            All of them, checked by the model.
        engine : Engine, optional
            That waits for the crossings; None on the other schedules.
        time : float, optional
            The present; None leaves the state alone, which is restored next.
        """
        cdef int stride = int(any(np.ndim(parameters[key]) for key in PARAMETERS)), unit
        cdef Cell *cells = <Cell *> calloc(max(self.n, 1) if stride else 1, sizeof(Cell))
        cdef double now = 0.0 if time is None else time
        if cells == NULL:
            raise MemoryError
        if stride:
            fill_cells(cells, parameters, self.n, self.delta)
        else:
            cells[0] = make_cell(parameters, 0, self.delta)
        changed = np.array([not alike(cells + unit * stride, self.cells + unit * self.stride)
                            for unit in range(self.n)], bool)
        if time is not None:
            for unit in np.flatnonzero(changed):
                self.advance(unit, now)
                if now == self.units[unit].next_spike and self.units[unit].v < self.cells[unit * self.stride].v_th:
                    self.units[unit].v = self.cells[unit * self.stride].v_th  # as in `receive_weight`
        free(self.cells)
        self.cells = cells
        self.stride = stride
        if time is not None and engine is not None:
            for unit in np.flatnonzero(changed):
                self.units[unit].next_spike = self.predict(unit)
                engine.predict(self.first_slot + unit, self.units[unit].next_spike)

    def set_thresholds(self, const double[::1] v_th):
        """Let units that have parameters of their own have these thresholds, before they run.

        Nothing else is looked at: neither the state nor whether the thresholds do.
        """
        cdef int unit
        if not self.stride or v_th.shape[0] != self.n:
            raise ValueError(f"units of {self.name!r} have no thresholds of their own")
        for unit in range(self.n):
            self.cells[unit].v_th = v_th[unit]

    cdef int save(self) except -1:
        self.saved = self.snapshot()
        return 0

    cdef int rollback(self) except -1:
        self.put_back(self.saved)
        return 0

    # One unit -----------------------------------------------------------------------------------

    cdef void advance(self, int unit, double time) noexcept nogil:
        """Bring a unit to `time`, which no crossing precedes."""
        cdef const Cell *c = self.cells + unit * self.stride
        cdef double t = self.units[unit].t
        if time <= t:
            return
        if t < self.units[unit].refractory_end:
            if time <= self.units[unit].refractory_end:
                self.i[unit] *= exp(-(time - t) * c.rate_syn)
                self.units[unit].t = time
                return
            self.i[unit] *= exp(-(self.units[unit].refractory_end - t) * c.rate_syn)
            t = self.units[unit].refractory_end
        flow(c, time - t, &self.units[unit].v, &self.i[unit])
        self.units[unit].t = time

    cdef double predict(self, int unit) noexcept nogil:
        """Return when the unit crosses next if nothing arrives before."""
        cdef const Cell *c = self.cells + unit * self.stride
        cdef double t = self.units[unit].t
        cdef double i = self.i[unit]
        if t < self.units[unit].refractory_end:
            if self.units[unit].refractory_end == INFINITY:
                return INFINITY
            i *= exp(-(self.units[unit].refractory_end - t) * c.rate_syn)
            t = self.units[unit].refractory_end
        return t + first_crossing(c, self.units[unit].v, i)

    cdef void receive_weight(self, int unit, double time, double weight) noexcept nogil:
        """Bring a unit to `time` and let an input of `weight` arrive."""
        self.advance(unit, time)
        if time == self.units[unit].next_spike and self.units[unit].v < self.cells[unit * self.stride].v_th:
            # The crossing at this very time is certain for an input that changes only the current, but rounding of the
            # flow may leave v a bit below.
            self.units[unit].v = self.cells[unit * self.stride].v_th
        if not self.delta:
            self.i[unit] += weight
        elif time >= self.units[unit].refractory_end:
            self.units[unit].v += weight
        if time == self.units[unit].next_spike:
            self.units[unit].next_spike = INFINITY  # the pin holds once; a jump of the membrane may undo the crossing

    cdef void fire(self, int unit, double time) noexcept nogil:
        """Reset a unit that crosses at `time`."""
        cdef const Cell *c = self.cells + unit * self.stride
        self.advance(unit, time)
        self.units[unit].v = c.v_reset
        self.units[unit].refractory_end = INFINITY if self.first_spike_only else time + c.t_ref
        self.units[unit].next_spike = INFINITY

    cdef double peek(self, int variable, int unit, double time) noexcept nogil:
        cdef const Cell *c = self.cells + unit * self.stride
        cdef double t = self.units[unit].t, v = self.units[unit].v, i = self.i[unit]
        if time > t:
            if t < self.units[unit].refractory_end:
                i *= exp(-(fmin(time, self.units[unit].refractory_end) - t) * c.rate_syn)
                t = self.units[unit].refractory_end
            if time > t:
                flow(c, time - t, &v, &i)
        return i if variable == 1 else v

    # Ordered schedule ---------------------------------------------------------------------------

    cdef int begin(self, Engine engine) except -1:
        cdef int unit
        for unit in range(self.n):
            self.units[unit].next_spike = self.predict(unit)
            engine.predict(self.first_slot + unit, self.units[unit].next_spike)
        return 0

    cdef int deliver(self, Engine engine, double time, const SynapseGroup *group) except -1 nogil:
        cdef Py_ssize_t k
        cdef int unit
        cdef double next_spike
        if self.delta and not self.watched:
            return self.receive_jumps(engine, time, group)
        for k in range(group.n):
            unit = group_target(group, k)
            next_spike = self.units[unit].next_spike
            self.receive_weight(unit, time, group_weight(group, k))
            self.units[unit].next_spike = self.predict(unit)
            if self.units[unit].next_spike != next_spike:
                engine.predict(self.first_slot + unit, self.units[unit].next_spike)
            if self.watched:
                self.note(time, unit)
        return 0

    cdef int receive_jumps(self, Engine engine, double time, const SynapseGroup *group) except -1 nogil:
        """Do what `deliver` does, to the bit, where no current is: the cost is in memory, which is fetched early."""
        cdef const Cell *c
        cdef UnitState *u
        cdef const int32_t *target = group.target
        cdef const Crossing *heap = engine.crossings.heap
        cdef const int32_t *position = engine.crossings.position + self.first_slot
        cdef Py_ssize_t k, n = group.n
        cdef int unit, child
        cdef double v, start, next_spike
        if target != NULL:
            for k in range(min(n, STATE_AHEAD)):
                fetch(self.units + target[k])
                fetch(position + target[k])
            for k in range(min(n, HEAP_AHEAD)):
                if position[target[k]] >= 0:
                    fetch(heap + position[target[k]])
        for k in range(n):
            if target != NULL:
                unit = target[k]
                if k + STATE_AHEAD < n:
                    fetch(self.units + target[k + STATE_AHEAD])
                    fetch(position + target[k + STATE_AHEAD])
                if k + HEAP_AHEAD < n:
                    fetch(heap + position[target[k + HEAP_AHEAD]])
                if k + CHILDREN_AHEAD < n:
                    child = 4 * position[target[k + CHILDREN_AHEAD]] + 1
                    if 0 < child < engine.crossings.n_predicted:
                        fetch(heap + child)
                        fetch(heap + child + 3)
            else:
                unit = group.first + <int> k
            c = self.cells + unit * self.stride
            u = self.units + unit
            v = u.v
            next_spike = u.next_spike
            start = u.t
            if time > start:
                if start < u.refractory_end:
                    start = u.refractory_end
                if time > start:
                    v = c.v_inf + (v - c.v_inf) * exp(-(time - start) * c.rate_mem)
                u.t = time
            if time == next_spike and v < c.v_th:
                v = c.v_th  # as in `receive_weight`
            if time >= u.refractory_end:
                v += group_weight(group, k)
                start = u.t
            else:
                start = u.refractory_end
            u.v = v
            # The next crossing, as `predict` and `first_crossing` have it.
            if start == INFINITY:
                u.next_spike = INFINITY
            elif v >= c.v_th:
                u.next_spike = start
            elif c.v_inf > c.v_th:
                u.next_spike = start + c.tau_mem * log((v - c.v_inf) / (c.v_th - c.v_inf))
            else:
                u.next_spike = INFINITY
            if u.next_spike != next_spike:
                engine.predict(self.first_slot + unit, u.next_spike)
        return 0

    cdef int receive(self, Engine engine, const Event *event) except -1 nogil:
        return receive_input(self, engine, event)

    cdef int cross(self, Engine engine, int unit, double time) except -1 nogil:
        self.fire(unit, time)
        self.units[unit].next_spike = self.predict(unit)
        engine.predict(self.first_slot + unit, self.units[unit].next_spike)
        self.emit(engine, time, unit)
        if self.watched:
            self.note(time, unit)
        return 0
