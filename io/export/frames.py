"""A trace as data frames of pandas and data sets of xarray."""

from typing import TYPE_CHECKING

import numpy as np

from eventsim.errors import ConfigError, UnknownPart
from eventsim.hints import hinting
from eventsim.io.declared import unit_of
from eventsim.io.export.sources import Recorder, trace_of
from eventsim.trace import Trace

if TYPE_CHECKING:
    import pandas
    import xarray


@hinting
def to_pandas(
    trace: Trace | Recorder, population: str | None = None, variable: str | None = None
) -> "pandas.DataFrame":
    """Return spikes, or the samples of a variable, as a data frame.

    Parameters
    ----------
    trace : Trace or Simulation
    population : str, optional
        Whose spikes are returned; those of all unless given.
    variable : str, optional
        A sampled variable of the population, instead of its spikes.

    Returns
    -------
    DataFrame
        Of spikes, with columns population, unit and time, sorted by time. Of samples, with a row for each
        time and a column for each unit. Its ``attrs`` have ``time_unit`` and, where it is known, ``unit`` of
        the variable.

    Raises
    ------
    ImportError
        If pandas is not installed.
    ConfigError, UnknownPart
        If the trace has no such population or variable.
    """
    try:
        import pandas
    except ImportError:
        raise ImportError("data frames need pandas: pip install 'eventsim[analysis]'") from None
    trace = trace_of(trace)
    if variable is not None:
        return _samples(trace, population, variable)
    if population is not None and population not in trace.spikes:
        raise UnknownPart(
            f"population {population!r} has no spikes here; known: {', '.join(trace.spikes) or 'none'}"
        )
    names = list(trace.spikes) if population is None else [population]
    counts = [len(trace.spikes[name]) for name in names]
    frame = pandas.DataFrame(
        {
            "population": pandas.Categorical.from_codes(np.repeat(np.arange(len(names)), counts), names),
            "unit": np.concatenate([np.zeros(0, np.int64), *(trace.spikes[name].units for name in names)]),
            "time": np.concatenate([np.zeros(0), *(trace.spikes[name].times for name in names)]),
        }
    )
    frame = frame.sort_values("time", kind="stable", ignore_index=True)
    frame.attrs["time_unit"] = trace.time_unit
    return frame


def _samples(trace: Trace, population: str | None, variable: str) -> "pandas.DataFrame":
    """Return samples as a data frame with a row for each time and a column for each unit."""
    import pandas

    if population is None:
        raise ConfigError(f"population= must say whose {variable!r} is wanted")
    samples = trace.samples.get((population, variable))
    if samples is None:
        known = ", ".join(f"{variable!r} of {name!r}" for name, variable in trace.samples) or "none"
        raise UnknownPart(f"{variable!r} of {population!r} was not sampled; known: {known}")
    frame = pandas.DataFrame(
        samples.values,
        index=pandas.Index(samples.times, name="time"),
        columns=pandas.Index(samples.units, name="unit"),
    )
    frame.attrs["time_unit"] = trace.time_unit
    if unit := unit_of(trace, population, variable):
        frame.attrs["unit"] = unit
    return frame


@hinting
def to_xarray(trace: Trace | Recorder) -> "xarray.DataTree":
    """Return a trace as a tree of data sets, in the manner of ArviZ.

    ``samples/POPULATION.VARIABLE`` has the dimensions time and unit, ``spikes/POPULATION`` has unit and time
    of each spike, ``training`` the series by epoch, ``parameters`` the arrays. Metrics and provenance are
    attributes of the root. Times, and variables whose unit is known, have an attribute ``units``.

    Raises
    ------
    ImportError
        If xarray is not installed.
    """
    try:
        import xarray
    except ImportError:
        raise ImportError("labelled arrays need xarray: pip install 'eventsim[analysis]'") from None
    trace = trace_of(trace)
    unit = {"units": trace.time_unit}
    about = {key: value for key, value in {**trace.provenance, **trace.metrics}.items() if value is not None}
    tree = {"/": xarray.Dataset(attrs={**about, "duration": trace.duration, "time_unit": trace.time_unit})}
    for name, spikes in trace.spikes.items():
        tree[f"/spikes/{name}"] = xarray.Dataset(
            {"time": ("spike", spikes.times, unit), "unit": ("spike", spikes.units)},
            attrs={"n_units": trace.sizes.get(name, 0)},
        )
    for (name, variable), samples in trace.samples.items():
        kind = unit_of(trace, name, variable)
        described = {"long_name": f"{variable} of {name}"} | ({"units": kind} if kind else {})
        tree[f"/samples/{name}.{variable}"] = xarray.Dataset(
            {variable: (("time", "unit"), samples.values, described)},
            coords={"time": ("time", samples.times, unit), "unit": samples.units},
        )
    for room, arrays in (("training", trace.training), ("parameters", trace.parameters)):
        for name, values in arrays.items():
            first = ["epoch"] if room == "training" and values.ndim else []
            axes = [*first, *(f"axis_{k}" for k in range(len(first), values.ndim))]
            tree[f"/{room}/{name}"] = xarray.Dataset({"values": (axes, values)})
    return xarray.DataTree.from_dict(tree)
