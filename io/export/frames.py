"""A trace as data frames of pandas and data sets of xarray."""

from typing import TYPE_CHECKING

import numpy as np

from eventsim.trace import Trace

if TYPE_CHECKING:
    import pandas
    import xarray


def to_pandas(trace: Trace) -> "pandas.DataFrame":
    """Return all spikes as a data frame with columns population, unit and time, sorted by time.

    Raises
    ------
    ImportError
        If pandas is not installed.
    """
    try:
        import pandas
    except ImportError:
        raise ImportError("data frames need pandas: pip install 'eventsim[analysis]'") from None
    names = list(trace.spikes)
    counts = [len(trace.spikes[name]) for name in names]
    frame = pandas.DataFrame(
        {
            "population": pandas.Categorical.from_codes(np.repeat(np.arange(len(names)), counts), names),
            "unit": np.concatenate([np.zeros(0, np.int64), *(trace.spikes[name].units for name in names)]),
            "time": np.concatenate([np.zeros(0), *(trace.spikes[name].times for name in names)]),
        }
    )
    return frame.sort_values("time", kind="stable", ignore_index=True)


def to_xarray(trace: Trace) -> "xarray.DataTree":
    """Return a trace as a tree of data sets, in the manner of ArviZ.

    ``samples/POPULATION.VARIABLE`` has the dimensions time and unit, ``spikes/POPULATION`` has unit and time
    of each spike, ``training`` the series by epoch, ``parameters`` the arrays. Metrics and provenance are
    attributes of the root.

    Raises
    ------
    ImportError
        If xarray is not installed.
    """
    try:
        import xarray
    except ImportError:
        raise ImportError("labelled arrays need xarray: pip install 'eventsim[analysis]'") from None
    unit = {"units": trace.time_unit}
    about = {key: value for key, value in {**trace.provenance, **trace.metrics}.items() if value is not None}
    tree = {"/": xarray.Dataset(attrs={**about, "duration": trace.duration, "time_unit": trace.time_unit})}
    for name, spikes in trace.spikes.items():
        tree[f"/spikes/{name}"] = xarray.Dataset(
            {"time": ("spike", spikes.times, unit), "unit": ("spike", spikes.units)},
            attrs={"n_units": trace.sizes.get(name, 0)},
        )
    for (name, variable), samples in trace.samples.items():
        tree[f"/samples/{name}.{variable}"] = xarray.Dataset(
            {variable: (("time", "unit"), samples.values)},
            coords={"time": ("time", samples.times, unit), "unit": samples.units},
        )
    for room, arrays in (("training", trace.training), ("parameters", trace.parameters)):
        for name, values in arrays.items():
            first = ["epoch"] if room == "training" and values.ndim else []
            axes = [*first, *(f"axis_{k}" for k in range(len(first), values.ndim))]
            tree[f"/{room}/{name}"] = xarray.Dataset({"values": (axes, values)})
    return xarray.DataTree.from_dict(tree)
