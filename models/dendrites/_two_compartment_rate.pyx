# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Populations of rate neurons with a dendrite, one step per tick; see two_compartment_rate.py."""

from libc.stdint cimport int64_t

import numpy as np

from eventsim.engine cimport Engine
from eventsim.rates.ticks cimport Continuous, InputSignal

from eventsim.errors import ConfigError

cdef extern from "eventsim/models/dendrites/_two_compartment_rate.h" nogil:
    ctypedef struct two_compartment_parameters:
        const double *g_leak
        const double *g_dendrite
        const double *e_leak
        const double *per_total
        const double *floor
        double e_excitation, e_inhibition, slope, threshold

    ctypedef struct two_compartment_state:
        const double *dendrite
        const double *excitation
        const double *inhibition
        double *u
        double *v
        double *rate
        double *supply
        double *error
        ptrdiff_t n, batch

    void two_compartment_teach(const two_compartment_parameters *p, double *excitation, double *inhibition,
                               const double *strength, const double *target, ptrdiff_t n)
    int two_compartment_step(const two_compartment_parameters *p, const two_compartment_state *s, double dt,
                             const double *hold, const double *target, double limit)

cdef double LIMIT_SQUARED = 1e16  # of u^2 + v^2, mV^2


cdef double *doubles(array) except? NULL:
    """Return where a C-contiguous array of float64 begins."""
    cdef double[::1] view = array.reshape(-1)
    return &view[0] if view.shape[0] else NULL


cdef class TwoCompartmentPopulation(Continuous):
    """`n` neurons; `parameters` maps g_leak, g_dendrite, e_leak and taught to one number or shape (n,)."""

    cdef two_compartment_parameters parameters
    cdef two_compartment_state at
    cdef readonly dict given                # arrays behind `parameters`
    cdef readonly InputSignal target
    cdef object strength                    # (n,) of the teacher's conductances
    cdef double *teach
    cdef double *hold

    def __init__(self, context, parameters, *, double e_excitation, double e_inhibition, double slope, double threshold):
        shape = (context.batch, context.n)
        self.given = {name: np.array(np.broadcast_to(given, context.n), float, order="C")
                      for name, given in parameters.items()}
        e_leak = self.given["e_leak"]
        self.given["per_total"] = 1.0 / (self.given["g_leak"] + self.given["g_dendrite"])
        self.given["floor"] = 1.0 / (1.0 + np.exp(slope * (threshold - e_leak)))
        u = np.array(np.broadcast_to(e_leak, shape))
        rate = np.array(np.broadcast_to(self.given["floor"], shape))
        arrays = {"u": u, "v": u.copy(), "rate": rate, "supply": rate.copy(), "dendritic_error": np.zeros(shape)}
        super().__init__(context, ("dendrite", "excitation", "inhibition"), arrays)
        self.parameters.g_leak, self.parameters.g_dendrite = doubles(self.given["g_leak"]), doubles(self.given["g_dendrite"])
        self.parameters.e_leak, self.parameters.floor = doubles(e_leak), doubles(self.given["floor"])
        self.parameters.per_total = doubles(self.given["per_total"])
        self.parameters.e_excitation, self.parameters.e_inhibition = e_excitation, e_inhibition
        self.parameters.slope, self.parameters.threshold = slope, threshold
        self.at.dendrite = doubles(self.receptors["dendrite"])
        self.at.excitation, self.at.inhibition = doubles(self.receptors["excitation"]), doubles(self.receptors["inhibition"])
        self.at.u, self.at.v, self.at.rate = doubles(u), doubles(arrays["v"]), doubles(rate)
        self.at.supply, self.at.error = doubles(arrays["supply"]), doubles(arrays["dendritic_error"])
        self.at.n, self.at.batch = context.n, context.batch
        self.strength = np.zeros(context.n)
        self.teach = doubles(self.strength)

    def nudge_to(self, InputSignal target, double beta, str kind="voltage"):
        """Pull the taught units towards a potential with strength beta = lambda from the next tick on; 1 sets them.

        None ends it.
        """
        if target is not None and kind != "voltage":
            raise ConfigError(f"{self.name!r} is taught a potential; write kind='voltage', not {kind!r}")
        if target is not None and beta > 1.0:
            raise ConfigError(f"beta of {self.name!r} must be at most 1, where the soma is set, got {beta!r}")
        total = float((self.given["g_leak"] + self.given["g_dendrite"]).max(initial=0.0))
        if target is not None and beta < 1.0 and self.dt * total > 2.0 * (1.0 - beta):
            raise ConfigError(
                f"beta = {beta:g} gives {self.name!r} a conductance of {total / (1.0 - beta):.3g} per unit of time, for "
                f"which dt = {self.dt:g} is unstable; explicit steps need dt <= {2.0 * (1.0 - beta) / total:.3g}")
        self.target = target
        self.hold = NULL
        self.strength[:] = 0.0
        if target is not None and beta == 1.0:
            self.hold = doubles(self.given["taught"])
        elif target is not None:
            self.strength[:] = (beta / (1.0 - beta) * (self.given["g_leak"] + self.given["g_dendrite"])
                                / (self.parameters.e_excitation - self.parameters.e_inhibition))
            self.strength[self.given["taught"] == 0] = 0.0

    cdef int step(self, Engine engine, int64_t k, double time) except -1 nogil:
        cdef bint changed
        cdef double *target = NULL
        cdef int64_t b
        if self.target is not None:
            target = <double *> self.target.at(k, time, &changed)
            if self.hold == NULL:
                for b in range(self.batch):
                    two_compartment_teach(&self.parameters, <double *> self.receptor[1] + b * self.n,
                                          <double *> self.receptor[2] + b * self.n, self.teach, target + b * self.n, self.n)
        if two_compartment_step(&self.parameters, &self.at, self.dt, self.hold, target, LIMIT_SQUARED):
            with gil:
                self.fail(time)
        return 0

    def fail(self, double time):
        """Say which unit left the range of sensible potentials, and whether its conductances are why."""
        away = self.arrays["u"] ** 2 + self.arrays["v"] ** 2
        sample, unit = np.argwhere(~(away < LIMIT_SQUARED))[0]
        total = self.given["g_leak"] + self.given["g_dendrite"] + self.receptors["excitation"] + self.receptors["inhibition"]
        largest = float(total[sample, unit])
        why = "smaller weights help"
        if self.dt * largest > 2.0:
            why = (f"its somatic conductance is {largest:.3g} per unit of time, from more active inputs than explicit steps "
                   f"of dt = {self.dt:g} stand: they need dt <= {2.0 / largest:.2g}")
        raise FloatingPointError(
            f"{self.name!r} grows without bound: the potential of unit {unit} has left +-1e+08 mV at time {time:g}; {why}")
