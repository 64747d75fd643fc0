# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# distutils: extra_compile_args = -O3
"""Neurons that follow the Taylor series of their state from event to event (ordered schedule).

At each event a unit expands its state in time, to an order that grows with the logarithm of the tolerance. The series
holds for as long as its last two terms stay within the tolerance (Jorba and Zou 2005, without their safety factor); in
between it is evaluated, so an input inside a step, a recording and a slice cost a polynomial each.

A spike is found from the left. Without the negative terms from the second on, the series of the membrane is convex
and nowhere below it, so its root is not after the spike. Where the two differ there, the unit expands anew at the root;
the roots close in on the spike quadratically, up to the last bits of the time.
"""

from libc.math cimport INFINITY, ceil, fmin, log
from libc.string cimport memcpy

import numpy as np

from eventsim.models.neurons._solver cimport SolvedNeurons
from eventsim.models.neurons.dynamics cimport MOST_VARIABLES
from eventsim.models.neurons.series cimport MOST_TERMS, length_of, not_before, polynomial


cdef class SeriesNeurons(SolvedNeurons):
    """`n` units whose equations are `SeriesDynamics`; parameters are those of `SolvedNeurons`, without sources."""

    def __init__(self, *args):
        SolvedNeurons.__init__(self, *args)
        self.equations = self.dynamics
        self.order = self.terms()
        self.c = np.zeros((self.n, self.dim * (self.order + 1)))
        self.least = 0.5 ** self.order
        self.rising = np.zeros(self.n, np.int32)
        self.expand_all()

    cdef int terms(self) noexcept nogil:
        """Return the order of the series."""
        # Half the logarithm would make a step longest for its cost; inputs come before the end of such steps.
        return <int> ceil(-0.3 * log(self.tolerance)) + 1

    cdef int expand_all(self) except -1:
        """Find what follows from the arrays of the state."""
        cdef int unit
        cdef double peak
        for unit in range(self.n):
            self.expand(unit, &self.x[unit, 0], &self.c[unit, 0])
            # A rise that was given up leaves its end short of the peak, and the unit follows its series.
            peak = self.equations.peak(&self.p[unit * self.stride, 0])
            self.rising[unit] = self.spikes[unit] != 0 and self.x_end[unit, 0] == peak and self.rises(unit)
        return 0

    cdef void expand(self, int unit, const double *x, double *c) noexcept nogil:
        cdef bint held = self.t[unit] < self.refractory_end[unit]
        self.equations.series(x, &self.p[unit * self.stride, 0], held, self.order, c)

    cdef bint rises(self, int unit) noexcept nogil:
        """Return whether a unit is on its way to a spike."""
        cdef const double *p = &self.p[unit * self.stride, 0]
        if self.t[unit] < self.refractory_end[unit] or self.x[unit, 0] >= self.equations.peak(p):
            return False
        return self.equations.rises(&self.x[unit, 0], p)

    def restore(self, state):
        """Go back to a state that `snapshot` returned."""
        SolvedNeurons.restore(self, state)
        self.expand_all()

    cdef double length(self, const double *c, double h) noexcept nogil:
        return length_of(c, self.dim, self.order, self.tolerance, self.least, h)

    cdef int look_ahead(self, int unit) except -1 nogil:
        cdef double *x = &self.x[unit, 0]
        cdef double *c = &self.c[unit, 0]
        cdef const double *p = &self.p[unit * self.stride, 0]
        cdef double slopes[MOST_VARIABLES]
        cdef double t = self.t[unit], h, touch, peak = self.equations.peak(p)
        cdef bint held = t < self.refractory_end[unit]
        cdef int j
        self.spikes[unit] = self.rising[unit] = 0
        if not held and x[0] >= peak:
            self.spikes[unit] = 1
            self.next_event[unit] = self.t_end[unit] = t
            return 0
        if self.rises(unit):
            memcpy(&self.x_end[unit, 0], x, self.dim * sizeof(double))
            h = self.equations.rise(&self.x_end[unit, 0], p, self.tolerance, self.order)
            if h >= 0.0:
                self.spikes[unit] = self.rising[unit] = 1
                self.next_event[unit] = self.t_end[unit] = t + h
                return 0
        self.expand(unit, x, c)
        h = self.h[unit] = self.length(c, self.h[unit])
        if h != h:              # terms of a series that ends within some 1e-16 are too large for a number
            for j in range(self.dim):
                slopes[j] = c[j * (self.order + 1) + 1]
            return self.spike_now(unit, t, x, held, slopes)
        h = fmin(h, self.max_step)
        self.t_end[unit] = t + h
        if held:
            self.t_end[unit] = fmin(self.t_end[unit], self.refractory_end[unit])
        elif h < INFINITY:
            touch = not_before(c, self.order, peak, h)
            if touch < INFINITY:
                self.t_end[unit] = t + touch
                self.spikes[unit] = polynomial(c, self.order, touch) >= peak
        if self.t_end[unit] <= t:
            for j in range(self.dim):
                slopes[j] = c[j * (self.order + 1) + 1]
            return self.spike_now(unit, t, x, held, slopes)
        self.next_event[unit] = self.t_end[unit]
        return 0

    cdef void climb(self, int unit, double time, double *y) noexcept nogil:
        """Put the state of a unit on its way to a spike, at a time before it, into y, by steps in time."""
        cdef double c[MOST_VARIABLES * MOST_TERMS]
        cdef double t = self.t[unit], h
        cdef int j
        cdef bint last = False
        memcpy(y, &self.x[unit, 0], self.dim * sizeof(double))
        while not last:
            self.expand(unit, y, c)
            h = self.length(c, 0.0)
            last = not (t < t + h < time)
            if last:
                h = time - t
            for j in range(self.dim):
                y[j] = polynomial(c + j * (self.order + 1), self.order, h)
            t += h

    cdef int advance(self, int unit, double time) except -1 nogil:
        cdef double y[MOST_VARIABLES]
        cdef const double *c = &self.c[unit, 0]
        cdef double h = time - self.t[unit]
        cdef int j
        if self.rising[unit] and time >= self.t_end[unit]:
            memcpy(&self.x[unit, 0], &self.x_end[unit, 0], self.dim * sizeof(double))
        elif h > 0.0 and self.rising[unit]:
            self.climb(unit, time, y)
            memcpy(&self.x[unit, 0], y, self.dim * sizeof(double))
        elif h > 0.0:
            for j in range(self.dim):
                self.x[unit, j] = polynomial(c, self.order, h)
                c += self.order + 1
        if h > 0.0:
            self.t[unit] = time
        return 0

    cdef double peek(self, int variable, int unit, double time) noexcept nogil:
        cdef double y[MOST_VARIABLES]
        cdef double h = time - self.t[unit]
        if h <= 0.0:
            return self.x[unit, variable]
        if self.rising[unit]:
            if time >= self.t_end[unit]:
                return self.x_end[unit, variable]
            self.climb(unit, time, y)
            return y[variable]
        return polynomial(&self.c[unit, variable * (self.order + 1)], self.order, h)
