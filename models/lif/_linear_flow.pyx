# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# distutils: extra_compile_args = -O3
"""Neurons with several receptors and with adaptation as a flow with derivatives, all in closed form.

The state of a unit is v, the decaying currents x_j, each with its y_j behind it if it is an alpha function, and what
threshold it has above v_th. The spike is found as in the simulation (`course.pxd`), so it has the same bits. With

    R_k(s) = integral of u^k e^(-r u) e^(-(s - u) / tau_mem) over u in [0, s]

the responses of the membrane to x and y are R_0 / c_mem and R_1 / c_mem; their derivatives in the rates need R_2.
"""

from libc.math cimport INFINITY, exp, expm1, fabs, isinf, log
from libc.string cimport memset

from eventsim.models.lif.course cimport (
    Course, LinearCell, flow, next_event, response_x, response_y)
from eventsim.models.neurons.flow cimport MOST_STATES, Flow, identity, zeros

from eventsim.models.lif import receptors

cdef enum:
    MEMBRANE = 6            # parameters of the membrane, in the order of `PARAMETERS`
    TAU_MEM = 0
    C_MEM = 1
    V_TH = 2
    V_LEAK = 3
    V_RESET = 4
    I_EXT = 5

cdef enum Shape:            # as in `_linear.pyx`
    DELTA = 0
    EXPONENTIAL = 1
    ALPHA = 2
    DOUBLE_EXPONENTIAL = 3

PARAMETERS = ("tau_mem", "c_mem", "v_th", "v_leak", "v_reset", "i_ext")
SHAPES = {"delta": DELTA, "exponential": EXPONENTIAL, "alpha": ALPHA, "double-exponential": DOUBLE_EXPONENTIAL}

cdef double ALPHA_GAIN = exp(1.0)
cdef double CLOSEST = receptors.CLOSEST


cdef inline double response_z(double r_mem, double r, double s, double em, double er) noexcept nogil:
    """Return the response of a membrane with c_mem = 1 at s to s^2 e^(-r s)."""
    cdef double d = r_mem - r
    cdef double z = d * s, term = 1.0, total = 1.0 / 3.0
    cdef int k
    if fabs(z) >= 2.0:
        return (er * (z * z - 2.0 * z + 2.0) - 2.0 * em) / (d * d * d)
    for k in range(1, 30):      # the integral of u^2 e^(z u) over [0, 1]
        term *= z / k
        total += term / (k + 3.0)
    return em * s * s * s * total


cdef class LinearFlow(Flow):
    """The flow of `MultiSynapseLIF` and `AdaptiveLIF`.

    Parameters of a unit are those of `PARAMETERS`; of each receptor tau, and tau_rise of a double exponential; and
    of each kind of adaptation its time constant and its jump: tau_w and b, tau_theta and theta_jump.

    Parameters
    ----------
    shapes : sequence of str
        Of the receptors.
    current, threshold : bool
        Whether a spike draws a current of adaptation, and raises the threshold.
    """

    cdef int n_receptors, n_components, tau_w, tau_theta, theta_at, cell_at
    cdef int[MOST_STATES] shape, first      # of a receptor: shape, first component
    cdef int[MOST_STATES] place, behind     # of a component: place of x, and of y or -1
    cdef int[MOST_STATES] tau_of            # of a component: its time constant among the parameters

    def __init__(self, shapes, bint current, bint threshold):
        cdef int j = 0, state = 1, parameter = MEMBRANE, k
        self.n_receptors = len(shapes)
        needed = sum({"delta": 0, "exponential": 1}.get(each, 2) for each in shapes) + current + threshold + 1
        if needed > MOST_STATES or self.n_receptors > MOST_STATES:
            raise ValueError(f"gradients take {MOST_STATES} variables of a neuron at most, these receptors need {needed}")
        for k, name in enumerate(shapes):
            self.shape[k] = SHAPES[name]
            self.first[k] = j
            if self.shape[k] == DELTA:
                continue
            for _ in range(2 if self.shape[k] == DOUBLE_EXPONENTIAL else 1):
                self.place[j], self.tau_of[j], self.behind[j] = state, parameter, -1
                state += 1
                parameter += 1
                j += 1
            if self.shape[k] == ALPHA:
                self.behind[j - 1] = state
                state += 1
        self.tau_w = self.tau_theta = self.theta_at = -1
        if current:
            self.tau_w = parameter
            self.place[j], self.tau_of[j], self.behind[j] = state, parameter, -1
            state += 1
            parameter += 2
            j += 1
        if threshold:
            self.tau_theta, self.theta_at = parameter, state
            state += 1
            parameter += 2
        self.n_components = j
        self.dim = self.n_state = state
        self.n_derived = self.cell_at = parameter
        self.n_parameters = parameter + sizeof(LinearCell) // sizeof(double) + 3 * j + self.n_receptors
        self.closed = True

    @property
    def components(self):
        """Place in the state of the first current of each receptor, 0 of one without; then of w; then of theta."""
        places = [self.place[self.first[k]] if self.shape[k] != DELTA else 0 for k in range(self.n_receptors)]
        w = self.place[self.n_components - 1] if self.tau_w >= 0 else -1
        return places, w, self.theta_at

    cdef const LinearCell *cell(self, const double *p) noexcept nogil:
        return <const LinearCell *> (p + self.cell_at)

    cdef const double *rates(self, const double *p) noexcept nogil:
        """Return the rates of the components; their peaks, in x and in y, and the gains of receptors follow."""
        return p + self.cell_at + sizeof(LinearCell) // sizeof(double)

    cdef int prepare(self, double *p) except -1 with gil:
        cdef LinearCell *c = <LinearCell *> (p + self.cell_at)
        cdef double *rate = <double *> self.rates(p)
        cdef double *peak_x = rate + self.n_components
        cdef double *peak_y = peak_x + self.n_components
        cdef double *gain = peak_y + self.n_components
        cdef double r, rm = 1.0 / p[TAU_MEM], s, tau, rise
        cdef int j, k
        c.rate_mem, c.c_mem, c.v_th, c.v_leak, c.v_reset, c.t_ref = rm, p[C_MEM], p[V_TH], p[V_LEAK], p[V_RESET], 0.0
        c.i_ext, c.rate_th, c.jump, c.b = p[I_EXT], 1.0, 0.0, 0.0
        if not (p[V_RESET] < p[V_TH] and p[V_LEAK] < p[V_TH]):
            raise ValueError(f"v_th must be above v_leak and v_reset, got {p[V_TH]}, {p[V_LEAK]} and {p[V_RESET]}")
        if self.tau_theta >= 0:
            if not p[self.tau_theta + 1] >= 0.0:
                raise ValueError(f"theta_jump must not be negative, got {p[self.tau_theta + 1]}")
            c.rate_th, c.jump = 1.0 / p[self.tau_theta], p[self.tau_theta + 1]
        if self.tau_w >= 0:
            c.b = p[self.tau_w + 1]
        for j in range(self.n_components):
            r = 1.0 / p[self.tau_of[j]]
            rate[j] = r
            s = log(r / rm) / (r - rm) if r != rm else 1.0 / r
            peak_x[j] = response_x(rm, r, s, exp(-rm * s), exp(-r * s)) * (1.0 + 1e-9)
            peak_y[j] = min(0.3678794411714424 / (r * rm), 1.0 / (r * r)) * (1.0 + 1e-9)
        for k in range(self.n_receptors):
            gain[k] = 1.0
            if self.shape[k] == ALPHA:
                gain[k] = ALPHA_GAIN / p[self.tau_of[self.first[k]]]
            elif self.shape[k] == DOUBLE_EXPONENTIAL:
                tau, rise = p[self.tau_of[self.first[k]]], p[self.tau_of[self.first[k] + 1]]
                if not tau >= CLOSEST * rise:
                    raise ValueError(f"tau_decay must exceed tau_rise by 1 % at least, got {tau} and {rise}")
                s = tau * rise / (tau - rise) * log(tau / rise)
                gain[k] = 1.0 / (exp(-s / tau) - exp(-s / rise))
        return 0

    cdef void lay(self, double start, const double *x, const double *p, Course *q) noexcept nogil:
        """Describe the course from a state."""
        cdef int j
        q.cell = self.cell(p)
        q.rate = self.rates(p)
        q.peak_x = q.rate + self.n_components
        q.peak_y = q.peak_x + self.n_components
        q.n, q.n_sines = self.n_components, 0
        for j in range(self.n_components):
            q.x[j] = x[self.place[j]]
            q.y[j] = x[self.behind[j]] if self.behind[j] >= 0 else 0.0
        q.look = q.duration = INFINITY
        q.level, q.ramp = q.cell.i_ext, 0.0
        q.v = x[0]
        q.theta = x[self.theta_at] if self.theta_at >= 0 else 0.0
        q.start = start

    cdef void put(self, const Course *q, double *y) noexcept nogil:
        """Write the state of a course."""
        cdef int j
        y[0] = q.v
        for j in range(self.n_components):
            y[self.place[j]] = q.x[j]
            if self.behind[j] >= 0:
                y[self.behind[j]] = q.y[j]
        if self.theta_at >= 0:
            y[self.theta_at] = q.theta

    cdef double advance(self, double t, double end, bint held, const double *x, const double *p, double *y,
                        bint *spike, double *phi, double *psi) except? -1.0 nogil:
        cdef Course q
        cdef bint is_spike = False
        cdef double s, done = 0.0, v = x[0]
        spike[0] = False
        self.lay(t, x, p, &q)
        if not held:
            # A search of too many steps ends where the next begins.
            while True:
                q.duration = end - q.start
                s = next_event(&q, &is_spike)
                if is_spike or s >= q.duration:
                    break
                flow(&q, s)
                q.start += s
            done = q.start + s
            if is_spike and done < end:
                spike[0] = True
                end = done
        if isinf(end):
            return end
        self.lay(t, x, p, &q)
        s = end - t
        if s > 0.0:
            flow(&q, s)
        if held:
            q.v = v
        self.put(&q, y)
        if spike[0] and s > 0.0:
            y[0] = p[V_TH] + q.theta
        if phi != NULL:
            self.differentiate(s, held, x, p, phi, psi)
        return end

    cdef void differentiate(self, double s, bint held, const double *x, const double *p, double *phi,
                            double *psi) noexcept nogil:
        """Write d(state after s)/d(state before) and, unless NULL, d(state after)/d(parameters)."""
        cdef const double *rate = self.rates(p)
        cdef int dim = self.dim, n = self.n_derived, j, at, y_at, tau
        cdef double rm = 1.0 / p[TAU_MEM], c = p[C_MEM], em = exp(-s * rm), er, r, xj, yj
        cdef double rx, ry, rz, drive = 0.0, by_rm = 0.0, by_r
        memset(phi, 0, dim * dim * sizeof(double))
        if psi != NULL:
            memset(psi, 0, dim * n * sizeof(double))
        phi[0] = 1.0 if held else em
        for j in range(self.n_components):
            at, y_at, tau, r = self.place[j], self.behind[j], self.tau_of[j], rate[j]
            er = exp(-s * r)
            xj = x[at]
            yj = x[y_at] if y_at >= 0 else 0.0
            phi[at * dim + at] = er
            if y_at >= 0:
                phi[at * dim + y_at] = s * er
                phi[y_at * dim + y_at] = er
            if psi != NULL:     # a rate falls by r^2 for each unit that its time constant grows
                psi[at * n + tau] = s * (xj + yj * s) * er * r * r
                if y_at >= 0:
                    psi[y_at * n + tau] = s * yj * er * r * r
            if held:
                continue
            rx = response_x(rm, r, s, em, er)
            ry = response_y(rm, r, s, em, er)
            phi[at] = rx / c
            if y_at >= 0:
                phi[y_at] = ry / c
            if psi != NULL:
                rz = response_z(rm, r, s, em, er) if yj != 0.0 else 0.0
                drive += xj * rx + yj * ry
                by_r = -xj * ry - yj * rz
                by_rm -= xj * response_y(r, rm, s, er, em) + yj * (s * ry - rz)
                psi[tau] = -by_r * r * r / c
        if self.theta_at >= 0:
            at = self.theta_at
            r = 1.0 / p[self.tau_theta]
            er = exp(-s * r)
            phi[at * dim + at] = er
            if psi != NULL:
                psi[at * n + self.tau_theta] = s * x[at] * er * r * r
        if psi == NULL or held:
            return
        rx = response_x(rm, 0.0, s, em, 1.0)
        drive += p[I_EXT] * rx
        by_rm -= p[I_EXT] * response_y(0.0, rm, s, 1.0, em)
        psi[TAU_MEM] = -(by_rm / c - (x[0] - p[V_LEAK]) * s * em) * rm * rm
        psi[C_MEM] = -drive / (c * c)
        psi[V_LEAK] = -expm1(-s * rm)
        psi[I_EXT] = rx / c

    cdef int velocity(self, double t, bint held, const double *x, const double *p, double *dx) except -1 nogil:
        cdef const double *rate = self.rates(p)
        cdef double current = p[I_EXT]
        cdef int j, at
        for j in range(self.n_components):
            at = self.place[j]
            current += x[at]
            dx[at] = -rate[j] * x[at]
            if self.behind[j] >= 0:
                dx[at] += x[self.behind[j]]
                dx[self.behind[j]] = -rate[j] * x[self.behind[j]]
        if self.theta_at >= 0:
            dx[self.theta_at] = -x[self.theta_at] / p[self.tau_theta]
        dx[0] = 0.0 if held else (p[V_LEAK] - x[0]) / p[TAU_MEM] + current / p[C_MEM]
        return 0

    cdef int threshold(self, const double *x, const double *p, double *by_x, double *by_p) except -1 nogil:
        zeros(by_x, self.dim)
        by_x[0] = 1.0
        if self.theta_at >= 0:
            by_x[self.theta_at] = -1.0
        if by_p != NULL:
            zeros(by_p, self.n_derived)
            by_p[V_TH] = -1.0
        return 0

    cdef int reset(self, double *x, const double *p, double *by_x, double *by_p) except -1 nogil:
        cdef int w = self.place[self.n_components - 1] if self.tau_w >= 0 else -1
        x[0] = p[V_RESET]
        if w >= 0:
            x[w] -= p[self.tau_w + 1]
        if self.theta_at >= 0:
            x[self.theta_at] += p[self.tau_theta + 1]
        if by_x != NULL:
            identity(by_x, self.dim)
            by_x[0] = 0.0
            if by_p != NULL:
                zeros(by_p, self.dim * self.n_derived)
                by_p[V_RESET] = 1.0
                if w >= 0:
                    by_p[w * self.n_derived + self.tau_w + 1] = -1.0
                if self.theta_at >= 0:
                    by_p[self.theta_at * self.n_derived + self.tau_theta + 1] = 1.0
        return 0

    cdef int arrive(self, double *x, const double *p, double weight, int receptor, bint held, double *by_x,
                    double *by_w, double *by_p) except -1 nogil:
        cdef const double *gains = self.rates(p) + 3 * self.n_components
        cdef double gain = gains[receptor], tau, rise, s, by_tau = 0.0, by_rise = 0.0
        cdef int shape = self.shape[receptor], j = self.first[receptor], n = self.n_derived, at = 0
        if by_x != NULL:
            identity(by_x, self.dim)
            zeros(by_w, self.dim)
            if by_p != NULL:
                zeros(by_p, self.dim * n)
        if shape == DELTA:
            if held:
                return 0
        elif shape == ALPHA:
            at = self.behind[j]
        else:
            at = self.place[j]
        x[at] += weight * gain
        if shape == DOUBLE_EXPONENTIAL:
            x[self.place[j + 1]] -= weight * gain
        if by_x == NULL:
            return 0
        by_w[at] = gain
        if shape == DOUBLE_EXPONENTIAL:
            by_w[self.place[j + 1]] = -gain
        if by_p == NULL:
            return 0
        if shape == ALPHA:
            by_p[at * n + self.tau_of[j]] = -weight * gain / p[self.tau_of[j]]
        elif shape == DOUBLE_EXPONENTIAL:   # the height of a peak does not depend on its time
            tau, rise = p[self.tau_of[j]], p[self.tau_of[j + 1]]
            s = tau * rise / (tau - rise) * log(tau / rise)
            by_tau = -weight * gain * gain * s / (tau * tau) * exp(-s / tau)
            by_rise = weight * gain * gain * s / (rise * rise) * exp(-s / rise)
            by_p[at * n + self.tau_of[j]] = by_tau
            by_p[at * n + self.tau_of[j + 1]] = by_rise
            by_p[self.place[j + 1] * n + self.tau_of[j]] = -by_tau
            by_p[self.place[j + 1] * n + self.tau_of[j + 1]] = -by_rise
        return 0
