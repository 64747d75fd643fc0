# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Rates through listed synapses, each with a weight, and a delay of its own if wanted."""

from libc.stdint cimport int32_t, int64_t

import numpy as np

from eventsim.states import LATEST, state_number

from eventsim.rates.dense cimport RateProjection
from eventsim.rates.ticks cimport Continuous

ctypedef fused real:
    double
    float


cdef void listed(int64_t n, const int32_t *read, const int32_t *write, const real *w, const real *x, real *out) noexcept nogil:
    """out[write] += w x[read], synapse by synapse."""
    cdef int64_t k
    for k in range(n):
        out[write[k]] += w[k] * x[read[k]]


cdef void pairs(int64_t n, const int32_t *pre, const int32_t *post, real c, const real *x, const real *e,
                real *to) noexcept nogil:
    """to += c x[pre] e[post], synapse by synapse."""
    cdef int64_t k
    for k in range(n):
        to[k] += c * (x[pre[k]] * e[post[k]])


cdef class Sparse(RateProjection):
    """Listed synapses.

    Parameters
    ----------
    pre_units, post_units : ndarray, shape (n_syn,)
    weight : ndarray, shape (n_syn,)
    lags : ndarray of int, shape (n_syn,), optional
        Delay of each synapse in ticks, instead of one for all.
    axonal : bool
        Whether all synapses of a source have the same delay.
    """

    def __init__(self, str name, Continuous pre not None, Continuous post not None, pre_units, post_units, weight,
                 bias=None, lags=None, bint axonal=False, str variable="rate", **options):
        cdef int32_t[::1] view
        order = np.lexsort((pre_units, post_units))
        self.pre_units = np.ascontiguousarray(pre_units[order], np.int32)
        self.post_units = np.ascontiguousarray(post_units[order], np.int32)
        weight = np.array(weight[order], np.float64 if pre.is_float64 else np.float32)
        super().__init__(name, pre, post, weight, bias, variable=variable, **options)
        if len(weight):
            view = self.pre_units
            self.source_of = &view[0]
            view = self.post_units
            self.target_of = &view[0]
        if lags is not None and len(weight):
            self.state["lags"] = np.maximum(np.ascontiguousarray(lags[order], np.int32), 1)
            view = self.state["lags"]
            self.lag = &view[0]
            if variable == "rate":
                pre.remember(int(self.state["lags"].max()) + 1)  # one more, for the change that is made a tick later
            if axonal:
                self.delay_sources(self.lags_of_sources(), variable)

    def lags_of_sources(self):
        """Return the delay of each source in ticks, if all its synapses have the same one; 1 without synapses."""
        lags = np.ones(self.n_pre, np.int32)
        lags[self.pre_units] = self.state["lags"]
        return lags

    def shaped(self, weight):
        """Return weights as a sparse array (n_pre, n_post)."""
        from scipy.sparse import coo_array

        return coo_array((weight.copy(), (self.pre_units, self.post_units)), shape=(self.pre.n, self.post.n))

    def stored(self, weight):
        """Return the weights of the synapses out of a matrix (n_pre, n_post)."""
        matrix = weight.toarray() if hasattr(weight, "toarray") else np.asarray(weight)
        return matrix[self.pre_units, self.post_units]

    def snapshot(self):
        """Return the state as a dictionary of arrays and numbers."""
        return RateProjection.snapshot(self) | {"tick": self.tick}

    def check_state(self, state, time=None, crossings=None):
        """Return arrays and numbers of a state, or raise ValueError if these synapses cannot have it; nothing changes."""
        found = RateProjection.check_state(self, state, time)
        tick = state_number(state, "tick", np.int64, 0, LATEST, of=self.name)
        if time is not None and not tick * self.dt <= time <= (tick + 1) * self.dt:
            raise ValueError(f"'tick' in the state of {self.name} is {tick}, but the clock is at {time!r}")
        return found | {"tick": tick}

    cdef int put_back(self, dict state) except -1:
        RateProjection.put_back(self, state)
        self.tick = state["tick"]
        if self.source_lags is not None:
            self.source_lags[...] = self.lags_of_sources()
        return 0

    cdef int gather(self, int64_t k, double time) except -1 nogil:
        self.send_errors()
        self.settle()  # with the delayed rates of the last tick
        self.tick = k
        return self.send_rates(k)

    cdef char *at(self, int64_t k, int64_t synapse) noexcept nogil:
        """Return the rates that a synapse with a delay of its own sees."""
        cdef int64_t slot = (k - self.lag[synapse] + self.pre.depth) % self.pre.depth
        return self.pre.rates + slot * self.pre.total * self.size

    cdef int forward(self, char *x, char *out) except -1 nogil:
        cdef int64_t b, k, p
        for b in range(self.batch):
            if self.lag != NULL and self.source_lag == NULL:
                for k in range(self.n_weights):
                    p = b * self.n_pre + self.source_of[k]
                    if self.is_float64:
                        (<double *> out)[b * self.n_post + self.target_of[k]] += (
                            (<double *> self.w)[k] * (<double *> self.at(self.tick, k))[p])
                    else:
                        (<float *> out)[b * self.n_post + self.target_of[k]] += (
                            (<float *> self.w)[k] * (<float *> self.at(self.tick, k))[p])
            elif self.is_float64:
                listed(self.n_weights, self.source_of, self.target_of, <double *> self.w,
                       <double *> x + b * self.n_pre, <double *> out + b * self.n_post)
            else:
                listed(self.n_weights, self.source_of, self.target_of, <float *> self.w,
                       <float *> x + b * self.n_pre, <float *> out + b * self.n_post)
        return 0

    cdef int backward(self, char *e, char *out) except -1 nogil:
        cdef int64_t b
        for b in range(self.batch):
            if self.is_float64:
                listed(self.n_weights, self.target_of, self.source_of, <double *> self.w,
                       <double *> e + b * self.n_post, <double *> out + b * self.n_pre)
            else:
                listed(self.n_weights, self.target_of, self.source_of, <float *> self.w,
                       <float *> e + b * self.n_post, <float *> out + b * self.n_pre)
        return 0

    cdef int correlate(self, char *to, double c, char *x, char *e) except -1 nogil:
        cdef int64_t b, k, p, q
        for b in range(self.batch):
            if self.lag != NULL and self.source_lag == NULL and x == self.x:
                for k in range(self.n_weights):
                    p = b * self.n_pre + self.source_of[k]
                    q = b * self.n_post + self.target_of[k]
                    if self.is_float64:
                        (<double *> to)[k] += c * ((<double *> self.at(self.tick, k))[p] * (<double *> e)[q])
                    else:
                        (<float *> to)[k] += <float> c * ((<float *> self.at(self.tick, k))[p] * (<float *> e)[q])
            elif self.is_float64:
                pairs(self.n_weights, self.source_of, self.target_of, c,
                      <double *> x + b * self.n_pre, <double *> e + b * self.n_post, <double *> to)
            else:
                pairs(self.n_weights, self.source_of, self.target_of, <float> c,
                      <float *> x + b * self.n_pre, <float *> e + b * self.n_post, <float *> to)
        return 0
