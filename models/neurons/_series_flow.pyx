# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# distutils: extra_compile_args = -O3
"""Neurons whose state has a Taylor series, as a flow with derivatives: the variational equation term by term.

    d(dx)/dt = (df/dx) dx + df/dp dp

The coefficients of df/dx along the series give those of dx by a recurrence like that of the state itself, so the
derivatives are those of the polynomial that is taken. A step lasts as in `_series_neurons.pyx`, and a spike is found as
there, from the left.
"""

from libc.math cimport INFINITY, ceil, fabs, fmin, isfinite, log, nextafter
from libc.math cimport pow as power
from libc.string cimport memcpy

from eventsim.models.neurons._solved_flow cimport SolvedFlow
from eventsim.models.neurons.dynamics cimport derivatives_of_g
from eventsim.models.neurons.flow cimport identity, zeros
from eventsim.models.neurons.series cimport MOST_TERMS, SeriesDynamics, larger, not_before, polynomial

cdef extern from "eventsim/models/neurons/_series.h" nogil:
    void vary_two "eventsim_vary_two"(int order, const double *rate, const double *constant, const double *inverse,
                                      double *state)


cdef enum:
    MOST_COLUMNS = 48       # as in `_solved_flow.pyx`
    MOST_SERIES = 4         # variables of equations with a series
    UNRESOLVED = 1000       # units in the last place of the time in which an upstroke may end unseen

cdef double SURE = 1.0 - 1e-9


cdef class SeriesFlow(SolvedFlow):
    """The equations of `dynamics`, which are `SeriesDynamics` with derivatives; parameters are those of `SolvedFlow`."""

    cdef SeriesDynamics equations
    cdef int order
    cdef double[MOST_TERMS + 1] inverse

    def __init__(self, dynamics, int dim, int n_parameters, double tolerance, double max_step):
        SolvedFlow.__init__(self, dynamics, dim, n_parameters, tolerance, max_step)
        if dim > MOST_SERIES:
            raise ValueError(f"series with derivatives take {MOST_SERIES} variables of a neuron at most, got {dim}")
        self.equations = dynamics
        # The order that makes a step longest for its cost (Jorba and Zou 2005); one that pays off up to a spike.
        self.order = <int> ceil(-0.5 * log(tolerance)) + 1
        for k in range(1, MOST_TERMS + 1):
            self.inverse[k] = 1.0 / k

    cdef double advance(self, double t, double end, bint held, const double *x, const double *p, double *y,
                        bint *spike, double *phi, double *psi) except? -1.0 nogil:
        cdef int dim = self.dim, order = self.order, n_columns = dim + (self.n_derived if psi != NULL else 0), j, k
        cdef double c[MOST_SERIES * (MOST_TERMS + 1)]
        cdef double state[MOST_SERIES * MOST_COLUMNS]
        cdef double h, touch, peak = self.equations.peak(p)
        cdef bint last
        memcpy(y, x, dim * sizeof(double))
        spike[0] = False
        if phi != NULL:
            zeros(state, dim * n_columns)
            for j in range(dim):
                state[j * n_columns + j] = 1.0
        if not held and not y[0] < peak:
            if y[0] != y[0]:
                self.refuse_margin()
            spike[0] = True
            end = t
        while t < end:
            self.equations.series(y, p, held, order, c)
            h = self.length(c, end - t)
            if h != h:
                self.fail(t)
            h = fmin(h, self.max_step)
            last = h >= end - t
            if last:
                h = end - t
            if not held:
                touch = not_before(c, order, peak, h)
                if touch < INFINITY and t + touch < end:
                    h, last = touch, False
                    spike[0] = polynomial(c, order, touch) >= peak
            if t + h <= t and not last and not spike[0]:
                # An upstroke that is steeper than the clock resolves is a spike; else the equations are at fault.
                if held or not y[0] + UNRESOLVED * (nextafter(t, INFINITY) - t) * c[1] >= peak:
                    self.fail(t)
                spike[0] = True
                end = t
                break
            if phi != NULL:
                self.vary(h, held, p, c, n_columns, state)
            for j in range(dim):
                y[j] = polynomial(c + j * (order + 1), order, h)
            t = end if last else t + h
            if spike[0]:
                end = t
        if phi != NULL:
            for j in range(dim):
                for k in range(dim):
                    phi[j * dim + k] = state[j * n_columns + k]
                for k in range(dim, n_columns):
                    psi[j * self.n_derived + k - dim] = state[j * n_columns + k]
        return end

    cdef void vary(self, double h, bint held, const double *p, const double *c, int n_columns, double *state) noexcept nogil:
        """Carry dx/d(x at the start, p), of shape (dim, n_columns), along a series for a time h.

        Coefficients are those of powers of h, so they add up; two columns go side by side.
        """
        cdef int dim = self.dim, order = self.order, n_p = n_columns - dim, column, other, i, j, k, m
        cdef double rate[MOST_TERMS + 1]
        cdef double constant[MOST_SERIES * MOST_SERIES]
        cdef double forced[MOST_COLUMNS * MOST_SERIES * (MOST_TERMS + 1)]
        cdef double d[MOST_SERIES][MOST_TERMS + 1][2]
        cdef double total[MOST_SERIES][2]
        cdef double one, two, power_of_h = 1.0
        self.equations.linearise(p, order, c, rate, constant)
        if n_p:
            zeros(forced, n_p * dim * order)
            self.equations.forcing(p, held, order, c, rate, forced)
        if held:
            zeros(rate, order)
            zeros(constant, dim)
        for j in range(dim * dim):
            constant[j] *= h
        for k in range(order):
            power_of_h *= h
            rate[k] *= power_of_h
            for j in range(n_p * dim):
                forced[j * order + k] *= power_of_h
        if n_columns == 2 and dim == 2:
            vary_two(order, rate, constant, self.inverse, state)
            return
        for column in range(0, n_columns, 2):
            other = column + 1 if column + 1 < n_columns else column
            for j in range(dim):
                total[j][0] = d[j][0][0] = state[j * n_columns + column]
                total[j][1] = d[j][0][1] = state[j * n_columns + other]
            for k in range(order):
                for j in range(dim):
                    one = two = 0.0
                    if j == 0:
                        for m in range(k + 1):
                            one += rate[m] * d[0][k - m][0]
                            two += rate[m] * d[0][k - m][1]
                    for i in range(dim):
                        one += constant[j * dim + i] * d[i][k][0]
                        two += constant[j * dim + i] * d[i][k][1]
                    if column >= dim:
                        one += forced[((column - dim) * dim + j) * order + k]
                    if other >= dim:
                        two += forced[((other - dim) * dim + j) * order + k]
                    d[j][k + 1][0] = one * self.inverse[k + 1]
                    d[j][k + 1][1] = two * self.inverse[k + 1]
                    total[j][0] += d[j][k + 1][0]
                    total[j][1] += d[j][k + 1][1]
            for j in range(dim):
                state[j * n_columns + column] = total[j][0]
                state[j * n_columns + other] = total[j][1]

    cdef double length(self, const double *c, double h) noexcept nogil:
        """Return h if a series holds so long, else how long it holds; nan where it is not finite."""
        cdef double last = 0.0, before = 0.0, size, y, power_of_h = 1.0
        cdef int order = self.order, _variable, _power
        for _variable in range(self.dim):
            size = 1.0 / larger(1.0, fabs(c[0]))
            last = larger(last, fabs(c[order]) * size)
            before = larger(before, fabs(c[order - 1]) * size)
            if not isfinite(c[order]):
                return c[order] - c[order]
            c += order + 1
        for _power in range(order - 1):
            power_of_h *= h
        if larger(before, last * h) * power_of_h <= self.tolerance:
            return h
        # The longest that satisfies both terms.
        y = h if before == 0.0 else fmin(h, power(self.tolerance / before, 1.0 / (order - 1)))
        power_of_h = last
        for _power in range(order):
            power_of_h *= y
        if power_of_h < SURE * self.tolerance:
            return y  # the other root is longer, whatever rounding says
        return fmin(y, power(self.tolerance / last, 1.0 / order))

    cdef int threshold(self, const double *x, const double *p, double *by_x, double *by_p) except -1 nogil:
        if by_p != NULL:
            return derivatives_of_g(self.dynamics, x, p, self.dim, self.n_derived, by_x, by_p)
        zeros(by_x, self.dim)
        by_x[0] = 1.0
        return 0

    cdef int arrive(self, double *x, const double *p, double weight, int receptor, bint held, double *by_x,
                    double *by_w, double *by_p) except -1 nogil:
        cdef double v = x[0]
        self.dynamics.arrive(x, p, weight, receptor)
        if by_x != NULL:
            identity(by_x, self.dim)
            zeros(by_w, self.dim)
            self.dynamics.arrive(by_w, p, 1.0, receptor)    # one variable gains the weight
            if by_p != NULL:
                zeros(by_p, self.dim * self.n_derived)
        if held:
            x[0] = v
            if by_x != NULL:
                by_w[0] = 0.0
        return 0
