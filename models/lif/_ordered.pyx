# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# distutils: extra_compile_args = -O3
"""Leaky integrate-and-fire neurons on the ordered schedule, exact between events.

An arrival advances one unit along its exact flow, adds its weight, and predicts the next spike anew
(`flow.pxd`). The queue holds at most one predicted spike of each unit.
"""

from libc.math cimport INFINITY, exp, fmin
from libc.stdlib cimport calloc, free

import numpy as np

from eventsim.engine cimport Engine, Event
from eventsim.models.lif.flow cimport Cell, complete, first_crossing, flow
from eventsim.population cimport SynapseGroup, Population, group_target, group_weight

from eventsim.renamed import with_current_names
from eventsim.states import FINITE, not_after, state_arrays, state_group, state_times

PARAMETERS = ("tau_mem", "tau_syn", "c_mem", "v_th", "v_leak", "v_reset", "i_ext", "t_ref")


cdef Cell make_cell(parameters, int unit, bint delta):
    cdef Cell cell
    values = [float(p if np.ndim(p) == 0 else p[unit]) for p in (parameters[name] for name in PARAMETERS)]
    cell.tau_mem, cell.tau_syn, cell.c_mem, cell.v_th, cell.v_leak, cell.v_reset, cell.i_ext, cell.t_ref = values
    complete(&cell, delta)
    return cell


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
        cdef int unit
        for unit in range(n if self.stride else 1):
            self.cells[unit] = make_cell(parameters, unit, delta)
        v_init = parameters["v_leak"] if parameters["v_init"] is None else parameters["v_init"]
        self.arrays = {
            "v": np.array(np.broadcast_to(v_init, n), float),
            "i_syn": np.array(np.broadcast_to(0.0 if delta else parameters["i_init"], n), float),
            "t": np.zeros(n),
            "refractory_end": np.full(n, -np.inf),
            "next_spike": np.full(n, np.inf),
        }
        self.saved = {}
        cdef double[::1] view
        if n:
            view = self.arrays["v"]
            self.v = &view[0]
            view = self.arrays["i_syn"]
            self.i = &view[0]
            view = self.arrays["t"]
            self.t = &view[0]
            view = self.arrays["refractory_end"]
            self.refractory_end = &view[0]
            view = self.arrays["next_spike"]
            self.next_spike = &view[0]

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
        for unit in range(self.n if stride else 1):
            cells[unit] = make_cell(parameters, unit, self.delta)
        changed = np.array([not alike(cells + unit * stride, self.cells + unit * self.stride)
                            for unit in range(self.n)], bool)
        if time is not None:
            for unit in np.flatnonzero(changed):
                self.advance(unit, now)
                if now == self.next_spike[unit] and self.v[unit] < self.cells[unit * self.stride].v_th:
                    self.v[unit] = self.cells[unit * self.stride].v_th  # as in `receive_weight`
        free(self.cells)
        self.cells = cells
        self.stride = stride
        if time is not None and engine is not None:
            for unit in np.flatnonzero(changed):
                self.next_spike[unit] = self.predict(unit)
                engine.predict(self.first_slot + unit, self.next_spike[unit])

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
        cdef double t = self.t[unit]
        if time <= t:
            return
        if t < self.refractory_end[unit]:
            if time <= self.refractory_end[unit]:
                self.i[unit] *= exp(-(time - t) * c.rate_syn)
                self.t[unit] = time
                return
            self.i[unit] *= exp(-(self.refractory_end[unit] - t) * c.rate_syn)
            t = self.refractory_end[unit]
        flow(c, time - t, &self.v[unit], &self.i[unit])
        self.t[unit] = time

    cdef double predict(self, int unit) noexcept nogil:
        """Return when the unit crosses next if nothing arrives before."""
        cdef const Cell *c = self.cells + unit * self.stride
        cdef double t = self.t[unit]
        cdef double i = self.i[unit]
        if t < self.refractory_end[unit]:
            if self.refractory_end[unit] == INFINITY:
                return INFINITY
            i *= exp(-(self.refractory_end[unit] - t) * c.rate_syn)
            t = self.refractory_end[unit]
        return t + first_crossing(c, self.v[unit], i)

    cdef void receive_weight(self, int unit, double time, double weight) noexcept nogil:
        """Bring a unit to `time` and let an input of `weight` arrive."""
        self.advance(unit, time)
        if time == self.next_spike[unit] and self.v[unit] < self.cells[unit * self.stride].v_th:
            # The crossing at this very time is certain for an input that changes only the current, but rounding of the
            # flow may leave v a bit below.
            self.v[unit] = self.cells[unit * self.stride].v_th
        if not self.delta:
            self.i[unit] += weight
        elif time >= self.refractory_end[unit]:
            self.v[unit] += weight
        if time == self.next_spike[unit]:
            self.next_spike[unit] = INFINITY  # the pin holds once; a jump of the membrane may undo the crossing

    cdef void fire(self, int unit, double time) noexcept nogil:
        """Reset a unit that crosses at `time`."""
        cdef const Cell *c = self.cells + unit * self.stride
        self.advance(unit, time)
        self.v[unit] = c.v_reset
        self.refractory_end[unit] = INFINITY if self.first_spike_only else time + c.t_ref
        self.next_spike[unit] = INFINITY

    cdef double peek(self, int variable, int unit, double time) noexcept nogil:
        cdef const Cell *c = self.cells + unit * self.stride
        cdef double t = self.t[unit], v = self.v[unit], i = self.i[unit]
        if time > t:
            if t < self.refractory_end[unit]:
                i *= exp(-(fmin(time, self.refractory_end[unit]) - t) * c.rate_syn)
                t = self.refractory_end[unit]
            if time > t:
                flow(c, time - t, &v, &i)
        return i if variable == 1 else v

    # Ordered schedule ---------------------------------------------------------------------------

    cdef int begin(self, Engine engine) except -1:
        cdef int unit
        for unit in range(self.n):
            self.next_spike[unit] = self.predict(unit)
            engine.predict(self.first_slot + unit, self.next_spike[unit])
        return 0

    cdef int deliver(self, Engine engine, double time, const SynapseGroup *group) except -1 nogil:
        cdef Py_ssize_t k
        cdef int unit
        cdef double next_spike
        for k in range(group.n):
            unit = group_target(group, k)
            next_spike = self.next_spike[unit]
            self.receive_weight(unit, time, group_weight(group, k))
            self.next_spike[unit] = self.predict(unit)
            if self.next_spike[unit] != next_spike:
                engine.predict(self.first_slot + unit, self.next_spike[unit])
            if self.watched:
                self.note(time, unit)
        return 0

    cdef int receive(self, Engine engine, const Event *event) except -1 nogil:
        """Take an event that was sent to this population itself: an input of weight `value` to `unit`."""
        cdef SynapseGroup group
        if not 0 <= event.unit < self.n:
            with gil:
                raise IndexError(f"{self.name!r} has {self.n} units, so an event cannot reach unit {event.unit}")
        group.target = NULL
        group.w64 = NULL
        group.w32 = NULL
        group.first = event.unit
        group.receptor = 0
        group.n = 1
        group.w = event.value
        return self.deliver(engine, event.time, &group)

    cdef int cross(self, Engine engine, int unit, double time) except -1 nogil:
        self.fire(unit, time)
        self.next_spike[unit] = self.predict(unit)
        engine.predict(self.first_slot + unit, self.next_spike[unit])
        self.emit(engine, time, unit)
        if self.watched:
            self.note(time, unit)
        return 0
