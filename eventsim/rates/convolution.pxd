"""Convolution and pooling between continuous populations of units that form images."""

from libc.stdint cimport int32_t, int64_t

from eventsim.rates.dense cimport RateProjection


cdef struct Geometry:
    # Units are numbered (channel, row, column); windows start `stride` apart, `pad` outside the image.
    int64_t channels, height, width
    int64_t out_channels, out_height, out_width
    int64_t window_height, window_width, stride, pad


cdef class Convolution(RateProjection):
    cdef Geometry g
    cdef int64_t depth, places              # values in a window, windows in an image
    cdef char *columns                      # (batch, depth, places) the windows of x
    cdef object room
    cdef char *scratch                      # (depth, places), or as the weights; memory of `room`


cdef class ConvolutionFeedback(RateProjection):
    cdef Geometry g                         # of the convolution
    cdef int64_t depth, places
    cdef char *columns                      # (depth, places)
    cdef object room
    cdef char *scratch                      # as the kernels
    cdef void move_windows(self, char *image, bint back) noexcept nogil


cdef class Pooling(RateProjection):
    cdef Geometry g
    cdef bint largest                       # max, else mean
    cdef int32_t *winner                    # (batch, n_post) which unit was the largest of its window
