"""SONATA files of other programs are read in all layouts that are in use, and what was assumed is said."""

import os
from pathlib import Path

import h5py
import numpy as np
import pytest

from eventsim import io
from eventsim.errors import FileFormatError

DATA = Path(os.environ.get("EVENTSIM_DATA", "nowhere")) / "exchange" / "sonata"
real = pytest.mark.skipif(not DATA.is_dir(), reason="needs files of other programs in EVENTSIM_DATA")


def written(path, spikes=None, report=None, old=False, **attributes):
    """Write a SONATA file by hand; `report` holds datasets of the mapping and "data"."""
    with h5py.File(path, "w") as file:
        if spikes is not None:
            group = file.create_group("spikes" if old else "spikes/a")
            group["timestamps"], group["gids" if old else "node_ids"] = spikes
            for key, value in attributes.items():
                group["timestamps"].attrs[key] = value
        if report is not None:
            group = file.create_group("report/a")
            for key, value in report.items():
                group["data" if key == "data" else f"mapping/{key}"] = value
    return path


@real
def test_public_files_are_read_as_plain_h5py_reads_them():
    path = DATA / "300-intfire-spikes.h5"
    trace = io.load(path)
    with h5py.File(path) as file:
        times, units = file["spikes/v1/timestamps"][()], file["spikes/v1/node_ids"][()]
    order = np.lexsort((units, times))
    assert np.array_equal(trace.spikes["v1"].times, times[order])
    assert np.array_equal(trace.spikes["v1"].units, units[order].astype(int))
    assert (len(times), trace.sizes["v1"]) == (4322, 300)
    old = io.load(DATA / "300-intfire-inputs-old-layout.h5")
    assert len(old.spikes["spikes"]) == 295
    assert "layout of 2018" in old.provenance["notes"]
    membrane = io.load(DATA / "5-cells-membrane.h5")
    samples = membrane.samples["biophysical", "v"]
    with h5py.File(DATA / "5-cells-membrane.h5") as file:
        assert np.array_equal(samples.values, file["report/biophysical/data"][()])
        start, stop, step = file["report/biophysical/mapping/time"][()]
    assert samples.values.shape == (40000, 5)
    assert (samples.times[0], samples.every) == (start, step)
    assert membrane.duration == pytest.approx(stop)
    assert len(io.load(DATA / "5-cells-spikes.h5").spikes["biophysical"]) == 124
    assert io.hdf5.is_complete(path)


def test_libsonata_reads_what_we_export_and_we_read_what_it_reads(tmp_path):
    libsonata = pytest.importorskip("libsonata")
    rng = np.random.default_rng(1)
    units = np.repeat([2, 0, 5], [1, 3, 2])  # elements of three nodes, in no order
    from eventsim.trace import Samples, Spikes, Trace

    times = np.sort(rng.uniform(0, 1e5, 500))
    trace = Trace(
        sizes={"a": 7},
        spikes={"a": Spikes(times, rng.integers(0, 7, 500))},
        samples={("a", "v"): Samples(50.0 + 100.0 * np.arange(40), rng.normal(size=(40, 6)), units, 100.0)},
        time_unit="us",
    )
    spikes, report = io.export.to_sonata(trace, tmp_path / "out")
    theirs = libsonata.SpikeReader(str(spikes))["a"].get_dict()
    assert np.allclose(theirs["timestamps"], times * 1e-3, rtol=1e-15)
    reader = libsonata.ElementReportReader(str(report))["a"].get()
    ours = io.load(report).samples["a", "v"]
    assert np.array_equal(ours.units, [0, 0, 0, 2, 5, 5])
    assert np.array_equal(ours.values.astype(np.float32), reader.data)
    assert np.allclose(ours.times, reader.times, rtol=1e-12)
    assert ours.every == pytest.approx(0.1)
    assert np.array_equal(io.load(spikes).spikes["a"].units, trace.spikes["a"].units)


@pytest.mark.parametrize(("unit", "scale"), [("ms", 1.0), ("s", 1e3), (np.bytes_(b"us"), 1e-3)])
def test_times_are_converted_to_ms_and_sorted(tmp_path, unit, scale):
    path = written(tmp_path / "a.h5", ([3.0, 1.0, 1.0], np.array([0, 4, 2], "u4")), units=unit)
    trace = io.load(path)
    assert np.allclose(trace.spikes["a"].times, np.array([1.0, 1.0, 3.0]) * scale)
    assert trace.spikes["a"].units.tolist() == [2, 4, 0]
    assert ("converted" in trace.provenance["notes"]) == (scale != 1)
    assert trace.duration == pytest.approx(3 * scale)


REPORT = {
    "data": np.arange(12.0).reshape(4, 3),
    "node_ids": np.array([7, 9], "u8"),
    "index_pointers": np.array([0, 1, 3], "u8"),
    "time": [0.0, 2.0, 0.5],
}


@pytest.mark.parametrize(
    ("change", "note"),
    [
        ({}, "does not say what it records"),
        ({"data": np.arange(12.0).reshape(4, 3).T}, "row an element"),
        ({"index_pointers": np.array([0, 1], "u8")}, "has no end"),
        ({"time": [0.0, 3.0, 0.5]}, "its times say 6"),
    ],
)
def test_reports_are_read_in_the_layouts_in_use(tmp_path, change, note):
    trace = io.load(written(tmp_path / "a.h5", report=REPORT | change))
    samples = trace.samples["a", "value"]
    assert samples.values.tolist() == REPORT["data"].tolist()
    assert samples.units.tolist() == [7, 9, 9]
    assert samples.times.tolist() == [0.0, 0.5, 1.0, 1.5]
    assert note in trace.provenance["notes"]
    assert not io.load(tmp_path / "a.h5", recordings=False).samples


@pytest.mark.parametrize(
    ("spikes", "report", "says"),
    [
        (([1.0, 2.0], [0]), None, "2 times and 1 node_ids"),
        (([1.0, np.nan], [0, 1]), None, "not finite"),
        (([1.0], [-1]), None, "whole numbers from 0 on"),
        (([1.0], [0.5]), None, "whole numbers from 0 on"),
        (([[1.0]], [0]), None, "1 axes"),
        (None, REPORT | {"time": [0.0, 2.0, 0.0]}, "start, stop and step"),
        (None, REPORT | {"index_pointers": np.array([0, 2, 1], "u8")}, "does not fit its 2 nodes"),
        (None, REPORT | {"index_pointers": np.array([0, 1, 2], "u8")}, "3 columns for 2 elements"),
        (None, REPORT | {"index_pointers": np.array([0, 1, 2**50], "u8")}, "more elements than there are"),
        (None, REPORT | {"data": np.arange(3.0)}, "2 axes"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(tmp_path, spikes, report, says):
    path = written(tmp_path / "a.h5", spikes, report)
    with pytest.raises(FileFormatError, match=says) as error:
        io.load(path)
    assert len(str(error.value).splitlines()) == 1
    assert str(path) in str(error.value)


def test_an_unknown_unit_and_a_file_without_recordings_are_refused(tmp_path):
    with pytest.raises(FileFormatError, match="'fortnight'; known: ms"):
        io.load(written(tmp_path / "a.h5", ([1.0], [0]), units="fortnight"))
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["x"] = 1.0
    with pytest.raises(FileFormatError, match="nor spikes or reports of SONATA"):
        io.load(tmp_path / "b.h5")


def test_damaged_files_are_read_or_refused(tmp_path):
    path = written(tmp_path / "a.h5", (np.arange(50.0), np.arange(50)), REPORT)
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    outcomes = set()
    for _ in range(400):
        damaged = bytearray(content)
        for place in rng.integers(0, len(content), rng.integers(1, 6)):
            damaged[place] = rng.integers(256)
        path.write_bytes(
            damaged[: rng.integers(len(damaged) // 2, len(damaged))] if rng.random() < 0.2 else damaged
        )
        try:
            io.load(path)
            outcomes.add("read")
        except FileFormatError as error:
            outcomes.add(f"refused in {len(str(error).splitlines())} line")
    assert outcomes == {"read", "refused in 1 line"}
