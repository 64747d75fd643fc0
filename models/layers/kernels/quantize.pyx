# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Rounding to a grid, and the gates of quantised networks, for pieces of an array, without the GIL; see quantize.h."""

from cython cimport floating

cdef extern from "eventsim/models/layers/kernels/quantize.h" nogil:
    void quantize_rows_f64(ptrdiff_t rows, ptrdiff_t n, const double *step, const double *per_step,
                           const double *least, const double *most, const double *x, double *y)
    void quantize_rows_f32(ptrdiff_t rows, ptrdiff_t n, const float *step, const float *per_step,
                           const float *least, const float *most, const float *x, float *y)
    void gate_forward_f64(int kind, double slope, ptrdiff_t n, const double *x, double *y)
    void gate_forward_f32(int kind, float slope, ptrdiff_t n, const float *x, float *y)
    void gate_backward_f64(int kind, double slope, ptrdiff_t n, const double *x, const double *dy, double *dx)
    void gate_backward_f32(int kind, float slope, ptrdiff_t n, const float *x, const float *dy, float *dx)

GATES = {"qgelu": 0, "qgelu_printed": 1, "hard_sigmoid": 2}


def quantize(const floating[:, ::1] x, const floating[::1] step, const floating[::1] per_step,
             const floating[::1] least, const floating[::1] most, floating[:, ::1] y):
    """Set each column of `y` to the values of the nearest codes of `x`, from `least` to `most` steps."""
    cdef Py_ssize_t rows = x.shape[0], n = x.shape[1]
    if (y.shape[0] != rows or y.shape[1] != n or step.shape[0] != n or per_step.shape[0] != n or least.shape[0] != n
            or most.shape[0] != n):
        raise ValueError(f"grids of {step.shape[0]} columns for values of shape ({rows}, {n})")
    if rows == 0 or n == 0:
        return
    with nogil:
        if floating is double:
            quantize_rows_f64(rows, n, &step[0], &per_step[0], &least[0], &most[0], &x[0, 0], &y[0, 0])
        else:
            quantize_rows_f32(rows, n, &step[0], &per_step[0], &least[0], &most[0], &x[0, 0], &y[0, 0])


def gate(int kind, double slope, const floating[::1] x, floating[::1] y):
    """Set `y` to the gate's function of `x`."""
    cdef Py_ssize_t n = x.shape[0]
    if y.shape[0] != n:
        raise ValueError(f"{y.shape[0]} outputs for {n} inputs")
    if n == 0:
        return
    with nogil:
        if floating is double:
            gate_forward_f64(kind, slope, n, &x[0], &y[0])
        else:
            gate_forward_f32(kind, <float> slope, n, &x[0], &y[0])


def gate_back(int kind, double slope, const floating[::1] x, const floating[::1] dy, floating[::1] dx):
    """Set `dx` to `dy` times the slope of the gate's function at `x`."""
    cdef Py_ssize_t n = x.shape[0]
    if dy.shape[0] != n or dx.shape[0] != n:
        raise ValueError(f"{dy.shape[0]} and {dx.shape[0]} gradients for {n} inputs")
    if n == 0:
        return
    with nogil:
        if floating is double:
            gate_backward_f64(kind, slope, n, &x[0], &dy[0], &dx[0])
        else:
            gate_backward_f32(kind, <float> slope, n, &x[0], &dy[0], &dx[0])
