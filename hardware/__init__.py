"""Hardware that a network runs on: the ideal target, and chips with their imperfections.

A target acts at three places only: on parameters at build (``transform``), on spikes as they are
emitted (``transmissions``), and as a whole replacement of the forward pass. Each is one small part; a
chip composes them with its published numbers.
"""

from eventsim.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
