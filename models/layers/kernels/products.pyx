# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Products of rows of values and weights, for pieces of a batch, without the GIL.

`multiply` sums over the inputs in one order whatever the number of rows, so that a stream of single rows gives the
bits of a batch. `gemm` is the BLAS of scipy, which is found at run time: faster, and its bits depend on the number
of rows.
"""

from cpython.pycapsule cimport PyCapsule_GetName, PyCapsule_GetPointer
from cython cimport floating

from scipy.linalg import cython_blas

from eventsim.kernels.products cimport products_multiply

ctypedef void (*sgemm_t)(char *, char *, int *, int *, int *, float *, float *, int *, float *, int *, float *,
                         float *, int *) noexcept nogil
ctypedef void (*dgemm_t)(char *, char *, int *, int *, int *, double *, double *, int *, double *, int *, double *,
                         double *, int *) noexcept nogil

cdef enum:
    BLOCK = 256  # inputs that are summed in one go, at most; up to so many the order is that of their numbers


cdef void *found(str name) except NULL:
    """Return the address of a routine of BLAS; scipy publishes them as capsules."""
    capsule = cython_blas.__pyx_capi__[name]
    return PyCapsule_GetPointer(capsule, PyCapsule_GetName(capsule))


cdef sgemm_t sgemm = <sgemm_t> found("sgemm")
cdef dgemm_t dgemm = <dgemm_t> found("dgemm")


def multiply(const floating[:, ::1] x, const floating[:, ::1] weight, floating[:, ::1] out):
    """Add ``x @ weight`` to `out`; the bits of a row do not depend on the other rows."""
    cdef Py_ssize_t rows = x.shape[0], depth = x.shape[1], cols = weight.shape[1], first, deep
    if weight.shape[0] != depth or out.shape[0] != rows or out.shape[1] != cols:
        raise ValueError(f"shapes do not fit: ({rows}, {depth}) @ ({weight.shape[0]}, {cols})")
    if rows == 0 or cols == 0:
        return
    with nogil:
        first = 0
        while first < depth:
            deep = min(<Py_ssize_t> BLOCK, depth - first)
            products_multiply(floating is double, rows, cols, deep, 1.0, &x[0, first], depth, 1,
                              &weight[first, 0], &out[0, 0])
            first += deep


def gemm(const floating[:, ::1] a, bint a_turned, const floating[:, ::1] b, bint b_turned, floating[:, ::1] out,
         bint add):
    """Set `out` to ``a @ b``, or add that to it; `a` and `b` are taken transposed where asked."""
    cdef int rows = <int> out.shape[0], cols = <int> out.shape[1]
    cdef int depth = <int> (a.shape[0] if a_turned else a.shape[1])
    cdef int a_cols = <int> a.shape[1], b_cols = <int> b.shape[1]
    cdef char a_kind = b'T' if a_turned else b'N'
    cdef char b_kind = b'T' if b_turned else b'N'
    cdef floating one = 1, beta = 1 if add else 0
    if ((a.shape[1] if a_turned else a.shape[0]) != rows or (b.shape[0] if b_turned else b.shape[1]) != cols
            or (b.shape[1] if b_turned else b.shape[0]) != depth):
        raise ValueError(f"shapes do not fit: {a_cols} and {b_cols} columns for an output ({rows}, {cols})")
    if rows == 0 or cols == 0:
        return
    if depth == 0:
        if not add:
            out[:, :] = 0
        return
    with nogil:  # BLAS reads columns: out^T = b^T a^T
        if floating is float:
            sgemm(&b_kind, &a_kind, &cols, &rows, &depth, &one, <float *> &b[0, 0], &b_cols,
                  <float *> &a[0, 0], &a_cols, &beta, &out[0, 0], &cols)
        else:
            dgemm(&b_kind, &a_kind, &cols, &rows, &depth, &one, <double *> &b[0, 0], &b_cols,
                  <double *> &a[0, 0], &a_cols, &beta, &out[0, 0], &cols)
