# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The convolution form of `S4D`, for a block of heads, without the GIL; see s4d_convolution.h."""

from cython cimport floating

cdef extern from "eventsim/models/layers/kernels/s4d_convolution.h" nogil:
    enum:
        FFT_LANES
    ctypedef struct s4d_transform:
        ptrdiff_t steps, batch, heads, head, size
        const void *turns
    void s4d_convolve(int is_float64, const s4d_transform *p, const void *u, const void *kernel, const void *skip,
                      void *y, void *room)
    void s4d_convolve_back(int is_float64, const s4d_transform *p, const void *u, const void *kernel,
                           const void *skip, const void *dy, void *du, void *by_kernel, void *by_skip, void *room)
    void s4d_kernel(ptrdiff_t steps, ptrdiff_t modes, const double *w, const double *c, double *kernel, double *room)
    void s4d_kernel_back(ptrdiff_t steps, ptrdiff_t modes, const double *w, const double *by_kernel, double *by_c,
                         double *by_w, double *room)

LANES = FFT_LANES


cdef s4d_transform described(const floating[:, :, ::1] u, const floating[:, ::1] kernel, const floating[::1] skip,
                             const floating[:, ::1] turns, const floating[:, :, ::1] room, int copies,
                             Py_ssize_t block) except *:
    """Return what the loops need to know of the arrays of a block."""
    cdef s4d_transform p
    p.steps, p.batch, p.heads, p.head = u.shape[0], u.shape[1], u.shape[2], block * FFT_LANES
    p.size, p.turns = turns.shape[0], &turns[0, 0]
    if (p.steps == 0 or p.batch == 0 or not 0 <= p.head < p.heads or p.size < 2 * p.steps or p.size & (p.size - 1)
            or p.size < 4 or turns.shape[1] != 2 or kernel.shape[0] != p.steps or kernel.shape[1] != FFT_LANES
            or skip.shape[0] != FFT_LANES or room.shape[0] < copies * p.size or room.shape[1] != 2
            or room.shape[2] != FFT_LANES):
        raise ValueError(f"transforms of {p.size} points do not fit ({p.steps}, {p.batch}, {p.heads}) inputs")
    return p


def convolve(const floating[:, :, ::1] u, const floating[:, ::1] kernel, const floating[::1] skip,
             const floating[:, ::1] turns, floating[:, :, ::1] y, floating[:, :, ::1] room, Py_ssize_t block):
    """Fill the heads of a block in `y`; room (2 size, 2, LANES)."""
    cdef s4d_transform p = described(u, kernel, skip, turns, room, 2, block)
    with nogil:
        s4d_convolve(floating is double, &p, &u[0, 0, 0], &kernel[0, 0], &skip[0], &y[0, 0, 0], &room[0, 0, 0])


def convolve_back(const floating[:, :, ::1] u, const floating[:, ::1] kernel, const floating[::1] skip,
                  const floating[:, ::1] turns, const floating[:, :, ::1] dy, floating[:, :, ::1] du,
                  floating[:, ::1] by_kernel, floating[::1] by_skip, floating[:, :, ::1] room, Py_ssize_t block):
    """Fill the heads of a block in `du`, and the gradients of kernel and skip; room (4 size, 2, LANES)."""
    cdef s4d_transform p = described(u, kernel, skip, turns, room, 4, block)
    with nogil:
        s4d_convolve_back(floating is double, &p, &u[0, 0, 0], &kernel[0, 0], &skip[0], &dy[0, 0, 0], &du[0, 0, 0],
                          &by_kernel[0, 0], &by_skip[0], &room[0, 0, 0])


def kernel(const double[:, :, ::1] pole, const double[:, :, ::1] factor, double[:, ::1] out, double[:, :, ::1] room):
    """Set out[l] to twice the real part of the sum over modes of ``factor pole^l``; room as `factor`."""
    cdef Py_ssize_t modes = pole.shape[0]
    if (modes == 0 or factor.shape[0] != modes or room.shape[0] < modes or pole.shape[1] != 2 or factor.shape[1] != 2
            or pole.shape[2] != FFT_LANES or factor.shape[2] != FFT_LANES or out.shape[1] != FFT_LANES):
        raise ValueError(f"factors of {factor.shape[0]} modes for {modes} poles")
    if out.shape[0]:
        with nogil:
            s4d_kernel(out.shape[0], modes, &pole[0, 0, 0], &factor[0, 0, 0], &out[0, 0], &room[0, 0, 0])


def kernel_back(const double[:, :, ::1] pole, const double[:, ::1] by_kernel, double[:, :, ::1] by_factor,
                double[:, :, ::1] by_pole, double[:, :, ::1] room):
    """Set the sums over l of ``G pole^l`` and ``G l pole^(l-1)``; room (2 modes, 2, LANES)."""
    cdef Py_ssize_t modes = pole.shape[0]
    if (modes == 0 or by_factor.shape[0] != modes or by_pole.shape[0] != modes or room.shape[0] < 2 * modes
            or pole.shape[2] != FFT_LANES or by_kernel.shape[1] != FFT_LANES):
        raise ValueError(f"gradients of {by_pole.shape[0]} modes for {modes} poles")
    if by_kernel.shape[0]:
        with nogil:
            s4d_kernel_back(by_kernel.shape[0], modes, &pole[0, 0, 0], &by_kernel[0, 0], &by_factor[0, 0, 0],
                            &by_pole[0, 0, 0], &room[0, 0, 0])
