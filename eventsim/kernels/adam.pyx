# cython: boundscheck=False, wraparound=False, cdivision=True
"""The inner loop of Adam."""

from libc.math cimport sqrt


def adam_step(double[::1] parameter, const double[::1] gradient, double[::1] first, double[::1] second,
              double rate, double beta1, double beta2, double epsilon, long steps):
    """Change `parameter` and the two moments in place; all have the same length."""
    cdef Py_ssize_t i, n = parameter.shape[0]
    cdef double *p
    cdef double *m
    cdef double *v
    cdef const double *g
    cdef double step = rate / (1.0 - beta1 ** steps)
    cdef double spread = 1.0 / sqrt(1.0 - beta2 ** steps)
    if gradient.shape[0] != n or first.shape[0] != n or second.shape[0] != n:
        raise ValueError(f"a gradient of {gradient.shape[0]} values for a parameter of {n}")
    if n == 0:
        return
    p, m, v, g = &parameter[0], &first[0], &second[0], &gradient[0]
    with nogil:
        for i in range(n):
            m[i] = beta1 * m[i] + (1.0 - beta1) * g[i]
            v[i] = beta2 * v[i] + (1.0 - beta2) * (g[i] * g[i])
            p[i] -= step * m[i] / (sqrt(v[i]) * spread + epsilon)
