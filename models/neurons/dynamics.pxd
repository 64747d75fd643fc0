"""The equations of a neuron, as a class that a user may write in Cython or Python."""


cdef enum:
    MOST_VARIABLES = 16
    MOST_PARAMETERS = 48    # with derivatives


cdef class Dynamics:
    # x: the variables of one unit, the membrane first; p: its parameters.
    # dx/dt at time t, written to dx.
    cdef int f(self, double t, const double *x, const double *p, double *dx) except -1 nogil
    # The unit spikes where this rises through 0.
    cdef double g(self, const double *x, const double *p) except? -1.0 nogil
    # What a spike changes.
    cdef int reset(self, double *x, const double *p) except -1 nogil
    # What an input of a weight changes.
    cdef int arrive(self, double *x, const double *p, double weight, int receptor) except -1 nogil
    # df/dx, (n_variables, n_variables), and df/dp, (n_variables, n_parameters), row by row; by differences unless given.
    cdef int jacobian(self, double t, const double *x, const double *p, int n_variables, int n_parameters, double *by_x,
                      double *by_p) except -1 nogil


cdef int derivatives_of_g(Dynamics dynamics, const double *x, const double *p, int n_variables, int n_parameters,
                          double *by_x, double *by_p) except -1 nogil
cdef int derivatives_of_reset(Dynamics dynamics, const double *x, const double *p, int n_variables, int n_parameters,
                              double *by_x, double *by_p) except -1 nogil
cdef int derivatives_of_arrive(Dynamics dynamics, const double *x, const double *p, double weight, int receptor,
                               int n_variables, int n_parameters, double *by_x, double *by_w, double *by_p) except -1 nogil
