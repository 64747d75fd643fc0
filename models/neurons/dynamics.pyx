# cython: boundscheck=False, wraparound=False, cdivision=True
"""The equations of neurons: the base of compiled ones, and those that call Python functions."""

import numpy as np


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

    cdef object state_of, parameters_of, functions
    cdef int n_variables, n_parameters

    def __init__(self, state_of, parameters_of, f, g, reset, arrive):
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
