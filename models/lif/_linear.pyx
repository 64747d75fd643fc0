# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# distutils: extra_compile_args = -O3
"""Neurons whose membrane is linear between spikes: several receptors, adaptation, currents over time.

Each unit waits for what comes next without input: the crossing of its threshold, or a change of the current that it
gets, from which it looks ahead again (`course.pxd`). On the windows and layered schedules the arrivals are handled one
by one with the same arithmetic, so spikes have the same bits on all schedules.
"""

from cpython.exc cimport PyErr_CheckSignals
from cpython.ref cimport PyObject
from libc.math cimport INFINITY, atan2, exp, fmax, fmin, fmod, log, sin, sqrt
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport calloc, free

import numpy as np

from eventsim.engine cimport Engine, Event
from eventsim.models.inputs.current_sources cimport CurrentSource, Sine
from eventsim.models.lif.course cimport (
    MOST_COMPONENTS, MOST_SINES, Course, LinearCell, Sight, flow, next_event, response_x, see)
from eventsim.population cimport Arrival, Population, Recording, SynapseGroup, group_target, group_weight, receive_input

from eventsim.models.inputs.currents import Current
from eventsim.states import FINITE, LATEST, not_after, state_arrays, state_times

CELL = ("tau_mem", "c_mem", "v_th", "v_leak", "v_reset", "t_ref", "i_ext", "tau_theta", "theta_jump", "b")

cdef double TURN = 2.0 * np.pi

cdef enum:
    WAVE = 5
    WATCHED = 1 << 20           # arrivals between two looks for signals

cdef enum Shape:                # what the weight of an input is added to
    DELTA = 0                   # the membrane
    EXPONENTIAL = 1
    ALPHA = 2
    DOUBLE_EXPONENTIAL = 3

SHAPES = {"delta": DELTA, "exponential": EXPONENTIAL, "alpha": ALPHA, "double-exponential": DOUBLE_EXPONENTIAL}


cdef inline int n_components(int shape) noexcept nogil:
    """Return how many decaying currents a receptor of a shape needs."""
    return 2 if shape == DOUBLE_EXPONENTIAL else 0 if shape == DELTA else 1


cdef class LinearNeurons(Population):
    """`n` neurons; see `eventsim.models.lif.linear` for the parameters.

    Parameters
    ----------
    n, name
    parameters : mapping
        Numbers or arrays of shape (n,) by the names of `CELL`; `v_init`, `theta_init`; `receptors`, a tuple of
        (name, shape, tau, tau_rise, i_init); `tau_w` and `w_init`, None without adaptation by a current.
    sources : sequence of CurrentSource
        Currents over time, beside `i_ext`.
    first_spike_only : bool
    """

    cdef LinearCell *cells              # one for all, or one for each
    cdef double *rate                   # (rows, J) of the components
    cdef double *peak_x
    cdef double *peak_y
    cdef double *gain                   # (rows, R) of the receptors
    cdef double *wave                   # (n, n_sines, WAVE) amplitude, omega, phase, gain, lag
    cdef PyObject **source              # (E,) of CurrentSource
    cdef int rows, stride, J, R, E, w_at, n_sines, n_grid, last_variable
    cdef int[::1] shape, component      # (R,)
    cdef readonly list sources, sines
    cdef readonly tuple names           # of the receptors
    cdef bint first_spike_only
    cdef readonly dict arrays
    cdef dict saved
    cdef double[::1] v, t, refractory_end, next_event, theta
    cdef double[:, ::1] x, y, level     # (n, J), (n, J), (n, E)
    cdef int64_t[:, ::1] piece          # (n, E)
    cdef int32_t[::1] is_spike          # whether the next event is a spike; else the current changes
    cdef uint8_t[::1] recorded          # whether a unit is recorded on a grid
    cdef int64_t[:, ::1] row            # (n_recordings, n) next row to fill, in sweeps

    def __init__(self, int n, str name, parameters, sources=(), bint first_spike_only=False):
        super().__init__(n, name)
        cdef int j = 0, r
        self.first_spike_only = first_spike_only
        self.sources = [each for each in sources if not each.is_sine]
        self.sines = [each for each in sources if each.is_sine]
        self.E, self.n_sines = len(self.sources), len(self.sines)
        self.source = <PyObject **> calloc(self.E + 1, sizeof(PyObject *))
        self.wave = <double *> calloc(n * self.n_sines * WAVE + 1, sizeof(double))
        if self.source == NULL or self.wave == NULL:
            raise MemoryError
        for r in range(self.E):
            self.source[r] = <PyObject *> self.sources[r]
        receptors = parameters["receptors"]
        self.names = tuple(each[0] for each in receptors)
        self.R = len(receptors)
        self.shape = np.array([SHAPES[each[1]] for each in receptors] + [0], np.int32)
        component = []
        for r in range(self.R):
            component.append(j)
            j += n_components(self.shape[r])
        self.w_at = -1
        if parameters["tau_w"] is not None:
            self.w_at = j
            j += 1
        self.J = j
        self.component = np.array([*component, 0], np.int32)
        if self.J > MOST_COMPONENTS or len(self.sines) > MOST_SINES:
            raise ValueError(
                f"{name!r} needs {self.J} decaying currents and {len(self.sines)} sines a unit, at most {MOST_COMPONENTS} "
                f"and {MOST_SINES} are possible")
        self.put_parameters(parameters)
        self.variables = ("v", "i_syn", *(f"i_{each}" for each in self.names if len(self.names) > 1), "w", "theta", "i_ext")
        self.last_variable = len(self.variables) - 1
        v_init = parameters["v_leak"] if parameters["v_init"] is None else parameters["v_init"]
        self.arrays = {
            "v": np.array(np.broadcast_to(v_init, n), float),
            "t": np.zeros(n),
            "refractory_end": np.full(n, -np.inf),
            "next_event": np.full(n, np.inf),
            "theta": np.array(np.broadcast_to(parameters["theta_init"], n), float),
            "x": np.zeros((n, self.J)),
            "y": np.zeros((n, self.J)),
            "level": np.zeros((n, self.E)),
            "piece": np.zeros((n, self.E), np.int64),
            "is_spike": np.full(n, -1, np.int32),  # it has not looked ahead
        }
        for r, (_, _, _, _, i_init) in enumerate(receptors):
            if self.shape[r]:  # the current at time 0 decays with the (slower) time constant
                self.arrays["x"][:, component[r]] = i_init
        if self.w_at >= 0:
            self.arrays["x"][:, self.w_at] = -np.asarray(parameters["w_init"])
        for k in range(self.E):
            self.arrays["level"][:, k] = self.sources[k].first_levels(n)
        (self.v, self.t, self.refractory_end, self.next_event, self.theta, self.x, self.y, self.level, self.piece,
         self.is_spike) = self.arrays.values()
        self.saved = {}
        self.recorded = np.zeros(max(n, 1), np.uint8)
        self.windowed = True

    def __dealloc__(self):
        free(self.cells)
        free(self.rate)
        free(self.source)
        free(self.wave)

    cdef int put_parameters(self, parameters) except -1:
        """Lay the parameters out, and what follows from them."""
        taus, gains = [], []
        for shape, (_, _, tau, rise, _) in zip(self.shape, parameters["receptors"]):
            gain = 1.0
            if shape == ALPHA:      # e / tau: the weight is the largest current
                gain = np.e / np.asarray(tau)
            elif shape == DOUBLE_EXPONENTIAL:
                tau, rise = np.asarray(tau, float), np.asarray(rise, float)
                peak = tau * rise / (tau - rise) * np.log(tau / rise)
                gain = 1.0 / (np.exp(-peak / tau) - np.exp(-peak / rise))
            taus += [[], [tau], [tau], [tau, rise]][shape]
            gains.append(gain)
        if self.w_at >= 0:
            taus.append(parameters["tau_w"])
        values = [parameters[key] for key in CELL]
        if isinstance(values[CELL.index("i_ext")], Current):
            values[CELL.index("i_ext")] = 0.0   # it is one of the sources
        cdef int rows = max(self.n, 1) if any(np.ndim(each) for each in (*values, *taus, *gains)) else 1, k, j
        cdef LinearCell *cells = <LinearCell *> calloc(rows, sizeof(LinearCell))
        cdef double *table = <double *> calloc(rows * (3 * self.J + self.R) + 1, sizeof(double))
        cdef double rm, r, s
        if cells == NULL or table == NULL:
            free(cells)
            free(table)
            raise MemoryError
        free(self.cells)
        free(self.rate)
        self.cells, self.rate = cells, table
        self.peak_x = table + rows * self.J
        self.peak_y = self.peak_x + rows * self.J
        self.gain = self.peak_y + rows * self.J
        self.rows, self.stride = rows, int(rows > 1)
        cdef double[:, ::1] cell = columns(values, rows)
        cdef double[:, ::1] tau_of = columns(taus, rows), gain_of = columns(gains, rows)
        for k in range(rows):
            rm = 1.0 / cell[k, 0]
            cells[k] = LinearCell(rm, cell[k, 1], cell[k, 2], cell[k, 3], cell[k, 4], cell[k, 5], cell[k, 6],
                                  1.0 / cell[k, 7], cell[k, 8], cell[k, 9])
            for j in range(self.J):
                r = 1.0 / tau_of[k, j]
                self.rate[k * self.J + j] = r
                # The response to e^(-r s) is largest at ln(r / r_mem) / (r - r_mem).
                s = log(r / rm) / (r - rm) if r != rm else 1.0 / r
                self.peak_x[k * self.J + j] = response_x(rm, r, s, exp(-rm * s), exp(-r * s)) * (1.0 + 1e-9)
                # s e^(-r s) is at most 1 / (e r), and its integral 1 / r^2.
                self.peak_y[k * self.J + j] = fmin(0.3678794411714424 / (r * rm), 1.0 / (r * r)) * (1.0 + 1e-9)
            for j in range(self.R):
                self.gain[k * self.R + j] = gain_of[k, j]
        self.put_waves()
        return 0

    cdef int put_waves(self) except -1:
        """Work out how the membranes follow the sines."""
        cdef Sine sine
        cdef const LinearCell *c
        cdef double *wave
        cdef int unit, k
        for k in range(self.n_sines):
            sine = self.sines[k]
            for unit in range(self.n):
                c = self.cells + unit * self.stride
                wave = self.wave + (unit * self.n_sines + k) * WAVE
                wave[0], wave[1], wave[2] = sine.amplitude[unit], sine.omega[unit], sine.phase[unit]
                wave[3] = wave[0] / (c.c_mem * sqrt(c.rate_mem * c.rate_mem + wave[1] * wave[1]))
                wave[4] = -atan2(wave[1], c.rate_mem)
        return 0

    @property
    def max_window(self):
        """The longest useful window."""
        return 0.2 / max((self.cells[k].rate_mem for k in range(self.rows)), default=1.0)

    # State ------------------------------------------------------------------------------------------

    def snapshot(self):
        """Return the state as a dictionary of arrays."""
        return {name: array.copy() for name, array in self.arrays.items()}

    def check_state(self, state, time=None, crossings=None):
        """Return the arrays of a state, or raise ValueError if these neurons cannot have it; nothing changes."""
        bounds = {"v": FINITE, "x": FINITE, "y": FINITE, "theta": FINITE, "level": FINITE, "t": (0.0, not_after(time)),
                  "piece": (0, LATEST), "is_spike": (-1, 2)}
        found = state_arrays(state, self.arrays, bounds, of=self.name)
        state_times(state, "next_event", (self.n,), crossings, of=self.name)
        return found

    def restore(self, state):
        """Go back to a state that `snapshot` returned."""
        self.rewind(self.check_state(state))

    def rewind(self, state):
        """Go back to a state that `snapshot` returned and nobody has changed, without a check."""
        for name, array in self.arrays.items():
            array[...] = state[name]

    cdef int save(self) except -1:
        for name, array in self.arrays.items():
            kept = self.saved.get(name)
            if kept is None:
                self.saved[name] = array.copy()
            else:
                kept[...] = array
        return 0

    cdef int rollback(self) except -1:
        self.rewind(self.saved)
        return 0

    def set_parameters(self, parameters, Engine engine=None, time=None):
        """Let the units have other parameters from `time` on; see `LIFNeurons.set_parameters`."""
        cdef int unit
        cdef double now = 0.0 if time is None else time
        if time is not None:
            for unit in range(self.n):
                self.advance(unit, now)
                self.pin(unit, now)
        self.put_parameters(parameters)
        if time is not None:
            for unit in range(self.n):
                self.look_ahead(unit)
                if engine is not None:
                    engine.predict(self.first_slot + unit, self.next_event[unit])

    # One unit ---------------------------------------------------------------------------------------

    cdef double next_change(self, int unit) noexcept nogil:
        """Return when the current into a unit changes next."""
        cdef double time = INFINITY
        cdef int k
        for k in range(self.E):
            time = fmin(time, (<CurrentSource> self.source[k]).until(self.piece[unit, k]))
        return time

    cdef void enter(self, int unit, double time) noexcept nogil:
        """Let the currents be in the pieces that hold `time`."""
        cdef int k
        for k in range(self.E):
            while (<CurrentSource> self.source[k]).until(self.piece[unit, k]) <= time:
                self.piece[unit, k] += 1
                self.level[unit, k] = (<CurrentSource> self.source[k]).next_level(
                    unit, self.piece[unit, k], self.level[unit, k])

    cdef void lay(self, int unit, double start, Course *q) noexcept nogil:
        """Describe the course of a unit from `start`, not before its time; v stays until then."""
        cdef Py_ssize_t row = unit * self.stride, at = row * self.J
        cdef double s = start - self.t[unit], er
        cdef double *table
        cdef int j, k
        q.cell = self.cells + row
        q.rate, q.peak_x, q.peak_y = self.rate + at, self.peak_x + at, self.peak_y + at
        q.n = self.J
        for j in range(self.J):
            q.x[j] = self.x[unit, j]
            q.y[j] = self.y[unit, j]
            if s > 0.0:
                er = exp(-s * q.rate[j])
                q.x[j] = (q.x[j] + q.y[j] * s) * er
                q.y[j] *= er
        q.v = self.v[unit]
        q.theta = self.theta[unit]
        if s > 0.0 and q.theta != 0.0:
            q.theta *= exp(-s * q.cell.rate_th)
        q.level, q.ramp = q.cell.i_ext, 0.0
        for k in range(self.E):
            q.level += (<CurrentSource> self.source[k]).value(unit, self.piece[unit, k], start, self.level[unit, k])
            q.ramp += (<CurrentSource> self.source[k]).slope(unit, self.piece[unit, k])
        q.n_sines = self.n_sines
        q.look = INFINITY
        for k in range(self.n_sines):
            table = self.wave + (unit * self.n_sines + k) * WAVE
            q.size[k], q.omega[k], q.gain[k], q.lag[k] = table[0], table[1], table[3], table[4]
            q.phase[k] = fmod(table[1] * start, TURN) + table[2]
            q.look = fmin(q.look, 0.5 / table[1])
        q.start = start
        q.duration = INFINITY

    cdef void advance(self, int unit, double time) noexcept nogil:
        """Bring a unit to `time`, up to which the current into it does not change."""
        cdef Course q
        cdef double t = self.t[unit], start
        cdef int j
        if time <= t:
            return
        start = fmin(fmax(t, self.refractory_end[unit]), time)
        self.lay(unit, start, &q)
        if time > start:
            flow(&q, time - start)
            self.v[unit] = q.v
        for j in range(self.J):
            self.x[unit, j] = q.x[j]
            self.y[unit, j] = q.y[j]
        self.theta[unit] = q.theta
        self.t[unit] = time
        self.enter(unit, time)

    cdef void look_ahead(self, int unit) noexcept nogil:
        """Find what comes next if nothing arrives: a spike, or a change of the current."""
        cdef Course q
        cdef double limit = self.next_change(unit), start, s
        cdef bint is_spike = False
        self.is_spike[unit] = 0
        self.next_event[unit] = limit
        if self.refractory_end[unit] >= limit or self.refractory_end[unit] == INFINITY:
            return
        start = fmax(self.t[unit], self.refractory_end[unit])
        self.lay(unit, start, &q)
        q.duration = limit - start
        s = next_event(&q, &is_spike)
        if s < q.duration:
            self.next_event[unit] = fmin(start + s, limit)
            self.is_spike[unit] = is_spike

    cdef void pin(self, int unit, double time) noexcept nogil:
        """Put the membrane at threshold where the unit crosses at this very time, and rounding left it below."""
        cdef double threshold = self.cells[unit * self.stride].v_th + self.theta[unit]
        if self.is_spike[unit] and time == self.next_event[unit] and self.v[unit] < threshold:
            self.v[unit] = threshold

    cdef void arrive(self, int unit, double time, double weight, int receptor) noexcept nogil:
        """Bring a unit to `time` and let an input of `weight` arrive."""
        cdef int j = self.component[receptor], shape = self.shape[receptor]
        cdef double w = weight * self.gain[unit * self.stride * self.R + receptor]
        self.advance(unit, time)
        self.pin(unit, time)
        if shape == DELTA:
            if time >= self.refractory_end[unit]:
                self.v[unit] += w
        elif shape == ALPHA:
            self.y[unit, j] += w
        else:
            self.x[unit, j] += w
            if shape == DOUBLE_EXPONENTIAL:
                self.x[unit, j + 1] -= w
        self.look_ahead(unit)

    cdef bint step(self, int unit) noexcept nogil:
        """Let the next event of a unit happen; returns whether it is a spike."""
        cdef const LinearCell *c = self.cells + unit * self.stride
        cdef double time = self.next_event[unit]
        cdef bint spikes = self.is_spike[unit] != 0
        self.advance(unit, time)
        if spikes:
            self.v[unit] = c.v_reset
            self.refractory_end[unit] = INFINITY if self.first_spike_only else time + c.t_ref
            self.theta[unit] += c.jump
            if self.w_at >= 0:
                self.x[unit, self.w_at] -= c.b
        self.look_ahead(unit)
        return spikes

    cdef double peek(self, int variable, int unit, double time) noexcept nogil:
        cdef Course q
        cdef Sight o
        cdef int j, first = 0, last = self.J
        cdef double start, total = 0.0
        start = fmin(fmax(self.t[unit], self.refractory_end[unit]), time)
        if variable == 0:
            if time <= start:
                return self.v[unit]
            self.lay(unit, start, &q)
            see(&q, time - start, &o)
            return o.v
        self.lay(unit, time, &q)
        if variable == self.last_variable:
            total = q.level
            for j in range(q.n_sines):
                total += q.size[j] * sin(q.phase[j])
            return total
        if variable == self.last_variable - 1:
            return q.theta
        if variable == self.last_variable - 2:
            return -q.x[self.w_at] if self.w_at >= 0 else 0.0
        if variable > 1:
            first = self.component[variable - 2]
            last = first + n_components(self.shape[variable - 2])
        elif self.w_at >= 0:
            last = self.w_at
        for j in range(first, last):
            total += q.x[j]
        return total

    # Ordered schedule -------------------------------------------------------------------------------

    cdef int begin(self, Engine engine) except -1:
        cdef int unit
        for unit in range(self.n):
            self.look_ahead(unit)
            engine.predict(self.first_slot + unit, self.next_event[unit])
        return 0

    cdef int deliver(self, Engine engine, double time, const SynapseGroup *group) except -1 nogil:
        cdef Py_ssize_t k
        cdef int unit
        cdef double before
        if self.R == 0:
            self.fail_no_input()
        for k in range(group.n):
            unit = group_target(group, k)
            before = self.next_event[unit]
            self.arrive(unit, time, group_weight(group, k), group.receptor)
            if self.next_event[unit] != before:
                engine.predict(self.first_slot + unit, self.next_event[unit])
            if self.watched:
                self.note(time, unit)
        return 0

    cdef int fail_no_input(self) except -1 with gil:
        raise TypeError(f"{self.name!r} takes no input: it has no receptor")

    cdef int receive(self, Engine engine, const Event *event) except -1 nogil:
        return receive_input(self, engine, event)

    cdef int cross(self, Engine engine, int unit, double time) except -1 nogil:
        cdef bint spikes = self.step(unit)
        engine.predict(self.first_slot + unit, self.next_event[unit])
        if spikes:
            self.emit(engine, time, unit)
        if self.watched:
            self.note(time, unit)
        return 0

    # Windows and layered schedules ------------------------------------------------------------------

    cdef int sweep(self, double start, double end, const Arrival *arrivals, Py_ssize_t n, bint window) except -1 nogil:
        cdef Py_ssize_t a, k, handled = 0
        cdef const SynapseGroup *group
        cdef double time
        cdef int unit
        if n and self.R == 0:
            self.fail_no_input()
        if self.n_grid:
            self.open_rows(end)
        for unit in range(self.n):
            if self.is_spike[unit] < 0:
                self.look_ahead(unit)
        for a in range(n):
            group = &arrivals[a].group
            time = arrivals[a].time
            for k in range(group.n):
                unit = group_target(group, k)
                self.go_on(unit, time)
                self.arrive(unit, time, group_weight(group, k), group.receptor)
            handled += group.n
            if handled > WATCHED:
                handled = 0
                with gil:
                    PyErr_CheckSignals()
        for unit in range(self.n):
            self.go_on(unit, end)
        return 0

    cdef int go_on(self, int unit, double time) except -1 nogil:
        """Let the events of a unit before `time` happen, and fill the samples up to there."""
        cdef double event = self.next_event[unit]
        while event < time:
            if self.recorded[unit]:
                self.fill_rows(unit, event)
            if self.step(unit):
                self.fresh.append(event, unit)
            event = self.next_event[unit]
        if self.recorded[unit]:
            self.fill_rows(unit, time)
        return 0

    def add_recording(self, Recording recording not None):
        super().add_recording(recording)
        for unit in recording.units:
            self.recorded[unit] = 1
        self.n_grid = len(self.recordings)
        self.row = np.zeros((self.n_grid, max(self.n, 1)), np.int64)

    cdef int open_rows(self, double end) except -1 with gil:
        """Start the rows of all grid points before `end`."""
        cdef Recording recording
        cdef double time
        cdef int k, unit
        for k, recording in enumerate(self.recordings):
            recording.opened = recording.log.n
            recording.opened_next = recording.next
            for unit in range(self.n):
                self.row[k, unit] = recording.log.n
            while True:
                time = recording.next * recording.every
                if time >= end:
                    break
                recording.log.row(time)
                recording.next += 1
        return 0

    cdef int fill_rows(self, int unit, double time) except -1 with gil:
        """Fill the samples of a unit at the grid points before `time`, up to which nothing happens to it."""
        cdef Recording recording
        cdef Py_ssize_t row
        cdef int k
        for k, recording in enumerate(self.recordings):
            if recording.column[unit] < 0:
                continue
            row = self.row[k, unit]
            while row < recording.log.n and recording.log.time[row] < time:
                recording.log.value[row * recording.log.width + recording.column[unit]] = self.peek(
                    recording.index, unit, recording.log.time[row])
                row += 1
            self.row[k, unit] = row
        return 0


cdef columns(values, int rows):
    """Return numbers and arrays of shape (rows,) as an array of shape (rows, number of values)."""
    out = np.empty((rows, max(len(values), 1)))
    for k, value in enumerate(values):
        out[:, k] = value
    return out
