"""A foreign file shows only itself, takes no more memory than its size, and fails as one of our errors."""

import os
import struct
import subprocess
import sys
import textwrap
from pathlib import Path

import h5py
import numpy as np
import pytest

from eventsim.errors import FileFormatError
from eventsim.io import TraceFile, load, save
from eventsim.io.hdf5.attributes import check_attributes
from eventsim.io.hdf5.strings import check_heaps
from eventsim.io.hdf5.workfile import create, make_room
from eventsim.trace import Spikes, Trace

SECRET = b"0123456789abcdef" * 4


@pytest.fixture
def path(run, tmp_path) -> Path:
    """A file with something in every place."""
    save(run, tmp_path / "run.h5")
    return tmp_path / "run.h5"


def refused(path, match):
    """Check that a file can neither be read nor gone on with, and that nothing around it changes."""
    around = {each: each.read_bytes() for each in path.parent.iterdir() if each.is_file() and each != path}
    for use in (load, TraceFile.resume):
        with pytest.raises(FileFormatError, match=match) as caught:
            use(path)
        assert "\n" not in str(caught.value)
    assert {each: each.read_bytes() for each in path.parent.iterdir() if each != path} == around


PLACES = (
    *("eventsim/state", "eventsim/metrics", "eventsim/provenance", "eventsim", "spikes/hidden", "spikes"),
    *("eventsim/parameters/mask", "eventsim/config", "report/hidden", "other"),
)


def refused_to_load(path, match):
    """Check that a file cannot be read."""
    with pytest.raises(FileFormatError, match=match):
        load(path)


@pytest.mark.parametrize("place", PLACES)
def test_links_to_other_files_are_refused_by_name(place, path, run, tmp_path):
    save(run, tmp_path / "victim.h5")
    with h5py.File(path, "r+") as file:
        if place in file:
            del file[place]
        file[place] = h5py.ExternalLink("victim.h5", "/" + place)
    refused(path, f"/{place} is a link to another file")


@pytest.mark.parametrize("place", ["eventsim/parameters/mask", "eventsim/parameters/new", "x/deep/down"])
def test_data_stored_in_other_files_are_refused_by_name(place, path, tmp_path):
    (tmp_path / "secret").write_bytes(SECRET)
    with h5py.File(path, "r+") as file:
        if place in file:
            del file[place]
        external = [(str(tmp_path / "secret"), 0, h5py.h5f.UNLIMITED)]
        file.create_dataset(place, (64,), np.uint8, external=external)
    refused(path, f"/{place} is stored in another file")


def test_virtual_datasets_are_refused_by_name(path, tmp_path):
    with h5py.File(tmp_path / "victim.h5", "w") as file:
        file["x"] = np.arange(8.0)
    layout = h5py.VirtualLayout((8,), np.float64)
    layout[:] = h5py.VirtualSource(tmp_path / "victim.h5", "x", (8,))
    with h5py.File(path, "r+") as file:
        file.create_virtual_dataset("eventsim/training/x", layout)
    refused(path, "/eventsim/training/x is a virtual dataset")


def test_a_soft_link_inside_the_file_is_followed_to_one_dataset_only(path):
    with h5py.File(path, "r+") as file:
        file["elsewhere"] = np.arange(3.0)
        file["eventsim/parameters/linked"] = h5py.SoftLink("/elsewhere")
    assert load(path).parameters["linked"].tolist() == [0.0, 1.0, 2.0]
    with h5py.File(path, "r+") as file:
        file["eventsim/parameters/again"] = h5py.SoftLink("/elsewhere")
    refused(path, r"again and .*linked are one object|linked and .*again are one object")
    for target, match in (("/eventsim/state", "does not lead to a dataset"), ("/nowhere", "leads nowhere")):
        with h5py.File(path, "r+") as file:
            del file["eventsim/parameters/again"]
            file["eventsim/parameters/again"] = h5py.SoftLink(target)
        refused(path, match)


def test_one_group_under_two_names_is_refused(path):
    with h5py.File(path, "r+") as file:
        state = file["eventsim/state"]
        for k in range(18):  # each twice: 2**18 places
            below = state.create_group(f"g{k}")
            state["again"] = below
            state = below
    refused(path, "are one object")
    with h5py.File(path, "r+") as file:
        del file["eventsim/state/again"]
        file["eventsim/state/g0/loop"] = file["eventsim/state"]
    refused(path, "are one object")


def test_groups_nested_without_end_are_refused(path):
    with h5py.File(path, "r+") as file:
        file.create_group("eventsim/state" + "/a" * 3000)
    refused(path, "nested more than 64 deep")


@pytest.mark.parametrize("place", ["spikes/hidden/timestamps", "eventsim/parameters/mask"])
def test_sizes_that_are_not_stored_are_refused_before_memory_is_taken(place, path):
    with h5py.File(path, "r+") as file:
        del file[place]
        file.create_dataset(place, (300_000_000,), np.float64, chunks=(65536,))
    refused(path, "declares 2400000000 bytes, but 0 are stored")
    with h5py.File(path, "r+") as file:
        del file[place]
        file.create_dataset(place, (1 << 40,), np.float64, chunks=(1 << 20,), compression="gzip")
    refused(path, "declares 8796093022208 bytes")


def test_a_compressed_copy_is_read(path, run):
    with h5py.File(path, "r+") as file:
        for name in ("timestamps", "node_ids"):
            values = file[f"spikes/hidden/{name}"][...]
            del file[f"spikes/hidden/{name}"]
            file.create_dataset(f"spikes/hidden/{name}", data=values, compression="gzip", shuffle=True)
        file.create_dataset("eventsim/parameters/zeros", data=np.zeros(1 << 20), compression="gzip")
    back = load(path)
    assert np.array_equal(back.spikes["hidden"].times, run.spikes["hidden"].times)
    assert not back.parameters["zeros"].any()


@pytest.mark.parametrize("first", [(0, 0), (1, 2**64 - 1), (1, 2**64 - 7)])
def test_a_heap_of_strings_without_end_is_refused(path, first):
    content = bytearray(path.read_bytes())
    start = content.find(b"GCOL\x01")
    struct.pack_into("<HHIQ", content, start + 16, first[0], 0, 0, first[1])
    # The library adds modulo 2^64, so the huge length is a step of 16, to an object that has no length.
    struct.pack_into("<HHIQ", content, start + 32, 0, 0, 0, 0)
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=r"heap of strings at byte .* has no end"):
        check_heaps(path)
    refused(path, "has no end")


def test_strings_longer_than_the_file_are_refused_before_memory_is_taken(path):
    content = path.read_bytes()
    with h5py.File(path) as file:
        place = file["eventsim/parameters/names"].id.get_offset()
    changed = bytearray(content)
    struct.pack_into("<I", changed, place, 0xFFFFFFF0)
    path.write_bytes(changed)
    refused_to_load(path, "strings of .*names are longer than the file")
    changed = bytearray(content)
    place = (
        content.find(b"scenario\0") + struct.unpack_from("<H", content, content.find(b"scenario\0") - 5)[0]
    )
    place += len(b"scenario\0") + struct.unpack_from("<H", content, content.find(b"scenario\0") - 3)[0]
    assert struct.unpack_from("<I", content, place)[0] == len("demo")
    struct.pack_into("<I", changed, place, 0xFFFFFFF0)
    path.write_bytes(changed)
    with pytest.raises(FileFormatError, match="attribute 'scenario' is longer than the file"):
        check_attributes(path, {b"scenario"})  # the library has a check sum there, which can be forged
    header = changed.rfind(b"OHDR", 0, place)
    with pytest.raises(FileFormatError, match="attribute 'scenario' is longer than the file"):
        check_attributes(path, {b"scenario"}, {header})
    check_attributes(path, {b"scenario"}, {0})  # no object of the file: space that it has given up


@pytest.mark.parametrize(
    ("place", "value", "match"),
    [
        ("spikes/hidden/timestamps", np.arange(300, dtype=np.float32), "should be an array of float64"),
        ("spikes/hidden/timestamps", np.arange(299.0), "299 times and 300 units"),
        ("spikes/hidden/timestamps", np.arange(300.0)[::-1], "are not in order"),
        ("spikes/hidden/timestamps", np.full(300, np.nan), "are not in order"),
        ("spikes/hidden/node_ids", np.full(300, 30, np.uint64), "a unit 30, but the population has 30"),
        ("spikes/hidden/node_ids", np.arange(300, dtype=np.uint32), "should be an array of uint64"),
        ("eventsim/samples/hidden/v/units", np.arange(4), "40 times, 4 units and values"),
        ("eventsim/populations/hidden", np.int64(-1), "population 'hidden' has -1 units"),
        ("eventsim/config", np.arange(3), "should be a string"),
        ("eventsim/parameters/mask", np.zeros(3, "V4"), "elements of an unknown type"),
        ("eventsim/parameters/mask", np.zeros(3, "f4,i8"), "elements of an unknown type"),
    ],
)
def test_data_of_another_form_are_refused(place, value, match, path):
    with h5py.File(path, "r+") as file:
        attributes = dict(file[place].attrs)
        del file[place]
        file[place] = value
        file[place].attrs.update(attributes)
    with pytest.raises(FileFormatError, match=match):
        load(path)


@pytest.mark.parametrize("kind", ["", "foo", 3, np.arange(3), "bigint", "list", "str"])
def test_an_entry_of_an_unknown_kind_is_damage(kind, path):
    with h5py.File(path, "r+") as file:
        file["eventsim/state/epoch"].attrs["kind"] = kind
    with pytest.raises(FileFormatError, match="is truncated or damaged"):
        load(path)


def test_a_list_whose_entries_are_not_numbered_is_damage(path):
    with h5py.File(path, "r+") as file:
        file["eventsim/state/order"].move("1", "7")
    with pytest.raises(FileFormatError, match=r"entries of .*order should be numbered"):
        load(path)


# ---------------------------------------------------------------- the names of work files


def small() -> Trace:
    return Trace(spikes={"x": Spikes(np.array([1.0]), np.array([0]))})


WRITERS = (
    lambda path: save(small(), path, overwrite=True),
    lambda path: TraceFile.create(path, overwrite=True).close(),
    lambda path: TraceFile.resume(path).close(),
)


@pytest.mark.parametrize("ending", [".part", ".new"])
@pytest.mark.parametrize("write", WRITERS)
def test_links_at_the_names_of_work_files_are_not_followed(ending, write, tmp_path):
    path, victim = tmp_path / "run.h5", tmp_path / "victim"
    save(small(), path)
    victim.write_bytes(SECRET)
    link = tmp_path / f"run.h5{ending}"
    link.symlink_to(victim)
    with pytest.raises(FileExistsError, match=f"{ending} is in the way"):
        write(path)
    assert victim.read_bytes() == SECRET
    link.unlink()
    link.symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileExistsError, match=f"{ending} is in the way"):
        write(path)
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("ending", [".part", ".new"])
@pytest.mark.parametrize("write", WRITERS)
def test_other_files_at_the_names_of_work_files_stay(ending, write, tmp_path):
    path, other = tmp_path / "run.h5", tmp_path / f"run.h5{ending}"
    save(small(), path)
    before = path.read_bytes()
    other.write_bytes(b"my notes")
    with pytest.raises(FileExistsError, match=f"{ending} is in the way"):
        write(path)
    assert other.read_bytes() == b"my notes"
    with h5py.File(other, "w") as file:  # another program's
        file["x"] = 1
    with pytest.raises(FileExistsError, match=f"{ending} is in the way"):
        write(path)
    other.unlink()
    other.mkdir()
    with pytest.raises(FileExistsError, match=f"{ending} is in the way"):
        write(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("ending", [".part", ".new"])
def test_what_a_killed_run_left_is_removed(ending, tmp_path):
    path = tmp_path / "run.h5"
    save(small(), path)
    os.link(path, tmp_path / "kept")
    for content in (b"", path.read_bytes(), path.read_bytes()[:2000]):
        (tmp_path / f"run.h5{ending}").write_bytes(content)
        TraceFile.resume(path).close()
        assert sorted(each.name for each in tmp_path.iterdir()) == ["kept", "run.h5"]
    os.link(tmp_path / "kept", tmp_path / f"run.h5{ending}")  # a second name of another result
    before = (tmp_path / "kept").read_bytes()
    TraceFile.create(path, overwrite=True).close()
    assert (tmp_path / "kept").read_bytes() == before


def test_permissions_are_kept(tmp_path):
    path = tmp_path / "run.h5"
    save(small(), path)
    assert path.stat().st_mode & 0o777 == 0o666 & ~_umask()
    path.chmod(0o600)
    for write in WRITERS:
        write(path)
        assert path.stat().st_mode & 0o777 == 0o600
    file = TraceFile.resume(path)
    assert (tmp_path / "run.h5.part").stat().st_mode & 0o777 == 0o600
    file.checkpoint()
    assert path.stat().st_mode & 0o777 == 0o600
    file.discard()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_two_writers_are_noticed_without_the_locks_of_the_library(tmp_path):
    script = textwrap.dedent(
        """
        import sys
        from eventsim.io import TraceFile
        try:
            TraceFile.create(sys.argv[1], overwrite=True)
        except BlockingIOError as error:
            print(error)
        """
    )
    path = tmp_path / "run.h5"
    first = TraceFile.create(path)
    out = subprocess.run(
        [sys.executable, "-c", script, path],
        env=os.environ | {"HDF5_USE_FILE_LOCKING": "FALSE"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "is being written by another run" in out.stdout
    first.put(metrics={"a": 1.0})
    first.close()
    assert load(path).metrics == {"a": 1.0}


def test_a_result_can_be_read_while_it_gets_its_name(tmp_path):
    path = tmp_path / "run.h5"
    file = TraceFile.create(path)
    with h5py.File(path, "r"):  # the reader's lock does not stop the writer
        file.checkpoint()
        file.close()
    assert load(path).metrics == {}


# ---------------------------------------------------------------- a disk that is full

LIMITED = textwrap.dedent(
    """
    import resource, sys
    import numpy as np
    from eventsim.io import TraceFile

    limit, path = int(sys.argv[1]), sys.argv[2]
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        file = TraceFile.create(path, config="n = 3", provenance={"seed": 1, "note": "x" * 200})
        file.add_population("x", 10)
        for k in range(6):
            file.append_spikes("x", np.arange(1000.0) + 1000 * k, np.arange(1000) % 10)
            file.put(state={"k": k, "w": np.zeros(300), "t": {"a": "x", "b": [1, 2, 3]}}, metrics={"m": 1.0})
            file.checkpoint()
        file.close()
    except OSError as error:
        print(error)
    """
)


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of file sizes there")
@pytest.mark.parametrize("limit", [0, 4096, 16384, 40_000, 47_500, 62_000, 75_000, 90_001, 131_072])
def test_no_limit_of_the_size_of_files_crashes_the_interpreter(limit, tmp_path):
    path = tmp_path / "run.h5"
    out = subprocess.run([sys.executable, "-c", LIMITED, str(limit), path], capture_output=True, text=True)
    assert (out.returncode, out.stderr) == (0, "")
    assert "File too large" in out.stdout
    assert {each.name for each in tmp_path.iterdir()} <= {"run.h5"}
    if path.exists():
        load(path)


def test_room_is_asked_for_without_a_change_of_the_file(tmp_path):
    descriptor = create(tmp_path / "a", None)
    try:
        make_room(descriptor, 100_000)
        assert os.fstat(descriptor).st_size == 0
    finally:
        os.close(descriptor)
