# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""A model one step at a time without Python between its layers; `compiled.py` describes the layers.

The arithmetic is that of the layers, in the same order, so the bits are the same.
"""

from libc.stdint cimport int32_t
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

cdef extern from "eventsim/models/layers/kernels/min_gru.h" nogil:
    ctypedef struct min_gru_layer:
        ptrdiff_t steps, batch, n, low, high
        int positive
        const void *grid
    void min_gru_forward(int is_float64, const min_gru_layer *p, void *pre, const void *first, void *h)

cdef extern from "eventsim/models/layers/kernels/s4d.h" nogil:
    enum:
        S4D_LANES
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

cdef extern from "eventsim/models/layers/kernels/norm.h" nogil:
    void column_normalise_f32(ptrdiff_t rows, ptrdiff_t n, const float *x, const float *mean, const float *scale,
                              const float *beta, float *y)
    void column_normalise_f64(ptrdiff_t rows, ptrdiff_t n, const double *x, const double *mean,
                              const double *scale, const double *beta, double *y)
    void row_normalise_f32(ptrdiff_t rows, ptrdiff_t n, double epsilon, const float *x, const float *gamma,
                           const float *beta, float *y, double *moments)
    void row_normalise_f64(ptrdiff_t rows, ptrdiff_t n, double epsilon, const double *x, const double *gamma,
                           const double *beta, double *y, double *moments)

cdef extern from "eventsim/models/layers/kernels/elementwise.h" nogil:
    void gelu_f32(ptrdiff_t n, int exact, const float *x, float *y)
    void gelu_f64(ptrdiff_t n, int exact, const double *x, double *y)
    void glu_f32(ptrdiff_t rows, ptrdiff_t n, const float *x, float *y)
    void glu_f64(ptrdiff_t rows, ptrdiff_t n, const double *x, double *y)

cdef extern from "eventsim/models/layers/kernels/quantize.h" nogil:
    void quantize_rows_f32(ptrdiff_t rows, ptrdiff_t n, const float *step, const float *per_step, const float *least,
                           const float *most, const float *x, float *y)
    void quantize_rows_f64(ptrdiff_t rows, ptrdiff_t n, const double *step, const double *per_step,
                           const double *least, const double *most, const double *x, double *y)
    void gate_forward_f32(int kind, float slope, ptrdiff_t n, const float *x, float *y)
    void gate_forward_f64(int kind, double slope, ptrdiff_t n, const double *x, double *y)

cdef enum:
    BLOCK = 256  # inputs that are summed in one go, as in products.pyx
    ARRAYS = 4
    LINEAR, NORM, SPIKING, LEAKY, GATED, STATE_SPACE, DELAYS, ROW_NORM, GELU, GLU, ROUND, GATE, ADD

KINDS = {
    "linear": LINEAR,       # weight, bias or None
    "norm": NORM,           # mean, scale, beta
    "lif": SPIKING,         # alpha, threshold, grid or None; surrogate, width, smooth
    "leaky": LEAKY,         # alpha
    "min_gru": GATED,       # weight, bias, grid or None; positive
    "s4d": STATE_SPACE,     # numbers, skip, grid, bounds; settings, modes
    "delay_conv": DELAYS,   # values, grid or None; delay, count, length
    "layer_norm": ROW_NORM,  # gamma, beta; epsilon
    "gelu": GELU,           # ; exact
    "glu": GLU,
    "round": ROUND,         # grid
    "gate": GATE,           # ; gate, slope
    "add": ADD,             # ; other, the step whose output is added, -1 for the input
}

cdef struct Step:
    int kind
    int option       # positive, exact, gate
    ptrdiff_t n_in, n_out, n_blocks, other, length, at, most
    double number    # epsilon, slope
    void *arrays[ARRAYS]
    const int32_t *delay
    const int32_t *count
    char *out        # (batch, n_out); spikes, membranes and states h as well
    char *before     # the same at the step before
    char *v
    char *v_before
    char *room       # a sum of rows; gates and candidates; inputs as they are kept; moments
    char *state      # states of state-space models, ring of inputs
    lif_layer units
    min_gru_layer gru
    s4d_block *blocks


cdef char *memory(array) except? NULL:
    cdef unsigned char[::1] view = array.reshape(-1).view(np.uint8)
    return <char *> &view[0]


cdef inline void multiply(bint wide, Py_ssize_t batch, Py_ssize_t n_in, Py_ssize_t n_out, const char *x,
                          const char *weight, const char *bias, char *room, char *y) noexcept nogil:
    """Fill y = x W + b in the order of `Linear`; a single sample of spikes sums rows of W, with `room` for n_out."""
    cdef Py_ssize_t i, deep, first = 0
    cdef size_t size = 8 if wide else 4
    for i in range(batch):
        if bias is NULL:
            memset(y + i * n_out * size, 0, n_out * size)
        else:
            memcpy(y + i * n_out * size, bias, n_out * size)
    while first < n_in:
        deep = min(<Py_ssize_t> BLOCK, n_in - first)
        if not (batch == 1 and room is not NULL and spikes_multiply(
                wide, n_out, deep, x + first * size, weight + first * n_out * size, room, y)):
            products_multiply(wide, batch, n_out, deep, 1.0, x + first * size, n_in, 1,
                              weight + first * n_out * size, y)
        first += deep


ctypedef fused real:
    float
    double


cdef inline void delays(Step *p, Py_ssize_t batch, const real *x, real *y) noexcept nogil:
    """Write x into the ring, and fill y in the order of `DelayConv`."""
    cdef Py_ssize_t b, c, k, at, n = p.n_in, now = p.at
    cdef real *past
    cdef const real *value = <const real *> p.arrays[0]
    cdef real total
    for b in range(batch):
        past = <real *> p.state + b * p.length * n
        memcpy(past + now * n, x + b * n, n * sizeof(real))
        for c in range(n):
            total = 0
            for k in range(p.count[c]):
                at = now - p.delay[c * p.most + k]
                total = total + value[c * p.most + k] * past[(at if at >= 0 else at + p.length) * n + c]
            y[b * n + c] = total
    p.at = now + 1 if now + 1 < p.length else 0


cdef inline void rounded(Py_ssize_t batch, Py_ssize_t n, const real *grid, const real *x, real *y) noexcept nogil:
    """Fill y with the nearest values of a grid (4, n)."""
    if real is float:
        quantize_rows_f32(batch, n, grid, grid + n, grid + 2 * n, grid + 3 * n, x, y)
    else:
        quantize_rows_f64(batch, n, grid, grid + n, grid + 2 * n, grid + 3 * n, x, y)


cdef void simple(Step *p, Py_ssize_t batch, const real *x, const real *other, real *y) noexcept nogil:
    """Fill y with what a layer without weights makes of x."""
    cdef Py_ssize_t i, n = batch * p.n_out
    if p.kind == NORM:
        if real is float:
            column_normalise_f32(batch, p.n_out, x, <real *> p.arrays[0], <real *> p.arrays[1], <real *> p.arrays[2], y)
        else:
            column_normalise_f64(batch, p.n_out, x, <real *> p.arrays[0], <real *> p.arrays[1], <real *> p.arrays[2], y)
    elif p.kind == ROW_NORM:
        if real is float:
            row_normalise_f32(batch, p.n_out, p.number, x, <real *> p.arrays[0], <real *> p.arrays[1], y, <double *> p.room)
        else:
            row_normalise_f64(batch, p.n_out, p.number, x, <real *> p.arrays[0], <real *> p.arrays[1], y, <double *> p.room)
    elif p.kind == GELU:
        if real is float:
            gelu_f32(n, p.option, x, y)
        else:
            gelu_f64(n, p.option, x, y)
    elif p.kind == GLU:
        if real is float:
            glu_f32(batch, p.n_out, x, y)
        else:
            glu_f64(batch, p.n_out, x, y)
    elif p.kind == ROUND:
        rounded(batch, p.n_out, <const real *> p.arrays[0], x, y)
    elif p.kind == GATE:
        if real is float:
            gate_forward_f32(p.option, <float> p.number, n, x, y)
        else:
            gate_forward_f64(p.option, p.number, n, x, y)
    else:
        for i in range(n):
            y[i] = other[i] + x[i]


cdef class CompiledStream:
    """Steps of layers.

    Parameters
    ----------
    steps : list of (kind, place, n_in, n_out, arrays, options)
        Kinds are those of `KINDS`; `place` names the layer, such as "2/0". Decays, thresholds and their grids are
        repeated as `LIF` does it.
    places : list of str
        All layers, also those without a step.
    batch : int
    is_float64 : bool
    """

    cdef Step *steps
    cdef readonly Py_ssize_t n_steps, batch
    cdef readonly bint is_float64
    cdef list kept     # arrays whose memory the steps use
    cdef list states   # by step: place and arrays by name, a pair of which the present one changes, or one
    cdef list places
    cdef int turn      # which of each pair holds the present state
    cdef object last, shape

    def __cinit__(self, list steps, list places, Py_ssize_t batch, bint is_float64):
        cdef Py_ssize_t k
        self.n_steps, self.batch, self.is_float64 = len(steps), batch, is_float64
        self.kept, self.states, self.places, self.turn = [], [], places, 0
        self.shape = (batch, steps[0][2] if steps else 0)
        self.steps = <Step *> calloc(max(1, len(steps)), sizeof(Step))
        if self.steps is NULL:
            raise MemoryError("no memory for the steps of a stream")
        for k, each in enumerate(steps):
            self.begin(k, *each)

    def __dealloc__(self):
        cdef Py_ssize_t k
        for k in range(self.n_steps if self.steps is not NULL else 0):
            free(self.steps[k].blocks)
        free(self.steps)

    cdef char *room(self, array) except? NULL:
        """Return the memory of an array, which is kept."""
        self.kept.append(array)
        return memory(array)

    def begin(self, Py_ssize_t k, kind, place, Py_ssize_t n_in, Py_ssize_t n_out, arrays, options):
        """Fill in step k."""
        cdef Step *step = &self.steps[k]
        dtype = np.float64 if self.is_float64 else np.float32
        step.kind, step.n_in, step.n_out = KINDS[kind], n_in, n_out
        for j, array in enumerate(arrays):
            if array is not None and array.size:
                step.arrays[j] = self.room(np.ascontiguousarray(array, dtype))
        pair, other = ([np.zeros((self.batch, n_out), dtype) for _ in range(2)] for _ in range(2))
        step.out, step.before = self.room(pair[0]), self.room(pair[1])
        self.last = pair
        if kind == "linear":
            step.room = self.room(np.zeros(n_out, dtype))
        elif kind == "lif":
            step.v, step.v_before = self.room(other[0]), self.room(other[1])
            step.units.surrogate, step.units.width, step.units.smooth = (
                options["surrogate"], options["width"], options["smooth"])
            self.states.append((place, {"v": other, "s": pair}))
        elif kind == "leaky":
            self.states.append((place, {"u": pair}))
        elif kind == "min_gru":
            step.room = self.room(np.zeros((self.batch, 2 * n_out), dtype))
            step.gru.steps, step.gru.batch, step.gru.n = 1, self.batch, n_out
            step.gru.low, step.gru.high, step.gru.positive = 0, self.batch, options["positive"]
            step.gru.grid = step.arrays[2]
            self.states.append((place, {"h": pair}))
        elif kind == "s4d":
            self.begin_heads(step, arrays[0].shape[0], arrays[0].shape[1], place, options["settings"])
        elif kind == "delay_conv":
            delay, count = (np.ascontiguousarray(options[name], np.int32) for name in ("delay", "count"))
            step.delay, step.count = <const int32_t *> self.room(delay), <const int32_t *> self.room(count)
            step.most, step.length = delay.shape[1], options["length"]
            past = np.zeros((self.batch, step.length, n_in), dtype)
            step.state, step.room = self.room(past), self.room(np.zeros((self.batch, n_in), dtype))
            self.states.append((place, {"past": [past], "at": k}))
        elif kind == "layer_norm":
            step.room, step.number = self.room(np.zeros((self.batch, 2))), options["epsilon"]
        elif kind == "gelu":
            step.option = options["exact"]
        elif kind == "gate":
            step.option, step.number = options["gate"], options["slope"]
        elif kind == "add":
            step.other = options["other"]
        if kind in ("lif", "leaky"):
            step.units.steps, step.units.batch, step.units.n = 1, self.batch, n_out
            step.units.low, step.units.high, step.units.row = 0, self.batch, len(arrays[0])
            step.units.alpha = step.arrays[0]
            step.units.threshold = step.arrays[1] if kind == "lif" else step.arrays[0]
            step.units.grid = step.arrays[2] if kind == "lif" else NULL
            if kind == "leaky":
                step.units.width = 1.0

    cdef int begin_heads(self, Step *step, Py_ssize_t blocks, Py_ssize_t modes, place, settings) except -1:
        """Fill in the blocks of heads of a state-space model."""
        cdef Py_ssize_t block, size = 8 if self.is_float64 else 4
        cdef s4d_block *p
        states = np.zeros((blocks, self.batch, modes, 2, S4D_LANES), np.float64 if self.is_float64 else np.float32)
        step.state, step.n_blocks = self.room(states), blocks
        step.length = self.batch * modes * 2 * S4D_LANES * size  # bytes of the states of a block
        step.blocks = <s4d_block *> calloc(blocks, sizeof(s4d_block))
        if step.blocks is NULL:
            raise MemoryError("no memory for the heads of a stream")
        for block in range(blocks):
            p = &step.blocks[block]
            p.state, p.clip, p.limit, p.levels, p.least, p.shared, p.widened = settings
            p.steps, p.batch, p.heads, p.modes, p.low, p.high, p.segment = 1, self.batch, step.n_in, modes, 0, self.batch, 1
            p.head = block * S4D_LANES
            p.numbers = <char *> step.arrays[0] + block * modes * 6 * S4D_LANES * size
            p.skip = <char *> step.arrays[1] + block * S4D_LANES * size
            p.grid = <char *> step.arrays[2] + block * 8 * S4D_LANES * size
            p.within = <char *> step.arrays[3] + block * 4 * S4D_LANES * size
        self.states.append((place, {"x": [states]}))
        return 0

    cdef void run(self, const char *x) noexcept nogil:
        cdef Py_ssize_t k, block
        cdef bint wide = self.is_float64
        cdef Step *step
        cdef const char *given = x
        cdef const char *other
        for k in range(self.n_steps):
            step = &self.steps[k]
            step.out, step.before = step.before, step.out
            step.v, step.v_before = step.v_before, step.v
            if step.kind == LINEAR:
                multiply(wide, self.batch, step.n_in, step.n_out, x, <char *> step.arrays[0], <char *> step.arrays[1],
                         step.room, step.out)
            elif step.kind == SPIKING:
                lif_forward(wide, &step.units, x, step.v_before, step.before, step.v, step.out)
            elif step.kind == LEAKY:
                leak_forward(wide, &step.units, x, step.before, step.out)
            elif step.kind == GATED:
                multiply(wide, self.batch, step.n_in, 2 * step.n_out, x, <char *> step.arrays[0],
                         <char *> step.arrays[1], NULL, step.room)
                min_gru_forward(wide, &step.gru, step.room, step.before, step.out)
            elif step.kind == STATE_SPACE:
                for block in range(step.n_blocks):
                    s4d_forward(wide, &step.blocks[block], x, step.state + block * step.length, NULL, step.out)
            elif step.kind == DELAYS:
                if step.arrays[1] is not NULL:
                    if wide:
                        rounded(self.batch, step.n_in, <double *> step.arrays[1], <double *> x, <double *> step.room)
                    else:
                        rounded(self.batch, step.n_in, <float *> step.arrays[1], <float *> x, <float *> step.room)
                    x = step.room
                if wide:
                    delays(step, self.batch, <double *> x, <double *> step.out)
                else:
                    delays(step, self.batch, <float *> x, <float *> step.out)
            else:
                other = given if step.other < 0 else self.steps[step.other].out
                if wide:
                    simple(step, self.batch, <double *> x, <double *> other, <double *> step.out)
                else:
                    simple(step, self.batch, <float *> x, <float *> other, <float *> step.out)
            x = step.out

    def step(self, x):
        """Return the output of one step of `x` (batch, n_in), contiguous and of the right dtype; not to be kept."""
        cdef const char *given
        cdef const double[:, ::1] doubles
        cdef const float[:, ::1] floats
        if x.shape != self.shape:
            raise ValueError(f"a step takes an array {self.shape}, got shape {x.shape}")
        if self.is_float64:
            doubles = x
            given = <const char *> &doubles[0, 0]
        else:
            floats = x
            given = <const char *> &floats[0, 0]
        with nogil:
            self.run(given)
        self.turn = 1 - self.turn
        return self.last[self.turn]

    def state(self):
        """Return copies of the states of all layers, in the form of `Sequential.init_state`."""
        found = {}
        for place in self.places:
            inside(found, place)
        for place, own in self.states:
            to = inside(found, place)
            for name, pair in own.items():
                if name == "at":
                    to[name] = np.full(1, self.steps[<Py_ssize_t> pair].at, np.int64)
                else:
                    to[name] = pair[self.turn if len(pair) == 2 else 0].copy()
        return found

    def restore(self, dict states):
        """Go back to states that `state` returned."""
        for place, own in self.states:
            given = inside(states, place)
            for name, pair in own.items():
                if name == "at":
                    self.steps[<Py_ssize_t> pair].at = int(given[name][0])
                else:
                    pair[self.turn if len(pair) == 2 else 0][...] = given[name]


def inside(states, place):
    """Return the state of a layer, such as that at "2/0"."""
    for key in place.split("/"):
        states = states.setdefault(key, {})
    return states
