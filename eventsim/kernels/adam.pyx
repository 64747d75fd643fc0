# cython: boundscheck=False, wraparound=False, cdivision=True
"""Adam for arrays of float32 or float64; see adam.h."""

from cython cimport floating
from libc.math cimport sqrt

cdef extern from "eventsim/kernels/adam.h" nogil:
    void step "adam_step"(int is_float64, void *p, const void *g, void *first, void *second, double rate,
                          double spread, double mean, double beta1, double beta2, double epsilon, ptrdiff_t n)


def adam_step(floating[::1] parameter, const floating[::1] gradient, floating[::1] first, floating[::1] second,
              double rate, double beta1, double beta2, double epsilon, long steps):
    """Change `parameter` and the two moments in place; all have the same length."""
    cdef Py_ssize_t n = parameter.shape[0]
    cdef double descent = -rate / (1.0 - beta1 ** steps)
    cdef double spread = 1.0 / sqrt(1.0 - beta2 ** steps)
    if gradient.shape[0] != n or first.shape[0] != n or second.shape[0] != n:
        raise ValueError(f"a gradient of {gradient.shape[0]} values for a parameter of {n}")
    if n:
        with nogil:
            step(floating is double, &parameter[0], &gradient[0], &first[0], &second[0], descent, spread, 1.0, beta1, beta2,
                 epsilon, n)
