"""A Neo block as a trace: what `to_neo` wrote comes back to the bit, what others wrote by its names."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eventsim.errors import ConfigError
from eventsim.hints import hinting
from eventsim.trace import Samples, Spikes, Trace

if TYPE_CHECKING:
    import neo

__all__ = ["from_neo"]

UNITS = ("s", "ms", "us", "ns")
MOST_UNITS = 2**31 - 1
UNNAMED = "spikes"  # population of trains that do not say theirs
Floats = NDArray[np.float64]


@hinting
def from_neo(block: "neo.Block", segment: int = 0) -> Trace:
    """Return the spikes and signals of one segment of a Neo block as a `Trace`.

    Trains with the annotations ``source_population`` and ``node_id``, as `to_neo` writes them, are the units
    of their population; those without are the units of "spikes", in their order. An analogue signal becomes
    samples on a grid of its ``source_population`` and ``variable``, or of its name and "signal", an irregular
    one samples at events. Times are in the unit of the first train or signal.

    Parameters
    ----------
    block : neo.Block
    segment : int
        Which of the block's segments.

    Returns
    -------
    Trace
        With what had to be assumed in ``provenance["notes"]``.

    Raises
    ------
    TypeError, ConfigError
        If it is no block, has no such segment, or two trains are the same unit.
    """
    segments = getattr(block, "segments", None)
    if segments is None:
        raise TypeError(f"from_neo takes a neo.Block, got a {type(block).__name__}")
    if isinstance(segment, bool) or not isinstance(segment, int | np.integer):
        raise ConfigError(f"segment should be the number of one of the block's segments, got {segment!r:.60}")
    if not 0 <= segment < len(segments):
        raise ConfigError(f"the block has {len(segments)} segments, segment {segment} is none of them")
    part = segments[segment]
    things = [*part.spiketrains, *part.analogsignals, *part.irregularlysampledsignals]
    unit = _time_unit(things)
    notes: list[str] = []
    trace = Trace(time_unit=unit)
    _add_trains(trace, part.spiketrains, unit, notes)
    for signal in (*part.analogsignals, *part.irregularlysampledsignals):
        _add_signal(trace, signal, unit, notes)
    stops = [_number(thing.t_stop, unit, "t_stop of a train") for thing in part.spiketrains]
    if not all(map(math.isfinite, stops)):
        notes.append("a train without an end counts until its last spike")
    last = [float(spikes.times[-1]) for spikes in trace.spikes.values() if len(spikes)]
    trace.duration = max([0.0, *(stop for stop in stops if math.isfinite(stop)), *last])
    trace.provenance = {"format": "Neo", "notes": "\n".join(dict.fromkeys(notes))}
    return trace


def _add_trains(trace: Trace, trains: Any, unit: str, notes: list[str]) -> None:
    """Put the spikes of all trains into a trace, by population."""
    found: dict[str, list[tuple[int, Floats]]] = {}
    for train in trains:
        annotations = train.annotations
        name = str(annotations.get("source_population") or UNNAMED)
        if "source_population" not in annotations:
            notes.append(f"trains without source_population are called {UNNAMED!r} here")
        known = found.setdefault(name, [])
        node = annotations.get("node_id", len(known))
        if isinstance(node, bool) or not isinstance(node, int | np.integer) or not 0 <= node <= MOST_UNITS:
            raise ConfigError(
                f"node_id of a train of {name!r} should be a number from 0 on, got {node!r:.60}"
            )
        known.append((int(node), _numbers(train, unit)))
    for name, units in found.items():
        nodes = [node for node, _ in units]
        if len(set(nodes)) < len(nodes):
            twice = next(node for node in nodes if nodes.count(node) > 1)
            raise ConfigError(f"two trains are unit {twice} of {name!r}")
        times = np.concatenate([times for _, times in units])
        if not np.isfinite(times).all():
            raise ConfigError(f"a spike of {name!r} is at {times[~np.isfinite(times)][0]}, which is no time")
        ids = np.repeat(nodes, [len(times) for _, times in units])
        order = np.lexsort((ids, times))
        trace.spikes[name] = Spikes(times[order], ids[order].astype(np.int64))
        trace.sizes[name] = max(nodes) + 1


def _add_signal(trace: Trace, signal: Any, unit: str, notes: list[str]) -> None:
    """Put a signal into a trace as samples of a variable."""
    annotations = signal.annotations
    name = str(annotations.get("source_population") or signal.name or "signals")
    variable = str(annotations.get("variable") or "signal")
    if (name, variable) in trace.samples:
        raise ConfigError(f"two signals are {variable!r} of {name!r}")
    magnitude = np.asarray(signal.magnitude)
    if magnitude.dtype.kind not in "biuf" or magnitude.ndim != 2:
        raise ConfigError(
            f"{variable!r} of {name!r} should be numbers of two axes, got {magnitude.dtype} {magnitude.shape}"
        )
    values = magnitude.astype(np.float64)
    units = _nodes(signal.array_annotations.get("node_id"), values.shape[1], name)
    every = 0.0
    if hasattr(signal, "sampling_period"):
        every = _number(signal.sampling_period, unit, f"sampling_period of {variable!r} of {name!r}")
        first = _number(signal.t_start, unit, f"t_start of {variable!r} of {name!r}")
        if not (0 < every < math.inf and math.isfinite(first / every)):
            raise ConfigError(
                f"{variable!r} of {name!r} should have a finite start and a positive step, got {first} "
                f"and {every}"
            )
        # As a simulation records: at multiples of the step, from the one where the signal starts.
        k = round(first / every)
        steps = np.arange(len(values), dtype=np.float64)
        times: Floats = (k + steps) * every if k * every == first else first + every * steps
    else:
        times = _numbers(signal.times, unit)
        if not np.isfinite(times).all():
            raise ConfigError(
                f"{variable!r} of {name!r} has a sample at {times[~np.isfinite(times)][0]}, which is no time"
            )
        if (times[1:] < times[:-1]).any():
            notes.append(f"samples of {variable!r} of {name!r} were put in order of time")
            order = np.argsort(times, kind="stable")
            times, values = times[order], values[order]
    kind = str(signal.units.dimensionality)
    if kind not in ("dimensionless", "1.0 dimensionless"):
        notes.append(f"{variable!r} of {name!r} is in {kind}")
    trace.samples[name, variable] = Samples(times, values, units, every)
    trace.sizes[name] = max(trace.sizes.get(name, 0), int(units.max(initial=-1)) + 1)


def _nodes(given: Any, n: int, name: str) -> NDArray[np.int64]:
    """Return the units of the columns of a signal; their places unless they are given."""
    if given is None:
        return np.arange(n)
    nodes = np.asarray(given)
    good = nodes.dtype.kind in "iu" and nodes.shape == (n,)
    if not good or (n and not 0 <= int(nodes.min()) <= int(nodes.max()) <= MOST_UNITS):
        raise ConfigError(
            f"node_id of a signal of {name!r} should be {n} numbers from 0 on, got {str(given)[:60]!r}"
        )
    return nodes.astype(np.int64)


def _time_unit(things: list[Any]) -> str:
    """Return the unit of the first train or signal; "1" where times have none."""
    for thing in things:
        name = str((thing.t_start if hasattr(thing, "t_start") else thing.times).dimensionality)
        if name in UNITS:
            return name
        if name == "dimensionless":
            return "1"
    return "ms"


def _numbers(quantity: Any, unit: str) -> Floats:
    """Return times as numbers in a unit; as they are where they are in it already."""
    if np.asarray(quantity.magnitude).dtype.kind not in "biuf":
        raise ConfigError(f"times should be numbers, got {str(quantity)[:60]!r}")
    if str(quantity.dimensionality) == (unit if unit != "1" else "dimensionless"):
        return np.array(quantity.magnitude, np.float64)
    try:
        return np.array(quantity.rescale("dimensionless" if unit == "1" else unit).magnitude, np.float64)
    except ValueError:
        raise ConfigError(
            f"times in {quantity.dimensionality} and in {unit} cannot stand in one trace"
        ) from None


def _number(quantity: Any, unit: str, what: str) -> float:
    numbers = _numbers(quantity, unit)
    if numbers.shape != ():
        raise ConfigError(f"{what} should be one number, got {str(numbers)[:60]!r}")
    return float(numbers)
