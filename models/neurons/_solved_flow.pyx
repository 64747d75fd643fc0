# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# distutils: extra_compile_args = -O3
"""Neurons that a solver follows, as a flow with derivatives: the variational equation in the solver's own steps.

    dPhi/dt = (df/dx) Phi        dpsi/dt = (df/dx) psi + df/dp

Each stage of a step of Dormand and Prince is differentiated, so Phi and psi are the derivatives of the step that was
taken, and no other solver is asked. A spike is bracketed by a cubic through the ends of a step at eight points, and
located by steps of order 5 up to the last bits.
"""

from libc.math cimport INFINITY, fabs, fmax, fmin, isfinite, nextafter
from libc.math cimport pow as power
from libc.string cimport memcpy

from eventsim.models.neurons.dynamics cimport MOST_VARIABLES, Dynamics, derivatives_of_arrive, derivatives_of_g, \
    derivatives_of_reset
from eventsim.models.neurons.flow cimport Flow, zeros

cdef enum:
    MOST_COLUMNS = 48       # variables and parameters that a state is differentiated in
    N_POINTS = 8
    MOST_TRIALS = 200
    UNRESOLVED = 1000       # units in the last place of the time in which an upstroke may end unseen

# The table of Dormand and Prince (1980): stage times, stages, and the difference of both orders.
cdef extern from *:
    """
    static const double NODE[7] = {0.0, 1.0 / 5.0, 3.0 / 10.0, 4.0 / 5.0, 8.0 / 9.0, 1.0, 1.0};
    static const double STAGE[7][6] = {
        {0.0},
        {1.0 / 5.0},
        {3.0 / 40.0, 9.0 / 40.0},
        {44.0 / 45.0, -56.0 / 15.0, 32.0 / 9.0},
        {19372.0 / 6561.0, -25360.0 / 2187.0, 64448.0 / 6561.0, -212.0 / 729.0},
        {9017.0 / 3168.0, -355.0 / 33.0, 46732.0 / 5247.0, 49.0 / 176.0, -5103.0 / 18656.0},
        {35.0 / 384.0, 0.0, 500.0 / 1113.0, 125.0 / 192.0, -2187.0 / 6784.0, 11.0 / 84.0},
    };
    static const double DIFFERENCE[7] = {
        71.0 / 57600.0, 0.0, -71.0 / 16695.0, 71.0 / 1920.0, -17253.0 / 339200.0, 22.0 / 525.0, -1.0 / 40.0};
    """
    const double NODE[7]
    const double STAGE[7][6]
    const double DIFFERENCE[7]


cdef class SolvedFlow(Flow):
    """The equations of `dynamics`, followed by an adaptive solver.

    Parameters
    ----------
    dynamics : Dynamics
    dim, n_parameters : int
    tolerance, max_step : float
    """

    def __init__(self, Dynamics dynamics not None, int dim, int n_parameters, double tolerance, double max_step):
        if dim > MOST_VARIABLES or dim + n_parameters > MOST_COLUMNS:
            raise ValueError(
                f"gradients take {MOST_VARIABLES} variables and {MOST_COLUMNS} variables and parameters of a neuron at "
                f"most, got {dim} variables and {n_parameters} parameters")
        self.dynamics, self.dim, self.n_state = dynamics, dim, dim
        self.n_derived = self.n_parameters = n_parameters
        self.tolerance, self.max_step = tolerance, max_step
        self.closed = False

    cdef int velocity(self, double t, bint held, const double *x, const double *p, double *dx) except -1 nogil:
        self.dynamics.f(t, x, p, dx)
        if held:
            dx[0] = 0.0
        return 0

    cdef int take_step(self, double t, double h, bint held, const double *p, Step *s) except -1 nogil:
        """Take a step; x[0] and k[0] are there already."""
        cdef int i, j, m
        for i in range(1, 7):
            memcpy(s.x[i], s.x[0], self.dim * sizeof(double))
            for m in range(i):
                for j in range(self.dim):
                    s.x[i][j] += h * STAGE[i][m] * s.k[m][j]
            self.velocity(t + NODE[i] * h, held, s.x[i], p, s.k[i])
        return 0

    cdef double error_of(self, double h, const Step *s) noexcept nogil:
        """Return the error of a step over what is tolerated; nan where it is not finite."""
        cdef int i, j
        cdef double e, worst = 0.0
        for j in range(self.dim):
            e = 0.0
            for i in range(7):
                e += DIFFERENCE[i] * s.k[i][j]
            e = fabs(h * e) / (self.tolerance * fmax(1.0, fmax(fabs(s.x[0][j]), fabs(s.x[6][j]))))
            if not isfinite(e):
                return e
            worst = fmax(worst, e)
        return worst

    cdef double first_crossing(self, double t, double h, const double *p, Step *s) except? -1.0 nogil:
        """Return how long after `t` g rises through 0 within a step, inf if it does not; below 0 at its start."""
        cdef double y[MOST_VARIABLES]
        cdef double low = 0.0, high = -1.0, at_low = self.dynamics.g(s.x[0], p), at_high = 0.0, middle, at_middle, u
        cdef int k, j, side = 0, trial
        cdef Step part
        for k in range(1, N_POINTS + 1):
            u = <double> k / N_POINTS
            if k == N_POINTS:
                memcpy(y, s.x[6], self.dim * sizeof(double))
            else:
                for j in range(self.dim):  # the cubic through both ends
                    y[j] = (s.x[0][j] + u * (s.x[6][j] - s.x[0][j]) + u * (u - 1.0) * (
                        (1.0 - 2.0 * u) * (s.x[6][j] - s.x[0][j]) + (u - 1.0) * h * s.k[0][j] + u * h * s.k[6][j]))
            if self.dynamics.g(y, p) >= 0.0:
                high = h * u
                break
            low = h * u
        if high < 0.0:
            return INFINITY
        memcpy(part.x[0], s.x[0], self.dim * sizeof(double))
        memcpy(part.k[0], s.k[0], self.dim * sizeof(double))
        at_high = self.g_after(t, high, p, &part)
        if at_high < 0.0:
            high = h
            at_high = self.dynamics.g(s.x[6], p)
            if at_high < 0.0:
                return INFINITY
        if low > 0.0:
            at_low = self.g_after(t, low, p, &part)
            if at_low >= 0.0:
                high, at_high, low = low, at_low, 0.0
                at_low = self.dynamics.g(s.x[0], p)
        for trial in range(MOST_TRIALS):
            # Regula falsi that halves the weight of an end that stays (Illinois), and bisection after a while.
            middle = low + (high - low) * (at_low / (at_low - at_high)) if trial < 40 else 0.5 * (low + high)
            if not low < middle < high:
                middle = 0.5 * (low + high)
            if t + high <= t + low or not low < middle < high or t + middle == t + high:
                break
            at_middle = self.g_after(t, middle, p, &part)
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

    cdef double g_after(self, double t, double h, const double *p, Step *s) except? -1.0 nogil:
        self.take_step(t, h, False, p, s)
        return self.dynamics.g(s.x[6], p)

    cdef int differentiate(self, double t, double h, bint held, const double *p, const Step *s, int n_columns,
                           double *state) except -1 nogil:
        """Carry dx/d(x at the start, p), of shape (dim, n_columns), over a step."""
        cdef int dim = self.dim, i, j, m, c
        cdef double by_x[MOST_VARIABLES * MOST_VARIABLES]
        cdef double by_p[MOST_VARIABLES * MOST_COLUMNS]
        cdef double at[MOST_VARIABLES * MOST_COLUMNS]
        cdef double slopes[6][MOST_VARIABLES * MOST_COLUMNS]
        cdef int n_p = n_columns - dim
        for i in range(6):
            memcpy(at, state, dim * n_columns * sizeof(double))
            for m in range(i):
                for j in range(dim * n_columns):
                    at[j] += h * STAGE[i][m] * slopes[m][j]
            self.dynamics.jacobian(t + NODE[i] * h, s.x[i], p, dim, n_p, by_x, by_p)
            if held:
                zeros(by_x, dim)
                zeros(by_p, n_p)
            for j in range(dim):
                for c in range(n_columns):
                    slopes[i][j * n_columns + c] = by_p[j * n_p + c - dim] if c >= dim else 0.0
                    for m in range(dim):
                        slopes[i][j * n_columns + c] += by_x[j * dim + m] * at[m * n_columns + c]
        for m in range(6):
            for j in range(dim * n_columns):
                state[j] += h * STAGE[6][m] * slopes[m][j]
        return 0

    cdef double advance(self, double t, double end, bint held, const double *x, const double *p, double *y,
                        bint *spike, double *phi, double *psi) except? -1.0 nogil:
        cdef int dim = self.dim, n_columns = dim + (self.n_derived if psi != NULL else 0), j, c, trial
        cdef double state[MOST_VARIABLES * MOST_COLUMNS]
        cdef double h = 0.0, rate, error, crossing, margin = 0.0 if held else self.dynamics.g(x, p)
        cdef bint last
        cdef Step s
        memcpy(s.x[0], x, dim * sizeof(double))
        spike[0] = False
        if phi != NULL:
            zeros(state, dim * n_columns)
            for j in range(dim):
                state[j * n_columns + j] = 1.0
        if margin != margin:
            self.refuse_margin()
        if not held and margin >= 0.0:
            spike[0] = True
            end = t
        while t < end:
            self.velocity(t, held, s.x[0], p, s.k[0])
            if h == 0.0:
                rate = 1e-9
                for j in range(dim):
                    rate = fmax(rate, fabs(s.k[0][j]) / fmax(1.0, fabs(s.x[0][j])))
                h = 0.5 * power(self.tolerance, 0.2) / rate
            for trial in range(MOST_TRIALS + 1):
                h = fmin(h, self.max_step)
                last = h >= end - t
                if last:
                    h = end - t
                if t + h == t and not last:
                    for j in range(dim):
                        s.x[1][j] = s.x[0][j] + UNRESOLVED * (nextafter(t, INFINITY) - t) * s.k[0][j]
                    if held or not self.dynamics.g(s.x[1], p) >= 0.0:
                        self.fail(t)
                    spike[0] = True
                    break
                self.take_step(t, h, held, p, &s)
                error = self.error_of(h, &s)
                if error <= 1.0:
                    break
                if trial == MOST_TRIALS:
                    self.fail(t)
                h *= fmax(0.2, 0.9 * power(error, -0.2)) if isfinite(error) else 0.2
            if spike[0]:
                end = t
                break
            if not held:
                crossing = self.first_crossing(t, h, p, &s)
                if crossing < INFINITY and t + crossing < end:
                    spike[0] = True
                    self.take_step(t, crossing, held, p, &s)
                    h = crossing
            if phi != NULL:
                self.differentiate(t, h, held, p, &s, n_columns, state)
            t = end if last and not spike[0] else t + h
            memcpy(s.x[0], s.x[6], dim * sizeof(double))
            if spike[0]:
                end = t
                break
            h *= fmin(5.0, 0.9 * power(error, -0.2)) if error > 0.0 else 5.0
        memcpy(y, s.x[0], dim * sizeof(double))
        if phi != NULL:
            for j in range(dim):
                for c in range(dim):
                    phi[j * dim + c] = state[j * n_columns + c]
                for c in range(dim, n_columns):
                    psi[j * self.n_derived + c - dim] = state[j * n_columns + c]
        return end

    cdef int threshold(self, const double *x, const double *p, double *by_x, double *by_p) except -1 nogil:
        return derivatives_of_g(self.dynamics, x, p, self.dim, self.n_derived if by_p != NULL else 0, by_x, by_p)

    cdef int reset(self, double *x, const double *p, double *by_x, double *by_p) except -1 nogil:
        if by_x != NULL:
            derivatives_of_reset(self.dynamics, x, p, self.dim, self.n_derived if by_p != NULL else 0, by_x, by_p)
        self.dynamics.reset(x, p)
        if self.dynamics.g(x, p) >= 0.0:
            with gil:
                raise RuntimeError("a unit would spike without end: its reset leaves it at or above threshold; a reset "
                                   "must bring g below 0")
        return 0

    cdef int arrive(self, double *x, const double *p, double weight, int receptor, bint held, double *by_x,
                    double *by_w, double *by_p) except -1 nogil:
        cdef double v = x[0]
        if by_x != NULL:
            derivatives_of_arrive(self.dynamics, x, p, weight, receptor, self.dim,
                                  self.n_derived if by_p != NULL else 0, by_x, by_w, by_p)
        self.dynamics.arrive(x, p, weight, receptor)
        if held:
            x[0] = v
            if by_x != NULL:
                zeros(by_x, self.dim)
                by_x[0] = 1.0
                by_w[0] = 0.0
                if by_p != NULL:
                    zeros(by_p, self.n_derived)
        return 0

    cdef int refuse_margin(self) except -1 with gil:
        raise RuntimeError("g of a neuron must be a number, got nan; without one it would never spike")

    cdef int fail(self, double t) except -1 with gil:
        raise RuntimeError(
            f"the solver cannot hold its tolerance of {self.tolerance:g} at time {t!r}: the equations jump or blow up "
            "there; let the neuron spike before, or raise tolerance")
