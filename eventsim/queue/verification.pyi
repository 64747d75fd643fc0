"""The check of everything that the order and the memory of a queue rest on; for tests."""

from eventsim.queue.queue import EventQueue

def verify(queue: EventQueue) -> None:
    """Check every invariant of a queue that order and memory rest on."""
