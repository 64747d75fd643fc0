"""Parameters of layers of neurons that spike at most once, as the passes read them, and the memory of a thread."""

from libc.math cimport exp, log
from libc.stdint cimport int32_t


cdef extern from "eventsim/models/gradients/first_spike/_layer_records.h" nogil:
    enum:
        RATIO_ONE
        RATIO_TWO
        RATIO_ANY
    ctypedef struct rows_layer:
        Py_ssize_t n_in, in_stride, n_post, stride
        int kind
        double tau_mem, tau_syn, c_mem, theta, rate, reach, peak
        const double *weight
        const double *transposed
    ctypedef struct rows_scratch:
        int32_t *order
        int32_t *bucket
        int32_t *count
        int32_t *pick
        double *doubt_alpha
        double *doubt_beta
        double *sorted
        double *f
        double *g
        double *bound_p
        double *bound_q
        double *decay_mem
        double *decay_syn
        double *h
        double *x
        double *P
        double *Q
        double *theta
        double *alpha
        double *beta
        double *limit
        double *wait
        double *current
        double *time_p
        double *time_q
    ctypedef struct lanes_layer:
        Py_ssize_t n_in, in_stride, n_post
        rows_layer unit
        const rows_layer *units
        double c_mem
        int powers
        const double *theta
        const double *weight
        const double *delay
        const double *grow
        const int32_t *pairs
        Py_ssize_t n_pairs
    ctypedef struct lanes_scratch:
        double *t
        double *u
        double *key
        double *w
    ctypedef struct lanes_noise:
        const double *jitter
        const double *theta
        Py_ssize_t n_samples
    int VECTOR_LANES, ROWS_BUCKETS, ROWS_TOGETHER, LANES
    double LANES_SPAN


cdef enum:  # kinds of delays
    UNIFORM
    AXONAL
    DENDRITIC
    SYNAPTIC

cdef enum:
    N_PIECE = 16  # blocks of samples whose backward pass is in memory at once
    N_CACHED = 768 * 1024  # bytes of weights that are taken to stay in a cache


cdef struct Link:            # a projection: rows [first, first + n) of its layer's inputs
    int source               # population; sources of the network first, then layers in order
    int first, n, kind
    const double *weight     # the parameters
    const double *delay
    bint wants_delay


cdef struct Layer:
    rows_layer neurons
    lanes_layer target          # as `_lanes.h` wants it
    bint by_target           # whether that is what runs
    int n_together           # else, how many samples read the weights together
    int population, n_links
    Link *links
    const double *tau_mem    # the parameters
    const double *tau_syn
    const double *v_th
    int n_mem, n_syn, n_th   # how many there are: 1, or one for each neuron
    rows_layer *units          # (n_post,) constants of each neuron, or NULL if all are alike
    const double *v_leak     # (n_post,)
    double *weight           # (n_in, stride)
    double *transposed       # (n_post, in_stride)
    double *delay            # (n_in,), or (n_post, in_stride) by target
    double *grow             # (n_post, in_stride) by target
    double *theta            # (n_post,)
    double *gradient         # (n_in, n_post)
    double *sums             # (n_post, in_stride) of a gradient summed by columns
    # of one piece of a backward pass
    double *arrival          # (n, in_stride), padded with inf
    double *f
    double *g
    int32_t *several         # (n,)
    double *p                # (n, stride)
    double *q
    size_t partial           # where its sums begin in those of a block


cdef struct Scratch:         # memory of one thread
    rows_scratch *shared       # for each of some samples
    lanes_scratch target
    double *arrival
    double *sent
    double *T
    double *slope
    double *kernel
    double *delta


cdef inline int padded(int n) noexcept nogil:
    return (n + VECTOR_LANES - 1) // VECTOR_LANES * VECTOR_LANES


cdef inline void set_constants(rows_layer *neurons, double tau_mem, double tau_syn, double theta) noexcept nogil:
    cdef double best, rate
    neurons.tau_mem, neurons.tau_syn, neurons.theta = tau_mem, tau_syn, theta
    neurons.kind = RATIO_TWO if tau_mem == 2.0 * tau_syn else RATIO_ANY
    if tau_mem == tau_syn:
        neurons.kind = RATIO_ONE
    rate = 0.0 if neurons.kind == RATIO_ONE else (tau_mem - tau_syn) / (tau_mem * tau_syn)
    neurons.rate = rate
    # P + Q h loses a factor e^{rate x} of precision, and e^{x/tau} must stay far from overflow.
    neurons.reach = 16.0 * min(tau_mem, tau_syn)
    if rate > 0.0:
        neurons.reach = min(neurons.reach, 2.0 / rate)
    if neurons.kind == RATIO_ONE:
        neurons.peak = tau_mem * exp(-1.0) / neurons.c_mem
    else:
        best = log(tau_mem / tau_syn) / rate
        neurons.peak = (exp(-best / tau_mem) - exp(-best / tau_syn)) / rate / neurons.c_mem
    neurons.peak *= 1.000001  # kappa is rounded where it is compared with its bound


cdef class LayerParameters:
    cdef readonly int n_populations, n_sources, n_layers, n_threads
    cdef readonly list sizes
    cdef readonly object values      # all parameters as they were carried over, one array; replaced, not changed
    cdef list memory, piece_memory, gradients, more
    cdef Layer *layer
    cdef Scratch *scratch
    cdef int *stride
    cdef const double **part         # the parameters
    cdef size_t *part_size
    cdef int n_parts
    cdef size_t n_values, n_partial
    cdef int n_piece                 # samples there is room for in a piece
    cdef int n_together              # samples whose arrivals are scanned together where that pays
    cdef double *partial             # (PIECE, n_partial)
    cdef double *total               # (n_partial,)
    cdef bint wants_times, wants_weights, wants_constants

    cdef double *doubles(self, list owner, object array) except? NULL
    cdef int32_t *ints(self, list owner, object array) except? NULL
    cdef const double *parameter(self, object array) except? NULL
    cdef int set_memory(self, Layer *layer, int n_in, int n_post, double c_mem) except -1
    cdef int set_scratch(self, Scratch *scratch, int n) except -1
    cdef int set_shared(self, rows_scratch *shared, int n) except -1
    cdef bint carry(self, Layer *layer) noexcept nogil
