"""Projections of rates between continuous populations."""

from libc.stdint cimport int32_t, int64_t

from eventsim.engine.engine cimport Engine, Event
from eventsim.rates.ticks cimport Continuous, History, TickPart


cdef enum Optimiser:
    FROZEN = 0
    SGD = 1
    MOMENTUM = 2
    ADAM = 3


cdef class RateProjection(TickPart):
    cdef readonly Continuous pre, post
    cdef readonly bint is_float64
    cdef readonly int batch
    cdef readonly double dt
    cdef readonly dict state                # name -> array: weight, bias, x, and what learning remembers
    cdef int64_t n_pre, n_post, n_weights, n_bias, size     # size of a number in bytes
    cdef int64_t ticks                      # delay, at least 1
    cdef double follow_x, follow_e          # share of the way that filters go in a tick; 1 without
    cdef char *w
    cdef char *b                            # NULL without bias
    cdef char *source                       # a variable of `pre` other than its rate, or NULL
    cdef readonly History history           # of that variable, if it travels; else None
    cdef int32_t *source_lag                # ticks of each source, or NULL for `ticks`
    cdef readonly object source_lags        # (n_pre,) int32 behind it, or None
    cdef char *delayed                      # (batch, n_pre) what arrives with these delays
    cdef readonly bint by_events            # whether the engine's queue brings it, event by event
    cdef char *error                        # variable of `post`, or NULL
    cdef char *target                       # receptor of `post`
    cdef char *back                         # receptor of `pre` for errors, or NULL
    cdef char *x                            # (batch, n_pre) what the last product was taken of
    cdef char *sent                         # (batch, n_post) the filtered error, or NULL
    # Learning: weight += dt * learning_rate * <x^T error_signal> (mean over the batch), both as of one tick.
    cdef Optimiser optimiser
    cdef readonly double learning_rate
    cdef double bias_factor, decay, momentum, beta1, beta2, epsilon
    cdef int64_t steps                      # of the optimiser
    cdef double pending_update                         # dt * learning_rate of the last tick, whose change is still to be made
    cdef char *error_signal                       # variable of `post`
    cdef char *source_signal                   # variable of `pre` instead of x, or NULL
    cdef char *gradient
    cdef char *first
    cdef char *second

    cdef int put_back(self, dict state) except -1
    cdef char *incoming(self, int64_t k) noexcept nogil
    cdef void collect_delayed(self, int64_t k) noexcept nogil
    cdef char *outgoing(self) noexcept nogil
    cdef int send_errors(self) except -1 nogil
    cdef int settle(self) except -1 nogil
    cdef int send_rates(self, int64_t k) except -1 nogil
    cdef int settle_bias(self) except -1 nogil
    cdef void improve(self, char *p, int64_t at, int64_t n, double factor) noexcept nogil
    # out (batch, n_post) += x W ; out (batch, n_pre) += e W^T ; to (as W) += c * sum over the batch of x^T e
    cdef int forward(self, char *x, char *out) except -1 nogil
    cdef int backward(self, char *e, char *out) except -1 nogil
    cdef int correlate(self, char *to, double c, char *x, char *e) except -1 nogil
    # to (as the bias) += c * sum over the batch of e ; out (batch, n_post) += bias
    cdef int sum_errors(self, char *to, double c, char *e) except -1 nogil
    cdef int add_bias(self, char *out) except -1 nogil


cdef class Dense(RateProjection):
    cdef bint by_pre                        # rows of the stored matrix are sources, else targets
    cdef int64_t rows, cols
    cdef bint known                         # whether `product` is that of x and the present weights
    cdef int64_t constant_ticks                       # ticks since x changed
    cdef char *product                      # (batch, n_post) x W as of now
    cdef char *unlearnt                     # (batch, n_post) sum of c * error_signal of the held ticks
    cdef char *overlap                      # (batch, batch) x x^T
    cdef char *used                         # weights that products take: those that learn, or quantized ones
    cdef object coarse, gain                # memory of quantized weights, and their factors, or None
    cdef char *gains
    cdef double step, limit
    cdef bint stale                         # whether fine weights have changed since they were quantized
    cdef int gather_kept(self, int64_t k) except -1 nogil
    cdef int round_weights(self) except -1 nogil
    cdef int spread(self, char *given, char *out) except -1 nogil
    cdef int collect(self, char *given, char *out) except -1 nogil
