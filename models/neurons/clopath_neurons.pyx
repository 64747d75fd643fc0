# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# distutils: extra_compile_args = -O3
"""Adaptive exponential neurons with an afterdepolarisation, whose filtered membranes plasticity looks at (Clopath et al. 2010).

After a spike the membrane is clamped for a while, then it is reset and held for t_ref. Who follows the membrane sees each
step as the Taylor series that the unit followed. The series of the filtered membranes are kept for as long as somebody
looks back at them.
"""

from cpython.ref cimport PyObject
from libc.math cimport ceil, exp, fmin, log
from libc.stdlib cimport free
from libc.string cimport memcpy, memmove

import numpy as np

from eventsim.states import FINITE, state_array

from eventsim.engine cimport Engine
from eventsim.kernels.memory cimport resized
from eventsim.models.neurons._series_neurons cimport SeriesNeurons
from eventsim.models.neurons.series cimport MOST_TERMS, SeriesDynamics, polynomial, product

cdef enum:
    C_MEM, G_LEAK, V_LEAK, V_T_REST, DELTA_T, V_PEAK, V_RESET, I_EXT, A, B, TAU_W, I_SP, TAU_Z, V_T_MAX, TAU_V_T
    TAU_U_BAR_PLUS, TAU_U_BAR_MINUS, TAU_U_BAR_BAR, V_CLAMP, T_CLAMP


cdef double NO_TIME = 1e-12         # of c_mem / g_leak


cdef class ClopathEquations(SeriesDynamics):
    """The equations; parameters in the order of the enumeration above."""

    cdef int f(self, double t, const double *x, const double *p, double *dx) except -1 nogil:
        cdef double upstroke = p[G_LEAK] * p[DELTA_T] * exp((x[V] - x[V_T]) / p[DELTA_T])
        dx[V] = (p[G_LEAK] * (p[V_LEAK] - x[V]) + upstroke - x[W] + x[Z] + p[I_EXT]) / p[C_MEM]
        dx[W] = (p[A] * (x[V] - p[V_LEAK]) - x[W]) / p[TAU_W]
        dx[Z] = -x[Z] / p[TAU_Z]
        dx[V_T] = (p[V_T_REST] - x[V_T]) / p[TAU_V_T]
        dx[U_BAR_PLUS] = (x[V] - x[U_BAR_PLUS]) / p[TAU_U_BAR_PLUS]
        dx[U_BAR_MINUS] = (x[V] - x[U_BAR_MINUS]) / p[TAU_U_BAR_MINUS]
        dx[U_BAR_BAR] = (x[U_BAR_MINUS] - x[U_BAR_BAR]) / p[TAU_U_BAR_BAR]
        return 0

    cdef double g(self, const double *x, const double *p) except? -1.0 nogil:
        return x[V] - p[V_PEAK]

    cdef int reset(self, double *x, const double *p) except -1 nogil:
        x[V] = p[V_CLAMP] if p[T_CLAMP] > 0.0 else p[V_RESET]
        x[W] += p[B]
        x[Z] = p[I_SP]
        x[V_T] = p[V_T_MAX]
        return 0

    cdef double peak(self, const double *p) noexcept nogil:
        return p[V_PEAK]

    cdef int series(self, const double *x, const double *p, bint held, int order, double *c) noexcept nogil:
        cdef double e[MOST_TERMS]           # exp((v - v_t) / delta_t)
        cdef double slope[MOST_TERMS]       # its exponent's
        cdef double *v = c
        cdef double *w = v + order + 1
        cdef double *z = w + order + 1
        cdef double *v_t = z + order + 1
        cdef double *plus = v_t + order + 1
        cdef double *minus = plus + order + 1
        cdef double *bar = minus + order + 1
        cdef double next, current
        cdef int k
        v[0], w[0], z[0], v_t[0] = x[V], x[W], x[Z], x[V_T]
        plus[0], minus[0], bar[0] = x[U_BAR_PLUS], x[U_BAR_MINUS], x[U_BAR_BAR]
        e[0] = 0.0 if held else exp((x[V] - x[V_T]) / p[DELTA_T])
        for k in range(order):
            next = 1.0 / (k + 1)
            v_t[k + 1] = ((p[V_T_REST] if k == 0 else 0.0) - v_t[k]) / p[TAU_V_T] * next
            z[k + 1] = -z[k] / p[TAU_Z] * next
            w[k + 1] = (p[A] * (v[k] - p[V_LEAK] if k == 0 else v[k]) - w[k]) / p[TAU_W] * next
            plus[k + 1] = (v[k] - plus[k]) / p[TAU_U_BAR_PLUS] * next
            minus[k + 1] = (v[k] - minus[k]) / p[TAU_U_BAR_MINUS] * next
            bar[k + 1] = (minus[k] - bar[k]) / p[TAU_U_BAR_BAR] * next
            v[k + 1] = 0.0
            if held:
                continue
            current = z[k] - w[k] - p[G_LEAK] * v[k] + p[G_LEAK] * p[DELTA_T] * e[k]
            if k == 0:
                current += p[G_LEAK] * p[V_LEAK] + p[I_EXT]
            v[k + 1] = current / p[C_MEM] * next
            slope[k] = (k + 1) * (v[k + 1] - v_t[k + 1]) / p[DELTA_T]
            e[k + 1] = product(slope, e, k) * next
        return 0


cdef class MembraneObserver:
    """Sees each step that a unit has taken."""

    cdef int on_step(self, int unit, double end) except -1 nogil:
        return 0


cdef class ClopathNeurons(SeriesNeurons):
    """`n` units of `ClopathAdEx`; parameters as of `SeriesNeurons`."""

    def __init__(self, int n, *args):
        clamp_end = np.full(n, -np.inf)
        self.clamp_end = clamp_end
        SeriesNeurons.__init__(self, n, *args)
        self.arrays["clamp_end"] = clamp_end
        self.observers = []
        self.look_back = -1.0
        self.columns = 2 + 2 * (self.order + 1)
        self.arrays["n_pieces"] = np.zeros(n, np.int32)
        self.n_pieces = self.arrays["n_pieces"]
        self.view(np.zeros((n, 0, self.columns)))

    def __dealloc__(self):
        free(self.watching)

    cdef int terms(self) noexcept nogil:
        # An upstroke is gone up by steps that are a part of the time that is left; long series make it a large one.
        return <int> fmin(ceil(-0.75 * log(self.tolerance)) + 1, MOST_TERMS - 2)

    cdef int view(self, pieces) except -1:
        """Look at an array of pieces."""
        self.kept = self.pieces = pieces
        return 0

    cdef int watch(self, MembraneObserver observer, double look_back) except -1:
        """Let `observer` see all steps, and filtered membranes as long ago as `look_back`."""
        cdef int k
        self.observers.append(observer)
        self.watching = <PyObject **> resized(self.watching, self.n_observers + 1, sizeof(PyObject *), b"observers")
        self.n_observers += 1
        for k in range(self.n_observers):
            self.watching[k] = <PyObject *> self.observers[k]   # the list owns the reference
        if self.look_back < 0.0:
            self.view(np.zeros((self.n, 64, self.columns)))
        self.look_back = max(self.look_back, look_back)
        return 0

    cdef void expand(self, int unit, const double *x, double *c) noexcept nogil:
        cdef int k
        SeriesNeurons.expand(self, unit, x, c)
        if self.t[unit] < self.clamp_end[unit]:     # the adaptation waits for the reset
            for k in range(1, self.order + 1):
                c[W * (self.order + 1) + k] = 0.0

    cdef int look_ahead(self, int unit) except -1 nogil:
        cdef double t = self.t[unit], end = self.clamp_end[unit]
        if t < end:     # the membrane is known up to the reset
            SeriesNeurons.look_ahead(self, unit)
            self.t_end[unit] = self.next_event[unit] = fmin(self.t_end[unit], end)
            return 0
        return SeriesNeurons.look_ahead(self, unit)

    cdef int spike_now(self, int unit, double t, const double *x, bint held, const double *dx) except -1 nogil:
        # Soon after time 0 the clock resolves more than the terms of a long series: there an upstroke ends here too.
        cdef const double *p = &self.p[unit * self.stride, 0]
        if held or not x[V] + NO_TIME * p[C_MEM] / p[G_LEAK] * dx[V] >= p[V_PEAK]:
            return SeriesNeurons.spike_now(self, unit, t, x, held, dx)
        self.spikes[unit] = 1
        self.next_event[unit] = self.t_end[unit] = t
        return 0

    cdef int advance(self, int unit, double time) except -1 nogil:
        cdef double before = self.t[unit]
        cdef int k
        if not time > before:
            return 0
        for k in range(self.n_observers):
            (<MembraneObserver> self.watching[k]).on_step(unit, time)
        if self.look_back > 0.0:
            self.keep_piece(unit, time)
        SeriesNeurons.advance(self, unit, time)
        if before < self.clamp_end[unit] <= time:
            self.x[unit, V] = self.p[unit * self.stride, V_RESET]
        return 0

    cdef int cross(self, Engine engine, int unit, double time) except -1 nogil:
        cdef bint spike = self.spikes[unit] != 0
        cdef const double *p = &self.p[unit * self.stride, 0]
        self.advance(unit, time)
        if spike:
            self.dynamics.reset(&self.x[unit, 0], p)
            self.clamp_end[unit] = time + p[T_CLAMP]
            self.refractory_end[unit] = self.clamp_end[unit] + self.t_ref[unit if self.t_ref.shape[0] > 1 else 0]
            self.h[unit] = 0.0
        self.look(engine, unit)
        if spike:
            self.emit(engine, time, unit)
            if self.watched:
                self.note(time, unit)
        return 0

    # What is kept of the past ------------------------------------------------------------------------

    cdef int keep_piece(self, int unit, double end) except -1 nogil:
        """Keep the series that a unit follows up to `end`."""
        cdef int terms = self.order + 1
        cdef double *piece
        if self.n_pieces[unit] == self.pieces.shape[1]:
            with gil:
                self.make_room(unit)
        piece = &self.pieces[unit, self.n_pieces[unit], 0]
        piece[0], piece[1] = self.t[unit], end
        memcpy(piece + 2, &self.c[unit, U_BAR_PLUS * terms], terms * sizeof(double))
        memcpy(piece + 2 + terms, &self.c[unit, U_BAR_MINUS * terms], terms * sizeof(double))
        self.n_pieces[unit] += 1
        return 0

    cdef int make_room(self, int unit) except -1:
        """Forget pieces that nobody looks back at any more, and make room if that does not."""
        cdef int gone = 0, n = self.n_pieces[unit]
        while gone < n and self.pieces[unit, gone, 1] < self.t[unit] - self.look_back:
            gone += 1
        if gone:
            memmove(&self.pieces[unit, 0, 0], &self.pieces[unit, gone, 0], (n - gone) * self.columns * sizeof(double))
            self.n_pieces[unit] = n - gone
        if 2 * self.n_pieces[unit] > self.pieces.shape[1]:
            self.view(np.concatenate([self.kept, np.zeros_like(self.kept)], axis=1))
        return 0

    cdef int piece_after(self, int unit, double time) noexcept nogil:
        cdef int low = 0, high = self.n_pieces[unit], middle
        while low < high:
            middle = (low + high) // 2
            if self.pieces[unit, middle, 1] > time:
                high = middle
            else:
                low = middle + 1
        return low

    cdef double filtered_at(self, int variable, int unit, double time) noexcept nogil:
        cdef int k, terms = self.order + 1
        cdef const double *piece
        if time >= self.t[unit]:
            return self.x[unit, variable]
        k = self.piece_after(unit, time)
        if k == self.n_pieces[unit]:
            return self.x[unit, variable]
        piece = &self.pieces[unit, k, 0]
        if time < piece[0]:                 # before the beginning
            time = piece[0]
        return polynomial(piece + 2 + (variable - U_BAR_PLUS) * terms, self.order, time - piece[0])

    # States ------------------------------------------------------------------------------------------

    def snapshot(self):
        """Return the state as a dictionary of arrays."""
        return SeriesNeurons.snapshot(self) | {"pieces": self.kept.copy()}

    def check_state(self, state, time=None, crossings=None):
        """Return the arrays of a state, or raise ValueError if these units cannot have it; nothing changes."""
        found = SeriesNeurons.check_state(self, state, time, crossings)
        shape = np.shape(state.get("pieces"))
        expected = f"({self.n}, {'capacity' if self.look_back >= 0.0 else 0}, {self.columns})"
        if len(shape) != 3 or (shape[0], shape[2]) != (self.n, self.columns) or (shape[1] > 0) != (self.look_back >= 0.0):
            raise ValueError(f"'pieces' in the state of {self.name} must have shape {expected}, got {shape}")
        if not ((found["n_pieces"] >= 0) & (found["n_pieces"] <= shape[1])).all():
            raise ValueError(f"'n_pieces' in the state of {self.name} must lie between 0 and {shape[1]}")
        return found | {"pieces": state_array(state, "pieces", np.float64, shape, *FINITE, of=self.name)}

    def restore(self, state):
        """Go back to a state that `snapshot` returned."""
        state = self.check_state(state)
        self.view(np.ascontiguousarray(state.pop("pieces")))
        for name, array in state.items():
            self.arrays[name][...] = array
        self.expand_all()
