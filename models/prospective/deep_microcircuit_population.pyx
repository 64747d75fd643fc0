# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""A stack of dendritic microcircuits, one population; see deep_microcircuit.py and _deep_microcircuit.h."""

from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free

import numpy as np

from eventsim.kernels.memory cimport zeroed
from eventsim.engine cimport Engine
from eventsim.rates.ticks cimport Continuous, InputSignal

from eventsim.errors import ConfigError
from eventsim.rng import unit_keys as unit_keys_of
from eventsim.states import FINITE, state_number

cdef extern from "eventsim/models/prospective/_deep_microcircuit.h" nogil:
    ctypedef struct dm_matrix:
        ptrdiff_t pre, post, stride
        double *w
        double *delta

    ctypedef struct dm_circuit:
        int n_layers
        const ptrdiff_t *size
        const ptrdiff_t *cell
        const ptrdiff_t *inter
        ptrdiff_t n, n_inputs
        dm_matrix *up
        dm_matrix *down
        dm_matrix *from_inter
        dm_matrix *to_inter
        double *u
        double *u_before
        double *steady
        double *prospective
        double *rate
        double *rate_before
        double *slope
        double *dendrite
        double *apical
        double *apical_before
        double *noise
        double *noise_before
        double *high_passed
        double *top
        double *predicted
        double *scratch
        double *ones
        const double *per_tau
        const double *prospection
        double *by_dendrite
        double *by_top
        double *prediction
        const double *input
        const double *target
        int activation, learning, predicts
        int noisy, amplitude
        int64_t first_tick, hold
        const uint64_t *key
        const double *sigma
        double noise_keep, noise_gain, high_pass
        const double *rate_up
        double rate_down, rate_from_inter, rate_to_inter, decay, low_pass, dt
        int feedback, regulariser

    int dm_tick(const dm_circuit *s, int64_t tick, double limit)

ACTIVATIONS = {"linear": 0, "tanh": 1, "logistic": 2, "hard_sigmoid": 3, "softplus": 4, "relu": 5}
FEEDBACK = {"learned": 0, "fixed": 1, "copied": 2, "decaying": 3}
REGULARISERS = {"decay": 0, "gated": 1, "slopes": 2}
AMPLITUDES = {"constant": 0, "u": 1, "prospective": 2, "apical": 3}

cdef enum:
    LANES = 8  # numbers in a register, to which rows of weights are padded

SHOWN = ("u", "rate", "prospective", "noise", "high_passed", "apical")
HIDDEN = ("u_before", "steady", "rate_before", "slope", "dendrite", "apical_before", "noise_before", "top", "predicted")


cdef double *begin(array) except NULL:
    """Return where an array of float64 begins."""
    cdef double[::1] view = array.reshape(-1)
    return &view[0]


cdef class DeepMicrocircuitPopulation(Continuous):
    """Units of a `DeepMicrocircuit`: inputs, pyramidal cells by layer, interneurons by layer.

    Parameters
    ----------
    context : BuildContext
        With a batch of 1 and float64.
    sizes : tuple of int
        Cells by layer, the input first.
    weights : mapping of str to ndarray
        "up/1" .. "up/N", and of each hidden layer "down/l", "from_inter/l" and "to_inter/l", shape (n_pre, n_post).
    constants : mapping of str to ndarray, shape (n,)
        u, per_tau, prospection, by_dendrite, by_top and prediction of each unit.
    output : tuple of float
        by_dendrite and by_top of the output with a target.
    """

    cdef dm_circuit at
    cdef readonly dict matrices             # name -> stored array (n_pre, stride)
    cdef readonly dict shapes
    cdef readonly dict constants
    cdef object buffers, keeps
    cdef readonly InputSignal target
    cdef tuple output
    cdef object layout
    cdef dm_matrix *all_matrices
    cdef readonly double learning_rate      # factor of all learning rates
    cdef object rule
    cdef readonly int n_layers, n_hidden

    def __init__(self, context, tuple sizes, dict weights, dict constants, str activation, tuple output):
        cdef ptrdiff_t[:, ::1] layout
        if context.batch != 1 or np.dtype(context.dtype) != np.float64:
            raise ConfigError(f"{context.name!r} is a circuit of its own: it needs batch=1 and dtype='float64'")
        cdef Py_ssize_t n = context.n, last = len(sizes) - 1
        self.n_layers, self.n_hidden = last, sum(sizes[1:last])
        self.buffers = {name: np.zeros(n + LANES) for name in (*SHOWN, *HIDDEN)}
        arrays = {name: self.buffers[name][:n].reshape(1, n) for name in SHOWN}
        self.matrices, self.shapes = {}, {}
        for name, weight in weights.items():
            self.matrices[name] = padded(weight)
            self.shapes[name] = weight.shape
        super().__init__(context, ("input",), arrays, 0.0,
                         {name: self.buffers[name][:n] for name in HIDDEN} | {
                             f"weight/{name}": stored for name, stored in self.matrices.items()})
        self.layout = np.zeros((3, last + 1), np.intp)
        self.layout[0] = sizes
        self.layout[1, 1:] = np.cumsum(sizes[:last])
        self.layout[2, 1:] = sum(sizes) + np.concatenate(([0], np.cumsum(sizes[2:])))[:last]
        layout = self.layout
        self.at.n_layers, self.at.n, self.at.n_inputs = last, n, sizes[0]
        self.at.size, self.at.cell, self.at.inter = &layout[0, 0], &layout[1, 0], &layout[2, 0]
        self.all_matrices = <dm_matrix *> zeroed(4 * (last + 1), sizeof(dm_matrix), b"matrices")
        self.at.up, self.at.down = self.all_matrices, self.all_matrices + (last + 1)
        self.at.from_inter = self.all_matrices + 2 * (last + 1)
        self.at.to_inter = self.all_matrices + 3 * (last + 1)
        for name in self.matrices:
            self.place(name)
        self.constants = {name: np.array(values, float) for name, values in constants.items()}
        for name in ("u", "u_before", "steady", "prospective"):
            self.buffers[name][:n] = self.constants["u"]
        self.keeps = {"scratch": np.zeros(4 * (n + 4 * LANES)), "ones": np.ones(n + LANES)}
        self.point()
        self.at.activation = ACTIVATIONS[activation]
        self.at.dt = self.dt
        self.output = output
        self.learning_rate = 1.0
        self.nudge_to(None, 0.0)

    def __dealloc__(self):
        free(self.all_matrices)

    cdef dm_matrix *matrix(self, str name) except NULL:
        kind, layer = name.split("/")
        cdef int which = ("up", "down", "from_inter", "to_inter").index(kind)
        return self.all_matrices + which * (self.n_layers + 1) + <int> int(layer)

    cdef int place(self, str name) except -1:
        """Let the loop find a matrix."""
        cdef dm_matrix *m = self.matrix(name)
        m.pre, m.post = self.shapes[name]
        m.stride = self.matrices[name].shape[1]
        m.w = begin(self.matrices[name])
        return 0

    cdef int point(self) except -1:
        """Let the loop find values by unit."""
        b, c = self.buffers, self.constants
        self.at.u, self.at.u_before = begin(b["u"]), begin(b["u_before"])
        self.at.steady, self.at.prospective = begin(b["steady"]), begin(b["prospective"])
        self.at.rate, self.at.rate_before, self.at.slope = begin(b["rate"]), begin(b["rate_before"]), begin(b["slope"])
        self.at.dendrite, self.at.apical = begin(b["dendrite"]), begin(b["apical"])
        self.at.apical_before = begin(b["apical_before"])
        self.at.noise, self.at.noise_before = begin(b["noise"]), begin(b["noise_before"])
        self.at.high_passed, self.at.top = begin(b["high_passed"]), begin(b["top"])
        self.at.predicted, self.at.scratch = begin(b["predicted"]), begin(self.keeps["scratch"])
        self.at.ones = begin(self.keeps["ones"])
        self.at.per_tau, self.at.prospection = begin(c["per_tau"]), begin(c["prospection"])
        self.at.by_dendrite, self.at.by_top = begin(c["by_dendrite"]), begin(c["by_top"])
        self.at.prediction = begin(c["prediction"])
        self.at.input = <double *> self.receptor[0]
        return 0

    # From outside ---------------------------------------------------------------------------------

    def nudge_to(self, InputSignal target, double beta, str kind="voltage"):
        """Pull the output towards potentials, by its target conductance whatever `beta`; None ends it."""
        self.target = target
        first = int(self.layout[1, self.n_layers])
        here = slice(first, first + int(self.layout[0, self.n_layers]))
        by_dendrite, by_top = self.output[0 if target is None else 1]
        self.constants["by_dendrite"][here], self.constants["by_top"][here] = by_dendrite, by_top
        if target is None:
            self.at.target = NULL

    def align(self, rule):
        """Learn by a `MicrocircuitAlignment`, and have its noise."""
        cdef double[::1] rate_up
        cdef uint64_t[::1] unit_keys
        cdef double[::1] sigma
        self.rule = rule
        self.at.noise_keep, self.at.noise_gain, self.at.hold = rule.noise.steps(self.dt)
        self.at.high_pass = self.dt / rule.tau_high_pass
        self.at.low_pass = self.dt / rule.tau_low_pass if rule.tau_low_pass > 0 else 0.0
        self.at.decay, self.at.amplitude = rule.decay, AMPLITUDES[rule.noise.amplitude]
        self.at.feedback, self.at.regulariser = FEEDBACK[rule.feedback], REGULARISERS[rule.regulariser]
        self.at.first_tick = round(rule.start / self.dt)
        self.keeps["sigma"] = np.zeros(self.n)
        first, last = int(self.layout[1, 1]), int(self.layout[1, self.n_layers])
        self.keeps["sigma"][first:last] = rule.noise.sigma
        self.keeps["key"] = unit_keys_of(self.run_seed, self.n, "alignment noise", self.name)
        sigma, unit_keys = self.keeps["sigma"], self.keeps["key"]
        self.at.sigma, self.at.key = &sigma[0], &unit_keys[0]
        self.at.noisy = bool(np.any(self.keeps["sigma"] > 0))
        self.keeps["rate_up"] = np.zeros(self.n_layers + 1)
        rate_up = self.keeps["rate_up"]
        self.at.rate_up = &rate_up[0]
        if rule.tau_low_pass > 0:
            for layer in range(1, self.n_layers + 1):
                delta = np.zeros_like(self.matrices[f"up/{layer}"])
                self.state[f"low_passed/{layer}"] = delta
                self.matrix(f"up/{layer}").delta = begin(delta)
        self.set_learning_rate(1.0)

    def set_learning_rate(self, double learning_rate):
        """Set the factor of all learning rates of the rule; 0 stops learning, and leaves the noise on."""
        self.learning_rate = learning_rate
        if self.rule is None:
            return
        scale = self.dt * learning_rate
        if scale * self.rule.rate_feedback * self.rule.decay > 1.0:
            raise ConfigError(
                f"the decay of the feedback weights of {self.name!r} is too fast for ticks: dt = {self.dt:g}, "
                f"learning rate {self.rule.rate_feedback * learning_rate:g} and decay = {self.rule.decay:g}; "
                "explicit steps need dt * rate * decay <= 1")
        forward = np.broadcast_to(np.asarray(self.rule.rate_forward, float), self.n_layers)
        self.keeps["rate_up"][1:] = scale * forward
        self.at.rate_down = scale * self.rule.rate_feedback
        self.at.rate_from_inter = scale * self.rule.rate_from_interneurons
        self.at.rate_to_inter = scale * self.rule.rate_to_interneurons
        self.at.predicts = bool(forward.any()) or self.rule.rate_to_interneurons > 0
        self.at.learning = learning_rate != 0.0

    def weights(self):
        """Return copies of all weights by name, shape (n_pre, n_post)."""
        return {name: stored[:, : self.shapes[name][1]].copy() for name, stored in self.matrices.items()}

    # Ticks ----------------------------------------------------------------------------------------

    cdef int step(self, Engine engine, int64_t k, double time) except -1 nogil:
        cdef bint changed
        if self.target is not None:
            self.at.target = <const double *> self.target.at(k, time, &changed)
        if not dm_tick(&self.at, k, self.limit):
            with gil:
                self.fail(time)
        return 0

    def fail(self, double time):
        """Say which unit left the range of sensible numbers."""
        wild = np.argwhere(~(np.abs(self.buffers["steady"][: self.n]) < self.limit))
        unit = int(wild[0][0]) if len(wild) else 0
        raise FloatingPointError(
            f"{self.name!r} grows without bound: the potential of unit {unit} has left +-{self.limit:g} at time {time:g}; "
            "smaller learning rates, weights or noise help")

    def snapshot(self):
        """Return the state as a dictionary of arrays."""
        return Continuous.snapshot(self) | {"learning_rate": self.learning_rate}

    def check_state(self, state, time=None, crossings=None):
        """Return arrays and numbers of a state, or raise ValueError if this circuit cannot have it; nothing changes."""
        return Continuous.check_state(self, state, time) | {
            "learning_rate": state_number(state, "learning_rate", float, *FINITE, of=self.name)}

    def restore(self, state):
        """Go back to a state that `snapshot` returned."""
        state = self.check_state(state)
        Continuous.restore(self, state)
        self.set_learning_rate(state["learning_rate"])


def padded(weight):
    """Return weights (n_pre, n_post) with rows that fill whole registers."""
    n_pre, n_post = weight.shape
    stored = np.zeros((n_pre, -(-n_post // LANES) * LANES))
    stored[:, :n_post] = weight
    return stored
