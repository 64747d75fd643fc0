# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The recurrent form of `S4D`, for a block of heads and some samples of a batch, without the GIL; see s4d.h."""

from cython cimport floating

cdef extern from "eventsim/models/layers/kernels/s4d.h" nogil:
    enum:
        S4D_LANES
        S4D_NUMBERS
        GRID_NUMBERS
    ctypedef struct s4d_block:
        ptrdiff_t steps, batch, heads, modes, low, high, head
        const void *numbers
        const void *skip
        double clip
        int state
        const void *grid
        const void *within
        double levels, least
        int shared, widened
        ptrdiff_t segment
        double limit
    void s4d_forward(int is_float64, const s4d_block *p, const void *u, void *state, void *kept, void *y)
    void s4d_backward(int is_float64, const s4d_block *p, const void *u, const void *kept, const void *dy,
                      void *by_numbers, void *by_skip, void *du, void *room)

LANES = S4D_LANES
FREE, STATIC, DYNAMIC = range(3)


cdef class Settings:
    """What the loops need to know of clips and grids; see s4d.h."""
    cdef s4d_block p
    cdef readonly tuple values

    def __init__(self, int state, double clip, double limit, double levels=1, double least=0, bint shared=True,
                 bint widened=True):
        self.p.state, self.p.clip, self.p.limit = state, clip, limit
        self.p.levels, self.p.least, self.p.shared, self.p.widened = levels, least, shared, widened
        self.values = state, clip, limit, levels, least, shared, widened


cdef s4d_block described(Settings settings, const floating[:, :, ::1] u, const floating[:, :, ::1] numbers,
                         const floating[::1] skip, const floating[:, :, ::1] grid, const floating[:, ::1] within,
                         Py_ssize_t block, Py_ssize_t segment, Py_ssize_t low, Py_ssize_t high) except *:
    """Return what the loops need to know of the arrays of a block."""
    cdef s4d_block p = settings.p
    p.steps, p.batch, p.heads, p.modes = u.shape[0], u.shape[1], u.shape[2], numbers.shape[0]
    p.head, p.low, p.high, p.segment = block * S4D_LANES, low, high, segment
    if (p.steps == 0 or p.modes == 0 or not 0 <= p.head < p.heads or not 0 <= low < high <= p.batch or segment < 1
            or numbers.shape[1] != S4D_NUMBERS or numbers.shape[2] != S4D_LANES or skip.shape[0] != S4D_LANES
            or grid.shape[0] != 2 or grid.shape[1] != GRID_NUMBERS or grid.shape[2] != S4D_LANES
            or within.shape[0] != 4 or within.shape[1] != S4D_LANES):
        raise ValueError(f"cannot work on samples {low} to {high} of ({p.steps}, {p.batch}, {p.heads}) inputs")
    p.numbers, p.skip, p.grid, p.within = &numbers[0, 0, 0], &skip[0], &grid[0, 0, 0], &within[0, 0]
    return p


def forward(Settings settings, const floating[:, :, ::1] u, const floating[:, :, ::1] numbers,
            const floating[::1] skip, const floating[:, :, ::1] grid, const floating[:, ::1] within,
            floating[:, :, :, ::1] state, floating[:, :, :, :, ::1] kept, floating[:, :, ::1] y, Py_ssize_t block,
            Py_ssize_t segment, Py_ssize_t low, Py_ssize_t high):
    """Fill the heads of a block in `y`, and move `state` (batch, modes, 2, LANES) to the end.

    `kept` (batch, segments, modes, 2, LANES), which may be None, becomes the states before every segment.
    """
    cdef s4d_block p = described(settings, u, numbers, skip, grid, within, block, segment, low, high)
    cdef floating *keep = NULL if kept is None else &kept[0, 0, 0, 0, 0]
    if state.shape[0] != p.batch or state.shape[1] != p.modes or state.shape[2] != 2 or state.shape[3] != S4D_LANES:
        raise ValueError(f"states of {state.shape[0]} samples and {state.shape[1]} modes do not fit")
    if kept is not None and (kept.shape[0] != p.batch or kept.shape[1] != (p.steps + segment - 1) // segment):
        raise ValueError(f"{kept.shape[1]} states cannot be kept of {p.steps} steps in segments of {segment}")
    with nogil:
        s4d_forward(floating is double, &p, &u[0, 0, 0], &state[0, 0, 0, 0], keep, &y[0, 0, 0])


def backward(Settings settings, const floating[:, :, ::1] u, const floating[:, :, ::1] numbers,
             const floating[::1] skip, const floating[:, :, ::1] grid, const floating[:, ::1] within,
             const floating[:, :, :, :, ::1] kept, const floating[:, :, ::1] dy, floating[:, :, :, ::1] by_numbers,
             floating[:, ::1] by_skip, floating[:, :, ::1] du, floating[:, :, :, ::1] room, Py_ssize_t block,
             Py_ssize_t segment, Py_ssize_t low, Py_ssize_t high):
    """Fill dL/du of a block, and each sample's gradients of its numbers; room (segment + 2, modes, 2, LANES)."""
    cdef s4d_block p = described(settings, u, numbers, skip, grid, within, block, segment, low, high)
    if (room.shape[0] < segment + 2 or room.shape[1] != p.modes or by_numbers.shape[0] != p.batch
            or by_numbers.shape[1] != p.modes or by_skip.shape[0] != p.batch):
        raise ValueError(f"there is no room for segments of {segment} steps")
    with nogil:
        s4d_backward(floating is double, &p, &u[0, 0, 0], &kept[0, 0, 0, 0, 0], &dy[0, 0, 0],
                     &by_numbers[0, 0, 0, 0], &by_skip[0, 0], &du[0, 0, 0], &room[0, 0, 0, 0])
