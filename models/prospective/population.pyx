# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Populations of neurons with prospective rates and errors, one step per tick.

One tick, with all values on the right from the tick before:

    inst = phi' * back (+ nudge)            errors from above, on arrival
    dv = (inst - v) / tau_r; e = v + tau_mem dv; v += dt dv       dynamic errors, or e = inst
    du = (current + gamma e - u) / tau_mem
    ub = u + tau_r du                       of the u before the step
    u += dt du; r = phi(ub); phi' = phi'(ub)
    nudge = beta phi' (target - r)          for the next tick
"""

from libc.math cimport pow
from libc.stdint cimport int64_t

import numpy as np

from eventsim.engine cimport Engine
from eventsim.rates.ticks cimport Continuous, InputSignal

from eventsim.renamed import with_current_names
from eventsim.states import FINITE, LATEST, state_group, state_number

cdef extern from "eventsim/kernels/activations.h" nogil:
    void activate(int is_float64, int kind, const void *x, void *rate, void *slope, ptrdiff_t n)

cdef extern from "eventsim/models/prospective/_latent_equilibrium.h" nogil:
    enum:
        ERRORS_DYNAMIC
    int le_step(int is_float64, const le_parameters *p, const le_state *s, int errors, double gamma, double dt, double limit)
    void le_nudge(int is_float64, int kind, double beta, const void *target, const void *rate, const void *prospective,
                  const void *slope, void *out, ptrdiff_t n, ptrdiff_t batch)
    void le_noise(int is_float64, unsigned long long key, unsigned long long tick, double sigma, void *rate, ptrdiff_t n)
    void le_tau_learn(int is_float64, const le_parameters *p, const le_state *s, const le_tau *rule, ptrdiff_t n)

ACTIVATIONS = {"linear": 0, "tanh": 1, "logistic": 2, "hard_sigmoid": 3, "softplus": 4, "relu": 5}
ERRORS = {"instant": 0, "prospective": 1, "dynamic": 2}
TARGETS = {"rate": 0, "voltage": 1, "cross_entropy": 2}
TAU_RULES = {"match": 1, "error": 2}

cdef enum:
    BLOCK = 256  # values in a loop, at least, however small the population


cdef char *memory(array) except? NULL:
    """Return where a C-contiguous, writable array begins."""
    cdef unsigned char[::1] view = array.reshape(-1).view(np.uint8)
    return <char *> &view[0] if view.shape[0] else NULL


def activated(str activation, x):
    """Return (phi(x), phi'(x)) in the dtype of `x`, float32 or float64."""
    x = np.ascontiguousarray(x)
    rate, slope = np.empty_like(x), np.empty_like(x)
    if x.size:
        activate(x.dtype == np.float64, ACTIVATIONS[activation], memory(x), memory(rate), memory(slope), x.size)
    return rate, slope


cdef class ProspectivePopulation(Continuous):
    """`n` neurons with the parameters of `LatentEquilibrium`, each a number or an array of shape (n,)."""

    def __init__(self, context, parameters, *, str activation, str errors, double gamma, double tau_spike,
                 double noise=0.0, unsigned long long noise_key=0):
        shape, dtype = (context.batch, context.n), np.dtype(context.dtype)
        rate, slope = activated(activation, np.zeros(shape, dtype))
        arrays = {name: np.zeros(shape, dtype) for name in ("u", "prospective", "error")}
        hidden = {"slope": slope, "du": np.zeros(shape, dtype), "v": np.zeros(shape, dtype),
                  "nudge": np.zeros(shape, dtype),
                  "tau_mem": np.array(np.broadcast_to(parameters["tau_mem"], context.n), float)}
        super().__init__(context, ("input", "error"), {"u": arrays.pop("u"), "rate": rate, **arrays},
                         tau_spike, hidden)
        self.activation, self.errors, self.gamma = ACTIVATIONS[activation], ERRORS[errors], gamma
        self.noise, self.noise_key = noise, noise_key
        self.tau_mem = hidden["tau_mem"]
        self.tau_r = np.array(np.broadcast_to(parameters["tau_r"], context.n), float)
        times = max(1, min(context.batch, -(-BLOCK // max(context.n, 1))))
        self.repeated = {name: np.empty((times, context.n), dtype) for name in ("tau_mem", "tau_r", "per_mem", "per_r")}
        self.repeat()
        self.parameters.tau_mem = memory(self.repeated["tau_mem"])
        self.parameters.tau_r = memory(self.repeated["tau_r"])
        self.parameters.per_mem = memory(self.repeated["per_mem"])
        self.parameters.per_r = memory(self.repeated["per_r"])
        self.parameters.block = times * context.n
        self.at.current, self.at.back = memory(self.receptors["input"]), memory(self.receptors["error"])
        self.at.u, self.at.v = memory(self.arrays["u"]), memory(hidden["v"])
        self.at.prospective, self.at.error = memory(self.arrays["prospective"]), memory(self.arrays["error"])
        self.at.slope, self.at.du = memory(slope), memory(hidden["du"])
        self.at.nudge = NULL
        self.at.total = self.total
        self.nudge = memory(hidden["nudge"])
        cdef double[::1] tau = self.tau_mem
        self.rule.tau_mem = &tau[0]

    def repeat(self):
        """Lay the time constants out as the loop reads them."""
        for name, values in (("tau_mem", self.tau_mem), ("tau_r", self.tau_r)):
            self.repeated[name][:] = values
            with np.errstate(divide="ignore"):
                self.repeated["per_" + name[4:]][:] = 1 / values

    # From outside ---------------------------------------------------------------------------------

    def nudge_to(self, InputSignal target, double beta, str kind="rate"):
        """Pull the units towards `target` with strength beta from the next tick on; None ends it."""
        self.target, self.beta, self.target_kind = target, beta, TARGETS[kind]
        if target is None:
            self.at.nudge = NULL

    def learn_time_constants(self, str rule, double learning_rate, double least, str optimiser="sgd"):
        """Let tau_mem follow tau_r ("match") or the error ("error") with rate learning_rate, not below `least`."""
        cdef double[::1] moments
        self.rule.kind, self.tau_learning_rate, self.rule.least = TAU_RULES[rule], learning_rate, least
        if optimiser == "adam":
            self.state["tau_moments"] = np.zeros(2 * self.n)
            moments = self.state["tau_moments"]
            self.rule.first, self.rule.second = &moments[0], &moments[self.n]
            self.rule.beta1, self.rule.beta2, self.rule.epsilon = 0.9, 0.999, 1e-8

    def set_learning_rate(self, double learning_rate):
        """Change the learning rate of the time constants; 0 stops learning."""
        self.tau_learning_rate = learning_rate

    def set_time_constants(self, tau_mem):
        """Replace tau_mem, shape () or (n,)."""
        self.tau_mem[:] = tau_mem
        self.repeat()

    # Ticks ----------------------------------------------------------------------------------------

    cdef int step(self, Engine engine, int64_t k, double time) except -1 nogil:
        cdef bint changed
        cdef void *row
        if le_step(self.is_float64, &self.parameters, &self.at, self.errors, self.gamma, self.dt, self.limit):
            with gil:
                self.fail(time)
        if self.rule.kind and self.tau_learning_rate != 0.0:
            self.tau_steps += 1
            self.rule.rate = self.dt * self.tau_learning_rate
            self.rule.correct1 = 1.0 - pow(self.rule.beta1, self.tau_steps)
            self.rule.correct2 = 1.0 - pow(self.rule.beta2, self.tau_steps)
            le_tau_learn(self.is_float64, &self.parameters, &self.at, &self.rule, self.n)
        activate(self.is_float64, self.activation, self.at.prospective, self.rate, self.at.slope, self.total)
        if self.noise > 0.0:
            le_noise(self.is_float64, self.noise_key, k, self.noise, self.rate, self.total)
        if self.target is not None and self.beta != 0.0:
            row = self.target.at(k, time, &changed)
            le_nudge(self.is_float64, self.target_kind, self.beta, row, self.rate, self.at.prospective, self.at.slope,
                     self.nudge, self.n, self.batch)
            self.at.nudge = self.nudge
        else:
            self.at.nudge = NULL
        return 0

    def fail(self, double time):
        """Say which unit left the range of sensible numbers."""
        wild = [np.argwhere(~(np.abs(self.arrays[name].reshape(self.batch, self.n)) < self.limit))
                for name in ("prospective", "error")]
        what = "unit" if len(wild[0]) else "the error of unit"
        unit = (wild[0] if len(wild[0]) else wild[1])[0][1]
        raise FloatingPointError(
            f"{self.name!r} grows without bound: {what} {unit} has left +-{self.limit:g} at time {time:g}; "
            "the loop through its inputs or errors is unstable (smaller weights, beta, learning rate or dt help)")

    def check_state(self, state, time=None, crossings=None):
        """Return arrays and numbers of a state, or raise ValueError if these neurons cannot have it; nothing changes."""
        state = with_current_names("state/rates", state_group(state, self.name), quiet=True)
        found = Continuous.check_state(self, state, time)
        if (found["tau_mem"] < 0).any():
            least = float(found["tau_mem"].min())
            raise ValueError(f"'tau_mem' in the state of {self.name} must not be negative, got {least!r}")
        return found | {
            "nudged": state_number(state, "nudged", np.int64, 0, 2, of=self.name),
            "tau_steps": state_number(state, "tau_steps", np.int64, 0, LATEST, of=self.name),
            "tau_learning_rate": state_number(state, "tau_learning_rate", float, *FINITE, of=self.name),
        }

    def restore(self, state):
        """Go back to a state that `snapshot` returned."""
        state = self.check_state(state)
        Continuous.restore(self, state)
        self.at.nudge = self.nudge if state["nudged"] else NULL
        self.tau_steps, self.tau_learning_rate = state["tau_steps"], state["tau_learning_rate"]
        self.repeat()

    def snapshot(self):
        """Return the state as a dictionary of arrays."""
        return Continuous.snapshot(self) | {
            "nudged": int(self.at.nudge != NULL),
            "tau_steps": self.tau_steps,
            "tau_learning_rate": self.tau_learning_rate,
        }
