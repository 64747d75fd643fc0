"""Products of matrices, compiled once for all modules that cimport them; see products.h."""

cdef extern from "eventsim/kernels/products.h" nogil:
    void multiply "products_multiply"(int is_float64, ptrdiff_t n, ptrdiff_t cols, ptrdiff_t depth, double alpha,
                                      const void *p, ptrdiff_t pi, ptrdiff_t pk, const void *q, void *c)
    void dots "products_dots"(int is_float64, ptrdiff_t n, ptrdiff_t rows, ptrdiff_t cols, const void *a,
                              const void *m, void *c)


cdef void products_multiply(int is_float64, ptrdiff_t n, ptrdiff_t cols, ptrdiff_t depth, double alpha, const void *p,
                            ptrdiff_t pi, ptrdiff_t pk, const void *q, void *c) noexcept nogil:
    """c (n, cols) += alpha p q, p (n, depth) read as p[i pi + k pk], q (depth, cols) row by row."""
    multiply(is_float64, n, cols, depth, alpha, p, pi, pk, q, c)


cdef void products_dots(int is_float64, ptrdiff_t n, ptrdiff_t rows, ptrdiff_t cols, const void *a, const void *m,
                        void *c) noexcept nogil:
    """c (n, rows) += a m^T, a (n, cols), m (rows, cols)."""
    dots(is_float64, n, rows, cols, a, m, c)
