# cython: boundscheck=False, wraparound=False, cdivision=True
"""Fan-out of a projection: synapses stored by source, each source's sorted by delay.

A spike is one event. It walks the group of synapses that share an arrival time, then queues
itself again for the next group. Storage is 4 bytes a synapse for the target (none if every
source reaches every target), and 4 or 8 for a weight and for a delay where they differ.

Delays may change. Where each synapse has its own, an event stands for a place in the order of a source's
delays, and that order is another one then: so spikes under way are turned into *late* places, which say by
themselves what they reach. With n synapses places from n on are late: n + source for all synapses of a
source, n + n_pre + k for synapse k alone.
"""

from cpython.ref cimport PyObject
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free

import numpy as np

from eventsim.errors import ConfigError
from eventsim.synapses.rows import by_source, column, sort_rows

from eventsim.engine.engine cimport Engine, Event
from eventsim.kernels.memory cimport resized
from eventsim.population.population cimport SynapseGroup, SpikeSink, Population
from eventsim.synapses.observers cimport ArrivalObserver, ObservedSpikes


cdef class Synapses(SpikeSink):
    """The synapses of one projection.

    Parameters
    ----------
    name : str
    pre, post : Population
    connections : Connections or Synapses
        As `Projection.resolve` gives them; arrays are taken over where they fit as they are. The synapses of
        another simulation are shared: nothing is copied, and who changes weights or delays gets arrays of its own.
    receptor : int
        Which input of the targets is reached.
    """

    def __init__(self, str name, Population pre not None, Population post not None, connections, int receptor=0):
        self.name = name
        self.pre = pre
        self.post = post
        self.receptor = receptor
        self.observers = []
        self.place(connections)

    def __dealloc__(self):
        free(self.watching)

    def watch(self, ArrivalObserver observer not None):
        """Let `observer` see all arrivals; one that scales weights sees them after all others.

        Raises
        ------
        ConfigError
            If two observers scale them.
        """
        cdef int k
        if observer.scales and any(each.scales for each in self.observers):
            raise ConfigError(f"two rules scale the weights of {self.name!r}; one projection takes one")
        self.observers.append(observer)
        self.observers.sort(key=lambda each: each.scales)
        self.watching = <PyObject **> resized(self.watching, self.n_observers + 1, sizeof(PyObject *), b"observers")
        self.n_observers += 1
        for k in range(self.n_observers):
            self.watching[k] = <PyObject *> self.observers[k]   # the list owns the reference
        self.observed = True

    def attach(self, ArrivalObserver observer not None, Engine engine=None):
        """Let `observer` see all arrivals and the spikes of the targets, on the engine's schedule or in windows."""
        self.watch(observer)
        if engine is None:
            return observer
        spikes = ObservedSpikes(observer)
        engine.register(spikes)
        self.post.add_sink(spikes)
        return spikes

    cdef int observe(self, double time, double emitted, int source, int64_t first, SynapseGroup *group) except -1 nogil:
        """Show an arrival to all observers, before it acts."""
        cdef int k
        for k in range(self.n_observers):
            (<ArrivalObserver> self.watching[k]).on_arrival(time, emitted, source, first, group)
        return 0

    def place(self, connections):
        """Lay the synapses out by source; those that were before are forgotten.

        Spikes on their way reach the new ones, so their delays must not differ within a source.
        """
        if isinstance(connections, Synapses):
            self.share(connections)
            return
        weight, delay = connections.weight, connections.delay
        cdef int64_t[::1] start
        cdef const int32_t[::1] target
        cdef const double[::1] w64, d64
        cdef const float[::1] w32, d32
        self.arrays = {}
        self.start = NULL
        self.target = NULL
        self.w64 = NULL
        self.w32 = NULL
        self.d64 = NULL
        self.d32 = NULL
        self.axonal = NULL
        self.by_delay = NULL
        order = None
        synaptic = connections.delay_kind == "synaptic"
        if connections.dense:
            self.n = <int64_t> self.pre.n * self.post.n
            if synaptic:  # rows are to be sorted by delay, so targets must be listed
                start_array = np.arange(self.pre.n + 1, dtype=np.int64) * self.post.n
                target_array = np.tile(np.arange(self.post.n, dtype=np.int32), self.pre.n)
            else:
                start_array = target_array = None
        else:
            start_array, target_array, order = by_source(
                connections, self.pre.n, np.ndim(weight) > 0 or synaptic
            )
            self.n = len(target_array)
        if self.n >= 2**31:
            raise ValueError(f"{self.name!r} has {self.n} synapses; one projection holds at most {2**31 - 1}")
        weight = column(weight, order)
        if synaptic:
            delay = column(delay, order)
            target_array, weight, delay = sort_rows(start_array, target_array, weight, delay)
        if start_array is not None:
            start = start_array
            target = target_array
            self.start = &start[0]
            self.target = &target[0] if self.n else NULL
            self.arrays |= {"start": start_array, "target": target_array}
        if np.ndim(weight) == 0:
            self.w = weight
        else:
            if not weight.flags.writeable:
                weight = weight.copy()
            self.arrays["weight"] = weight
            if weight.dtype == np.float32:
                w32 = weight
                self.w32 = <float *> &w32[0] if self.n else NULL
            else:
                w64 = weight
                self.w64 = <double *> &w64[0] if self.n else NULL
        if synaptic:
            self.delay_kind = SYNAPTIC
            self.arrays["delay"] = delay
            if delay.dtype == np.float32:
                d32 = delay
                self.d32 = &d32[0] if self.n else NULL
            else:
                d64 = delay
                self.d64 = &d64[0] if self.n else NULL
        elif connections.delay_kind == "axonal":
            self.delay_kind = AXONAL
            delay = np.ascontiguousarray(delay, np.float64)
            self.arrays["delay"] = delay
            d64 = delay
            self.axonal = &d64[0]
        else:
            self.delay_kind = UNIFORM
            self.one_delay = delay

    def share(self, Synapses other not None):
        """Have the very synapses of another projection, whose weights no rule changes."""
        self.arrays = dict(other.arrays)
        self.n = other.n
        self.w, self.w64, self.w32 = other.w, other.w64, other.w32
        self.start, self.target, self.by_delay = other.start, other.target, other.by_delay
        self.delay_kind, self.one_delay, self.redelayed = other.delay_kind, other.one_delay, other.redelayed
        self.axonal, self.d64, self.d32 = other.axonal, other.d64, other.d32

    def unit_range(self):
        """Return the sources, or where delays differ the places, that an event may stand for."""
        if self.delay_kind != SYNAPTIC:
            return 0, max(self.pre.n, 1)
        return 0, max(2 * self.n + self.pre.n if self.redelayed else self.n, 1)

    @property
    def nbytes(self):
        """Memory held, in bytes."""
        return sum(array.nbytes for array in self.arrays.values())

    @property
    def min_delay(self):
        """The shortest delay of any synapse, in the network's time unit; inf if there is none."""
        if not self.n:
            return np.inf
        return self.one_delay if self.delay_kind == UNIFORM else float(self.arrays["delay"].min())

    @property
    def max_delay(self):
        """The longest delay of any synapse; 0 if there is none."""
        if not self.n:
            return 0.0
        return self.one_delay if self.delay_kind == UNIFORM else float(self.arrays["delay"].max())

    def edges(self):
        """Return (pre, post, weight, delay) of all synapses, each shape (n,), sorted by source."""
        if "start" in self.arrays:
            pre = np.repeat(np.arange(self.pre.n), np.diff(self.arrays["start"]))
            post = self.arrays["target"]
        else:
            pre, post = np.divmod(np.arange(self.n), max(self.post.n, 1))
        self.settle()
        weight = np.broadcast_to(self.arrays.get("weight", self.w), self.n)
        delay = self.arrays.get("delay", self.one_delay)
        if self.delay_kind == AXONAL:
            delay = delay[pre]
        return pre.astype(np.int64), post.astype(np.int64), weight.astype(float), np.broadcast_to(delay, self.n).astype(float)

    def check_changeable(self):
        """Raise ConfigError if weights cannot change."""

    def settle(self):
        """Let all observers bring the weights up to the present."""
        for observer in self.observers:
            (<ArrivalObserver> observer).settle()

    def tell_of_new_weights(self):
        """Tell all observers that somebody has replaced the weights."""
        for observer in self.observers:
            (<ArrivalObserver> observer).on_new_weights()

    def set_weights(self, weight, bint in_place=False):
        """Let the synapses have other weights, for all spikes that arrive from now on.

        Parameters
        ----------
        weight : float or array_like, shape (n,)
            In the order of `edges`. An array that is stored keeps its precision, float32 or float64.
        in_place : bool
            Whether others hold the array of weights, such as a plasticity rule.
        """
        cdef double[::1] w64
        cdef float[::1] w32
        self.settle()  # what has happened so far does not act on the new weights
        stored = self.arrays.get("weight")
        if stored is None and np.ndim(weight) == 0:
            self.w = weight
            return
        if stored is None or not in_place:
            stored = np.empty(self.n, np.float64 if stored is None else stored.dtype)
        stored[:] = weight
        self.arrays["weight"] = stored
        if stored.dtype == np.float32:
            w32 = stored
            self.w32 = &w32[0] if self.n else NULL
        else:
            w64 = stored
            self.w64 = &w64[0] if self.n else NULL

    @property
    def delays(self):
        """The delays: a number, or an array of shape (n_pre, 1) for each source or (n,) for each synapse, as in `edges`."""
        if self.delay_kind == UNIFORM:
            return self.one_delay
        values = np.array(self.arrays["delay"], np.float64)
        return values.reshape(-1, 1) if self.delay_kind == AXONAL else values

    def put_delays(self, delays):
        """Let the synapses have other delays, in one of the forms of `delays`; spikes under way are not looked at.

        Synapses stay in the order in which they are stored, so that weights and what observes them stay as they are.
        """
        cdef const double[::1] d64
        cdef const int32_t[::1] order
        self.redelayed = True
        self.d64 = NULL
        self.d32 = NULL
        self.axonal = NULL
        self.by_delay = NULL
        self.arrays.pop("by_delay", None)
        if np.ndim(delays) == 0:
            self.arrays.pop("delay", None)
            self.delay_kind = UNIFORM
            self.one_delay = delays
            return
        values = self.arrays["delay"] = np.array(delays, np.float64).reshape(-1)
        d64 = values
        if np.ndim(delays) == 2:
            self.delay_kind = AXONAL
            self.axonal = &d64[0]
            return
        self.delay_kind = SYNAPTIC
        self.d64 = &d64[0] if self.n else NULL
        self.list_targets()
        source = np.repeat(np.arange(self.pre.n, dtype=np.int32), np.diff(self.arrays["start"]))
        places = np.lexsort((values, source)).astype(np.int32)  # stable: equal delays in the order of storage
        if not np.array_equal(places, np.arange(self.n)):
            self.arrays["by_delay"] = places
            order = places
            self.by_delay = &order[0]

    cdef int list_targets(self) except -1:
        """Hold the targets one by one, where every source reaches every target."""
        cdef int64_t[::1] start
        cdef const int32_t[::1] target
        if self.start == NULL:
            start = self.arrays["start"] = np.arange(self.pre.n + 1, dtype=np.int64) * self.post.n
            target = self.arrays["target"] = np.tile(np.arange(self.post.n, dtype=np.int32), self.pre.n)
            self.start = &start[0]
            self.target = &target[0] if self.n else NULL
        return 0

    def late_places(self, places, arrival, emitted):
        """Return spikes under way as they are told once each synapse has a delay of its own that is another.

        Parameters
        ----------
        places : ndarray of int, shape (k,)
            What their events stand for.
        arrival, emitted : ndarray of float, shape (k,)

        Returns
        -------
        places, arrival, emitted : ndarray, shape (m,)
            The first k are those given, in their order; what else they were to reach follows, each synapse by itself.
        """
        cdef int64_t k, place, at, base = self.n + self.pre.n
        cdef list more = [], when = [], since = []
        found = np.array(places, np.int64)
        for k in range(len(found)):
            place = found[k]
            if self.delay_kind != SYNAPTIC:
                found[k] = self.n + place
            elif place < self.n:
                found[k] = base + self.stored(place)
                for at in range(place + 1, self.first(self.source_of(place) + 1)):
                    more.append(base + self.stored(at))
                    when.append(emitted[k] + self.delay_at(self.stored(at)))
                    since.append(emitted[k])
        return (np.concatenate([found, np.array(more, np.int64)]), np.concatenate([arrival, np.array(when, float)]),
                np.concatenate([emitted, np.array(since, float)]))

    cdef int take_group(self, int64_t place, int64_t *begin, int64_t *following, SynapseGroup *group) except -1 nogil:
        """Fill the group that a spike reaches which stands for `place`, and return its source.

        Fills the first of its synapses too, and the place that the spike stands for next, or -1.
        """
        cdef int64_t cursor, stop
        cdef double delay = 0.0
        cdef int source
        following[0] = -1
        if place >= self.n and self.delay_kind == SYNAPTIC:
            if place < self.n + self.pre.n:
                source = <int> (place - self.n)
                begin[0] = self.first(source)
                stop = self.first(source + 1)
            else:
                begin[0] = place - self.n - self.pre.n
                stop = begin[0] + 1
                source = self.source_of(begin[0])
            self.fill(group, begin[0], stop)
            return source
        source = self.source_of(place) if self.delay_kind == SYNAPTIC else <int> place
        cursor = place if self.delay_kind == SYNAPTIC else self.first(source)
        begin[0] = self.stored(cursor)
        if not self.next_group(source, &cursor, &delay, group):
            group.n = 0  # it was rewired while the spike was on its way
        elif self.delay_kind == SYNAPTIC and cursor < self.first(source + 1):
            following[0] = cursor
        return source

    cdef void fill(self, SynapseGroup *group, int64_t begin, int64_t stop) noexcept nogil:
        """Let a group be the synapses [begin, stop)."""
        group.n = stop - begin
        group.target = self.target + begin if self.target != NULL else NULL
        group.first = 0
        group.receptor = self.receptor
        group.w64 = self.w64 + begin if self.w64 != NULL else NULL
        group.w32 = self.w32 + begin if self.w32 != NULL else NULL
        group.w = self.w

    cdef void renew(self) noexcept nogil:
        pass

    cdef int next_group(self, int pre, int64_t *cursor, double *delay, SynapseGroup *group) except -1 nogil:
        cdef int64_t begin = cursor[0], end = self.first(pre + 1), stop = end, at
        cdef float f
        cdef double d
        if begin >= end:
            return False
        if self.by_delay != NULL:  # a group of neighbours in storage that share a delay
            at = self.by_delay[begin]
            d = delay[0] = self.d64[at]
            stop = begin + 1
            while stop < end and self.by_delay[stop] == at + (stop - begin) and self.d64[self.by_delay[stop]] == d:
                stop += 1
            self.fill(group, at, at + (stop - begin))
            cursor[0] = stop
            return True
        if self.delay_kind == UNIFORM:
            delay[0] = self.one_delay
        elif self.delay_kind == AXONAL:
            delay[0] = self.axonal[pre]
        elif self.d32 != NULL:
            f = self.d32[begin]
            delay[0] = f
            stop = begin + 1
            while stop < end and self.d32[stop] == f:
                stop += 1
        else:
            d = self.d64[begin]
            delay[0] = d
            stop = begin + 1
            while stop < end and self.d64[stop] == d:
                stop += 1
        self.fill(group, begin, stop)
        cursor[0] = stop
        return True

    cdef int source_of(self, int64_t synapse) noexcept nogil:
        """Return whose synapse this is."""
        cdef int low = 0, high = self.pre.n, middle
        while high - low > 1:
            middle = (low + high) // 2
            if self.start[middle] <= synapse:
                low = middle
            else:
                high = middle
        return low

    cdef double delay_at(self, int64_t synapse) noexcept nogil:
        return self.d32[synapse] if self.d32 != NULL else self.d64[synapse]

    cdef double *own_weights(self) except? NULL:
        cdef double[::1] w64
        weight = np.array(np.broadcast_to(self.arrays.get("weight", self.w), self.n), np.float64)
        w64 = self.arrays["weight"] = weight
        self.w32 = NULL
        self.w64 = &w64[0] if self.n else NULL
        return self.w64

    cdef int send(self, Engine engine, double time, int unit) except -1 nogil:
        """Queue a spike of `unit` for its first group of synapses."""
        cdef int64_t begin = self.first(unit)
        if begin == self.first(unit + 1):
            return 0
        if self.delay_kind == UNIFORM:
            return engine.push(time + self.one_delay, self.id, unit, time, 0)
        if self.delay_kind == AXONAL:
            return engine.push(time + self.axonal[unit], self.id, unit, time, 0)
        # With delays of its own for each synapse the event carries a place instead of a source.
        return engine.push(time + self.delay_at(self.stored(begin)), self.id, <int> begin, time, 0)

    cdef int receive(self, Engine engine, const Event *event) except -1 nogil:
        """Deliver a spike to the group of synapses it has reached, and queue it for the next."""
        cdef SynapseGroup group
        cdef double emitted = event.value
        cdef double time = event.time
        cdef int64_t begin, following
        cdef int source = self.take_group(event.unit, &begin, &following, &group)
        if following >= 0:
            engine.push(emitted + self.delay_at(self.stored(following)), self.id, <int> following, emitted, 0)
        elif group.n == 0:
            return 0
        if self.observed:
            self.observe(time, emitted, source, begin, &group)
        return self.post.deliver(engine, time, &group)
