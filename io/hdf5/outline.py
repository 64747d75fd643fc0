"""What a file of a run has, however large it is: for each recording stands one spike or sample."""

import math
import os
from pathlib import Path

import numpy as np

from eventsim.io.hdf5 import schema
from eventsim.io.hdf5.reading import is_ours, load, open_any, open_file
from eventsim.io.hdf5.schema import decode_name
from eventsim.trace import Samples, Spikes, Trace

__all__ = ["outline"]


def outline(path: str | os.PathLike[str]) -> Trace:
    """Return a trace that has everything but the recordings, for which one spike or sample stands.

    It says which plots a file has the data for, without reading it. In a file of another program, every
    population with a place for spikes counts as one that spikes.

    Raises
    ------
    FileNotFoundError, IsADirectoryError, PermissionError, FileFormatError
        As `eventsim.io.load`.
    """
    one, first = np.zeros(1), np.zeros(1, np.int64)
    with open_any(Path(path)) as file:
        ours = is_ours(file)
    if not ours:
        trace = load(path, start=-math.inf, stop=-math.inf)
        trace.spikes = dict.fromkeys(trace.spikes, Spikes(one, first))
        trace.samples = {key: Samples(one, np.zeros((1, 1)), first) for key in trace.samples}
        return trace
    with open_file(Path(path)) as file:
        spiking = [name for name in file["spikes"] if file["spikes"][name]["timestamps"].shape[0]]
        sampled = [
            (name, decode_name(variable))
            for name, variables in file[schema.ROOT]["samples"].items()
            for variable, group in variables.items()
            if group["times"].shape[0]
        ]
    trace = load(path, recordings=False)
    for name in trace.sizes:
        trace.spikes[name] = Spikes(one, first) if name in spiking else Spikes(one[:0], first[:0])
    for names in sampled:
        trace.samples[names] = Samples(one, np.zeros((1, 1)), first)
    return trace
