"""The parameters of NeuroBench's Mackey-Glass series."""

import csv

import numpy as np

from eventsim.io.datasets.files import Folder, PublishedSet
from eventsim.trace import Floats

MACKEY_GLASS = PublishedSet(
    "mackey-glass",
    "github.com/NeuroBench/neurobench",
    {
        "mackey_glass_parameters.csv": "2ab10849922b1cb0a176470278b0e281499fb75e3be00996b02f3857aa34bf8c",
    },
)


def mackey_glass_parameters(data: Folder = None) -> dict[str, Floats]:
    """Read NeuroBench's Mackey-Glass table: ``tau``, ``lyapunov_time``, ``initial_condition``, each (14,)."""
    with MACKEY_GLASS.path("mackey_glass_parameters.csv", data).open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    return {key: np.array([float(row[key]) for row in rows]) for key in rows[0]}
