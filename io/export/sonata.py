"""A trace as SONATA files, in ms, as the strictest readers want them."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from eventsim.errors import ConfigError
from eventsim.hints import hinting
from eventsim.io.declared import unit_of
from eventsim.io.export.sources import Recorder, trace_of
from eventsim.io.export.times import factor
from eventsim.io.export.whole_files import whole
from eventsim.io.plain import one_path
from eventsim.trace import Samples, Trace

MAGIC, VERSION = 0x0A7A, (0, 1)
SORTING = h5py.enum_dtype({"none": 0, "by_id": 1, "by_time": 2}, np.uint8)
CHUNK = 1 << 15


@hinting
def to_sonata(trace: Trace | Recorder, folder: Path | str) -> list[Path]:
    """Write spikes and sampled variables as SONATA, and return the files.

    ``spikes.h5`` has all populations; ``report-VARIABLE.h5`` has the populations that have a variable, in
    float32, as libsonata wants it. Nothing is compressed, since that library cannot read it. Variables that
    are sampled at events have no place in SONATA and are left out; the run's own file has them.

    Raises
    ------
    ConfigError
        If the trace's unit is no unit of time, or a population's name has a ``/``.
    """
    trace, folder = trace_of(trace), one_path(folder, "folder")
    for name in [*trace.spikes, *(name for name, _ in trace.samples)]:
        if "/" in name:
            raise ConfigError(f"SONATA cannot name a population {name!r}: no name has a '/' there")
    scale = factor(trace.time_unit, "ms")
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / "spikes.h5"]
    with whole(written[0]) as new, _created(new) as file:
        file.create_group("spikes")
        for name, spikes in trace.spikes.items():
            group = file.create_group(f"spikes/{name}")
            group.attrs.create("sorting", 2, dtype=SORTING)
            _column(group, "timestamps", spikes.times * scale, "ms")
            _column(group, "node_ids", spikes.units.astype(np.uint64))
    variables = dict.fromkeys(variable for (_, variable), samples in trace.samples.items() if samples.every)
    for variable in variables:
        path = folder / f"report-{variable}.h5"
        with whole(path) as new, _created(new) as file:
            for (name, other), samples in trace.samples.items():
                if other == variable and samples.every:
                    _report(
                        file.create_group(f"report/{name}"),
                        variable,
                        samples,
                        scale,
                        unit_of(trace, name, variable) or "1",
                    )
        written.append(path)
    return written


def _created(path: Path) -> h5py.File:
    file = h5py.File(path, "w", libver=("earliest", "v110"))
    file.attrs["magic"] = np.uint32(MAGIC)
    file.attrs["version"] = np.array(VERSION, np.uint32)
    return file


def _column(group: h5py.Group, name: str, values: Any, unit: str = "") -> None:
    dataset = group.create_dataset(name, data=values, maxshape=(None,), chunks=(CHUNK,))
    if unit:
        dataset.attrs.create("units", unit, dtype=h5py.string_dtype())


def _report(group: h5py.Group, variable: str, samples: Samples, scale: float, unit: str) -> None:
    order = np.argsort(samples.units, kind="stable")
    nodes, elements = np.unique(samples.units[order], return_counts=True)
    data = group.create_dataset("data", data=samples.values[:, order].astype(np.float32))
    data.attrs.create("units", unit, dtype=h5py.string_dtype())
    data.attrs.create("variable", variable, dtype=h5py.string_dtype())
    mapping = group.create_group("mapping")
    mapping.create_dataset("node_ids", data=nodes.astype(np.uint64)).attrs["sorted"] = np.uint8(1)
    mapping.create_dataset(
        "index_pointers", data=np.concatenate([[0], np.cumsum(elements)]).astype(np.uint64)
    )
    mapping["index_pointer"] = h5py.SoftLink(f"{mapping.name}/index_pointers")  # the name that bmtk reads
    within = np.concatenate([np.arange(n) for n in elements]) if len(elements) else np.zeros(0)
    mapping.create_dataset("element_ids", data=within.astype(np.uint32))
    mapping.create_dataset("element_pos", data=np.full(len(within), 0.5, np.float32))
    first = float(samples.times[0]) if len(samples.times) else 0.0
    step = samples.every * scale
    clock = [first * scale, first * scale + step * len(samples.times), step]
    mapping.create_dataset("time", data=clock).attrs.create("units", "ms", dtype=h5py.string_dtype())
