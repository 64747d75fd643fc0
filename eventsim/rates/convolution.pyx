# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Convolution and pooling of rates.

Units of a population that forms images are numbered channel by channel, row by row. A convolution
writes the windows of its input as columns of a matrix, so that rates, errors and changes of weights
are products of matrices.
"""

from libc.stdint cimport int32_t, int64_t
from libc.string cimport memcpy, memset

import numpy as np

from eventsim.errors import ConfigError

from eventsim.kernels.products cimport products_dots, products_multiply
from eventsim.rates.dense cimport RateProjection
from eventsim.rates.ticks cimport Continuous

cdef extern from "eventsim/rates/rates.h" nogil:
    void rates_add_scaled(int is_float64, void *to, const void *values, double c, ptrdiff_t n)

ctypedef fused real:
    double
    float


cdef char *memory(array) except? NULL:
    """Return where a C-contiguous, writable array begins."""
    cdef unsigned char[::1] view = array.reshape(-1).view(np.uint8)
    return <char *> &view[0] if view.shape[0] else NULL


cdef Geometry geometry(shape, out_channels, window, stride, pad):
    """Return where windows lie on images of `shape` (channels, height, width)."""
    cdef Geometry g
    g.channels, g.height, g.width = shape
    g.window_height, g.window_width = window
    g.stride, g.pad = stride, pad
    g.out_channels = out_channels
    g.out_height = (g.height + 2 * pad - g.window_height) // stride + 1
    g.out_width = (g.width + 2 * pad - g.window_width) // stride + 1
    return g


cdef inline void copy_row(real *to, const real *given, int64_t n) noexcept nogil:
    cdef int64_t x = 0
    while x + 4 <= n:
        memcpy(to + x, given + x, 4 * sizeof(real))
        x += 4
    while x < n:
        to[x] = given[x]
        x += 1


cdef inline void add_row(real *to, const real *given, int64_t n) noexcept nogil:
    cdef int64_t x = 0
    while x + 4 <= n:
        to[x] += given[x]
        to[x + 1] += given[x + 1]
        to[x + 2] += given[x + 2]
        to[x + 3] += given[x + 3]
        x += 4
    while x < n:
        to[x] += given[x]
        x += 1


cdef void windows(const Geometry *g, real *image, real *columns, bint back) noexcept nogil:
    """Copy the windows of an image into columns; `back`, add columns to the image."""
    cdef int64_t c, i, j, y, x, row, first, end, start
    cdef real *to = columns
    cdef real *at
    for c in range(g.channels):
        for i in range(g.window_height):
            for j in range(g.window_width):
                # windows first ... end - 1 of a row lie inside the image
                start = j - g.pad
                first = min(max(0, (g.stride - 1 - start) // g.stride), g.out_width) if start < 0 else 0
                end = max(first, min(g.out_width, (g.width - 1 - start) // g.stride + 1 if start < g.width else 0))
                for y in range(g.out_height):
                    row = y * g.stride + i - g.pad
                    at = image + (c * g.height + row) * g.width + start
                    if row < 0 or row >= g.height:
                        if not back:
                            memset(to, 0, g.out_width * sizeof(real))
                    elif back and g.stride == 1:
                        add_row(at + first, to + first, end - first)
                    elif back:
                        for x in range(first, end):
                            at[x * g.stride] += to[x]
                    else:
                        for x in range(first):
                            to[x] = 0
                        if g.stride == 1:
                            copy_row(to + first, at + first, end - first)
                        else:
                            for x in range(first, end):
                                to[x] = at[x * g.stride]
                        for x in range(end, g.out_width):
                            to[x] = 0
                    to += g.out_width


cdef void pool(const Geometry *g, const real *image, real *out, int32_t *winner, bint largest) noexcept nogil:
    """Add the largest value, or the mean, of each window to `out`; on a tie the first one wins."""
    cdef int64_t c, i, j, y, x
    cdef int32_t start, unit
    cdef real share = <real> 1 / (g.window_height * g.window_width)
    for c in range(g.channels):
        for y in range(g.out_height):
            for i in range(g.window_height):
                for j in range(g.window_width):
                    start = <int32_t> ((c * g.height + y * g.stride + i) * g.width + j)
                    if not largest:
                        for x in range(g.out_width):
                            out[x] += share * image[start + x * g.stride]
                    elif i == 0 and j == 0:
                        for x in range(g.out_width):
                            winner[x] = <int32_t> (start + x * g.stride)
                    else:
                        for x in range(g.out_width):
                            unit = <int32_t> (start + x * g.stride)
                            winner[x] = unit if image[unit] > image[winner[x]] else winner[x]
            if largest:
                for x in range(g.out_width):
                    out[x] += image[winner[x]]
            winner += g.out_width
            out += g.out_width


cdef void unpool(const Geometry *g, const real *e, real *out, const int32_t *winner, bint largest) noexcept nogil:
    """Add errors to the units that were the largest, or in equal parts to all of a window."""
    cdef int64_t c, i, j, y, x, at = 0
    for c in range(g.channels):
        for y in range(g.out_height):
            for x in range(g.out_width):
                if largest:
                    out[winner[at]] += e[at]
                else:
                    for i in range(g.window_height):
                        for j in range(g.window_width):
                            out[(c * g.height + y * g.stride + i) * g.width + x * g.stride + j] += (
                                e[at] / (g.window_height * g.window_width))
                at += 1


cdef void channel_sums(int64_t channels, int64_t places, real c, const real *e, real *to) noexcept nogil:
    cdef int64_t i, k
    cdef real total
    for i in range(channels):
        total = 0
        for k in range(places):
            total += e[i * places + k]
        to[i] += c * total


cdef void channel_add(int64_t channels, int64_t places, const real *bias, real *out) noexcept nogil:
    cdef int64_t i, k
    for i in range(channels):
        for k in range(places):
            out[i * places + k] += bias[i]


cdef class Convolution(RateProjection):
    """Kernels (out_channels, channels, height, width) that move over images; a bias for each output channel."""

    def __init__(self, str name, Continuous pre not None, Continuous post not None, weight, bias=None, *, shape,
                 int stride=1, int pad=0, **options):
        self.g = geometry(shape, weight.shape[0], weight.shape[2:], stride, pad)
        stored = np.array(weight, np.float64 if pre.is_float64 else np.float32)
        super().__init__(name, pre, post, stored, bias, **options)
        self.depth = stored[0].size
        self.places = self.g.out_height * self.g.out_width
        self.state["columns"] = self.zeros(self.batch, self.depth, self.places)
        self.columns = memory(self.state["columns"])
        self.room = self.zeros(max(self.depth * self.places, stored.size))
        self.scratch = memory(self.room)

    cdef int forward(self, char *x, char *out) except -1 nogil:
        cdef int64_t b, n = self.depth * self.places * self.size
        for b in range(self.batch):
            if self.is_float64:
                windows(&self.g, <double *> x + b * self.n_pre, <double *> (self.columns + b * n), False)
            else:
                windows(&self.g, <float *> x + b * self.n_pre, <float *> (self.columns + b * n), False)
            products_multiply(self.is_float64, self.g.out_channels, self.places, self.depth, 1.0, self.w, self.depth, 1,
                              self.columns + b * n, out + b * self.n_post * self.size)
        return 0

    cdef int backward(self, char *e, char *out) except -1 nogil:
        cdef int64_t b
        for b in range(self.batch):
            memset(self.scratch, 0, self.depth * self.places * self.size)
            products_multiply(self.is_float64, self.depth, self.places, self.g.out_channels, 1.0, self.w, 1, self.depth,
                              e + b * self.n_post * self.size, self.scratch)
            if self.is_float64:
                windows(&self.g, <double *> out + b * self.n_pre, <double *> self.scratch, True)
            else:
                windows(&self.g, <float *> out + b * self.n_pre, <float *> self.scratch, True)
        return 0

    cdef int correlate(self, char *to, double c, char *x, char *e) except -1 nogil:
        # The columns are still those of x.
        cdef int64_t b
        memset(self.scratch, 0, self.n_weights * self.size)
        for b in range(self.batch):
            products_dots(self.is_float64, self.g.out_channels, self.depth, self.places, e + b * self.n_post * self.size,
                          self.columns + b * self.depth * self.places * self.size, self.scratch)
        rates_add_scaled(self.is_float64, to, self.scratch, c, self.n_weights)
        return 0

    cdef int sum_errors(self, char *to, double c, char *e) except -1 nogil:
        cdef int64_t b
        for b in range(self.batch):
            if self.is_float64:
                channel_sums(self.g.out_channels, self.places, c, <double *> e + b * self.n_post, <double *> to)
            else:
                channel_sums(self.g.out_channels, self.places, <float> c, <float *> e + b * self.n_post, <float *> to)
        return 0

    cdef int add_bias(self, char *out) except -1 nogil:
        cdef int64_t b
        for b in range(self.batch):
            if self.is_float64:
                channel_add(self.g.out_channels, self.places, <double *> self.b, <double *> out + b * self.n_post)
            else:
                channel_add(self.g.out_channels, self.places, <float *> self.b, <float *> out + b * self.n_post)
        return 0


cdef class ConvolutionFeedback(RateProjection):
    """The way of errors back along a convolution, through kernels of its own; `pre` is the convolution's target.

    Where it learns, a change of the kernels is summed over all places, as that of the convolution is:
    pre signal (out_channels, place) times post signal in the window of the place (channels, height, width).
    """

    def __init__(self, str name, Continuous pre not None, Continuous post not None, weight, bias=None, *, shape,
                 int stride=1, int pad=0, **options):
        self.g = geometry(shape, weight.shape[0], weight.shape[2:], stride, pad)
        stored = np.array(weight, np.float64 if pre.is_float64 else np.float32)
        super().__init__(name, pre, post, stored, bias, **options)
        self.depth = stored[0].size
        self.places = self.g.out_height * self.g.out_width
        self.room = self.zeros(self.depth * self.places), self.zeros(stored.size)
        self.columns, self.scratch = memory(self.room[0]), memory(self.room[1])

    cdef int forward(self, char *x, char *out) except -1 nogil:
        cdef int64_t b
        for b in range(self.batch):
            memset(self.columns, 0, self.depth * self.places * self.size)
            products_multiply(self.is_float64, self.depth, self.places, self.g.out_channels, 1.0, self.w, 1, self.depth,
                              x + b * self.n_pre * self.size, self.columns)
            self.move_windows(out + b * self.n_post * self.size, True)
        return 0

    cdef int correlate(self, char *to, double c, char *x, char *e) except -1 nogil:
        cdef int64_t b
        memset(self.scratch, 0, self.n_weights * self.size)
        for b in range(self.batch):
            self.move_windows(e + b * self.n_post * self.size, False)
            products_dots(self.is_float64, self.g.out_channels, self.depth, self.places, x + b * self.n_pre * self.size,
                          self.columns, self.scratch)
        rates_add_scaled(self.is_float64, to, self.scratch, c, self.n_weights)
        return 0

    cdef void move_windows(self, char *image, bint back) noexcept nogil:
        if self.is_float64:
            windows(&self.g, <double *> image, <double *> self.columns, back)
        else:
            windows(&self.g, <float *> image, <float *> self.columns, back)


cdef class Pooling(RateProjection):
    """The largest rate, or the mean, of each window; errors go back to where it came from."""

    def __init__(self, str name, Continuous pre not None, Continuous post not None, *, shape, window, int stride,
                 bint largest=True, **options):
        cdef int32_t[::1] view
        super().__init__(name, pre, post, np.zeros(0, np.float64 if pre.is_float64 else np.float32), None, **options)
        self.g = geometry(shape, shape[0], window, stride, 0)
        self.largest = largest
        self.state["winner"] = np.zeros(self.batch * post.n, np.int32)
        view = self.state["winner"]
        self.winner = &view[0]

    def learn_by(self, *args, **options):
        """Refuse: there are no weights."""
        raise ConfigError(f"{self.name!r} pools and has no weights to learn")

    cdef int forward(self, char *x, char *out) except -1 nogil:
        cdef int64_t b
        for b in range(self.batch):
            if self.is_float64:
                pool(&self.g, <double *> x + b * self.n_pre, <double *> out + b * self.n_post,
                     self.winner + b * self.n_post, self.largest)
            else:
                pool(&self.g, <float *> x + b * self.n_pre, <float *> out + b * self.n_post,
                     self.winner + b * self.n_post, self.largest)
        return 0

    cdef int backward(self, char *e, char *out) except -1 nogil:
        cdef int64_t b
        for b in range(self.batch):
            if self.is_float64:
                unpool(&self.g, <double *> e + b * self.n_post, <double *> out + b * self.n_pre,
                       self.winner + b * self.n_post, self.largest)
            else:
                unpool(&self.g, <float *> e + b * self.n_post, <float *> out + b * self.n_pre,
                       self.winner + b * self.n_post, self.largest)
        return 0
