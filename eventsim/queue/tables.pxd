"""The events, tokens and series of a queue as arrays, and a queue made of such arrays."""

from eventsim.queue.queue cimport EventQueue

cdef dict tables_of(EventQueue queue)
cdef EventQueue queue_of(dict tables)
