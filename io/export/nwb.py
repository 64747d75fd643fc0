"""A trace as an NWB file, through pynwb."""

import json
import uuid
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from eventsim.errors import ConfigError
from eventsim.hints import hinting
from eventsim.io.declared import unit_of
from eventsim.io.export.sources import Recorder, span_of, trace_of
from eventsim.io.export.times import factor
from eventsim.io.export.whole_files import whole
from eventsim.io.nwb.reading import MARK
from eventsim.io.plain import one_path
from eventsim.trace import Trace


@hinting
def to_nwb(trace: Trace | Recorder, path: Path | str, *, session_start: datetime | None = None) -> Path:
    """Write a trace as Neurodata Without Borders, and return the file.

    A row of the units' table is a neuron, silent ones too, with columns ``population`` and ``node_id``; a
    sampled variable is a `TimeSeries` named ``POPULATION.VARIABLE``. Times are in s, as NWB has them.

    Parameters
    ----------
    path : path
        Ends with ``.nwb``.
    session_start : datetime, optional
        With a time zone; the present time where None. NWB demands one.

    Raises
    ------
    ImportError
        If pynwb is not installed.
    ConfigError
        If the trace's unit is no unit of time, or a name has a sign that names in NWB cannot have.
    """
    try:
        import pynwb
    except ImportError:
        raise ImportError("NWB needs pynwb: pip install 'eventsim[nwb]'") from None
    trace = trace_of(trace)
    scale = factor(trace.time_unit, "s")
    for name, variable in trace.samples:
        sign = next((sign for sign in "/:" if sign in name + variable), None)
        if sign is not None:
            raise ConfigError(
                f"NWB cannot name a series {name + '.' + variable!r}: no name has a {sign!r} there"
            )
    source = trace.provenance
    words = [str(source[key]) for key in ("scenario", "preset") if source.get(key)]
    seed = f", seed {source['seed']}" if "seed" in source else ""
    file = pynwb.NWBFile(
        session_description=f"simulation with eventsim: {', '.join(words) or 'a network'}{seed}",
        identifier=str(uuid.uuid4()),
        session_start_time=session_start or datetime.now(UTC),
        notes=trace.config or None,
    )
    _add_units(file, trace, scale)
    for (name, variable), samples in trace.samples.items():
        regular = bool(samples.every) and len(samples.times) > 0
        when = (
            {"starting_time": float(samples.times[0]) * scale, "rate": 1.0 / (samples.every * scale)}
            if regular
            else {"timestamps": samples.times * scale}
        )
        series = pynwb.TimeSeries(
            name=f"{name}.{variable}",
            data=samples.values,
            unit=unit_of(trace, name, variable) or "n.a.",
            description=f"{variable} of units {', '.join(map(str, samples.units[:20]))} of {name}",
            comments=MARK
            + json.dumps(
                {"population": name, "variable": variable, "units": samples.units.tolist()}
            ),  # from which `load` knows the columns
            **when,
        )
        file.add_acquisition(series)
    path = one_path(path, "the name of the file")
    with whole(path) as new, pynwb.NWBHDF5IO(str(new), "w") as out:
        out.write(file)
    return path


def _add_units(file: object, trace: Trace, scale: float) -> None:
    """Put the spikes into the units' table, by columns, since row by row takes minutes for many units."""
    from hdmf.common import VectorData, VectorIndex
    from pynwb.misc import Units

    times, ends, populations, nodes = [], [], [], []
    total = 0
    for name, spikes in trace.spikes.items():
        order = np.argsort(spikes.units, kind="stable")
        n = max(trace.sizes.get(name, 0), int(spikes.units.max(initial=-1)) + 1)
        times.append(spikes.times[order] * scale)
        ends.append(total + np.searchsorted(spikes.units[order], np.arange(n), side="right"))
        total += len(order)
        populations += [name] * n
        nodes.append(np.arange(n))
    if not nodes:
        return
    flat = VectorData(name="spike_times", description="times of spikes in s", data=np.concatenate(times))
    # Neo reads no units without the intervals in which they were observed: all of the run, for each.
    observed = VectorData(
        name="obs_intervals",
        description="the run, in s",
        data=np.tile(_observed(trace, scale, float(flat.data.max(initial=0.0))), (len(populations), 1)),
    )
    columns = [
        flat,
        observed,
        VectorIndex(
            name="obs_intervals_index",
            data=np.arange(1, len(populations) + 1, dtype=np.uint64),
            target=observed,
        ),
        VectorIndex(name="spike_times_index", data=np.concatenate(ends).astype(np.uint64), target=flat),
        VectorData(name="population", description="name of the population", data=populations),
        VectorData(name="node_id", description="index within the population", data=np.concatenate(nodes)),
    ]
    ids = np.arange(len(populations))
    file.units = Units(name="units", description="simulated neurons", id=ids, columns=columns)  # type: ignore[attr-defined]


def _observed(trace: Trace, scale: float, last: float) -> list[float]:
    """Return from when to when a trace has spikes, in s: the run, or the window that was read of it."""
    first, end = span_of(trace)
    return [first * scale, max(end * scale, last)]
