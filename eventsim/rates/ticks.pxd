"""What a tick asks of populations and projections whose state is continuous in time."""

from cpython.ref cimport PyObject
from libc.stdint cimport int64_t

from eventsim.engine.engine cimport Engine, Event, Handler
from eventsim.population.population cimport SynapseGroup, Population


cdef class InputSignal:
    """Values from outside, one row for each tick: constant, a series, or what a callable returns."""

    cdef readonly object values             # (n_rows, batch, n) in the dtype of the population
    cdef object function                    # called with the time; None for an array
    cdef readonly int64_t first, hold       # tick of row 0, ticks for which a row holds
    cdef readonly int64_t row               # of the last tick; -1 before
    cdef readonly bint repeat               # whether the series starts again after its last row
    cdef char *start                        # of `values`
    cdef int64_t n_rows, n_bytes            # rows, bytes of a row
    # The row of tick k; `changed` tells whether it differs from that of the tick before.
    cdef void *at(self, int64_t k, double time, bint *changed) except NULL nogil
    cdef int ask(self, double time) except -1


cdef class History:
    """What a variable was at the last ticks."""

    cdef readonly object values             # (depth, batch, n)
    cdef readonly str variable
    cdef int64_t depth, n_bytes             # ticks kept, bytes of a tick
    cdef char *source                       # memory of the variable
    cdef char *slots                        # of `values`; tick k is in slot k % depth
    cdef void keep(self, int64_t k) noexcept nogil
    cdef char *before(self, int64_t k, int64_t ticks) noexcept nogil


cdef class Continuous(Population):
    """Units with a rate, a row for each sample of a batch, stepped by ticks."""

    cdef readonly int batch
    cdef readonly double dt
    cdef readonly dict shared                   # what rules of several projections have in common here
    cdef readonly object run_seed               # what random numbers of a run are drawn from
    cdef readonly bint is_float64                 # float64, else float32
    cdef readonly dict receptors                # name -> (batch, n) what projections add to; zero at the start of a tick
    cdef readonly dict arrays              # variables: name -> (batch, n) what projections and rules read; as of the last tick
    cdef readonly dict state                # name -> array; everything a snapshot needs
    cdef readonly double limit              # a state beyond stops the run
    cdef readonly InputSignal input_signal
    cdef readonly object past               # (depth, batch, n) rates of the last ticks, or None
    cdef readonly int depth
    cdef readonly list histories            # of other variables than the rate
    cdef PyObject **history
    cdef int n_histories
    cdef int64_t total                      # batch * n
    cdef char **receptor                        # memory of the receptors
    cdef int n_receptors
    cdef char **shown                       # memory of the arrays, in the order of `variables`
    cdef char *rate                         # memory of the rate, of its past
    cdef char *rates
    cdef char *spikes                       # (n,) float64 what spikes added since the last tick
    cdef double decay, tau_spike            # of the current that spikes cause, per tick
    cdef double last                        # time of the last tick
    cdef bint spiked
    cdef int64_t reach                      # 1 or batch
    # From the receptors to the variables; time = k * dt.
    cdef int step(self, Engine engine, int64_t k, double time) except -1 nogil
    cdef int clear(self, int64_t k, double time) except -1 nogil
    cdef int finish(self, int64_t k) except -1 nogil
    cdef void *rate_before(self, int64_t k, int64_t ticks) noexcept nogil


cdef class TickPart(Handler):
    """What takes part in ticks without units of its own: a projection of rates, a rule."""

    cdef readonly str name
    # Read the variables of the last tick and add to receptors. Parts are asked in the order of declaration.
    cdef int gather(self, int64_t k, double time) except -1 nogil
    # After all populations have stepped.
    cdef int learn(self, Engine engine, int64_t k, double time) except -1 nogil


cdef class Ticks(Handler):
    """The tick of a simulation: one event of the engine every `dt` for all continuous populations."""

    cdef readonly double dt
    cdef readonly int64_t k                 # of the next tick, at k * dt
    cdef readonly list populations, parts   # own the references
    cdef PyObject **population
    cdef PyObject **part
    cdef int n_populations, n_parts
