# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""All-to-all projections of rates with a delay for each source, and weights that a rule changes by rows.

The sum over the sources is taken in their order, whatever the processor, so the result is the same to the
bit as that of a loop. Rows of the weights are filled up to whole registers.

A plasticity rule may leave a change weight[j, i] += factor[j] * change[j, i], with few different rows of
`change`; it is made when the weights are read at the next tick, in the same pass as the product.
"""

from libc.stdint cimport int64_t
from libc.string cimport memcpy, memset

import numpy as np

from eventsim.states import state_number

from eventsim.rates.dense cimport FROZEN, RateProjection
from eventsim.rates.ticks cimport Continuous

cdef extern from "eventsim/rates/rates.h" nogil:
    void rates_add(int is_float64, void *to, const void *given, ptrdiff_t n)
    void rates_add_scaled(int is_float64, void *to, const void *given, double c, ptrdiff_t n)
    void rates_sweep(int is_float64, void *m, ptrdiff_t rows, ptrdiff_t cols, double c, const void *a, const void *b,
                     const void *x, void *out_f, const void *y, void *out_s, int spread_first)

cdef extern from "eventsim/rates/quantized_product.h" nogil:
    void quantized_product(const double *w, ptrdiff_t rows, ptrdiff_t cols, double step, double limit, const double *x,
                           double *out)

cdef enum:
    LANES = 8


cdef char *memory(array) except? NULL:
    """Return where a C-contiguous, writable array begins."""
    cdef unsigned char[::1] view = array.reshape(-1).view(np.uint8)
    return <char *> &view[0] if view.shape[0] else NULL


cdef class Axonal(RateProjection):
    """Every unit to every unit: weight (n_pre, n_post), delay (n_pre,).

    Parameters
    ----------
    lags : ndarray of int, shape (n_pre,)
        Delay of each source in ticks, at least 1.
    """

    def __init__(self, str name, Continuous pre not None, Continuous post not None, weight, bias=None, lags=None,
                 str variable="rate", **options):
        self.stride = (post.n + LANES - 1) // LANES * LANES
        stored = np.zeros((pre.n, self.stride), np.float64 if pre.is_float64 else np.float32)
        stored[:, :post.n] = weight
        super().__init__(name, pre, post, stored, bias, variable=variable, **options)
        self.given = {"product": self.zeros(self.stride)}
        self.product = memory(self.given["product"])
        self.limit = np.inf
        self.delay_sources(np.maximum(lags, 1), variable)

    def shaped(self, weight):
        """Return weights as (n_pre, n_post)."""
        return weight[:, :self.n_post]

    def stored(self, weight):
        """Return weights as they are stored."""
        stored = np.zeros((self.n_pre, self.stride), self.state["weight"].dtype)
        stored[:, :self.n_post] = weight
        return stored

    def change_by_rows(self, factor, change, first, which, bint no_autapses):
        """Let a rule leave changes weight[j, i] += factor[j] * change[row of j, i] in these arrays.

        Parameters
        ----------
        factor : ndarray, shape (n_pre,)
        change : ndarray, shape (n_rows, stride)
            Zero beyond n_post.
        first : ndarray of int64, shape (n_runs + 1,)
            Where runs of sources with the same row begin and the last one ends.
        which : ndarray of int64, shape (n_runs,)
            That row.
        no_autapses : bool
            Whether weights of a unit to itself stay at 0.
        """
        if self.batch > 1:
            raise ValueError(f"{self.name!r} learns from one sample at a time, so it needs batch=1, not {self.batch}")
        self.given |= {"factor": factor, "change": change, "first": first, "which": which}
        self.factor, self.change = memory(factor), memory(change)
        self.first, self.which = <int64_t *> memory(first), <int64_t *> memory(which)
        self.n_runs, self.no_autapses = len(which), no_autapses

    def quantize(self, double step, double limit):
        """Multiply rates with the nearest multiple of `step` within +-limit; the weights that learn stay as fine as they are.

        0 and inf take this back.
        """
        if not self.is_float64:
            raise ValueError(f"{self.name!r} quantizes its weights in float64 only")
        self.step, self.limit = step, limit

    def snapshot(self):
        """Return the state as a dictionary of arrays and numbers."""
        return RateProjection.snapshot(self) | {"changed": int(self.due)}

    def check_state(self, state, time=None, crossings=None):
        """Return arrays and numbers of a state, or raise ValueError if these synapses cannot have it; nothing changes."""
        return RateProjection.check_state(self, state, time) | {
            "changed": state_number(state, "changed", np.int64, 0, 2, of=self.name)}

    cdef int put_back(self, dict state) except -1:
        RateProjection.put_back(self, state)
        self.due = bool(state["changed"])
        return 0

    # Ticks ----------------------------------------------------------------------------------------

    cdef int gather(self, int64_t k, double time) except -1 nogil:
        cdef bint exact = self.step == 0.0 and self.limit > 1e300
        if not self.due or self.optimiser != FROZEN or not exact:
            return RateProjection.gather(self, k, time)
        memcpy(self.x, self.incoming(k), self.n_pre * self.size)
        memset(self.product, 0, self.stride * self.size)
        self.make_change(True)
        rates_add(self.is_float64, self.target, self.product, self.n_post)
        if self.b != NULL:
            self.add_bias(self.target)
        return 0

    cdef int settle(self) except -1 nogil:
        if self.due:
            self.make_change(False)
        return RateProjection.settle(self)

    cdef int make_change(self, bint multiply) except -1 nogil:
        """Make the change that is due; with `multiply`, take the product with the new weights in the same pass."""
        cdef int64_t run, j, s, row = self.stride * self.size
        cdef char *b
        for run in range(self.n_runs):
            b = self.change + self.which[run] * row
            s = self.first[run]
            if self.no_autapses:  # what is added to weight[j, j] is taken away before: the sum is 0 exactly
                for j in range(s, self.first[run + 1]):
                    if self.is_float64:
                        (<double *> self.w)[j * self.stride + j] = -((<double *> self.factor)[j] * (<double *> b)[j])
                    else:
                        (<float *> self.w)[j * self.stride + j] = -((<float *> self.factor)[j] * (<float *> b)[j])
            rates_sweep(self.is_float64, self.w + s * row, self.first[run + 1] - s, self.stride, 1.0,
                        self.factor + s * self.size, b, self.x + s * self.size if multiply else NULL, self.product, NULL,
                        NULL, False)
        self.due = False
        return 0

    cdef int forward(self, char *x, char *out) except -1 nogil:
        cdef int64_t b
        for b in range(self.batch):
            memset(self.product, 0, self.stride * self.size)
            if self.step != 0.0 or self.limit < 1e300:
                quantized_product(<double *> self.w, self.n_pre, self.stride, self.step, self.limit,
                                  <double *> x + b * self.n_pre, <double *> self.product)
            else:
                rates_sweep(self.is_float64, self.w, self.n_pre, self.stride, 0.0, NULL, NULL,
                            x + b * self.n_pre * self.size, self.product, NULL, NULL, False)
            rates_add(self.is_float64, out + b * self.n_post * self.size, self.product, self.n_post)
        return 0

    cdef int backward(self, char *e, char *out) except -1 nogil:
        cdef int64_t b, j, i
        for b in range(self.batch):
            for j in range(self.n_pre):
                for i in range(self.n_post):
                    if self.is_float64:
                        (<double *> out)[b * self.n_pre + j] += (
                            (<double *> self.w)[j * self.stride + i] * (<double *> e)[b * self.n_post + i])
                    else:
                        (<float *> out)[b * self.n_pre + j] += (
                            (<float *> self.w)[j * self.stride + i] * (<float *> e)[b * self.n_post + i])
        return 0

    cdef int correlate(self, char *to, double c, char *x, char *e) except -1 nogil:
        cdef int64_t b, j
        cdef double factor
        for b in range(self.batch):
            for j in range(self.n_pre):
                factor = (<double *> x)[b * self.n_pre + j] if self.is_float64 else (<float *> x)[b * self.n_pre + j]
                rates_add_scaled(self.is_float64, to + j * self.stride * self.size, e + b * self.n_post * self.size,
                                 c * factor, self.n_post)
        return 0
