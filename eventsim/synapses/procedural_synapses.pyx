# cython: boundscheck=False, wraparound=False, cdivision=True
"""A projection whose synapses are not held: the targets of a spike are drawn when it arrives.

The targets live in blocks that stay where they are, since a window's arrivals are all known before any is handled;
from the next window, or on the ordered schedule the next spike, the blocks are used again.
"""

from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free

import numpy as np

from eventsim.engine.engine cimport Engine, Event
from eventsim.kernels.memory cimport resized
from eventsim.population.population cimport SynapseGroup
from eventsim.synapses.observers cimport ArrivalObserver
from eventsim.synapses.row_draws cimport RowDraws
from eventsim.synapses.synapses cimport AXONAL, UNIFORM, Synapses

from eventsim.errors import ConfigError

cdef enum:
    BLOCK = 1 << 16     # targets in a block, at least


cdef struct Block:
    int32_t *target
    Py_ssize_t n, room


cdef class ProceduralSynapses(Synapses):
    """The synapses of one projection, drawn again at each spike.

    Parameters
    ----------
    name, pre, post, receptor
        As of `Synapses`.
    connections : DrawnRows
    """

    cdef RowDraws draws
    cdef const double *weights          # (n_pre,), or NULL: one for all
    cdef Block *block
    cdef int n_blocks, current

    def __dealloc__(self):
        cdef int k
        for k in range(self.n_blocks):
            free(self.block[k].target)
        free(self.block)

    def place(self, connections):
        """Take over what draws the synapses; once."""
        cdef const double[::1] view
        if self.draws is not None:
            raise ConfigError(self.refusal())
        self.draws = connections.draws
        self.n = self.draws.expected
        self.arrays = {}
        if np.ndim(connections.weight) == 0:
            self.w = connections.weight
        else:
            view = self.arrays["weight of source"] = connections.weight
            self.weights = &view[0]
        if np.ndim(connections.delay) == 0:
            self.delay_kind = UNIFORM
            self.one_delay = connections.delay
        else:
            self.delay_kind = AXONAL
            view = self.arrays["delay"] = connections.delay
            self.axonal = &view[0]

    def refusal(self):
        """Return why nothing can be changed."""
        return (f"the synapses of {self.name!r} are drawn at each spike (storage='procedural') and keep no weight that "
                "could change; storage='rows' holds the same ones")

    def check_changeable(self):
        """Raise ConfigError: weights cannot change."""
        raise ConfigError(self.refusal())

    def watch(self, ArrivalObserver observer not None):
        """Raise ConfigError: weights cannot change."""
        raise ConfigError(self.refusal())

    def set_weights(self, weight, bint in_place=False):
        """Raise ConfigError: weights cannot change."""
        raise ConfigError(self.refusal())

    cdef double *own_weights(self) except? NULL:
        raise ConfigError(self.refusal())

    @property
    def nbytes(self):
        """Memory held, in bytes."""
        cdef int k
        return sum(array.nbytes for array in self.arrays.values()) + sum(
            [self.block[k].room * sizeof(int32_t) for k in range(self.n_blocks)])

    def edges(self):
        """Return (pre, post, weight, delay) of all synapses, each shape (n,), sorted by source; drawn now."""
        counts, post = self.draws.rows()
        pre = np.repeat(np.arange(self.pre.n, dtype=np.int64), counts)
        weight, delay = self.arrays.get("weight of source"), self.arrays.get("delay")
        return (pre, post.astype(np.int64), np.full(len(pre), self.w) if weight is None else weight[pre],
                np.full(len(pre), self.one_delay) if delay is None else delay[pre])

    cdef void renew(self) noexcept nogil:
        cdef int k
        for k in range(min(self.current + 1, self.n_blocks)):
            self.block[k].n = 0
        self.current = 0

    cdef Block *with_room(self, Py_ssize_t n) except NULL nogil:
        """Return a block with room for n more targets."""
        cdef Py_ssize_t room
        while self.current < self.n_blocks:
            if self.block[self.current].n + n <= self.block[self.current].room:
                return &self.block[self.current]
            self.current += 1
        room = n if n > BLOCK else BLOCK
        self.block = <Block *> resized(self.block, self.n_blocks + 1, sizeof(Block), b"blocks of targets")
        self.block[self.n_blocks].target = <int32_t *> resized(NULL, room, sizeof(int32_t), b"targets")
        self.block[self.n_blocks].n = 0
        self.block[self.n_blocks].room = room
        self.n_blocks += 1
        return &self.block[self.n_blocks - 1]

    cdef int next_group(self, int pre, int64_t *cursor, double *delay, SynapseGroup *group) except -1 nogil:
        cdef Block *block = self.with_room(self.draws.usual())
        cdef int32_t *target = block.target + block.n
        cdef Py_ssize_t n = self.draws.draw(pre, target, block.room - block.n)
        if n < 0:
            block = self.with_room(self.draws.most())
            target = block.target + block.n
            n = self.draws.draw(pre, target, block.room - block.n)
        block.n += n
        delay[0] = self.one_delay if self.delay_kind == UNIFORM else self.axonal[pre]
        group.n = n
        group.target = target
        group.first = 0
        group.receptor = self.receptor
        group.w64 = NULL
        group.w32 = NULL
        group.w = self.w if self.weights == NULL else self.weights[pre]
        cursor[0] = self.first(pre + 1)
        return n > 0

    cdef int receive(self, Engine engine, const Event *event) except -1 nogil:
        self.renew()
        return Synapses.receive(self, engine, event)
