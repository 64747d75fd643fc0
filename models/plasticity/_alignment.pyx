# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# distutils: extra_compile_args = -O3
"""Signals of phaseless alignment in networks of any continuous populations: noise, high-passed rates, decay.

Noise enters the receptor of a population at every tick, after all projections. What a population's rate gains in
a tick, less what the high-pass forgets, is kept as the variable "high_passed". Both are variables of their
populations, so that the projection that learns reads them at its next tick as it does any others.
"""

from libc.math cimport fabs
from libc.stdint cimport int64_t, uint64_t

import numpy as np

from eventsim.engine cimport Engine
from eventsim.kernels.draws cimport eventsim_normals, uniform_at
from eventsim.rates.dense cimport Dense
from eventsim.rates.ticks cimport Continuous, TickPart

from eventsim.rng import unit_keys

ctypedef fused real:
    double
    float

REGULARISERS = {"decay": 0, "gated": 1, "slopes": 2}


cdef void add_noise(real *noise, real *receptor, const double *z, const double *sigma, const real *by, double keep,
                    double gain, int64_t n, int64_t batch) noexcept nogil:
    """Let the noise advance by normal numbers z (NULL to keep it), and add it to a receptor, (batch, n)."""
    cdef int64_t sample, k, i
    cdef double size
    for sample in range(batch):
        for k in range(n):
            i = sample * n + k
            if z != NULL:
                size = sigma[k] if by == NULL else sigma[k] * fabs(by[i])
                noise[i] = <real> (keep * noise[i] + gain * size * z[i])
            receptor[i] += noise[i]


cdef void pass_high(real *passed, real *before, const real *rate, double share, int64_t n) noexcept nogil:
    """Add to the high-passed rate what the rate has gained, less a share of itself."""
    cdef int64_t k
    for k in range(n):
        passed[k] = <real> (passed[k] + ((<double> rate[k] - before[k]) - share * passed[k]))
        before[k] = rate[k]


cdef void let_decay(real *w, const real *above, const real *below, double c, int kind, int64_t n_pre, int64_t n_post,
                    int64_t batch, bint by_pre) noexcept nogil:
    """Take c of each weight, times the mean over the batch of what the regulariser asks of its two cells."""
    cdef int64_t i, j, sample
    cdef double factor, source
    cdef real *weight
    for i in range(n_pre):
        for j in range(n_post):
            factor = 0.0
            for sample in range(batch):
                source = above[sample * n_pre + i]
                if kind == 1:
                    factor += 1.0 if source > 0.0 else 0.0
                else:
                    factor += source * below[sample * n_post + j]
            weight = w + (i * n_post + j if by_pre else j * n_pre + i)
            weight[0] = <real> (weight[0] - c * (factor / batch) * weight[0])


cdef class AlignmentNoise(TickPart):
    """Noise of a population: its variable "noise", added to a receptor at every tick.

    Parameters
    ----------
    population : Continuous
    noise : OrnsteinUhlenbeck
    receptor : str
    """

    cdef readonly Continuous population
    cdef readonly object noise
    cdef char *values
    cdef char *receptor
    cdef char *by
    cdef object kept
    cdef double[::1] z, sigma
    cdef uint64_t[::1] key
    cdef double keep, gain
    cdef int64_t hold

    def __init__(self, Continuous population not None, noise, str receptor):
        self.name = f"{population.name} noise"
        self.population, self.noise = population, noise
        self.keep, self.gain, self.hold = noise.steps(population.dt)
        shape, dtype = (population.batch, population.n), np.float64 if population.is_float64 else np.float32
        population.arrays["noise"] = population.state["noise"] = np.zeros(shape, dtype)
        self.values = memory(population.arrays["noise"])
        self.receptor = memory(population.receptors[receptor])
        if noise.amplitude != "constant":
            self.by = memory(population.arrays[noise.amplitude])
        self.z = np.zeros(population.batch * population.n)
        self.sigma = np.array(np.broadcast_to(noise.sigma, population.n), float)
        self.key = unit_keys(population.run_seed, population.n, "alignment noise", population.name)

    cdef int gather(self, int64_t k, double time) except -1 nogil:
        cdef int64_t n = self.population.n, batch = self.population.batch, sample, unit
        cdef double *z = NULL
        if self.hold == 0 or k % self.hold == 0:
            z = &self.z[0]
            for sample in range(batch):
                for unit in range(n):
                    z[sample * n + unit] = uniform_at(self.key[unit], k * batch + sample)
            eventsim_normals(z, batch * n)
        if self.population.is_float64:
            add_noise[double](<double *> self.values, <double *> self.receptor, z, &self.sigma[0], <double *> self.by,
                              self.keep, self.gain, n, batch)
        else:
            add_noise[float](<float *> self.values, <float *> self.receptor, z, &self.sigma[0], <float *> self.by,
                             self.keep, self.gain, n, batch)
        return 0


cdef class HighPass(TickPart):
    """The high-passed rate of a population: its variable "high_passed".

    Parameters
    ----------
    population : Continuous
    tau : float
    """

    cdef readonly Continuous population
    cdef readonly double tau
    cdef char *passed
    cdef char *before

    def __init__(self, Continuous population not None, double tau):
        self.name = f"{population.name} high-pass"
        self.population, self.tau = population, tau
        rate = population.arrays["rate"]
        population.arrays["high_passed"] = population.state["high_passed"] = np.zeros_like(rate)
        population.state["rate_before"] = rate.copy()
        self.passed, self.before = memory(population.arrays["high_passed"]), memory(population.state["rate_before"])

    cdef int learn(self, Engine engine, int64_t k, double time) except -1 nogil:
        cdef double share = self.population.dt / self.tau
        if self.population.is_float64:
            pass_high[double](<double *> self.passed, <double *> self.before, <double *> self.population.rate, share,
                              self.population.total)
        else:
            pass_high[float](<float *> self.passed, <float *> self.before, <float *> self.population.rate, share,
                             self.population.total)
        return 0


cdef class AlignmentDecay(TickPart):
    """The decay of feedback weights that depends on their cells: gated, or by the slopes of both.

    Parameters
    ----------
    feedback : Dense
        From the layer above; learns with the learning rate that the decay is relative to.
    decay : float
    regulariser : {"gated", "slopes"}
    """

    cdef Dense feedback
    cdef double decay
    cdef int kind
    cdef char *above
    cdef char *below

    def __init__(self, Dense feedback not None, double decay, str regulariser):
        self.name = f"{feedback.name} decay"
        self.feedback, self.decay, self.kind = feedback, decay, REGULARISERS[regulariser]
        if regulariser == "gated":
            self.above = memory(feedback.pre.arrays["high_passed"])
        else:
            self.above, self.below = memory(feedback.pre.state["slope"]), memory(feedback.post.state["slope"])

    cdef int learn(self, Engine engine, int64_t k, double time) except -1 nogil:
        cdef double c = self.feedback.dt * self.feedback.learning_rate * self.decay
        cdef int64_t n_pre = self.feedback.n_pre, n_post = self.feedback.n_post
        if self.feedback.is_float64:
            let_decay[double](<double *> self.feedback.w, <double *> self.above, <double *> self.below, c, self.kind,
                              n_pre, n_post, self.feedback.batch, self.feedback.by_pre)
        else:
            let_decay[float](<float *> self.feedback.w, <float *> self.above, <float *> self.below, c, self.kind,
                             n_pre, n_post, self.feedback.batch, self.feedback.by_pre)
        self.feedback.stale = True
        return 0


cdef char *memory(array) except? NULL:
    """Return where a C-contiguous, writable array begins."""
    cdef unsigned char[::1] view = array.reshape(-1).view(np.uint8)
    return <char *> &view[0] if view.shape[0] else NULL
