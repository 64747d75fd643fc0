"""A network in time: compiled, run, changed while it runs, grown, copied, rewound, and what is recorded."""

from eventsim.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
