"""Populations of prospective neurons; see _latent_equilibrium.pyx."""

from libc.stdint cimport int64_t

from eventsim.engine cimport Engine
from eventsim.rates.ticks cimport Continuous, InputSignal


cdef extern from "eventsim/models/prospective/_latent_equilibrium.h" nogil:
    ctypedef struct le_parameters:
        const void *tau_mem
        const void *tau_r
        const void *per_mem
        const void *per_r
        ptrdiff_t block

    ctypedef struct le_state:
        const void *current
        const void *back
        void *u
        void *v
        void *prospective
        void *error
        void *slope
        void *du
        const void *nudge
        ptrdiff_t total

    ctypedef struct le_tau:
        int kind
        double rate, least, beta1, beta2, epsilon, correct1, correct2
        double *tau_mem
        double *first
        double *second


cdef class ProspectivePopulation(Continuous):
    cdef le_parameters parameters
    cdef le_state at
    cdef readonly dict repeated             # arrays behind `parameters`
    cdef readonly object tau_mem, tau_r     # (n,) float64
    cdef int activation, errors
    cdef double gamma
    cdef readonly InputSignal target
    cdef int target_kind
    cdef double beta
    cdef char *nudge
    # Noise on the rate
    cdef double noise
    cdef unsigned long long noise_key
    # Learning of tau_mem
    cdef le_tau rule
    cdef double tau_learning_rate
    cdef long long tau_steps
