cdef void products_multiply(int is_float64, ptrdiff_t n, ptrdiff_t cols, ptrdiff_t depth, double alpha, const void *p,
                            ptrdiff_t pi, ptrdiff_t pk, const void *q, void *c) noexcept nogil
cdef void products_dots(int is_float64, ptrdiff_t n, ptrdiff_t rows, ptrdiff_t cols, const void *a, const void *m,
                        void *c) noexcept nogil
