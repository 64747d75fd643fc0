# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""A core of unit capacitors as a handler of events: each clock phase of a step is one event.

    phase 0   leakage since the last step; rows pre-charge the z capacitors and the free h capacitors
    phase 1   z columns share; the converter finds the code of each column, highest bit first
    phase 2   free h capacitors share: the candidate
    phase 3   the rows that the code selects exchange their two h capacitors; the new bank shares: the state
    phase 4   comparators; outputs are the rows of the next core, whose phase 0 follows

The unit of an event is its phase, its value the step. Voltages are from V_0; see capacitors.h.
"""

from libc.math cimport sqrt
from libc.stdint cimport int32_t, uint8_t, uint64_t

from eventsim.engine cimport Engine, Event, Handler
from eventsim.kernels.draws cimport eventsim_normals, key_at, uniform_at

import numpy as np

cdef extern from "eventsim/hardware/circuits/capacitors.h" nogil:
    ctypedef struct capacitor_energy:
        double lost, drawn, pushed, leaked
    void capacitors_precharge(ptrdiff_t rows, ptrdiff_t columns, const uint8_t *x, const double *c,
                              const double *rail, const double *more, double left, double *v,
                              capacitor_energy *energy)
    void capacitors_share(ptrdiff_t rows, ptrdiff_t columns, const double *c, double on_line, double left, double *v,
                          double *line, double *room, capacitor_energy *energy)
    void capacitors_swap(ptrdiff_t rows, ptrdiff_t columns, const int32_t *code, int counted, const int32_t *bits,
                         double *c_free, double *v_free, double *c_bank, double *v_bank)
    void capacitors_leak(ptrdiff_t rows, ptrdiff_t columns, const double *c, const double *fall, double kept,
                         double *v, double *room, capacitor_energy *energy)
    void capacitors_sums(ptrdiff_t rows, ptrdiff_t columns, const double *c, const double *v, double *sums)

cdef enum:
    PHASES = 5


cdef class Core(Handler):
    """A core of ``rows`` x ``columns`` synapses, each with a z capacitor and two h capacitors.

    Parameters
    ----------
    made : object
        Arrays and numbers of a manufactured core, with the names of `eventsim.hardware.circuits.made.Made`.
    """

    cdef readonly Py_ssize_t rows, columns, bits, repeats, steps
    cdef readonly Core following            # whose rows are driven by the outputs, or None
    cdef double[:, ::1] c_z, c_a, c_b, rail_z, rail_h                    # as manufactured, fF and V
    cdef double[:, ::1] c_free, c_bank, v_z, v_free, v_bank              # present roles and voltages
    cdef double[::1] z_line, candidate_line, state_line                  # V
    cdef double[::1] bias, converter_offset, threshold, all_h, noise_z, c_now, line_c, room, draws
    cdef int32_t[::1] row_bits, rows_of_code, code, swapped
    cdef uint8_t[::1] x
    cdef uint8_t[:, ::1] inputs
    cdef readonly object states, codes, outputs, candidates, gates       # (steps, columns), of the last run
    cdef double[:, ::1] state_log, candidate_log, gate_log
    cdef int32_t[:, ::1] code_log
    cdef uint8_t[:, ::1] output_log
    cdef double on_z, on_h, on_state        # capacitance of lines, fF
    cdef double injected, left, leak_charge, leak_kept, thermal, comparator_noise, by_volt, below, slot
    cdef bint shown, counted, draws_any, draws_thermal
    cdef capacitor_energy energy
    cdef uint8_t *to_rows                   # of the core that follows, `to_repeats` for each output
    cdef Py_ssize_t to_repeats
    cdef uint64_t key

    def __init__(self, made):
        self.rows, self.columns = made.c_z.shape
        self.bits, self.repeats = made.bits, made.repeats
        shape = (self.rows, self.columns)
        for name in ("c_z", "c_a", "c_b", "rail_z", "rail_h"):
            if getattr(made, name).shape != shape:
                raise ValueError(f"{name} must have shape {shape}, got {getattr(made, name).shape}")
        for name in ("bias", "converter_offset", "threshold"):
            if getattr(made, name).shape != (self.columns,):
                raise ValueError(f"{name} must have shape ({self.columns},), got {getattr(made, name).shape}")
        if made.row_bits.shape != (self.rows,) or made.rows_of_code.shape != (1 << self.bits,):
            raise ValueError(f"a core of {self.rows} rows and {self.bits} bits needs a bit for each row")
        self.c_z, self.c_a, self.c_b = made.c_z, made.c_a, made.c_b
        self.rail_z, self.rail_h = made.rail_z, made.rail_h
        self.bias, self.converter_offset, self.threshold = made.bias, made.converter_offset, made.threshold
        self.row_bits, self.rows_of_code, self.counted = made.row_bits, made.rows_of_code, made.counted
        self.on_z, self.on_h, self.on_state = made.on_z, made.on_h, made.on_state
        self.injected, self.left = made.injected, made.left
        self.leak_charge, self.leak_kept = made.leak_charge, made.leak_kept
        self.thermal, self.comparator_noise = made.thermal, made.comparator_noise
        self.by_volt, self.below, self.slot = made.by_volt, made.below, made.slot
        self.draws_thermal = self.thermal > 0
        self.draws_any = self.draws_thermal or self.comparator_noise > 0
        self.c_free, self.c_bank = np.empty(shape), np.empty(shape)
        self.v_z, self.v_free, self.v_bank = np.empty(shape), np.empty(shape), np.empty(shape)
        self.z_line, self.candidate_line = np.empty(self.columns), np.empty(self.columns)
        self.state_line, self.c_now = np.empty(self.columns), np.empty(self.columns)
        self.all_h = (made.c_a + made.c_b).sum(axis=0)
        self.noise_z = np.sqrt(self.thermal / made.c_z.sum(axis=0))
        self.room, self.draws = np.zeros(3 * self.columns), np.zeros((self.bits + 3) * self.columns)
        self.line_c = np.full(self.columns, self.on_state)
        self.code, self.swapped = np.zeros(self.columns, np.int32), np.zeros(self.columns, np.int32)
        self.x = np.zeros(self.rows, np.uint8)
        self.reset(0, 0)

    def follow(self, Core other):
        """Let the outputs of this core be the inputs of another."""
        if self.columns * other.repeats > other.rows:
            raise ValueError(f"a core of {other.rows} rows cannot take {self.columns * other.repeats} rows of outputs")
        self.following, self.to_rows, self.to_repeats = other, &other.x[0], other.repeats

    def reset(self, Py_ssize_t steps, uint64_t key):
        """Discharge all capacitors, put them back into their first roles, and make room for the next steps.

        `key` is that of all numbers that are drawn until the next reset.
        """
        self.c_free[...], self.c_bank[...] = self.c_b, self.c_a
        self.v_z[...], self.v_free[...], self.v_bank[...] = 0, 0, 0
        self.z_line[...], self.candidate_line[...], self.state_line[...] = 0, 0, 0
        capacitors_sums(self.rows, self.columns, &self.c_free[0, 0], NULL, &self.c_now[0])
        self.x[...] = 0
        self.key, self.steps, self.shown = key, steps, False
        self.energy.lost = self.energy.drawn = self.energy.pushed = self.energy.leaked = 0
        shape = (steps, self.columns)
        self.states, self.candidates, self.gates = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self.codes, self.outputs = np.zeros(shape, np.int32), np.zeros(shape, np.uint8)
        self.state_log, self.candidate_log, self.gate_log = self.states, self.candidates, self.gates
        self.code_log, self.output_log = self.codes, self.outputs

    def show(self, inputs):
        """Take what the rows are driven with, (steps, rows), if no other core drives them."""
        inputs = np.ascontiguousarray(inputs, np.uint8)
        if inputs.shape != (self.steps, self.rows):
            raise ValueError(f"inputs must have shape {(self.steps, self.rows)}, got {inputs.shape}")
        self.inputs, self.shown = inputs, True

    def unit_range(self):
        """Return the phases."""
        return 0, PHASES

    def check_event(self, int unit, double value):
        """Raise ValueError unless the event names a phase and a step of the run."""
        super().check_event(unit, value)
        if not 0 <= value < self.steps:
            raise ValueError(f"the value of an event is a step, 0 to {self.steps - 1}, got {value!r}")

    cdef int receive(self, Engine engine, const Event *event) except -1 nogil:
        cdef int phase = event.unit
        self.work(phase, <Py_ssize_t> event.value)
        if phase + 1 < PHASES:
            return engine.push(event.time + self.slot, self.id, phase + 1, event.value, 0)
        if self.following is not None:
            return engine.push(event.time + self.slot, self.following.id, 0, event.value, 0)
        return 0

    def step(self, Py_ssize_t t):
        """Work through all phases of a step, without an engine; the core that follows has its inputs then."""
        if not 0 <= t < self.steps:
            raise ValueError(f"a step must be 0 to {self.steps - 1}, got {t}")
        cdef int phase
        for phase in range(PHASES):
            self.work(phase, t)

    def phase(self, int phase, Py_ssize_t t):
        """Work through one phase of a step."""
        if not (0 <= t < self.steps and 0 <= phase < PHASES):
            raise ValueError(f"there is no phase {phase} of step {t}")
        self.work(phase, t)

    cdef void work(self, int phase, Py_ssize_t t) noexcept nogil:
        cdef Py_ssize_t j
        if phase == 0:
            self.precharge(t)
        elif phase == 1:
            capacitors_share(self.rows, self.columns, &self.c_z[0, 0], self.on_z, self.left, &self.v_z[0, 0],
                             &self.z_line[0], &self.room[0], &self.energy)
            self.convert(t)
        elif phase == 2:
            capacitors_share(self.rows, self.columns, &self.c_free[0, 0], self.on_h, self.left, &self.v_free[0, 0],
                             &self.candidate_line[0], &self.room[0], &self.energy)
            for j in range(self.columns):
                self.candidate_log[t, j] = self.candidate_line[j]
        elif phase == 3:
            self.update(t)
        else:
            self.compare(t)

    cdef void precharge(self, Py_ssize_t t) noexcept nogil:
        cdef Py_ssize_t j, m = self.columns
        cdef double *u = &self.draws[0]
        cdef uint64_t key = key_at(self.key, t)
        if self.draws_any:
            for j in range((self.bits + 3) * m):
                u[j] = uniform_at(key, j)
            eventsim_normals(u, (self.bits + 3) * m)
        for j in range(m):  # the first two rows become what is added to the capacitors of a column
            u[j] = self.injected + (u[j] * self.noise_z[j] if self.draws_thermal else 0.0)
            u[m + j] = self.injected + (u[m + j] * sqrt(self.thermal / self.c_now[j]) if self.draws_thermal else 0.0)
        if self.leak_charge > 0 or self.leak_kept < 1:
            for j in range(m):
                self.room[m + j] = self.leak_charge / (self.all_h[j] - self.c_now[j] + self.on_state)
            capacitors_leak(self.rows, m, &self.c_bank[0, 0], &self.room[m], self.leak_kept, &self.v_bank[0, 0],
                            &self.room[0], &self.energy)
            capacitors_leak(1, m, &self.line_c[0], &self.room[m], self.leak_kept, &self.state_line[0], &self.room[0],
                            &self.energy)
        if self.shown:
            for j in range(self.rows):
                self.x[j] = self.inputs[t, j]
        capacitors_precharge(self.rows, m, &self.x[0], &self.c_z[0, 0], &self.rail_z[0, 0], u, self.left,
                             &self.v_z[0, 0], &self.energy)
        capacitors_precharge(self.rows, m, &self.x[0], &self.c_free[0, 0], &self.rail_h[0, 0], u + m, self.left,
                             &self.v_free[0, 0], &self.energy)

    cdef void convert(self, Py_ssize_t t) noexcept nogil:
        """Successive approximation: a bit stays if u is at least its threshold, offset and noise in each decision."""
        cdef Py_ssize_t j, m = self.columns
        cdef int b, code
        cdef double u, noise
        cdef double top = <double> (1 << self.bits)
        for j in range(m):
            u = self.by_volt * self.z_line[j] + self.bias[j] + 0.5
            code = 0
            for b in range(self.bits - 1, -1, -1):
                noise = self.converter_offset[j] + self.comparator_noise * self.draws[(2 + b) * m + j]
                if u >= (code + (1 << b) - self.below) / top + self.by_volt * noise:
                    code += 1 << b
            self.code[j] = code
            self.swapped[j] = self.rows_of_code[code]
            self.code_log[t, j] = code
            self.gate_log[t, j] = u

    cdef void update(self, Py_ssize_t t) noexcept nogil:
        cdef Py_ssize_t j, m = self.columns
        capacitors_swap(self.rows, m, &self.swapped[0] if self.counted else &self.code[0], self.counted,
                        &self.row_bits[0], &self.c_free[0, 0], &self.v_free[0, 0], &self.c_bank[0, 0],
                        &self.v_bank[0, 0])
        capacitors_share(self.rows, m, &self.c_bank[0, 0], self.on_state, self.left, &self.v_bank[0, 0],
                         &self.state_line[0], &self.room[0], &self.energy)
        for j in range(m):
            self.c_now[j] = self.all_h[j] - (self.room[m + j] - self.on_state)
            self.state_log[t, j] = self.state_line[j]

    cdef void compare(self, Py_ssize_t t) noexcept nogil:
        cdef Py_ssize_t j, k, m = self.columns
        cdef double noise
        for j in range(m):
            noise = self.comparator_noise * self.draws[(2 + self.bits) * m + j]
            self.output_log[t, j] = self.state_line[j] > self.threshold[j] + noise
            for k in range(self.to_repeats):
                self.to_rows[j * self.to_repeats + k] = self.output_log[t, j]

    @property
    def energies(self):
        """Energies since the last reset in fJ: lost in switches, drawn from rails, pushed in by injected charge and
        thermal noise, leaked."""
        return {"lost": self.energy.lost, "drawn": self.energy.drawn, "pushed": self.energy.pushed,
                "leaked": self.energy.leaked}

    @property
    def capacitors(self):
        """Copies of capacitances and voltages of all capacitors, (rows, columns), and of the lines, (columns,)."""
        return {
            "c_z": np.array(self.c_z), "c_free": np.array(self.c_free), "c_bank": np.array(self.c_bank),
            "v_z": np.array(self.v_z), "v_free": np.array(self.v_free), "v_bank": np.array(self.v_bank),
            "z_line": np.array(self.z_line), "candidate_line": np.array(self.candidate_line),
            "state_line": np.array(self.state_line),
        }

    @property
    def line_capacitances(self):
        """Capacitances of z, candidate and state lines, fF."""
        return self.on_z, self.on_h, self.on_state
