"""Other people's readers find in our files what we put there."""

import h5py
import numpy as np
import pytest

from eventsim.io import TraceFile, save
from eventsim.io.hdf5.schema import CHUNK
from eventsim.trace import Samples, Spikes, Trace


def spikes_of(n, n_units=50, seed=0):
    rng = np.random.default_rng(seed)
    return Spikes(np.sort(rng.uniform(0, 1e6, n)), rng.integers(0, n_units, n))


@pytest.mark.parametrize("n", [0, 1, 1000, CHUNK + 1, 10**6])
def test_libsonata_reads_the_spikes(n, tmp_path):
    libsonata = pytest.importorskip("libsonata")
    spikes = spikes_of(n)
    path = tmp_path / "a.h5"
    save(Trace(sizes={"a": 50, "b": 1}, spikes={"a": spikes, "b": spikes_of(0)}), path)
    reader = libsonata.SpikeReader(str(path))
    assert reader.get_population_names() == ["a", "b"]
    assert reader["a"].sorting == "by_time"
    read = reader["a"].get_dict()
    assert read["timestamps"].tobytes() == spikes.times.tobytes()
    assert np.array_equal(read["node_ids"], spikes.units)
    assert reader["b"].get() == []
    if n > 1:
        middle = float(spikes.times[n // 2])
        found = reader["a"].get(tstart=middle)
        assert abs(len(found) - (n - n // 2)) <= 1  # the reader takes what is 1e-6 ms earlier as well


def test_libsonata_reads_every_sampled_variable(run, tmp_path):
    libsonata = pytest.importorskip("libsonata")
    path = tmp_path / "a.h5"
    save(run, path)
    for kind in (libsonata.SomaReportReader, libsonata.ElementReportReader):
        reader = kind(str(path))
        assert reader.get_population_names() == ["hidden", "hidden.i_syn"]
        for name, variable in (("hidden", "v"), ("hidden.i_syn", "i_syn")):
            samples = run.samples["hidden", variable]
            read = reader[name].get()
            assert np.array_equal(read.data, samples.values.astype(np.float32))
            assert np.array_equal(np.asarray(read.ids).reshape(len(samples.units), -1)[:, 0], samples.units)
            assert np.allclose(read.times, samples.times, rtol=1e-12)
            assert reader[name].time_units == "us"


@pytest.mark.parametrize("every", [0.1, 1 / 3, 1e-3])
def test_a_long_report_has_as_many_frames_for_readers_as_it_has_rows(every, tmp_path):
    libsonata = pytest.importorskip("libsonata")
    times = 0.7 + every * np.arange(20_001)
    trace = Trace(
        sizes={"a": 1}, samples={("a", "v"): Samples(times, np.sin(times)[:, None], np.array([0]), every)}
    )
    save(trace, tmp_path / "a.h5")
    read = libsonata.SomaReportReader(str(tmp_path / "a.h5"))["a"].get()
    assert len(read.times) == len(times)
    assert np.array_equal(read.data[:, 0], np.sin(times).astype(np.float32))


def test_bmtk_reads_spikes_and_reports(run, tmp_path):
    pytest.importorskip("bmtk")
    from bmtk.utils.reports.compartment import CompartmentReport
    from bmtk.utils.reports.spike_trains import SpikeTrains

    path = tmp_path / "a.h5"
    save(run, path)
    read = SpikeTrains.load(str(path), population="hidden").to_dataframe()
    assert np.allclose(np.sort(read["timestamps"]), run.spikes["hidden"].times, rtol=0)
    report = CompartmentReport(str(path), "r", population="hidden", default_population="hidden")
    assert np.array_equal(report.data(), run.samples["hidden", "v"].values.astype(np.float32))


def test_viewers_of_hdf5_take_our_rasters_and_series(run, tmp_path):
    nxdata = pytest.importorskip("silx.io.nxdata")
    path = tmp_path / "a.h5"
    save(run, path)
    found = {}

    def check(name, item):
        if "NX_class" in item.attrs:
            drawn = nxdata.NXdata(item)
            assert drawn.is_valid, drawn.issues
            found[name] = drawn

    with h5py.File(path) as file:
        file.visititems(check)
        assert set(found) == {
            *(f"spikes/{name}" for name in run.spikes),
            *(f"eventsim/samples/{name}/{variable}" for name, variable in run.samples),
        }
        for name, drawn in found.items():
            spikes = name.startswith("spikes/")
            assert drawn.is_scatter == spikes  # a raster; series are drawn as a map or as curves
            assert drawn.axes_names == (
                ["timestamps (us)", "node_ids"] if spikes else ["times (us)", "units"]
            )


def test_a_streamed_file_is_read_at_every_checkpoint(tmp_path):
    libsonata = pytest.importorskip("libsonata")
    spikes = spikes_of(3 * CHUNK)
    path = tmp_path / "a.h5"
    with TraceFile.create(path) as file:
        file.add_population("a", 50)
        for k in range(0, len(spikes), 50_000):
            file.append_spikes("a", spikes.times[k : k + 50_000], spikes.units[k : k + 50_000])
            file.checkpoint()
            read = libsonata.SpikeReader(str(path))["a"].get_dict()["timestamps"]
            assert np.array_equal(read, spikes.times[: k + 50_000])


def test_types_are_those_that_the_strict_readers_take(run, tmp_path):
    run.spikes["large"] = spikes_of(2 * CHUNK)
    run.sizes["large"] = 50
    save(run, tmp_path / "a.h5")
    seen = []
    with h5py.File(tmp_path / "a.h5", "r") as file:
        assert file.attrs["magic"] == 0x0A7A
        assert file.attrs["magic"].dtype == np.uint32
        assert file.attrs["version"].dtype == np.uint32
        assert file.attrs["version"].shape == (2,)

        def inspect(name, item):
            if isinstance(item, h5py.Dataset):
                assert item.id.get_create_plist().get_nfilters() == 0, f"{name} is compressed"
            kind = name.rpartition("/")[2]
            if kind == "data" and name.startswith("report/"):
                assert item.dtype == np.float32
                assert isinstance(item.attrs["units"], str)
                seen.append(kind)
            if kind == "timestamps":
                assert item.dtype == np.float64
                assert item.attrs["units"] == "us"
                assert item.parent["node_ids"].dtype == np.uint64
                sorting = item.parent.attrs.get_id("sorting")
                assert h5py.check_enum_dtype(sorting.dtype) == {"none": 0, "by_id": 1, "by_time": 2}
                assert item.parent.attrs["sorting"] == 2
                assert item.parent.attrs["NX_class"] == "NXdata"
                assert item.parent.attrs["signal"] == "node_ids"
                assert list(item.parent.attrs["axes"]) == ["timestamps", "node_ids"]
                seen.append(kind)
            if kind == "index_pointers":
                assert len(item) == len(item.parent["node_ids"]) + 1
                assert np.array_equal(item.parent["index_pointer"], item)
                assert item.parent["time"].attrs["units"] == "us"
                seen.append(kind)

        file.visititems(inspect)
    assert sorted(seen) == ["data"] * 2 + ["index_pointers"] * 2 + ["timestamps"] * 4
