"""The priorities of `eventsim.engine.priorities`, for compiled handlers; a test holds the two equal."""


cdef enum:
    DELIVERIES = 0
    TICKS = 1
    PLASTICITY = 1
    SAMPLES = 2
