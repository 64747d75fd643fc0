"""A trace as a Neo block, for Elephant and everything else that reads Neo objects."""

from typing import TYPE_CHECKING

import numpy as np

from eventsim.hints import hinting
from eventsim.io.declared import unit_of
from eventsim.io.export.sources import Recorder, span_of, trace_of
from eventsim.trace import Trace

if TYPE_CHECKING:
    import neo


_UNITS = {"ns": "ns", "us": "us", "ms": "ms", "s": "s"}


@hinting
def to_neo(trace: Trace | Recorder) -> "neo.Block":
    """Return a trace as a `neo.Block` with one segment.

    Each unit of each population is a `SpikeTrain` (silent ones too), annotated with
    ``source_population`` and ``node_id``; variables sampled on a grid are `AnalogSignal`, those
    sampled at events `IrregularlySampledSignal`, both annotated with population, variable and units.

    Raises
    ------
    ImportError
        If Neo is not installed.

    Notes
    -----
    Trains run from 0, or the start of the window that was read (or the first spike, if that is earlier), to
    the trace's duration or the window's end (or the last spike, if that is later), in the trace's time unit;
    what is no unit of time is dimensionless there. Signals have the unit of their variable where the network
    says it (mV, pA, nS), and are dimensionless elsewhere.
    """
    try:
        import neo
        import quantities as pq
    except ImportError:
        raise ImportError("Neo is not installed; pip install 'eventsim[neo]'") from None

    trace = trace_of(trace)
    unit = pq.Quantity(1.0, _UNITS.get(trace.time_unit, "dimensionless"))
    block = neo.Block(name=str(trace.provenance.get("scenario") or "eventsim"))
    segment = neo.Segment(name="run")
    block.segments.append(segment)
    known = [spikes.times for spikes in trace.spikes.values() if len(spikes)]
    first, end = span_of(trace)
    start = min([first, *(float(times[0]) for times in known)])
    stop = max([end, *(float(times[-1]) for times in known)])
    for name, spikes in trace.spikes.items():
        order = np.argsort(spikes.units, kind="stable")
        n = trace.sizes.get(name, int(spikes.units.max(initial=-1)) + 1)
        ends = np.searchsorted(spikes.units[order], np.arange(n + 1))
        for k in range(n):
            segment.spiketrains.append(
                neo.SpikeTrain(
                    spikes.times[order[ends[k] : ends[k + 1]]] * unit,
                    t_start=start * unit,
                    t_stop=stop * unit,
                    name=f"{name}[{k}]",
                    source_population=name,
                    node_id=k,
                )
            )
    for (name, variable), samples in trace.samples.items():
        if not len(samples.times):
            continue
        described = {
            "name": f"{name}.{variable}",
            "source_population": name,
            "variable": variable,
            "array_annotations": {"node_id": samples.units},
        }
        kind = unit_of(trace, name, variable) or "dimensionless"
        if samples.every > 0:
            segment.analogsignals.append(
                neo.AnalogSignal(
                    samples.values,
                    units=kind,
                    t_start=samples.times[0] * unit,
                    sampling_period=samples.every * unit,
                    **described,
                )
            )
        else:
            segment.irregularlysampledsignals.append(
                neo.IrregularlySampledSignal(samples.times * unit, samples.values, units=kind, **described)
            )
    return block
