# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The common base of populations of neurons with compartments, for all solvers.

Parameters by circuit; clamps that follow each other, hold-off, and the comparator that is armed again; steps of
currents; events of compartments, which are recorded, and shown to watchers; spikes of the soma.
"""

from cpython.ref cimport PyObject
from libc.math cimport INFINITY, fmin
from libc.stdint cimport int32_t, uint8_t, uint64_t
from libc.stdlib cimport calloc, free

import numpy as np

from eventsim.states import FINITE, LATEST, not_after, state_arrays, state_times

from eventsim.engine cimport Engine, Event
from eventsim.population cimport Population, receive_input
from eventsim.population.recorder cimport SpikeLog

cdef enum:
    MOST_IN_ROW = 1000      # events of a compartment within one instant, or within the time constant of its membrane


cdef double *doubles(dict owner, str name):
    cdef double[::1] flat
    owner[name] = np.ascontiguousarray(owner[name], np.float64)
    if owner[name].size == 0:
        return NULL
    flat = owner[name].reshape(-1)
    return &flat[0]


cdef int32_t *integers(dict owner, str name):
    cdef int32_t[::1] flat
    owner[name] = np.ascontiguousarray(owner[name], np.int32)
    if owner[name].size == 0:
        return NULL
    flat = owner[name].reshape(-1)
    return &flat[0]


def time_constants(values, parents):
    """Return C / g of each circuit, (sets, K), with all conductances at rest."""
    g = values["g_leak"] + values["coupling"]
    for k, parent in enumerate(parents):
        if parent >= 0:
            g[:, parent] += values["coupling"][:, k]
    return values["c_mem"] / g


cdef class Watcher:
    """Sees the events of compartments."""

    cdef int on_event(self, double time, int unit, int circuit) except -1 nogil:
        return 0


cdef class Dendrites(Population):
    """`n` neurons with the parameters of a `Tree`; the base of the solvers.

    Parameters
    ----------
    n, name
    tree : Tree
    values : dict of arrays
        What `Tree.arrays` returns.
    currents : sequence of (int, CurrentSource)
        What `Tree.currents` returns.
    """

    def __init__(self, int n, str name, tree, values, currents=()):
        super().__init__(n, name)
        self.variables = tuple(tree.variables)
        self.circuits = tuple(tree.names)
        self.K, self.S, self.A = len(tree.names), len(tree.slots), len(tree.taus)
        self.P, self.M = values["targets"].shape[2], values["step_time"].shape[1]
        self.soma = tree.soma
        self.stride = int(len(values["c_mem"]) > 1)
        self.values = dict(values)
        self.values["row_length"] = time_constants(values, tree.parent)
        self.values["mu"] = np.array([1.0 / tau for _, tau, _ in tree.slots])
        self.c_mem = doubles(self.values, "c_mem")
        self.g_leak = doubles(self.values, "g_leak")
        self.i_leak = doubles(self.values, "i_leak")
        self.i_ext = doubles(self.values, "i_ext")
        self.coupling = doubles(self.values, "coupling")
        self.v_th = doubles(self.values, "v_th")
        self.hold_off = doubles(self.values, "hold_off")
        self.level = doubles(self.values, "level")
        self.targets = doubles(self.values, "targets")
        self.conductances = doubles(self.values, "conductances")
        self.durations = doubles(self.values, "durations")
        self.step_time = doubles(self.values, "step_time")
        self.step_change = doubles(self.values, "step_change")
        self.tau = doubles(self.values, "tau")
        self.mu_of_slot = doubles(self.values, "mu")
        self.e_rev = doubles(self.values, "e_rev")
        self.row_length = doubles(self.values, "row_length")
        self.step_circuit = integers(self.values, "step_circuit")
        self.parent = integers(self.values, "parent")
        self.n_phases = integers(self.values, "n_phases")
        self.slot_at = integers(self.values, "slot_circuit")
        self.slot_tau = integers(self.values, "slot_tau")
        self.values["kind"] = [kind for kind, _ in tree.variables.values()]
        self.values["which"] = [which for _, which in tree.variables.values()]
        self.kind = integers(self.values, "kind")
        self.which = integers(self.values, "which")
        self.event_logs = {event: SpikeLog() for event in tree.events}
        self.logs = [None] * self.K
        for event, k in zip(tree.events, tree.event_number):
            self.logs[k] = self.event_logs[event]
        self.currents = [source for _, source in currents]
        self.E = len(self.currents)
        self.values["current_at"] = [k for k, _ in currents]
        self.current_at = integers(self.values, "current_at")
        self.log_of = <PyObject **> calloc(self.K, sizeof(PyObject *))
        self.source = <PyObject **> calloc(self.E + 1, sizeof(PyObject *))
        if self.log_of == NULL or self.source == NULL:
            raise MemoryError
        for k in range(self.E):
            self.source[k] = <PyObject *> self.currents[k]
        for k in range(self.K):
            if self.logs[k] is not None:
                self.log_of[k] = <PyObject *> self.logs[k]
        self.watchers = []
        self.arrays = {
            "phase": np.zeros((n, self.K), np.int32),
            "armed": np.ones((n, self.K), np.int32),
            "n_steps": np.zeros(n, np.int32),
            "until": np.full((n, self.K), np.inf),
            "i_step": np.zeros((n, self.K)),
            "since": np.full((n, self.K), -np.inf),
            "n_in_row": np.zeros((n, self.K), np.int32),
            "row_start": np.full((n, self.K), -np.inf),
        }
        self.phase = integers(self.arrays, "phase")
        self.armed = integers(self.arrays, "armed")
        self.n_steps = integers(self.arrays, "n_steps")
        self.until = doubles(self.arrays, "until")
        self.i_step = doubles(self.arrays, "i_step")
        self.since = doubles(self.arrays, "since")
        self.n_in_row = integers(self.arrays, "n_in_row")
        self.row_start = doubles(self.arrays, "row_start")
        if self.E:
            self.arrays["piece"] = self.piece = np.zeros((n, self.E), np.int64)
            self.arrays["held_level"] = self.held_level = np.stack([each.first_levels(n) for each in self.currents], axis=1)

    def __dealloc__(self):
        free(self.log_of)
        free(self.source)

    def add_watcher(self, Watcher watcher not None):
        """Let `watcher` see the events of all compartments."""
        self.watchers.append(watcher)
        self.n_watchers += 1

    def circuit_of(self, int receptor):
        """Return the number of the circuit that an input leads to."""
        return self.slot_at[receptor]

    def keep(self, bint keep):
        self.keep_spikes = keep

    def snapshot(self):
        """Return the state as a dictionary of arrays."""
        return {name: array.copy() for name, array in self.arrays.items()}

    def check_state(self, state, time=None, crossings=None):
        """Return the arrays of a state, or raise ValueError if these neurons cannot have it; nothing changes."""
        phases = np.array([self.n_phases[k] for k in range(self.K)])
        finite = {"i_step", "held_level", "p", "i_syn", "v_inf", "v", "w", "g", "late"}
        bounds = dict.fromkeys(self.arrays.keys() & finite, FINITE)
        bounds |= {"phase": (0, phases + 2), "armed": (0, 2), "n_steps": (0, self.M + 1), "n_in_row": (0, MOST_IN_ROW + 2)}
        bounds |= {"until": (time, None), "hit": (time, None), "piece": (0, LATEST), "line_start": (0.0, not_after(time))}
        found = state_arrays(state, self.arrays, bounds, of=self.name)
        if (found["until"][found["phase"] == 0] < np.inf).any():
            raise ValueError(f"'phase' and 'until' in the state of {self.name} differ on which clamps are on")
        if "due" in found:
            state_times(state, "due", (self.n,), crossings, of=self.name)
        return found

    def restore(self, state):
        """Go back to a state that `snapshot` returned."""
        state = self.check_state(state)
        for name, array in self.arrays.items():
            array[...] = state[name]

    cdef double next_transition(self, int unit) noexcept nogil:
        """Return when the next phase ends or current steps."""
        cdef int k
        cdef double least = INFINITY
        cdef const double *until = self.until + unit * self.K
        for k in range(self.K):
            least = fmin(least, until[k])
        if self.n_steps[unit] < self.M:
            least = fmin(least, self.step_time[unit * self.stride * self.M + self.n_steps[unit]])
        return least

    cdef const double *held_at(self, int unit, int k) noexcept nogil:
        """Return the potential at which a clamp without resistance holds a compartment now; NULL if none does."""
        cdef int phase = self.phase[unit * self.K + k]
        cdef int at = (unit * self.stride * self.K + k) * self.P + phase - 1
        if 1 <= phase <= self.n_phases[k] and self.conductances[at] == INFINITY:
            return self.targets + at
        return NULL

    cdef bint has_hold(self, int unit, int k) noexcept nogil:
        """Return whether a clamp of the event of a compartment holds it."""
        cdef int p
        for p in range(self.n_phases[k]):
            if self.conductances[(unit * self.stride * self.K + k) * self.P + p] == INFINITY:
                return True
        return False

    cdef bint pass_time(self, int unit, double time, double *v, uint8_t *fired) except -1 nogil:
        """Make the transitions that are due at `time`, where the potentials are `v`; a hold that begins changes its `v`.

        Marks compartments that fire in `fired`, where those that crossed are marked already. Returns whether
        conductances or constant currents have changed.
        """
        cdef int set_ = unit * self.stride
        cdef int k, m, p, n_at_once
        cdef int32_t *phase = self.phase + unit * self.K
        cdef double *until = self.until + unit * self.K
        cdef const double *durations
        cdef const double *held
        cdef bint changed = False
        while self.n_steps[unit] < self.M and self.step_time[set_ * self.M + self.n_steps[unit]] <= time:
            m = set_ * self.M + self.n_steps[unit]
            self.i_step[unit * self.K + self.step_circuit[m]] += self.step_change[m]
            self.n_steps[unit] += 1
            changed = True
        for k in range(self.K):
            n_at_once = 0
            p = self.n_phases[k]
            durations = self.durations + (set_ * self.K + k) * self.P
            while until[k] <= time:
                n_at_once += 1
                if n_at_once > MOST_IN_ROW:
                    self.fail_endless(unit, k, time)
                if phase[k] <= p:
                    changed = True
                    until[k] += durations[phase[k]] if phase[k] < p else self.hold_off[set_ * self.K + k]
                    phase[k] += 1
                    held = self.held_at(unit, k)
                    if held != NULL:
                        v[k] = held[0]
                    continue
                phase[k] = 0
                until[k] = INFINITY
                self.armed[unit * self.K + k] = 1
                # One that fired just now is above threshold whatever the rounding, unless it was held elsewhere.
                if (fired[k] and not self.has_hold(unit, k)) or v[k] >= self.v_th[set_ * self.K + k]:
                    if self.level[set_ * self.K + k] != 0.0:
                        fired[k] = 1
                        changed = self.fire(unit, k, time, v) or changed
                    else:
                        self.armed[unit * self.K + k] = 0
                        self.since[unit * self.K + k] = time
        return changed

    cdef bint fire(self, int unit, int k, double time, double *v) noexcept nogil:
        """Start the event of a compartment; returns whether conductances change. A hold changes the potential in `v`."""
        cdef int at = unit * self.stride * self.K + k
        cdef const double *held
        self.phase[unit * self.K + k] = 1
        held = self.held_at(unit, k)
        if held != NULL:
            v[k] = held[0]
        if self.n_phases[k]:
            self.until[unit * self.K + k] = time + self.durations[at * self.P]
            return True
        self.until[unit * self.K + k] = time + self.hold_off[at]
        return False

    cdef int fail_endless(self, int unit, int k, double time) except -1 with gil:
        raise RuntimeError(
            f"compartment {self.circuits[k]!r} of unit {unit} of {self.name!r} fires without end at time {time!r}: v stays "
            "above v_th and its event takes next to no time; give it a clamp, a hold-off, or mode='edge'")

    cdef uint64_t clamp_code(self, int unit) noexcept nogil:
        """Return a number for the set of clamps that are on."""
        cdef uint64_t code = 0
        cdef int k
        cdef const int32_t *phase = self.phase + unit * self.K
        for k in range(self.K):
            code *= self.n_phases[k] + 1
            if phase[k] <= self.n_phases[k]:
                code += phase[k]
        return code

    cdef int announce(self, Engine engine, double time, int unit, const uint8_t *fired) except -1 nogil:
        """Record the events of a unit, and send its spike."""
        cdef int k
        for k in range(self.K):
            if fired[k]:
                self.count_in_row(unit, k, time)
                if self.log_of[k] != NULL and self.keep_spikes:
                    (<SpikeLog> self.log_of[k]).append(time, unit)
                if self.n_watchers:
                    self.tell_watchers(time, unit, k)
        if fired[self.soma]:
            self.emit(engine, time, unit)
        return 0

    cdef int count_in_row(self, int unit, int k, double time) except -1 nogil:
        """Stop a circuit that fires so fast that the run would not come to an end."""
        cdef int at = unit * self.K + k
        if time - self.row_start[at] > self.row_length[unit * self.stride * self.K + k]:
            self.row_start[at] = time
            self.n_in_row[at] = 0
        self.n_in_row[at] += 1
        if self.n_in_row[at] > MOST_IN_ROW:
            self.fail_endless(unit, k, time)
        return 0

    cdef int tell_watchers(self, double time, int unit, int k) except -1 with gil:
        for watcher in self.watchers:
            (<Watcher> watcher).on_event(time, unit, k)
        return 0

    cdef int receive(self, Engine engine, const Event *event) except -1 nogil:
        return receive_input(self, engine, event)
