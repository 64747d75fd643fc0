# cython: boundscheck=False, wraparound=False
"""Calls the Python functions of a rule of one's own when spikes reach its synapses, and when their targets spike."""

from libc.math cimport isfinite
from libc.stdint cimport int64_t

import numpy as np

from eventsim.engine cimport Engine
from eventsim.models.plasticity.spike_rule cimport SpikeRule
from eventsim.population cimport SynapseGroup
from eventsim.states import state_array
from eventsim.synapses cimport Synapses


cdef class PythonRule(SpikeRule):
    """The rule of one projection, written in Python.

    Parameters
    ----------
    synapses : Synapses
    engine : Engine, optional
    rule : CustomRule
        A copy of its own, whose `start` has been called.
    """

    cdef readonly object rule
    cdef object on_pre_spike, on_post_spike, reached
    cdef bint dendritic
    cdef double delay
    cdef list waiting               # (time, unit) of targets' spikes that are to be seen a delay later, in order

    def __init__(self, Synapses synapses not None, Engine engine, rule):
        super().__init__(synapses, engine)
        self.rule = rule
        self.on_pre_spike = getattr(rule, "on_pre", None)
        self.on_post_spike = getattr(rule, "on_post", None)
        self.dendritic = rule.delay == "dendritic"
        self.delay = synapses.one_delay
        self.waiting = []

    cdef int on_arrival(
            self, double time, double emitted, int source, int64_t first, SynapseGroup *group) except -1 nogil:
        cdef Py_ssize_t k
        with gil:
            if self.dendritic:
                self.see_targets(emitted)
            if self.on_pre_spike is not None:
                self.rule.synapses.reached = slice(first, first + group.n)
                self.on_pre_spike(emitted if self.dendritic else time, source)
        for k in range(group.n):
            if not isfinite(self.weight[first + k]):
                with gil:
                    self.refuse(first + k, time)
        return 0

    cdef int on_post(self, double time, int unit) except -1 nogil:
        with gil:
            if self.on_post_spike is None:
                return 0
            if self.dendritic:
                self.waiting.append((time + self.delay, unit))
            else:
                self.on_post_spike(time, unit)
        return 0

    cdef int see_targets(self, double until) except -1:
        """Show the rule the targets' spikes that reach the synapses up to a time."""
        cdef Py_ssize_t n = 0
        while n < len(self.waiting) and self.waiting[n][0] <= until:
            self.on_post_spike(*self.waiting[n])
            n += 1
        del self.waiting[:n]
        return 0

    cdef int refuse(self, int64_t k, double time) except -1:
        raise ValueError(
            f"{type(self.rule).__name__} made the weight of synapse {k} of {self.synapses.name!r} {self.weight[k]!r} "
            f"before {time!r}; weights must be finite")

    cdef int settle(self) except -1:
        if self.dendritic:
            self.see_targets(np.nextafter(self.clock() - self.delay, -np.inf))
        return 0

    def state(self):
        """Return weights, the state of the rule, and the targets' spikes that wait."""
        seen = np.array(self.waiting, float).reshape(-1, 2)
        return {"weight": self.synapses.arrays["weight"].copy(), "waiting": seen, "rule": self.rule.state()}

    cdef int put(self, state) except -1:
        self.synapses.arrays["weight"][:] = state["weight"]
        self.waiting = [(time, int(unit)) for time, unit in state["waiting"].tolist()]
        self.rule.put_state(state["rule"])
        return 0

    cdef int save(self) except -1:
        self.saved = self.state()
        return 0

    cdef int rollback(self) except -1:
        self.put(self.saved)
        self.saved = None
        return 0

    def snapshot(self):
        """Return weights and the state of the rule, brought up to the clock."""
        self.settle()
        return self.state()

    def check_state(self, state, time=None):
        """Return a state, or raise ValueError if it cannot be; nothing changes."""
        of = self.synapses.name
        weight = self.synapses.arrays["weight"]
        shape = np.shape(state.get("waiting"))
        if len(shape) != 2 or shape[1] != 2:
            raise ValueError(f"'waiting' in the state of {of} must have shape (k, 2), got {shape}")
        waiting = state_array(state, "waiting", float, shape, 0.0, np.inf, of=of)
        if not (waiting[:, 1] < self.synapses.post.n).all():
            raise ValueError(f"'waiting' in the state of {of} has a unit that is not among the targets")
        return {
            "weight": state_array(state, "weight", float, weight.shape, -np.inf, np.inf, of=of),
            "waiting": waiting,
            "rule": self.rule.checked_state(state.get("rule"), of),
        }

    def restore(self, state):
        """Go back to a state that `snapshot` returned."""
        self.put(self.check_state(state))
