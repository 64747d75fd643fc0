"""What a queue holds."""

from libc.stdint cimport int32_t, uint64_t


cdef struct Event:
    double time         # in the network's time unit
    double value        # whatever the sender means by it
    uint64_t order      # (priority + 2**15) << 48 | sequence; with time, the total order
    int32_t handler     # index in the engine's table
    int32_t unit
    int32_t slot        # entry in the token table, or -1 for an event that nobody can cancel
    int32_t link        # next event of the same bucket; the queue's own
