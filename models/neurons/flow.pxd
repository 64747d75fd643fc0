"""What a neuron gives so that its spikes have derivatives: its flow, its events, and their derivatives."""


cdef enum:
    MOST_STATES = 17        # doubles of the state of a unit, its chart included


cdef class Flow:
    cdef readonly int dim           # variables of a unit that have derivatives, the membrane first
    cdef readonly int n_state       # doubles of its state: the variables, and what says how they are to be read
    cdef readonly int n_derived     # parameters that have derivatives: the first ones of `p`
    cdef readonly int n_parameters  # doubles of `p`, with what `prepare` puts there
    cdef readonly bint closed       # whether `advance` takes `end` = inf, and gives the same spike from any state before it

    # Fill what follows from the parameters; once, before they are used.
    cdef int prepare(self, double *p) except -1 nogil
    # Go from the state `x` at `t` to the next spike before `end`, or to `end`; `held`: the membrane is held all the while.
    # Returns the time reached, with the state there in `y` and in `spike` whether it is a spike. With `phi` not NULL:
    # phi = dy/dx, (dim, dim), and psi = dy/dp, (dim, n_derived), both for fixed times; psi may be NULL.
    cdef double advance(self, double t, double end, bint held, const double *x, const double *p, double *y,
                        bint *spike, double *phi, double *psi) except? -1.0 nogil
    # dx/dt.
    cdef int velocity(self, double t, bint held, const double *x, const double *p, double *dx) except -1 nogil
    # Derivatives of the threshold function, dg/dx (dim,) and dg/dp (n_derived,), where it passes 0.
    cdef int threshold(self, const double *x, const double *p, double *by_x, double *by_p) except -1 nogil
    # Let the unit be reset. With `by_x` not NULL: R = dx+/dx-, (dim, dim), and dx+/dp, (dim, n_derived).
    cdef int reset(self, double *x, const double *p, double *by_x, double *by_p) except -1 nogil
    # Let an input arrive. With `by_x` not NULL: dx+/dx-, (dim, dim), dx+/dw, (dim,), and dx+/dp, (dim, n_derived).
    cdef int arrive(self, double *x, const double *p, double weight, int receptor, bint held, double *by_x,
                    double *by_w, double *by_p) except -1 nogil
    # The membrane potential; with `by_x` not NULL: dv/dx, (dim,), and dv/dp, (n_derived,), which may be NULL.
    cdef double membrane(self, const double *x, const double *p, double *by_x, double *by_p) noexcept nogil
    # Let the state, under parameters `old`, be the same one under `new`: the membrane stays where it is.
    cdef int convert(self, double *x, const double *old, const double *new) noexcept nogil
    # The value of a recorded variable.
    cdef double observed(self, const double *x, const double *p, int variable) noexcept nogil


cdef inline void identity(double *a, int dim) noexcept nogil:
    cdef int j
    for j in range(dim * dim):
        a[j] = 0.0
    for j in range(dim):
        a[j * dim + j] = 1.0


cdef inline void zeros(double *a, int n) noexcept nogil:
    cdef int j
    for j in range(n):
        a[j] = 0.0
