# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# distutils: extra_compile_args = -O3
"""Neurons that an adaptive solver follows from event to event (ordered schedule).

The method is that of Dormand and Prince (1980), order 5 with an error estimate of order 4. A unit looks one step
ahead of its last event; the engine waits for the end of that step, or for the spike inside it. Where an input
arrives inside a step, a shorter step of order 5 from the same start leads there, so results depend on events
alone: not on recordings, and not on slices of a run.

A spike is bracketed by the dense output of the step, order 4, at eight points, and located by full steps of order 5
up to the last bits. So two crossings of one unit that are closer than an eighth of a step are not seen; a step
is as long as the tolerance allows, at most `max_step`. An upstroke that the clock cannot resolve, as where an
exponential blows up within some last bits of the time, is a spike at its start.
"""

from libc.math cimport INFINITY, fabs, fmax, fmin, isfinite, nextafter
from libc.math cimport pow as power
from cpython.ref cimport PyObject
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

import numpy as np

from eventsim.states import FINITE, LATEST, not_after, state_arrays, state_times

from eventsim.engine cimport Engine, Event
from eventsim.models.inputs.current_sources cimport CurrentSource
from eventsim.models.neurons.dynamics cimport MOST_VARIABLES, Dynamics
from eventsim.population cimport Population, SynapseGroup, group_target, group_weight, receive_input

cdef enum:
    N_POINTS = 8            # of the dense output, per step
    MOST_HALVINGS = 200
    UNRESOLVED = 1000       # units in the last place of the time in which an upstroke may end unseen


cdef class SolvedNeurons(Population):
    """`n` units with the equations of `dynamics`.

    Parameters
    ----------
    n, name
    dynamics : Dynamics
    variables : tuple of str
    x : ndarray, shape (n, n_variables)
        State at time 0.
    p : ndarray, shape (1 or n, n_parameters)
    t_ref : ndarray, shape (1 or n,)
    tolerance : float
        Error of a step, relative to each variable's size, and to 1 where that is less.
    max_step : float
    sources : sequence of CurrentSource
        Currents over time, which are added to the parameter number `current_at`. A step ends where one changes.
    """

    def __init__(self, int n, str name, Dynamics dynamics not None, tuple variables, x, p, t_ref,
                 double tolerance, double max_step, sources=(), int current_at=-1):
        super().__init__(n, name)
        if len(variables) > MOST_VARIABLES:
            raise ValueError(f"{name!r} has {len(variables)} variables a unit, at most {MOST_VARIABLES} are possible")
        self.dynamics, self.variables, self.dim = dynamics, variables, len(variables)
        self.tolerance, self.max_step = tolerance, max_step
        self.sources, self.n_sources, self.current_at = list(sources), len(sources), current_at
        self.lay_parameters(p, t_ref)
        self.arrays = {
            "x": np.array(x, np.float64, order="C"),
            "x_end": np.array(x, np.float64, order="C"),
            "t": np.zeros(n),
            "t_end": np.zeros(n),
            "h": np.zeros(n),
            "refractory_end": np.full(n, -np.inf),
            "next_event": np.full(n, np.inf),
            "spikes": np.zeros(n, np.int32),
        }
        self.x, self.x_end, self.t, self.t_end, self.h, self.refractory_end, self.next_event, self.spikes = (
            self.arrays.values())
        if self.n_sources:
            self.lay_sources()

    def __dealloc__(self):
        free(self.source)

    cdef int lay_parameters(self, p, t_ref) except -1:
        """Keep the parameters, a row for each unit where currents over time change them."""
        if self.n_sources:
            p = np.broadcast_to(p, (self.n, p.shape[1]))
        self.stride = int(len(p) > 1 or self.n_sources > 0)
        self.p = np.array(np.hstack([p, np.zeros((len(p), 1))]), np.float64, order="C")  # has a first element
        self.t_ref = np.array(t_ref, np.float64)
        if self.n_sources:
            self.constant = np.array(self.p[:, self.current_at]) if self.n else np.zeros(0)
        return 0

    cdef int lay_sources(self) except -1:
        """Keep the currents over time, and where in them each unit is."""
        cdef int k
        self.source = <PyObject **> calloc(self.n_sources, sizeof(PyObject *))
        if self.source == NULL:
            raise MemoryError
        for k in range(self.n_sources):
            self.source[k] = <PyObject *> self.sources[k]
        levels = [source.first_levels(self.n) for source in self.sources]
        self.arrays["level"] = np.array(levels, np.float64).T.copy(order="C")
        self.arrays["piece"] = np.zeros((self.n, self.n_sources), np.int64)
        self.level, self.piece = self.arrays["level"], self.arrays["piece"]
        return 0

    def set_parameters(self, values, Engine engine=None, time=None):
        """Let the units have other parameters, `p` and `t_ref` as at first, from `time` on.

        Without a time the state is that of units with these parameters already.
        """
        cdef int unit
        cdef double now = 0.0 if time is None else time
        if time is not None:
            for unit in range(self.n):
                self.advance(unit, now)
        self.lay_parameters(values["p"], values["t_ref"])
        if time is None:
            self.expand_all()
            return
        for unit in range(self.n):
            self.h[unit] = 0.0      # how long a step was says nothing about the next one
            self.look_ahead(unit)
            if engine is not None:
                engine.predict(self.first_slot + unit, self.next_event[unit])

    cdef int expand_all(self) except -1:
        """Find what follows from state and parameters; nothing here."""
        return 0

    def snapshot(self):
        """Return the state as a dictionary of arrays."""
        return {name: array.copy() for name, array in self.arrays.items()}

    def check_state(self, state, time=None, crossings=None):
        """Return the arrays of a state, or raise ValueError if these units cannot have it; nothing changes."""
        bounds = {"x": FINITE, "x_end": FINITE, "t": (0.0, not_after(time)), "h": (0.0, None), "spikes": (0, 2),
                  "level": FINITE, "piece": (0, LATEST)}
        found = state_arrays(state, self.arrays, bounds, of=self.name)
        state_times(state, "next_event", (self.n,), crossings, of=self.name)
        return found

    def restore(self, state):
        """Go back to a state that `snapshot` returned."""
        state = self.check_state(state)
        for name, array in self.arrays.items():
            array[...] = state[name]

    # One unit -----------------------------------------------------------------------------------

    cdef void put_current(self, int unit, double t) noexcept nogil:
        """Let the parameters have the current at a time that is not after its next change."""
        cdef double total = self.constant[unit]
        cdef int k
        for k in range(self.n_sources):
            total += (<CurrentSource> self.source[k]).value(unit, self.piece[unit, k], t, self.level[unit, k])
        self.p[unit, self.current_at] = total

    cdef double next_change(self, int unit) noexcept nogil:
        """Return when the current into a unit changes next; inf if never."""
        cdef double time = INFINITY
        cdef int k
        for k in range(self.n_sources):
            time = fmin(time, (<CurrentSource> self.source[k]).until(self.piece[unit, k]))
        return time

    cdef void enter(self, int unit, double time) noexcept nogil:
        """Let the currents be in the pieces that hold `time`."""
        cdef int k
        for k in range(self.n_sources):
            while (<CurrentSource> self.source[k]).until(self.piece[unit, k]) <= time:
                self.piece[unit, k] += 1
                self.level[unit, k] = (<CurrentSource> self.source[k]).next_level(
                    unit, self.piece[unit, k], self.level[unit, k])

    cdef int slope(self, int unit, double t, const double *x, bint held, double *dx) except -1 nogil:
        if self.n_sources:
            self.put_current(unit, t)
        self.dynamics.f(t, x, &self.p[unit * self.stride, 0], dx)
        if held:
            dx[0] = 0.0
        return 0

    cdef int step(self, int unit, double t, const double *x, double h, bint held, Step *s) except -1 nogil:
        """Take a step of length `h` from `x` at `t`; k[0] is there already."""
        cdef int j, dim = self.dim
        cdef double y[MOST_VARIABLES]
        for j in range(dim):
            y[j] = x[j] + h * (1.0 / 5.0) * s.k[0][j]
        self.slope(unit, t + h / 5.0, y, held, s.k[1])
        for j in range(dim):
            y[j] = x[j] + h * (3.0 / 40.0 * s.k[0][j] + 9.0 / 40.0 * s.k[1][j])
        self.slope(unit, t + 0.3 * h, y, held, s.k[2])
        for j in range(dim):
            y[j] = x[j] + h * (44.0 / 45.0 * s.k[0][j] - 56.0 / 15.0 * s.k[1][j] + 32.0 / 9.0 * s.k[2][j])
        self.slope(unit, t + 0.8 * h, y, held, s.k[3])
        for j in range(dim):
            y[j] = x[j] + h * (19372.0 / 6561.0 * s.k[0][j] - 25360.0 / 2187.0 * s.k[1][j]
                               + 64448.0 / 6561.0 * s.k[2][j] - 212.0 / 729.0 * s.k[3][j])
        self.slope(unit, t + 8.0 / 9.0 * h, y, held, s.k[4])
        for j in range(dim):
            y[j] = x[j] + h * (9017.0 / 3168.0 * s.k[0][j] - 355.0 / 33.0 * s.k[1][j] + 46732.0 / 5247.0 * s.k[2][j]
                               + 49.0 / 176.0 * s.k[3][j] - 5103.0 / 18656.0 * s.k[4][j])
        self.slope(unit, t + h, y, held, s.k[5])
        for j in range(dim):
            s.x[j] = x[j] + h * (35.0 / 384.0 * s.k[0][j] + 500.0 / 1113.0 * s.k[2][j] + 125.0 / 192.0 * s.k[3][j]
                                 - 2187.0 / 6784.0 * s.k[4][j] + 11.0 / 84.0 * s.k[5][j])
        return 0

    cdef int estimate(self, int unit, double t, const double *x, double h, bint held, Step *s) except -1 nogil:
        """Put the error of a step over what is tolerated into it; nan where the step is not finite."""
        cdef int j
        cdef double e, worst = 0.0
        self.slope(unit, t + h, s.x, held, s.k[6])
        for j in range(self.dim):
            e = h * (71.0 / 57600.0 * s.k[0][j] - 71.0 / 16695.0 * s.k[2][j] + 71.0 / 1920.0 * s.k[3][j]
                     - 17253.0 / 339200.0 * s.k[4][j] + 22.0 / 525.0 * s.k[5][j] - 1.0 / 40.0 * s.k[6][j])
            e = fabs(e) / (self.tolerance * fmax(1.0, fmax(fabs(x[j]), fabs(s.x[j]))))
            if not isfinite(e):
                worst = e
                break
            worst = fmax(worst, e)
        s.error = worst
        return 0

    cdef double first_step(self, int unit, const double *x, const double *dx) noexcept nogil:
        """Return a length to begin with, by the speed of the fastest variable."""
        cdef int j
        cdef double rate = 1e-9
        for j in range(self.dim):
            rate = fmax(rate, fabs(dx[j]) / fmax(1.0, fabs(x[j])))
        return 0.5 * power(self.tolerance, 0.2) / rate

    cdef double margin(self, int unit, const double *x) except? -1.0 nogil:
        return self.dynamics.g(x, &self.p[unit * self.stride, 0])

    cdef int look_ahead(self, int unit) except -1 nogil:
        """Take one step from the state of a unit, and find what comes first: a spike, or its end."""
        cdef Step s
        cdef double *x = &self.x[unit, 0]
        cdef double t = self.t[unit], h, limit = self.max_step, spike, stop = INFINITY
        cdef bint held = t < self.refractory_end[unit], ends
        cdef int _trial
        self.spikes[unit] = 0
        if not held and self.margin(unit, x) >= 0.0:
            self.spikes[unit] = 1
            self.next_event[unit] = self.t_end[unit] = t
            return 0
        if held:
            stop = self.refractory_end[unit]
        if self.n_sources:
            stop = fmin(stop, self.next_change(unit))
        limit = fmin(limit, stop - t)
        self.slope(unit, t, x, held, s.k[0])
        h = self.h[unit] if self.h[unit] > 0.0 else self.first_step(unit, x, s.k[0])
        for _trial in range(MOST_HALVINGS):
            h = fmin(h, limit)
            if t + h == t:
                return self.spike_now(unit, t, x, held, s.k[0])
            ends = t + h >= stop
            self.step(unit, t, x, h, held, &s)
            self.estimate(unit, t, x, h, held, &s)
            if s.error <= 1.0:
                break
            h *= fmax(0.2, 0.9 * power(s.error, -0.2)) if isfinite(s.error) else 0.2
        else:
            self.fail(unit, t)
        self.t_end[unit] = stop if ends else t + h
        memcpy(&self.x_end[unit, 0], s.x, self.dim * sizeof(double))
        # A step cut short by the end of refractoriness, or by a change of the current, says little about the next one.
        spike = h * (fmin(5.0, 0.9 * power(s.error, -0.2)) if s.error > 0.0 else 5.0)
        self.h[unit] = fmax(spike, self.h[unit]) if ends else spike
        self.next_event[unit] = self.t_end[unit]
        if not held:
            spike = self.first_crossing(unit, t, x, h, &s)
            if spike < INFINITY:
                self.spikes[unit] = 1
                self.next_event[unit] = fmin(t + spike, self.t_end[unit])
        return 0

    cdef int spike_now(self, int unit, double t, const double *x, bint held, const double *dx) except -1 nogil:
        """Let a unit spike whose upstroke is steeper than the clock resolves; otherwise its equations are at fault."""
        cdef double y[MOST_VARIABLES]
        cdef double soon = UNRESOLVED * (nextafter(t, INFINITY) - t)
        cdef int j
        for j in range(self.dim):
            y[j] = x[j] + soon * dx[j]
        if held or not self.margin(unit, y) >= 0.0:
            self.fail(unit, t)
        self.spikes[unit] = 1
        self.next_event[unit] = self.t_end[unit] = t
        return 0

    cdef int dense(self, const double *x, double h, double u, const Step *s, double *y) noexcept nogil:
        """Put the state at the part `u` of a step into `y`: the interpolant of order 4 by Shampine (1986)."""
        cdef int j
        cdef double slope, bend, rest
        for j in range(self.dim):
            slope = s.x[j] - x[j]
            bend = h * s.k[0][j] - slope
            rest = h * (-12715105075.0 / 11282082432.0 * s.k[0][j] + 87487479700.0 / 32700410799.0 * s.k[2][j]
                        - 10690763975.0 / 1880347072.0 * s.k[3][j] + 701980252875.0 / 199316789632.0 * s.k[4][j]
                        - 1453857185.0 / 822651844.0 * s.k[5][j] + 69997945.0 / 29380423.0 * s.k[6][j])
            y[j] = x[j] + u * (slope + (1.0 - u) * (bend + u * (slope - h * s.k[6][j] - bend + (1.0 - u) * rest)))
        return 0

    cdef double first_crossing(self, int unit, double t, const double *x, double h, const Step *s) except? -1.0 nogil:
        """Return how long after `t` the unit crosses within a step; inf if it does not."""
        cdef double y[MOST_VARIABLES]
        cdef Step part
        cdef double low = 0.0, high = 0.0, at_low, at_high, middle, at_middle, g
        cdef int point, trial, side = 0
        for point in range(1, N_POINTS + 1):
            high = h * point / N_POINTS
            if point < N_POINTS:
                self.dense(x, h, point / <double> N_POINTS, s, y)
                g = self.margin(unit, y)
            else:
                g = self.margin(unit, s.x)
            if g != g:
                self.fail_margin(unit, t)
            if g >= 0.0:
                break
            low = high
        else:
            return INFINITY
        # The dense output has bracketed it; from here on full steps count.
        memcpy(part.k[0], s.k[0], sizeof(part.k[0]))
        at_high = self.margin_after(unit, t, x, high, &part)
        if at_high < 0.0:
            high, at_high = h, self.margin(unit, s.x)
            if at_high < 0.0:
                return INFINITY
        at_low = self.margin_after(unit, t, x, low, &part) if low > 0.0 else self.margin(unit, x)
        if at_low >= 0.0:
            high, at_high = low, at_low
            low, at_low = 0.0, self.margin(unit, x)
        for trial in range(MOST_HALVINGS):
            # Regula falsi that halves the weight of an end that stays (Illinois), and bisection after a while.
            middle = low + (high - low) * (at_low / (at_low - at_high)) if trial < 40 else 0.5 * (low + high)
            if not low < middle < high:
                middle = 0.5 * (low + high)
            if t + high <= t + low or not low < middle < high or t + middle == t + high:
                break
            at_middle = self.margin_after(unit, t, x, middle, &part)
            if at_middle >= 0.0:
                high, at_high = middle, at_middle
                if side == 1:
                    at_low *= 0.5
                side = 1
            else:
                low, at_low = middle, at_middle
                if side == -1:
                    at_high *= 0.5
                side = -1
        return high

    cdef double margin_after(self, int unit, double t, const double *x, double h, Step *s) except? -1.0 nogil:
        self.step(unit, t, x, h, False, s)
        return self.margin(unit, s.x)

    cdef int advance(self, int unit, double time) except -1 nogil:
        """Bring a unit to `time`, which is within the step that it has looked ahead."""
        cdef Step s
        cdef double *x = &self.x[unit, 0]
        cdef double t = self.t[unit]
        cdef bint held = t < self.refractory_end[unit]
        if time <= t:
            return 0
        if time == self.t_end[unit]:
            memcpy(x, &self.x_end[unit, 0], self.dim * sizeof(double))
        else:
            self.slope(unit, t, x, held, s.k[0])
            self.step(unit, t, x, time - t, held, &s)
            memcpy(x, s.x, self.dim * sizeof(double))
        self.t[unit] = time
        if self.n_sources:
            self.enter(unit, time)
        return 0

    cdef int look(self, Engine engine, int unit) except -1 nogil:
        self.look_ahead(unit)
        return engine.predict(self.first_slot + unit, self.next_event[unit])

    cdef int take(self, Engine engine, double time, int unit, double weight, int receptor) except -1 nogil:
        """Let an input arrive; one that would move the membrane of a refractory unit is lost."""
        cdef double *x = &self.x[unit, 0]
        cdef double v
        self.advance(unit, time)
        v = x[0]
        self.dynamics.arrive(x, &self.p[unit * self.stride, 0], weight, receptor)
        if time < self.refractory_end[unit]:
            x[0] = v
        self.look(engine, unit)
        if self.watched:
            self.note(time, unit)
        return 0

    cdef int fail(self, int unit, double time) except -1 with gil:
        raise RuntimeError(
            f"the solver of {self.name!r} cannot hold its tolerance of {self.tolerance:g} for unit {unit} at time {time!r}: "
            "its equations jump or blow up there; let it spike before, or raise tolerance")

    cdef int fail_margin(self, int unit, double time) except -1 with gil:
        raise RuntimeError(f"g of {self.name!r} must be a number, got nan for unit {unit} after time {time!r}")

    # Ordered schedule ---------------------------------------------------------------------------

    cdef int begin(self, Engine engine) except -1:
        cdef int unit
        for unit in range(self.n):
            self.look(engine, unit)
        return 0

    cdef int deliver(self, Engine engine, double time, const SynapseGroup *group) except -1 nogil:
        cdef Py_ssize_t k
        for k in range(group.n):
            self.take(engine, time, group_target(group, k), group_weight(group, k), group.receptor)
        return 0

    cdef int receive(self, Engine engine, const Event *event) except -1 nogil:
        return receive_input(self, engine, event)

    cdef int cross(self, Engine engine, int unit, double time) except -1 nogil:
        cdef bint spike = self.spikes[unit] != 0
        self.advance(unit, time)
        if spike:
            self.dynamics.reset(&self.x[unit, 0], &self.p[unit * self.stride, 0])
            if self.margin(unit, &self.x[unit, 0]) >= 0.0:
                self.fail_reset(unit, time)
            self.refractory_end[unit] = time + self.t_ref[unit if self.t_ref.shape[0] > 1 else 0]
            self.h[unit] = 0.0
        self.look(engine, unit)
        if spike:
            self.emit(engine, time, unit)
            if self.watched:
                self.note(time, unit)
        return 0

    cdef int fail_reset(self, int unit, double time) except -1 with gil:
        raise RuntimeError(
            f"unit {unit} of {self.name!r} would spike without end at time {time!r}: its reset leaves it at or above "
            "threshold; a reset must bring g below 0")

    cdef double peek(self, int variable, int unit, double time) noexcept nogil:
        cdef Step s
        cdef double t = self.t[unit]
        cdef bint held = t < self.refractory_end[unit]
        if time <= t:
            return self.x[unit, variable]
        if time == self.t_end[unit]:
            return self.x_end[unit, variable]
        self.slope(unit, t, &self.x[unit, 0], held, s.k[0])
        self.step(unit, t, &self.x[unit, 0], time - t, held, &s)
        return s.x[variable]
