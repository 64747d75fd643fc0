# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Functions of single values, forward and backward, without the GIL; see elementwise.h."""

from cython cimport floating
from libc.stdint cimport uint64_t

cdef extern from "eventsim/models/layers/kernels/elementwise.h" nogil:
    void gelu_f32(ptrdiff_t n, int exact, const float *x, float *y)
    void gelu_f64(ptrdiff_t n, int exact, const double *x, double *y)
    void gelu_back_f32(ptrdiff_t n, int exact, const float *x, const float *dy, float *dx)
    void gelu_back_f64(ptrdiff_t n, int exact, const double *x, const double *dy, double *dx)
    void glu_f32(ptrdiff_t rows, ptrdiff_t n, const float *x, float *y)
    void glu_f64(ptrdiff_t rows, ptrdiff_t n, const double *x, double *y)
    void glu_back_f32(ptrdiff_t rows, ptrdiff_t n, const float *x, const float *dy, float *dx)
    void glu_back_f64(ptrdiff_t rows, ptrdiff_t n, const double *x, const double *dy, double *dx)
    void dropout_f32(ptrdiff_t first, ptrdiff_t n, uint64_t key, uint64_t dropped, float scale, const float *x,
                     float *y)
    void dropout_f64(ptrdiff_t first, ptrdiff_t n, uint64_t key, uint64_t dropped, double scale, const double *x,
                     double *y)


def gelu(const floating[::1] x, bint exact, floating[::1] y):
    """Fill y = x Phi(x)."""
    with nogil:
        if floating is float:
            gelu_f32(x.shape[0], exact, &x[0], &y[0])
        else:
            gelu_f64(x.shape[0], exact, &x[0], &y[0])


def gelu_back(const floating[::1] x, bint exact, const floating[::1] dy, floating[::1] dx):
    """Fill dx of `gelu`."""
    with nogil:
        if floating is float:
            gelu_back_f32(x.shape[0], exact, &x[0], &dy[0], &dx[0])
        else:
            gelu_back_f64(x.shape[0], exact, &x[0], &dy[0], &dx[0])


def glu(const floating[:, ::1] x, floating[:, ::1] y):
    """Fill y = p sigmoid(q), p and q the halves of the rows of x."""
    with nogil:
        if floating is float:
            glu_f32(y.shape[0], y.shape[1], &x[0, 0], &y[0, 0])
        else:
            glu_f64(y.shape[0], y.shape[1], &x[0, 0], &y[0, 0])


def glu_back(const floating[:, ::1] x, const floating[:, ::1] dy, floating[:, ::1] dx):
    """Fill dx of `glu`."""
    with nogil:
        if floating is float:
            glu_back_f32(dy.shape[0], dy.shape[1], &x[0, 0], &dy[0, 0], &dx[0, 0])
        else:
            glu_back_f64(dy.shape[0], dy.shape[1], &x[0, 0], &dy[0, 0], &dx[0, 0])


def dropout(const floating[::1] x, Py_ssize_t first, uint64_t key, double rate, floating[::1] y):
    """Fill y with x / (1 - rate), or 0 with probability `rate`; `first` is the place of the first value."""
    cdef uint64_t dropped = <uint64_t> (rate * 4294967296.0)
    with nogil:
        if floating is float:
            dropout_f32(first, x.shape[0], key, dropped, <float> (1.0 / (1.0 - rate)), &x[0], &y[0])
        else:
            dropout_f64(first, x.shape[0], key, dropped, 1.0 / (1.0 - rate), &x[0], &y[0])
