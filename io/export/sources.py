"""What is exported: the trace of a simulation or of a file, and the span of time that it covers."""

import math
from typing import Any, Protocol

from eventsim.io.plain import shown
from eventsim.trace import Trace


class Recorder(Protocol):
    """A simulation, as far as exports see it."""

    def record_of_run(self, network: bool | None = None) -> Trace:
        """Return everything recorded so far."""


def trace_of(source: Trace | Recorder) -> Trace:
    """Return a trace as it is, and what a simulation has recorded so far as a trace.

    Raises
    ------
    TypeError
        If it is neither.
    ConfigError
        If the simulation streams into a file, which has what it recorded.
    """
    if isinstance(source, Trace):
        return source
    if not hasattr(source, "record_of_run"):
        raise TypeError(
            "a trace (such as es.io.load gives) or a simulation can be saved or exported, "
            f"not {type(source).__name__}"
        )
    return source.record_of_run()


def network_from(source: Any) -> Any:
    """Return a network as it is, and that of a simulation or of a trace that holds one.

    Raises
    ------
    TypeError
        If it is none of them.
    ConfigError
        If the trace holds no network.
    """
    if isinstance(source, Trace):
        return source.network()
    network = source.net if hasattr(source, "record_of_run") else source
    if not (hasattr(network, "populations") and hasattr(network, "projections")):
        raise TypeError(f"a Network, a simulation or a trace with its network is needed, got {shown(source)}")
    return network


def span_of(trace: Trace) -> tuple[float, float]:
    """Return from when to when a trace has recordings: the run, or what of it lies in the window read."""
    first, end = trace.provenance.get("window", (0.0, math.inf))
    begin = min(max(0.0, float(first)), trace.duration)
    return begin, min(max(begin, float(end)), trace.duration)
