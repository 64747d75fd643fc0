# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Linear maps, normalisation with fixed statistics and spiking units, one step at a time without Python between them.

The arithmetic is that of the layers, in the same order, so the bits are the same.
"""

from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

import numpy as np

from eventsim.kernels.products cimport products_multiply

cdef extern from "eventsim/models/layers/kernels/lif.h" nogil:
    ctypedef struct lif_layer:
        ptrdiff_t steps, batch, n, low, high, row
        const void *alpha
        const void *threshold
        int surrogate, smooth
        double width
        const void *grid
    void lif_forward(int is_float64, const lif_layer *p, const void *current, const void *first_v,
                     const void *first_s, void *v, void *s)
    void leak_forward(int is_float64, const lif_layer *p, const void *current, const void *first, void *u)

cdef extern from "eventsim/models/layers/kernels/spikes.h" nogil:
    int spikes_multiply(int is_float64, ptrdiff_t cols, ptrdiff_t depth, const void *p, const void *q, void *room,
                        void *c)

cdef extern from "eventsim/models/layers/kernels/norm.h" nogil:
    void column_normalise_f32(ptrdiff_t rows, ptrdiff_t n, const float *x, const float *mean, const float *scale,
                              const float *beta, float *y)
    void column_normalise_f64(ptrdiff_t rows, ptrdiff_t n, const double *x, const double *mean,
                              const double *scale, const double *beta, double *y)

cdef enum:
    BLOCK = 256  # inputs that are summed in one go, as in products.pyx
    LINEAR, NORM, SPIKING, LEAKY

KINDS = {"linear": LINEAR, "norm": NORM, "lif": SPIKING, "leaky": LEAKY}

cdef struct Step:
    int kind
    ptrdiff_t n_in, n_out
    void *a       # weight, mean, alpha
    void *b       # bias or NULL, scale, threshold
    void *c       # beta
    char *out     # (batch, n_out); the spikes of spiking units, the membranes of leaky ones
    char *before  # the same at the step before
    char *v
    char *v_before
    lif_layer units


cdef char *memory(array) except? NULL:
    cdef unsigned char[::1] view = array.reshape(-1).view(np.uint8)
    return <char *> &view[0]


cdef class CompiledStream:
    """Steps of layers.

    Parameters
    ----------
    steps : list of (kind, n_in, n_out, arrays)
        arrays: (weight, bias or None), (mean, scale, beta), (alpha, threshold) or (alpha,); decays and thresholds
        are repeated as `LIF` does it.
    batch : int
    is_float64 : bool
    smooth : list of (surrogate, width, smooth)
        Of each step; read for spiking units only.
    """

    cdef Step *steps
    cdef readonly Py_ssize_t n_steps, batch
    cdef readonly bint is_float64
    cdef list kept     # arrays whose memory the steps use
    cdef list states   # by step: {"v", "s"}, {"u"} or nothing, each as a pair of arrays
    cdef int turn      # which of each pair holds the present state
    cdef object last, shape

    def __cinit__(self, list steps, Py_ssize_t batch, bint is_float64, list smooth):
        cdef Py_ssize_t k
        cdef Step *step
        dtype = np.float64 if is_float64 else np.float32
        self.n_steps, self.batch, self.is_float64 = len(steps), batch, is_float64
        self.kept, self.states, self.turn = [], [], 0
        self.shape = (batch, steps[0][1] if steps else 0)
        self.steps = <Step *> calloc(max(1, len(steps)), sizeof(Step))
        if self.steps is NULL:
            raise MemoryError("no memory for the steps of a stream")
        for k, (kind, n_in, n_out, arrays) in enumerate(steps):
            step = &self.steps[k]
            step.kind, step.n_in, step.n_out = KINDS[kind], n_in, n_out
            own = [None if array is None else np.ascontiguousarray(array, dtype) for array in arrays]
            pair = [np.zeros((batch, n_out), dtype) for _ in range(4)]
            self.kept += [own, pair]
            self.last = pair[:2]
            step.a = memory(own[0])
            step.b = NULL if len(own) < 2 or own[1] is None else <void *> memory(own[1])
            step.c = NULL if len(own) < 3 else <void *> memory(own[2])
            step.out, step.before = memory(pair[0]), memory(pair[1])
            step.v, step.v_before = memory(pair[2]), memory(pair[3])
            if kind == "lif":
                self.states.append({"v": pair[2:], "s": pair[:2]})
            else:
                self.states.append({"u": pair[:2]} if kind == "leaky" else {})
            step.units.steps, step.units.batch, step.units.n = 1, batch, n_out
            step.units.low, step.units.high = 0, batch
            if kind in ("lif", "leaky"):
                step.units.row = len(own[0])
                step.units.alpha = step.a
                step.units.threshold = step.b if kind == "lif" else step.a
                step.units.surrogate, step.units.width, step.units.smooth = smooth[k]

    def __dealloc__(self):
        free(self.steps)

    cdef void run(self, const char *x) noexcept nogil:
        cdef Py_ssize_t k, first, deep, i
        cdef size_t size = 8 if self.is_float64 else 4
        cdef Step *step
        for k in range(self.n_steps):
            step = &self.steps[k]
            step.out, step.before = step.before, step.out
            step.v, step.v_before = step.v_before, step.v
            if step.kind == LINEAR:
                for i in range(self.batch):
                    if step.b is NULL:
                        memset(step.out + i * step.n_out * size, 0, step.n_out * size)
                    else:
                        memcpy(step.out + i * step.n_out * size, step.b, step.n_out * size)
                first = 0
                while first < step.n_in:
                    deep = min(<Py_ssize_t> BLOCK, step.n_in - first)
                    # A linear map has no membrane, whose memory serves as room for a sum.
                    if self.batch == 1 and spikes_multiply(self.is_float64, step.n_out, deep, x + first * size,
                                                           <char *> step.a + first * step.n_out * size, step.v,
                                                           step.out):
                        first += deep
                        continue
                    products_multiply(self.is_float64, self.batch, step.n_out, deep, 1.0, x + first * size,
                                      step.n_in, 1, <char *> step.a + first * step.n_out * size, step.out)
                    first += deep
            elif step.kind == NORM:
                if self.is_float64:
                    column_normalise_f64(self.batch, step.n_out, <double *> x, <double *> step.a,
                                         <double *> step.b, <double *> step.c, <double *> step.out)
                else:
                    column_normalise_f32(self.batch, step.n_out, <float *> x, <float *> step.a, <float *> step.b,
                                         <float *> step.c, <float *> step.out)
            elif step.kind == SPIKING:
                lif_forward(self.is_float64, &step.units, x, step.v_before, step.before, step.v, step.out)
            else:
                leak_forward(self.is_float64, &step.units, x, step.before, step.out)
            x = step.out

    def step(self, x):
        """Return the output of one step of `x` (batch, n_in), contiguous and of the right dtype; not to be kept."""
        cdef char *given
        if x.shape != self.shape:
            raise ValueError(f"a step takes an array {self.shape}, got shape {x.shape}")
        given = memory(x)
        with nogil:
            self.run(given)
        self.turn = 1 - self.turn
        return self.last[self.turn]

    def state(self):
        """Return copies of the states of all steps, as those of their layers."""
        return [{name: pair[self.turn].copy() for name, pair in each.items()} for each in self.states]

    def restore(self, list states):
        """Go back to states that `state` returned."""
        for own, state in zip(self.states, states, strict=True):
            for name, pair in own.items():
                pair[self.turn][...] = state[name]
