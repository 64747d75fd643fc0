"""A window or a population of a large file is read without the rest; memory is measured."""

import math
import tracemalloc

import h5py
import numpy as np
import pytest

import eventsim as es
from eventsim import io
from eventsim.errors import ConfigError, UnknownPart
from eventsim.scenarios.cli import main

N = 1_500_000  # spikes: 24 MB


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A run with a large and a small population, and a large table of samples."""
    path = tmp_path_factory.mktemp("large") / "run.h5"
    rng = np.random.default_rng(1)
    with io.TraceFile.create(path) as file:
        file.add_population("large", 100)
        file.add_population("small", 3)
        file.append_spikes("large", np.sort(rng.uniform(0, 1000.0, N)), rng.integers(0, 100, N))
        file.append_spikes("small", [1.0, 500.0, 500.0, 999.0], [0, 1, 2, 0])
        file.add_report("small", "v", [0, 1, 2], 0.01)
        times = 0.01 * np.arange(100_000)
        file.append_samples("small", "v", times, rng.normal(size=(100_000, 3)))
        file.put(duration=1000.0)
    return path


def peak(function):
    """Return the result of a function and the most memory that arrays took meanwhile, in bytes."""
    tracemalloc.start()
    try:
        found = function()
        return found, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_window_is_what_the_whole_file_has_there(large):
    whole = io.load(large)
    for start, stop in ((250.0, 251.0), (0.0, 0.0), (-5.0, 0.5), (999.5, math.inf), (500.0, 500.01)):
        part = io.load(large, start=start, stop=stop)
        for name, spikes in whole.spikes.items():
            inside = (spikes.times >= start) & (spikes.times < stop)
            assert np.array_equal(part.spikes[name].times, spikes.times[inside])
            assert np.array_equal(part.spikes[name].units, spikes.units[inside])
        samples = whole.samples["small", "v"]
        inside = (samples.times >= start) & (samples.times < stop)
        assert np.array_equal(part.samples["small", "v"].values, samples.values[inside])
        assert part.provenance["window"] == [start, stop]
        assert part.sizes == whole.sizes
    assert set(io.load(large, populations="small").spikes) == {"small"}
    assert "window" not in whole.provenance


def test_the_rest_is_not_read(large):
    io.load(large, recordings=False)  # modules are imported by now
    part, memory = peak(lambda: io.load(large, start=250.0, stop=251.0))
    assert len(part.spikes["large"]) > 1000
    assert memory < 500_000
    part, memory = peak(lambda: io.load(large, populations=["small"], start=0.0, stop=2.0))
    assert memory < 500_000
    assert list(part.spikes) == ["small"]
    _, memory = peak(lambda: io.load(large))
    assert memory > 16 * N


def test_a_large_file_of_others_is_read_in_pieces(tmp_path):
    rng = np.random.default_rng(2)
    times, units = rng.uniform(0, 1000.0, N), rng.integers(0, 50, N)  # in no order
    with h5py.File(tmp_path / "spikes.h5", "w") as file:
        file["spikes/a/timestamps"], file["spikes/a/node_ids"] = times, units
        file["report/b/data"] = rng.normal(size=(200_000, 20)).astype(np.float32)
        file["report/b/mapping/time"] = [0.0, 1000.0, 0.005]
        file["report/b/mapping/node_ids"] = np.arange(20)
        file["report/b/mapping/index_pointers"] = np.arange(21)
    path = tmp_path / "spikes.h5"
    io.load(path, recordings=False)
    part, memory = peak(lambda: io.load(path, start=100.0, stop=101.0))
    assert memory < 16_000_000  # pieces of 4 MB; all would be 56 MB
    inside = (times >= 100.0) & (times < 101.0)
    assert np.array_equal(part.spikes["a"].times, np.sort(times[inside]))
    assert part.sizes["a"] == 50
    samples = part.samples["b", "value"]
    assert samples.values.shape == (200, 20)
    with h5py.File(path) as file:
        assert np.array_equal(samples.values, file["report/b/data"][20_000:20_200])
    assert samples.times[0] == pytest.approx(100.0)
    assert list(io.load(path, populations="b").spikes) == []


def test_a_source_replays_a_window_of_a_large_file(large):
    source, memory = peak(lambda: es.models.SpikeSource.from_run(large, "large", start=300.0, stop=301.0))
    assert len(source.times) > 1000
    assert memory < 1_000_000


def test_the_command_exports_a_window(large, tmp_path, capsys):
    words = ["export", str(large), "--to", "csv", "--population", "small", "--start", "400", "--stop", "600"]
    assert main([*words, "-o", str(tmp_path / "out")]) == 0
    lines = (tmp_path / "out" / "spikes.csv").read_text().splitlines()
    assert lines[1:] == ["small,1,500.0", "small,2,500.0"]
    capsys.readouterr()
    for more, says in [
        (
            ["--population", "smal"],
            "the file has no population 'smal'; known: large, small; did you mean 'small'?",
        ),
        (["--start", "5", "--stop", "4"], "stop must not be before start = 5.0, got 4.0"),
        (["--start", "now"], "--start must be a number, got 'now'"),
    ]:
        assert main(["export", str(large), "--to", "csv", *more, "-o", str(tmp_path / "out")]) == 2
        said = capsys.readouterr().err
        assert says in said
        assert said.count("\n") == 1
    assert main(["export", str(large), "--to", "nir", "--start", "1"]) == 2
    assert "--start and --stop are for recordings" in capsys.readouterr().err


def test_bad_windows_end_in_one_line(large):
    with pytest.raises(UnknownPart, match="the file has no population 'hidden'; known: large, small"):
        io.load(large, populations="hidden")
    with pytest.raises(ConfigError, match="start must be a time, got 'soon'"):
        io.load(large, start="soon")
    with pytest.raises(ConfigError, match="stop must be a time, got nan"):
        io.load(large, stop=math.nan)


def test_measures_of_a_window_are_of_its_time_alone(tmp_path):
    times = np.arange(0.5, 100.0)
    path = tmp_path / "run.h5"
    io.save(
        es.Trace(sizes={"a": 1}, spikes={"a": es.Spikes(times, np.zeros(100, np.int64))}, duration=100.0),
        path,
    )
    for bounds, span in (
        ((20.0, 40.0), (20.0, 40.0)),
        ((90.0, None), (90.0, 100.0)),
        ((None, 10.0), (0.0, 10.0)),
    ):
        read = es.analysis.select(io.load(path, start=bounds[0], stop=bounds[1]), "a")
        assert (read.start, read.stop) == span
        assert es.analysis.rates(read).tolist() == [1000.0]
    assert (
        es.analysis.select(io.load(path, start=20.0, stop=40.0), "a", start=25.0, stop=30.0).duration == 5.0
    )
