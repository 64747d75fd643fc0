"""The file gives back to the bit what went in, and says in one line what it does not take."""

import math
import os
import subprocess
import sys
import tracemalloc

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventsim.errors import FileFormatError
from eventsim.io import TraceFile, load, save
from eventsim.io.hdf5.reading import is_complete
from eventsim.io.hdf5.schema import CHUNK, decode_name, encode_name
from eventsim.io.hdf5.tree import get_tree, put_tree
from eventsim.trace import Samples, Spikes, Trace


def same(a, b):
    """Equal in type, shape and bits, through dictionaries, lists and records."""
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, Spikes):
        return same(a.times, b.times) and same(a.units, b.units)
    if isinstance(a, Samples):
        return all(same(getattr(a, name), getattr(b, name)) for name in ("times", "values", "units", "every"))
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and (a.dtype, a.shape, a.tobytes()) == (
            b.dtype,
            b.shape,
            b.tobytes(),
        )
    return type(a) is type(b) and (a == b or (a != a and b != b))


def test_everything_in_a_trace_comes_back_to_the_bit(run, tmp_path):
    save(run, tmp_path / "run.h5")
    back = load(tmp_path / "run.h5")
    for name in Trace.__slots__:
        assert same(getattr(run, name), getattr(back, name)), name
    assert list(back.sizes) == list(run.sizes)
    assert [item.name for item in tmp_path.iterdir()] == ["run.h5"]


def test_the_comparison_itself_sees_a_single_bit():
    assert not same(np.array([1.0]), np.array([np.nextafter(1.0, 2.0)]))
    assert not same({"a": 1}, {"a": 1.0})
    assert not same({"a": {}}, {})


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**130), 2**130)
    | st.floats()
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
)
keys = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=4)


@given(
    trees := st.dictionaries(
        keys,
        st.recursive(
            scalars, lambda inner: st.dictionaries(keys, inner, max_size=3) | st.lists(inner, max_size=3)
        ),
        max_size=4,
    ),
    trees,
)
def test_any_state_survives_also_when_written_over_another(first, second):
    with h5py.File("any.h5", "w", driver="core", backing_store=False) as file:
        group = file.create_group("state")
        put_tree(group, first)
        assert same(get_tree(group), first)
        put_tree(group, second)
        assert same(get_tree(group), second)


@given(keys)
def test_a_link_name_has_no_slash_and_leads_back(name):
    link = encode_name(name)
    assert "/" not in link
    assert link not in ("", ".", "..")
    assert decode_name(link) == name


def test_what_cannot_be_stored_is_named(tmp_path):
    with TraceFile.create(tmp_path / "a.h5") as file:
        with pytest.raises(TypeError, match="state/net/model is of type object"):
            file.put(state={"net": {"model": object()}})
        with pytest.raises(TypeError, match="metric 'note' must be a number, got 'good'"):
            file.put(metrics={"note": "good"})
        with pytest.raises(TypeError, match="provenance 'machine'"):
            file.put(provenance={"machine": object()})
        with pytest.raises(TypeError, match="parameters/things must hold numbers"):
            file.put(parameters={"things": np.array([object()])})
        file.put(parameters={"a": np.zeros(2)})
        with pytest.raises(ValueError, match="parameters/a/b would stand below an array"):
            file.put(parameters={"a/b": np.zeros(2)})


@pytest.mark.parametrize("n", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 17])
@pytest.mark.parametrize("piece", [1000, CHUNK, 10**6])
def test_spikes_of_any_number_in_any_pieces_come_back(n, piece, tmp_path):
    rng = np.random.default_rng(n)
    times, units = np.sort(rng.uniform(0, 1, n)), rng.integers(0, 100, n)
    with TraceFile.create(tmp_path / "a.h5") as file:
        file.add_population("x", 100)
        for k in range(0, n, piece):
            file.append_spikes("x", times[k : k + piece], units[k : k + piece])
    back = load(tmp_path / "a.h5").spikes["x"]
    assert same(back, Spikes(times, units))


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(0, 2 * CHUNK), max_size=6), st.data())
def test_checkpoints_and_resumptions_between_pieces_change_nothing(tmp_path_factory, pieces, data):
    path = tmp_path_factory.mktemp("run") / "a.h5"
    total = sum(pieces)
    times, units = np.arange(total) * 0.5, np.arange(total) % 7
    values = np.sin(times)[:, None] * [1.0, 2.0]
    file = TraceFile.create(path)
    file.add_population("x", 7)
    file.add_report("x", "v", [3, 5], 0.5)
    done = 0
    for n in pieces:
        file.append_spikes("x", times[done : done + n], units[done : done + n])
        file.append_samples("x", "v", times[done : done + n], values[done : done + n])
        done += n
        what = data.draw(st.sampled_from(["nothing", "checkpoint", "resume"]))
        if what != "nothing":
            file.checkpoint()
            assert len(load(path).spikes["x"]) == done
        if what == "resume":
            file.discard()
            file = TraceFile.resume(path)
            assert file.n_spikes == {"x": done}
    file.close()
    back = load(path)
    assert same(back.spikes["x"], Spikes(times, units))
    assert same(back.samples["x", "v"], Samples(times, values, np.array([3, 5]), 0.5))


def test_a_resumed_file_refuses_the_past_and_knows_its_state(tmp_path):
    with TraceFile.create(tmp_path / "a.h5", config="a = 1") as file:
        file.add_population("x", 3)
        file.append_spikes("x", [1.0, 2.0], [0, 1])
        file.put(state={"epoch": 4, "w": np.arange(3.0)})
    file = TraceFile.resume(tmp_path / "a.h5")
    assert same(file.state, {"epoch": 4, "w": np.arange(3.0)})
    with pytest.raises(ValueError, match=r"spikes of 'x' must come in order of time, got 1.5 after 2.0"):
        file.append_spikes("x", [1.5], [0])
    file.append_spikes("x", [2.0], [2])
    file.put(state={"epoch": 5})
    file.close()
    back = load(tmp_path / "a.h5")
    assert back.state == {"epoch": 5}
    assert back.config == "a = 1"
    assert back.spikes["x"].units.tolist() == [0, 1, 2]


def test_a_run_is_complete_only_when_it_was_closed(tmp_path):
    path = tmp_path / "a.h5"
    file = TraceFile.create(path)
    assert not is_complete(path)
    file.close(complete=False)
    assert not is_complete(path)
    TraceFile.resume(path).close()
    assert is_complete(path)

    def fail_midway():
        with TraceFile.create(path, overwrite=True) as file:
            file.add_population("x", 1)
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail_midway()
    assert not is_complete(path)
    assert load(path).sizes == {"x": 1}


def test_small_runs_make_small_files(run, tmp_path):
    save(run, tmp_path / "run.h5")
    assert (tmp_path / "run.h5").stat().st_size < 100_000


def test_putting_the_same_things_again_does_not_grow_the_file(run, tmp_path):
    sizes = []
    with TraceFile.create(tmp_path / "a.h5") as file:
        for epoch in range(200):
            file.put(
                parameters=run.parameters,
                training={"loss": np.arange(epoch + 1.0)},
                metrics={"loss": epoch},
                state={
                    "epoch": epoch,
                    "w": np.full((30, 30), epoch),
                    "name": "x" * 10,
                    "past": np.arange(epoch),
                },
            )
            file.checkpoint()
            sizes.append((tmp_path / "a.h5").stat().st_size)
    assert sizes[-1] < sizes[0] + 20_000  # the series and lists themselves grow by 3.2 kB


def test_times_that_are_not_sorted_or_finite_are_refused_and_nothing_is_written(tmp_path):
    with TraceFile.create(tmp_path / "a.h5") as file:
        file.add_population("x", 3)
        file.append_spikes("x", [-1.0, 0.0, 0.0], [0, 1, 2])
        for times, message in (
            ([1.0, 0.5], "got 0.5 after 1.0"),
            ([math.nan], "finite times, got nan"),
            ([1.0, math.nan, 2.0], "finite times, got nan"),
            ([1.0, math.inf], "finite times, got inf"),
            ([-0.5], "got -0.5 after 0.0"),
        ):
            with pytest.raises(ValueError, match=message):
                file.append_spikes("x", times, [0] * len(times))
    assert load(tmp_path / "a.h5").spikes["x"].times.tolist() == [-1.0, 0.0, 0.0]


def test_units_that_are_not_of_the_population_are_refused(tmp_path):
    with TraceFile.create(tmp_path / "a.h5") as file:
        file.add_population("x", 3)
        for unit in (3, -1, 2**40):
            with pytest.raises(ValueError, match=f"unit {unit} at 1.0 is none of the 3 of 'x'"):
                file.append_spikes("x", [1.0], [unit])
        with pytest.raises(ValueError, match="units must be integers, got dtype float64"):
            file.append_spikes("x", [1.0], [0.5])
        with pytest.raises(ValueError, match=r"equally long, got shapes \(2,\) and \(1,\)"):
            file.append_spikes("x", [1.0, 2.0], [0])
        with pytest.raises(ValueError, match=r"no spikes of 'y' are kept in .*; populations: x"):
            file.append_spikes("y", [1.0], [0])
        for dtype in (np.int32, np.uint64, np.int64, np.uint8):
            file.append_spikes("x", [1.0], np.array([2], dtype))
    assert load(tmp_path / "a.h5").spikes["x"].units.tolist() == [2] * 4


def test_populations_and_samples_are_announced_once_and_properly(tmp_path):
    with TraceFile.create(tmp_path / "a.h5") as file:
        file.add_population("x", 3)
        for name, n, message in (
            ("x", 3, "already"),
            ("a/b", 1, "without '/'"),
            ("", 1, "name"),
            ("y", -1, "-1"),
        ):
            with pytest.raises(ValueError, match=message):
                file.add_population(name, n)
        file.add_report("x", "v", [0, 2], 0.1)
        for args, message in (
            (("x", "v", [0], 0.1), "already"),
            (("y", "v", [0], 0.1), "no population 'y'"),
            (("x", "u", [3], 0.1), r"0\.\.2, got \[3\]"),
            (("x", "u", [], 0.1), "one or more"),
            (("x", "u", [0], -0.1), "step >= 0, got -0.1"),
            (("x", "u", [0], math.nan), "step >= 0, got nan"),
        ):
            with pytest.raises(ValueError, match=message):
                file.add_report(*args)
        with pytest.raises(ValueError, match=r"shape \(1, 2\), got \(1, 3\)"):
            file.append_samples("x", "v", [0.0], np.zeros((1, 3)))
        file.append_samples("x", "v", [0.0, 0.1], np.zeros((2, 2)))
        with pytest.raises(ValueError, match=r"every 0\.1 from 0\.0 must include one at 0\.2\d*, got 0\.3"):
            file.append_samples("x", "v", [0.3], np.zeros((1, 2)))
    with pytest.raises(ValueError, match="is closed"):
        file.append_spikes("x", [1.0], [0])


def test_a_file_that_is_not_ours_or_damaged_is_refused_in_one_line(run, tmp_path):
    path = tmp_path / "run.h5"
    save(run, path)
    content = path.read_bytes()

    def refusal(bytes_on_disk):
        path.write_bytes(bytes_on_disk)
        with pytest.raises(FileFormatError) as caught:
            load(path)
        with pytest.raises(FileFormatError):
            TraceFile.resume(path)
        assert "\n" not in str(caught.value)
        assert str(path) in str(caught.value)
        return str(caught.value)

    assert "not an HDF5 file" in refusal(b"")
    assert "not an HDF5 file" in refusal(b"hello" * 100)
    for fraction in (0.02, 0.3, 0.6, 0.99):
        assert "truncated or damaged" in (said := refusal(content[: int(fraction * len(content))]))
        assert "Unable to" not in said
    assert f"it has 2000 of {len(content)} bytes" in refusal(content[:2000])
    with h5py.File(path, "w") as file:
        file["data"] = 1.0
    assert "not written by eventsim: it has no group /eventsim" in refusal(path.read_bytes())
    path.write_bytes(content)
    with h5py.File(path, "r+") as file:
        file["eventsim"].attrs["format_version"] = 3
    assert "written by format 3, this version reads up to 1; update eventsim" in refusal(path.read_bytes())
    path.write_bytes(content)
    with h5py.File(path, "r+") as file:
        del file["eventsim/state"]
    assert "truncated or damaged" in refusal(path.read_bytes())
    with pytest.raises(FileNotFoundError, match="there is no file"):
        load(tmp_path / "none.h5")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        load(tmp_path)


def test_recordings_can_be_left_out(run, tmp_path):
    save(run, tmp_path / "run.h5")
    back = load(tmp_path / "run.h5", recordings=False)
    assert back.metrics["test_accuracy"] == 0.9
    assert not back.spikes
    assert not back.samples


def test_memory_stays_bounded_however_many_spikes_are_written(tmp_path):
    times, units = np.arange(10_000.0), np.arange(10_000) % 100
    tracemalloc.start()
    try:
        with TraceFile.create(tmp_path / "a.h5") as file:
            file.add_population("x", 100)
            for k in range(200):
                file.append_spikes("x", times + 10_000.0 * k, units)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (tmp_path / "a.h5").stat().st_size > 32_000_000
    assert peak < 4_000_000  # two buffers of 512 KiB, and what h5py and one piece take


def test_records_and_files_say_in_one_line_what_they_hold(run, tmp_path):
    assert repr(run) == (
        "<Trace of demo: 4 populations, 301 spikes, 3 sampled variables, 4 parameters, 50 us>"
    )
    assert repr(run.spikes["input"]) == "<Spikes: 1 from 0.333333 to 0.333333>"
    assert repr(run.spikes["silent"]) == "<Spikes: none>"
    assert repr(run.samples["hidden", "v"]) == "<Samples: 40 times of 3 units, every 0.1>"
    assert repr(run.samples["silent", "v"]) == "<Samples: 2 times of 2 units, at events>"
    with TraceFile.create(tmp_path / "a.h5") as file:
        file.add_population("x", 2)
        file.append_spikes("x", [1.0], [0])
        assert repr(file) == f"<TraceFile {str(tmp_path / 'a.h5')!r}, open: 1 populations, 1 spikes>"
    assert repr(file).endswith("closed: 1 populations, 1 spikes>")


MASKED = np.ma.MaskedArray([1.0, 2.0], [False, True])


def test_times_with_a_unit_are_converted(tmp_path):
    with TraceFile.create(tmp_path / "a.h5", time_unit="ms") as file:
        file.add_population("x", 3)
        file.append_spikes("x", np.array([1000, 2000, 4500], "timedelta64[us]"), [0, 1, 2])
        file.append_spikes("x", np.ma.MaskedArray([5.0], [False]), [0])
    assert load(tmp_path / "a.h5").spikes["x"].times.tolist() == [1.0, 2.0, 4.5, 5.0]


@pytest.mark.parametrize(
    "write",
    [
        lambda file: file.append_spikes("x", MASKED, [0, 1]),
        lambda file: file.append_spikes("x", [1.0, 2.0], np.ma.MaskedArray([0, 1], [False, True])),
        lambda file: file.append_spikes("x", np.array([1j, 2.0]), [0, 1]),
        lambda file: file.append_spikes("x", ["1", "2"], [0, 1]),
        lambda file: file.append_samples("x", "v", MASKED, np.zeros((2, 1))),
        lambda file: file.append_samples("x", "v", [1.0], np.array([[1j]])),
        lambda file: file.append_samples("x", "v", [1.0], np.ma.MaskedArray([[1.0]], [[True]])),
        lambda file: file.append_samples("x", "v", [1.0], np.array([[1]], "timedelta64[us]")),
        lambda file: file.put(parameters={"w": MASKED}),
        lambda file: file.put(training={"w": MASKED}),
        lambda file: file.put(state={"w": MASKED}),
        lambda file: file.put(state={"w": np.array([1], "timedelta64[us]")}),
        lambda file: file.put(metrics={"w": np.complex128(1j)}),
    ],
)
@pytest.mark.filterwarnings("error")
def test_nothing_is_dropped_from_what_is_written(write, tmp_path):
    with TraceFile.create(tmp_path / "a.h5") as file:
        file.add_population("x", 3)
        file.add_report("x", "v", [0], 0.0)
        with pytest.raises((ValueError, TypeError), match=r"masked|number"):
            write(file)
        file.append_spikes("x", [1.0], [0])
    assert load(tmp_path / "a.h5").spikes["x"].times.tolist() == [1.0]


def test_a_file_that_another_program_writes_is_no_damaged_file(tmp_path):
    path = tmp_path / "run.h5"
    save(Trace(), path)
    code = "import sys, h5py; file = h5py.File(sys.argv[1], 'r+'); print(1, flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"HDF5_USE_FILE_LOCKING": "TRUE"},
    ) as other:
        other.stdout.readline()
        with pytest.raises(BlockingIOError, match="is open for writing in another program"):
            load(path)
        other.communicate(b"")
    assert load(path).spikes == {}
