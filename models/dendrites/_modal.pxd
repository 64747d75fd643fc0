"""The state of neurons with compartments as modes."""

from libc.stdint cimport uint64_t

from eventsim.models.dendrites._modes cimport Modes
from eventsim.models.dendrites.population cimport Dendrites


cdef class ModalDendrites(Dendrites):
    cdef double *p                          # (n, K) modes at time t, relative to where they settle
    cdef double *i_syn                      # (n, S) synaptic currents at time t
    cdef double *v_inf                      # (n, K) where the potentials would settle
    cdef double *t                          # (n,) `start` of the modes when the unit was last touched
    cdef double *upper                      # (n, K) bound on v - v_th without further input; < 0: no event follows
    cdef double *current                    # (S,) of the unit at hand
    cdef Modes **modes                      # (n,) of the clamps that are on
    cdef Modes **table                      # open addressing by (set, clamps)
    cdef uint64_t *keys
    cdef Py_ssize_t capacity, n_modes
    cdef uint64_t n_codes
    cdef list sines
    cdef int W                              # sines
    cdef double *wave                       # (n, W, K, 2) what each does to a potential, beside sine and cosine of its phase
    cdef double *omega                      # (n, W)
    cdef double *phase_at_0
    cdef double *ramp                       # (n, K) slopes of the potentials where they would settle
    cdef double *line_start                 # (n,) when they stood at v_inf

    cdef Modes *modes_of(self, int unit) except NULL nogil
    cdef int grow_table(self) except -1 nogil
    cdef Modes *make_modes(self, int unit) except NULL nogil
    cdef int settle_in(self, int unit, double time, const double *v, const double *i_syn) except -1 nogil
    cdef void lay_currents(self, int unit, const Modes *m) noexcept nogil
    cdef double forced(self, int unit, int k, double time) noexcept nogil
    cdef Modes *touch(self, int unit, double time) noexcept nogil
    cdef void advance(self, int unit, double time) noexcept nogil
    cdef void state_of(self, int unit, const Modes *m, double *p, double *i_syn) noexcept nogil
    cdef void potentials(self, int unit, const Modes *m, const double *p, const double *i_syn, double *v) noexcept nogil
