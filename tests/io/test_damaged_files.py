"""Damaged files are read, or refused in one line, within limits of time and memory.

The package `damage` has the kinds of files and the ways to damage them; here some of each are read.
``pytest --mutations 5000`` reads 250 of each, ``python -m damage`` in this folder's parent as many as are
asked for, and keeps what it finds.
"""

import gzip
import json

import h5py
import numpy as np
import pytest

import eventsim as es
from damage.campaign import available, campaign, damager
from damage.kinds import KINDS
from damage.watched import Outcome, Reader
from eventsim.errors import ConfigError, FileFormatError, UnknownPart
from eventsim.io.numpy_files import read_npy, read_npz
from eventsim.scenarios.elise.pattern_files import pattern_of
from eventsim.scenarios.sweep.sweeping import open_sweep

SHARE = 20
"""One in so many of the files that are asked for is of each kind."""
FIRST = 400_000
"""Numbers of the files of the ordinary tests, beside those of whole campaigns."""


@pytest.fixture(scope="module")
def reader():
    """A process that is ended after the tests."""
    with Reader() as reader:
        yield reader


@pytest.mark.parametrize("name", KINDS)
def test_damaged_files_are_read_or_refused(name, reader, request):
    if not available(name):
        pytest.skip(f"needs {KINDS[name].needs}")
    count = max(request.config.getoption("--mutations") // SHARE, 1)
    with damager(name) as files:
        assert files.outcome_of_good(reader) == Outcome("read")
        for number in range(FIRST, FIRST + count):
            outcome = files.outcome(number, reader)
            assert not outcome.is_finding, f"{name} {number}: {outcome.kind} {outcome.words}"


def test_a_campaign_goes_on_where_it_was_stopped_and_makes_the_same_files(tmp_path):
    once = campaign("points", 30, 1, tmp_path / "once", lambda record: None)
    campaign("points", 10, 1, tmp_path / "twice", lambda record: None)
    good = tmp_path / "twice" / "points-1" / "good" / "good.csv"
    assert good.read_bytes() == (tmp_path / "once" / "points-1" / "good" / "good.csv").read_bytes()
    twice = campaign("points", 30, 1, tmp_path / "twice", lambda record: None)
    kept = json.loads((tmp_path / "twice" / "points-1.json").read_text())
    for record in (once, twice):
        assert (record.done, record.read + record.refused + len(record.findings)) == (30, 30)
        assert record.read
        assert record.refused
    assert (twice.read, twice.refused) == (once.read, once.refused) == (kept["read"], kept["refused"])


BAD = {
    "escaped": "raise KeyError('x')",
    "several lines": "raise FileNotFoundError('two\\nlines')",
    "crashed": "import os; os.kill(os.getpid(), 11)",
    "memory": "hold = bytearray(3 << 30)",
    "no end": "while True: pass",
    "refused": "raise damage.child.FileFormatError('no file of ours')",
    "read": "pass",
}


@pytest.mark.parametrize("kind", BAD)
def test_every_way_to_end_is_seen_and_the_next_file_is_read(kind, tmp_path, monkeypatch):
    if kind == "no end":
        monkeypatch.setattr("damage.watched.LONGEST", 1.0)
    path = tmp_path / "file.py"
    with Reader() as reader:
        path.write_text(BAD[kind])
        assert reader.read("script", path).kind == kind
        path.write_text("pass")
        assert reader.read("script", path).kind == "read"


ONE_LINE = {
    "cut.npy": b"\x93NUMPY\x01\x00u\x00{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999,), }\n",
    "no.npy": b"text",
    "no.npz": b"PK\x03\x04",
}


@pytest.mark.parametrize("name", ONE_LINE)
def test_arrays_that_declare_more_than_they_have_are_refused(name, tmp_path):
    (tmp_path / name).write_bytes(ONE_LINE[name])
    read = read_npy if name.endswith("npy") else read_npz
    with pytest.raises(FileFormatError, match=r"cannot be read as a") as caught:
        read(tmp_path / name)
    assert len(str(caught.value).splitlines()) == 1


def test_arrays_come_back_as_numpy_wrote_them(tmp_path):
    kinds = [
        np.arange(6.0).reshape(2, 3),
        np.asfortranarray(np.eye(3, 2)),
        np.array(3),
        np.zeros((0, 4), "i2"),
    ]
    kinds += [np.array([(1, 2.0)], [("a", "i4"), ("b", "f8")]), np.array(["a", "bc"])]
    for array in kinds:
        np.save(tmp_path / "a.npy", array)
        found = read_npy(tmp_path / "a.npy")
        assert found.dtype == array.dtype
        assert found.shape == array.shape
        assert (found == array).all()
    np.savez_compressed(tmp_path / "a.npz", x=kinds[0], y=kinds[1])
    assert read_npz(tmp_path / "a.npz", ("y", "z")).keys() == {"y"}
    assert (read_npz(tmp_path / "a.npz")["y"] == kinds[1]).all()


def test_an_archive_that_expands_without_end_is_not_expanded(tmp_path):
    """An IDX file of some hundred kB with 256 MiB of zeros behind its images."""
    packed = gzip.compress(bytes((0, 0, 8, 1, 0, 0, 0, 5)) + bytes(1 << 28), 1)
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(packed)
    (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(packed)
    with pytest.raises(FileFormatError, match="expands to more than 47040016 bytes"):
        es.io.datasets.mnist("test", tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"\0\0\x08", b"\0\0\x08\0", b"\0\0\x08\x41" + bytes(4 * 65), b"\0\0\x08\x01\0"]
)
def test_images_without_a_whole_header_are_refused(content, tmp_path, reader):
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(content))
    outcome = reader.read("idx", path)
    assert outcome.kind == "refused"
    assert f"is no IDX file of bytes: {len(content)} bytes" in outcome.words


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            b"time,unit\n1.0,nan\n",
            "line 2 of .* must have a time and a whole unit from 0 on, got '1.0' and 'nan'",
        ),
        (b"time,unit\n1.0,2\ninf,2\n", "line 3 of .* got 'inf' and '2'"),
        (b"time,unit\n1.0,-2\n", "got '1.0' and '-2'"),
        (b"time,unit\n\xff,2\n", "is no text in UTF-8"),
        (b'"a\nb",unit\n1,2\n', "has no column 'time'; columns: a b, unit$"),
        (b"when,unit\n1,2\n", "has no column 'time'; columns: when, unit"),
    ],
)
def test_spikes_in_csv_that_cannot_be_are_refused_with_their_line(text, message, tmp_path):
    (tmp_path / "a.csv").write_bytes(text)
    with pytest.raises(ConfigError, match=message):
        es.models.SpikeSource.from_csv(tmp_path / "a.csv")


def test_samples_of_units_that_are_not_there_are_refused(tmp_path):
    for key, values, message in (
        ("units", [9], "units 9 to 9, but the population has 3"),
        ("times", [2.0, 1.0], "are not in order"),
    ):
        samples = es.Samples(np.array([0.0, 1.0]), np.zeros((2, 1)), np.array([1]))
        path = tmp_path / f"{key}.h5"
        es.io.save(es.Trace(sizes={"x": 3}, samples={("x", "v"): samples}), path)
        with h5py.File(path, "r+") as file:
            file[f"eventsim/samples/x/v/{key}"][...] = values
        with pytest.raises(FileFormatError, match=message):
            es.io.load(path)


def test_an_event_at_a_damaged_time_makes_no_windows(tmp_path):
    from eventsim.io.datasets.sets.event_camera import histograms, read_events

    head, words = b"% x\n" + bytes((0, 8)), np.zeros(3, "<u4,<u4")
    words["f0"] = [5, 60_000, 4_000_000_000]
    (tmp_path / "a.dat").write_bytes(head + words.tobytes())
    with pytest.raises(FileFormatError, match="3 events span 80001 windows of 50000 us"):
        histograms(read_events(tmp_path / "a.dat"))
    words["f0"] = [5, 60_000, 4]
    (tmp_path / "a.dat").write_bytes(head + words.tobytes())
    with pytest.raises(FileFormatError, match="event 2 is at 4 us, before the one before"):
        read_events(tmp_path / "a.dat")


def test_runs_of_a_sweep_that_are_none_are_refused(tmp_path):
    good = {"file": "a.h5", "title": "a", "point": {"n": 1}}
    for change in ({"point": 3}, {"file": 1}, {"file": "../a.h5"}, {"error": {}, "title": None}):
        (tmp_path / "sweep.json").write_text(json.dumps({"scenario": "x", "runs": {"1": good | change}}))
        with pytest.raises(FileFormatError, match=r"sweep.json is damaged"):
            open_sweep(tmp_path)


def test_a_track_that_is_longer_than_its_file_is_refused_before_it_is_read(tmp_path):
    pytest.importorskip("mido")
    header = b"MThd" + (6).to_bytes(4, "big") + bytes((0, 1, 0, 1, 0, 96))
    (tmp_path / "a.mid").write_bytes(header + b"MTrk" + b"\xff\xff\xff\xf0" + bytes(9))
    with pytest.raises(ConfigError, match="a chunk at byte 14 declares 4294967280 bytes, but 9 are left"):
        pattern_of(str(tmp_path / "a.mid"))


@pytest.mark.parametrize("key", ["nodes_file", "node_types_file"])
def test_names_that_no_file_can_have_are_those_of_no_file(key, tmp_path):
    text, _ = KINDS["circuit"].write(tmp_path)
    tree = json.loads(text.read_text())
    tree["networks"]["nodes"][0][key] = "a" * 5000
    text.write_text(json.dumps(tree))
    for path in (text, tmp_path / ("b" * 5000)):
        with pytest.raises(FileNotFoundError, match=r"^there is no file .{1,400}\.\.\.$"):
            es.io.load(path)
    with pytest.raises(ConfigError, match=r"does not exist; it must be"):
        pattern_of("c" * 5000 + ".npy")


def test_a_duration_that_is_no_number_is_refused(tmp_path):
    es.io.save(es.Trace(sizes={"x": 3}), tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        file["eventsim"].attrs["duration"] = np.nan
    with pytest.raises(FileFormatError, match="its duration should be finite, got nan"):
        es.io.load(tmp_path / "a.h5")


def test_a_short_midi_file_reserves_no_more_than_it_has(tmp_path, reader):
    """Ten bytes whose first chunk declares two gigabytes: from a file the library reserves them."""
    pytest.importorskip("mido")
    path = tmp_path / "a.mid"
    path.write_bytes(b"MThd" + b"\x81p@@" + bytes(2))
    outcome = reader.read("pattern", path)
    assert outcome.kind == "refused"
    assert "cannot be read as a MIDI file" in outcome.words


PICKLES = {
    "bytes longer than the pickle": b"\x80\x03B" + (2_400_000_000).to_bytes(4, "little") + b"data",
    "a place far from the others": b"\x80\x02}r" + (200_000_000).to_bytes(4, "little") + b".",
    "such a place in digits": b"}p200000000\n.",
    "an array of two gigabytes": (
        b"\x80\x02cnumpy._core.multiarray\n_reconstruct\ncnumpy\nndarray\nI2400000000\n\x85U\x01b\x87R."
    ),
    "an array made by its class": b"\x80\x02cnumpy\nndarray\nI2400000000\n\x85R.",
}


@pytest.mark.parametrize("name", PICKLES)
def test_pickles_of_images_that_reserve_memory_are_refused_before_they_do(name, tmp_path, reader):
    path = tmp_path / "data_batch_1"
    path.write_bytes(PICKLES[name])
    outcome = reader.read("images", path)
    assert outcome.kind == "refused"
    assert "data_batch_1 of CIFAR-10 is damaged, or holds no images: " in outcome.words


def test_spike_trains_of_a_pattern_without_bounds_are_refused(tmp_path):
    times, units = np.array([1.0, 20.0]), np.array([0, 1])
    for change, message in (
        ({"duration": 1e12}, "1e[+]12 rows of 2 neurons"),
        ({"duration": 1e308}, "1e[+]308 rows of 2 neurons"),
        ({"duration": [1.0, 2.0]}, "duration of .* must be one number of ms"),
        ({"times": np.array(["a", "b"])}, "times of .* must be numbers"),
        ({"units": np.array([0, np.nan])}, "must be finite and not negative"),
    ):
        np.savez(tmp_path / "a.npz", **({"times": times, "units": units, "duration": 50.0} | change))
        with pytest.raises(ConfigError, match=message):
            pattern_of(str(tmp_path / "a.npz"))


def test_neo_blocks_whose_times_cannot_be_are_refused():
    neo, pq = pytest.importorskip("neo"), pytest.importorskip("quantities")

    def block(*signals, stop=10.0):
        train = neo.SpikeTrain([1.0] * pq.ms, t_stop=stop * pq.ms)
        segment, block = neo.Segment(), neo.Block()
        segment.spiketrains.append(train)
        segment.irregularlysampledsignals += signals
        block.segments.append(segment)
        return block

    def signal(times):
        return neo.IrregularlySampledSignal(times * pq.ms, np.array([[1.0], [2.0]]), units="mV", name="a")

    trace = es.io.from_neo(block(signal([2.0, 1.0]), stop=np.inf))
    assert trace.duration == 1.0
    assert trace.samples["a", "signal"].values.tolist() == [[2.0], [1.0]]
    assert "put in order" in trace.provenance["notes"]
    with pytest.raises(ConfigError, match="a sample at nan, which is no time"):
        es.io.from_neo(block(signal([np.nan, 1.0])))
    for start, step, message in (
        (1e9, 1e-300, "should have a finite start and a positive step, got 1000000000.0 and 1e-300"),
        (0.0, np.array([0.5]), r"sampling_period of 'signal' of 'a' should be one number, got '\[0.5\]'"),
    ):
        regular = neo.AnalogSignal(
            [[1.0]], units="mV", t_start=start * pq.ms, sampling_period=1 * pq.ms, name="a"
        )
        regular.sampling_period = step * pq.ms
        late = block()
        late.segments[0].analogsignals.append(regular)
        with pytest.raises(ConfigError, match=message):
            es.io.from_neo(late)
    with pytest.raises(ConfigError, match=r"t_stop of a train should be one number, got '\[10.\]'"):
        es.io.from_neo(block(stop=np.array([10.0])))
    with pytest.raises(ConfigError, match="segment should be the number of one"):
        es.io.from_neo(block(), segment=None)


@pytest.mark.parametrize("kind", [ConfigError, FileFormatError, UnknownPart])
def test_messages_show_the_beginning_of_what_is_long(kind):
    assert str(kind("the unit is 'ms'")) == "the unit is 'ms'"
    assert str(kind(f"the unit is {'x' * 70_000} ; known: ms")) == f"the unit is {'x' * 100}... ; known: ms"
    assert len(str(kind("0.0, " * 10_000))) == 1503
    assert str(kind("no population 'a\n\u2028b'")) == "no population 'a\\n\\u2028b'"


@pytest.mark.skipif(not h5py.h5z.filter_avail(h5py.h5z.FILTER_SZIP), reason="this HDF5 has no szip")
@pytest.mark.parametrize("also", [{}, {"shuffle": True}, {"fletcher32": True}])
def test_chunks_of_szip_that_claim_gigabytes_are_refused(also, tmp_path):
    """The library reserves what the first four bytes of a chunk say, whatever the chunk can hold."""
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        group = file.create_group("spikes/a")
        group["node_ids"] = np.zeros(1000, np.uint64)
        group.create_dataset("timestamps", data=np.arange(1000.0), chunks=(100,), compression="szip", **also)
        places: list[int] = []
        group["timestamps"].id.chunk_iter(lambda info: places.append(info.byte_offset))
    assert len(es.io.load(path).spikes["a"]) == 1000
    content = bytearray(path.read_bytes())
    content[places[3] : places[3] + 4] = b"\xff\xff\xff\xf0"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match="a chunk of /spikes/a/timestamps declares 4043309055 bytes"):
        es.io.load(path)


@pytest.mark.parametrize("text", ["version = inf\n", "version = 1\ntrims = " + "[" * 3000, "trims = 3\n"])
def test_calibrations_that_are_none_are_refused(text, tmp_path):
    (tmp_path / "a.toml").write_text(text)
    with pytest.raises(FileFormatError, match="is no calibration"):
        es.hardware.Calibration.load(tmp_path / "a.toml")
