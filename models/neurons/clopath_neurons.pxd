"""State of adaptive exponential neurons with an afterdepolarisation, and what may follow their membranes."""

from cpython.ref cimport PyObject
from libc.stdint cimport int32_t

from eventsim.models.neurons._series_neurons cimport SeriesNeurons


cdef enum:
    V = 0
    W = 1
    Z = 2
    V_T = 3
    U_BAR_PLUS = 4
    U_BAR_MINUS = 5
    U_BAR_BAR = 6
    N_VARIABLES = 7


cdef class MembraneObserver:
    """Sees each step that a unit has taken."""

    # `unit` goes from its time to `end`; until now its series holds, and its state is that of the start.
    cdef int on_step(self, int unit, double end) except -1 nogil


cdef class ClopathNeurons(SeriesNeurons):
    cdef double[::1] clamp_end          # (n,) until when the membrane is at v_clamp
    cdef list observers                 # of MembraneObserver
    cdef PyObject **watching
    cdef int n_observers, columns
    cdef double look_back               # how long series of low-pass filtered membranes are kept
    cdef object kept                    # the array below
    cdef double[:, :, ::1] pieces       # (n, capacity, 2 + 2 (order + 1)): begin, end, u_bar_plus, u_bar_minus
    cdef int32_t[::1] n_pieces          # (n,)
    cdef int watch(self, MembraneObserver observer, double look_back) except -1
    cdef int view(self, pieces) except -1
    cdef int keep_piece(self, int unit, double end) except -1 nogil
    cdef int make_room(self, int unit) except -1
    # The first kept piece that ends after a time; n_pieces if none does.
    cdef int piece_after(self, int unit, double time) noexcept nogil
    # A filtered membrane at a time that is kept, up to the unit's own.
    cdef double filtered_at(self, int variable, int unit, double time) noexcept nogil
