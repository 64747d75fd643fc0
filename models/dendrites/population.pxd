"""State of populations of neurons with compartments."""

from cpython.ref cimport PyObject
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t

from eventsim.engine cimport Engine
from eventsim.population cimport SynapseGroup, Population
from eventsim.population.recorder cimport SpikeLog


cdef double *doubles(dict owner, str name)
cdef int32_t *integers(dict owner, str name)


cdef class Watcher:
    cdef int on_event(self, double time, int unit, int circuit) except -1 nogil


cdef class Dendrites(Population):
    """The part that all solvers share: parameters, clamps, refractoriness, steps of currents, events."""

    cdef readonly int K, S, A, P, M         # circuits, slots, time constants, phases, steps
    cdef readonly int soma
    cdef readonly tuple circuits            # names
    cdef int stride                         # 0 or 1: from the parameters of one unit to those of the next
    cdef dict values                        # owners of the parameters
    cdef double *c_mem                      # (sets, K) and so on
    cdef double *g_leak
    cdef double *i_leak
    cdef double *i_ext
    cdef double *coupling
    cdef double *v_th
    cdef double *hold_off
    cdef double *level
    cdef double *targets                    # (sets, K, P)
    cdef double *conductances
    cdef double *durations
    cdef double *step_time                  # (sets, M)
    cdef double *step_change
    cdef int32_t *step_circuit
    cdef int32_t *parent                    # (K,)
    cdef int32_t *n_phases
    cdef int32_t *slot_at                   # (S,)
    cdef int32_t *slot_tau
    cdef double *tau                        # (A,)
    cdef double *mu_of_slot                 # (S,)
    cdef double *e_rev                      # (S,) nan for currents
    cdef list logs                          # per circuit: SpikeLog, or None
    cdef readonly dict arrays               # owners of the state
    cdef int32_t *phase                     # (n, K) 0 idle, p in phase p, n_phases + 1 in hold-off
    cdef int32_t *armed                     # (n, K) whether the comparator waits for a rise; else for a fall
    cdef int32_t *n_steps                   # (n,) steps of currents that have been
    cdef double *until                      # (n, K) end of the phase
    cdef double *i_step                     # (n, K) current of the steps
    cdef double *since                      # (n, K) when the comparator was last switched
    cdef int32_t *n_in_row                  # (n, K) events since `row_start`
    cdef double *row_start                  # (n, K)
    cdef double *row_length                 # (sets, K) a time in which no circuit fires MOST_IN_ROW times
    cdef PyObject **log_of                  # (K,) NULL for none
    cdef list watchers                      # of Watcher
    cdef int n_watchers
    cdef readonly list currents             # CurrentSources beside constants and steps
    cdef PyObject **source                  # (E,) the same
    cdef int E
    cdef int32_t *current_at                # (E,) circuit
    cdef int64_t[:, ::1] piece              # (n, E) where each of them is
    cdef double[:, ::1] held_level
    cdef int32_t *kind                      # (n_variables,) what is recorded, and which
    cdef int32_t *which

    cdef double next_transition(self, int unit) noexcept nogil
    cdef bint pass_time(self, int unit, double time, double *v, uint8_t *fired) except -1 nogil
    cdef bint fire(self, int unit, int k, double time, double *v) noexcept nogil
    cdef const double *held_at(self, int unit, int k) noexcept nogil
    cdef bint has_hold(self, int unit, int k) noexcept nogil
    cdef uint64_t clamp_code(self, int unit) noexcept nogil
    cdef int announce(self, Engine engine, double time, int unit, const uint8_t *fired) except -1 nogil
    cdef int count_in_row(self, int unit, int k, double time) except -1 nogil
    cdef int tell_watchers(self, double time, int unit, int k) except -1 with gil
    cdef int fail_endless(self, int unit, int k, double time) except -1 with gil
