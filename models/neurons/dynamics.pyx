# cython: boundscheck=False, wraparound=False, cdivision=True
"""The equations of neurons: the base of compiled ones, and those that call Python functions."""

from libc.math cimport fabs, fmax
from libc.string cimport memcpy

import numpy as np

cdef extern from *:
    """
    static const double FACTOR[4] = {1.0, -1.0, 2.0, -2.0};
    """
    const double FACTOR[4]


cdef enum:
    SLOPE = 0
    MARGIN = 1
    RESET = 2
    ARRIVE = 3

cdef struct Place:
    # Which function, and where.
    int what, receptor
    double t, weight


cdef int values_at(Dynamics dynamics, const Place *place, const double *x, const double *p, double weight, int n,
                   double *out) except -1 nogil:
    if place.what == SLOPE:
        return dynamics.f(place.t, x, p, out)
    if place.what == MARGIN:
        out[0] = dynamics.g(x, p)
        return 0
    memcpy(out, x, n * sizeof(double))
    if place.what == RESET:
        return dynamics.reset(out, p)
    return dynamics.arrive(out, p, weight, place.receptor)


cdef int differences(Dynamics dynamics, const Place *place, const double *x, const double *p, int n_variables,
                     int n_parameters, int n_out, double *by_x, double *by_p, double *by_w) except -1 nogil:
    """Differentiate a function by central differences of order 4, exact to some 1e-11 of its size.

    The shifts are fractions of a variable, and of 1 where it is smaller: large enough for rounding, small enough for
    functions that bend within a hundredth of that.
    """
    cdef double y[MOST_VARIABLES]
    cdef double q[MOST_PARAMETERS + 1]
    cdef double value[4][MOST_VARIABLES]
    cdef double shift, original, weight
    cdef int j, k, m, n_columns = n_variables + n_parameters + (by_w != NULL)
    memcpy(y, x, n_variables * sizeof(double))
    # Without parameters to differentiate in, they are passed on as they are, however many there are.
    cdef const double *parameters = p
    if n_parameters:
        memcpy(q, p, n_parameters * sizeof(double))
        parameters = q
    for j in range(n_columns):
        original = x[j] if j < n_variables else (p[j - n_variables] if j < n_variables + n_parameters else place.weight)
        shift = 2.0 ** -12 * fmax(1.0, fabs(original))
        for k in range(4):
            weight = place.weight
            if j < n_variables:
                y[j] = original + FACTOR[k] * shift
            elif j < n_variables + n_parameters:
                q[j - n_variables] = original + FACTOR[k] * shift
            else:
                weight = original + FACTOR[k] * shift
            values_at(dynamics, place, y, parameters, weight, n_variables, value[k])
        if j < n_variables:
            y[j] = original
        elif j < n_variables + n_parameters:
            q[j - n_variables] = original
        for m in range(n_out):
            original = (8.0 * (value[0][m] - value[1][m]) - (value[2][m] - value[3][m])) / (12.0 * shift)
            if j < n_variables:
                by_x[m * n_variables + j] = original
            elif j < n_variables + n_parameters:
                by_p[m * n_parameters + j - n_variables] = original
            else:
                by_w[m] = original
    return 0


cdef int derivatives_of_g(Dynamics dynamics, const double *x, const double *p, int n_variables, int n_parameters,
                          double *by_x, double *by_p) except -1 nogil:
    cdef Place place
    place.what, place.t, place.weight, place.receptor = MARGIN, 0.0, 0.0, 0
    return differences(dynamics, &place, x, p, n_variables, n_parameters, 1, by_x, by_p, NULL)


cdef int derivatives_of_reset(Dynamics dynamics, const double *x, const double *p, int n_variables, int n_parameters,
                              double *by_x, double *by_p) except -1 nogil:
    cdef Place place
    place.what, place.t, place.weight, place.receptor = RESET, 0.0, 0.0, 0
    return differences(dynamics, &place, x, p, n_variables, n_parameters, n_variables, by_x, by_p, NULL)


cdef int derivatives_of_arrive(Dynamics dynamics, const double *x, const double *p, double weight, int receptor,
                               int n_variables, int n_parameters, double *by_x, double *by_w, double *by_p) except -1 nogil:
    cdef Place place
    place.what, place.t, place.weight, place.receptor = ARRIVE, 0.0, weight, receptor
    return differences(dynamics, &place, x, p, n_variables, n_parameters, n_variables, by_x, by_p, by_w)


cdef class Dynamics:
    """Equations of a neuron; subclass it in Cython and give an object of it to `CustomNeuron`.

    A subclass overrides `f`, `g`, `reset` and `arrive` (see dynamics.pxd). None of them may change anything
    but what it is given to write. The membrane is the first variable: it is held while a unit is refractory.
    """

    cdef int f(self, double t, const double *x, const double *p, double *dx) except -1 nogil:
        with gil:
            raise NotImplementedError(f"{type(self).__name__} has no f(t, x, p, dx)")

    cdef double g(self, const double *x, const double *p) except? -1.0 nogil:
        with gil:
            raise NotImplementedError(f"{type(self).__name__} has no g(x, p)")

    cdef int reset(self, double *x, const double *p) except -1 nogil:
        with gil:
            raise NotImplementedError(f"{type(self).__name__} has no reset(x, p)")

    cdef int arrive(self, double *x, const double *p, double weight, int receptor) except -1 nogil:
        x[0] += weight
        return 0

    cdef int jacobian(self, double t, const double *x, const double *p, int n_variables, int n_parameters, double *by_x,
                      double *by_p) except -1 nogil:
        cdef Place place
        place.what, place.t, place.weight, place.receptor = SLOPE, t, 0.0, 0
        return differences(self, &place, x, p, n_variables, n_parameters, n_variables, by_x, by_p, NULL)

    # The same for Python, in which the oracle is written.

    def slope(self, double t, x, p):
        """Return dx/dt, shape (n_variables,), of the state `x` with the parameters `p`."""
        cdef double[::1] state = np.array(x, np.float64), parameters = _padded(p)
        out = np.empty(len(state))
        cdef double[::1] dx = out
        self.f(t, &state[0], &parameters[0], &dx[0])
        return out

    def margin(self, x, p):
        """Return how far a state is above threshold."""
        cdef double[::1] state = np.array(x, np.float64), parameters = _padded(p)
        return self.g(&state[0], &parameters[0])

    def after_spike(self, x, p):
        """Return the state after a spike."""
        out = np.array(x, np.float64)
        cdef double[::1] state = out, parameters = _padded(p)
        self.reset(&state[0], &parameters[0])
        return out

    def after_input(self, x, p, double weight, int receptor):
        """Return the state after an input."""
        out = np.array(x, np.float64)
        cdef double[::1] state = out, parameters = _padded(p)
        self.arrive(&state[0], &parameters[0], weight, receptor)
        return out


def _padded(p):
    """Return parameters as an array that has a first element."""
    return np.array([*p, 0.0], np.float64)


cdef class PythonDynamics(Dynamics):
    """Equations as Python functions of named tuples; see `CustomNeuron`."""

    cdef object state_of, parameters_of, functions, given_jacobian
    cdef int n_variables, n_parameters

    def __init__(self, state_of, parameters_of, f, g, reset, arrive, jacobian=None):
        self.given_jacobian = jacobian
        self.state_of, self.parameters_of = state_of, parameters_of
        self.functions = (f, g, reset, arrive)
        self.n_variables, self.n_parameters = len(state_of._fields), len(parameters_of._fields)

    cdef object _x(self, const double *x):
        return self.state_of(*[x[k] for k in range(self.n_variables)])

    cdef object _p(self, const double *p):
        return self.parameters_of(*[p[k] for k in range(self.n_parameters)])

    cdef int _write(self, str name, values, double *out) except -1:
        try:
            given = len(values)
        except TypeError:
            given = None
        if given != self.n_variables:
            raise ValueError(
                f"{name} of a CustomNeuron must return {self.n_variables} numbers, one for each of "
                f"{', '.join(self.state_of._fields)}, got {values!r}")
        for k in range(self.n_variables):
            out[k] = values[k]
        return 0

    cdef int f(self, double t, const double *x, const double *p, double *dx) except -1 nogil:
        with gil:
            self._write("f", self.functions[0](t, self._x(x), self._p(p)), dx)
        return 0

    cdef double g(self, const double *x, const double *p) except? -1.0 nogil:
        with gil:
            return self.functions[1](self._x(x), self._p(p))

    cdef int reset(self, double *x, const double *p) except -1 nogil:
        with gil:
            self._write("reset", self.functions[2](self._x(x), self._p(p)), x)
        return 0

    cdef int arrive(self, double *x, const double *p, double weight, int receptor) except -1 nogil:
        with gil:
            if self.functions[3] is None:
                x[0] += weight
            else:
                self._write("arrive", self.functions[3](self._x(x), self._p(p), weight, receptor), x)
        return 0

    cdef int jacobian(self, double t, const double *x, const double *p, int n_variables, int n_parameters, double *by_x,
                      double *by_p) except -1 nogil:
        Dynamics.jacobian(self, t, x, p, n_variables, n_parameters, by_x, by_p)
        with gil:
            if self.given_jacobian is not None:
                self._write_jacobian(self.given_jacobian(t, self._x(x), self._p(p)), by_x)
        return 0

    cdef int _write_jacobian(self, values, double *out) except -1:
        found = np.asarray(values, np.float64)
        n = self.n_variables
        if found.shape != (n, n):
            raise ValueError(f"jacobian of a CustomNeuron must return df/dx of shape ({n}, {n}), got {found.shape}")
        for k, value in enumerate(found.reshape(-1)):
            out[k] = value
        return 0
