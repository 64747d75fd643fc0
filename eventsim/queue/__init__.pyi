from eventsim.queue.crossings import CrossingHeap as CrossingHeap
from eventsim.queue.queue import EventQueue as EventQueue
