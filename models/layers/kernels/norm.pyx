# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The loops of `BatchNorm` and `LayerNorm` over rows, without the GIL; see norm.h."""

from cython cimport floating

cdef extern from "eventsim/models/layers/kernels/norm.h" nogil:
    void column_moments_f32(ptrdiff_t rows, ptrdiff_t n, const float *x, const unsigned char *valid,
                            const float *shift, double *first, double *second)
    void column_moments_f64(ptrdiff_t rows, ptrdiff_t n, const double *x, const unsigned char *valid,
                            const double *shift, double *first, double *second)
    void column_normalise_f32(ptrdiff_t rows, ptrdiff_t n, const float *x, const float *mean, const float *scale,
                              const float *beta, float *y)
    void column_normalise_f64(ptrdiff_t rows, ptrdiff_t n, const double *x, const double *mean,
                              const double *scale, const double *beta, double *y)
    void column_products_f32(ptrdiff_t rows, ptrdiff_t n, const float *x, const float *dy,
                             const unsigned char *valid, const float *mean, double *first, double *second)
    void column_products_f64(ptrdiff_t rows, ptrdiff_t n, const double *x, const double *dy,
                             const unsigned char *valid, const double *mean, double *first, double *second)
    void column_back_f32(ptrdiff_t rows, ptrdiff_t n, const float *x, const float *dy, const unsigned char *valid,
                         const float *mean, const float *a, const float *b, const float *c, float *dx)
    void column_back_f64(ptrdiff_t rows, ptrdiff_t n, const double *x, const double *dy,
                         const unsigned char *valid, const double *mean, const double *a, const double *b,
                         const double *c, double *dx)
    void row_normalise_f32(ptrdiff_t rows, ptrdiff_t n, double epsilon, const float *x, const float *gamma,
                           const float *beta, float *y, double *moments)
    void row_normalise_f64(ptrdiff_t rows, ptrdiff_t n, double epsilon, const double *x, const double *gamma,
                           const double *beta, double *y, double *moments)
    void row_back_f32(ptrdiff_t rows, ptrdiff_t n, const float *x, const float *dy, const float *gamma,
                      const double *moments, double *by_gamma, double *by_beta, float *dx)
    void row_back_f64(ptrdiff_t rows, ptrdiff_t n, const double *x, const double *dy, const double *gamma,
                      const double *moments, double *by_gamma, double *by_beta, double *dx)


def moments(const floating[:, ::1] x, const unsigned char[::1] valid, const floating[::1] shift, double[::1] first,
            double[::1] second):
    """Add the sums of (x - shift) and of its square over rows; `valid` (rows,) may be None."""
    cdef const unsigned char *which = NULL
    if valid is not None:
        which = &valid[0]
    with nogil:
        if floating is float:
            column_moments_f32(x.shape[0], x.shape[1], &x[0, 0], which, &shift[0], &first[0], &second[0])
        else:
            column_moments_f64(x.shape[0], x.shape[1], &x[0, 0], which, &shift[0], &first[0], &second[0])


def normalise(const floating[:, ::1] x, const floating[::1] mean, const floating[::1] scale,
              const floating[::1] beta, floating[:, ::1] y):
    """Fill y = (x - mean) scale + beta."""
    with nogil:
        if floating is float:
            column_normalise_f32(x.shape[0], x.shape[1], &x[0, 0], &mean[0], &scale[0], &beta[0], &y[0, 0])
        else:
            column_normalise_f64(x.shape[0], x.shape[1], &x[0, 0], &mean[0], &scale[0], &beta[0], &y[0, 0])


def products(const floating[:, ::1] x, const floating[:, ::1] dy, const unsigned char[::1] valid,
             const floating[::1] mean, double[::1] first, double[::1] second):
    """Add the sums of dy and of dy (x - mean) over rows; `valid` (rows,) may be None."""
    cdef const unsigned char *which = NULL
    if valid is not None:
        which = &valid[0]
    with nogil:
        if floating is float:
            column_products_f32(x.shape[0], x.shape[1], &x[0, 0], &dy[0, 0], which, &mean[0], &first[0],
                                &second[0])
        else:
            column_products_f64(x.shape[0], x.shape[1], &x[0, 0], &dy[0, 0], which, &mean[0], &first[0],
                                &second[0])


def back(const floating[:, ::1] x, const floating[:, ::1] dy, const unsigned char[::1] valid,
         const floating[::1] mean, const floating[::1] a, const floating[::1] b, const floating[::1] c,
         floating[:, ::1] dx):
    """Fill dx = a dy + b (x - mean) + c, and 0 in rows that do not count."""
    cdef const unsigned char *which = NULL
    if valid is not None:
        which = &valid[0]
    with nogil:
        if floating is float:
            column_back_f32(x.shape[0], x.shape[1], &x[0, 0], &dy[0, 0], which, &mean[0], &a[0], &b[0], &c[0],
                            &dx[0, 0])
        else:
            column_back_f64(x.shape[0], x.shape[1], &x[0, 0], &dy[0, 0], which, &mean[0], &a[0], &b[0], &c[0],
                            &dx[0, 0])


def normalise_rows(const floating[:, ::1] x, double epsilon, const floating[::1] gamma, const floating[::1] beta,
                   floating[:, ::1] y, double[:, ::1] moments):
    """Normalise each row by its own moments, and keep them."""
    with nogil:
        if floating is float:
            row_normalise_f32(x.shape[0], x.shape[1], epsilon, &x[0, 0], &gamma[0], &beta[0], &y[0, 0],
                              &moments[0, 0])
        else:
            row_normalise_f64(x.shape[0], x.shape[1], epsilon, &x[0, 0], &gamma[0], &beta[0], &y[0, 0],
                              &moments[0, 0])


def rows_back(const floating[:, ::1] x, const floating[:, ::1] dy, const floating[::1] gamma,
              const double[:, ::1] moments, double[::1] by_gamma, double[::1] by_beta, floating[:, ::1] dx):
    """Fill dx, and add to the gradients of gamma and beta."""
    with nogil:
        if floating is float:
            row_back_f32(x.shape[0], x.shape[1], &x[0, 0], &dy[0, 0], &gamma[0], &moments[0, 0], &by_gamma[0],
                         &by_beta[0], &dx[0, 0])
        else:
            row_back_f64(x.shape[0], x.shape[1], &x[0, 0], &dy[0, 0], &gamma[0], &moments[0, 0], &by_gamma[0],
                         &by_beta[0], &dx[0, 0])
