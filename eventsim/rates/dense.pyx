# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Projections of rates between continuous populations, and their plasticity.

At each tick a projection adds x W + b to a receptor of its target, x being the rate of its source as of
the tick before (or earlier, with a delay), and e W^T to the receptor for errors of its source.

A projection that learns makes the change of a tick, dt * learning_rate * <x^T e>, when it reads the weights
at the next one: nobody reads them in between, and change and products then share one pass over the matrix.
The error of that tick goes back through the weights before the change, its rates go on through those after
it: back(t + 1) = W(t)^T e(t), current(t + 1) = W(t + 1) r(t) + b(t + 1). When the input has not changed
since, a change c x^T e of the weights changes their product by c (x x^T) e, so neither product nor weights
need to be touched: both are brought up to date when the input changes. Exact but for rounding, and the same
however a run is sliced.
"""

from libc.math cimport pow, sqrt
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memcmp, memcpy, memset

import numpy as np

from eventsim.kernels.products cimport products_dots, products_multiply
from eventsim.engine.engine cimport Engine, Event
from eventsim.engine.priorities cimport DELIVERIES
from eventsim.rates.ticks cimport Continuous, TickPart

from eventsim.errors import ConfigError
from eventsim.renamed import with_current_names
from eventsim.states import FINITE, LATEST, state_arrays, state_group, state_number

cdef extern from "eventsim/kernels/adam.h" nogil:
    void adam_step(int is_float64, void *p, const void *g, void *first, void *second, double rate, double spread,
                   double mean, double beta1, double beta2, double epsilon, ptrdiff_t n)

cdef extern from "eventsim/rates/rates.h" nogil:
    void rates_add(int is_float64, void *to, const void *given, ptrdiff_t n)
    void rates_add_scaled(int is_float64, void *to, const void *given, double c, ptrdiff_t n)
    void rates_follow(int is_float64, void *to, const void *given, double c, ptrdiff_t n)
    void rates_add_to_all(int is_float64, void *to, const double *row, double c, ptrdiff_t n, ptrdiff_t batch)
    void rates_add_row(int is_float64, void *to, const void *row, ptrdiff_t n, ptrdiff_t batch)
    void rates_sum_rows(int is_float64, void *row, const void *given, double c, ptrdiff_t n, ptrdiff_t batch)
    void rates_sweep(int is_float64, void *m, ptrdiff_t rows, ptrdiff_t cols, double c, const void *a, const void *b,
                     const void *x, void *out_f, const void *y, void *out_s, int spread_first)
    void rates_quantize(int is_float64, void *to, const void *given, const void *gain, double step, double limit, ptrdiff_t n)
    void rates_momentum(int is_float64, void *p, const void *g, void *velocity, double rate, double mean, double momentum,
                        ptrdiff_t n)

cdef enum:
    REFRESH = 4096      # ticks after which a kept product is taken afresh, so that rounding does not pile up

OPTIMISERS = {"frozen": FROZEN, "sgd": SGD, "momentum": MOMENTUM, "adam": ADAM}


cdef char *memory(array) except? NULL:
    """Return where a C-contiguous, writable array begins."""
    cdef unsigned char[::1] view = array.reshape(-1).view(np.uint8)
    return <char *> &view[0] if view.shape[0] else NULL


cdef class RateProjection(TickPart):
    """What all projections of rates share. Subclass, and override the products.

    Parameters
    ----------
    name : str
    pre, post : Continuous
    weight : ndarray
        As it is stored; owned by the projection, in the dtype of the populations.
    bias : ndarray or None
    ticks : int
        Delay in ticks, at least 1.
    variable, receptor : str
        What is read from `pre` and where it goes in `post`.
    errors : bool
        Whether the error of `post` goes back to `pre`.
    tau_syn : float
        Time constant of the synaptic filter of rates and errors; 0 without.
    """

    def __init__(self, str name, Continuous pre not None, Continuous post not None, weight, bias=None, *,
                 int64_t ticks=1, str variable="rate", str receptor="input", bint errors=True, double tau_syn=0.0):
        self.name = name
        self.pre, self.post = pre, post
        self.is_float64, self.batch, self.dt = pre.is_float64, pre.batch, pre.dt
        self.size = 8 if self.is_float64 else 4
        self.n_pre, self.n_post = pre.n, post.n
        self.ticks = max(ticks, 1)
        if self.ticks > 1 and variable == "rate":
            pre.remember(self.ticks)
        self.state = {"weight": weight, "x": self.zeros(self.batch, pre.n)}
        self.w = memory(weight)
        self.n_weights = weight.size
        if bias is not None:
            self.state["bias"] = bias
            self.b = memory(bias)
            self.n_bias = bias.size
        self.x = memory(self.state["x"])
        self.source = NULL if variable == "rate" else memory(pre.arrays[variable])
        if self.ticks > 1 and variable != "rate":
            self.history = pre.remember_variable(variable, self.ticks)
        self.target = memory(post.receptors[receptor])
        self.error = memory(post.arrays["error"]) if "error" in post.arrays else NULL
        if errors and self.error != NULL and "error" in pre.receptors:
            self.back = memory(pre.receptors["error"])
        self.follow_x = self.follow_e = self.dt / tau_syn if tau_syn > 0 else 1.0
        if tau_syn > 0 and self.back != NULL:
            self.state["sent"] = self.zeros(self.batch, post.n)
            self.sent = memory(self.state["sent"])
        self.optimiser = FROZEN

    def delay_sources(self, lags, str variable="rate"):
        """Give each source a delay of its own.

        Parameters
        ----------
        lags : ndarray of int, shape (n_pre,)
            In ticks, at least 1.
        variable : str
            What is sent.
        """
        cdef int32_t[::1] view = np.ascontiguousarray(lags, np.int32)
        cdef int depth = int(np.max(lags, initial=1))
        self.source_lags = view.base
        self.source_lag = &view[0] if view.shape[0] else NULL
        if variable == "rate":
            self.pre.remember(depth)
        else:
            self.history = self.pre.remember_variable(variable, depth)
        self.state["delayed"] = self.pre.arrays[variable].copy()
        self.delayed = memory(self.state["delayed"])

    def travel_by_events(self):
        """Let each value of each source arrive as an event of the engine, not through a ring buffer.

        The results are the same to the bit; it is much slower, and meant to check the buffer.
        """
        if self.source_lag == NULL or self.batch > 1 or not self.is_float64:
            raise ConfigError(f"{self.name!r} needs a delay for each source, float64 and batch=1 to send rates as events")
        self.by_events = True

    def zeros(self, *shape):
        """Return an array of zeros in the dtype of the populations."""
        return np.zeros(shape, np.float64 if self.is_float64 else np.float32)

    def learn_by(self, double learning_rate, *, str post="error", str pre="", str optimiser="sgd", double bias_factor=1.0,
                 double decay=0.0, double momentum=0.9, double beta1=0.9, double beta2=0.999, double epsilon=1e-8):
        """Learn: weight += dt * learning_rate * (<pre^T post> - decay * weight) at each tick, or by momentum or Adam.

        Parameters
        ----------
        learning_rate : float
            Weight change per time; for Adam the step per time.
        post, pre : str
            Signals of the two populations; without `pre` what the weights were multiplied with.
        optimiser : {"sgd", "momentum", "adam", "frozen"}
        bias_factor : float
            Rate of the bias relative to `learning_rate`.
        decay : float
            Weights decay with rate learning_rate * decay, whatever the optimiser makes of gradients.
        """
        self.check_decay(learning_rate, decay)
        self.optimiser = OPTIMISERS[optimiser]
        self.learning_rate, self.bias_factor, self.decay = learning_rate, bias_factor, decay
        self.momentum, self.beta1, self.beta2, self.epsilon = momentum, beta1, beta2, epsilon
        self.error_signal = memory(self.post.arrays[post])
        self.source_signal = memory(self.pre.arrays[pre]) if pre else NULL
        n = self.n_weights + self.n_bias
        for name in ("gradient", "first", "second")[: {SGD: 0, MOMENTUM: 2, ADAM: 3}.get(self.optimiser, 0)]:
            self.state[name] = self.zeros(n)
        self.gradient = memory(self.state["gradient"]) if "gradient" in self.state else NULL
        self.first = memory(self.state["first"]) if "first" in self.state else NULL
        self.second = memory(self.state["second"]) if "second" in self.state else NULL

    def set_learning_rate(self, double learning_rate):
        """Change the learning rate from the next tick on; 0 stops learning."""
        self.check_decay(learning_rate, self.decay)
        self.learning_rate = learning_rate

    def check_decay(self, double learning_rate, double decay):
        """Refuse a decay that a tick cannot follow; weights would swing, and grow without bound beyond twice of it."""
        if self.dt * learning_rate * decay > 1.0:
            raise ConfigError(
                f"the decay of the weights of {self.name!r} is too fast for ticks: dt = {self.dt:g}, learning_rate = "
                f"{learning_rate:g} and decay = {decay:g}; explicit steps need dt * learning_rate * decay <= 1")

    # Weights as a user sees them ------------------------------------------------------------------

    def shaped(self, weight):
        """Return stored weights in the shape a user gave them."""
        return weight

    def stored(self, weight):
        """Return a user's weights as they are stored."""
        return weight

    def weights(self):
        """Return a copy of (weight, bias) with all changes made; bias is None without."""
        state = self.snapshot()  # what is due is made on the side, so that looking changes nothing
        self.settle()
        weight = self.shaped(self.state["weight"]).copy()
        bias = self.state["bias"].copy() if self.b != NULL else None
        self.put_back(state)
        return weight, bias

    def set_weights(self, weight=None, bias=None):
        """Replace the weights, the bias, or both, from the next tick on."""
        self.settle()
        if weight is not None:
            self.state["weight"][...] = self.stored(weight)
        if bias is not None:
            self.state["bias"][...] = bias

    def snapshot(self):
        """Return the state as a dictionary of arrays and numbers."""
        state = {name: array.copy() for name, array in self.state.items() if name != "gradient"}
        return state | {"due": self.pending_update, "learning_rate": self.learning_rate, "steps": self.steps}

    def check_state(self, state, time=None, crossings=None):
        """Return arrays and numbers of a state, or raise ValueError if these synapses cannot have it; nothing changes."""
        state = with_current_names("state/rates", state_group(state, self.name), quiet=True)
        kept = {name: array for name, array in self.state.items() if name != "gradient"}
        depth = self.pre.depth if self.history is None else self.history.depth + 1
        bounds = dict.fromkeys(kept, FINITE) | {"lags": (1, max(depth, 2))}
        return {
            **state_arrays(state, kept, bounds, of=self.name),
            # Without learning nothing is due: there is no error to learn from.
            "due": state_number(state, "due", float, *((0.0, 5e-324) if self.optimiser == FROZEN else FINITE), of=self.name),
            "learning_rate": state_number(state, "learning_rate", float, *FINITE, of=self.name),
            "steps": state_number(state, "steps", np.int64, 0, LATEST, of=self.name),
        }

    def restore(self, state):
        """Go back to a state that `snapshot` returned."""
        self.put_back(self.check_state(state))

    cdef int put_back(self, dict state) except -1:
        for name, array in self.state.items():
            if name in state:
                array[...] = state[name]
        self.pending_update, self.learning_rate, self.steps = state["due"], state["learning_rate"], state["steps"]
        return 0

    # Ticks ----------------------------------------------------------------------------------------

    cdef char *incoming(self, int64_t k) noexcept nogil:
        """Return what the source shows to this projection at tick k, before the filter."""
        if self.source_lag != NULL:
            if not self.by_events:
                self.collect_delayed(k)
            return self.delayed
        if self.history is not None:
            return self.history.before(k, self.ticks)
        return self.source if self.source != NULL else <char *> self.pre.rate_before(k, self.ticks)

    cdef void collect_delayed(self, int64_t k) noexcept nogil:
        """Take from the past of each source what it sent as long ago as its delay says."""
        cdef int64_t depth = self.history.depth if self.history is not None else self.pre.depth
        cdef char *past = self.history.slots if self.history is not None else self.pre.rates
        cdef int64_t head = k % depth, total = self.batch * self.n_pre, j, b, slot
        for j in range(self.n_pre):
            slot = head - self.source_lag[j]
            slot = (slot + depth if slot < 0 else slot) * total + j
            for b in range(self.batch):
                if self.is_float64:
                    (<double *> self.delayed)[b * self.n_pre + j] = (<double *> past)[slot + b * self.n_pre]
                else:
                    (<float *> self.delayed)[b * self.n_pre + j] = (<float *> past)[slot + b * self.n_pre]

    cdef int learn(self, Engine engine, int64_t k, double time) except -1 nogil:
        """After the tick: send its values, if they travel as events."""
        cdef double *now = <double *> (self.source if self.source != NULL else self.pre.rate)
        cdef int64_t j
        if self.by_events:
            for j in range(self.n_pre):
                engine.push((k + self.source_lag[j]) * self.dt, self.id, <int> j, now[j], DELIVERIES)
        return 0

    cdef int receive(self, Engine engine, const Event *event) except -1 nogil:
        (<double *> self.delayed)[event.unit] = event.value
        return 0

    def unit_range(self):
        """Return the sources that an event may stand for."""
        return 0, max(self.n_pre, 1)

    cdef char *outgoing(self) noexcept nogil:
        """Return the error to send back, or NULL."""
        if self.back == NULL:
            return NULL
        if self.sent == NULL:
            return self.error
        rates_follow(self.is_float64, self.sent, self.error, self.follow_e, self.batch * self.n_post)
        return self.sent

    cdef int gather(self, int64_t k, double time) except -1 nogil:
        self.send_errors()
        self.settle()
        return self.send_rates(k)

    cdef int send_errors(self) except -1 nogil:
        """Send the error of the last tick down, through the weights of that tick: call it before `settle`."""
        cdef char *e = self.outgoing()
        if e != NULL:
            self.backward(e, self.back)
        return 0

    cdef int send_rates(self, int64_t k) except -1 nogil:
        """Send the rates of the last tick up, through the weights of this one: call it after `settle`."""
        if self.follow_x < 1.0:
            rates_follow(self.is_float64, self.x, self.incoming(k), self.follow_x, self.batch * self.n_pre)
        else:
            memcpy(self.x, self.incoming(k), self.batch * self.n_pre * self.size)
        self.forward(self.x, self.target)
        if self.b != NULL:
            self.add_bias(self.target)
        if self.optimiser != FROZEN:
            self.pending_update = self.dt * self.learning_rate
        return 0

    cdef int settle(self) except -1 nogil:
        """Make the change that is due: variables and x are still those of the last tick."""
        cdef char *x = self.source_signal if self.source_signal != NULL else self.x
        if self.pending_update == 0.0:
            return 0
        if self.decay > 0.0:
            rates_add_scaled(self.is_float64, self.w, self.w, -self.pending_update * self.decay, self.n_weights)
        if self.optimiser == SGD:
            self.correlate(self.w, self.pending_update / self.batch, x, self.error_signal)
            self.settle_bias()
        else:
            memset(self.gradient, 0, (self.n_weights + self.n_bias) * self.size)
            self.correlate(self.gradient, 1.0, x, self.error_signal)
            self.steps += 1
            self.improve(self.w, 0, self.n_weights, 1.0)
            if self.b != NULL:
                self.sum_errors(self.gradient + self.n_weights * self.size, 1.0, self.error_signal)
                self.improve(self.b, self.n_weights, self.n_bias, self.bias_factor)
        self.pending_update = 0.0
        return 0

    cdef int settle_bias(self) except -1 nogil:
        if self.b != NULL and self.bias_factor != 0.0:
            self.sum_errors(self.b, self.pending_update * self.bias_factor / self.batch, self.error_signal)
        return 0

    cdef void improve(self, char *p, int64_t at, int64_t n, double factor) noexcept nogil:
        """Change n parameters along their gradient, which begins at number `at`."""
        cdef int64_t offset = at * self.size
        if self.optimiser == MOMENTUM:
            rates_momentum(self.is_float64, p, self.gradient + offset, self.first + offset, factor * self.pending_update,
                           1.0 / self.batch, self.momentum, n)
        else:
            adam_step(self.is_float64, p, self.gradient + offset, self.first + offset, self.second + offset,
                      factor * self.pending_update / (1.0 - pow(self.beta1, self.steps)),
                      1.0 / sqrt(1.0 - pow(self.beta2, self.steps)), 1.0 / self.batch,
                      self.beta1, self.beta2, self.epsilon, n)

    cdef int forward(self, char *x, char *out) except -1 nogil:
        with gil:
            raise NotImplementedError

    cdef int backward(self, char *e, char *out) except -1 nogil:
        with gil:
            raise NotImplementedError

    cdef int correlate(self, char *to, double c, char *x, char *e) except -1 nogil:
        with gil:
            raise NotImplementedError(f"{type(self).__name__} has no weights to learn")

    cdef int sum_errors(self, char *to, double c, char *e) except -1 nogil:
        rates_sum_rows(self.is_float64, to, e, c, self.n_post, self.batch)
        return 0

    cdef int add_bias(self, char *out) except -1 nogil:
        rates_add_row(self.is_float64, out, self.b, self.n_post, self.batch)
        return 0


cdef class Dense(RateProjection):
    """Every unit to every unit: weight (n_pre, n_post)."""

    def __init__(self, str name, Continuous pre not None, Continuous post not None, weight, bias=None, **options):
        self.by_pre = post.n >= pre.n or post.n > 16  # long rows
        self.rows, self.cols = (pre.n, post.n) if self.by_pre else (post.n, pre.n)
        stored = np.array(self.stored(weight), np.float64 if pre.is_float64 else np.float32, order="C")
        super().__init__(name, pre, post, stored, bias, **options)
        for key, shape in (("product", (self.batch, post.n)), ("unlearnt", (self.batch, post.n)),
                           ("overlap", (self.batch, self.batch))):
            self.state[key] = self.zeros(*shape)
        self.product, self.unlearnt = memory(self.state["product"]), memory(self.state["unlearnt"])
        self.overlap = memory(self.state["overlap"])
        self.used = self.w

    def quantize(self, double step, double limit, gain=None):
        """Multiply rates and errors with the nearest multiple of `step` within +-limit; weights that learn stay fine.

        Parameters
        ----------
        step, limit : float
            0 and inf for any weight.
        gain : ndarray, shape (n_pre, n_post), optional
            What a weight is multiplied with after that, such as the fixed pattern of a chip.
        """
        self.settle()
        self.step, self.limit, self.gain, self.gains = step, limit, None, NULL
        if gain is not None:
            self.gain = np.array(self.stored(gain), self.state["weight"].dtype, order="C")
            self.gains = memory(self.gain)
        exact = step == 0.0 and limit == np.inf and gain is None
        self.coarse = None if exact else np.empty_like(self.state["weight"])
        self.used = self.w if exact else memory(self.coarse)
        self.known, self.stale = False, True

    def shaped(self, weight):
        """Return weights as (n_pre, n_post)."""
        return weight if self.by_pre else weight.T

    def stored(self, weight):
        """Return weights as they are stored."""
        return np.asarray(weight) if self.by_pre else np.asarray(weight).T

    def set_weights(self, weight=None, bias=None):
        """Replace the weights, the bias, or both, from the next tick on."""
        RateProjection.set_weights(self, weight, bias)
        self.known, self.stale = False, True

    def snapshot(self):
        """Return the state as a dictionary of arrays and numbers."""
        return RateProjection.snapshot(self) | {"known": int(self.known), "held": self.constant_ticks}

    def check_state(self, state, time=None, crossings=None):
        """Return arrays and numbers of a state, or raise ValueError if these synapses cannot have it; nothing changes."""
        return RateProjection.check_state(self, state, time) | {
            "known": state_number(state, "known", np.int64, 0, 2, of=self.name),
            "held": state_number(state, "held", np.int64, 0, REFRESH + 2, of=self.name),
        }

    cdef int put_back(self, dict state) except -1:
        RateProjection.put_back(self, state)
        self.known, self.constant_ticks, self.stale = bool(state["known"]), state["held"], True
        return 0

    cdef int gather(self, int64_t k, double time) except -1 nogil:
        cdef char *new
        cdef char *e
        if (self.follow_x < 1.0 or self.source_signal != NULL or self.optimiser > SGD or self.decay > 0.0
                or self.used != self.w):
            return RateProjection.gather(self, k, time)
        if self.back == NULL:
            return self.gather_kept(k)
        if self.batch > 1 or self.pending_update == 0.0:
            return RateProjection.gather(self, k, time)
        new = self.incoming(k)
        e = self.outgoing()
        self.settle_bias()
        if self.by_pre:
            rates_sweep(self.is_float64, self.w, self.rows, self.cols, self.pending_update, self.x,
                        self.error_signal, new, self.target,
                        e, self.back, False)
        else:
            rates_sweep(self.is_float64, self.w, self.rows, self.cols, self.pending_update, self.error_signal,
                        self.x, e, self.back,
                        new, self.target, True)
        if self.b != NULL:
            self.add_bias(self.target)
        memcpy(self.x, new, self.n_pre * self.size)
        self.pending_update = self.dt * self.learning_rate
        return 0

    cdef int gather_kept(self, int64_t k) except -1 nogil:
        """A tick without errors to send back: the product of an input that has not changed is kept."""
        cdef char *new = self.incoming(k)
        cdef int64_t n_x = self.batch * self.n_pre, n_y = self.batch * self.n_post
        cdef double c = self.pending_update / self.batch
        if self.known and self.constant_ticks < REFRESH and memcmp(new, self.x, n_x * self.size) == 0:
            if c != 0.0:
                if self.constant_ticks == 0:
                    memset(self.overlap, 0, self.batch * self.batch * self.size)
                    products_dots(self.is_float64, self.batch, self.batch, self.n_pre, self.x, self.x, self.overlap)
                self.settle_bias()
                rates_add_scaled(self.is_float64, self.unlearnt, self.error_signal, c, n_y)
                if self.batch == 1:
                    rates_add_scaled(self.is_float64, self.product, self.error_signal, c * (
                        (<double *> self.overlap)[0] if self.is_float64 else (<float *> self.overlap)[0]), n_y)
                else:
                    products_multiply(self.is_float64, self.batch, self.n_post, self.batch, c, self.overlap, self.batch, 1,
                                      self.error_signal, self.product)
                self.constant_ticks += 1
        else:
            memset(self.product, 0, n_y * self.size)
            if self.constant_ticks or self.batch > 1 or c == 0.0:
                self.settle()
                self.forward(new, self.product)
            elif self.by_pre:
                self.settle_bias()
                rates_sweep(self.is_float64, self.w, self.rows, self.cols, c, self.x, self.error_signal, new,
                            self.product, NULL, NULL, False)
            else:
                self.settle_bias()
                rates_sweep(self.is_float64, self.w, self.rows, self.cols, c, self.error_signal, self.x, NULL, NULL,
                            new, self.product, True)
            memcpy(self.x, new, n_x * self.size)
            self.known = True
        rates_add(self.is_float64, self.target, self.product, n_y)
        if self.b != NULL:
            self.add_bias(self.target)
        self.pending_update = self.dt * self.learning_rate if self.optimiser == SGD else 0.0
        return 0

    cdef int settle(self) except -1 nogil:
        cdef int64_t n_y = self.batch * self.n_post
        if self.constant_ticks:
            if self.pending_update != 0.0:
                rates_add_scaled(self.is_float64, self.unlearnt, self.error_signal, self.pending_update / self.batch, n_y)
                self.settle_bias()
                self.pending_update = 0.0
            self.correlate(self.w, 1.0, self.x, self.unlearnt)
            memset(self.unlearnt, 0, n_y * self.size)
            self.constant_ticks = 0
            self.known, self.stale = False, True
            return 0
        self.stale = self.stale or self.pending_update != 0.0
        return RateProjection.settle(self)

    cdef int round_weights(self) except -1 nogil:
        """Quantize the weights that products take, if the fine ones have changed."""
        if self.used != self.w and self.stale:
            rates_quantize(self.is_float64, self.used, self.w, self.gains, self.step, self.limit, self.n_weights)
            self.stale = False
        return 0

    cdef int forward(self, char *x, char *out) except -1 nogil:
        self.round_weights()
        if self.by_pre:
            return self.spread(x, out)
        return self.collect(x, out)

    cdef int backward(self, char *e, char *out) except -1 nogil:
        self.round_weights()
        if self.by_pre:
            return self.collect(e, out)
        return self.spread(e, out)

    cdef int correlate(self, char *to, double c, char *x, char *e) except -1 nogil:
        cdef char *by_row = x if self.by_pre else e
        cdef char *by_col = e if self.by_pre else x
        if self.batch == 1:
            rates_sweep(self.is_float64, to, self.rows, self.cols, c, by_row, by_col, NULL, NULL, NULL, NULL, False)
        else:
            products_multiply(self.is_float64, self.rows, self.cols, self.batch, c, by_row, 1, self.rows, by_col, to)
        return 0

    cdef int spread(self, char *given, char *out) except -1 nogil:
        """out (batch, cols) += given (batch, rows) m."""
        if self.batch == 1:
            rates_sweep(self.is_float64, self.used, self.rows, self.cols, 0.0, NULL, NULL, given, out, NULL, NULL, False)
        else:
            products_multiply(self.is_float64, self.batch, self.cols, self.rows, 1.0, given, self.rows, 1, self.used, out)
        return 0

    cdef int collect(self, char *given, char *out) except -1 nogil:
        """out (batch, rows) += given (batch, cols) m^T."""
        if self.batch == 1:
            rates_sweep(self.is_float64, self.used, self.rows, self.cols, 0.0, NULL, NULL, NULL, NULL, given, out, False)
        else:
            products_dots(self.is_float64, self.batch, self.rows, self.cols, given, self.used, out)
        return 0
