# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The loops of `DelayConv`, for some samples of a batch, without the GIL; see delay_conv.h."""

from cython cimport floating
from libc.stdint cimport int32_t

cdef extern from "eventsim/models/layers/kernels/delay_conv.h" nogil:
    enum:
        DELAY_CHANNELS
    ctypedef struct delay_conv_layer:
        ptrdiff_t steps, batch, n, low, high, most, window
        const int32_t *delay
        const int32_t *count
        const void *value
    void delay_conv_forward(int is_float64, const delay_conv_layer *p, const void *x, void *y, void *room)
    void delay_conv_backward(int is_float64, const delay_conv_layer *p, const void *x, const void *dy, void *dx,
                             void *by_value, void *room)

ROOM = DELAY_CHANNELS  # rows of window + steps values: twice as many forward, three times backward


cdef delay_conv_layer described(const floating[:, :, ::1] x, const int32_t[:, ::1] delay, const int32_t[::1] count,
                                const floating[:, ::1] value, Py_ssize_t window, const floating[::1] room, int copies,
                                Py_ssize_t low, Py_ssize_t high) except *:
    """Return what the loops need to know of the arrays."""
    cdef delay_conv_layer p
    cdef Py_ssize_t c, k
    p.steps, p.batch, p.n, p.most = x.shape[0], x.shape[1], x.shape[2], delay.shape[1]
    if (p.steps == 0 or p.n == 0 or p.most == 0 or delay.shape[0] != p.n or count.shape[0] != p.n or value.shape[0] != p.n
            or value.shape[1] != p.most or not 0 <= low < high <= p.batch
            or room.shape[0] < copies * DELAY_CHANNELS * (window + p.steps)):
        raise ValueError(f"cannot work on samples {low} to {high} of ({p.steps}, {p.batch}, {p.n}) values")
    for c in range(p.n):
        if not 0 <= count[c] <= p.most:
            raise ValueError(f"channel {c} has {count[c]} taps of {p.most}")
        for k in range(count[c]):
            if not 0 <= delay[c, k] < window:
                raise ValueError(f"delay {delay[c, k]} of channel {c} is outside the window of {window} steps")
    p.low, p.high, p.window = low, high, window
    p.delay, p.count, p.value = &delay[0, 0], &count[0], &value[0, 0]
    return p


def forward(const floating[:, :, ::1] x, const int32_t[:, ::1] delay, const int32_t[::1] count,
            const floating[:, ::1] value, Py_ssize_t window, floating[:, :, ::1] y, floating[::1] room,
            Py_ssize_t low, Py_ssize_t high):
    """Fill `y` (time, batch, n) with the sums over the taps of each channel."""
    cdef delay_conv_layer p = described(x, delay, count, value, window, room, 2, low, high)
    with nogil:
        delay_conv_forward(floating is double, &p, &x[0, 0, 0], &y[0, 0, 0], &room[0])


def backward(const floating[:, :, ::1] x, const int32_t[:, ::1] delay, const int32_t[::1] count,
             const floating[:, ::1] value, Py_ssize_t window, const floating[:, :, ::1] dy, floating[:, :, ::1] dx,
             floating[:, :, ::1] by_value, floating[::1] room, Py_ssize_t low, Py_ssize_t high):
    """Fill `dx`, which may be None, and the gradients of the taps of each sample, (batch, n, taps)."""
    cdef delay_conv_layer p = described(x, delay, count, value, window, room, 3, low, high)
    cdef floating *to_x = NULL if dx is None else &dx[0, 0, 0]
    with nogil:
        delay_conv_backward(floating is double, &p, &x[0, 0, 0], &dy[0, 0, 0], to_x, &by_value[0, 0, 0], &room[0])


def step(const floating[:, ::1] x, const int32_t[:, ::1] delay, const int32_t[::1] count,
         const floating[:, ::1] value, floating[:, :, ::1] past, Py_ssize_t now, floating[:, ::1] y):
    """Write `x` into the ring `past` (batch, length, n) at place `now`, and fill `y` in the order of `forward`."""
    cdef Py_ssize_t b, c, k, at, length = past.shape[1], n = x.shape[1]
    cdef floating total
    with nogil:
        for b in range(x.shape[0]):
            for c in range(n):
                past[b, now, c] = x[b, c]
                total = 0
                for k in range(count[c]):
                    at = now - delay[c, k]
                    total = total + value[c, k] * past[b, at if at >= 0 else at + length, c]
                y[b, c] = total
