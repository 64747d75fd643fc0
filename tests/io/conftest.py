"""Traces and data folders that the tests of this folder share."""

import os
from pathlib import Path

import numpy as np
import pytest

from eventsim.trace import Samples, Spikes, Trace


@pytest.fixture
def data() -> Path:
    """The folder of published data sets; tests that need it are skipped without."""
    folder = os.environ.get("EVENTSIM_DATA")
    if not folder:
        pytest.skip("EVENTSIM_DATA is not set")
    return Path(folder)


@pytest.fixture
def run() -> Trace:
    """A trace with something in every place."""
    rng = np.random.default_rng(1)
    times = np.sort(rng.uniform(0, 50, 300))
    grid = 0.1 * np.arange(40)
    return Trace(
        sizes={"input": 5, "hidden": 30, "silent": 2, "unrecorded": 7},
        spikes={
            "input": Spikes(np.array([1 / 3]), np.array([4])),
            "hidden": Spikes(times, rng.integers(0, 30, 300)),
            "silent": Spikes(np.empty(0), np.empty(0, np.int64)),
        },
        samples={
            ("hidden", "v"): Samples(grid, rng.normal(size=(40, 3)), np.array([7, 0, 29]), 0.1),
            ("hidden", "i_syn"): Samples(grid, rng.normal(size=(40, 30)), np.arange(30), 0.1),
            ("silent", "v"): Samples(
                np.array([0.2, 0.7]), np.array([[np.nan, 1e-300], [2.0, np.nan]]), np.arange(2)
            ),
        },
        parameters={
            "weight/input->hidden": rng.normal(size=(5, 30)),
            "weight/hidden->silent": rng.normal(size=(30, 2)).astype(np.float32),
            "mask": np.array([True, False]),
            "names": np.array(["tau", "Göltz"]),
        },
        training={"train_loss": rng.uniform(size=4), "test_accuracy": np.array([0.3, 0.5, np.nan, 0.9])},
        metrics={"test_accuracy": 0.9, "missing": float("nan")},
        config='n_hidden = 30\nname = "µ"\n',
        provenance={"scenario": "demo", "seed": 2**63, "data": None, "tags": ["a", "b"], "wall_seconds": 1.5},
        state={
            "epoch": 3,
            "lr": 0.1,
            "name": "adam",
            "done": False,
            "none": None,
            "generator": {"state": 2**127 + 1, "bits": np.arange(4, dtype=np.uint32)},
            "empty": {},
            "a/b": {"": 1, ".": 2.0, "%": "x"},
            "order": [3, (1.5, "s"), []],
            "zero": np.zeros((0, 3)),
            "scalar": np.array(7),
        },
        duration=50.0,
        time_unit="us",
    )
