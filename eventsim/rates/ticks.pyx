# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Ticks: populations whose state is continuous in time, advanced in fixed steps on the event queue.

One event of the engine serves all continuous populations of a simulation. Tick k happens at k * dt
(a product, never a sum), after the deliveries and crossings of that time, and does in this order:

1. projections read what populations showed at tick k - 1 and add to the receptors of their targets;
2. populations go from their receptors to new variables (rate, error, ...);
3. plasticity rules see the new variables.

So all populations of a tick see each other as of the tick before, whatever the order of their
declaration. A rate that is sent with delay d arrives at its tick's time + d and counts from the
first tick after; a delay of 0 and one of dt therefore mean the same.
"""

from cpython.ref cimport PyObject
from libc.math cimport exp
from libc.stdint cimport int64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset

import numpy as np

from eventsim.states import FINITE, LATEST, not_after, state_arrays, state_number, state_part

from eventsim.kernels.memory cimport zeroed
from eventsim.engine.priorities cimport TICKS
from eventsim.engine.engine cimport Engine, Event, Handler
from eventsim.population.population cimport SynapseGroup, Population, group_target, group_weight

cdef extern from "eventsim/rates/rates.h" nogil:
    void rates_add(int is_float64, void *to, const void *values, ptrdiff_t n)
    void rates_add_to_all(int is_float64, void *to, const double *row, double c, ptrdiff_t n, ptrdiff_t batch)


cdef char *memory(array) except? NULL:
    """Return where a C-contiguous, writable array begins."""
    cdef unsigned char[::1] view = array.reshape(-1).view(np.uint8)
    return <char *> &view[0] if view.shape[0] else NULL


cdef class InputSignal:
    """Values from outside for one population.

    Parameters
    ----------
    values : ndarray, shape (n_rows, batch, n), or callable
        A callable gets the time of a tick and returns what broadcasts to (batch, n).
    shape, dtype : of a row
    first : tick of row 0; earlier ticks see row 0 as well
    hold : ticks for which each row holds; the last holds for ever
    repeat : the series starts again instead
    """

    def __init__(self, values, shape, dtype, int64_t first=0, int64_t hold=1, bint repeat=False):
        self.function = values if callable(values) else None
        self.values = np.zeros((1, *shape), dtype) if self.function is not None else values
        self.first, self.hold, self.repeat = first, hold, repeat
        self.row = -1
        self.n_rows = len(self.values)
        self.n_bytes = self.values[0].nbytes
        self.start = memory(self.values)

    cdef int ask(self, double time) except -1:
        self.values[0] = self.function(time)
        return 0

    cdef void *at(self, int64_t k, double time, bint *changed) except NULL nogil:
        cdef int64_t row = 0 if k < self.first else (k - self.first) // self.hold
        if row >= self.n_rows:
            row = row % self.n_rows if self.repeat else self.n_rows - 1
        if self.function is not None:
            with gil:
                self.ask(time)
            changed[0] = True
            return self.start
        changed[0] = row != self.row
        self.row = row
        return self.start + row * self.n_bytes

    def __reduce__(self):
        values = self.values if self.function is None else self.function
        return InputSignal, (values, self.values.shape[1:], self.values.dtype, self.first, self.hold, self.repeat)

    def shown_again(self):
        """Take the next row as a new one, after the population was set back."""
        self.row = -1


cdef class History:
    """What a variable was at the last `depth` ticks; before the first tick, what it began with."""

    def __init__(self, array, str variable, int64_t depth):
        self.variable, self.depth = variable, depth
        self.values = np.repeat(array[None], depth, axis=0)
        self.n_bytes = array.nbytes
        self.source, self.slots = memory(array), memory(self.values)

    cdef void keep(self, int64_t k) noexcept nogil:
        memcpy(self.slots + (k % self.depth) * self.n_bytes, self.source, self.n_bytes)

    cdef char *before(self, int64_t k, int64_t ticks) noexcept nogil:
        """Return the values as of tick k - ticks, at least one."""
        if ticks <= 1:
            return self.source
        return self.slots + ((k - ticks + self.depth) % self.depth) * self.n_bytes


cdef class Continuous(Population):
    """`n` units with a rate for each sample of a batch. Subclass and override `step`.

    Parameters
    ----------
    context : BuildContext
        Size, name, tick, batch and dtype.
    receptors : tuple of str
        What projections may add to; the first takes spikes and the input signal.
    arrays : mapping of str to ndarray
        What others may read, shape (batch, n); "rate" is among them.
    tau_spike : float
        Time constant of the current that spikes cause; 0 for a pulse of one tick with the weight as area.
    """

    def __init__(self, context, tuple receptors, dict arrays, double tau_spike=0.0, dict state=None):
        super().__init__(context.n, context.name)
        dtype = np.dtype(context.dtype)
        self.batch, self.dt, self.run_seed = context.batch, context.dt, context.run_seed
        self.is_float64 = dtype == np.float64
        self.total = <int64_t> self.batch * self.n
        self.limit, self.shared = 1e12, {}
        self.last = -context.dt  # the tick before the first
        spikes = np.zeros(self.n)
        self.receptors = {name: np.zeros((context.batch, context.n), dtype) for name in receptors}
        self.arrays = arrays
        self.state = {**arrays, **(state or {}), "spikes": spikes}
        self.variables = tuple(arrays)
        self.rate = memory(arrays["rate"])
        self.spikes = memory(spikes)
        self.tau_spike = tau_spike
        self.decay = exp(-self.dt / tau_spike) if tau_spike > 0 else 0.0
        self.n_receptors = len(receptors)
        self.receptor = <char **> zeroed(self.n_receptors, sizeof(char *), b"receptors")
        self.shown = <char **> zeroed(len(arrays), sizeof(char *), b"variables")
        self.histories = []
        self.history = <PyObject **> zeroed(len(arrays), sizeof(PyObject *), b"histories")
        for k, array in enumerate(arrays.values()):
            self.shown[k] = memory(array)
        for k, name in enumerate(receptors):
            self.receptor[k] = memory(self.receptors[name])

    def __dealloc__(self):
        free(self.receptor)
        free(self.shown)
        free(self.history)

    # From outside ---------------------------------------------------------------------------------

    def set_input(self, InputSignal signal):
        """Let `signal` be added to the first receptor; a source shows it as its rate. None ends it."""
        self.input_signal = signal

    def remember(self, int depth):
        """Keep the rates of the last `depth` ticks."""
        if depth > self.depth:
            rate = self.arrays["rate"]
            self.past = np.repeat(rate[None], depth, axis=0)
            self.state["past"] = self.past
            self.rates = memory(self.past)
            self.depth = depth

    def remember_variable(self, str variable, int depth):
        """Keep another variable than the rate of the last `depth` ticks; return its `History`."""
        cdef History found = next((each for each in self.histories if each.variable == variable), None)
        if found is None:
            found = History(self.arrays[variable], variable, depth)
            self.history[self.n_histories] = <PyObject *> found
            self.histories.append(found)
            self.n_histories += 1
        elif depth > found.depth:
            History.__init__(found, self.arrays[variable], variable, depth)
        self.state[f"past {variable}"] = found.values
        return found

    def array(self, str variable):
        """Return a copy of a variable, shape (batch, n)."""
        return self.arrays[variable].copy()

    # Ticks ----------------------------------------------------------------------------------------

    cdef int step(self, Engine engine, int64_t k, double time) except -1 nogil:
        with gil:
            raise NotImplementedError(f"{type(self).__name__} has no step")

    cdef int clear(self, int64_t k, double time) except -1 nogil:
        """Empty the receptors, then add the input signal and what spikes brought since the last tick."""
        cdef Py_ssize_t size = self.total * (8 if self.is_float64 else 4)
        cdef void *row
        cdef bint changed
        cdef int p, unit
        cdef double *current = <double *> self.spikes
        for p in range(self.n_receptors):
            memset(self.receptor[p], 0, size)
        if self.input_signal is not None and not self.is_source:
            row = self.input_signal.at(k, time, &changed)
            rates_add(self.is_float64, self.receptor[0], row, self.total)
        if self.spiked:
            for unit in range(self.n):
                current[unit] *= self.decay if self.tau_spike > 0 else 1.0 / self.dt
            rates_add_to_all(self.is_float64, self.receptor[0], current, 1.0, self.n, self.batch)
            if self.tau_spike == 0:
                memset(current, 0, self.n * sizeof(double))
                self.spiked = False
        self.last = time
        return 0

    cdef int deliver(self, Engine engine, double time, const SynapseGroup *group) except -1 nogil:
        """Let a spike arrive: every sample of the batch sees it from the next tick on."""
        cdef double *current = <double *> self.spikes
        # The current is kept as of the last tick, so that the next one finds it with its decay since the arrival.
        cdef double factor = exp((time - self.last) / self.tau_spike) if self.tau_spike > 0 else 1.0
        cdef Py_ssize_t k
        for k in range(group.n):
            current[group_target(group, k)] += factor * group_weight(group, k)
        self.spiked = True
        return 0

    cdef int finish(self, int64_t k) except -1 nogil:
        """Keep the rate for those who see it later."""
        cdef Py_ssize_t size = self.total * (8 if self.is_float64 else 4)
        cdef int h
        if self.depth:
            memcpy(self.rates + (k % self.depth) * size, self.rate, size)
        for h in range(self.n_histories):
            (<History> self.history[h]).keep(k)
        return 0

    cdef void *rate_before(self, int64_t k, int64_t ticks) noexcept nogil:
        """Return the rate as of tick k - ticks, at least one."""
        if ticks <= 1:
            return self.rate
        return self.rates + ((k - ticks + self.depth) % self.depth) * self.total * (8 if self.is_float64 else 4)

    cdef double peek(self, int variable, int unit, double time) noexcept nogil:
        """Return the value of a unit (of sample unit // n) as of the last tick."""
        cdef char *values = self.shown[variable]
        return (<double *> values)[unit] if self.is_float64 else (<float *> values)[unit]

    def value(self, str variable, double time):
        """Return a variable of all units of all samples as of the last tick, shape (batch * n,), float64."""
        return self.arrays[variable].reshape(-1).astype(float)

    # State ----------------------------------------------------------------------------------------

    def snapshot(self):
        """Return the state as a dictionary of arrays."""
        state = {name: array.copy() for name, array in self.state.items()}
        state["last"] = self.last
        state["spiked"] = int(self.spiked)
        return state

    def check_state(self, state, time=None, crossings=None):
        """Return arrays and numbers of a state, or raise ValueError if these units cannot have it; nothing changes."""
        found = state_arrays(state, self.state, dict.fromkeys(self.state, FINITE), of=self.name)
        found["last"] = state_number(state, "last", float, -self.dt, not_after(time), of=self.name)
        found["spiked"] = state_number(state, "spiked", np.int64, 0, 2, of=self.name)
        return found

    def restore(self, state):
        """Go back to a state that `snapshot` returned."""
        state = self.check_state(state)
        for name, array in self.state.items():
            array[...] = state[name]
        self.last = state["last"]
        self.spiked = bool(state["spiked"])
        if self.input_signal is not None:
            self.input_signal.shown_again()


cdef class TickPart(Handler):
    """What takes part in ticks without units of its own."""

    cdef int gather(self, int64_t k, double time) except -1 nogil:
        return 0

    cdef int learn(self, Engine engine, int64_t k, double time) except -1 nogil:
        return 0


cdef class Ticks(Handler):
    """The tick of a simulation."""

    def __init__(self, double dt, populations, parts):
        cdef int k
        self.dt = dt
        self.populations, self.parts = list(populations), list(parts)
        self.n_populations, self.n_parts = len(self.populations), len(self.parts)
        self.population = <PyObject **> zeroed(self.n_populations, sizeof(PyObject *), b"populations")
        self.part = <PyObject **> zeroed(self.n_parts, sizeof(PyObject *), b"parts")
        for k in range(self.n_populations):
            self.population[k] = <PyObject *> <Continuous?> self.populations[k]
        for k in range(self.n_parts):
            self.part[k] = <PyObject *> <TickPart?> self.parts[k]

    def __dealloc__(self):
        free(self.population)
        free(self.part)

    def begin(self, Engine engine not None):
        """Wait for the first tick."""
        engine.push(self.k * self.dt, self.id, 0, 0.0, TICKS)

    cdef int receive(self, Engine engine, const Event *event) except -1 nogil:
        cdef int64_t k = self.k
        cdef double time = event.time
        cdef int i
        for i in range(self.n_populations):
            (<Continuous> self.population[i]).clear(k, time)
        for i in range(self.n_parts):
            (<TickPart> self.part[i]).gather(k, time)
        for i in range(self.n_populations):
            (<Continuous> self.population[i]).step(engine, k, time)
            (<Continuous> self.population[i]).finish(k)
        for i in range(self.n_parts):
            (<TickPart> self.part[i]).learn(engine, k, time)
        self.k = k + 1
        return engine.push((k + 1) * self.dt, self.id, 0, 0.0, TICKS)

    def snapshot(self):
        """Return the number of the next tick."""
        return {"k": self.k}

    def check_state(self, state, time=None, crossings=None):
        """Return the number of the next tick, or raise ValueError if it is not the next one at `time`; nothing changes."""
        k = state_number(state, "k", np.int64, 0, LATEST, of="ticks")
        if time is not None and not (k - 1) * self.dt <= time <= k * self.dt:
            raise ValueError(f"'k' in the state of ticks is {k}, but the clock is at {time!r}")
        return {"k": k}

    def restore(self, state):
        """Go back to a state that `snapshot` returned."""
        self.k = self.check_state(state)["k"]


cdef class PythonTickPart(TickPart):
    """A rule in Python: an object whose `on_tick(time)` is called after all populations have stepped."""

    cdef readonly object observer

    def __init__(self, observer):
        self.observer = observer

    cdef int learn(self, Engine engine, int64_t k, double time) except -1 nogil:
        with gil:
            self.observer.on_tick(time)
        return 0

    def snapshot(self):
        """Return what the observer wants to be kept, if anything."""
        return self.observer.snapshot() if hasattr(self.observer, "snapshot") else None

    def check_state(self, state, time=None, crossings=None):
        """Let the observer check a state of its own, if it can."""
        if hasattr(self.observer, "snapshot") and hasattr(self.observer, "check_state"):
            self.observer.check_state(state, time, crossings)
        return state

    def restore(self, state):
        """Give it back."""
        self.observer.restore(state)


cdef class PythonContinuous(Continuous):
    """Units that a `TickModel` computes."""

    cdef readonly object model
    cdef object copied                      # names of the variables that are attributes of the model

    def __init__(self, context, model):
        shape = (context.batch, context.n)
        if "rate" not in model.variables or not model.receptors:
            raise ValueError(f"the model of {context.name!r} needs a receptor, and 'rate' among its variables")
        super().__init__(context, tuple(model.receptors), {name: np.zeros(shape, context.dtype) for name in model.variables})
        self.model = model
        self.copied = [name for name in model.variables if name != "rate"]
        self.show()

    def show(self):
        """Let others see the variables of the model."""
        for name in self.copied:
            self.arrays[name][...] = getattr(self.model, name)

    cdef int step(self, Engine engine, int64_t k, double time) except -1 nogil:
        with gil:
            self.python_step(time)
        return 0

    def python_step(self, double time):
        """Ask the model."""
        self.arrays["rate"][...] = self.model.step(time, self.dt, self.receptors)
        self.show()
        if not np.isfinite(self.arrays["rate"]).all():
            raise FloatingPointError(f"{self.name!r} has rates that are no numbers at time {time:g}")

    def snapshot(self):
        """Return the state as a dictionary of arrays."""
        return Continuous.snapshot(self) | {"model": self.model.snapshot()}

    def check_state(self, state, time=None, crossings=None):
        """Return arrays and numbers of a state, or raise ValueError if these units cannot have it; nothing changes."""
        found = Continuous.check_state(self, state, time)
        model = state_part(state, "model", self.name)
        if hasattr(self.model, "check_state"):
            self.model.check_state(model, self.name)
        return found | {"model": model}

    def restore(self, state):
        """Go back to a state that `snapshot` returned."""
        Continuous.restore(self, state)
        self.model.restore(state["model"])
