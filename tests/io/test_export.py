"""Runs in the formats of other programs: what they read is what was recorded."""

import csv
import subprocess
import sys

import numpy as np
import pytest

from eventsim import io
from eventsim.errors import ConfigError
from eventsim.trace import Samples, Spikes, Trace

COMMAND = [sys.executable, "-P", "-m", "eventsim.scenarios.cli", "export"]


@pytest.fixture
def trace():
    rng = np.random.default_rng(3)
    return Trace(
        sizes={"cells": 5, "silent": 2},
        spikes={
            "cells": Spikes(np.sort(rng.uniform(0, 100, 30)), rng.integers(0, 4, 30)),
            "silent": Spikes(np.zeros(0), np.zeros(0, np.int64)),
        },
        samples={
            ("cells", "v"): Samples(0.5 * np.arange(8), rng.normal(size=(8, 2)), np.array([0, 3]), 0.5),
            ("cells", "i"): Samples(np.array([0.1, 7.0]), rng.normal(size=(2, 1)), np.array([1])),
        },
        training={"loss": np.array([1.0, 0.5])},
        parameters={"weight/cells->cells": rng.normal(size=(5, 5))},
        metrics={"accuracy": 0.9},
        provenance={"scenario": "toy", "seed": 3},
        config="n = 5\n",
        duration=100.0,
    )


def test_csv_reads_back_to_the_bit(trace, tmp_path):
    files = io.export.to_csv(trace, tmp_path / "out")
    assert [path.name for path in files] == ["spikes.csv", "samples-cells-v.csv", "samples-cells-i.csv"]
    rows = list(csv.DictReader(files[0].read_text().splitlines()))
    assert [float(row["time (ms)"]) for row in rows] == trace.spikes["cells"].times.tolist()
    assert [int(row["unit"]) for row in rows] == trace.spikes["cells"].units.tolist()
    assert {row["population"] for row in rows} == {"cells"}
    table = np.loadtxt(files[1], delimiter=",", skiprows=1)
    samples = trace.samples["cells", "v"]
    assert np.array_equal(table, np.column_stack([samples.times, samples.values]))
    assert files[1].read_text().splitlines()[0] == "time (ms),unit 0,unit 3"


def test_nwb_is_valid_and_reads_back(trace, tmp_path):
    pynwb = pytest.importorskip("pynwb")
    path = io.export.to_nwb(trace, tmp_path / "a.nwb")
    assert not pynwb.validate(path=str(path))
    with pynwb.NWBHDF5IO(str(path), "r") as file:
        read = file.read()
        units = read.units.to_dataframe()
        spikes = trace.spikes["cells"]
        assert list(units["population"]) == ["cells"] * 5 + ["silent"] * 2
        assert list(units["node_id"]) == [*range(5), 0, 1]
        for k in range(5):
            expected = spikes.times[spikes.units == k] * 1e-3
            assert np.allclose(units["spike_times"].iloc[k], expected, rtol=1e-14)
        assert all(len(units["spike_times"].iloc[k]) == 0 for k in (5, 6))
        series = read.acquisition["cells.v"]
        assert series.rate == pytest.approx(2000.0)
        assert np.array_equal(series.data[:], trace.samples["cells", "v"].values)
        assert np.allclose(read.acquisition["cells.i"].timestamps[:], [1e-4, 7e-3])


def test_neo_reads_the_nwb(trace, tmp_path):
    pytest.importorskip("pynwb")
    neo = pytest.importorskip("neo")
    path = io.export.to_nwb(trace, tmp_path / "a.nwb")
    block = neo.io.NWBIO(str(path), mode="r").read_all_blocks()[0]
    trains = block.segments[0].spiketrains
    assert sorted(len(train) for train in trains) == sorted(
        [*np.bincount(trace.spikes["cells"].units, minlength=5), 0, 0]
    )


def test_bmtk_reads_what_is_exported_as_sonata(trace, tmp_path):
    reports = pytest.importorskip("bmtk.utils.reports.compartment")
    from bmtk.utils.reports.spike_trains import SpikeTrains

    spikes, report = io.export.to_sonata(trace, tmp_path / "out")
    read = SpikeTrains.load(str(spikes), population="cells").to_dataframe().sort_values("timestamps")
    assert read["timestamps"].tolist() == trace.spikes["cells"].times.tolist()
    assert read["node_ids"].tolist() == trace.spikes["cells"].units.tolist()
    found = reports.CompartmentReport(str(report), "r", population="cells", default_population="cells")
    samples = trace.samples["cells", "v"]
    assert np.array_equal(found.data(), samples.values.astype(np.float32))
    assert np.array_equal(found.node_ids(), samples.units)
    assert (found.tstart(), found.tstop(), found.dt()) == (0.0, 4.0, 0.5)


def test_frames_and_labelled_arrays_hold_what_was_recorded(trace):
    pytest.importorskip("pandas")
    frame = io.export.to_pandas(trace)
    assert frame["time"].tolist() == trace.spikes["cells"].times.tolist()
    assert frame["unit"].tolist() == trace.spikes["cells"].units.tolist()
    assert set(frame["population"]) == {"cells"}
    pytest.importorskip("xarray")
    tree = io.export.to_xarray(trace)
    v = tree["samples/cells.v"]["v"]
    assert np.array_equal(v.sel(unit=3), trace.samples["cells", "v"].values[:, 1])
    assert v.coords["time"].attrs["units"] == "ms"
    assert tree.attrs["accuracy"] == 0.9
    assert tree["training/loss"]["values"].dims == ("epoch",)
    assert tree["spikes/silent"].attrs["n_units"] == 2


def test_times_that_are_no_times_are_refused_where_a_unit_is_needed(trace, tmp_path):
    trace.time_unit = "1"
    with pytest.raises(ConfigError, match="cannot be given in ms"):
        io.export.to_sonata(trace, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert io.export.to_csv(trace, tmp_path / "out")[0].read_text().startswith("population,unit,time\n")


def exported(*words):
    return subprocess.run([*COMMAND, *map(str, words)], capture_output=True, text=True, timeout=60)


def test_the_command_writes_beside_the_run(trace, tmp_path):
    io.save(trace, tmp_path / "a.h5")
    done = exported(tmp_path / "a.h5", "--to", "sonata")
    assert done.stdout.splitlines() == [
        f"written: {tmp_path}/a-sonata/spikes.h5",
        f"written: {tmp_path}/a-sonata/report-v.h5",
    ]
    again = exported(tmp_path / "a-sonata" / "spikes.h5", "--to", "csv", "-o", tmp_path / "out")
    assert again.returncode == 0
    assert (tmp_path / "out" / "spikes.csv").read_text().count("\n") == 31


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("a.h5", "--to", "csw"), "did you mean 'csv'"),
        (("a.h5", "--to", "nwb", "-o", "out"), ".nwb"),
        (("a.h5", "--to", "csv", "-o", "a.h5"), "is a file"),
        (("a.h5", "--to", "csv", "-o", "no/where"), "does not exist"),
        (("b.h5", "--to", "csv"), "there is no file"),
        (("empty.h5", "--to", "csv"), "neither spikes nor samples"),
    ],
)
def test_bad_requests_end_with_one_line(trace, tmp_path, monkeypatch, words, says):
    monkeypatch.chdir(tmp_path)
    io.save(trace, "a.h5")
    io.save(Trace(), "empty.h5")
    done = exported(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert says in done.stderr
