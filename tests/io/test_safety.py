"""The file under its name is absent or complete, whatever happens to the disk or to the writer."""

import errno
import os
import random
import signal
import subprocess
import sys
import textwrap
import time

import h5py
import numpy as np
import pytest

from eventsim.io import TraceFile, load, save
from eventsim.io.hdf5.reading import is_complete
from eventsim.trace import Spikes, Trace

N = 30_000

WRITER = textwrap.dedent(
    f"""
    import sys
    import numpy as np
    from eventsim.io import TraceFile

    path, start = sys.argv[1], int(sys.argv[2])
    file = TraceFile.resume(path) if start else TraceFile.create(path, overwrite=True)
    if not start:
        file.add_population("x", 10)
    print("ready", flush=True)
    for k in range(start, 10**6):
        file.append_spikes("x", np.arange({N}) + k * {N}, np.arange({N}) % 10)
        file.put(state={{"k": k + 1, "w": np.full(1000, float(k + 1))}}, training={{"k": np.arange(k + 1.0)}})
        file.checkpoint()
    """
)


def test_a_writer_killed_at_any_moment_leaves_a_file_that_opens_and_goes_on(tmp_path):
    path, done = tmp_path / "run.h5", 0
    delays = random.Random(1)
    for attempt in range(60):
        if attempt >= 10 and done > 3:
            break  # on a busy machine it may take longer
        writer = subprocess.Popen([sys.executable, "-c", WRITER, path, str(done)], stdout=subprocess.PIPE)
        assert writer.stdout.readline() == b"ready\n"
        time.sleep(delays.uniform(0.0, 0.15))
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        back = load(path)
        done = back.state.get("k", done)
        assert not is_complete(path)
        assert np.array_equal(back.spikes["x"].times, np.arange(done * N)) if done else True
        if done:
            assert np.array_equal(back.state["w"], np.full(1000, float(done)))
            assert np.array_equal(back.training["k"], np.arange(float(done)))
    assert done > 3  # else nothing was tested


def test_readers_see_checkpoints_while_the_writer_goes_on(tmp_path):
    path = tmp_path / "a.h5"
    file = TraceFile.create(path)
    file.add_population("x", 2)
    assert load(path).sizes == {}
    file.append_spikes("x", [1.0], [0])
    file.checkpoint()
    with h5py.File(path, "r") as reader:  # an open reader neither stops the writer nor sees it write
        file.append_spikes("x", [2.0], [1])
        file.checkpoint()
        assert reader["spikes/x/timestamps"][...].tolist() == [1.0]
    assert load(path).spikes["x"].times.tolist() == [1.0, 2.0]
    file.discard()
    assert load(path).spikes["x"].times.tolist() == [1.0, 2.0]
    assert [item.name for item in tmp_path.iterdir()] == ["a.h5"]


def test_a_file_that_exists_is_kept_unless_overwriting_is_asked_for(tmp_path):
    path = tmp_path / "a.h5"
    first = Trace(spikes={"x": Spikes(np.array([1.0]), np.array([0]))})
    save(first, path)
    before = path.read_bytes()
    for write in (lambda: save(first, path), lambda: TraceFile.create(path)):
        with pytest.raises(FileExistsError, match="exists already; choose another name"):
            write()
    with pytest.raises(TypeError, match="state/x"):
        save(Trace(state={"x": object()}), path, overwrite=True)
    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1
    save(Trace(sizes={"y": 1}), path, overwrite=True)
    assert load(path).sizes == {"y": 1}


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("", IsADirectoryError, "is a folder; name a file in it"),
        ("none/a.h5", FileNotFoundError, "does not exist; make it first"),
        ("file/a.h5", NotADirectoryError, "is no folder"),
    ],
)
def test_places_that_cannot_be_written_are_named(name, kind, message, tmp_path):
    (tmp_path / "file").write_text("x")
    for write in (lambda path: save(Trace(), path), TraceFile.create):
        with pytest.raises(kind, match=message):
            write(tmp_path / name)
    assert [item.name for item in tmp_path.iterdir()] == ["file"]


def test_a_read_only_folder_is_named(tmp_path, monkeypatch):
    # The superuser may write anywhere, so the answer of the system is replaced.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(PermissionError, match="is read-only; write elsewhere"):
        TraceFile.create(tmp_path / "a.h5")
    assert not list(tmp_path.iterdir())


FULL = textwrap.dedent(
    """
    import resource, sys
    import numpy as np
    from eventsim.io import TraceFile

    path, when = sys.argv[1:]
    file = TraceFile.create(path)
    file.add_population("x", 10)
    file.append_spikes("x", np.arange(1000.0), np.arange(1000) % 10)
    file.checkpoint()
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))
    try:
        if when == "append":
            for k in range(1, 40):
                file.append_spikes("x", np.arange(20_000) + 20_000.0 * k, np.arange(20_000) % 10)
        elif when == "put":
            file.put(parameters={"w": np.zeros(1_000_000)})
        else:
            for k in range(1, 8):
                file.append_spikes("x", np.arange(20_000) + 20_000.0 * k, np.arange(20_000) % 10)
            file.close() if when == "close" else file.checkpoint()
    except OSError as error:
        print(type(error).__name__, error.errno, error)
    try:
        file.append_spikes("x", [1e9], [0])
    except ValueError as error:
        print(error)
    """
)


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of file sizes there")
@pytest.mark.parametrize("when", ["append", "put", "checkpoint", "close"])
def test_a_full_disk_ends_in_one_line_and_keeps_the_last_checkpoint(when, tmp_path):
    path = tmp_path / "run.h5"
    out = subprocess.run(
        [sys.executable, "-c", FULL, path, when], capture_output=True, text=True, check=True, timeout=60
    )
    assert out.stdout.splitlines() == [
        f"OSError {errno.EFBIG} cannot write {path}: File too large; the last checkpoint is kept",
        f"{path} is closed; nothing more can be written into it",
    ]
    assert out.stderr == ""
    assert load(path).spikes["x"].times.tolist() == list(range(1000))
    assert [item.name for item in tmp_path.iterdir()] == ["run.h5"]


@pytest.mark.parametrize("step", ["copy", "synchronise"])
def test_a_failing_checkpoint_leaves_the_previous_one(step, tmp_path, monkeypatch):
    path = tmp_path / "run.h5"
    file = TraceFile.create(path)
    file.put(metrics={"a": 1.0})
    file.checkpoint()

    def fail(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(f"eventsim.io.hdf5.workfile.{step}", fail)
    file.put(metrics={"a": 2.0})
    with pytest.raises(
        OSError, match=r"cannot write .*: No space left on device; the last checkpoint"
    ) as caught:
        file.checkpoint()
    assert caught.value.errno == errno.ENOSPC
    assert load(path).metrics == {"a": 1.0}
    assert [item.name for item in tmp_path.iterdir()] == ["run.h5"]


def test_two_writers_of_one_file_are_noticed(tmp_path):
    path = tmp_path / "run.h5"
    first = TraceFile.create(path)
    for again in (lambda: TraceFile.create(path, overwrite=True), lambda: TraceFile.resume(path)):
        with pytest.raises(BlockingIOError, match="is open in this program already; close that file first"):
            again()
    first.put(metrics={"a": 1.0})
    first.close()
    TraceFile.resume(path).discard()
    assert load(path).metrics == {"a": 1.0}
