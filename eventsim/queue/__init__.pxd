"""What other packages cimport from here."""

from eventsim.queue.crossings cimport CrossingHeap
from eventsim.queue.queue cimport Event, EventQueue
