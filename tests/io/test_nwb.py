"""NWB: files of others are read as pynwb reads them, ours come back, windows read no more than they need."""

import math
import re
import tracemalloc
from datetime import UTC, datetime

import h5py
import numpy as np
import pytest

import eventsim as es
from eventsim import io
from eventsim.errors import ConfigError, FileFormatError, UnknownPart
from eventsim.scenarios.cli import main
from eventsim.trace import Samples, Spikes, Trace

pynwb = pytest.importorskip("pynwb")
GRID = 1.0 + np.arange(4000) / 20_000.0


def new_file(**more):
    return pynwb.NWBFile(
        session_description="a cell",
        identifier="x1",
        session_start_time=datetime(2026, 1, 2, tzinfo=UTC),
        **more,
    )


def write(file, path):
    with pynwb.NWBHDF5IO(str(path), "w") as out:
        out.write(file)
    return path


def spike_times():
    rng = np.random.default_rng(1)
    return [np.sort(rng.uniform(0, 2, n)) for n in (5, 0, 12)]


@pytest.fixture
def path(tmp_path):
    """A file as laboratories write them: sorted units, membranes in clamp, field potentials, images."""
    from pynwb.ecephys import LFP, ElectricalSeries
    from pynwb.icephys import CurrentClampSeries, VoltageClampSeries
    from pynwb.image import ImageSeries

    rng = np.random.default_rng(2)
    file = new_file()
    device = file.create_device("rig")
    group = file.create_electrode_group("g", description="d", location="l", device=device)
    for k in range(3):
        file.add_electrode(id=k, location="l", group=group)
    file.add_unit_column("quality", "of sorting")
    for times in spike_times():
        file.add_unit(spike_times=times, quality="good", obs_intervals=[[0.0, 2.5]])
    pipette = file.create_icephys_electrode(name="pipette", device=device, description="glass")
    membrane = pynwb.H5DataIO(rng.integers(-900, 300, 4000).astype(np.int16), compression="gzip")
    for kind, name, unit in ((CurrentClampSeries, "patch", 1e-4), (VoltageClampSeries, "clamp", 1e-12)):
        series = kind(name=name, data=membrane, electrode=pipette, conversion=unit, offset=unit * 2, gain=1.0,
                      starting_time=1.0, rate=20_000.0)  # fmt: skip
        file.add_acquisition(series)
    times = np.sort(rng.uniform(0, 2, 50))
    file.add_stimulus(pynwb.TimeSeries(name="light", data=rng.normal(size=50), unit="W", timestamps=times))
    table = file.create_electrode_table_region([0, 1, 2], "all")
    field = ElectricalSeries(name="field", data=rng.normal(size=(60, 3)), electrodes=table, rate=100.0)
    file.create_processing_module("ecephys", "x").add(LFP(electrical_series=field))
    file.add_acquisition(
        ImageSeries(name="film", data=np.zeros((3, 4, 4)), unit="n.a.", timestamps=[0.0, 1.0, 2.0])
    )
    return write(file, tmp_path / "others.nwb")


def test_files_of_others_are_read_as_pynwb_reads_them(path):
    trace = io.load(path)
    assert trace.time_unit == "s"
    assert trace.sizes == {"units": 3, "clamp": 1, "patch": 1, "light": 1, "field": 3}
    assert trace.duration == 2.5  # until then the units were observed
    with pynwb.NWBHDF5IO(str(path), "r") as opened:
        file = opened.read()
        for k in range(3):
            own = trace.spikes["units"].units == k
            assert np.array_equal(trace.spikes["units"].times[own], file.units.get_unit_spike_times(k))
        for key, series in {
            ("patch", "v"): file.acquisition["patch"],
            ("clamp", "i"): file.acquisition["clamp"],
            ("light", "value"): file.stimulus["light"],
            ("field", "v"): file.processing["ecephys"]["LFP"]["field"],
        }.items():
            samples = trace.samples[key]
            exact = np.asarray(series.data[:], float) * series.conversion + series.offset
            assert np.array_equal(samples.values, exact.reshape(len(exact), -1))
            assert np.allclose(samples.times, series.get_timestamps()[:], rtol=1e-15)
            assert samples.every == (1 / series.rate if series.rate else 0)
    assert np.allclose(trace.samples["patch", "v"].times, GRID, rtol=1e-15)
    assert trace.provenance["session_description"] == "a cell"
    assert trace.provenance["notes"].splitlines() == [
        "'i' of 'clamp' is in amperes",
        "'v' of 'patch' is in volts",
        "'v' of 'field' is in volts",
        "'value' of 'light' is in W",
        "acquisition/film of kind ImageSeries is no series of numbers and was left out",
    ]
    assert np.all(np.diff(trace.spikes["units"].times) >= 0)


def test_a_window_is_what_the_whole_file_has_there(path):
    whole = io.load(path)
    for start, stop in ((0.5, 1.0), (1.0, 1.00005), (1.1, 1.15), (-1.0, 0.0), (1.9, math.inf), (0.3, 0.3)):
        part = io.load(path, start=start, stop=stop)
        assert part.sizes == whole.sizes
        for name, spikes in whole.spikes.items():
            inside = (spikes.times >= start) & (spikes.times < stop)
            assert np.array_equal(part.spikes[name].times, spikes.times[inside])
            assert np.array_equal(part.spikes[name].units, spikes.units[inside])
        for key, samples in whole.samples.items():
            inside = (samples.times >= start) & (samples.times < stop)
            assert np.array_equal(part.samples[key].values, samples.values[inside])
            assert np.array_equal(part.samples[key].times, samples.times[inside])
        assert part.provenance["window"] == [start, stop]
    some = io.load(path, populations=["patch", "units"])
    assert (set(some.spikes), set(some.samples)) == ({"units"}, {("patch", "v")})
    none = io.load(path, recordings=False)
    assert (none.sizes, none.spikes, none.samples) == (whole.sizes, {}, {})
    assert none.duration == whole.duration


def test_our_files_come_back(run, tmp_path):
    run.time_unit = "s"
    again = io.load(io.export.to_nwb(run, tmp_path / "a.nwb"))
    assert set(again.spikes) == set(run.spikes)
    for name, spikes in run.spikes.items():
        assert np.array_equal(again.spikes[name].times, spikes.times)
        assert np.array_equal(again.spikes[name].units, spikes.units)
        assert again.sizes[name] == run.sizes[name]
    assert set(again.samples) == set(run.samples)
    for key, samples in run.samples.items():
        assert np.array_equal(again.samples[key].values, samples.values, equal_nan=True)
        assert np.array_equal(again.samples[key].units, samples.units)
        assert np.array_equal(again.samples[key].times, samples.times)
        assert again.samples[key].every == samples.every
    assert again.duration == run.duration


def test_a_simulation_in_ms_comes_back_in_s_and_is_replayed(tmp_path):
    net = es.Network(seed=1)
    net.add("input", es.models.Poisson(rate=200.0), 20)
    net.add("cells", es.models.LIF(), 4)
    net.add("silent", es.models.LIF(), 2)
    net.connect("input", "cells", weight=0.5)
    sim = es.Simulation(net)
    sim.record("cells", "v", every=0.1, units=[3, 1])
    sim.run(50.0)
    sim.save(tmp_path / "a.h5")
    trace = io.load(tmp_path / "a.h5")
    again = io.load(io.export.to_nwb(trace, tmp_path / "a.nwb"))
    assert again.sizes == trace.sizes
    for name, spikes in trace.spikes.items():
        assert np.allclose(again.spikes[name].times, spikes.times * 1e-3, rtol=1e-15)
        assert np.array_equal(again.spikes[name].units, spikes.units)
    samples = again.samples["cells", "v"]
    assert samples.units.tolist() == trace.samples["cells", "v"].units.tolist()
    assert np.allclose(samples.times, trace.samples["cells", "v"].times * 1e-3, rtol=1e-15)
    assert np.array_equal(samples.values, trace.samples["cells", "v"].values)
    source = es.models.SpikeSource.from_run(tmp_path / "a.nwb", "cells", start=0.01, stop=0.02)
    assert (
        len(source.times) == ((trace.spikes["cells"].times >= 10) & (trace.spikes["cells"].times < 20)).sum()
    )


def test_empty_recordings_come_back(tmp_path):
    trace = Trace(
        sizes={"a": 3, "b": 0},
        spikes={name: Spikes(np.zeros(0), np.zeros(0, np.int64)) for name in ("a", "b")},
        samples={("a", "v"): Samples(np.zeros(0), np.zeros((0, 2)), np.array([0, 2]), 0.1)},
        duration=5.0,
        time_unit="s",
    )
    again = io.load(io.export.to_nwb(trace, tmp_path / "a.nwb"))
    assert len(again.spikes["a"]) == 0
    assert again.sizes["a"] == 3
    assert again.samples["a", "v"].values.shape == (0, 2)
    assert again.duration == 5.0


def test_a_population_is_read_without_the_rest_of_a_large_file(tmp_path):
    rng = np.random.default_rng(3)
    n, n_rows = 1_500_000, 400_000
    path = tmp_path / "large.nwb"
    trace = Trace(
        sizes={"large": 50, "small": 2},
        spikes={
            "large": Spikes(np.sort(rng.uniform(0, 1000, n)), rng.integers(0, 50, n)),
            "small": Spikes(np.array([1.0, 500.0, 999.0]), np.array([0, 1, 0])),
        },
        samples={
            ("large", "v"): Samples(
                0.0025 * np.arange(n_rows), rng.normal(size=(n_rows, 10)), np.arange(10), 0.0025
            ),
            ("small", "v"): Samples(0.001 * np.arange(900_000), np.ones((900_000, 1)), np.arange(1)),
        },
        duration=1000.0,
        time_unit="s",
    )
    io.export.to_nwb(trace, path)  # 76 MB
    io.load(path, recordings=False)

    def peak(**part):
        tracemalloc.start()
        try:
            return io.load(path, **part), tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    part, memory = peak(start=100.0, stop=101.0)
    assert memory < 16e6  # pieces of 2 MB, and what is found of them
    spikes = trace.spikes["large"]
    inside = (spikes.times >= 100.0) & (spikes.times < 101.0)
    assert np.array_equal(part.spikes["large"].times, spikes.times[inside])
    assert np.array_equal(part.spikes["large"].units, spikes.units[inside])
    assert part.samples["large", "v"].values.shape == (400, 10)
    part, memory = peak(populations="small", stop=2.0)
    assert memory < 8e6
    assert part.spikes["small"].times.tolist() == [1.0]
    assert part.samples["small", "v"].values.shape == (2000, 1)
    _, memory = peak(recordings=False)
    assert memory < 16e6


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            {"units/spike_times_index": np.array([5, 4, 17])},
            "units/spike_times_index does not fit its 17 times",
        ),
        (
            {"units/spike_times_index": np.array([5, 5, 16])},
            "units/spike_times_index does not fit its 17 times",
        ),
        ({"units/spike_times": np.full(17, np.nan)}, "units/spike_times has values that are not finite"),
        ({"units/spike_times": np.arange(17)}, "units/spike_times should be an array of numbers with 1 axes"),
        ({"stimulus/presentation/light/timestamps": np.arange(49.0)}, "light has 50 rows and 49 timestamps"),
        (
            {"stimulus/presentation/light/timestamps": -np.arange(50.0)},
            "timestamps of /stimulus.*not in order",
        ),
        (
            {"acquisition/patch/starting_time": np.float64(0)},
            "should have a finite start and end and a positive rate",
        ),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(path, change, says):
    with h5py.File(path, "r+") as file:
        for place, value in change.items():
            del file[place]
            file[place] = value
    with pytest.raises(FileFormatError, match=says) as error:
        io.load(path)
    assert str(error.value).count("\n") == 0


def test_intervals_without_an_end_do_not_count(path):
    before = io.load(path).duration
    with h5py.File(path, "r+") as file:
        file["units"].pop("obs_intervals", None)
        file["units/obs_intervals"] = np.array([[0.0, np.inf], [np.nan, 1e-3], [0.0, before + 7.0]])
    assert io.load(path).duration == before + 7.0


@pytest.mark.parametrize(("start", "rate"), [(1.0, 5e-324), (1e308, 1e-308), (1e200, 1e200), (0.0, 1e-307)])
def test_series_whose_times_are_no_numbers_are_refused(path, start, rate):
    with h5py.File(path, "r+") as file:
        file["acquisition/patch/starting_time"][()] = start
        file["acquisition/patch/starting_time"].attrs["rate"] = rate
    with pytest.raises(FileFormatError, match=re.escape(f" from {start} at a rate of {rate}")):
        io.load(path)


def test_what_cannot_be_expressed_is_refused_by_name(path, tmp_path):
    with pytest.raises(FileFormatError, match="acquisition/film of kind ImageSeries is no series of numbers"):
        io.load(path, populations="film")
    with pytest.raises(
        UnknownPart, match=r"no population 'pach'; known: units, clamp, patch, .* mean 'patch'"
    ):
        io.load(path, populations="pach")
    file = new_file()
    file.add_acquisition(
        pynwb.image.ImageSeries(
            name="film", data=np.zeros((3, 4, 4)), unit="n.a.", timestamps=[0.0, 1.0, 2.0]
        )
    )
    with pytest.raises(
        FileFormatError, match=r"no spikes of units .* it has: acquisition/film \(ImageSeries\)"
    ):
        io.load(write(file, tmp_path / "film.nwb"))
    with h5py.File(tmp_path / "old.nwb", "w") as old:
        old["nwb_version"] = "NWB-1.0.6"
    with pytest.raises(FileFormatError, match="is a file of NWB 1, which is not read"):
        io.load(tmp_path / "old.nwb")
    odd = Trace(samples={("a", "w/b"): Samples(np.zeros(1), np.zeros((1, 1)), np.arange(1))})
    with pytest.raises(ConfigError, match=r"NWB cannot name a series 'a\.w/b': no name has a '/' there"):
        io.export.to_nwb(odd, tmp_path / "odd.nwb")


def test_the_commands_take_it(path, tmp_path, capsys):
    assert main(["show", str(path)]) == 0
    said = capsys.readouterr().out
    assert "NWB" in said
    assert "acquisition/film of kind ImageSeries" in said
    assert (
        main(["export", str(path), "--to", "csv", "--population", "units", "-o", str(tmp_path / "out")]) == 0
    )
    assert (tmp_path / "out" / "spikes.csv").read_text().startswith("population,unit,time (s)\nunits,")
    capsys.readouterr()
    assert main(["plot", str(path), "--list"]) == 0
    assert "raster" in capsys.readouterr().out
    assert main(["plot", str(path), "-o", str(tmp_path / "raster.png")]) == 0
